package media

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"nghe/shared/durable"
)

// disk is what the spool asks of a file system, each step of it one that a
// power cut may come before or after.
type disk interface {
	mkdir(path string) error                       // durable
	write(path string, data []byte) error          // durable, whole or not at all
	link(from, to string) error                    // durable after syncDir of to's folder
	remove(path string) error                      // durable after syncDir of its folder
	create(path string) error                      // an empty file, durable after syncDir of its folder
	fill(path string, at int64, data []byte) error // durable, but a cut may leave any part
	clear(path string) error                       // durable
	read(path string, n int) ([]byte, error)
	syncDir(path string) error
	list(path string) ([]file, error)
	written(path string) (time.Time, error)
	date(path string, t time.Time) error // of last reading and last change
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

func (system) create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (system) fill(path string, at int64, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, at)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (system) clear(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (system) read(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	data := make([]byte, n)
	read, err := io.ReadFull(f, data)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data[:read], err
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
