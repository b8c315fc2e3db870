package courier

import (
	"bytes"
	"errors"
	"testing"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Blobs: after all records, one chunk at a time, from the exact byte.

// send keeps a blob of n bytes and the record that names it.
func (p *post) send(n int) *picture {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + len(p.album))
	}
	pic := newPicture(b)
	p.album[pic.ref.Hash] = pic
	p.out.put(pic)
	q := p.out.append(wire.Answer{Questionnaire: "message", Version: 1, Question: "message", Language: "vi",
		Attachments: []wire.Attachment{{Kind: 4, Reader: 1, Hash: pic.ref.Hash, Size: pic.ref.Size}}})
	q.answer, q.names = true, pic
	return pic
}

// orphan keeps a blob that no record names.
func (p *post) orphan() *picture {
	pic := newPicture([]byte("orphan"))
	p.album[pic.ref.Hash] = pic
	p.out.put(pic)
	return pic
}

// step lets the kiosk say its next n frames.
func (p *post) step(n int) {
	p.t.Helper()
	for range n {
		p.give(p.next())
	}
}

func (p *post) wantState(pic *picture, want wire.BlobState) {
	p.t.Helper()
	if k := p.out.find(pic.ref.Hash); k == nil || k.state != want {
		p.t.Errorf("blob at the kiosk is %+v, want state %d", k, want)
	}
}

func (p *post) wantWhole(pic *picture) {
	p.t.Helper()
	if k := p.hub.crates[pic.ref.Hash]; k == nil || !k.whole || !bytes.Equal(k.bytes, pic.bytes) {
		p.t.Errorf("the hub does not hold blob %s whole", pic.ref.Hash)
	}
}

// sent counts the bytes of a blob given to the line.
func (p *post) sent(pic *picture) (n int) {
	for _, c := range p.chunks {
		if c.Hash == pic.ref.Hash {
			n += len(c.Bytes)
		}
	}
	return n
}

func (p *post) wantSent(pic *picture, want int) {
	p.t.Helper()
	if got := p.sent(pic); got != want {
		p.t.Errorf("%d bytes given to the line, want %d", got, want)
	}
}

// told is news that nobody asked for.
func (p *post) news(pic *picture, s wire.BlobState) Event {
	p.t.Helper()
	return p.hear(wire.ChunkAck{Hash: pic.ref.Hash, Offset: pic.ref.Size, State: s})
}

func TestBlobTravels(t *testing.T) {
	p := newDesk(t).kiosk(1)
	first, second, tiny := p.send(1050), p.send(300), p.send(1)
	p.meet()
	for _, pic := range []*picture{first, second, tiny} {
		p.wantWhole(pic)
		p.wantState(pic, wire.BlobStored)
		p.wantSent(pic, len(pic.bytes))
	}
	if p.chunks[0].Hash != first.ref.Hash || p.sender.Waiting() {
		t.Errorf("began with %x; Waiting() = %t at the end", p.chunks[0].Hash, p.sender.Waiting())
	}
	p.news(first, wire.BlobArchived)
	p.wantState(first, wire.BlobArchived)
}

func TestKioskWithoutBlobs(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(100)
	p.sender.cfg.Blobs = nil
	p.meet()
	p.wantAtHub()
	if ev := p.news(pic, wire.BlobArchived); len(p.chunks) > 0 || ev.Ignored != NotAsked {
		t.Errorf("%d chunks sent; %+v", len(p.chunks), ev)
	}
}

func TestRecordsGoBeforeBlobs(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.send(1000)
	p.meetUntil(func(f wire.Frame) bool { c, ok := f.(wire.Chunk); return ok && c.Offset == 300 })
	p.tap(1)
	if f, err := p.sender.Chunk(p.most); f != nil || err != nil {
		t.Errorf("Chunk() while a record waits = %T, %v", f, err)
	}
	b, ok := p.next().(wire.Batch)
	if !ok {
		t.Fatalf("a photo overtook a tap")
	}
	if f, err := p.sender.Chunk(p.most); f != nil || err != nil {
		t.Errorf("Chunk() while a record is on its way = %T, %v", f, err)
	}
	p.give(b)
	if c, ok := p.next().(wire.Chunk); !ok || c.Offset != 400 {
		t.Errorf("after the tap: %+v", c)
	}
}

// meetUntil opens a session and gives frames up to one for which it is true.
func (p *post) meetUntil(last func(wire.Frame) bool) {
	p.t.Helper()
	p.dial()
	for range 1000 {
		f := p.next()
		if f == nil {
			p.t.Fatal("the session came to rest")
		}
		p.give(f)
		if last(f) {
			return
		}
	}
	p.t.Fatal("never came")
}

func chunkAt(offset uint64) func(wire.Frame) bool {
	return func(f wire.Frame) bool { c, ok := f.(wire.Chunk); return ok && len(c.Bytes) > 0 && c.Offset == offset }
}

func TestBlobAsksBeforeItsFirstByte(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.send(500)
	p.dial()
	p.step(2)
	c, ok := p.next().(wire.Chunk)
	if !ok || len(c.Bytes) != 0 || c.Offset != 0 || c.Size != 500 {
		t.Errorf("first chunk = %+v", c)
	}
}

// A cut costs one chunk when that did not arrive, nothing when only its answer
// did not; both ends may have forgotten everything but their disks.
func TestBlobResumesAtTheExactByte(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(1050)
	p.meetUntil(chunkAt(300))
	p.next() // the line is cut under it
	p.meetUntil(chunkAt(600))
	p.wantSent(pic, 700+100)
	f := p.next()
	step, err := p.receiver.Receive(f)
	if err != nil {
		t.Fatal(err)
	}
	p.chunkStored(*step.Chunk) // stored; the answer is lost
	p.most = 77                // another size leads on from the same byte
	p.meet()
	p.wantWhole(pic)
	p.wantSent(pic, 1050+100)
}

func TestOneChunkAtATime(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.send(500)
	p.meetUntil(chunkAt(0))
	first := p.next()
	if f, err := p.sender.Chunk(p.most); f != nil || err != nil || !p.sender.Waiting() {
		t.Errorf("second chunk = %+v, %v; Waiting() = %t", f, err, p.sender.Waiting())
	}
	for i := range 3 {
		_, err := p.receiver.Receive(first)
		if i < 2 && err != nil {
			t.Errorf("chunk %d: %v", i+1, err)
		}
		if i == 2 {
			wantCode(t, err, wire.CodeTooLarge)
		}
	}
}

func TestChunkSizes(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(100_000)
	p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Chunk); return ok }) // the question
	for most, want := range map[int]int{-1: 0, 0: 0, 1: 1, 100: 100, 1 << 30: wire.MaxChunk} {
		p.sender.asked = false
		f, err := p.sender.Chunk(most)
		if c, _ := f.(wire.Chunk); err != nil || len(c.Bytes) != want {
			t.Errorf("Chunk(%d) has %d bytes, %v; want %d", most, len(c.Bytes), err, want)
		}
	}
	p.wantState(pic, wire.BlobPartial)
}

func TestBlobAnotherKioskBroughtIsNotSent(t *testing.T) {
	d := newDesk(t)
	a := d.kiosk(1)
	pic := a.send(1000)
	b := a.copyOf(2, a.out.disk)
	a.meet()
	b.meet()
	b.wantSent(pic, 0)
	b.wantState(pic, wire.BlobStored)
	d.hub.shelveBlobs(func() bool { return false }, func(*crate) bool { return true })
	b.meet()
	b.wantState(pic, wire.BlobArchived)
	b.wantSent(pic, 0)
}

// Two copies of one machine bring the same blob at the same time: neither
// stops the other, and each goes on where the two together are.
func TestTwoKiosksBringOneBlob(t *testing.T) {
	d := newDesk(t)
	a := d.kiosk(1)
	pic := a.send(1000)
	b := a.copyOf(2, a.out.disk)
	a.meetUntil(chunkAt(200))
	b.meetUntil(chunkAt(700))
	a.talk()
	b.talk()
	a.wantWhole(pic)
	if sent := a.sent(pic) + b.sent(pic); sent > 1000+2*100 { // one chunk each, sent where the other had been
		t.Errorf("%d bytes sent together", sent)
	}
}

func TestPoisonBlobIsRefusedAfterThreeTries(t *testing.T) {
	p := newDesk(t).kiosk(1)
	poison, good := p.send(250), p.send(250)
	p.out.find(poison.ref.Hash).rotten = true
	p.meet()
	p.wantSent(poison, 3*250)
	p.wantState(poison, wire.BlobRefused)
	p.wantWhole(good)
	p.meet()
	p.wantSent(poison, 3*250)
	p.wantAtHub()
}

// A hub need not see a byte of what it will not have, and is not asked again and
// again.
func TestBlobThatIsTooLargeIsRefusedAtTheQuestion(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.hub.largest = 999
	large, good := p.send(1000), p.send(999)
	p.meet()
	p.wantState(large, wire.BlobRefused)
	p.wantSent(large, 0)
	p.wantWhole(good)
	asked := len(p.chunks)
	for range 3 {
		p.sender.Remind(true)
		p.again()
	}
	for _, c := range p.chunks[asked:] {
		if c.Hash == large.ref.Hash {
			t.Error("asked again about what is refused")
		}
	}
}

func TestHubWithoutRoomIsLeftAlone(t *testing.T) {
	p := newDesk(t).kiosk(1)
	first, second := p.send(250), p.send(250)
	p.hub.full = true
	p.meet()
	if len(p.chunks) != 1 || p.sender.Waiting() {
		t.Errorf("%d chunks to a hub without room, want one question", len(p.chunks))
	}
	p.tap(3)
	p.talk()
	p.wantAtHub()
	p.hub.full = false
	p.talk()
	if len(p.chunks) != 1 {
		t.Errorf("asked again before Remind")
	}
	p.sender.Remind(false)
	p.talk()
	p.wantWhole(first)
	p.wantWhole(second)
}

func TestUnnamedBlobStopsNoOther(t *testing.T) {
	p := newDesk(t).kiosk(1)
	orphan, good := p.orphan(), p.send(250)
	p.meet()
	p.wantWhole(good)
	p.wantState(orphan, wire.BlobPartial)
	asked := len(p.chunks)
	p.sender.Remind(false)
	p.talk()
	if len(p.chunks) != asked {
		t.Errorf("asked again about a blob without a record within minutes")
	}
	p.sender.Remind(true)
	p.talk()
	if len(p.chunks) != asked+2 { // and about the one that is stored
		t.Errorf("%d questions, want 2", len(p.chunks)-asked)
	}
}

// A journal may fork while a blob is half way: the blob knows no journal, and
// goes on at the byte once the new journal's records are there.
func TestForkWhileABlobIsHalfWay(t *testing.T) {
	d := newDesk(t)
	a := d.kiosk(1)
	a.tap(3)
	a.meet()
	b := a.copyOf(1, a.out.disk)
	b.tap(5)
	b.meet() // overtakes: what a says next does not fit
	pic := a.send(1000)
	a.tap(1)
	a.meetUntil(chunkAt(300))
	if got := a.forks(); len(got) != 1 {
		t.Fatalf("forks %v, want one before the blob", got)
	}
	a.next() // on its way while the other copy takes the journal of the first
	c := b.copyOf(1, a.out.disk)
	c.tap(2)
	c.meet()
	a.tap(1)
	a.meet()
	if got := a.forks(); len(got) != 1 {
		t.Fatalf("forks %v, want another in the middle of the blob", got)
	}
	a.wantAtHub()
	a.wantWhole(pic)
	if wasted := a.sent(pic) + c.sent(pic) - 1000; wasted > 100 {
		t.Errorf("%d bytes wasted on a fork", wasted)
	}
}

// broken is a spool that fails at one blob, or at forgetting.
type broken struct {
	spoolModel
	at    blob.Hash
	keeps bool
}

func (b broken) HubForgot() error {
	if b.keeps {
		return errBefore
	}
	return b.spoolModel.HubForgot()
}

func (b broken) ReadBlob(h blob.Hash, offset uint64, n int) ([]byte, error) {
	if h == b.at {
		return nil, errBefore
	}
	return b.spoolModel.ReadBlob(h, offset, n)
}

func TestBlobThatCannotBeReadIsPassedOver(t *testing.T) {
	p := newDesk(t).kiosk(1)
	bad, good := p.send(250), p.send(250)
	p.sender.cfg.Blobs = broken{spoolModel: spoolModel{p.out}, at: bad.ref.Hash}
	p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Chunk); return ok })
	if f, err := p.sender.Chunk(p.most); f != nil || !errors.Is(err, ErrBlobs) || !errors.Is(err, errBefore) {
		t.Fatalf("Chunk() = %v, %v", f, err)
	}
	p.talk()
	p.wantWhole(good)
	p.sender.cfg.Blobs = spoolModel{p.out}
	p.sender.Remind(false)
	p.talk()
	p.wantWhole(bad)
}

func TestWordThatCannotBeNotedIsAskedForAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(100)
	p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Chunk); return ok })
	step, err := p.receiver.Receive(p.next())
	if err != nil {
		t.Fatal(err)
	}
	stored := p.chunkStored(*step.Chunk)
	p.out.fails = func() (before, after bool) { return true, false }
	if ev, err := p.sender.Receive(stored); !errors.Is(err, ErrBlobs) || ev.Blob == nil {
		t.Errorf("Receive() = %+v, %v", ev, err)
	}
	p.out.fails = nil
	p.talk()
	p.wantState(pic, wire.BlobPartial)
	p.sender.Remind(false)
	p.talk()
	p.wantState(pic, wire.BlobStored)
	p.wantSent(pic, 100)
}

// News of a blob that is on its way crosses its chunk: the hub bears a second
// chunk, and the late answer to the first harms nobody.
func TestNewsMayCrossAChunk(t *testing.T) {
	p := newDesk(t).kiosk(1)
	first, second := p.send(250), p.send(250)
	p.meetUntil(chunkAt(0))
	late := p.next()
	p.news(first, wire.BlobArchived)
	question := p.next()
	if c := question.(wire.Chunk); c.Hash != second.ref.Hash {
		t.Fatalf("after the news: %+v", c)
	}
	var answers []wire.Frame
	for _, f := range []wire.Frame{late, question} {
		step, err := p.receiver.Receive(f)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, p.chunkStored(*step.Chunk))
	}
	for _, f := range answers {
		p.hear(f)
	}
	p.talk()
	p.wantWhole(second)
	p.wantSent(second, 250)
	p.wantState(first, wire.BlobArchived)
}

// A second hello forgets the chunk that was on its way, on both sides.
func TestAnswerFromBeforeAHelloIsNotSent(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.meetUntil(chunkAt(0))
	step, err := p.receiver.Receive(p.next())
	if err != nil {
		t.Fatal(err)
	}
	p.sender.state = strange
	p.give(p.next())
	if f := p.chunkStored(*step.Chunk); f != nil {
		t.Errorf("answer %+v to a chunk from before the hello", f)
	}
	p.talk()
	p.wantWhole(pic)
	p.wantSent(pic, 250)
	if _, err := p.receiver.ChunkStored(wire.ChunkAck{}); err == nil {
		t.Error("accounted for a chunk that nobody sent")
	}
}
