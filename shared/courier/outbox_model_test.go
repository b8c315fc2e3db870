package courier

import (
	"errors"
	"fmt"
	"slices"

	"nghe/shared/wire"
)

// paper is one record as the world knows it, wherever copies of it lie.
type paper struct {
	bytes    []byte
	chain    wire.Chain
	answer   bool // a resident was thanked for it
	names    *picture
	torn     bool   // a kiosk disk that held it was rolled back or replaced
	gone     bool   // declared destroyed
	counted  uint64 // the hub timeline that has counted it
	archived uint64 // last epoch in which it was read back from the archive
	seen     uint64 // last sweep that found a copy
}

// disk is what an outbox keeps. It is a value: assigning it is imaging it.
type disk struct {
	journal           wire.JournalID
	base, floor       wire.Point
	received, safe    wire.Point
	epoch, floorEpoch uint64
	papers            []*paper // floor.Seq+1 …
	blobs             []kept   // in order of arrival
}

func (d disk) image() disk {
	d.papers = d.papers[:len(d.papers):len(d.papers)]
	d.blobs = slices.Clone(d.blobs)
	return d
}

func (d *disk) head() wire.Point {
	if n := len(d.papers); n > 0 {
		return wire.At(d.floor.Seq+uint64(n), d.papers[n-1].chain)
	}
	return d.floor
}

func (d *disk) chainAt(seq uint64) (wire.Chain, bool) {
	switch i := seq - d.floor.Seq; {
	case seq == d.floor.Seq:
		return d.floor.Chain, true
	case seq < d.floor.Seq || i > uint64(len(d.papers)):
		return wire.Chain{}, false
	default:
		return d.papers[i-1].chain, true
	}
}

// outboxModel is an outbox in memory that commits every call at once, fails
// when told to, before or after the commit, and judges marks for itself.
type outboxModel struct {
	disk
	random func() [16]byte                         // of journal ids
	wrote  func(bytes []byte, c wire.Chain) *paper // tells the world of a record
	fails  func() (before, after bool)             // nil: never
}

var (
	errMark   = errors.New("mark does not fit")
	errBefore = errors.New("disk failed, nothing written")
	errAfter  = errors.New("disk failed, all written")
)

// newOutbox makes an empty journal.
func newOutbox(random func() [16]byte, wrote func([]byte, wire.Chain) *paper) *outboxModel {
	o := &outboxModel{random: random, wrote: wrote}
	o.journal = random()
	o.base = wire.At(0, o.journal.Genesis())
	o.floor, o.received, o.safe = o.base, o.base, o.base
	return o
}

// append commits one record.
func (o *outboxModel) append(r wire.Record) *paper {
	b, err := wire.EncodeRecord(r)
	if err != nil {
		panic(err) // records of the model are always encodable
	}
	return o.keep(b)
}

// keep commits the bytes of one record.
func (o *outboxModel) keep(b []byte) *paper {
	p := o.wrote(b, o.head().Chain.Extend(b))
	o.papers = append(o.papers, p)
	return p
}

func (o *outboxModel) Branch() (wire.Branch, error) {
	return wire.Branch{Journal: o.journal, Base: o.base, Floor: o.floor, Head: o.head(),
		Received: o.received, Safe: o.safe, Epoch: o.epoch, FloorEpoch: o.floorEpoch}, nil
}

func (o *outboxModel) ChainAt(seq uint64) (wire.Chain, bool, error) {
	c, ok := o.chainAt(seq)
	return c, ok, nil
}

func (o *outboxModel) Read(after uint64, maxRecords, maxBytes int) ([][]byte, error) {
	if after < o.floor.Seq || after >= o.head().Seq {
		return nil, nil
	}
	var out [][]byte
	for _, p := range o.papers[after-o.floor.Seq:] {
		if maxBytes -= len(p.bytes); len(out) == maxRecords || maxBytes < 0 && len(out) > 0 {
			break
		}
		out = append(out, p.bytes)
	}
	return out, nil
}

func (o *outboxModel) Advance(m wire.Mark) error {
	return o.commit(func() error {
		switch {
		case m.Journal != o.journal:
			return fmt.Errorf("%w: journal", errMark)
		case m.Epoch < o.epoch:
			return fmt.Errorf("%w: epoch", errMark)
		case !o.on(m.Received) || !o.on(m.Safe) || m.Safe.Seq > m.Received.Seq:
			return fmt.Errorf("%w: points", errMark)
		}
		if m.Epoch > o.epoch {
			o.epoch, o.received, o.safe = m.Epoch, o.floor, o.floor
		}
		o.received, o.safe = later(o.received, m.Received), later(o.safe, m.Safe)
		return nil
	})
}

func later(a, b wire.Point) wire.Point {
	if b.Seq > a.Seq {
		return b
	}
	return a
}

// on reports whether p is on the chain; what is pruned was.
func (o *outboxModel) on(p wire.Point) bool {
	c, ok := o.chainAt(p.Seq)
	return ok && c == p.Chain || p.Seq < o.floor.Seq
}

// Fork keeps rule 2 (the parent point is the floor) and rule 5 (safe falls to
// the floor in the same commit).
func (o *outboxModel) Fork(f wire.JournalFork) error {
	return o.commit(func() error {
		if f.From != o.journal {
			return fmt.Errorf("%w: fork from a journal left behind", errMark)
		}
		o.journal = o.random()
		o.base = o.floor
		o.received, o.safe = o.floor, o.floor
		o.append(f)
		return nil
	})
}

// prune deletes up to n of the oldest records, never above safe (P4).
func (o *outboxModel) prune(n int) []*paper {
	n = min(n, int(o.safe.Seq-o.floor.Seq))
	if n <= 0 {
		return nil
	}
	deleted := o.papers[:n]
	o.floor = wire.At(o.floor.Seq+uint64(n), deleted[n-1].chain)
	o.floorEpoch = o.epoch
	o.papers = o.papers[n:]
	return deleted
}

func (o *outboxModel) commit(write func() error) error {
	before, after := false, false
	if o.fails != nil {
		before, after = o.fails()
	}
	if before {
		return errBefore
	}
	if err := write(); err != nil {
		return err
	}
	if after {
		return errAfter
	}
	return nil
}
