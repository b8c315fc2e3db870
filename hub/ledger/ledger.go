// Package ledger is the hub's memory: the journals of all kiosks as the
// segments they signed, and what can be read from them.
//
// It promises that what Append reported as fitting is committed, each record
// once, in the order of its journal and with the chain unbroken; that a batch
// which does not fit leaves nothing behind; that every byte a kiosk signed can
// be verified again for ever; that answers and counts are what the segments
// say, each record counted once however many journals hold it, and can be made
// again from them; and that a record it cannot read is kept and stops nothing.
//
// It talks to no kiosk, verifies no signature on the way in (intake's courier
// did), signs nothing and keeps no blob.
package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

//go:embed schema/sqlite/*.sql schema/postgres/*.sql
var schema embed.FS

//go:embed queries.sql
var queriesText string

//go:embed messages.sql
var messagesText string

//go:embed queries_sqlite.sql
var queriesSQLite string

//go:embed queries_postgres.sql
var queriesPostgres string

// migrations is the table that records which files of schema were applied.
const migrations = "ledger_migrations"

// Config says where the ledger is kept.
type Config struct {
	// DB is open and outlives the Ledger. Required.
	DB *database.DB
	// Hub names this hub among those that share the database, each with blobs on
	// its own disk; empty: it is the only one, or a program that only looks.
	Hub string
	// Now is the hub's clock; nil means time.Now.
	Now func() time.Time
	// Logger is where forks, holes and quarantined records are told; nil means
	// slog.Default().
	Logger *slog.Logger
}

// Ledger is safe for any number of goroutines. On PostgreSQL several hubs may
// hold one.
type Ledger struct {
	db     *database.DB
	hub    string
	query  map[string]string
	now    func() time.Time
	logger *slog.Logger
	decode func([]byte) (wire.Record, error) // wire.DecodeRecord; tests make it forget a kind

	names *names // numbers given to names, as committed; own lock

	mu      sync.Mutex
	changed chan struct{} // guarded by mu; closed and replaced by every commit that appended
}

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	if cfg.DB == nil {
		return nil, errors.New("open ledger: Config.DB is not set")
	}
	l := &Ledger{db: cfg.DB, hub: cfg.Hub, now: cfg.Now, logger: cfg.Logger, decode: wire.DecodeRecord,
		names: newNames(), changed: make(chan struct{})}
	if l.now == nil {
		l.now = time.Now
	}
	if l.logger == nil {
		l.logger = slog.Default()
	}
	files, _ := fs.Sub(schema, "schema") // embedded: the folder is there
	if err := l.db.Migrate(ctx, migrations, files); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.query = l.db.Queries(queriesText+"\n"+messagesText+"\n"+claimsText+"\n"+sumsText, queriesSQLite, queriesPostgres)
	if err := l.beginSums(ctx); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

// Changed is closed by the next commit that appends. Take it first, look at the
// ledger, then wait. It hears this process only.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *Ledger) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Epoch is the hub's restore epoch: 1 at first, raised by every restore.
func (l *Ledger) Epoch(ctx context.Context) (uint64, error) {
	var epoch int64
	if err := l.db.Read().QueryRowContext(ctx, l.sql("epoch")).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("read epoch: %w", err)
	}
	return uint64(epoch), nil
}

// epochBegan is the detail of EventRestore; the audit reads it back.
const epochBegan = "epoch %d began"

// RaiseEpoch begins a new restore epoch and returns it. A restore does this
// before the hub speaks to any kiosk.
func (l *Ledger) RaiseEpoch(ctx context.Context) (uint64, error) {
	var epoch uint64
	err := l.write(ctx, func(w *work) error {
		if err := w.exec("raise epoch"); err != nil {
			return err
		}
		epoch = w.epoch + 1
		return w.event(EventRestore, "", wire.JournalID{}, 0, fmt.Sprintf(epochBegan, epoch))
	})
	if err != nil {
		return 0, fmt.Errorf("raise epoch: %w", err)
	}
	return epoch, nil
}

// sql is the text of a named query. A name that is not there is a mistake in
// this package.
func (l *Ledger) sql(name string) string {
	text, ok := l.query[name]
	if !ok {
		panic("ledger: no query is named " + name)
	}
	return text
}
