package database

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Row is what a scan reads: *sql.Row or *sql.Rows.
type Row interface{ Scan(into ...any) error }

// Each runs scan on every row of a query, until scan fails. Errors begin with
// what act says, such as "list cases". Inside a transaction scan asks nothing:
// its one connection is busy.
func Each(ctx context.Context, q Queryer, act, query string, scan func(rows *sql.Rows) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// Collect is Each for a scan that makes a value of each row; nil where there is
// none, and with an error.
func Collect[T any](ctx context.Context, q Queryer, act, query string, scan func(row Row) (T, error), args ...any) ([]T, error) {
	var all []T
	err := Each(ctx, q, act, query, func(rows *sql.Rows) error {
		one, err := scan(rows)
		all = append(all, one)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Exec runs one statement in a transaction of its own, and tells how many rows
// it changed. Errors begin with what act says.
func (db *DB) Exec(ctx context.Context, act, query string, args ...any) (changed int64, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		changed, err = tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", act, err)
	}
	return changed, nil
}

// Moment is a time as tables hold it: microseconds since 1970 UTC, 0 for none.
func Moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
