package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

var queries = Queries(`
-- name: put
INSERT INTO answer (id, said) VALUES (?, ?);
-- name: count
SELECT count(*) FROM answer;
-- name: break
INSERT INTO answer (id, said) VALUES ('not a number', 'x');
`)

func migrations(bodies ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, body := range bodies {
		name := "0000" + string(rune('1'+i)) + "_step.sql"
		files[name] = &fstest.MapFile{Data: []byte(body)}
	}
	return files
}

const first = "-- +goose Up\nCREATE TABLE answer (id INTEGER PRIMARY KEY, said TEXT NOT NULL) STRICT;\n"

// pragma is a step that runs one on the writer: only a migration outside a
// transaction can.
func pragma(text string) string {
	return "-- +goose NO TRANSACTION\n-- +goose Up\nPRAGMA " + text + ";\n"
}

func openIn(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(Config{Path: filepath.Join(dir, "a b?c#%.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() }) // twice in some tests
	if err := db.Migrate(migrations(first), "steps"); err != nil {
		t.Fatal(err)
	}
	return db
}

func put(id any) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.Exec(queries["put"], id, "hài lòng")
		return err
	}
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRow(queries["count"]).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenKeepsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	for i := range 3 {
		if err := db.Write(t.Context(), put(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "a b?c#%.db" {
		t.Errorf("closing left %v, want one file of the given name", entries)
	}
	if got := count(t, openIn(t, dir)); got != 3 {
		t.Errorf("%d rows after opening again, want 3", got)
	}
}

func TestOpenSyncsTheFolderBeforeAnyCommit(t *testing.T) {
	dir, synced := t.TempDir(), 0
	db, err := Open(Config{Path: filepath.Join(dir, "x.db"), SyncDir: func(path string) error {
		if path != dir {
			t.Errorf("synced %s, want %s", path, dir)
		}
		synced++
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if synced < 2 {
		t.Errorf("folder synced %d times, want after making the file and after the switch to WAL", synced)
	}
	if _, err := Open(Config{Path: filepath.Join(dir, "y.db"), SyncDir: func(string) error { return errBoom }}); !errors.Is(err, errBoom) {
		t.Errorf("Open ignored a failed folder sync: %v", err)
	}
}

// Every setting that matters, misspelt in the DSN as the driver would accept.
func TestRefusesToRunWithoutItsSettings(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "x.db")}
	good := dsn(cfg, false)
	for key, pragma := range map[string]string{
		"_synchronous": "synchronous", "_journal_mode": "journal_mode", "_foreign_keys": "foreign_keys",
		"_busy_timeout": "busy_timeout", "_secure_delete": "secure_delete",
	} {
		os.Remove(cfg.Path) // each begins without a file that already is in WAL mode
		p := sql.OpenDB(connector{dsn: strings.Replace(good, key+"=", key+"x=", 1), want: wanted(false)})
		err := p.Ping()
		if err == nil || !strings.Contains(err.Error(), "pragma "+pragma+" is") {
			t.Errorf("without %s: %v, want a refusal that names %s", key, err, pragma)
		}
		p.Close()
	}
}

func TestWriteRollsBack(t *testing.T) {
	db := openIn(t, t.TempDir())
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if err := put(1)(tx); err != nil {
			return err
		}
		return errBoom
	})
	if !errors.Is(err, errBoom) || count(t, db) != 0 {
		t.Errorf("err %v, %d rows; want the error and none", err, count(t, db))
	}
	func() {
		defer func() { recover() }()
		db.Write(t.Context(), func(tx *sql.Tx) error {
			put(1)(tx)
			panic("boom")
		})
	}()
	if err := db.Write(t.Context(), put(2)); err != nil || count(t, db) != 1 {
		t.Errorf("after a panic: %v, %d rows; want only the next one", err, count(t, db))
	}
}

// A context that ends inside the transaction must not roll it back.
func TestWriteFinishesWhatItBegan(t *testing.T) {
	db := openIn(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx *sql.Tx) error {
		if err := put(1)(tx); err != nil {
			return err
		}
		cancel()
		time.Sleep(20 * time.Millisecond)
		return put(2)(tx)
	})
	if err != nil || count(t, db) != 2 {
		t.Errorf("err %v, %d rows; want both", err, count(t, db))
	}
	if err := db.Write(ctx, put(3)); !errors.Is(err, context.Canceled) || count(t, db) != 2 {
		t.Errorf("an ended context began a transaction: %v", err)
	}
}

func TestWritersTakeTurns(t *testing.T) {
	db := openIn(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := db.Write(t.Context(), put(i)); err != nil {
				t.Error(err)
			}
			count(t, db)
		})
	}
	wg.Wait()
	if got := count(t, db); got != 40 {
		t.Errorf("%d rows, want 40", got)
	}
}

func TestReadCannotWrite(t *testing.T) {
	db := openIn(t, t.TempDir())
	if _, err := db.Read().Exec(queries["put"], 1, "x"); err == nil {
		t.Error("the readers' pool wrote")
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Path: filepath.Join(dir, "a b?c#%.db"), ReadOnly: true}
	if _, err := Open(cfg); err == nil {
		t.Error("opened a missing file for reading")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("made %v", entries)
	}
	writer := openIn(t, dir)
	if err := writer.Write(t.Context(), put(1)); err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"a running writer", "nobody"} {
		db, err := Open(cfg)
		if err != nil {
			t.Fatalf("beside %s: %v", beside, err)
		}
		if got := count(t, db); got != 1 {
			t.Errorf("beside %s: %d rows, want 1", beside, got)
		}
		if err := db.Write(t.Context(), put(2)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Write = %v, want ErrReadOnly", err)
		}
		if err := errors.Join(db.Close(), writer.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	if err := db.Write(t.Context(), put(1)); err != nil {
		t.Fatal(err)
	}
	second := "-- +goose Up\nALTER TABLE answer ADD COLUMN place TEXT;\n"
	for range 2 {
		if err := db.Migrate(migrations(first, second), "steps"); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, db); got != 1 {
		t.Errorf("%d rows after migrating, want 1", got)
	}
	err := db.Migrate(migrations(first), "steps")
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("an older program opened newer tables: %v", err)
	}
	broken := "-- +goose Up\nCREATE TABLE half (x INTEGER) STRICT;\nCREATE TABLE answer (x INTEGER) STRICT;\n"
	if err := db.Migrate(migrations(first, second, broken), "steps"); err == nil {
		t.Fatal("a broken migration passed")
	}
	fixed := "-- +goose Up\nCREATE TABLE half (x INTEGER) STRICT;\n"
	if err := db.Migrate(migrations(first, second, fixed), "steps"); err != nil {
		t.Errorf("the broken migration left something behind: %v", err)
	}
}

func TestFull(t *testing.T) {
	db := openIn(t, t.TempDir())
	tiny := pragma("max_page_count = 20")
	if err := db.Migrate(migrations(tiny), "size"); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 4000)
	stored := 0
	for ; ; stored++ {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(queries["put"], stored, big)
			return err
		})
		if err != nil {
			if !IsFull(err) || IsCorrupt(err) {
				t.Errorf("IsFull(%v) = false", err)
			}
			break
		}
	}
	if got := count(t, db); got != stored || stored == 0 {
		t.Errorf("%d rows, want the %d acknowledged", got, stored)
	}
	if err := db.Migrate(migrations(tiny, pragma("max_page_count = 2000")), "size"); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put(-1)); err != nil {
		t.Errorf("room again, but %v", err)
	}
}

func TestCorrupt(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"zeros":         func(b []byte) []byte { return make([]byte, len(b)) },
		"a web page":    func([]byte) []byte { return bytes.Repeat([]byte("<html>sign in to the network</html>"), 300) },
		"a broken tree": func(b []byte) []byte { copy(b[4096:], bytes.Repeat([]byte{0xff}, len(b)-4096)); return b },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := openIn(t, dir)
			if err := errors.Join(db.Write(t.Context(), put(1)), db.Check(), db.Close()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "a b?c#%.db")
			b, _ := os.ReadFile(path)
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := Open(Config{Path: path})
			if err == nil {
				defer db.Close()
				err = db.Check()
			}
			if !IsCorrupt(err) || IsFull(err) {
				t.Errorf("IsCorrupt(%v) = false", err)
			}
		})
	}
}

func TestNothingIsWrittenAfterDamage(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	if err := errors.Join(db.Write(t.Context(), put(1)), db.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a b?c#%.db")
	b, _ := os.ReadFile(path)
	copy(b[4096:], bytes.Repeat([]byte{0xff}, len(b)-4096))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context(), put(2)); !IsCorrupt(err) || !errors.Is(err, ErrBroken) {
		t.Fatalf("Write into a damaged table: %v", err)
	}
	if err := db.Write(t.Context(), func(*sql.Tx) error { return nil }); !errors.Is(err, ErrBroken) {
		t.Errorf("second Write = %v, want ErrBroken", err)
	}
}

func TestTypesAreStrict(t *testing.T) {
	db := openIn(t, t.TempDir())
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(queries["break"]); return err }); err == nil {
		t.Error("text was stored as a number")
	}
}

func TestQueries(t *testing.T) {
	got := Queries("-- about the file\n\n-- name: one\nSELECT 1;\n\n-- name: two words\nSELECT 2\n -- why\n FROM t;\n\n-- about the next\n")
	if len(got) != 2 || got["one"] != "SELECT 1;" || got["two words"] != "SELECT 2\n FROM t;" {
		t.Errorf("got %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a name given twice passed")
		}
	}()
	Queries("-- name: a\nx\n-- name: a\ny\n")
}

var errBoom = errors.New("boom")
