package courier

import (
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// machine is one kiosk: a disk, an agent that may be down, and its sessions.
type machine struct {
	w            *world
	name         string
	device       int
	out          *outboxModel
	up           bool
	life         int // grows with every start
	booted       int64
	sender       *Sender
	session      *session
	second       *session // another road at the same time
	images       []disk
	copied       bool // this disk was once rolled back, cloned or given a new key
	offlineUntil int64
	poor         bool // the link has faults
	failing      bool // the disk has faults
	waking       bool
	busy         bool // residents are many
	ticks        int

	most int // bytes of a blob in one chunk
	sent int // bytes of blobs given to the line
	used int // of them, those that led the hub on, or would have had it not changed its mind
	cuts int // with a chunk on the line
}

func (w *world) newMachine() *machine {
	w.devices++
	m := &machine{w: w, name: fmt.Sprintf("kiosk %d", len(w.machines)+1), device: w.devices}
	m.out = newOutbox(w.random, w.wrote)
	w.join(m)
	return m
}

func (w *world) join(m *machine) {
	m.out.fails = m.fails
	m.most = 256 << w.n(3)
	w.machines = append(w.machines, m)
	w.after(w.upTo(minute), m.start)
	w.agenda.add(event{at: w.now + w.upTo(5*minute), tap: m})
	w.after(w.upTo(minute), m.tick)
}

func (m *machine) fails() (before, after bool) {
	if !m.failing || !m.w.chance(0.1) {
		return false, false
	}
	if m.w.chance(0.5) {
		m.w.tally.add(diskFailedBefore)
		return true, false
	}
	m.w.tally.add(diskFailedAfter)
	return false, true
}

// start opens the journal: a boot record is committed before anything is sent.
func (m *machine) start() {
	if m.up {
		return
	}
	m.up, m.booted = true, m.w.now
	m.life++
	m.out.append(wire.Boot{Nonce: m.w.random(), Wall: m.w.now, Place: "qt-01", Program: "sim"})
	m.sender = m.newSender()
}

func (m *machine) newSender() *Sender {
	return NewSender(SenderConfig{Outbox: m.out, Blobs: spoolModel{m.out}, Sign: signer(m.device), Verify: verifier(0), MaxRecords: 200 + m.w.n(1000)})
}

// crash ends the agent. What is committed stays; the hub may not notice.
func (m *machine) crash(back int64) {
	m.hangUp(m.session)
	m.hangUp(m.second)
	m.session, m.second = nil, nil
	if m.up {
		m.up = false
		m.life++
	}
	m.w.after(back, m.start)
}

func (m *machine) tapped() {
	w := m.w
	if w.bad {
		pause := 120 * second
		if m.busy {
			pause = 3 * second
		}
		w.agenda.add(event{at: w.now + w.upTo(pause), tap: m})
		if w.rng.Uint32()&63 == 0 {
			m.busy = !m.busy
		}
	}
	if !m.up || !w.bad {
		return
	}
	a := wire.Answer{Uptime: uint64(w.now - m.booted), Questionnaire: "today", Version: 1,
		Question: "satisfied", Language: "vi", Score: uint8(1 + w.n(5))}
	var pic *picture
	if w.rng.Uint32()&63 == 0 {
		if pic = m.photo(); pic == nil || !m.up {
			return
		}
		a.Attachments = []wire.Attachment{{Kind: 4, Reader: 1, Hash: pic.ref.Hash, Size: pic.ref.Size}}
	}
	p := m.out.append(a)
	p.answer, p.names = true, pic
	if pic != nil {
		if pic.record == nil || pic.record.gone {
			pic.record = p
		}
		w.check.Thanked(pic.id())
	}
	w.answers = append(w.answers, p)
	w.check.Thanked(p.chain.ID())
	m.wake()
}

// photo keeps a sealed picture, before the record that names it; a crash may
// come in the middle of it and between the two. The same again is kept once.
func (m *machine) photo() *picture {
	if n := len(m.out.blobs); n > 0 && m.w.sometimes(sameAgain, 0.03) {
		if k := m.out.blobs[m.w.n(n)]; !k.rotten && !k.pic.erased {
			return k.pic
		}
	}
	if m.w.sometimes(photoCut, 0.02) {
		m.crash(m.w.upTo(minute))
		return nil
	}
	p := m.w.newPicture()
	m.out.put(p)
	if m.w.sometimes(orphaned, 0.02) {
		m.crash(m.w.upTo(minute))
	}
	return p
}

// wake sends what is new within a short while, as an uplink that gathers does.
func (m *machine) wake() {
	if m.waking || m.session == nil {
		return
	}
	m.waking = true
	m.w.after(m.w.upTo(40*second), func() {
		m.waking = false
		m.pump(m.session)
		m.pump(m.second)
	})
}

// tick keeps a session: it dials when there is none and hangs up when nothing
// is heard of what waits.
func (m *machine) tick() {
	w := m.w
	w.after(20*second+w.upTo(20*second), m.tick)
	if !m.up || w.now < m.offlineUntil {
		return
	}
	if m.ticks++; m.ticks%8 == 0 {
		m.sender.Remind(m.ticks%64 == 0)
		m.pump(m.session)
	}
	m.hangUpSilent(m.session)
	m.hangUpSilent(m.second)
	if m.session == nil && w.hubUp {
		m.session = m.dial(m.sender)
	}
	if m.second == nil && w.hubUp && w.chance(0.01) {
		w.tally.add(twoSessions)
		m.second = m.dial(m.newSender())
	}
}

// hangUpSilent ends a session whose pings would have stayed unanswered, or on
// which nothing is heard of what waits.
func (m *machine) hangUpSilent(s *session) {
	if s != nil && (!s.hub || s.sender.Waiting()) && m.w.now-s.heard > 45*second {
		m.hangUp(s)
	}
}

// prune deletes some of what is safe.
func (m *machine) prune() {
	for _, p := range m.out.prune(1 + m.w.n(3000)) {
		m.w.tally.add(pruned)
		m.w.check.Deleted(m.name, m.out.epoch, p.chain.ID())
	}
	for _, p := range m.out.sweepBlobs(1 + m.w.n(20)) {
		m.w.tally.add(blobDeleted)
		m.w.check.Deleted(m.name, m.out.epoch, p.id())
	}
}

// swap puts another image in the place of the disk.
func (m *machine) swap(d disk) {
	for _, p := range m.out.papers {
		p.torn = true
	}
	for _, k := range m.out.blobs {
		k.pic.torn = true
	}
	m.out.disk = d.image()
	m.w.sweep()
}

// received takes a frame from the hub off the wire.
func (m *machine) received(s *session, f wire.Frame) {
	s.heard = m.w.now
	if a, ok := f.(wire.ChunkAck); ok && a.Hash == s.flyer && a.State != wire.BlobWanted {
		s.flying = 0
	}
	ev, err := s.sender.Receive(f)
	if ev.Ignored != "" {
		m.w.tally.add(ignored[ev.Ignored])
	}
	var refused *wire.Error
	switch {
	case errors.Is(err, ErrBlobs):
		m.w.tally.add(noteFailed)
	case errors.As(err, &refused):
		m.w.say("%s hangs up: %v", m.name, err)
		m.hangUp(s)
		return
	case errors.Is(err, errBefore) || errors.Is(err, errAfter):
		m.crash(m.w.upTo(minute))
		return
	case err != nil:
		m.w.check.Forked(m.name, err.Error())
		m.hangUp(s)
		return
	}
	m.happened(s, ev)
	m.pump(s)
}

func (m *machine) happened(s *session, ev Event) {
	w := m.w
	switch {
	case ev.Forked != nil:
		w.say("%s forks from %s: cause %d, stood at %s, hub at %s", m.name, ev.Forked.From, ev.Forked.Cause, ev.Forked.Head, ev.Forked.Hub)
		w.tally.add(forkFaults[ev.Forked.Cause])
		honest := !m.copied
		if ev.Forked.Cause == wire.ForkBehind {
			honest = m.out.epoch == 1
		}
		if honest {
			w.check.Forked(m.name, fmt.Sprint(ev.Forked.Cause))
		}
	case ev.Goodbye != nil:
		m.hangUp(s)
	case ev.Blob != nil:
		w.tally.add(blobFaults[ev.Blob.State])
		if ev.Blob.State == wire.BlobArchived {
			w.check.Believed(m.name, m.out.epoch, [16]byte(ev.Blob.Hash[:16]))
		}
	}
}

// pump gives the link all the frames the sender has.
func (m *machine) pump(s *session) {
	for i := 0; s != nil && s.kiosk && m.up; i++ {
		if i == manyFrames {
			m.w.check.Waiting(m.name+", whose sender never pauses", 1)
			m.hangUp(s)
			return
		}
		f, err := s.sender.Next()
		switch {
		case errors.Is(err, ErrGreet):
			f, err = m.hello(s)
		case f == nil && err == nil:
			if s == m.second {
				return // two at once waste by design
			}
			if f, err = s.sender.Chunk(m.most); errors.Is(err, ErrBlobs) {
				m.w.tally.add(blobUnread)
				continue
			}
		}
		if f == nil && err == nil {
			return
		}
		if err != nil {
			m.w.check.Forked(m.name, err.Error())
			m.hangUp(s)
			return
		}
		s.sendUp(f)
	}
}

func (m *machine) hello(s *session) (wire.Frame, error) {
	return s.sender.Hello(wire.Hello{Program: "sim", Uptime: uint64(m.w.now - m.booted), Wall: m.w.now})
}

// hangUp ends the kiosk's side; the hub hears of it or not.
func (m *machine) hangUp(s *session) {
	if s == nil || !s.kiosk {
		return
	}
	s.kiosk = false
	if s.flying > 0 {
		m.cuts++
	}
	if m.session == s {
		m.session = nil
	}
	if m.second == s {
		m.second = nil
	}
	if !m.w.chance(0.5) {
		m.w.after(m.w.upTo(second), s.hubCloses)
	}
}
