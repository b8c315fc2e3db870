package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"nghe/shared/wire"
)

// Filter says which answers are meant. The zero Filter means all of them.
type Filter struct {
	Place         string    // feedback.Place.ID; empty for every place
	Questionnaire string    // id
	Question      string    // id
	Device        string    // the device whose journal first brought it; Counts does not look at it
	From          time.Time // first moment; zero for the beginning
	Until         time.Time // first moment no longer meant; zero for no end. Counts takes both in whole hours
}

func (f Filter) bounds() (from, until int64) {
	from, until = math.MinInt64, math.MaxInt64
	if !f.From.IsZero() {
		from = micros(f.From)
	}
	if !f.Until.IsZero() {
		until = micros(f.Until)
	}
	return from, until
}

// Row is one answer. Times are microseconds since 1970 UTC.
type Row struct {
	Device        string         // whose journal first brought it
	Journal       wire.JournalID // that journal
	Seq           uint64
	ID            wire.RecordID
	Place         string
	Questionnaire string
	Version       int
	Question      string
	Language      string
	Score         int
	Choices       []string
	Skipped       bool
	TakenAt       int64 // it was given in [TakenAt, TakenAt+TakenWidth]
	TakenWidth    int64
	ReceivedAt    int64
	Flags         []string // see the Flag constants, in that order; then the names of rules (feedback.Rule)
}

// Flags of a Row.
const (
	FlagReplaced  = "replaced"   // the resident took it back within seconds; not counted
	FlagReplacing = "replacing"  // took the place of an earlier one
	FlagDay       = "day"        // only the day is told
	FlagBlobs     = "blobs"      // words, contact, voice or photo belong to it
	FlagWall      = "wall-clock" // timed by the machine's own clock, never checked against the hub's
	FlagUntimed   = "untimed"    // given at any time before it arrived
)

var ownFlags = []string{FlagReplaced, FlagReplacing, FlagDay, FlagBlobs, FlagWall, FlagUntimed}

// Rules are the flags that name how the answer was tapped.
func (r Row) Rules() []string {
	first := slices.IndexFunc(r.Flags, func(f string) bool { return !slices.Contains(ownFlags, f) })
	if first < 0 {
		return nil
	}
	return r.Flags[first:]
}

func flags(state, source int64) []string {
	var all []string
	for _, f := range []struct {
		set  bool
		name string
	}{
		{state&stateReplaced != 0, FlagReplaced}, {state&stateReplacing != 0, FlagReplacing},
		{state&stateDay != 0, FlagDay}, {state&stateBlobs != 0, FlagBlobs},
		{source == sourceWall && state&stateDay == 0, FlagWall}, {source == sourceNone && state&stateDay == 0, FlagUntimed},
	} {
		if f.set {
			all = append(all, f.name)
		}
	}
	return all
}

// Answers yields the answers that f means in the order they arrived, replaced
// ones included. It reads in pages, so that a slow reader holds nothing up, and
// ends with the last answer that was there when it began.
func (l *Ledger) Answers(ctx context.Context, f Filter) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var last int64
		if err := l.db.Read().QueryRowContext(ctx, l.sql("last answer")).Scan(&last); err != nil {
			yield(Row{}, fmt.Errorf("list answers: %w", err))
			return
		}
		for after := int64(-1); ; {
			page, next, err := l.page(ctx, f, after, last)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if next <= after {
				return
			}
			after = next
		}
	}
}

// page reads answers numbered in (after, last] and returns the number of the
// last one it saw.
func (l *Ledger) page(ctx context.Context, f Filter, after, last int64) (page []Row, next int64, err error) {
	from, until := f.bounds()
	found, err := l.rows(ctx, "list answers", after, last, f.Place, f.Questionnaire, f.Question, f.Device, from, until)
	next = after
	for _, r := range found {
		page, next = append(page, r.row), r.number
	}
	return page, next, err
}

// rows are the answers of a query, in the order of their numbers or backwards,
// with the rules that name them.
func (l *Ledger) rows(ctx context.Context, query string, args ...any) (found []numbered, err error) {
	low, high := int64(math.MaxInt64), int64(-1) // numbers of those flagged
	err = l.each(ctx, query, func(rows *sql.Rows) error {
		r, state, err := scanRow(rows)
		if found = append(found, r); state&stateFlagged != 0 {
			low, high = min(low, r.number), max(high, r.number)
		}
		return err
	}, args...)
	if err != nil || high < 0 {
		return found, err
	}
	rules, err := l.rules(ctx, low, high)
	for i := range found {
		r := &found[i]
		r.row.Flags = append(r.row.Flags, rules[r.number]...)
	}
	return found, err
}

// rules are those that name answers low to high, by number.
func (l *Ledger) rules(ctx context.Context, low, high int64) (map[int64][]string, error) {
	rules := map[int64][]string{}
	err := l.each(ctx, "flags of answers", func(rows *sql.Rows) error {
		var number int64
		var rule string
		err := rows.Scan(&number, &rule)
		rules[number] = append(rules[number], rule)
		return err
	}, low, high)
	return rules, err
}

func scanRow(rows *sql.Rows) (found numbered, state int64, err error) {
	var (
		skipped, source int64
		journal, id     []byte
		choices         string
	)
	r := &found.row
	err = rows.Scan(&found.number, &r.Device, &journal, &r.Seq, &id, &r.Place, &r.Questionnaire, &r.Version, &r.Question,
		&r.Language, &r.Score, &skipped, &choices, &r.TakenAt, &r.TakenWidth, &r.ReceivedAt, &state, &source)
	if err != nil {
		return numbered{}, 0, err
	}
	if len(journal) != len(r.Journal) || len(id) != len(r.ID) {
		return numbered{}, 0, fmt.Errorf("damaged row: answer %d", found.number)
	}
	r.Journal, r.ID = wire.JournalID(journal), wire.RecordID(id)
	r.Skipped, r.Flags = skipped != 0, flags(state, source)
	r.Choices, err = split(choices)
	return found, state, err
}

// split reads the stored list of choices.
func split(choices string) ([]string, error) {
	if choices == "" {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(choices), &list); err != nil {
		return nil, fmt.Errorf("damaged row: choices: %w", err)
	}
	return list, nil
}
