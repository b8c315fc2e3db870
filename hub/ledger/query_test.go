package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"nghe/shared/wire"
)

// week is three kiosks at two places, one answer an hour each, timed exactly.
func week(t *testing.T, h *hub) {
	for i, place := range []string{"qt-01", "qt-02", "qt-02"} {
		k := newKiosk(t, fmt.Sprintf("kiosk-%d", i), place)
		k.measure(0, noon.Add(-24*time.Hour), 0)
		for hour := range 24 {
			a := satisfied(int64(hour)*60*minute, uint8(hour%5+1))
			if hour%2 == 1 {
				a.Question, a.Score, a.Choices = "low", 0, []string{"slow", "rude"}[:hour%3/2+1]
			}
			a.Skipped = hour == 23
			if a.Skipped {
				a.Choices = nil
			}
			k.add(a)
		}
		for at := uint64(0); at < k.head().Seq; at += 6 {
			h.append(k.delivery(at, min(at+6, k.head().Seq)))
		}
	}
}

func TestAnswersFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		week(t, h)
		day := noon.Add(-24 * time.Hour)
		for name, c := range map[string]struct {
			f    Filter
			want int
		}{
			"all":           {Filter{}, 72},
			"place":         {Filter{Place: "qt-02"}, 48},
			"no such place": {Filter{Place: "qt-09"}, 0},
			"device":        {Filter{Device: "kiosk-1"}, 24},
			"question":      {Filter{Question: "low"}, 36},
			"questionnaire": {Filter{Questionnaire: "today", Place: "qt-01"}, 24},
			"other":         {Filter{Questionnaire: "model"}, 0},
			"from":          {Filter{From: day.Add(20 * time.Hour)}, 12},
			"until":         {Filter{Until: day.Add(time.Hour)}, 3},
			"between":       {Filter{From: day.Add(time.Hour), Until: day.Add(3 * time.Hour), Place: "qt-01"}, 2},
		} {
			rows := h.rows(c.f)
			if len(rows) != c.want {
				t.Errorf("%s: %d rows, want %d", name, len(rows), c.want)
			}
			if name == "device" || c.f.Question != "" {
				continue
			}
			n := int64(0)
			for _, c := range h.counts(c.f) {
				if c.Choice != "rude" { // counted beside "slow"
					n += c.N
				}
			}
			if n != int64(c.want) {
				t.Errorf("%s: counted %d, want %d", name, n, c.want)
			}
		}
		h.same()
	})
}

// An hour that is begun is counted whole.
func TestCountsTakeWholeHours(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		week(t, h)
		day := noon.Add(-24 * time.Hour)
		n := int64(0)
		for _, c := range h.counts(Filter{Place: "qt-01", From: day.Add(90 * time.Minute), Until: day.Add(150 * time.Minute)}) {
			n += c.N
		}
		if n != 2 { // 06:00 and 07:00
			t.Errorf("counted %d, want the two hours touched", n)
		}
	})
}

func TestAnswersPages(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		for i := range 2500 {
			k.rate(int64(i)*second, 3)
		}
		h.append(k.rest(0))
		seen := uint64(1)
		for r, err := range h.Answers(t.Context(), Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; r.Seq != seen || r.ID != k.id(seen) {
				t.Fatalf("row %d has seq %d", seen, r.Seq)
			}
			if seen == 10 { // what arrives meanwhile is not part of it
				k.rate(3000*second, 1)
				h.append(k.rest(2501))
			}
		}
		if seen != 2501 {
			t.Errorf("saw up to %d, want 2501", seen)
		}
		for range h.Answers(t.Context(), Filter{}) {
			break // a reader may stop
		}
	})
}

func TestLatest(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		week(t, h)
		var got []string
		rows, err := h.Latest(t.Context(), "qt-02", 30)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got = append(got, fmt.Sprint(r.Device, " ", r.Seq))
		}
		var want []string
		for _, k := range []string{"kiosk-2", "kiosk-1"} {
			for seq := 26; seq > 2; seq-- {
				want = append(want, fmt.Sprint(k, " ", seq))
			}
		}
		if !slices.Equal(got, want[:30]) {
			t.Errorf("Latest = %v, want %v", got, want[:30])
		}
		if rows, err := h.Latest(t.Context(), "qt-02", 100); err != nil || len(rows) != 48 {
			t.Errorf("Latest of more than there are = %d, %v; want 48", len(rows), err)
		}
		if rows, err := h.Latest(t.Context(), "qt-09", 5); err != nil || len(rows) != 0 {
			t.Errorf("Latest of an empty place = %v, %v; want none", rows, err)
		}
	})
}

// The kiosk was carried to another place: each place has its own answers.
func TestLatestOfAPlaceTheKioskLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 1)
		k.boot("qt-02", noon.UnixMicro())
		for range 200 {
			k.rate(minute, 5)
		}
		for at := uint64(0); at < k.head().Seq; at++ {
			h.append(k.delivery(at, at+1))
		}
		rows, err := h.Latest(t.Context(), "qt-01", 5)
		if err != nil || len(rows) != 1 || rows[0].Score != 1 {
			t.Errorf("Latest = %v, %v; want the one answer given there", rows, err)
		}
		h.same()
	})
}

func TestEventsPage(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		for range 3 {
			if _, err := h.RaiseEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		first, err := h.Events(t.Context(), 0, 2)
		if err != nil || len(first) != 2 {
			t.Fatalf("Events = %v, %v; want 2", first, err)
		}
		rest, err := h.Events(t.Context(), first[1].Number, 2)
		if err != nil || len(rest) != 1 || rest[0].Detail != "epoch 4 began" || rest[0].Journal != (wire.JournalID{}) {
			t.Errorf("Events = %v, %v; want the last", rest, err)
		}
	})
}
