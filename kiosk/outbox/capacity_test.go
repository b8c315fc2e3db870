package outbox

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nghe/shared/sqlite"
)

// smallDisk is a disk of that many bytes until the test ends.
func smallDisk(t testing.TB, bytes int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("nghe-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatalf("mount a small disk: %v; run this test as root, in a container that may mount tmpfs", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	return dir
}

// The smallest disk supported is a card of 16 GB, of which the system may take
// three quarters.
const smallestDisk = 16_000_000_000 / 4

// promised is how many ratings fit it although nothing was ever fetched.
const promised = 2_000_000

// A disk of 64 MiB is filled with ratings, to the last that fits. What one of
// them takes is what the promise for a real disk rests on.
func TestRatingsThatFitADisk(t *testing.T) {
	size, middle := int64(64<<20), int64(100_000)
	if testing.Short() {
		t.Skip("fills a disk, with nothing for the race detector to see: runs without -short")
	}
	c := newClock()
	cfg := config(smallDisk(t, size), c)
	cfg.Reserve = 8 << 20
	o := mustOpen(t, cfg)
	n, onReserve := int64(0), int64(0)
	var lastRoom Room
	for ; ; n++ {
		c.pass(17 * time.Second)
		// As long as a page's own: a UUID.
		_, err := o.Put(fmt.Sprintf("%08x-0000-4000-8000-%012x", n*2654435761%(1<<32), n), rating(int(1+n%5)), "")
		if sqlite.IsFull(err) {
			break
		}
		if err != nil {
			t.Fatalf("rating %d: %v", n, err)
		}
		if onReserve == 0 && !o.Reserve() {
			onReserve = n
		}
		if n == middle {
			if lastRoom, err = o.Room(); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	each := float64(info.Size()) / float64(n)
	t.Logf("%d ratings fit %d MiB, the last %d of them in the reserve; %.0f bytes each in a file of %d; so %.1f million fit %d MB",
		n, size>>20, n-onReserve, each, info.Size(), (smallestDisk-Overhead)/each/1e6, smallestDisk/1_000_000)
	if each > RatingBytes {
		t.Errorf("a rating takes %.0f bytes, RatingBytes says %d", each, RatingBytes)
	}
	if fit := int64((smallestDisk - Overhead) / RatingBytes); fit < promised {
		t.Errorf("%d ratings fit the smallest disk, promised are %d", fit, promised)
	}
	if onReserve == 0 || n-onReserve < 5_000 {
		t.Errorf("%d ratings were kept in the reserve", n-onReserve)
	}
	if really := n - middle; lastRoom.Ratings > really || lastRoom.Ratings < really/8 {
		t.Errorf("Room said that %d more would fit, %d did", lastRoom.Ratings, really)
	}
	if days := lastRoom.Ratings * 17 / 86_400; lastRoom.Days < days-1 || lastRoom.Days > days+1 {
		t.Errorf("Room said that they last %d days, want %d", lastRoom.Days, days)
	}
	goesOnAfterFull(t, o, cfg, n)
}

// goesOnAfterFull: nothing that was thanked for is lost, a restart on the full
// disk needs no room, and with room the reserve comes back.
func goesOnAfterFull(t *testing.T, o *Outbox, cfg Config, kept int64) {
	t.Helper()
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
	if head := headOf(t, o).Seq; head != uint64(kept)+1 {
		t.Errorf("head %d after %d ratings", head, kept)
	}
	if refilled, err := o.Refill(); refilled || err != nil {
		t.Errorf("Refill on a full disk = %v, %v", refilled, err)
	}
	if room, err := o.Room(); err != nil || room.Ratings != 0 || room.Days != 0 {
		t.Errorf("Room on a full disk = %+v, %v", room, err)
	}
	if err := syscall.Mount("nghe-test", cfg.Dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", 256<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Put("room again", rating(5), ""); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if refilled, err := o.Refill(); !refilled || err != nil || !o.Reserve() {
		t.Errorf("Refill with room = %v, %v", refilled, err)
	}
}

// An agent that starts on a full disk begins by giving up the reserve.
func TestOpenOnAFullDisk(t *testing.T) {
	cfg := config(smallDisk(t, 24<<20), newClock())
	cfg.Reserve = 4 << 20
	o := mustOpen(t, cfg)
	putMany(t, o, 20)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	fillUp(t, cfg.Dir)
	o = mustOpen(t, cfg)
	if o.Reserve() {
		t.Error("opened on a full disk without giving up the reserve")
	}
	putMany(t, o, 20)
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
}

// fillUp leaves no byte.
func fillUp(t testing.TB, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

func TestReserveIsKeptOnlyWithRoom(t *testing.T) {
	cfg := config(smallDisk(t, 16<<20), newClock())
	cfg.Reserve = 8 << 20
	if o := mustOpen(t, cfg); o.Reserve() {
		t.Error("took half of the disk for the reserve")
	}
	cfg = config(t.TempDir(), newClock())
	if o := mustOpen(t, cfg); o.Reserve() {
		t.Error("took a reserve that nobody asked for")
	}
}
