package deletion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// settled is when nothing that was on its way into spool or archive as a blob
// was deleted can still be.
const settled = 30 * time.Minute

// Wanted says whether Work would find something; it is cheap.
func (d *Deletions) Wanted(ctx context.Context) (bool, error) {
	for _, q := range []struct {
		name string
		args []any
	}{{"any undone", nil}, {"any unchecked", []any{d.now() - settled.Microseconds()}}} {
		var n int
		if err := d.cfg.DB.Read().QueryRowContext(ctx, d.sql[q.name], q.args...).Scan(&n); err != nil {
			return false, fmt.Errorf("look for deletions: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Work does what is still to be done of every order. An order that fails keeps
// no other waiting.
func (d *Deletions) Work(ctx context.Context) error {
	return errors.Join(d.all(ctx, "undone"), d.check(ctx))
}

// Late takes away what came after its deletion was ordered: messages under a
// deleted receipt, and records that name a deleted blob. It looks at every
// deleted receipt, so once in some minutes is often enough.
func (d *Deletions) Late(ctx context.Context) error {
	return errors.Join(d.all(ctx, "receipts"), d.unnamed(ctx))
}

func (d *Deletions) all(ctx context.Context, query string) error {
	var errs []error
	for after := int64(0); ; {
		page, err := d.read(ctx, query, after)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, is := range page {
			after = is.Number
			if err := d.carryOut(ctx, is); err != nil {
				errs = append(errs, fmt.Errorf("deletion %d: %w", is.Number, err))
			}
		}
		if len(page) == 0 || ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
}

// carryOut does one order as far as it can be done here. First of all it
// closes what is meant to every reader.
func (d *Deletions) carryOut(ctx context.Context, is Deletion) error {
	if err := d.close(ctx, is); err != nil {
		return err
	}
	if is.Kind == wire.DeletedReceipt && d.cfg.Forget != nil {
		if err := d.cfg.Forget(ctx, [16]byte(is.Name)); err != nil {
			return fmt.Errorf("forget the case: %w", err)
		}
	}
	if !d.cfg.Executes {
		return nil
	}
	if d.cfg.Begun != nil && is.Done.IsZero() {
		d.cfg.Begun()
	}
	errs := []error{d.mark(ctx, is)} // the hub's own disk need not wait for the archive
	blobs, err := d.blobs(ctx, "blobs of", is.Number)
	if err != nil {
		return err
	}
	for _, g := range blobs {
		if g.At.IsZero() {
			errs = append(errs, d.takeAway(ctx, g))
		}
	}
	if err := errors.Join(errs...); err != nil || !is.Done.IsZero() {
		return err
	}
	return d.exec(ctx, "done", d.now(), is.Number)
}

// close lists the blobs an order means and marks them in the ledger.
func (d *Deletions) close(ctx context.Context, is Deletion) error {
	means, err := d.meant(ctx, is)
	if err != nil {
		return err
	}
	for _, b := range means {
		record := b.Record[:]
		if b.Size == 0 {
			record = []byte{}
		}
		if err := d.exec(ctx, "put blob", b.Hash[:], is.Number, int64(b.Size), int64(b.Kind), record); err != nil {
			return err
		}
		err := d.cfg.Ledger.BlobDeleted(ctx, b.Hash, is.At)
		if err != nil && !errors.Is(err, ledger.ErrNoBlob) {
			return err
		}
	}
	return nil
}

// meant are the blobs of an order that are known now and not listed under it.
func (d *Deletions) meant(ctx context.Context, is Deletion) ([]ledger.Blob, error) {
	if is.Kind == wire.DeletedBlob {
		if len(is.Name) != len(blob.Hash{}) {
			return nil, fmt.Errorf("name of %d bytes is no hash", len(is.Name))
		}
		b, err := d.cfg.Ledger.Blob(ctx, blob.Hash(is.Name))
		if errors.Is(err, ledger.ErrNoBlob) {
			b, err = ledger.Blob{Ref: blob.Ref{Hash: blob.Hash(is.Name)}}, nil
		}
		return []ledger.Blob{b}, err
	}
	if len(is.Name) != 16 {
		return nil, fmt.Errorf("name of %d bytes is no receipt's tag", len(is.Name))
	}
	messages, err := d.cfg.Ledger.MessagesOf(ctx, is.Name)
	if err != nil {
		return nil, err
	}
	listed := map[blob.Hash]bool{}
	for _, g := range is.Blobs {
		listed[g.Hash] = !g.At.IsZero()
	}
	var all []ledger.Blob
	for _, m := range messages {
		for _, b := range m.Blobs {
			if !listed[b.Hash] || b.Deleted == 0 {
				all = append(all, b)
			}
		}
	}
	return all, nil
}

// takeAway removes a blob and notes that it is gone.
func (d *Deletions) takeAway(ctx context.Context, g Gone) error {
	if err := d.remove(ctx, g); err != nil {
		return err
	}
	return d.exec(ctx, "gone", d.now(), g.deletion, g.Hash[:])
}

// remove takes a blob out of spool and archive, and looks whether it is gone.
func (d *Deletions) remove(ctx context.Context, g Gone) error {
	if d.cfg.Spool != nil && g.Size > 0 {
		if err := d.cfg.Spool.Remove(blob.Ref{Hash: g.Hash, Size: g.Size}); err != nil {
			return fmt.Errorf("remove blob from the hub's disk: %w", err)
		}
	}
	if d.cfg.Store == nil {
		return d.nowhereElse(ctx, g)
	}
	key := archive.BlobKey(g.Hash)
	if err := d.cfg.Store.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete in the archive: %w", err)
	}
	body, err := d.cfg.Store.Get(ctx, key)
	if err == nil {
		body.Close()
		return fmt.Errorf("%s is still in the archive: does the bucket keep versions, or lock objects? Its keeper must delete it", key)
	}
	if !errors.Is(err, archive.ErrNotFound) {
		return fmt.Errorf("look whether it is gone: %w", err)
	}
	return nil
}

// nowhereElse keeps an order open while the blob is in an archive that this hub
// was started without.
func (d *Deletions) nowhereElse(ctx context.Context, g Gone) error {
	b, err := d.cfg.Ledger.Blob(ctx, g.Hash)
	if errors.Is(err, ledger.ErrNoBlob) {
		return nil
	}
	if err == nil && b.Archived > 0 {
		err = fmt.Errorf("%s is in the archive, which is not at hand: start the hub with --archive", g.Hash)
	}
	return err
}

// check looks once more for what was deleted a while ago: an upload may have
// been on its way.
func (d *Deletions) check(ctx context.Context) error {
	if !d.cfg.Executes {
		return nil
	}
	for {
		some, err := d.blobs(ctx, "unchecked", d.now()-settled.Microseconds())
		if err != nil || len(some) == 0 {
			return err
		}
		for _, g := range some {
			if err := d.remove(ctx, g); err != nil {
				return err
			}
			if err := d.exec(ctx, "checked", d.now(), g.deletion, g.Hash[:]); err != nil {
				return err
			}
		}
	}
}

// unnamed closes deleted blobs that a record has named since.
func (d *Deletions) unnamed(ctx context.Context) error {
	some, err := d.blobs(ctx, "unnamed")
	if err != nil {
		return err
	}
	for _, g := range some {
		b, err := d.cfg.Ledger.Blob(ctx, g.Hash)
		if errors.Is(err, ledger.ErrNoBlob) {
			continue
		}
		if err != nil {
			return err
		}
		if err := d.cfg.Ledger.BlobDeleted(ctx, g.Hash, d.cfg.Now()); err != nil {
			return err
		}
		if err := d.exec(ctx, "named", int64(b.Size), int64(b.Kind), b.Record[:], g.deletion, g.Hash[:]); err != nil {
			return err
		}
		g.Size = b.Size
		if d.cfg.Executes {
			if err := d.takeAway(ctx, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sweep removes from a hub's own spool what was deleted while another hub had
// the work.
func (d *Deletions) Sweep(ctx context.Context, whole []blob.Ref) error {
	if d.cfg.Spool == nil {
		return nil
	}
	for _, ref := range whole {
		b, err := d.cfg.Ledger.Blob(ctx, ref.Hash)
		if errors.Is(err, ledger.ErrNoBlob) || err == nil && b.Deleted == 0 {
			continue
		}
		if err == nil {
			err = d.cfg.Spool.Remove(ref)
		}
		if err != nil {
			return fmt.Errorf("sweep the spool of deleted blobs: %w", err)
		}
	}
	return nil
}
