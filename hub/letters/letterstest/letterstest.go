// Package letterstest is a resident at a kiosk, for tests of what the hub does
// with messages: it seals as the kiosk does and delivers as intake does.
//
// It promises that what it delivers is what a kiosk could have made, and keeps
// nothing.
package letterstest

import (
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// Kiosk is one journal, timed against the hub.
type Kiosk struct {
	Device string
	Place  string

	t       testing.TB
	ledger  *ledger.Ledger
	sign    func(statement []byte) []byte
	journal wire.JournalID
	head    wire.Point
	began   time.Time
}

// NewKiosk begins a journal at a place, and has the ledger know when. Its
// batches carry no signature.
func NewKiosk(t testing.TB, l *ledger.Ledger, device, place string, began time.Time) *Kiosk {
	t.Helper()
	return NewSigning(t, l, device, place, began, func([]byte) []byte { return nil })
}

// NewSigning is NewKiosk of a device that signs.
func NewSigning(t testing.TB, l *ledger.Ledger, device, place string, began time.Time, sign func(statement []byte) []byte) *Kiosk {
	t.Helper()
	name := sha256.Sum256([]byte(device + place + began.String()))
	k := &Kiosk{Device: device, Place: place, t: t, ledger: l, sign: sign, journal: wire.JournalID(name[:16]), began: began}
	k.head = wire.At(0, k.journal.Genesis())
	k.Deliver(began,
		wire.Boot{Nonce: [16]byte(name[16:]), Wall: began.UnixMicro(), Place: place, Program: "test"},
		wire.Clock{Uptime: 1, Wall: began.UnixMicro(), Cause: wire.ClockHub, Hub: began.UnixMicro(), Width: 1000})
	return k
}

// Deliver appends records as they arrive at a moment, and returns the id of the
// last.
func (k *Kiosk) Deliver(at time.Time, records ...wire.Record) wire.RecordID {
	k.t.Helper()
	var raw [][]byte
	for _, r := range records {
		b, err := wire.EncodeRecord(r)
		if err != nil {
			k.t.Fatal(err)
		}
		raw = append(raw, b)
	}
	batch, end, err := wire.Pack(k.journal, k.head, raw)
	if err != nil {
		k.t.Fatal(err)
	}
	raw, points, err := batch.Records()
	if err != nil {
		k.t.Fatal(err)
	}
	batch.Signature = k.sign(wire.BatchStatement(k.journal, end))
	out, err := k.ledger.Append(k.t.Context(), []ledger.Delivery{{Device: k.Device, Batch: batch, Records: raw, Points: points, At: at}})
	if err != nil || !out[0].Fits {
		k.t.Fatalf("append: %+v, %v", out, err)
	}
	k.head = end
	return end.Chain.ID()
}

// Contact is what a resident leaves to be answered.
type Contact struct {
	Name    string `json:"name,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Address string `json:"address,omitempty"`
}

// Message is what a resident sends. What is empty was not given.
type Message struct {
	Kind, Subject string
	Area          string // where the matter is
	Words         string
	Contact       Contact
	Voice, Photo  []byte
	VoiceType     string   // media type; empty: audio/webm
	PhotoType     string   // media type; empty: image/jpeg
	To            []string // age recipients
	Named         bool     // they are officers: padded, and only the day is told
	Code          seal.Code
	// Promise is the version of the texts agreed to, words' as well; 0: the
	// newest, and words without a consent, as the kiosk's page sends them;
	// Unheard: texts no hub knows.
	Promise int
}

// Unheard is a promise of a program later than this one.
const Unheard = -1

// Ward is where the texts were read.
const Ward = "Phường Quảng Tiến"

// Part is one sealed blob of a message.
type Part struct {
	blob.Ref
	Kind   feedback.AttachmentKind
	Sealed []byte
}

// Sent is a message whose record the ledger holds; its parts are still to come.
type Sent struct {
	ID    wire.RecordID
	Tag   [16]byte
	Parts []Part

	k *Kiosk
}

// Send seals a message and delivers its record.
func (k *Kiosk) Send(at time.Time, m Message) Sent {
	k.t.Helper()
	if m.Code == "" {
		m.Code = seal.NewCode()
	}
	receipt := m.Code.Receipt()
	s := Sent{Tag: receipt.Tag, k: k}
	a := wire.Answer{Uptime: uint64(at.Sub(k.began).Microseconds()), Questionnaire: "message", Version: 1, Question: "message",
		Language: "vi", Choices: feedback.MessageChoices(m.Kind, m.Subject, m.Area), Receipt: receipt.Tag[:]}
	reader := feedback.ReaderCases
	if m.Named {
		reader = feedback.ReaderNamed
		a.Uptime, a.Day = 0, uint32((at.Unix()+7*3600)/86400)
	}
	for _, l := range m.letters(receipt) {
		sealed, err := seal.Seal(l, m.To, m.Named)
		if err != nil {
			k.t.Fatal(err)
		}
		p := Part{Ref: blob.Of(sealed), Kind: feedback.AttachmentKind(l.Kind), Sealed: sealed}
		s.Parts = append(s.Parts, p)
		a.Attachments = append(a.Attachments, wire.Attachment{Kind: p.Kind, Reader: reader, Hash: p.Hash, Size: p.Size})
		if p.Kind != feedback.AttachedWords || m.Promise != 0 {
			a.Consents = append(a.Consents, wire.Consent{Purpose: p.Kind.Purpose(), Text: sha256.Sum256([]byte(m.consent(p.Kind.Purpose())))})
		}
	}
	if s.ID = k.Deliver(at, a); m.Named {
		s.ID = wire.RecordID(a.Attachments[0].Hash[:len(s.ID)]) // the ledger knows it by what was sealed
	}
	return s
}

// consent is the text that was on the screen.
func (m Message) consent(purpose string) string {
	all := feedback.Promises()
	if m.Promise == Unheard {
		return "Một văn bản chưa ai biết: " + purpose
	}
	promise := all[len(all)-1]
	if m.Promise > 0 {
		promise = all[m.Promise-1]
	}
	part, _ := promise.Part(purpose)
	return part.In(Ward)[feedback.Vietnamese]
}

func (m Message) letters(receipt seal.Receipt) (all []seal.Letter) {
	add := func(kind feedback.AttachmentKind, media string, body []byte) {
		all = append(all, seal.Letter{Kind: uint8(kind), Type: media, Receipt: receipt.Key[:], Body: body})
	}
	if m.Words != "" {
		add(feedback.AttachedWords, "text/plain; charset=utf-8", []byte(m.Words))
	}
	if m.Contact != (Contact{}) {
		text, _ := json.Marshal(m.Contact) // three strings
		add(feedback.AttachedContact, "application/json", text)
	}
	if m.Voice != nil {
		add(feedback.AttachedVoice, or(m.VoiceType, "audio/webm"), m.Voice)
	}
	if m.Photo != nil {
		add(feedback.AttachedPhoto, or(m.PhotoType, "image/jpeg"), m.Photo)
	}
	return all
}

func or(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// Part finds the part of a kind.
func (s Sent) Part(kind feedback.AttachmentKind) Part {
	for _, p := range s.Parts {
		if p.Kind == kind {
			return p
		}
	}
	s.k.t.Fatalf("the message has no part of kind %d", kind)
	return Part{}
}

// Arrive has parts come whole to the spool, all of them when none is named.
func (s Sent) Arrive(spool *archive.Spool, at time.Time, kinds ...feedback.AttachmentKind) Sent {
	s.k.t.Helper()
	parts := s.Parts
	if len(kinds) > 0 {
		parts = nil
		for _, kind := range kinds {
			parts = append(parts, s.Part(kind))
		}
	}
	for _, p := range parts {
		for offset := uint64(0); offset < p.Size; {
			now, _, err := spool.Append(p.Ref, offset, p.Sealed[offset:min(offset+blob.ChunkSize, p.Size)])
			if err != nil {
				s.k.t.Fatal(err)
			}
			offset = now
		}
		if err := s.k.ledger.BlobStored(s.k.t.Context(), p.Hash, at); err != nil {
			s.k.t.Fatal(err)
		}
	}
	return s
}
