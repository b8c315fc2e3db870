package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"nghe/shared/feedback"
)

// BulletinBody is what one Bulletin frame tells a kiosk: what changed after
// Since, up to the version the frame names. Each frame is whole by itself and
// applied whole; a kiosk that is far behind gets several, each with a version
// of its own, and goes on after a cut where it stopped.
type BulletinBody struct {
	_       struct{}   `cbor:",toarray"`
	Since   uint64     // the kiosk must hold this version or a later one
	Forget  uint64     // what came by a version up to this, and has not come again, is gone
	Sheet   []Sheet    // one, when it changed; replaces the one before
	States  []byte     // StateEntry octets for each case: tag, bare box
	Boxes   []CaseBox  // of cases that carry a note
	Gone    [][16]byte // tags that have no box any more
	Revoked []string   // devices that are trusted no longer
	Deleted []Deletion

	// Clips are what the ward recorded to be read aloud. Only session version 2
	// knows them: they stand behind the rest, in a layout of their own.
	Clips []ClipPart `cbor:"-"`
}

// ClipPart is a piece of a recording, filed by the name of the text it speaks
// (package clip) and its place in the recording. Pieces join when all of one Sum
// are there.
type ClipPart struct {
	_      struct{} `cbor:",toarray"`
	Name   string
	Part   uint16   // its place, from 0
	Parts  uint16   // of the recording; 0: nothing is at this place any more
	Sum    [32]byte // SHA-256 of the whole recording
	Octets []byte
}

// Sheet is the part of a bulletin that is always sent whole.
type Sheet struct {
	_              struct{} `cbor:",toarray"`
	Questionnaires [][]byte // each a feedback.Questionnaire as JSON
	Notices        [][]byte // each a feedback.Notice as JSON; the last may be {"facts": feedback.Facts}
	Texts          []byte   // feedback.Texts as JSON; empty for none
	Orders         []Order
	Cases          string // age recipient of the hub's cases identity
	Named          []Recipient
}

// OrderKind says what a kiosk is to do.
type OrderKind uint8

const (
	OrderPause   OrderKind = 1 // show that the kiosk is out of service, take no answers
	OrderSyncNow OrderKind = 2 // dial now
)

// Order is one instruction to kiosks. It ends by itself: a hub that is gone
// must not hold a kiosk for ever.
type Order struct {
	_      struct{} `cbor:",toarray"`
	ID     string
	Kind   OrderKind
	Device string // empty: every kiosk
	Issued int64  // hub's clock, microseconds since 1970 UTC
	Until  int64
}

// Recipient is an officer to whom messages may be sealed.
type Recipient struct {
	_    struct{} `cbor:",toarray"`
	Name string   // shown to the resident
	Key  string   // age recipient
}

// CaseBox is a case state only a receipt opens, filed by the receipt's tag.
type CaseBox struct {
	_   struct{} `cbor:",toarray"`
	Tag [16]byte
	Box []byte
}

// DeletionKind says what was deleted by law.
type DeletionKind uint8

const (
	DeletedBlob    DeletionKind = 1 // Name is the SHA-256 of the sealed octets
	DeletedReceipt DeletionKind = 2 // Name is the receipt's tag
)

// Deletion names what a kiosk must not hold any more.
type Deletion struct {
	_    struct{} `cbor:",toarray"`
	Kind DeletionKind
	Name []byte
}

// StateEntry is the length of one case in BulletinBody.States; BareBox that of
// its box.
const (
	StateEntry = 16 + BareBox
	BareBox    = 24
)

// versionBits is how many numbers one restore epoch has.
const versionBits = 28

// BulletinVersion joins a restore epoch and a number within it, so that versions
// never fall back, whatever copy a hub was restored from. Zero is no version.
func BulletinVersion(epoch, number uint64) (uint64, error) {
	if number >= 1<<versionBits || epoch > MaxNumber>>versionBits {
		return 0, Errorf(CodeTooLarge, "bulletin %d of restore epoch %d: no version is left", number, epoch)
	}
	return epoch<<versionBits | number, nil
}

// BulletinBase is the version before the first of the epoch that version
// belongs to.
func BulletinBase(version uint64) uint64 { return version >> versionBits << versionBits }

// BulletinStatement is what the hub's custody key signs.
func BulletinStatement(version uint64, body []byte) []byte {
	sum := sha256.Sum256(body)
	b := binary.BigEndian.AppendUint64([]byte("nghe bulletin 1\x00"), version)
	return append(b, sum[:]...)
}

// The first octet of a bulletin's body; the rest is one column (PROTOCOL.md,
// 5.1) of CBOR, or two. Append only.
const (
	layoutPacked = 1
	layoutClips  = 2 // the second column is an array of ClipPart, not empty
)

// listing is decoding for a body: its lists are longer than a record's.
var listing = must(cbor.DecOptions{
	MaxNestedLevels: maxDepth, MaxArrayElements: MaxListed, MaxMapPairs: 16,
	IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	DupMapKey: cbor.DupMapKeyEnforcedAPF, UTF8: cbor.UTF8RejectInvalid,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
}.DecMode())

// EncodeBulletin makes the Body of a Bulletin frame. It refuses what
// DecodeBulletin would refuse.
func EncodeBulletin(b BulletinBody) ([]byte, error) {
	if err := checkBulletin(b); err != nil {
		return nil, err
	}
	raw, err := encoding.Marshal(b)
	if err != nil {
		return nil, Errorf(CodeMalformed, "bulletin: %v", err)
	}
	if len(raw) > MaxBulletin {
		return nil, Errorf(CodeTooLarge, "bulletin of %d bytes, limit %d", len(raw), MaxBulletin)
	}
	body, err := appendClips(appendColumn([]byte{layoutPacked}, raw), b.Clips)
	if err != nil {
		return nil, err
	}
	if len(body) > MaxFrame-MaxSignature-32 {
		return nil, Errorf(CodeTooLarge, "bulletin of %d bytes once packed does not fit a frame", len(body))
	}
	return body, nil
}

// appendClips makes a body one of layout 2, where there is anything to add.
func appendClips(body []byte, clips []ClipPart) ([]byte, error) {
	if len(clips) == 0 {
		return body, nil
	}
	raw, err := encoding.Marshal(clips)
	if err != nil {
		return nil, Errorf(CodeMalformed, "clips of a bulletin: %v", err)
	}
	body[0] = layoutClips
	return appendColumn(body, raw), nil
}

// DecodeBulletin reads the Body of a Bulletin frame whose signature was
// verified, and checks every length all the same.
func DecodeBulletin(body []byte) (b BulletinBody, err error) {
	if len(body) == 0 || body[0] != layoutPacked && body[0] != layoutClips {
		return b, Errorf(CodeVersion, "bulletin in a layout not known to this program")
	}
	rest, err := takeListing(body[1:], &b)
	if err == nil && body[0] == layoutClips {
		if rest, err = takeListing(rest, &b.Clips); err == nil && len(b.Clips) == 0 {
			err = Errorf(CodeMalformed, "bulletin of layout %d without clips", layoutClips)
		}
	}
	if err != nil {
		return BulletinBody{}, err
	}
	if len(rest) != 0 {
		return BulletinBody{}, Errorf(CodeMalformed, "bulletin goes on for %d bytes", len(rest))
	}
	return b, checkBulletin(b)
}

// takeListing reads one column of canonical CBOR.
func takeListing(body []byte, into any) (rest []byte, err error) {
	raw, rest, err := takeColumn(body, MaxBulletin)
	if err != nil {
		return nil, err
	}
	if err := listing.Unmarshal(raw, into); err != nil {
		return nil, Errorf(CodeMalformed, "bulletin: %v", err)
	}
	again, err := encoding.Marshal(into)
	if err != nil || !bytes.Equal(again, raw) {
		return nil, Errorf(CodeMalformed, "bulletin is not in its canonical encoding")
	}
	return rest, nil
}

func checkBulletin(b BulletinBody) error {
	var c checks
	c.number("version", b.Since, b.Forget)
	c.most("list of sheets", len(b.Sheet), 1)
	for _, s := range b.Sheet {
		c.sheet(s)
	}
	if len(b.States)%StateEntry != 0 {
		c.fail(CodeMalformed, "case states of %d bytes are not whole", len(b.States))
	}
	c.most("list of boxes", len(b.Boxes), MaxListed)
	for _, box := range b.Boxes {
		c.most("case box", len(box.Box), MaxCaseBox)
	}
	c.most("list of tags", len(b.Gone), MaxListed)
	c.most("list of devices", len(b.Revoked), MaxListed)
	for _, id := range b.Revoked {
		c.name("device", id)
	}
	c.most("list of deletions", len(b.Deleted), MaxListed)
	for _, d := range b.Deleted {
		c.most("deleted name", len(d.Name), MaxReceipt)
	}
	c.most("list of clips", len(b.Clips), MaxListed)
	for _, p := range b.Clips {
		c.name("clip", p.Name)
		c.most("part of a clip", len(p.Octets), MaxClipPart)
		if p.Parts == 0 && len(p.Octets) > 0 || p.Parts > 0 && (p.Part >= p.Parts || len(p.Octets) == 0) {
			c.fail(CodeMalformed, "clip has %d octets at place %d of %d", len(p.Octets), p.Part, p.Parts)
		}
	}
	return c.done()
}

func (c *checks) sheet(s Sheet) {
	c.most("list of questionnaires", len(s.Questionnaires), MaxListed)
	c.most("list of notices", len(s.Notices), MaxListed)
	c.most("list of orders", len(s.Orders), maxElements)
	for _, o := range s.Orders {
		c.name("order", o.ID)
		c.name("device", o.Device)
		c.moment("order", o.Issued, o.Until)
	}
	c.text("recipient", s.Cases, MaxRecipient)
	c.most("list of recipients", len(s.Named), maxElements)
	for _, r := range s.Named {
		c.name("recipient", r.Name)
		c.text("recipient", r.Key, MaxRecipient)
	}
}

// CaseNews is what a case box holds.
type CaseNews struct {
	State   feedback.CaseState
	Version uint16 // of the case; a reply names the one it saw
	Updated int64  // microseconds since 1970 UTC; boxes keep whole minutes
	Note    string // the ward's words, often none
}

const (
	newsHead = 7
	minute   = 60_000_000
)

// EncodeCaseNews: state in one octet, version in two, minutes since 1970 in
// four, big-endian, then the note.
func EncodeCaseNews(n CaseNews) ([]byte, error) {
	if len(n.Note) > MaxNote || !utf8.ValidString(n.Note) {
		return nil, Errorf(CodeTooLarge, "note of %d bytes, limit %d of UTF-8", len(n.Note), MaxNote)
	}
	if n.Updated < 0 || n.Updated/minute > 1<<32-1 {
		return nil, Errorf(CodeTooLarge, "case was updated at %d, which no box can say", n.Updated)
	}
	b := binary.BigEndian.AppendUint16([]byte{byte(n.State)}, n.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(n.Updated/minute))
	return append(b, n.Note...), nil
}

// DecodeCaseNews reads what EncodeCaseNews wrote.
func DecodeCaseNews(b []byte) (CaseNews, error) {
	if len(b) < newsHead || len(b) > newsHead+MaxNote || !utf8.Valid(b[newsHead:]) {
		return CaseNews{}, Errorf(CodeMalformed, "%d bytes are not a case's news", len(b))
	}
	return CaseNews{State: feedback.CaseState(b[0]), Version: binary.BigEndian.Uint16(b[1:]),
		Updated: int64(binary.BigEndian.Uint32(b[3:])) * minute, Note: string(b[newsHead:])}, nil
}

// AddBox files a box where it belongs.
func (b *BulletinBody) AddBox(tag [16]byte, box []byte) {
	if len(box) == BareBox {
		b.States = append(append(b.States, tag[:]...), box...)
		return
	}
	b.Boxes = append(b.Boxes, CaseBox{Tag: tag, Box: box})
}

// AllBoxes are the boxes of both lists.
func (b BulletinBody) AllBoxes() []CaseBox {
	all := slices.Clone(b.Boxes)
	for entry := range slices.Chunk(b.States, StateEntry) {
		all = append(all, CaseBox{Tag: [16]byte(entry[:16]), Box: entry[16:]})
	}
	return all
}
