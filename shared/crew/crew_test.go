package crew

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// log collects what tasks say, each with the time since the start.
type diary struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	at    []time.Duration
}

func (d *diary) write(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines, d.at = append(d.lines, line), append(d.at, time.Since(d.start))
}

func TestRestartsWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{start: time.Now()}
		c := New(quiet())
		c.Add("uplink", func(context.Context) error { d.write("start"); return errBroken })
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Second)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Fatalf("Run = %v, want nil after ctx ended", err)
		}
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(d.at, want) {
			t.Errorf("starts at %v, want %v", d.at, want)
		}
		if s := c.States()[0]; s.Running || s.Restarts != len(want)-1 || !errors.Is(s.Err, errBroken) {
			t.Errorf("state = %+v", s)
		}
	})
}

func TestBackOffForgetsAfterHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{start: time.Now()}
		c := New(quiet())
		runs := 0
		c.Add("uplink", func(context.Context) error {
			d.write("start")
			if runs++; runs == 4 {
				time.Sleep(time.Minute)
			}
			return errBroken
		})
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Second)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 68 * time.Second}
		if !slices.Equal(d.at[:min(5, len(d.at))], want) {
			t.Errorf("starts at %v, want %v", d.at, want)
		}
	})
}

func TestReturningEarlyAndPanickingAreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(quiet())
		c.Add("leaves", func(context.Context) error { return nil })
		c.Add("panics", func(context.Context) error { panic("no hands") })
		c.Add("steady", func(ctx context.Context) error { <-ctx.Done(); return nil })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s := c.States()
		if s[0].Restarts != 3 || s[1].Restarts != 3 || s[2].Restarts != 0 || !s[2].Running {
			t.Errorf("states = %+v", s)
		}
		if s[0].Delay != 8*time.Second {
			t.Errorf("delay = %v, want 8s", s[0].Delay)
		}
		if s[1].Err == nil || !strings.Contains(s[1].Err.Error(), "no hands") {
			t.Errorf("panic told as %v", s[1].Err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStopsInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{start: time.Now()}
		c := New(quiet())
		for _, name := range []string{"outbox", "screen", "uplink"} {
			c.Add(name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second) // what it still has to do
				d.write(name)
				return ctx.Err()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if want := []string{"uplink", "screen", "outbox"}; !slices.Equal(d.lines, want) {
			t.Errorf("stopped %v, want %v", d.lines, want)
		}
		if want := []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second}; !slices.Equal(d.at, want) {
			t.Errorf("stopped at %v, want %v: a task stopped before the one above it had", d.at, want)
		}
	})
}

func TestFatalEndsTheCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(quiet())
		stopped := false
		c.Add("steady", func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
		c.Add("store", func(context.Context) error {
			time.Sleep(time.Second)
			return Fatal(errBroken)
		})
		err := c.Run(t.Context())
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "store") {
			t.Errorf("Run = %v, want the fatal error with its task", err)
		}
		if !stopped {
			t.Error("the other task was not stopped")
		}
	})
}

func TestStopsDuringBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(quiet())
		c.Add("broken", func(context.Context) error { return errBroken })
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // inside the 32 s delay
		defer cancel()
		began := time.Now()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 40*time.Second {
			t.Errorf("stopped after %v, want at once", took)
		}
	})
}

func TestFatalNil(t *testing.T) {
	if Fatal(nil) != nil {
		t.Error("Fatal(nil) is an error")
	}
}
