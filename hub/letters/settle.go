package letters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
)

// Settled says what Settle found.
type Settled struct {
	Found int // in the archive, where the ledger knew nothing of it
	Lost  int // nowhere, where the ledger took it for here: kiosks are asked again
}

// Settle compares what the ledger says of every blob that it does not know to
// be archived with where the bytes are. A restore needs it, since its copy is
// older than the archive and its spool is empty; at any other time it finds
// nothing.
func (l *Letters) Settle(ctx context.Context, now time.Time) (Settled, error) {
	var s Settled
	for b, err := range l.cfg.Ledger.Blobs(ctx, time.Time{}) {
		if err != nil {
			return s, fmt.Errorf("settle blobs: %w", err)
		}
		if b.Archived > 0 {
			continue
		}
		if err := l.settle(ctx, b, now, &s); err != nil {
			return s, fmt.Errorf("settle blob %s: %w", b.Hash, err)
		}
	}
	return s, nil
}

func (l *Letters) settle(ctx context.Context, b ledger.Blob, now time.Time, s *Settled) error {
	there, err := l.archived(ctx, b.Ref)
	if err != nil {
		return err
	}
	if there {
		s.Found++
		return tolerate(l.cfg.Ledger.BlobArchived(ctx, b.Hash, now))
	}
	if b.Stored == 0 || l.spooled(b.Ref) {
		return nil
	}
	s.Lost++
	return tolerate(l.cfg.Ledger.BlobLost(ctx, b.Hash))
}

// tolerate takes a blob that was deleted meanwhile for settled.
func tolerate(err error) error {
	if errors.Is(err, ledger.ErrDeleted) {
		return nil
	}
	return err
}

func (l *Letters) archived(ctx context.Context, ref blob.Ref) (bool, error) {
	if l.cfg.Store == nil {
		return false, nil
	}
	err := archive.Check(ctx, l.cfg.Store, archive.BlobKey(ref.Hash), ref)
	if errors.Is(err, archive.ErrNotFound) || errors.Is(err, blob.ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

func (l *Letters) spooled(ref blob.Ref) bool {
	body, err := l.spool(ref)
	if err != nil {
		return false
	}
	body.Close()
	return true
}
