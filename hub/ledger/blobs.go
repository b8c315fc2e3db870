package ledger

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"nghe/hub/database"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Blob finds a blob by its hash, or says ErrNoBlob: then no record held here
// names it, and nobody should take its bytes.
func (l *Ledger) Blob(ctx context.Context, hash blob.Hash) (Blob, error) {
	found, err := l.blobs(ctx, "blob", hash[:])
	if err != nil {
		return Blob{}, err
	}
	if len(found) == 0 {
		return Blob{}, fmt.Errorf("blob %s: %w", hash, ErrNoBlob)
	}
	return found[0], nil
}

// UnarchivedBlobs are the first n that are whole on this hub's disk and not yet
// off it, the one that has waited longest first.
func (l *Ledger) UnarchivedBlobs(ctx context.Context, n int) ([]Blob, error) {
	return l.blobs(ctx, "blobs unarchived", l.hub, n)
}

// Blobs yields every blob that was not deleted and whose record arrived before
// a moment; zero means all. A blob that two records name comes twice. It reads
// in pages: blobs may be changed meanwhile.
func (l *Ledger) Blobs(ctx context.Context, before time.Time) iter.Seq2[Blob, error] {
	until := int64(math.MaxInt64)
	if !before.IsZero() {
		until = micros(before)
	}
	return func(yield func(Blob, error) bool) {
		for number, position := int64(-1), int64(0); ; {
			page, err := l.blobs(ctx, "blobs after", number, position, until)
			if err != nil {
				yield(Blob{}, err)
				return
			}
			for _, b := range page {
				if number, position = b.number, b.position; !yield(b, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// StoredBlobs yields the blobs that are here and became so at a moment or
// later, in that order. A blob that two records name comes twice.
func (l *Ledger) StoredBlobs(ctx context.Context, from time.Time) iter.Seq2[Blob, error] {
	return func(yield func(Blob, error) bool) {
		for at, hash := max(0, micros(from)), []byte{}; ; {
			page, err := l.blobs(ctx, "blobs stored", at, hash)
			if err != nil {
				yield(Blob{}, err)
				return
			}
			for _, b := range page {
				if at, hash = b.Stored, b.Hash[:]; !yield(b, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// BlobStored records that a blob is whole and verified on this hub's disk. Of
// several hubs that hold it, the last to say so answers for it.
// ErrDeleted says that it must not be kept, ErrNoBlob that nobody named it.
func (l *Ledger) BlobStored(ctx context.Context, hash blob.Hash, at time.Time) error {
	return l.mark(ctx, "blob stored", hash, micros(at), l.hub, hash[:])
}

// BlobArchived records that a blob was read back from storage off the hub's
// disk. Errors are those of BlobStored.
func (l *Ledger) BlobArchived(ctx context.Context, hash blob.Hash, at time.Time) error {
	return l.mark(ctx, "blob archived", hash, micros(at), hash[:])
}

// BlobLost records that a blob's bytes are neither here nor archived any more:
// its kiosk is asked for them again. What stands on another hub's disk is only
// for that hub to miss.
func (l *Ledger) BlobLost(ctx context.Context, hash blob.Hash) error {
	return l.mark(ctx, "blob lost", hash, hash[:], l.hub)
}

// BlobRefused tells the hub's own log that a device's copy of a blob will not be
// taken any more: until another brings a good one, its message stays
// incomplete.
func (l *Ledger) BlobRefused(ctx context.Context, device string, hash blob.Hash, why string) error {
	err := l.write(ctx, func(w *work) error {
		return w.event(EventBlob, device, wire.JournalID{}, 0, fmt.Sprintf("blob %s refused: %s", hash, why))
	})
	if err != nil {
		return fmt.Errorf("note that blob %s was refused: %w", hash, err)
	}
	return nil
}

// BlobDeleted records that a blob was deleted. It never comes back: nobody may
// store it again.
func (l *Ledger) BlobDeleted(ctx context.Context, hash blob.Hash, at time.Time) error {
	return l.mark(ctx, "blob deleted", hash, micros(at), hash[:])
}

// mark changes the row of a blob. A row that is as it should be stays so.
func (l *Ledger) mark(ctx context.Context, what string, hash blob.Hash, args ...any) error {
	err := l.db.Write(ctx, func(tx *database.Tx) error {
		if n, err := tx.Exec(ctx, l.sql(what), args...); err != nil || n > 0 {
			return err
		}
		var deleted int64
		switch err := tx.QueryRowContext(ctx, l.sql("blob known"), hash[:]).Scan(&deleted); {
		case isNoRows(err):
			return ErrNoBlob
		case err != nil:
			return err
		case deleted > 0 && what != "blob deleted":
			return ErrDeleted
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: blob %s: %w", what, hash, err)
	}
	l.announce()
	return nil
}

// BlobTotals say how many blobs are where.
type BlobTotals struct {
	Named         int // by records
	Deleted       int
	Archived      int // off the hub's disk
	ArchivedBytes uint64
	Waiting       int // here, and not yet archived
	WaitingBytes  uint64
	WaitingSince  int64 // the oldest of those came; 0 for none
	Missing       int   // named, and still to come from their kiosks
	MissingSince  int64 // the oldest of those was named
	Lost          int   // of the missing, those that were in the archive once
	LostSince     int64 // the first of those was found to be gone
}

// BlobTotals counts every blob once.
func (l *Ledger) BlobTotals(ctx context.Context) (BlobTotals, error) {
	var t BlobTotals
	err := l.db.Read().QueryRowContext(ctx, l.sql("blob totals")).Scan(&t.Named, &t.Deleted, &t.Archived, &t.ArchivedBytes,
		&t.Waiting, &t.WaitingBytes, &t.WaitingSince, &t.Missing, &t.MissingSince, &t.Lost, &t.LostSince)
	if err != nil {
		return BlobTotals{}, fmt.Errorf("count blobs: %w", err)
	}
	return t, nil
}
