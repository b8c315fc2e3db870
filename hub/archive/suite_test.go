package archive_test

import (
	"syscall"
	"testing"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/archive/s3test"
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
