package deletion

import (
	"context"
	"fmt"
	"slices"
	"time"

	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// between is the longest pause from one Retain to the next, the hub being off at
// night: what ends before the next one goes now, since nothing may be kept
// longer than promised.
const between = 24 * time.Hour

// Retain deletes what was kept as long as its sender was promised, and says how
// many blobs that were. Each has its line among the deletions, with the promise
// and the day it counted from. What the hub's clock alone calls for, and too
// much at once, waits: Retention says so. Call it every few minutes.
func (d *Deletions) Retain(ctx context.Context) (deleted int, err error) {
	d.looking.Lock()
	defer d.looking.Unlock()
	due, err := d.look(ctx, d.cfg.Now())
	if err != nil {
		return 0, fmt.Errorf("retention: %w", err)
	}
	for _, is := range due {
		if _, err := d.order(ctx, is.Deletion, is.mayBeOut); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// over is a blob whose time is over.
type over struct {
	Deletion
	mayBeOut bool
}

// look finds what is to go now, and keeps why the rest of what is due does not.
func (d *Deletions) look(ctx context.Context, now time.Time) ([]over, error) {
	if err := d.noteTexts(ctx); err != nil {
		return nil, err
	}
	r, err := d.Retention(ctx)
	if err != nil {
		return nil, err
	}
	confirmed, err := d.prove(ctx, &r, now)
	if err != nil {
		return nil, err
	}
	early, late := now, r.Proven
	if late.Before(early) {
		early, late = late, early
	}
	a, err := d.arrivals(ctx, late, r.looked)
	if err != nil {
		return nil, err
	}
	due, held, all, err := d.due(ctx, &a, early, late)
	if err != nil {
		return nil, err
	}
	why, n := "", 0
	switch {
	case len(due) > many(all) && !confirmed:
		why, n, due = WaitsMany, len(due)+held, nil
	case held > 0 && late.Sub(early) > lags:
		why, n = WaitsClock, held
	}
	if why != "" && why != r.Waits {
		r.Since = now
		d.log.Warn("deletion by age waits: look at the clock, then hub retention confirm", "why", why, "blobs", n, "clock", now, "proven", r.Proven)
	}
	r.Waits, r.Waiting = why, n
	return due, d.keep(ctx, r, a)
}

// due lists what is over by both times, and counts what is by the later one
// only, of how many in all.
func (d *Deletions) due(ctx context.Context, a *arrivals, early, late time.Time) (due []over, held, all int, err error) {
	young := late.Add(between - soonest(d.promises))
	for b, err := range d.cfg.Ledger.Blobs(ctx, time.Time{}) {
		if err != nil {
			return nil, 0, 0, err
		}
		all++
		from := a.of(b)
		if !from.Before(young) {
			continue
		}
		why, rule, err := d.over(ctx, b, from, early)
		if err == nil && why == "" && late.After(early) {
			var later string
			if later, _, err = d.over(ctx, b, from, late); later != "" {
				held++
			}
		}
		if err != nil {
			return nil, 0, 0, fmt.Errorf("blob %s: %w", b.Hash, err)
		}
		if why != "" {
			due = append(due, over{Deletion{Kind: wire.DeletedBlob, Name: b.Hash[:], Reason: why, Rule: rule}, d.mayBeOut(b, early)})
		}
	}
	return due, held, all, nil
}

// soonest is the shortest time anything is kept, counted from its arrival.
func soonest(all []feedback.Promise) time.Duration {
	days := 1 << 16
	for _, p := range all {
		for _, part := range p.Parts {
			days = min(days, part.Keep.Days+28*part.Keep.Months)
		}
	}
	return time.Duration(days) * 24 * time.Hour
}

// over says why a blob's time ends before the next look; "" while it does not.
// Of what its sender was promised and what everybody is promised now, the
// shorter counts.
func (d *Deletions) over(ctx context.Context, b ledger.Blob, received, now time.Time) (why, rule string, err error) {
	closed, err := d.closedAt(ctx, b.Receipt)
	if err != nil {
		return "", "", err
	}
	if !closed.IsZero() && closed.Before(received) {
		closed = received // an earlier message's, or by a clock that was behind
	}
	promised, err := d.promisedFor(ctx, b, received)
	if err != nil {
		return "", "", err
	}
	first := now.Add(between)
	for _, p := range slices.Concat(promised, []feedback.Promise{feedback.InForce(d.promises, now)}) {
		part, ok := p.Part(b.Kind.Purpose())
		if !ok {
			continue // a kind of a later program
		}
		if at, late := part.Keep.Over(received, closed); at.Before(first) {
			first, why, rule = at, reason(part, received, closed, late), fmt.Sprintf("promise %d", p.Version)
		}
	}
	return why, rule, nil
}

func (d *Deletions) closedAt(ctx context.Context, receipt []byte) (time.Time, error) {
	if d.cfg.Closed == nil || len(receipt) == 0 {
		return time.Time{}, nil
	}
	at, is, err := d.cfg.Closed(ctx, receipt)
	if err != nil || !is {
		return time.Time{}, err
	}
	return at, nil
}

// promisedFor is what whoever gave a blob was promised: by the text they agreed
// to; by any text, when the hub does not know that one; and without a consent,
// which words do not need, by the one in force on arrival.
func (d *Deletions) promisedFor(ctx context.Context, b ledger.Blob, received time.Time) ([]feedback.Promise, error) {
	m, err := d.cfg.Ledger.Message(ctx, b.Record)
	if err != nil {
		return nil, err
	}
	for _, consent := range m.Consents {
		if consent.Purpose != b.Kind.Purpose() {
			continue
		}
		text, known, err := d.Agreed(ctx, consent.Text)
		if err != nil {
			return nil, err
		}
		if !known || text.Purpose != consent.Purpose || text.Version > len(d.promises) {
			return d.promises, nil
		}
		return d.promises[text.Version-1 : text.Version], nil
	}
	return []feedback.Promise{feedback.InForce(d.promises, received)}, nil
}

// reason is the line of proof.
func reason(part feedback.PromisedPart, received, closed time.Time, late bool) string {
	day := func(t time.Time) string { return t.In(vietnam).Format(time.DateOnly) }
	switch k := part.Keep; {
	case late:
		return fmt.Sprintf("%s: kept at most %d months after it was received on %s", part.Purpose, k.Latest, day(received))
	case k.After == "closed":
		return fmt.Sprintf("%s: kept %s after its case was closed on %s", part.Purpose, span(k), day(closed))
	default:
		return fmt.Sprintf("%s: kept %s after it was received on %s", part.Purpose, span(k), day(received))
	}
}

func span(k feedback.Keeping) string {
	switch {
	case k.Months == 0:
		return fmt.Sprintf("%d days", k.Days)
	case k.Days == 0:
		return fmt.Sprintf("%d months", k.Months)
	}
	return fmt.Sprintf("%d months and %d days", k.Months, k.Days)
}

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", 7*60*60)

// heard is how long after archiving every kiosk has surely heard of it and let
// its own copy go.
const heard = 60 * 24 * time.Hour

// mayBeOut says whether a kiosk may still hold a blob.
func (d *Deletions) mayBeOut(b ledger.Blob, now time.Time) bool {
	return b.Archived == 0 || now.Sub(time.UnixMicro(b.Archived)) < heard
}
