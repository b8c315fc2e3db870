package ledger

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed" // claims.sql
	"errors"
	"fmt"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

//go:embed claims.sql
var claimsText string

// Claim is what somebody said by receipt code at a kiosk. Nothing of it is
// proved here: whoever has the receipt's key compares the MAC. Times are
// microseconds since 1970 UTC.
type Claim struct {
	Number     int64 // grows with arrival
	ID         wire.RecordID
	Receipt    []byte         // tag, as the record says
	Right      feedback.Right // empty: a reply to the case
	Version    uint64         // of the case that was seen, for a reply
	Reopen     bool           // else: confirms
	Score      int            // 1 … 5 satisfaction with the answer, 0 when not given
	MAC        []byte
	Device     string
	Place      string
	TakenAt    int64 // it was said in [TakenAt, TakenAt+TakenWidth]
	TakenWidth int64
	ReceivedAt int64
	// DayOnly says that times are whole days of the ward and nothing else may be
	// shown: it may be about a message to named officers.
	DayOnly bool
}

// ErrNoClaim says that no record of this id is a claim.
var ErrNoClaim = errors.New("no claim of this id is held")

// CaseReplies are the first 500 replies to cases numbered above after, in the
// order they came.
func (l *Ledger) CaseReplies(ctx context.Context, after int64) ([]Claim, error) {
	return l.claims(ctx, "replies after", after)
}

// RightsRequests are the first 500 requests about somebody's data numbered
// above after, in the order they came.
func (l *Ledger) RightsRequests(ctx context.Context, after int64) ([]Claim, error) {
	return l.claims(ctx, "rights after", after)
}

// Claim finds one by the id of its record, or says ErrNoClaim.
func (l *Ledger) Claim(ctx context.Context, id wire.RecordID) (Claim, error) {
	found, err := l.claims(ctx, "claim", id[:])
	if err == nil && len(found) == 0 {
		err = ErrNoClaim
	}
	if err != nil {
		return Claim{}, err
	}
	return found[0], nil
}

// LastClaim is the highest number of any claim; 0 when there is none.
func (l *Ledger) LastClaim(ctx context.Context) (last int64, err error) {
	if err := l.db.Read().QueryRowContext(ctx, l.sql("last claim")).Scan(&last); err != nil {
		return 0, fmt.Errorf("last claim: %w", err)
	}
	return last, nil
}

func (l *Ledger) claims(ctx context.Context, query string, args ...any) (all []Claim, err error) {
	err = l.each(ctx, query, func(rows *sql.Rows) error {
		c, err := scanClaim(rows)
		all = append(all, c)
		return err
	}, args...)
	return all, err
}

func scanClaim(rows *sql.Rows) (c Claim, err error) {
	var id []byte
	var reopen, dayOnly int64
	err = rows.Scan(&c.Number, &id, &c.Receipt, &c.Right, &c.Version, &reopen, &c.Score, &c.MAC, &c.Device, &c.Place,
		&c.TakenAt, &c.TakenWidth, &c.ReceivedAt, &dayOnly)
	if err != nil {
		return Claim{}, err
	}
	if len(id) != len(c.ID) {
		return Claim{}, fmt.Errorf("damaged row: claim %d", c.Number)
	}
	c.ID, c.Reopen, c.DayOnly = wire.RecordID(id), reopen != 0, dayOnly != 0
	if c.DayOnly {
		c.TakenAt, c.TakenWidth, c.ReceivedAt = dayOf(c.TakenAt), day, dayOf(c.ReceivedAt)
	}
	return c, nil
}

// claimRow is a row of claims without its number.
type claimRow struct {
	id, receipt, mac               []byte
	uptime, version, reopen, score int64
	about                          string
}

// claimOf reads a record that is a claim.
func claimOf(record wire.Record, p wire.Point) (row claimRow, is bool) {
	id := p.Chain.ID()
	switch r := record.(type) {
	case wire.CaseReply:
		row = claimRow{receipt: r.Receipt, mac: r.MAC[:], uptime: int64(r.Uptime), version: int64(r.Case), score: int64(r.Score)}
		if r.Reopen {
			row.reopen = 1
		}
	case wire.RightsRequest:
		row = claimRow{receipt: r.Receipt, mac: r.MAC[:], uptime: int64(r.Uptime), about: r.Right}
	default:
		return row, false
	}
	row.id, row.receipt = id[:], append([]byte{}, row.receipt...)
	return row, true
}

// unfit says what makes a well-formed claim one that cannot be placed.
func (r claimRow) unfit(record wire.Record) string {
	switch {
	case r.uptime > farthest:
		return "claim: uptime out of range"
	case wire.KindOf(record) == wire.KindRightsRequest && r.about == "":
		return "claim: names no right"
	}
	return ""
}

// readClaim keeps a claim, unless another journal brought the same record
// before.
func (w *work) readClaim(e *entry, record wire.Record, r claimRow) error {
	if why := r.unfit(record); why != "" {
		return &unreadable{why}
	}
	if _, err := w.bootOf(e); err != nil {
		return err
	}
	return w.exec("put claim", e.segment*slots+int64(e.index), r.id, r.uptime, r.receipt, r.about, r.version, r.reopen, r.score, r.mac)
}

// claim compares a claim with its record, here or where it came first.
func (c *auditedRecord) claim(record wire.Record, want claimRow, raw []byte) error {
	if want.unfit(record) != "" {
		return c.quarantined(raw)
	}
	if c.answerBoot() == nil {
		c.problem(c.point.Seq, "claim belongs to no boot: run hub rebuild")
	}
	var got claimRow
	err := c.row("audit claim", c.number).Scan(&got.id, &got.uptime, &got.receipt, &got.about, &got.version, &got.reopen, &got.score, &got.mac)
	switch {
	case isNoRows(err):
		return c.claimElsewhere(want.id)
	case err != nil:
		return fmt.Errorf("audit claim: %w", err)
	}
	c.told.claims++
	if !got.is(want) {
		c.problem(c.point.Seq, "claim is not kept as its record gives it: run hub rebuild")
	}
	return nil
}

func (r claimRow) is(want claimRow) bool {
	same := bytes.Equal(r.id, want.id) && bytes.Equal(r.receipt, want.receipt) && bytes.Equal(r.mac, want.mac)
	return same && r.uptime == want.uptime && r.about == want.about && r.version == want.version && r.reopen == want.reopen && r.score == want.score
}

func (c *auditedRecord) claimElsewhere(id []byte) error {
	var number int64
	switch err := c.row("number of claim", id).Scan(&number); {
	case isNoRows(err):
		c.problem(c.point.Seq, "claim is not kept: run hub rebuild")
	case err != nil:
		return fmt.Errorf("number of claim: %w", err)
	case number > c.number:
		c.problem(c.point.Seq, "claim is kept as of a later segment: run hub rebuild")
	}
	return nil
}

// checkClaims wants no claim that no record gives, and each shown once.
func (a *auditor) checkClaims() error {
	var kept, shown int
	if err := a.row("audit claims").Scan(&kept, &shown); err != nil {
		return fmt.Errorf("audit claims: %w", err)
	}
	if kept != a.told.claims || shown != a.told.claims {
		a.problem(0, "claims: the segments say %d, the tables %d, shown are %d: run hub rebuild", a.told.claims, kept, shown)
	}
	return nil
}
