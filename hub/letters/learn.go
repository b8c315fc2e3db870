package letters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/hub/ledger"
	"nghe/shared/feedback"
)

// overlap is looked at again by the next LearnNew: clocks of several hubs
// differ, and commits do not come in the order of their times.
const overlap = 5 * time.Minute

// LearnNew opens one part of each message that came since it last looked and
// whose receipt's key is not known, so that "received" can be told to kiosks.
// Nobody sees what is in it. What cannot be opened is left to be found by whoever
// reads it.
func (l *Letters) LearnNew(ctx context.Context, now time.Time) (learned int, err error) {
	if l.cfg.Receipts == nil || l.cfg.Known == nil || l.cfg.Secret == "" {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var unreached error
	for b, err := range l.cfg.Ledger.StoredBlobs(ctx, l.upTo) {
		if err != nil {
			return learned, fmt.Errorf("learn receipts: %w", err)
		}
		done, err := l.learnOne(ctx, b)
		if errors.Is(err, ErrNotHere) {
			unreached = err // the archive is away: the others need not wait for it
			continue
		}
		if err != nil {
			return learned, fmt.Errorf("learn receipt of record %s: %w", b.Record, err)
		}
		if done {
			learned++
		}
	}
	if unreached != nil {
		return learned, fmt.Errorf("learn receipts: %w", unreached)
	}
	l.upTo = now.Add(-overlap)
	return learned, nil
}

func (l *Letters) learnOne(ctx context.Context, b ledger.Blob) (bool, error) {
	elsewhere := b.Archived == 0 && b.Holder != l.cfg.Hub // the hub that has it does this
	if b.Reader != feedback.ReaderCases || len(b.Receipt) == 0 || elsewhere {
		return false, nil
	}
	if known, err := l.cfg.Known(ctx, b.Receipt); err != nil || known {
		return false, err
	}
	letter, err := l.open(ctx, b)
	if errors.Is(err, ErrSpoilt) || errors.Is(err, ledger.ErrDeleted) {
		return false, nil
	}
	if err != nil || len(letter.Receipt) == 0 {
		return false, err
	}
	if err := l.cfg.Receipts.Learn(ctx, b.Receipt, letter.Receipt, b.Record); err != nil {
		l.log.Warn("learn a receipt's key", "record", b.Record.String(), "err", err)
		return false, nil
	}
	return true, nil
}
