package intake

import (
	"context"
	"sync"
	"time"

	"nghe/hub/bulletin"
	"nghe/shared/wire"
)

// Bulletins is what kiosks are told; *bulletin.Bulletin is one.
type Bulletins interface {
	// Head is the newest version.
	Head() uint64
	// OnChange asks to be told of every new head. f must not wait.
	OnChange(f func(head uint64))
	// Next is the next frame for a kiosk; false when it is up to date.
	Next(ctx context.Context, ask bulletin.Ask) (wire.Bulletin, bool, error)
}

var _ Bulletins = (*bulletin.Bulletin)(nil)

// holds is the reading of a kiosk's vitals that names the bulletin it holds.
const holds = "bulletin"

const (
	// untold is how many bytes of bulletins may be on the way that the kiosk has
	// not named yet: an acknowledgement never waits behind more.
	untold = 64 << 10
	// unheard is how long a kiosk may take to name what it was sent, before it
	// is sent again: its disk may have been full.
	unheard = 2 * time.Minute
)

// telling is how far one kiosk was told.
type telling struct {
	mu     sync.Mutex
	known  bool     // the kiosk has said what it holds
	queued bool     // the writer was asked to tell more
	ahead  bool     // nothing was told yet in this session
	clips  bool     // it knows recordings
	sent   uint64   // last version given to the line
	flight []flight // sent and not yet named, oldest first
}

type flight struct {
	version uint64
	bytes   int
	at      time.Time
}

// greeted takes what a Hello says of the kiosk.
func (t *telling) greeted(h wire.Hello) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.ahead, t.clips, t.sent, t.flight = true, true, h.Version >= wire.ClipsSince, h.Bulletin, nil
}

// named takes the version that vitals name.
func (t *telling) named(held uint64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.flight) > 0 && t.flight[0].version <= held {
		t.flight = t.flight[1:]
	}
	if len(t.flight) > 0 && now.Sub(t.flight[0].at) > unheard {
		t.sent, t.flight = held, nil
	}
}

// due says, once, that the writer has something to tell.
func (t *telling) due(head uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known || t.queued || t.sent >= head || t.waiting() >= untold {
		return false
	}
	t.queued = true
	return true
}

func (t *telling) waiting() (bytes int) {
	for _, f := range t.flight {
		bytes += f.bytes
	}
	return bytes
}

// taken begins to answer what due asked for.
func (t *telling) taken() bulletin.Ask {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued = false
	return bulletin.Ask{Held: t.sent, Ahead: t.ahead, Clips: t.clips}
}

func (t *telling) told(after uint64, f wire.Bulletin, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent != after {
		return // the kiosk greeted again meanwhile
	}
	t.sent, t.ahead = f.Version, false
	t.flight = append(t.flight, flight{f.Version, len(f.Body), now})
}

// announce tells every kiosk that is here.
func (i *Intake) announce(uint64) {
	i.mu.Lock()
	all := make([]*session, 0, len(i.live))
	for _, s := range i.live {
		all = append(all, s)
	}
	i.mu.Unlock()
	for _, s := range all {
		s.tell()
	}
}

// tell asks the writer for the next bulletin, when there is one to send.
func (s *session) tell() {
	if b := s.cfg.Bulletins; b != nil && s.telling.due(b.Head()) {
		s.post(item{tell: true})
	}
}

// bulletin is the next frame for this kiosk; nil when there is none, or when
// something else is to be said first.
func (s *session) bulletin() wire.Frame {
	if s.busy() {
		s.post(item{tell: true}) // behind it
		return nil
	}
	ask := s.telling.taken()
	f, more, err := s.cfg.Bulletins.Next(context.Background(), ask)
	if err != nil { // it is asked for again with the next frame of the kiosk
		s.log.Warn("no bulletin for kiosk", "err", err)
		return nil
	}
	if !more {
		return nil
	}
	s.telling.told(ask.Held, f, time.Now())
	s.count.bulletins.Add(1)
	s.tell()
	return f
}

// busy says whether the writer has anything but bulletins to say.
func (s *session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// stamp adds what the intake knows to a frame of courier's.
func (s *session) stamp(f wire.Frame) wire.Frame {
	if w, ok := f.(wire.Welcome); ok && s.cfg.Bulletins != nil {
		w.Bulletin = s.cfg.Bulletins.Head()
		return w
	}
	return f
}

// heldBy reads which bulletin a kiosk says it holds.
func heldBy(v wire.Vitals) (uint64, bool) {
	for _, r := range v.Readings {
		if r.Name == holds && r.Value >= 0 {
			return uint64(r.Value), true
		}
	}
	return 0, false
}
