// Package courier carries a kiosk's journal to the hub: two state machines,
// Sender on the kiosk and Receiver on the hub, that decide what every frame of
// a session means. DESIGN.md tells the states, the failures and the reasons.
//
// It promises that a record leaves the Sender's care only when the hub has
// said, signed and for exactly this chain, that it holds it; that whatever is
// lost, repeated, cut, rolled back, cloned or restored, both sides find the
// last point they share and go on from there, or the kiosk forks; that nothing
// reaches the hub's ledger that the device did not sign; and that a blob goes
// after all records, from the exact byte where it stopped, so that a cut wastes
// one chunk at most.
//
// It does not wait, dial, store or tell the time: it has no clock, goroutine,
// channel, socket or file. Drivers (kiosk/uplink, hub/intake, a courier file)
// move the frames; outbox and ledger keep the records and check again, inside
// their own transactions, what is decided here.
package courier

import (
	"errors"

	"nghe/shared/wire"
)

// Outbox is what the Sender asks of the kiosk's store. Every call is one
// transaction of its own; others may append, prune or fork between two calls.
type Outbox interface {
	// Branch says where the current journal stands.
	Branch() (wire.Branch, error)
	// ChainAt is the chain after record seq; false below the floor and above
	// the head.
	ChainAt(seq uint64) (wire.Chain, bool, error)
	// Read returns the records after seq, in order and without a gap: none
	// when the record that follows is pruned or not yet written.
	Read(after uint64, maxRecords, maxBytes int) ([][]byte, error)
	// Advance moves the watermarks. Under the epoch already seen they only
	// rise, and one that is behind is no error; under a higher epoch they are
	// set as given, but never below the floor. A mark of another journal, of a
	// lower epoch or off the chain is refused.
	Advance(m wire.Mark) error
	// Fork begins a new journal at the floor, keeping every record held, drops
	// received and safe to the floor and appends f, all in one commit. It is
	// refused when f.From is no longer the current journal.
	Fork(f wire.JournalFork) error
}

// Ledger is what the Receiver asks of the hub's store, for one device.
type Ledger interface {
	// Standing says what the hub makes of an offered journal: known, and how
	// far; new, at exactly the offered parent point; or foreign. Its Journal
	// and Signature are filled in by the Receiver.
	Standing(offer wire.Offer) (wire.Standing, error)
}

// ErrGreet says that the next frame must be a Hello: at the start, after a
// fork, and whenever the journal changed under an open session. Call Hello and
// send what it returns on the same connection.
var ErrGreet = errors.New("courier: the next frame is a hello")

// ErrOutbox says that the bytes the outbox gave do not lead to the chain it
// keeps: nothing is signed. The disk changed them, or they were pruned between
// two reads; greeting again tells which.
var ErrOutbox = errors.New("courier: outbox records do not lead to the chain kept beside them")

// Event says what one frame from the hub came to. At most one of the pointers
// is set, except that a fork keeps the Welcome that caused it.
type Event struct {
	Welcomed *wire.Welcome     // answered our Hello, or a batch that did not fit
	Acked    *wire.Mark        // watermarks moved to here
	Forked   *wire.JournalFork // the hub's point is not ours: a new journal was begun
	Blob     *wire.ChunkAck    // the hub's word on a blob counted
	Bulletin *wire.Bulletin    // for kiosk/bulletin, not looked at here
	Goodbye  *wire.Goodbye     // the hub ends the session
	Ignored  Reason            // why the frame moved nothing
}

// Reason says why a genuine frame was left without effect. A Welcome without
// effect also ends the session with an error when nothing else can follow.
type Reason string

const (
	OldEpoch     Reason = "older restore epoch"                    // rule 6
	OtherJournal Reason = "not the current journal"                // rule 4
	OtherChain   Reason = "not a point of this chain"              // rule 4
	BelowFloor   Reason = "below the floor, and the epoch not new" // rule 6
	NotAsked     Reason = "nobody asked"
)
