package agent

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A receipt comes out of the printer the agent was given, and stays nowhere in
// its folder.
func TestAgentPrints(t *testing.T) {
	data, device := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "lp0")
	enrolled(t, data)
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	url := startedWith(t, Config{Data: data, Printer: device, Paper: 58})
	eventually(t, func() error {
		status, err := get(url + "/api/status")
		if err == nil && !strings.Contains(status, `"printer":true`) {
			err = errors.New(status)
		}
		return err
	})
	response, err := http.Post(url+"/api/print", "application/json", strings.NewReader(`{"what":"receipt","language":"vi","code":"4Q7K9M2XHT"}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	paper, err := os.ReadFile(device)
	if want := []byte("\x1b@\x1dv0\x00\x30\x00"); err != nil || response.StatusCode != http.StatusAccepted || !bytes.HasPrefix(paper, want) {
		t.Errorf("%s, %v, and the paper begins with % x, want % x", response.Status, err, paper[:min(len(paper), 8)], want)
	}
	for _, code := range []string{"4Q7K9M2XHT", "4Q7K9-M2XHT"} {
		if found := holding(t, data, code); len(found) > 0 {
			t.Errorf("the code is kept in %v", found)
		}
	}
}

// holding lists the files of a folder that hold a text.
func holding(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("read %s: %w", dir, err))
	}
	return found
}
