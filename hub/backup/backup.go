package backup

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/durable"
)

// Config says what is copied, and where to.
type Config struct {
	DB     *database.DB
	Ledger *ledger.Ledger
	// Store takes the copies; nil in programs that only look.
	Store archive.Store
	// Data is the hub's folder. A copy is put together there, so it must have
	// room for the database once more, and a half. The recovery key that copies
	// are closed to is there as well.
	Data string
	// Keys are the files and folders below Data that belong to a copy beside
	// the database. Those that are not there are left out.
	Keys []string
	// Verify says whether a device signed a statement; nil: a copy is checked
	// without.
	Verify func(device string, statement, signature []byte) bool
	// Migrate opens every package's tables in an empty schema: there a dump of
	// PostgreSQL is loaded and audited. nil: it is closed unopened.
	Migrate func(ctx context.Context, db *database.DB) error
	// Program is this program's version, for whoever opens a copy later.
	Program string
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// Backup makes copies of the hub.
type Backup struct {
	cfg Config
	sql map[string]string
	log *slog.Logger
}

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queriesText string

// Open brings the table up to date.
func Open(ctx context.Context, cfg Config) (*Backup, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Backup{cfg: cfg, log: cfg.Logger, sql: cfg.DB.Queries(queriesText, "", "")}
	if err := cfg.DB.Migrate(ctx, "backup_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	return b, nil
}

// Names of what is noted for other programs.
const (
	noteStore  = "off-disk-store"
	noteCopy   = "last-copy"
	noteCopyAt = "last-copy-at"
	noteMade   = "copies"         // keys of those in the archive that this hub made, newest first
	noteLost   = "decisions-lost" // a line for each restore: after, until
	noteTried  = "recovery-tried" // when, and which public key
	noteAudit  = "archive-audited"
)

// Notes is what the hub that serves says of its safety.
type Notes struct {
	OffDiskStore string    // names the store off its own disk; empty: there is none
	Copy         string    // key of the last copy; empty: none was made
	CopyAt       time.Time // the moment it holds
	Made         []Copy    // those that this hub keeps in the archive, newest first
	Lost         []Lost    // one for each restore, oldest first
	Audited      time.Time // when the archive was last looked at; zero: never
	KeyTried     time.Time // when a copy was last opened with the recovery key; zero: nobody ever showed to have it
}

// Lost is a span of time whose decisions a restore did not bring back, but for
// deletions and revocations, which the archive remembers.
type Lost struct {
	After time.Time // the moment of the copy
	Until time.Time // the restore; the hub may have died long before
}

func (l Lost) String() string {
	return l.After.Format(time.RFC3339Nano) + " " + l.Until.Format(time.RFC3339Nano)
}

func parseLost(text string) (all []Lost) {
	for line := range strings.Lines(text) {
		after, until, _ := strings.Cut(strings.TrimSpace(line), " ")
		from, err := time.Parse(time.RFC3339Nano, after)
		to, err2 := time.Parse(time.RFC3339Nano, until)
		if errors.Join(err, err2) == nil {
			all = append(all, Lost{from, to})
		}
	}
	return all
}

// Notes reads what was noted last.
func (b *Backup) Notes(ctx context.Context) (n Notes, err error) {
	err = database.Each(ctx, b.cfg.DB.Read(), "read backup notes", b.sql["notes"], func(rows *sql.Rows) error {
		var name, text string
		err := rows.Scan(&name, &text)
		switch name {
		case noteStore:
			n.OffDiskStore = text
		case noteCopy:
			n.Copy = text
		case noteCopyAt:
			n.CopyAt, _ = time.Parse(time.RFC3339Nano, text) // ours; else it shows as never
		case noteAudit:
			n.Audited, _ = time.Parse(time.RFC3339Nano, text) // ours; else it shows as never
		case noteMade:
			n.Made = parseCopies(text)
		case noteLost:
			n.Lost = parseLost(text)
		case noteTried:
			recovery, _ := Recovery(b.cfg.Data) // none: the note is of another
			if at, key, _ := strings.Cut(text, " "); key == recovery {
				n.KeyTried, _ = time.Parse(time.RFC3339Nano, at) // ours; else it shows as never
			}
		}
		return err
	})
	return n, err
}

// NoteStore says which store is off the hub's own disk; empty for none.
func (b *Backup) NoteStore(ctx context.Context, name string) error {
	return b.note(ctx, map[string]string{noteStore: name})
}

// NoteAudit says when all of the archive was looked at.
func (b *Backup) NoteAudit(ctx context.Context, at time.Time) error {
	return b.note(ctx, map[string]string{noteAudit: at.UTC().Format(time.RFC3339Nano)})
}

// noteLost adds to what earlier restores lost.
func (b *Backup) noteLost(ctx context.Context, is Lost) error {
	before, err := b.Notes(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, l := range append(before.Lost, is) {
		fmt.Fprintln(&text, l)
	}
	return b.note(ctx, map[string]string{noteLost: text.String()})
}

func (b *Backup) note(ctx context.Context, notes map[string]string) error {
	err := b.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for name, text := range notes {
			if _, err := tx.Exec(ctx, b.sql["note"], name, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note for other programs: %w", err)
	}
	return nil
}

// work is where copies are put together, below the data folder: what is in it
// is as open as the database beside it. Only one copy is made at a time.
const work = ".backup"

// workFolder is fresh: what a kill left there goes first.
func (b *Backup) workFolder() (dir string, done func(), err error) {
	outer := filepath.Join(b.cfg.Data, work)
	dir = filepath.Join(outer, "copy")
	if err := durable.MkdirAll(outer, 0o700); err != nil {
		return "", nil, err
	}
	lock, err := durable.Lock(outer)
	if err != nil {
		return "", nil, fmt.Errorf("is another copy being made? %w", err)
	}
	done = func() {
		if err := errors.Join(os.RemoveAll(dir), lock.Close()); err != nil {
			b.log.Warn("clear away what a copy was made of", "err", err)
		}
	}
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		done()
		return "", nil, fmt.Errorf("make room for a copy: %w", err)
	}
	return dir, done, nil
}

// keyFiles are the regular files that Keys mean, by names relative to Data.
func (b *Backup) keyFiles() (names []string, err error) {
	for _, key := range b.cfg.Keys {
		err := filepath.WalkDir(filepath.Join(b.cfg.Data, key), func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, ".tmp") {
				return err
			}
			name, err := filepath.Rel(b.cfg.Data, path)
			names = append(names, filepath.ToSlash(name))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list the hub's keys: %w", err)
		}
	}
	return names, nil
}
