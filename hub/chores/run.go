package chores

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// Run looks every Tick until ctx ends, and returns when every chore under way
// has come to an end.
func (c *Chores) Run(ctx context.Context) error {
	c.open(true)
	scheduler, err := gocron.NewScheduler(gocron.WithStopTimeout(5 * time.Second))
	if err != nil {
		return fmt.Errorf("start chores: %w", err)
	}
	// A fixed duration: it follows the monotonic clock, whatever the wall clock
	// does. Jobs at hours of the day would not.
	_, err = scheduler.NewJob(gocron.DurationJob(c.cfg.Tick),
		gocron.NewTask(func() { c.tick(ctx) }),
		gocron.WithSingletonMode(gocron.LimitModeReschedule),
		gocron.WithStartAt(gocron.WithStartImmediately()))
	if err != nil {
		return fmt.Errorf("start chores: %w", errors.Join(err, scheduler.Shutdown()))
	}
	scheduler.Start()
	<-ctx.Done()
	// In this order: chores hear of the end through ctx, and gocron, which waits
	// for its jobs in a busy loop, is told when there is nothing left to wait for.
	c.open(false)
	c.wait.Wait()
	if err := scheduler.Shutdown(); err != nil {
		return fmt.Errorf("stop chores: %w", err)
	}
	return nil
}

func (c *Chores) open(open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = !open
}

// tick never panics: gocron would take the hub down with it.
func (c *Chores) tick(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if err := guarded(ctx, c.look); err != nil && ctx.Err() == nil {
		c.log.Error("look for chores", "err", err)
	}
}

// guarded turns a panic into an error.
func guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("panicked: %v\n%s", what, debug.Stack())
		}
	}()
	return do(ctx)
}
