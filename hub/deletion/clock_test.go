package deletion

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/blob"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// machine is a hub with a clock that may be wrong.
type machine struct {
	*hub
	truth  time.Time     // what it really is
	ahead  time.Duration // of the hub's clock
	ran    time.Duration // since the process began
	kiosks bool          // one with a good clock is connected
}

func newMachine(t *testing.T, h *hub) *machine {
	m := &machine{hub: h, truth: noon}
	m.boot(0)
	return m
}

// boot starts the hub anew, its clock that much ahead of the truth.
func (m *machine) boot(ahead time.Duration) {
	m.t.Helper()
	m.ahead, m.ran, m.kiosks = ahead, 0, false
	m.at = m.truth.Add(ahead)
	m.kiosk = letterstest.NewKiosk(m.t, m.ledger, fmt.Sprint(m.truth), "qt-01", m.at)
	m.Deletions = m.open(Config{Spool: m.spool, Store: m.store, Executes: true,
		Elapsed: func() time.Duration { return m.ran },
		Clocks: func() []time.Time {
			if !m.kiosks {
				return nil
			}
			return []time.Time{m.truth.Add(20 * year), m.truth.Add(time.Hour)} // one is as wrong as can be
		}})
}

// run has the hub work for so long, and wants so many deleted and this said.
func (m *machine) run(d time.Duration, deleted int, waits string) {
	m.t.Helper()
	n, step := 0, max(d/8, 6*time.Hour)
	for ; ; d -= min(d, step) {
		got, err := m.Retain(m.t.Context())
		m.ok(err)
		if n += got; d <= 0 {
			break
		}
		m.pass(min(d, step))
		m.ran += min(d, step)
	}
	r, err := m.Retention(m.t.Context())
	m.ok(err)
	if n != deleted || r.Waits != waits || (r.Waiting > 0) != (waits != "") || r.Since.IsZero() != (waits == "") {
		m.t.Helper()
		m.t.Errorf("at %v, clock %v: deleted %d, %+v; want %d and waits %q", m.truth, m.at, n, r, deleted, waits)
	}
}

// pass lets time go by with the hub off.
func (m *machine) pass(d time.Duration) {
	m.truth = m.truth.Add(d)
	m.at = m.truth.Add(m.ahead)
}

func (m *machine) whole(s letterstest.Sent) {
	m.t.Helper()
	if left := m.left(s); left != "words contact voice" {
		m.t.Errorf("left of the message: %q", left)
	}
}

func onMachine(t *testing.T, test func(t *testing.T, m *machine)) {
	test(t, newMachine(t, openHub(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))))
}

// The clock comes up ten years ahead: nothing is deleted, whatever the hub does
// and however long it stays so; set right, everything goes on, and what is old
// enough goes in its time, with its proof.
func TestClockTenYearsAheadDeletesNothing(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.run(0, 0, "")
		s := m.archived(message())
		m.run(day, 0, "")
		for range 3 {
			m.boot(10 * year)
			m.run(0, 0, WaitsClock)
			m.kiosks = true // none agrees
			m.run(5*day, 0, WaitsClock)
		}
		m.ahead = 20 * year // it steps on while the hub runs
		m.run(day, 0, WaitsClock)
		m.boot(0)
		m.run(0, 0, "")
		m.kiosks = true
		m.run(day, 0, "")
		m.whole(s)
		m.run(700*day, 0, "")
		m.whole(s)
		m.run(30*day, 3, "")
		list, err := m.List(t.Context(), 0, 10)
		m.ok(err)
		if len(list) != 3 || list[2].Reason != "words: kept 24 months after it was received on 2026-11-25" {
			t.Errorf("proof: %+v", list)
		}
	})
}

// A clock that is behind when a message comes, and right at the next start, is
// the other way to the same loss.
func TestMessageOfAClockBehindIsNotOld(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.kiosks = true
		m.run(day, 0, "")
		m.boot(-10 * year)
		s := m.archived(message())
		m.run(time.Hour, 0, "")
		m.boot(-10 * year)
		later := m.archived(message()) // seen for the first time when the clock is right again
		m.boot(0)
		m.kiosks = true
		m.run(700*day, 0, "")
		m.whole(s)
		m.whole(later)
		m.run(40*day, 6, "")
	})
}

// A message that came while the clock was ahead is not kept until that year.
func TestMessageOfAClockAheadIsNotKeptForEver(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.run(0, 0, "")
		m.boot(10 * year)
		s := m.archived(message())
		m.run(day, 0, "")
		m.boot(0)
		m.kiosks = true
		m.run(700*day, 0, "")
		m.whole(s)
		m.run(40*day, 3, "")
	})
}

// A clock that comes up ten years ahead on the first day of all, and is set
// right, leaves no time to go by but the right one.
func TestFirstBootWithAWrongClock(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.boot(10 * year)
		m.run(day, 0, "")
		m.boot(0)
		s := m.archived(message())
		m.kiosks = true
		m.run(day, 0, "")
		m.boot(10 * year)
		m.run(day, 0, WaitsClock)
		m.whole(s)
	})
}

// A hub that had no proven time yet begins at its first record, not at what its
// clock says.
func TestFirstLookOfAnOlderHub(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		s := m.archived(message())
		m.boot(10 * year)
		m.run(day, 0, WaitsClock)
		m.whole(s)
	})
}

// A hub that really was off for three years waits for another clock, or for a
// person.
func TestHubThatWasOffForYears(t *testing.T) {
	for name, proof := range map[string]func(m *machine){
		"a kiosk":     func(m *machine) { m.kiosks = true },
		"an operator": func(m *machine) { m.ok(m.Confirm(m.t.Context(), "lan")) },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, h *hub) {
				m := newMachine(t, h)
				m.run(0, 0, "")
				m.archived(message())
				m.run(day, 0, "")
				m.pass(3 * year)
				m.boot(0)
				m.run(day, 0, WaitsClock)
				proof(m)
				m.run(time.Hour, 3, "")
			})
		})
	}
}

// The operator's word is about what the clock says now, not about the next jump.
func TestWordOfAnOperatorIsForOneTime(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.run(0, 0, "")
		s := m.archived(message())
		m.ok(m.Confirm(t.Context(), "lan"))
		m.run(time.Hour, 0, "")
		m.boot(10 * year)
		m.run(day, 0, WaitsClock)
		m.whole(s)
	})
}

// Without any other clock, time is what the hub has run: off at night it is
// later than promised, never earlier, and says so.
func TestRunTimeProvesTime(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.run(0, 0, "")
		s := m.archived(message())
		m.run(720*day, 0, "")
		m.whole(s)
		m.run(20*day, 3, "")
	})
}

// Very many at once, as after a rule was changed or by an error that nobody
// thought of, wait for a person.
func TestVeryManyAtOnceWait(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.kiosks = true
		all := many(0)/3 + 1
		for range all {
			m.kiosk.Send(m.at, message())
		}
		m.run(0, 0, "")
		m.pass(2*year + 10*day)
		m.run(day, 0, WaitsMany)
		m.ok(m.Confirm(t.Context(), "lan"))
		m.run(0, 3*all, "")
	})
}

// A deletion by age that a wrong clock ordered is in no mark for ever: a restore
// from an older copy leaves the blob alone, and the mark of a later order, of
// its sender, counts again.
func TestMarkOfAWrongClockIsForgotten(t *testing.T) {
	onMachine(t, func(t *testing.T, m *machine) {
		m.run(0, 0, "")
		m.archived(message())
		m.boot(10 * year)
		m.ok(m.Confirm(t.Context(), "lan")) // wrongly
		m.run(0, 3, "")
		m.boot(0)
		again := openHub(t, "sqlite:"+filepath.Join(t.TempDir(), "older.db")) // of before the message
		again.store, again.at = m.store, m.truth
		again.Deletions = again.open(Config{Store: m.store, Executes: true})
		_, err := again.Again(t.Context())
		m.ok(err)
		if list, err := again.List(t.Context(), 0, 10); err != nil || len(list) != 0 {
			t.Errorf("done again: %+v, %v", list, err)
		}
		var marks []string
		m.ok(m.store.List(t.Context(), marksPrefix, func(key string) error { marks = append(marks, key); return nil }))
		if len(marks) != 0 {
			t.Errorf("marks: %v", marks)
		}
	})
}

// Other clocks bear out the hub's where more of them agree on its time than on
// another, and what is likelier counts between equals.
func TestWhichClocksAgree(t *testing.T) {
	now, dead := noon, time.Unix(0, 0)
	for name, c := range map[string]struct {
		clocks []time.Time
		proven time.Time
		want   bool
	}{
		"none":                          {nil, now, false},
		"one, of another zone":          {[]time.Time{now.Add(-7 * time.Hour)}, now.Add(-year), true},
		"one, a day off":                {[]time.Time{now.Add(day)}, now, false},
		"one, and one without power":    {[]time.Time{dead, now}, now.Add(-3 * day), true},
		"one, and many, all different":  {[]time.Time{dead, dead.Add(year), now, dead.Add(2 * year)}, now.Add(-day), true},
		"one, and two that agree":       {[]time.Time{now, now.Add(-year), now.Add(-year)}, now.Add(-day), false},
		"one, and one that is likelier": {[]time.Time{now, now.Add(-10 * year)}, now.Add(-10 * year), false},
	} {
		if got := agreed(c.clocks, now, c.proven); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A blob that the ledger never knew before, by a copy older than it, counts from
// when it arrived.
func TestArrivals(t *testing.T) {
	late := noon
	for name, c := range map[string]struct {
		last, named, known, want time.Time
	}{
		"first look ever":           {time.Time{}, noon.Add(-year), time.Time{}, noon.Add(-year)},
		"since the last look":       {noon.Add(-day), noon.Add(-time.Hour), time.Time{}, noon.Add(-time.Hour)},
		"a little before it":        {noon.Add(-day), noon.Add(-day - time.Hour), time.Time{}, noon.Add(-day - time.Hour)},
		"long before it":            {noon.Add(-day), noon.Add(-9 * year), time.Time{}, late},
		"long before it, but known": {noon.Add(-day), noon.Add(-9 * year), noon.Add(-year), noon.Add(-year)},
		"in the future":             {noon.Add(-day), noon.Add(9 * year), time.Time{}, late},
		"known from the future":     {noon.Add(-day), noon.Add(9 * year), noon.Add(9 * year), late},
	} {
		a := arrivals{late: late, last: c.last, from: map[blob.Hash]int64{}}
		if !c.known.IsZero() {
			a.from[blob.Hash{1}] = c.known.UnixMicro()
		}
		b := ledger.Blob{Ref: blob.Ref{Hash: blob.Hash{1}}, Named: c.named.UnixMicro()}
		if got := a.of(b); !got.Equal(c.want) || !time.UnixMicro(a.from[b.Hash]).Equal(c.want) {
			t.Errorf("%s: counts from %v, want %v", name, got, c.want)
		}
		if kept := slices.ContainsFunc(a.news, func(n ledger.Blob) bool { return n.Hash == b.Hash }); kept == c.known.Equal(c.want) {
			t.Errorf("%s: written %v", name, kept)
		}
	}
}
