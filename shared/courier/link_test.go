package courier

import (
	"errors"
	"slices"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// session is one connection: two ends that may close apart, and a line in each
// direction on which real frame bytes travel.
type session struct {
	w        *world
	m        *machine
	life     int // of the machine when it dialled
	device   int
	sender   *Sender
	receiver *Receiver
	kiosk    bool  // open at the kiosk
	hub      bool  // open at the hub
	up, down int64 // when the last frame of each line arrives
	heard    int64
	journal  wire.JournalID
	safe     wire.Point           // last told unasked
	chunks   int64                // when the hub has stored the last chunk
	flying   int                  // bytes of a chunk without an answer
	flyer    blob.Hash            // whose they are
	led      map[blob.Hash]uint64 // what the hub last asked for
}

func (m *machine) dial(sender *Sender) *session {
	w := m.w
	s := &session{w: w, m: m, life: m.life, device: m.device, sender: sender, kiosk: true, hub: true, heard: w.now}
	s.receiver = NewReceiver(ReceiverConfig{Ledger: ledgerFor{w.hub, m.device}, Verify: verifier(m.device), Sign: signer(0),
		Epoch: w.hub.epoch, Credit: uint32(1+w.n(32)) << 10, Now: func() int64 { return w.now }})
	w.sessions = append(w.sessions, s)
	f, err := m.hello(s)
	if err != nil {
		w.check.Forked(m.name, err.Error())
		return nil
	}
	s.sendUp(f)
	if !s.kiosk {
		return nil // cut while it greeted
	}
	return s
}

// ledgerFor is the hub as one device sees it.
type ledgerFor struct {
	hub    *hubModel
	device int
}

func (l ledgerFor) Standing(o wire.Offer) (wire.Standing, error) {
	return l.hub.standing(l.device, o), nil
}

func (s *session) sendUp(f wire.Frame) {
	if c, ok := f.(wire.Chunk); ok {
		s.flying, s.flyer = len(c.Bytes), c.Hash
		s.m.sent += s.flying
	}
	s.carry(f, &s.up, s.arriveUp)
}
func (s *session) sendDown(f wire.Frame) { s.w.noted(f); s.carry(f, &s.down, s.arriveDown) }

// carry puts a frame on a line, which may do anything to it.
func (s *session) carry(f wire.Frame, last *int64, arrive func([]byte)) {
	b, err := wire.EncodeFrame(f)
	if err != nil {
		s.w.check.Forked(s.m.name, err.Error())
		return
	}
	w := s.w
	w.carried += len(b)
	at := max(*last+1, w.now+5*milli+w.upTo(300*milli))
	*last = at
	if s.m.poor && w.chance(0.08) {
		at, b = s.spoil(at, b, f, arrive)
		if b == nil {
			return
		}
	}
	w.agenda.add(event{at: at, do: func() { arrive(b) }})
}

func (s *session) spoil(at int64, b []byte, f wire.Frame, arrive func([]byte)) (int64, []byte) {
	w := s.w
	fault := []fault{dropped, repeated, reordered, truncated, flipped, cut}[w.n(6)]
	switch {
	case unsigned(f) && fault == flipped:
		fault = truncated // what no signature covers, TLS does
	case unsigned(f) && (fault == repeated || fault == reordered):
		s.m.cuts++ // an answer too many, or too late, wastes as much as a cut; TCP has neither
	}
	w.tally.add(fault)
	switch fault {
	case dropped:
		return at, nil
	case repeated:
		w.agenda.add(event{at: at + w.upTo(5*second), do: func() { arrive(b) }})
	case reordered:
		at += w.upTo(3 * second)
	case truncated:
		b = slices.Clone(b[:w.n(len(b))])
	case flipped:
		b = slices.Clone(b)
		b[w.n(len(b))] ^= 1 << w.n(8)
	case cut:
		s.m.hangUp(s)
		w.after(w.upTo(minute), s.hubCloses)
		if w.chance(0.5) {
			return at, nil
		}
	}
	return at, b
}

// unsigned frames are those of blobs.
func unsigned(f wire.Frame) bool {
	switch f.(type) {
	case wire.Chunk, wire.ChunkAck:
		return true
	}
	return false
}

func (s *session) hubCloses() {
	s.hub = false
	s.w.sessions = slices.DeleteFunc(s.w.sessions, func(o *session) bool { return o == s })
}

// refuse is the hub's end of a session that went wrong.
func (s *session) refuse(e *wire.Error) {
	s.w.say("hub refuses %s: %v", s.m.name, e)
	s.hubCloses()
	s.sendDown(wire.Goodbye{Code: e.Code, Detail: e.Detail})
}

func (s *session) arriveUp(b []byte) {
	if !s.hub {
		return
	}
	var refused *wire.Error
	f, err := wire.DecodeFrame(b)
	if errors.As(err, &refused) {
		s.refuse(refused)
		return
	}
	if _, ok := f.(wire.Chunk); ok && s.w.noBlobs {
		s.w.tally.add(chunkRefused)
		s.refuse(wire.Errorf(wire.CodeUnexpected, "%T from a kiosk", f))
		return
	}
	step, err := s.receiver.Receive(f)
	if errors.As(err, &refused) {
		s.refuse(refused)
		return
	}
	if step.Hello != nil && len(step.Hello.Offers) > 0 {
		s.journal = step.Hello.Offers[0].Journal
	}
	for _, r := range step.Reply {
		s.sendDown(r)
	}
	if step.Hello != nil {
		s.w.wanted(s)
	}
	if step.Append != nil {
		s.w.enqueue(s, step.Append)
	}
	if step.Chunk != nil {
		s.w.enqueueChunk(s, *step.Chunk)
	}
}

func (s *session) arriveDown(b []byte) {
	if !s.kiosk || s.life != s.m.life {
		return
	}
	f, err := wire.DecodeFrame(b)
	if err != nil {
		s.m.hangUp(s)
		return
	}
	s.m.received(s, f)
}
