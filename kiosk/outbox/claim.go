package outbox

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// Claim is what somebody says who has the code of a receipt: about an answered
// case or, where Right is set, which right to the data kept of them they use.
type Claim struct {
	Receipt [16]byte       // tag
	Right   feedback.Right // empty: a reply to the case
	Version uint64         // of the case that was seen
	Reopen  bool           // else: confirms
	Score   int            // 1 … 5 satisfaction with the ward's answer, 0 when not given
	MAC     [32]byte       // under the receipt's key, which no disk holds
}

func (c Claim) record(uptime uint64) wire.Record {
	if c.Right != "" {
		return wire.RightsRequest{Uptime: uptime, Receipt: c.Receipt[:], Right: string(c.Right), MAC: c.MAC}
	}
	return wire.CaseReply{Uptime: uptime, Receipt: c.Receipt[:], Case: c.Version, Reopen: c.Reopen, Score: uint8(c.Score), MAC: c.MAC}
}

// content is what makes two claims the same.
func (c Claim) content() ([sha256.Size]byte, error) {
	if c.Score < 0 || c.Score > 5 {
		return [sha256.Size]byte{}, &feedback.Invalid{Field: "score", Want: "0 to 5"}
	}
	bytes, err := wire.EncodeRecord(c.record(0))
	return sha256.Sum256(bytes), err
}

// PutClaim keeps a claim and returns once it is on the disk: only then may the
// resident be thanked. Whether it is true nobody here can say.
//
// For request the rules of Put hold. A claim about a message to named officers
// that was left at this kiosk is held back as the message was, and tells no
// time at all.
func (o *Outbox) PutClaim(request string, c Claim) (MessageReceipt, error) {
	receipt, err := o.putClaim(request, c)
	if err != nil {
		return MessageReceipt{}, fmt.Errorf("keep claim: %w", err)
	}
	if !receipt.Held && !receipt.Again {
		o.signal()
	}
	return receipt, nil
}

func (o *Outbox) putClaim(request string, c Claim) (receipt MessageReceipt, err error) {
	if err := checkRequest(request); err != nil {
		return receipt, err
	}
	content, err := c.content()
	if err != nil {
		return receipt, err
	}
	_, named, err := o.left(c.Receipt)
	if err != nil {
		return receipt, err
	}
	if named {
		return o.holdBack(request, content, func(uint32) wire.Record { return c.record(0) }, func(*sql.Tx) error { return nil })
	}
	err = o.write(func(tx *sql.Tx) error {
		receipt, err = o.putRecord(tx, request, content, c.record(o.uptime()), false)
		return err
	})
	return receipt, err
}

// putRecord appends what a request asked to keep, unless it did so before.
func (o *Outbox) putRecord(tx *sql.Tx, request string, content [sha256.Size]byte, r wire.Record, named bool) (MessageReceipt, error) {
	if receipt, err := o.knownMessage(tx, request, content); receipt.Again || err != nil {
		return receipt, err
	}
	at, err := o.append(tx, r)
	if err != nil {
		return MessageReceipt{}, err
	}
	if err := file(tx, r, named); err != nil {
		return MessageReceipt{}, err
	}
	id := at.Chain.ID()
	_, err = tx.Exec(query("keep request"), sql.Named("id", request), sql.Named("body", content[:]),
		sql.Named("seq", at.Seq), sql.Named("rid", id[:]), sql.Named("wall", o.wall()))
	return MessageReceipt{Receipt: Receipt{ID: id, Seq: at.Seq}}, err
}

// file notes a record that enters the journal under its receipt.
func file(tx *sql.Tx, r wire.Record, named bool) (err error) {
	switch r := r.(type) {
	case wire.Answer:
		_, err = tx.Exec(query("keep receipt"), sql.Named("tag", r.Receipt), sql.Named("named", named))
	case wire.CaseReply:
		_, err = tx.Exec(query("keep claim"), sql.Named("tag", r.Receipt), sql.Named("about", ""),
			sql.Named("version", r.Case), sql.Named("reopen", r.Reopen))
	case wire.RightsRequest:
		_, err = tx.Exec(query("keep claim"), sql.Named("tag", r.Receipt), sql.Named("about", r.Right),
			sql.Named("version", 0), sql.Named("reopen", false))
	}
	if err != nil {
		return fmt.Errorf("file record under its receipt: %w", err)
	}
	return nil
}

// Claim finds the receipt of a request that was kept before: known is false
// where there is none. Of another claim, it is ErrConflict.
func (o *Outbox) Claim(request string, c Claim) (r MessageReceipt, known bool, err error) {
	content, err := c.content()
	if err != nil {
		return MessageReceipt{}, false, fmt.Errorf("find claim: %w", err)
	}
	return o.Message(request, content)
}

// Left says whether a message under this receipt was left at this kiosk, and is
// not deleted since.
func (o *Outbox) Left(tag [16]byte) (bool, error) {
	here, _, err := o.left(tag)
	return here, err
}

func (o *Outbox) left(tag [16]byte) (here, named bool, err error) {
	var one int
	err = o.held.db.Read().QueryRow(query("any held blob"), sql.Named("tag", tag[:])).Scan(&one)
	if err == nil {
		return true, true, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = o.db.Read().QueryRow(query("receipt"), sql.Named("tag", tag[:])).Scan(&named)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look for receipt: %w", err)
	}
	return true, named, nil
}

// Claimed is what was claimed here last under a receipt: at most one reply, and
// each right once. Scores and MACs are not told.
func (o *Outbox) Claimed(tag [16]byte) (all []Claim, err error) {
	rows, err := o.db.Read().Query(query("claims"), sql.Named("tag", tag[:]))
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		c := Claim{Receipt: tag}
		if err := rows.Scan(&c.Right, &c.Version, &c.Reopen); err != nil {
			return nil, fmt.Errorf("read claims: %w", err)
		}
		all = append(all, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return o.addHeld(all, tag)
}

// addHeld puts claims that wait in the place of those that entered before.
func (o *Outbox) addHeld(all []Claim, tag [16]byte) ([]Claim, error) {
	rows, err := o.held.db.Read().Query(query("held records"))
	if err != nil {
		return nil, fmt.Errorf("read held claims: %w", err)
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		var bytes []byte
		if err := rows.Scan(&bytes); err != nil {
			return nil, fmt.Errorf("read held claims: %w", err)
		}
		record, err := wire.DecodeRecord(bytes)
		if err != nil {
			continue // damaged: Release says so
		}
		if c, ok := claimOf(record); ok && c.Receipt == tag {
			all = put(all, c)
		}
	}
	return all, rows.Err()
}

// claimOf reads a claim back, without what Claimed does not tell.
func claimOf(r wire.Record) (Claim, bool) {
	switch r := r.(type) {
	case wire.CaseReply:
		if len(r.Receipt) == 16 {
			return Claim{Receipt: [16]byte(r.Receipt), Version: r.Case, Reopen: r.Reopen}, true
		}
	case wire.RightsRequest:
		if len(r.Receipt) == 16 {
			return Claim{Receipt: [16]byte(r.Receipt), Right: feedback.Right(r.Right)}, true
		}
	}
	return Claim{}, false
}

// put replaces the claim about the same.
func put(all []Claim, c Claim) []Claim {
	for i := range all {
		if all[i].Right == c.Right {
			all[i] = c
			return all
		}
	}
	return append(all, c)
}
