package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Shelved is what the ledger believes of one blob's bytes. Times are
// microseconds since 1970 UTC, 0 for not.
type Shelved struct {
	blob.Ref
	Stored   int64
	Archived int64
	Deleted  int64
	Lost     int64 // archived once, and found missing or damaged there
}

// ShelvedBlobs yields every blob once, deleted ones as well, in the order of
// their hashes: that of their keys in an archive.
func (l *Ledger) ShelvedBlobs(ctx context.Context) iter.Seq2[Shelved, error] {
	return func(yield func(Shelved, error) bool) {
		for after := []byte{}; ; {
			page, err := l.shelved(ctx, "blobs shelved", after)
			if err != nil {
				yield(Shelved{}, err)
				return
			}
			for _, b := range page {
				if after = b.Hash[:]; !yield(b, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// LostBlobs are those the archive lost that a device named and nobody brought
// back yet, at most a thousand.
func (l *Ledger) LostBlobs(ctx context.Context, device string) (refs []blob.Ref, err error) {
	lost, err := l.shelved(ctx, "blobs lost of device", device)
	for _, b := range lost {
		refs = append(refs, b.Ref)
	}
	return refs, err
}

func (l *Ledger) shelved(ctx context.Context, query string, args ...any) (all []Shelved, err error) {
	err = l.each(ctx, query, func(rows *sql.Rows) error {
		var b Shelved
		var hash []byte
		err := rows.Scan(&hash, &b.Size, &b.Stored, &b.Archived, &b.Deleted, &b.Lost)
		copy(b.Hash[:], hash)
		all = append(all, b)
		return err
	}, args...)
	return all, err
}

// BlobMissed records, and tells the hub's own log, that the archive has lost a
// blob that was read back from it once: its message is incomplete, and its
// kiosk is asked for it, until it is here again. It says whether that is news.
func (l *Ledger) BlobMissed(ctx context.Context, hash blob.Hash, at time.Time, why string) (news bool, err error) {
	err = l.write(ctx, func(w *work) error {
		var size int64
		err := w.row("blob missed", micros(at), hash[:]).Scan(&size)
		if isNoRows(err) {
			return nil // deleted, or known already
		}
		news = err == nil
		if err != nil {
			return err
		}
		return w.event(EventLost, "", wire.JournalID{}, 0, fmt.Sprintf("blob %s of %d bytes: %s", hash, size, why))
	})
	if err != nil {
		return false, fmt.Errorf("note that the archive lost blob %s: %w", hash, err)
	}
	return news, nil
}

// SafeJournal is one journal, or branch, of which something is safe.
type SafeJournal struct {
	Journal wire.JournalID
	Branch  int
	// Points are where its segments meet, the first where it begins, the last
	// where safe ends.
	Points []wire.Point

	row *journal
}

// SafeJournals yields them as they are now.
func (l *Ledger) SafeJournals(ctx context.Context) iter.Seq2[SafeJournal, error] {
	return func(yield func(SafeJournal, error) bool) {
		var all []*journal
		err := l.each(ctx, "journals with safe", func(rows *sql.Rows) error {
			j, err := scanJournal(rows.Scan)
			all = append(all, j)
			return err
		})
		if err != nil {
			yield(SafeJournal{}, err)
			return
		}
		for _, j := range all {
			s := SafeJournal{Journal: j.name, Branch: int(j.branch), Points: []wire.Point{j.base}, row: j}
			err := l.each(ctx, "ends of segments", func(rows *sql.Rows) error {
				var seq int64
				var chain []byte
				err := rows.Scan(&seq, &chain)
				if err != nil {
					return err
				}
				p, err := point(seq, chain)
				s.Points = append(s.Points, p)
				return err
			}, j.number, int64(j.safe.Seq))
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// SafeRun gives at most n segments of a journal from one of its points up to
// another, checked like those of UnarchivedSegments.
func (l *Ledger) SafeRun(ctx context.Context, s SafeJournal, from, until wire.Point, n int) (Run, error) {
	return l.run(ctx, s.row, from, until.Seq, n)
}
