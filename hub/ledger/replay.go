package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// Replay takes back a segment that was kept elsewhere: the bytes of its Batch
// frame. What continues the journal, or one of its branches, is appended; what
// is held already changes nothing; anything else begins a branch of its own,
// for a segment a kiosk signed is never dropped.
func (l *Ledger) Replay(ctx context.Context, device string, segment []byte) error {
	b, records, points, err := open(segment)
	if err != nil {
		return fmt.Errorf("replay segment of %s: %w", device, err)
	}
	err = l.write(ctx, func(w *work) error { return w.replay(device, b, records, points, micros(l.now())) })
	if err != nil {
		return fmt.Errorf("replay segment of journal %s after %s: %w", b.Journal, b.Base, err)
	}
	return nil
}

func (w *work) replay(device string, b wire.Batch, records [][]byte, points []wire.Point, at int64) error {
	all, err := w.branches(b.Journal)
	if err != nil {
		return err
	}
	branch := int64(0)
	for _, j := range all {
		branch = max(branch, j.branch+1)
		if j.device != device {
			continue
		}
		held, fits, err := w.fit(j, b.Base, points)
		if err != nil {
			return err
		}
		if fits && held < len(records) {
			return w.store(j, b, records[held:], points[held:], at)
		}
		if fits {
			return nil
		}
	}
	j, err := w.create(b.Journal, branch, device, b.Base, at)
	if err != nil {
		return err
	}
	return w.store(j, b, records, points, at)
}

// projections are the tables that Rebuild empties. Numbers given to names stay:
// other hubs remember them.
var projections = []string{"wipe boots", "wipe runs", "wipe clocks", "wipe forks", "wipe holes", "wipe answers",
	"wipe flags", "wipe amendments", "wipe counts", "wipe quarantine", "wipe messages", "wipe attachments", "wipe consents", "wipe claims",
	"rewind journals"}

// flushAt bounds what a rebuild holds in memory.
const flushAt = 10_000 // answers

// Rebuild makes everything that is read from the segments again, in the order
// they came, in one transaction. Records that were quarantined and can be read
// now take their place. Watermarks of segments that are missing move back: run
// Audit first.
func (l *Ledger) Rebuild(ctx context.Context) error {
	err := l.write(ctx, func(w *work) error {
		w.quiet, w.shared, w.appended, w.lowered = true, nil, true, true
		for _, name := range projections {
			if err := w.exec(name); err != nil {
				return err
			}
		}
		segments := 0
		if err := w.again(&segments); err != nil {
			return err
		}
		w.quiet = false
		return w.event(EventRebuild, "", wire.JournalID{}, 0, fmt.Sprintf("from %d segments", segments))
	})
	if err != nil {
		return fmt.Errorf("rebuild ledger: %w", err)
	}
	return nil
}

// segment is a stored batch.
type segment struct {
	number, journal int64
	base, end       int64
	endChain        []byte
	at              int64
	frame           []byte
}

func scanSegment(rows *sql.Rows) (segment, error) {
	var s segment
	return s, rows.Scan(&s.number, &s.journal, &s.base, &s.end, &s.endChain, &s.at, &s.frame)
}

// again projects every segment, a page at a time.
func (w *work) again(count *int) error {
	for last := int64(0); ; {
		page, err := w.segments("segments after", last)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, s := range page {
			if err := w.projectAgain(s); err != nil {
				return fmt.Errorf("segment %d: %w", s.number, err)
			}
			last = s.number
			*count++
		}
	}
}

func (w *work) segments(query string, args ...any) ([]segment, error) {
	var page []segment
	err := w.each(query, func(rows *sql.Rows) error {
		s, err := scanSegment(rows)
		page = append(page, s)
		return err
	}, args...)
	return page, err
}

func (w *work) projectAgain(s segment) error {
	b, records, points, err := open(s.frame)
	if err != nil {
		return err
	}
	j, err := w.journal(s.journal)
	if err != nil {
		return err
	}
	if b.Base != j.received || b.Journal != j.name {
		return errors.New("does not continue its journal: run hub audit, and restore the segments it names")
	}
	if j.received == j.base {
		if err := w.begin(j, s.at); err != nil {
			return err
		}
	}
	before := j.received
	j.received = points[len(points)-1]
	err = w.exec("reset received", int64(j.received.Seq), j.received.Chain[:], j.number)
	if err != nil {
		return err
	}
	if err := w.project(j, s.number, records, points, s.at); err != nil {
		return err
	}
	if len(w.answers) >= flushAt {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.fillHoles(j, before, s.at)
}
