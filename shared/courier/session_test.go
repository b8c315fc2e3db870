package courier

import (
	"errors"
	"testing"

	"nghe/shared/wire"
)

// What a session does besides comparing: turns, credit, sizes, misfits.

func TestFirstFrameIsAHello(t *testing.T) {
	p := newDesk(t).kiosk(1)
	if _, err := p.sender.Next(); !errors.Is(err, ErrGreet) {
		t.Errorf("Next() before Hello = %v, want %v", err, ErrGreet)
	}
	p.dial()
	_, err := p.receiver.Receive(wire.Batch{})
	wantCode(t, err, wire.CodeUnexpected)
}

func TestNothingIsSentBeforeTheWelcome(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(3)
	p.greet()
	if f := p.next(); f != nil || !p.sender.Waiting() {
		t.Errorf("Next() before Welcome = %T, Waiting() = %t", f, p.sender.Waiting())
	}
	p.meet()
	if p.sender.Waiting() {
		t.Errorf("Waiting() after the last Ack")
	}
}

func TestFramesOutOfTurnAreRefused(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.meet()
	for _, f := range []wire.Frame{wire.Welcome{}, wire.Ack{}, wire.Bulletin{}, wire.ChunkAck{}} {
		_, err := p.receiver.Receive(f)
		wantCode(t, err, wire.CodeUnexpected)
	}
	for _, f := range []wire.Frame{wire.Hello{}, wire.Batch{}, wire.Vitals{}, wire.Chunk{}} {
		_, err := p.sender.Receive(f)
		wantCode(t, err, wire.CodeUnexpected)
	}
}

func TestHelloIsJudged(t *testing.T) {
	offer := wire.Offer{Journal: wire.JournalID{1}}
	cases := []struct {
		name  string
		hello wire.Hello
		code  wire.Code
	}{
		{"version too old", wire.Hello{Version: 0}, wire.CodeVersion},
		{"hub is an older copy", wire.Hello{Version: 1, Epoch: 9}, wire.CodeEpoch},
		{"journal twice", wire.Hello{Version: 1, Offers: []wire.Offer{offer, offer}}, wire.CodeMalformed},
	}
	for _, tc := range cases {
		p := newDesk(t).kiosk(1)
		p.dial()
		_, err := p.receiver.Receive(tc.hello)
		if wantCode(t, err, tc.code); t.Failed() {
			t.Fatalf("%s: %v", tc.name, err)
		}
	}
}

func TestLowerVersionIsSpoken(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.dial()
	step, err := p.receiver.Receive(wire.Hello{Version: wire.SessionVersion + 5, Boot: [16]byte{1}})
	if err != nil || step.Hello == nil || step.Hello.Boot[0] != 1 {
		t.Fatalf("Receive(Hello) = %+v, %v", step, err)
	}
	if w := step.Reply[0].(wire.Welcome); w.Version != wire.SessionVersion || w.Now != 7 {
		t.Errorf("welcome speaks %d at %d, want %d at 7", w.Version, w.Now, wire.SessionVersion)
	}
	p.greet()
	w := p.welcome(1, wire.StandingNew, p.out.base, wire.Point{})
	w.Version = wire.SessionVersion + 1
	_, err = p.sender.Receive(w)
	wantCode(t, err, wire.CodeVersion)
}

func TestHelloFloodIsRefused(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.dial()
	for range maxHellos {
		if _, err := p.receiver.Receive(wire.Hello{Version: 1}); err != nil {
			t.Fatalf("Receive(Hello) = %v", err)
		}
	}
	_, err := p.receiver.Receive(wire.Hello{Version: 1})
	wantCode(t, err, wire.CodeUnexpected)
}

func TestBatchIsJudged(t *testing.T) {
	const shape = wire.CodeNone // any code: wire tells the wrong shapes apart
	cases := []struct {
		name  string
		spoil func(b *wire.Batch)
		code  wire.Code
	}{
		{"journal not offered", func(b *wire.Batch) { b.Journal[3]++ }, wire.CodeNotYours},
		{"other chain before it", func(b *wire.Batch) { b.Base.Chain[3]++ }, wire.CodeSignature},
		{"other place", func(b *wire.Batch) { b.Base.Seq++ }, wire.CodeSignature},
		{"other device's signature", func(b *wire.Batch) { b.Signature = sign(2, b.Signature) }, wire.CodeSignature},
		{"body cut short", func(b *wire.Batch) { b.Body = b.Body[:len(b.Body)-1] }, shape},
		{"says too little", func(b *wire.Batch) { b.Raw-- }, shape},
		{"says too few", func(b *wire.Batch) { b.Count-- }, shape},
	}
	for _, tc := range cases {
		p := newDesk(t).kiosk(1)
		p.tap(9)
		p.dial()
		p.give(p.next())
		b := p.next().(wire.Batch)
		tc.spoil(&b)
		step, err := p.receiver.Receive(b)
		var refused *wire.Error
		if !errors.As(err, &refused) || tc.code != shape && refused.Code != tc.code || step.Append != nil {
			t.Errorf("%s: %+v, %v, want code %q", tc.name, step, err, tc.code)
		}
	}
}

// The hub stores only what continues or repeats its own chain: the numbers
// alone of a rolled-back kiosk look right.
func TestBatchOnAnotherChainDoesNotFit(t *testing.T) {
	for _, tc := range []struct {
		name  string
		extra int
		cause wire.ForkCause
	}{
		{"shorter", 0, wire.ForkAhead},
		{"same length", 1, wire.ForkDiffers},
		{"longer", 9, wire.ForkDiffers},
	} {
		p := newDesk(t).kiosk(1)
		twin := p.copyOf(1, p.out.image())
		p.dial()
		p.give(p.next()) // is welcomed before its twin delivers
		p.tap(4 + tc.extra)
		twin.tap(4)
		twin.meet()
		p.talk()
		p.wantForks(tc.cause)
		p.wantAtHub()
		twin.wantAtHub()
		for _, ev := range p.events {
			if ev.Ignored != "" {
				t.Errorf("hub acknowledged a batch of another chain: %s", ev.Ignored)
			}
		}
		if p.wantCounted(4 + 4 + tc.extra); t.Failed() {
			t.Fatal(tc.name)
		}
	}
}

func TestSameBatchTwiceIsStoredOnce(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(5)
	p.dial()
	p.give(p.next())
	b := p.next()
	p.give(b)
	p.give(b)
	p.tap(2)
	p.talk()
	p.wantForks()
	p.wantAtHub()
	p.wantCounted(7)
}

func TestTwoSessionsOnOneJournal(t *testing.T) {
	p := newDesk(t).kiosk(1)
	road := &post{desk: p.desk, device: 1, out: p.out, sender: p.sender}
	p.tap(5)
	p.dial()
	road.dial()
	p.give(p.next())
	road.give(road.next())
	p.give(p.next())
	p.tap(4)
	road.give(road.next()) // begins where the hub was, runs past where it is
	p.tap(3)
	p.talk()
	road.talk()
	p.wantForks()
	road.wantForks()
	p.wantAtHub()
	p.wantCounted(12)
}

func TestForkByAnotherRoadBeginsAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(5)
	p.meet()
	if err := p.out.Fork(wire.JournalFork{From: p.out.journal, Cause: wire.ForkDiffers}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.sender.Next(); !errors.Is(err, ErrGreet) {
		t.Fatalf("Next() = %v, want %v", err, ErrGreet)
	}
	p.talk()
	p.wantAtHub()
	p.wantCounted(5)
}

// flight opens a session with several batches given to the hub and none
// committed.
func (p *post) flight(batches, each int) []*Delivery {
	p.t.Helper()
	p.sender.cfg.MaxRecords = each
	p.dial()
	p.give(p.next())
	var out []*Delivery
	for range batches {
		step, err := p.receiver.Receive(bytesOf(p.t, p.next()))
		if err != nil {
			p.t.Fatalf("hub refuses batch: %v", err)
		}
		out = append(out, step.Append)
	}
	return out
}

func TestSeveralDeliveriesMayBeOutstanding(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(30)
	for _, d := range p.flight(3, 10) {
		p.hear(p.stored(d))
	}
	if p.out.received.Seq != 30 {
		t.Errorf("received %d, want 30", p.out.received.Seq)
	}
}

// A batch is lost between two others: one Welcome, what was under way is
// dropped, and the kiosk begins again where the hub stands.
func TestMisfitIsToldOnce(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(49)
	flight := p.flight(2, 10)
	p.next() // lost
	gap := []wire.Frame{p.next(), p.next()}
	for _, d := range flight {
		p.hear(p.stored(d))
	}
	step, err := p.receiver.Receive(gap[0])
	if err != nil || step.Append == nil {
		t.Fatalf("Receive(batch after a gap) = %+v, %v", step, err)
	}
	w := p.stored(step.Append)
	if _, ok := w.(wire.Welcome); !ok {
		t.Fatalf("batch after a gap is answered by %T", w)
	}
	step, err = p.receiver.Receive(gap[1])
	if err != nil || step.Append != nil || len(step.Reply) > 0 {
		t.Errorf("batch sent before the Welcome was seen: %+v, %v; want it dropped", step, err)
	}
	p.hear(w)
	p.talk()
	p.wantForks()
	p.wantAtHub()
}

func TestMisfitWaitsForWhatIsOutstanding(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(49)
	p.sender.cfg.MaxRecords = 10
	p.dial()
	p.give(p.next())
	p.next() // lost
	var late []*Delivery
	for range 2 {
		step, err := p.receiver.Receive(bytesOf(t, p.next()))
		if err != nil {
			t.Fatal(err)
		}
		late = append(late, step.Append)
	}
	if f := p.stored(late[0]); f != nil {
		t.Errorf("first misfit answered by %T while another delivery is outstanding", f)
	}
	f := p.stored(late[1])
	if _, ok := f.(wire.Welcome); !ok {
		t.Errorf("last misfit answered by %T, want a Welcome", f)
	}
	p.hear(f)
	p.talk()
	p.wantAtHub()
}

func TestStoredWithoutDeliveryIsAnError(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.dial()
	if _, err := p.receiver.Stored(Outcome{}); err == nil {
		t.Errorf("Stored() with nothing outstanding succeeds")
	}
}

// The hub may stop the kiosk by credit, and the kiosk keeps within it.
func TestCreditIsKept(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.noise(400, 50)
	p.greet()
	w := p.welcome(1, wire.StandingNew, p.out.base, wire.Point{})
	w.Credit = 2000
	p.hear(w)
	sum, batches := 0, 0
	for f := p.next(); f != nil; f = p.next() {
		batches++
		sum += len(f.(wire.Batch).Body)
	}
	if sum > 2000 || batches == 0 {
		t.Errorf("%d batches of %d bytes in flight, credit is 2000", batches, sum)
	}
	a := p.ack(1, p.out.journal, p.point(p.sender.sent.Seq), wire.Point{})
	a.Credit = 0
	p.hear(a)
	if f := p.next(); f != nil {
		t.Errorf("Next() without credit = %T", f)
	}
	a.Credit = 2000
	p.hear(a)
	if p.next() == nil {
		t.Errorf("Next() with credit again = nil")
	}
}

func TestOneRecordAlwaysFitsAnEmptyWindow(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.greet()
	w := p.welcome(1, wire.StandingNew, p.out.base, wire.Point{})
	w.Credit = 1
	p.hear(w)
	if b, ok := p.next().(wire.Batch); !ok || b.Count != 1 {
		t.Errorf("Next() with a credit of one byte = %+v, want one record", b)
	}
}

func TestHubRefusesMoreThanItsCredit(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.noise(400, 50)
	p.receiver = NewReceiver(ReceiverConfig{Ledger: ledgerFor{p.hub, 1}, Verify: verifier(1), Sign: signer(0),
		Epoch: 1, Credit: 1000, Now: func() int64 { return 0 }})
	p.sender.cfg.MaxRecords = 10
	f, _ := p.sender.Hello(wire.Hello{})
	step, err := p.receiver.Receive(f)
	if err != nil {
		t.Fatal(err)
	}
	w := step.Reply[0].(wire.Welcome)
	w.Credit = 1 << 20 // a kiosk that does not listen
	p.hear(w)
	for range 30 {
		if _, err = p.receiver.Receive(p.next()); err != nil {
			break
		}
	}
	wantCode(t, err, wire.CodeTooLarge)
}

// noise keeps n records of a size that no codec makes smaller.
func (p *post) noise(n, size int) {
	state := uint64(1)
	for range n {
		b := make([]byte, size)
		for k := range b {
			state = state*6364136223846793005 + 1442695040888963407
			b[k] = byte(state >> 56)
		}
		p.out.keep(b)
	}
}

// Records that do not compress would make a frame over its limit.
func TestBatchIsHalvedToFitAFrame(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.noise(100, 7000)
	p.sender.cfg.MaxBytes = wire.MaxBatchRaw
	p.credit = 2 << 20
	p.meet()
	p.wantAtHub()
}

// The kiosk's disk gave other bytes than it keeps the chain of.
func TestNothingIsSignedThatTheOutboxDoesNotConfirm(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(5)
	p.dial()
	p.give(p.next())
	rotten := *p.out.papers[2]
	rotten.bytes = append([]byte(nil), rotten.bytes...)
	rotten.bytes[len(rotten.bytes)/2] ^= 4
	p.out.papers[2] = &rotten
	if f, err := p.sender.Next(); !errors.Is(err, ErrOutbox) {
		t.Errorf("Next() = %T, %v, want %v", f, err, ErrOutbox)
	}
}

// A session that follows a late Welcome may find its place pruned.
func TestPrunedPlaceBeginsAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	p.meet()
	p.archive()
	late := p.welcome(1, wire.StandingKnown, p.point(4), wire.Point{})
	p.hear(p.told())
	p.hear(late)
	p.out.prune(7)
	p.tap(2)
	p.talk()
	p.wantForks()
	p.wantAtHub()
}

func TestHubThatFellBackIsFollowed(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(3)
	p.meet()
	backup := p.hub.image()
	p.tap(6)
	p.meet()
	p.hub.restore(backup, 2)
	p.meet()
	p.wantForks()
	p.wantAtHub()
}

// Nothing is deleted that the hub only received (P4).
func TestReceivedIsNotSafe(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	p.meet()
	if deleted := p.out.prune(100); len(deleted) > 0 {
		t.Errorf("%d records deleted that were only received", len(deleted))
	}
	p.archive()
	p.hear(p.told())
	if deleted := p.out.prune(100); len(deleted) != 10 {
		t.Errorf("%d records deleted, 10 are safe", len(deleted))
	}
}

// A hub that lost its disk and its archive must not repeat what its older copy
// believed to be safe.
func TestRestoredHubForgetsSafe(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.tap(9)
	p.meet()
	p.archive()
	p.told()
	backup := p.hub.image()
	p.hub.restore(backup, 2)
	p.hub.burn()
	p.meet()
	if deleted := p.out.prune(100); len(deleted) > 0 {
		t.Errorf("%d records deleted that are nowhere archived", len(deleted))
	}
}

// A failed write ends the session with the outbox as it was, or as it should
// be; either way the next session goes on.
func TestOutboxFailsAtEveryStep(t *testing.T) {
	for step := range 12 {
		for _, after := range []bool{false, true} {
			p := newDesk(t).kiosk(1)
			p.tap(4)
			image := p.out.image()
			p.tap(2)
			p.meet()
			back := p.copyOf(1, image)
			left := step
			back.out.fails = func() (bool, bool) {
				left--
				return left == -1 && !after, left == -1 && after
			}
			back.stumble()
			back.out.fails = nil
			back.meet()
			back.wantAtHub()
			back.wantCounted(6)
		}
	}
}

// stumble runs a session until the kiosk fails or rests.
func (p *post) stumble() {
	p.dial()
	for f := p.next(); f != nil; f = p.next() {
		step, err := p.receiver.Receive(f)
		if err != nil {
			p.t.Fatalf("hub refuses %T: %v", f, err)
		}
		replies := step.Reply
		if step.Append != nil {
			replies = append(replies, p.stored(step.Append))
		}
		for _, r := range replies {
			if _, err := p.sender.Receive(r); err != nil {
				return
			}
		}
	}
}

func TestGoodbyeAndBulletinAreHandedOn(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.meet()
	if ev := p.hear(wire.Bulletin{Version: 4}); ev.Bulletin == nil || ev.Bulletin.Version != 4 {
		t.Errorf("bulletin: %+v", ev)
	}
	if ev := p.hear(wire.Goodbye{Code: wire.CodeBusy, RetryAfter: 9}); ev.Goodbye == nil || ev.Goodbye.RetryAfter != 9 {
		t.Errorf("goodbye: %+v", ev)
	}
	if _, err := p.sender.Next(); !errors.Is(err, ErrGreet) {
		t.Errorf("Next() after Goodbye = %v, want %v", err, ErrGreet)
	}
	step, err := p.receiver.Receive(wire.Vitals{Backlog: 3})
	if err != nil || step.Vitals == nil || step.Vitals.Backlog != 3 {
		t.Errorf("vitals: %+v, %v", step, err)
	}
	step, err = p.receiver.Receive(wire.Goodbye{})
	if err != nil || step.Goodbye == nil {
		t.Errorf("goodbye: %+v, %v", step, err)
	}
}
