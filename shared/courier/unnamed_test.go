package courier

import (
	"testing"

	"nghe/shared/wire"
)

// early keeps a blob whose record is still to be written, as a kiosk does that
// sends an earlier blob at that moment.
func (p *post) early() (pic *picture, record func()) {
	p.t.Helper()
	pic = p.orphan()
	return pic, func() {
		q := p.out.append(wire.Answer{Questionnaire: "message", Version: 1, Question: "message", Language: "vi",
			Attachments: []wire.Attachment{{Kind: 4, Reader: 1, Hash: pic.ref.Hash, Size: pic.ref.Size}}})
		q.answer, q.names = true, pic
	}
}

// A blob comes before the record that names it, and is offered before it too
// when a session is busy: it goes on its way as soon as the record is there.
func TestBlobOfferedBeforeItsRecord(t *testing.T) {
	p := newDesk(t).kiosk(1)
	pic, record := p.early()
	p.meet()
	p.wantState(pic, wire.BlobPartial)
	record()
	p.talk()
	p.wantWhole(pic)
}

// The hub looks for the record, then takes it in, and says so before it says
// that it found none.
func TestBlobOfferedWhileItsRecordLands(t *testing.T) {
	p := newDesk(t).kiosk(1)
	p.meet()
	pic, record := p.early()
	question := p.next().(wire.Chunk)
	step, err := p.receiver.Receive(bytesOf(t, question))
	if err != nil || step.Chunk == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	late := p.chunkStored(*step.Chunk)
	record()
	p.give(p.next()) // the record, and its ack
	p.hear(late)
	p.talk()
	p.wantWhole(pic)
}
