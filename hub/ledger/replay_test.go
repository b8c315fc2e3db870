package ledger

import (
	"testing"
	"time"

	"nghe/shared/wire"
)

// The hub was restored without what lay between: the kiosk forks at its floor,
// the hub takes it, says what is lost, and finds it again in the segments.
func TestHoleIsDeclaredAndFilled(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for i := range 9 {
			k.rate(int64(i)*minute, 3)
		}
		old := k.copy("a")
		h.append(k.delivery(0, 4))
		k.fork(7, k.at(4), wire.ForkBehind)
		k.measure(10*minute, noon, 5)
		h.append(k.rest(7))

		j := h.listed(k.journal, 0)
		want := Hole{After: 4, Until: 7, DeclaredAt: noon.UnixMicro()}
		if j.Hole == nil || *j.Hole != want {
			t.Fatalf("hole = %+v, want %+v", j.Hole, want)
		}
		if j.Place != "qt-01" {
			t.Errorf("place = %q, want that of the device's last boot", j.Place)
		}
		if h.total() != 3+3 {
			t.Errorf("counted %d, want 6", h.total())
		}
		h.same()

		h.at = noon.Add(time.Hour)
		h.replay("a", old.frame(4, 10))
		if j := h.listed(k.journal, 0); j.Hole == nil || j.Hole.FilledAt != h.at.UnixMicro() {
			t.Errorf("hole = %+v, want it filled", j.Hole)
		}
		if h.total() != 9 || len(h.rows(Filter{})) != 9 {
			t.Errorf("counted %d, %d rows, want 9 of each", h.total(), len(h.rows(Filter{})))
		}
		for _, r := range h.rows(Filter{}) { // the branch's reading times the boot of both journals
			if r.TakenWidth != 5 || r.Place != "qt-01" {
				t.Errorf("row %d = %+v, want it timed by the reading", r.Seq, r)
			}
		}
		if len(h.events(EventHole)) != 1 || len(h.events(EventFilled)) != 1 {
			t.Errorf("events = %v %v, want one of each", h.events(EventHole), h.events(EventFilled))
		}
		h.same()
	})
}

// Nothing at all is known of what lay before: no boot, no place.
func TestUnknownParentPointIsAccepted(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for i := range 5 {
			k.rate(int64(i)*minute, 3)
		}
		early := k.copy("a")
		k.fork(3, wire.Point{}, wire.ForkBehind)
		h.append(k.rest(3))
		if r := h.rows(Filter{})[0]; r.Place != "" || r.TakenAt != noon.UnixMicro() || r.Flags[0] != FlagUntimed {
			t.Errorf("row = %+v, want no place, and any time before it arrived", r)
		}
		h.same()
		k.boot("qt-01", noon.UnixMicro())
		k.rate(minute, 5)
		h.append(k.rest(7))
		if got := len(h.rows(Filter{Place: "qt-01"})); got != 4 {
			t.Errorf("%d answers at the place, want 4: the kiosk told where it stands", got)
		}
		h.same()
		h.replay("a", early.frame(0, 2))
		h.replay("a", early.frame(2, 6))
		rows := h.rows(Filter{Place: "qt-01"})
		if len(rows) != 6 || rows[0].Flags[0] != FlagWall {
			t.Errorf("rows = %+v, want 6 at the place and timed by their boot", rows)
		}
		h.same()
	})
}

// The device is new, the journal it left is another's: only the fork record
// says where to look.
func TestForkOfAForeignJournalIsNoHole(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 5 {
			k.rate(minute, 3)
		}
		h.append(k.rest(0))
		thief := k.copy("b")
		thief.fork(3, k.head(), wire.ForkForeign)
		h.append(thief.delivery(3, 5)) // the fork record is the last
		if j := h.listed(thief.journal, 0); j.Hole == nil || j.Hole.FilledAt != 0 {
			t.Errorf("hole = %+v, want one while nobody says where it came from", j.Hole)
		}
		h.append(thief.rest(5))
		if j := h.listed(thief.journal, 0); j.Hole == nil || j.Hole.FilledAt == 0 {
			t.Errorf("hole = %+v, want none left", j.Hole)
		}
		if h.total() != 5 {
			t.Errorf("counted %d, want 5", h.total())
		}
		h.same()
	})
}

func TestForkAtTheSameFloorDeclaresNoSecondHole(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 5 {
			k.rate(minute, 3)
		}
		k.fork(3, wire.Point{}, wire.ForkBehind)
		h.append(k.rest(3))
		k.fork(3, k.head(), wire.ForkDiffers)
		h.append(k.rest(3))
		if len(h.events(EventHole)) != 1 || h.listed(k.journal, 0).Hole != nil {
			t.Errorf("events = %v, want the one hole of the first", h.events(EventHole))
		}
		if n := len(h.events(EventFork)); n != 2 { // the second journal holds both fork records
			t.Errorf("%d forks told, want each once", n)
		}
		h.same()
	})
}

func TestReplayKeepsWhatDoesNotFitAsABranch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 1)
		archived := k.copy("a")
		for range 4 {
			archived.rate(2*minute, 2)
			k.rate(3*minute, 5)
		}
		h.append(k.rest(0)) // after the restore, before the replay
		for range 2 {       // a replay may be run again
			h.replay("a", archived.frame(0, 2))
			h.replay("a", archived.frame(2, 4))
			h.replay("a", archived.frame(4, 6))
		}
		branch := h.listed(k.journal, 1)
		if branch.Received != archived.head() || branch.Base != k.at(2) || branch.Hole != nil {
			t.Errorf("branch = %+v, want %v from %v", branch, archived.head(), k.at(2))
		}
		if got := h.listed(k.journal, 0).Received; got != k.head() {
			t.Errorf("journal moved to %v, want %v", got, k.head())
		}
		if h.total() != 9 || len(h.events(EventBranch)) != 1 {
			t.Errorf("counted %d, events %v; want 9 and one", h.total(), h.events(EventBranch))
		}
		s, err := h.Standing(t.Context(), "a", wire.Offer{Journal: k.journal})
		if err != nil || s.Received != k.head() {
			t.Errorf("Standing = %+v, %v; want the journal kiosks speak of", s, err)
		}
		h.same()
	})
}

func TestReplayOfAnotherDevicesJournal(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 1)
		other := k.copy("b")
		other.rate(minute, 2)
		h.append(k.rest(0))
		h.replay("b", other.frame(0, 3))
		if got := h.listed(k.journal, 1); got.Device != "b" || h.total() != 2 {
			t.Errorf("branch = %+v, counted %d; want it b's, and 2", got, h.total())
		}
		h.same()
	})
}

func TestReplayOutOfOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 8 {
			k.rate(minute, 4)
		}
		for _, s := range [][2]uint64{{6, 9}, {0, 3}, {3, 6}} {
			h.replay("a", k.frame(s[0], s[1]))
		}
		if h.total() != 8 || len(h.rows(Filter{Place: "qt-01"})) != 8 {
			t.Errorf("counted %d, %d at the place; want 8", h.total(), len(h.rows(Filter{Place: "qt-01"})))
		}
		if j := h.listed(k.journal, 0); j.Hole == nil || j.Hole.FilledAt == 0 {
			t.Errorf("hole = %+v, want it filled", j.Hole)
		}
		h.same()
	})
}

func TestReplayRefusesWhatIsNoSegment(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		ack, err := wire.EncodeFrame(wire.Ack{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{nil, {3}, ack} {
			if err := h.Replay(t.Context(), "a", b); err == nil {
				t.Errorf("Replay(%x) = nil, want an error", b)
			}
		}
	})
}
