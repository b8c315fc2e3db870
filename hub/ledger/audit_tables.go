package ledger

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// checkEngine asks the store about itself. SQLite reads every page of its file
// against its indexes; PostgreSQL can only say whether it checks pages as they
// are read.
func (a *auditor) checkEngine() error {
	var said string
	err := a.row("check engine").Scan(&said)
	switch {
	case a.l.db.Engine() == database.Postgres:
		if err == nil && said != "on" {
			a.found.Notes = append(a.found.Notes, "PostgreSQL keeps no page checksums: damage to its files shows only where this audit reads")
		}
	case err == nil && said != "ok":
		a.problem(0, "the SQLite file is damaged: %s", said)
	}
	return err
}

// checkEpoch wants the epoch that the last restore began.
func (a *auditor) checkEpoch() error {
	var epoch, want int64
	var detail string
	switch err := a.row("epoch").Scan(&epoch); {
	case isNoRows(err):
		a.problem(0, "the restore epoch is not there")
		return nil
	case err != nil:
		return fmt.Errorf("read epoch: %w", err)
	}
	switch err := a.row("last restore").Scan(&detail); {
	case isNoRows(err):
		want = 1
	case err != nil:
		return fmt.Errorf("last restore: %w", err)
	default:
		fmt.Sscanf(detail, epochBegan, &want)
	}
	if epoch < 1 || epoch != want {
		a.problem(0, "the restore epoch is %d, its events say %d", epoch, want)
	}
	return nil
}

// seen wants a journal's times to be those of its segments; when the first one
// was seen, checkSums knows.
func (a *auditor) seen(first, last int64) {
	switch {
	case last == 0 && a.j.LastSeen != a.j.FirstSeen:
		a.problem(0, "last seen at %d, but nothing came after %d", a.j.LastSeen, a.j.FirstSeen)
	case last != 0 && a.j.LastSeen != last:
		a.problem(0, "last seen at %d, but its last segment came at %d", a.j.LastSeen, last)
	}
	if first != 0 {
		a.began[a.j.number] = first
	}
}

// reading compares a clock record with its row. Copies of a machine share the
// record, and its row has the boot of the copy that came first.
func (c *auditedRecord) reading(r wire.Clock, b *auditedBoot) error {
	id := c.point.Chain.ID()
	var boot, seq int64
	got := wire.Clock{Kind: r.Kind}
	err := c.row("audit clock", id[:]).Scan(&boot, &seq, &got.Cause, &got.Uptime, &got.Wall, &got.Hub, &got.Width)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("audit clock: %w", err)
	}
	if err != nil || seq != int64(c.point.Seq) || got != r {
		c.problem(c.point.Seq, "clock reading is not kept as its record gives it: run hub rebuild")
	}
	c.clocks[id] = c.clocks[id] || boot == b.number
	return nil
}

// forked compares a fork record with its row.
func (c *auditedRecord) forked(r wire.JournalFork) error {
	c.forks++
	c.branches[c.j.number] = append(c.branches[c.j.number], r.Hub.Seq)
	var id, parent, head, hub []byte
	var cause, headSeq, hubSeq int64
	err := c.row("audit fork", c.j.number, int64(c.point.Seq)).Scan(&id, &parent, &cause, &headSeq, &head, &hubSeq, &hub)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("audit fork: %w", err)
	}
	want := c.point.Chain.ID()
	if err != nil || !bytes.Equal(id, want[:]) || !bytes.Equal(parent, r.From[:]) || cause != int64(r.Cause) ||
		headSeq != int64(r.Head.Seq) || !bytes.Equal(head, r.Head.Chain[:]) ||
		hubSeq != int64(r.Hub.Seq) || !bytes.Equal(hub, r.Hub.Chain[:]) {
		c.problem(c.point.Seq, "fork is not kept as its record gives it: run hub rebuild")
	}
	return nil
}

// quarantined wants the record kept whole, under the journal where it came first.
func (c *auditedRecord) quarantined(raw []byte) error {
	id := c.point.Chain.ID()
	var journal, seq, at int64
	var kept []byte
	err := c.row("audit quarantined", id[:]).Scan(&journal, &seq, &at, &kept)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("audit quarantined: %w", err)
	}
	if err != nil {
		c.problem(c.point.Seq, "record cannot be read and is not in quarantine: run hub rebuild")
	} else if !bytes.Equal(kept, raw) {
		c.problem(c.point.Seq, "record is not in quarantine as it was signed: run hub rebuild")
	}
	c.poison[id] = c.poison[id] || journal == c.j.number && seq == int64(c.point.Seq) && at == c.at
	return nil
}

// consents are what the tables say a resident agreed to.
func (c *auditedRecord) consents() ([]wire.Consent, error) {
	var all []wire.Consent
	err := c.each("audit consents", func(rows *sql.Rows) error {
		var consent wire.Consent
		var position int
		var text []byte
		err := rows.Scan(&position, &consent.Purpose, &text)
		if position != len(all) {
			consent.Purpose = ""
		}
		copy(consent.Text[:], text)
		all = append(all, consent)
		return err
	}, c.number)
	return all, err
}

// checkOnce wants each record of a kind kept with what one of the journals that
// hold it says.
func (a *auditor) checkOnce(what string, kept map[wire.RecordID]bool) {
	for id, right := range kept {
		if !right {
			a.problem(0, "%s %s is kept as of another place than its journals': run hub rebuild", what, id)
		}
	}
}

// checkRows compares how many rows there are with how many were accounted for.
func (a *auditor) checkRows() error {
	a.checkOnce("clock reading", a.clocks)
	a.checkOnce("quarantined record", a.poison)
	var clocks, holes, runs int
	if err := a.row("audit rows").Scan(&clocks, &holes, &runs); err != nil {
		return fmt.Errorf("audit rows: %w", err)
	}
	for _, t := range []struct {
		what      string
		want, got int
	}{
		{"clock readings", len(a.clocks), clocks},
		{"holes of no journal", a.holes, holes},
		{"runs of no journal", a.ran, runs},
	} {
		if t.want != t.got {
			a.problem(0, "%s: the segments say %d, the tables %d: run hub rebuild", t.what, t.want, t.got)
		}
	}
	return nil
}

// checkRuns wants one run after another, without end.
func (a *auditor) checkRuns(rs *runs) {
	a.ran += len(rs.all)
	for i, r := range rs.all {
		until := int64(1) << 62
		if i+1 < len(rs.all) {
			until = rs.all[i+1].first
		}
		if r.until != until {
			a.problem(uint64(r.first), "run ends at %d, want %d: run hub rebuild", r.until, until)
		}
	}
}

// sameBase are journals of one device that begin at one point.
type sameBase struct {
	device string
	base   wire.Point
}

// checkHoles wants a point that no journal of the device holds declared lost,
// and nothing else.
func (a *auditor) checkHoles(journals []Journal) error {
	missed := map[sameBase]bool{}
	for _, j := range journals {
		a.j = j
		key := sameBase{j.Device, j.Base}
		own := slices.Contains(slices.Collect(maps.Values(a.holders[j.Base])), j.Device)
		if j.Base.Seq > 0 && j.Received != j.Base && !own {
			missed[key] = missed[key] || j.Hole != nil
		}
		if j.Hole == nil {
			continue
		}
		a.holes++
		if err := a.hole(j, own); err != nil {
			return err
		}
	}
	a.j = Journal{}
	for key, declared := range missed {
		if !declared {
			a.problem(key.base.Seq, "device %s holds nothing up to %s, and no hole says so: run hub rebuild", key.device, key.base)
		}
	}
	return nil
}

func (a *auditor) hole(j Journal, own bool) error {
	h := *j.Hole
	switch {
	case j.Base.Seq == 0 || h.Until != j.Base.Seq || h.After >= h.Until ||
		h.After != 0 && !slices.Contains(a.branches[j.number], h.After):
		a.problem(h.Until, "hole after %d until %d is not the journal's: run hub rebuild", h.After, h.Until)
	case h.DeclaredAt != j.FirstSeen && h.DeclaredAt != a.began[j.number]:
		a.problem(h.Until, "hole is declared at %d, the journal began at %d: run hub rebuild", h.DeclaredAt, j.FirstSeen)
	case h.FilledAt == 0 && own:
		a.problem(h.Until, "hole is open, and the device holds what it misses: run hub rebuild")
	case h.FilledAt != 0 && len(a.holders[j.Base]) == 0:
		a.problem(h.Until, "hole is filled, and nobody holds what it misses: run hub rebuild")
	case h.FilledAt != 0:
		var n int
		if err := a.row("segments that came at", h.FilledAt).Scan(&n); err != nil {
			return fmt.Errorf("segments that came at: %w", err)
		}
		if n == 0 {
			a.problem(h.Until, "hole is filled at %d, when no segment came: run hub rebuild", h.FilledAt)
		}
	}
	return nil
}

// pass notes which journals hold the points where others begin.
func (a *auditor) pass(points []wire.Point) {
	if len(a.holders) == 0 {
		return
	}
	for _, p := range points {
		if h, ok := a.holders[p]; ok {
			h[a.j.number] = a.j.Device
		}
	}
}

// damaged turns an error that is itself a finding into a problem.
func (a *auditor) damaged(err error) error {
	if !database.IsDamaged(err) && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	a.j = Journal{}
	a.problem(0, "the audit could not go on: %v", err)
	return nil
}
