package agent

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// traces lists what in a folder was done within a span of time, by all that the
// file system notes.
func traces(t *testing.T, dir string, from, to time.Time) (found []string) {
	t.Helper()
	args := []string{"--printf", "%n\tbirth=%w\tchange=%z\tmodification=%y\taccess=%x\n"}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		args = append(args, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("stat", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		for _, cell := range cells[1:] {
			what, text, _ := strings.Cut(cell, "=")
			at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", text)
			if err != nil {
				t.Fatalf("this file system does not tell the %s of a file: %q", what, text)
			}
			if !at.Before(from) && !at.After(to) {
				found = append(found, what+" of "+strings.TrimPrefix(cells[0], dir))
			}
		}
	}
	return found
}

// After a message to named officers nothing in the kiosk's folder was written,
// made or changed when it came: not a minute later, and not after its release.
// One to the ward is the control.
func TestKioskTellsNotWhenANamedMessageCame(t *testing.T) {
	for _, reader := range []string{"named", "cases"} {
		data := t.TempDir()
		enrolled(t, data)
		k := opened(t, data)
		pass := timed(t, k)
		time.Sleep(20 * time.Millisecond) // the file system's clock is coarse
		begin := time.Now()
		mustSend(t, k, letter{request: "m", code: "4Q7K9M2XHT", kind: "phan-anh", reader: reader, words: "Chỉ để một người đọc.", contact: `{"name":"Lan"}`})
		end := time.Now()
		time.Sleep(20 * time.Millisecond)
		for _, later := range []time.Duration{time.Minute, 49 * time.Hour} {
			pass(later)
			if err := k.release(); err != nil {
				t.Fatal(err)
			}
			found := traces(t, data, begin, end)
			if reader == "named" && len(found) > 0 {
				t.Errorf("%v later: %v", later, found)
			}
			if reader == "cases" && len(found) == 0 {
				t.Error("nothing tells of a message to the ward: this test proves nothing")
			}
		}
	}
}
