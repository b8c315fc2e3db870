package wire

import "nghe/shared/feedback"

// Kind numbers the shapes of records. Append only: a changed shape is a new
// number, and every number is readable for ever.
type Kind uint8

const (
	KindBoot          Kind = 1 // the agent opened its journal; first record after every start
	KindClock         Kind = 2 // a wall-clock reading, a step, or a reading against the hub
	KindAnswer        Kind = 3 // one answer to one question
	KindReplaces      Kind = 4 // an answer that takes the place of an earlier one, within seconds
	KindCaseReply     Kind = 5 // a resident confirms or reopens a case
	KindRightsRequest Kind = 6 // a resident asks to see, correct or delete their data
	KindSelfTest      Kind = 7 // what the machine found when it tested itself
	KindJournalFork   Kind = 8 // this journal branched from another, and why
	KindFlag          Kind = 9 // how an earlier answer was tapped, by the names of rules
)

// Record is one journal entry, one of the types below.
type Record interface{ kind() Kind }

// Boot opens a run of the agent. Every Uptime in the records after it counts
// from this moment.
type Boot struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Nonce   [16]byte // random: two boots are never the same record
	Wall    int64    // microseconds since 1970 UTC, as the machine believed; evidence, not truth
	Place   string   // feedback.Place.ID this kiosk stands in
	Program string   // version of the agent
}

// ClockCause says what made a Clock record.
type ClockCause uint8

const (
	ClockReading ClockCause = 1 // routine
	ClockStepped ClockCause = 2 // wall and monotonic time moved apart by more than a second
	ClockHub     ClockCause = 3 // measured against the hub: Hub and Width are set
)

// Clock is a reading of the machine's clocks at one moment.
type Clock struct {
	_      struct{} `cbor:",toarray"`
	Kind   Kind
	Uptime uint64 // microseconds since the boot record
	Wall   int64  // microseconds since 1970 UTC
	Cause  ClockCause
	Hub    int64  // hub's clock at Uptime, microseconds since 1970 UTC; the true reading lies in [Hub, Hub+Width]
	Width  uint64 // microseconds: the round trip in which Hub was learned
}

// Attachment names a sealed blob by the hash of its sealed bytes.
type Attachment struct {
	_      struct{} `cbor:",toarray"`
	Kind   feedback.AttachmentKind
	Reader feedback.Reader
	Hash   [32]byte // SHA-256
	Size   uint64   // bytes, sealed
}

// Consent is the proof that a resident agreed to one purpose: the hash of the
// exact text that was on the screen. (Law 91/2025/QH15 art. 9, Decree
// 356/2025 art. 6.)
type Consent struct {
	_       struct{} `cbor:",toarray"`
	Purpose string
	Text    [32]byte // SHA-256 of the text shown
}

// Answer is one answer to one question.
type Answer struct {
	_             struct{} `cbor:",toarray"`
	Kind          Kind
	Uptime        uint64 // microseconds since the boot record; 0 when only Day is told
	Day           uint32 // days since 1970-01-01 local, only for named messages; else 0
	Questionnaire string
	Version       uint32
	Question      string
	Language      string
	Score         uint8    // 1 (worst) … 5 (best) for satisfaction; else 0
	Skipped       bool     // the resident chose not to answer
	Choices       []string // option ids
	Attachments   []Attachment
	Receipt       []byte // tag of the receipt code, or empty
	Consents      []Consent
}

// Replaces is an Answer that takes the place of the record named Earlier.
type Replaces struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Earlier RecordID
	Answer  Answer
}

// CaseReply is a resident's word on how a case was handled.
type CaseReply struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Uptime  uint64
	Receipt []byte // tag of the receipt code
	Case    uint64 // version of the case state the resident saw
	Reopen  bool   // else: confirms
	Score   uint8  // 1…5 satisfaction with the reply, 0 when not given
	MAC     [32]byte
}

// RightsRequest asks for a data subject's right by receipt code.
type RightsRequest struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Uptime  uint64
	Receipt []byte
	Right   string // "see", "correct", "delete", "withdraw"
	MAC     [32]byte
}

// SelfTest is the outcome of one check of the machine by itself.
type SelfTest struct {
	_      struct{} `cbor:",toarray"`
	Kind   Kind
	Uptime uint64
	Check  string
	Passed bool
	Value  int64
}

// ForkCause says why a kiosk began a new journal.
type ForkCause uint8

const (
	ForkAhead   ForkCause = 1 // the hub holds more of this journal than the kiosk: rolled back, or cloned
	ForkDiffers ForkCause = 2 // same length, other bytes: cloned, or rolled back and overtaken
	ForkBehind  ForkCause = 3 // the restored hub holds less than the kiosk still keeps
	ForkForeign ForkCause = 4 // the journal belongs to another device's certificate
)

// JournalFork is the first new record of a branch.
type JournalFork struct {
	_      struct{} `cbor:",toarray"`
	Kind   Kind
	Uptime uint64
	From   JournalID // the journal left behind
	Head   Point     // where this kiosk stood in it
	Hub    Point     // where the hub stood in it
	Cause  ForkCause
}

// Flag says that an earlier answer was tapped in a way that rules have names
// for, so that it can be counted apart. The answer itself stays as it is. Of
// several flags on one answer, all their rules hold.
type Flag struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Uptime  uint64
	Earlier RecordID // of the answer
	Rules   []string // names, 1 to MaxRules: feedback.Rule, or those of a newer program
}

func (Boot) kind() Kind          { return KindBoot }
func (Clock) kind() Kind         { return KindClock }
func (Answer) kind() Kind        { return KindAnswer }
func (Replaces) kind() Kind      { return KindReplaces }
func (CaseReply) kind() Kind     { return KindCaseReply }
func (RightsRequest) kind() Kind { return KindRightsRequest }
func (SelfTest) kind() Kind      { return KindSelfTest }
func (JournalFork) kind() Kind   { return KindJournalFork }
func (Flag) kind() Kind          { return KindFlag }

// KindOf is the number a record carries in its bytes.
func KindOf(r Record) Kind { return r.kind() }
