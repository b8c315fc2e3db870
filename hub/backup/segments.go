package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// SegmentsConfig says where segments come from and go to.
type SegmentsConfig struct {
	Ledger *ledger.Ledger
	// Store is off the hub's own disk: safe moves by what it holds.
	Store archive.Store
	// Key closes what is put there, and opens it; zero in a program that does
	// neither.
	Key Key
	// Certificate is the one the authority issued to a device, DER. It is asked
	// from several goroutines.
	Certificate func(ctx context.Context, device string) ([]byte, error)
	// Moved, where set, hears of every journal whose safe has moved, from
	// several goroutines.
	Moved func(ctx context.Context, device string, journal wire.JournalID)
}

// Segments puts segments off the hub's disk.
type Segments struct {
	cfg   SegmentsConfig
	store archive.Store
}

// NewSegments does nothing yet.
func NewSegments(cfg SegmentsConfig) *Segments {
	return &Segments{cfg: cfg, store: archive.Verified(cfg.Store)}
}

const (
	together    = 4   // uploads at a time: each waits for a store far away
	inOneObject = 256 // segments, so that a head stays small
	giveUp      = 3   // failures in one pass, after which the store is taken for down
)

// Wanted says whether there is anything to do.
func (s *Segments) Wanted(ctx context.Context) (bool, error) { return s.cfg.Ledger.AnyUnarchived(ctx) }

// Archive puts everything beyond safe into the archive, reads it back and moves
// safe. A journal that cannot be put holds up no other.
func (s *Segments) Archive(ctx context.Context) error {
	for {
		put, err := s.pass(ctx)
		if err != nil || put == 0 {
			return err
		}
	}
}

// pass takes one run of each journal.
func (s *Segments) pass(ctx context.Context) (put int, err error) {
	runs := make(chan ledger.Run)
	var mu sync.Mutex // guards put and errs
	var errs []error
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
		} else {
			put++
		}
	}
	var workers sync.WaitGroup
	for range together {
		workers.Go(func() {
			for r := range runs {
				note(s.one(ctx, r))
			}
		})
	}
	for r, err := range s.cfg.Ledger.UnarchivedSegments(ctx, inOneObject) {
		if err != nil {
			note(err)
			continue
		}
		runs <- r
		mu.Lock()
		enough := len(errs) >= giveUp
		mu.Unlock()
		if enough || ctx.Err() != nil {
			break
		}
	}
	close(runs)
	workers.Wait()
	return put, errors.Join(append(errs, ctx.Err())...)
}

func (s *Segments) one(ctx context.Context, r ledger.Run) error {
	if err := s.put(ctx, r); err != nil {
		return fmt.Errorf("archive journal %s after %d: %w", r.Journal, r.Base.Seq, err)
	}
	moved, err := s.cfg.Ledger.SegmentArchived(ctx, r.Journal, r.Base, r.End)
	if err != nil {
		return err
	}
	if moved && s.cfg.Moved != nil {
		s.cfg.Moved(ctx, r.Device, r.Journal)
	}
	return nil
}

func (s *Segments) put(ctx context.Context, r ledger.Run) error {
	certificate, err := s.cfg.Certificate(ctx, r.Device)
	if err != nil {
		return fmt.Errorf("certificate of device %s: %w", r.Device, err)
	}
	o := Object{Journal: r.Journal, Device: r.Device, Certificate: certificate, Parent: r.Parent, Base: r.Base, End: r.End, Segments: r.Segments}
	b, err := o.Encode()
	if err != nil {
		return err
	}
	b = s.cfg.Key.close(o.Key(), b)
	err = s.store.Put(ctx, o.Key(), blob.Of(b), bytes.NewReader(b))
	if !errors.Is(err, archive.ErrExists) {
		return err
	}
	stands, err := s.standsFor(ctx, o)
	if err != nil || stands {
		return err
	}
	return archive.Replace(ctx, s.cfg.Store, o.Key(), blob.Of(b), bytes.NewReader(b))
}

// standsFor accepts an object that says the same in other bytes: put before the
// hub was restored, or before its device got a new certificate. What is none,
// or damaged, may be replaced.
func (s *Segments) standsFor(ctx context.Context, want Object) (bool, error) {
	b, err := fetch(ctx, s.cfg.Store, want.Key())
	if err != nil {
		return false, err
	}
	there, err := s.cfg.Key.object(want.Key(), b)
	if err != nil || there.Check(nil) != nil {
		return false, nil
	}
	return there.Journal == want.Journal && there.Device == want.Device && there.Parent == want.Parent &&
		there.Base == want.Base && there.End == want.End, nil
}

// maxObject bounds what is read of one object of segments.
const maxObject = 8 << 20

func fetch(ctx context.Context, store archive.Store, key string) ([]byte, error) {
	r, err := store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close() // read only
	b, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if len(b) > maxObject {
		return nil, fmt.Errorf("read %s: more than %d bytes", key, maxObject)
	}
	return b, nil
}
