package ledger

import (
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// messageForm is the questionnaire whose choices are kind, subject and area.
const messageForm = "message"

// isMessage says whether an answer carries more than a choice.
func isMessage(r wire.Answer) bool { return len(r.Attachments) > 0 || len(r.Receipt) > 0 }

// messageRow is what a record says of a message, besides its blobs.
type messageRow struct {
	receipt       []byte
	kind, subject string
	reader        feedback.Reader
}

func messageOf(r wire.Answer) messageRow {
	m := messageRow{receipt: append([]byte{}, r.Receipt...)}
	if r.Questionnaire == messageForm {
		m.kind, m.subject, _ = feedback.ReadMessageChoices(r.Choices)
	}
	for _, at := range r.Attachments {
		m.reader = max(m.reader, at.Reader)
	}
	return m
}

// readMessage keeps what an answer names, unless another journal brought the
// same record before.
func (w *work) readMessage(a answer, r wire.Answer) error {
	m := messageOf(r)
	var number int64
	err := w.row("put message", a.number, a.id[:], m.receipt, m.kind, m.subject, int64(m.reader)).Scan(&number)
	if isNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("put message: %w", err)
	}
	for i, at := range r.Attachments {
		if err := w.exec("put blob", at.Hash[:], int64(at.Size), a.at); err != nil {
			return err
		}
		err := w.exec("put attachment", a.number, i, at.Hash[:], int64(at.Size), int64(at.Kind), int64(at.Reader))
		if err != nil {
			return err
		}
	}
	for i, c := range r.Consents {
		if err := w.exec("put consent", a.number, i, c.Purpose, c.Text[:]); err != nil {
			return err
		}
	}
	return nil
}

// messageTotals count what the segments say of messages, and of claims.
type messageTotals struct{ messages, attachments, consents, claims int }

// message compares a message with its record. Whether the bytes of its blobs
// are here, or were deleted, is nobody's fault: no record tells it.
func (c *auditedRecord) message(r wire.Answer) error {
	if !isMessage(r) {
		return nil
	}
	c.told.messages++
	c.told.attachments += len(r.Attachments)
	c.told.consents += len(r.Consents)
	id, want := identity(r, c.point), messageOf(r)
	var got messageRow
	var shown []byte
	err := c.row("audit message", c.number).Scan(&shown, &got.receipt, &got.kind, &got.subject, &got.reader)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("audit message: %w", err)
	}
	blobs, blobsErr := c.attachments()
	consents, consentsErr := c.consents()
	if err := errors.Join(blobsErr, consentsErr); err != nil {
		return err
	}
	said := fmt.Sprint(id[:], want, r.Attachments, r.Consents)
	if err != nil || fmt.Sprint(shown, got, blobs, consents) != said {
		c.problem(c.point.Seq, "message is not shown as its record gives it: run hub rebuild")
	}
	return nil
}

func (c *auditedRecord) attachments() ([]wire.Attachment, error) {
	var all []wire.Attachment
	err := c.each("audit attachments", func(rows *sql.Rows) error {
		var at wire.Attachment
		var hash []byte
		var position int
		err := rows.Scan(&position, &hash, &at.Size, &at.Kind, &at.Reader)
		if position == len(all) {
			copy(at.Hash[:], hash)
		}
		all = append(all, at)
		return err
	}, c.number)
	return all, err
}

func (a *auditor) checkMessages() error {
	var messages, attachments, consents, nowhere, nameless int
	if err := a.row("audit messages").Scan(&messages, &attachments, &consents, &nowhere, &nameless); err != nil {
		return fmt.Errorf("audit messages: %w", err)
	}
	for _, t := range []struct {
		what      string
		want, got int
	}{
		{"messages", a.told.messages, messages},
		{"blobs named", a.told.attachments, attachments},
		{"consents", a.told.consents, consents},
		{"blobs that no table keeps", 0, nowhere},
		{"blobs kept as no message names them", 0, nameless},
	} {
		if t.want != t.got {
			a.problem(0, "%s: the segments say %d, the tables %d: run hub rebuild", t.what, t.want, t.got)
		}
	}
	return nil
}

var (
	// ErrNoMessage says that no record of this id is a message.
	ErrNoMessage = errors.New("no message of this id is held")
	// ErrNoBlob says that no record held here names this blob.
	ErrNoBlob = errors.New("no record held here names this blob")
	// ErrDeleted says that a blob was deleted and must not come back.
	ErrDeleted = errors.New("this blob was deleted")
)
