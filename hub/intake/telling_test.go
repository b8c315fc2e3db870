package intake

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"nghe/hub/bulletin"
	"nghe/shared/wire"
)

// notices is a bulletin of many small versions.
type notices struct {
	mu    sync.Mutex
	head  uint64
	size  int // of a frame's body
	fail  error
	asked []uint64 // versions Next was asked about
	ahead []bool
	told  []func(uint64)
}

func (n *notices) Head() uint64 { n.mu.Lock(); defer n.mu.Unlock(); return n.head }

func (n *notices) OnChange(f func(uint64)) { n.told = append(n.told, f) }

func (n *notices) Next(_ context.Context, ask bulletin.Ask) (wire.Bulletin, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked, n.ahead = append(n.asked, ask.Held), append(n.ahead, ask.Ahead)
	if n.fail != nil || ask.Held >= n.head {
		return wire.Bulletin{}, false, n.fail
	}
	return wire.Bulletin{Version: ask.Held + 1, Body: bytes.Repeat([]byte{1}, n.size), Signature: []byte{2}}, true, nil
}

func (n *notices) publish(head uint64) {
	n.mu.Lock()
	n.head = head
	n.mu.Unlock()
	for _, f := range n.told {
		f(head)
	}
}

func (n *notices) set(fail error) { n.mu.Lock(); defer n.mu.Unlock(); n.fail = fail }

func tellingWorld(t *testing.T, head uint64, size int) (*notices, *kiosk) {
	n := &notices{head: head, size: size}
	return n, newWorld(t, func(c *Config) { c.Bulletins = n }).kiosk()
}

// told expects the bulletin of a version next.
func (k *kiosk) told(version uint64) {
	k.t.Helper()
	if f, ok := k.hear().(wire.Bulletin); !ok || f.Version != version {
		k.t.Fatalf("heard %T %d, want bulletin %d", f, f.Version, version)
	}
}

// quiet expects that the hub says nothing for a moment, and then answers.
func (k *kiosk) quiet() {
	k.t.Helper()
	time.Sleep(100 * time.Millisecond)
	k.delivered(2)
}

func (k *kiosk) holds(version uint64) {
	k.say(wire.Vitals{Uptime: 1, Readings: []wire.Reading{{Name: holds, Value: int64(version)}}})
}

func TestKioskIsToldAfterTheWelcome(t *testing.T) {
	n, k := tellingWorld(t, 3, 100)
	w := k.open()
	if w.Bulletin != 3 {
		t.Errorf("the welcome names bulletin %d", w.Bulletin)
	}
	for version := uint64(1); version <= 3; version++ {
		k.told(version)
	}
	k.quiet()
	n.publish(4)
	begun := time.Now()
	k.told(4)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("told after %v", took)
	}
	if !n.ahead[0] || n.ahead[1] {
		t.Errorf("asked for the sheet ahead of its turn: %v", n.ahead)
	}
}

func TestKioskThatHoldsItIsLeftAlone(t *testing.T) {
	_, k := tellingWorld(t, 3, 100)
	if _, err := k.dial(nil); err != nil {
		t.Fatal(err)
	}
	k.say(wire.Hello{Version: 1, Program: "test", Bulletin: 2, Offers: []wire.Offer{{Journal: k.journal, Base: k.base, Head: k.head}}})
	if _, ok := k.hear().(wire.Welcome); !ok {
		t.Fatal("no welcome")
	}
	k.told(3)
	k.quiet()
}

// No more is sent than a slow line can bear, until the kiosk names what came.
func TestBulletinsWaitToBeNamed(t *testing.T) {
	_, k := tellingWorld(t, 20, 30<<10)
	k.open()
	k.told(1)
	k.told(2)
	k.told(3) // 60 KiB left room for one more
	k.quiet()
	k.holds(1)
	k.told(4)
	k.quiet()
}

func TestBulletinsGoOnWhenNamed(t *testing.T) {
	n, k := tellingWorld(t, 12, 30<<10)
	k.open()
	for version := uint64(1); version <= 12; version++ {
		k.told(version)
		k.holds(version)
	}
	k.quiet()
	if got := n.asked[len(n.asked)-1]; got > 12 {
		t.Errorf("asked for what follows %d", got)
	}
}

// Acknowledgements go first.
func TestAcksGoBeforeBulletins(t *testing.T) {
	n, k := tellingWorld(t, 0, 1000)
	k.open()
	n.publish(50)
	acks := 0
	for range 20 {
		k.say(k.pack(k.ratings(2)))
	}
	bulletins := 0
	for acks < 20 {
		switch f := k.hear().(type) {
		case wire.Ack:
			acks++
		case wire.Bulletin:
			if bulletins++; f.Version != uint64(bulletins) {
				t.Fatalf("bulletin %d came as number %d", f.Version, bulletins)
			}
		default:
			t.Fatalf("heard %T", f)
		}
	}
	for ; bulletins < 50; bulletins++ {
		k.told(uint64(bulletins + 1))
	}
}

func TestBulletinWaitsBehindTheQueue(t *testing.T) {
	n := &notices{head: 3}
	s := &session{Intake: &Intake{cfg: Config{Bulletins: n}}, writing: true, queue: []item{{frame: wire.Ack{}}}}
	s.telling.greeted(wire.Hello{})
	if f := s.bulletin(); f != nil || len(s.queue) != 2 || !s.queue[1].tell {
		t.Errorf("said %T before what was waiting; queue %+v", f, s.queue)
	}
	s.queue = nil
	if f, ok := s.bulletin().(wire.Bulletin); !ok || f.Version != 1 || len(s.queue) != 1 || !s.queue[0].tell {
		t.Errorf("said %+v; queue %+v", f, s.queue)
	}
}

// A bulletin that cannot be made ends no session and is tried again.
func TestFailingBulletinHarmsNoSession(t *testing.T) {
	n, k := tellingWorld(t, 1, 100)
	n.set(errors.New("database is away"))
	k.open()
	k.quiet()
	n.set(nil)
	k.holds(0)
	k.told(1)
	k.quiet()
}

// A kiosk of an earlier program would refuse a bulletin with recordings, and
// all that comes after it.
func TestRecordingsAreToldToWhoKnowsThem(t *testing.T) {
	var tl telling
	for version, clips := range map[uint16]bool{1: false, 2: true, 3: true} {
		tl.greeted(wire.Hello{Version: version, Bulletin: 7})
		if ask := tl.taken(); ask != (bulletin.Ask{Held: 7, Ahead: true, Clips: clips}) {
			t.Errorf("a kiosk of session version %d is told %+v", version, ask)
		}
	}
}

func TestTellingWindow(t *testing.T) {
	var tl telling
	now := time.Now()
	if tl.due(5) {
		t.Error("told a kiosk that has said nothing")
	}
	tl.greeted(wire.Hello{Bulletin: 2})
	if !tl.due(5) || tl.due(5) {
		t.Error("due is not once")
	}
	for version := uint64(3); version <= 4; version++ {
		after := tl.taken().Held
		tl.told(after, wire.Bulletin{Version: version, Body: make([]byte, 40<<10)}, now)
	}
	if tl.due(5) {
		t.Error("the window has no end")
	}
	tl.named(2, now.Add(unheard/2))
	if tl.due(5) {
		t.Error("sent again too soon")
	}
	tl.named(3, now.Add(unheard/2))
	if !tl.due(5) {
		t.Error("naming one frees no room")
	}
	tl.taken()
	tl.named(3, now.Add(2*unheard))
	if ask := tl.taken(); ask.Held != 3 || !tl.due(5) {
		t.Errorf("a kiosk that names nothing more is told what follows %d, want 3", ask.Held)
	}
	tl.told(1, wire.Bulletin{Version: 9}, now)
	if ask := tl.taken(); ask.Held != 3 {
		t.Error("a frame for another time moved it")
	}
}
