package outbox

import (
	"database/sql"
	"fmt"

	"nghe/shared/wire"
)

// append gives a record the next number and chain. The caller's transaction
// decides whether it was ever there.
func (o *Outbox) append(tx *sql.Tx, r wire.Record) (wire.Point, error) {
	bytes, err := wire.EncodeRecord(r)
	if err != nil {
		return wire.Point{}, err
	}
	var head wire.Point
	var reach int64
	if err := tx.QueryRow(query("head")).Scan(&head.Seq, exactly(head.Chain[:]), &reach); err != nil {
		return wire.Point{}, fmt.Errorf("find head: %w", err)
	}
	next := wire.At(head.Seq+1, head.Chain.Extend(bytes))
	_, err = tx.Exec(query("append"), sql.Named("seq", next.Seq), sql.Named("chain", next.Chain[:]),
		sql.Named("bytes", bytes), sql.Named("reach", reach+int64(len(bytes))), sql.Named("wall", o.wall()))
	if err != nil {
		return wire.Point{}, fmt.Errorf("append record %d: %w", next.Seq, err)
	}
	return next, nil
}

// Clock appends a reading of the clocks. Uptime and Wall are read here when
// they are 0; Uptime must be of this run.
func (o *Outbox) Clock(c wire.Clock) error {
	err := o.write(func(tx *sql.Tx) error {
		if c.Uptime == 0 {
			c.Uptime = o.uptime()
		}
		if c.Wall == 0 {
			c.Wall = o.wall()
		}
		_, err := o.append(tx, c)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep clock reading: %w", err)
	}
	o.signal()
	return nil
}

// Fork leaves the journal for a new one that branches off at the floor, in one
// transaction: every record held keeps its bytes, chain and id, nothing counts
// as received or safe, and the record that tells of the fork follows the head.
// From, Head and Uptime are filled in here; a From that is set and is not the
// journal (any more) is refused.
func (o *Outbox) Fork(f wire.JournalFork) error {
	id, err := o.newJournal()
	if err != nil {
		return fmt.Errorf("fork journal: %w", err)
	}
	var left wire.Branch
	err = o.write(func(tx *sql.Tx) error {
		if left, err = branch(tx); err != nil {
			return err
		}
		if f.From != (wire.JournalID{}) && f.From != left.Journal {
			return fmt.Errorf("%w: fork from %s, journal is %s", ErrMark, f.From, left.Journal)
		}
		f.From, f.Head, f.Uptime = left.Journal, left.Head, o.uptime()
		if _, err := tx.Exec(query("fork journal"), sql.Named("id", id[:])); err != nil {
			return err
		}
		_, err := o.append(tx, f)
		return err
	})
	if err != nil {
		return fmt.Errorf("fork journal: %w", err)
	}
	o.cfg.Logger.Warn("journal forked", "journal", id, "from", left.Journal, "cause", f.Cause,
		"floor", left.Floor.Seq, "seq", left.Head.Seq)
	o.signal()
	return nil
}
