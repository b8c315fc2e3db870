package outbox

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"nghe/shared/feedback"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

const (
	maxRequest  = 64               // characters of a request id
	replaceTime = 60 * time.Second // how long an answer may be taken back
	replaceMost = 1000             // newest records looked through for it: far more than taps in a minute

	// LongestWait is the most that PutTapped believes an answer has waited on
	// its page.
	LongestWait = 10 * time.Minute
)

// Receipt is the proof that a request was kept.
type Receipt struct {
	ID    wire.RecordID
	Seq   uint64
	Again bool // the same request was kept before; no answer was stored
}

// Put keeps an answer and returns once it is on the disk: only then may the
// resident be thanked.
//
// request is the page's id for this act, 1 to 64 characters. The same id with
// the same answer gets the same Receipt; with another answer, ErrConflict.
// replaces is empty, or the hexadecimal id of an answer at most 60 s old that
// nothing has replaced yet. What is wrong with an argument is told as a
// *feedback.Invalid; whether a is an answer to its question, the caller has
// checked.
func (o *Outbox) Put(request string, a feedback.Answer, replaces string) (Receipt, error) {
	return o.PutTapped(request, a, replaces, Tap{})
}

// Tap says how an answer was tapped. It is no part of what makes two requests
// the same.
type Tap struct {
	// Ago is how long it has waited, because the page could not reach this
	// outbox: whether an earlier answer could still be taken back is judged at
	// the tap.
	Ago time.Duration
	// Rules name the tap, at most wire.MaxRules of them. Those that come with a
	// request kept before are kept now.
	Rules []feedback.Rule
}

// PutTapped is Put for an answer of which more is known. Its flag is kept in the
// same transaction, right behind it; where there is no room for both, the answer
// is kept alone.
func (o *Outbox) PutTapped(request string, a feedback.Answer, replaces string, tap Tap) (Receipt, error) {
	d, err := newDraft(request, a, replaces)
	if err != nil {
		return Receipt{}, fmt.Errorf("keep answer: %w", err)
	}
	d.ago = uint64(min(max(tap.Ago, 0), LongestWait).Microseconds())
	receipt, err := o.putFlagged(d, tap.Rules)
	if sqlite.IsFull(err) && len(tap.Rules) > 0 {
		receipt, err = o.putFlagged(d, nil)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("keep answer: %w", err)
	}
	if !receipt.Again || len(tap.Rules) > 0 {
		o.signal()
	}
	return receipt, nil
}

func (o *Outbox) putFlagged(d draft, rules []feedback.Rule) (receipt Receipt, err error) {
	err = o.write(func(tx *sql.Tx) (err error) {
		if receipt, err = o.put(tx, d); err != nil || len(rules) == 0 {
			return err
		}
		f := wire.Flag{Uptime: o.uptime(), Earlier: receipt.ID}
		for _, r := range rules {
			f.Rules = append(f.Rules, string(r))
		}
		_, err = o.append(tx, f)
		return err
	})
	return receipt, err
}

func (o *Outbox) put(tx *sql.Tx, d draft) (Receipt, error) {
	if receipt, err := known(tx, d); receipt.Again || err != nil {
		return receipt, err
	}
	if _, err := o.heldBefore(tx, d.request, d.body); err != nil {
		return Receipt{}, err
	}
	if d.replaces {
		if err := o.replaceable(tx, d); err != nil {
			return Receipt{}, err
		}
	}
	at, err := o.append(tx, d.record(o.uptime()))
	if err != nil {
		return Receipt{}, err
	}
	id := at.Chain.ID()
	_, err = tx.Exec(query("keep request"), sql.Named("id", d.request), sql.Named("body", d.body[:]),
		sql.Named("seq", at.Seq), sql.Named("rid", id[:]), sql.Named("wall", o.wall()))
	return Receipt{ID: id, Seq: at.Seq}, err
}

// known finds the receipt of a request that was kept before.
func known(tx queryer, d draft) (Receipt, error) {
	var body [sha256.Size]byte
	r := Receipt{Again: true}
	err := tx.QueryRow(query("find request"), sql.Named("id", d.request)).
		Scan(exactly(body[:]), &r.Seq, exactly(r.ID[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Receipt{}, nil
	case err != nil:
		return Receipt{}, err
	case body != d.body:
		return Receipt{}, ErrConflict
	}
	return r, nil
}

// draft is a request before it has a time and a number.
type draft struct {
	request  string
	answer   wire.Answer
	replaces bool
	earlier  wire.RecordID
	ago      uint64            // microseconds since the tap
	body     [sha256.Size]byte // of the record with uptime 0: what makes two requests the same
}

func checkRequest(request string) error {
	if n := utf8.RuneCountInString(request); n < 1 || n > maxRequest || !utf8.ValidString(request) {
		return &feedback.Invalid{Field: "request", Want: "1 to 64 characters"}
	}
	return nil
}

func newDraft(request string, a feedback.Answer, replaces string) (draft, error) {
	if err := checkRequest(request); err != nil {
		return draft{}, err
	}
	answer, err := onWire(a)
	if err != nil {
		return draft{}, err
	}
	d := draft{request: request, answer: answer, replaces: replaces != ""}
	if d.replaces {
		id, err := hex.DecodeString(replaces)
		if err != nil || len(id) != len(d.earlier) {
			return draft{}, &feedback.Invalid{Field: "replaces", Want: "the id of an earlier answer, 32 hexadecimal digits"}
		}
		d.earlier = wire.RecordID(id)
	}
	bytes, err := wire.EncodeRecord(d.record(0))
	d.body = sha256.Sum256(bytes)
	return d, err
}

func (d draft) record(uptime uint64) wire.Record {
	a := d.answer
	a.Uptime = uptime
	if d.replaces {
		return wire.Replaces{Earlier: d.earlier, Answer: a}
	}
	return a
}

func onWire(a feedback.Answer) (wire.Answer, error) {
	if a.Score < 0 || a.Score > 5 {
		return wire.Answer{}, &feedback.Invalid{Field: "score", Want: "0 to 5"}
	}
	if a.Version < 0 || int64(a.Version) > math.MaxUint32 {
		return wire.Answer{}, &feedback.Invalid{Field: "version", Want: "0 to " + strconv.Itoa(math.MaxUint32)}
	}
	attachments := make([]wire.Attachment, len(a.Attachments))
	for i, f := range a.Attachments {
		attachments[i] = wire.Attachment{Kind: f.Kind, Reader: f.Reader, Hash: f.Hash, Size: f.Size}
	}
	return wire.Answer{Questionnaire: a.Questionnaire, Version: uint32(a.Version), Question: a.Question,
		Language: string(a.Language), Score: uint8(a.Score), Skipped: a.Skipped,
		Choices: append([]string{}, a.Choices...), Attachments: attachments,
		Receipt: []byte{}, Consents: []wire.Consent{}}, nil
}

// replaceable says whether the answer that d takes the place of is to the same
// question and could still be taken back at the tap. Its age is told by the monotonic clock within this run, by the wall
// clock only across a restart.
func (o *Outbox) replaceable(tx *sql.Tx, d draft) error {
	rows, err := tx.Query(query("newest"), sql.Named("most", replaceMost))
	if err != nil {
		return err
	}
	defer rows.Close() // only read from: rows.Err has what matters
	thisRun := true
	for rows.Next() {
		var chain wire.Chain
		var bytes []byte
		var wall int64
		if err := rows.Scan(exactly(chain[:]), &bytes, &wall); err != nil {
			return err
		}
		record, err := wire.DecodeRecord(bytes)
		if err != nil {
			continue // a kind of a newer program: not one that takes an answer back
		}
		if chain.ID() == d.earlier {
			return o.young(record, wall, thisRun, d)
		}
		switch r := record.(type) {
		case wire.Replaces:
			if r.Earlier == d.earlier {
				return &feedback.Invalid{Field: "replaces", Want: "an answer that was not replaced before: name the newer one"}
			}
		case wire.Boot:
			thisRun = false
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return &feedback.Invalid{Field: "replaces", Want: "the id of an answer given here in the last 60 seconds"}
}

func (o *Outbox) young(record wire.Record, wall int64, thisRun bool, d draft) error {
	var given wire.Answer
	switch r := record.(type) {
	case wire.Answer:
		given = r
	case wire.Replaces:
		given = r.Answer
	default:
		return &feedback.Invalid{Field: "replaces", Want: "the id of an answer"}
	}
	if given.Questionnaire != d.answer.Questionnaire || given.Question != d.answer.Question {
		return &feedback.Invalid{Field: "replaces", Want: "an answer to the same question of the same questionnaire"}
	}
	age := o.uptime() - given.Uptime
	if !thisRun {
		age = uint64(o.wall() - wall) // negative becomes huge: a clock set back proves nothing
	}
	// An answer that waited on the page as well may be kept after the tap.
	if age -= min(age, d.ago); age > uint64(replaceTime.Microseconds()) {
		return &feedback.Invalid{Field: "replaces", Want: "an answer given in the last 60 seconds: give a new one instead"}
	}
	return nil
}
