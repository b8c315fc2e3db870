package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// Problem is one thing an audit found.
type Problem struct {
	Journal wire.JournalID // zero when about none
	Branch  int
	Seq     uint64
	What    string // English, for operators
}

func (p Problem) String() string {
	return fmt.Sprintf("journal %s, branch %d, record %d: %s", p.Journal, p.Branch, p.Seq, p.What)
}

// Audit is what an audit looked at and what it found.
type Audit struct {
	Journals int
	Segments int
	Records  int
	Answers  int // each once
	Problems []Problem
	Notes    []string // what this audit cannot see here; English, for operators
}

// Whole reports that nothing was found.
func (a Audit) Whole() bool { return len(a.Problems) == 0 }

// mostProblems bounds the report: beyond it something general is wrong.
const mostProblems = 1000

// Audit asks the engine to check itself, then reads every segment again: its
// bytes against its chain, its place in its journal and, where verify is given,
// its device's signature; then whether every table made from segments says what
// they say; then whether what no kiosk signed (the hub's log, when each segment
// came, when each journal was first seen, the epoch) adds up to what was
// written. What it does not cover, DESIGN.md lists. It sees the ledger at one
// moment and holds nobody up. Its error means that it could not look.
func (l *Ledger) Audit(ctx context.Context, verify func(device string, statement, signature []byte) bool) (Audit, error) {
	var a Audit
	err := l.db.Snapshot(ctx, func(q database.Queryer) (err error) {
		a, err = l.audit(ctx, q, verify)
		return err
	})
	if err != nil {
		return Audit{}, fmt.Errorf("audit ledger: %w", err)
	}
	return a, nil
}

func (l *Ledger) audit(ctx context.Context, q database.Queryer, verify func(string, []byte, []byte) bool) (Audit, error) {
	a := auditor{l: l, ctx: ctx, q: q, verify: verify, knows: map[int64]knowledge{},
		amended: map[said][]*auditedBoot{}, poison: map[wire.RecordID]bool{}, clocks: map[wire.RecordID]bool{},
		branches: map[int64][]uint64{}, began: map[int64]int64{}, holders: map[wire.Point]map[int64]string{}}
	err := a.damaged(a.run())
	return a.found, err
}

// auditor is one audit under way.
type auditor struct {
	l      *Ledger
	ctx    context.Context
	q      database.Queryer
	verify func(device string, statement, signature []byte) bool
	found  Audit

	j        Journal // the one being read
	replies  map[int64]replyKey
	boots    map[int64]*auditedBoot
	knows    map[int64]knowledge             // best reading of each boot met so far
	amended  map[said][]*auditedBoot         // by whom
	poison   map[wire.RecordID]bool          // quarantined; true: as one of its journals says
	clocks   map[wire.RecordID]bool          // readings; true: of the boot that one of its journals says
	branches map[int64][]uint64              // where the hub stood, by each fork record of a journal
	began    map[int64]int64                 // when the first segment of a journal came
	holders  map[wire.Point]map[int64]string // of points where journals begin: other journals that hold them, and whose
	forks    int
	holes    int
	ran      int
	safe     bool // safe of the journal being read was found on its chain
	told     messageTotals
}

func (a *auditor) problem(seq uint64, format string, args ...any) {
	if len(a.found.Problems) < mostProblems {
		a.found.Problems = append(a.found.Problems, Problem{a.j.Name, a.j.Branch, seq, fmt.Sprintf(format, args...)})
	}
}

func (a *auditor) each(name string, scan func(*sql.Rows) error, args ...any) error {
	return database.Each(a.ctx, a.q, name, a.l.sql(name), scan, args...)
}

func (a *auditor) row(name string, args ...any) *sql.Row {
	return a.q.QueryRowContext(a.ctx, a.l.sql(name), args...)
}

func (a *auditor) run() error {
	if err := a.checkEngine(); err != nil || !a.found.Whole() {
		return err // what a damaged file says proves nothing
	}
	var journals []Journal
	err := a.each("list journals", func(rows *sql.Rows) error {
		j, err := scanListed(rows)
		journals = append(journals, j)
		if j.Base.Seq > 0 {
			a.holders[j.Base] = map[int64]string{}
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := a.load(); err != nil {
		return err
	}
	for _, j := range journals {
		a.j = j
		if err := a.journal(); err != nil {
			return err
		}
	}
	a.j = Journal{}
	a.found.Journals = len(journals)
	if err := a.checkHoles(journals); err != nil {
		return err
	}
	for _, check := range []func() error{a.checkEpoch, a.checkSums, a.checkBoots, a.checkAmended, a.checkTotals, a.checkRows,
		a.checkMessages, a.checkClaims, a.checkCounts} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// journal walks one journal from its base to where its segments end.
func (a *auditor) journal() error {
	runs, err := a.runs()
	if err != nil {
		return err
	}
	a.checkRuns(runs)
	at, first, last := a.j.Base, int64(0), int64(0)
	a.safe = a.j.Safe == wire.Point{}
	a.checkSafe([]wire.Point{a.j.Base})
	for {
		var page []segment
		err := a.each("segments of journal after", func(rows *sql.Rows) error {
			s, err := scanSegment(rows)
			page = append(page, s)
			return err
		}, a.j.number, int64(at.Seq))
		if err != nil {
			return err
		}
		for _, s := range page {
			if at, err = a.segment(s, at, runs); err != nil {
				return err
			}
			if last = s.at; first == 0 {
				first = s.at
			}
		}
		if len(page) == 0 {
			break
		}
	}
	a.seen(first, last)
	if at != a.j.Received {
		a.problem(at.Seq, "segments end at %s, but received says %s", at, a.j.Received)
	}
	if a.j.Safe.Seq > a.j.Received.Seq {
		a.problem(a.j.Safe.Seq, "safe is beyond received")
	} else if !a.safe {
		a.problem(a.j.Safe.Seq, "safe is not on the journal's chain")
	}
	return nil
}

// checkSafe compares safe with the points of the chain as they pass.
func (a *auditor) checkSafe(points []wire.Point) {
	for _, p := range points {
		if p.Seq != a.j.Safe.Seq {
			continue
		}
		a.safe = a.safe || p == a.j.Safe
		if p.Seq > 0 && !a.safe {
			a.problem(p.Seq, "safe names another chain")
		}
	}
}

// segment checks one segment that should begin at a point, and returns where
// the next should begin.
func (a *auditor) segment(s segment, at wire.Point, runs *runs) (wire.Point, error) {
	a.found.Segments++
	said, err := point(s.end, s.endChain)
	if err != nil {
		a.problem(at.Seq, "segment %d: %v", s.number, err)
		return wire.At(uint64(max(s.end, int64(at.Seq)+1)), wire.Chain{}), nil
	}
	b, records, points, err := open(s.frame)
	if err != nil {
		a.problem(at.Seq+1, "segment %d cannot be read: %v", s.number, err)
		return said, nil
	}
	if b.Journal != a.j.Name || b.Base != at || uint64(s.base) != at.Seq {
		a.problem(at.Seq+1, "segment %d begins at %s of %s, want %s", s.number, b.Base, b.Journal, at)
	}
	end := points[len(points)-1]
	if end != said {
		a.problem(end.Seq, "segment %d ends at %s, but its row says %s", s.number, end, said)
	}
	if a.verify != nil && !a.verify(a.j.Device, wire.BatchStatement(b.Journal, end), b.Signature) {
		a.problem(end.Seq, "segment %d is not signed by device %s", s.number, a.j.Device)
	}
	a.checkSafe(points)
	a.pass(points)
	a.found.Records += len(records)
	return said, a.records(s, records, points, runs)
}

func (a *auditor) checkTotals() error {
	var segments, answers, timed, quarantined, boots, forks int
	err := a.row("audit totals").Scan(&segments, &answers, &timed, &quarantined, &boots, &forks)
	if err != nil {
		return fmt.Errorf("audit totals: %w", err)
	}
	for _, t := range []struct {
		what      string
		want, got int
	}{
		{"segments in no journal", a.found.Segments, segments},
		{"answers in no segment", a.found.Answers, answers},
		{"answers with no boot, or with two", answers, timed},
		{"quarantined records", len(a.poison), quarantined},
		{"forks", a.forks, forks},
	} {
		if t.want != t.got {
			a.problem(0, "%s: the segments say %d, the tables %d", t.what, t.want, t.got)
		}
	}
	return nil
}

func (a *auditor) checkCounts() error {
	return a.each("audit counts", func(rows *sql.Rows) error {
		var place, hours, reply int64
		var recounted, held tally
		err := rows.Scan(&place, &hours, &reply, &recounted.n, &held.n, &recounted.flagged, &held.flagged)
		if err != nil {
			return err
		}
		a.problem(0, "count of place %d, hour %d, reply %d is %d (%d flagged), recounted %d (%d flagged)",
			place, hours, reply, held.n, held.flagged, recounted.n, recounted.flagged)
		return nil
	})
}

// auditedBoot is a row of boots, and what its boot record says of it.
type auditedBoot struct {
	boot
	id      []byte // nil for a stand-in
	place   string
	nonce   []byte
	program string
	met     bool
	first   int64    // number of the first record that is its boot record
	devices []string // whose journals it is met in; of a boot record the first alone
}

// load reads the small tables.
func (a *auditor) load() error {
	a.replies, a.boots = map[int64]replyKey{}, map[int64]*auditedBoot{}
	err := a.each("audit replies", func(rows *sql.Rows) error {
		var n, skipped int64
		var k replyKey
		err := rows.Scan(&n, &k.question.questionnaire, &k.question.version, &k.question.name, &k.language, &k.score,
			&skipped, &k.choices)
		k.skipped = skipped != 0
		a.replies[n] = k
		return err
	})
	if err != nil {
		return err
	}
	return a.each("audit boots", func(rows *sql.Rows) error {
		var b auditedBoot
		err := rows.Scan(&b.number, &b.id, &b.device, &b.place, &b.nonce, &b.program, &b.source, &b.began, &b.width,
			&b.clockSeq, &b.clockID)
		a.boots[b.number] = &b
		return err
	})
}

// checkBoots compares what each boot is said to know with the best reading.
func (a *auditor) checkBoots() error {
	for n, b := range a.boots {
		want, has := b.knows(), a.knows[n]
		if !b.met {
			a.problem(0, "boot %d is in no journal", n)
		} else if !slices.Contains(b.devices, b.device) {
			a.problem(0, "boot %d is said to be of device %s, the journals say %s: run hub rebuild", n, b.device, b.devices)
		} else if b.id == nil && len(b.nonce)+len(b.program) > 0 {
			a.problem(0, "boot %d has no record, but a nonce or program: run hub rebuild", n)
		} else if has.source != want.source || has.began != want.began || has.width != want.width ||
			has.seq != want.seq || !bytes.Equal(has.id, want.id) {
			a.problem(uint64(has.seq), "boot %d began at %d by source %d, the records say %d by source %d",
				n, want.began, want.source, has.began, has.source)
		}
	}
	return nil
}
