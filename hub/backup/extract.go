package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/shared/durable"
	"nghe/shared/seal"
)

// extract opens a copy with the recovery key's secret and lays its files into a
// folder: keys where they lay, database or tables beside them. Nothing counts
// before all of it was read.
func extract(ctx context.Context, store archive.Store, key, secret, dir string) (manifest, error) {
	m, err := extractFrom(ctx, store, key, secret, dir)
	if err != nil {
		return manifest{}, fmt.Errorf("open copy %s: %w", key, otherKey(err))
	}
	return m, nil
}

// opens says whether a secret opens a copy, by its beginning.
func opens(ctx context.Context, store archive.Store, key, secret string) error {
	body, err := store.Get(ctx, key)
	if err == nil {
		defer body.Close() // read only
		if _, err = seal.OpenStream(body, secret); err != nil {
			err = notOurs{otherKey(err)}
		}
	}
	if err != nil {
		return fmt.Errorf("open copy %s: %w", key, err)
	}
	return nil
}

// errNotOurs says that what stands there is no copy that the key opens.
var errNotOurs = errors.New("not a copy of this hub")

// notOurs is errNotOurs without a word more.
type notOurs struct{ error }

func (notOurs) Is(target error) bool { return target == errNotOurs }

func otherKey(err error) error {
	if errors.Is(err, seal.ErrOtherReader) {
		return errors.New("this recovery key does not open it; give the one that this hub printed when it was first started")
	}
	return err
}

func extractFrom(ctx context.Context, store archive.Store, key, secret, dir string) (m manifest, err error) {
	body, err := store.Get(ctx, key)
	if err != nil {
		return m, err
	}
	defer body.Close() // read only
	opened, err := seal.OpenStream(body, secret)
	if err != nil {
		return m, err
	}
	packed, err := gzip.NewReader(opened)
	if err != nil {
		return m, err
	}
	if m, err = extractAll(tar.NewReader(packed), dir); err != nil {
		return m, err
	}
	// To the end: only there it is known that nothing was cut off.
	for _, r := range []io.Reader{packed, opened} {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return m, err
		}
	}
	return m, nil
}

func extractAll(files *tar.Reader, dir string) (m manifest, err error) {
	header, err := files.Next()
	if err != nil || header.Name != manifestName {
		return m, fmt.Errorf("not a copy of a hub: %w", errors.Join(err))
	}
	if err := json.NewDecoder(io.LimitReader(files, maxHead<<4)).Decode(&m); err != nil {
		return m, fmt.Errorf("read its list of files: %w", err)
	}
	if m.Format != format {
		return m, fmt.Errorf("format %d is newer than this program; install the newer one", m.Format)
	}
	for _, want := range m.Files {
		header, err := files.Next()
		if err != nil {
			return m, fmt.Errorf("file %s is missing: %w", want.Name, err)
		}
		if header.Name != want.Name {
			return m, fmt.Errorf("holds %s where %s should be", header.Name, want.Name)
		}
		if err := extractOne(files, want, dir); err != nil {
			return m, fmt.Errorf("file %s: %w", want.Name, err)
		}
	}
	return m, nil
}

func extractOne(r io.Reader, want file, dir string) error {
	path, err := placeInside(want.Name, dir)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if n != want.Size || hex.EncodeToString(hash.Sum(nil)) != want.SHA256 {
		return errors.New("is not what its list says: the copy is damaged")
	}
	return durable.SyncDir(filepath.Dir(path))
}

// placeInside gives each kind of file its place below dir.
func placeInside(name, dir string) (string, error) {
	inside := name
	if key, ok := strings.CutPrefix(name, keysFolder); ok {
		inside = key
	} else if table, ok := strings.CutPrefix(name, tablesFolder); ok {
		inside = filepath.Join(tablesDir, table)
	} else if name != sqliteName {
		return "", errors.New("does not belong into a copy")
	}
	if !filepath.IsLocal(filepath.FromSlash(inside)) {
		return "", errors.New("does not belong into a copy")
	}
	return filepath.Join(dir, filepath.FromSlash(inside)), nil
}

// tablesDir holds tables on their way into PostgreSQL.
const tablesDir = ".restore-tables"

// load fills PostgreSQL, whose tables are there, from an opened copy.
func load(ctx context.Context, db *database.DB, m manifest, dir string) error {
	err := db.Load(ctx, m.Tables, func(name string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, tablesDir, name))
	})
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, tablesDir)))
}

// Inspect opens a copy with the recovery key's secret, in a folder that must
// not be there yet and is taken away again, and checks all of it: every file's
// hash, and for SQLite the database and its ledger. That somebody has the key is
// noted.
func (b *Backup) Inspect(ctx context.Context, c Copy, secret string) error {
	dir, done, err := b.workFolder()
	if err != nil {
		return err
	}
	defer done()
	m, err := extract(ctx, b.cfg.Store, c.Key(), secret, dir)
	if err != nil {
		return err
	}
	if m.Engine == database.SQLite {
		db, err := database.Open(ctx, "sqlite:"+filepath.Join(dir, sqliteName))
		if err != nil {
			return err
		}
		if err := errors.Join(b.check(ctx, db, &m), db.Close()); err != nil {
			return err
		}
	}
	recovery, err := Recovery(b.cfg.Data)
	if err != nil {
		return err
	}
	return b.note(ctx, map[string]string{noteTried: b.cfg.Now().Format(time.RFC3339Nano) + " " + recovery})
}
