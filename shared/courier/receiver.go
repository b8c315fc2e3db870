package courier

import (
	"fmt"

	"nghe/shared/wire"
)

// ReceiverConfig is what a Receiver needs, for one session of one device.
type ReceiverConfig struct {
	Ledger Ledger
	Verify func(statement, signature []byte) bool // with the device's key
	Sign   func(statement []byte) ([]byte, error) // with the hub's custody key
	Epoch  uint64                                 // the hub's restore epoch; it cannot change while a session is open
	Credit uint32                                 // bytes of batches the kiosk may have in flight; 0 means 256 KiB
	Now    func() int64                           // hub's clock, microseconds since 1970 UTC; told to the kiosk, never used here
}

// Receiver is the hub's end of one session. One goroutine drives it.
type Receiver struct {
	cfg    ReceiverConfig
	hellos int
	spoken uint16                   // session version agreed on
	lanes  map[wire.JournalID]*lane // offered by the last Hello
	queue  []pending                // deliveries handed out, oldest first
	load   int                      // bytes of their bodies, since the last Hello
	chunks int                      // handed out and not accounted for, since the last Hello
	stale  int                      // the same from before it
}

// lane is one offered journal.
type lane struct {
	offer wire.Offer
	open  bool       // batches of it are taken
	lost  bool       // a batch did not fit: what follows is dropped …
	told  bool       // … until, once it was told so, the kiosk
	from  wire.Point // … begins again exactly here
}

type pending struct {
	lane  *lane
	bytes int
}

// Step is what one frame from the kiosk asks of the driver, in the order of
// the fields.
type Step struct {
	Hello   *wire.Hello   // the session began, or began again after a fork
	Reply   []wire.Frame  // send these
	Append  *Delivery     // commit this, then call Stored
	Chunk   *wire.Chunk   // store this, or only look when it has no bytes, then call ChunkStored
	Vitals  *wire.Vitals  // for hub/vitals
	Goodbye *wire.Goodbye // the kiosk ends the session
}

// Delivery is a batch whose shape, chain and signature are verified. Whether
// it fits is for the ledger to say, in the transaction that stores it:
//
//   - the journal is unknown: it fits when Batch.Base is Parent;
//   - it belongs to another device: it does not fit, the Standing is foreign;
//   - the batch begins at the hub's point, or before it and runs through it
//     or up to a point the hub holds: it fits, and what is new is appended;
//   - else it does not fit, nothing is appended, and the Standing says where
//     the hub stands.
type Delivery struct {
	Parent  wire.Point // where the journal begins, as offered
	Batch   wire.Batch
	Records [][]byte
	Points  []wire.Point // Points[i] is the point Records[i] leads to
}

// Outcome is what the ledger made of a Delivery.
type Outcome struct {
	Fits     bool
	Standing wire.Standing // of the journal, after the commit
}

// maxHellos bounds how often one session may begin again. Two are ordinary (a
// fork), a third needs bad luck.
const maxHellos = 16

// NewReceiver makes the hub's end of one session.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	if cfg.Credit == 0 {
		cfg.Credit = 256 << 10
	}
	return &Receiver{cfg: cfg}
}

// Receive takes a frame from the kiosk. A *wire.Error is the kiosk's fault:
// send a Goodbye with its Code and Detail, and close. Any other error is the
// hub's own: send CodeInternal.
func (r *Receiver) Receive(f wire.Frame) (Step, error) {
	if h, ok := f.(wire.Hello); ok {
		return r.hello(h)
	}
	if r.hellos == 0 {
		return Step{}, wire.Errorf(wire.CodeUnexpected, "%T before a hello", f)
	}
	switch f := f.(type) {
	case wire.Batch:
		return r.batch(f)
	case wire.Chunk:
		return r.chunk(f)
	case wire.Vitals:
		return Step{Vitals: &f}, nil
	case wire.Goodbye:
		return Step{Goodbye: &f}, nil
	}
	return Step{}, wire.Errorf(wire.CodeUnexpected, "%T from a kiosk", f)
}

func (r *Receiver) hello(h wire.Hello) (Step, error) {
	r.hellos++
	switch {
	case r.hellos > maxHellos:
		return Step{}, wire.Errorf(wire.CodeUnexpected, "%d hellos in one session", r.hellos)
	case h.Version < wire.OldestSessionHeld:
		return Step{}, wire.Errorf(wire.CodeVersion, "kiosk speaks version %d, this hub %d to %d", h.Version, wire.OldestSessionHeld, wire.SessionVersion)
	case h.Epoch > r.cfg.Epoch:
		return Step{}, wire.Errorf(wire.CodeEpoch, "kiosk has seen restore epoch %d, this hub is in %d", h.Epoch, r.cfg.Epoch)
	}
	r.spoken = min(h.Version, wire.SessionVersion)
	r.forget()
	r.lanes = make(map[wire.JournalID]*lane, len(h.Offers))
	standings := make([]wire.Standing, 0, len(h.Offers))
	for _, o := range h.Offers {
		st, err := r.offered(o)
		if err != nil {
			return Step{}, err
		}
		standings = append(standings, st)
	}
	return Step{Hello: &h, Reply: []wire.Frame{r.welcome(standings)}}, nil
}

// forget stops counting what was in flight before a Hello, as the kiosk does.
func (r *Receiver) forget() {
	r.load = 0
	r.stale, r.chunks = r.stale+r.chunks, 0
	for i := range r.queue {
		r.queue[i].bytes = 0
	}
}

func (r *Receiver) offered(o wire.Offer) (wire.Standing, error) {
	if _, twice := r.lanes[o.Journal]; twice {
		return wire.Standing{}, wire.Errorf(wire.CodeMalformed, "journal %s offered twice", o.Journal)
	}
	st, err := r.cfg.Ledger.Standing(o)
	if err != nil {
		return st, fmt.Errorf("read standing of journal %s: %w", o.Journal, err)
	}
	r.lanes[o.Journal] = &lane{offer: o, open: st.State != wire.StandingForeign}
	return r.signed(o.Journal, st)
}

// batch checks everything that can be checked without the ledger. The chain
// needs no check of its own: the signature covers the chain computed from
// these records.
func (r *Receiver) batch(b wire.Batch) (Step, error) {
	l := r.lanes[b.Journal]
	if l == nil || !l.open {
		return Step{}, wire.Errorf(wire.CodeNotYours, "journal %s was not offered", b.Journal)
	}
	if r.load > 0 && r.load+len(b.Body) > int(r.cfg.Credit) {
		return Step{}, wire.Errorf(wire.CodeTooLarge, "%d bytes in flight, credit is %d", r.load+len(b.Body), r.cfg.Credit)
	}
	records, points, err := b.Records()
	if err != nil {
		return Step{}, err
	}
	end := points[len(points)-1]
	if !r.cfg.Verify(wire.BatchStatement(b.Journal, end), b.Signature) {
		return Step{}, wire.Errorf(wire.CodeSignature, "batch of journal %s ending at %s", b.Journal, end)
	}
	if l.lost && !(l.told && b.Base == l.from) {
		return Step{}, nil // sent before the kiosk saw the Welcome
	}
	l.lost = false
	r.queue = append(r.queue, pending{lane: l, bytes: len(b.Body)})
	r.load += len(b.Body)
	return Step{Append: &Delivery{Parent: l.offer.Base, Batch: b, Records: records, Points: points}}, nil
}

// Stored takes the outcome of the oldest delivery not yet accounted for, after
// the hub's commit. It returns the Ack to send; or, when a batch did not fit,
// nil until the last delivery of its journal is accounted for and then one
// Welcome.
func (r *Receiver) Stored(o Outcome) (wire.Frame, error) {
	if len(r.queue) == 0 {
		return nil, fmt.Errorf("account for delivery: none is outstanding")
	}
	p := r.queue[0]
	r.queue, r.load = r.queue[1:], r.load-p.bytes
	if r.lanes[p.lane.offer.Journal] != p.lane {
		return nil, nil // offered by an earlier Hello; the kiosk has moved on
	}
	if !o.Fits {
		p.lane.lost, p.lane.told = true, false
	}
	if !p.lane.lost {
		return r.Tell(p.lane.offer.Journal, o.Standing)
	}
	if r.busy(p.lane) {
		return nil, nil
	}
	return r.misfit(p.lane, o.Standing)
}

// misfit tells the kiosk where the hub stands. From here on only a batch that
// begins exactly there is taken: it was sent after the kiosk saw this.
func (r *Receiver) misfit(l *lane, st wire.Standing) (wire.Frame, error) {
	st, err := r.signed(l.offer.Journal, st)
	if err != nil {
		return nil, err
	}
	l.told, l.from = st.State != wire.StandingForeign, st.Received
	return r.welcome([]wire.Standing{st}), nil
}

func (r *Receiver) busy(l *lane) bool {
	for _, p := range r.queue {
		if p.lane == l {
			return true
		}
	}
	return false
}

// Tell makes an Ack of what the ledger has committed for a journal, asked or
// not: after a batch, and whenever safe has moved.
func (r *Receiver) Tell(j wire.JournalID, st wire.Standing) (wire.Frame, error) {
	st, err := r.signed(j, st)
	if err != nil {
		return nil, err
	}
	return wire.Ack{Journal: j, Epoch: r.cfg.Epoch, Received: st.Received, Safe: st.Safe,
		Credit: r.cfg.Credit, Signature: st.Signature}, nil
}

func (r *Receiver) welcome(standings []wire.Standing) wire.Welcome {
	return wire.Welcome{Version: r.spoken, Epoch: r.cfg.Epoch, Now: r.cfg.Now(),
		Credit: r.cfg.Credit, Standings: standings}
}

// signed puts the hub's name to a standing. What the hub holds of a journal is
// no business of a device it does not belong to: a foreign standing names no
// point, so that its signature alone says that it is one.
func (r *Receiver) signed(j wire.JournalID, st wire.Standing) (wire.Standing, error) {
	st.Journal = j
	if st.State == wire.StandingForeign {
		st.Received, st.Safe = wire.Point{}, wire.Point{}
	}
	sig, err := r.cfg.Sign(wire.CustodyStatement(r.cfg.Epoch, j, st.Received, st.Safe))
	if err != nil {
		return st, fmt.Errorf("sign standing of journal %s: %w", j, err)
	}
	st.Signature = sig
	return st, nil
}
