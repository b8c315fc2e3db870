package ledger

import (
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

func (h *hub) runs(n int) (all []Run) {
	h.t.Helper()
	for r, err := range h.UnarchivedSegments(h.t.Context(), n) {
		if err != nil {
			h.t.Fatalf("UnarchivedSegments: %v", err)
		}
		all = append(all, r)
	}
	return all
}

func (h *hub) archived(name wire.JournalID, base, end wire.Point) bool {
	h.t.Helper()
	moved, err := h.SegmentArchived(h.t.Context(), name, base, end)
	if err != nil {
		h.t.Fatalf("SegmentArchived: %v", err)
	}
	return moved
}

func TestSafeMovesToTheHighestContiguousSegment(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k, other := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		for range 9 {
			k.rate(second, 3)
		}
		h.append(k.delivery(0, 3), other.rest(0))
		h.at = noon.Add(time.Minute)
		h.append(k.delivery(3, 6))
		h.append(k.delivery(6, 10))

		runs := h.runs(2)
		if len(runs) != 2 {
			t.Fatalf("%d runs, want one of each journal", len(runs))
		}
		r := runs[0]
		if r.Journal != k.journal || r.Device != "a" || r.Parent != k.base || r.Base != k.base || r.End != k.at(6) || len(r.Segments) != 2 {
			t.Errorf("run = %+v, want the first two segments", r)
		}
		if r.Segments[0].At != noon.UnixMicro() || r.Segments[1].At != h.at.UnixMicro() {
			t.Errorf("received at %d, %d", r.Segments[0].At, r.Segments[1].At)
		}

		for _, step := range []struct {
			what      string
			base, end wire.Point
			moves     bool
			safe      wire.Point
		}{
			{"a later one", k.at(6), k.at(10), false, wire.Point{}},
			{"another chain", k.at(0), wire.At(3, wire.Chain{7}), false, wire.Point{}},
			{"beyond what is held", k.at(0), wire.At(99, wire.Chain{7}), false, wire.Point{}},
			{"the first", k.at(0), k.at(3), true, k.at(3)},
			{"the first again", k.at(0), k.at(3), false, k.at(3)},
			{"one that overlaps", k.at(1), k.at(6), true, k.at(6)},
			{"the rest", k.at(6), k.at(10), true, k.at(10)},
		} {
			if got := h.archived(k.journal, step.base, step.end); got != step.moves {
				t.Errorf("%s: moved = %v, want %v", step.what, got, step.moves)
			}
			if got := h.listed(k.journal, 0).Safe; got != step.safe {
				t.Errorf("%s: safe = %v, want %v", step.what, got, step.safe)
			}
		}
		if left := h.runs(9); len(left) != 1 || left[0].Journal != other.journal {
			t.Errorf("left over: %+v, want the other journal", left)
		}
		h.archived(other.journal, other.base, other.head())
		if any, err := h.AnyUnarchived(t.Context()); err != nil || any {
			t.Errorf("AnyUnarchived = %v, %v", any, err)
		}
		h.same()
	})
}

func TestForkedJournalIsArchivedFromItsBase(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 5 {
			k.rate(second, 3)
		}
		k.fork(4, wire.Point{}, wire.ForkBehind)
		h.append(k.rest(4))
		r := h.runs(9)[0]
		if r.Parent != k.base || r.Base != k.base || r.End != k.head() {
			t.Errorf("run = %+v, want all of it", r)
		}
		if !h.archived(k.journal, r.Base, r.End) || h.listed(k.journal, 0).Safe != k.head() {
			t.Errorf("safe = %v, want %v", h.listed(k.journal, 0).Safe, k.head())
		}
	})
}

// What has gone bad on the hub's disk must not become an object, nor stop
// other journals.
func TestDamagedSegmentIsNoRun(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		bad, good := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		bad.rate(second, 3)
		h.append(bad.rest(0))
		h.append(good.rest(0))
		spoil(t, h, "UPDATE segments SET end_chain = $1 WHERE segment = (SELECT min(segment) FROM segments)", make([]byte, 32))
		found, failed := 0, 0
		for r, err := range h.UnarchivedSegments(t.Context(), 9) {
			if err != nil {
				failed++
			} else if r.Journal == good.journal {
				found++
			}
		}
		if found != 1 || failed != 1 {
			t.Errorf("%d runs, %d errors, want one of each", found, failed)
		}
	})
}

// A hub that lost its disk is made again from its objects alone, and says the
// same in every row.
func TestReplayOfObjectsGivesTheSameHub(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for i := range 8 {
			k.rate(int64(i)*minute, 3)
			h.at = h.at.Add(time.Minute)
			h.append(k.rest(k.head().Seq - 1 - uint64(btoi(i == 0))))
		}
		old := k.copy("a")
		k.fork(5, k.head(), wire.ForkDiffers)
		h.append(k.rest(5))
		lost := openHub(t, "sqlite:"+t.TempDir()+"/again.db")
		epoch, err := lost.BeginEpoch(t.Context(), 41)
		if err != nil || epoch != 42 {
			t.Fatalf("BeginEpoch = %d, %v", epoch, err)
		}
		for range 2 { // a replay may be run again
			for _, r := range h.runs(99) {
				for _, s := range r.Segments {
					if err := lost.ReplaySegment(t.Context(), r.Device, r.Parent, s); err != nil {
						t.Fatal(err)
					}
				}
				lost.archived(r.Journal, r.Base, r.End)
			}
		}
		for _, name := range []wire.JournalID{old.journal, k.journal} {
			if j := lost.listed(name, 0); j.Safe != j.Received {
				t.Errorf("journal %s is safe up to %v of %v", name, j.Safe, j.Received)
			}
			h.archived(name, h.listed(name, 0).Base, h.listed(name, 0).Received)
		}
		if got, want := lost.shown(), h.shown(); got != want {
			t.Errorf("made again:\n%s\nbefore:\n%s", got, want)
		}
		lost.same()
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The first object is gone: the journal still begins where its kiosk says, so
// that the kiosk is asked for what is missing.
func TestReplayWithoutTheFirstSegment(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 8 {
			k.rate(minute, 3)
		}
		for range 2 {
			err := h.ReplaySegment(t.Context(), "a", k.base, Segment{At: noon.UnixMicro(), Frame: k.frame(4, 9)})
			if err != nil {
				t.Fatal(err)
			}
		}
		s, err := h.Standing(t.Context(), "a", wire.Offer{Journal: k.journal, Base: k.base, Head: k.head()})
		if err != nil || s.Received != k.base {
			t.Errorf("Standing = %+v, %v; want the kiosk asked from its base", s, err)
		}
		if j := h.listed(k.journal, 1); j.Base != k.at(4) || j.Received != k.at(9) {
			t.Errorf("branch = %+v", j)
		}
		h.same()
		h.append(k.rest(0))
		if h.total() != 8 {
			t.Errorf("counted %d, want 8", h.total())
		}
		h.same()
	})
}

func TestBeginEpochIsAboveEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		h.append(k.rest(0))
		h.archived(k.journal, k.base, k.head())
		for _, c := range []struct{ above, want uint64 }{{0, 2}, {1_800_000_000, 1_800_000_001}, {7, 1_800_000_002}} {
			got, err := h.BeginEpoch(t.Context(), c.above)
			if err != nil || got != c.want {
				t.Errorf("BeginEpoch(%d) = %d, %v; want %d", c.above, got, err, c.want)
			}
		}
		if now, err := h.Epoch(t.Context()); err != nil || now != 1_800_000_002 {
			t.Errorf("Epoch = %d, %v", now, err)
		}
		if _, err := h.BeginEpoch(t.Context(), wire.MaxNumber); err == nil {
			t.Error("an epoch no kiosk would take was begun")
		}
		if j := h.listed(k.journal, 0); j.Safe != (wire.Point{}) {
			t.Errorf("safe = %v across a restore", j.Safe)
		}
	})
}

func spoil(t *testing.T, h *hub, statement string, args ...any) {
	t.Helper()
	err := h.db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
