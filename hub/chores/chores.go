// Package chores does the hub's timed work: what is due, and who does it, stands
// in the database; a timer only looks.
//
// It promises that a chore that was missed, because the hub was off or its clock
// stood wrong, is done at the next look; that of several hubs on one database
// one does it at a time; that a chore which fails is tried again, later and
// later; and that one which panics takes nothing else down. Each run, good or
// bad, is counted and can be shown.
//
// It knows no chore: the server brings them. Chores may be cut short and begun
// again at any moment, and must bear it.
package chores

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nghe/hub/database"
)

// Chore is one kind of timed work.
type Chore struct {
	// Name is its row: lower-case words with hyphens, never used for another.
	Name string
	// Every is the pause after a run that went well. Zero: once a day, At.
	Every time.Duration
	// At is the hour of the day in Viet Nam, as time since midnight.
	At time.Duration
	// Wanted, where set, is asked before a run that is due; it must be cheap,
	// and costs no write. A chore nobody wants stays due.
	Wanted func(ctx context.Context) (bool, error)
	// Retry is the pause after a first failure, doubled after each further one
	// up to RetryMost. Zero means 10 s and 15 min.
	Retry, RetryMost time.Duration
	// Run does it. When ctx ends it stops soon; its error is then nobody's.
	Run func(ctx context.Context) error
}

// Config says what there is to do.
type Config struct {
	DB     *database.DB
	Chores []Chore
	// Alone says that no other hub is on this database: runs that a killed
	// process left are nobody's, and need not be waited for.
	Alone  bool
	Tick   time.Duration    // between looks; 0: 2 s
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// leased is how long a run is believed alive after it was last heard of; it is
// heard of three times as often.
const leased = 90 * time.Second

// Chores is what Open gives. Run it once.
type Chores struct {
	cfg Config
	sql map[string]string
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	runs   map[string]*run
	closed bool           // nothing more begins
	wait   sync.WaitGroup // added to under mu only
}

// run is a chore under way in this process.
type run struct {
	by      string // its name in the table: no two runs have the same
	cancel  context.CancelFunc
	renewed time.Time // monotonic
}

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queriesText string

// Open brings the table up to date. A chore that is new is due at once.
func Open(ctx context.Context, cfg Config) (*Chores, error) {
	cfg.Tick, cfg.Logger = cmp.Or(cfg.Tick, 2*time.Second), cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Chores{cfg: cfg, log: cfg.Logger, sql: cfg.DB.Queries(queriesText, "", ""), runs: map[string]*run{}}
	if err := cfg.DB.Migrate(ctx, "chores_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open chores: %w", err)
	}
	err := cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, chore := range cfg.Chores {
			if _, err := tx.Exec(ctx, c.sql["put"], chore.Name, c.now()); err != nil {
				return err
			}
		}
		if !cfg.Alone {
			return nil
		}
		_, err := tx.Exec(ctx, c.sql["put all down"])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open chores: %w", err)
	}
	return c, nil
}

func (c *Chores) now() int64 { return c.cfg.Now().UnixMicro() }

// Status is one chore as the table has it.
type Status struct {
	Name     string
	Due      time.Time
	Running  bool
	Started  time.Time // of the last run; zero: never
	Ended    time.Time // of the last one that came to an end
	Error    string    // of that one; empty: it went well
	Runs     int
	Failures int // of those
	InARow   int // failures since it last went well

	due, lease int64
	by         string
}

// Status lists every chore any hub on this database ever had, by name.
func (c *Chores) Status(ctx context.Context) ([]Status, error) {
	return database.Collect(ctx, c.cfg.DB.Read(), "read chores", c.sql["all"], c.scan)
}

func (c *Chores) scan(row database.Row) (s Status, err error) {
	var started, ended int64
	err = row.Scan(&s.Name, &s.due, &s.lease, &s.by, &started, &ended, &s.Error, &s.Runs, &s.Failures, &s.InARow)
	s.Due, s.Started, s.Ended = database.Moment(s.due), database.Moment(started), database.Moment(ended)
	s.Running = s.by != "" && s.lease > c.now()
	return s, err
}

// look starts what is due and keeps the leases of what runs. It returns soon.
func (c *Chores) look(ctx context.Context) error {
	all, err := c.Status(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		for _, chore := range c.cfg.Chores {
			if chore.Name == s.Name {
				errs = append(errs, c.one(ctx, chore, s))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Chores) one(ctx context.Context, chore Chore, s Status) error {
	c.mu.Lock()
	r := c.runs[chore.Name]
	c.mu.Unlock()
	if r != nil {
		return c.renew(ctx, chore.Name, r)
	}
	now := c.now()
	if !chore.due(s.due, now) {
		return nil
	}
	if chore.Wanted != nil {
		if wanted, err := chore.Wanted(ctx); err != nil || !wanted {
			return err
		}
	}
	return c.begin(ctx, chore, s.due, now)
}

// due also when due lies further ahead than it is ever put: the clock it was put
// by has been set back.
func (chore Chore) due(due, now int64) bool {
	furthest := max(chore.Every, chore.retryMost())
	if chore.Every == 0 {
		furthest = max(furthest, 24*time.Hour)
	}
	return due <= now || due > now+furthest.Microseconds()
}

func (chore Chore) retryMost() time.Duration { return cmp.Or(chore.RetryMost, 15*time.Minute) }

func (c *Chores) begin(ctx context.Context, chore Chore, due, now int64) error {
	r := &run{by: rand.Text(), renewed: time.Now()}
	taken, err := c.write(ctx, "take", now+leased.Microseconds(), r.by, now, chore.Name, due, now+leased.Microseconds())
	if err != nil || !taken {
		return err
	}
	var within context.Context
	within, r.cancel = context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		r.cancel()
		_, err := c.write(ctx, "put down", chore.Name, r.by)
		return err
	}
	c.runs[chore.Name] = r
	c.wait.Go(func() {
		defer r.cancel()
		c.finish(ctx, chore, r, guarded(within, chore.Run))
		c.mu.Lock()
		delete(c.runs, chore.Name)
		c.mu.Unlock()
	})
	return nil
}

// renew says that a run is alive. One whose lease was taken over ends.
func (c *Chores) renew(ctx context.Context, name string, r *run) error {
	c.mu.Lock()
	wait := leased/3 > time.Since(r.renewed)
	if !wait {
		r.renewed = time.Now()
	}
	c.mu.Unlock()
	if wait {
		return nil
	}
	held, err := c.write(ctx, "renew", c.now()+leased.Microseconds(), name, r.by)
	if err == nil && !held {
		c.log.Warn("another hub took a chore over", "chore", name)
		r.cancel()
	}
	return err
}

// finish notes how a run ended, and when the next is due.
func (c *Chores) finish(ctx context.Context, chore Chore, r *run, failed error) {
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var err error
	now := c.cfg.Now()
	switch {
	case stopped && failed != nil: // cut short: due as it was
		_, err = c.write(ctx, "put down", chore.Name, r.by)
	case failed != nil:
		pause := c.pause(ctx, chore)
		c.log.Warn("chore failed", "chore", chore.Name, "err", failed, "again_in", pause)
		_, err = c.write(ctx, "failed", now.Add(pause).UnixMicro(), now.UnixMicro(), clip(failed.Error()), chore.Name, r.by)
	default:
		_, err = c.write(ctx, "went well", chore.next(now).UnixMicro(), now.UnixMicro(), chore.Name, r.by)
	}
	if err != nil { // the lease runs out, and the chore is done again
		c.log.Error("note the end of a chore", "chore", chore.Name, "err", err)
	}
}

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", 7*60*60)

// next is when a chore that went well is due again.
func (chore Chore) next(now time.Time) time.Time {
	if chore.Every > 0 {
		return now.Add(chore.Every)
	}
	year, month, day := now.In(vietnam).Date()
	next := time.Date(year, month, day, 0, 0, 0, 0, vietnam).Add(chore.At)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// pause grows with the failures before this one.
func (c *Chores) pause(ctx context.Context, chore Chore) time.Duration {
	pause, most := cmp.Or(chore.Retry, 10*time.Second), chore.retryMost()
	all, err := c.Status(ctx)
	if err != nil {
		return most
	}
	for _, s := range all {
		if s.Name == chore.Name {
			for i := 0; i < s.InARow && pause < most; i++ {
				pause *= 2
			}
		}
	}
	return min(pause, most)
}

// write reports whether a row changed.
func (c *Chores) write(ctx context.Context, query string, args ...any) (changed bool, err error) {
	n, err := c.cfg.DB.Exec(ctx, query+" chore", c.sql[query], args...)
	return n > 0, err
}

const maxError = 500 // runes kept of an error

func clip(s string) string {
	if runes := []rune(s); len(runes) > maxError {
		return string(runes[:maxError]) + "…"
	}
	return s
}
