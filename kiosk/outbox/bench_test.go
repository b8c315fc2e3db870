package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"nghe/shared/sqlite"
)

// BenchmarkPut keeps ratings, each beside one bare one-row FULL transaction on
// the same disk, taking turns at going first, and reports how many of those a
// Put costs, median against median.
func BenchmarkPut(b *testing.B) {
	o := mustOpen(b, config(b.TempDir(), newClock()))
	bare := mustBare(b)
	put := func(i int) error {
		_, err := o.Put(fmt.Sprintf("request-%d", i), rating(5), "")
		return err
	}
	var ours, theirs []time.Duration
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			ours, theirs = append(ours, took(b, put, i)), append(theirs, took(b, bare, i))
		} else {
			theirs, ours = append(theirs, took(b, bare, i)), append(ours, took(b, put, i))
		}
	}
	b.ReportMetric(float64(median(ours)), "ns/put")
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "ratio")
}

func took(b *testing.B, f func(int) error, i int) time.Duration {
	start := time.Now()
	if err := f(i); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func mustBare(b *testing.B) func(int) error {
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(b.TempDir(), "bare.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() }) // nothing is read from it again
	files := fstest.MapFS{"00001_bare.sql": &fstest.MapFile{
		Data: []byte("-- +goose Up\nCREATE TABLE bare (id INTEGER PRIMARY KEY, said TEXT NOT NULL) STRICT;\n")}}
	if err := db.Migrate(files, "step"); err != nil {
		b.Fatal(err)
	}
	return func(i int) error {
		return db.Write(context.Background(), func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO bare (id, said) VALUES (?, 'a rating takes about so many bytes')", i)
			return err
		})
	}
}

// BenchmarkRead reads what an uplink sends in one batch.
func BenchmarkRead(b *testing.B) {
	o := mustOpen(b, config(b.TempDir(), newClock()))
	putMany(b, o, 2000)
	for b.Loop() {
		got, err := o.Read(0, 2000, 1<<20)
		if err != nil || len(got) != 2000 {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
