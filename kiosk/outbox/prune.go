package outbox

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"nghe/shared/wire"
)

const (
	pruneStep   = 500            // records in one transaction: a Put waits for one step at most
	requestAge  = 48 * time.Hour // a page repeats a request at least this long after
	requestMost = 10_000         // and at least this many requests later
)

// Prune deletes records that are safe and were stored longer than olderThan
// ago, oldest first, and keeps the chain of the last one as the floor. It also
// forgets requests nobody repeats any more. It tells how many records went.
func (o *Outbox) Prune(olderThan time.Duration) (int, error) {
	pruned := 0
	for {
		n, err := o.pruneStep(olderThan)
		pruned += n
		if err != nil {
			return pruned, fmt.Errorf("prune: %w", err)
		}
		if n < pruneStep {
			break
		}
	}
	if err := errors.Join(o.forgetRequests(), o.forgetReleased()); err != nil {
		return pruned, fmt.Errorf("forget requests: %w", err)
	}
	return pruned, nil
}

func (o *Outbox) pruneStep(olderThan time.Duration) (n int, err error) {
	now := o.cfg.Now()
	err = o.write(func(tx *sql.Tx) error {
		var to wire.Point
		var reach int64
		err := tx.QueryRow(query("prunable"), sql.Named("most", pruneStep),
			sql.Named("since", now.Add(-olderThan).UnixMicro()), sql.Named("now", now.UnixMicro()),
		).Scan(&to.Seq, exactly(to.Chain[:]), &reach)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		gone, err := tx.Exec(query("prune"), sql.Named("seq", to.Seq))
		if err != nil {
			return err
		}
		count, err := gone.RowsAffected()
		n = int(count)
		if err != nil {
			return err
		}
		_, err = tx.Exec(query("raise floor"), sql.Named("seq", to.Seq),
			sql.Named("chain", to.Chain[:]), sql.Named("reach", reach))
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (o *Outbox) forgetRequests() error {
	now := o.cfg.Now()
	return o.write(func(tx *sql.Tx) error {
		b, err := branch(tx)
		if err != nil || b.Head.Seq <= requestMost {
			return err
		}
		_, err = tx.Exec(query("forget requests"),
			sql.Named("seq", b.Head.Seq-requestMost),
			sql.Named("since", now.Add(-requestAge).UnixMicro()), sql.Named("now", now.UnixMicro()))
		return err
	})
}
