package bulletin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// Order is an instruction to one kiosk or to all.
type Order struct {
	ID     string
	Kind   wire.OrderKind
	Device string // empty: every kiosk
	Issued time.Time
	Until  time.Time
	By     string
}

const (
	// LongestOrder is how long an order may hold: a pause that was forgotten
	// ends by itself.
	LongestOrder = 30 * 24 * time.Hour
	mostOrders   = 32 // that hold at one time
)

// ErrNoOrder says that no such order holds.
var ErrNoOrder = errors.New("no such order holds now")

// Order gives an order that holds for a while. A running hub tells kiosks
// within a second.
func (b *Bulletin) Order(ctx context.Context, kind wire.OrderKind, device string, hold time.Duration, by string) (Order, error) {
	if kind != wire.OrderPause && kind != wire.OrderSyncNow {
		return Order{}, fmt.Errorf("give order: kind %d is not known", kind)
	}
	if hold <= 0 || hold > LongestOrder {
		return Order{}, fmt.Errorf("give order: it must hold for a while, and at most %d days", int(LongestOrder.Hours()/24))
	}
	now := b.cfg.Now().UTC().Truncate(time.Microsecond)
	o := Order{ID: "o-" + rand.Text()[:12], Kind: kind, Device: device, Issued: now, Until: now.Add(hold), By: by}
	err := b.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		held, err := b.orders(ctx, tx)
		if err != nil {
			return err
		}
		if len(held) >= mostOrders {
			return fmt.Errorf("%d orders hold already; cancel some", len(held))
		}
		if _, err := tx.Exec(ctx, b.sql["count edit"]); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, b.sql["add order"], o.ID, int64(o.Kind), o.Device, o.Issued.UnixMicro(), o.Until.UnixMicro(), o.By)
		return err
	})
	if err != nil {
		return Order{}, fmt.Errorf("give order: %w", err)
	}
	return o, nil
}

// Cancel takes an order back.
func (b *Bulletin) Cancel(ctx context.Context, id string) error {
	return b.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, b.sql["count edit"]); err != nil {
			return fmt.Errorf("cancel order: %w", err)
		}
		n, err := tx.Exec(ctx, b.sql["cancel order"], id, b.cfg.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("cancel order: %w", err)
		}
		if n == 0 {
			return ErrNoOrder
		}
		return nil
	})
}

// Orders are those that hold now.
func (b *Bulletin) Orders(ctx context.Context) ([]Order, error) {
	return b.orders(ctx, b.cfg.DB.Read())
}

func (b *Bulletin) orders(ctx context.Context, q database.Queryer) ([]Order, error) {
	return database.Collect(ctx, q, "read orders", b.sql["orders"], scanOrder, b.cfg.Now().UnixMicro())
}

func scanOrder(row database.Row) (o Order, err error) {
	var kind, issued, until int64
	err = row.Scan(&o.ID, &kind, &o.Device, &issued, &until, &o.By)
	o.Kind, o.Issued, o.Until = wire.OrderKind(kind), time.UnixMicro(issued).UTC(), time.UnixMicro(until).UTC()
	return o, err
}
