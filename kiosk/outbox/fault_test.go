package outbox

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

// pragma runs one on the writer: only a migration outside a transaction can.
func pragma(t testing.TB, o *Outbox, steps ...string) {
	t.Helper()
	pragmaOn(t, o.db, steps...)
}

func pragmaOn(t testing.TB, db *sqlite.DB, steps ...string) {
	t.Helper()
	files := fstest.MapFS{}
	for i, step := range steps {
		files["0000"+string(rune('1'+i))+"_pragma.sql"] = &fstest.MapFile{
			Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\n" + step + ";\n")}
	}
	if err := db.Migrate(files, "pragma"); err != nil {
		t.Fatal(err)
	}
}

// pretendMany moves the numbering far ahead, as if very many records had come
// and been pruned.
func pretendMany(t testing.TB, o *Outbox) {
	t.Helper()
	pragma(t, o, "UPDATE record SET seq = seq + 20000", "UPDATE journal SET received_seq = received_seq + 20000, "+
		"safe_seq = safe_seq + 20000, floor_seq = floor_seq + 20000")
}

func TestDiskFull(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	tiny := "PRAGMA max_page_count = 30"
	pragma(t, o, tiny)
	var last Receipt
	var failed string
	for i := 0; failed == ""; i++ {
		request := strings.Repeat("x", 60) + string(rune('a'+i/26)) + string(rune('a'+i%26))
		r, err := o.Put(request, rating(5), "")
		switch {
		case err == nil:
			last = r
		case sqlite.IsFull(err):
			failed = request
		default:
			t.Fatal(err)
		}
	}
	if head := headOf(t, o); head.Seq != last.Seq || head.Chain.ID() != last.ID {
		t.Errorf("head %v after a refused Put, want the last kept %+v", head, last)
	}
	if err := errors.Join(o.Verify(), o.db.Check()); err != nil {
		t.Error(err)
	}
	pragma(t, o, tiny, "PRAGMA max_page_count = 3000")
	if r := mustPut(t, o, failed); r.Again || r.Seq != last.Seq+1 {
		t.Errorf("room again: %+v, want the refused request as a new record", r)
	}
}

func TestDamagedFileIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"zeros":      func(t *testing.T, path string) { overwrite(t, path, 0, 0) },
		"a web page": func(t *testing.T, path string) { overwrite(t, path, 0, '<') },
		"a page":     func(t *testing.T, path string) { overwrite(t, path, 4096, 0xff) },
		"one bit of an answer": func(t *testing.T, path string) {
			b := mustRead(t, path)
			at := bytes.LastIndex(b, []byte("satisfied"))
			if at < 0 {
				t.Fatal("answer not found in the file")
			}
			b[at] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newClock()
			cfg := config(t.TempDir(), cl)
			o := mustOpen(t, cfg)
			putMany(t, o, 5)
			old := mustBranch(t, o.Reader)
			if err := o.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(cfg.Dir, fileName)
			damage(t, path)
			spoiled := mustRead(t, path)

			var log bytes.Buffer
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			o = mustOpen(t, cfg)
			if b := mustBranch(t, o.Reader); b.Journal == old.Journal || b.Head.Seq != 1 {
				t.Errorf("branch %+v, want a new journal", b)
			}
			aside, err := o.Quarantined()
			if err != nil || len(aside) != 1 || !bytes.Equal(mustRead(t, aside[0]), spoiled) {
				t.Errorf("set aside %v, %v; want the damaged file as it was", aside, err)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), aside[0]) {
				t.Errorf("log does not tell: %s", log.String())
			}
			mustPut(t, o, "next")
			if err := o.Close(); err != nil {
				t.Fatal(err)
			}
			if aside, err := mustOpen(t, cfg).Quarantined(); err != nil || len(aside) != 1 {
				t.Errorf("after a restart: %v, %v; want it still told", aside, err)
			}
		})
	}
}

// A log beside the damaged file may hold the newest answers: it goes along.
func TestLogIsSetAsideWithItsFile(t *testing.T) {
	cl := newClock()
	cfg := config(t.TempDir(), cl)
	o := mustOpen(t, cfg)
	putMany(t, o, 5)
	if err := o.db.Checkpoint(); err != nil { // so that the log does not hold every page
		t.Fatal(err)
	}
	mustPut(t, o, "only in the log")
	path := filepath.Join(cfg.Dir, fileName)
	dead := config(t.TempDir(), cl) // as a kill leaves it: file and log
	for _, suffix := range []string{"", "-wal"} {
		b := mustRead(t, path+suffix)
		if suffix == "" {
			b = bytes.Repeat([]byte("not a database "), 1000)
		}
		if err := os.WriteFile(filepath.Join(dead.Dir, fileName+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fresh := mustOpen(t, dead)
	aside, err := fresh.Quarantined()
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside %v, %v", aside, err)
	}
	both := mustRead(t, aside[0]) // SQLite may have moved the log into the file when it closed it
	if log, err := os.ReadFile(aside[0] + "-wal"); err == nil {
		both = append(both, log...)
	}
	if !bytes.Contains(both, []byte("only in the log")) {
		t.Error("what only the log held is not in what was set aside")
	}
	if b := mustBranch(t, fresh.Reader); b.Head.Seq != 1 {
		t.Errorf("the new journal begins at %d", b.Head.Seq)
	}
}

func TestReadNoticesAChangedByte(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	putMany(t, o, 5)
	pragma(t, o, "UPDATE record SET bytes = zeroblob(length(bytes)) WHERE seq = 4")
	if got, err := o.Read(0, 3, 1<<20); err != nil || len(got) != 3 {
		t.Errorf("before the damage: %d, %v", len(got), err)
	}
	for _, look := range map[string]func() error{
		"Read":   func() error { _, err := o.Read(0, 10, 1<<20); return err },
		"Verify": o.Verify,
	} {
		if err := look(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "record 4") {
			t.Errorf("err = %v, want ErrDamaged at record 4", err)
		}
	}
}

func TestMissingRecordIsDamage(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	putMany(t, o, 5)
	pragma(t, o, "DELETE FROM record WHERE seq = 4")
	for _, after := range []uint64{3, 4} {
		if _, err := o.Read(after, 10, 1<<20); !errors.Is(err, ErrDamaged) {
			t.Errorf("read after %d: %v, want ErrDamaged", after, err)
		}
	}
}

// A newer program's tables are no damage: the file must stay where it is.
func TestNewerTablesAreRefusedNotSetAside(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	o := mustOpen(t, cfg)
	err := o.db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO " + table + " (version_id, is_applied) VALUES (99, 1)")
		return err
	})
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("Open = %v, want a refusal that names the newer program", err)
	}
	if aside, _ := filepath.Glob(filepath.Join(cfg.Dir, setAside+"*")); len(aside) != 0 {
		t.Errorf("set aside %v", aside)
	}
}

func TestRandomnessFails(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	cfg.Rand = bytes.NewReader(nil)
	if _, err := Open(cfg); err == nil {
		t.Error("opened without randomness")
	}
	cfg.Rand = nil
	if b := mustBranch(t, mustOpen(t, cfg).Reader); b.Journal == (wire.JournalID{}) {
		t.Error("journal id is zero")
	}
}

func overwrite(t *testing.T, path string, from int, with byte) {
	t.Helper()
	b := mustRead(t, path)
	copy(b[from:], bytes.Repeat([]byte{with}, len(b)-from))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
