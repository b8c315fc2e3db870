package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"nghe/shared/durable"
)

// CopyTo writes the database as it is at one moment to a new file, which it
// syncs. Writers go on meanwhile. The copy has no free pages and no log: it
// stands alone.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	if err := db.copyTo(ctx, path); err != nil {
		return fmt.Errorf("copy database to %s: %w", path, err)
	}
	return nil
}

func (db *DB) copyTo(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist // VACUUM INTO takes an empty file for none
	}
	// Neither pool will do: query_only refuses the new file as well, and the
	// writer is not to be held up.
	own := sql.OpenDB(connector{dsn: db.copying, want: map[string]string{"trusted_schema": "0"}})
	_, err := own.ExecContext(ctx, pragmas["copy"], path)
	if err := errors.Join(err, own.Close()); err != nil {
		_ = os.Remove(path) // the first error is the one to tell
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
