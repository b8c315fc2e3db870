package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/seal"
)

// manifest is the first file of a copy.
type manifest struct {
	Format  int              `json:"format"`
	Engine  database.Engine  `json:"engine"`
	Program string           `json:"program"`
	At      int64            `json:"at_us"` // decisions up to here are in the copy
	Epoch   uint64           `json:"epoch"`
	Records int              `json:"records"` // that the ledger's audit met
	Tables  []database.Table `json:"tables,omitempty"`
	Files   []file           `json:"files"`
}

// file is one file of a copy.
type file struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	format       = 1
	manifestName = "manifest.json"
	sqliteName   = "hub.db"
	tablesFolder = "tables/" // one file per table, in the text of PostgreSQL's COPY
	keysFolder   = "keys/"   // as they lie in the data folder
)

// Copy makes a copy of the hub, checks it, closes it to the recovery key, puts
// it into the archive, reads it back, and lets go of copies that are no longer
// needed. A hub whose ledger is damaged is not copied: the copies there are
// better.
func (b *Backup) Copy(ctx context.Context) (Copy, error) {
	c, err := b.copy(ctx)
	if err != nil {
		return Copy{}, fmt.Errorf("copy the hub: %w", err)
	}
	// An archive may rightly forbid it; to make another copy would not help.
	if err := b.tidy(ctx); err != nil {
		b.log.Warn("old copies stay", "err", err)
	}
	return c, nil
}

func (b *Backup) copy(ctx context.Context) (Copy, error) {
	dir, done, err := b.workFolder()
	if err != nil {
		return Copy{}, err
	}
	defer done()
	if err := b.room(); err != nil {
		return Copy{}, err
	}
	m := manifest{Format: format, Engine: b.cfg.DB.Engine(), Program: b.cfg.Program, At: b.cfg.Now().UnixMicro()}
	if m.Engine == database.SQLite {
		err = b.copySQLite(ctx, dir, &m)
	} else {
		err = b.copyPostgres(ctx, dir, &m)
	}
	if err != nil {
		return Copy{}, err
	}
	sealed := filepath.Join(dir, "sealed")
	ref, err := b.seal(dir, sealed, m)
	if err != nil {
		return Copy{}, err
	}
	return b.upload(ctx, sealed, ref, m.At)
}

// spareRoom must stay free beside a copy: a full disk would stop the hub.
const spareRoom = 256 << 20

// room refuses to begin what would fill the disk that kiosks' records go to:
// the copy, and the same again closed.
func (b *Backup) room() error {
	info, err := os.Stat(filepath.Join(b.cfg.Data, sqliteName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the database is elsewhere
	}
	if err != nil {
		return err
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(b.cfg.Data, &s); err != nil {
		return err
	}
	free, need := int64(s.Bavail)*s.Bsize, 2*info.Size()+spareRoom
	if free < need {
		return fmt.Errorf("%d MiB are free beside the database, a copy needs %d: make room, or move the data folder to a larger disk", free>>20, need>>20)
	}
	return nil
}

// copySQLite takes the file and checks it as a hub would open it.
func (b *Backup) copySQLite(ctx context.Context, dir string, m *manifest) error {
	path := filepath.Join(dir, sqliteName)
	if err := b.cfg.DB.CopyTo(ctx, path); err != nil {
		return err
	}
	db, err := database.Open(ctx, "sqlite:"+path)
	if err != nil {
		return err
	}
	err = b.check(ctx, db, m)
	return errors.Join(err, db.Close())
}

func (b *Backup) check(ctx context.Context, db *database.DB, m *manifest) error {
	if err := db.Check(); err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Config{DB: db, Now: b.cfg.Now, Logger: b.log})
	if err != nil {
		return err
	}
	return b.audit(ctx, l, m)
}

func (b *Backup) audit(ctx context.Context, l *ledger.Ledger, m *manifest) (err error) {
	if m.Epoch, err = l.Epoch(ctx); err != nil {
		return err
	}
	a, err := l.Audit(ctx, b.cfg.Verify)
	if err != nil {
		return err
	}
	if !a.Whole() {
		return fmt.Errorf("the ledger is not whole, so the last good copy stays the newest: %d problems, the first: %s; run hub audit", len(a.Problems), a.Problems[0])
	}
	m.Records = a.Records
	return nil
}

// copyPostgres writes every table at one moment, and opens what it wrote in a
// schema of its own.
func (b *Backup) copyPostgres(ctx context.Context, dir string, m *manifest) error {
	if err := b.audit(ctx, b.cfg.Ledger, m); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, tablesFolder), 0o700); err != nil {
		return err
	}
	m.At = b.cfg.Now().UnixMicro()
	var open *os.File
	err := b.cfg.DB.Dump(ctx, func(t database.Table) (_ io.Writer, err error) {
		if open != nil {
			err = open.Close()
		}
		if err == nil {
			open, err = os.OpenFile(filepath.Join(dir, tablesFolder, t.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			m.Tables = append(m.Tables, t)
		}
		return open, err
	})
	if open != nil {
		err = errors.Join(err, open.Close())
	}
	if err != nil {
		return err
	}
	return b.openDump(ctx, dir, m)
}

// openDump loads a dump and audits the ledger in it. Where no schema can be made
// for that, what was audited a moment before must do.
func (b *Backup) openDump(ctx context.Context, dir string, m *manifest) error {
	if b.cfg.Migrate == nil {
		return nil
	}
	scratch, done, err := b.cfg.DB.Scratch(ctx)
	if err != nil {
		b.log.Warn("the copy is closed without having been opened: let the database's user make a schema", "err", err)
		return nil
	}
	return errors.Join(b.loadAndCheck(ctx, scratch, dir, m), done())
}

func (b *Backup) loadAndCheck(ctx context.Context, scratch *database.DB, dir string, m *manifest) error {
	if err := b.cfg.Migrate(ctx, scratch); err != nil {
		return err
	}
	err := scratch.Load(ctx, m.Tables, func(name string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, tablesFolder, name))
	})
	if err != nil {
		return err
	}
	return b.check(ctx, scratch, m)
}

// seal writes tar, gzip and age in one go.
func (b *Backup) seal(dir, path string, m manifest) (blob.Ref, error) {
	recovery, err := Recovery(b.cfg.Data)
	if err != nil {
		return blob.Ref{}, err
	}
	sources, err := b.sources(dir, &m)
	if err != nil {
		return blob.Ref{}, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return blob.Ref{}, err
	}
	hash := &counted{hash: sha256.New()}
	err = writeSealed(io.MultiWriter(f, hash), recovery, m, sources)
	if err := errors.Join(err, f.Close()); err != nil {
		return blob.Ref{}, fmt.Errorf("close the copy to the recovery key: %w", err)
	}
	return blob.Ref{Hash: blob.Hash(hash.hash.Sum(nil)), Size: hash.n}, nil
}

// counted is a hash that knows how much it has seen.
type counted struct {
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	n uint64
}

func (c *counted) Write(p []byte) (int, error) {
	c.n += uint64(len(p))
	return c.hash.Write(p)
}

// sources hashes every file of the copy and says where it lies.
func (b *Backup) sources(dir string, m *manifest) (map[string]string, error) {
	where := map[string]string{}
	add := func(name, path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close() // read only
		ref, err := blob.Sum(f)
		m.Files = append(m.Files, file{name, int64(ref.Size), ref.Hash.String()})
		where[name] = path
		return err
	}
	keys, err := b.keyFiles()
	if err != nil {
		return nil, err
	}
	for _, name := range keys {
		if err := add(keysFolder+name, filepath.Join(b.cfg.Data, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
	}
	if m.Engine == database.SQLite {
		return where, add(sqliteName, filepath.Join(dir, sqliteName))
	}
	for _, t := range m.Tables {
		if err := add(tablesFolder+t.Name, filepath.Join(dir, tablesFolder, t.Name)); err != nil {
			return nil, err
		}
	}
	return where, nil
}

func writeSealed(w io.Writer, reader string, m manifest, sources map[string]string) error {
	sealed, err := seal.Stream(w, []string{reader})
	if err != nil {
		return err
	}
	packed, _ := gzip.NewWriterLevel(sealed, gzip.BestSpeed) // the level is a good one
	files := tar.NewWriter(packed)
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := putFile(files, manifestName, int64(len(text)), bytes.NewReader(text)); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := putPath(files, f, sources[f.Name]); err != nil {
			return err
		}
	}
	return errors.Join(files.Close(), packed.Close(), sealed.Close())
}

func putPath(files *tar.Writer, f file, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close() // read only
	return putFile(files, f.Name, f.Size, source)
}

func putFile(files *tar.Writer, name string, size int64, body io.Reader) error {
	if err := files.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600}); err != nil {
		return err
	}
	_, err := io.Copy(files, body)
	return err
}

// upload gives the copy the next number.
func (b *Backup) upload(ctx context.Context, path string, ref blob.Ref, at int64) (Copy, error) {
	copies, err := Copies(ctx, b.cfg.Store)
	if err != nil {
		return Copy{}, err
	}
	notes, err := b.Notes(ctx)
	if err != nil {
		return Copy{}, err
	}
	c := Copy{Number: next(copies), At: time.UnixMicro(at).UTC().Truncate(time.Second)}
	f, err := os.Open(path)
	if err != nil {
		return Copy{}, err
	}
	defer f.Close() // read only
	if err := archive.Verified(b.cfg.Store).Put(ctx, c.Key(), ref, f); err != nil {
		return Copy{}, err
	}
	b.log.Info("copied the hub", "key", c.Key(), "bytes", ref.Size)
	return c, b.note(ctx, map[string]string{noteCopy: c.Key(), noteCopyAt: time.UnixMicro(at).UTC().Format(time.RFC3339Nano),
		noteMade: keysOf(append([]Copy{c}, notes.Made...))})
}
