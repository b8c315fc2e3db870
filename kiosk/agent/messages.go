package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/screen"
	"nghe/kiosk/vitals"
	"nghe/shared/wire"
)

// openMedia opens the spool of sealed blobs beside the outbox.
func (k *kiosk) openMedia() (err error) {
	k.media, err = media.Open(media.Config{Dir: filepath.Join(k.cfg.Data, "media"), Quota: k.cfg.Room.Media,
		Reserve: k.forRatings, Steps: k.cfg.Room.Steps, Logger: k.log})
	if err != nil {
		return fmt.Errorf("open the spool: %w", err)
	}
	return k.release()
}

// messages is where the screen sends words, voice and photos.
func (k *kiosk) messages() screen.Messages {
	return screen.Messages{Journal: k.outbox, Media: k.media, Recipients: k.recipients}
}

// PutMessage keeps a message.
func (w *watched) PutMessage(request string, m outbox.Message) (outbox.MessageReceipt, error) {
	receipt, err := w.Outbox.PutMessage(request, m)
	return receipt, w.judgePut(err)
}

// Release lets held messages into the journal.
func (w *watched) Release() (int, error) {
	n, err := w.Outbox.Release()
	return n, w.judge(err)
}

// Forget drops the name of a blob.
func (w *watched) Forget(hash [32]byte) error { return w.judge(w.Outbox.Forget(hash)) }

// heldEvery is how often held messages are looked at: their moments are that
// exact.
const heldEvery = time.Minute

func (k *kiosk) watchHeld(ctx context.Context) error {
	for wait(ctx, heldEvery) {
		if err := k.release(); err != nil {
			return err
		}
	}
	return nil
}

// release lets messages whose moment has come into the journal, and then the
// blobs they name on their way; also those that a cut between the two left. It
// does the rest whether anything is held or not: else the disk would tell since
// when something is.
func (k *kiosk) release() error {
	if _, err := k.outbox.Release(); err != nil {
		return fmt.Errorf("release messages: %w", err)
	}
	for e := range k.media.In(media.Held) {
		recorded, err := k.outbox.Recorded(e.Ref.Hash)
		if err != nil {
			return err
		}
		if !recorded {
			continue
		}
		if err := k.media.Release(e.Ref.Hash); err != nil {
			return fmt.Errorf("release blob: %w", err)
		}
	}
	if err := k.media.Blur(); err != nil { // no reason to hold up anything else
		k.log.Error("spool", "err", err)
	}
	return nil
}

// sweepEvery is how often blobs nobody needs here are let go.
const sweepEvery = time.Hour

func (k *kiosk) watchMedia(ctx context.Context) error {
	for {
		if err := k.sweep(k.cfg.Keep); err != nil {
			return err
		}
		if !wait(ctx, sweepEvery) {
			return nil
		}
	}
}

func (k *kiosk) sweep(keep time.Duration) error {
	swept, err := k.media.Sweep(k.outbox, keep)
	if err != nil {
		return err
	}
	if swept != (media.Swept{}) {
		k.log.Info("let go of blobs", "archived", swept.Archived, "orphans", swept.Orphans)
	}
	return k.countBlobs()
}

// countBlobs tells what waits, what is gone and what nobody will have.
func (k *kiosk) countBlobs() error {
	named, err := k.outbox.Blobs()
	if err != nil {
		return err
	}
	missing := 0
	for _, h := range named {
		if _, here := k.media.Find(h); !here {
			missing++
		}
	}
	refused, _ := k.media.Count(media.Refused)
	k.holds(vitals.BlobsMissing, missing > 0, int64(missing))
	k.holds(vitals.BlobsRefused, refused > 0, int64(refused))
	return nil
}

func (k *kiosk) holds(n vitals.Name, held bool, value int64) {
	if held {
		k.vitals.Raise(n, value)
	} else {
		k.vitals.Clear(n)
	}
}

// watchDeletions carries out what the hub was made to delete by law: again at
// every start, in case a cut came in between.
func (k *kiosk) watchDeletions(ctx context.Context) error {
	if k.told.store == nil {
		<-ctx.Done()
		return nil
	}
	for after := uint64(0); ; {
		changed := k.told.store.Changed()
		told, upto, err := k.told.store.Deleted(after)
		if err != nil {
			return err
		}
		if err := k.erase(told); err != nil {
			return err
		}
		after = upto
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// erase deletes the blobs from the spool, then their names from the outbox.
func (k *kiosk) erase(told []wire.Deletion) error {
	var e outbox.Erasure
	for _, d := range told {
		switch {
		case d.Kind == wire.DeletedBlob && len(d.Name) == 32:
			e.Blobs = append(e.Blobs, [32]byte(d.Name))
		case d.Kind == wire.DeletedReceipt && len(d.Name) == 16:
			e.Receipts = append(e.Receipts, [16]byte(d.Name))
		}
	}
	gone, err := k.outbox.Erase(e, func(hash [32]byte) error {
		if _, here := k.media.Find(hash); !here {
			return nil
		}
		return k.media.Delete(hash)
	})
	if gone > 0 {
		k.log.Info("deleted blobs by order", "blobs", gone)
	}
	return err
}
