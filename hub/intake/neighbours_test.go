package intake

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// A blob that another hub has need not come here as well, as long as that hub
// lives; then it begins here, at the first byte.
func TestBlobOnANeighboursDisk(t *testing.T) {
	var s *spool
	var alive atomic.Bool
	w := newWorld(t, withSpool(t, &s, nil), func(cfg *Config) {
		cfg.Elsewhere = func(_ context.Context, holder string) (bool, error) { return holder == "other" && alive.Load(), nil }
	})
	other, err := ledger.Open(t.Context(), ledger.Config{DB: w.db, Hub: "other"})
	if err != nil {
		t.Fatal(err)
	}
	k := w.kiosk()
	k.open()
	b := k.sealed(100_000)
	if err := other.BlobStored(t.Context(), blob.Of(b).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	alive.Store(true)
	wantState(t, "while the other hub lives", k.ask(b, 0, nil), wire.BlobStored)
	alive.Store(false)
	a := k.ask(b, 0, nil)
	wantState(t, "while it is away", a, wire.BlobPartial)
	if a.Offset != 0 {
		t.Errorf("goes on at %d, want 0", a.Offset)
	}
	if a, sent := k.bring(b, blob.ChunkSize); a.State != wire.BlobStored || sent != len(b) {
		t.Errorf("brought %d bytes: %+v", sent, a)
	}
	alive.Store(true)
	wantState(t, "held here now", k.ask(b, 0, nil), wire.BlobStored)
	if some, err := other.UnarchivedBlobs(t.Context(), 1); err != nil || len(some) != 0 {
		t.Errorf("the other hub still answers for it: %v, %v", some, err)
	}
}
