package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A copy made under writes is one moment of the database, whole.
func TestCopyToIsOneMoment(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(Config{Path: filepath.Join(dir, "a b.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	put := func(n int) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error {
			for _, table := range []string{"one", "two"} {
				if _, err := tx.Exec(fmt.Sprintf("INSERT INTO %s VALUES (%d, zeroblob(2000))", table, n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("CREATE TABLE one (n INTEGER PRIMARY KEY, b BLOB) STRICT; CREATE TABLE two (n INTEGER PRIMARY KEY, b BLOB) STRICT")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				if err := put(n); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range 5 {
		copied := filepath.Join(dir, fmt.Sprintf("copy %d.db", i))
		if err := db.CopyTo(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if err := db.CopyTo(t.Context(), copied); !errors.Is(err, os.ErrExist) {
			t.Errorf("a copy over another: %v", err)
		}
		info, err := os.Stat(copied)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, %v", info.Mode(), err)
		}
		c, err := Open(Config{Path: copied})
		if err != nil {
			t.Fatal(err)
		}
		var one, two int
		err = errors.Join(c.Check(), c.Read().QueryRow("SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)").Scan(&one, &two), c.Close())
		if err != nil || one != two {
			t.Errorf("copy %d holds %d and %d rows, %v", i, one, two, err)
		}
	}
	close(stop)
	writing.Wait()
}
