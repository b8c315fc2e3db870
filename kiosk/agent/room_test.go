package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/vitals"
	"nghe/shared/wire"
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

// crowded is a kiosk on a disk that something else fills.
type crowded struct {
	*kiosk
	t      *testing.T
	screen http.Handler
	filler *os.File
	sent   int
	seen   []vitals.Name // conditions in the order in which they began
}

const mib = 1 << 20

func newCrowded(t *testing.T) *crowded {
	t.Helper()
	disk := smallDisk(t, 64*mib)
	data := filepath.Join(disk, "data")
	enrolled(t, data)
	k, err := open(Config{Data: data, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Room: Room{Reserve: 2 * mib, Ratings: 5000, Media: 1 << 30,
			Steps: media.Steps{Early: 22 * mib, NoVoice: 14 * mib, NoPhoto: 8 * mib, NoWords: 4 * mib}}.filled()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { filler.Close() })
	return &crowded{kiosk: k, t: t, screen: k.screen().Handler(), filler: filler}
}

// fill takes one mebibyte more; false when there is none.
func (c *crowded) fill() bool {
	c.t.Helper()
	n, _ := c.filler.Write(make([]byte, mib))
	return n == mib
}

// look is what the agent does every few seconds.
func (c *crowded) look() {
	c.t.Helper()
	if err := c.makeRoom(); err != nil {
		c.t.Fatal(err)
	}
	for _, d := range c.vitals.Conditions() {
		if n := vitals.Name(d.Name); slices.Contains(steps, n) && !slices.Contains(c.seen, n) {
			c.seen = append(c.seen, n)
		}
	}
}

// steps is the order in which things are given up.
var steps = []vitals.Name{vitals.BlobsEarly, vitals.RecordsEarly, vitals.NoVoice, vitals.NoPhoto, vitals.NoWords, vitals.OnReserve, vitals.OutOfService}

// holding lists those that hold.
func (c *crowded) holding() (held []vitals.Name) {
	for _, n := range steps {
		if slices.ContainsFunc(c.vitals.Conditions(), func(d wire.Condition) bool { return d.Name == string(n) }) {
			held = append(held, n)
		}
	}
	return held
}

// takes says what a resident may give now: the answer to each must agree with
// what the status says.
func (c *crowded) takes() string {
	c.t.Helper()
	var status struct {
		Storage  string
		Messages struct{ Words, Photo, Voice bool }
	}
	text := ask(c.t, c.screen, http.MethodGet, "/api/status", "", nil).text
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		c.t.Fatal(err)
	}
	taken := ""
	for _, try := range []struct {
		name string
		told bool
		l    letter
	}{
		{"voice", status.Messages.Voice, letter{voice: recording(1000)}},
		{"photo", status.Messages.Photo, letter{photo: picture(c.t, 16)}},
		{"words", status.Messages.Words, letter{words: "Một lời nhắn."}},
	} {
		c.sent++
		try.l.request, try.l.code, try.l.kind, try.l.reader = fmt.Sprint("m-", c.sent), "4Q7K9M2XHT", "gop-y", "cases"
		r := send(c.t, c.screen, try.l)
		if (r.status == http.StatusCreated) != try.told || r.status != http.StatusCreated && r.Error.Code != "no-room" {
			c.t.Errorf("%s: %d %s, status says %v", try.name, r.status, r.text, try.told)
		}
		if r.status == http.StatusCreated {
			taken += try.name + " "
		}
	}
	c.sent++
	r := rate(c.t, c.screen, fmt.Sprint("r-", c.sent))
	if r.status != http.StatusCreated && status.Storage != "full" {
		c.t.Errorf("rating: %d %s, status says storage %s", r.status, r.text, status.Storage)
	}
	if status.Storage != "full" { // the screen is out of service then, whatever gap one more would find
		taken += "ratings"
	}
	return strings.TrimSpace(taken)
}

// TestRatingsAreGivenUpLast fills the disk step by step. What is safe elsewhere
// goes first, then voice, photo and words are refused, then ratings use the
// reserve, and only then the screen is out of service; each step is told. With
// room again, all of it comes back.
func TestRatingsAreGivenUpLast(t *testing.T) {
	c := newCrowded(t)
	if got := c.takes(); got != "voice photo words ratings" {
		t.Fatalf("on an empty disk: %q", got)
	}
	for range 600 { // SQLite's log has its full size, as on any kiosk that has run for a day
		c.sent++
		rate(t, c.screen, fmt.Sprint("before-", c.sent))
	}
	archived, waiting := c.archiveOne()
	c.allSafe()
	c.look()
	if len(c.seen) > 0 {
		t.Errorf("on an empty disk: %v", c.seen)
	}

	allowed := map[int]string{0: "voice photo words ratings", 3: "photo words ratings", 4: "words ratings", 5: "ratings"}
	told := false
	for c.fill() {
		c.look()
		want, step := "", len(c.seen)
		for s := step; want == ""; s-- {
			want = allowed[s]
		}
		if got := c.takes(); got != want {
			t.Fatalf("after %v: takes %q, want %q", c.seen, got, want)
		}
		if !slices.Equal(c.seen, steps[:step]) {
			t.Fatalf("steps came as %v", c.seen)
		}
		if room, err := c.outbox.Room(); err != nil || step == 5 && !told && room.Ratings < c.cfg.Room.Ratings {
			t.Errorf("as words are given up there is room for %d ratings, promised are %d; %v", room.Ratings, c.cfg.Room.Ratings, err)
		}
		told = step == 5
		if _, here := c.media.Find(archived); here == (step > 0) {
			t.Errorf("after %v: the archived blob is here: %v", c.seen, here)
		}
		if b, err := c.outbox.Branch(); err != nil || (b.Floor.Seq > 0) != (step > 1) {
			t.Errorf("after %v: floor %d, %v", c.seen, b.Floor.Seq, err)
		}
	}
	c.toTheLastByte()
	c.look()
	if len(c.seen) < 5 {
		t.Errorf("on a full disk only %v", c.seen)
	}
	onReserve := c.rateUntilRefused()
	c.look()
	t.Logf("%d ratings on the reserve", onReserve)
	if onReserve < 3000 {
		t.Errorf("only %d ratings on a reserve of %d bytes", onReserve, 2*mib)
	}
	if got := c.takes(); got != "" || !slices.Equal(c.holding(), steps) {
		t.Errorf("at the end: takes %q, conditions %v", got, c.holding())
	}
	if _, here := c.media.Find(waiting); !here {
		t.Error("a blob that is safe nowhere else was let go")
	}
	if err := c.outbox.Verify(); err != nil {
		t.Error(err)
	}

	if err := c.filler.Truncate(0); err != nil {
		t.Fatal(err)
	}
	c.look()
	c.look() // the reserve that is back counts from the next look
	if got := c.takes(); got != "voice photo words ratings" || len(c.holding()) > 0 || !c.outbox.Reserve() {
		t.Errorf("with room again: takes %q, conditions %v, reserve %v", got, c.holding(), c.outbox.Reserve())
	}
}

// archiveOne makes one of the blobs here archived, and returns another.
func (c *crowded) archiveOne() (archived, waiting [32]byte) {
	c.t.Helper()
	var all [][32]byte
	for e := range c.media.In(media.Pending) {
		all = append(all, e.Ref.Hash)
	}
	if len(all) < 2 {
		c.t.Fatalf("%d blobs", len(all))
	}
	if err := c.media.Archived(all[0]); err != nil {
		c.t.Fatal(err)
	}
	return all[0], all[1]
}

// allSafe says that the hub holds all records off its own disk.
func (c *crowded) allSafe() {
	c.t.Helper()
	b, err := c.outbox.Branch()
	if err == nil {
		err = c.outbox.Advance(wire.Mark{Journal: b.Journal, Received: b.Head, Safe: b.Head})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowded) toTheLastByte() {
	for n := mib; n > 0; n /= 2 {
		for {
			if _, err := c.filler.Write(make([]byte, n)); err != nil {
				break
			}
		}
	}
}

// rateUntilRefused counts the ratings that are still thanked for, until not even
// one in fifty finds a gap to lie in.
func (c *crowded) rateUntilRefused() (thanked int) {
	c.t.Helper()
	for n, refused := 0, 0; refused < 50; n++ {
		r := rate(c.t, c.screen, fmt.Sprint("last-", n))
		if r.status == http.StatusCreated {
			thanked, refused = thanked+1, 0
			continue
		}
		refused++
		if r.status != http.StatusServiceUnavailable || r.Error.Code != "storage" {
			c.t.Errorf("refused by %d %s", r.status, r.text)
		}
	}
	return thanked
}

// A photo takes the room of thousands of ratings, which where few people come is
// that of months; what the hub is told a minute later must not show it.
func TestDaysLeftTellNotWhenAMessageCame(t *testing.T) {
	before := outbox.Room{Ratings: 2_050_000, Pace: 20}
	after := before
	after.Ratings -= 3 << 20 / outbox.RatingBytes
	if a, b := coarseDays(before), coarseDays(after); a != b || a != 2_000_000/20 {
		t.Errorf("%d days before a photo, %d after", a, b)
	}
	if got := coarseDays(outbox.Room{Ratings: 2_050_000}); got != -1 {
		t.Errorf("%d days though nobody knows the pace", got)
	}
}
