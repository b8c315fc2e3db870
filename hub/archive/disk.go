package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// plainDisk says what to do about a disk's error.
func plainDisk(err error) error {
	for _, c := range []struct {
		is  error
		say string
	}{
		{syscall.ENOSPC, "the disk is full: make room or take a larger one"},
		{syscall.EDQUOT, "the quota is used up: raise it"},
		{syscall.EROFS, "the disk is mounted read-only: look for errors of the disk in the system's log, then mount it again"},
		{syscall.EIO, "the disk has errors: replace it"},
		{fs.ErrPermission, "the hub's user may not write there: change the owner of the folder"},
	} {
		if errors.Is(err, c.is) {
			return person{fmt.Errorf("%w; %s", err, c.say)}
		}
	}
	return err
}

// forgetCache drops the clean pages of a synced file, as far as the system
// wants to: what is read next comes from the disk.
func forgetCache(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Apart says whether the folder is on another disk.
func (f *Folder) Apart(folder string) (bool, error) {
	if err := f.marked(); err != nil {
		return false, err
	}
	var here, there syscall.Stat_t
	if err := errors.Join(syscall.Stat(f.dir, &here), syscall.Stat(folder, &there)); err != nil {
		return false, fmt.Errorf("compare disks of %s and %s: %w", f.dir, folder, err)
	}
	return here.Dev != there.Dev, nil
}
