// Package bulletin keeps what the hub told this kiosk: questionnaires, texts,
// the board, orders, readers of messages, what the ward recorded to be read
// aloud, and the state of every case of the ward in a box that only its receipt
// opens.
//
// It promises that a bulletin is applied whole or not at all, whenever the
// power fails; that only the custody key of this kiosk's hub can change
// anything, and only forwards; that everything applied is there after a
// restart without any network; that a questionnaire a resident has begun can be
// finished after it was replaced; and that of a sheet of a newer hub all is used
// that this program understands, and the rest counted.
//
// It does not fetch (uplink), does not carry orders out (agent), and cannot
// read a case without the receipt of whoever asks.
//
// # Design
//
// A bulletin carries what changed since a version (PROTOCOL.md, section 8). It
// becomes one transaction of bulletin.db, a file of its own: it can be thrown
// away, since the hub tells all of it again, and it is when it is damaged. The
// sheet is small and held in memory; boxes and recordings are looked up in the
// file, so that a hundred thousand cases take no memory. A recording comes in
// pieces, in any order of bulletins: it is there when all of one hash are.
//
// An order ends by itself in two ways, whichever comes first: at its moment by
// the wall clock, and after its length by this program's running time, counted
// over restarts. So a clock that stands at 1970 cannot hold a kiosk paused for
// ever, nor one that is switched off every night.
package bulletin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"nghe/shared/durable"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

var (
	// ErrForged says that a bulletin is not the word of this kiosk's hub.
	ErrForged = errors.New("bulletin is not signed by this kiosk's hub")
	// ErrBroken says that a bulletin cannot be read by this program.
	ErrBroken = errors.New("bulletin cannot be used")
	// ErrGap says that a bulletin leaves out what came before it.
	ErrGap = errors.New("bulletin leaves a gap")
)

const (
	fileName    = "bulletin.db"
	damagedName = "bulletin.db.damaged"
	table       = "migration" // where goose notes what it applied
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed queries.sql
var queriesText string

var queries = sqlite.Queries(queriesText)

func query(name string) string {
	text, ok := queries[name]
	if !ok {
		panic("bulletin: no query is named " + name)
	}
	return text
}

// Config says where the bulletin lies.
type Config struct {
	Dir       string                  // folder of bulletin.db; must be there
	Monotonic func() time.Duration    // never steps, any zero; nil counts from Open
	VFS       string                  // SQLite file layer; power-cut tests put theirs here
	SyncDir   func(path string) error // nil means durable.SyncDir; power-cut tests listen here
	Logger    *slog.Logger            // nil means slog.Default
}

// Bulletin is the open store. Its methods may be called from anywhere.
type Bulletin struct {
	cfg Config
	db  *sqlite.DB

	applying sync.Mutex // one Apply or Trust at a time

	mu        sync.RWMutex // guards what follows
	version   uint64
	custody   ed25519.PublicKey
	sheet     sheet
	questions []feedback.Questionnaire // to ask
	seen      map[string]time.Duration // where Monotonic stood, or would have, as each order was first known here
	changed   chan struct{}            // closed, and replaced, at every change
}

// Open reads what is kept. A file that cannot be used, damaged or written by a
// newer program, is set aside: the hub tells all of it again.
func Open(cfg Config) (*Bulletin, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.SyncDir == nil {
		cfg.SyncDir = durable.SyncDir
	}
	if cfg.Monotonic == nil {
		start := time.Now()
		cfg.Monotonic = func() time.Duration { return time.Since(start) }
	}
	b, err := open(cfg)
	if err != nil && !sqlite.IsFull(err) {
		cfg.Logger.Error("bulletin cannot be used and is set aside, the hub will tell it again", "err", err)
		if aside := setAside(cfg); aside != nil {
			return nil, fmt.Errorf("open bulletin: %w", errors.Join(err, aside))
		}
		b, err = open(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open bulletin: %w", err)
	}
	return b, nil
}

// setAside keeps one damaged file for whoever wants to look.
func setAside(cfg Config) error {
	path := filepath.Join(cfg.Dir, fileName)
	for _, beside := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(path, filepath.Join(cfg.Dir, damagedName)); err != nil {
		return err
	}
	return cfg.SyncDir(cfg.Dir)
}

func open(cfg Config) (*Bulletin, error) {
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(cfg.Dir, fileName), VFS: cfg.VFS, SyncDir: cfg.SyncDir})
	if err != nil {
		return nil, err
	}
	b := &Bulletin{cfg: cfg, db: db, seen: map[string]time.Duration{}, changed: make(chan struct{})}
	if err := b.prepare(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func (b *Bulletin) prepare() error {
	if err := b.db.Check(); err != nil {
		return err
	}
	files, _ := fs.Sub(migrations, "migrations") // embedded: the folder is there
	if err := b.db.Migrate(files, table); err != nil {
		return err
	}
	return b.load()
}

// load brings memory in agreement with the file.
func (b *Bulletin) load() error {
	is, err := readStanding(b.db.Read())
	if err != nil {
		return err
	}
	s, err := readSheet(b.db.Read())
	if err != nil {
		return err
	}
	ran, err := readRan(b.db.Read())
	if err != nil {
		return err
	}
	b.take(is, &s, ran)
	return nil
}

// Close lets the file be opened again. Everything is on the disk already.
func (b *Bulletin) Close() error { return b.db.Close() }

// Version is the newest bulletin applied; 0 for none.
func (b *Bulletin) Version() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.version
}

// Changed is closed when a bulletin is next applied.
func (b *Bulletin) Changed() <-chan struct{} {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.changed
}

// Trust says which hub this kiosk belongs to. The word of any other is
// forgotten: its versions mean nothing here.
func (b *Bulletin) Trust(custody ed25519.PublicKey) error {
	b.applying.Lock()
	defer b.applying.Unlock()
	if len(custody) != ed25519.PublicKeySize {
		return errors.New("trust hub: that is no custody key")
	}
	if is, err := readStanding(b.db.Read()); err != nil || bytes.Equal(is.custody, custody) {
		return err
	}
	err := b.db.Write(context.Background(), func(tx *sql.Tx) error {
		for _, name := range []string{"forget sheet", "forget questionnaires"} {
			if _, err := tx.Exec(query(name)); err != nil {
				return err
			}
		}
		if err := forget(tx, wire.MaxNumber); err != nil {
			return err
		}
		_, err := tx.Exec(query("trust"), sql.Named("custody", []byte(custody)))
		return err
	})
	if err != nil {
		return fmt.Errorf("trust hub: %w", err)
	}
	return b.load()
}

// Apply takes a bulletin. One that is not newer changes nothing and is no
// error; one that is refused changes nothing either.
func (b *Bulletin) Apply(f wire.Bulletin) error {
	b.applying.Lock()
	defer b.applying.Unlock()
	b.mu.RLock()
	custody, version := b.custody, b.version
	b.mu.RUnlock()
	if len(custody) == 0 || !ident.Verify(custody, wire.BulletinStatement(f.Version, f.Body), f.Signature) {
		return ErrForged
	}
	if f.Version <= version {
		return nil
	}
	body, err := wire.DecodeBulletin(f.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return b.apply(f.Version, body)
}

func (b *Bulletin) apply(version uint64, body wire.BulletinBody) error {
	var s *sheet
	if len(body.Sheet) > 0 {
		parsed := parseSheet(body.Sheet[0])
		s = &parsed
	}
	var is standing
	err := b.db.Write(context.Background(), func(tx *sql.Tx) (err error) {
		is, err = keep(tx, version, body, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep bulletin: %w", err)
	}
	b.take(is, s, nil)
	return nil
}

// take puts what was committed into memory; s is nil where the sheet stays, ran
// is what earlier processes left.
func (b *Bulletin) take(is standing, s *sheet, ran map[string]time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version, b.custody = is.version, is.custody
	if s != nil {
		if s.old == nil {
			s.old = b.sheet.old
		}
		b.sheet = s.joined()
		b.questions = b.sheet.questionnaires()
		now, seen := b.cfg.Monotonic(), map[string]time.Duration{}
		for _, o := range s.orders {
			seen[o.ID] = now - ran[o.ID]
			if before, known := b.seen[o.ID]; known {
				seen[o.ID] = before
			}
		}
		b.seen = seen
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
