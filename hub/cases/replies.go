package cases

import (
	"cmp"
	"context"
	"crypto/hmac"
	"database/sql"
	_ "embed" // replies.sql
	"errors"
	"fmt"
	"math"
	"time"

	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

//go:embed replies.sql
var repliesText string

// Outcome says what became of a resident's reply. Outcomes are stored: append
// only.
type Outcome string

const (
	Applied   Outcome = "applied"   // the case was closed, or reopened
	Unchanged Outcome = "unchanged" // the case stood so already
	Late      Outcome = "late"      // said of an answer that is not the ward's last word any more
	Forged    Outcome = "forged"    // its MAC is wrong: nobody with the code said it
	Unproven  Outcome = "unproven"  // the receipt's key is not known here yet
)

// Resident stands as the account where a case was changed by its sender.
const Resident = "(resident)"

// Reply is what a resident said of how their case was handled.
type Reply struct {
	Number  int64 // grows with arrival
	Record  wire.RecordID
	Tag     []byte // of the receipt, as its record says
	Version uint64 // of the case that was seen
	Reopen  bool   // else: confirms
	Score   int    // 1 … 5 satisfaction with the answer, 0 when not given
	Place   string // feedback.Place.ID where it was said
	Said    time.Time
	DayOnly bool // only the day of Said may be shown
	Outcome Outcome
	Made    uint64 // version of the case it made; 0: none
}

// Proof says whether a claim comes from whoever has the receipt's code.
type Proof string

const (
	ProofGood    Proof = "good"
	ProofForged  Proof = "forged"
	ProofUnknown Proof = "unknown" // the receipt's key is not known here yet
)

// Prove compares a claim's MAC with the key of its receipt.
func (c *Cases) Prove(ctx context.Context, claim ledger.Claim) (Proof, error) {
	_, proof, err := c.prove(ctx, claim)
	if err != nil {
		return "", fmt.Errorf("prove claim %s: %w", claim.ID, err)
	}
	return proof, nil
}

func (c *Cases) prove(ctx context.Context, claim ledger.Claim) (r seal.Receipt, is Proof, err error) {
	if len(claim.Receipt) != len(r.Tag) {
		return r, ProofForged, nil // no receipt has such a tag
	}
	r.Tag = Tag(claim.Receipt)
	r.Key, err = c.key(ctx, r.Tag)
	if errors.Is(err, ErrNoKey) {
		return r, ProofUnknown, nil
	}
	if err != nil {
		return r, "", err
	}
	want := r.RightMAC(string(claim.Right))
	if claim.Right == "" {
		want = r.ReplyMAC(claim.Version, claim.Reopen, uint8(claim.Score))
	}
	if !hmac.Equal(claim.MAC, want[:]) {
		return r, ProofForged, nil
	}
	return r, ProofGood, nil
}

// LearnCode keeps the key of a receipt whose code is at hand, so that what is
// claimed under it can be proved. It begins no case.
func (c *Cases) LearnCode(ctx context.Context, code seal.Code) (Tag, error) {
	if c.cfg.Identity.Public == "" {
		return Tag{}, ErrNoKey
	}
	r := code.Receipt()
	_, err := c.change(ctx, r, nil, func(*Case) (Change, error) { return Change{}, errUnchanged })
	return r.Tag, err
}

// Waits says whether Hear would find something; it is cheap.
func (c *Cases) Waits(ctx context.Context, l *ledger.Ledger) (bool, error) {
	last, err := l.LastClaim(ctx)
	if err != nil {
		return false, err
	}
	c.hearing.Lock()
	heard := c.heard
	c.hearing.Unlock()
	if last > heard {
		return true, nil
	}
	some, err := c.provable(ctx)
	return len(some) > 0, err
}

// Hear judges, each once, the replies that came to the ledger since it last
// looked, and those whose key was learned since, and tells how many cases they
// changed. A reply of somebody with the code closes or reopens the case it is
// about; reopening wins, whichever came first. One whose case the ward has
// opened since is too late. The first Hear of a process looks at all.
func (c *Cases) Hear(ctx context.Context, l *ledger.Ledger) (changed int, err error) {
	if c.cfg.Identity.Secret == "" {
		return 0, nil // nothing can be proved here
	}
	c.hearing.Lock()
	defer c.hearing.Unlock()
	last, err := l.LastClaim(ctx)
	if err != nil {
		return 0, fmt.Errorf("hear replies: %w", err)
	}
	var errs []error // one that fails keeps no other waiting
	for after := c.heard; ; {
		page, err := l.CaseReplies(ctx, after)
		if err != nil {
			return changed, fmt.Errorf("hear replies: %w", err)
		}
		for _, claim := range page {
			after = claim.Number
			n, err := c.hear(ctx, claim)
			changed, errs = changed+n, append(errs, err)
		}
		if len(page) == 0 {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return changed, err
	}
	c.heard = last
	n, err := c.hearAgain(ctx, l)
	return changed + n, err
}

func (c *Cases) provable(ctx context.Context) ([]wire.RecordID, error) {
	return database.Collect(ctx, c.cfg.DB.Read(), "read replies", c.sql["provable"], func(row database.Row) (id wire.RecordID, err error) {
		var octets []byte
		err = row.Scan(&octets)
		copy(id[:], octets)
		return id, err
	})
}

func (c *Cases) hearAgain(ctx context.Context, l *ledger.Ledger) (changed int, err error) {
	ids, err := c.provable(ctx)
	for _, id := range ids {
		claim, err := l.Claim(ctx, id)
		if err != nil {
			return changed, fmt.Errorf("hear reply %s: %w", id, err)
		}
		n, err := c.hear(ctx, claim)
		if changed += n; err != nil {
			return changed, err
		}
	}
	return changed, err
}

// hear judges one reply, and tells whether it changed its case.
func (c *Cases) hear(ctx context.Context, claim ledger.Claim) (changed int, err error) {
	before, err := c.outcome(ctx, c.cfg.DB.Read(), claim.ID)
	if err == nil && (before == "" || before == Unproven) {
		changed, err = c.hearFirst(ctx, claim)
	}
	if err != nil {
		return 0, fmt.Errorf("hear reply %s: %w", claim.ID, err)
	}
	return changed, nil
}

func (c *Cases) hearFirst(ctx context.Context, claim ledger.Claim) (changed int, err error) {
	receipt, proof, err := c.prove(ctx, claim)
	if err != nil {
		return 0, err
	}
	err = c.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		r := replyOf(claim, proof)
		before, err := c.outcome(ctx, tx, claim.ID) // another hub may have been first
		if err != nil || before != "" && (before != Unproven || r.Outcome == Unproven) {
			return err
		}
		if proof == ProofGood {
			err = c.obey(ctx, tx, receipt, &r)
		}
		if err == nil {
			err = c.keepReply(ctx, tx, r)
		}
		if changed = 0; r.Made > 0 {
			changed = 1
		}
		return err
	})
	return changed, err
}

// outcome of a reply that was heard before; empty of one that was not.
func (c *Cases) outcome(ctx context.Context, q database.Queryer, id wire.RecordID) (is Outcome, err error) {
	err = q.QueryRowContext(ctx, c.sql["outcome"], id[:]).Scan(&is)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read reply: %w", err)
	}
	return is, nil
}

func replyOf(claim ledger.Claim, proof Proof) Reply {
	outcomes := map[Proof]Outcome{ProofForged: Forged, ProofUnknown: Unproven}
	return Reply{Number: claim.Number, Record: claim.ID, Tag: append([]byte{}, claim.Receipt...), Version: claim.Version, Reopen: claim.Reopen, Score: claim.Score,
		Place: claim.Place, Said: time.UnixMicro(claim.TakenAt).UTC(), DayOnly: claim.DayOnly, Outcome: outcomes[proof]}
}

// obey changes the case as its sender says.
func (c *Cases) obey(ctx context.Context, tx *database.Tx, receipt seal.Receipt, r *Reply) error {
	is, err := c.changeIn(ctx, tx, receipt, nil, nil, func(is *Case) (Change, error) {
		r.Outcome = Late
		if is == nil {
			return Change{}, errUnchanged
		}
		history, err := c.history(ctx, tx, is.Tag)
		if err != nil {
			return Change{}, err
		}
		next := feedback.CaseState(0)
		if r.Outcome, next = r.judge(*is, history); r.Outcome != Applied {
			return Change{}, errUnchanged
		}
		return Change{State: next, Note: is.Note, By: Resident}, nil
	})
	if err == nil && r.Outcome == Applied {
		r.Made = is.Version
	}
	return err
}

// judge says what a reply does to a case. It counts while the ward's answer that
// was seen is its last word: nothing was done since that opened the case again.
func (r Reply) judge(is Case, history []Event) (Outcome, feedback.CaseState) {
	stands := is.State.MayReply()
	for _, e := range history {
		stands = stands && (e.Version < r.Version || !e.State.Open())
	}
	switch {
	case r.Reopen && is.State.Open():
		return Unchanged, 0
	case !stands, !r.Reopen && r.Version > is.Version: // a restored hub may not know what was confirmed
		return Late, 0
	case r.Reopen:
		return Applied, feedback.CaseReopened
	case is.State == feedback.CaseAnswered:
		return Applied, feedback.CaseClosed
	}
	return Unchanged, 0
}

func (c *Cases) keepReply(ctx context.Context, tx *database.Tx, r Reply) error {
	number := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	_, err := tx.Exec(ctx, c.sql["put reply"], r.Record[:], r.Number, r.Tag, int64(r.Version), number(r.Reopen), int64(r.Score), r.Place,
		r.Said.UnixMicro(), number(r.DayOnly), string(r.Outcome), int64(r.Made))
	if err != nil {
		return fmt.Errorf("keep reply: %w", err)
	}
	return nil
}

// Replies is what was said of the case under a tag, in the order it came.
func (c *Cases) Replies(ctx context.Context, tag []byte) ([]Reply, error) {
	return c.replies(ctx, "replies of", tag)
}

// LastReplies is the newest n replies numbered below before; 0 begins at the
// newest.
func (c *Cases) LastReplies(ctx context.Context, before int64, n int) ([]Reply, error) {
	return c.replies(ctx, "replies before", cmp.Or(before, math.MaxInt64), n)
}

// Said is the last reply that counts of every case that has one.
func (c *Cases) Said(ctx context.Context) (map[Tag]Reply, error) {
	all, err := c.replies(ctx, "replies that count")
	last := map[Tag]Reply{}
	for _, r := range all {
		last[Tag(r.Tag)] = r
	}
	return last, err
}

func (c *Cases) replies(ctx context.Context, query string, args ...any) ([]Reply, error) {
	return database.Collect(ctx, c.cfg.DB.Read(), "read replies", c.sql[query], scanReply, args...)
}

func scanReply(row database.Row) (r Reply, err error) {
	var record []byte
	var said, reopen, dayOnly int64
	err = row.Scan(&r.Number, &record, &r.Tag, &r.Version, &reopen, &r.Score, &r.Place, &said, &dayOnly, &r.Outcome, &r.Made)
	if err != nil {
		return r, err
	}
	r.Record, r.Reopen, r.DayOnly, r.Said = wire.RecordID(record), reopen != 0, dayOnly != 0, time.UnixMicro(said).UTC()
	return r, nil
}
