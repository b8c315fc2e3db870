package outbox

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// Advance moves the watermarks to m, if the chains at m are the chains here;
// else ErrMark: another journal, another chain, or points above what is held.
//
// A mark of a lower restore epoch than one already seen is late and changes
// nothing; under the epoch seen the watermarks only rise. A mark of a higher
// epoch comes from a restored hub: both watermarks drop to the floor, even when
// the mark itself does not fit, and rise from there to what it says.
func (o *Outbox) Advance(m wire.Mark) error {
	var refused error
	err := o.write(func(tx *sql.Tx) error {
		b, err := branch(tx)
		if err != nil {
			return err
		}
		moved, err := advance(b, m, func(seq uint64) (wire.Chain, bool, error) { return chainAt(tx, seq) })
		if refused = err; err != nil && !errors.Is(err, ErrMark) {
			return err
		}
		return store(tx, b, moved)
	})
	if err := cmp.Or(err, refused); err != nil {
		return fmt.Errorf("advance to %s: %w", m.Received, err)
	}
	return nil
}

func store(tx *sql.Tx, was, is wire.Branch) error {
	if is == was {
		return nil
	}
	_, err := tx.Exec(query("move marks"),
		sql.Named("received_seq", is.Received.Seq), sql.Named("received_chain", is.Received.Chain[:]),
		sql.Named("safe_seq", is.Safe.Seq), sql.Named("safe_chain", is.Safe.Chain[:]),
		sql.Named("epoch", is.Epoch))
	return err
}

type chains func(seq uint64) (wire.Chain, bool, error)

// advance is where b stands after m. Beside ErrMark it returns what the epoch
// alone has changed.
func advance(b wire.Branch, m wire.Mark, chainAt chains) (wire.Branch, error) {
	switch {
	case m.Journal != b.Journal:
		return b, fmt.Errorf("%w: it is for journal %s", ErrMark, m.Journal)
	case m.Epoch < b.Epoch:
		return b, nil
	case m.Epoch >= 1<<62:
		return b, fmt.Errorf("%w: epoch %d", ErrMark, m.Epoch)
	case m.Epoch > b.Epoch:
		b.Epoch, b.Received, b.Safe = m.Epoch, b.Floor, b.Floor
	}
	m, err := compared(b, m, chainAt)
	if err != nil {
		return b, err
	}
	b.Received, b.Safe = later(b.Received, m.Received), later(b.Safe, m.Safe)
	return b, nil
}

func later(a, b wire.Point) wire.Point {
	if b.Seq > a.Seq {
		return b
	}
	return a
}

// compared is m once both its points are found equal here. What lies below the
// floor was pruned, perhaps since courier looked, and cannot be compared; it says
// no more than the floor.
func compared(b wire.Branch, m wire.Mark, chainAt chains) (wire.Mark, error) {
	if m.Safe.Seq > m.Received.Seq {
		return m, fmt.Errorf("%w: safe %d is above received %d", ErrMark, m.Safe.Seq, m.Received.Seq)
	}
	if m.Received.Seq < b.Floor.Seq {
		m.Received = b.Floor
	}
	if m.Safe.Seq == 0 || m.Safe.Seq < b.Floor.Seq {
		m.Safe = b.Floor
	}
	if err := equal(b, m.Received, chainAt); err != nil {
		return m, err
	}
	return m, equal(b, m.Safe, chainAt)
}

// equal compares a point of the hub with the chain held here.
func equal(b wire.Branch, p wire.Point, chainAt chains) error {
	chain, held, err := chainAt(p.Seq)
	if err != nil {
		return err
	}
	if !held {
		return fmt.Errorf("%w: %d is outside %d to %d", ErrMark, p.Seq, b.Floor.Seq, b.Head.Seq)
	}
	if chain != p.Chain {
		return fmt.Errorf("%w: chain at %d differs", ErrMark, p.Seq)
	}
	return nil
}
