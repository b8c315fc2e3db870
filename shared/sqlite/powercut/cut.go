package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

const sector = 512 // bytes a disk writes whole or not at all

// Choice says what becomes of all that was not synced when the power went.
type Choice int

const (
	Lost    Choice = iota // nothing of it reached the disk
	Kept                  // all of it did: a killed process, not a power cut
	Ordered               // what came before some moment did, the write at that moment in part
	Mixed                 // any part of it did, in sectors, and any of the folder's changes
)

func (c Choice) String() string { return [...]string{"lost", "kept", "ordered", "mixed"}[c] }

// Choices are all of them.
var Choices = []Choice{Lost, Kept, Ordered, Mixed}

// State is what the folder holds after a cut.
type State map[string][]byte

// Cut is a state the folder may be found in when the power goes after the first
// at operations. Equal arguments give equal states.
func (d *Disk) Cut(at int, c Choice, seed uint64) State {
	return replay(d.log()[:at]).state(c, rand.New(rand.NewPCG(seed, uint64(at))))
}

// Save writes the state into an empty folder.
func (s State) Save(dir string) error {
	for name, data := range s {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("save state: %w", err)
		}
	}
	return nil
}

// Resume records a new process that goes on in dir, an empty folder, where one
// was killed after the first at operations: it sees all of them, but what was
// not synced still is not.
func (d *Disk) Resume(at int, dir string) (*Disk, error) {
	past := d.log()[:at]
	if err := replay(past).state(Kept, nil).Save(dir); err != nil {
		return nil, err
	}
	next, err := Record(dir)
	if err != nil {
		return nil, err
	}
	next.past = past
	return next, nil
}

// content is a file apart from its name: what is on the disk for sure, and what
// was done to it since.
type content struct {
	synced  []byte
	pending []change
}

type change struct {
	op
	when int // number of the operation
}

// entry is one name in the folder: who it stood for when the folder was last
// synced (nil: nobody), and since.
type entry struct {
	synced *content
	since  []rename
}

type rename struct {
	to   *content // nil: deleted
	when int
}

func (e *entry) now() *content {
	if n := len(e.since); n > 0 {
		return e.since[n-1].to
	}
	return e.synced
}

type disk struct {
	entries map[string]*entry
	ops     int
}

func replay(ops []op) *disk {
	d := &disk{entries: map[string]*entry{}, ops: len(ops)}
	for i, o := range ops {
		d.apply(i, o)
	}
	return d
}

func (d *disk) apply(i int, o op) {
	if o.letter == opDirsync {
		for _, e := range d.entries {
			e.synced, e.since = e.now(), nil
		}
		return
	}
	e := d.entries[o.name]
	if e == nil {
		e = &entry{}
		d.entries[o.name] = e
	}
	switch o.letter {
	case opCreate:
		e.since = append(e.since, rename{&content{}, i})
	case opDelete:
		e.since = append(e.since, rename{nil, i})
	case opSync:
		c := e.now()
		c.synced, c.pending = c.with(func(change) bool { return true }), nil
	default:
		c := e.now()
		c.pending = append(c.pending, change{o, i})
	}
}

// with is the file once the wanted changes have reached the disk.
func (c *content) with(want func(change) bool) []byte {
	data := slices.Clone(c.synced)
	for _, p := range c.pending {
		if want(p) {
			data = p.on(data)
		}
	}
	return data
}

func (o op) on(data []byte) []byte {
	end := int(o.at) + len(o.data) // of a truncation: the size it leaves
	if grow := end - len(data); grow > 0 {
		data = append(data, make([]byte, grow)...)
	}
	if o.letter == opTruncate {
		return data[:o.at]
	}
	copy(data[o.at:], o.data)
	return data
}

func (d *disk) state(c Choice, r *rand.Rand) State {
	switch c {
	case Lost:
		return d.until(0)
	case Kept:
		return d.until(d.ops)
	case Ordered:
		return d.ordered(r)
	}
	return d.mixed(r)
}

// until is the folder once everything that came before a moment, synced or not,
// has reached the disk.
func (d *disk) until(moment int) State {
	s := State{}
	for name, e := range d.entries {
		holds := e.synced
		for _, to := range e.since {
			if to.when < moment {
				holds = to.to
			}
		}
		if holds != nil {
			s[name] = holds.with(func(p change) bool { return p.when < moment })
		}
	}
	return s
}

// ordered picks a moment among the changes that may be lost, and tears the
// first one after it.
func (d *disk) ordered(r *rand.Rand) State {
	open := d.open()
	if len(open) == 0 {
		return d.until(0)
	}
	moment := open[r.IntN(len(open))]
	s := d.until(moment)
	for name, e := range d.entries {
		holds := e.now()
		if holds == nil || s[name] == nil {
			continue
		}
		for _, p := range holds.pending {
			if p.when == moment && p.letter == opWrite {
				p.data = p.data[:min(len(p.data), sector*r.IntN(len(p.data)/sector+1))]
				s[name] = p.on(s[name])
			}
		}
	}
	return s
}

// open lists the numbers of all changes that may be lost.
func (d *disk) open() (numbers []int) {
	for _, name := range d.names() {
		e := d.entries[name]
		for _, to := range e.since {
			numbers = append(numbers, to.when)
		}
		if c := e.now(); c != nil {
			for _, p := range c.pending {
				numbers = append(numbers, p.when)
			}
		}
	}
	slices.Sort(numbers)
	return numbers
}

// mixed lets chance decide about every name and every sector, with odds drawn
// once, so that whole folders full of lost, kept and torn writes all come up.
func (d *disk) mixed(r *rand.Rand) State {
	odds := []float64{0, 0.1, 0.5, 0.9, 1}
	names, whole, torn := odds[r.IntN(5)], odds[r.IntN(5)], odds[r.IntN(5)]
	s := State{}
	for _, name := range d.names() {
		e := d.entries[name]
		holds := e.synced
		for _, to := range e.since {
			if r.Float64() < names {
				holds = to.to
			}
		}
		if holds != nil {
			s[name] = holds.mixed(r, whole, torn)
		}
	}
	return s
}

func (c *content) mixed(r *rand.Rand, whole, torn float64) []byte {
	data := slices.Clone(c.synced)
	for _, p := range c.pending {
		switch {
		case r.Float64() < whole:
			data = p.on(data)
		case p.letter == opWrite && r.Float64() < torn:
			for _, part := range p.sectors() {
				if r.IntN(2) == 0 {
					data = part.on(data)
				}
			}
		}
	}
	return data
}

// sectors cuts a write where the disk's sectors end.
func (o op) sectors() (parts []op) {
	for len(o.data) > 0 {
		n := min(sector-int(o.at%sector), len(o.data))
		part := o
		part.data = o.data[:n]
		parts = append(parts, part)
		o.at, o.data = o.at+int64(n), o.data[n:]
	}
	return parts
}

func (d *disk) names() []string {
	var names []string
	for name := range d.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
