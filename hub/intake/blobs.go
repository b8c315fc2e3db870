package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// Spool keeps blobs on the hub's disk from their first byte until they are
// archived; *archive.Spool is one.
type Spool interface {
	// Append keeps the next bytes of a blob, durably, and says how much is held
	// then and whether that is all of it, verified. Without bytes it looks, and
	// keeps room for the rest. Bytes that begin elsewhere are left.
	Append(ref blob.Ref, offset uint64, b []byte) (now uint64, whole bool, err error)
	Remove(ref blob.Ref) error
}

const (
	maxTries = 3      // whole transfers of a damaged blob from one device
	maxBad   = 10_000 // damaged blobs remembered
)

// blobs is what all sessions share to take blobs in.
type blobs struct {
	berths  chan struct{} // one for each chunk that was asked for or is in memory
	writers chan struct{} // one for each that is being written

	mu  sync.Mutex
	bad map[source]int // damaged transfers
}

type source struct {
	device string
	hash   blob.Hash
}

func newBlobs(cfg Config) *blobs {
	return &blobs{berths: make(chan struct{}, cfg.Chunks), writers: make(chan struct{}, cfg.Writers), bad: map[source]int{}}
}

// damaged counts a transfer that was not what it was named. A device that
// brings rubbish under the name of another's blob spoils it only for itself.
func (b *blobs) damaged(s source) (refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.bad[s]; !known && len(b.bad) >= maxBad {
		b.bad = map[source]int{} // as after a restart: three more tries each
	}
	b.bad[s]++
	return b.bad[s] >= maxTries
}

func (b *blobs) refused(s source) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bad[s] >= maxTries
}

// berth waits for the leave to have one chunk sent, in turn with all kiosks;
// nil when that does not come. It ends when the chunk was stored; one that does
// not come for too long will be one more than the berths.
func (s *session) berth() (leave func()) {
	late := time.NewTimer(s.cfg.Patience)
	defer late.Stop()
	select {
	case s.blobs.berths <- struct{}{}:
	case <-late.C:
		return nil
	case <-s.gone:
		return nil
	}
	free := sync.OnceFunc(func() { <-s.blobs.berths })
	timer := time.AfterFunc(s.cfg.Patience, free)
	return func() { timer.Stop(); free() }
}

// chunks is a session's own share of the work: one chunk after the other.
type chunks struct {
	mu      sync.Mutex
	queue   []wire.Chunk // courier lets few be unanswered
	working bool
	leave   func() // gives up the berth; nil: there is none
}

// takeChunk hands a chunk to the session's worker, starting it when there is none.
func (s *session) takeChunk(c wire.Chunk) {
	s.count.chunks.Add(1)
	s.chunks.mu.Lock()
	defer s.chunks.mu.Unlock()
	s.chunks.queue = append(s.chunks.queue, c)
	if !s.chunks.working {
		s.chunks.working = true
		s.sessions.Add(1) // the reader, which calls this, counts still
		go s.storeChunks()
	}
}

func (s *session) storeChunks() {
	defer s.sessions.Done()
	for c, more := s.nextChunk(); more; c, more = s.nextChunk() {
		a := s.storeChunk(c)
		if a.State == wire.BlobPartial && !s.turn() {
			a.State = wire.BlobWait
		}
		s.answerChunk(a)
	}
}

func (s *session) nextChunk() (wire.Chunk, bool) {
	s.chunks.mu.Lock()
	defer s.chunks.mu.Unlock()
	if len(s.chunks.queue) == 0 {
		s.chunks.working = false
		return wire.Chunk{}, false
	}
	c := s.chunks.queue[0]
	s.chunks.queue = s.chunks.queue[1:]
	return c, true
}

// turn gives up the berth of the chunk that came and waits for the next one
// behind all others, so that a kiosk with a hundred photos does not keep out
// one with a word.
func (s *session) turn() bool {
	s.yield()
	leave := s.berth()
	s.chunks.mu.Lock()
	defer s.chunks.mu.Unlock()
	s.chunks.leave = leave
	return leave != nil
}

func (s *session) yield() {
	s.chunks.mu.Lock()
	defer s.chunks.mu.Unlock()
	if s.chunks.leave != nil {
		s.chunks.leave()
		s.chunks.leave = nil
	}
}

func (s *session) answerChunk(a wire.ChunkAck) {
	if a.State != wire.BlobPartial {
		s.yield()
	}
	s.talk.Lock()
	f, err := s.receiver.ChunkStored(a)
	s.talk.Unlock()
	switch {
	case err != nil:
		s.failed("account for chunk", err)
	case f == nil:
		s.yield()
	default:
		s.post(item{frame: f})
	}
}

// storeChunk says how far the hub is with a blob, once that is on its disk. No
// failure of disk or database ends the session: records go on.
func (s *session) storeChunk(c wire.Chunk) wire.ChunkAck {
	ref := blob.Ref{Hash: c.Hash, Size: c.Size}
	state, err := s.known(ref)
	offset := uint64(0)
	switch {
	case err == nil && state == wire.BlobPartial:
		offset, state, err = s.spool(ref, c)
	case state == wire.BlobArchived:
		offset = ref.Size
	}
	if err != nil {
		s.count.blobFailures.Add(1)
		s.log.Error("keep blob", "blob", ref.Hash, "bytes", ref.Size, "err", err)
		state = wire.BlobWait
	}
	if state == wire.BlobWait {
		s.count.blobWaits.Add(1)
	}
	return wire.ChunkAck{Hash: c.Hash, Offset: offset, State: state}
}

// known is what the hub says of a blob without looking at its bytes;
// BlobPartial: it is to come. Nobody needs a deleted blob any more: its kiosk
// may let go of it.
func (s *session) known(ref blob.Ref) (wire.BlobState, error) {
	if s.cfg.Spool == nil {
		return wire.BlobWait, nil
	}
	b, err := s.cfg.Ledger.Blob(context.Background(), ref.Hash)
	switch {
	case errors.Is(err, ledger.ErrNoBlob):
		return wire.BlobUnnamed, nil
	case err != nil:
		return wire.BlobWait, err
	case b.Archived > 0 || b.Deleted > 0:
		return wire.BlobArchived, nil
	case b.Size != ref.Size:
		s.refuseBlob(ref, fmt.Sprintf("offered with %d bytes, its record names %d", ref.Size, b.Size))
		return wire.BlobRefused, nil
	case s.blobs.refused(source{s.device, ref.Hash}):
		return wire.BlobRefused, nil
	case b.Stored > 0 && s.cfg.Elsewhere != nil:
		return s.atNeighbour(b.Holder)
	}
	return wire.BlobPartial, nil
}

// atNeighbour tells a kiosk whether to bring a blob here that another hub took.
// While that hub is away it may: nobody else has the bytes then.
func (s *session) atNeighbour(holder string) (wire.BlobState, error) {
	there, err := s.cfg.Elsewhere(context.Background(), holder)
	if err != nil || !there {
		return wire.BlobPartial, err
	}
	return wire.BlobStored, nil
}

func (s *session) spool(ref blob.Ref, c wire.Chunk) (uint64, wire.BlobState, error) {
	s.blobs.writers <- struct{}{}
	now, whole, err := s.cfg.Spool.Append(ref, c.Offset, c.Bytes)
	<-s.blobs.writers
	switch {
	case errors.Is(err, blob.ErrDamaged):
		return 0, s.damaged(ref), nil
	case errors.Is(err, archive.ErrTooLarge):
		s.refuseBlob(ref, "larger than any kiosk makes")
		return 0, wire.BlobRefused, nil
	case errors.Is(err, archive.ErrFull):
		s.log.Warn("no room for blobs", "err", err)
		return now, wire.BlobWait, nil
	case err != nil:
		return now, wire.BlobWait, err
	case !whole:
		return now, wire.BlobPartial, nil
	}
	if len(c.Bytes) > 0 {
		s.count.blobs.Add(1)
	}
	state, err := s.whole(ref)
	return ref.Size, state, err
}

// whole has the ledger note that a blob is here, as often as it is offered: the
// hub may have been killed between the two.
func (s *session) whole(ref blob.Ref) (wire.BlobState, error) {
	err := s.cfg.Ledger.BlobStored(context.Background(), ref.Hash, s.cfg.Now())
	switch {
	case errors.Is(err, ledger.ErrDeleted):
		return wire.BlobArchived, s.cfg.Spool.Remove(ref)
	case err != nil:
		return wire.BlobWait, err
	}
	return wire.BlobStored, nil
}

func (s *session) damaged(ref blob.Ref) wire.BlobState {
	if !s.blobs.damaged(source{s.device, ref.Hash}) {
		s.log.Warn("blob came damaged", "blob", ref.Hash, "bytes", ref.Size)
		return wire.BlobPartial
	}
	s.refuseBlob(ref, "damaged in every transfer")
	return wire.BlobRefused
}

// refuseBlob is loud: somebody has to look after the kiosk's disk. Operators
// read it in the hub's own log, and see a message that stays incomplete.
func (s *session) refuseBlob(ref blob.Ref, why string) {
	s.count.poisoned.Add(1)
	s.log.Error("blob refused", "blob", ref.Hash, "bytes", ref.Size, "reason", why)
	if err := s.cfg.Ledger.BlobRefused(context.Background(), s.device, ref.Hash, why); err != nil {
		s.log.Error("note that a blob was refused", "err", err)
	}
}

// BlobArchived says to a kiosk, if it is connected here, that one of its blobs
// was read back from storage off the hub's disk. One that is not asks in its
// next session.
func (i *Intake) BlobArchived(device string, ref blob.Ref) {
	i.mu.Lock()
	s := i.live[device]
	i.mu.Unlock()
	if s != nil {
		s.post(item{frame: wire.ChunkAck{Hash: ref.Hash, Offset: ref.Size, State: wire.BlobArchived}})
	}
}
