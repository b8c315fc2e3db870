package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/durable"
)

const piece = blob.ChunkSize

func some(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

func mustSpool(t *testing.T, cfg SpoolConfig) *Spool {
	t.Helper()
	s, err := OpenSpool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// send hands over a blob from where the spool says, in pieces.
func send(s *Spool, b []byte, upTo int) (whole bool, err error) {
	ref := blob.Of(b)
	at, whole, err := s.Offset(ref)
	for err == nil && !whole && int(at) < upTo {
		at, whole, err = s.Append(ref, at, b[at:min(int(at)+piece, upTo)])
	}
	return whole, err
}

func mustSend(t *testing.T, s *Spool, b []byte) {
	t.Helper()
	if whole, err := send(s, b, len(b)); err != nil || !whole {
		t.Fatalf("sent %d bytes: whole %v, %v", len(b), whole, err)
	}
	wantWhole(t, s, b)
}

func wantWhole(t *testing.T, s *Spool, b []byte) {
	t.Helper()
	f, err := s.Open(blob.Of(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(b))
	}
}

func wantOffset(t *testing.T, s *Spool, ref blob.Ref, want uint64) {
	t.Helper()
	if at, whole, err := s.Offset(ref); err != nil || at != want || whole {
		t.Fatalf("offset %d, whole %v, %v; want %d of %d", at, whole, err, want, ref.Size)
	}
}

func TestSpoolTakesPiecesInOrder(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir()})
	b := some(3*piece+100, 1)
	ref := blob.Of(b)
	for _, step := range []struct {
		from, to int
		want     uint64
	}{
		{100, 200, 0},                 // not the beginning
		{0, 0, 0},                     // a question
		{0, piece, piece},             //
		{0, piece, piece},             // said again
		{piece - 1, 2 * piece, piece}, // overlaps
		{2 * piece, 3 * piece, piece}, // a hole
		{piece, piece + 1, piece + 1}, // one byte
		{piece + 1, 3*piece + 99, 3*piece + 99},
	} {
		if at, whole, err := s.Append(ref, uint64(step.from), b[step.from:step.to]); err != nil || at != step.want || whole {
			t.Fatalf("append %d-%d = %d, %v, %v; want %d", step.from, step.to, at, whole, err, step.want)
		}
		wantOffset(t, s, ref, step.want)
	}
	if _, err := s.Open(ref); !errors.Is(err, ErrNotFound) {
		t.Errorf("open of an unfinished blob = %v", err)
	}
	if got := s.Whole(); len(got) != 0 {
		t.Errorf("whole before the end: %v", got)
	}
	mustSend(t, s, b)
	if got := s.Whole(); !slices.Equal(got, []blob.Ref{ref}) {
		t.Errorf("whole = %v", got)
	}
	if at, whole, err := s.Append(ref, 0, b[:piece]); err != nil || !whole || at != ref.Size {
		t.Errorf("append to a whole blob = %d, %v, %v", at, whole, err)
	}
	if err := errors.Join(s.Remove(ref), s.Remove(ref)); err != nil {
		t.Error(err)
	}
	wantOffset(t, s, ref, 0)
	wantEmpty(t, s)
}

func wantEmpty(t *testing.T, s *Spool) {
	t.Helper()
	for _, kind := range []string{partialDir, wholeDir} {
		if left, err := os.ReadDir(s.dir(kind)); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", kind, left, err)
		}
	}
	if stats := s.Stats(); stats.Reserved != 0 || stats.Partial+stats.Whole != 0 {
		t.Errorf("stats %+v of an empty spool", stats)
	}
}

func TestSpoolOfEmptyBlob(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir()})
	if at, whole, err := s.Append(blob.Of(nil), 0, nil); err != nil || !whole || at != 0 {
		t.Errorf("append of nothing = %d, %v, %v", at, whole, err)
	}
	wantWhole(t, s, nil)
}

func TestSpoolRefusesWhatCannotBe(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir(), Largest: 3 << 20})
	b := some(100, 2)
	ref := blob.Of(b)
	for name, try := range map[string]func() error{
		"beyond the end":    func() error { _, _, err := s.Append(ref, 50, some(51, 3)); return err },
		"far beyond":        func() error { _, _, err := s.Append(ref, 1<<63, b); return err },
		"too large":         func() error { _, _, err := s.Append(blob.Ref{Hash: ref.Hash, Size: 1 << 62}, 0, b); return err },
		"too much at once":  func() error { _, _, err := s.Append(blob.Of(some(2<<20, 3)), 0, some(2<<20, 3)); return err },
		"of another folder": func() error { _, err := OpenSpool(SpoolConfig{Dir: s.cfg.Dir}); return err },
	} {
		if err := try(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, _, err := s.Append(blob.Ref{Size: 4 << 20}, 0, b); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large = %v", err)
	}
	if _, err := OpenSpool(SpoolConfig{Dir: s.cfg.Dir}); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a second spool on the folder = %v", err)
	}
	wantEmpty(t, s)
}

// A blob whose bytes are not what its name says is asked for again.
func TestSpoolDropsDamaged(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir()})
	b := some(2*piece, 4)
	ref := blob.Of(b)
	wrong := bytes.Clone(b)
	wrong[5] ^= 1
	for range 2 {
		if at, _, err := s.Append(ref, 0, wrong[:piece]); err != nil || at != piece {
			t.Fatal(at, err)
		}
		if at, whole, err := s.Append(ref, piece, wrong[piece:]); !errors.Is(err, blob.ErrDamaged) || at != 0 || whole {
			t.Fatalf("the last piece = %d, %v, %v", at, whole, err)
		}
		wantOffset(t, s, ref, 0)
		wantEmpty(t, s)
	}
	if got := s.Stats().Damaged; got != 2 {
		t.Errorf("%d damaged counted, want 2", got)
	}
	mustSend(t, s, b)
}

func TestSpoolBudget(t *testing.T) {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir(), Budget: 10 * piece, Now: func() time.Time { return now }})
	var blobs [][]byte
	for i := range 4 {
		blobs = append(blobs, some(3*piece, byte(10+i)))
	}
	for _, b := range blobs[:3] {
		if _, err := send(s, b, piece); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Append(blob.Of(blobs[3]), 0, blobs[3][:1]); !errors.Is(err, ErrFull) {
		t.Fatalf("a fourth blob = %v, want %v", err, ErrFull)
	}
	mustSend(t, s, blobs[0]) // what was begun can be finished
	now = now.Add(25 * time.Hour)
	if _, err := send(s, blobs[2], 2*piece); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, blobs[3]) // the second gave way
	wantOffset(t, s, blob.Of(blobs[1]), 0)
	wantOffset(t, s, blob.Of(blobs[2]), 2*piece)
	if stats := s.Stats(); stats.Evicted != 1 || stats.Reserved != 9*piece || stats.Whole != 2 || stats.Partial != 1 {
		t.Errorf("stats %+v", stats)
	}
	now = now.Add(25 * time.Hour) // only unfinished ones give way
	if _, err := send(s, blobs[1], piece); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, s, blobs[0])
	wantWhole(t, s, blobs[3])
	if err := s.Remove(blob.Of(blobs[0])); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, blobs[2])
}

func TestSpoolSparesTheDisk(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir(), Spare: 1 << 61})
	if _, _, err := s.Append(blob.Of(some(10, 1)), 0, some(10, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("append with no room left for the database = %v", err)
	}
}

// What was acknowledged is there after a restart, whatever stands behind it.
func TestSpoolTornTail(t *testing.T) {
	b := some(3*piece, 20)
	ref := blob.Of(b)
	whole := append(frame(0, b[:piece]), frame(piece, b[piece:2*piece])...)
	first := frameHead + piece
	for name, c := range map[string]struct {
		file []byte
		want uint64
	}{
		"nothing":                 {nil, 0},
		"part of a head":          {whole[:3], 0},
		"a head":                  {whole[:frameHead], 0},
		"part of a frame":         {whole[:first-1], 0},
		"a frame":                 {whole[:first], piece},
		"a frame and a byte":      {whole[:first+1], piece},
		"a frame and most of one": {whole[:len(whole)-1], piece},
		"two frames":              {whole, 2 * piece},
		"zeros behind":            {append(bytes.Clone(whole), make([]byte, 5000)...), 2 * piece},
		"noise behind":            {append(bytes.Clone(whole), some(5000, 21)...), 2 * piece},
		"the same frame again":    {append(bytes.Clone(whole[:first]), whole[:first]...), piece},
		"a zeroed sector":         {zeroed(whole, first+1000, 512), piece},
		"a zeroed first sector":   {zeroed(whole, 0, 512), 0},
		"one bit":                 {flipped(whole, first+100), piece},
		"beyond the blob":         {append(bytes.Clone(whole), frame(2*piece, some(piece+1, 22))...), 2 * piece},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustSpool(t, SpoolConfig{Dir: dir}).Close()
			if err := os.WriteFile(filepath.Join(dir, partialDir, fmt.Sprintf("%s-%d", ref.Hash, ref.Size)), c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			s := mustSpool(t, SpoolConfig{Dir: dir})
			wantOffset(t, s, ref, c.want)
			mustSend(t, s, b)
		})
	}
}

func zeroed(b []byte, at, n int) []byte {
	b = bytes.Clone(b)
	clear(b[at : at+n])
	return b
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 16
	return b
}

// Whole blobs are hashed again by each process before it believes them.
func TestSpoolHashesWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	good, rotten, cut := some(2*piece, 30), some(2*piece, 31), some(2*piece, 32)
	s := mustSpool(t, SpoolConfig{Dir: dir})
	for _, b := range [][]byte{good, rotten, cut} {
		mustSend(t, s, b)
	}
	s.Close()
	damage(t, s.path(wholeDir, blob.Of(rotten)), func(b []byte) []byte { return flipped(b, 77) })
	damage(t, s.path(wholeDir, blob.Of(cut)), func(b []byte) []byte { return b[:piece] })
	stray(t, dir)
	s = mustSpool(t, SpoolConfig{Dir: dir})
	if got := s.Whole(); !slices.Equal(got, []blob.Ref{blob.Of(good)}) {
		t.Errorf("whole = %v, want one", got)
	}
	if stats := s.Stats(); stats.Damaged != 2 || stats.Reserved != 2*piece {
		t.Errorf("stats %+v", stats)
	}
	for _, b := range [][]byte{good, rotten, cut} {
		mustSend(t, s, b)
	}
	s.Close()
	damage(t, s.path(wholeDir, blob.Of(rotten)), func(b []byte) []byte { return flipped(b, 77) })
	s = mustSpool(t, SpoolConfig{Dir: dir})
	wantOffset(t, s, blob.Of(rotten), 0) // noticed by asking, too
	mustSend(t, s, rotten)
	s.Close()
	damage(t, s.path(wholeDir, blob.Of(rotten)), func(b []byte) []byte { return flipped(b, 77) })
	s = mustSpool(t, SpoolConfig{Dir: dir})
	if _, err := s.Open(blob.Of(rotten)); !errors.Is(err, ErrNotFound) {
		t.Errorf("open of a rotten blob = %v", err)
	}
}

// A blob that cannot be read now is neither believed nor dropped.
func TestSpoolCannotReadWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	b := some(piece, 33)
	ref := blob.Of(b)
	s := mustSpool(t, SpoolConfig{Dir: dir})
	mustSend(t, s, b)
	s.Close()
	var sick error
	s, err := openSpool(SpoolConfig{Dir: dir}, &faulty{fail: func(op, _ string) error {
		if op == "open" {
			return sick
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sick = syscall.EMFILE
	if _, whole, err := s.Offset(ref); whole || !errors.Is(err, sick) {
		t.Errorf("offset: whole %v, %v", whole, err)
	}
	if _, whole, err := s.Append(ref, 0, b); whole || !errors.Is(err, sick) {
		t.Errorf("append: whole %v, %v", whole, err)
	}
	if _, err := s.Open(ref); !errors.Is(err, sick) {
		t.Errorf("open: %v", err)
	}
	if got := s.Whole(); len(got) > 0 {
		t.Errorf("whole: %v", got)
	}
	sick = nil
	wantWhole(t, s, b)
}

func damage(t *testing.T, path string, become func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, become(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stray puts files there that are not the spool's, or not finished.
func stray(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"partial/readme", "whole/readme", "whole/" + strings.Repeat("0", 64) + "-5.tmp", "whole/" + strings.Repeat("0", 64) + "-x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("other"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Many kiosks at once, two of them with the same blob.
func TestSpoolFromManySides(t *testing.T) {
	s := mustSpool(t, SpoolConfig{Dir: t.TempDir()})
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 4 {
				b := some(3*piece+i, byte(40+w/2*4+i))
				for whole := false; !whole; {
					var err error
					if whole, err = send(s, b, len(b)); err != nil {
						t.Error(err)
						return
					}
				}
				s.Stats()
				s.Whole()
				if w == 5 {
					if err := s.Remove(blob.Of(b)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := len(s.Whole()); got < 8 || got > 12 {
		t.Errorf("%d whole", got)
	}
}

// faulty fails one operation of a kind.
type faulty struct {
	realDisk
	fail func(op, name string) error
}

type faultyFile struct {
	diskFile
	d    *faulty
	name string
}

func (d *faulty) OpenFile(name string, flag int) (diskFile, error) {
	if err := d.fail("open", name); err != nil {
		return nil, err
	}
	f, err := d.realDisk.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d, name}, nil
}

func (d *faulty) Rename(old, new string) error {
	return cmpErr(d.fail("rename", new), func() error { return d.realDisk.Rename(old, new) })
}

func (d *faulty) SyncDir(name string) error {
	return cmpErr(d.fail("syncdir", name), func() error { return d.realDisk.SyncDir(name) })
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.d.fail("write", f.name); err != nil {
		n, _ := f.diskFile.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.diskFile.WriteAt(b, at)
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.d.fail("copy", f.name); err != nil {
		return 0, err
	}
	return f.diskFile.Write(b)
}

func (f *faultyFile) Sync() error {
	return cmpErr(f.d.fail("sync", f.name), f.diskFile.Sync)
}

func cmpErr(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

// Each operation of the disk fails once: nothing false is said, and the blob
// arrives in the end.
func TestSpoolDiskFails(t *testing.T) {
	b := some(3*piece+5, 50)
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
		for at := 0; ; at++ {
			n, failed := 0, ""
			d := &faulty{fail: func(op, name string) error {
				if n++; n == at+1 {
					failed = op + " " + filepath.Base(filepath.Dir(name))
					return &fs.PathError{Op: op, Path: name, Err: cause}
				}
				return nil
			}}
			dir := t.TempDir()
			s, err := openSpool(SpoolConfig{Dir: dir}, d)
			if err != nil {
				continue // a spool that cannot be opened says so
			}
			_, err = send(s, b, len(b))
			if failed == "" {
				s.Close()
				if at < 10 {
					t.Fatalf("only %d operations", at)
				}
				break
			}
			if err == nil {
				t.Errorf("%v at %d (%s) went unsaid", cause, at, failed)
			}
			if isFull := errors.Is(err, ErrFull); isFull != (cause == syscall.ENOSPC) {
				t.Errorf("%v at %d (%s): %v", cause, at, failed, err)
			}
			mustSend(t, s, b)
			s.Close()
			s = mustSpool(t, SpoolConfig{Dir: dir})
			wantWhole(t, s, b)
		}
	}
}
