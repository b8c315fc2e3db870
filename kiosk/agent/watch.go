package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/kiosk/outbox"
	"nghe/kiosk/vitals"
	"nghe/shared/crew"
	"nghe/shared/feedback"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

// watched is the outbox as every task sees it: whether it keeps what it is
// given is one of the machine's vitals, and one that cannot keep any more is
// opened again.
type watched struct {
	*outbox.Outbox
	vitals *vitals.Monitor
	broken chan error // capacity 1: the first reason to open again
}

// PutTapped keeps an answer.
func (w *watched) PutTapped(request string, a feedback.Answer, replaces string, tap outbox.Tap) (outbox.Receipt, error) {
	receipt, err := w.Outbox.PutTapped(request, a, replaces, tap)
	return receipt, w.judgePut(err)
}

// PutClaim keeps a claim.
func (w *watched) PutClaim(request string, c outbox.Claim) (outbox.MessageReceipt, error) {
	receipt, err := w.Outbox.PutClaim(request, c)
	return receipt, w.judgePut(err)
}

// judgePut judges the outbox where the fault is not the page's.
func (w *watched) judgePut(err error) error {
	var invalid *feedback.Invalid
	if errors.Is(err, outbox.ErrConflict) || errors.As(err, &invalid) {
		return err
	}
	return w.judge(err)
}

// Clock keeps a reading.
func (w *watched) Clock(c wire.Clock) error { return w.judge(w.Outbox.Clock(c)) }

// Advance moves the watermarks.
func (w *watched) Advance(m wire.Mark) error {
	err := w.Outbox.Advance(m)
	if errors.Is(err, outbox.ErrMark) { // the hub's word, not the disk
		return err
	}
	return w.judge(err)
}

// Fork begins a new journal.
func (w *watched) Fork(f wire.JournalFork) error { return w.judge(w.Outbox.Fork(f)) }

// Prune lets go of what is safe and old enough.
func (w *watched) Prune(olderThan time.Duration) (int, error) {
	n, err := w.Outbox.Prune(olderThan)
	return n, w.judge(err)
}

func (w *watched) judge(err error) error {
	if err == nil {
		w.vitals.Clear(vitals.Storage)
		return nil
	}
	if sqlite.IsFull(err) { // the reserve is spent as well
		w.vitals.Raise(vitals.OutOfService, 0)
		return err
	}
	w.vitals.Raise(vitals.Storage, 0)
	if outbox.MustReopen(err) {
		select {
		case w.broken <- err:
		default:
		}
	}
	return err
}

// errReopen says that the outbox keeps nothing more until it is opened again.
var errReopen = errors.New("the outbox must be opened again")

// watchOutbox ends the crew when the outbox must be opened again.
func (k *kiosk) watchOutbox(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-k.outbox.broken:
		return crew.Fatal(fmt.Errorf("%w: %w", errReopen, err))
	}
}
