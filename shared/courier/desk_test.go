package courier

import (
	"errors"
	"testing"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// desk is a hub and the kiosks before it, across clean lines: the stage of the
// directed tests. Frames travel as bytes; every delivery is committed alone.
type desk struct {
	t      *testing.T
	hub    *hubModel
	papers map[wire.RecordID]*paper
	album  map[blob.Hash]*picture
	ids    uint64
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, papers: map[wire.RecordID]*paper{}, album: map[blob.Hash]*picture{}}
	d.hub = newHub(func(id wire.RecordID, _ []byte) *paper { return d.papers[id] })
	d.hub.pictures = func(h blob.Hash) *picture { return d.album[h] }
	return d
}

func (d *desk) random() (b [16]byte) {
	d.ids++
	b[0], b[15] = byte(d.ids), 0xdd
	return b
}

// post is one kiosk at the desk and its session.
type post struct {
	*desk
	device   int
	out      *outboxModel
	sender   *Sender
	receiver *Receiver
	credit   uint32 // that the hub gives
	events   []Event
	most     int          // bytes of a blob in one chunk
	chunks   []wire.Chunk // given to the line
}

func (d *desk) kiosk(device int) *post {
	out := newOutbox(d.random, func(b []byte, c wire.Chain) *paper {
		d.papers[c.ID()] = &paper{bytes: b, chain: c}
		return d.papers[c.ID()]
	})
	return d.kioskOn(device, out)
}

// kioskOn starts a kiosk from a disk that has been used before.
func (d *desk) kioskOn(device int, out *outboxModel) *post {
	p := &post{desk: d, device: device, out: out, most: 100}
	p.out.append(wire.Boot{Nonce: d.random(), Place: "qt-01", Program: "test"})
	p.sender = NewSender(SenderConfig{Outbox: p.out, Blobs: spoolModel{p.out}, Sign: signer(device), Verify: verifier(0)})
	return p
}

// copyOf is a second machine from the image of a disk.
func (p *post) copyOf(device int, d disk) *post {
	out := newOutbox(p.random, p.out.wrote)
	out.disk = d.image()
	return p.kioskOn(device, out)
}

func (p *post) tap(n int) {
	for range n {
		q := p.out.append(wire.Answer{Uptime: uint64(len(p.papers)), Questionnaire: "today", Version: 1,
			Question: "satisfied", Language: "vi", Score: 5})
		q.answer = true
	}
}

// dial opens a session and leaves it before the first frame.
func (p *post) dial() {
	p.receiver = NewReceiver(ReceiverConfig{Ledger: ledgerFor{p.hub, p.device}, Verify: verifier(p.device),
		Sign: signer(0), Epoch: p.hub.epoch, Credit: p.credit, Now: func() int64 { return 7 }})
	p.sender = NewSender(p.sender.cfg)
	p.events = nil
}

// meet opens a session and lets it run until nobody has anything to say.
func (p *post) meet() {
	p.t.Helper()
	p.dial()
	p.talk()
}

// again opens another session with the same Sender, as an uplink does.
func (p *post) again() {
	p.t.Helper()
	sender := p.sender
	p.dial()
	p.sender = sender
	p.sender.state = strange
	p.talk()
}

func (p *post) talk() {
	p.t.Helper()
	for range 1000 {
		f := p.next()
		if f == nil {
			return
		}
		p.give(f)
	}
	p.t.Fatalf("session does not come to rest")
}

// next is the kiosk's next frame, a Hello when one is due.
func (p *post) next() wire.Frame {
	p.t.Helper()
	f, err := p.sender.Next()
	if errors.Is(err, ErrGreet) {
		f, err = p.sender.Hello(wire.Hello{Program: "test"})
	}
	if f == nil && err == nil {
		f, err = p.sender.Chunk(p.most)
	}
	if err != nil {
		p.t.Fatalf("Next() = %v", err)
	}
	if c, ok := f.(wire.Chunk); ok {
		p.chunks = append(p.chunks, c)
	}
	return f
}

// give hands the hub a frame and the kiosk every answer.
func (p *post) give(f wire.Frame) {
	p.t.Helper()
	step, err := p.receiver.Receive(bytesOf(p.t, f))
	if err != nil {
		p.t.Fatalf("hub refuses %T: %v", f, err)
	}
	for _, r := range step.Reply {
		p.hear(r)
	}
	if step.Append != nil {
		p.hear(p.stored(step.Append))
	}
	if step.Chunk != nil {
		p.hear(p.chunkStored(*step.Chunk))
	}
}

// chunkStored stores a chunk and returns the hub's answer.
func (p *post) chunkStored(c wire.Chunk) wire.Frame {
	p.t.Helper()
	a, _ := p.hub.chunk(p.device, c)
	f, err := p.receiver.ChunkStored(a)
	if err != nil {
		p.t.Fatalf("ChunkStored() = %v", err)
	}
	return f
}

// stored commits a delivery and returns the hub's answer.
func (p *post) stored(d *Delivery) wire.Frame {
	p.t.Helper()
	f, err := p.receiver.Stored(p.hub.store(p.device, d))
	if err != nil {
		p.t.Fatalf("Stored() = %v", err)
	}
	return f
}

// hear hands the kiosk a frame from the hub.
func (p *post) hear(f wire.Frame) Event {
	p.t.Helper()
	if f == nil {
		return Event{}
	}
	ev, err := p.sender.Receive(bytesOf(p.t, f))
	if err != nil {
		p.t.Fatalf("kiosk refuses %T: %v", f, err)
	}
	p.events = append(p.events, ev)
	return ev
}

func bytesOf(t *testing.T, f wire.Frame) wire.Frame {
	t.Helper()
	b, err := wire.EncodeFrame(f)
	if err != nil {
		t.Fatalf("EncodeFrame(%T) = %v", f, err)
	}
	g, err := wire.DecodeFrame(b)
	if err != nil {
		t.Fatalf("DecodeFrame(%T) = %v", f, err)
	}
	return g
}

// archive uploads everything and reads it back.
func (d *desk) archive() {
	for _, g := range d.hub.todo {
		d.hub.upload(g)
		d.hub.readBack(g)
	}
	d.hub.todo = nil
}

// told is the Ack the hub would send of its own accord.
func (p *post) told() wire.Ack {
	p.t.Helper()
	st := p.hub.standing(p.device, wire.Offer{Journal: p.out.journal})
	return p.ack(p.hub.epoch, p.out.journal, st.Received, st.Safe)
}

// ack is any Ack, truly signed.
func (p *post) ack(epoch uint64, j wire.JournalID, received, safe wire.Point) wire.Ack {
	return wire.Ack{Journal: j, Epoch: epoch, Received: received, Safe: safe, Credit: 1 << 20,
		Signature: sign(0, wire.CustodyStatement(epoch, j, received, safe))}
}

// welcome is any Welcome for this kiosk's journal, truly signed.
func (p *post) welcome(epoch uint64, state wire.StandingState, received, safe wire.Point) wire.Welcome {
	a := p.ack(epoch, p.out.journal, received, safe)
	return wire.Welcome{Version: wire.SessionVersion, Epoch: epoch, Credit: 1 << 20, Standings: []wire.Standing{
		{Journal: a.Journal, State: state, Received: received, Safe: safe, Signature: a.Signature}}}
}

// greet says Hello to nobody, so that a Welcome is expected.
func (p *post) greet() {
	p.t.Helper()
	if _, err := p.sender.Hello(wire.Hello{}); err != nil {
		p.t.Fatalf("Hello() = %v", err)
	}
}

// forks lists the causes of all forks so far.
func (p *post) forks() (causes []wire.ForkCause) {
	for _, ev := range p.events {
		if ev.Forked != nil {
			causes = append(causes, ev.Forked.Cause)
		}
	}
	return causes
}

func (p *post) point(seq uint64) wire.Point {
	p.t.Helper()
	c, ok := p.out.chainAt(seq)
	if !ok {
		p.t.Fatalf("kiosk holds no record %d", seq)
	}
	return wire.At(seq, c)
}

// wantForks checks that exactly these forks happened.
func (p *post) wantForks(want ...wire.ForkCause) {
	p.t.Helper()
	got := p.forks()
	if len(got) != len(want) {
		p.t.Fatalf("forks %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			p.t.Fatalf("forks %v, want %v", got, want)
		}
	}
}

// wantAtHub checks that the hub holds and counts everything on this disk.
func (p *post) wantAtHub() {
	p.t.Helper()
	s := p.hub.journals[p.out.journal]
	if s == nil || s.received() != p.out.head() {
		p.t.Fatalf("hub does not hold journal %s up to %s", p.out.journal, p.out.head())
	}
	for i, q := range p.out.papers {
		if seq := p.out.floor.Seq + uint64(i) + 1; !s.holds(p.point(seq)) {
			p.t.Errorf("hub does not hold record %d", seq)
		}
		if q.answer && q.counted != p.hub.timeline {
			p.t.Errorf("record %d is not counted", p.out.floor.Seq+uint64(i)+1)
		}
	}
}

func (d *desk) wantCounted(n int) {
	d.t.Helper()
	if len(d.hub.rows) != n {
		d.t.Errorf("hub counts %d answers, want %d", len(d.hub.rows), n)
	}
}
