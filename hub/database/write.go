package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// attempts bounds how often PostgreSQL may give one transaction up for the sake
// of another before Write does. With the pauses below that is about 2 s.
const attempts = 10

// Tx is one write transaction.
type Tx struct {
	db *DB
	tx *sql.Tx
}

// Write runs do in one transaction: committed when do returns nil, else undone.
// On SQLite it is the only writer. On PostgreSQL it runs at READ COMMITTED and
// may be run again from the start, so do must not keep what an earlier run
// computed; writers who must not meet take a row lock.
func (db *DB) Write(ctx context.Context, do func(tx *Tx) error) error {
	if db.engine == SQLite {
		return db.lite.Write(ctx, func(tx *sql.Tx) error { return do(&Tx{db: db, tx: tx}) })
	}
	for attempt := 1; ; attempt++ {
		err := db.writeOnce(ctx, do)
		if err == nil || attempt == attempts || !gaveWay(err) {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func (db *DB) writeOnce(ctx context.Context, do func(tx *Tx) error) error {
	tx, err := db.server.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback()
	if err := do(&Tx{db: db, tx: tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// gaveWay reports serialization failures (40001) and deadlocks (40P01): the
// transaction did nothing and may succeed when run again.
func gaveWay(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

func pause(ctx context.Context, attempt int) error {
	longest := min(10*time.Millisecond<<attempt, 500*time.Millisecond)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Engine says which store the transaction is in.
func (t *Tx) Engine() Engine { return t.db.engine }

// within strips cancellation on SQLite: a statement cut short there ends the
// transaction, and the next statement would run outside it.
func (t *Tx) within(ctx context.Context) context.Context {
	if t.db.engine == SQLite {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// Exec runs a statement and tells how many rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	result, err := t.tx.ExecContext(t.within(ctx), query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// QueryContext is sql.Tx.QueryContext.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.within(ctx), query, args...)
}

// QueryRowContext is sql.Tx.QueryRowContext.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.within(ctx), query, args...)
}
