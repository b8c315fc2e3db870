package server

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nghe/hub/archive"
	"nghe/shared/command"
)

// copiesIn lists the copies of hubs in a folder archive.
func copiesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "backups"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// After the loss of a disk somebody in a hurry starts a new hub on the old
// archive: it would tidy away the copies of the one that is lost.
func TestNewHubLeavesAnothersArchive(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "hub"), Archive: filepath.Join(dir, "archive")}
	h, _, stop := insideOf(t, cfg, log)
	made := copied(t, h)
	stop()
	secret := secretIn(t, string(log.bytes()))
	if err := os.RemoveAll(cfg.Data); err != nil {
		t.Fatal(err)
	}
	before := copiesIn(t, cfg.Archive)
	var said bytes.Buffer
	again := quietHub(t, cfg, &said)
	err := again.open(t.Context())
	again.close()
	if !errors.Is(err, archive.ErrForeign) || !strings.Contains(err.Error(), "hub restore") || strings.Contains(said.String(), "AGE-SECRET") {
		t.Fatalf("a new hub on the archive of another: %v\n%s", err, &said)
	}
	if after := copiesIn(t, cfg.Archive); !slices.Equal(before, after) {
		t.Errorf("copies were %q and are %q", before, after)
	}
	paper := filepath.Join(dir, "paper")
	if err := os.WriteFile(paper, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(t, command.Done, "restore", "--data", cfg.Data, "--archive", cfg.Archive, "--archive-on-same-disk-is-ok", "--recovery-key", paper); !strings.Contains(said, made.Key()) {
		t.Errorf("restore says %s", said)
	}
	insideOf(t, cfg, log) // the hub made again is at home there
}

// A hub that had an archive of its own is pointed to another's.
func TestHubIsPointedToAnothersArchive(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	other := filepath.Join(dir, "other")
	_, _, stop := insideOf(t, Config{Data: filepath.Join(dir, "a"), Archive: other}, log)
	stop()
	cfg := Config{Data: filepath.Join(dir, "b"), Archive: filepath.Join(dir, "own")}
	_, _, stop = insideOf(t, cfg, log)
	stop()
	cfg.Archive = other
	h := quietHub(t, cfg, log)
	err := h.open(t.Context())
	h.close()
	if !errors.Is(err, archive.ErrForeign) {
		t.Errorf("open = %v", err)
	}
	if said := run(t, command.Failed, "backup", "--data", cfg.Data, "--archive", other, "--archive-on-same-disk-is-ok"); !strings.Contains(said, "another hub") {
		t.Errorf("hub backup says %s", said)
	}
}
