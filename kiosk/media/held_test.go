package media

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// telling lists what in a folder, by all that a file system notes, was done
// within a span of time.
func telling(t testing.TB, dir string, from, to time.Time) (found []string) {
	t.Helper()
	args := []string{"--printf", "%n\tbirth=%w\tchange=%z\tmodification=%y\taccess=%x\n"}
	ok(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		args = append(args, path)
		return err
	}))
	out, err := exec.Command("stat", args...).Output()
	ok(t, err)
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		for _, cell := range cells[1:] {
			what, text, _ := strings.Cut(cell, "=")
			at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", text)
			if err != nil {
				t.Fatalf("this file system does not tell the %s of a file: %q", what, text)
			}
			if !at.Before(from) && !at.After(to) {
				found = append(found, fmt.Sprintf("%s of %s", what, strings.TrimPrefix(cells[0], dir)))
			}
		}
	}
	return found
}

// tick waits until the file system's clock, which is coarse, has moved on.
func tick() time.Time {
	time.Sleep(20 * time.Millisecond)
	defer time.Sleep(20 * time.Millisecond)
	return time.Now()
}

// Whoever has the disk learns neither from the file system nor from names when a
// held blob came: not while it is held, not after its release. A blob that is
// not held is the control: of that one the disk tells.
func TestDiskTellsNotWhenAHeldBlobCame(t *testing.T) {
	for name, restart := range map[string]bool{"running": false, "killed and started again": true} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir(), newClock())
			cfg.Now = time.Now
			s := mustOpen(t, cfg)
			mustPut(t, s, random(2000))
			begin := tick()
			var held []blob.Hash
			for _, kind := range []feedback.AttachmentKind{feedback.AttachedWords, feedback.AttachedVoice} {
				ref, err := s.Hold(random(2000), kind)
				ok(t, err)
				held = append(held, ref.Hash)
			}
			end := tick()
			control := mustPut(t, s, random(2000))
			if found := telling(t, cfg.Dir, begin, end); len(found) == 0 {
				t.Fatal("the file system tells nothing at all: this test proves nothing")
			}
			if restart {
				s = mustOpen(t, cfg)
			} else {
				ok(t, s.Blur())
			}
			if found := telling(t, cfg.Dir, begin, end); len(found) > 0 {
				t.Errorf("while it is held: %v", found)
			}
			tick()
			for _, h := range held {
				ok(t, s.Release(h))
			}
			ok(t, s.Stored(held[0]))
			ok(t, s.Archived(held[0]))
			if found := telling(t, cfg.Dir, begin, end); len(found) > 0 {
				t.Errorf("after its release: %v", found)
			}
			first, _ := s.Find(control.Hash)
			then, _ := s.Find(held[1])
			if first.Number != 2 || then.Number != 4 {
				t.Errorf("the blob after it has number %d, itself %d after its release", first.Number, then.Number)
			}
			if found := telling(t, cfg.Dir, end, time.Now()); !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, "birth of /pending") }) {
				t.Errorf("of the control nothing is told: %v", found)
			}
		})
	}
}

// What a day's messages need is made before any of them comes, and no inode or
// name follows the order in which they did.
func TestSlotsAreMadeBefore(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	cfg.Slots = 20
	s := mustOpen(t, cfg)
	inodes := func() (all []string) {
		found, err := os.ReadDir(s.folder(Held))
		ok(t, err)
		for _, f := range found {
			info, err := f.Info()
			ok(t, err)
			all = append(all, fmt.Sprint(f.Name(), info.Sys().(*syscall.Stat_t).Ino))
		}
		return all
	}
	before := inodes()
	if len(before) != cfg.Slots {
		t.Fatalf("%d slots", len(before))
	}
	var order []string
	for range cfg.Slots {
		ref, err := s.Hold(random(10), feedback.AttachedWords)
		ok(t, err)
		e, _ := s.Find(ref.Hash)
		order = append(order, e.slot)
		c.pass(time.Minute)
		ok(t, s.Blur())
	}
	if slices.IsSorted(order) {
		t.Error("slots are filled in their order")
	}
	if !slices.Equal(inodes(), before) {
		t.Error("slots were made while blobs came")
	}
	if _, err := s.Hold(random(10), feedback.AttachedWords); err != nil {
		t.Errorf("one more than there are slots: %v", err)
	}
	c.pass(spareEvery)
	ok(t, s.Blur())
	if n := len(inodes()); n != 2*cfg.Slots+1 {
		t.Errorf("%d slots the day after", n)
	}
}

// What was held is there after a restart; a slot whose filling was cut is empty.
func TestHeldBlobsSurviveARestart(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	s := mustOpen(t, cfg)
	content := random(blob.ChunkSize + 7)
	ref, err := s.Hold(content, feedback.AttachedPhoto)
	ok(t, err)
	again, err := s.Hold(content, feedback.AttachedPhoto)
	if n, size := s.Count(Held); err != nil || again != ref || n != 1 || size != int64(ref.Size) {
		t.Errorf("held again: %v, %v; %d blobs of %d bytes", again, err, n, size)
	}
	empty, err := s.free(1)
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(s.folder(Held), empty[0]), make([]byte, headSize+20), 0o600))
	for _, move := range []func(blob.Hash) error{func(blob.Hash) error { return nil }, s.Release} {
		ok(t, move(ref.Hash))
		s = mustOpen(t, cfg)
		e, _ := s.Find(ref.Hash)
		got, err := s.ReadAt(ref.Hash, 3, blob.ChunkSize)
		if err != nil || string(got) != string(content[3:3+blob.ChunkSize]) || e.Kind != feedback.AttachedPhoto || files(t, cfg.Dir) != 1 {
			t.Errorf("%+v: %d bytes, %v; %d files", e, len(got), err, files(t, cfg.Dir))
		}
	}
	ref, err = s.Hold(random(100), feedback.AttachedWords)
	ok(t, err)
	s = mustOpen(t, cfg)
	for _, step := range []struct {
		pass time.Duration
		left int
	}{{23 * time.Hour, 2}, {2 * time.Hour, 1}} {
		c.pass(step.pass)
		_, err := s.Sweep(named{blob.Of(content).Hash: true}, time.Hour)
		if n := files(t, cfg.Dir); err != nil || n != step.left {
			t.Errorf("%d files, want %d, %v", n, step.left, err)
		}
	}
	ref, err = s.Hold(random(100), feedback.AttachedWords)
	ok(t, err)
	ok(t, s.Delete(ref.Hash))
	if n := files(t, cfg.Dir); n != 1 || s.bytes != int64(len(content)) {
		t.Errorf("deleted while held: %d files, %d bytes", n, s.bytes)
	}
}
