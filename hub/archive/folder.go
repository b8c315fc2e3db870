package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"nghe/shared/blob"
	"nghe/shared/durable"
)

const (
	markName    = ".nghe-archive"    // in the folder, so that an unplugged disk is noticed
	partialName = ".partial"         // what is being written
	forgotten   = 24 * time.Hour     // after which something partial was left by a kill
	archiveMode = fs.FileMode(0o700) // of folders
)

// Folder is a Store in a folder: a second disk, or a share of another machine.
type Folder struct {
	dir  string
	link func(old, new string) error
	now  func() time.Time

	mu   sync.Mutex      // guards what follows, and puts where there are no hard links
	mark string          // what the mark said when the folder was first used
	made map[string]bool // folders that are there and durable
}

var _ Store = (*Folder)(nil)

// NewFolder keeps blobs in dir. Nothing is made there before the first use, so
// that a disk that is not there yet does not stop anybody.
func NewFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open archive folder: %w", err)
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("open archive folder %s: a file of that name is in the way", dir)
	}
	return &Folder{dir: dir, link: os.Link, now: time.Now, made: map[string]bool{}}, nil
}

func (f *Folder) String() string { return "folder " + f.dir }

// Dir is where it stands.
func (f *Folder) Dir() string { return f.dir }

// Put writes a file beside its place, syncs it, links it into place, and syncs
// the folder. A link never replaces.
func (f *Folder) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := f.ready(ctx, key); err != nil {
		return err
	}
	err := f.write(key, ref, body)
	if errors.Is(err, fs.ErrExist) {
		if err := same(ctx, f, key, ref); err != nil {
			return err
		}
		err = syncFile(f.path(key)) // it may have been linked a moment before a kill
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(f.path(key)))
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, plainDisk(err))
	}
	return nil
}

func (f *Folder) write(key string, ref blob.Ref, body io.ReadSeeker) error {
	path := f.path(key)
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	if err := f.make(filepath.Dir(path)); err != nil {
		return err
	}
	temp, err := f.writePartial(ref, body)
	if temp != "" {
		defer os.Remove(temp) // what a kill leaves is removed by a later start
	}
	if err != nil {
		return err
	}
	err = f.place(temp, path)
	if errors.Is(err, fs.ErrNotExist) { // somebody took the folder away
		f.mu.Lock()
		clear(f.made)
		f.mu.Unlock()
		if err = f.make(filepath.Dir(path)); err == nil {
			err = f.place(temp, path)
		}
	}
	return err
}

// make makes a folder, and syncs the names of those above it once a process: a
// kill may have come between making and syncing.
func (f *Folder) make(folder string) error {
	f.mu.Lock()
	known := f.made[folder]
	f.mu.Unlock()
	if known {
		return nil
	}
	if err := durable.MkdirAll(folder, archiveMode); err != nil {
		return err
	}
	for above := folder; above != f.dir; {
		above = filepath.Dir(above)
		if err := durable.SyncDir(above); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made[folder] = true
	return nil
}

func (f *Folder) writePartial(ref blob.Ref, body io.ReadSeeker) (temp string, err error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(filepath.Join(f.dir, partialName), "")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	v := blob.Verify(ref)
	if _, err := io.Copy(io.MultiWriter(file, v), body); err != nil {
		return file.Name(), err
	}
	if err := errors.Join(v.Whole(), file.Chmod(0o600), file.Sync()); err != nil {
		return file.Name(), err
	}
	forgetCache(file) // so that reading back reads the disk
	return file.Name(), nil
}

// place gives a synced file its name, unless the name is taken. A file system
// without hard links (exFAT) gets a rename: of two processes that put other
// bytes under one key at one moment, the last would win there.
func (f *Folder) place(temp, path string) error {
	err := f.link(temp, path)
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(temp, path)
}

// Get opens the file.
func (f *Folder) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := f.ready(ctx, key); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("get %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, plainDisk(err))
	}
	return file, nil
}

// Delete removes the file and syncs the folder.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := f.ready(ctx, key); err != nil {
		return err
	}
	path := f.path(key)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, plainDisk(err))
	}
	return nil
}

// List walks the folders that can hold the prefix.
func (f *Folder) List(ctx context.Context, prefix string, yield func(key string) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	if err := f.marked(); err != nil {
		return fmt.Errorf("list %q: %w", prefix, err)
	}
	return f.walk(ctx, "", prefix, yield)
}

// walk visits one folder in the order of keys: "a-b" stands before "a/b".
func (f *Folder) walk(ctx context.Context, folder, prefix string, yield func(key string) error) error {
	entries, err := os.ReadDir(filepath.Join(f.dir, filepath.FromSlash(folder)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list %q: %w", prefix, plainDisk(err))
	}
	for _, name := range inOrder(entries) {
		key := folder + name
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list %q: %w", prefix, err)
		}
		switch {
		case strings.HasSuffix(key, "/") && (strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key)):
			err = f.walk(ctx, key, prefix, yield)
		case !strings.HasSuffix(key, "/") && strings.HasPrefix(key, prefix):
			err = yield(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ready looks at the key, the context and the folder before each operation.
func (f *Folder) ready(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err := f.marked(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// marked makes sure that the folder is the one it was: an unplugged disk
// leaves an empty folder under the same name, on the wrong disk.
func (f *Folder) marked() error {
	path := filepath.Join(f.dir, markName)
	f.mu.Lock()
	defer f.mu.Unlock()
	mark, err := os.ReadFile(path)
	switch {
	case f.mark == "" && errors.Is(err, fs.ErrNotExist):
		return f.begin(path)
	case f.mark == "" && err == nil:
		f.mark = string(mark)
		return f.forget()
	case errors.Is(err, fs.ErrNotExist), err == nil && f.mark != string(mark):
		return person{fmt.Errorf("folder %s is not the archive it was: mount its disk again", f.dir)}
	case err != nil:
		return plainDisk(err)
	}
	return nil
}

// begin makes the folder an archive.
func (f *Folder) begin(path string) error {
	if err := durable.MkdirAll(filepath.Join(f.dir, partialName), archiveMode); err != nil {
		return plainDisk(err)
	}
	mark := rand.Text() + "\n"
	if err := durable.WriteFile(path, []byte(mark), 0o600); err != nil {
		return plainDisk(err)
	}
	f.mark = mark
	return nil
}

// forget removes what a kill left half written.
func (f *Folder) forget() error {
	partial := filepath.Join(f.dir, partialName)
	if err := durable.MkdirAll(partial, archiveMode); err != nil {
		return plainDisk(err)
	}
	entries, err := os.ReadDir(partial)
	if err != nil {
		return plainDisk(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && f.now().Sub(info.ModTime()) > forgotten {
			_ = os.Remove(filepath.Join(partial, e.Name())) // the next start tries again
		}
	}
	return nil
}

func (f *Folder) path(key string) string { return filepath.Join(f.dir, filepath.FromSlash(key)) }

// inOrder gives names in the order of keys, folders with their slash.
func inOrder(entries []fs.DirEntry) []string {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
		case e.IsDir():
			names = append(names, name+"/")
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
