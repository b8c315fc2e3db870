package wire

// FrameType is the first octet of a frame; the rest is one deterministic CBOR
// array (RFC 8949 §4.2.1). Append only.
type FrameType uint8

const (
	FrameHello    FrameType = 1
	FrameWelcome  FrameType = 2
	FrameBatch    FrameType = 3
	FrameAck      FrameType = 4
	FrameChunk    FrameType = 5
	FrameChunkAck FrameType = 6
	FrameBulletin FrameType = 7
	FrameVitals   FrameType = 8
	FrameGoodbye  FrameType = 9
)

// Frame is one message of a session, one of the types below.
type Frame interface{ frame() FrameType }

// Offer is one journal a kiosk still holds: where it branched off and how far
// it goes.
type Offer struct {
	_       struct{} `cbor:",toarray"`
	Journal JournalID
	Base    Point // parent point: (0, Genesis) or the floor at the fork
	Head    Point
}

// Hello opens a session, kiosk to hub.
type Hello struct {
	_          struct{} `cbor:",toarray"`
	Version    uint16
	Program    string   // version of the agent
	Boot       [16]byte // nonce of the running boot record
	Uptime     uint64   // microseconds since that record
	Wall       int64    // microseconds since 1970 UTC, as the kiosk believes
	Epoch      uint64   // highest restore epoch seen
	Offers     []Offer
	Bulletin   uint64 // version held, 0 for none
	Checkpoint []byte // last signed checkpoint of the hub's log, or empty
}

// StandingState says what the hub makes of an offered journal.
type StandingState uint8

const (
	StandingKnown   StandingState = 1 // Received is what the hub holds
	StandingNew     StandingState = 2 // not held: Received is exactly the offered parent point
	StandingForeign StandingState = 3 // belongs to another device: fork
)

// Standing is the hub's side of one journal.
type Standing struct {
	_         struct{} `cbor:",toarray"`
	Journal   JournalID
	State     StandingState
	Received  Point
	Safe      Point  // Seq 0 where nothing is safe
	Signature []byte // hub's, over CustodyStatement
}

// Welcome answers a Hello, and any batch that does not fit.
type Welcome struct {
	_          struct{} `cbor:",toarray"`
	Version    uint16
	Epoch      uint64
	Now        int64  // hub's clock, microseconds since 1970 UTC
	Credit     uint32 // bytes of batches the kiosk may have in flight
	Standings  []Standing
	Bulletin   uint64
	Checkpoint []byte
	Proof      [][32]byte // RFC 6962 consistency proof from the kiosk's checkpoint
}

// Batch carries records Base.Seq+1 … Base.Seq+Count of one journal.
type Batch struct {
	_         struct{} `cbor:",toarray"`
	Journal   JournalID
	Base      Point
	Count     uint32
	Raw       uint32 // bytes of Body once decompressed
	Body      []byte // zstd of the records one after another (RFC 8742)
	Signature []byte // device's, over BatchStatement of the last record's point
}

// Ack says what is committed. It is compared by (Journal, Seq, Chain) before
// it moves anything.
type Ack struct {
	_         struct{} `cbor:",toarray"`
	Journal   JournalID
	Epoch     uint64
	Received  Point
	Safe      Point
	Credit    uint32
	Signature []byte // hub's, over CustodyStatement
}

// Chunk is part of a blob. Without bytes it asks how much the hub holds.
type Chunk struct {
	_      struct{} `cbor:",toarray"`
	Hash   [32]byte
	Size   uint64 // of the whole blob
	Offset uint64
	Bytes  []byte
}

// BlobState says how far the hub is with a blob.
type BlobState uint8

const (
	BlobPartial  BlobState = 1 // send on from Offset
	BlobStored   BlobState = 2 // whole and verified on the hub
	BlobArchived BlobState = 3 // read back from storage off the hub's disk, or deleted by law: nobody needs it here
	BlobRefused  BlobState = 4 // not as this device has it: damaged, of another size, or over MaxBlob
	BlobWait     BlobState = 5 // no room now for any blob; ask again in some minutes
	BlobUnnamed  BlobState = 6 // no record the hub can read names it; keep it, ask again in some hours
	BlobWanted   BlobState = 7 // never an answer: the hub had it and has lost it; offer it again
)

// ChunkAck says how much of a blob the hub holds. It answers a Chunk, and is
// the leave to send another; or nobody asked, and it is news.
type ChunkAck struct {
	_      struct{} `cbor:",toarray"`
	Hash   [32]byte
	Offset uint64
	State  BlobState
}

// Bulletin carries what kiosks are told, hub to kiosk.
type Bulletin struct {
	_         struct{} `cbor:",toarray"`
	Version   uint64
	Body      []byte
	Signature []byte
}

// Reading is a number the machine read of itself.
type Reading struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Value int64
}

// ConditionLevel ranks a condition.
type ConditionLevel uint8

const (
	ConditionNote    ConditionLevel = 1
	ConditionWarning ConditionLevel = 2
	ConditionSevere  ConditionLevel = 3
)

// Condition is something about the machine that somebody may have to act on.
type Condition struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Level ConditionLevel
	Since int64 // microseconds since 1970 UTC, kiosk's clock
	Value int64
}

// Vitals is what a kiosk says of itself, every 60 s and on change.
type Vitals struct {
	_          struct{} `cbor:",toarray"`
	Uptime     uint64
	Wall       int64
	Backlog    uint64 // records not yet received by the hub
	Bytes      uint64 // bytes of those
	Oldest     int64  // wall clock of the oldest of those, microseconds; 0 for none
	Readings   []Reading
	Conditions []Condition
}

// Goodbye ends a session, from either side.
type Goodbye struct {
	_          struct{} `cbor:",toarray"`
	Code       Code
	RetryAfter uint32 // seconds; 0 leaves it to the kiosk
	Detail     string // for operators, in English; never a resident's words
}

func (Hello) frame() FrameType    { return FrameHello }
func (Welcome) frame() FrameType  { return FrameWelcome }
func (Batch) frame() FrameType    { return FrameBatch }
func (Ack) frame() FrameType      { return FrameAck }
func (Chunk) frame() FrameType    { return FrameChunk }
func (ChunkAck) frame() FrameType { return FrameChunkAck }
func (Bulletin) frame() FrameType { return FrameBulletin }
func (Vitals) frame() FrameType   { return FrameVitals }
func (Goodbye) frame() FrameType  { return FrameGoodbye }
