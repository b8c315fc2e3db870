// Package database is the hub's one door to its store: SQLite in a file, or
// PostgreSQL by URL, the same code above either.
//
// It promises that what Write returned nil for is on disk, whole; that a
// transaction PostgreSQL gave up for another's sake is run again; that no
// caller's cancelled context splits a SQLite transaction; and that each owning
// package's tables are brought up to date by its own list of migrations.
//
// It owns no table, knows no query and hides no SQL: callers bring both.
package database

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"nghe/shared/sqlite"
)

// Engine names what stores the hub's data.
type Engine string

const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// postgresConns bounds one hub process's share of the server's connections
// (Debian's default is 100).
const postgresConns = 16

// DB is an open store. Close ends it.
type DB struct {
	engine   Engine
	lite     *sqlite.DB // SQLite only
	server   *sql.DB    // PostgreSQL only
	cfg      *pgx.ConnConfig
	expanded sync.Map // query and row count → SQLite statement, see Many
}

// Open opens "sqlite:/path/hub.db" (made when missing) or "postgres://…".
func Open(ctx context.Context, location string) (*DB, error) {
	switch scheme, rest, _ := strings.Cut(location, ":"); scheme {
	case "sqlite":
		return openSQLite(rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, location)
	}
	return nil, errors.New("open database: give sqlite:/path/to/hub.db or postgres://user@host/name")
}

func openSQLite(rest string) (*DB, error) {
	path, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return nil, fmt.Errorf("open database: %q is no path; give sqlite:/path/to/hub.db", rest)
	}
	for key := range values {
		if key != "vfs" {
			return nil, fmt.Errorf("open database: key %q is not known; sqlite takes vfs only", key)
		}
	}
	lite, err := sqlite.Open(sqlite.Config{Path: path, VFS: values.Get("vfs")})
	if err != nil {
		return nil, err // it names the file
	}
	if err := widen(lite); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), lite.Close())
	}
	return &DB{engine: SQLite, lite: lite}, nil
}

//go:embed settings.sql
var settings string

// widen gives the writer its cache. It is for speed alone, so a connection
// that is made again later may go without.
func widen(lite *sqlite.DB) error {
	return lite.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(sqlite.Queries(settings)["cache"])
		return err
	})
}

// openPostgres never shows the URL in an error: it may hold a password.
func openPostgres(ctx context.Context, location string) (*DB, error) {
	cfg, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, errors.New("open database: PostgreSQL URL does not parse; give postgres://user@host/name")
	}
	cfg.RuntimeParams["synchronous_commit"] = "on" // an ack follows the commit: it must be on disk
	cfg.RuntimeParams["timezone"] = "UTC"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "nghe-hub"
	}
	return connect(ctx, cfg)
}

func connect(ctx context.Context, cfg *pgx.ConnConfig) (*DB, error) {
	server := stdlib.OpenDB(*cfg)
	server.SetMaxOpenConns(postgresConns)
	server.SetMaxIdleConns(postgresConns)
	if err := server.PingContext(ctx); err != nil {
		server.Close()
		return nil, fmt.Errorf("open database: reach PostgreSQL at %s: %w", cfg.Host, err)
	}
	return &DB{engine: Postgres, server: server, cfg: cfg}, nil
}

// scratch is the schema that Scratch makes, as dump.sql names it.
const scratch = "nghe_scratch"

// Scratch is an empty database beside this one, to load a dump into; done takes
// it away. What an earlier process left there goes first. It is for PostgreSQL,
// and its user must be allowed to make a schema.
func (db *DB) Scratch(ctx context.Context) (empty *DB, done func() error, err error) {
	if db.engine != Postgres {
		return nil, nil, errors.New("make a scratch schema: this is for PostgreSQL")
	}
	queries := sqlite.Queries(dumpSQL)
	for _, name := range []string{"no scratch", "scratch"} {
		if _, err := db.server.ExecContext(ctx, queries[name]); err != nil {
			return nil, nil, fmt.Errorf("make a scratch schema: %w", err)
		}
	}
	drop := func() error {
		_, err := db.server.ExecContext(context.WithoutCancel(ctx), queries["no scratch"])
		return err
	}
	cfg := db.cfg.Copy()
	cfg.RuntimeParams["search_path"] = scratch
	if empty, err = connect(ctx, cfg); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return empty, func() error { return errors.Join(empty.Close(), drop()) }, nil
}

// Engine says which store this is.
func (db *DB) Engine() Engine { return db.engine }

// Close ends every connection. On SQLite it folds the log into the file first.
func (db *DB) Close() error {
	if db.engine == SQLite {
		return db.lite.Close()
	}
	return db.server.Close()
}

// IsDamaged reports whether err means that the SQLite file is damaged.
func IsDamaged(err error) bool { return sqlite.IsCorrupt(err) }

// Queryer reads. *sql.DB and *sql.Tx are Queryers.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Read gives readers that never wait for a writer.
func (db *DB) Read() Queryer {
	if db.engine == SQLite {
		return db.lite.Read()
	}
	return db.server
}

// Snapshot runs read in a transaction that sees the store at one moment and
// changes nothing.
func (db *DB) Snapshot(ctx context.Context, read func(q Queryer) error) error {
	pool, options := db.server, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if db.engine == SQLite {
		pool, options = db.lite.Read(), nil // its connections are query_only, a read sees one moment
	}
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin snapshot: %w", err)
	}
	defer tx.Rollback()
	return read(tx)
}

// Queries reads "-- name: …" sections. Those in the engine's own text take the
// place of the common ones.
func (db *DB) Queries(common, sqliteOnly, postgresOnly string) map[string]string {
	queries := sqlite.Queries(common)
	own := sqliteOnly
	if db.engine == Postgres {
		own = postgresOnly
	}
	for name, text := range sqlite.Queries(own) {
		queries[name] = text
	}
	return queries
}
