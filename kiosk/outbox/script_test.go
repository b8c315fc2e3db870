package outbox

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/sqlite/powercut"
	"nghe/shared/wire"
)

// kept is one request that was acknowledged.
type kept struct {
	at       int // operations of the disk when it was
	request  string
	score    int
	replaces string
	receipt  Receipt
	bytes    []byte
}

// stand is where the journal stood when a step was acknowledged.
type stand struct {
	at     int
	branch wire.Branch
}

// script plays a kiosk's days on a recorded disk and keeps what was promised.
type script struct {
	t    testing.TB
	dir  string
	disk *powercut.Disk
	cl   *clock
	weak bool // run with the driver's own synchronous=NORMAL
	o    *Outbox

	kept   []kept
	stands []stand
	next   int

	// Where a step that was killed would have led: the process after it may
	// find the journal there, until its opening is done.
	killed *wire.Branch
	opened int // operations when it was
}

func newScript(t testing.TB, weak bool) *script {
	dir := t.TempDir()
	disk, err := powercut.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, dir: dir, disk: disk, cl: newClock(), weak: weak}
	t.Cleanup(func() {
		if s.o != nil {
			s.o.Close()
		}
		s.disk.Close()
	})
	return s
}

func (s *script) config() Config {
	cfg := config(s.dir, s.cl)
	cfg.VFS, cfg.SyncDir = s.disk.VFS(), s.disk.SyncDir
	return cfg
}

// noted keeps where the journal stands after an acknowledged step.
func (s *script) noted(err error) error {
	if err != nil {
		return err
	}
	b, err := s.o.Branch()
	s.stands = append(s.stands, stand{s.disk.Ops(), b})
	return err
}

func (s *script) open() (err error) {
	if s.o, err = Open(s.config()); err != nil {
		s.o = nil
		return err
	}
	if err := s.noted(nil); err != nil {
		return err
	}
	if s.weak {
		pragma(s.t, s.o, "PRAGMA synchronous = NORMAL")
	}
	return nil
}

func (s *script) reopen() error {
	if s.o != nil {
		closing := s.o.Close()
		s.o = nil
		if closing != nil {
			return closing
		}
	}
	return s.open()
}

func (s *script) put(n int) error {
	for range n {
		s.cl.pass(3 * time.Second)
		request := fmt.Sprintf("request-%d", s.next)
		replaces := ""
		if len(s.kept) > 0 && s.next%5 == 4 {
			replaces = s.kept[len(s.kept)-1].receipt.ID.String()
		}
		score := 1 + s.next%5
		var tap Tap
		if s.next%3 == 2 {
			tap.Rules = []feedback.Rule{feedback.RuleBurst}
		}
		r, err := s.o.PutTapped(request, rating(score), replaces, tap)
		if err := s.noted(err); err != nil {
			return err
		}
		at := s.disk.Ops()
		raw, err := s.o.Read(r.Seq-1, 1, 1<<20)
		if err != nil {
			return err
		}
		s.kept = append(s.kept, kept{at, request, score, replaces, r, raw[0]})
		s.next++
	}
	return nil
}

// advance says that the hub holds all but the last few.
func (s *script) advance(epoch, behind, unsafe uint64) error {
	b, err := s.o.Branch()
	if err != nil {
		return err
	}
	m := wire.Mark{Journal: b.Journal, Epoch: epoch}
	for to, back := range map[*wire.Point]uint64{&m.Received: behind, &m.Safe: unsafe} {
		seq := max(b.Floor.Seq, b.Head.Seq-back)
		chain, held, err := s.o.ChainAt(seq)
		if err != nil || !held {
			return fmt.Errorf("no chain at %d: %w", seq, err)
		}
		*to = wire.At(seq, chain)
	}
	return s.noted(s.o.Advance(m))
}

func (s *script) prune() error {
	s.cl.pass(5 * time.Second)
	_, err := s.o.Prune(time.Second)
	return s.noted(err)
}

// steps is the whole play; each must be safe to repeat after a failure.
func (s *script) steps() []func() error {
	put := func(n int) func() error {
		return func() error { return s.put(n) }
	}
	return []func() error{
		s.open, put(6),
		func() error { return s.advance(1, 2, 4) },
		func() error { return s.noted(s.o.Clock(wire.Clock{Cause: wire.ClockReading})) },
		put(4), s.prune, put(3),
		func() error { return s.noted(s.o.Fork(wire.JournalFork{Cause: wire.ForkAhead})) },
		put(3),
		func() error { return s.noted(s.o.db.Checkpoint()) },
		put(5),
		func() error { return s.advance(2, 0, 5) },
		s.prune, s.reopen, put(4),
		func() error { return s.noted(s.o.Fork(wire.JournalFork{Cause: wire.ForkBehind})) },
		func() error { return s.advance(3, 1, 1) },
		put(2), s.prune, s.reopen, put(3),
	}
}

func (s *script) run() error {
	for i, step := range s.steps() {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// within is where the journal may stand after a cut at a moment: where the last
// acknowledged step left it, or where the step in flight leads.
func (s *script) within(at int) (allowed []wire.Branch) {
	for i, is := range s.stands {
		if is.at > at {
			allowed = append(allowed, is.branch)
			break
		}
		if i+1 == len(s.stands) || s.stands[i+1].at > at {
			allowed = append(allowed, is.branch)
		}
	}
	if s.killed != nil && at < s.opened {
		allowed = append(allowed, *s.killed)
	}
	return allowed
}

// judge opens what was left of the disk at a moment, with the code and the
// settings of production, and says which promise is broken.
func (s *script) judge(at int, left powercut.State) error {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := left.Save(dir); err != nil {
		return err
	}
	disk, err := powercut.Record(dir)
	if err != nil {
		return err
	}
	defer disk.Close()
	cfg := config(dir, newClock())
	cfg.VFS, cfg.SyncDir = disk.VFS(), disk.SyncDir
	o, err := Open(cfg)
	if err != nil {
		return fmt.Errorf("does not open: %w", err)
	}
	defer o.Close()
	return errors.Join(s.judgeStand(o, at), s.judgeKept(o, at), judgeWhole(o), s.judgeRepeat(o, at))
}

// judgeStand: apart from the boot record that opening appended, the journal
// stands exactly where an acknowledged step left it, or the one in flight.
func (s *script) judgeStand(o *Outbox, at int) error {
	b, err := o.Branch()
	if err != nil {
		return err
	}
	raw, err := o.Read(b.Head.Seq-1, 1, 1<<20)
	if err != nil || len(raw) != 1 {
		return fmt.Errorf("no last record: %w", err)
	}
	last, err := wire.DecodeRecord(raw[0])
	if boot, ok := last.(wire.Boot); !ok || boot.Nonce != o.Boot() {
		return fmt.Errorf("last record is not this boot's: %v, %w", last, err)
	}
	if b.Received.Seq > b.Head.Seq || b.Safe.Seq > b.Received.Seq || b.Floor.Seq > b.Safe.Seq {
		return fmt.Errorf("watermarks out of order: %+v", b)
	}
	if b.Head.Seq == 1 && (len(s.stands) == 0 || at < s.stands[0].at) {
		return nil // cut before the first open returned: a new journal
	}
	c, held, err := o.ChainAt(b.Head.Seq - 1)
	if err != nil || !held {
		return fmt.Errorf("no chain below the head: %w", err)
	}
	b.Head = wire.At(b.Head.Seq-1, c)
	if !slices.Contains(s.within(at), b) {
		return fmt.Errorf("stands at %+v, allowed are %+v", b, s.within(at))
	}
	return nil
}

func (s *script) judgeKept(o *Outbox, at int) error {
	b, err := o.Branch()
	if err != nil {
		return err
	}
	for _, k := range s.kept {
		if k.at > at || k.receipt.Seq <= b.Floor.Seq {
			continue
		}
		raw, err := o.Read(k.receipt.Seq-1, 1, 1<<20)
		if err != nil || len(raw) != 1 || string(raw[0]) != string(k.bytes) {
			return fmt.Errorf("record %d of %s is gone or changed: %w", k.receipt.Seq, k.request, err)
		}
		if c, _, err := o.ChainAt(k.receipt.Seq); err != nil || c.ID() != k.receipt.ID {
			return fmt.Errorf("record %d has another id: %w", k.receipt.Seq, err)
		}
	}
	return nil
}

func judgeWhole(o *Outbox) error {
	aside, err := o.Quarantined()
	if err == nil && len(aside) > 0 {
		err = fmt.Errorf("set aside %v", aside)
	}
	return errors.Join(err, o.Verify(), integrity(o.db.Read()))
}

func integrity(db *sql.DB) error {
	var found string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("integrity_check: %s", found)
	}
	return nil
}

// judgeRepeat plays the page that had no answer and repeats its request, and
// the one that had its answer and asks again.
func (s *script) judgeRepeat(o *Outbox, at int) error {
	for i, k := range s.kept {
		if k.at <= at && i+1 < len(s.kept) && s.kept[i+1].at <= at {
			continue // not the last acknowledged
		}
		r, err := o.Put(k.request, rating(k.score), k.replaces)
		switch {
		case err != nil && k.replaces == "":
			return fmt.Errorf("repeat %s: %w", k.request, err)
		case k.at <= at && (err != nil || !r.Again || r.ID != k.receipt.ID):
			return fmt.Errorf("acknowledged %s repeated: %+v, %v; want %+v", k.request, r, err, k.receipt)
		}
		if k.at > at {
			break // the one in flight
		}
	}
	return o.Verify()
}

func isAnswer(r wire.Record) bool {
	switch r.(type) {
	case wire.Answer, wire.Replaces:
		return true
	}
	return false
}
