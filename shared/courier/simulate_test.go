package courier

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	simSeed  = flag.Uint64("sim.seed", 1, "first seed of TestSimulate")
	simCount = flag.Int("sim.n", 0, "number of seeds; 0 runs until -sim.time is over")
	simTime  = flag.Duration("sim.time", 5*time.Second, "how long TestSimulate looks for trouble, on every core")
)

// How often a run without -sim.n must have met every fault; one of less than a
// minute need not meet every outcome that takes several of them as often.
const (
	seenOften     = 50
	seenSometimes = 10
)

// fewestSeeds runs however slow the machine is, so that every fault is met;
// with -short, as under the race detector, few of them do.
func fewestSeeds() int {
	if testing.Short() {
		return 6
	}
	return 32
}

// TestSimulate runs simulated wards, one seed after another on every core, and
// demands every promise of every one. With -sim.n=1 -v it tells the story of
// one seed.
func TestSimulate(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a world is small and short-lived
	var sum summary
	var next atomic.Uint64
	next.Store(*simSeed)
	end := time.Now().Add(*simTime)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				seed := next.Add(1) - 1
				n := int(seed - *simSeed)
				if *simCount > 0 && n >= *simCount || *simCount == 0 && n >= fewestSeeds() && time.Now().After(end) || t.Failed() {
					return
				}
				sum.simulate(t, seed)
			}
		})
	}
	began := time.Now()
	wg.Wait()
	t.Log(sum.line(time.Since(began)))
	if *simCount == 0 && !t.Failed() && !testing.Short() {
		sum.demand(t)
	}
}

// summary adds up what all seeds met.
type summary struct {
	mu              sync.Mutex
	tally           tally
	seeds, days     int
	events, records int
}

func (s *summary) simulate(t *testing.T, seed uint64) {
	var tally tally
	w := newWorld(seed, &tally)
	if *simCount == 1 && testing.Verbose() {
		w.trace = t.Logf
	}
	found := w.run()
	if len(found) > 0 {
		var all strings.Builder
		for _, v := range found[:min(len(found), 5)] {
			fmt.Fprintf(&all, "\n\t%s", v)
		}
		t.Errorf("seed %d: %d violations%s\nrepeat with: go test ./shared/courier -run 'TestSimulate$' -sim.seed=%d -sim.n=1 -v",
			seed, len(found), all.String(), seed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.days += w.scenario.machines * w.scenario.days
	s.events += w.events
	s.records += len(w.papers)
	for f, n := range tally {
		s.tally[f] += n
	}
}

func (s *summary) line(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d seeds: %d kiosk-days, %d events (%.0f/s on each of %d cores), %d records", s.seeds, s.days, s.events,
		float64(s.events)/took.Seconds()/float64(runtime.GOMAXPROCS(0)), runtime.GOMAXPROCS(0), s.records)
	for f, n := range s.tally {
		if f%3 == 0 {
			b.WriteString("\n\t")
		}
		fmt.Fprintf(&b, "%-27s %8d   ", faultNames[f], n)
	}
	return b.String()
}

func (s *summary) demand(t *testing.T) {
	for f, n := range s.tally {
		want := seenOften
		if fault(f) >= outcomes && *simTime < time.Minute {
			want = seenSometimes
		}
		if n < want {
			t.Errorf("%s: seen %d times in %d seeds, want %d: too rare to prove anything", faultNames[f], n, s.seeds, want)
		}
	}
}
