package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"nghe/shared/wire"
)

// said is what a later record says of an earlier answer: that it was replaced,
// or, where there is a rule, that it is flagged by it.
type said struct {
	earlier wire.RecordID
	rule    string // empty: replaced
}

func (s said) state() int64 {
	if s.rule == "" {
		return stateReplaced
	}
	return stateFlagged
}

// amendment is what a record of a boot says of an earlier answer.
type amendment struct {
	said
	boot *boot
}

func (w *work) readFlag(e *entry, r wire.Flag) error {
	b, err := w.bootOf(e)
	for _, rule := range r.Rules {
		w.amending = append(w.amending, amendment{said{r.Earlier, rule}, b})
	}
	return err
}

// amended is an answer as a later record finds it.
type amended struct {
	number, boot int64
	key          countKey
	state        int64
	device       string
}

func scanAmended(row *sql.Row) (a amended, err error) {
	return a, row.Scan(&a.number, &a.boot, &a.key.place, &a.key.hour, &a.key.reply, &a.state, &a.device)
}

// counted is what the answer adds to its count.
func (a amended) counted() tally {
	switch {
	case a.state&stateReplaced != 0:
		return tally{}
	case a.state&stateFlagged != 0:
		return tally{1, 1}
	}
	return tally{1, 0}
}

// amend changes the earlier answer, and its count with it. Only a journal of the
// same boot or the same device may: anything else is left as it is.
func (w *work) amend(m amendment) error {
	a, err := scanAmended(w.row("timed by id", m.earlier[:]))
	if isNoRows(err) {
		return w.exec("put amendment", m.earlier[:], m.boot.number, m.rule)
	}
	if err != nil {
		return fmt.Errorf("timed by id: %w", err)
	}
	if a.boot != m.boot.number && a.device != m.boot.device {
		return nil
	}
	if err := w.setState(a, a.state|m.state()); err != nil || m.rule == "" {
		return err
	}
	return w.exec("put flag", a.number, m.rule)
}

func (w *work) setState(a amended, state int64) error {
	if a.state == state {
		return nil
	}
	before := a.counted()
	a.state = state
	after := a.counted()
	w.counts[a.key] = w.counts[a.key].plus(after.n-before.n, after.flagged-before.flagged)
	w.lowered = w.lowered || after.n < before.n
	return w.exec("set state", state, a.number)
}

// amendLate applies amendments whose earlier answer has arrived since.
func (w *work) amendLate() error {
	var late []amendment
	var boots []int64
	err := w.each("amendments that arrived", func(rows *sql.Rows) error {
		m, boot, err := scanAmendment(rows)
		late, boots = append(late, amendment{said: m}), append(boots, boot)
		return err
	})
	if err != nil {
		return err
	}
	for i, m := range late {
		if m.boot, err = w.boot(boots[i]); err != nil {
			return err
		}
		if err := w.amend(m); err != nil {
			return err
		}
		if err := w.exec("drop amendments", m.earlier[:]); err != nil {
			return err
		}
	}
	return nil
}

// scanAmendment leaves a damaged id zero: no record has it.
func scanAmendment(rows *sql.Rows) (s said, boot int64, err error) {
	var id []byte
	err = rows.Scan(&id, &boot, &s.rule)
	if len(id) == len(s.earlier) {
		s.earlier = wire.RecordID(id)
	}
	return s, boot, err
}

// amends notes which boot said it.
func (a *auditor) amends(earlier wire.RecordID, rule string, b *auditedBoot) {
	s := said{earlier, rule}
	if !slices.Contains(a.amended[s], b) {
		a.amended[s] = append(a.amended[s], b)
	}
}

func (c *auditedRecord) flag(r wire.Flag) {
	b := c.answerBoot()
	if b == nil {
		c.problem(c.point.Seq, "flag belongs to no boot: run hub rebuild")
		return
	}
	for _, rule := range r.Rules {
		c.amends(r.Earlier, rule, b)
	}
}

// pendingKey is a row of amendments.
type pendingKey struct {
	said
	boot int64
}

// checkAmended wants exactly those answers replaced, and flagged by exactly
// those rules, that their device said so of.
func (a *auditor) checkAmended() error {
	held, pending := amendedTotals{flagged: map[int64]bool{}}, map[pendingKey]bool{}
	for s, by := range a.amended {
		found, err := scanAmended(a.row("timed by id", s.earlier[:]))
		if errors.Is(err, sql.ErrNoRows) {
			for _, b := range by {
				pending[pendingKey{s, b.number}] = true
			}
			continue // its answer is not here
		}
		if err != nil {
			return fmt.Errorf("timed by id: %w", err)
		}
		may := slices.ContainsFunc(by, func(b *auditedBoot) bool { return b.number == found.boot || b.device == found.device })
		if err := a.checkSaid(s, found, may); err != nil {
			return err
		}
		if may {
			held.add(s, found.number)
		}
	}
	if err := a.checkPending(pending); err != nil {
		return err
	}
	return a.checkAmendedTotals(held)
}

// checkSaid wants what was said of an answer to be shown, if its device said it.
func (a *auditor) checkSaid(s said, found amended, may bool) error {
	if s.rule == "" {
		if may != (found.state&stateReplaced != 0) {
			a.problem(0, "answer %s: replaced must be %v", s.earlier, may)
		}
		return nil
	}
	var n int
	if err := a.row("audit flag", found.number, s.rule).Scan(&n); err != nil {
		return fmt.Errorf("audit flag: %w", err)
	}
	if may != (n == 1) || may && found.state&stateFlagged == 0 {
		a.problem(0, "answer %s: flagged by %q must be %v: run hub rebuild", s.earlier, s.rule, may)
	}
	return nil
}

// amendedTotals count what the segments say of earlier answers.
type amendedTotals struct {
	replaced, flags int
	flagged         map[int64]bool // answers
}

func (t *amendedTotals) add(s said, answer int64) {
	if s.rule == "" {
		t.replaced++
		return
	}
	t.flags++
	t.flagged[answer] = true
}

func (a *auditor) checkAmendedTotals(want amendedTotals) error {
	var replaced, flags, flagged int
	if err := a.row("audit amended").Scan(&replaced, &flags, &flagged); err != nil {
		return fmt.Errorf("audit amended: %w", err)
	}
	for _, t := range []struct {
		what      string
		want, got int
	}{
		{"replaced answers", want.replaced, replaced},
		{"flags", want.flags, flags},
		{"flagged answers", len(want.flagged), flagged},
	} {
		if t.want != t.got {
			a.problem(0, "%s: the segments say %d, the tables %d: run hub rebuild", t.what, t.want, t.got)
		}
	}
	return nil
}

// checkPending wants those amendments kept whose earlier answer is nowhere.
func (a *auditor) checkPending(pending map[pendingKey]bool) error {
	err := a.each("amendments", func(rows *sql.Rows) error {
		s, boot, err := scanAmendment(rows)
		if err == nil && !pending[pendingKey{s, boot}] {
			a.problem(0, "a record of boot %d is said to amend %s, and no record says so: run hub rebuild", boot, s.earlier)
		}
		delete(pending, pendingKey{s, boot})
		return err
	})
	for k := range pending {
		a.problem(0, "answer %s is amended by a record of boot %d, and that is not kept: run hub rebuild", k.earlier, k.boot)
	}
	return err
}
