package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"nghe/shared/wire"
)

// Run is what one journal holds beyond safe: consecutive segments, as they go
// into one object off the hub's disk.
type Run struct {
	Journal  wire.JournalID
	Branch   int
	Device   string
	Parent   wire.Point // where the journal begins
	Base     wire.Point // before the first segment
	End      wire.Point // of the last one
	Segments []Segment
}

// Segment is one accepted batch, exactly as it was signed.
type Segment struct {
	At    int64  // received; microseconds since 1970 UTC
	Frame []byte // a wire Batch frame
}

// runBytes bounds the frames of one Run. A single segment may be longer.
const runBytes = 256 << 10

// AnyUnarchived says whether UnarchivedSegments would find something.
func (l *Ledger) AnyUnarchived(ctx context.Context) (bool, error) {
	var n int
	if err := l.db.Read().QueryRowContext(ctx, l.sql("any beyond safe")).Scan(&n); err != nil {
		return false, fmt.Errorf("look for segments beyond safe: %w", err)
	}
	return n > 0, nil
}

// UnarchivedSegments gives one Run of each journal that holds more than is
// safe, with at most n segments. Each was unpacked and its chain computed
// again: what has gone bad on the hub's disk is an error of its journal, not an
// object, and stops no other.
func (l *Ledger) UnarchivedSegments(ctx context.Context, n int) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		var journals []*journal
		err := l.each(ctx, "journals beyond safe", func(rows *sql.Rows) error {
			j, err := scanJournal(rows.Scan)
			journals = append(journals, j)
			return err
		})
		if err != nil {
			yield(Run{}, err)
			return
		}
		for _, j := range journals {
			run, err := l.run(ctx, j, j.secured(), j.received.Seq, n)
			if err != nil {
				err = fmt.Errorf("journal %s, branch %d: %w", j.name, j.branch, err)
			}
			if (err != nil || len(run.Segments) > 0) && !yield(run, err) {
				return
			}
		}
	}
}

// secured is where a journal's next segment to archive begins.
func (j *journal) secured() wire.Point {
	if j.safe.Seq > j.base.Seq {
		return j.safe
	}
	return j.base
}

func (l *Ledger) run(ctx context.Context, j *journal, from wire.Point, until uint64, n int) (Run, error) {
	r := Run{Journal: j.name, Branch: int(j.branch), Device: j.device, Parent: j.base, Base: from, End: from}
	var page []segment
	err := l.each(ctx, "segments of journal after", func(rows *sql.Rows) error {
		s, err := scanSegment(rows)
		page = append(page, s)
		return err
	}, j.number, int64(r.Base.Seq))
	if err != nil {
		return r, err
	}
	bytes := 0
	for _, s := range page {
		if len(r.Segments) == n || r.End.Seq >= until || bytes > 0 && bytes+len(s.frame) > runBytes {
			break
		}
		if err := r.add(s); err != nil {
			return r, fmt.Errorf("segment %d: %w", s.number, err)
		}
		bytes += len(s.frame)
	}
	return r, nil
}

// add takes a segment whose records lead from the run's end to where its row
// says.
func (r *Run) add(s segment) error {
	b, _, points, err := open(s.frame)
	if err != nil {
		return err
	}
	end, err := point(s.end, s.endChain)
	if err != nil {
		return err
	}
	if last := points[len(points)-1]; b.Journal != r.Journal || b.Base != r.End || last != end {
		return fmt.Errorf("holds %s after %s up to %s, want %s after %s up to %s: run hub audit",
			b.Journal, b.Base, last, r.Journal, r.End, end)
	}
	r.End = end
	r.Segments = append(r.Segments, Segment{At: s.at, Frame: s.frame})
	return nil
}

// SegmentArchived records that the records after base up to end were read back
// from storage off the hub's own disk. In the same transaction safe moves, if
// they continue what is safe already; it says whether it did.
func (l *Ledger) SegmentArchived(ctx context.Context, name wire.JournalID, base, end wire.Point) (moved bool, err error) {
	err = l.write(ctx, func(w *work) error {
		moved = false
		all, err := w.branches(name)
		if err != nil {
			return err
		}
		for _, j := range all {
			// Equal chains at the end mean equal records all the way: that base
			// may lie below where a branch begins.
			if base.Seq > j.secured().Seq || end.Seq <= j.secured().Seq {
				continue
			}
			if held, err := w.holds(j, end); err != nil || !held {
				if err != nil {
					return err
				}
				continue
			}
			j.safe, moved = end, true
			if err := w.exec("move safe", int64(end.Seq), end.Chain[:], j.number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("move safe of journal %s: %w", name, err)
	}
	return moved, nil
}

// ReplaySegment takes back a segment that was kept elsewhere, as Replay does,
// with what its object says of it: when it was received, and where its journal
// begins. A journal of which earlier segments are missing begins there all the
// same, so that its kiosk is asked for them; the segment is then kept as a
// branch.
func (l *Ledger) ReplaySegment(ctx context.Context, device string, parent wire.Point, s Segment) error {
	b, records, points, err := open(s.Frame)
	if err != nil {
		return fmt.Errorf("replay segment of %s: %w", device, err)
	}
	err = l.write(ctx, func(w *work) error {
		j, err := w.trunk(b.Journal)
		if err != nil {
			return err
		}
		if j == nil && b.Base != parent {
			if _, err := w.create(b.Journal, 0, device, parent, s.At); err != nil {
				return err
			}
		}
		return w.replay(device, b, records, points, s.At)
	})
	if err != nil {
		return fmt.Errorf("replay segment of journal %s after %s: %w", b.Journal, b.Base, err)
	}
	return nil
}

// BeginEpoch begins the restore epoch of a hub that was put together again from
// a copy, and returns it: a number above the copy's own and above every other
// that may have been given, for a number must never name two timelines. Nothing
// stays safe: what was read back before may be gone. No session may be open.
func (l *Ledger) BeginEpoch(ctx context.Context, above uint64) (uint64, error) {
	var epoch uint64
	err := l.write(ctx, func(w *work) error {
		epoch = max(w.epoch, above) + 1
		if epoch >= wire.MaxNumber {
			return errors.New("no numbers are left")
		}
		if err := w.exec("set epoch", int64(epoch)); err != nil {
			return err
		}
		var none wire.Chain
		if err := w.exec("drop safe", none[:]); err != nil {
			return err
		}
		return w.event(EventRestore, "", wire.JournalID{}, 0, fmt.Sprintf(epochBegan, epoch))
	})
	if err != nil {
		return 0, fmt.Errorf("begin epoch: %w", err)
	}
	return epoch, nil
}

// LastReceived is when the newest record came; zero when there is none.
func (l *Ledger) LastReceived(ctx context.Context) (time.Time, error) {
	var at int64
	journals, err := l.Journals(ctx)
	for _, j := range journals {
		at = max(at, j.LastSeen)
	}
	if err != nil || at == 0 {
		return time.Time{}, err
	}
	return time.UnixMicro(at).UTC(), nil
}
