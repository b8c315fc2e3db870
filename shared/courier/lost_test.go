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
		if ev := p.hear(wire.ChunkAck{Hash: pic.ref.Hash, State: wire.BlobPartial}); ev.Blob == nil {
			t.Errorf("asked for what was lost: %+v", ev)
		}
	}
	p.talk()
	for _, pic := range []*picture{archived, stored} {
		p.wantWhole(pic)
		p.wantState(pic, wire.BlobStored)
	}
	p.wantSent(archived, 500)
	if ev := p.hear(wire.ChunkAck{Hash: [32]byte{9}, State: wire.BlobPartial}); ev.Ignored != "" {
		t.Errorf("asked for what is not here any more: %+v", ev) // needs nothing
	}
	p.talk()
}
