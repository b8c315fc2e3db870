package outbox

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nghe/shared/wire"
)

// Where the watermarks stand after a mark, by the rules of comparison. Head is
// 21, floor 5, received 15, safe 10, epoch 3 before each.
func TestAdvance(t *testing.T) {
	type marks struct{ epoch, received, safe uint64 }
	before := marks{3, 15, 10}
	for name, c := range map[string]struct {
		say   marks
		spoil func(*wire.Mark)
		want  marks
		err   error
	}{
		"forward":                        {say: marks{3, 20, 12}, want: marks{3, 20, 12}},
		"forward to the head":            {say: marks{3, 21, 21}, want: marks{3, 21, 21}},
		"late within the epoch":          {say: marks{3, 15, 7}, want: before},
		"forward, nothing known safe":    {say: marks{3, 20, 0}, want: marks{3, 20, 10}},
		"behind":                         {say: marks{3, 12, 11}, want: marks{3, 15, 11}},
		"behind safe":                    {say: marks{3, 8, 8}, want: before},
		"behind, nothing known safe":     {say: marks{3, 12, 0}, want: before},
		"as far as the floor":            {say: marks{3, 5, 0}, want: before},
		"restored: less":                 {say: marks{4, 12, 0}, want: marks{4, 12, 5}},
		"restored: less, some safe":      {say: marks{4, 12, 7}, want: marks{4, 12, 7}},
		"restored: as much":              {say: marks{9, 15, 0}, want: marks{9, 15, 5}},
		"restored: more":                 {say: marks{4, 20, 20}, want: marks{4, 20, 20}},
		"lower epoch":                    {say: marks{2, 20, 20}, want: before},
		"lower epoch, other chain":       {say: marks{2, 20, 20}, spoil: func(m *wire.Mark) { m.Received.Chain[0]++ }, want: before},
		"other journal":                  {say: marks{3, 20, 12}, spoil: func(m *wire.Mark) { m.Journal[0]++ }, want: before, err: ErrMark},
		"other chain":                    {say: marks{3, 20, 12}, spoil: func(m *wire.Mark) { m.Received.Chain[31]++ }, want: before, err: ErrMark},
		"other chain at safe":            {say: marks{3, 20, 12}, spoil: func(m *wire.Mark) { m.Safe.Chain[31]++ }, want: before, err: ErrMark},
		"other chain at the floor":       {say: marks{3, 5, 5}, spoil: func(m *wire.Mark) { m.Received.Chain[31]++ }, want: before, err: ErrMark},
		"beyond the head":                {say: marks{3, 21, 12}, spoil: func(m *wire.Mark) { m.Received.Seq = 22 }, want: before, err: ErrMark},
		"far beyond the head":            {say: marks{3, 21, 12}, spoil: func(m *wire.Mark) { m.Received.Seq = 1 << 63 }, want: before, err: ErrMark},
		"below the floor":                {say: marks{3, 5, 0}, spoil: func(m *wire.Mark) { m.Received.Seq = 4 }, want: before},
		"safe above received":            {say: marks{3, 16, 18}, want: before, err: ErrMark},
		"epoch out of range":             {say: marks{1 << 62, 16, 12}, want: before, err: ErrMark},
		"restored, but does not fit":     {say: marks{4, 20, 12}, spoil: func(m *wire.Mark) { m.Received.Chain[0]++ }, want: marks{4, 5, 5}, err: ErrMark},
		"restored, to the floor":         {say: marks{4, 5, 5}, want: marks{4, 5, 5}},
		"restored, below the floor":      {say: marks{4, 5, 0}, spoil: func(m *wire.Mark) { m.Received.Seq = 4 }, want: marks{4, 5, 5}},
		"restored, other journal's mark": {say: marks{4, 20, 12}, spoil: func(m *wire.Mark) { m.Journal[0]++ }, want: before, err: ErrMark},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newClock()
			o := mustOpen(t, config(t.TempDir(), cl))
			putMany(t, o, 4)
			mustAdvance(t, o, 3, 5, 5)
			if n, err := o.Prune(0); err != nil || n != 5 {
				t.Fatalf("pruned %d, %v", n, err)
			}
			putMany(t, o, 16)
			mustAdvance(t, o, 3, before.received, before.safe)

			m := mark(t, o, c.say.epoch, c.say.received, c.say.safe)
			if c.spoil != nil {
				c.spoil(&m)
			}
			if err := o.Advance(m); !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("Advance = %v, want %v", err, c.err)
			}
			b := mustBranch(t, o.Reader)
			if got := (marks{b.Epoch, b.Received.Seq, b.Safe.Seq}); got != c.want {
				t.Errorf("marks %+v, want %+v", got, c.want)
			}
			if b.Received != pointAt(t, o, b.Received.Seq) || b.Safe != pointAt(t, o, b.Safe.Seq) {
				t.Error("a watermark's chain is not the chain at its number")
			}
			if b.Safe.Seq > b.Received.Seq {
				t.Error("safe above received")
			}
		})
	}
}

func TestForkKeepsEveryRecord(t *testing.T) {
	cl := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, cl))
	putMany(t, o, 9)
	mustAdvance(t, o, 2, 8, 6)
	if _, err := o.Prune(0); err != nil {
		t.Fatal(err)
	}
	mustAdvance(t, o, 2, 10, 8)
	old := mustBranch(t, o.Reader)
	held, err := o.Read(old.Floor.Seq, 100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	kept := mustPut(t, o, "before the fork")
	cl.pass(time.Second)
	hub := wire.At(12, wire.Chain{9})
	if err := o.Fork(wire.JournalFork{From: old.Journal, Hub: hub, Cause: wire.ForkAhead}); err != nil {
		t.Fatal(err)
	}
	b := mustBranch(t, o.Reader)
	if b.Journal == old.Journal || b.Base != old.Floor || b.Floor != old.Floor || b.Received != old.Floor || b.Safe != old.Floor {
		t.Errorf("branch after the fork %+v, floor was %v", b, old.Floor)
	}
	if b.Epoch != 2 || b.FloorEpoch != 2 || b.Head.Seq != 12 {
		t.Errorf("epoch %d, floor epoch %d, head %d", b.Epoch, b.FloorEpoch, b.Head.Seq)
	}
	after, err := o.Read(b.Base.Seq, 100, 1<<20)
	if err != nil || len(after) != len(held)+2 {
		t.Fatalf("%d records held, %v; want %d", len(after), err, len(held)+2)
	}
	for i := range held {
		if string(after[i]) != string(held[i]) {
			t.Errorf("record %d changed its bytes", i)
		}
	}
	fork, ok := records(t, o, 11)[0].(wire.JournalFork)
	if !ok || fork.From != old.Journal || fork.Head != pointAt(t, o, 11) || fork.Hub != hub || fork.Cause != wire.ForkAhead || fork.Uptime != 1_000_000 {
		t.Errorf("fork record = %+v", fork)
	}
	if again := mustPut(t, o, "before the fork"); !again.Again || again.ID != kept.ID {
		t.Errorf("a request of before the fork: %+v, want %+v again", again, kept)
	}
	if err := o.Fork(wire.JournalFork{From: old.Journal}); !errors.Is(err, ErrMark) {
		t.Errorf("fork decided on the journal left behind: %v, want ErrMark", err)
	}
	if err := o.Advance(wire.Mark{Journal: old.Journal, Epoch: 2, Received: old.Received}); !errors.Is(err, ErrMark) {
		t.Errorf("mark of the journal left behind: %v, want ErrMark", err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if again := mustBranch(t, mustOpen(t, config(dir, cl)).Reader); again.Journal != b.Journal || again.Base != b.Base {
		t.Errorf("after opening again %+v", again)
	}
}

func TestForkOfAnUnprunedJournalBranchesAtGenesis(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	old := mustBranch(t, o.Reader)
	for range 2 {
		if err := o.Fork(wire.JournalFork{Cause: wire.ForkDiffers}); err != nil {
			t.Fatal(err)
		}
		if b := mustBranch(t, o.Reader); b.Base != wire.At(0, old.Journal.Genesis()) {
			t.Errorf("base %v, want the first journal's genesis", b.Base)
		}
	}
}

func TestPruneOnlyWhatIsSafeAndOld(t *testing.T) {
	cl := newClock()
	o := mustOpen(t, config(t.TempDir(), cl)) // boot is record 1
	for i := range 9 {
		cl.pass(24 * time.Hour)
		mustPut(t, o, fmt.Sprint(i)) // record i+2, day i+1
	}
	prune := func(days int, wantGone int, wantFloor uint64) {
		t.Helper()
		at := pointAt(t, o, wantFloor)
		n, err := o.Prune(time.Duration(days) * 24 * time.Hour)
		if err != nil || n != wantGone {
			t.Errorf("pruned %d, %v; want %d", n, err, wantGone)
		}
		if b := mustBranch(t, o.Reader); b.Floor != at {
			t.Errorf("floor %v, want %v", b.Floor, at)
		}
		if err := o.Verify(); err != nil {
			t.Error(err)
		}
	}
	prune(0, 0, 0) // nothing safe
	mustAdvance(t, o, 1, 8, 0)
	prune(0, 0, 0) // received is not safe
	mustAdvance(t, o, 4, 8, 6)
	prune(7, 3, 3) // days 0, 1, 2 are old
	if b := mustBranch(t, o.Reader); b.FloorEpoch != 4 {
		t.Errorf("floor epoch %d, want 4", b.FloorEpoch)
	}
	prune(0, 3, 6) // safe is the limit
	if _, err := o.Read(3, 10, 1<<20); !errors.Is(err, ErrPruned) {
		t.Errorf("read below the floor: %v, want ErrPruned", err)
	}
	cl.set(cl.now().AddDate(-20, 0, 0)) // now all times lie in the future: safe alone decides
	mustAdvance(t, o, 4, 8, 8)
	prune(7, 2, 8)
	if b := mustBranch(t, o.Reader); b.Head.Seq != 10 {
		t.Errorf("head %d, want 10", b.Head.Seq)
	}
}

// A journal with everything pruned goes on where it was.
func TestPruneEverything(t *testing.T) {
	cl := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, cl))
	putMany(t, o, pruneStep+10) // more than one step
	head := headOf(t, o)
	mustAdvance(t, o, 1, head.Seq, head.Seq)
	if n, err := o.Prune(0); err != nil || n != int(head.Seq) {
		t.Fatalf("pruned %d, %v", n, err)
	}
	if b := mustBranch(t, o.Reader); b.Head != head || b.Floor != head {
		t.Errorf("branch %+v", b)
	}
	if got, err := o.Backlog(); err != nil || got != (Backlog{}) {
		t.Errorf("backlog %+v, %v", got, err)
	}
	if r := mustPut(t, o, "next"); r.Seq != head.Seq+1 {
		t.Errorf("next record is %d", r.Seq)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = mustOpen(t, config(dir, cl))
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
}

func TestRequestsAreForgottenLate(t *testing.T) {
	cl := newClock()
	o := mustOpen(t, config(t.TempDir(), cl))
	first := mustPut(t, o, "first")
	cl.pass(time.Hour)
	second := mustPut(t, o, "second")
	mustAdvance(t, o, 1, 3, 3)
	still := func(request string, want Receipt) {
		t.Helper()
		if got := mustPut(t, o, request); !got.Again || got.ID != want.ID {
			t.Errorf("%s: %+v, want the receipt of before", request, got)
		}
	}
	cl.pass(requestAge * 10)
	if _, err := o.Prune(0); err != nil {
		t.Fatal(err)
	}
	still("first", first) // old, but few came after it
	pretendMany(t, o)
	cl.pass(-requestAge*10 - 30*time.Minute)
	cl.pass(requestAge)
	if _, err := o.Prune(0); err != nil {
		t.Fatal(err)
	}
	still("second", second) // many came after it, but it is young
	if got := mustPut(t, o, "first"); got.Again {
		t.Errorf("first: %+v, want it forgotten", got)
	}
}
