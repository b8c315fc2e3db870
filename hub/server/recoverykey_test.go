package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/hub/backup"
	"nghe/shared/command"
)

// copied makes a copy in its turn: the hub makes copies by itself.
func copied(t *testing.T, h *hub) (made backup.Copy) {
	t.Helper()
	eventually(t, "a copy is made", func() bool {
		var err error
		made, err = h.copies.Copy(t.Context())
		return err == nil
	})
	return made
}

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
	made := copied(t, h) // without another start
	opens := func(key string) func() bool {
		return func() bool { return h.copies.Inspect(t.Context(), made, key) == nil }
	}
	eventually(t, "the key opens the copy", opens(key))
	other := secretIn(t, run(t, command.Done, "recovery-key", "--renew", "--data", cfg.Data))
	made = copied(t, h)
	eventually(t, "the newest key opens the newest copy", opens(other))
	if opens(key)() {
		t.Error("the key that was replaced opens it too")
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
