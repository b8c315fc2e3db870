// Package durable writes files that survive a power cut.
//
// It promises that after WriteFile returns nil the path holds all of the new
// bytes, and that at every moment before that it holds all of the old ones or
// nothing of the new: never a mixture, never an empty file.
//
// It does not lock and it does not merge: of two writers of one path, the last
// one wins.
package durable

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces path by data:
//
//	openat(dir/.name-*.tmp, O_CREAT|O_EXCL)  write  fchmod  fsync  close
//	renameat(dir/.name-*.tmp, dir/name)  openat(dir)  fsync  close
//
// A name left over by a cut ends in .tmp and begins with a dot; nobody reads it.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	temp, err := writeTemp(dir, name, data, perm)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp) // the rename's error is the one to tell
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(dir)
}

func writeTemp(dir, name string, data []byte, perm fs.FileMode) (temp string, err error) {
	f, err := os.CreateTemp(dir, "."+name+"-*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	if _, err := f.Write(data); err != nil {
		return "", err
	}
	if err := f.Chmod(perm); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

// SyncDir makes the names in a folder durable: what was created, renamed or
// removed there before the call stays so after a power cut.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	defer d.Close() // opened for reading: nothing to lose
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}

// MkdirAll makes path and every missing folder above it, durably. A folder
// that is there keeps its permissions.
func MkdirAll(path string, perm fs.FileMode) error {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("make folder %s: a file of that name is in the way", path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, perm); err != nil && !os.IsExist(err) {
		return fmt.Errorf("make folder: %w", err)
	}
	return SyncDir(parent)
}
