package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// ErrBroken says that this write, or an earlier one, failed in a way after which the file on
// the disk and the file in memory may differ (a failed fsync, an unreadable or
// damaged page). Close the database, open it again and check it.
var ErrBroken = errors.New("database must be opened again")

// ErrReadOnly answers a write to a database opened with Config.ReadOnly.
var ErrReadOnly = errors.New("database was opened for reading only")

// errDamaged is what Check finds; IsCorrupt knows it.
var errDamaged = errors.New("database is damaged")

// IsFull reports whether err means that the disk, or the quota on it, is full.
// Nothing of the failed write was stored.
func IsFull(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) || failedSync(e) {
		return false
	}
	return e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC || e.SystemErrno == syscall.EDQUOT
}

// IsCorrupt reports whether err means that the file is damaged, or never was a
// database.
func IsCorrupt(err error) bool {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB
	}
	return errors.Is(err, errDamaged)
}

// failedSync: after it the kernel may have dropped the pages and call them
// clean, so the next fsync succeeds and proves nothing.
func failedSync(e sqlite3.Error) bool {
	return slices.Contains([]sqlite3.ErrNoExtended{sqlite3.ErrIoErrFsync, sqlite3.ErrIoErrDirFsync}, e.ExtendedCode)
}

func (db *DB) writable() error {
	if db.writer == nil {
		return ErrReadOnly
	}
	if cause := db.broken.Load(); cause != nil {
		return fmt.Errorf("%w: %v", ErrBroken, *cause)
	}
	return nil
}

// judge passes err on. When nothing may be written after it, it is an ErrBroken
// as well, and remembered.
func (db *DB) judge(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	if IsCorrupt(err) || e.Code == sqlite3.ErrIoErr && !IsFull(err) {
		db.broken.CompareAndSwap(nil, &err)
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return err
}
