package backup

import (
	"context"
	"errors"
	"testing"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
)

// A dump of PostgreSQL is opened before it counts as a copy, and leaves nothing
// on the server.
func TestDumpIsOpened(t *testing.T) {
	w := newWorld(t, func() string { return pgtest.URL(t) })
	k := w.admit("qt-01")
	k.tap(3)
	k.deliver(w.hub, 0, 4)
	opened, broken := 0, errors.New("tables are missing")
	var fails error
	w.backup.cfg.Migrate = func(ctx context.Context, db *database.DB) error {
		opened++
		return errors.Join(migrate(ctx, db, w.authority), fails)
	}
	_, err := w.backup.Copy(t.Context())
	must(t, err)
	fails = broken
	if _, err := w.backup.Copy(t.Context()); !errors.Is(err, broken) || opened != 2 {
		t.Errorf("a dump that does not open was copied: %v; opened %d times, want 2", err, opened)
	}
	if keys := w.keys("backups/"); len(keys) != 1 {
		t.Errorf("copies: %q", keys)
	}
	var left int
	must(t, w.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'nghe_scratch'").Scan(&left))
	if left != 0 {
		t.Error("the scratch schema is left on the server")
	}
}
