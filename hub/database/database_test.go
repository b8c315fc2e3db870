package database

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgconn"

	"nghe/hub/database/pgtest"
)

var things = fstest.MapFS{
	"postgres/00001_things.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (n BIGINT PRIMARY KEY, name TEXT NOT NULL);\n")},
	"sqlite/00001_things.sql":   {Data: []byte("-- +goose Up\nCREATE TABLE things (n INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;\n")},
}

const (
	common       = "-- name: count\nSELECT count(*) FROM things\n-- name: put\nINSERT INTO things (n, name) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING\n"
	postgresOnly = "-- name: put\nINSERT INTO things (n, name) SELECT * FROM unnest($1::bigint[], $2::text[]) ON CONFLICT (n) DO NOTHING\n"
)

func onBoth(t *testing.T, test func(t *testing.T, db *DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, mustOpen(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, mustOpen(t, pgtest.URL(t))) })
}

func mustOpen(t *testing.T, url string) *DB {
	t.Helper()
	db, err := Open(t.Context(), url)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), "things_migrations", things); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	return db
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	q := db.Queries(common, "", postgresOnly)
	if err := db.Read().QueryRowContext(t.Context(), q["count"]).Scan(&n); err != nil {
		t.Fatalf("count: %v", err)
	}
	return n
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		if err := db.Migrate(t.Context(), "things_migrations", things); err != nil {
			t.Errorf("second Migrate = %v", err)
		}
	})
}

func TestWriteUndoesOnError(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		sorry := errors.New("sorry")
		q := db.Queries(common, "", postgresOnly)
		err := db.Write(t.Context(), func(tx *Tx) error {
			if _, err := tx.Many(t.Context(), q["put"], []int64{1}, []string{"một"}); err != nil {
				return err
			}
			return sorry
		})
		if !errors.Is(err, sorry) || count(t, db) != 0 {
			t.Errorf("Write = %v, %d rows left; want the error and none", err, count(t, db))
		}
	})
}

func TestManyWritesEveryRowOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		q := db.Queries(common, "", postgresOnly)
		const rows = 256 + 3*16 + 5
		numbers, names := make([]int64, rows), make([]string, rows)
		for i := range numbers {
			numbers[i], names[i] = int64(i), "Nhà văn hóa"
		}
		var first, again int64
		err := db.Write(t.Context(), func(tx *Tx) (err error) {
			if first, err = tx.Many(t.Context(), q["put"], numbers, names); err != nil {
				return err
			}
			again, err = tx.Many(t.Context(), q["put"], numbers, names)
			return err
		})
		if err != nil || first != rows || again != 0 || count(t, db) != rows {
			t.Errorf("Many = %d then %d, %v; %d rows; want %d then 0", first, again, err, count(t, db), rows)
		}
	})
}

func TestManyRefusesUnequalColumns(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		err := db.Write(t.Context(), func(tx *Tx) error {
			_, err := tx.Many(t.Context(), "", []int64{1, 2}, []string{"a"})
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "column 2 has 1 rows") {
			t.Errorf("Many = %v, want which column is short", err)
		}
	})
}

// A caller who gives up must not split a SQLite transaction in two.
func TestCancelledCallerLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		q := db.Queries(common, "", postgresOnly)
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *Tx) error {
			if _, err := tx.Many(ctx, q["put"], []int64{1}, []string{"một"}); err != nil {
				return err
			}
			cancel()
			if _, err := tx.Many(ctx, q["put"], []int64{2}, []string{"hai"}); err != nil {
				return err
			}
			return errors.New("changed my mind")
		})
		if err == nil || count(t, db) != 0 {
			t.Errorf("Write = %v with %d rows left, want an error and none", err, count(t, db))
		}
	})
}

func TestSnapshotSeesOneMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		q := db.Queries(common, "", postgresOnly)
		err := db.Snapshot(t.Context(), func(s Queryer) error {
			var before, after int
			if err := s.QueryRowContext(t.Context(), q["count"]).Scan(&before); err != nil {
				return err
			}
			err := db.Write(t.Context(), func(tx *Tx) error {
				_, err := tx.Many(t.Context(), q["put"], []int64{9}, []string{"chín"})
				return err
			})
			if err != nil {
				return err
			}
			if err := s.QueryRowContext(t.Context(), q["count"]).Scan(&after); err != nil {
				return err
			}
			if before != 0 || after != 0 {
				t.Errorf("snapshot saw %d, then %d rows; want 0 both times", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Two transactions that lock the same two rows in opposite order: PostgreSQL
// ends one of them, and Write runs it again.
func TestDeadlockIsRunAgain(t *testing.T) {
	db := mustOpen(t, pgtest.URL(t))
	const touch = "UPDATE things SET name = name || '+' WHERE n = $1"
	err := db.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO things (n, name) VALUES (1, ''), (2, '')")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var both, done sync.WaitGroup
	both.Add(2)
	errs := make([]error, 2)
	for i, order := range [][2]int{{1, 2}, {2, 1}} {
		done.Go(func() {
			first := true
			errs[i] = db.Write(t.Context(), func(tx *Tx) error {
				if _, err := tx.Exec(t.Context(), touch, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					both.Done()
					both.Wait()
				}
				_, err := tx.Exec(t.Context(), touch, order[1])
				return err
			})
		})
	}
	done.Wait()
	var names string
	err = db.Read().QueryRowContext(t.Context(), "SELECT string_agg(name, ',') FROM things").Scan(&names)
	if errors.Join(errs...) != nil || err != nil || names != "++,++" {
		t.Errorf("names = %q, errors %v %v; want both transactions to have run once", names, errs, err)
	}
}

func TestGaveWay(t *testing.T) {
	for code, want := range map[string]bool{"40001": true, "40P01": true, "23505": false} {
		if got := gaveWay(&pgconn.PgError{Code: code}); got != want {
			t.Errorf("gaveWay(%s) = %v, want %v", code, got, want)
		}
	}
}

func TestOpenSaysWhatToGive(t *testing.T) {
	for _, url := range []string{"", "hub.db", "mysql://x", "sqlite:", "sqlite:/tmp/x.db?mode=ro", "postgres://%zz"} {
		_, err := Open(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), "open database: ") {
			t.Errorf("Open(%q) = %v, want an error that says what to give", url, err)
		}
	}
	_, err := Open(t.Context(), "postgres://u:secret@/x?host=/nowhere")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open = %v, want an error without the password", err)
	}
}

func TestRowsAreReadAndChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		scan := func(row Row) (n int64, err error) { return n, row.Scan(&n) }
		if n, err := db.Exec(t.Context(), "fill things", "INSERT INTO things (n, name) VALUES (1, ''), (2, '')"); n != 2 || err != nil {
			t.Errorf("Exec = %d, %v", n, err)
		}
		all, err := Collect(t.Context(), db.Read(), "list things", "SELECT n FROM things WHERE n > $1 ORDER BY n", scan, 0)
		if err != nil || !slices.Equal(all, []int64{1, 2}) {
			t.Errorf("Collect = %v, %v", all, err)
		}
		all, err = Collect(t.Context(), db.Read(), "list things", "SELECT name FROM things", scan)
		if all != nil || err == nil || !strings.HasPrefix(err.Error(), "list things: ") {
			t.Errorf("Collect of what is no number = %v, %v", all, err)
		}
		if _, err = db.Exec(t.Context(), "fill things", "INSERT INTO nothing VALUES (1)"); err == nil || !strings.HasPrefix(err.Error(), "fill things: ") {
			t.Errorf("Exec of what there is not = %v", err)
		}
	})
}
