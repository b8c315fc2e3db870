package deletion

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/blob"
)

// A clock alone deletes nothing. Beside the hub's clock, which may have come up
// ten years ahead, there is a time that is proven: another clock agreed (of a
// kiosk that connected, or of the archive's server), or the hub itself has run
// for so long since one did. Deletion by age goes by whichever of the two is
// behind; when they are far apart it says so and waits for another clock, or
// for an operator's word. A hub that was off for a year needs one of these.

// Why nothing is deleted by age.
const (
	WaitsClock = "clock" // nothing proves what the hub's clock says
	WaitsMany  = "many"  // more at once than goes without an operator's word
)

const (
	agrees = 12 * time.Hour // another clock: its zone may be wrong
	lags   = 24 * time.Hour // proven time may, as after a night: deletion is as much ahead of what was promised
	word   = 24 * time.Hour // how long an operator's word holds
)

// many is how many of all may go at one look without an operator's word.
func many(all int) int { return max(200, all/10) }

// Retention is how deletion by age stands.
type Retention struct {
	Proven      time.Time // time has surely come so far
	Waits       string    // WaitsClock or WaitsMany: nothing goes; empty: it does not wait
	Waiting     int       // blobs
	Since       time.Time // by the hub's clock
	Confirmed   time.Time // an operator last said that the clock is right; zero: never
	ConfirmedBy string

	looked time.Time
}

// Retention reads it.
func (d *Deletions) Retention(ctx context.Context) (r Retention, err error) {
	err = database.Each(ctx, d.cfg.DB.Read(), "read retention", d.sql["retention"], func(rows *sql.Rows) error {
		var proven, looked, since, confirmed int64
		err := rows.Scan(&proven, &looked, &r.Waits, &r.Waiting, &since, &confirmed, &r.ConfirmedBy)
		r.Proven, r.looked, r.Since, r.Confirmed = database.Moment(proven), database.Moment(looked), database.Moment(since), database.Moment(confirmed)
		return err
	})
	return r, err
}

// Confirm is an operator's word that the clock is right and that what is due
// may go. The hub that serves takes it if its clock says the same.
func (d *Deletions) Confirm(ctx context.Context, by string) error {
	return d.exec(ctx, "confirm", d.now(), by)
}

// running is since when this process has proven time by running.
type running struct {
	at     time.Duration // of Config.Elapsed
	proven time.Time     // as then kept; another hub may have moved it since
}

// prove moves proven time on, and says whether an operator's word holds: for
// what the clock said then, and a day more.
func (d *Deletions) prove(ctx context.Context, r *Retention, now time.Time) (confirmed bool, err error) {
	elapsed := d.cfg.Elapsed()
	switch {
	case r.Proven.IsZero(): // the first look ever
		if r.Proven, err = d.oldest(ctx, now); err != nil {
			return false, err
		}
	case d.run.proven.Equal(r.Proven):
		r.Proven = r.Proven.Add(elapsed - d.run.at)
	}
	confirmed = apart(r.Confirmed, now) < word
	if confirmed || agreed(d.cfg.Clocks(), now, r.Proven) {
		r.Proven = now
	}
	r.Proven = r.Proven.Truncate(time.Microsecond)
	d.run = running{elapsed, r.Proven}
	return confirmed, nil
}

// oldest is when the first record came, of which no error of the clock since
// makes more; now when there is none.
func (d *Deletions) oldest(ctx context.Context, now time.Time) (time.Time, error) {
	journals, err := d.cfg.Ledger.Journals(ctx)
	for _, j := range journals {
		if first := time.UnixMicro(j.FirstSeen); first.Before(now) {
			now = first
		}
	}
	return now, err
}

// agreed says whether other clocks bear out the hub's: as many as agree with
// one another on any other time, or more; as many count only if that other time
// is further from what was proven.
func agreed(clocks []time.Time, now, proven time.Time) bool {
	around := func(at time.Time) (n int) {
		for _, c := range clocks {
			if apart(c, at) <= agrees {
				n++
			}
		}
		return n
	}
	mine := around(now)
	return mine > 0 && !slices.ContainsFunc(clocks, func(c time.Time) bool {
		theirs := around(c)
		return apart(c, now) > agrees && (theirs > mine || theirs == mine && apart(c, proven) < apart(now, proven))
	})
}

func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// arrivals says from when the time of each blob counts.
type arrivals struct {
	late time.Time // no arrival lies after it
	last time.Time // the last look, by proven time; zero: there was none
	from map[blob.Hash]int64
	news []ledger.Blob
}

func (d *Deletions) arrivals(ctx context.Context, late, last time.Time) (arrivals, error) {
	a := arrivals{late: late, last: last, from: map[blob.Hash]int64{}}
	err := database.Each(ctx, d.cfg.DB.Read(), "read arrivals", d.sql["arrivals"], func(rows *sql.Rows) error {
		var hash []byte
		var from int64
		err := rows.Scan(&hash, &from)
		if err == nil && len(hash) == len(blob.Hash{}) {
			a.from[blob.Hash(hash)] = from
		}
		return err
	})
	return a, err
}

// of believes the clock by which a blob arrived only where it fits: not long
// before the last look, when the blob was not here, and not in the future.
func (a *arrivals) of(b ledger.Blob) time.Time {
	us, known := a.from[b.Hash]
	from := time.UnixMicro(us)
	if !known {
		from = time.UnixMicro(b.Named)
	}
	if !known && from.Before(a.last.Add(-lags)) || from.After(a.late.Add(lags)) {
		from = a.late
	}
	if !known || from.UnixMicro() != us {
		a.from[b.Hash] = from.UnixMicro()
		a.news = append(a.news, b)
	}
	return from
}

// keep writes what a look found.
func (d *Deletions) keep(ctx context.Context, r Retention, a arrivals) error {
	err := d.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, b := range a.news {
			if _, err := tx.Exec(ctx, d.sql["put arrival"], b.Hash[:], a.from[b.Hash]); err != nil {
				return err
			}
		}
		since := int64(0)
		if r.Waits != "" {
			since = r.Since.UnixMicro()
		}
		proven := r.Proven.UnixMicro()
		_, err := tx.Exec(ctx, d.sql["looked"], proven, proven, r.Waits, r.Waiting, since)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what retention found: %w", err)
	}
	return nil
}
