package outbox

import (
	"database/sql"
	"fmt"
	"math"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

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
	if err := checkRequest(request); err != nil {
		return err
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
// it enters the journal at a moment drawn now from 24 hours of run time after
// its day is over, and tells of its own time no more than the day.
func (o *Outbox) PutMessage(request string, m Message) (MessageReceipt, error) {
	if err := m.check(request); err != nil {
		return MessageReceipt{}, fmt.Errorf("keep message: %w", err)
	}
	var receipt MessageReceipt
	var err error
	if m.held() {
		receipt, err = o.hold(request, m)
	} else {
		err = o.write(func(tx *sql.Tx) (err error) {
			receipt, err = o.putMessage(tx, request, m)
			return err
		})
	}
	if err != nil {
		return MessageReceipt{}, fmt.Errorf("keep message: %w", err)
	}
	if !receipt.Held && !receipt.Again {
		o.signal()
	}
	return receipt, nil
}

func (o *Outbox) putMessage(tx *sql.Tx, request string, m Message) (MessageReceipt, error) {
	a := m.onWire()
	a.Uptime = o.uptime()
	receipt, err := o.putRecord(tx, request, m.Content, a, false)
	if receipt.Again || err != nil {
		return receipt, err
	}
	return receipt, nameBlobs(tx, "name blob", m)
}

func nameBlobs(tx *sql.Tx, how string, m Message, more ...any) error {
	for _, a := range m.Attachments {
		_, err := tx.Exec(query(how), append(more, sql.Named("hash", a.Hash[:]), sql.Named("receipt", m.Receipt[:]))...)
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
	r, err = o.knownMessage(o.db.Read(), request, content)
	if err != nil {
		return MessageReceipt{}, false, fmt.Errorf("find message: %w", err)
	}
	return r, r.Again, nil
}

func (o *Outbox) knownMessage(q queryer, request string, content [32]byte) (MessageReceipt, error) {
	r, err := known(q, draft{request: request, body: content})
	if r.Again || err != nil {
		return MessageReceipt{Receipt: r}, err
	}
	held, err := o.heldBefore(q, request, content)
	return MessageReceipt{Receipt: Receipt{Again: held}, Held: held}, err
}
