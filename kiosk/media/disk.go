package media

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"nghe/shared/durable"
)

// disk is what the spool asks of a file system, each step of it one that a
// power cut may come before or after.
type disk interface {
	mkdir(path string) error              // durable
	write(path string, data []byte) error // durable, whole or not at all
	link(from, to string) error           // durable after syncDir of to's folder
	remove(path string) error             // durable after syncDir of its folder
	syncDir(path string) error
	list(path string) ([]file, error)
	written(path string) (time.Time, error)
	date(path string, t time.Time) error // what written says from now on
}

type file struct {
	name string
	size int64
}

// system is the operating system's.
type system struct{}

func (system) mkdir(path string) error { return durable.MkdirAll(path, 0o700) }

func (system) write(path string, data []byte) error { return durable.WriteFile(path, data, 0o600) }

func (system) link(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) { // from a move that was cut
		return nil
	}
	return err
}

func (system) remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (system) syncDir(path string) error { return durable.SyncDir(path) }

func (system) list(path string) (files []file, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			files = append(files, file{e.Name(), info.Size()})
		}
	}
	return files, nil
}

func (system) written(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (system) date(path string, t time.Time) error { return os.Chtimes(path, t, t) }

func statfs(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * s.Bsize, nil
}
