// Package bulletin composes, signs and versions what kiosks are told: what the
// ward published (questionnaires, texts, notices, named recipients, recordings),
// orders, the state of cases in boxes, revoked devices and deletions.
//
// It promises that versions only rise, over restores of the hub too; that a
// kiosk at any version is brought up to date by frames which are each whole,
// signed and small; that a questionnaire's version means one wording for ever;
// and that what is wrong with a folder to publish is said by file and field.
//
// It does not send (intake) and does not decide what a case's state is (cases).
//
// # Design
//
// Two kinds of things are told. The sheet (all that was published, with the
// orders) is small and sent whole whenever it changed. Items (a case box, a
// revoked device, a deletion, a piece of a recording) are many and sent once
// each: every item carries the version it came with, so what a kiosk lacks is
// what came after the version it holds. Composing gives a new version to every
// few hundred items, so that any catching up can be cut into frames between two
// versions. That costs no memory on a kiosk, and a broken line goes on where it
// broke. Only recordings are put together from pieces, by whoever plays them: a
// whole one would keep a slow line busy for a minute.
//
// A version is made of the ledger's restore epoch and a number within it. When
// the epoch is new, every item is taken in again under new versions, and the
// last frame tells a kiosk to forget what came before them: what a lost time
// had told does not stay in boxes for ever.
//
// Commands write what was published and ordered; the running hub notices
// within a second and composes. So publishing needs no key, works beside a
// running hub, and several hubs on one database compose one bulletin: whoever
// does it holds the row of the head.
//
// # Folder
//
// What a ward publishes is a folder; files are taken in the order of their
// names. Asked are first the questionnaires whose schedule holds, then those
// without one, in that order; where none is due, those built into the kiosk:
//
//	questionnaires/*.json  feedback.Questionnaire, one a file
//	notices/*.json         feedback.Notice, one a file
//	texts/*.json           {"id": {"vi": "…", "en": "…"}}, any number a file
//	ward.json              feedback.Facts
//	recipients.json        {"named": [{"name": "Bà Lan", "key": "age1…"}]}
//	speech/vi/*.ogg        read aloud (also *.opus, at most 256 KiB, 8 MiB in all),
//	                       with the text it speaks beside it: thanks.ogg, thanks.txt
//
// Each part may be missing; what is missing is not told any more. Names with a
// dot before them and a README.md are passed over, all else is refused.
package bulletin

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var commonQueries string

//go:embed queries_postgres.sql
var postgresQueries string

// Box is a case as kiosks get it.
type Box struct {
	Tag     [16]byte
	Box     []byte
	Changed uint64 // number of the change
}

// Config says what is told and who signs it. Commands that only publish or
// order need DB alone.
type Config struct {
	DB *database.DB
	// Epoch is the hub's restore epoch.
	Epoch func(ctx context.Context) (uint64, error)
	// Boxes are case boxes changed after a number, in the order of their
	// changes; nil: none.
	Boxes func(ctx context.Context, since uint64, most int) ([]Box, error)
	// Revoked are the devices that are trusted no longer; nil: none.
	Revoked func(ctx context.Context) ([]string, error)
	// Deleted is all that was deleted by law; nil: nothing.
	Deleted func(ctx context.Context) ([]wire.Deletion, error)
	// Places are the ids a notice may name; nil: any.
	Places func(ctx context.Context) ([]string, error)
	// CasesKey is the recipient of messages to the hub, told to kiosks.
	CasesKey string
	Sign     func(statement []byte) ([]byte, error) // with the custody key
	Look     time.Duration                          // between looks for something new; 0: 1 s
	LookWide time.Duration                          // between looks at revoked devices and deletions; 0: 30 s
	Now      func() time.Time                       // nil: time.Now
	Logger   *slog.Logger                           // nil: slog.Default
}

// Bulletin is the open store. Its methods may be called from anywhere.
type Bulletin struct {
	cfg   Config
	sql   map[string]string
	nudge chan struct{}
	head  atomic.Uint64 // newest version seen
	cache cache

	composing sync.Mutex // one Refresh at a time in this process
	composed  bool       // guarded by composing: the sheet was compared since Open

	mu       sync.Mutex // guards listeners
	onChange []func(head uint64)
}

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Bulletin, error) {
	cfg.Look, cfg.LookWide = cmp.Or(cfg.Look, time.Second), cmp.Or(cfg.LookWide, 30*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.DB.Migrate(ctx, "bulletin_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open bulletin: %w", err)
	}
	b := &Bulletin{cfg: cfg, sql: cfg.DB.Queries(commonQueries, "", postgresQueries), nudge: make(chan struct{}, 1)}
	_, err := b.look(ctx)
	return b, err
}

// Head is the newest version this process has seen; 0 when there is none.
func (b *Bulletin) Head() uint64 { return b.head.Load() }

// OnChange asks to be told of every new head. f must not wait.
func (b *Bulletin) OnChange(f func(head uint64)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, f)
}

// Nudge makes Run look at everything now.
func (b *Bulletin) Nudge() {
	select {
	case b.nudge <- struct{}{}:
	default:
	}
}

// Run composes what is new, again and again, until ctx ends.
func (b *Bulletin) Run(ctx context.Context) error {
	narrow, wide := time.NewTicker(b.cfg.Look), time.NewTicker(b.cfg.LookWide)
	defer narrow.Stop()
	defer wide.Stop()
	for all := true; ; {
		if err := b.turn(ctx, all); err != nil && ctx.Err() == nil {
			b.cfg.Logger.Warn("compose bulletin", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-narrow.C:
			all = false
		case <-wide.C:
			all = true
		case <-b.nudge:
			all = true
		}
	}
}

func (b *Bulletin) turn(ctx context.Context, all bool) error {
	if all {
		return b.Refresh(ctx)
	}
	return b.refresh(ctx, false)
}

// state is the row of the head.
type state struct {
	version, cases, edits, taken, whole int64
}

func scanState(row database.Row) (s state, err error) {
	err = row.Scan(&s.version, &s.cases, &s.edits, &s.taken, &s.whole)
	return s, err
}

// look reads the head and tells whoever asked when it has moved.
func (b *Bulletin) look(ctx context.Context) (state, error) {
	s, err := scanState(b.cfg.DB.Read().QueryRowContext(ctx, b.sql["head"]))
	if err != nil {
		return s, fmt.Errorf("read head of the bulletin: %w", err)
	}
	b.reached(uint64(s.version))
	return s, nil
}

func (b *Bulletin) reached(version uint64) {
	if b.head.Swap(version) == version {
		return
	}
	b.cache.drop()
	b.mu.Lock()
	all := b.onChange
	b.mu.Unlock()
	for _, f := range all {
		f(version)
	}
}
