package outbox

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// Every operation of the play fails once, in two ways: it has no effect, or it
// has and reports failure all the same. The step is tried again, after opening
// again where MustReopen says so, as the agent does. In the end every
// request is kept once, and what was acknowledged before the fault is as it was.
func TestEveryFault(t *testing.T) {
	ops := played(t, false).disk.Ops()
	step := 1
	if testing.Short() {
		step = 7
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	turns := make(chan struct{}, 8) // a failed migration is tried again after a while: mostly waiting
	for at := 0; at < ops; at += step {
		for _, done := range []bool{false, true} {
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				failed, err := playFault(t, at, done)
				if err != nil {
					t.Errorf("at %d, done %v: %s failed: %v", at, done, failed, err)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[failed]++
			})
		}
	}
	wg.Wait()
	t.Logf("faults: %v", seen)
	if seen["write"] == 0 || seen["sync"] == 0 || seen["create"] == 0 {
		t.Errorf("some kind of fault never came up: %v", seen)
	}
}

func playFault(t *testing.T, at int, done bool) (failed string, err error) {
	s := newScript(t, false)
	defer func() {
		if s.o != nil {
			err = errors.Join(err, s.o.Close())
		}
		s.o = nil
	}()
	s.disk.Fail(at, done)
	for i, step := range s.steps() {
		for try := 0; ; try++ {
			err := step()
			if err == nil {
				break
			}
			if try == 3 {
				return s.disk.Failed(), fmt.Errorf("step %d does not recover: %w", i, err)
			}
			if err := s.recover(err); err != nil {
				return s.disk.Failed(), fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	return s.disk.Failed(), s.judgeOnce()
}

// recover does what the agent does after an error.
func (s *script) recover(cause error) error {
	if s.o == nil || !MustReopen(cause) {
		return nil // try the step again
	}
	s.o.Close() // its error is the one at hand
	s.o = nil
	return s.open()
}

// judgeOnce: every request is kept, once, as acknowledged.
func (s *script) judgeOnce() error {
	b, err := s.o.Branch()
	if err != nil {
		return err
	}
	seqs := map[uint64]string{}
	for _, k := range s.kept {
		if other, twice := seqs[k.receipt.Seq]; twice {
			return fmt.Errorf("%s and %s share record %d", other, k.request, k.receipt.Seq)
		}
		seqs[k.receipt.Seq] = k.request
		r, err := s.o.Put(k.request, rating(k.score), k.replaces)
		if err != nil || !r.Again || r.ID != k.receipt.ID {
			return fmt.Errorf("%s repeated: %+v, %w; want %+v", k.request, r, err, k.receipt)
		}
	}
	answers := 0
	for _, r := range records(s.t, s.o, b.Floor.Seq) {
		if isAnswer(r) {
			answers++
		}
	}
	held := 0
	for _, k := range s.kept {
		if k.receipt.Seq > b.Floor.Seq {
			held++
		}
	}
	if answers != held {
		return fmt.Errorf("%d answers held, %d acknowledged", answers, held)
	}
	return errors.Join(s.judgeKept(s.o, s.disk.Ops()), judgeWhole(s.o))
}
