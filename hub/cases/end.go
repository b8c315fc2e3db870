package cases

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"nghe/hub/database"
)

// Known says whether the key of a receipt was learned.
func (c *Cases) Known(ctx context.Context, tag []byte) (bool, error) {
	var sealed []byte
	err := c.cfg.DB.Read().QueryRowContext(ctx, c.sql["receipt"], tag).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read receipt: %w", err)
	}
	return true, nil
}

// Closed says since when nothing is to be done about a case; false while
// something is, or there is no such case.
func (c *Cases) Closed(ctx context.Context, tag []byte) (since time.Time, closed bool, err error) {
	if len(tag) != len(Tag{}) {
		return time.Time{}, false, nil
	}
	history, err := c.History(ctx, Tag(tag))
	if err != nil {
		return time.Time{}, false, err
	}
	for _, e := range history {
		if e.State.Open() {
			closed = false
			continue
		}
		if !closed {
			since, closed = e.At, true
		}
	}
	if !closed {
		return time.Time{}, false, nil
	}
	return since, true, nil
}

// Forget drops what the ward said under a receipt and the way back to it: its
// case, its history, its key. That its sender replied stays, which are no words.
// Kiosks lose the box when they are told of the deletion.
func (c *Cases) Forget(ctx context.Context, tag Tag) error {
	return c.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, name := range []string{"forget case", "forget events", "forget receipt"} {
			if _, err := tx.Exec(ctx, c.sql[name], tag[:]); err != nil {
				return fmt.Errorf("forget case: %w", err)
			}
		}
		return nil
	})
}
