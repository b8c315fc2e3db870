package uplink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"nghe/kiosk/media"
	"nghe/shared/blob"
	"nghe/shared/courier"
	"nghe/shared/wire"
)

// Media is what the uplink asks of the kiosk's spool of sealed blobs;
// *media.Spool is one.
type Media interface {
	In(state media.State) iter.Seq[media.Entry]
	First(state media.State, passed func(blob.Hash) bool) (media.Entry, bool)
	ReadAt(h blob.Hash, off uint64, n int) ([]byte, error)
	Stored(h blob.Hash) error
	Archived(h blob.Hash) error
	Refused(h blob.Hash) error
	Again(h ...blob.Hash) error
}

// blobs is the spool as courier sees it.
type blobs struct{ Media }

// courierBlobs is nil where there is no spool.
func courierBlobs(m Media) courier.Blobs {
	if m == nil {
		return nil
	}
	return blobs{m}
}

func (b blobs) NextBlob(passed func(blob.Hash) bool) (blob.Ref, bool, error) {
	for _, state := range []media.State{media.Pending, media.Stored} {
		if e, ok := b.First(state, passed); ok {
			return e.Ref, true, nil
		}
	}
	return blob.Ref{}, false, nil
}

func (b blobs) ReadBlob(h blob.Hash, offset uint64, n int) ([]byte, error) {
	return b.ReadAt(h, offset, n)
}

func (b blobs) HubSays(h blob.Hash, s wire.BlobState) error {
	switch s {
	case wire.BlobPartial:
		return b.Again(h)
	case wire.BlobStored:
		return b.Stored(h)
	case wire.BlobArchived:
		return b.Archived(h)
	case wire.BlobRefused:
		return b.Refused(h)
	}
	return fmt.Errorf("state %d of a blob is not one to keep", s)
}

func (b blobs) HubForgot() error { return b.again(media.Stored, media.Archived, media.Refused) }

// again offers all blobs of some states anew.
func (b blobs) again(states ...media.State) error {
	var all []blob.Hash
	for _, state := range states {
		for e := range b.In(state) {
			all = append(all, e.Ref.Hash)
		}
	}
	return b.Again(all...)
}

// readmit offers what a hub refused once more, at every start of the agent: it
// may have been mended since. What this disk has spoilt stays where it is.
func (b blobs) readmit() error {
	var sound []blob.Hash
	for e := range b.In(media.Refused) {
		if blob.Check(e.Ref, &reading{Media: b, hash: e.Ref.Hash}) == nil {
			sound = append(sound, e.Ref.Hash)
		}
	}
	return b.Again(sound...)
}

// reading is a blob from its beginning.
type reading struct {
	Media
	hash blob.Hash
	at   uint64
}

func (r *reading) Read(b []byte) (int, error) {
	part, err := r.ReadAt(r.hash, r.at, len(b))
	if err == nil && len(part) == 0 {
		err = io.EOF
	}
	r.at += uint64(len(part))
	return copy(b, part), err
}

const (
	leastChunk = 8 << 10                // a line that carries no more between two cuts is none
	firstChunk = 16 << 10               // before anything is known of the line
	chunkTime  = 400 * time.Millisecond // on the line: so long may a tap wait behind a photo
)

// worthwhile is how many bytes of blobs a session must carry for the line to be
// worth dialling again at once, however often it breaks: else a photo on a line
// that is cut every minute would wait longer after each.
const worthwhile = 128 << 10

// pace learns from pings how much of a blob the line carries in chunkTime. It
// is kept over sessions.
type pace struct {
	mu   sync.Mutex
	size int
	trip time.Duration // there and back without a load, of this session; 0: not known
}

func (p *pace) most() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.size, leastChunk)
}

func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trip = 0
	if p.size == 0 {
		p.size = firstChunk
	}
}

// measured takes how long n bytes and a ping behind them took there, and the
// pong back.
func (p *pace) measured(n int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < leastChunk {
		if p.trip == 0 || took < p.trip {
			p.trip = took
		}
		return
	}
	line := max(took-p.trip, time.Millisecond)
	fit := int64(n) * int64(chunkTime) / int64(line)
	p.size = int(max(leastChunk, min(fit, 2*int64(p.size), wire.MaxChunk)))
}

// cut halves what is tried on a line that broke under a chunk.
func (p *pace) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = max(p.size/2, leastChunk)
}

// shipping is a session's share of blobs; drive's alone.
type shipping struct {
	hash   blob.Hash   // of the chunk on its way
	bytes  int         // in it
	owed   time.Time   // since when its answer is; zero: none is on its way
	afford *time.Timer // fires when the next chunk may be sent
	broke  bool        // until then
	round  *time.Ticker

	carried int // bytes that the hub answered for
}

// remindAll is after how many rounds the hub is also asked about what it has
// on its own disk only.
const remindAll = 72

// remind begins another round.
func (s *session) remind() { s.sender.Remind(s.askAll()) }

// askAll says whether it is time to ask about everything, however short sessions
// are.
func (u *Uplink) askAll() bool {
	if time.Since(u.askedAll) < remindAll*u.cfg.Timing.Remind {
		return false
	}
	u.askedAll = time.Now()
	return true
}

// chunk is the next piece of a blob, when there is one and the share of the
// line that blobs have allows it. A blob that cannot be read ends nothing.
func (s *session) chunk() (wire.Frame, error) {
	for !s.ship.broke {
		f, err := s.sender.Chunk(s.pace.most())
		if !errors.Is(err, courier.ErrBlobs) {
			return f, err
		}
		s.log.Warn("blob not sent", "err", err)
	}
	return nil, nil
}

// shipped notes a chunk given to the line. It is paid for afterwards: the next
// one waits until this one's share of time is over.
func (s *session) shipped(c wire.Chunk) {
	now := time.Now()
	s.ship.hash, s.ship.bytes, s.ship.owed = c.Hash, len(c.Bytes), now
	if s.share == nil || len(c.Bytes) == 0 {
		return
	}
	if wait := s.share.ReserveN(now, len(c.Bytes)).DelayFrom(now); wait > 0 {
		s.ship.broke = true
		s.ship.afford.Reset(wait)
	}
}

// landedChunk notes an answer.
func (s *session) landedChunk(a wire.ChunkAck) {
	if s.ship.hash == a.Hash && a.State != wire.BlobWanted && !s.ship.owed.IsZero() {
		s.ship.owed = time.Time{}
		s.ship.carried += s.ship.bytes
	}
}

// probe is a ping that tells, when its pong comes, when it left and what went
// just before it.
func (s *session) probe(after []byte, left time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(left.Sub(s.begun)))
	return binary.BigEndian.AppendUint32(b, uint32(len(after)))
}

// probed reads a pong; others than to a probe say nothing.
func (s *session) probed(pong string) {
	if len(pong) != 12 {
		return
	}
	left := time.Duration(binary.BigEndian.Uint64([]byte(pong)))
	if took := time.Since(s.begun) - left; took > 0 {
		s.pace.measured(int(binary.BigEndian.Uint32([]byte(pong[8:]))), took)
	}
}

// isChunk says whether an encoded frame is one.
func isChunk(b []byte) bool { return len(b) > 0 && wire.FrameType(b[0]) == wire.FrameChunk }
