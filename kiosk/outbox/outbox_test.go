package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// clock is a kiosk's two clocks: wall may be set anywhere, mono only runs.
type clock struct {
	mu   sync.Mutex
	wall time.Time
	mono time.Duration
}

func newClock() *clock { return &clock{wall: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *clock) monotonic() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+d
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = t
}

// chance is a seeded io.Reader.
type chance struct{ *rand.ChaCha8 }

func newChance(seed byte) chance { return chance{rand.NewChaCha8([32]byte{seed})} }

func config(dir string, c *clock) Config {
	return Config{Dir: dir, Place: "qt-07", Program: "test", Now: c.now, Monotonic: c.monotonic,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func mustOpen(t testing.TB, cfg Config) *Outbox {
	t.Helper()
	o, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() }) // some tests close before
	return o
}

func rating(score int) feedback.Answer {
	return feedback.Answer{Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: score}
}

func mustPut(t testing.TB, o *Outbox, request string) Receipt {
	t.Helper()
	r, err := o.Put(request, rating(5), "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func putMany(t testing.TB, o *Outbox, n int) {
	t.Helper()
	for i := range n {
		mustPut(t, o, fmt.Sprintf("many-%d-%d", headOf(t, o).Seq, i))
	}
}

func mustBranch(t testing.TB, r *Reader) wire.Branch {
	t.Helper()
	b, err := r.Branch()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func headOf(t testing.TB, o *Outbox) wire.Point { return mustBranch(t, o.Reader).Head }

func pointAt(t testing.TB, o *Outbox, seq uint64) wire.Point {
	t.Helper()
	c, held, err := o.ChainAt(seq)
	if err != nil || !held {
		t.Fatalf("ChainAt(%d) = %v, %v", seq, held, err)
	}
	return wire.At(seq, c)
}

// mark is what a hub says that holds this journal up to those records.
func mark(t testing.TB, o *Outbox, epoch, received, safe uint64) wire.Mark {
	t.Helper()
	m := wire.Mark{Journal: mustBranch(t, o.Reader).Journal, Epoch: epoch, Received: pointAt(t, o, received)}
	if safe > 0 {
		m.Safe = pointAt(t, o, safe)
	}
	return m
}

func mustAdvance(t testing.TB, o *Outbox, epoch, received, safe uint64) {
	t.Helper()
	if err := o.Advance(mark(t, o, epoch, received, safe)); err != nil {
		t.Fatal(err)
	}
}

func records(t testing.TB, o *Outbox, after uint64) []wire.Record {
	t.Helper()
	raw, err := o.Read(after, 1_000_000, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	decoded := make([]wire.Record, len(raw))
	for i, b := range raw {
		if decoded[i], err = wire.DecodeRecord(b); err != nil {
			t.Fatal(err)
		}
	}
	return decoded
}

func TestFirstRecordIsABoot(t *testing.T) {
	c := newClock()
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	o := mustOpen(t, config(dir, c))
	b := mustBranch(t, o.Reader)
	if b.Head.Seq != 1 || b.Base != wire.At(0, b.Journal.Genesis()) || b.Floor != b.Base || b.Received != b.Base || b.Safe != b.Base {
		t.Errorf("new branch = %+v", b)
	}
	boot, ok := records(t, o, 0)[0].(wire.Boot)
	if !ok || boot.Nonce != o.Boot() || boot.Place != "qt-07" || boot.Program != "test" || boot.Wall != c.now().UnixMicro() {
		t.Errorf("first record = %+v", boot)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, config(dir, c))
	if after := mustBranch(t, again.Reader); after.Journal != b.Journal || after.Head.Seq != 2 || again.Boot() == boot.Nonce {
		t.Errorf("second boot = %+v, nonce %x", after, again.Boot())
	}
}

func TestPutKeepsTheAnswer(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	c.pass(1500 * time.Millisecond)
	a := feedback.Answer{Questionnaire: "today", Version: 3, Question: "low", Language: "en", Choices: []string{"waiting", "manner"},
		Attachments: []feedback.Attachment{{Kind: feedback.AttachedWords, Reader: feedback.ReaderCases, Hash: [32]byte{7}, Size: 200}}}
	r, err := o.Put("req-1", a, "")
	if err != nil {
		t.Fatal(err)
	}
	if head := headOf(t, o); r.Seq != 2 || head.Seq != 2 || r.ID != head.Chain.ID() || r.Again {
		t.Errorf("receipt %+v, head %s", r, head)
	}
	got, ok := records(t, o, 1)[0].(wire.Answer)
	if !ok || got.Uptime != 1_500_000 || got.Question != "low" || got.Version != 3 || got.Language != "en" ||
		fmt.Sprint(got.Choices) != "[waiting manner]" || len(got.Attachments) != 1 || got.Attachments[0].Hash != [32]byte{7} {
		t.Errorf("record = %+v", got)
	}
	select {
	case <-o.Wake():
	default:
		t.Error("Wake was not signalled")
	}
}

func TestRequestRepeated(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	first := mustPut(t, o, "req-1")
	for _, when := range []string{"at once", "after a restart"} {
		c.pass(time.Hour)
		again := mustPut(t, o, "req-1")
		if again.ID != first.ID || again.Seq != first.Seq || !again.Again {
			t.Errorf("%s: receipt %+v, want %+v again", when, again, first)
		}
		if _, err := o.Put("req-1", rating(1), ""); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: other answer under the same request: %v, want ErrConflict", when, err)
		}
		if _, err := o.Put("req-1", rating(5), first.ID.String()); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: same answer replacing another: %v, want ErrConflict", when, err)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		o = mustOpen(t, config(dir, c))
	}
	if head := headOf(t, o); head.Seq != 4 { // three boots, one answer
		t.Errorf("head %d, want 4", head.Seq)
	}
}

func TestPutRefusesInWords(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	bad := rating(5)
	bad.Score = 300
	for field, put := range map[string]func() (Receipt, error){
		"request":  func() (Receipt, error) { return o.Put("", rating(5), "") },
		"request ": func() (Receipt, error) { return o.Put(strings.Repeat("ạ", 65), rating(5), "") },
		"score":    func() (Receipt, error) { return o.Put("r", bad, "") },
		"replaces": func() (Receipt, error) { return o.Put("r", rating(5), "not hex") },
	} {
		_, err := put()
		var invalid *feedback.Invalid
		if !errors.As(err, &invalid) || invalid.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := o.Put(strings.Repeat("ạ", 64), rating(5), ""); err != nil {
		t.Errorf("64 characters: %v", err)
	}
}

func TestReplaces(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	first := mustPut(t, o, "req-1")
	c.pass(59 * time.Second)
	c.set(c.now().AddDate(10, 0, 0)) // the wall clock has no say within a run
	second, err := o.Put("req-2", rating(1), first.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := records(t, o, 2)[0].(wire.Replaces); !ok || got.Earlier != first.ID || got.Answer.Score != 1 || got.Answer.Uptime != 59_000_000 {
		t.Errorf("record = %+v", got)
	}
	if again, err := o.Put("req-2", rating(1), first.ID.String()); err != nil || !again.Again || again.ID != second.ID {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	refused := func(name, request, id string) {
		t.Helper()
		var invalid *feedback.Invalid
		if _, err := o.Put(request, rating(2), id); !errors.As(err, &invalid) || invalid.Field != "replaces" {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	refused("replaced before", "req-3", first.ID.String())
	refused("unknown", "req-3", strings.Repeat("0", 32))
	refused("a boot record", "req-3", pointAt(t, o, 1).Chain.ID().String())
	c.pass(60*time.Second + time.Microsecond)
	refused("too old", "req-3", second.ID.String())

	third := mustPut(t, o, "req-4")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	c.pass(30 * time.Second)
	o = mustOpen(t, config(dir, c))
	if _, err := o.Put("req-5", rating(2), third.ID.String()); err != nil {
		t.Errorf("30 s later, after a restart: %v", err)
	}
}

// What takes an answer's place answers what that one did, or an answer to one
// question would take away that to another.
func TestReplacesItsOwnKind(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*feedback.Answer)
		kept   bool
	}{
		"the same question":     {func(a *feedback.Answer) { a.Score = 1 }, true},
		"in another language":   {func(a *feedback.Answer) { a.Language = "en" }, true},
		"skipped":               {func(a *feedback.Answer) { a.Score, a.Skipped = 0, true }, true},
		"a newer wording":       {func(a *feedback.Answer) { a.Version++ }, true},
		"another question":      {func(a *feedback.Answer) { a.Question = "staff" }, false},
		"another questionnaire": {func(a *feedback.Answer) { a.Questionnaire = "visitors" }, false},
	} {
		o := mustOpen(t, config(t.TempDir(), newClock()))
		first := mustPut(t, o, "req-1")
		for range 2 { // the second takes the place of one that took a place
			a := rating(3)
			c.change(&a)
			second, err := o.Put("req-"+first.ID.String(), a, first.ID.String())
			if invalid := (*feedback.Invalid)(nil); c.kept != (err == nil) || !c.kept && (!errors.As(err, &invalid) || invalid.Field != "replaces") {
				t.Errorf("%s: %v, want kept %v", name, err, c.kept)
			}
			if err == nil {
				first = second
			}
		}
	}
}

// A correction that waited on its page is as old as its tap.
func TestReplacesAtTheTap(t *testing.T) {
	for _, c := range []struct {
		name       string
		since, ago time.Duration
		restart    bool
		kept       bool
	}{
		{"tapped in time, brought late", 5 * time.Minute, 4*time.Minute + 30*time.Second, false, true},
		{"tapped in time, brought late after a restart", 5 * time.Minute, 4*time.Minute + 30*time.Second, true, true},
		{"tapped before the first was kept", time.Minute, 2 * time.Minute, false, true},
		{"tapped too late", 5 * time.Minute, 3*time.Minute + 59*time.Second, false, false},
		{"longer ago than is believed", 12 * time.Minute, 12 * time.Minute, false, false},
		{"in the future", 61 * time.Second, -time.Minute, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock, dir := newClock(), t.TempDir()
			o := mustOpen(t, config(dir, clock))
			first := mustPut(t, o, "req-1")
			clock.pass(c.since)
			if c.restart {
				if err := o.Close(); err != nil {
					t.Fatal(err)
				}
				o = mustOpen(t, config(dir, clock))
			}
			receipt, err := o.PutTapped("req-2", rating(1), first.ID.String(), Tap{Ago: c.ago})
			if invalid := (*feedback.Invalid)(nil); c.kept != (err == nil) || !c.kept && (!errors.As(err, &invalid) || invalid.Field != "replaces") {
				t.Fatalf("PutTapped = %v", err)
			}
			if again, err := o.PutTapped("req-2", rating(1), first.ID.String(), Tap{Ago: c.ago + time.Second}); c.kept && (err != nil || !again.Again || again.ID != receipt.ID) {
				t.Errorf("repeated a second later: %+v, %v", again, err)
			}
		})
	}
}

func TestClock(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	c.pass(time.Minute)
	if err := o.Clock(wire.Clock{Cause: wire.ClockHub, Hub: 42, Width: 7}); err != nil {
		t.Fatal(err)
	}
	got, ok := records(t, o, 1)[0].(wire.Clock)
	if !ok || got.Uptime != 60_000_000 || got.Wall != c.now().UnixMicro() || got.Cause != wire.ClockHub || got.Hub != 42 || got.Width != 7 {
		t.Errorf("record = %+v", got)
	}
	if o.Uptime() != time.Minute {
		t.Errorf("Uptime = %v", o.Uptime())
	}
}

func TestReadStopsAtItsLimits(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	putMany(t, o, 20)
	all, err := o.Read(0, 1000, 1<<20)
	if err != nil || len(all) != 21 {
		t.Fatalf("read %d, %v", len(all), err)
	}
	for _, limit := range []struct{ after, most, bytes, want int }{
		{0, 5, 1 << 20, 5}, {15, 100, 1 << 20, 6}, {21, 10, 100, 0}, {22, 10, 100, 0},
		{1, 100, 1, 1}, {1, 100, 3 * len(all[1]), 3}, {1, 100, 3*len(all[1]) + 1, 3},
	} {
		got, err := o.Read(uint64(limit.after), limit.most, limit.bytes)
		if err != nil || len(got) != limit.want {
			t.Errorf("%+v: %d records, %v", limit, len(got), err)
		}
	}
}

func TestBacklog(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	var walls []int64
	for i := range 10 {
		c.pass(time.Minute)
		walls = append(walls, c.now().UnixMicro())
		mustPut(t, o, fmt.Sprint(i))
	}
	check := func(received int) {
		t.Helper()
		raw, err := o.Read(uint64(received), 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		want := Backlog{Records: uint64(len(raw))}
		for _, b := range raw {
			want.Bytes += uint64(len(b))
		}
		if received < 11 {
			want.Oldest = walls[received-1]
		}
		if got, err := o.Backlog(); err != nil || got != want {
			t.Errorf("received %d: %+v, %v; want %+v", received, got, err, want)
		}
	}
	for _, received := range []uint64{1, 5, 11} {
		mustAdvance(t, o, 1, received, received)
		check(int(received))
	}
	if _, err := o.Prune(0); err != nil {
		t.Fatal(err)
	}
	check(11)
}

func TestReaderBesideTheAgent(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("no journal: %v", err)
	}
	o := mustOpen(t, config(dir, newClock()))
	putMany(t, o, 3)
	for range 2 {
		r, err := OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		if b := mustBranch(t, r); b.Head.Seq != 4 {
			t.Errorf("head %d, want 4", b.Head.Seq)
		}
		if b, err := r.Backlog(); err != nil || b.Records != 4 {
			t.Errorf("backlog %+v, %v", b, err)
		}
		if err := errors.Join(r.Close(), o.Close()); err != nil { // the second time without the agent
			t.Fatal(err)
		}
	}
}

func TestOneAgentPerFolder(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	o := mustOpen(t, cfg)
	if _, err := Open(cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open = %v, want ErrLocked", err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, cfg)
}

func TestFileRemovedUnderneath(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	o := mustOpen(t, cfg)
	if err := os.Remove(filepath.Join(cfg.Dir, fileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Put("req", rating(5), ""); !errors.Is(err, ErrGone) {
		t.Errorf("Put into a removed file = %v, want ErrGone", err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if mustOpen(t, cfg); !strings.Contains(log.String(), "journal was missing") {
		t.Errorf("a new journal where one was before, and the log says %q", log.String())
	}
}

// A copy put back over the file while it is open: the open one is elsewhere now.
func TestFileReplacedUnderneath(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	o := mustOpen(t, cfg)
	path := filepath.Join(cfg.Dir, fileName)
	b, err := os.ReadFile(path)
	if err == nil {
		err = errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Put("req", rating(5), ""); !errors.Is(err, ErrGone) || !MustReopen(err) {
		t.Errorf("Put into a replaced file = %v, want ErrGone", err)
	}
}

func TestPutsTakeTurns(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				if _, err := o.Put(fmt.Sprintf("%d", j), rating(5), ""); err != nil { // the same ten from all
					t.Error(i, err)
				}
				if _, err := o.Read(0, 100, 1<<20); err != nil {
					t.Error(i, err)
				}
			}
		})
	}
	wg.Wait()
	if head := headOf(t, o); head.Seq != 11 {
		t.Errorf("head %d, want 11: each request once", head.Seq)
	}
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
}
