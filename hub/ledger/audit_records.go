package ledger

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"nghe/shared/wire"
)

// runs are the runs of the journal being audited.
type runs struct {
	all []run
}

type run struct{ first, until, boot int64 }

func (a *auditor) runs() (*runs, error) {
	var rs runs
	err := a.each("audit runs", func(rows *sql.Rows) error {
		var r run
		err := rows.Scan(&r.first, &r.until, &r.boot)
		rs.all = append(rs.all, r)
		return err
	}, a.j.number)
	return &rs, err
}

// at is the run a record belongs to.
func (rs *runs) at(seq int64) (run, bool) {
	i, exact := slices.BinarySearchFunc(rs.all, seq, func(r run, seq int64) int { return int(r.first - seq) })
	if !exact {
		i--
	}
	if i < 0 || seq >= rs.all[i].until {
		return run{}, false
	}
	return rs.all[i], true
}

// records compares one segment's records with what is shown of them.
func (a *auditor) records(s segment, records [][]byte, points []wire.Point, rs *runs) error {
	rows := map[int64]storedAnswer{}
	err := a.each("answers of segment", func(r *sql.Rows) error {
		row, err := scanAnswer(r)
		rows[row.number] = row
		return err
	}, s.number*slots)
	if err != nil {
		return err
	}
	a.found.Answers += len(rows)
	for i, raw := range records {
		c := &auditedRecord{auditor: a, point: points[i], runs: rs, number: s.number*slots + int64(i), at: s.at, rows: rows}
		if err := c.check(raw); err != nil {
			return fmt.Errorf("record %d: %w", points[i].Seq, err)
		}
	}
	for _, row := range rows {
		a.problem(uint64(s.base+row.number%slots+1), "an answer is shown that no record gives")
	}
	return nil
}

// auditedRecord is one record being compared.
type auditedRecord struct {
	*auditor
	point  wire.Point
	runs   *runs
	number int64
	at     int64                  // received
	rows   map[int64]storedAnswer // of the segment, those not yet accounted for
}

func (c *auditedRecord) check(raw []byte) error {
	record, err := c.l.decode(raw)
	if err != nil {
		return c.quarantined(raw)
	}
	switch r := record.(type) {
	case wire.Boot:
		c.boot(r)
	case wire.Clock:
		if r.Uptime > farthest || r.Width > farthest || outside(r.Wall) || outside(r.Hub) {
			return c.quarantined(raw)
		}
		return c.clock(r)
	case wire.Answer:
		return c.answer(r, 0, raw)
	case wire.Replaces:
		if b := c.answerBoot(); b != nil && unfit(r.Answer) == "" {
			c.amends(r.Earlier, "", b)
		}
		return c.answer(r.Answer, stateReplacing, raw)
	case wire.JournalFork:
		return c.forked(r)
	case wire.Flag:
		c.flag(r)
	}
	if claim, is := claimOf(record, c.point); is {
		return c.claim(record, claim, raw)
	}
	return nil
}

// answerBoot is the boot that the tables say the record belongs to.
func (c *auditedRecord) answerBoot() *auditedBoot {
	r, ok := c.runs.at(int64(c.point.Seq))
	if !ok || c.boots[r.boot] == nil {
		return nil
	}
	b := c.boots[r.boot]
	b.met = true
	if b.id == nil && !slices.Contains(b.devices, c.j.Device) {
		b.devices = append(b.devices, c.j.Device)
	}
	return b
}

func (c *auditedRecord) boot(r wire.Boot) {
	b := c.answerBoot()
	id := c.point.Chain.ID()
	if b == nil || !bytes.Equal(b.id, id[:]) {
		c.problem(c.point.Seq, "boot record begins no run: run hub rebuild")
		return
	}
	if b.place != r.Place {
		c.problem(c.point.Seq, "boot stands at %q, its record says %q", b.place, r.Place)
	}
	if b.program != r.Program || !bytes.Equal(b.nonce, r.Nonce[:]) {
		c.problem(c.point.Seq, "boot is not kept as its record gives it: run hub rebuild")
	}
	if len(b.devices) == 0 || c.number < b.first {
		b.first, b.devices = c.number, []string{c.j.Device}
	}
	c.learn(b, knowledge{source: sourceWall, began: min(max(r.Wall, 0), farthest)})
}

func (c *auditedRecord) clock(r wire.Clock) error {
	b, id := c.answerBoot(), c.point.Chain.ID()
	if b == nil {
		c.problem(c.point.Seq, "clock record belongs to no boot: run hub rebuild")
		return nil
	}
	k := knowledge{source: sourceWall, began: r.Wall - int64(r.Uptime), seq: int64(c.point.Seq), id: id[:]}
	if r.Cause == wire.ClockHub {
		k.source, k.began, k.width = sourceHub, r.Hub-int64(r.Uptime), int64(r.Width)
	}
	c.learn(b, k)
	return c.reading(r, b)
}

func (c *auditedRecord) learn(b *auditedBoot, k knowledge) {
	if known, ok := c.knows[b.number]; !ok || k.better(known) {
		c.knows[b.number] = k
	}
}

// answer wants the record shown as it is, here or where it came first.
func (c *auditedRecord) answer(r wire.Answer, state int64, raw []byte) error {
	if unfit(r) != "" {
		return c.quarantined(raw)
	}
	if c.answerBoot() == nil {
		c.problem(c.point.Seq, "answer belongs to no boot: run hub rebuild")
	}
	id, row := identity(r, c.point), storedAnswer{}
	row, here := c.rows[c.number]
	if !here {
		return c.elsewhere(id)
	}
	delete(c.rows, c.number)
	uptime := int64(r.Uptime)
	if r.Day > 0 {
		state, uptime = state|stateDay, int64(r.Day)
	}
	if len(r.Attachments) > 0 {
		state |= stateBlobs
	}
	key, err := keyOfReply(r)
	if err != nil {
		return err
	}
	if !bytes.Equal(row.id, id[:]) || row.uptime != uptime || row.state&^(stateReplaced|stateFlagged) != state || c.replies[row.reply] != key {
		c.problem(c.point.Seq, "answer is not shown as its record gives it: run hub rebuild")
	}
	return c.message(r)
}

func (c *auditedRecord) elsewhere(id wire.RecordID) error {
	var number int64
	switch err := c.row("number of answer", id[:]).Scan(&number); {
	case errors.Is(err, sql.ErrNoRows):
		c.problem(c.point.Seq, "answer is not shown: run hub rebuild")
	case err != nil:
		return fmt.Errorf("number of answer: %w", err)
	case number > c.number:
		c.problem(c.point.Seq, "answer is shown as of a later segment: run hub rebuild")
	}
	return nil
}
