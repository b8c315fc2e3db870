// Package outbox is the kiosk's journal: every answer as a numbered, chained
// record in SQLite, kept until it is safe elsewhere.
//
// It promises that a record whose Put or Clock returned nil survives power
// cuts and kills, with its number, bytes and id unchanged in every journal
// that will ever hold it; that a request repeated is answered, not stored,
// again; that reading never removes; that a watermark moves only after its
// chain was compared here, in the transaction that moves it; and that only
// what is safe off the hub's own disk is ever deleted. A file found damaged is
// set aside and told, never patched and never silently replaced.
//
// Of a message to named officers its files tell the day and no more: not the
// time, nor what came before or after it, while it waits and ever after. That is
// not promised against who images the disk, or finds it without power, before
// the next Release or Open; nor against traces below the files.
//
// It does not know whether there is a network, a hub or a right time, does not
// judge answers, and does not decide about watermarks and forks: courier does.
//
// DESIGN.md beside this file has the reasons.
package outbox

import (
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"nghe/shared/durable"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

var (
	// ErrConflict answers a request id that was used for another answer.
	ErrConflict = errors.New("request was used for another answer: mint a new one")
	// ErrMark answers a watermark or a fork that does not fit this journal.
	ErrMark = errors.New("watermark does not fit this journal")
	// ErrPruned answers a read from below the floor.
	ErrPruned = errors.New("record was pruned")
	// ErrDamaged says that a stored record is not what was stored. Close the
	// outbox and open it again: Open sets the file aside.
	ErrDamaged = errors.New("journal is damaged")
	// ErrGone says that the file was removed or replaced under a running
	// outbox: what is written now would go nowhere. Open again.
	ErrGone = errors.New("journal file was removed or replaced while open")
	// ErrLocked answers a second Open of one folder.
	ErrLocked = errors.New("another program has this journal open: stop it first")
)

const (
	fileName = "outbox.db"
	lockName = "outbox.lock"
	table    = "migration" // where goose notes what it applied
)

//go:embed migrations/*.sql migrations/held/*.sql
var migrations embed.FS

//go:embed queries.sql
var queriesText string

//go:embed messages.sql
var messagesText string

//go:embed held.sql
var heldText string

//go:embed claims.sql
var claimsText string

var queries = sqlite.Queries(queriesText + "\n" + messagesText + "\n" + heldText + "\n" + claimsText)

// query is a section of queries.sql; an empty statement would run and do
// nothing, so a missing name is a programming error.
func query(name string) string {
	text, ok := queries[name]
	if !ok {
		panic("outbox: no query is named " + name)
	}
	return text
}

// Config says where a journal lies and what it is told of the world.
type Config struct {
	Dir     string // folder of outbox.db; made when missing
	Place   string // feedback.Place.ID this kiosk stands in, told in every boot record
	Program string // version of the agent, told in every boot record

	// Reserve is how many bytes of the disk are kept for the time when it is
	// full; 0 keeps none.
	Reserve int64

	Now       func() time.Time     // wall clock; nil means time.Now
	Monotonic func() time.Duration // never steps, any zero; nil counts from Open
	Rand      io.Reader            // for journal ids and nonces; nil means crypto/rand

	VFS     string                  // SQLite file layer; power-cut tests put theirs here
	SyncDir func(path string) error // nil means durable.SyncDir; power-cut tests listen here
	Logger  *slog.Logger            // nil means slog.Default
}

func (cfg Config) withDefaults() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Monotonic == nil {
		start := time.Now()
		cfg.Monotonic = func() time.Duration { return time.Since(start) }
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.SyncDir == nil {
		cfg.SyncDir = durable.SyncDir
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

func (cfg Config) spare() reserve { return reserve{cfg.Dir, cfg.Reserve} }

// Outbox is an open journal, safe for any number of goroutines.
type Outbox struct {
	*Reader
	cfg     Config
	lock    *os.File
	file    os.FileInfo // of the database file, to notice its removal
	nonce   [16]byte
	booted  time.Duration // cfg.Monotonic at the boot record
	wake    chan struct{}
	reserve reserve
	held    held
}

// Open opens the journal in cfg.Dir, making it when there is none, and commits
// a boot record before it returns: so whatever an earlier process wrote and
// never synced is on the disk before anything is numbered after it or sent.
//
// A damaged file is renamed (see Quarantined) and a new journal begun.
func Open(cfg Config) (*Outbox, error) {
	cfg = cfg.withDefaults()
	if err := durable.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	lock, before, err := acquire(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	o, err := openWhole(cfg, before)
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", errors.Join(err, lock.Close()))
	}
	o.lock = lock
	return o, nil
}

// tell says what journal this is: where one was before and its file is not, a
// person must hear of it.
func (o *Outbox) tell(before bool) {
	b, err := o.Branch()
	if err != nil || b.Head.Seq > 1 {
		return
	}
	if before {
		o.cfg.Logger.Warn("journal was missing, a new one begins", "journal", b.Journal)
		return
	}
	o.cfg.Logger.Info("journal begins", "journal", b.Journal)
}

func openWhole(cfg Config, before bool) (*Outbox, error) {
	if _, err := os.Stat(filepath.Join(cfg.Dir, heldName)); before && errors.Is(err, fs.ErrNotExist) {
		cfg.Logger.Warn("the file of held messages was missing, a new one begins")
	}
	o, err := start(cfg)
	if sqlite.IsFull(err) && cfg.spare().spend() {
		cfg.Logger.Warn("disk is full, the reserve is spent")
		o, err = start(cfg)
	}
	if err == nil {
		o.tell(before)
	}
	if err == nil || !damaged(err) {
		return o, err
	}
	path, setAside := quarantine(cfg, fileName)
	if setAside != nil {
		return nil, errors.Join(err, setAside)
	}
	cfg.Logger.Error("journal was damaged and set aside, a new one begins", "path", path, "err", err)
	return start(cfg)
}

func start(cfg Config) (*Outbox, error) {
	path := filepath.Join(cfg.Dir, fileName)
	db, err := sqlite.Open(sqlite.Config{Path: path, VFS: cfg.VFS, SyncDir: cfg.SyncDir})
	if err != nil {
		return nil, err
	}
	o := &Outbox{Reader: &Reader{db: db, dir: cfg.Dir}, cfg: cfg, wake: make(chan struct{}, 1), reserve: cfg.spare()}
	if err := o.prepare(path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := o.openHeld(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

func (o *Outbox) prepare(path string) (err error) {
	if err := o.db.Check(); err != nil { // first: goose would take a damaged table for a missing one
		return err
	}
	if err := migrate(o.db, "migrations"); err != nil {
		return err
	}
	if o.file, err = os.Stat(path); err != nil {
		return err
	}
	if err := o.boot(); err != nil {
		return err
	}
	if _, err := o.Refill(); err != nil {
		o.cfg.Logger.Warn("no reserve is kept", "err", err)
	}
	return nil
}

// boot commits the first record of this run.
func (o *Outbox) boot() error {
	if _, err := io.ReadFull(o.cfg.Rand, o.nonce[:]); err != nil {
		return fmt.Errorf("draw boot nonce: %w", err)
	}
	err := o.write(func(tx *sql.Tx) error {
		if err := o.begin(tx); err != nil {
			return err
		}
		o.booted = o.cfg.Monotonic()
		_, err := o.append(tx, wire.Boot{Nonce: o.nonce, Wall: o.wall(),
			Place: o.cfg.Place, Program: o.cfg.Program})
		return err
	})
	if err != nil {
		return fmt.Errorf("commit boot record: %w", err)
	}
	return nil
}

// begin makes the journal row of a new file, or verifies what the hub does not
// hold yet of an old one.
func (o *Outbox) begin(tx *sql.Tx) error {
	b, err := branch(tx)
	if !errors.Is(err, sql.ErrNoRows) {
		if err != nil {
			return err
		}
		return verify(tx, b.Received, b.Head)
	}
	id, err := o.newJournal()
	if err != nil {
		return err
	}
	genesis := id.Genesis()
	_, err = tx.Exec(query("begin journal"), sql.Named("id", id[:]), sql.Named("genesis", genesis[:]))
	return err
}

func (o *Outbox) newJournal() (id wire.JournalID, err error) {
	if _, err := io.ReadFull(o.cfg.Rand, id[:]); err != nil {
		return id, fmt.Errorf("draw journal id: %w", err)
	}
	return id, nil
}

// write runs f in a transaction on the journal.
func (o *Outbox) write(f func(tx *sql.Tx) error) error {
	return o.writeTo(o.db, fileName, o.file, f)
}

// Uptime is the time since the boot record.
func (o *Outbox) Uptime() time.Duration { return o.cfg.Monotonic() - o.booted }

// Boot is the nonce of the boot record of this run.
func (o *Outbox) Boot() [16]byte { return o.nonce }

// Wake is signalled after every commit that appended. It holds one signal: who
// waits on it reads until nothing is left.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

// Close lets the file be opened again. Everything is on the disk already.
func (o *Outbox) Close() error {
	err := errors.Join(o.Reader.Close(), o.lock.Close())
	if errors.Is(err, os.ErrClosed) {
		return nil // closed before
	}
	return err
}

func (o *Outbox) uptime() uint64 { return uint64(max(0, o.Uptime().Microseconds())) }

func (o *Outbox) wall() int64 { return o.cfg.Now().UnixMicro() }

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
