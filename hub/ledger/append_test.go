package ledger

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"nghe/hub/database"
	"nghe/shared/wire"
)

func TestAppendExactContinuation(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for i := range 9 {
			k.rate(int64(i)*minute, uint8(i%5+1))
		}
		h.append(k.delivery(0, 4))
		o := h.append(k.delivery(4, 10))[0]
		if o.Standing.State != wire.StandingKnown || o.Standing.Received != k.head() || o.Standing.Safe.Seq != 0 {
			t.Errorf("standing = %+v, want received %v and nothing safe", o.Standing, k.head())
		}
		if n := len(h.rows(Filter{})); n != 9 || h.total() != 9 {
			t.Errorf("%d rows, %d counted, want 9 of each", n, h.total())
		}
		h.same()
	})
}

func TestAppendRepeatsChangeNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 9 {
			k.rate(minute, 5)
		}
		h.append(k.rest(0))
		before := h.shown()
		for _, d := range []Delivery{k.rest(0), k.delivery(0, 3), k.delivery(2, 7), k.delivery(9, 10)} {
			if o := h.append(d)[0]; o.Standing.Received != k.head() {
				t.Errorf("standing after a repeat = %v, want %v", o.Standing.Received, k.head())
			}
		}
		if after := h.shown(); after != before {
			t.Errorf("repeats changed\n%s\nto\n%s", before, after)
		}
		h.same()
	})
}

// The tail of a batch that began earlier is kept with the device's own
// signature: whole() verifies it.
func TestAppendTrimsOverlap(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 9 {
			k.rate(minute, 4)
		}
		h.append(k.delivery(0, 5))
		h.append(k.delivery(2, 10))
		if got := h.listed(k.journal, 0).Received; got != k.head() {
			t.Errorf("received = %v, want %v", got, k.head())
		}
		if h.total() != 9 {
			t.Errorf("counted %d, want 9", h.total())
		}
		h.same()
	})
}

func TestAppendRefusesWhatDoesNotFit(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(1, 1)
		other := k.copy("a")
		for range 5 {
			k.rate(2, 5)
			other.rate(3, 1)
		}
		h.append(k.delivery(0, 5))
		before := h.shown()
		for name, d := range map[string]Delivery{
			"gap":                           k.delivery(6, 7),
			"same length, other bytes":      other.delivery(5, 7),
			"overlap with other bytes":      other.delivery(2, 7),
			"wholly held, with other bytes": other.delivery(2, 4),
			"ends where held, other bytes":  other.delivery(2, 5),
		} {
			o := h.offer(d)[0]
			if o.Fits || o.Standing.Received != k.at(5) || o.Standing.State != wire.StandingKnown {
				t.Errorf("%s: outcome %+v, want no fit and received %v", name, o, k.at(5))
			}
		}
		if after := h.shown(); after != before {
			t.Errorf("misfits changed\n%s\nto\n%s", before, after)
		}
		h.whole()
	})
}

func TestStandingOfUnknownJournalIsItsParent(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		parent := wire.At(77, wire.Chain{1, 2, 3})
		s, err := h.Standing(t.Context(), "a", wire.Offer{Journal: k.journal, Base: parent, Head: k.head()})
		if err != nil || s.State != wire.StandingNew || s.Received != parent || s.Journal != k.journal {
			t.Errorf("Standing = %+v, %v; want new at %v", s, err, parent)
		}
	})
}

// The first batch of a pipeline was lost: its second must not become the
// journal's beginning.
func TestFirstAppendMustBeginAtTheOfferedParent(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(1, 5)
		d := k.delivery(1, 2)
		d.Parent = k.base
		if o := h.offer(d)[0]; o.Fits || o.Standing.State != wire.StandingNew || o.Standing.Received != k.base {
			t.Errorf("outcome = %+v, want no fit and new at %v", o, k.base)
		}
		d = k.delivery(0, 2)
		d.Parent = k.base
		h.append(d)
		h.same()
	})
}

func TestForeignJournal(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(1, 5)
		h.append(k.rest(0))
		thief := k.copy("b")
		thief.rate(2, 1)
		for range 2 {
			if o := h.offer(thief.delivery(2, 3))[0]; o.Fits || o.Standing.State != wire.StandingForeign {
				t.Errorf("outcome = %+v, want foreign", o)
			}
		}
		s, err := h.Standing(t.Context(), "b", wire.Offer{Journal: k.journal, Base: k.base, Head: thief.head()})
		if err != nil || s.State != wire.StandingForeign {
			t.Errorf("Standing = %+v, %v; want foreign", s, err)
		}
		if events := h.events(EventForeign); len(events) != 1 || events[0].Device != "b" || events[0].Journal != k.journal {
			t.Errorf("events = %v, want one about b", events)
		}
		h.same()
	})
}

func TestGroupFitsEachForItself(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		a, b, c := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02"), newKiosk(t, "c", "qt-03")
		for _, k := range []*kiosk{a, b, c} {
			k.rate(1, 3)
			k.rate(2, 4)
		}
		h.append(b.delivery(0, 1))
		o := h.offer(a.delivery(0, 2), b.delivery(2, 3), c.rest(0), a.delivery(2, 3))
		for i, want := range []bool{true, false, true, true} {
			if o[i].Fits != want {
				t.Errorf("delivery %d fits = %v, want %v", i, o[i].Fits, want)
			}
		}
		if h.total() != 4 {
			t.Errorf("counted %d, want 4", h.total())
		}
		h.same()
	})
}

func TestFailedAppendLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k, other := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		k.rate(1, 3)
		other.rate(1, 4)
		h.append(k.delivery(0, 1))
		before := h.shown()
		h.must("ALTER TABLE counts RENAME TO counts_away") // the last statement of an append will fail
		if _, err := h.Append(t.Context(), []Delivery{k.delivery(1, 2), other.rest(0)}); err == nil {
			t.Fatal("Append = nil, want the failure")
		}
		h.must("ALTER TABLE counts_away RENAME TO counts")
		if after := h.shown(); after != before {
			t.Errorf("a failed append changed\n%s\nto\n%s", before, after)
		}
		h.append(k.delivery(1, 2), other.rest(0))
		if h.total() != 2 {
			t.Errorf("counted %d after trying again, want 2", h.total())
		}
		h.same()
	})
}

// must runs a statement on the tables behind the ledger's back.
func (h *hub) must(statement string, args ...any) {
	h.t.Helper()
	err := h.db.Write(h.t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(h.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

// Two sessions of one kiosk on two hubs, each sending everything in pieces of
// its own.
func TestConcurrentAppendersOfOneJournal(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		const answers = 120
		for i := range answers {
			k.rate(int64(i)*second, uint8(i%5+1))
		}
		second := h.again()
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i, l := range []*Ledger{h.Ledger, second} {
			both.Go(func() { errs[i] = drain(t, l, k, uint64(7+4*i)) })
		}
		both.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if h.total() != answers || len(h.rows(Filter{})) != answers {
			t.Errorf("counted %d, %d rows, want %d of each", h.total(), len(h.rows(Filter{})), answers)
		}
		h.same()
	})
}

// again opens the same database a second time where the engine allows it.
func (h *hub) again() *Ledger {
	if h.db.Engine() == database.SQLite {
		return h.Ledger
	}
	return openHub(h.t, h.url).Ledger
}

// drain sends the whole journal, going back to where each outcome says.
func drain(t *testing.T, l *Ledger, k *kiosk, step uint64) error {
	at, end := uint64(0), k.head().Seq
	for at < end {
		o, err := l.Append(t.Context(), []Delivery{k.delivery(at, min(at+step, end))})
		if err != nil {
			return err
		}
		if at = min(at+step, end); !o[0].Fits {
			at = o[0].Standing.Received.Seq
		}
	}
	return nil
}

func TestSafe(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 5 {
			k.rate(1, 3)
		}
		h.append(k.rest(0))
		if err := h.SetSafe(t.Context(), k.journal, k.at(4)); err != nil {
			t.Fatalf("SetSafe: %v", err)
		}
		s, err := h.Standing(t.Context(), "a", wire.Offer{Journal: k.journal, Base: k.base, Head: k.head()})
		if err != nil || s.Safe != k.at(4) || s.Received != k.head() {
			t.Errorf("Standing = %+v, %v; want safe %v", s, err, k.at(4))
		}
		for name, p := range map[string]wire.Point{
			"back": k.at(3), "beyond": wire.At(99, k.at(4).Chain), "other chain": wire.At(5, wire.Chain{1}),
		} {
			if err := h.SetSafe(t.Context(), k.journal, p); err == nil {
				t.Errorf("SetSafe %s = nil, want an error", name)
			}
		}
		if err := h.SetSafe(t.Context(), wire.JournalID{9}, k.at(4)); err == nil {
			t.Error("SetSafe of a journal not held = nil, want an error")
		}
		h.same()
	})
}

func TestEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		before, err := h.Epoch(t.Context())
		if err != nil || before != 1 {
			t.Fatalf("Epoch = %d, %v; want 1", before, err)
		}
		raised, err := h.RaiseEpoch(t.Context())
		after, err2 := h.Epoch(t.Context())
		if err != nil || err2 != nil || raised != 2 || after != 2 {
			t.Errorf("RaiseEpoch = %d, %v; Epoch = %d, %v; want 2", raised, err, after, err2)
		}
		if len(h.events(EventRestore)) != 1 {
			t.Errorf("events = %v, want one", h.events(EventRestore))
		}
	})
}

func TestChangedTellsOfAppends(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		changed := h.Changed()
		h.append(k.rest(0))
		select {
		case <-changed:
		default:
			t.Error("Changed is still open after an append")
		}
		changed = h.Changed()
		h.append(k.rest(0))
		select {
		case <-changed:
			t.Error("Changed was closed by a repeat")
		default:
		}
	})
}

func TestSegmentsKeepTheSignedBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(1, 3)
		h.append(k.rest(0))
		var frame []byte
		if err := h.db.Read().QueryRowContext(t.Context(), "SELECT frame FROM segments").Scan(&frame); err != nil {
			t.Fatal(err)
		}
		if want := k.frame(0, 2); !bytes.Equal(frame, want) {
			t.Errorf("kept %x, want %x", frame, want)
		}
	})
}
