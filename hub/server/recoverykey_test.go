package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/shared/command"
)

// What an unattended hub prints stays in a log, beside the copies it opens.
func TestRecoveryKeyIsInNoLog(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "hub"), Archive: filepath.Join(dir, "archive"), Unattended: true}
	h, _, _ := insideOf(t, cfg, log)
	eventually(t, "it says that there are no copies", func() bool {
		s := statusOf(t, "--data", cfg.Data)
		return s.Copy == "" && strings.Contains(string(log.bytes()), "hub recovery-key --data DIR")
	})
	key := secretIn(t, run(t, command.Done, "recovery-key", "--data", cfg.Data))
	if said := run(t, command.Usage, "recovery-key", "--data", cfg.Data); strings.Contains(said, "AGE-SECRET") {
		t.Errorf("it is shown again: %s", said)
	}
	made, err := h.copies.Copy(t.Context()) // without another start
	if err != nil {
		t.Fatal(err)
	}
	if err := h.copies.Inspect(t.Context(), made, key); err != nil {
		t.Error(err)
	}
	other := secretIn(t, run(t, command.Done, "recovery-key", "--renew", "--data", cfg.Data))
	if made, err = h.copies.Copy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.copies.Inspect(t.Context(), made, key) == nil || h.copies.Inspect(t.Context(), made, other) != nil {
		t.Error("a copy is not closed to the newest key alone")
	}
	for _, secret := range []string{key, other} {
		if strings.Contains(string(log.bytes()), secret) {
			t.Error("the log holds the key")
		}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if text, _ := os.ReadFile(path); strings.Contains(string(text), secret) {
				t.Errorf("%s holds the key", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
