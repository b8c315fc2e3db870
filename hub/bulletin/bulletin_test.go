package bulletin

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/shared/wire"
)

// office is a bulletin with sources that tests change.
type office struct {
	*Bulletin
	t   *testing.T
	db  *database.DB
	key ed25519.PrivateKey

	mu      sync.Mutex // guards what follows
	now     time.Time
	epoch   uint64
	boxes   []Box // in the order of their changes
	revoked []string
	deleted []wire.Deletion
}

func conformance(t *testing.T, test func(o *office)) {
	for engine, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "hub.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(engine, func(t *testing.T) { test(newOffice(t, url(t))) })
	}
}

func newOffice(t *testing.T, url string) *office {
	t.Helper()
	db, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	o := &office{t: t, db: db, key: ed25519.NewKeyFromSeed(make([]byte, 32)), epoch: 1, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	o.Bulletin = o.open()
	return o
}

func (o *office) open() *Bulletin {
	o.t.Helper()
	b, err := Open(o.t.Context(), Config{DB: o.db, CasesKey: "age1cases", Now: func() time.Time { return o.now },
		Sign:  func(statement []byte) ([]byte, error) { return ed25519.Sign(o.key, statement), nil },
		Epoch: func(context.Context) (uint64, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.epoch, nil },
		Boxes: o.boxesAfter,
		Revoked: func(context.Context) ([]string, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			return slices.Clone(o.revoked), nil
		},
		Deleted: func(context.Context) ([]wire.Deletion, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			return slices.Clone(o.deleted), nil
		}})
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

func (o *office) boxesAfter(_ context.Context, since uint64, most int) ([]Box, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var some []Box
	for _, b := range o.boxes {
		if b.Changed > since && len(some) < most {
			some = append(some, b)
		}
	}
	return some, nil
}

func tagOf(n int) (tag [16]byte) {
	binary.BigEndian.PutUint64(tag[:], uint64(n))
	return tag
}

// set changes the box of case n.
func (o *office) set(n int, box string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change := uint64(1)
	if len(o.boxes) > 0 {
		change = o.boxes[len(o.boxes)-1].Changed + 1
	}
	tag := tagOf(n)
	o.boxes = slices.DeleteFunc(o.boxes, func(b Box) bool { return b.Tag == tag })
	o.boxes = append(o.boxes, Box{Tag: tag, Box: []byte(box), Changed: change})
}

func (o *office) refresh() {
	o.t.Helper()
	if err := o.Refresh(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// reader keeps what a kiosk would.
type reader struct {
	o       *office
	version uint64
	sheet   *wire.Sheet
	boxes   map[[16]byte]string
	came    map[[16]byte]uint64
	revoked map[string]bool
	deleted map[string]bool
	clips   map[string]map[uint16]wire.ClipPart
	old     bool // knows no recordings
	frames  int
	bytes   int
}

func (o *office) reader() *reader {
	return &reader{o: o, boxes: map[[16]byte]string{}, came: map[[16]byte]uint64{}, revoked: map[string]bool{}, deleted: map[string]bool{}, clips: map[string]map[uint16]wire.ClipPart{}}
}

// one takes one frame; false when there is none.
func (r *reader) one(ahead bool) bool {
	r.o.t.Helper()
	f, ok, err := r.o.Next(r.o.t.Context(), Ask{Held: r.version, Ahead: ahead, Clips: !r.old})
	if err != nil {
		r.o.t.Fatal(err)
	}
	if !ok {
		return false
	}
	b, err := wire.EncodeFrame(f)
	if err != nil {
		r.o.t.Fatal(err)
	}
	r.frames, r.bytes = r.frames+1, r.bytes+len(b)
	if !ed25519.Verify(r.o.key.Public().(ed25519.PublicKey), wire.BulletinStatement(f.Version, f.Body), f.Signature) {
		r.o.t.Fatal("signature does not verify")
	}
	body, err := wire.DecodeBulletin(f.Body)
	if err != nil {
		r.o.t.Fatal(err)
	}
	if r.version < wire.BulletinBase(f.Version) && body.Since != 0 {
		r.o.t.Errorf("a kiosk of another time is told what follows %d", body.Since)
	}
	if f.Version <= r.version || body.Since > r.version {
		r.o.t.Fatalf("at %d came version %d since %d", r.version, f.Version, body.Since)
	}
	r.take(f.Version, body)
	return true
}

func (r *reader) take(version uint64, body wire.BulletinBody) {
	for _, b := range body.AllBoxes() {
		r.boxes[b.Tag], r.came[b.Tag] = string(b.Box), version
	}
	for _, tag := range body.Gone {
		delete(r.boxes, tag)
	}
	for _, id := range body.Revoked {
		r.revoked[id] = true
	}
	for _, d := range body.Deleted {
		r.deleted[string(d.Name)] = true
	}
	for _, p := range body.Clips {
		if r.clips[p.Name] == nil {
			r.clips[p.Name] = map[uint16]wire.ClipPart{}
		}
		if r.clips[p.Name][p.Part] = p; p.Parts == 0 {
			delete(r.clips[p.Name], p.Part)
		}
	}
	for tag, came := range r.came {
		if came <= body.Forget {
			delete(r.boxes, tag)
		}
	}
	if len(body.Sheet) > 0 {
		r.sheet = &body.Sheet[0]
	}
	r.version = version
}

func (r *reader) catchUp() *reader {
	r.o.t.Helper()
	for first := true; r.one(first); first = false {
	}
	return r
}

// whole compares with the sources.
func (r *reader) whole() {
	r.o.t.Helper()
	want := map[[16]byte]string{}
	for _, b := range r.o.boxes {
		want[b.Tag] = string(b.Box)
	}
	if !maps.Equal(r.boxes, want) {
		r.o.t.Errorf("at version %d %d boxes, want %d; equal %v", r.version, len(r.boxes), len(want), maps.Equal(r.boxes, want))
	}
}

func bare(s string) string { return fmt.Sprintf("%-24s", s) }

func TestFirstBulletinTellsTheCasesKey(t *testing.T) {
	conformance(t, func(o *office) {
		if o.Head() != 0 {
			t.Errorf("head %d before anything", o.Head())
		}
		o.refresh()
		r := o.reader().catchUp()
		if r.sheet == nil || r.sheet.Cases != "age1cases" || len(r.sheet.Questionnaires) != 0 {
			t.Errorf("sheet = %+v", r.sheet)
		}
		head := o.Head()
		o.refresh()
		if o.Head() != head {
			t.Errorf("nothing happened, but version %d follows %d", o.Head(), head)
		}
		again := o.open()
		if err := again.Refresh(t.Context()); err != nil || again.Head() != head {
			t.Errorf("opened again: head %d, want %d, %v", again.Head(), head, err)
		}
		again.cfg.CasesKey = "age1another"
		again.composed = false
		if err := again.Refresh(t.Context()); err != nil || again.Head() <= head {
			t.Errorf("another key: head %d, %v", again.Head(), err)
		}
	})
}

func TestBoxesTravelOnce(t *testing.T) {
	conformance(t, func(o *office) {
		for i := range 3000 {
			o.set(i, bare("received"))
		}
		o.set(7, string(bytes.Repeat([]byte("note"), 300)))
		o.refresh()
		r := o.reader().catchUp()
		r.whole()
		if r.frames < 3 || r.bytes > 150_000 {
			t.Errorf("%d frames, %d bytes", r.frames, r.bytes)
		}
		frames, size := r.frames, r.bytes
		o.set(9, bare("answered"))
		o.refresh()
		r.catchUp().whole()
		if r.frames != frames+1 || r.bytes-size > 400 {
			t.Errorf("one change took %d frames, %d bytes", r.frames-frames, r.bytes-size)
		}
	})
}

// Kiosks that are cut off at any frame, among changes of every kind, all come
// to hold what the hub holds.
func TestAnyKioskCatchesUp(t *testing.T) {
	conformance(t, func(o *office) {
		random := rand.New(rand.NewPCG(1, 2))
		all := []*reader{o.reader()}
		for round := range 25 {
			for range random.IntN(400) {
				o.set(random.IntN(1500), bare(fmt.Sprint("state ", random.IntN(9))))
			}
			switch round % 6 {
			case 2:
				o.mu.Lock()
				o.revoked = append(o.revoked, fmt.Sprint("device-", round))
				o.mu.Unlock()
			case 4:
				o.mu.Lock()
				o.deleted = append(o.deleted, wire.Deletion{Kind: wire.DeletedBlob, Name: fmt.Appendf(nil, "%032d", round)})
				o.mu.Unlock()
			case 5:
				o.mu.Lock()
				o.epoch += 1 + random.Uint64N(3)
				o.mu.Unlock()
			}
			o.refresh()
			for _, r := range all {
				for range random.IntN(4) {
					r.one(random.IntN(2) == 0)
				}
			}
			if round%8 == 0 {
				all = append(all, o.reader())
			}
		}
		for _, r := range all {
			r.catchUp().whole()
			if r.version != o.Head() || len(r.revoked) != len(o.revoked) || len(r.deleted) != len(o.deleted) || r.sheet == nil {
				t.Errorf("at %d of %d: %d revoked, %d deleted, sheet %v", r.version, o.Head(), len(r.revoked), len(r.deleted), r.sheet != nil)
			}
		}
	})
}

// A hub restored from an older copy: what it no longer knows goes, in the end.
func TestRestoreForgetsTheLostTime(t *testing.T) {
	conformance(t, func(o *office) {
		for i := range 1200 {
			o.set(i, bare("received"))
		}
		o.refresh()
		r, behind := o.reader().catchUp(), o.reader()
		behind.one(false)
		o.mu.Lock()
		o.epoch, o.boxes = 2, o.boxes[:1000] // the copy is older
		o.mu.Unlock()
		o.refresh()
		for r.version < o.Head() {
			if len(r.boxes) < 1000 {
				t.Fatalf("only %d boxes while catching up", len(r.boxes))
			}
			r.one(false)
		}
		r.whole()
		behind.catchUp().whole()
		o.reader().catchUp().whole()
	})
}

// While a restored hub takes its cases in again, kiosks that listen lose
// nothing of what it still knows.
func TestRestoreSeenStepByStep(t *testing.T) {
	conformance(t, func(o *office) {
		for _, left := range []int{2 * boxesAtOnce, 0} {
			for i := range 2*boxesAtOnce + 10 {
				o.boxes = append(o.boxes, Box{Tag: tagOf(i), Box: []byte(bare("received")), Changed: uint64(i + 1)})
			}
			o.refresh()
			r := o.reader().catchUp()
			o.mu.Lock()
			o.epoch, o.boxes = o.epoch+1, o.boxes[:left]
			o.mu.Unlock()
			for more := true; more; {
				var err error
				if more, err = o.step(t.Context(), true); err != nil {
					t.Fatal(err)
				}
				if r.catchUp(); len(r.boxes) < left {
					t.Fatalf("only %d boxes of %d in between", len(r.boxes), left)
				}
			}
			o.refresh()
			r.catchUp().whole()
			o.boxes = nil
			o.mu.Lock()
			o.epoch++
			o.mu.Unlock()
			o.refresh()
		}
	})
}

// A hub that was slow does not put an old state in the place of a new one.
func TestSlowHubOverwritesNothing(t *testing.T) {
	conformance(t, func(o *office) {
		o.refresh()
		slow := o.open()
		o.set(1, bare("received"))
		is, err := slow.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := slow.gather(t.Context(), is, true)
		if err != nil {
			t.Fatal(err)
		}
		o.set(1, bare("answered"))
		o.refresh()
		before := o.reader().catchUp()
		if _, err := slow.compose(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if _, err := o.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.reader().catchUp().whole()
		before.catchUp().whole()
	})
}

func TestSameBoxAgainIsNotSentAgain(t *testing.T) {
	conformance(t, func(o *office) {
		o.set(1, bare("received"))
		o.refresh()
		r := o.reader().catchUp()
		came := r.came[tagOf(1)]
		o.set(1, bare("received"))
		o.refresh()
		if r.catchUp().whole(); r.came[tagOf(1)] != came {
			t.Error("the same box was sent again")
		}
	})
}

func TestDeletedReceiptLosesItsBox(t *testing.T) {
	conformance(t, func(o *office) {
		o.set(1, bare("answered"))
		o.set(2, bare("answered"))
		o.refresh()
		r := o.reader().catchUp()
		tag := tagOf(1)
		o.mu.Lock()
		o.boxes, o.deleted = o.boxes[1:], []wire.Deletion{{Kind: wire.DeletedReceipt, Name: tag[:]}}
		o.mu.Unlock()
		o.refresh()
		r.catchUp().whole()
		if !r.deleted[string(tag[:])] {
			t.Error("the deletion was not told")
		}
		o.reader().catchUp().whole()
	})
}

func TestTwoHubsComposeOneBulletin(t *testing.T) {
	conformance(t, func(o *office) {
		other := o.open()
		var both sync.WaitGroup
		for _, b := range []*Bulletin{o.Bulletin, other} {
			both.Go(func() {
				for range 20 {
					if err := b.Refresh(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 200 {
			o.set(i%50, bare(fmt.Sprint("state ", i)))
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		both.Wait()
		o.refresh()
		o.reader().catchUp().whole()
		if _, err := other.look(t.Context()); err != nil || other.Head() != o.Head() {
			t.Errorf("heads %d and %d, %v", other.Head(), o.Head(), err)
		}
	})
}

func TestRunTellsOfEveryHead(t *testing.T) {
	conformance(t, func(o *office) {
		heads := make(chan uint64, 10)
		o.OnChange(func(head uint64) { heads <- head })
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = o.Run(ctx) })
		defer running.Wait()
		defer cancel()
		<-heads
		writer := o.open() // a command beside the hub
		begun := time.Now()
		if _, err := writer.Order(t.Context(), wire.OrderPause, "", time.Hour, "lan"); err != nil {
			t.Fatal(err)
		}
		for head := range heads {
			if r := o.reader(); head == o.Head() {
				if r.catchUp(); len(r.sheet.Orders) == 1 {
					break
				}
			}
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}

func TestOrders(t *testing.T) {
	conformance(t, func(o *office) {
		ctx := t.Context()
		pause, err := o.Order(ctx, wire.OrderPause, "abc", time.Hour, "lan")
		if err != nil {
			t.Fatal(err)
		}
		o.now = o.now.Add(time.Minute)
		sync, err := o.Order(ctx, wire.OrderSyncNow, "", time.Minute, "lan")
		if err != nil {
			t.Fatal(err)
		}
		o.refresh()
		r := o.reader().catchUp()
		if got := r.sheet.Orders; len(got) != 2 || got[0].ID != pause.ID || got[0].Device != "abc" || got[0].Until-got[0].Issued != time.Hour.Microseconds() || got[1].Kind != wire.OrderSyncNow {
			t.Errorf("orders = %+v", got)
		}
		if err := o.Cancel(ctx, pause.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{pause.ID, "o-none"} {
			if err := o.Cancel(ctx, id); err == nil {
				t.Errorf("cancelled %s", id)
			}
		}
		o.refresh()
		if r.catchUp(); len(r.sheet.Orders) != 1 || r.sheet.Orders[0].ID != sync.ID {
			t.Errorf("after cancelling: %+v", r.sheet.Orders)
		}
		o.now = o.now.Add(time.Hour)
		if held, err := o.Orders(ctx); err != nil || len(held) != 0 {
			t.Errorf("orders that ended: %+v, %v", held, err)
		}
		for _, c := range []struct {
			kind wire.OrderKind
			hold time.Duration
		}{{9, time.Hour}, {wire.OrderPause, 0}, {wire.OrderPause, LongestOrder + 1}} {
			if _, err := o.Order(ctx, c.kind, "", c.hold, ""); err == nil {
				t.Errorf("gave %+v", c)
			}
		}
		for range mostOrders {
			if _, err := o.Order(ctx, wire.OrderSyncNow, "", time.Hour, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Order(ctx, wire.OrderSyncNow, "", time.Hour, ""); err == nil {
			t.Error("gave one more than a sheet holds")
		}
	})
}

// The cost of a ward with a long memory, told in numbers.
func TestHundredThousandCases(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	o := newOffice(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	const cases = 100_000
	random := rand.NewChaCha8([32]byte{1})
	for i := range cases {
		b := Box{Box: make([]byte, wire.BareBox), Changed: uint64(i + 1)}
		random.Read(b.Tag[:])
		random.Read(b.Box)
		o.boxes = append(o.boxes, b)
	}
	slow := o.cfg.Boxes
	o.cfg.Boxes = func(ctx context.Context, since uint64, most int) ([]Box, error) {
		if since < cases {
			return o.boxes[since:min(cases, int(since)+most)], nil
		}
		return slow(ctx, since, most)
	}
	begun := time.Now()
	o.refresh()
	composed := time.Since(begun)
	begun = time.Now()
	r := o.reader().catchUp()
	r.whole()
	t.Logf("%d cases: composed in %v, sent in %d frames, %d bytes (%.2f MiB) in %v", cases, composed.Round(time.Millisecond), r.frames, r.bytes, float64(r.bytes)/(1<<20), time.Since(begun).Round(time.Millisecond))
	if r.bytes > 4<<20 {
		t.Errorf("%d bytes for %d cases, want at most 4 MiB", r.bytes, cases)
	}
	size := r.bytes
	for i := range 100 {
		o.boxes = append(o.boxes, Box{Tag: o.boxes[i*7].Tag, Box: []byte(bare("changed")), Changed: cases + uint64(i) + 1})
	}
	o.refresh()
	r.catchUp()
	t.Logf("100 changes: %d bytes", r.bytes-size)
	if r.bytes-size > 5000 {
		t.Errorf("100 changes cost %d bytes", r.bytes-size)
	}
}
