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

// atOnce bounds how many blobs one look takes.
const atOnce = 64

// AnyUnshelved says whether Shelve would find something.
func (l *Letters) AnyUnshelved(ctx context.Context) (bool, error) {
	some, err := l.cfg.Ledger.UnarchivedBlobs(ctx, 1)
	return len(some) > 0, err
}

// Shelve brings what waits in the spool to the archive: put, read back,
// recorded, told, and only then removed from the spool. One bad blob keeps no
// other waiting; an archive that does not answer ends it. The archive must be
// off the hub's disk: kiosks delete what it says is there.
func (l *Letters) Shelve(ctx context.Context, now func() time.Time, told func(device string, ref blob.Ref)) error {
	for {
		some, err := l.cfg.Ledger.UnarchivedBlobs(ctx, atOnce)
		if err != nil {
			return fmt.Errorf("archive blobs: %w", err)
		}
		var bad error
		for _, b := range some {
			err := l.shelve(ctx, b, now())
			if err == nil && told != nil {
				told(b.Device, b.Ref)
			}
			if errors.Is(err, errLeft) {
				bad, err = err, nil
			}
			if err != nil {
				return fmt.Errorf("archive blob %s: %w", b.Hash, err)
			}
		}
		if bad != nil || len(some) < atOnce {
			return bad
		}
	}
}

// errLeft says that one blob could not be brought to the archive, for a reason
// of its own.
var errLeft = errors.New("left behind")

func (l *Letters) shelve(ctx context.Context, b ledger.Blob, now time.Time) error {
	if err := l.put(ctx, b); err != nil {
		return err
	}
	err := l.cfg.Ledger.BlobArchived(ctx, b.Hash, now)
	if errors.Is(err, ledger.ErrDeleted) { // while it was on its way
		err = l.cfg.Store.Delete(ctx, archive.BlobKey(b.Hash))
	}
	if err != nil {
		return err
	}
	if l.cfg.Spool == nil {
		return nil
	}
	return l.cfg.Spool.Remove(b.Ref)
}

func (l *Letters) put(ctx context.Context, b ledger.Blob) error {
	key := archive.BlobKey(b.Hash)
	body, err := l.spool(b.Ref)
	if errors.Is(err, archive.ErrNotFound) {
		return l.absent(ctx, b, key)
	}
	if err != nil {
		return fmt.Errorf("%w: blob %s: %w", errLeft, b.Hash, err)
	}
	defer body.Close() // read only
	err = archive.Verified(l.cfg.Store).Put(ctx, key, b.Ref, body)
	if errors.Is(err, archive.ErrExists) || errors.Is(err, blob.ErrDamaged) {
		err = archive.Replace(ctx, l.cfg.Store, key, b.Ref, body)
	}
	return err
}

// absent settles a blob that should be in the spool and is not: a crash after
// it was archived, or a lost disk.
func (l *Letters) absent(ctx context.Context, b ledger.Blob, key string) error {
	err := archive.Check(ctx, l.cfg.Store, key, b.Ref)
	if err == nil || !errors.Is(err, archive.ErrNotFound) && !errors.Is(err, blob.ErrDamaged) {
		return err
	}
	if err := tolerate(l.cfg.Ledger.BlobLost(ctx, b.Hash)); err != nil {
		return err
	}
	return fmt.Errorf("%w: blob %s is neither here nor in the archive: its kiosk is asked again", errLeft, b.Hash)
}
