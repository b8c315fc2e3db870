package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"nghe/shared/wire"
)

// journal is one journal, or one branch of it, as the transaction sees it.
type journal struct {
	number   int64
	name     wire.JournalID
	branch   int64
	device   string
	base     wire.Point
	received wire.Point
	safe     wire.Point
	boot     int64 // running at received; 0 when none is known
}

func scanJournal(scan func(...any) error) (*journal, error) {
	var (
		j                          journal
		name, base, received, safe []byte
		baseSeq, gotSeq, safeSeq   int64
	)
	err := scan(&j.number, &name, &j.branch, &j.device, &baseSeq, &base, &gotSeq, &received, &safeSeq, &safe, &j.boot)
	if err != nil {
		return nil, err
	}
	if len(name) != len(j.name) {
		return nil, fmt.Errorf("damaged row: journal %d has a name of %d bytes", j.number, len(name))
	}
	j.name = wire.JournalID(name)
	var errs [3]error
	j.base, errs[0] = point(baseSeq, base)
	j.received, errs[1] = point(gotSeq, received)
	j.safe, errs[2] = point(safeSeq, safe)
	return &j, errors.Join(errs[:]...)
}

// branches are all rows of one journal, the one kiosks speak of first.
func (w *work) branches(name wire.JournalID) ([]*journal, error) {
	var all []*journal
	err := w.each("journal by name", func(rows *sql.Rows) error {
		j, err := scanJournal(rows.Scan)
		if err != nil {
			return err
		}
		all = append(all, w.know(j))
		return nil
	}, name[:])
	return all, err
}

// know keeps a journal as it was read first: what this transaction did since is
// newer than the row.
func (w *work) know(j *journal) *journal {
	if known, ok := w.journals[j.number]; ok {
		return known
	}
	w.journals[j.number] = j
	if j.branch == 0 {
		w.trunks[j.name] = j
	}
	return j
}

// trunk is the journal kiosks speak of, nil when the hub does not hold it.
func (w *work) trunk(name wire.JournalID) (*journal, error) {
	if j, ok := w.trunks[name]; ok {
		return j, nil
	}
	j, err := scanJournal(w.row("trunk", name[:]).Scan)
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", name, err)
	}
	return w.know(j), nil
}

func (w *work) journal(number int64) (*journal, error) {
	if j, ok := w.journals[number]; ok {
		return j, nil
	}
	j, err := scanJournal(w.row("journal by number", number).Scan)
	if err != nil {
		return nil, fmt.Errorf("read journal %d: %w", number, err)
	}
	return w.know(j), nil
}

// create begins a journal at a parent point.
func (w *work) create(name wire.JournalID, branch int64, device string, base wire.Point, at int64) (*journal, error) {
	j := &journal{name: name, branch: branch, device: device, base: base, received: base}
	err := w.row("put journal", name[:], branch, device, int64(base.Seq), base.Chain[:], at).Scan(&j.number)
	if err != nil {
		return nil, fmt.Errorf("put journal: %w", err)
	}
	err = w.addUp("journals", j.number, name[:], branch, device, int64(base.Seq), base.Chain[:], at)
	if err != nil {
		return nil, err
	}
	w.know(j)
	if branch > 0 {
		detail := fmt.Sprintf("branch %d kept from %s", branch, base)
		if err := w.event(EventBranch, device, name, base.Seq, detail); err != nil {
			return nil, err
		}
	}
	return j, w.begin(j, at)
}

// begin finds out what came before the journal's base: which boot was running
// there, or that the hub does not hold it and must declare it lost.
func (w *work) begin(j *journal, at int64) error {
	if j.base.Seq == 0 {
		return nil
	}
	found, err := w.lineage(j, "journals of a device around", j.device)
	if err != nil {
		return err
	}
	if found.held {
		return w.inherit(j, found.boot)
	}
	if found.declared {
		return nil
	}
	return w.declare(j, at)
}

func (w *work) inherit(j *journal, boot int64) error {
	if boot == 0 {
		return nil
	}
	j.boot = boot
	return w.exec("put run", j.number, int64(j.base.Seq)+1, boot)
}

// ancestry is what other journals know of a journal's parent point.
type ancestry struct {
	held     bool  // one of them holds it
	boot     int64 // and this boot was running there; 0 unknown
	declared bool  // another journal begins there too and has declared the hole
}

func (w *work) lineage(j *journal, query string, key any) (ancestry, error) {
	var numbers []int64
	err := w.each(query, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		numbers = append(numbers, n)
		return err
	}, key, int64(j.base.Seq), j.number)
	if err != nil {
		return ancestry{}, err
	}
	var found ancestry
	for _, n := range numbers {
		k, err := w.journal(n)
		if err != nil {
			return ancestry{}, err
		}
		if k.received == k.base {
			continue // a rebuild has not come to it yet
		}
		if k.base == j.base {
			found.declared = true
			continue
		}
		if held, err := w.holds(k, j.base); err != nil {
			return ancestry{}, err
		} else if held {
			boot, _, err := w.number("run at", k.number, int64(j.base.Seq))
			return ancestry{held: true, boot: boot}, err
		}
	}
	return found, nil
}

// holds reports whether a point lies on a journal's chain.
func (w *work) holds(j *journal, p wire.Point) (bool, error) {
	switch {
	case p.Seq < j.base.Seq || p.Seq > j.received.Seq:
		return false, nil
	case p.Seq == j.received.Seq:
		return p.Chain == j.received.Chain, nil
	case p.Seq == j.base.Seq:
		return p.Chain == j.base.Chain, nil
	}
	var number, end int64
	var endChain, frame []byte
	err := w.row("segment around", j.number, int64(p.Seq)).Scan(&number, &end, &endChain, &frame)
	if errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("journal %s has no segment around %d: run hub audit", j.name, p.Seq)
	}
	if err != nil {
		return false, fmt.Errorf("segment around: %w", err)
	}
	if uint64(end) == p.Seq {
		return wire.Chain(endChain) == p.Chain, nil
	}
	_, _, points, err := open(frame)
	if err != nil {
		return false, fmt.Errorf("open segment %d: %w", number, err)
	}
	at := p.Seq - points[0].Seq
	return at < uint64(len(points)) && points[at] == p, nil
}

// open unpacks a stored segment.
func open(frame []byte) (wire.Batch, [][]byte, []wire.Point, error) {
	f, err := wire.DecodeFrame(frame)
	if err != nil {
		return wire.Batch{}, nil, nil, err
	}
	b, ok := f.(wire.Batch)
	if !ok {
		return wire.Batch{}, nil, nil, fmt.Errorf("%T is no batch", f)
	}
	records, points, err := b.Records()
	return b, records, points, err
}

// SetSafe records that everything up to a point was read back from storage off
// the hub's own disk.
func (l *Ledger) SetSafe(ctx context.Context, name wire.JournalID, safe wire.Point) error {
	err := l.write(ctx, func(w *work) error {
		j, err := w.trunk(name)
		if err != nil {
			return err
		}
		if j == nil {
			return errors.New("the ledger does not hold it")
		}
		held, err := w.holds(j, safe)
		if err != nil {
			return err
		}
		if !held || safe.Seq < j.safe.Seq {
			return fmt.Errorf("%s is not on its chain between safe %s and received %s", safe, j.safe, j.received)
		}
		j.safe = safe
		return w.exec("move safe", int64(safe.Seq), safe.Chain[:], j.number)
	})
	if err != nil {
		return fmt.Errorf("set safe of journal %s: %w", name, err)
	}
	return nil
}
