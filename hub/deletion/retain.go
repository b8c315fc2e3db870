package deletion

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

//go:embed rules.json
var defaultRules []byte

// Rules say how long what residents said is kept. A change is a new version,
// which every deletion by it names. What is sealed to named officers is kept by
// the rules of the archive of the body they belong to, and deleted by order
// alone; ratings hold nothing of a person and are kept.
type Rules struct {
	Version int    `json:"version"`
	From    string `json:"from"`  // first day, YYYY-MM-DD
	Basis   string `json:"basis"` // in law
	Rules   []Rule `json:"rules"`
}

// Rule is about some kinds of blobs.
type Rule struct {
	ID    string                    `json:"id"`
	Kinds []feedback.AttachmentKind `json:"kinds"`
	// After is "received", or "closed": the case's, and then Latest counts from
	// the arrival for a case that is never closed.
	After  string `json:"after"`
	Days   int    `json:"days,omitempty"`
	Months int    `json:"months,omitempty"`
	Latest int    `json:"latest_months,omitempty"`
}

// DefaultRules are those of this program.
func DefaultRules() Rules {
	r, err := ParseRules(defaultRules)
	if err != nil {
		panic(err) // embedded; a test reads it
	}
	return r
}

// ParseRules reads rules and refuses what could keep something for ever, or
// delete it at once.
func ParseRules(text []byte) (Rules, error) {
	var r Rules
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Rules{}, fmt.Errorf("read retention rules: %w", err)
	}
	if _, err := time.Parse(time.DateOnly, r.From); err != nil || r.Version < 1 || len(r.Rules) == 0 {
		return Rules{}, fmt.Errorf("read retention rules: give version, from (YYYY-MM-DD) and rules")
	}
	for _, rule := range r.Rules {
		bounded := rule.After == "received" || rule.After == "closed" && rule.Latest > 0
		if rule.ID == "" || len(rule.Kinds) == 0 || !bounded || rule.Days+30*rule.Months < 1 || rule.Days < 0 || rule.Months < 0 {
			return Rules{}, fmt.Errorf("read retention rules: rule %q: give id, kinds, after (received, or closed with latest_months) and days or months", rule.ID)
		}
	}
	return r, nil
}

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", 7*60*60)

func (r Rule) add(t time.Time) time.Time { return t.In(vietnam).AddDate(0, r.Months, r.Days) }

// due is when a blob's time is over by this rule, and why.
func (r Rule) due(received, closed time.Time) (at time.Time, why string) {
	day := func(t time.Time) string { return t.In(vietnam).Format(time.DateOnly) }
	if r.After == "received" {
		return r.add(received), fmt.Sprintf("%s: kept %s after it was received on %s", r.ID, r.span(), day(received))
	}
	at = received.In(vietnam).AddDate(0, r.Latest, 0)
	why = fmt.Sprintf("%s: kept at most %d months after it was received on %s", r.ID, r.Latest, day(received))
	if !closed.IsZero() && r.add(closed).Before(at) {
		return r.add(closed), fmt.Sprintf("%s: kept %s after its case was closed on %s", r.ID, r.span(), day(closed))
	}
	return at, why
}

func (r Rule) span() string {
	if r.Months > 0 && r.Days > 0 {
		return fmt.Sprintf("%d months and %d days", r.Months, r.Days)
	}
	if r.Months > 0 {
		return fmt.Sprintf("%d months", r.Months)
	}
	return fmt.Sprintf("%d days", r.Days)
}

// soonest is the shortest time any rule keeps anything, counted from arrival.
func (r Rules) soonest() time.Duration {
	days := 1 << 20
	for _, rule := range r.Rules {
		days = min(days, rule.Days+28*rule.Months)
	}
	return time.Duration(days) * 24 * time.Hour
}

// Retain deletes what was kept long enough, and says how many blobs that were.
// Each has its line among the deletions, with the rule and the day it counted
// from.
func (d *Deletions) Retain(ctx context.Context) (deleted int, err error) {
	now := d.cfg.Now()
	for b, err := range d.cfg.Ledger.Blobs(ctx, now.Add(-d.rules.soonest())) {
		if err != nil {
			return deleted, fmt.Errorf("retention: %w", err)
		}
		why, err := d.over(ctx, b, now)
		if err != nil {
			return deleted, fmt.Errorf("retention of blob %s: %w", b.Hash, err)
		}
		if why == "" {
			continue
		}
		order := Deletion{Kind: wire.DeletedBlob, Name: b.Hash[:], Reason: why, Rule: fmt.Sprintf("retention %d", d.rules.Version)}
		if _, err := d.order(ctx, order, d.mayBeOut(b, now)); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// over says why a blob's time is over; "" while it is not.
func (d *Deletions) over(ctx context.Context, b ledger.Blob, now time.Time) (string, error) {
	i := slices.IndexFunc(d.rules.Rules, func(r Rule) bool { return slices.Contains(r.Kinds, b.Kind) })
	if i < 0 || b.Reader != feedback.ReaderCases {
		return "", nil
	}
	var closed time.Time
	if d.rules.Rules[i].After == "closed" && d.cfg.Closed != nil && len(b.Receipt) > 0 {
		at, is, err := d.cfg.Closed(ctx, b.Receipt)
		if err != nil {
			return "", err
		}
		if is {
			closed = at
		}
	}
	at, why := d.rules.Rules[i].due(time.UnixMicro(b.Named), closed)
	if now.Before(at) {
		return "", nil
	}
	return why, nil
}

// heard is how long after archiving every kiosk has surely heard of it and let
// its own copy go.
const heard = 60 * 24 * time.Hour

// mayBeOut says whether a kiosk may still hold a blob.
func (d *Deletions) mayBeOut(b ledger.Blob, now time.Time) bool {
	return b.Archived == 0 || now.Sub(time.UnixMicro(b.Archived)) < heard
}
