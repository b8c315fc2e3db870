package media

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// clock is a kiosk's two clocks: wall may be set anywhere, mono only runs.
type clock struct {
	wall time.Time
	mono time.Duration
}

func newClock() *clock { return &clock{wall: time.Date(2026, 11, 23, 15, 4, 5, 0, time.Local)} }

func (c *clock) pass(d time.Duration) { c.wall, c.mono = c.wall.Add(d), c.mono+d }

func config(dir string, c *clock) Config {
	return Config{Dir: dir, Slots: 4, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return c.wall }, Monotonic: func() time.Duration { return c.mono },
		Free: func(string) (int64, error) { return 1 << 40, nil }}
}

func mustOpen(t testing.TB, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func mustPut(t testing.TB, s *Spool, sealed []byte) blob.Ref {
	t.Helper()
	ref, err := s.Put(sealed, feedback.AttachedWords)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// named is a journal that names these blobs.
type named map[blob.Hash]bool

func (n named) Names(h [32]byte) (bool, error) { return n[h], nil }
func (n named) Forget(h [32]byte) error        { delete(n, h); return nil }

func hashes(s *Spool, state State) (all []blob.Hash) {
	for e := range s.In(state) {
		all = append(all, e.Ref.Hash)
	}
	return all
}

func TestBlobIsKeptAndReadBack(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	s := mustOpen(t, cfg)
	content := random(blob.ChunkSize + 100)
	ref := mustPut(t, s, content)
	if ref != blob.Of(content) {
		t.Fatalf("Put = %v", ref)
	}
	for _, s := range []*Spool{s, mustOpen(t, cfg)} {
		var got []byte
		for off := uint64(0); off < ref.Size; {
			part, err := s.ReadAt(ref.Hash, off, blob.ChunkSize)
			ok(t, err)
			got, off = append(got, part...), off+uint64(len(part))
		}
		if !bytes.Equal(got, content) {
			t.Error("read back other bytes")
		}
		if rest, err := s.ReadAt(ref.Hash, ref.Size, 10); err != nil || len(rest) != 0 {
			t.Errorf("at its end: %d bytes, %v", len(rest), err)
		}
		if _, err := s.ReadAt(ref.Hash, ref.Size+1, 10); !errors.Is(err, ErrGone) {
			t.Errorf("beyond its end: %v", err)
		}
		if e, here := s.Find(ref.Hash); !here || e.Kind != feedback.AttachedWords || e.State != Pending || e.Ref != ref {
			t.Errorf("Find = %+v, %v", e, here)
		}
	}
	if _, err := s.ReadAt(blob.Hash{1}, 0, 1); !errors.Is(err, ErrGone) {
		t.Errorf("a blob that is not here: %v", err)
	}
}

func TestSameBytesAreKeptOnce(t *testing.T) {
	s := mustOpen(t, config(t.TempDir(), newClock()))
	content := random(1000)
	first, again := mustPut(t, s, content), mustPut(t, s, content)
	if n, size := s.Count(Pending); first != again || n != 1 || size != 1000 {
		t.Errorf("%v, then %v; %d blobs of %d bytes", first, again, n, size)
	}
}

func TestBlobsComeInOrderOfArrival(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	s := mustOpen(t, cfg)
	var want []blob.Hash
	for range 40 {
		want = append(want, mustPut(t, s, random(10)).Hash)
	}
	s = mustOpen(t, cfg)
	want = append(want, mustPut(t, s, random(10)).Hash)
	if got := hashes(s, Pending); !slices.Equal(got, want) {
		t.Error("listed in another order")
	}
	for i, h := range want {
		e, more := s.First(Pending, func(h blob.Hash) bool { return slices.Contains(want[:i], h) })
		if !more || e.Ref.Hash != h {
			t.Fatalf("first of the rest, %d = %v, %v", i, e, more)
		}
	}
	if _, more := s.First(Pending, func(blob.Hash) bool { return true }); more {
		t.Error("one more after the last")
	}
}

func TestStatesSurviveARestart(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	s := mustOpen(t, cfg)
	at := map[State]blob.Hash{}
	for _, state := range states {
		at[state] = mustPut(t, s, []byte(state)).Hash
	}
	held, err := s.Hold([]byte("hold"), feedback.AttachedVoice)
	ok(t, err)
	ok(t, s.Delete(at[Held]))
	at[Held] = held.Hash
	ok(t, s.Stored(at[Stored]))
	ok(t, s.Archived(at[Archived]))
	ok(t, s.Refused(at[Refused]))
	for _, s := range []*Spool{s, mustOpen(t, cfg)} {
		for state, h := range at {
			if got := hashes(s, state); !slices.Equal(got, []blob.Hash{h}) {
				t.Errorf("%s holds %v, want %s", state, got, h)
			}
		}
		if e, _ := s.Find(at[Archived]); e.At != c.wall.UnixMicro() {
			t.Errorf("archived at %d", e.At)
		}
	}
	ok(t, s.Stored(at[Archived])) // late: it has come further already
	ok(t, s.Stored(blob.Hash{9}))
	ok(t, s.Again(at[Archived], at[Refused], at[Stored], at[Held], blob.Hash{9}))
	want := []blob.Hash{at[Pending], at[Archived], at[Refused], at[Stored]}
	for _, s := range []*Spool{s, mustOpen(t, cfg)} {
		if got := hashes(s, Pending); !slices.Equal(got, want) {
			t.Errorf("to be sent again: %v, want %v", got, want)
		}
	}
}

func TestDelete(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	s := mustOpen(t, cfg)
	for _, move := range []func(blob.Hash) error{func(blob.Hash) error { return nil }, s.Stored, s.Archived, s.Refused} {
		h := mustPut(t, s, random(100)).Hash
		ok(t, move(h))
		ok(t, s.Delete(h))
		ok(t, s.Delete(h))
		if _, here := s.Find(h); here || files(t, cfg.Dir) != 0 {
			t.Error("a deleted blob is still here")
		}
	}
	if s.bytes != 0 {
		t.Errorf("%d bytes counted of nothing", s.bytes)
	}
}

// files counts all but empty slots.
func files(t testing.TB, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && !(isSlot(d.Name()) && info.Size() == 0) {
			n++
		}
		return err
	})
	ok(t, err)
	return n
}

func TestSweep(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	s := mustOpen(t, cfg)
	j := named{}
	put := func(name bool) blob.Hash {
		h := mustPut(t, s, random(50)).Hash
		if name {
			j[h] = true
		}
		return h
	}
	orphan, wanted, stored, archived := put(false), put(true), put(true), put(true)
	ok(t, s.Stored(stored))
	ok(t, s.Archived(archived))
	for _, step := range []struct {
		pass time.Duration
		set  time.Time // where the wall clock jumps to
		want Swept
		left []blob.Hash
	}{
		{0, time.Time{}, Swept{}, []blob.Hash{orphan, wanted, stored, archived}},
		{23 * time.Hour, time.Time{}, Swept{}, []blob.Hash{orphan, wanted, stored, archived}},
		{0, c.wall.AddDate(10, 0, 0), Swept{Archived: 1}, []blob.Hash{orphan, wanted, stored}},
		{2 * time.Hour, time.Time{}, Swept{Orphans: 1}, []blob.Hash{wanted, stored}},
		{400 * 24 * time.Hour, time.Time{}, Swept{}, []blob.Hash{wanted, stored}},
	} {
		if c.pass(step.pass); !step.set.IsZero() {
			c.wall = step.set
		}
		got, err := s.Sweep(j, 7*24*time.Hour)
		if err != nil || got != step.want {
			t.Errorf("after %v: swept %+v, %v; want %+v", step.pass, got, err, step.want)
		}
		for _, h := range []blob.Hash{orphan, wanted, stored, archived} {
			if _, here := s.Find(h); here != slices.Contains(step.left, h) {
				t.Errorf("after %v: blob %s here: %v", step.pass, h, here)
			}
		}
	}
	if j[archived] || !j[wanted] {
		t.Error("the journal still names what was let go, or forgot what was not")
	}
}

// After a restart nobody comes to name a blob any more; only its age by the
// wall clock is left.
func TestSweepOrphanOfAnEarlierRun(t *testing.T) {
	c := newClock()
	c.wall = time.Now()
	cfg := config(t.TempDir(), c)
	mustPut(t, mustOpen(t, cfg), random(10))
	s := mustOpen(t, cfg)
	for want, after := range map[int]time.Duration{0: 23 * time.Hour} {
		c.pass(after)
		if got, err := s.Sweep(named{}, 0); err != nil || got.Orphans != want {
			t.Errorf("after %v: %+v, %v", after, got, err)
		}
	}
	c.pass(2 * time.Hour)
	if got, err := s.Sweep(named{}, 0); err != nil || got.Orphans != 1 {
		t.Errorf("a day later: %+v, %v", got, err)
	}
}

func TestQuotaAndReserve(t *testing.T) {
	free, reserve := int64(1000), int64(0)
	cfg := config(t.TempDir(), newClock())
	cfg.Quota = 600
	cfg.Free = func(string) (int64, error) { return free, nil }
	cfg.Reserve = func() int64 { return reserve }
	s := mustOpen(t, cfg)
	mustPut(t, s, random(400))
	if _, err := s.Put(random(201), feedback.AttachedPhoto); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the quota: %v", err)
	}
	last := mustPut(t, s, random(200))
	ok(t, s.Delete(last.Hash))
	free, reserve = 500, 400
	if _, err := s.Put(random(101), feedback.AttachedPhoto); !errors.Is(err, ErrFull) {
		t.Errorf("into the reserve: %v", err)
	}
	mustPut(t, s, random(100))
	if n := files(t, cfg.Dir); n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestTooLargeForAnyHub(t *testing.T) {
	s := mustOpen(t, config(t.TempDir(), newClock()))
	if _, err := s.Put(make([]byte, blob.Largest+1), feedback.AttachedPhoto); !errors.Is(err, ErrTooLarge) {
		t.Errorf("kept what no hub takes: %v", err)
	}
	mustPut(t, s, make([]byte, blob.Largest))
}

func TestLevel(t *testing.T) {
	room := int64(0)
	cfg := config(t.TempDir(), newClock())
	cfg.Steps = Steps{Early: 800, NoVoice: 400, NoPhoto: 200, NoWords: 100}
	cfg.Free = func(string) (int64, error) { return room, nil }
	s := mustOpen(t, cfg)
	for _, step := range []struct {
		room  int64
		want  Level
		tight bool
	}{
		{800, OK, false}, {799, OK, true}, {400, OK, true}, {399, NoVoice, true}, {200, NoVoice, true}, {199, NoPhoto, true},
		{99, NoWords, true}, {-50, NoWords, true}, {110, NoWords, true}, {125, NoPhoto, true}, {240, NoPhoto, true}, {250, NoVoice, true},
		{498, NoVoice, true}, {500, OK, true}, {-1, NoWords, true}, {2000, OK, false},
	} {
		room = step.room
		if got := s.Level(); got != step.want || s.Tight() != step.tight {
			t.Errorf("with %d bytes: %v, tight %v; want %v, %v", room, got, s.Tight(), step.want, step.tight)
		}
	}
	for kind, want := range map[feedback.AttachmentKind]Level{feedback.AttachedVoice: OK, feedback.AttachedPhoto: NoVoice, feedback.AttachedWords: NoPhoto, feedback.AttachedContact: NoPhoto} {
		if !want.Takes(kind) || (want + 1).Takes(kind) {
			t.Errorf("kind %d is not given up right after %v", kind, want)
		}
	}
	s.cfg.Free = func(string) (int64, error) { return 0, errors.New("input/output error") }
	if s.Level() != NoWords {
		t.Error("takes what it cannot know to have room for")
	}
	if _, err := s.Put(random(1), feedback.AttachedWords); err == nil {
		t.Error("keeps what it cannot know to have room for")
	}
}

func TestRealDiskHasRoom(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	if room, err := s.Room(); err != nil || room <= 0 {
		t.Errorf("Room = %d, %v", room, err)
	}
}

func TestFilesThatAreNoBlobsAreLeftAlone(t *testing.T) {
	var log bytes.Buffer
	cfg := config(t.TempDir(), newClock())
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := mustOpen(t, cfg)
	whole := mustPut(t, s, random(10))
	e, _ := s.Find(whole.Hash)
	ok(t, os.Truncate(s.path(e), 9))
	for _, name := range []string{"notes.txt", "0000000000000001-1-10-zz", strings.Repeat("0", 16) + "-1-1-" + whole.Hash.String() + "x", ".half-1.tmp"} {
		ok(t, os.WriteFile(filepath.Join(cfg.Dir, "pending", name), nil, 0o600))
	}
	s = mustOpen(t, cfg)
	if n, _ := s.Count(Pending); n != 0 || files(t, cfg.Dir) != 4 {
		t.Errorf("%d blobs, %d files", n, files(t, cfg.Dir))
	}
	if strings.Count(log.String(), "level=ERROR") != 4 {
		t.Errorf("log: %s", log.String())
	}
}

func TestManyAtOnce(t *testing.T) {
	s := mustOpen(t, config(t.TempDir(), newClock()))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				ref, err := s.Put(random(100), feedback.AttachedVoice)
				if err == nil {
					_, err = s.ReadAt(ref.Hash, 0, 100)
				}
				if err == nil && i%2 == 0 {
					err = s.Stored(ref.Hash)
				}
				if err == nil {
					s.First(Pending, func(blob.Hash) bool { return false })
					_, err = s.ReadAt(ref.Hash, 10, 100)
				}
				if err != nil {
					t.Error(fmt.Errorf("worker %d: %w", i, err))
				}
			}
		})
	}
	wg.Wait()
	if n, _ := s.Count(Pending); n != 40 {
		t.Errorf("%d to be sent, want 40", n)
	}
}
