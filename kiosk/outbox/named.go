package outbox

import (
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/sqlite"
)

// Names says whether a record, or a message held back, names this blob.
func (o *Outbox) Names(hash [32]byte) (bool, error) {
	named, err := names(o.db, hash)
	if named || err != nil {
		return named, err
	}
	return names(o.held.db, hash)
}

// Recorded says whether a record in the journal names this blob: only then may
// it be sent.
func (o *Outbox) Recorded(hash [32]byte) (bool, error) { return names(o.db, hash) }

func names(db *sqlite.DB, hash [32]byte) (bool, error) {
	var one int
	err := db.Read().QueryRow(query("names"), sql.Named("hash", hash[:])).Scan(&one)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("look for blob: %w", err)
	}
	return err == nil, nil
}

// Blobs lists every blob that should be in the spool.
func (o *Outbox) Blobs() ([][32]byte, error) {
	all, err := o.hashes("all blobs")
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	return all, nil
}

// hashes asks both files. What enters the journal meanwhile is in both for a
// moment.
func (o *Outbox) hashes(name string, args ...any) (all [][32]byte, err error) {
	seen := map[[32]byte]bool{}
	for _, db := range []*sqlite.DB{o.held.db, o.db} {
		rows, err := db.Read().Query(query(name), args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var h [32]byte
			if err := rows.Scan(exactly(h[:])); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			if !seen[h] {
				seen[h], all = true, append(all, h)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Forget drops the name of a blob that is safe elsewhere and was let go, or is
// about to be.
func (o *Outbox) Forget(hash [32]byte) error {
	o.held.mu.Lock()
	defer o.held.mu.Unlock()
	return o.forget(hash)
}

func (o *Outbox) forget(hash [32]byte) error {
	drop := func(tx *sql.Tx) error {
		_, err := tx.Exec(query("forget blob"), sql.Named("hash", hash[:]))
		return err
	}
	waits, err := names(o.held.db, hash)
	if err == nil && waits {
		err = o.writeHeld(drop)
	}
	if err == nil {
		err = o.write(drop)
	}
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

// Erase has remove delete the blobs, durably, and then forgets their names and
// what was claimed under the receipts; it tells how many names went. Records, chain and ids stay as they are. Whoever
// orders it repeats the order after every start, so a cut in between is made
// good then.
func (o *Outbox) Erase(e Erasure, remove func(hash [32]byte) error) (int, error) {
	o.held.mu.Lock()
	defer o.held.mu.Unlock()
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
		if err := o.forget(hash); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, o.forgetReceipts(e.Receipts)
}

func (o *Outbox) forgetReceipts(tags [][16]byte) error {
	if len(tags) == 0 {
		return nil
	}
	err := o.write(func(tx *sql.Tx) error {
		for _, tag := range tags {
			for _, name := range []string{"forget receipt", "forget claims"} {
				if _, err := tx.Exec(query(name), sql.Named("tag", tag[:])); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget receipts: %w", err)
	}
	return nil
}
