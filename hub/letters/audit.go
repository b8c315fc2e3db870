package letters

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
)

// RereadDays is within how many days of the hub's work every object of the
// archive is read again and hashed.
const RereadDays = 28

// fresh is how long what was archived is read again each day: as long as its
// kiosk may still have it.
const fresh = 7 * 24 * time.Hour

// Turn says which objects' turn it is to be read again, by the first bytes of
// their hash: those of every day since the last audit.
func Turn(last, now time.Time) func(hash []byte) bool {
	day := func(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
	days := min(max(day(now)-day(last), 1), RereadDays) // a clock set back, or never: one
	return func(hash []byte) bool {
		behind := (day(now) - int64(binary.BigEndian.Uint16(hash))) % RereadDays
		return (behind+RereadDays)%RereadDays < days
	}
}

// Fault is one way in which the archive differs from what the ledger says.
type Fault string

const (
	Missing Fault = "is missing in the archive"
	Damaged Fault = "is damaged in the archive"
	Unsaid  Fault = "is in the archive, and the ledger does not say so"
	Undead  Fault = "is in the archive, and was deleted"
)

// Compare lists the archive's blobs, holds the list against the ledger, and
// hashes again those that reread names. It tells every difference and changes
// nothing. Its error means that it could not look.
func (l *Letters) Compare(ctx context.Context, reread func(ledger.Shelved) bool, tell func(ledger.Shelved, Fault) error) error {
	next, stop := iter.Pull2(l.cfg.Ledger.ShelvedBlobs(ctx))
	defer stop()
	c := comparing{ctx: ctx, store: l.cfg.Store, reread: reread, tell: tell}
	b, err, more := next()
	upTo := func(key string) error { // both are in the order of keys
		for ; more && err == nil && (key == "" || archive.BlobKey(b.Hash) <= key); b, err, more = next() {
			if err := c.one(b, archive.BlobKey(b.Hash) == key); err != nil {
				return err
			}
		}
		return err
	}
	if err := l.cfg.Store.List(ctx, archive.BlobKey(blob.Hash{})[:len("blobs/")], upTo); err != nil {
		return fmt.Errorf("compare the archive: %w", err)
	}
	if err := upTo(""); err != nil {
		return fmt.Errorf("compare the archive: %w", err)
	}
	return nil
}

type comparing struct {
	ctx    context.Context
	store  archive.Store
	reread func(ledger.Shelved) bool
	tell   func(ledger.Shelved, Fault) error
}

// one never believes a list alone: what is put or deleted meanwhile may be in it
// or not.
func (c *comparing) one(b ledger.Shelved, listed bool) error {
	switch {
	case b.Deleted > 0 && listed:
		return c.tell(b, Undead)
	case b.Deleted > 0, b.Archived == 0 && !listed, b.Archived > 0 && listed && !c.reread(b):
		return nil
	}
	err := archive.Check(c.ctx, c.store, archive.BlobKey(b.Hash), b.Ref)
	switch {
	case err == nil && b.Archived == 0:
		return c.tell(b, Unsaid)
	case b.Archived == 0 && bad(err):
		return nil // it never counted
	case errors.Is(err, archive.ErrNotFound):
		return c.tell(b, Missing)
	case errors.Is(err, blob.ErrDamaged):
		return c.tell(b, Damaged)
	}
	return err
}

func bad(err error) bool {
	return errors.Is(err, archive.ErrNotFound) || errors.Is(err, blob.ErrDamaged)
}

// Audited says what Audit did.
type Audited struct {
	Reread int // and hashed
	Mended int // put again from the spool
	Lost   int // asked for again
	Found  int // in the archive, where the ledger knew nothing of it
}

// Audit compares the archive with the ledger, and mends what it can. Of what
// was archived, all is listed; those whose turn it is, and all of the last days,
// are read again. What is missing or damaged is put again from the spool, or its
// message is incomplete and its kiosk asked for it.
func (l *Letters) Audit(ctx context.Context, last, now time.Time) (a Audited, err error) {
	turn := Turn(last, now)
	reread := func(b ledger.Shelved) bool {
		is := turn(b.Hash[:]) || now.Sub(time.UnixMicro(b.Archived)).Abs() < fresh
		if is {
			a.Reread++
		}
		return is
	}
	err = l.Compare(ctx, reread, func(b ledger.Shelved, f Fault) error { return l.mend(ctx, b, f, now, &a) })
	return a, err
}

func (l *Letters) mend(ctx context.Context, b ledger.Shelved, f Fault, now time.Time, a *Audited) error {
	switch f {
	case Undead: // somebody put back an older state of the archive
		return l.cfg.Store.Delete(ctx, archive.BlobKey(b.Hash))
	case Unsaid:
		a.Found++
		return tolerate(l.cfg.Ledger.BlobArchived(ctx, b.Hash, now))
	}
	body, err := l.spool(b.Ref)
	if err != nil {
		a.Lost++
		return l.missed(ctx, b.Hash, now, string(f))
	}
	defer body.Close() // read only
	a.Mended++
	return archive.Replace(ctx, l.cfg.Store, archive.BlobKey(b.Hash), b.Ref, body)
}

// missed notes that the archive has lost a blob, and has its kiosk asked.
func (l *Letters) missed(ctx context.Context, hash blob.Hash, now time.Time, why string) error {
	news, err := l.cfg.Ledger.BlobMissed(ctx, hash, now, why)
	if err != nil || !news || l.cfg.Ask == nil {
		return err
	}
	b, err := l.cfg.Ledger.Blob(ctx, hash)
	if err == nil {
		l.cfg.Ask(b.Device, b.Ref)
	}
	return err
}

// doubt looks again at a blob that could not be had from the archive, and notes
// it when it is not there, or not what it was: then its error is ErrNotHere, and
// nil otherwise.
func (l *Letters) doubt(ctx context.Context, b ledger.Blob) error {
	if b.Archived == 0 || l.cfg.Store == nil {
		return nil
	}
	err := archive.Check(ctx, l.cfg.Store, archive.BlobKey(b.Hash), b.Ref)
	if !bad(err) {
		return nil
	}
	why := Missing
	if errors.Is(err, blob.ErrDamaged) {
		why = Damaged
	}
	return fmt.Errorf("%w: it %s, its kiosk is asked again: %w", ErrNotHere, why, cmp.Or(l.missed(ctx, b.Hash, l.cfg.Now(), string(why)), err))
}
