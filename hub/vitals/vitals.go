// Package vitals keeps what each kiosk last said of itself and when it was
// heard, judges its silence against what was expected, and remembers two weeks
// of it by the hour.
//
// It promises that a state is a pure function of what is stored and the moment
// asked about; that the hours of a strip add up to the time they cover; and
// that thousands of kiosks reporting cost a few transactions a minute: what is
// not yet written when the hub dies is at most a few seconds of vitals, which
// come again.
//
// It does not alarm anybody, talk to kiosks or know where they stand (registry).
package vitals

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var commonQueries string

//go:embed queries_postgres.sql
var postgresQueries string

// Kept is how far back strips reach.
const Kept = 14 * 24 * time.Hour

// Config says where vitals are kept.
type Config struct {
	DB     *database.DB
	Flush  time.Duration    // between two writes of what came in; 0 means 2 s
	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger     // nil means slog.Default
}

// Vitals is the open store. Its methods may be called from anywhere.
type Vitals struct {
	cfg Config
	sql map[string]string

	mu      sync.Mutex // guards waiting
	waiting map[string][]sign

	writing sync.Mutex // held by Flush: signs are applied in the order they came
	swept   time.Time  // guarded by writing; when old hours were last forgotten
}

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Vitals, error) {
	cfg.Flush, cfg.Logger = cmp.Or(cfg.Flush, 2*time.Second), cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.DB.Migrate(ctx, "vitals_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open vitals: %w", err)
	}
	return &Vitals{cfg: cfg, sql: cfg.DB.Queries(commonQueries, "", postgresQueries), waiting: map[string][]sign{}}, nil
}

// Contact notes that a session began: the agent's version and how far its
// clock is ahead of the hub's.
func (v *Vitals) Contact(device string, at time.Time, program string, clockAhead time.Duration) {
	v.note(device, sign{at: at, hello: &hello{program, clockAhead}})
}

// Report notes what a kiosk says of itself.
func (v *Vitals) Report(device string, w wire.Vitals, at time.Time) {
	v.note(device, sign{at: at, vitals: &w})
}

// Gone notes that the session ended; at is when the kiosk was last heard.
func (v *Vitals) Gone(device string, at time.Time) { v.note(device, sign{at: at, gone: true}) }

// maxWaiting bounds what one kiosk may leave waiting while the database fails.
const maxWaiting = 16

func (v *Vitals) note(device string, s sign) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting[device] = bounded(append(v.waiting[device], s))
}

// bounded drops plain reports from the middle first: the newest says all, and
// sessions begin and end by the others.
func bounded(signs []sign) []sign {
	for len(signs) > maxWaiting {
		drop := slices.IndexFunc(signs[:len(signs)-1], func(s sign) bool { return s.hello == nil && !s.gone })
		signs = slices.Delete(signs, max(drop, 0), max(drop, 0)+1)
	}
	return signs
}

// Run writes what came in, again and again, until ctx ends, and then once more.
func (v *Vitals) Run(ctx context.Context) error {
	tick := time.NewTicker(v.cfg.Flush)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return v.Flush(context.WithoutCancel(ctx))
		case <-tick.C:
			if err := v.Flush(ctx); err != nil && ctx.Err() == nil {
				v.cfg.Logger.Warn("write vitals", "err", err)
			}
		}
	}
}

// Flush writes what came in. What could not be written is kept for later.
func (v *Vitals) Flush(ctx context.Context) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	v.mu.Lock()
	taken := v.waiting
	v.waiting = map[string][]sign{}
	v.mu.Unlock()
	sweep := v.cfg.Now().Sub(v.swept).Abs() >= time.Hour
	if len(taken) == 0 && !sweep {
		return nil
	}
	if err := v.write(ctx, taken, sweep); err != nil {
		v.putBack(taken)
		return fmt.Errorf("write vitals of %d kiosks: %w", len(taken), err)
	}
	if sweep {
		v.swept = v.cfg.Now()
	}
	return nil
}

func (v *Vitals) putBack(taken map[string][]sign) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for device, signs := range taken {
		v.waiting[device] = bounded(append(signs, v.waiting[device]...))
	}
}

func (v *Vitals) write(ctx context.Context, taken map[string][]sign, sweep bool) error {
	return v.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, device := range slices.Sorted(maps.Keys(taken)) { // one order: two hubs never wait for each other in a ring
			if err := v.apply(ctx, tx, device, taken[device]); err != nil {
				return err
			}
		}
		if !sweep {
			return nil
		}
		_, err := tx.Exec(ctx, v.sql["forget hours"], hourOf(v.cfg.Now().Add(-Kept-time.Hour)))
		return err
	})
}

func (v *Vitals) apply(ctx context.Context, tx *database.Tx, id string, signs []sign) error {
	return v.change(ctx, tx, id, func(d Device) (Device, []span) {
		var all []span
		for _, s := range signs {
			next, spans := d.after(s)
			d, all = next, append(all, spans...)
		}
		return d, all
	})
}

// change reads a device, making it when it is new, and writes what turn makes
// of it.
func (v *Vitals) change(ctx context.Context, tx *database.Tx, id string, turn func(Device) (Device, []span)) error {
	if _, err := tx.Exec(ctx, v.sql["meet device"], id); err != nil {
		return err
	}
	d, err := scan(tx.QueryRowContext(ctx, v.sql["device to change"], id))
	if err != nil {
		return err
	}
	d, spans := turn(d)
	if err := v.keep(ctx, tx, d); err != nil {
		return err
	}
	for _, h := range hours(spans) {
		if _, err := tx.Exec(ctx, v.sql["add to hour"], id, h.hour(), h.Online.Microseconds(), h.Waiting.Microseconds(),
			h.Late.Microseconds(), h.Lost.Microseconds(), h.Paused.Microseconds()); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vitals) keep(ctx context.Context, tx *database.Tx, d Device) error {
	var frame []byte
	if !d.Reported.IsZero() {
		b, err := wire.EncodeFrame(d.Vitals)
		if err != nil {
			return err
		}
		frame = b
	}
	connected := 0
	if d.Connected {
		connected = 1
	}
	_, err := tx.Exec(ctx, v.sql["keep device"], micros(d.Contact), micros(d.settled), connected, d.Program, d.ClockAhead.Microseconds(), micros(d.Reported), frame,
		d.Period.Microseconds(), d.Grace.Microseconds(), micros(d.PausedUntil), d.PauseReason, d.ID)
	return err
}

// Schedule declares how often a kiosk is to be heard; zeros mean always
// connected, with the usual grace.
func (v *Vitals) Schedule(ctx context.Context, id string, period, grace time.Duration) error {
	return v.decide(ctx, "schedule", id, func(d *Device) { d.Period, d.Grace = period, grace })
}

// Pause says not to expect a kiosk until a moment; one in the past ends it.
func (v *Vitals) Pause(ctx context.Context, id string, until time.Time, reason string) error {
	return v.decide(ctx, "pause", id, func(d *Device) { d.PausedUntil, d.PauseReason = until, reason })
}

// decide changes what is expected of a kiosk from now on. Its silence so far
// is booked as it was.
func (v *Vitals) decide(ctx context.Context, what, id string, change func(*Device)) error {
	if err := v.Flush(ctx); err != nil {
		return err
	}
	err := v.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		return v.change(ctx, tx, id, func(d Device) (Device, []span) {
			now := v.cfg.Now()
			spans := d.silence(now)
			d.settled = now
			change(&d)
			return d, spans
		})
	})
	if err != nil {
		return fmt.Errorf("%s kiosk %s: %w", what, id, err)
	}
	return nil
}

// ErrNoDevice is a kiosk never heard of.
var ErrNoDevice = errors.New("this kiosk was never heard")

// Device is what is known of one kiosk, or ErrNoDevice.
func (v *Vitals) Device(ctx context.Context, id string) (Device, error) {
	if err := v.Flush(ctx); err != nil {
		return Device{}, err
	}
	d, err := scan(v.cfg.DB.Read().QueryRowContext(ctx, v.sql["device"], id))
	if errors.Is(err, sql.ErrNoRows) {
		return Device{}, ErrNoDevice
	}
	if err != nil {
		return Device{}, fmt.Errorf("read vitals of %s: %w", id, err)
	}
	return d, nil
}

// Fleet is what is known of every kiosk, by id.
func (v *Vitals) Fleet(ctx context.Context) ([]Device, error) {
	if err := v.Flush(ctx); err != nil {
		return nil, err
	}
	return database.Collect(ctx, v.cfg.DB.Read(), "read fleet", v.sql["fleet"], scan)
}

func scan(row database.Row) (d Device, err error) {
	var contact, settled, ahead, reported, period, grace, paused int64
	var frame []byte
	if err := row.Scan(&d.ID, &contact, &settled, &d.Connected, &d.Program, &ahead, &reported, &frame, &period, &grace, &paused, &d.PauseReason); err != nil {
		return d, err
	}
	d.Contact, d.settled, d.Reported, d.PausedUntil = database.Moment(contact), database.Moment(settled), database.Moment(reported), database.Moment(paused)
	d.ClockAhead, d.Period, d.Grace = span64(ahead), span64(period), span64(grace)
	if len(frame) > 0 {
		f, err := wire.DecodeFrame(frame)
		if err != nil {
			return d, fmt.Errorf("read stored vitals of %s: %w", d.ID, err)
		}
		d.Vitals, _ = f.(wire.Vitals)
	}
	return d, nil
}

func span64(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
