package courier

import (
	"fmt"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// SenderConfig is what a Sender needs.
type SenderConfig struct {
	Outbox     Outbox
	Blobs      Blobs                                  // the same for every Sender of a kiosk, whatever its road; nil: it has none
	Sign       func(statement []byte) ([]byte, error) // with the device's key
	Verify     func(statement, signature []byte) bool // with the hub's custody key
	MaxRecords int                                    // in one batch; 0 means 5000
	MaxBytes   int                                    // of records in one batch before compression; 0 means 512 KiB
}

// Sender is the kiosk's end. One goroutine drives it; it may serve one
// connection after another, each begun by Hello.
type Sender struct {
	cfg     SenderConfig
	state   senderState
	journal wire.JournalID // offered by the last Hello
	sent    wire.Point     // last record given to this connection
	credit  int            // bytes of bodies the hub lets us have in flight
	flight  []parcel       // batches sent and not yet acknowledged, oldest first

	epoch   uint64                // of the hub that welcomed us
	ship    *shipment             // nil: none
	asked   bool                  // a chunk is on its way
	resting bool                  // the hub has no room: no blob until Remind
	shy     bool                  // the hub ended a session over a chunk: no blob for hours
	passed  map[blob.Hash]passing // not to be offered in this round
	shelved []blob.Hash           // of them the stored ones, the longest not asked about first, and some that are not any more
	doubted map[blob.Hash]bool    // stored, and asked about all the same
	landed  uint64                // batches that the hub has acknowledged to this Sender
	unnamed []blob.Hash           // passed for want of a record, until the next batch lands
}

type senderState uint8

const (
	strange senderState = iota // nothing said: Next asks for a Hello
	greeted                    // Hello sent: nothing may be sent until Welcome
	open                       // points compared equal: batches flow
)

// parcel is a batch on its way.
type parcel struct {
	last  uint64 // seq of its last record
	bytes int    // of its body
}

// maxBody leaves room in a frame for what is not the body: about 200 bytes.
const maxBody = wire.MaxFrame - 1<<10

// NewSender makes a Sender that has not greeted anyone yet.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.MaxRecords <= 0 || cfg.MaxRecords > wire.MaxBatchCount {
		cfg.MaxRecords = 5000
	}
	if cfg.MaxBytes <= 0 || cfg.MaxBytes > wire.MaxBatchRaw {
		cfg.MaxBytes = 512 << 10
	}
	return &Sender{cfg: cfg}
}

// Hello begins a session, or begins it again after ErrGreet: it fills in
// Version, Epoch and Offers. The caller fills in the rest.
func (s *Sender) Hello(h wire.Hello) (wire.Hello, error) {
	b, err := s.cfg.Outbox.Branch()
	if err != nil {
		return wire.Hello{}, fmt.Errorf("read branch: %w", err)
	}
	s.state, s.journal, s.flight = greeted, b.Journal, nil
	s.newRound()
	h.Version, h.Epoch = wire.SessionVersion, b.Epoch
	h.Offers = []wire.Offer{{Journal: b.Journal, Base: b.Base, Head: b.Head}}
	return h, nil
}

// Receive takes a frame from the hub. A *wire.Error means the hub does not
// keep the protocol: send a Goodbye with it and close. An Ack is taken at any
// time and from any road.
func (s *Sender) Receive(f wire.Frame) (Event, error) {
	switch f := f.(type) {
	case wire.Welcome:
		return s.welcome(f)
	case wire.Ack:
		return s.ack(f)
	case wire.ChunkAck:
		return s.chunkAck(f)
	case wire.Bulletin:
		return Event{Bulletin: &f}, nil
	case wire.Goodbye:
		return s.goodbye(f), nil
	}
	return Event{}, wire.Errorf(wire.CodeUnexpected, "%T from the hub", f)
}

// Next is the next frame the hub's credit allows, nil when there is none. Call
// it until nil after every Receive and whenever the outbox has grown.
func (s *Sender) Next() (wire.Frame, error) {
	if s.state == strange {
		return nil, ErrGreet
	}
	b, err := s.cfg.Outbox.Branch()
	if err != nil {
		return nil, fmt.Errorf("read branch: %w", err)
	}
	if b.Journal != s.journal || s.state == open && s.sent.Seq < b.Floor.Seq {
		s.state = strange
		return nil, ErrGreet
	}
	if s.state != open || s.sent.Seq >= b.Head.Seq {
		return nil, nil
	}
	return s.batch()
}

// Waiting reports whether the hub owes an answer: a Welcome, an Ack or a
// ChunkAck. A driver that hears none for as long as it would wait for a pong
// hangs up.
func (s *Sender) Waiting() bool { return s.state == greeted || len(s.flight) > 0 || s.asked }

// batch packs what fits into the free part of the window. Halves are waited
// for, so that a nearly full window is not filled with crumbs.
func (s *Sender) batch() (wire.Frame, error) {
	room := s.room()
	if room <= 0 || len(s.flight) > 0 && room < s.credit/2 {
		return nil, nil
	}
	records, err := s.cfg.Outbox.Read(s.sent.Seq, s.cfg.MaxRecords, s.cfg.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	for len(records) > 0 {
		b, end, err := wire.Pack(s.journal, s.sent, records)
		if err != nil {
			return nil, fmt.Errorf("pack records after %d: %w", s.sent.Seq, err)
		}
		alone := len(records) == 1 && len(s.flight) == 0
		if len(b.Body) <= min(room, maxBody) || alone {
			return s.send(b, end)
		}
		records = records[:len(records)/2]
	}
	return nil, nil
}

// send signs a batch, unless the outbox does not know the point it leads to.
func (s *Sender) send(b wire.Batch, end wire.Point) (wire.Frame, error) {
	ours, err := s.holds(end)
	if err != nil {
		return nil, err
	}
	if !ours {
		s.state = strange
		return nil, fmt.Errorf("%w: %s", ErrOutbox, end)
	}
	if b.Signature, err = s.cfg.Sign(wire.BatchStatement(b.Journal, end)); err != nil {
		return nil, fmt.Errorf("sign batch: %w", err)
	}
	s.sent = end
	s.flight = append(s.flight, parcel{last: end.Seq, bytes: len(b.Body)})
	return b, nil
}

func (s *Sender) room() int {
	room := s.credit
	for _, p := range s.flight {
		room -= p.bytes
	}
	return room
}

// welcome compares the hub's point with ours: the rules of comparison and
// forking, in the order in which they decide.
func (s *Sender) welcome(w wire.Welcome) (Event, error) {
	st, ok := standingOf(w, s.journal)
	if s.state == strange || !ok {
		return Event{Ignored: NotAsked}, nil
	}
	if w.Version < wire.OldestSessionHeld || w.Version > wire.SessionVersion {
		return Event{}, wire.Errorf(wire.CodeVersion, "hub chose session version %d", w.Version)
	}
	b, why, err := s.judge(w.Epoch, st.Journal, st.Received, st.Safe, st.Signature)
	if why == OldEpoch {
		return Event{Ignored: why}, wire.Errorf(wire.CodeEpoch, "hub is in restore epoch %d, kiosk has seen %d", w.Epoch, b.Epoch)
	}
	if err != nil || why != "" {
		return Event{Ignored: why}, err
	}
	cause, err := s.compare(b, w.Epoch, st)
	switch {
	case err != nil:
		return Event{}, err
	case cause == belowFloor:
		return Event{Ignored: BelowFloor}, wire.Errorf(wire.CodeEpoch, "hub stands at %s, below what it called safe in epoch %d", st.Received, b.FloorEpoch)
	case cause != equal:
		return s.fork(b, w, st, cause)
	}
	if _, err := s.advance(b, st.Received, st.Safe); err != nil {
		return Event{}, err
	}
	s.state, s.sent, s.flight, s.credit, s.epoch = open, st.Received, nil, int(w.Credit), w.Epoch
	return Event{Welcomed: &w}, nil
}

func standingOf(w wire.Welcome, j wire.JournalID) (wire.Standing, bool) {
	for _, st := range w.Standings {
		if st.Journal == j {
			return st, true
		}
	}
	return wire.Standing{}, false
}

// The outcomes of compare that are no cause to fork.
const (
	equal      wire.ForkCause = 0
	belowFloor wire.ForkCause = 255
)

func (s *Sender) compare(b wire.Branch, epoch uint64, st wire.Standing) (wire.ForkCause, error) {
	foreign := st.State == wire.StandingForeign
	switch {
	case foreign != (st.Received == wire.Point{}):
		return equal, wire.Errorf(wire.CodeMalformed, "standing %d at %s", st.State, st.Received)
	case st.State == wire.StandingNew && st.Received != b.Base:
		return equal, wire.Errorf(wire.CodeMalformed, "new journal begins at %s, not at %s", st.Received, b.Base) // rule 1
	case foreign:
		return wire.ForkForeign, nil // rule 7
	case st.Received.Seq > b.Head.Seq:
		return wire.ForkAhead, nil
	case st.Received.Seq < b.Floor.Seq && epoch > b.FloorEpoch:
		return wire.ForkBehind, nil // rule 3
	case st.Received.Seq < b.Floor.Seq:
		return belowFloor, nil // rule 6
	}
	ours, err := s.holds(st.Received)
	if err != nil || ours {
		return equal, err
	}
	return wire.ForkDiffers, nil
}

// fork leaves the journal behind. The session goes on with a fresh Hello.
func (s *Sender) fork(b wire.Branch, w wire.Welcome, st wire.Standing, cause wire.ForkCause) (Event, error) {
	f := wire.JournalFork{From: b.Journal, Head: b.Head, Hub: st.Received, Cause: cause}
	if err := s.cfg.Outbox.Fork(f); err != nil {
		return Event{}, fmt.Errorf("fork journal %s: %w", b.Journal, err)
	}
	s.state = strange
	return Event{Welcomed: &w, Forked: &f}, nil
}

// ack moves the watermarks when it names a point of our chain. One that names
// another while a session is open means that somebody else feeds this journal:
// the next Hello finds out.
func (s *Sender) ack(a wire.Ack) (Event, error) {
	b, why, err := s.judge(a.Epoch, a.Journal, a.Received, a.Safe, a.Signature)
	if err != nil || why != "" {
		return Event{Ignored: why}, err
	}
	if a.Received.Seq < b.Floor.Seq {
		return Event{Ignored: BelowFloor}, nil
	}
	ours, err := s.holds(a.Received)
	if err != nil {
		return Event{}, err
	}
	if !ours {
		s.state = strange
		return Event{Ignored: OtherChain}, nil
	}
	m, err := s.advance(b, a.Received, a.Safe)
	if err != nil {
		return Event{}, err
	}
	s.land(a)
	return Event{Acked: &m}, nil
}

// judge is what every statement of the hub's goes through before it is looked
// at: signature, journal, epoch (rules 4 and 6). Hearing of a restore drops
// both watermarks to the floor, whatever else the statement says.
func (s *Sender) judge(epoch uint64, j wire.JournalID, received, safe wire.Point, signature []byte) (wire.Branch, Reason, error) {
	if !s.cfg.Verify(wire.CustodyStatement(epoch, j, received, safe), signature) {
		return wire.Branch{}, "", wire.Errorf(wire.CodeSignature, "the hub's word on journal %s does not verify", j)
	}
	b, err := s.cfg.Outbox.Branch()
	if err != nil {
		return b, "", fmt.Errorf("read branch: %w", err)
	}
	if epoch < b.Epoch {
		return b, OldEpoch, nil
	}
	if epoch > b.Epoch {
		if err := s.forget(); err != nil {
			return b, "", err
		}
		b.Epoch, b.Received, b.Safe = epoch, b.Floor, b.Floor
		if err := s.cfg.Outbox.Advance(wire.Mark{Journal: b.Journal, Epoch: epoch, Received: b.Floor, Safe: b.Floor}); err != nil {
			return b, "", fmt.Errorf("drop watermarks for epoch %d: %w", epoch, err)
		}
	}
	if j != b.Journal {
		return b, OtherJournal, nil
	}
	return b, "", nil
}

// forget has blobs offered again before the new epoch is committed: a crash
// between the two repeats it.
func (s *Sender) forget() error {
	if s.cfg.Blobs == nil {
		return nil
	}
	if err := s.cfg.Blobs.HubForgot(); err != nil {
		return fmt.Errorf("offer blobs again to a restored hub: %w", err)
	}
	s.passed, s.shelved = nil, nil
	return nil
}

// advance applies a point already found equal, and safe only if it is ours too
// (rule 5). Under one epoch neither moves back.
func (s *Sender) advance(b wire.Branch, received, safe wire.Point) (wire.Mark, error) {
	m := wire.Mark{Journal: b.Journal, Epoch: b.Epoch, Received: b.Received, Safe: b.Safe}
	if received.Seq > b.Received.Seq {
		m.Received = received
	}
	if safe.Seq > b.Safe.Seq && safe.Seq <= received.Seq {
		ours, err := s.holds(safe)
		if err != nil {
			return m, err
		}
		if ours {
			m.Safe = safe
		}
	}
	if err := s.cfg.Outbox.Advance(m); err != nil {
		return m, fmt.Errorf("advance journal %s to %d: %w", b.Journal, received.Seq, err)
	}
	return m, nil
}

// landed frees the window of what the hub now holds.
func (s *Sender) land(a wire.Ack) {
	if s.state != open || a.Journal != s.journal {
		return
	}
	s.credit = int(a.Credit)
	for len(s.flight) > 0 && s.flight[0].last <= a.Received.Seq {
		s.flight = s.flight[1:]
		s.landed++
		s.named()
	}
}

// holds reports whether p is a point of the chain this kiosk holds.
func (s *Sender) holds(p wire.Point) (bool, error) {
	chain, ok, err := s.cfg.Outbox.ChainAt(p.Seq)
	if err != nil {
		return false, fmt.Errorf("read chain at %d: %w", p.Seq, err)
	}
	return ok && chain == p.Chain, nil
}
