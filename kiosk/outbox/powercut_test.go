package outbox

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nghe/shared/sqlite/powercut"
)

var cuts = flag.Int("powercut.n", 1000, "states after a power cut to look at")

// number is how many states to look at.
func number() int {
	if testing.Short() {
		return min(*cuts, 100)
	}
	return *cuts
}

// cut is one state to look at.
type cut struct {
	at     int
	choice powercut.Choice
	seed   uint64
}

// cutsOf visits every operation in turn, with one way of losing after another;
// where n are fewer, it spreads them over all.
func cutsOf(ops, n int) []cut {
	all := make([]cut, n)
	for i := range all {
		at := i % (ops + 1)
		if n <= ops {
			at = i * (ops + 1) / n
		}
		all[i] = cut{at, powercut.Choices[(i+i/(ops+1))%len(powercut.Choices)], uint64(i)}
	}
	return all
}

// survey judges all of the cuts and returns the broken promises.
func survey(cuts []cut, judge func(cut) error) (broken []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(cuts); i = next.Add(1) - 1 {
				if err := judge(cuts[i]); err != nil {
					mu.Lock()
					broken = append(broken, fmt.Errorf("%+v (%v): %w", cuts[i], cuts[i].choice, err))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return broken
}

func played(t *testing.T, weak bool) *script {
	t.Helper()
	s := newScript(t, weak)
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	return s
}

// The power is cut at every operation of the play. What was acknowledged is
// there, nothing is there by half, and the journal goes on.
func TestPowerCut(t *testing.T) {
	s := played(t, false)
	all := cutsOf(s.disk.Ops(), number())
	t.Logf("%d states over %d operations, %d answers", len(all), s.disk.Ops(), len(s.kept))
	if s.disk.Ops() >= len(all) && !testing.Short() {
		t.Errorf("%d operations, only %d states: some operation is never cut", s.disk.Ops(), len(all))
	}
	for _, err := range survey(all, func(c cut) error { return s.judge(c.at, s.disk.Cut(c.at, c.choice, c.seed)) }) {
		t.Error(err)
	}
}

// A process is killed, another one goes on and reads what the first one never
// synced; then the power is cut.
func TestPowerCutAfterKill(t *testing.T) {
	first := played(t, false)
	n := max(1, number()/100)
	r := rand.New(rand.NewPCG(uint64(n), 7))
	for range n {
		killed := 1 + r.IntN(first.disk.Ops()-1)
		second := resumed(t, first, killed)
		span := second.disk.Ops() - killed
		some := cutsOf(span, 10)
		for i := range some {
			some[i].at, some[i].seed = killed+r.IntN(span+1), r.Uint64()
		}
		broken := survey(some, func(c cut) error { return second.judge(c.at, second.disk.Cut(c.at, c.choice, c.seed)) })
		for _, err := range broken {
			t.Errorf("killed at %d: %v", killed, err)
		}
	}
}

// resumed goes on with a play where it was killed.
func resumed(t *testing.T, first *script, killed int) *script {
	t.Helper()
	s := newScript(t, false)
	s.disk.Close()
	var err error
	if s.disk, err = first.disk.Resume(killed, s.dir); err != nil {
		t.Fatal(err)
	}
	s.cl.pass(24 * time.Hour)
	for _, k := range first.kept {
		if k.at <= killed {
			s.kept = append(s.kept, k)
		}
	}
	for _, at := range first.stands {
		if at.at <= killed {
			s.stands = append(s.stands, at)
		}
	}
	s.next = 1000
	if allowed := first.within(killed); len(allowed) > 0 {
		s.killed = &allowed[len(allowed)-1]
	}
	if err := s.open(); err != nil {
		t.Fatalf("killed at %d: %v", killed, err)
	}
	s.opened = s.disk.Ops()
	for _, step := range []func() error{
		func() error { return s.put(2) }, func() error { return s.advance(9, 1, 1) }, s.prune, s.reopen,
	} {
		if err := step(); err != nil {
			t.Fatalf("killed at %d: %v", killed, err)
		}
	}
	return s
}

// With synchronous=NORMAL, which the driver sets unless told otherwise, the
// same play must be caught losing what it acknowledged. If it is not, the test
// above proves nothing.
func TestPowerCutCatchesWeakSync(t *testing.T) {
	s := played(t, true)
	all := cutsOf(s.disk.Ops(), min(number(), 300))
	broken := survey(all, func(c cut) error { return s.judge(c.at, s.disk.Cut(c.at, c.choice, c.seed)) })
	t.Logf("%d of %d states broke a promise", len(broken), len(all))
	if len(broken) < len(all)/20 {
		t.Errorf("%d of %d states broke a promise under synchronous=NORMAL: the harness does not bite", len(broken), len(all))
	}
}
