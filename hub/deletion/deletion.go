// Package deletion takes away what residents said: because they asked, because
// the law does, or because its time is over: the shorter of what they were
// promised and what is promised now.
//
// It promises that what was ordered is unreadable from that moment on; that its
// bytes are gone from the hub's disk and the archive only when they were looked
// for there and not found, twice; that who ordered it, when and why is kept,
// here and in the archive, so that a restore from any copy does it again; that
// the chain of records stays whole, for only blobs go; that no clock alone has
// anything deleted by age (see Retention); and that the text each sender agreed
// to can be shown.
//
// It holds no blob, tells no kiosk (the bulletin does, from Told) and cannot
// reach into copies of the hub that were made before.
package deletion

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queries string

// Spool is where blobs wait for the archive. archive.Spool is one.
type Spool interface {
	Remove(ref blob.Ref) error
}

// Config says where things are deleted. A program without Spool and Store only
// orders: the hub that serves does the rest.
type Config struct {
	DB     *database.DB
	Ledger *ledger.Ledger
	Spool  Spool         // nil: not at hand
	Store  archive.Store // nil: there is none, or it is not at hand
	// Notes is how orders are remembered beside Store, for a restore; without a
	// Store in it they are not.
	Notes archive.Notes
	// Executes says that this program is the one that deletes. When false,
	// orders stay open for the one that is.
	Executes bool
	// Begun is called when an order is first carried out here: kiosks need not
	// wait to be told; nil: nobody listens.
	Begun func()
	// Forget drops what is kept of a receipt beside its blobs: its case, and what
	// its sender was told of the data; nil: nothing is.
	Forget func(ctx context.Context, tag [16]byte) error
	// Closed says when the case under a receipt was closed, false while it is
	// open or there is none; nil: none ever is.
	Closed func(ctx context.Context, tag []byte) (time.Time, bool, error)
	// Wards are the names of the wards whose residents leave messages; nil:
	// none is known, and no text they agreed to.
	Wards func(ctx context.Context) ([]string, error)
	// Promises are what residents were told, oldest first; nil: those of
	// feedback.
	Promises []feedback.Promise
	// Clocks are what clocks other than the hub's read now, as far as they were
	// heard of lately; nil: none is.
	Clocks func() []time.Time
	// Elapsed grows with time whatever the hub's clock does; nil: since Open.
	Elapsed func() time.Duration
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// Deletions is the open store. Its methods may be called from anywhere.
type Deletions struct {
	cfg      Config
	sql      map[string]string
	log      *slog.Logger
	promises []feedback.Promise

	looking sync.Mutex // held by Retain
	run     running    // guarded by looking
}

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Deletions, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.DB.Migrate(ctx, "deletion_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open deletions: %w", err)
	}
	if cfg.Clocks == nil {
		cfg.Clocks = func() []time.Time { return nil }
	}
	if begun := time.Now(); cfg.Elapsed == nil {
		cfg.Elapsed = func() time.Duration { return time.Since(begun) }
	}
	if cfg.Promises == nil {
		cfg.Promises = feedback.Promises()
	}
	d := &Deletions{cfg: cfg, sql: cfg.DB.Queries(queries, "", ""), log: cfg.Logger, promises: cfg.Promises}
	return d, d.noteTexts(ctx)
}

// Deletion is one order and what became of it.
type Deletion struct {
	Number int64
	Kind   wire.DeletionKind
	Name   []byte // hash of a blob, or tag of a receipt
	At     time.Time
	By     string // operator's account; empty: the hub itself
	Reason string
	Rule   string    // of retention; empty: somebody asked
	Marked time.Time // noted in the archive too; zero: not yet
	Done   time.Time // all of it is gone; zero: not yet
	Blobs  []Gone
}

// Gone is one blob that was, or will be, taken away.
type Gone struct {
	Hash    blob.Hash
	Size    uint64                  // 0: no record named it yet
	Kind    feedback.AttachmentKind // 0 likewise
	Record  []byte                  // empty likewise
	At      time.Time               // not found any more in spool and archive; zero: not yet
	Checked time.Time               // nor later, when nothing could be on its way

	deletion int64
}

const (
	minReason = 4   // runes: "luật" is one
	maxReason = 200 // runes
)

// ErrReason asks for a reason.
var ErrReason = fmt.Errorf("say why, in %d to %d letters; nothing of what the resident said", minReason, maxReason)

// Blob orders that one blob be deleted, and deletes what is at hand. A blob no
// record names is ledger.ErrNoBlob: look at the hash again. Ordering twice is
// ordering once.
func (d *Deletions) Blob(ctx context.Context, hash blob.Hash, reason, by string) (Deletion, error) {
	if _, err := d.cfg.Ledger.Blob(ctx, hash); err != nil {
		return Deletion{}, fmt.Errorf("delete blob: %w", err)
	}
	return d.order(ctx, Deletion{Kind: wire.DeletedBlob, Name: hash[:], Reason: reason, By: by}, true)
}

// Receipt orders that all under a receipt be deleted, what is still to come
// from a kiosk as well, and deletes what is at hand.
func (d *Deletions) Receipt(ctx context.Context, tag [16]byte, reason, by string) (Deletion, error) {
	return d.order(ctx, Deletion{Kind: wire.DeletedReceipt, Name: tag[:], Reason: reason, By: by}, true)
}

// order keeps an order, closes what it means to every reader, and does as much
// of the rest as this program can. What fails is done by a later Work.
func (d *Deletions) order(ctx context.Context, is Deletion, tell bool) (Deletion, error) {
	is.Reason = strings.TrimSpace(is.Reason)
	if n := len([]rune(is.Reason)); n < minReason || n > maxReason {
		return Deletion{}, ErrReason
	}
	told := int64(0)
	if tell {
		told = 1
	}
	err := d.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, d.sql["put"], int64(is.Kind), is.Name, d.now(), is.By, is.Reason, is.Rule, told)
		if err == nil && tell { // the row may be an older one of retention
			_, err = tx.Exec(ctx, d.sql["tell"], int64(is.Kind), is.Name)
		}
		return err
	})
	if err != nil {
		return Deletion{}, fmt.Errorf("order deletion: %w", err)
	}
	kept, err := d.find(ctx, is.Kind, is.Name)
	if err != nil {
		return Deletion{}, err
	}
	if err := d.close(ctx, kept); err != nil {
		return Deletion{}, fmt.Errorf("order deletion: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.carryOut(within, kept); err != nil {
		d.log.Warn("a deletion is not done yet", "deletion", kept.Number, "err", err)
	}
	return d.find(ctx, is.Kind, is.Name)
}

// patience is how long whoever orders waits for the archive; the rest is done
// by a later Work.
const patience = 10 * time.Second

func (d *Deletions) now() int64 { return d.cfg.Now().UnixMicro() }

func (d *Deletions) find(ctx context.Context, kind wire.DeletionKind, name []byte) (Deletion, error) {
	found, err := d.read(ctx, "find", int64(kind), name)
	if err == nil && len(found) == 0 {
		err = errors.New("it was ordered and is not there")
	}
	if err != nil {
		return Deletion{}, fmt.Errorf("find deletion: %w", err)
	}
	return found[0], nil
}

// List is the newest n orders older than before; 0 begins at the newest.
func (d *Deletions) List(ctx context.Context, before int64, n int) ([]Deletion, error) {
	return d.read(ctx, "list", cmp.Or(before, math.MaxInt64), n)
}

// Told is what kiosks must not hold any more.
func (d *Deletions) Told(ctx context.Context) ([]wire.Deletion, error) {
	return database.Collect(ctx, d.cfg.DB.Read(), reading, d.sql["told"], func(row database.Row) (t wire.Deletion, err error) {
		return t, row.Scan(&t.Kind, &t.Name)
	})
}

// read lists orders with their blobs.
func (d *Deletions) read(ctx context.Context, query string, args ...any) ([]Deletion, error) {
	all, err := database.Collect(ctx, d.cfg.DB.Read(), reading, d.sql[query], scanDeletion, args...)
	for i := range all {
		if err == nil {
			all[i].Blobs, err = d.blobs(ctx, "blobs of", all[i].Number)
		}
	}
	return all, err
}

func scanDeletion(row database.Row) (is Deletion, err error) {
	var asked, marked, done int64
	err = row.Scan(&is.Number, &is.Kind, &is.Name, &asked, &is.By, &is.Reason, &is.Rule, &marked, &done)
	is.At, is.Marked, is.Done = database.Moment(asked), database.Moment(marked), database.Moment(done)
	return is, err
}

func (d *Deletions) blobs(ctx context.Context, query string, args ...any) ([]Gone, error) {
	return database.Collect(ctx, d.cfg.DB.Read(), reading, d.sql[query], scanGone, args...)
}

func scanGone(row database.Row) (g Gone, err error) {
	var hash []byte
	var gone, checked int64
	err = row.Scan(&g.deletion, &hash, &g.Size, &g.Kind, &g.Record, &gone, &checked)
	copy(g.Hash[:], hash)
	g.At, g.Checked = database.Moment(gone), database.Moment(checked)
	return g, err
}

const reading = "read deletions"

func (d *Deletions) exec(ctx context.Context, query string, args ...any) error {
	_, err := d.cfg.DB.Exec(ctx, query+" deletion", d.sql[query], args...)
	return err
}
