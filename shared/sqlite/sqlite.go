// Package sqlite is the one door to go-sqlite3: one writer and a pool of
// readers on one file.
//
// It promises that a Write which returned nil is on the disk (WAL,
// synchronous=FULL) and survives a power cut; that a Write which returned an
// error left nothing behind; that every setting this rests on was read back
// from every connection before its first use; and that after a failed fsync or
// a damaged page nothing more is written until the file is opened again.
//
// It holds no SQL but pragmas: tables and queries lie in .sql files beside the
// package that owns them. It does not repair a damaged file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"nghe/shared/durable"
)

// defaultReaders is enough for a status page beside a long export.
const defaultReaders = 2

// Config says which file to open and how.
type Config struct {
	// Path of the database file. Its folder must be there; SQLite keeps
	// Path-wal and Path-shm beside it.
	Path string
	// ReadOnly opens no writer and makes no file, so it may look at a file
	// that another process writes.
	ReadOnly bool
	// Readers is the most connections that read at once; 0 means 2.
	Readers int
	// VFS names the SQLite file layer; empty is the operating system's.
	// Power-cut tests put theirs here.
	VFS string
	// SyncDir makes a folder's names durable; nil means durable.SyncDir.
	// Power-cut tests listen here.
	SyncDir func(path string) error
}

// DB is an open database file, safe for any number of goroutines.
type DB struct {
	writer  *sql.DB // nil when read-only; never more than one connection
	reader  *sql.DB
	copying string                // DSN of a connection that reads and writes another file
	broken  atomic.Pointer[error] // set once, by the first fault that only opening again may cure
	closed  atomic.Bool
}

// Open opens the file, making it when it is missing, and refuses when any
// setting reads back other than it should.
func Open(cfg Config) (*DB, error) {
	if cfg.SyncDir == nil {
		cfg.SyncDir = durable.SyncDir
	}
	db, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.Path, err)
	}
	return db, nil
}

func open(cfg Config) (*DB, error) {
	db := &DB{reader: pool(cfg, true), copying: copyingDSN(cfg)}
	if !cfg.ReadOnly {
		if err := create(cfg); err != nil {
			return nil, err
		}
		db.writer = pool(cfg, false)
		if err := db.writer.Ping(); err != nil {
			return nil, db.abandon(err)
		}
		// The switch to WAL may have made and removed a rollback journal; were
		// the removal to come undone, that journal would undo later commits.
		if err := cfg.SyncDir(filepath.Dir(cfg.Path)); err != nil {
			return nil, db.abandon(err)
		}
	}
	if err := db.reader.Ping(); err != nil {
		return nil, db.abandon(err)
	}
	return db, nil
}

// abandon says once why a file does not open: closing it would say it again.
func (db *DB) abandon(why error) error {
	_ = db.Close()
	return why
}

// create makes a missing file and closes it again: only once its name is
// durable may anything be committed to it.
func create(cfg Config) error {
	if info, err := os.Stat(cfg.Path); err == nil && info.Size() > 0 {
		return nil
	}
	fresh := pool(cfg, false)
	if err := errors.Join(fresh.Ping(), fresh.Close()); err != nil {
		return err
	}
	return cfg.SyncDir(filepath.Dir(cfg.Path))
}

func pool(cfg Config, readOnly bool) *sql.DB {
	p := sql.OpenDB(connector{dsn: dsn(cfg, readOnly), want: wanted(readOnly)})
	n := 1
	if readOnly {
		if n = cfg.Readers; n <= 0 {
			n = defaultReaders
		}
	}
	p.SetMaxOpenConns(n)
	p.SetMaxIdleConns(n)
	return p
}

// Write runs f in one transaction and commits it durably. Any error of f, and
// any panic, rolls everything back. f must stop at the first error it meets:
// SQLite may have rolled back already, and a later statement would stand alone.
//
// A ctx that ends keeps Write from beginning, never from finishing: f must
// use the tx methods without a context.
func (db *DB) Write(ctx context.Context, f func(tx *sql.Tx) error) error {
	if err := db.writable(); err != nil {
		return err
	}
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer conn.Close()                                            // back to the pool: cannot fail
	if err := errors.Join(ctx.Err(), db.writable()); err != nil { // the wait may have been long
		return err
	}
	return db.judge(transact(context.WithoutCancel(ctx), conn, f))
}

func transact(ctx context.Context, conn *sql.Conn, f func(tx *sql.Tx) error) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Read is the pool for reading; it refuses every statement that writes. Close
// every sql.Rows soon: an open one keeps the write-ahead log growing.
func (db *DB) Read() *sql.DB { return db.reader }

// Checkpoint moves the write-ahead log into the database file and empties it,
// as far as readers let it.
func (db *DB) Checkpoint() error {
	if err := db.writable(); err != nil {
		return err
	}
	var busy, frames, moved int
	err := db.writer.QueryRow(pragmas["checkpoint"]).Scan(&busy, &frames, &moved)
	if err != nil {
		return db.judge(fmt.Errorf("checkpoint: %w", err))
	}
	return nil
}

// Check looks at the structure of every page. It notices a damaged tree, not
// a changed byte inside a value.
func (db *DB) Check() error {
	var found string
	if err := db.reader.QueryRow(pragmas["check"]).Scan(&found); err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("check database: %w: %s", errDamaged, found)
	}
	return nil
}

// Close empties the write-ahead log into the file and closes it. Closing twice
// does nothing more.
func (db *DB) Close() error {
	if db.closed.Swap(true) {
		return nil
	}
	err := db.reader.Close()
	if db.writer == nil {
		return err
	}
	if db.writable() == nil {
		err = errors.Join(err, db.Checkpoint())
	}
	return errors.Join(err, db.writer.Close())
}
