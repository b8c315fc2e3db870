package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"nghe/shared/wire"
)

// Count says how many gave one reply at one place in one hour. Exactly one of
// Score, Choice and Skipped is set; an answer with several choices counts once
// under each.
type Count struct {
	Place         string
	Questionnaire string
	Version       int
	Question      string
	Hour          int64 // its first moment, microseconds since 1970 UTC
	Score         int
	Choice        string
	Skipped       bool
	N             int64
	Flagged       int64 // how many of N a rule names: see Row.Flags
}

// Counts adds up the answers that f means, each record once, replaced ones not
// and flagged ones like any other.
func (l *Ledger) Counts(ctx context.Context, f Filter) ([]Count, error) {
	sums := map[Count]tally{}
	from, until := f.hours()
	err := l.each(ctx, "list counts", func(rows *sql.Rows) error {
		var c Count
		var skipped int64
		var n tally
		var choices string
		err := rows.Scan(&c.Place, &c.Questionnaire, &c.Version, &c.Question, &c.Hour, &c.Score, &skipped, &choices, &n.n, &n.flagged)
		if err != nil {
			return err
		}
		c.Hour, c.Skipped = c.Hour*hour, skipped != 0
		return c.add(sums, choices, n)
	}, f.Place, f.Questionnaire, f.Question, from, until)
	if err != nil {
		return nil, err
	}
	counts := make([]Count, 0, len(sums))
	for c, n := range sums {
		c.N, c.Flagged = n.n, n.flagged
		counts = append(counts, c)
	}
	slices.SortFunc(counts, compareCounts)
	return counts, nil
}

func (f Filter) hours() (from, until int64) {
	from, until = f.bounds()
	if until != math.MaxInt64 {
		until += hour - 1
	}
	return from / hour, until / hour
}

func (c Count) add(sums map[Count]tally, choices string, n tally) error {
	list, err := split(choices)
	if err != nil {
		return err
	}
	if len(list) == 0 || c.Score != 0 {
		sums[c] = sums[c].plus(n.n, n.flagged)
	}
	for _, choice := range list {
		c.Score, c.Choice = 0, choice
		sums[c] = sums[c].plus(n.n, n.flagged)
	}
	return nil
}

func compareCounts(a, b Count) int {
	return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Hour, b.Hour),
		cmp.Compare(a.Questionnaire, b.Questionnaire), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Question, b.Question), cmp.Compare(a.Score, b.Score), cmp.Compare(a.Choice, b.Choice))
}

// ForkCause is why a kiosk began a new journal, in words.
type ForkCause wire.ForkCause

func (c ForkCause) String() string {
	switch wire.ForkCause(c) {
	case wire.ForkAhead:
		return "hub holds more than the kiosk: rolled back, or cloned"
	case wire.ForkDiffers:
		return "hub holds other records: cloned, or rolled back and overtaken"
	case wire.ForkBehind:
		return "restored hub holds less than the kiosk kept"
	case wire.ForkForeign:
		return "journal belongs to another device"
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// Fork is where a journal left its parent, as its kiosk saw it.
type Fork struct {
	Seq   uint64 // of the fork record
	From  wire.JournalID
	Cause wire.ForkCause
	Head  wire.Point // where the kiosk stood in the parent
	Hub   wire.Point // where the hub stood in it
}

// Hole is a run of records before a journal's base that the hub does not hold:
// After+1 … Until are declared lost. FilledAt is 0 while they are.
type Hole struct {
	After, Until         uint64
	DeclaredAt, FilledAt int64
}

// Journal is one journal, or a branch of one that a replay kept.
type Journal struct {
	Name      wire.JournalID
	Branch    int // 0: the one kiosks speak of
	Device    string
	Place     string // where its last known boot stood
	Base      wire.Point
	Received  wire.Point
	Safe      wire.Point
	FirstSeen int64
	LastSeen  int64
	Fork      *Fork // nil when it branched from nothing
	Hole      *Hole // nil when nothing is missing before it
	number    int64
}

// Inherited says whether a journal goes on from one of a device that is out of
// use: its kiosk was enrolled anew on its own disk, which is nothing to look
// into. all are those of Journals.
func (j Journal) Inherited(all []Journal, out func(device string) bool) bool {
	if j.Fork == nil || j.Fork.Cause != wire.ForkForeign {
		return false
	}
	return slices.ContainsFunc(all, func(p Journal) bool { return p.Name == j.Fork.From && p.Branch == 0 && out(p.Device) })
}

// Journals lists all of them, by device and in the order they were first seen.
func (l *Ledger) Journals(ctx context.Context) ([]Journal, error) {
	forks, err := l.forks(ctx)
	if err != nil {
		return nil, err
	}
	var all []Journal
	err = l.each(ctx, "list journals", func(rows *sql.Rows) error {
		j, err := scanListed(rows)
		j.Fork = forks[j.number]
		all = append(all, j)
		return err
	})
	return all, err
}

func scanListed(rows *sql.Rows) (Journal, error) {
	var (
		j                             Journal
		h                             Hole
		name, base, received, safe    []byte
		baseSeq, receivedSeq, safeSeq int64
		errs                          [3]error
	)
	err := rows.Scan(&j.number, &name, &j.Branch, &j.Device, &baseSeq, &base, &receivedSeq, &received, &safeSeq, &safe,
		&j.FirstSeen, &j.LastSeen, &j.Place, &h.After, &h.Until, &h.DeclaredAt, &h.FilledAt)
	if err != nil {
		return Journal{}, err
	}
	copy(j.Name[:], name)
	j.Base, errs[0] = point(baseSeq, base)
	j.Received, errs[1] = point(receivedSeq, received)
	j.Safe, errs[2] = point(safeSeq, safe)
	if h.Until > 0 {
		j.Hole = &h
	}
	return j, errors.Join(errs[:]...)
}

// forks gives each journal's own fork: of those it holds, the last.
func (l *Ledger) forks(ctx context.Context) (map[int64]*Fork, error) {
	all := map[int64]*Fork{}
	err := l.each(ctx, "list forks", func(rows *sql.Rows) error {
		var f Fork
		var journal, headSeq, hubSeq int64
		var from, head, hub []byte
		if err := rows.Scan(&journal, &f.Seq, &from, &f.Cause, &headSeq, &head, &hubSeq, &hub); err != nil {
			return err
		}
		copy(f.From[:], from)
		var errs [2]error
		f.Head, errs[0] = point(headSeq, head)
		f.Hub, errs[1] = point(hubSeq, hub)
		all[journal] = &f
		return errors.Join(errs[:]...)
	})
	return all, err
}

// Poison is a record that this program cannot read.
type Poison struct {
	Device  string
	Journal wire.JournalID
	Seq     uint64
	ID      wire.RecordID
	At      int64 // received
	Reason  string
	Bytes   []byte
}

// Quarantined lists the records that could not be read, oldest first.
func (l *Ledger) Quarantined(ctx context.Context) ([]Poison, error) {
	var all []Poison
	err := l.each(ctx, "list quarantined", func(rows *sql.Rows) error {
		var p Poison
		var journal, id []byte
		err := rows.Scan(&p.Device, &journal, &p.Seq, &id, &p.At, &p.Reason, &p.Bytes)
		copy(p.Journal[:], journal)
		copy(p.ID[:], id)
		all = append(all, p)
		return err
	})
	return all, err
}

// EventKind names what the hub's own log tells.
type EventKind string

const (
	EventFork       EventKind = "fork"       // a kiosk began a new journal
	EventForeign    EventKind = "foreign"    // a device offered another's journal
	EventHole       EventKind = "hole"       // records were declared lost
	EventFilled     EventKind = "filled"     // and were found
	EventBranch     EventKind = "branch"     // a replayed segment did not fit
	EventQuarantine EventKind = "quarantine" // a record could not be read
	EventBlob       EventKind = "blob"       // a device's copy of a blob will not be taken
	EventLost       EventKind = "lost"       // the archive lost a blob
	EventRestore    EventKind = "restore"    // a new epoch began
	EventRebuild    EventKind = "rebuild"    // everything was read again
)

// Event is one line of the hub's own log.
type Event struct {
	Number  int64
	At      int64 // microseconds since 1970 UTC
	Kind    EventKind
	Device  string         // empty when about none
	Journal wire.JournalID // zero when about none
	Seq     uint64
	Detail  string // English, for operators
}

// Events are the first n of the log after a number, in order.
func (l *Ledger) Events(ctx context.Context, after int64, n int) ([]Event, error) {
	var all []Event
	err := l.each(ctx, "list events", func(rows *sql.Rows) error {
		var e Event
		var journal []byte
		err := rows.Scan(&e.Number, &e.At, &e.Kind, &e.Device, &journal, &e.Seq, &e.Detail)
		copy(e.Journal[:], journal)
		all = append(all, e)
		return err
	}, after, n)
	return all, err
}
