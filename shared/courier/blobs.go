package courier

import (
	"errors"
	"fmt"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Blobs is what the Sender asks of the kiosk's spool of sealed blobs. Every
// call stands for itself; others may add, release or delete between two calls.
type Blobs interface {
	// NextBlob is the next blob to offer: first those the hub is not known to
	// hold, in order of arrival, then those it has on its own disk only. Blobs
	// for which passed is true are left out. False: none is left.
	NextBlob(passed func(blob.Hash) bool) (blob.Ref, bool, error)
	// ReadBlob returns n bytes of a blob from offset on.
	ReadBlob(h blob.Hash, offset uint64, n int) ([]byte, error)
	// HubSays notes how far the hub is with a blob: BlobPartial (it is to be
	// sent, whatever was said before), BlobStored, BlobArchived (it may be
	// deleted) or BlobRefused. A blob that is not here needs nothing.
	HubSays(h blob.Hash, s wire.BlobState) error
	// HubForgot says that the hub was restored: what it said of blobs counts no
	// more, refusals neither, and all that is still here is to be offered again.
	HubForgot() error
}

// ErrBlobs says that the spool of blobs failed at one of them. That one is
// passed over until Remind; the session and its records go on.
var ErrBlobs = errors.New("courier: spool of blobs failed")

// shipment is the blob that is on its way.
type shipment struct {
	ref    blob.Ref
	known  bool   // the hub has said how much of it it holds
	offset uint64 // that much
	sent   uint64 // bytes in the chunk on its way
	stuck  int    // chunks that did not lead on
	landed uint64 // Sender.landed when the chunk on its way left
}

// maxStuck ends the patience with a hub that does not get on with a blob. Three
// are ordinary: it asks for a damaged blob from its beginning twice and then
// refuses it.
const maxStuck = 4

// Chunk is the next piece of a blob, of at most that many bytes, nil when there
// is none to send now. Call it when Next gives nothing: while a record waits,
// or one is on its way, Chunk gives nothing either. One chunk is on its way at
// a time, so a cut wastes no more.
//
// An error that is ErrBlobs is for the log: call Chunk again.
func (s *Sender) Chunk(most int) (wire.Frame, error) {
	if s.cfg.Blobs == nil || s.state != open || s.asked || s.resting || len(s.flight) > 0 || most <= 0 {
		return nil, nil
	}
	b, err := s.cfg.Outbox.Branch()
	if err != nil {
		return nil, fmt.Errorf("read branch: %w", err)
	}
	if b.Journal != s.journal || s.sent.Seq < b.Head.Seq {
		return nil, nil
	}
	if s.ship == nil {
		if err := s.load(); err != nil || s.ship == nil {
			return nil, err
		}
	}
	return s.chunk(min(most, wire.MaxChunk))
}

func (s *Sender) load() error {
	ref, ok, err := s.cfg.Blobs.NextBlob(func(h blob.Hash) bool { _, passed := s.passed[h]; return passed })
	switch {
	case err != nil:
		s.resting = true
		return fmt.Errorf("%w: find the next: %w", ErrBlobs, err)
	case ok:
		s.ship = &shipment{ref: ref}
	}
	return nil
}

// chunk asks how much the hub holds, once in a session, and goes on from there.
func (s *Sender) chunk(most int) (wire.Frame, error) {
	c := wire.Chunk{Hash: s.ship.ref.Hash, Size: s.ship.ref.Size, Offset: s.ship.offset}
	n := int(min(uint64(most), c.Size-c.Offset))
	if s.ship.known && n > 0 {
		var err error
		c.Bytes, err = s.cfg.Blobs.ReadBlob(c.Hash, c.Offset, n)
		if err == nil && len(c.Bytes) != n {
			err = fmt.Errorf("%d bytes at %d, want %d", len(c.Bytes), c.Offset, n)
		}
		if err != nil {
			s.pass(c.Hash, failed)
			return nil, fmt.Errorf("%w: read %x: %w", ErrBlobs, c.Hash, err)
		}
	}
	s.asked, s.ship.sent, s.ship.landed = true, uint64(len(c.Bytes)), s.landed
	return c, nil
}

// passing says why a blob is not offered now.
type passing uint8

const (
	failed  passing = 1 // it could not be sent: for some minutes
	settled passing = 2 // the hub has said its word: for this session, or for hours
	stored  passing = 3 // it is on the hub's disk: for hours, over sessions
)

// pass leaves a blob for another round.
func (s *Sender) pass(h blob.Hash, why passing) {
	if s.passed == nil {
		s.passed = map[blob.Hash]passing{}
	}
	if why == stored && s.passed[h] != stored {
		s.shelved = append(s.shelved, h)
	}
	s.passed[h] = why
	if s.ship != nil && s.ship.ref.Hash == h {
		s.ship = nil
	}
}

// samples is how many of the blobs on its disk a hub is asked about at the
// beginning of a session. On a line that breaks every few minutes, questions
// about all of them would cost more than the blobs did.
const samples = 8

// newRound offers everything anew but what is stored; of that, those the hub was
// asked about longest ago.
func (s *Sender) newRound() {
	s.ship, s.asked, s.resting = nil, false, s.shy
	s.unnamed, s.doubted = nil, map[blob.Hash]bool{}
	for h, why := range s.passed {
		if why != stored {
			delete(s.passed, h)
		}
	}
	for len(s.shelved) > 0 && len(s.doubted) < samples {
		h := s.shelved[0]
		s.shelved = s.shelved[1:]
		if s.passed[h] == stored {
			delete(s.passed, h)
			s.doubted[h] = true
		}
	}
}

// Remind has blobs offered again that could not be sent: call it every few
// minutes of a session. With all, and a few times a day, it also has the hub
// asked about those it holds on its own disk only, and those no record named,
// and one that takes no blobs whether it has learnt to.
func (s *Sender) Remind(all bool) {
	s.shy = s.shy && !all
	s.resting = s.shy
	if all {
		s.passed, s.shelved = nil, nil
	}
	for h, why := range s.passed {
		if why == failed {
			delete(s.passed, h)
		}
	}
}

// chunkAck takes the hub's word on a blob: the answer to a chunk, or news that
// nobody asked for. It counts only from a hub that is not older than the newest
// this kiosk has heard of.
func (s *Sender) chunkAck(a wire.ChunkAck) (Event, error) {
	if s.cfg.Blobs == nil || s.state != open {
		return Event{Ignored: NotAsked}, nil
	}
	b, err := s.cfg.Outbox.Branch()
	if err != nil {
		return Event{}, fmt.Errorf("read branch: %w", err)
	}
	if s.epoch < b.Epoch {
		return Event{Ignored: OldEpoch}, nil
	}
	if a.State == wire.BlobWanted {
		return s.wanted(a)
	}
	answer := s.asked && s.ship != nil && s.ship.ref.Hash == a.Hash
	s.asked = s.asked && !answer
	switch a.State {
	case wire.BlobStored, wire.BlobArchived, wire.BlobRefused:
		return s.settle(a)
	case wire.BlobPartial:
		if answer {
			return s.leadOn(a)
		}
	default:
		if answer {
			s.putOff(a)
			return Event{Blob: &a}, nil
		}
	}
	return Event{Ignored: NotAsked}, nil
}

func (s *Sender) settle(a wire.ChunkAck) (Event, error) {
	why := settled
	if a.State == wire.BlobStored {
		why = stored
	}
	s.pass(a.Hash, why)
	if err := s.cfg.Blobs.HubSays(a.Hash, a.State); err != nil {
		s.pass(a.Hash, failed)
		return Event{Blob: &a}, fmt.Errorf("%w: note state %d of %x: %w", ErrBlobs, a.State, a.Hash, err)
	}
	return Event{Blob: &a}, nil
}

// wanted offers a blob again that the hub had, and has no more: its archive was
// damaged. One that is on its way goes on: this answers no chunk.
func (s *Sender) wanted(a wire.ChunkAck) (Event, error) {
	if s.ship != nil && s.ship.ref.Hash == a.Hash {
		return Event{Blob: &a}, nil
	}
	delete(s.passed, a.Hash)
	err := s.cfg.Blobs.HubSays(a.Hash, wire.BlobPartial)
	if err != nil {
		err = fmt.Errorf("%w: note that %x is wanted again: %w", ErrBlobs, a.Hash, err)
	}
	return Event{Blob: &a}, err
}

// leadOn goes on at the byte the hub asks for. It may be further back: the hub
// found the blob damaged, or has lost what it had; or this answers no chunk of
// ours, and so the hub is asked once more before another octet goes.
func (s *Sender) leadOn(a wire.ChunkAck) (Event, error) {
	if a.Offset > s.ship.ref.Size {
		return Event{}, wire.Errorf(wire.CodeMalformed, "hub holds %d bytes of a blob of %d", a.Offset, s.ship.ref.Size)
	}
	first := !s.ship.known
	s.ship.known = first || a.Offset >= s.ship.offset+max(s.ship.sent, 1)
	if !s.ship.known {
		s.ship.stuck++
	}
	s.ship.offset = a.Offset
	if s.ship.stuck >= maxStuck {
		s.pass(a.Hash, failed)
	}
	if !first {
		return Event{Blob: &a}, nil
	}
	if s.doubted[a.Hash] { // a hub that lost one may have lost them all
		s.passed, s.shelved = nil, nil
	}
	if err := s.cfg.Blobs.HubSays(a.Hash, wire.BlobPartial); err != nil {
		return Event{Blob: &a}, fmt.Errorf("%w: note that %x is to be sent: %w", ErrBlobs, a.Hash, err)
	}
	return Event{Blob: &a}, nil
}

// goodbye ends the session. A hub that ends it over a chunk takes none, and must
// not be kept from taking records.
func (s *Sender) goodbye(g wire.Goodbye) Event {
	if s.asked && (g.Code == wire.CodeUnexpected || g.Code == wire.CodeMalformed) {
		s.shy = true
	}
	s.state = strange
	return Event{Goodbye: &g}
}

// putOff keeps a blob for later. A hub without room has none for others either;
// one that lacks the record, or says what this program does not know, may take
// the next. A blob is kept before its record: the next batch may bring that,
// or one that has landed since the hub was asked.
func (s *Sender) putOff(a wire.ChunkAck) {
	switch {
	case a.State == wire.BlobWait:
		s.ship, s.resting = nil, true
	case a.State == wire.BlobUnnamed && s.ship.landed != s.landed:
		s.ship = nil
	default:
		s.pass(a.Hash, settled)
		if a.State == wire.BlobUnnamed {
			s.unnamed = append(s.unnamed, a.Hash)
		}
	}
}

// named has blobs offered again that lacked a record.
func (s *Sender) named() {
	for _, h := range s.unnamed {
		delete(s.passed, h)
	}
	s.unnamed = nil
}

// maxChunks is how many chunks of a session may be unanswered: one, and one
// more where an unasked word of the hub and a chunk have crossed.
const maxChunks = 2

func (r *Receiver) chunk(c wire.Chunk) (Step, error) {
	if r.chunks >= maxChunks {
		return Step{}, wire.Errorf(wire.CodeTooLarge, "%d chunks before the answer to the first", r.chunks+1)
	}
	r.chunks++
	return Step{Chunk: &c}, nil
}

// ChunkStored takes how far the hub is after a Chunk, once what it says is on
// the hub's disk: one call for each, in order. It returns the answer to send,
// nil when the kiosk has greeted again since and will ask anew.
func (r *Receiver) ChunkStored(a wire.ChunkAck) (wire.Frame, error) {
	switch {
	case r.stale > 0:
		r.stale--
		return nil, nil
	case r.chunks == 0:
		return nil, fmt.Errorf("account for chunk: none is outstanding")
	}
	r.chunks--
	return a, nil
}
