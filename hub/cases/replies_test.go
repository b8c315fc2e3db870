package cases

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// counter is a desk with a ledger, and a kiosk where residents speak of cases.
type counter struct {
	*desk
	ledger *ledger.Ledger
	kiosk  *letterstest.Kiosk
	r      seal.Receipt
	uptime uint64
}

func (d *desk) counter() *counter {
	d.t.Helper()
	l, err := ledger.Open(d.t.Context(), ledger.Config{DB: d.db, Now: func() time.Time { return d.now }})
	if err != nil {
		d.t.Fatal(err)
	}
	return &counter{desk: d, ledger: l, r: receipt(), kiosk: letterstest.NewKiosk(d.t, l, "qt-07-a", "qt-07", d.now)}
}

// say delivers a reply of whoever has the receipt, as change leaves it.
func (c *counter) say(version uint64, reopen bool, change ...func(*wire.CaseReply)) wire.RecordID {
	c.t.Helper()
	c.uptime += 1_000_000
	r := wire.CaseReply{Uptime: c.uptime, Receipt: c.r.Tag[:], Case: version, Reopen: reopen, Score: 4, MAC: c.r.ReplyMAC(version, reopen, 4)}
	for _, f := range change {
		f(&r)
	}
	return c.kiosk.Deliver(c.now, r)
}

func (c *counter) hear(want int) {
	c.t.Helper()
	if n, err := c.Hear(c.t.Context(), c.ledger); n != want || err != nil {
		c.t.Errorf("heard %d, %v, want %d", n, err, want)
	}
	if waits, err := c.Waits(c.t.Context(), c.ledger); waits || err != nil {
		c.t.Errorf("something waits after all was heard: %v, %v", waits, err)
	}
}

// became is what became of every reply under the receipt, in the order they came.
func (c *counter) became() string {
	c.t.Helper()
	all, err := c.Replies(c.t.Context(), c.r.Tag[:])
	if err != nil {
		c.t.Fatal(err)
	}
	var text []string
	for _, r := range all {
		text = append(text, fmt.Sprint(r.Outcome, " ", r.Made))
	}
	return strings.Join(text, ", ")
}

func (c *counter) newest() Reply {
	c.t.Helper()
	last, err := c.LastReplies(c.t.Context(), 0, 1)
	if err != nil || len(last) != 1 {
		c.t.Fatalf("newest reply: %+v, %v", last, err)
	}
	return last[0]
}

func (c *counter) stands(want feedback.CaseState, version uint64) {
	c.t.Helper()
	is := c.must(c.Get(c.t.Context(), c.r.Tag))
	if is.State != want || is.Version != version {
		c.t.Errorf("the case is %s, version %d; want %s, %d", is.State, is.Version, want, version)
	}
}

func (c *counter) set(s feedback.CaseState, note string) {
	c.t.Helper()
	c.must(c.Cases.set(c.t.Context(), c.r, Change{State: s, Note: note, By: "lan"}))
}

func TestConfirmCloses(t *testing.T) {
	conformance(t, func(d *desk) {
		c := d.counter()
		c.set(feedback.CaseAnswered, "Đã lắp đèn.")
		id := c.say(1, false)
		c.hear(1)
		c.stands(feedback.CaseClosed, 2)
		n := c.news()
		if n.State != feedback.CaseClosed || n.Note != "Đã lắp đèn." || n.Version != 2 {
			t.Errorf("the box says %+v", n)
		}
		tag := receipt().Tag
		all, err := c.Replies(t.Context(), tag[:])
		want := Reply{Number: all[0].Number, Record: id, Tag: tag[:], Version: 1, Score: 4, Place: "qt-07", Said: all[0].Said, DayOnly: true, Outcome: Applied, Made: 2}
		if err != nil || len(all) != 1 || fmt.Sprint(all[0]) != fmt.Sprint(want) {
			t.Errorf("replies %+v, %v, want %+v", all, err, want)
		}
		history, err := c.History(t.Context(), tag)
		if err != nil || len(history) != 2 || history[1].By != Resident {
			t.Errorf("history %+v, %v", history, err)
		}
		if said, err := c.Said(t.Context()); err != nil || len(said) != 1 || said[tag].Score != 4 {
			t.Errorf("said %+v, %v", said, err)
		}
		c.hear(0)
		if n, err := d.open(identity()).Hear(t.Context(), c.ledger); n != 0 || err != nil {
			t.Errorf("heard again by another process: %d, %v", n, err)
		}
		c.stands(feedback.CaseClosed, 2)
	})
}

// Whatever the ward and the resident do in whatever order, these are the rules.
func TestRepliesTable(t *testing.T) {
	set := func(s feedback.CaseState, note string) func(*counter) {
		return func(c *counter) { c.set(s, note) }
	}
	say := func(version uint64, reopen bool) func(*counter) {
		return func(c *counter) { c.say(version, reopen) }
	}
	hear := func(n int) func(*counter) { return func(c *counter) { c.hear(n) } }
	answered, work := set(feedback.CaseAnswered, "a"), set(feedback.CaseInProgress, "")
	rows := []struct {
		name    string
		steps   []func(*counter)
		state   feedback.CaseState
		version uint64
		became  string
	}{
		{"reopen", []func(*counter){answered, say(1, true), hear(1)}, feedback.CaseReopened, 2, "applied 2"},
		{"reopen, then confirm", []func(*counter){answered, say(1, true), say(1, false), hear(1)}, feedback.CaseReopened, 2, "applied 2, late 0"},
		{"confirm, then reopen", []func(*counter){answered, say(1, false), say(1, true), hear(2)}, feedback.CaseReopened, 3, "applied 2, applied 3"},
		{"confirm, reopened a week later", []func(*counter){answered, say(1, false), hear(1), say(2, true), hear(1)}, feedback.CaseReopened, 3, "applied 2, applied 3"},
		{"both twice", []func(*counter){answered, say(1, false), say(1, false), say(1, true), say(1, true), hear(2)}, feedback.CaseReopened, 3, "applied 2, unchanged 0, applied 3, unchanged 0"},
		{"only the note changed since", []func(*counter){answered, set(feedback.CaseAnswered, "b"), say(1, true), hear(1)}, feedback.CaseReopened, 3, "applied 3"},
		{"the ward closed it", []func(*counter){answered, set(feedback.CaseClosed, "a"), say(1, false), hear(0)}, feedback.CaseClosed, 2, "unchanged 0"},
		{"the ward closed it, reopen", []func(*counter){answered, set(feedback.CaseClosed, "a"), say(1, true), hear(1)}, feedback.CaseReopened, 3, "applied 3"},
		{"answered again since", []func(*counter){answered, say(1, true), hear(1), answered, say(1, true), say(1, false), hear(0)}, feedback.CaseAnswered, 3, "applied 2, late 0, late 0"},
		{"answered again since, of the new one", []func(*counter){answered, say(1, true), hear(1), answered, say(3, false), hear(1)}, feedback.CaseClosed, 4, "applied 2, applied 4"},
		{"while the ward works at it", []func(*counter){work, say(1, true), say(1, false), hear(0)}, feedback.CaseInProgress, 1, "unchanged 0, late 0"},
		{"version before any", []func(*counter){work, answered, say(0, true), hear(0)}, feedback.CaseAnswered, 2, "late 0"},
		{"version while it was open", []func(*counter){work, answered, say(1, true), hear(0)}, feedback.CaseAnswered, 2, "late 0"},
		{"version of a hub since lost, reopen", []func(*counter){answered, say(9, true), hear(1)}, feedback.CaseReopened, 2, "applied 2"},
		{"version of a hub since lost, confirm", []func(*counter){answered, say(9, false), hear(0)}, feedback.CaseAnswered, 1, "late 0"},
		{"returned, reopen", []func(*counter){set(feedback.CaseReturned, "a"), say(1, true), hear(1)}, feedback.CaseReopened, 2, "applied 2"},
		{"returned, confirm", []func(*counter){set(feedback.CaseReturned, "a"), say(1, false), hear(0)}, feedback.CaseReturned, 1, "unchanged 0"},
		{"withdrawn, reopen", []func(*counter){set(feedback.CaseWithdrawn, ""), say(1, true), hear(0)}, feedback.CaseWithdrawn, 1, "late 0"},
	}
	conformance(t, func(d *desk) {
		at := d.counter()
		for i, c := range rows {
			at.r = seal.Receipt{Tag: Tag{byte(i)}, Key: [32]byte{byte(i)}}
			t.Log(c.name)
			for _, step := range c.steps {
				step(at)
			}
			at.stands(c.state, c.version)
			if got := at.became(); got != c.became {
				t.Errorf("%s: became %q, want %q", c.name, got, c.became)
			}
		}
	})
}

// What nobody with the code said changes nothing, and is kept as what it is.
func TestHostileReplies(t *testing.T) {
	conformance(t, func(d *desk) {
		c := d.counter()
		c.set(feedback.CaseAnswered, "a")
		other := seal.Receipt{Tag: receipt().Tag, Key: [32]byte{1}}
		for name, change := range map[string]func(*wire.CaseReply){
			"no MAC":             func(r *wire.CaseReply) { r.MAC = [32]byte{} },
			"of another key":     func(r *wire.CaseReply) { r.MAC = other.ReplyMAC(r.Case, r.Reopen, r.Score) },
			"confirm made reply": func(r *wire.CaseReply) { r.MAC = receipt().ReplyMAC(r.Case, false, r.Score) },
			"another version":    func(r *wire.CaseReply) { r.Case = 2 },
			"another score":      func(r *wire.CaseReply) { r.Score = 5 },
			"of a right":         func(r *wire.CaseReply) { r.MAC = receipt().RightMAC("") },
			"short tag":          func(r *wire.CaseReply) { r.Receipt = r.Receipt[:15] },
			"no tag":             func(r *wire.CaseReply) { r.Receipt = nil },
		} {
			id := c.say(1, true, change)
			c.hear(0)
			if got := c.newest(); got.Record != id || got.Outcome != Forged || got.Made != 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		id := c.say(1, true, func(r *wire.CaseReply) { r.Receipt = make([]byte, 16) })
		c.hear(0)
		if got := c.newest(); got.Record != id || got.Outcome != Unproven {
			t.Errorf("of nobody's receipt: %+v", got)
		}
		c.stands(feedback.CaseAnswered, 1)
		if said, err := c.Said(t.Context()); err != nil || len(said) != 0 {
			t.Errorf("counts: %+v, %v", said, err)
		}
	})
}

// A rogue kiosk says again what it saw somebody say: once more at the same
// version, and after the ward has answered anew.
func TestReplayedReply(t *testing.T) {
	conformance(t, func(d *desk) {
		c := d.counter()
		c.set(feedback.CaseAnswered, "a")
		c.say(1, true)
		c.hear(1)
		rogue := letterstest.NewKiosk(t, c.ledger, "rogue", "qt-01", d.now)
		tag := receipt().Tag
		again := wire.CaseReply{Uptime: 9, Receipt: tag[:], Case: 1, Reopen: true, Score: 4, MAC: receipt().ReplyMAC(1, true, 4)}
		rogue.Deliver(d.now, again)
		c.hear(0)
		c.set(feedback.CaseAnswered, "b")
		rogue.Deliver(d.now, again, again)
		c.hear(0)
		c.stands(feedback.CaseAnswered, 3)
		if got := c.became(); got != "applied 2, unchanged 0, late 0, late 0" {
			t.Errorf("became %q", got)
		}
	})
}

// A reply that comes before the hub has learned the key waits for it.
func TestReplyBeforeItsKey(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, r := d.t.Context(), receipt()
		c := d.counter()
		bare := d.open(Identity{}) // keeps no key
		d.must(bare.set(ctx, r, Change{State: feedback.CaseAnswered}))
		c.say(1, true)
		c.say(1, true, func(r *wire.CaseReply) { r.MAC = [32]byte{} })
		c.hear(0)
		if got := c.became(); got != "unproven 0, unproven 0" {
			t.Errorf("became %q", got)
		}
		if n, err := bare.Hear(ctx, c.ledger); n != 0 || err != nil {
			t.Errorf("a hub that can prove nothing heard %d, %v", n, err)
		}
		if err := c.Learn(ctx, r.Tag[:], r.Key[:], wire.RecordID{7}); err != nil {
			t.Fatal(err)
		}
		if waits, err := c.Waits(ctx, c.ledger); !waits || err != nil {
			t.Errorf("waits %v, %v", waits, err)
		}
		c.hear(1)
		c.stands(feedback.CaseReopened, 2)
		if got := c.became(); got != "applied 2, forged 0" {
			t.Errorf("became %q", got)
		}
	})
}

func TestProve(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, tag := d.t.Context(), receipt().Tag
		mac := receipt().RightMAC("delete")
		claim := ledger.Claim{Receipt: tag[:], Right: "delete", MAC: mac[:]}
		proof := func(want Proof) {
			t.Helper()
			if got, err := d.Prove(ctx, claim); got != want || err != nil {
				t.Errorf("proof %q, %v, want %q", got, err, want)
			}
		}
		proof(ProofUnknown)
		if learned, err := d.LearnCode(ctx, code); learned != tag || err != nil {
			t.Errorf("learned %x, %v", learned, err)
		}
		if _, err := d.Get(ctx, tag); err == nil {
			t.Error("a case was begun")
		}
		proof(ProofGood)
		claim.Right = "see"
		proof(ProofForged)
		if _, err := d.open(Identity{}).LearnCode(ctx, code); err == nil {
			t.Error("learned where no key can be kept")
		}
	})
}

// Several hubs hear the same replies at once: each changes its case once.
func TestHeardBySeveralHubs(t *testing.T) {
	conformance(t, func(d *desk) {
		c := d.counter()
		c.set(feedback.CaseAnswered, "a")
		for i := range 6 {
			c.say(1, i%2 == 0)
		}
		var hearing sync.WaitGroup
		total := make(chan int, 3)
		for range 3 {
			hub := d.open(identity())
			hearing.Go(func() {
				n, err := hub.Hear(t.Context(), c.ledger)
				if err != nil {
					t.Error(err)
				}
				total <- n
			})
		}
		hearing.Wait()
		if n := <-total + <-total + <-total; n < 1 || n > 2 { // reopened, perhaps closed before
			t.Errorf("changed %d times", n)
		}
		is := c.must(c.Get(t.Context(), receipt().Tag))
		if history, err := c.History(t.Context(), receipt().Tag); is.State != feedback.CaseReopened || err != nil || uint64(len(history)) != is.Version {
			t.Errorf("case %+v, history %+v, %v", is, history, err)
		}
	})
}
