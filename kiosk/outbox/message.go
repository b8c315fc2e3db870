package outbox

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// holdMost is the longest a message to named officers waits before it enters
// the journal.
const holdMost = 24 * time.Hour

// Consent is the proof that a resident agreed to one purpose.
type Consent struct {
	Purpose string
	Text    [32]byte // SHA-256 of the text that was on the screen
}

// Message is what a resident said in words, voice or picture. What was said
// lies sealed in the spool; here are the names of those blobs.
type Message struct {
	Questionnaire string
	Version       int
	Question      string
	Language      feedback.Language
	Choices       []string
	Attachments   []feedback.Attachment // all for one reader
	Receipt       [16]byte              // tag of the receipt code
	Consents      []Consent

	// Content is a keyed hash of all that was asked. Sealing the same words
	// twice gives other bytes, so this is what makes two requests the same.
	Content [32]byte
}

// MessageReceipt is the proof that a message was kept. One that is Held has no
// number and no id yet.
type MessageReceipt struct {
	Receipt
	Held bool
}

// held says whether a message waits before it enters the journal.
func (m Message) held() bool { return m.Attachments[0].Reader == feedback.ReaderNamed }

func (m Message) check(request string) error {
	if n := utf8.RuneCountInString(request); n < 1 || n > maxRequest || !utf8.ValidString(request) {
		return &feedback.Invalid{Field: "request", Want: "1 to 64 characters"}
	}
	if len(m.Attachments) == 0 {
		return &feedback.Invalid{Field: "attachments", Want: "at least one"}
	}
	for _, a := range m.Attachments {
		if a.Reader != m.Attachments[0].Reader || a.Reader != feedback.ReaderCases && a.Reader != feedback.ReaderNamed {
			return &feedback.Invalid{Field: "attachments", Want: "all sealed to one reader, 1 (cases) or 2 (named)"}
		}
	}
	if m.Version < 0 || int64(m.Version) > math.MaxUint32 {
		return &feedback.Invalid{Field: "version", Want: "0 or more"}
	}
	return nil
}

// PutMessage keeps a message and returns once it is on the disk: only then may
// the resident be thanked. The blobs it names must be on the disk before.
//
// For request the rules of Put hold. A message to named officers is held back:
// it enters the journal at a moment drawn now from the next 24 hours of run
// time, and tells of its own time no more than the day.
func (o *Outbox) PutMessage(request string, m Message) (MessageReceipt, error) {
	if err := m.check(request); err != nil {
		return MessageReceipt{}, fmt.Errorf("keep message: %w", err)
	}
	var receipt MessageReceipt
	keep := func() error {
		return o.write(func(tx *sql.Tx) (err error) {
			receipt, err = o.putMessage(tx, request, m)
			return err
		})
	}
	if m.held() {
		keep = func() error {
			return o.count(func(tx *sql.Tx, ran int64) (err error) {
				receipt, err = o.hold(tx, request, m, ran)
				return err
			})
		}
	}
	if err := keep(); err != nil {
		return MessageReceipt{}, fmt.Errorf("keep message: %w", err)
	}
	if !receipt.Held && !receipt.Again {
		o.signal()
	}
	return receipt, nil
}

func (o *Outbox) putMessage(tx *sql.Tx, request string, m Message) (MessageReceipt, error) {
	if receipt, err := knownMessage(tx, request, m.Content); receipt.Again || err != nil {
		return receipt, err
	}
	a := m.onWire()
	a.Uptime = o.uptime()
	at, err := o.append(tx, a)
	if err != nil {
		return MessageReceipt{}, err
	}
	id := at.Chain.ID()
	_, err = tx.Exec(query("keep request"), sql.Named("id", request), sql.Named("body", m.Content[:]),
		sql.Named("seq", at.Seq), sql.Named("rid", id[:]), sql.Named("wall", o.wall()))
	if err == nil {
		err = nameBlobs(tx, m, nil)
	}
	return MessageReceipt{Receipt: Receipt{ID: id, Seq: at.Seq}}, err
}

// hold keeps a message with the moment it is due.
func (o *Outbox) hold(tx *sql.Tx, request string, m Message, ran int64) (MessageReceipt, error) {
	if receipt, err := knownMessage(tx, request, m.Content); receipt.Again || err != nil {
		return receipt, err
	}
	a := m.onWire()
	a.Day = o.today()
	bytes, err := wire.EncodeRecord(a)
	if err != nil {
		return MessageReceipt{}, err
	}
	var random [8]byte
	if _, err := io.ReadFull(o.cfg.Rand, random[:]); err != nil {
		return MessageReceipt{}, fmt.Errorf("draw a moment: %w", err)
	}
	wait := binary.LittleEndian.Uint64(random[:]) % uint64(holdMost.Microseconds())
	sum := sha256.Sum256(bytes)
	_, err = tx.Exec(query("hold"), sql.Named("request", request), sql.Named("body", m.Content[:]), sql.Named("day", a.Day),
		sql.Named("due", ran+int64(wait)), sql.Named("bytes", bytes), sql.Named("sum", sum[:]))
	if err == nil {
		err = nameBlobs(tx, m, request)
	}
	return MessageReceipt{Held: true}, err
}

func nameBlobs(tx *sql.Tx, m Message, heldBy any) error {
	for _, a := range m.Attachments {
		_, err := tx.Exec(query("name blob"), sql.Named("hash", a.Hash[:]), sql.Named("receipt", m.Receipt[:]), sql.Named("request", heldBy))
		if err != nil {
			return fmt.Errorf("name blob: %w", err)
		}
	}
	return nil
}

func (m Message) onWire() wire.Answer {
	a := wire.Answer{Questionnaire: m.Questionnaire, Version: uint32(m.Version), Question: m.Question,
		Language: string(m.Language), Choices: append([]string{}, m.Choices...), Attachments: []wire.Attachment{},
		Receipt: m.Receipt[:], Consents: []wire.Consent{}}
	for _, f := range m.Attachments {
		a.Attachments = append(a.Attachments, wire.Attachment{Kind: f.Kind, Reader: f.Reader, Hash: f.Hash, Size: f.Size})
	}
	for _, c := range m.Consents {
		a.Consents = append(a.Consents, wire.Consent{Purpose: c.Purpose, Text: c.Text})
	}
	return a
}

// Message finds the receipt of a request that was kept before: known is false
// where there is none. Of another content, it is ErrConflict.
func (o *Outbox) Message(request string, content [32]byte) (r MessageReceipt, known bool, err error) {
	r, err = knownMessage(o.db.Read(), request, content)
	if err != nil {
		return MessageReceipt{}, false, fmt.Errorf("find message: %w", err)
	}
	return r, r.Again, nil
}

func knownMessage(q queryer, request string, content [32]byte) (MessageReceipt, error) {
	r, err := known(q, draft{request: request, body: content})
	if r.Again || err != nil {
		return MessageReceipt{Receipt: r}, err
	}
	held, err := heldBefore(q, request, content)
	return MessageReceipt{Receipt: Receipt{Again: held}, Held: held}, err
}

// heldBefore says whether that request is a message that is, or was, held back.
func heldBefore(q queryer, request string, content [32]byte) (bool, error) {
	var body [sha256.Size]byte
	err := q.QueryRow(query("find held"), sql.Named("request", request)).Scan(exactly(body[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case body != content:
		return false, ErrConflict
	}
	return true, nil
}

// today is the day on the wall, in the kiosk's own time zone.
func (o *Outbox) today() uint32 {
	y, m, d := o.cfg.Now().Date()
	return uint32(max(1, time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400))
}
