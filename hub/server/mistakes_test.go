package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nghe/shared/command"
	"nghe/shared/seal"
)

// lost is a hub whose disk is gone: what its operator has is the archive and
// the paper with the recovery key.
func lost(t *testing.T) (dir, archive, paper string) {
	t.Helper()
	dir = t.TempDir()
	archive, paper = filepath.Join(dir, "archive"), filepath.Join(dir, "paper.txt")
	cfg := Config{Data: filepath.Join(dir, "hub"), Archive: archive, SameDiskOK: true}
	printed, stop := serving(t, cfg)
	text := printed() // with all that stands around the key
	soon(t, func() bool { return statusOf(t, "--data", cfg.Data).Copy != "" })
	stop()
	if err := errors.Join(os.WriteFile(paper, []byte(text), 0o600), os.RemoveAll(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	return dir, archive, paper
}

// Whoever restores a hub for the first time makes mistakes: each is answered
// with what to do, and leaves nothing behind that stands in the way.
func TestRestoreOutlivesMistakes(t *testing.T) {
	dir, archive, paper := lost(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	strange, _, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(paper)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"other.txt": strange, "cut.txt": strings.TrimSpace(string(text))[:len(text)-9], "none.txt": "\n"} {
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, made := range []string{"empty", "full/photos"} {
		if err := os.MkdirAll(in(made), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	fresh := in("new")
	for _, c := range []struct {
		name, data, archive, key string
		code                     int
		says                     string
	}{
		{"archive not mounted", fresh, in("nowhere/archive"), paper, command.Usage, "is the disk mounted?"},
		{"another folder for the archive", fresh, in("empty"), paper, command.Failed, "the archive that the lost hub was started with"},
		{"another hub's key", fresh, archive, in("other.txt"), command.Failed, "give the one that this hub printed when it was first started"},
		{"a key that was copied badly", fresh, archive, in("cut.txt"), command.Usage, "a letter may be wrong or missing"},
		{"an empty file for a key", fresh, archive, in("none.txt"), command.Usage, "one line that begins with AGE-SECRET-KEY-PQ-1"},
		{"a folder with something in it", in("full"), archive, paper, command.Failed, "give another folder with --data"},
		{"a database of another kind", in("new"), archive, paper, command.Failed, "leave --database out"},
	} {
		args := []string{"restore", "--data", c.data, "--archive", c.archive, "--recovery-key", c.key}
		if c.name == "a database of another kind" {
			args = append(args, "--database", "postgres://nobody@127.0.0.1:1/none")
		}
		if said := run(t, c.code, args...); !strings.Contains(said, c.says) {
			t.Errorf("%s: hub restore says %q, want %q", c.name, said, c.says)
		}
		if c.name != "a database of another kind" && c.data == fresh {
			if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the data folder was made", c.name)
			}
		}
	}
	if _, err := os.Stat(in("nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an archive was made where none was")
	}
	// The last of them began, and was cut short: so is a restore that is killed.
	if err := os.WriteFile(filepath.Join(fresh, "hub.db"), []byte("half of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(t, command.Failed, "status", "--data", fresh); !strings.Contains(said, "run the same hub restore again") {
		t.Errorf("hub status says %q", said)
	}
	right := []string{"restore", "--data", fresh, "--archive", archive, "--archive-on-same-disk-is-ok", "--recovery-key", paper}
	if said := run(t, command.Done, right...); !strings.Contains(said, "Start the hub with hub serve") {
		t.Errorf("hub restore says %q", said)
	}
	if said := run(t, command.Failed, right...); !strings.Contains(said, "start it with hub serve") {
		t.Errorf("a second time hub restore says %q", said)
	}
	run(t, command.Done, "audit", "--data", fresh)
}

// A command given the wrong folder makes no hub there.
func TestCommandsWantAHub(t *testing.T) {
	for _, args := range [][]string{{"status"}, {"audit"}, {"rebuild"}, {"account", "list"}, {"export", "answers"}, {"publish", t.TempDir()},
		{"order", "list"}, {"delete", "list"}, {"backup", "--archive", t.TempDir()}} {
		data := filepath.Join(t.TempDir(), "wrong")
		if said := run(t, command.Failed, append(slices.Clone(args), "--data", data)...); !strings.Contains(said, "no hub has served from this folder") {
			t.Errorf("hub %v says %q", args, said)
		}
		if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("hub %v made the folder", args)
		}
	}
}

// An error says once what was done, to what, and what to do.
func TestDatabaseErrorsAreSaidOnce(t *testing.T) {
	noise, folder := t.TempDir(), t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(noise, "hub.db"), []byte(strings.Repeat("noise", 2000)), 0o600), os.Mkdir(filepath.Join(folder, "hub.db"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"status", "--data", noise}, "make the hub again in an empty one with hub restore"},
		{[]string{"status", "--data", folder}, "is a directory"},
		{[]string{"status", "--database", "postgres://nobody@127.0.0.1:1/none"}, "reach PostgreSQL at 127.0.0.1"},
		{[]string{"status", "--database", "mysql://x"}, "give sqlite:/path/to/hub.db or postgres://"},
	} {
		said := run(t, command.Failed, c.args...)
		if strings.Count(said, "open database")-strings.Count(said, "unable to open database file") != 1 || !strings.Contains(said, c.says) {
			t.Errorf("hub %v says %q", c.args, said)
		}
	}
}

// A hub that cannot have its addresses leaves nothing behind.
func TestNoFolderWithoutAnAddress(t *testing.T) {
	data := filepath.Join(t.TempDir(), "hub")
	for _, cfg := range []Config{{Data: data, Kiosks: "127.0.0.1:1x", Listen: free(t)}, {Data: data, Kiosks: free(t), Listen: "203.0.113.7:1"}} {
		if err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "choose another address with --") {
			t.Errorf("Run = %v", err)
		}
		if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the data folder was made")
		}
	}
}
