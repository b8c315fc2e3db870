package ledger

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"nghe/shared/wire"
)

func TestSharedRecordsCountOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 6 {
			k.rate(minute, 2)
		}
		h.append(k.delivery(0, 5))
		back := k.copy("a")
		back.records, back.points = back.records[:3], back.points[:3] // an old image
		back.rate(2*minute, 5)
		back.fork(0, k.at(5), wire.ForkAhead)
		h.append(back.rest(0))
		h.append(k.delivery(5, 7))
		if n := len(h.rows(Filter{})); n != 7 || h.total() != 7 {
			t.Errorf("%d rows, %d counted, want 7 of each", n, h.total())
		}
		f := h.listed(back.journal, 0).Fork
		if f == nil || f.Cause != wire.ForkAhead || f.From != k.journal || f.Hub != k.at(5) {
			t.Errorf("fork = %+v, want ahead of %s", f, k.journal)
		}
		if len(h.events(EventFork)) != 1 || len(h.events(EventHole)) != 0 {
			t.Errorf("events = %v, %v; want one fork, no hole", h.events(EventFork), h.events(EventHole))
		}
		h.same()
	})
}

// The floor lies inside the journal that the hub holds: answers after the fork
// belong to the boot from before it.
func TestForkInheritsItsBoot(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for range 5 {
			k.rate(minute, 2)
		}
		h.append(k.rest(0))
		k.fork(3, k.at(6), wire.ForkDiffers)
		k.rate(2*minute, 4)
		h.append(k.rest(3))
		rows := h.rows(Filter{Place: "qt-01"})
		if len(rows) != 6 || rows[5].TakenAt != noon.Add(-time.Hour).UnixMicro()+2*minute {
			t.Errorf("rows = %+v, want 6 at the place, the last timed by the boot", rows)
		}
		if j := h.listed(k.journal, 0); j.Hole != nil || j.Place != "qt-01" {
			t.Errorf("journal = %+v, want no hole and its place", j)
		}
		k.measure(3*minute, noon, 0)
		h.append(k.delivery(8, 9)) // moves all six, in both journals
		for _, r := range h.rows(Filter{}) {
			if r.TakenAt < noon.Add(-3*time.Minute).UnixMicro() {
				t.Errorf("answer %d taken at %d, want it moved by the reading", r.Seq, r.TakenAt)
			}
		}
		h.same()
	})
}

func TestReplaces(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		first := k.rate(second, 1)
		again := k.add(wire.Replaces{Earlier: k.id(first), Answer: satisfied(3*second, 5)})
		k.add(wire.Replaces{Earlier: k.id(again), Answer: satisfied(4*second, 4)})
		h.append(k.delivery(0, 2))
		h.append(k.rest(2))
		if c := h.counts(Filter{}); len(c) != 1 || c[0].Score != 4 || c[0].N != 1 {
			t.Errorf("counts = %+v, want one 4", c)
		}
		var flags [][]string
		for _, r := range h.rows(Filter{}) {
			flags = append(flags, r.Flags)
		}
		want := [][]string{{FlagReplaced, FlagWall}, {FlagReplaced, FlagReplacing, FlagWall}, {FlagReplacing, FlagWall}}
		if !reflect.DeepEqual(flags, want) {
			t.Errorf("flags = %v, want %v", flags, want)
		}
		h.same()
	})
}

func TestReplacesInOneBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		first := k.rate(second, 1)
		k.add(wire.Replaces{Earlier: k.id(first), Answer: satisfied(3*second, 1)})
		h.append(k.rest(0))
		if c := h.counts(Filter{}); len(c) != 1 || c[0].N != 1 {
			t.Errorf("counts = %+v, want one", c)
		}
		h.same()
	})
}

func TestReplacesWhatAnotherDeviceSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k, liar := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		low := k.rate(second, 1)
		liar.add(wire.Replaces{Earlier: k.id(low), Answer: satisfied(3*second, 5)})
		h.append(k.rest(0), liar.rest(0))
		if h.total() != 2 {
			t.Errorf("counted %d, want 2: nobody takes back what another kiosk heard", h.total())
		}
		h.same()
	})
}

// The answer that was taken back arrives after the one that took its place: by
// a replay, after a restore.
func TestReplacesBeforeTheEarlierArrives(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		first := k.rate(second, 1)
		k.add(wire.Replaces{Earlier: k.id(first), Answer: satisfied(3*second, 5)})
		early := k.copy("a")
		k.fork(2, k.base, wire.ForkBehind)
		h.append(k.rest(2))
		if h.total() != 1 {
			t.Errorf("counted %d, want 1", h.total())
		}
		h.replay("a", early.frame(0, 2))
		if c := h.counts(Filter{}); len(c) != 1 || c[0].Score != 5 || c[0].N != 1 {
			t.Errorf("counts = %+v, want one 5", c)
		}
		h.same()
	})
}

func (h *hub) replay(device string, frame []byte) {
	h.t.Helper()
	if err := h.Replay(h.t.Context(), device, frame); err != nil {
		h.t.Fatalf("Replay: %v", err)
	}
}

func TestFirstReadingAgainstTheHubTimesTheBoot(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01") // believes it started at 11:00
		k.rate(10*minute, 3)
		h.append(k.rest(0))
		r := h.rows(Filter{})[0]
		if want := noon.Add(-50 * time.Minute).UnixMicro(); r.TakenAt != want || r.TakenWidth != noon.UnixMicro()-want {
			t.Errorf("before: taken %d width %d, want %d and up to its arrival", r.TakenAt, r.TakenWidth, want)
		}
		h.at = noon.Add(3 * time.Hour)
		k.measure(20*minute, noon.Add(2*time.Hour), 40) // it started at 13:40
		k.measure(30*minute, noon.Add(9*time.Hour), 10) // a later reading changes nothing
		k.rate(40*minute, 4)
		h.append(k.rest(2))
		rows := h.rows(Filter{})
		began := noon.Add(100 * time.Minute).UnixMicro()
		for i, uptime := range []int64{10 * minute, 40 * minute} {
			if rows[i].TakenAt != began+uptime || rows[i].TakenWidth != 40 || len(rows[i].Flags) != 0 {
				t.Errorf("after: row %d = %+v, want taken %d width 40", i, rows[i], began+uptime)
			}
		}
		hours := []int64{}
		for _, c := range h.counts(Filter{}) {
			hours = append(hours, c.Hour)
		}
		if want := []int64{noon.Add(time.Hour).UnixMicro(), noon.Add(2 * time.Hour).UnixMicro()}; !slices.Equal(hours, want) {
			t.Errorf("counted in hours %v, want %v", hours, want)
		}
		h.same()
	})
}

// A clock that runs ahead cannot place an answer after its arrival.
func TestClockAheadIsBoundByArrival(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.boot("qt-01", noon.AddDate(10, 0, 0).UnixMicro())
		k.rate(minute, 3)
		h.append(k.rest(0))
		if r := h.rows(Filter{})[0]; r.TakenAt != noon.UnixMicro() || r.TakenWidth != 0 {
			t.Errorf("taken %d width %d, want its arrival %d", r.TakenAt, r.TakenWidth, noon.UnixMicro())
		}
		k.boot("qt-01", -1<<60)
		k.rate(minute, 3)
		h.append(k.rest(3))
		h.same()
	})
}

func TestDayOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		a := satisfied(0, 2)
		a.Day = 20_000 // 2024-10-04
		k.add(a)
		h.append(k.rest(0))
		day := time.Date(2024, 10, 4, 0, 0, 0, 0, time.FixedZone("", 7*3600))
		r := h.rows(Filter{})[0]
		if r.TakenAt != day.UnixMicro() || r.TakenWidth != 24*time.Hour.Microseconds() || !slices.Equal(r.Flags, []string{FlagDay}) {
			t.Errorf("row = %+v, want the whole of %v", r, day)
		}
		h.same()
	})
}

func TestPoisonStopsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		late, never := satisfied(1<<54, 3), satisfied(0, 3)
		never.Day = 1<<32 - 1
		k.rate(minute, 1)
		bad := []uint64{
			k.addRaw([]byte{0x82, 0x17, 0x01}), // kind 23
			k.addRaw([]byte{0x01}),             // no array
			k.addRaw([]byte{0x82, 0x03, 0x01}), // an answer cut short
			k.addRaw([]byte("không phải CBOR")),
			k.add(late), k.add(never), k.add(wire.Answer{Uptime: 1}),
			k.add(wire.Clock{Uptime: 1 << 60}), k.add(wire.Clock{Cause: wire.ClockHub, Hub: -1 << 60}),
		}
		k.rate(2*minute, 5)
		h.append(k.rest(0))
		if j := h.listed(k.journal, 0); j.Received != k.head() || h.total() != 2 {
			t.Errorf("received %v, counted %d; want %v and 2", j.Received, h.total(), k.head())
		}
		poisons, err := h.Quarantined(t.Context())
		if err != nil || len(poisons) != len(bad) {
			t.Fatalf("Quarantined = %v, %v; want %d", poisons, err, len(bad))
		}
		for i, p := range poisons {
			if p.Seq != bad[i] || string(p.Bytes) != string(k.records[bad[i]-1]) || p.Reason == "" || p.ID != k.id(bad[i]) {
				t.Errorf("poison %d = %+v, want record %d and why", i, p, bad[i])
			}
		}
		if n := len(h.events(EventQuarantine)); n != len(bad) {
			t.Errorf("%d events, want %d", n, len(bad))
		}
		h.same()
	})
}

// A program that has learned the kind reads what its predecessor could not.
func TestRebuildReadmits(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 1)
		k.rate(2*minute, 5)
		unknown := string(k.records[1])
		h.decode = func(b []byte) (wire.Record, error) {
			if string(b) == unknown {
				return nil, wire.ErrUnknownKind
			}
			return wire.DecodeRecord(b)
		}
		h.append(k.rest(0))
		if h.total() != 1 {
			t.Fatalf("counted %d, want 1", h.total())
		}
		h.whole()
		h.decode = wire.DecodeRecord
		if a, err := h.Audit(t.Context(), nil); err != nil || a.Whole() {
			t.Errorf("Audit by the newer program = %v, %v; want it to ask for a rebuild", a, err)
		}
		if err := h.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if poisons, err := h.Quarantined(t.Context()); err != nil || len(poisons) != 0 || h.total() != 2 {
			t.Errorf("after Rebuild %v in quarantine, %v, counted %d; want none and 2", poisons, err, h.total())
		}
		h.same()
	})
}

func TestVietnameseRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		const place, word = "nhà văn hóa Bình Minh", "đúng mực: “tốt” & <rất tốt>"
		k := newKiosk(t, "a", place)
		a := satisfied(minute, 0)
		a.Question, a.Choices = "low", []string{word, "chờ lâu"}
		k.add(a)
		h.append(k.rest(0))
		r := h.rows(Filter{Place: place})
		if len(r) != 1 || r[0].Place != place || !slices.Equal(r[0].Choices, a.Choices) {
			t.Errorf("rows = %+v, want %q and %q", r, place, a.Choices)
		}
		c := h.counts(Filter{Place: place})
		if len(c) != 2 || c[0].Choice != "chờ lâu" || c[1].Choice != word || c[0].N != 1 || c[1].N != 1 {
			t.Errorf("counts = %+v, want one of each choice", c)
		}
		h.same()
	})
}

// The fork's first record is a boot: the boot it inherited has no record in it.
func TestForkThatBeginsWithABoot(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 2)
		h.append(k.rest(0))
		k.boot("qt-02", noon.UnixMicro())
		k.rate(minute, 4)
		k.fork(2, k.at(2), wire.ForkDiffers)
		h.append(k.rest(2))
		if n := len(h.rows(Filter{Place: "qt-02"})); n != 1 || h.total() != 2 {
			t.Errorf("%d at the second place, %d counted; want 1 and 2", n, h.total())
		}
		h.same()
	})
}
