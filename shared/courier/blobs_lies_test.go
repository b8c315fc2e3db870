package courier

import (
	"bytes"
	"errors"
	"testing"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// What a hub may say of blobs, true or not, and what a kiosk makes of it.

// A hub may say that it holds less than it did, and is asked whether it means it;
// or more than it was sent, and is followed. The hash decides.
func TestHubThatLiesAboutWhereItIs(t *testing.T) {
	for name, lie := range map[string]uint64{"behind": 100, "at the beginning": 0, "ahead": 700, "at the end": 1000, "inside the chunk": 350} {
		p := newDesk(t).kiosk(1)
		pic, good := p.send(1000), p.send(250)
		p.meetUntil(chunkAt(200))
		step, err := p.receiver.Receive(p.next()) // of octets 300 to 399
		if err != nil {
			t.Fatal(err)
		}
		p.chunkStored(*step.Chunk)
		p.hear(wire.ChunkAck{Hash: pic.ref.Hash, Offset: lie, State: wire.BlobPartial})
		ahead := lie >= 400
		if c, ok := p.next().(wire.Chunk); !ok || c.Offset != lie || ahead != (len(c.Bytes) > 0) && lie < 1000 {
			t.Errorf("%s: next = %+v", name, c)
		}
		p.meet()
		p.wantWhole(pic)
		p.wantWhole(good)
		if wasted := p.sent(pic) - 1000; wasted > 100 || !ahead && wasted > 0 {
			t.Errorf("%s: %d bytes wasted on one lie", name, wasted)
		}
	}
}

// A hub that goes on by a byte for every chunk is no better than one that does
// not go on.
func TestHubThatCrawlsIsGivenUp(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic, good := p.send(1000), p.send(250)
	p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Batch); return ok })
	for at := range uint64(maxStuck) {
		for i := range uint64(2) { // a question, and a chunk
			if c, ok := p.next().(wire.Chunk); !ok || c.Hash != pic.ref.Hash {
				t.Fatalf("next = %+v", c)
			}
			p.hear(wire.ChunkAck{Hash: pic.ref.Hash, Offset: at + i, State: wire.BlobPartial})
		}
	}
	p.talk()
	p.wantWhole(good)
	p.wantSent(pic, maxStuck*100)
}

// A hub of before there were blobs ends the session over the first chunk. It
// still gets every record, and is asked again hours later.
func TestHubWithoutBlobsGetsRecords(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeUnexpected, wire.CodeMalformed} {
		p := newDesk(t).kiosk(1)
		pic := p.send(250)
		p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Chunk); return ok }) // the question
		p.next()
		p.hear(wire.Goodbye{Code: code})
		for range 3 {
			p.tap(2)
			p.again()
			p.wantAtHub()
			p.sender.Remind(false)
			p.talk()
		}
		if len(p.chunks) != 2 {
			t.Errorf("code %d: %d chunks to a hub that takes none", code, len(p.chunks))
		}
		p.sender.Remind(true)
		p.talk()
		p.wantWhole(pic)
		p.next()
		p.again()
		p.wantState(pic, wire.BlobStored)
	}
}

// Any other end of a session says nothing about blobs.
func TestBusyHubIsOfferedBlobsInTheNextSession(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeNone, wire.CodeBusy, wire.CodeShutdown, wire.CodeTooLarge, wire.CodeInternal} {
		p := newDesk(t).kiosk(1)
		pic := p.send(250)
		p.meetUntil(chunkAt(0))
		p.next()
		p.hear(wire.Goodbye{Code: code})
		p.again()
		p.wantWhole(pic)
	}
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.dial()
	p.step(2) // a batch that the hub takes for out of turn
	p.hear(wire.Goodbye{Code: wire.CodeUnexpected})
	p.again()
	p.wantWhole(pic)
}

// A hub that says again and again where to go on, and never gets on.
func TestHubThatGetsNowhereIsGivenUp(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic, good := p.send(250), p.send(250)
	p.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Batch); return ok })
	for range 2 * maxStuck { // a question, and a chunk
		c, ok := p.next().(wire.Chunk)
		if !ok || c.Hash != pic.ref.Hash {
			t.Fatalf("next = %+v", c)
		}
		p.hear(wire.ChunkAck{Hash: pic.ref.Hash, State: wire.BlobPartial})
	}
	p.talk()
	p.wantWhole(good)
	p.wantSent(pic, maxStuck*100)
	p.sender.Remind(false)
	p.talk()
	p.wantWhole(pic)
}

func TestAnswersToChunksAreJudged(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.meetUntil(chunkAt(0))
	p.next()
	if ev := p.hear(wire.ChunkAck{Hash: [32]byte{9}, Offset: 7, State: wire.BlobPartial}); ev.Ignored != NotAsked {
		t.Errorf("answer about another blob: %+v", ev)
	}
	_, err := p.sender.Receive(wire.ChunkAck{Hash: pic.ref.Hash, Offset: 251, State: wire.BlobPartial})
	wantCode(t, err, wire.CodeMalformed)
	p.meetUntil(chunkAt(100))
	p.next()
	p.hear(wire.ChunkAck{Hash: pic.ref.Hash, State: 99}) // of a later version
	if f, err := p.sender.Chunk(p.most); f != nil || err != nil {
		t.Errorf("after an answer nobody knows: %+v, %v", f, err)
	}
	p.wantState(pic, wire.BlobPartial)
}

// What a hub says after a newer one was heard of is from before its restore.
func TestOlderHubsWordOnBlobsDoesNotCount(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.meet()
	if ev := p.hear(p.ack(2, p.out.journal, p.out.received, p.out.floor)); ev.Acked == nil {
		t.Fatalf("%+v", ev)
	}
	p.wantState(pic, wire.BlobPartial)
	for _, s := range []wire.BlobState{wire.BlobStored, wire.BlobArchived, wire.BlobRefused} {
		if ev := p.news(pic, s); ev.Ignored != OldEpoch {
			t.Errorf("state %d: %+v", s, ev)
		}
		p.wantState(pic, wire.BlobPartial)
	}
}

func TestBlobWordsNeedAWelcome(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.greet()
	if ev := p.news(pic, wire.BlobArchived); ev.Ignored != NotAsked {
		t.Errorf("%+v", ev)
	}
	p.wantState(pic, wire.BlobPartial)
}

// A crash between the two must not leave blobs that a lost archive held.
func TestForgettingComesBeforeTheEpoch(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.meet()
	p.news(pic, wire.BlobArchived)
	p.sender.cfg.Blobs = broken{spoolModel: spoolModel{p.out}, keeps: true}
	if _, err := p.sender.Receive(p.ack(2, p.out.journal, p.out.received, p.out.floor)); !errors.Is(err, errBefore) || errors.Is(err, ErrBlobs) {
		t.Errorf("Receive() = %v", err)
	}
	if p.out.epoch != 1 {
		t.Errorf("epoch %d while blobs still count as archived", p.out.epoch)
	}
}

// FuzzHubsWords: whatever a hub says of blobs, and whenever, the kiosk sends
// true octets, one chunk at a time, and not without end.
func FuzzHubsWords(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 100, 0, 1})
	f.Add([]byte{1, 0, 0, 0, 1, 1, 0, 100, 0, 1, 1, 0, 0, 0, 1, 1, 0, 100, 0, 1, 4, 2, 1, 1, 0xff, 3, 2})
	f.Add([]byte{0, 1, 5, 0, 0, 0, 2, 1, 5, 0, 0, 6, 3, 1, 0, 0, 0, 5, 2})
	f.Fuzz(func(t *testing.T, said []byte) { newLiar(t).play(said) })
}

// liar is a hub that says what a fuzzer wants.
type liar struct {
	*post
	pictures []*picture
	flying   *wire.Chunk
	given    map[blob.Hash]int // octets since the last Remind
}

func newLiar(t *testing.T) *liar {
	l := &liar{post: newDesk(t).kiosk(1), given: map[blob.Hash]int{}}
	for _, n := range []int{1, 250, 1000} {
		l.pictures = append(l.pictures, l.send(n))
	}
	l.meetUntil(func(f wire.Frame) bool { _, ok := f.(wire.Batch); return ok })
	return l
}

// play reads five octets at a time: what happens, of which blob, where, and
// the state the hub says.
func (l *liar) play(said []byte) {
	for ; len(said) >= 5; said = said[5:] {
		switch said[0] % 8 {
		case 0, 1, 2, 3, 4:
			if l.says(int(said[1]), uint64(said[2])<<8|uint64(said[3]), wire.BlobState(said[4]%8)) {
				return
			}
		case 5:
			l.sender.Remind(said[1]%2 == 0)
			l.given = map[blob.Hash]int{}
		case 6:
			l.most = 1 + int(said[1])
		case 7:
			l.tap(1)
		}
		l.listen()
	}
}

func (l *liar) says(which int, offset uint64, state wire.BlobState) (over bool) {
	name := blob.Hash{9}
	if which %= 8; which < len(l.pictures) {
		name = l.pictures[which].ref.Hash
	} else if l.flying != nil {
		name = l.flying.Hash
	}
	_, err := l.sender.Receive(wire.ChunkAck{Hash: name, Offset: offset, State: state})
	var foul *wire.Error
	if err != nil && (!errors.As(err, &foul) || foul.Code != wire.CodeMalformed) {
		l.t.Fatalf("answer of state %d at %d: %v", state, offset, err)
	}
	switch {
	case l.flying != nil && l.flying.Hash == name && state != wire.BlobWanted:
		l.flying = nil
	case state == wire.BlobWanted:
		l.given[name] = 0
	}
	return err != nil
}

func (l *liar) listen() {
	for range 2 {
		switch f := l.next().(type) {
		case wire.Batch:
			l.give(f)
		case wire.Chunk:
			l.judge(f)
		}
	}
}

func (l *liar) judge(c wire.Chunk) {
	if _, err := wire.EncodeFrame(c); err != nil {
		l.t.Fatal(err)
	}
	if l.flying != nil {
		l.t.Fatalf("chunk %x at %d while one is on its way", c.Hash, c.Offset)
	}
	l.flying = &c
	pic := l.album[c.Hash]
	if !bytes.Equal(c.Bytes, pic.bytes[c.Offset:c.Offset+uint64(len(c.Bytes))]) {
		l.t.Fatalf("other octets of %x at %d", c.Hash, c.Offset)
	}
	l.given[c.Hash] += len(c.Bytes)
	if most := (maxStuck + 1) * (len(pic.bytes) + 256); l.given[c.Hash] > most {
		l.t.Fatalf("%d octets of a blob of %d given", l.given[c.Hash], len(pic.bytes))
	}
}
