package letters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/hub/ledger"
	"nghe/shared/blob"
)

// Settled says what Settle found.
type Settled struct {
	Found int // in the archive, where the ledger knew nothing of it
	Lost  int // nowhere, where the ledger took it for here: kiosks are asked again
}

// Settle compares what the ledger says of every blob with where the bytes are.
// A restore needs it: its copy is older than the archive, its spool is empty,
// and the archive may have suffered too. What the ledger knew to be archived is
// looked for, and read again by later audits; what it did not is read at once.
func (l *Letters) Settle(ctx context.Context, now time.Time) (Settled, error) {
	var a Audited
	err := l.Compare(ctx, func(ledger.Shelved) bool { return false },
		func(b ledger.Shelved, f Fault) error { return l.mend(ctx, b, f, now, &a) })
	s := Settled{Found: a.Found, Lost: a.Lost}
	if err != nil {
		return s, fmt.Errorf("settle blobs: %w", err)
	}
	for b, err := range l.cfg.Ledger.ShelvedBlobs(ctx) {
		if err != nil {
			return s, fmt.Errorf("settle blobs: %w", err)
		}
		if b.Stored == 0 || b.Archived > 0 || b.Deleted > 0 || l.spooled(b.Ref) {
			continue
		}
		s.Lost++
		if err := tolerate(l.cfg.Ledger.BlobLost(ctx, b.Hash)); err != nil {
			return s, fmt.Errorf("settle blob %s: %w", b.Hash, err)
		}
	}
	return s, nil
}

// tolerate takes a blob that was deleted meanwhile for settled.
func tolerate(err error) error {
	if errors.Is(err, ledger.ErrDeleted) {
		return nil
	}
	return err
}

func (l *Letters) spooled(ref blob.Ref) bool {
	body, err := l.spool(ref)
	if err != nil {
		return false
	}
	body.Close()
	return true
}
