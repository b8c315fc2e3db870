// Package crew keeps named tasks alive under one roof.
//
// It promises that a task which fails, panics or returns early is started
// again after a back-off without touching the others; that at the end the
// tasks are stopped one after another, the last added first, so that what a
// task stands on outlives it; and that States tells at any moment how each one
// is doing.
//
// It does not know what a task does, and it never gives up on one: only a task
// that returns Fatal ends the whole crew.
package crew

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	firstDelay = time.Second // before the first restart; doubled after each
	lastDelay  = time.Minute // longest time a kiosk may go without one of its tasks
	healthy    = time.Minute // running that long makes the next delay the first again
)

// Fatal marks err as one no restart can cure: Run stops every task and returns
// it.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &fatal{err}
}

type fatal struct{ err error }

func (f *fatal) Error() string { return f.err.Error() }
func (f *fatal) Unwrap() error { return f.err }

var errEnded = errors.New("task ended without being asked to")

// State is how one task is doing.
type State struct {
	Name     string
	Running  bool
	Restarts int           // since Run
	Err      error         // why it last stopped, nil if it never did
	Delay    time.Duration // until the next start, counted from when it stopped; 0 while running
}

// Crew is a set of tasks. Add all of them, then Run.
type Crew struct {
	log *slog.Logger

	mu    sync.Mutex // guards the State in every task
	tasks []*task
}

type task struct {
	run   func(context.Context) error
	state State
}

// New makes an empty crew. A nil logger means slog.Default.
func New(logger *slog.Logger) *Crew {
	if logger == nil {
		logger = slog.Default()
	}
	return &Crew{log: logger}
}

// Add names a task. It must return soon after its context ends. Not to be
// called once Run has been.
func (c *Crew) Add(name string, run func(ctx context.Context) error) {
	c.tasks = append(c.tasks, &task{run: run, state: State{Name: name}})
}

// States lists the tasks in the order they were added.
func (c *Crew) States() []State {
	c.mu.Lock()
	defer c.mu.Unlock()
	states := make([]State, len(c.tasks))
	for i, t := range c.tasks {
		states[i] = t.state
	}
	return states
}

// Run starts every task and returns when all have stopped: nil once ctx has
// ended, or the error a task gave to Fatal.
func (c *Crew) Run(ctx context.Context) error {
	ending, end := context.WithCancelCause(ctx)
	defer end(nil)
	stops := make([]func(), len(c.tasks))
	for i, t := range c.tasks {
		// Not a child of ctx: each task ends only when its turn comes.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		var wg sync.WaitGroup
		wg.Go(func() { c.keep(own, t, end) })
		stops[i] = func() { cancel(); wg.Wait() }
	}
	<-ending.Done()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	if f := (*fatal)(nil); errors.As(context.Cause(ending), &f) {
		return f.err
	}
	return nil
}

// keep runs one task again and again until ctx ends.
func (c *Crew) keep(ctx context.Context, t *task, end context.CancelCauseFunc) {
	delay := firstDelay
	for {
		c.started(t)
		began := time.Now()
		err := runOnce(ctx, t)
		if ctx.Err() != nil {
			c.stopped(t, err, 0)
			return
		}
		if time.Since(began) >= healthy {
			delay = firstDelay
		}
		c.stopped(t, err, delay)
		if f := (*fatal)(nil); errors.As(err, &f) {
			end(&fatal{fmt.Errorf("%s: %w", t.state.Name, f.err)})
			<-ctx.Done()
			return
		}
		c.log.Warn("task failed, will restart", "task", t.state.Name, "err", err, "delay", delay)
		if !sleep(ctx, delay) {
			return
		}
		delay = min(2*delay, lastDelay)
	}
}

func runOnce(ctx context.Context, t *task) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := t.run(ctx); err != nil {
		return err
	}
	return errEnded
}

func (c *Crew) started(t *task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.state.Err != nil {
		t.state.Restarts++
	}
	t.state.Running, t.state.Delay = true, 0
}

func (c *Crew) stopped(t *task, err error, delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.state.Running, t.state.Err, t.state.Delay = false, err, delay
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
