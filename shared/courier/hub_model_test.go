package courier

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// hubModel is the hub in memory: what is in hubDisk is committed, all else a
// crash forgets.
type hubModel struct {
	hubDisk
	epoch uint64
	look  func(id wire.RecordID, bytes []byte) *paper // the world's paper for bytes off the wire
	todo  []*segment                                  // not yet read back in this epoch

	pictures func(h blob.Hash) *picture // the world's picture of a name; nil: nobody made it
	crates   map[blob.Hash]*crate       // on the hub's disk, but in no copy of it
	vault    map[blob.Hash]uint64       // blobs in the archive, and the epoch in which they were read back
	full     bool                       // no room for blobs
	largest  uint64                     // bytes of a blob; 0: any
	archive  []*segment                 // off the hub's own disk
}

// hubDisk is a value: image copies it.
type hubDisk struct {
	journals map[wire.JournalID]*shelf
	branches []*segment // segments that fit no journal (rule 8)
	rows     []*paper   // read model: one per answer counted (rule 9)
	timeline uint64     // changes with every restore; stands for an index over rows
}

// shelf is one journal as the hub holds it.
type shelf struct {
	device   int
	parent   wire.Point
	papers   []*paper // parent.Seq+1 …
	segments []*segment
	safe     wire.Point // end of the segments read back in this epoch, without a hole
	checked  int        // how many those are
}

// segment is what was accepted at once, as the archive keeps it: enough to
// find its journal, owner and place again without the hub's disk.
type segment struct {
	device   int
	journal  wire.JournalID
	parent   wire.Point // where the journal begins
	base     wire.Point
	papers   []*paper
	stored   bool   // it is in the archive
	verified uint64 // epoch in which it was last read back
}

func newHub(look func(wire.RecordID, []byte) *paper) *hubModel {
	return &hubModel{epoch: 1, look: look, pictures: func(blob.Hash) *picture { return nil },
		crates: map[blob.Hash]*crate{}, vault: map[blob.Hash]uint64{},
		hubDisk: hubDisk{journals: map[wire.JournalID]*shelf{}, timeline: 1}}
}

func (s *shelf) received() wire.Point {
	return pointOn(s.parent, s.papers, s.parent.Seq+uint64(len(s.papers)))
}

// at is the shelf's point at seq; false where the hub holds none.
func (s *shelf) at(seq uint64) (wire.Point, bool) {
	if seq < s.parent.Seq || seq > s.parent.Seq+uint64(len(s.papers)) {
		return wire.Point{}, false
	}
	return pointOn(s.parent, s.papers, seq), true
}

func (s *shelf) holds(p wire.Point) bool {
	q, ok := s.at(p.Seq)
	return ok && q == p
}

func (g *segment) end() wire.Point {
	return pointOn(g.base, g.papers, g.base.Seq+uint64(len(g.papers)))
}

func pointOn(base wire.Point, papers []*paper, seq uint64) wire.Point {
	if seq == base.Seq {
		return base
	}
	return wire.At(seq, papers[seq-base.Seq-1].chain)
}

// safeOf moves safe over what has been read back meanwhile.
func (h *hubModel) safeOf(s *shelf) wire.Point {
	for s.checked < len(s.segments) && s.segments[s.checked].verified == h.epoch {
		if end := s.segments[s.checked].end(); end.Seq > s.safe.Seq {
			s.safe = end
		}
		s.checked++
	}
	return s.safe
}

func (h *hubModel) standing(device int, o wire.Offer) wire.Standing {
	s := h.journals[o.Journal]
	switch {
	case s == nil:
		return wire.Standing{State: wire.StandingNew, Received: o.Base} // rule 1
	case s.device != device:
		return wire.Standing{State: wire.StandingForeign} // rule 7
	}
	return wire.Standing{State: wire.StandingKnown, Received: s.received(), Safe: h.safeOf(s)}
}

// store commits one delivery, or says why not. It is the hub's half of the
// rules: decided inside the transaction, whatever the session believed.
func (h *hubModel) store(device int, d *Delivery) Outcome {
	offer := wire.Offer{Journal: d.Batch.Journal, Base: d.Parent}
	s := h.journals[d.Batch.Journal]
	if s == nil && d.Batch.Base == d.Parent {
		s = &shelf{device: device, parent: d.Parent, safe: d.Parent}
		h.journals[d.Batch.Journal] = s
	}
	if s == nil || s.device != device {
		return Outcome{Standing: h.standing(device, offer)}
	}
	end := d.Points[len(d.Points)-1]
	at := s.received()
	switch {
	case end.Seq <= at.Seq:
		return Outcome{Fits: s.holds(d.Batch.Base) && s.holds(end), Standing: h.standing(device, offer)}
	case d.Batch.Base.Seq > at.Seq || !s.holds(d.Batch.Base) || !through(d, at):
		return Outcome{Standing: h.standing(device, offer)}
	}
	skip := at.Seq - d.Batch.Base.Seq
	h.append(d.Batch.Journal, s, at, h.papers(d, int(skip)))
	return Outcome{Fits: true, Standing: h.standing(device, offer)}
}

// through reports whether a delivery runs through a point.
func through(d *Delivery, p wire.Point) bool {
	if p.Seq == d.Batch.Base.Seq {
		return p == d.Batch.Base
	}
	return d.Points[p.Seq-d.Batch.Base.Seq-1] == p
}

func (h *hubModel) papers(d *Delivery, skip int) []*paper {
	papers := make([]*paper, 0, len(d.Records)-skip)
	for i, r := range d.Records[skip:] {
		papers = append(papers, h.look(d.Points[skip+i].Chain.ID(), r))
	}
	return papers
}

func (h *hubModel) append(j wire.JournalID, s *shelf, base wire.Point, papers []*paper) {
	g := &segment{device: s.device, journal: j, parent: s.parent, base: base, papers: papers}
	s.papers = append(s.papers, papers...)
	s.segments = append(s.segments, g)
	h.todo = append(h.todo, g)
	h.count(papers)
}

// count keeps rule 9: once per record id.
func (h *hubModel) count(papers []*paper) {
	for _, p := range papers {
		if p.names != nil {
			p.names.named = h.timeline
		}
		if !p.answer || p.counted == h.timeline {
			continue
		}
		p.counted = h.timeline
		h.rows = append(h.rows, p)
	}
}

// replay takes a segment back from the archive, in any order. One that fits no
// journal is kept beside them (rule 8); settle tries it again.
func (h *hubModel) replay(g *segment) (fits bool) {
	h.count(g.papers)
	if h.shelve(g) {
		return true
	}
	h.branches = append(h.branches, g)
	return false
}

// settle puts the branches that have come to fit where they belong.
func (h *hubModel) settle() {
	slices.SortFunc(h.branches, func(a, b *segment) int {
		return cmp.Or(bytes.Compare(a.journal[:], b.journal[:]), cmp.Compare(a.base.Seq, b.base.Seq),
			bytes.Compare(a.base.Chain[:], b.base.Chain[:]))
	})
	h.branches = slices.DeleteFunc(h.branches, h.shelve)
}

func (h *hubModel) shelve(g *segment) bool {
	s := h.journals[g.journal]
	if s == nil && g.base == g.parent {
		s = &shelf{device: g.device, parent: g.parent, safe: g.parent}
		h.journals[g.journal] = s
	}
	if s == nil || s.device != g.device || s.parent != g.parent || !s.holds(g.base) {
		return false
	}
	at := s.received()
	if end := g.end(); end.Seq <= at.Seq {
		return s.holds(end)
	}
	if pointOn(g.base, g.papers, at.Seq) != at {
		return false
	}
	s.papers = append(s.papers, g.papers[at.Seq-g.base.Seq:]...)
	s.segments = append(s.segments, g)
	h.todo = append(h.todo, g)
	return true
}

// image copies what a backup copies.
func (h *hubModel) image() hubDisk {
	c := hubDisk{journals: make(map[wire.JournalID]*shelf, len(h.journals)), timeline: h.timeline,
		branches: slices.Clone(h.branches), rows: h.rows[:len(h.rows):len(h.rows)]}
	for j, s := range h.journals {
		c.journals[j] = s.image()
	}
	return c
}

func (s *shelf) image() *shelf {
	c := *s
	c.papers = c.papers[:len(c.papers):len(c.papers)]
	c.segments = c.segments[:len(c.segments):len(c.segments)]
	return &c
}

// restore puts an older copy in place. Nothing counts as safe until it is read
// back in the new epoch.
func (h *hubModel) restore(c hubDisk, epoch uint64) {
	h.hubDisk = hubDisk{journals: map[wire.JournalID]*shelf{}, branches: slices.Clone(c.branches),
		rows: c.rows[:len(c.rows):len(c.rows)], timeline: epoch}
	h.epoch, h.todo = epoch, nil
	for _, j := range journalsOf(c.journals) {
		s := c.journals[j].image()
		s.safe, s.checked = s.parent, 0
		h.journals[j] = s
		h.todo = append(h.todo, s.segments...)
	}
	for _, p := range h.rows {
		p.counted = h.timeline
		if p.names != nil {
			p.names.named = h.timeline
		}
	}
	h.loseCrates()
	for b := range h.vault {
		h.vault[b] = epoch // restoring reads back what the archive has
	}
}

// journalsOf lists journals in one order for every run.
func journalsOf(m map[wire.JournalID]*shelf) []wire.JournalID {
	return slices.SortedFunc(maps.Keys(m), func(a, b wire.JournalID) int { return bytes.Compare(a[:], b[:]) })
}

// upload puts a segment into the archive; readBack says whether it is there.
func (h *hubModel) upload(g *segment) {
	if !g.stored {
		g.stored = true
		h.archive = append(h.archive, g)
	}
}

func (h *hubModel) readBack(g *segment) bool {
	if g.stored {
		g.verified = h.epoch
	}
	return g.stored
}

// burn loses the archive.
func (h *hubModel) burn() {
	for _, g := range h.archive {
		g.stored = false
	}
	h.archive = nil
	h.vault = map[blob.Hash]uint64{}
}
