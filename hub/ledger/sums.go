package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/binary"
	"fmt"

	"nghe/hub/database"
)

//go:embed sums.sql
var sumsText string

// Kinds of rows that are added up, and the queries that list them.
var sumRows = map[string]string{
	"events":   "rows of events",
	"arrivals": "rows of arrivals",
	"journals": "rows of journals",
}

// sum is a running SHA-256 over the rows of one kind.
type sum struct {
	n, last int64
	digest  [sha256.Size]byte
}

// add takes the next row in: its columns in order, its number first.
func (s *sum) add(row ...any) error {
	h := sha256.New()
	h.Write(s.digest[:])
	for _, column := range row {
		switch c := column.(type) {
		case int64:
			h.Write(binary.BigEndian.AppendUint64([]byte{'n'}, uint64(c)))
		case string:
			h.Write(binary.BigEndian.AppendUint64([]byte{'b'}, uint64(len(c))))
			h.Write([]byte(c))
		case []byte:
			h.Write(binary.BigEndian.AppendUint64([]byte{'b'}, uint64(len(c))))
			h.Write(c)
		default:
			return fmt.Errorf("add up: %T is no column", column)
		}
	}
	number, ok := row[0].(int64)
	if !ok {
		return fmt.Errorf("add up: a row's number is no %T", row[0])
	}
	s.n, s.last = s.n+1, number
	h.Sum(s.digest[:0])
	return nil
}

func scanSum(row *sql.Row) (sum, error) {
	var s sum
	var digest []byte
	err := row.Scan(&s.n, &s.last, &digest)
	if err == nil && len(digest) != len(s.digest) {
		err = fmt.Errorf("damaged row: a sum of %d bytes", len(digest))
	}
	copy(s.digest[:], digest)
	return s, err
}

// sumUp adds up every row of a kind.
func (l *Ledger) sumUp(ctx context.Context, q database.Queryer, name string) (sum, error) {
	var s sum
	err := database.Each(ctx, q, name, l.sql(sumRows[name]), func(rows *sql.Rows) error {
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		row, to := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		return s.add(row...)
	})
	return s, err
}

// beginSums adds up what was written before there were sums.
func (l *Ledger) beginSums(ctx context.Context) error {
	var n int
	if err := l.db.Read().QueryRowContext(ctx, l.sql("sums to begin")).Scan(&n); err != nil || n == 0 {
		return err
	}
	return l.write(ctx, func(w *work) error {
		for name := range sumRows {
			s, err := scanSum(w.row("sum", name))
			if err != nil {
				return err
			}
			if s.n >= 0 {
				continue
			}
			if s, err = l.sumUp(ctx, w.tx, name); err != nil {
				return err
			}
			w.sums[name] = &s
		}
		return nil
	})
}

// addUp takes a row that this transaction wrote into the sum of its kind.
func (w *work) addUp(name string, row ...any) error {
	s := w.sums[name]
	if s == nil {
		held, err := scanSum(w.row("sum", name))
		if err != nil {
			return fmt.Errorf("read sum of %s: %w", name, err)
		}
		s = &held
		w.sums[name] = s
	}
	return s.add(row...)
}

func (w *work) writeSums() error {
	for name, s := range w.sums {
		if err := w.exec("move sum", s.n, s.last, s.digest[:], name); err != nil {
			return err
		}
	}
	return nil
}

func (a *auditor) checkSums() error {
	for name := range sumRows {
		held, err := scanSum(a.row("sum", name))
		if isNoRows(err) {
			a.problem(0, "the sum of %s is not there", name)
			continue
		}
		if err != nil {
			return err
		}
		s, err := a.l.sumUp(a.ctx, a.q, name)
		if err != nil {
			return err
		}
		if s != held {
			a.problem(0, "%s: %d rows up to number %d do not add up to what was written, %d rows up to number %d: rows were changed, added or deleted",
				name, s.n, s.last, held.n, held.last)
		}
	}
	return nil
}
