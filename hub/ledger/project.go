package ledger

import (
	"encoding/json"
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// Bits of answers.state; they are stored, so append only.
const (
	stateReplaced  = 1  // a later answer took its place: not counted
	stateDay       = 2  // only the day is told
	stateBlobs     = 4  // names sealed blobs
	stateReplacing = 8  // took the place of an earlier one
	stateFlagged   = 16 // rules name how it was tapped: counted, and counted apart
)

// slots is how many numbers a segment gives its answers: more than
// wire.MaxBatchCount.
const slots = 1 << 15

// farthest bounds every time and duration, so that sums of a few stay sums:
// 2^53 µs are 285 years.
const farthest = 1 << 53

// entry is one record in its place.
type entry struct {
	j       *journal
	segment int64
	index   int
	at      int64 // received, microseconds
	point   wire.Point
}

func (e *entry) id() wire.RecordID { return e.point.Chain.ID() }

// unreadable says why a record is quarantined.
type unreadable struct{ reason string }

func (u *unreadable) Error() string { return u.reason }

// project reads the records of one new segment into what is shown of them.
func (w *work) project(j *journal, segment int64, records [][]byte, points []wire.Point, at int64) error {
	for i, raw := range records {
		e := &entry{j: j, segment: segment, index: i, at: at, point: points[i]}
		err := w.read(e, raw)
		if poison := (*unreadable)(nil); errors.As(err, &poison) {
			err = w.quarantine(e, raw, poison.reason)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", points[i].Seq, err)
		}
	}
	return nil
}

func (w *work) read(e *entry, raw []byte) error {
	record, err := w.l.decode(raw)
	if err != nil {
		return &unreadable{err.Error()}
	}
	switch r := record.(type) {
	case wire.Boot:
		return w.readBoot(e, r)
	case wire.Clock:
		return w.readClock(e, r)
	case wire.Answer:
		return w.readAnswer(e, r, nil)
	case wire.Replaces:
		return w.readAnswer(e, r.Answer, &r.Earlier)
	case wire.JournalFork:
		return w.readFork(e, r)
	case wire.Flag:
		return w.readFlag(e, r)
	}
	if c, is := claimOf(record, e.point); is {
		return w.readClaim(e, record, c)
	}
	return nil // known, and read by nobody here: the segment keeps it
}

func (w *work) quarantine(e *entry, raw []byte, reason string) error {
	id := e.id()
	err := w.exec("quarantine", id[:], e.j.number, int64(e.point.Seq), e.at, reason, raw)
	if err != nil {
		return err
	}
	return w.event(EventQuarantine, e.j.device, e.j.name, e.point.Seq, reason)
}

// answer is a row of answers, with what it takes to count it.
type answer struct {
	number int64
	id     wire.RecordID
	boot   *boot
	uptime int64
	reply  int64
	state  int64
	at     int64
}

func (w *work) readAnswer(e *entry, r wire.Answer, earlier *wire.RecordID) error {
	if why := unfit(r); why != "" {
		return &unreadable{why}
	}
	b, err := w.bootOf(e)
	if err != nil {
		return err
	}
	key, err := keyOfReply(r)
	if err != nil {
		return err
	}
	reply, err := w.replyNumber(key)
	if err != nil {
		return err
	}
	a := answer{number: e.segment*slots + int64(e.index), id: identity(r, e.point), boot: b, uptime: int64(r.Uptime), reply: reply, at: e.at}
	if r.Day > 0 {
		a.state, a.uptime = stateDay, int64(r.Day)
	}
	if len(r.Attachments) > 0 {
		a.state |= stateBlobs
	}
	if earlier != nil {
		a.state |= stateReplacing
		w.amending = append(w.amending, amendment{said{earlier: *earlier}, b})
	}
	w.answers = append(w.answers, a)
	if !isMessage(r) {
		return nil
	}
	return w.readMessage(a, r)
}

// identity is what an answer is counted and shown once by. A message that was
// held back enters the journal at a random place, and a kiosk's disk put back
// enters it again, at another: its sealed bytes, which are random too, say that
// it is the same.
func identity(r wire.Answer, p wire.Point) wire.RecordID {
	if r.Day > 0 && len(r.Attachments) > 0 {
		return wire.RecordID(r.Attachments[0].Hash[:len(wire.RecordID{})])
	}
	return p.Chain.ID()
}

// unfit says what makes a well-formed answer one that cannot be placed.
func unfit(r wire.Answer) string {
	switch {
	case r.Uptime > farthest:
		return "answer: uptime out of range"
	case r.Day > farthest/day:
		return "answer: day out of range"
	case r.Questionnaire == "" || r.Question == "":
		return "answer: names no question"
	}
	return ""
}

// taken is the moment an answer is counted at, in microseconds: what the view
// "timed" says.
func (a *answer) taken() int64 {
	switch {
	case a.state&stateDay != 0:
		return a.uptime*day - 7*hour
	case a.boot.source == sourceHub:
		return a.boot.began + a.uptime
	case a.boot.source == sourceWall:
		return min(a.boot.began+a.uptime, a.at)
	}
	return a.at
}

// Microseconds. Days are the ward's: UTC+7 the whole year.
const (
	hour = 3_600_000_000
	day  = 24 * hour
)

// keyOfReply is what an answer says, without when and where.
func keyOfReply(r wire.Answer) (replyKey, error) {
	choices := ""
	if len(r.Choices) > 0 {
		text, err := json.Marshal(r.Choices)
		if err != nil {
			return replyKey{}, fmt.Errorf("write choices: %w", err)
		}
		choices = string(text)
	}
	return replyKey{questionKey{r.Questionnaire, r.Version, r.Question}, r.Language, r.Score, r.Skipped, choices}, nil
}

func (w *work) readFork(e *entry, r wire.JournalFork) error {
	id := e.id()
	known, _, err := w.number("fork known", id[:])
	if err != nil {
		return err
	}
	err = w.exec("put fork", e.j.number, int64(e.point.Seq), id[:], r.From[:], int64(r.Cause),
		int64(r.Head.Seq), r.Head.Chain[:], int64(r.Hub.Seq), r.Hub.Chain[:])
	if err != nil {
		return err
	}
	if known == 0 {
		detail := fmt.Sprintf("left %s at %s where the hub stood at %s: %s", r.From, r.Head, r.Hub, ForkCause(r.Cause))
		if err := w.event(EventFork, e.j.device, e.j.name, e.point.Seq, detail); err != nil {
			return err
		}
	}
	return w.explain(e.j, r, e.at)
}
