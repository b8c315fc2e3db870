package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/hub/database"
	"nghe/shared/blob"
)

// A copy that contradicts itself, or wants to write where it should not, is
// refused, though it opens with the right key.
func TestCopyThatIsNotWhatItSays(t *testing.T) {
	w := newWorld(t, func() string { return "" })
	source := filepath.Join(t.TempDir(), "file")
	text := []byte("bytes of a key")
	must(t, os.WriteFile(source, text, 0o600))
	right := file{keysFolder + "authority/authority.key", int64(len(text)), blob.Of(text).Hash.String()}
	changed := func(change func(*file)) file { f := right; change(&f); return f }
	for name, c := range map[string]struct {
		m    manifest
		says string
	}{
		"right":             {manifest{Format: format, Files: []file{right}}, ""},
		"changed meanwhile": {manifest{Format: format, Files: []file{changed(func(f *file) { f.SHA256 = blob.Of(nil).Hash.String() })}}, "copy is damaged"},
		"newer":             {manifest{Format: format + 1, Files: []file{right}}, "newer than this program"},
		"outside":           {manifest{Format: format, Files: []file{changed(func(f *file) { f.Name = keysFolder + "../../etc/cron.d/x" })}}, "does not belong"},
		"absolute":          {manifest{Format: format, Files: []file{changed(func(f *file) { f.Name = keysFolder + "/etc/passwd" })}}, "does not belong"},
		"table outside":     {manifest{Format: format, Files: []file{changed(func(f *file) { f.Name = tablesFolder + "../../x" })}}, "does not belong"},
		"stranger":          {manifest{Format: format, Files: []file{changed(func(f *file) { f.Name = "hub.db-wal" })}}, "does not belong"},
		"twice":             {manifest{Format: format, Files: []file{right, right}}, "file exists"},
	} {
		c.m.Engine = database.SQLite
		var sealed bytes.Buffer
		sources := map[string]string{}
		for _, f := range c.m.Files {
			sources[f.Name] = source
		}
		must(t, writeSealed(&sealed, w.public, c.m, sources))
		w.store.Overwrite("backups/x.age", sealed.Bytes())
		dir := t.TempDir()
		_, err := extract(t.Context(), w.store, "backups/x.age", w.secret, dir)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if name != "right" {
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, "authority", "authority.key")); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	w.store.Overwrite("backups/x.age", []byte("not even age"))
	if _, err := extract(t.Context(), w.store, "backups/x.age", w.secret, t.TempDir()); err == nil {
		t.Error("rubbish was opened")
	}
}
