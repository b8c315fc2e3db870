package powercut

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"nghe/shared/sqlite"
)

const schema = "-- +goose Up\nCREATE TABLE answer (id INTEGER PRIMARY KEY, said BLOB NOT NULL) STRICT;\n"

// weak is a step that runs the writer as the driver would by default.
const weak = "-- +goose NO TRANSACTION\n-- +goose Up\nPRAGMA synchronous = NORMAL;\n"

const file = "x.db"

func open(t testing.TB, d *Disk, dir string, steps ...string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, file), VFS: d.VFS(), SyncDir: d.SyncDir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		files := fstest.MapFS{}
		for j, step := range steps[:i+1] {
			files[fmt.Sprintf("%05d_step.sql", j+1)] = &fstest.MapFile{Data: []byte(step)}
		}
		if err := db.Migrate(files, "step"); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func put(db *sqlite.DB, id int) error {
	return db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO answer (id, said) VALUES (?, randomblob(700))", id)
		return err
	})
}

// count is the rows 1…n found; it fails on a hole.
func count(db *sqlite.DB) (n int, err error) {
	var highest sql.NullInt64
	err = db.Read().QueryRow("SELECT count(*), max(id) FROM answer").Scan(&n, &highest)
	if err == nil && n != int(highest.Int64) {
		err = fmt.Errorf("%d rows, highest %d", n, highest.Int64)
	}
	return n, err
}

// survey writes rows, cuts after every operation in every way and tells how
// many states lost an acknowledged row, or were no database.
func survey(t *testing.T, steps ...string) (states, lost, bad int) {
	dir := t.TempDir()
	d := mustRecord(t, dir)
	db := open(t, d, dir, steps...)
	acked := map[int]int{}
	start := d.Ops()
	for id := 1; id <= 20; id++ {
		if err := put(db, id); err != nil {
			t.Fatal(err)
		}
		acked[d.Ops()] = id
		if id%8 == 0 {
			if err := db.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := 0
	for at := start; at <= d.Ops(); at++ {
		if id, ok := acked[at]; ok {
			want = id
		}
		for _, c := range Choices {
			states++
			switch got, err := reopened(t, d.Cut(at, c, 1)); {
			case err != nil:
				bad++
			case got < want:
				lost++
			}
		}
	}
	return states, lost, bad
}

func reopened(t *testing.T, s State) (int, error) {
	dir, err := os.MkdirTemp(t.TempDir(), "state")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(dir); err != nil {
		t.Fatal(err)
	}
	d := mustRecord(t, dir)
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, file), VFS: d.VFS(), SyncDir: d.SyncDir})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	n, err := count(db)
	return n, errors.Join(err, db.Check())
}

func mustRecord(t testing.TB, dir string) *Disk {
	t.Helper()
	d, err := Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestPowerCutLosesNothing(t *testing.T) {
	states, lost, bad := survey(t, schema)
	t.Logf("%d states, %d lost an acknowledged row, %d were damaged", states, lost, bad)
	if lost+bad > 0 {
		t.Errorf("%d states lost an acknowledged row, %d were damaged", lost, bad)
	}
}

// The harness must see what it is there to see.
func TestPowerCutCatchesWeakSync(t *testing.T) {
	states, lost, bad := survey(t, schema, weak)
	t.Logf("%d states, %d lost an acknowledged row, %d were damaged", states, lost, bad)
	if lost < states/20 {
		t.Errorf("synchronous=NORMAL lost acknowledged rows in %d of %d states only: the harness does not bite", lost, states)
	}
	if bad > 0 {
		t.Errorf("%d states damaged, NORMAL never should", bad)
	}
}

func TestEveryFaultIsAnError(t *testing.T) {
	letters := map[string]int{}
	for at := 0; ; at++ {
		dir := t.TempDir()
		d := mustRecord(t, dir)
		db := open(t, d, dir, schema)
		d.Fail(d.Ops()+at, at%2 == 0)
		var errs []error
		for id := 1; id <= 6; id++ {
			errs = append(errs, put(db, id))
		}
		errs = append(errs, db.Checkpoint())
		closing := db.Close()
		if d.Failed() == "" {
			if at < 20 {
				t.Errorf("only %d operations", at)
			}
			break
		}
		letters[d.Failed()]++
		err := errors.Join(append(errs, closing)...)
		if err == nil && d.Failed() != "delete" { // an old log is no harm
			t.Errorf("failed %s %d went unnoticed", d.Failed(), at)
		}
		if full := sqlite.IsFull(err); d.Failed() == "write" && !full || d.Failed() == "sync" && full {
			t.Errorf("failed %s %d: IsFull(%v) = %v", d.Failed(), at, err, full)
		}
		if d.Failed() == "sync" && errors.Join(errs[:6]...) != nil && !errors.Is(err, sqlite.ErrBroken) {
			t.Errorf("writing went on after failed sync %d: %v", at, err)
		}
		acked := 0
		for i, err := range errs[:6] {
			if err == nil {
				acked = i + 1
			}
		}
		again := mustRecord(t, dir)
		db = open(t, again, dir)
		if n, err := countUpTo(db, acked, errs); err != nil {
			t.Errorf("failed %s %d: %d rows: %v", d.Failed(), at, n, err)
		}
		db.Close()
	}
	if letters["write"] == 0 || letters["sync"] == 0 {
		t.Errorf("faults came at %v", letters)
	}
}

// countUpTo checks that every acknowledged row is there.
func countUpTo(db *sqlite.DB, acked int, errs []error) (n int, err error) {
	want := 0
	for _, e := range errs[:acked] {
		if e == nil {
			want++
		}
	}
	err = db.Read().QueryRow("SELECT count(*) FROM answer").Scan(&n)
	if err == nil && n < want {
		err = fmt.Errorf("want at least %d", want)
	}
	return n, err
}

func TestResume(t *testing.T) {
	dir := t.TempDir()
	d := mustRecord(t, dir)
	db := open(t, d, dir, schema, weak)
	for id := 1; id <= 3; id++ {
		if err := put(db, id); err != nil {
			t.Fatal(err)
		}
	}
	killed := d.Ops()
	db.Close()

	next := t.TempDir()
	resumed, err := d.Resume(killed, next)
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Close()
	if resumed.Ops() != killed {
		t.Errorf("resumed at %d, want %d", resumed.Ops(), killed)
	}
	if n, _ := reopened(t, resumed.Cut(killed, Lost, 0)); n == 3 {
		t.Error("rows that were never synced survived the cut at once after the kill")
	}
	db = open(t, resumed, next)
	if n, err := count(db); n != 3 || err != nil {
		t.Errorf("a killed process' writes are seen: %d, %v; want 3", n, err)
	}
	if err := put(db, 4); err != nil { // synchronous=FULL again: its sync carries the others
		t.Fatal(err)
	}
	after := resumed.Ops()
	db.Close()
	for _, c := range Choices {
		if n, err := reopened(t, resumed.Cut(after, c, 0)); n != 4 || err != nil {
			t.Errorf("%v: %d rows, %v; want 4", c, n, err)
		}
	}
}

func TestCutIsRepeatable(t *testing.T) {
	dir := t.TempDir()
	d := mustRecord(t, dir)
	db := open(t, d, dir, schema, weak)
	for id := 1; id <= 3; id++ {
		if err := put(db, id); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	differ := false
	for seed := range uint64(20) {
		a, b, c := d.Cut(d.Ops()-3, Mixed, seed), d.Cut(d.Ops()-3, Mixed, seed), d.Cut(d.Ops()-3, Mixed, seed+1)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("seed %d: two states", seed)
		}
		differ = differ || fmt.Sprint(a) != fmt.Sprint(c)
	}
	if !differ {
		t.Error("twenty seeds, one state")
	}
	if log := strings.Join(d.Log(), "\n"); !strings.Contains(log, "w x.db-wal") || !strings.Contains(log, "d ") {
		t.Errorf("log:\n%s", log)
	}
}

func TestStatesByHand(t *testing.T) {
	two := func(s string) []byte { return []byte(strings.Repeat(s, sector)) }
	ops := []op{
		{letter: opCreate, name: "a"},
		{letter: opWrite, name: "a", data: two("1")},
		{letter: opSync, name: "a"},
		{letter: opDirsync},
		{letter: opWrite, name: "a", at: sector, data: two("2")},
		{letter: opCreate, name: "b"},
		{letter: opWrite, name: "b", data: two("3")},
		{letter: opSync, name: "b"},
		{letter: opDelete, name: "a"},
	}
	d := replay(ops)
	if s := d.state(Lost, nil); string(s["a"]) != string(two("1")) || s["b"] != nil {
		t.Errorf("lost: %d files", len(s))
	}
	if s := d.state(Kept, nil); s["a"] != nil || string(s["b"]) != string(two("3")) {
		t.Errorf("kept: %d files", len(s))
	}
	if s := d.until(5); len(s["a"]) != 2*sector || s["b"] != nil {
		t.Errorf("until 5: a is %d bytes", len(s["a"]))
	}
	parts := op{letter: opWrite, at: 100, data: make([]byte, 1000)}.sectors()
	if len(parts) != 3 || len(parts[0].data) != 412 || parts[1].at != 512 || len(parts[2].data) != 76 {
		t.Errorf("sectors %v", parts)
	}
	if got := (op{letter: opTruncate, at: 3}).on([]byte("12345")); string(got) != "123" {
		t.Errorf("truncated to %q", got)
	}
	if got := (op{letter: opTruncate, at: 3}).on([]byte("1")); string(got) != "1\x00\x00" {
		t.Errorf("grown to %q", got)
	}
}
