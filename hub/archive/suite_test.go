package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/archive/s3test"
	"nghe/shared/blob"
)

func TestMemory(t *testing.T) {
	archivetest.Run(t, func(*testing.T) archive.Store { return new(archivetest.Memory) })
}

func TestFolder(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archive.Store { return open(t, t.TempDir()) })
}

// A file system without hard links, like exFAT.
func TestFolderWithoutLinks(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archive.Store {
		f := open(t, t.TempDir()).(*archive.Folder)
		f.SetLink(func(string, string) error { return syscall.EPERM })
		return f
	})
}

func TestS3(t *testing.T) {
	server := s3test.Start(t)
	archivetest.Run(t, func(t *testing.T) archive.Store { return open(t, server.Location) })
}

func open(t *testing.T, location string) archive.Store {
	t.Helper()
	s, err := archive.Open(location)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whoever takes folders out of the archive while the hub runs must not keep what
// was in them from being put again.
func TestFolderTakenAwayIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	f, err := archive.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte("again")
	for range 2 {
		if err := archive.Verified(f).Put(t.Context(), "segments/a/b", blob.Of(b), bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "segments")); err != nil {
			t.Fatal(err)
		}
	}
}

// A server on the hub's own machine has the hub's clock.
func TestServerOnThisMachineHasNoOtherClock(t *testing.T) {
	s := open(t, s3test.Start(t).Location)
	if err := s.List(t.Context(), "", func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if at, heard := archive.Clock(s); heard {
		t.Errorf("reads %v", at)
	}
}
