package courier

import (
	"testing"

	"nghe/shared/wire"
)

// A hub whose archive lost a blob asks for it: a kiosk that still has it sends
// it again, whatever was said of it before, and in the same session.
func TestHubAsksForWhatItLost(t *testing.T) {
	p := newDesk(t).kiosk(1)
	archived, stored := p.send(250), p.send(300)
	p.meet()
	p.news(archived, wire.BlobArchived)
	for _, pic := range []*picture{archived, stored} {
		delete(p.hub.crates, pic.ref.Hash)
		if ev := p.hear(wire.ChunkAck{Hash: pic.ref.Hash, State: wire.BlobWanted}); ev.Blob == nil {
			t.Errorf("asked for what was lost: %+v", ev)
		}
	}
	p.talk()
	for _, pic := range []*picture{archived, stored} {
		p.wantWhole(pic)
		p.wantState(pic, wire.BlobStored)
	}
	p.wantSent(archived, 500)
	if ev := p.hear(wire.ChunkAck{Hash: [32]byte{9}, State: wire.BlobWanted}); ev.Ignored != "" {
		t.Errorf("asked for what is not here any more: %+v", ev) // needs nothing
	}
	p.talk()
}

// A hub that asks for what is on its way already answers no chunk with it.
func TestWishThatCrossesAChunk(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(1000)
	for _, at := range []int{0, 1, 5} { // before the question, the first octet, the sixth chunk
		p.dial()
		p.step(2) // hello, records or nothing
		for range at {
			p.step(1)
		}
		f := p.next()
		p.hear(wire.ChunkAck{Hash: pic.ref.Hash, State: wire.BlobWanted})
		if g, err := p.sender.Chunk(p.most); g != nil || err != nil {
			t.Errorf("another chunk before the answer: %+v, %v", g, err)
		}
		p.give(f)
	}
	p.talk()
	p.wantWhole(pic)
	p.wantSent(pic, 1000)
}
