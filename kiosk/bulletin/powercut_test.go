package bulletin

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"nghe/shared/sqlite/powercut"
	"nghe/shared/wire"
)

var cuts = flag.Int("powercut.n", 600, "states after a power cut to look at")

func putRottenSheet(tx *sql.Tx) error {
	_, err := tx.Exec(query("put sheet"), sql.Named("body", []byte("rotten")))
	return err
}

// stand is what the kiosk knew when a step was acknowledged.
type stand struct {
	at   int // operations of the disk
	dump string
}

// script plays a kiosk's bulletins on a recorded disk.
type script struct {
	t      testing.TB
	dir    string
	disk   *powercut.Disk
	weak   bool // run with the driver's own synchronous=NORMAL
	b      *Bulletin
	stands []stand
}

var tags = []string{"a", "b", "c", "d", "e", "f"}

func (s *script) open() (err error) {
	if s.b, err = Open(Config{Dir: s.dir, VFS: s.disk.VFS(), SyncDir: s.disk.SyncDir, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	if s.weak { // only a step outside a transaction can
		text := fmt.Sprintf("-- +goose NO TRANSACTION\n-- +goose Up\nPRAGMA synchronous = NORMAL; -- %d\n", len(s.stands))
		err = s.b.db.Migrate(fstest.MapFS{"00001_weak.sql": {Data: []byte(text)}}, fmt.Sprint("weak_", len(s.stands)))
	}
	return err
}

func (s *script) noted(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := dump(s.b, tags...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.stands = append(s.stands, stand{s.disk.Ops(), d})
}

func (s *script) play() {
	s.noted(s.open())
	s.noted(s.b.Trust(public(custody)))
	for version := 1; version <= 24; version++ {
		body := boxes(fmt.Sprintf("%s state %d", tags[version%len(tags)], version), fmt.Sprintf("%s state %d", tags[version/2%len(tags)], version))
		switch version % 6 {
		case 0:
			body.Sheet = []wire.Sheet{sheetOf(s.t, version)}
		case 2:
			body.Gone = [][16]byte{tagOf(tags[(version+3)%len(tags)])}
			body.Revoked = []string{fmt.Sprint("device-", version)}
		case 1, 4:
			body.Clips = said("vi/"+tags[version/3%len(tags)], fmt.Sprint("version ", version), 3)
		case 3:
			body.Forget = uint64(version - 3)
			body.Deleted = []wire.Deletion{{Kind: wire.DeletedBlob, Name: []byte{byte(version)}}}
		case 5:
			if err := s.b.Close(); err != nil {
				s.t.Fatal(err)
			}
			s.noted(s.open())
		}
		if version == 16 {
			s.noted(s.b.db.Checkpoint())
		}
		s.noted(s.b.Apply(signed(s.t, custody, uint64(version), body)))
	}
}

func played(t *testing.T, weak bool) *script {
	t.Helper()
	s := &script{t: t, dir: t.TempDir(), weak: weak}
	var err error
	if s.disk, err = powercut.Record(s.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.b != nil {
			s.b.Close()
		}
		s.disk.Close()
	})
	s.play()
	return s
}

// allowed is what a kiosk may know after a cut: what it was told last, or the
// bulletin it was just taking.
func (s *script) allowed(at int) (all []string) {
	for i, is := range s.stands {
		if is.at > at {
			return append(all, is.dump)
		}
		if i+1 == len(s.stands) || s.stands[i+1].at > at {
			all = append(all, is.dump)
		}
	}
	return all
}

func (s *script) judge(at int, left powercut.State) error {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := left.Save(dir); err != nil {
		return err
	}
	b, err := Open(Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("does not open: %w", err)
	}
	defer b.Close()
	if _, err := os.Stat(dir + "/" + damagedName); err == nil {
		return errors.New("was set aside as damaged")
	}
	got, err := dump(b, tags...)
	if err != nil {
		return err
	}
	if !slices.Contains(s.allowed(at), got) {
		return fmt.Errorf("knows\n%s, allowed are\n%q", got, s.allowed(at))
	}
	return nil
}

// survey cuts the power at n moments, in every way.
func (s *script) survey(n int) (broken []error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var next atomic.Int64
	ops := s.disk.Ops()
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				at, choice := i%(ops+1), powercut.Choices[(i+i/(ops+1))%len(powercut.Choices)]
				if err := s.judge(at, s.disk.Cut(at, choice, uint64(i))); err != nil {
					mu.Lock()
					broken = append(broken, fmt.Errorf("cut at %d of %d (%v): %w", at, ops, choice, err))
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return broken
}

// The power is cut at every operation: a bulletin was applied whole or not at
// all, and what was applied before is there.
func TestPowerCut(t *testing.T) {
	s := played(t, false)
	n := *cuts
	if testing.Short() {
		n = min(n, 100)
	}
	t.Logf("%d states over %d operations", n, s.disk.Ops())
	if n < s.disk.Ops() && !testing.Short() {
		t.Errorf("%d operations, only %d states: some operation is never cut", s.disk.Ops(), n)
	}
	for _, err := range s.survey(n) {
		t.Error(err)
	}
}

// With synchronous=NORMAL the same play must be caught losing bulletins. If it
// is not, the test above proves nothing.
func TestPowerCutCatchesWeakSync(t *testing.T) {
	s := played(t, true)
	n := min(*cuts, 200)
	if broken := s.survey(n); len(broken) < n/20 {
		t.Errorf("%d of %d states broke a promise under synchronous=NORMAL: the harness does not bite", len(broken), n)
	}
}
