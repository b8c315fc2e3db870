package courier

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"nghe/shared/blob"
	"nghe/shared/invariants"
	"nghe/shared/wire"
)

// Times of the simulated world, in its microseconds.
const (
	milli  int64 = 1000
	second       = 1000 * milli
	minute       = 60 * second
	hour         = 60 * minute
	day          = 24 * hour
)

// world is one simulated ward: machines, links and a hub, run by one goroutine
// from one seed.
type world struct {
	seed     uint64
	rng      *rand.Rand
	now      int64
	agenda   agenda
	events   int
	carried  int  // octets, over all lines
	tired    bool // see weary
	papers   map[wire.RecordID]*paper
	answers  []*paper
	pictures map[blob.Hash]*picture
	album    []*picture // the same in order
	lost     []*picture // by the archive: the hub asks for them
	sweeps   uint64
	check    invariants.Checker
	tally    *tally
	trace    func(format string, args ...any) // nil: silent
	machines []*machine
	devices  int
	bad      bool // faults may happen
	noBlobs  bool // the hub is one of before there were blobs
	scenario scenario

	hub      *hubModel
	hubUp    bool
	hubLife  int // grows with every crash
	queue    []queued
	sessions []*session // open at the hub
	backups  []hubDisk
	epochs   uint64 // last given
	burnt    uint64 // epoch that began with the loss of the archive
	acked    map[wire.JournalID]bool
	stick    []wire.Ack // acks that may come again by another road
	replays  []*segment // still to be replayed
}

// scenario says which faults a seed may meet.
type scenario struct {
	machines, days int
	kiosks, hub    bool // rollbacks, clones, new images; restores
}

type queued struct {
	s *session
	d *Delivery
}

func newWorld(seed uint64, t *tally) *world {
	w := &world{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x6e676865)), tally: t,
		papers: map[wire.RecordID]*paper{}, acked: map[wire.JournalID]bool{}, pictures: map[blob.Hash]*picture{}, epochs: 1, bad: true, hubUp: true}
	w.hub = newHub(w.look)
	w.hub.pictures = func(h blob.Hash) *picture { return w.pictures[h] }
	w.scenario = scenario{machines: 2 + w.n(3), days: 1, kiosks: seed%4&1 != 0, hub: seed%4&2 != 0}
	for range w.scenario.machines {
		w.newMachine()
	}
	w.after(w.upTo(10*minute), w.archiving)
	w.after(w.upTo(hour), w.chaos)
	return w
}

// run lets the days pass, then turns every fault off, waits for rest and
// returns what was broken.
func (w *world) run() []invariants.Violation {
	w.until(int64(w.scenario.days)*day, func() bool { return false })
	w.calm()
	w.until(w.now+20*minute, w.delivered)
	for _, m := range w.machines {
		w.check.Waiting(m.name+" for received", int(m.out.head().Seq-m.out.received.Seq))
	}
	w.until(w.now+2*hour, w.atRest)
	return w.verdict()
}

// Several times what any seed needs to come to rest.
const (
	manyEvents = 1_000_000
	manyOctets = 32 << 20 // over all lines together
	manyFrames = 10_000   // that a kiosk has to say at one moment
)

// weary says whether everybody has talked for too long; told once.
func (w *world) weary() bool {
	if w.events < manyEvents && w.carried < manyOctets {
		return false
	}
	if !w.tired {
		w.check.Waiting("everybody, who talk and get nowhere", 1)
	}
	w.tired = true
	return true
}

func (w *world) until(end int64, enough func() bool) {
	for i := 0; len(w.agenda.heap) > 0 && w.agenda.heap[0].at <= end; i++ {
		if i%64 == 0 && enough() {
			return
		}
		if w.weary() {
			return
		}
		e := w.agenda.next()
		w.now = e.at
		w.events++
		if e.tap != nil {
			e.tap.tapped()
		} else {
			e.do()
		}
	}
}

// newPicture is some thousand bytes that nobody can compress.
func (w *world) newPicture() *picture {
	b := make([]byte, 16+w.n(4000))
	for i := 0; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], w.rng.Uint64())
	}
	p := newPicture(b)
	w.pictures[p.ref.Hash] = p
	w.album = append(w.album, p)
	return p
}

func (w *world) after(d int64, do func()) { w.agenda.add(event{at: w.now + d, do: do}) }
func (w *world) n(n int) int              { return w.rng.IntN(n) }
func (w *world) upTo(d int64) int64       { return 1 + w.rng.Int64N(d) }
func (w *world) chance(p float64) bool    { return w.bad && w.rng.Float64() < p }

// sometimes is a chance that is counted when it comes true.
func (w *world) sometimes(f fault, p float64) bool {
	if !w.chance(p) {
		return false
	}
	w.tally.add(f)
	return true
}

func (w *world) random() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:], w.rng.Uint64())
	binary.BigEndian.PutUint64(b[8:], w.rng.Uint64())
	return b
}

func (w *world) say(format string, args ...any) {
	if w.trace != nil {
		w.trace("%s "+format, append([]any{clock(w.now)}, args...)...)
	}
}

func clock(at int64) string {
	return fmt.Sprintf("d%d %02d:%02d:%02d.%06d", at/day, at%day/hour, at%hour/minute, at%minute/second, at%second)
}

// wrote notes a record somebody committed.
func (w *world) wrote(b []byte, c wire.Chain) *paper {
	p := &paper{bytes: b, chain: c}
	w.papers[c.ID()] = p
	return p
}

// look finds the paper of bytes that came off the wire.
func (w *world) look(id wire.RecordID, b []byte) *paper {
	p := w.papers[id]
	if p == nil || !bytes.Equal(p.bytes, b) {
		w.check.Missing("the hub took bytes no kiosk wrote", id)
		return w.wrote(b, wire.Chain{})
	}
	return p
}

// sign is a keyed hash, cheap enough for millions of statements; the device
// keys are 1, 2, …, the hub's is 0.
func sign(key int, statement []byte) []byte {
	h := uint64(14695981039346656037) ^ uint64(key+1)*0x9e3779b97f4a7c15
	for len(statement) >= 8 {
		h = (h ^ binary.BigEndian.Uint64(statement)) * 0xff51afd7ed558ccd
		h ^= h >> 32
		statement = statement[8:]
	}
	for _, b := range statement {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return binary.BigEndian.AppendUint64(nil, h^h>>29)
}

func signer(key int) func([]byte) ([]byte, error) {
	return func(statement []byte) ([]byte, error) { return sign(key, statement), nil }
}

func verifier(key int) func(statement, signature []byte) bool {
	return func(statement, signature []byte) bool { return bytes.Equal(sign(key, statement), signature) }
}

// sweep marks every paper of which a disk, the hub or the archive has a copy.
// What has none is excused when a disk went with it, and reported when not.
func (w *world) sweep() {
	w.sweeps++
	for _, m := range w.machines {
		w.mark(m.out.papers)
	}
	for _, s := range w.hub.journals {
		w.mark(s.papers)
	}
	for _, g := range w.hub.branches {
		w.mark(g.papers)
	}
	for _, g := range w.hub.archive {
		w.mark(g.papers)
	}
	for _, p := range w.answers {
		if p.seen == w.sweeps || p.gone {
			continue
		}
		p.gone = true
		if p.torn || p.archived > 0 && p.archived < w.burnt {
			w.tally.add(destroyed)
			w.check.Destroyed(p.chain.ID())
		} else {
			w.say("lost %s", p.chain.ID())
		}
	}
	w.sweepBlobs()
}

// sweepBlobs is the same for blobs. A part of one on the hub is no copy.
func (w *world) sweepBlobs() {
	for _, m := range w.machines {
		for _, k := range m.out.blobs {
			if !k.rotten {
				k.pic.seen = w.sweeps
			}
		}
	}
	for h, k := range w.hub.crates {
		if k.whole {
			w.pictures[h].seen = w.sweeps
		}
	}
	for h := range w.hub.vault {
		w.pictures[h].seen = w.sweeps
	}
	for _, p := range w.album {
		if p.seen == w.sweeps || p.gone || p.erased {
			continue
		}
		p.gone = true
		if p.torn || p.archived > 0 && p.archived < w.burnt {
			w.check.Destroyed(p.id())
		} else {
			w.say("lost blob %s", p.ref.Hash)
		}
	}
}

func (w *world) mark(papers []*paper) {
	for _, p := range papers {
		p.seen = w.sweeps
	}
}

// calm turns every fault off and lets everything that waits begin.
func (w *world) calm() {
	w.say("calm")
	w.bad, w.hub.full, w.noBlobs = false, false, false
	if !w.hubUp {
		w.hubStarts()
	}
	w.replayAll()
	for _, m := range w.machines {
		m.offlineUntil, m.poor, m.failing = w.now, false, false
	}
}

func (w *world) delivered() bool {
	for _, m := range w.machines {
		if !m.up || m.out.received != m.out.head() {
			return false
		}
	}
	return w.hubUp && len(w.queue) == 0
}

func (w *world) atRest() bool {
	for _, m := range w.machines {
		if m.out.safe != m.out.head() || m.blobsWaiting() > 0 {
			return false
		}
	}
	return w.delivered()
}

// blobsWaiting counts those that a record names and the hub could have.
func (m *machine) blobsWaiting() (n int) {
	for _, k := range m.out.blobs {
		named := k.pic.record != nil && !k.pic.record.gone
		refused := k.rotten || k.state == wire.BlobRefused && k.pic.torn // by a copy of this machine
		archived := k.state == wire.BlobArchived && (k.pic.erased || m.w.hub.holdsBlob(k.pic.ref.Hash))
		if named && !archived && !refused {
			n++
		}
	}
	return n
}

// verdict tells the checker what lies where at rest.
func (w *world) verdict() []invariants.Violation {
	w.sweep()
	for _, m := range w.machines {
		head := m.out.head().Seq
		w.check.Waiting(m.name+" for received", int(head-m.out.received.Seq))
		w.check.Waiting(m.name+" for safe", int(head-m.out.safe.Seq))
		for _, p := range m.out.papers {
			w.check.Held(p.chain.ID())
		}
		w.blobsAt(m)
	}
	w.blobsAtHub()
	for j, s := range w.hub.journals {
		w.check.Begins(j, s.parent.Seq)
		w.check.Survived(j, w.hub.epoch, s.received().Seq)
		records := make([][]byte, len(s.papers))
		for i, p := range s.papers {
			records[i] = p.bytes
			w.check.Stored(j, s.parent.Seq+uint64(i)+1, p.chain.ID())
		}
		w.check.Chain(j, s.parent.Chain, records, s.received().Chain)
	}
	for _, g := range w.hub.branches {
		for _, p := range g.papers {
			w.check.Held(p.chain.ID())
		}
	}
	w.counts()
	return w.check.Check()
}

func (w *world) blobsAt(m *machine) {
	w.check.Waiting(m.name+" for blobs archived", m.blobsWaiting())
	if m.session != nil && m.session.flying > 0 {
		m.cuts++
	}
	w.check.Sent(m.name, m.sent, m.used, m.cuts, m.most)
	for _, k := range m.out.blobs {
		if !k.rotten {
			w.check.Held(k.pic.id())
			w.check.Blob(m.name, k.pic.ref.Hash, k.pic.bytes)
		}
	}
}

func (w *world) blobsAtHub() {
	for h, k := range w.hub.crates {
		if k.whole {
			w.check.AtHub("spool", k.pic.id())
			w.check.Blob("hub", h, k.bytes)
		}
	}
	for h := range w.hub.vault {
		w.check.AtHub("archive", w.pictures[h].id())
	}
}

// counts compares the read model with a recount of everything held.
func (w *world) counts() {
	for _, p := range w.hub.rows {
		w.check.Counted("rows", p.chain.ID())
	}
	held := map[wire.RecordID]bool{}
	note := func(papers []*paper) {
		for _, p := range papers {
			if p.answer {
				held[p.chain.ID()] = true
			}
		}
	}
	for _, s := range w.hub.journals {
		note(s.papers)
	}
	for _, g := range w.hub.branches {
		note(g.papers)
	}
	w.check.Total("rows", len(held))
}
