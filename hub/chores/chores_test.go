package chores

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
)

// noon is 2026-11-20 12:00 in Viet Nam.
var noon = time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)

func onBoth(t *testing.T, test func(t *testing.T, db *database.DB)) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "hub.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := database.Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			test(t, db)
		})
	}
}

// hub is one process with a clock of its own.
type hub struct {
	*Chores
	t  *testing.T
	at time.Time
}

func newHub(t *testing.T, db *database.DB, chores ...Chore) *hub {
	t.Helper()
	h := &hub{t: t, at: noon}
	var err error
	h.Chores, err = Open(t.Context(), Config{DB: db, Chores: chores, Now: func() time.Time { return h.at }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// pass lets time go by, looks once and waits for what was begun.
func (h *hub) pass(d time.Duration) {
	h.t.Helper()
	h.at = h.at.Add(d)
	if err := h.look(h.t.Context()); err != nil {
		h.t.Fatalf("look: %v", err)
	}
	h.wait.Wait()
}

func (h *hub) status(name string) Status {
	h.t.Helper()
	all, err := h.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	h.t.Fatalf("chore %s is not in %v", name, all)
	return Status{}
}

// counted is a chore that counts its runs and fails as told.
func counted(c Chore, fail *error) (Chore, *int) {
	n := new(int)
	c.Run = func(context.Context) error {
		*n++
		if fail != nil {
			return *fail
		}
		return nil
	}
	return c, n
}

func TestWhenChoresAreDone(t *testing.T) {
	type step struct {
		passes time.Duration
		runs   int // so far
	}
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		chore Chore
		steps []step
	}{
		"often": {Chore{Name: "c", Every: time.Minute},
			[]step{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {30 * time.Second, 2}}},
		"nightly": {Chore{Name: "c", At: 2*time.Hour + 30*time.Minute}, // noon, then 02:30
			[]step{{0, 1}, {14 * time.Hour, 1}, {29 * time.Minute, 1}, {time.Minute, 2}, {12 * time.Hour, 2}, {12 * time.Hour, 3}}},
		"off for a month": {Chore{Name: "c", At: 2 * time.Hour},
			[]step{{0, 1}, {30 * 24 * time.Hour, 2}, {time.Hour, 2}}},
		"the clock jumps ten years ahead and comes back": {Chore{Name: "c", At: 2 * time.Hour},
			[]step{{0, 1}, {10 * year, 2}, {-10 * year, 3}, {time.Minute, 3}, {24 * time.Hour, 4}}},
		"the clock goes back an hour": {Chore{Name: "c", Every: 10 * time.Minute},
			[]step{{0, 1}, {-time.Hour, 2}, {9 * time.Minute, 2}, {time.Minute, 3}}},
		"from 1970": {Chore{Name: "c", Every: time.Hour},
			[]step{{-time.Duration(noon.UnixNano()), 1}, {time.Duration(noon.UnixNano()), 2}, {time.Minute, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, db *database.DB) {
				chore, runs := counted(c.chore, nil)
				h := newHub(t, db, chore)
				for i, s := range c.steps {
					h.pass(s.passes)
					if *runs != s.runs {
						t.Fatalf("step %d: %d runs at %v, want %d", i, *runs, h.at, s.runs)
					}
				}
			})
		})
	}
}

func TestFailuresAreTriedLaterAndLater(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		down := errors.New("the store does not answer")
		chore, runs := counted(Chore{Name: "archive", Every: time.Second, Retry: 10 * time.Second, RetryMost: time.Minute}, &down)
		h := newHub(t, db, chore)
		var gaps []time.Duration
		for last := time.Duration(-1); len(gaps) < 6; h.at = h.at.Add(time.Second) {
			before := *runs
			h.pass(0)
			if now := h.at.Sub(noon); *runs > before {
				if last >= 0 {
					gaps = append(gaps, now-last)
				}
				last = now
			}
		}
		for i, want := range []time.Duration{10, 20, 40, 60, 60, 60} {
			if gaps[i] != want*time.Second {
				t.Errorf("gaps = %v", gaps)
				break
			}
		}
		if s := h.status("archive"); s.Error != down.Error() || s.Failures != 7 || s.Runs != 7 || s.InARow != 7 || s.Running {
			t.Errorf("status = %+v", s)
		}
		down = nil
		h.pass(time.Minute)
		if s := h.status("archive"); s.Error != "" || s.Failures != 7 || s.Runs != 8 || s.InARow != 0 || !s.Ended.Equal(h.at) {
			t.Errorf("status after it went well = %+v", s)
		}
	})
}

func TestPanicIsCountedAndStopsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		chore, runs := counted(Chore{Name: "other", Every: time.Second}, nil)
		h := newHub(t, db, Chore{Name: "bad", Every: time.Second, Run: func(context.Context) error { panic("đau") }}, chore)
		h.pass(0)
		if s := h.status("bad"); s.Failures != 1 || !strings.Contains(s.Error, "panicked: đau") || *runs != 1 {
			t.Errorf("status = %+v, the other ran %d times", s, *runs)
		}
	})
}

func TestUnwantedChoreWritesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		wanted := false
		chore, runs := counted(Chore{Name: "c", Every: time.Second, Wanted: func(context.Context) (bool, error) { return wanted, nil }}, nil)
		h := newHub(t, db, chore)
		before := h.status("c")
		h.pass(time.Hour)
		if *runs != 0 || h.status("c") != before {
			t.Errorf("%d runs, row %+v; want none and %+v", *runs, h.status("c"), before)
		}
		wanted = true
		h.pass(time.Second)
		if *runs != 1 {
			t.Errorf("%d runs, want one", *runs)
		}
	})
}

// Two hubs on one database: one runs it, the other does not begin it before
// the first has been silent for the length of a lease.
func TestOneHubAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		began, end := make(chan bool, 9), make(chan bool)
		slow := Chore{Name: "c", Every: time.Second, Run: func(ctx context.Context) error {
			began <- true
			select {
			case <-end:
			case <-ctx.Done():
			}
			return ctx.Err()
		}}
		a, b := newHub(t, db, slow), newHub(t, db, slow)
		look := func(h *hub) {
			t.Helper()
			if err := h.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look(a)
		<-began
		look(b)
		look(a)
		if s := b.status("c"); !s.Running || len(began) != 0 {
			t.Fatalf("status = %+v, %d more began", s, len(began))
		}
		b.at = b.at.Add(leased + time.Second) // it has not heard of a since
		look(b)
		<-began
		a.mu.Lock()
		a.runs["c"].renewed = time.Now().Add(-leased)
		a.mu.Unlock()
		look(a) // finds that it lost the lease: its run is told to end
		a.wait.Wait()
		if s := b.status("c"); !s.Running || s.Runs != 0 {
			t.Errorf("status = %+v; who lost the lease must not note an end", s)
		}
		end <- true
		b.wait.Wait()
		if s := b.status("c"); s.Running || s.Runs != 1 || s.Failures != 0 {
			t.Errorf("status = %+v", s)
		}
	})
}

// The lease of a hub that died while its clock stood far ahead holds nobody up.
func TestLeaseOfAClockAhead(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		chore, runs := counted(Chore{Name: "c", Every: time.Hour}, nil)
		h := newHub(t, db, chore)
		h.at = noon.AddDate(10, 0, 0)
		dead := newHub(t, db, chore)
		dead.at = h.at
		if taken, err := dead.write(t.Context(), "take", h.now()+leased.Microseconds(), "dead", h.now(), "c", noon.UnixMicro(), h.now()+leased.Microseconds()); err != nil || !taken {
			t.Fatalf("take = %v, %v", taken, err)
		}
		h.pass(time.Second)
		if *runs != 0 {
			t.Fatal("took a lease that was still good")
		}
		h.at = noon
		h.pass(time.Minute)
		if *runs != 1 {
			t.Errorf("%d runs, want one", *runs)
		}
	})
}

// A hub that was killed and comes back need not wait for itself, unless others
// are on its database.
func TestComesBackAfterAKill(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		chore, runs := counted(Chore{Name: "c", Every: time.Hour}, nil)
		dead := newHub(t, db, chore)
		if taken, err := dead.write(t.Context(), "take", dead.now()+leased.Microseconds(), "dead", dead.now(), "c", dead.status("c").due, dead.now()); err != nil || !taken {
			t.Fatalf("take = %v, %v", taken, err)
		}
		for want, alone := range []bool{false, true} {
			h := &hub{t: t, at: noon}
			var err error
			h.Chores, err = Open(t.Context(), Config{DB: db, Chores: []Chore{chore}, Alone: alone, Now: func() time.Time { return h.at }, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			h.pass(2 * time.Second)
			if *runs != want {
				t.Errorf("alone %v: %d runs, want %d", alone, *runs, want)
			}
		}
	})
}

func TestRunStopsWhatIsUnderWay(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database.DB) {
		var began, ended atomic.Int32
		c, err := Open(t.Context(), Config{DB: db, Tick: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Chores: []Chore{
			{Name: "long", Every: time.Hour, Run: func(ctx context.Context) error {
				began.Add(1)
				<-ctx.Done()
				time.Sleep(20 * time.Millisecond)
				ended.Add(1)
				return ctx.Err()
			}},
			{Name: "short", Every: time.Millisecond, Run: func(context.Context) error { return nil }},
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		runs := func(name string) int {
			all, err := c.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				if s.Name == name {
					return s.Runs
				}
			}
			return 0
		}
		for deadline := time.Now().Add(20 * time.Second); began.Load() == 0 || runs("short") < 3; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("long began %d times, short ran %d times", began.Load(), runs("short"))
			}
		}
		cancel()
		stopping := time.Now()
		if err := <-done; err != nil || ended.Load() != 1 {
			t.Errorf("Run = %v, %d ended before it", err, ended.Load())
		}
		if took := time.Since(stopping); took > 3*time.Second {
			t.Errorf("stopped after %v", took)
		}
		h := &hub{Chores: c, t: t}
		if s := h.status("long"); s.Running || s.Runs != 0 || s.Failures != 0 || s.by != "" {
			t.Errorf("status = %+v; a chore cut short is due as before", s)
		}
	})
}
