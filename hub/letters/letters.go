// Package letters keeps what residents sealed: it brings it to the archive,
// looks every day whether it is still there, and opens what is sealed to the
// hub, one part of one message at a time, when a person asked for it.
//
// What the archive lost or spoilt is put there again from the hub's disk, else
// asked for again from its kiosk. A kiosk lets go of a blob a week after it
// heard "archived": the audit must run within that week. So what was archived in
// the last week is read again every day, all is listed every day, and all is
// read again within RereadDays. A hub that is off for a week, or an archive away
// for one, leaves only what the archive itself still has.
//
// It promises that nothing it opened touches a disk, that bytes which are not
// exactly the blob a record names are never opened, that what was deleted stays
// shut, and that what is sealed to named officers is handed out sealed or not
// at all: the hub holds no key to it.
//
// It decides nothing about who may read and writes no audit line: whoever asks
// has done both before.
package letters

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

var (
	// ErrNamed says that only named officers can open it.
	ErrNamed = errors.New("sealed to named officers: the hub has no key to it")
	// ErrNotHere says that its bytes have not arrived yet, or cannot be reached.
	ErrNotHere = errors.New("not all of it is here yet")
	// ErrSpoilt says that what arrived is no letter for the hub: a kiosk sealed it
	// wrongly, or to another key.
	ErrSpoilt = errors.New("what arrived cannot be opened with the hub's key, or is not what its record says")
	// ErrNoKey says that this program was started without the cases identity.
	ErrNoKey = errors.New("the hub's cases identity is not at hand")
)

// Spool is where blobs wait for the archive. archive.Spool is one.
type Spool interface {
	Open(ref blob.Ref) (io.ReadSeekCloser, error) // archive.ErrNotFound when it is not there
	Remove(ref blob.Ref) error
}

// Receipts learn the key of a receipt, so that the case under it can be told to
// kiosks. cases.Cases are some.
type Receipts interface {
	Learn(ctx context.Context, tag, key []byte, record wire.RecordID) error
}

// Config says where letters lie and what opens them.
type Config struct {
	Ledger *ledger.Ledger
	// Hub is the name this hub gave the ledger; empty: it is the only one.
	Hub      string
	Spool    Spool         // nil: there is none
	Store    archive.Store // nil: there is none
	Secret   string        // of the cases identity; empty: nothing can be opened
	Receipts Receipts      // told of every receipt met; nil: nobody is
	// Known says whether the key of a receipt was learned; nil: none was.
	Known func(ctx context.Context, tag []byte) (bool, error)
	// Ask has a kiosk asked for a blob that the archive lost; nil: it is asked
	// when it connects.
	Ask    func(device string, ref blob.Ref)
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Letters may be used from anywhere; it opens one at a time.
type Letters struct {
	cfg Config
	log *slog.Logger
	one chan struct{} // holds a token while a letter is open in memory

	mu   sync.Mutex
	upTo time.Time // guarded by mu; LearnNew has seen what was here before
}

// New opens nothing yet.
func New(cfg Config) *Letters {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Letters{cfg: cfg, log: cmp.Or(cfg.Logger, slog.Default()), one: make(chan struct{}, 1)}
}

// Open opens one part of a message for whoever may read it.
func (l *Letters) Open(ctx context.Context, hash blob.Hash) (seal.Letter, error) {
	b, err := l.cfg.Ledger.Blob(ctx, hash)
	if err != nil {
		return seal.Letter{}, fmt.Errorf("open letter: %w", err)
	}
	letter, err := l.open(ctx, b)
	if err != nil {
		return seal.Letter{}, fmt.Errorf("open letter %s: %w", hash, err)
	}
	l.learn(ctx, b, letter)
	return letter, nil
}

func (l *Letters) open(ctx context.Context, b ledger.Blob) (seal.Letter, error) {
	switch {
	case b.Reader != feedback.ReaderCases:
		return seal.Letter{}, ErrNamed
	case l.cfg.Secret == "":
		return seal.Letter{}, ErrNoKey
	}
	select {
	case l.one <- struct{}{}:
		defer func() { <-l.one }()
	case <-ctx.Done():
		return seal.Letter{}, ctx.Err()
	}
	sealed, err := l.bytes(ctx, b)
	if err != nil {
		return seal.Letter{}, err
	}
	letter, err := seal.Open(sealed, l.cfg.Secret)
	if err != nil {
		return seal.Letter{}, fmt.Errorf("%w: %w", ErrSpoilt, err)
	}
	if letter.Kind != uint8(b.Kind) {
		return seal.Letter{}, fmt.Errorf("%w: it holds kind %d, its record says %d", ErrSpoilt, letter.Kind, b.Kind)
	}
	return letter, nil
}

// Sealed gives a part as it is, for an officer to open elsewhere.
func (l *Letters) Sealed(ctx context.Context, hash blob.Hash) ([]byte, error) {
	b, err := l.cfg.Ledger.Blob(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read sealed letter: %w", err)
	}
	sealed, err := l.bytes(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("read sealed letter %s: %w", hash, err)
	}
	return sealed, nil
}

// bytes reads a blob from the spool, else from the archive, and checks every
// one of them.
func (l *Letters) bytes(ctx context.Context, b ledger.Blob) ([]byte, error) {
	switch {
	case b.Deleted > 0:
		return nil, ledger.ErrDeleted
	case !b.Here():
		return nil, ErrNotHere
	case b.Size > feedback.MaxAttachmentSize:
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrSpoilt, b.Size, feedback.MaxAttachmentSize)
	}
	body, err := l.find(ctx, b.Ref)
	if err != nil {
		return nil, cmp.Or(l.doubt(ctx, b), err)
	}
	defer body.Close() // read only
	sealed, err := io.ReadAll(io.LimitReader(body, int64(b.Size)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotHere, err)
	}
	if err := blob.Check(b.Ref, bytes.NewReader(sealed)); err != nil {
		return nil, cmp.Or(l.doubt(ctx, b), fmt.Errorf("%w: %w", ErrSpoilt, err))
	}
	return sealed, nil
}

func (l *Letters) spool(ref blob.Ref) (io.ReadSeekCloser, error) {
	if l.cfg.Spool == nil {
		return nil, archive.ErrNotFound
	}
	return l.cfg.Spool.Open(ref)
}

func (l *Letters) find(ctx context.Context, ref blob.Ref) (io.ReadCloser, error) {
	if body, err := l.spool(ref); err == nil || !errors.Is(err, archive.ErrNotFound) {
		return body, err
	}
	if l.cfg.Store == nil {
		return nil, ErrNotHere
	}
	body, err := l.cfg.Store.Get(ctx, archive.BlobKey(ref.Hash))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotHere, err)
	}
	return body, nil
}

// learn hands on the receipt's key that every part carries. A failure is no
// reader's business: the next opening tries again.
func (l *Letters) learn(ctx context.Context, b ledger.Blob, letter seal.Letter) {
	if l.cfg.Receipts == nil || len(b.Receipt) == 0 || len(letter.Receipt) == 0 {
		return
	}
	if err := l.cfg.Receipts.Learn(ctx, b.Receipt, letter.Receipt, b.Record); err != nil {
		l.log.Warn("learn a receipt's key", "record", b.Record.String(), "err", err)
	}
}
