package database

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings one package's tables up to date: the goose files in the
// folder of files that is named as the engine, recorded in table. Files are
// append-only. Several hubs on one PostgreSQL take turns.
func (db *DB) Migrate(ctx context.Context, table string, files fs.FS) error {
	own, err := fs.Sub(files, string(db.engine))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	if db.engine == SQLite {
		return db.lite.Migrate(own, table)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.server, own,
		goose.WithTableName(table), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	return nil
}
