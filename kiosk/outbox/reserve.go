package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"nghe/shared/durable"
)

const reserveName = "outbox.reserve"

// reserve is a file of nothing that takes room beside the journal while there
// is plenty. A full disk takes no deletion in SQLite either, so only giving up
// a file of another kind lets answers go on.
type reserve struct {
	dir  string
	size int64 // 0: none is wanted
}

func (r reserve) path() string { return filepath.Join(r.dir, reserveName) }

func (r reserve) kept() bool {
	info, err := os.Stat(r.path())
	return err == nil && info.Size() > 0
}

// spend gives the room to the journal; false when there is none to give.
func (r reserve) spend() bool {
	if os.Remove(r.path()) != nil {
		return false
	}
	return durable.SyncDir(r.dir) == nil
}

// fill takes the room again, if twice as much is left besides.
func (r reserve) fill() (bool, error) {
	if r.size <= 0 || r.kept() {
		return false, nil
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(r.dir, &s); err != nil {
		return false, fmt.Errorf("keep a reserve: %w", err)
	}
	if int64(s.Bavail)*s.Bsize < 3*r.size {
		return false, nil
	}
	if err := r.take(); err != nil {
		return false, fmt.Errorf("keep a reserve: %w", err)
	}
	return true, nil
}

func (r reserve) take() error {
	f, err := os.OpenFile(r.path(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = allocate(f, r.size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(r.path()))
	}
	return durable.SyncDir(r.dir)
}

// allocate takes real blocks, not a hole.
func allocate(f *os.File, size int64) error {
	err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if !errors.Is(err, syscall.EOPNOTSUPP) {
		return err
	}
	block := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(block)) {
		if _, err = f.Write(block[:min(left, int64(len(block)))]); err != nil {
			return err
		}
	}
	return nil
}

// Reserve says whether the reserve for a full disk is whole. It is not after
// answers had to be kept in its room.
func (o *Outbox) Reserve() bool { return o.reserve.kept() }

// Refill takes the reserve again once there is room. It tells whether it did.
func (o *Outbox) Refill() (bool, error) { return o.reserve.fill() }
