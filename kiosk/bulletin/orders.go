package bulletin

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"nghe/shared/wire"
)

// Orders are those that hold for a device now, by the best wall clock the
// caller has.
func (b *Bulletin) Orders(device string, now time.Time) []wire.Order {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var hold []wire.Order
	for _, o := range b.sheet.orders {
		if (o.Device == "" || o.Device == device) && now.UnixMicro() < o.Until && b.runs(o) {
			hold = append(hold, o)
		}
	}
	return hold
}

// runs says whether this program has not yet run for the length of an order.
// It needs the mutex.
func (b *Bulletin) runs(o wire.Order) bool {
	return b.ran(o).Microseconds() < o.Until-o.Issued
}

func (b *Bulletin) ran(o wire.Order) time.Duration { return b.cfg.Monotonic() - b.seen[o.ID] }

// KeepTime keeps how long this program ran under each order, so that the next
// process counts on. Without orders it writes nothing.
func (b *Bulletin) KeepTime() error {
	b.applying.Lock()
	defer b.applying.Unlock()
	b.mu.RLock()
	ran := map[string]time.Duration{}
	for _, o := range b.sheet.orders {
		ran[o.ID] = b.ran(o)
	}
	b.mu.RUnlock()
	if len(ran) == 0 {
		return nil
	}
	err := b.db.Write(context.Background(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(query("forget orders")); err != nil {
			return err
		}
		for id, d := range ran {
			if _, err := tx.Exec(query("put order"), sql.Named("id", id), sql.Named("ran", d.Microseconds())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep how long orders ran: %w", err)
	}
	return nil
}

// readRan is how long earlier processes ran under each order.
func readRan(q queryer) (map[string]time.Duration, error) {
	rows, err := q.Query(query("orders ran"))
	if err != nil {
		return nil, fmt.Errorf("read how long orders ran: %w", err)
	}
	defer rows.Close()
	ran := map[string]time.Duration{}
	for rows.Next() {
		var id string
		var us int64
		if err := rows.Scan(&id, &us); err != nil {
			return nil, fmt.Errorf("read how long orders ran: %w", err)
		}
		ran[id] = time.Duration(us) * time.Microsecond
	}
	return ran, rows.Err()
}
