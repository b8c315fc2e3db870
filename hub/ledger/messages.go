package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// MessageState says whether all that a message names can be read here.
type MessageState string

const (
	MessageWhole      MessageState = "whole"      // every blob it names is here
	MessageIncomplete MessageState = "incomplete" // one is still to come
	MessageDeleted    MessageState = "deleted"    // nothing is to come, and one was deleted
)

// MessageFilter says which messages are meant. The zero one means all.
type MessageFilter struct {
	Kind    string          // option id
	Subject string          // option id
	Place   string          // feedback.Place.ID
	Reader  feedback.Reader // 0: any
	State   MessageState    // empty: any
	From    time.Time       // first moment; zero for the beginning
	Until   time.Time       // first moment no longer meant; zero for no end
	Before  int64           // Message.Number; 0: from the newest
	Limit   int             // 0: 100
}

// Message is what is known of a message without opening it. Times are
// microseconds since 1970 UTC.
type Message struct {
	Number        int64 // grows with arrival
	ID            wire.RecordID
	Receipt       []byte // tag, or empty
	Kind          string // option ids, empty outside the message form
	Subject       string
	Area          string          // feedback.Area.ID the matter is in, or empty
	Reader        feedback.Reader // to whom its blobs are sealed; named when any is, 0 without blobs
	Device        string
	Journal       wire.JournalID
	Seq           uint64
	Place         string
	Questionnaire string
	Question      string
	Language      string
	TakenAt       int64 // it was given in [TakenAt, TakenAt+TakenWidth]
	TakenWidth    int64
	ReceivedAt    int64
	DayOnly       bool // times are whole days of the ward: nothing else may be shown
	Replaced      bool
	Blobs         []Blob
	Consents      []wire.Consent // only from Message
}

// Blob is what is known of a sealed blob: who named it, and what became of its
// bytes. Times are microseconds since 1970 UTC, 0 for not yet.
type Blob struct {
	blob.Ref
	Kind     feedback.AttachmentKind
	Reader   feedback.Reader
	Record   wire.RecordID // that names it
	Receipt  []byte        // tag of that message
	Device   string
	Named    int64 // its record arrived
	Stored   int64 // whole and verified here
	Archived int64 // read back from storage off the hub's disk
	Deleted  int64
	Holder   string // hub on whose disk it is stored; empty: there is only one

	number, position int64
	differs          bool // another record names these bytes by another size
}

// Here says whether its bytes can be read.
func (b Blob) Here() bool { return b.Stored > 0 && b.Deleted == 0 && !b.differs }

// State of the message: incomplete is never taken for whole.
func (m Message) State() MessageState {
	state := MessageWhole
	for _, b := range m.Blobs {
		if b.Deleted > 0 {
			state = MessageDeleted
		} else if !b.Here() {
			return MessageIncomplete
		}
	}
	return state
}

const messagesPage = 100

// Messages lists what f means, the last to arrive first.
func (l *Ledger) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	from, until := Filter{From: f.From, Until: f.Until}.bounds()
	return l.messages(ctx, "list messages", cmp.Or(f.Before, math.MaxInt64), f.Kind, f.Subject, int64(f.Reader),
		f.Place, from, until, string(f.State), cmp.Or(f.Limit, messagesPage))
}

// MessagesOf lists the messages under a receipt's tag, in the order they came.
func (l *Ledger) MessagesOf(ctx context.Context, receipt []byte) ([]Message, error) {
	return l.messages(ctx, "messages of receipt", receipt)
}

// Message finds one by the id of its record, or says ErrNoMessage.
func (l *Ledger) Message(ctx context.Context, id wire.RecordID) (Message, error) {
	found, err := l.messages(ctx, "message by id", id[:])
	if err != nil {
		return Message{}, err
	}
	if len(found) == 0 {
		return Message{}, ErrNoMessage
	}
	m := found[0]
	err = l.each(ctx, "consents of message", func(rows *sql.Rows) error {
		var c wire.Consent
		var text []byte
		err := rows.Scan(&c.Purpose, &text)
		copy(c.Text[:], text)
		m.Consents = append(m.Consents, c)
		return err
	}, m.Number)
	return m, err
}

func (l *Ledger) messages(ctx context.Context, query string, args ...any) ([]Message, error) {
	var all []Message
	err := l.each(ctx, query, func(rows *sql.Rows) error {
		m, err := scanMessage(rows)
		all = append(all, m)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Blobs, err = l.blobs(ctx, "blobs of message", all[i].Number); err != nil {
			return nil, err
		}
		if all[i].DayOnly {
			all[i].hideTimes()
		}
	}
	return all, nil
}

func scanMessage(rows *sql.Rows) (Message, error) {
	var m Message
	var id, journal []byte
	var state int64
	var choices string
	err := rows.Scan(&m.Number, &id, &m.Receipt, &m.Kind, &m.Subject, &m.Reader, &m.Device, &journal, &m.Seq, &m.Place,
		&m.Questionnaire, &m.Question, &m.Language, &m.TakenAt, &m.TakenWidth, &m.ReceivedAt, &state, &choices)
	if err != nil {
		return Message{}, err
	}
	if len(id) != len(m.ID) || len(journal) != len(m.Journal) {
		return Message{}, fmt.Errorf("damaged row: message %d", m.Number)
	}
	m.ID, m.Journal = wire.RecordID(id), wire.JournalID(journal)
	m.Replaced = state&stateReplaced != 0
	m.DayOnly = state&stateDay != 0 || m.Reader == feedback.ReaderNamed
	if m.Questionnaire == messageForm {
		var said []string
		said, err = split(choices)
		_, _, m.Area = feedback.ReadMessageChoices(said)
	}
	return m, err
}

// hideTimes leaves of every moment its day in the ward, also where a record
// told more than it should have.
func (m *Message) hideTimes() {
	m.TakenAt, m.TakenWidth = dayOf(m.TakenAt), day
	for _, at := range []*int64{&m.ReceivedAt} {
		*at = dayOf(*at)
	}
	for i := range m.Blobs {
		b := &m.Blobs[i]
		for _, at := range []*int64{&b.Named, &b.Stored, &b.Archived} {
			if *at > 0 {
				*at = dayOf(*at)
			}
		}
	}
}

// dayOf is the first moment of a moment's day, UTC+7.
func dayOf(t int64) int64 {
	into := (t + 7*hour) % day
	if into < 0 {
		into += day
	}
	return t - into
}

func (l *Ledger) blobs(ctx context.Context, query string, args ...any) ([]Blob, error) {
	var all []Blob
	err := l.each(ctx, query, func(rows *sql.Rows) error {
		b, err := scanBlob(rows)
		all = append(all, b)
		return err
	}, args...)
	return all, err
}

func scanBlob(rows *sql.Rows) (Blob, error) {
	var b Blob
	var hash, id []byte
	var size, received int64
	err := rows.Scan(&b.number, &b.position, &hash, &b.Size, &b.Kind, &b.Reader, &size, &b.Named, &b.Stored, &b.Archived,
		&b.Deleted, &id, &b.Receipt, &b.Device, &received, &b.Holder)
	if err != nil {
		return Blob{}, err
	}
	if len(hash) != len(b.Hash) || len(id) != len(b.Record) {
		return Blob{}, fmt.Errorf("damaged row: blob %d of message %d", b.position, b.number)
	}
	b.Hash, b.Record, b.differs = blob.Hash(hash), wire.RecordID(id), uint64(size) != b.Size
	return b, nil
}
