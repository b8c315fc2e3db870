package intake

import (
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// A kiosk that is here is asked at once for what the archive lost, another when
// it connects; it brings the blob again, and is asked no more.
func TestAskedForWhatTheArchiveLost(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(10)
	k.bring(b, blob.ChunkSize)
	ref := blob.Of(b)
	lose := func() {
		t.Helper()
		if err := w.ledger.BlobArchived(t.Context(), ref.Hash, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ref); err != nil {
			t.Fatal(err)
		}
		if news, err := w.ledger.BlobMissed(t.Context(), ref.Hash, time.Now(), "gone"); err != nil || !news {
			t.Fatalf("BlobMissed = %v, %v", news, err)
		}
	}
	asked := func(k *kiosk) {
		t.Helper()
		if a, _ := k.hear().(wire.ChunkAck); a != (wire.ChunkAck{Hash: ref.Hash, State: wire.BlobWanted}) {
			t.Errorf("asked with %+v", a)
		}
		a, _ := k.bring(b, blob.ChunkSize)
		wantState(t, "brought again", a, wire.BlobStored)
	}
	lose()
	w.intake.BlobLost("nobody", ref)
	w.intake.BlobLost(k.id.Device, ref)
	asked(k)
	lose()
	later := k.again()
	later.open()
	asked(later)
	last := later.again()
	last.open()
	last.quiet()
}
