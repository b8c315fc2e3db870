package accounts

import (
	"context"
	"fmt"
	"math"
	"time"

	"nghe/hub/database"
)

// Event is something an operator did, or that happened to an account.
type Event struct {
	ID       int64
	At       time.Time
	Kind     string // "sign-in", "sign-out", "refused", "slowed", "created", "password-set", "disabled", "enabled", "device-revoked", "message-opened", …
	Operator string // whom it is about
	By       string // who did it
	Remote   string // from which address
	Detail   string // in English or as an operator typed it; never a password
}

const maxDetail = 500 // runes: what an operator typed is bounded

// Record keeps an event; At is set here.
func (a *Accounts) Record(ctx context.Context, e Event) error {
	err := a.cfg.DB.Write(ctx, func(tx *database.Tx) error { return a.event(ctx, tx, e) })
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}

func (a *Accounts) event(ctx context.Context, tx *database.Tx, e Event) error {
	if r := []rune(e.Detail); len(r) > maxDetail {
		e.Detail = string(r[:maxDetail])
	}
	_, err := tx.Exec(ctx, a.sql["add event"], a.now(), e.Kind, e.Operator, e.By, e.Remote, e.Detail)
	return err
}

// Did lists what an operator did of one kind since a moment, newest first, at
// most 500.
func (a *Accounts) Did(ctx context.Context, by, kind string, since time.Time) ([]Event, error) {
	return a.events(ctx, "events by", by, kind, since.UnixMicro())
}

// Events are the newest n events older than id before; 0 begins at the newest.
func (a *Accounts) Events(ctx context.Context, before int64, n int) ([]Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return a.events(ctx, "events", before, n)
}

func (a *Accounts) events(ctx context.Context, query string, args ...any) ([]Event, error) {
	return database.Collect(ctx, a.cfg.DB.Read(), "read operator events", a.sql[query], scanEvent, args...)
}

func scanEvent(row database.Row) (e Event, err error) {
	var at int64
	err = row.Scan(&e.ID, &at, &e.Kind, &e.Operator, &e.By, &e.Remote, &e.Detail)
	e.At = database.Moment(at)
	return e, err
}
