package courier

import (
	"testing"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Blobs that the hub had, and may have no more.

func TestRestoredHubIsOfferedBlobsAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	stored, archived := p.send(250), p.send(250)
	p.meet()
	p.news(archived, wire.BlobArchived)
	p.hub.restore(p.hub.image(), 2)
	p.meet()
	p.wantWhole(stored)
	p.wantWhole(archived)
	p.wantState(archived, wire.BlobStored)
}

// A hub that was mended, or restored, is offered what it refused.
func TestRefusedBlobIsOfferedToARestoredHub(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.out.find(pic.ref.Hash).rotten = true
	p.meet()
	p.wantState(pic, wire.BlobRefused)
	p.out.find(pic.ref.Hash).rotten = false
	p.hub.restore(p.hub.image(), 2)
	p.meet()
	p.wantWhole(pic)
}

// The hub falls back without a word: it asks for what it lost.
func TestHubThatLostABlobGetsItAgain(t *testing.T) {
	p := newDesk(t).kiosk(1)
	whole, part := p.send(250), p.send(1000)
	p.meetUntil(func(f wire.Frame) bool {
		c, ok := f.(wire.Chunk)
		return ok && c.Hash == part.ref.Hash && c.Offset == 500
	})
	p.hub.loseCrates()
	p.talk()
	p.wantWhole(part)
	p.wantSent(part, 600+100+1000)
	p.wantState(whole, wire.BlobStored)
	p.sender.Remind(true)
	p.talk()
	p.wantWhole(whole)
}

// A hub that archives nothing holds them for ever: each session asks about a
// few, all in turn.
func TestStoredBlobsAreAskedAboutAFewAtATime(t *testing.T) {
	p := newDesk(t).kiosk(1)
	const all = 3*samples - 2
	for i := range all {
		p.send(10 + i)
	}
	p.meet()
	asked := map[blob.Hash]int{}
	for range 3 {
		p.chunks = nil
		p.again()
		if len(p.chunks) != samples {
			t.Errorf("%d questions in a session, want %d", len(p.chunks), samples)
		}
		for _, c := range p.chunks {
			asked[c.Hash]++
		}
	}
	if len(asked) != all {
		t.Errorf("three sessions asked about %d blobs of %d", len(asked), all)
	}
	p.chunks = nil
	p.sender.Remind(true)
	p.talk()
	if len(p.chunks) != all {
		t.Errorf("%d questions when reminded of all, want %d", len(p.chunks), all)
	}
}

func TestHubThatLostOneIsAskedAboutAll(t *testing.T) {
	p := newDesk(t).kiosk(1)
	var all []*picture
	for i := range 2 * samples {
		all = append(all, p.send(10+i))
	}
	p.meet()
	p.hub.loseCrates()
	p.again()
	for _, pic := range all {
		p.wantWhole(pic)
		p.wantState(pic, wire.BlobStored)
	}
}

func TestStoredBlobIsToBeSentOnceTheHubLacksIt(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic := p.send(250)
	p.meet()
	p.hub.loseCrates()
	p.meetUntil(func(f wire.Frame) bool { c, ok := f.(wire.Chunk); return ok && c.Hash == pic.ref.Hash })
	p.wantState(pic, wire.BlobPartial)
}
