package courier

import (
	"errors"
	"testing"

	"nghe/shared/wire"
)

// One test per rule of comparison and forking; testdata/mutants.txt breaks
// each rule and names the test that must notice.

// Rule 1: for a journal the hub does not know it answers exactly the parent
// point, and takes its first batch nowhere else.
func TestRule1NewJournalBeginsAtItsParent(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	p.meet()
	p.archive()
	p.hear(p.told())
	p.out.prune(6)
	image := p.out.image()
	p.tap(2)
	p.meet()
	back := p.copyOf(1, image)
	back.meet()
	back.wantForks(wire.ForkAhead)
	back.wantAtHub()
	if parent := back.hub.journals[back.out.journal].parent; parent != image.floor {
		t.Errorf("hub begins the branch at %s, want its parent point %s", parent, image.floor)
	}
}

func TestRule1HubThatAnswersElsewhereIsRefused(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(3)
	p.greet()
	_, err := p.sender.Receive(p.welcome(1, wire.StandingNew, p.point(2), wire.Point{}))
	wantCode(t, err, wire.CodeMalformed)
	p.wantForks()
}

func TestRule1BatchOfUnknownJournalFitsOnlyAtItsParent(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(4)
	p.meet()
	p.tap(4)
	second := p.next()
	p.hub.restore(hubDisk{}, 1) // the journal is gone while the session is open
	p.give(second)
	p.talk()
	p.wantForks()
	p.wantAtHub()
}

// Rule 2: a fork's parent point is the floor, never the last acknowledged seq:
// what only the hub's lost disk held is offered again.
func TestRule2ForkBeginsAtTheFloor(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	p.meet()
	image := p.out.image()
	p.tap(5)
	p.meet()
	back := p.copyOf(1, image)
	back.meet()
	back.wantForks(wire.ForkAhead)
	if back.out.base != back.out.floor {
		t.Errorf("branch begins at %s, want the floor %s", back.out.base, back.out.floor)
	}
	back.hub.restore(hubDisk{}, 2) // disk and segments lost
	back.meet()
	back.wantForks()
	back.wantAtHub()
}

// Rule 3: a restored hub that is behind the floor makes the kiosk fork at the
// floor; the hub accepts the unknown parent, and segments fill the hole later.
func TestRule3HubBehindTheFloor(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(4)
	p.meet()
	backup := p.hub.image()
	p.tap(15)
	p.meet()
	p.archive()
	p.hear(p.told())
	p.out.prune(12)
	old, floor := p.out.journal, p.out.floor
	p.hub.restore(backup, 2)
	p.meet()
	p.wantForks(wire.ForkBehind)
	p.wantAtHub()
	if s := p.hub.journals[p.out.journal]; s.parent != floor {
		t.Errorf("branch begins at %s, want the floor %s", s.parent, floor)
	}
	for _, g := range p.hub.archive {
		p.hub.replay(g)
	}
	p.hub.settle()
	if got := p.hub.journals[old].received().Seq; got < floor.Seq {
		t.Errorf("the hole up to %d is filled only to %d", floor.Seq, got)
	}
	p.wantCounted(19)
}

// Rule 4: every Ack, on any road, is compared by journal, seq and chain.
func TestRule4AckIsComparedByChain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	image := p.out.image()
	p.tap(5)
	other := p.copyOf(1, image)
	other.tap(5)
	theirs := other.point(4)
	ev := p.hear(p.ack(1, p.out.journal, theirs, theirs))
	if ev.Ignored != OtherChain || p.out.received.Seq != 0 {
		t.Errorf("ack of another chain: ignored %q, received %d", ev.Ignored, p.out.received.Seq)
	}
	ev = p.hear(p.ack(1, p.out.journal, p.point(4), wire.Point{}))
	if ev.Acked == nil || p.out.received.Seq != 4 {
		t.Errorf("ack of this chain: %+v, received %d, want 4", ev, p.out.received.Seq)
	}
}

func TestRule4AckIsComparedByJournal(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(5)
	ev := p.hear(p.ack(1, wire.JournalID{9}, p.point(4), p.point(4)))
	if ev.Ignored != OtherJournal || p.out.received.Seq != 0 {
		t.Errorf("ack of another journal: ignored %q, received %d", ev.Ignored, p.out.received.Seq)
	}
}

func TestRule4AckMustBeSignedByTheHub(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(5)
	a := p.ack(1, p.out.journal, p.point(4), p.point(4))
	a.Received = p.point(5)
	_, err := p.sender.Receive(a)
	wantCode(t, err, wire.CodeSignature)
	if p.out.received.Seq != 0 {
		t.Errorf("a forged ack moved received to %d", p.out.received.Seq)
	}
}

// An Ack off the chain in an open session means that somebody else feeds the
// journal: the session begins again and the Welcome decides.
func TestRule4AckOffTheChainBeginsAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	image := p.out.image()
	p.tap(2)
	p.meet()
	twin := p.copyOf(1, image)
	twin.tap(5)
	p.hear(p.ack(1, p.out.journal, twin.point(6), wire.Point{}))
	if _, err := p.sender.Next(); !errors.Is(err, ErrGreet) {
		t.Errorf("Next() = %v, want %v", err, ErrGreet)
	}
}

// Rule 5: safe belongs to (journal, chain).
func TestRule5SafeOffTheChainIsNotApplied(t *testing.T) {
	p := newDesk(t).kiosk(1)
	image := p.out.image()
	p.tap(6)
	twin := p.copyOf(1, image)
	twin.tap(6)
	p.hear(p.ack(1, p.out.journal, p.point(6), twin.point(4)))
	if p.out.safe.Seq != 0 {
		t.Errorf("safe moved to %d on another chain", p.out.safe.Seq)
	}
	p.hear(p.ack(1, p.out.journal, p.point(3), p.point(5)))
	if p.out.safe.Seq != 0 {
		t.Errorf("safe moved to %d, beyond what the hub says it received", p.out.safe.Seq)
	}
}

func TestRule5ForkDropsSafeToTheFloor(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(6)
	p.meet()
	p.archive()
	p.hear(p.told())
	image := p.out.image()
	p.tap(2)
	p.meet()
	back := p.copyOf(1, image)
	back.dial()
	back.give(back.next())
	back.wantForks(wire.ForkAhead)
	if deleted := back.out.prune(100); len(deleted) > 0 {
		t.Errorf("%d records deleted right after the fork: safe is %s, floor was %s", len(deleted), back.out.safe, back.out.base)
	}
}

// Rule 6: the hub's restore epoch.
func TestRule6OlderEpochIsIgnored(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(6)
	p.hear(p.ack(3, p.out.journal, p.point(2), p.point(2)))
	if ev := p.hear(p.ack(2, p.out.journal, p.point(5), p.point(5))); ev.Ignored != OldEpoch || p.out.safe.Seq != 2 {
		t.Errorf("older ack: ignored %q, safe %d, want 2", ev.Ignored, p.out.safe.Seq)
	}
	p.greet()
	ev, err := p.sender.Receive(p.welcome(2, wire.StandingKnown, p.point(5), p.point(5)))
	if wantCode(t, err, wire.CodeEpoch); ev.Ignored != OldEpoch || p.out.safe.Seq != 2 {
		t.Errorf("older welcome: ignored %q, safe %d, want 2", ev.Ignored, p.out.safe.Seq)
	}
}

func TestRule6NewerEpochDropsSafeToTheFloor(t *testing.T) {
	foreign := wire.JournalID{9}
	for name, newer := range map[string]func(p *post) wire.Ack{
		"same point, nothing safe": func(p *post) wire.Ack { return p.ack(2, p.out.journal, p.point(5), wire.Point{}) },
		"earlier point":            func(p *post) wire.Ack { return p.ack(2, p.out.journal, p.point(3), wire.Point{}) },
		"another journal":          func(p *post) wire.Ack { return p.ack(2, foreign, p.point(5), p.point(5)) },
	} {
		p := newDesk(t).kiosk(1)
		p.tap(6)
		p.hear(p.ack(1, p.out.journal, p.point(5), p.point(4)))
		p.out.prune(1)
		p.hear(newer(p))
		if p.out.epoch != 2 || p.out.safe != p.out.floor {
			t.Errorf("%s: epoch %d, safe %s, want epoch 2 and the floor %s", name, p.out.epoch, p.out.safe, p.out.floor)
		}
	}
}

func TestRule6BelowTheFloorCountsOnlyUnderANewerEpoch(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	early := p.point(3)
	p.hear(p.ack(2, p.out.journal, p.point(8), p.point(8)))
	p.out.prune(6)
	p.greet()
	ev, err := p.sender.Receive(p.welcome(2, wire.StandingKnown, early, wire.Point{}))
	if wantCode(t, err, wire.CodeEpoch); ev.Ignored != BelowFloor {
		t.Errorf("a welcome from before the floor rose: %+v, want it ignored", ev)
	}
	p.wantForks()
	p.greet()
	p.hear(p.welcome(3, wire.StandingKnown, early, wire.Point{}))
	p.wantForks(wire.ForkBehind)
}

// Two restores from one copy are two epochs: a kiosk that pruned in the first
// must not take the second for an old message.
func TestRule6EveryRestoreIsAnEpochOfItsOwn(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(4)
	p.meet()
	backup := p.hub.image()
	p.tap(9)
	for epoch := uint64(2); epoch <= 3; epoch++ {
		p.hub.restore(backup, epoch)
		p.hub.burn()
		p.meet()
		p.wantAtHub()
		p.archive()
		p.hear(p.told())
		p.out.prune(8)
		p.tap(3)
	}
	if p.out.floor.Seq == 0 {
		t.Fatalf("nothing was pruned")
	}
}

// Rule 7: a journal belongs to the first device that commits to it.
func TestRule7OtherDeviceIsForeign(t *testing.T) {
	p := newDesk(t).kiosk(1)
	image := p.out.image()
	p.tap(3)
	p.meet()
	other := p.copyOf(2, image)
	other.tap(2)
	other.meet()
	other.wantForks(wire.ForkForeign)
	other.wantAtHub()
	if s := p.hub.journals[p.out.journal]; s.device != 1 || s.received() != p.out.head() {
		t.Errorf("the first device's journal was touched: %d, %s", s.device, s.received())
	}
}

func TestRule7FirstCommitWinsWhileBothAreOpen(t *testing.T) {
	p := newDesk(t).kiosk(1)
	image := p.out.image()
	other := p.copyOf(2, image)
	p.tap(3)
	other.tap(3)
	p.dial()
	other.dial()
	p.give(p.next())
	other.give(other.next()) // both were told: new
	p.talk()
	other.talk()
	p.wantForks()
	other.wantForks(wire.ForkForeign)
	p.wantAtHub()
	other.wantAtHub()
	p.wantCounted(6)
}

func TestRule7StandingThatContradictsItselfIsRefused(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(3)
	p.greet()
	_, err := p.sender.Receive(p.welcome(1, wire.StandingForeign, p.point(2), wire.Point{}))
	wantCode(t, err, wire.CodeMalformed)
	_, err = p.sender.Receive(p.welcome(1, wire.StandingKnown, wire.Point{}, wire.Point{}))
	wantCode(t, err, wire.CodeMalformed)
	p.wantForks()
}

// Rule 8: a segment that does not fit its journal is kept as a branch.
func TestRule8SegmentThatDoesNotFitIsKept(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(4)
	p.meet()
	backup := p.hub.image()
	image := p.out.image()
	p.tap(5) // lost with the disk, but archived
	p.meet()
	p.archive()
	p.hub.restore(backup, 2)
	back := p.copyOf(1, image)
	back.tap(7)
	back.meet()
	back.wantForks()
	for _, g := range p.hub.archive {
		p.hub.replay(g)
	}
	p.hub.settle()
	if len(p.hub.branches) != 1 || len(p.hub.branches[0].papers) != 5 {
		t.Fatalf("branches kept: %d, want the one with 5 records", len(p.hub.branches))
	}
	p.wantCounted(4 + 5 + 7)
	back.wantAtHub()
}

func TestRule8SegmentsAreReplayedInAnyOrder(t *testing.T) {
	p := newDesk(t).kiosk(1)
	for range 4 {
		p.tap(3)
		p.meet()
	}
	p.archive()
	for _, order := range [][]int{{3, 2, 1, 0}, {1, 3, 0, 2}} {
		p.hub.restore(hubDisk{}, p.hub.epoch+1)
		for _, i := range order {
			p.hub.replay(p.hub.archive[i])
		}
		p.hub.settle()
		p.wantAtHub()
		if len(p.hub.branches) != 0 {
			t.Errorf("order %v leaves %d branches", order, len(p.hub.branches))
		}
	}
}

// Rule 9: what the hub counts, it counts once per record id.
func TestRule9CountedOncePerRecord(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(6)
	image := p.out.image()
	p.meet()
	p.tap(2)
	p.meet()
	back := p.copyOf(1, image)
	back.tap(3)
	back.meet() // forks at the floor: six records come a second time
	back.wantForks(wire.ForkDiffers)
	back.wantAtHub()
	p.wantCounted(6 + 2 + 3)
}

func wantCode(t *testing.T, err error, want wire.Code) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error %v, want code %q", err, want)
	}
}
