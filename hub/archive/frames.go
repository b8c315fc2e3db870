package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nghe/shared/blob"
	"nghe/shared/durable"
)

const (
	partialDir = "partial"
	wholeDir   = "whole"
	unfinished = ".tmp"  // end of the name of a copy being made
	frameHead  = 8       // bytes before a frame's own
	maxFrame   = 1 << 20 // bytes of one piece
)

// A partial file is a row of frames:
//
//	bytes  what
//	4      length n of the piece, big endian
//	4      CRC-32C of the piece's place in the blob (8 bytes, big endian) and the piece
//	n      the piece
//
// A frame is written and synced before its bytes are acknowledged, so a cut can
// spoil only what follows the last acknowledged frame, and the sum shows where
// that begins.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frameSum(place uint64, piece []byte) uint32 {
	sum := crc32.Update(0, castagnoli, binary.BigEndian.AppendUint64(nil, place))
	return crc32.Update(sum, castagnoli, piece)
}

func frame(place uint64, piece []byte) []byte {
	b := make([]byte, 0, frameHead+len(piece))
	b = binary.BigEndian.AppendUint32(b, uint32(len(piece)))
	b = binary.BigEndian.AppendUint32(b, frameSum(place, piece))
	return append(b, piece...)
}

// readFrames gives each good piece to take, and says how far the file is good.
// A frame that is not good is the end, not an error.
func readFrames(r io.Reader, size uint64, take func(piece []byte) error) (offset uint64, length int64, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var head [frameHead]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return offset, length, notEnd(err)
		}
		n := uint64(binary.BigEndian.Uint32(head[:4]))
		if n == 0 || n > maxFrame || n > size-offset {
			return offset, length, nil
		}
		piece := make([]byte, n)
		if _, err := io.ReadFull(in, piece); err != nil {
			return offset, length, notEnd(err)
		}
		if frameSum(offset, piece) != binary.BigEndian.Uint32(head[4:]) {
			return offset, length, nil
		}
		if err := take(piece); err != nil {
			return offset, length, err
		}
		offset, length = offset+n, length+frameHead+int64(n)
	}
}

func notEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// extend writes and syncs one frame. It needs the entry's mutex.
func (s *Spool) extend(e *entry, b []byte) error {
	flag := os.O_RDWR | os.O_CREATE
	if e.length == 0 {
		flag |= os.O_TRUNC
	}
	f, err := s.disk.OpenFile(s.path(partialDir, e.ref), flag)
	if err == nil {
		err = s.writeFrame(f, e, b)
		err = errors.Join(err, f.Close())
	}
	if err == nil && e.length == 0 {
		err = s.disk.SyncDir(s.dir(partialDir))
	}
	if err != nil {
		if e.offset == 0 {
			err = errors.Join(err, s.drop(e)) // nothing is held, so no room is
		}
		return err
	}
	e.offset += uint64(len(b))
	e.length += frameHead + int64(len(b))
	return nil
}

// writeFrame leaves the file as it was when it cannot write. When it cannot
// sync, nothing says any longer what of the file is on the disk: all of it is
// asked for again.
func (s *Spool) writeFrame(f diskFile, e *entry, b []byte) error {
	if _, err := f.WriteAt(frame(e.offset, b), e.length); err != nil {
		return errors.Join(err, f.Truncate(e.length))
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, s.spoilt(e))
	}
	return nil
}

// finish copies the pieces into the whole blob, verifying them, and gives it
// its name once it is synced. It needs the entry's mutex.
func (s *Spool) finish(e *entry) error {
	path := s.path(wholeDir, e.ref)
	if err := s.assemble(e, path+unfinished); err != nil {
		_ = s.disk.Remove(path + unfinished) // the next process would
		return err
	}
	if err := s.disk.Rename(path+unfinished, path); err != nil {
		return err
	}
	if err := s.disk.SyncDir(s.dir(wholeDir)); err != nil {
		return err
	}
	e.whole, e.verified = true, true
	_ = s.remove(partialDir, e.ref) // the next process would
	return nil
}

func (s *Spool) assemble(e *entry, path string) error {
	out, err := s.disk.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	v := blob.Verify(e.ref)
	if e.ref.Size > 0 {
		err = s.copyPieces(e, io.MultiWriter(v, out))
	}
	if err == nil {
		err = v.Whole()
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

func (s *Spool) copyPieces(e *entry, to io.Writer) error {
	in, err := s.disk.OpenFile(s.path(partialDir, e.ref), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	_, _, err = readFrames(in, e.ref.Size, func(piece []byte) error {
		_, err := to.Write(piece)
		return err
	})
	return err
}

// verify hashes a whole blob.
func (s *Spool) verify(ref blob.Ref) error {
	f, err := s.disk.OpenFile(s.path(wholeDir, ref), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob %s: its file was removed: %w", ref.Hash, blob.ErrDamaged)
	}
	if err != nil {
		return err
	}
	defer f.Close() // read only
	return blob.Check(ref, f)
}

// recover takes over the files of an earlier process.
func (s *Spool) recover() error {
	if err := s.eachFile(wholeDir, s.recoverWhole); err != nil {
		return err
	}
	if err := s.eachFile(partialDir, s.recoverPartial); err != nil {
		return err
	}
	return errors.Join(s.disk.SyncDir(s.dir(wholeDir)), s.disk.SyncDir(s.dir(partialDir)))
}

// eachFile passes the blobs of a folder by name, and removes copies that were
// never finished. Other names are somebody else's.
func (s *Spool) eachFile(kind string, do func(ref blob.Ref, info fs.FileInfo) error) error {
	entries, err := s.disk.ReadDir(s.dir(kind))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), unfinished) {
			if err := s.disk.Remove(filepath.Join(s.dir(kind), entry.Name())); err != nil {
				return err
			}
			continue
		}
		ref, err := parseRef(entry.Name())
		if err != nil {
			continue
		}
		info, err := entry.Info()
		if err == nil {
			err = do(ref, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseRef(name string) (blob.Ref, error) {
	digits, size, _ := strings.Cut(name, "-")
	hash, err := blob.ParseHash(digits)
	if err != nil {
		return blob.Ref{}, err
	}
	n, err := strconv.ParseUint(size, 10, 63)
	return blob.Ref{Hash: hash, Size: n}, err
}

// recoverWhole believes a file's length and nothing else, yet.
func (s *Spool) recoverWhole(ref blob.Ref, info fs.FileInfo) error {
	if uint64(info.Size()) != ref.Size {
		s.damaged++
		return s.remove(wholeDir, ref)
	}
	s.adopt(&entry{ref: ref, whole: true, offset: ref.Size}, info)
	return nil
}

// recoverPartial keeps the good beginning and syncs it: what a killed process
// wrote, a power cut may still take.
func (s *Spool) recoverPartial(ref blob.Ref, info fs.FileInfo) error {
	if s.held[ref] != nil {
		return s.remove(partialDir, ref)
	}
	e := &entry{ref: ref}
	f, err := s.disk.OpenFile(s.path(partialDir, ref), os.O_RDWR)
	if err != nil {
		return err
	}
	e.offset, e.length, err = readFrames(f, ref.Size, func([]byte) error { return nil })
	if err == nil {
		err = errors.Join(f.Truncate(e.length), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil || e.offset == 0 {
		if err != nil {
			s.damaged++
		}
		return s.remove(partialDir, ref)
	}
	s.adopt(e, info)
	return nil
}

// adopt is for the time before there are other goroutines.
func (s *Spool) adopt(e *entry, info fs.FileInfo) {
	e.touched = info.ModTime()
	if now := s.cfg.Now(); e.touched.After(now) {
		e.touched = now // a clock that was wrong must not keep it for ever
	}
	s.held[e.ref] = e
	s.reserved += e.ref.Size
}

// disk is what the spool does to files, so that tests can cut the power.
type disk interface {
	OpenFile(name string, flag int) (diskFile, error)
	Rename(old, new string) error
	Remove(name string) error
	ReadDir(name string) ([]fs.DirEntry, error)
	SyncDir(name string) error
	Free(name string) uint64
}

type diskFile interface {
	io.ReadSeekCloser
	io.Writer
	io.WriterAt
	Sync() error
	Truncate(size int64) error
}

type realDisk struct{}

func (realDisk) OpenFile(name string, flag int) (diskFile, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err // not a nil file in an interface
	}
	return f, nil
}

func (realDisk) Rename(old, new string) error               { return os.Rename(old, new) }
func (realDisk) Remove(name string) error                   { return os.Remove(name) }
func (realDisk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (realDisk) SyncDir(name string) error                  { return durable.SyncDir(name) }

// Free is the room left for this user; an unknown file system has all of it.
func (realDisk) Free(name string) uint64 {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 1 << 62
	}
	return st.Bavail * uint64(st.Bsize)
}
