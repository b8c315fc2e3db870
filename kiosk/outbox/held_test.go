package outbox

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/sqlite/powercut"
)

func mustRelease(t testing.TB, o *Outbox) int {
	t.Helper()
	n, err := o.Release()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func content(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// pages is the database and its log as somebody reads them who has the disk:
// every page of the file, and every frame of the log in its order. Left out is
// only what SQLite draws by lot.
func pages(t testing.TB, dir, name string) (all []string) {
	t.Helper()
	const page, head, frame = 4096, 32, 24
	for file := range slices.Chunk(content(t, dir, name), page) {
		all = append(all, string(file))
	}
	log := content(t, dir, name+"-wal")
	for at := head; at+frame+page <= len(log); at += frame + page {
		all = append(all, fmt.Sprint("frame of page ", binary.BigEndian.Uint32(log[at:]), string(log[at+frame:at+frame+page])))
	}
	if shm := content(t, dir, name+"-shm"); len(shm) > 12 {
		all = append(all, fmt.Sprint("changes ", binary.LittleEndian.Uint32(shm[8:])))
	}
	return all
}

// A held message leaves the journal's files as they were, to the byte: nothing
// in them says that, when, or between which records one came.
func TestHeldMessageDoesNotTouchTheJournal(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	mustPut(t, o, "tapped before")
	files := []string{fileName, fileName + "-wal"}
	look := func() (all [][]byte) {
		for _, name := range files {
			all = append(all, content(t, dir, name))
		}
		return all
	}
	before := look()
	mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 2))
	if !slices.EqualFunc(look(), before, bytes.Equal) {
		t.Error("the journal's files changed")
	}
	if n := len(content(t, dir, heldName+"-wal")); n != 0 {
		t.Errorf("%d bytes in the log of what is held", n)
	}
	mustSay(t, o, "q", said("open", feedback.ReaderCases, 2))
	if slices.EqualFunc(look(), before, bytes.Equal) {
		t.Error("nor did they when a message came that is not held: this test proves nothing")
	}
}

// Of two kiosks on which the same was tapped and said on one day, but one
// message held back at other times, nobody can tell by their disks which is
// which: not while it is held, and not after its release.
func TestDisksDoNotTellWhenAHeldMessageCame(t *testing.T) {
	type world struct {
		dir string
		c   *clock
		o   *Outbox
	}
	installed := config(t.TempDir(), newClock()) // goose notes the time
	if err := mustOpen(t, installed).Close(); err != nil {
		t.Fatal(err)
	}
	live := func(at int, reader feedback.Reader) world {
		w := world{dir: t.TempDir(), c: newClock()}
		cfg := config(w.dir, w.c)
		cfg.Rand = newChance(9)
		for _, name := range []string{fileName, heldName} {
			if err := os.WriteFile(filepath.Join(w.dir, name), content(t, installed.Dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w.o = mustOpen(t, cfg)
		for minute := range 8 * 60 {
			w.c.pass(time.Minute)
			if minute%30 == 0 {
				mustPut(t, w.o, fmt.Sprint("tap ", minute))
			}
			if minute == at {
				w.c.pass(10 * time.Second)
				mustSay(t, w.o, "said", said("secret", reader, 2))
				w.c.pass(-10 * time.Second)
			}
			mustRelease(t, w.o)
		}
		return w
	}
	differ := func(a, b world) (names []string) {
		for _, name := range []string{fileName, heldName} {
			if !slices.Equal(pages(t, a.dir, name), pages(t, b.dir, name)) {
				names = append(names, name)
			}
		}
		return names
	}
	morning, noon := live(95, feedback.ReaderNamed), live(301, feedback.ReaderNamed)
	if names := differ(morning, noon); len(names) > 0 {
		t.Errorf("while it is held, the disks differ in %v", names)
	}
	for _, w := range []world{morning, noon} {
		w.c.pass(15 * time.Hour)
		for n := 0; n == 0; w.c.pass(time.Hour) {
			n = mustRelease(t, w.o)
		}
	}
	if names := differ(morning, noon); len(names) > 0 || headOf(t, morning.o) != headOf(t, noon.o) {
		t.Errorf("after its release, the disks differ in %v", names)
	}
	if names := differ(live(95, feedback.ReaderCases), live(301, feedback.ReaderCases)); !slices.Equal(names, []string{fileName}) {
		t.Errorf("of a message that is not held they differ in %v: this test proves nothing", names)
	}
}

// telling lists what was done to the files of held messages within a span of
// time, by all that the file system notes.
func telling(t testing.TB, dir string, from, to time.Time) (found []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, heldName+"*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	out, err := exec.Command("stat", append([]string{"--printf", "birth=%w\tchange=%z\tmodification=%y\taccess=%x\n"}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		for cell := range strings.SplitSeq(line, "\t") {
			what, text, _ := strings.Cut(cell, "=")
			at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", text)
			if err != nil {
				t.Fatalf("this file system does not tell the %s of a file: %q", what, text)
			}
			if !at.Before(from) && !at.After(to) {
				found = append(found, what+" of "+filepath.Base(files[i]))
			}
		}
	}
	return found
}

// tick waits until the file system's own clock goes on, and reads it there: it
// stands still for as long as the host of a virtual machine has that core.
func tick(t testing.TB) (now time.Time) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock")
	for began := now; began.IsZero() || !now.After(began); time.Sleep(time.Millisecond) {
		if err := os.WriteFile(path, []byte("tick"), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if now = info.ModTime(); began.IsZero() {
			began = now
		}
	}
	return now
}

// The next Release, and the next start after a kill, take the time of a held
// message from its files.
func TestFilesTellNotWhenAHeldMessageCame(t *testing.T) {
	for name, killed := range map[string]bool{"running": false, "killed and started again": true} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir(), newClock())
			cfg.Now = time.Now
			o := mustOpen(t, cfg)
			begin := tick(t)
			mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 2))
			end := tick(t)
			tick(t)
			if found := telling(t, cfg.Dir, begin, end); len(found) == 0 {
				t.Fatal("the file system tells nothing at all: this test proves nothing")
			}
			if killed { // as the lock is of this process, close it and undo what closing does
				log := content(t, cfg.Dir, heldName)
				if err := o.Close(); err != nil || !bytes.Equal(log, content(t, cfg.Dir, heldName)) {
					t.Fatal("closing changed the file", err)
				}
				o = mustOpen(t, cfg)
			} else {
				mustRelease(t, o)
			}
			if found := telling(t, cfg.Dir, begin, end); len(found) > 0 {
				t.Errorf("told by %v", found)
			}
			if held, err := o.Held(); held != 1 || err != nil {
				t.Errorf("%d held, %v", held, err)
			}
		})
	}
}

// A cut right after a message was kept, before its log was emptied: the next
// start empties it.
func TestStartEmptiesTheLogOfHeldMessages(t *testing.T) {
	p := &messagePlay{newScript(t, false), nil}
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	before := p.disk.Ops()
	mustSay(t, p.o, "r", said("secret", feedback.ReaderNamed, 2))
	logs := 0
	for at := before; at <= p.disk.Ops(); at++ {
		dir := t.TempDir()
		if err := p.disk.Cut(at, powercut.Kept, 1).Save(dir); err != nil {
			t.Fatal(err)
		}
		if len(content(t, dir, heldName+"-wal")) > 0 {
			logs++
		}
		o := mustOpen(t, config(dir, newClock()))
		if n := len(content(t, dir, heldName+"-wal")); n != 0 {
			t.Errorf("after operation %d: %d bytes in the log", at, n)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if logs == 0 {
		t.Error("no cut left a log: this test proves nothing")
	}
}

// A log that could not be emptied, because somebody was reading, is by the next
// Release.
func TestReleaseEmptiesTheLogOfHeldMessages(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	c.pass(time.Hour)
	mustRelease(t, o) // counts, so that the next one writes nothing
	reader, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() // closed below
	rows, err := reader.waiting.Read().Query("SELECT request FROM held UNION ALL SELECT 'one' UNION ALL SELECT 'two'")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 1))
	if len(content(t, dir, heldName+"-wal")) == 0 {
		t.Fatal("the log was emptied under a reader: this test proves nothing")
	}
	if err := errors.Join(rows.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	mustRelease(t, o)
	if n := len(content(t, dir, heldName+"-wal")); n != 0 {
		t.Errorf("%d bytes in the log", n)
	}
}

// No message enters the journal on its day, nor is its moment another when it
// came at another time of that day.
func TestMomentTellsNotWhenAMessageCame(t *testing.T) {
	due := func(after time.Duration) (at int64) {
		c := newClock()
		cfg := config(t.TempDir(), c)
		cfg.Rand = newChance(3)
		o := mustOpen(t, cfg)
		c.pass(after)
		mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 1))
		if err := o.held.db.Read().QueryRow("SELECT due FROM held").Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := due(0)
	for _, after := range []time.Duration{time.Minute, 7 * time.Hour, 23*time.Hour - time.Microsecond} {
		if at := due(after); at != first {
			t.Errorf("said %v later it is due %v later", after, time.Duration(at-first)*time.Microsecond)
		}
	}
	rest := (23 * time.Hour).Microseconds()
	if first < rest || first >= rest+releaseOver.Microseconds() {
		t.Errorf("due %v after the start, an hour into the day", time.Duration(first)*time.Microsecond)
	}
}

// A message that entered the journal, while its row could not be taken away, does
// not enter again, even when its request is as old as those that are forgotten.
func TestReleasedMessageDoesNotEnterTwice(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	o := mustOpen(t, cfg)
	m := said("secret", feedback.ReaderNamed, 2)
	mustSay(t, o, "r", m)
	pragmaOn(t, o.held.db, "CREATE TRIGGER stays BEFORE DELETE ON held BEGIN SELECT RAISE(ABORT, 'no'); END")
	c.pass(49 * time.Hour)
	for range 3 {
		if _, err := o.Release(); err == nil {
			t.Fatal("the row was taken away after all")
		}
		c.pass(72 * time.Hour)
		if _, err := o.Prune(0); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = mustOpen(t, cfg)
	if err := o.writeHeld(func(tx *sql.Tx) error { _, err := tx.Exec("DROP TRIGGER stays"); return err }); err != nil {
		t.Fatal(err)
	}
	mustRelease(t, o)
	if held, err := o.Held(); held != 0 || err != nil {
		t.Errorf("%d held, %v", held, err)
	}
	if seen, _, err := receipts(o); err != nil || seen[m.Receipt] != 1 {
		t.Errorf("in the journal %d times, %v", seen[m.Receipt], err)
	}
	if all, err := o.Blobs(); err != nil || len(all) != 2 {
		t.Errorf("%d blobs, %v", len(all), err)
	}
	if _, err := o.Erase(Erasure{Receipts: [][16]byte{m.Receipt}}, func([32]byte) error { return nil }); err != nil {
		t.Error(err)
	}
	if all, err := o.Blobs(); err != nil || len(all) != 0 {
		t.Errorf("%d blobs after they were erased, %v", len(all), err)
	}
}

func TestDamagedHeldFileIsSetAside(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	o := mustOpen(t, cfg)
	mustPut(t, o, "rating")
	mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 1))
	before := headOf(t, o)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Dir, heldName)
	b := content(t, cfg.Dir, heldName)
	for i := 4096; i < len(b); i++ {
		b[i] = 0xff
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	o = mustOpen(t, cfg)
	aside, err := o.Quarantined()
	if held, _ := o.Held(); err != nil || len(aside) != 1 || !strings.HasSuffix(aside[0], heldName) || held != 0 {
		t.Errorf("set aside %v, %v; %d held", aside, err, held)
	}
	if headOf(t, o).Seq != before.Seq+1 {
		t.Errorf("the journal is at %v, was at %v", headOf(t, o), before)
	}
	mustSay(t, o, "r", said("secret", feedback.ReaderNamed, 1))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := o.PutMessage("s", said("other", feedback.ReaderNamed, 1)); !errors.Is(err, ErrGone) {
		t.Errorf("kept in a file that is gone: %v", err)
	}
}
