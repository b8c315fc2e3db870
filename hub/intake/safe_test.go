package intake

import (
	"testing"

	"nghe/shared/ident"
	"nghe/shared/wire"
)

func TestKioskHearsThatSafeMoved(t *testing.T) {
	w := newWorld(t)
	k, away := w.kiosk(), w.kiosk()
	k.open()
	k.delivered(5)
	if moved, err := w.ledger.SegmentArchived(t.Context(), k.journal, k.base, k.head); err != nil || !moved {
		t.Fatalf("SegmentArchived = %v, %v", moved, err)
	}
	for _, told := range []struct {
		device  string
		journal wire.JournalID
	}{{k.id.Device, wire.JournalID{1}}, {away.id.Device, away.journal}, {k.id.Device, k.journal}} {
		if err := w.intake.SafeMoved(t.Context(), told.device, told.journal); err != nil {
			t.Errorf("SafeMoved = %v", err)
		}
	}
	ack, ok := k.hear().(wire.Ack)
	if !ok || ack.Journal != k.journal || ack.Safe != k.head || ack.Received != k.head {
		t.Errorf("heard %+v, want that all is safe", ack)
	}
	if !ident.Verify(w.authority.CustodyKey(), wire.CustodyStatement(ack.Epoch, k.journal, ack.Received, ack.Safe), ack.Signature) {
		t.Error("the hub's word is not signed")
	}
}
