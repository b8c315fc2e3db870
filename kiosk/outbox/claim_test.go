package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// reopening and using are claims by the receipt of a message.
func reopening(m Message) Claim {
	return Claim{Receipt: m.Receipt, Version: 3, Reopen: true, Score: 2, MAC: [32]byte{7}}
}

func using(m Message, right feedback.Right) Claim {
	return Claim{Receipt: m.Receipt, Right: right, MAC: [32]byte{8}}
}

func mustClaim(t testing.TB, o *Outbox, request string, c Claim) MessageReceipt {
	t.Helper()
	r, err := o.PutClaim(request, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClaimIsOneRecord(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	m := said("street lamp", feedback.ReaderCases, 1)
	c.pass(7 * time.Second)
	for i, want := range []struct {
		claim  Claim
		record wire.Record
	}{
		{reopening(m), wire.CaseReply{Kind: wire.KindCaseReply, Uptime: 7_000_000, Receipt: m.Receipt[:], Case: 3, Reopen: true, Score: 2, MAC: [32]byte{7}}},
		{using(m, feedback.RightDelete), wire.RightsRequest{Kind: wire.KindRightsRequest, Uptime: 7_000_000, Receipt: m.Receipt[:], Right: "delete", MAC: [32]byte{8}}},
	} {
		r := mustClaim(t, o, fmt.Sprint(i), want.claim)
		all := records(t, o, 0)
		if got := fmt.Sprint(all[len(all)-1]); got != fmt.Sprint(want.record) || r.Held || r.Again || pointAt(t, o, r.Seq).Chain.ID() != r.ID {
			t.Errorf("receipt %+v, record %v, want %v", r, got, want.record)
		}
	}
	select {
	case <-o.Wake():
	default:
		t.Error("nobody was woken")
	}
}

func TestClaimRepeated(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	for _, reader := range []feedback.Reader{feedback.ReaderCases, feedback.ReaderNamed} {
		m := said(fmt.Sprint("message to ", reader), reader, 1)
		mustSay(t, o, fmt.Sprint("said-", reader), m)
		request, claim := fmt.Sprint("claim-", reader), reopening(m)
		if _, known, err := o.Claim(request, claim); known || err != nil {
			t.Errorf("known before it was put: %v, %v", known, err)
		}
		first, head := mustClaim(t, o, request, claim), headOf(t, o)
		again := mustClaim(t, o, request, claim)
		if !again.Again || again.Held != first.Held || again.Receipt.ID != first.ID || headOf(t, o) != head {
			t.Errorf("reader %d: %+v, then %+v", reader, first, again)
		}
		if r, known, err := o.Claim(request, claim); !known || err != nil || r.ID != first.ID {
			t.Errorf("Claim = %+v, %v, %v", r, known, err)
		}
		other := claim
		other.Reopen = false
		for name, err := range map[string]error{
			"another claim": func() error { _, err := o.PutClaim(request, other); return err }(),
			"a right":       func() error { _, err := o.PutClaim(request, using(m, feedback.RightSee)); return err }(),
			"a rating":      func() error { _, err := o.Put(request, rating(3), ""); return err }(),
			"a message":     func() error { _, err := o.PutMessage(request, m); return err }(),
			"asked for":     func() error { _, _, err := o.Claim(request, other); return err }(),
		} {
			if !errors.Is(err, ErrConflict) {
				t.Errorf("reader %d, %s under its request: %v", reader, name, err)
			}
		}
	}
	mustPut(t, o, "rating")
	if _, err := o.PutClaim("rating", reopening(said("x", feedback.ReaderCases, 1))); !errors.Is(err, ErrConflict) {
		t.Errorf("a claim under the request of a rating: %v", err)
	}
	for name, c := range map[string]Claim{"": {}, "score": {Score: 6}, "right": {Right: feedback.Right(bytes.Repeat([]byte("x"), 200))}} {
		if r, err := o.PutClaim(name, c); err == nil {
			t.Errorf("%q: kept as %+v", name, r)
		}
	}
}

// A claim about a message to named officers tells of its time no more than the
// message, and leaves the journal's files as they were.
func TestClaimOnANamedMessageIsHeld(t *testing.T) {
	for _, released := range []bool{false, true} {
		c := newClock()
		dir := t.TempDir()
		o := mustOpen(t, config(dir, c))
		m := said("secret", feedback.ReaderNamed, 1)
		mustSay(t, o, "r", m)
		if released {
			c.pass(49 * time.Hour)
			mustRelease(t, o)
		}
		before, files := headOf(t, o), content(t, dir, fileName)
		log := content(t, dir, fileName+"-wal")
		if r := mustClaim(t, o, "claim", using(m, feedback.RightSee)); !r.Held || r.Seq != 0 {
			t.Errorf("receipt %+v", r)
		}
		if !bytes.Equal(content(t, dir, fileName), files) || !bytes.Equal(content(t, dir, fileName+"-wal"), log) {
			t.Error("the journal's files changed")
		}
		told := func() {
			t.Helper()
			if all, err := o.Claimed(m.Receipt); err != nil || len(all) != 1 || all[0].Right != feedback.RightSee {
				t.Errorf("claimed %+v, %v", all, err)
			}
		}
		told()
		c.pass(49 * time.Hour)
		mustRelease(t, o)
		told()
		i := slices.IndexFunc(records(t, o, before.Seq), func(r wire.Record) bool { return wire.KindOf(r) == wire.KindRightsRequest })
		if i < 0 {
			t.Fatal("it did not enter")
		}
		if r := records(t, o, before.Seq)[i].(wire.RightsRequest); r.Uptime != 0 || r.MAC != ([32]byte{8}) {
			t.Errorf("record %+v", r)
		}
	}
}

func TestLeftAndClaimed(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	left := func(m Message, want bool) {
		t.Helper()
		if got, err := o.Left(m.Receipt); got != want || err != nil {
			t.Errorf("left %v, %v, want %v", got, err, want)
		}
	}
	open, secret := said("open", feedback.ReaderCases, 2), said("secret", feedback.ReaderNamed, 2)
	left(open, false)
	for i, m := range []Message{open, secret} {
		mustSay(t, o, fmt.Sprint(i), m)
		left(m, true)
	}
	mustClaim(t, o, "confirm", Claim{Receipt: open.Receipt, Version: 2, Score: 5})
	mustClaim(t, o, "reopen", reopening(open))
	mustClaim(t, o, "see", using(open, feedback.RightSee))
	mustClaim(t, o, "delete", using(open, feedback.RightDelete))
	want := []Claim{{Receipt: open.Receipt, Version: 3, Reopen: true}, {Receipt: open.Receipt, Right: "delete"}, {Receipt: open.Receipt, Right: "see"}}
	if got, err := o.Claimed(open.Receipt); err != nil || !slices.Equal(got, want) {
		t.Errorf("claimed %+v, %v, want %+v", got, err, want)
	}
	if got, err := o.Claimed(secret.Receipt); err != nil || len(got) != 0 {
		t.Errorf("claimed of another %+v, %v", got, err)
	}
	c.pass(49 * time.Hour)
	mustRelease(t, o)
	for _, m := range []Message{open, secret} { // long after the blobs were let go
		for _, a := range m.Attachments {
			if err := o.Forget(a.Hash); err != nil {
				t.Fatal(err)
			}
		}
		left(m, true)
		if _, err := o.Erase(Erasure{Receipts: [][16]byte{m.Receipt}}, func([32]byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		left(m, false)
		if got, err := o.Claimed(m.Receipt); err != nil || len(got) != 0 {
			t.Errorf("claimed after its deletion %+v, %v", got, err)
		}
	}
}
