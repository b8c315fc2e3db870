package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"nghe/hub/database/pgtest"
	"nghe/shared/wire"
)

// Random lives of a few kiosks (taps, restarts, readings, poison, old images,
// clones, forks with and without a hole, repeats, replays) against the plainest
// model there is: a set of record ids.
func TestRandomLives(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("sqlite seed ", seed), func(t *testing.T) {
			live(t, openHub(t, "sqlite:"+t.TempDir()+"/hub.db"), seed)
		})
	}
	for seed := range min(seeds, 4) {
		t.Run(fmt.Sprint("postgres seed ", seed), func(t *testing.T) { live(t, openHub(t, pgtest.URL(t)), seed) })
	}
}

type life struct {
	*rand.Rand
	t      *testing.T
	h      *hub
	kiosks []*kiosk
	want   map[wire.RecordID]bool // answers that must be shown
	gone   map[wire.RecordID]bool // replaced, whether they came or not
	odd    map[wire.RecordID]bool // flagged, whether they came or not
}

func live(t *testing.T, h *hub, seed uint64) {
	l := &life{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, h: h,
		want: map[wire.RecordID]bool{}, gone: map[wire.RecordID]bool{}, odd: map[wire.RecordID]bool{}}
	for i := range 3 {
		l.kiosks = append(l.kiosks, newKiosk(t, fmt.Sprintf("%d-%d", seed, i), fmt.Sprintf("qt-%02d", i)))
	}
	for range 60 {
		l.step(l.kiosks[l.IntN(len(l.kiosks))])
	}
	left, odd := int64(0), int64(0)
	for _, r := range h.rows(Filter{}) {
		if !l.want[r.ID] {
			t.Errorf("row %s of %s was never delivered, or is shown twice", r.ID, r.Device)
		}
		delete(l.want, r.ID)
		if l.odd[r.ID] != slices.Contains(r.Flags, "palm") {
			t.Errorf("row %s has flags %v, want palm: %v", r.ID, r.Flags, l.odd[r.ID])
		}
		if l.gone[r.ID] {
			continue
		}
		if left++; l.odd[r.ID] {
			odd++
		}
	}
	for id := range l.want {
		t.Errorf("answer %s was delivered and is not shown", id)
	}
	if h.total() != left {
		t.Errorf("counted %d, want %d", h.total(), left)
	}
	if h.flagged() != odd {
		t.Errorf("counted %d flagged, want %d", h.flagged(), odd)
	}
	h.same()
}

func (l *life) step(k *kiosk) {
	uptime := l.Int64N(60 * minute)
	switch l.IntN(14) {
	case 12:
		k.add(reply(uptime, "R", 1, uptime%2 == 0))
	case 0:
		k.boot("qt-0"+fmt.Sprint(l.IntN(3)), noon.UnixMicro()-uptime)
	case 1:
		k.measure(uptime, noon, l.Uint64N(50))
	case 2:
		k.addRaw([]byte{0x82, 0x17, byte(l.IntN(20))})
	case 3:
		if seq := k.head().Seq; seq > k.base.Seq {
			k.add(wire.Replaces{Earlier: k.id(seq), Answer: satisfied(uptime, 5)})
		}
	case 4, 5, 6, 7:
		k.rate(uptime, uint8(l.IntN(5)+1))
	case 8:
		l.image(k)
	case 13:
		back := l.Uint64N(min(5, k.head().Seq-k.base.Seq) + 1)
		k.add(wire.Flag{Uptime: uint64(uptime), Earlier: k.id(k.head().Seq - back), Rules: []string{"palm"}})
	default:
		l.send(k)
	}
}

// image splits a kiosk in two that share what they have so far: a clone, or an
// old image that is started later.
func (l *life) image(k *kiosk) {
	if len(l.kiosks) < 8 {
		c := k.copy(k.device)
		l.kiosks = append(l.kiosks, c)
		c.boot("qt-00", noon.UnixMicro()+int64(len(l.kiosks)))
	}
}

// send offers a random part, and on a misfit forks at a random floor, as
// courier would.
func (l *life) send(k *kiosk) {
	s, err := l.h.Standing(l.t.Context(), k.device, wire.Offer{Journal: k.journal, Base: k.base, Head: k.head()})
	if err != nil {
		l.t.Fatal(err)
	}
	held := s.Received.Seq >= k.base.Seq && s.Received.Seq <= k.head().Seq && k.at(s.Received.Seq) == s.Received
	if !held {
		k.fork(k.base.Seq+l.Uint64N(uint64(len(k.records))+1), s.Received, wire.ForkDiffers)
		return
	}
	least := k.base.Seq
	if s.State == wire.StandingKnown { // a clone with an emptier disk may have begun it later
		least = max(least, l.h.listed(k.journal, 0).Base.Seq)
	}
	from := least + l.Uint64N(s.Received.Seq-least+1)
	if l.IntN(8) == 0 && s.State == wire.StandingNew && len(k.records) > 2 {
		from = k.base.Seq + 2 // the restored hub holds less than the floor
		k.base, k.records, k.points = k.at(from), k.records[2:], k.points[2:]
	}
	if from >= k.head().Seq {
		return
	}
	to := from + 1 + l.Uint64N(k.head().Seq-from)
	if d := k.delivery(from, to); l.IntN(4) == 0 {
		l.h.replay(k.device, k.frame(from, to))
	} else {
		l.h.append(d)
	}
	l.delivered(k, from, to)
}

func (l *life) delivered(k *kiosk, from, to uint64) {
	for seq := from + 1; seq <= to; seq++ {
		r, err := wire.DecodeRecord(k.records[seq-k.base.Seq-1])
		if err != nil {
			continue
		}
		switch r := r.(type) {
		case wire.Answer:
			l.want[k.id(seq)] = true
		case wire.Replaces:
			l.want[k.id(seq)] = true
			l.gone[r.Earlier] = true
		case wire.Flag:
			l.odd[r.Earlier] = true
		}
	}
}
