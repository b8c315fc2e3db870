package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/shared/ident"
)

// kitFile is a kit of a hub that is not there: an agent must serve all the
// same.
func kitFile(t *testing.T, place string) string {
	t.Helper()
	authority, err := ident.OpenAuthority(t.TempDir(), time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	kit := ident.Kit{Version: ident.KitVersion, Hub: []string{"https://127.0.0.1:9"}, Pin: authority.Pin(),
		Ticket: strings.ToLower(rand.Text()[:16]), Secret: strings.ToLower(rand.Text()),
		Place: ident.Place{ID: place, Name: "Nhà văn hóa " + place, Ward: "Phường Quảng Tiến"}, Expires: time.Now().Add(time.Hour)}
	path := filepath.Join(t.TempDir(), "kit.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kit.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// started is an agent that answers at url until the test ends.
func started(t *testing.T, data string) (url string) {
	t.Helper()
	return startedWith(t, Config{Data: data, Kit: kitFile(t, "qt-03")})
}

func startedWith(t *testing.T, cfg Config) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		cfg.Listen, cfg.Logger = address, slog.New(slog.NewTextHandler(t.Output(), nil))
		ended <- Run(ctx, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	eventually(t, func() error { _, err := get("http://" + address + "/api/status"); return err })
	return "http://" + address
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func tap(url, request string) error {
	body := fmt.Sprintf(`{"request":%q,"answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":4}}`, request)
	response, err := http.Post(url+"/api/answers", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return errors.New(response.Status)
	}
	return nil
}

func TestServesWithoutANetwork(t *testing.T) {
	data := filepath.Join(t.TempDir(), "kiosk")
	url := started(t, data)
	for i := range 3 {
		if err := tap(url, fmt.Sprint("tap-", i)); err != nil {
			t.Fatal(err)
		}
	}
	status, err := get(url + "/api/status")
	if err != nil || !strings.Contains(status, `"qt-03"`) || !strings.Contains(status, `"enrolled":false`) {
		t.Errorf("status = %s, %v", status, err)
	}
	standing, err := readStanding(data)
	if err != nil || standing.Head != 4 || standing.Backlog.Records != 4 || standing.Enrolled {
		t.Errorf("standing = %+v, %v; want a boot record and three answers waiting", standing, err)
	}
	if _, err := json.Marshal(standing); err != nil {
		t.Error(err)
	}
}

// TestOpensTheOutboxAgain takes the journal's file away under the agent: it
// thanks nobody for what it cannot keep, opens the outbox again by itself, and
// goes on.
func TestOpensTheOutboxAgain(t *testing.T) {
	data := filepath.Join(t.TempDir(), "kiosk")
	url := started(t, data)
	if err := tap(url, "before"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(data, "*.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no journal in %s: %v", data, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := tap(url, "lost"); err == nil {
		t.Error("thanked for an answer in a file that is gone")
	}
	eventually(t, func() error { return tap(url, "after") })
	standing, err := readStanding(data)
	if err != nil || standing.Head < 2 {
		t.Errorf("standing = %+v, %v; want a new journal with the answer", standing, err)
	}
}

func TestRefusesToBegin(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  func(dir string) Config
		says string
	}{
		{"no kit", func(dir string) Config { return Config{Data: dir, Listen: "127.0.0.1:0"} }, "provisioning kit"},
		{"kit that is not there", func(dir string) Config {
			return Config{Data: dir, Listen: "127.0.0.1:0", Kit: filepath.Join(dir, "none")}
		}, "read the kit"},
		{"address that others reach", func(dir string) Config { return Config{Data: dir, Listen: "0.0.0.0:0"} }, "this machine only"},
		{"address without a port", func(dir string) Config { return Config{Data: dir, Listen: "127.0.0.1"} }, "127.0.0.1:7070"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "kiosk")
			err := Run(t.Context(), c.cfg(data))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Run = %v, want %q", err, c.says)
			}
			if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a folder was left behind: %v", err)
			}
		})
	}
}

func TestOneAgentPerFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "kiosk")
	started(t, data)
	err := Run(t.Context(), Config{Data: data, Listen: "127.0.0.1:0", Kit: kitFile(t, "qt-03")})
	if err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("a second agent on the folder: %v", err)
	}
}
