package outbox

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// count runs f in a transaction that also notes how long this kiosk has run: no
// more than what ran since is forgotten by a restart.
func (o *Outbox) count(f func(tx *sql.Tx, ran int64) error) error {
	o.counting.Lock()
	defer o.counting.Unlock()
	uptime := o.uptime()
	err := o.write(func(tx *sql.Tx) error {
		var ran int64
		if err := tx.QueryRow(query("ran")).Scan(&ran); err != nil {
			return fmt.Errorf("read run time: %w", err)
		}
		ran += int64(uptime - o.counted)
		if _, err := tx.Exec(query("run on"), sql.Named("ran", ran)); err != nil {
			return fmt.Errorf("note run time: %w", err)
		}
		return f(tx, ran)
	})
	if err == nil {
		o.counted = uptime
	}
	return err
}

// Release lets the held messages whose moment has come into the journal, and
// tells how many. Call it about every minute: what has run since the last call
// is forgotten by a restart.
func (o *Outbox) Release() (int, error) {
	released := 0
	for {
		held, err := o.Held()
		if err != nil || held == 0 {
			return released, err
		}
		one, err := o.release()
		if err != nil {
			return released, fmt.Errorf("release message: %w", err)
		}
		if !one {
			return released, nil
		}
		released++
		o.signal()
	}
}

// release lets one message in.
func (o *Outbox) release() (one bool, err error) {
	err = o.count(func(tx *sql.Tx, ran int64) (err error) {
		one, err = o.releaseDue(tx, ran)
		return err
	})
	return one, err
}

func (o *Outbox) releaseDue(tx *sql.Tx, ran int64) (bool, error) {
	var request string
	var bytes []byte
	var sum [sha256.Size]byte
	err := tx.QueryRow(query("due"), sql.Named("ran", ran)).Scan(&request, &bytes, exactly(sum[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	record, err := wire.DecodeRecord(bytes)
	if err != nil || sum != sha256.Sum256(bytes) {
		o.cfg.Logger.Error("a held message is damaged, it stays behind", "err", err)
		_, err := tx.Exec(query("leave behind"), sql.Named("request", request))
		return true, err
	}
	if _, err := o.append(tx, record); err != nil {
		return false, err
	}
	for _, step := range []string{"release", "release blobs"} {
		if _, err := tx.Exec(query(step), sql.Named("request", request)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Held is how many messages wait for their moment.
func (r *Reader) Held() (n int, err error) {
	if err := r.db.Read().QueryRow(query("held messages")).Scan(&n); err != nil {
		return 0, fmt.Errorf("count held messages: %w", err)
	}
	return n, nil
}

// Names says whether a record, or a message held back, names this blob.
func (r *Reader) Names(hash [32]byte) (bool, error) {
	named, _, err := r.naming(hash)
	return named, err
}

// Recorded says whether a record in the journal names this blob: only then may
// it be sent.
func (r *Reader) Recorded(hash [32]byte) (bool, error) {
	named, held, err := r.naming(hash)
	return named && !held, err
}

func (r *Reader) naming(hash [32]byte) (named, held bool, err error) {
	err = r.db.Read().QueryRow(query("names"), sql.Named("hash", hash[:])).Scan(&held)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look for blob: %w", err)
	}
	return true, held, nil
}

// Blobs lists every blob that should be in the spool.
func (r *Reader) Blobs() ([][32]byte, error) {
	all, err := r.hashes("all blobs")
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	return all, nil
}

func (r *Reader) hashes(name string, args ...any) (all [][32]byte, err error) {
	rows, err := r.db.Read().Query(query(name), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		var h [32]byte
		if err := rows.Scan(exactly(h[:])); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

// Forget drops the name of a blob that is safe elsewhere and was let go, or is
// about to be.
func (o *Outbox) Forget(hash [32]byte) error {
	err := o.write(func(tx *sql.Tx) error {
		_, err := tx.Exec(query("forget blob"), sql.Named("hash", hash[:]))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget blob: %w", err)
	}
	return nil
}

// Erasure names what the law deletes: single blobs, and all that came with a
// receipt.
type Erasure struct {
	Blobs    [][32]byte
	Receipts [][16]byte
}

// Erase has remove delete the blobs, durably, and then forgets their names; it
// tells how many names went. Records, chain and ids stay as they are. Whoever
// orders it repeats the order after every start, so a cut in between is made
// good then.
func (o *Outbox) Erase(e Erasure, remove func(hash [32]byte) error) (int, error) {
	doomed := e.Blobs
	for _, receipt := range e.Receipts {
		more, err := o.hashes("blobs of receipt", sql.Named("receipt", receipt[:]))
		if err != nil {
			return 0, fmt.Errorf("erase: %w", err)
		}
		doomed = append(doomed, more...)
	}
	gone := 0
	for _, hash := range doomed {
		if err := remove(hash); err != nil {
			return gone, fmt.Errorf("erase: %w", err)
		}
		named, err := o.Names(hash)
		if err != nil {
			return gone, err
		}
		if !named {
			continue
		}
		if err := o.Forget(hash); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}
