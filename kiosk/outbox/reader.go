package outbox

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

// Reader looks at a journal without changing it.
type Reader struct {
	db      *sqlite.DB
	waiting *sqlite.DB // held.db; nil where there is none
	dir     string
}

// OpenReader looks at the journal in dir while an agent may be writing it.
func OpenReader(dir string) (*Reader, error) {
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, fileName), ReadOnly: true, Readers: 1})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w (does the kiosk keep its data in %s, and has it run?)", err, dir)
	}
	r := &Reader{db: db, dir: dir}
	if _, err := os.Stat(filepath.Join(dir, heldName)); err == nil {
		r.waiting, err = sqlite.Open(sqlite.Config{Path: filepath.Join(dir, heldName), ReadOnly: true, Readers: 1})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read held messages: %w", err), db.Close())
		}
	}
	return r, nil
}

// Close ends the look.
func (r *Reader) Close() error {
	err := r.db.Close()
	if r.waiting != nil {
		err = errors.Join(err, r.waiting.Close())
	}
	return err
}

// queryer is a transaction, or the pool of readers.
type queryer interface {
	QueryRow(query string, args ...any) *sql.Row
	Query(query string, args ...any) (*sql.Rows, error)
}

// exactly scans a BLOB of just that many bytes.
type exactly []byte

// Scan implements sql.Scanner.
func (e exactly) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(e) {
		return fmt.Errorf("%w: %d bytes where %d belong", ErrDamaged, len(b), len(e))
	}
	copy(e, b)
	return nil
}

// Branch is where the journal stands.
func (r *Reader) Branch() (wire.Branch, error) {
	b, err := branch(r.db.Read())
	if err != nil {
		return b, fmt.Errorf("read branch: %w", err)
	}
	return b, nil
}

func branch(q queryer) (b wire.Branch, err error) {
	err = q.QueryRow(query("branch")).Scan(exactly(b.Journal[:]),
		&b.Base.Seq, exactly(b.Base.Chain[:]), &b.Floor.Seq, exactly(b.Floor.Chain[:]),
		&b.Head.Seq, exactly(b.Head.Chain[:]), &b.Received.Seq, exactly(b.Received.Chain[:]),
		&b.Safe.Seq, exactly(b.Safe.Chain[:]), &b.Epoch, &b.FloorEpoch)
	return b, err
}

// ChainAt is the chain after record seq, for floor ≤ seq ≤ head; false outside.
func (r *Reader) ChainAt(seq uint64) (wire.Chain, bool, error) {
	c, ok, err := chainAt(r.db.Read(), seq)
	if err != nil {
		return c, false, fmt.Errorf("read chain at %d: %w", seq, err)
	}
	return c, ok, nil
}

func chainAt(q queryer, seq uint64) (c wire.Chain, ok bool, err error) {
	if seq >= 1<<62 {
		return c, false, nil
	}
	err = q.QueryRow(query("chain at"), sql.Named("seq", seq)).Scan(exactly(c[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

// Read returns the bytes of the records that follow after, in order: at most
// maxRecords of them and maxBytes in all, but at least one where there is one.
// Each is checked against its chain. It never removes anything.
func (r *Reader) Read(after uint64, maxRecords, maxBytes int) ([][]byte, error) {
	records, err := r.read(after, maxRecords, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("read records after %d: %w", after, err)
	}
	return records, nil
}

func (r *Reader) read(after uint64, maxRecords, maxBytes int) (records [][]byte, err error) {
	tx, err := r.db.Read().Begin() // pruning must not come between the two queries
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // nothing was written
	chain, held, err := chainAt(tx, after)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, outside(tx, after)
	}
	left := maxBytes
	err = follow(tx, wire.At(after, chain), maxRecords, func(_ wire.Point, b []byte) bool {
		if left -= len(b); left < 0 && len(records) > 0 {
			return false
		}
		records = append(records, b)
		return left > 0
	})
	return records, err
}

// outside is what to say of a point that is not held: nothing follows the
// head, what followed a pruned record cannot be read.
func outside(q queryer, seq uint64) error {
	b, err := branch(q)
	if err != nil || seq > b.Head.Seq {
		return err
	}
	if seq < b.Floor.Seq {
		return ErrPruned
	}
	return fmt.Errorf("%w: record %d is missing", ErrDamaged, seq)
}

// follow walks at most n records after from, in order, while f returns true,
// and stops with ErrDamaged at the first that does not continue the chain.
func follow(q queryer, from wire.Point, n int, f func(at wire.Point, record []byte) bool) error {
	rows, err := q.Query(query("read"), sql.Named("after", from.Seq), sql.Named("most", n))
	if err != nil {
		return err
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		var at wire.Point
		var record []byte
		if err := rows.Scan(&at.Seq, exactly(at.Chain[:]), &record); err != nil {
			return err
		}
		if at.Seq != from.Seq+1 || at.Chain != from.Chain.Extend(record) {
			return fmt.Errorf("%w: record %d does not continue the chain after %d", ErrDamaged, at.Seq, from.Seq)
		}
		if from = at; !f(at, record) {
			break
		}
	}
	return rows.Err()
}

// verify walks the chain between two points.
func verify(q queryer, from, to wire.Point) error {
	last := from
	err := follow(q, from, int(to.Seq-from.Seq), func(at wire.Point, _ []byte) bool { last = at; return true })
	if err == nil && last != to {
		err = fmt.Errorf("%w: chain ends at %s, not at %s", ErrDamaged, last, to)
	}
	return err
}

// Verify walks everything held, from the floor to the head.
func (r *Reader) Verify() error {
	tx, err := r.db.Read().Begin()
	if err != nil {
		return fmt.Errorf("verify journal: %w", err)
	}
	defer tx.Rollback() // nothing was written
	b, err := branch(tx)
	if err == nil {
		err = verify(tx, b.Floor, b.Head)
	}
	if err != nil {
		return fmt.Errorf("verify journal: %w", err)
	}
	return nil
}

// Backlog is what the hub has not received yet.
type Backlog struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
	Oldest  int64  `json:"oldest_us"` // wall clock of the oldest, microseconds since 1970 UTC; 0 for none
}

// Backlog measures what the hub has not received yet, however long it is,
// without walking it.
func (r *Reader) Backlog() (Backlog, error) {
	var b Backlog
	err := r.db.Read().QueryRow(query("backlog")).Scan(&b.Records, &b.Bytes, &b.Oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Backlog{}, fmt.Errorf("measure backlog: %w", err)
	}
	return b, nil
}
