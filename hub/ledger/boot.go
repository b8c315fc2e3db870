package ledger

import (
	"bytes"
	"fmt"

	"nghe/shared/wire"
)

// Where the knowledge of a boot's beginning comes from; a higher one is better.
const (
	sourceNone = 0 // not known: the hub does not hold the boot record, nor any reading
	sourceWall = 1 // the machine's own clock
	sourceHub  = 2 // measured against the hub's
)

// boot is one run of an agent. Uptime 0 lies in [began, began+width].
type boot struct {
	number   int64
	device   string
	place    int64
	source   int64
	began    int64
	width    int64
	clockSeq int64  // the clock record that told it; 0 for the boot record
	clockID  []byte // of it
}

// readBoot begins a run. Copies of one machine share the boot records from
// before they parted, so a boot may be here already.
func (w *work) readBoot(e *entry, r wire.Boot) error {
	before, id := e.j.boot, e.id()
	b, err := w.bootBy("boot by id", id[:])
	if err != nil {
		return err
	}
	if b == nil {
		if b, err = w.putBoot(id[:], e.j.device, r.Place, r); err != nil {
			return err
		}
	}
	if err := w.run(e.j, int64(e.point.Seq), b.number); err != nil {
		return err
	}
	return w.placeStandIn(before, b.place)
}

func (w *work) putBoot(id []byte, device, place string, r wire.Boot) (*boot, error) {
	number, err := w.placeNumber(place)
	if err != nil {
		return nil, err
	}
	return w.addBoot(id, &boot{device: device, place: number, source: sourceWall,
		began: min(max(r.Wall, 0), farthest), clockID: []byte{}}, r.Nonce[:], r.Program)
}

func (w *work) addBoot(id []byte, b *boot, nonce []byte, program string) (*boot, error) {
	err := w.row("put boot", id, b.device, b.place, nonce, program, b.source, b.began, b.width,
		b.clockSeq, b.clockID).Scan(&b.number)
	if err != nil {
		return nil, fmt.Errorf("put boot: %w", err)
	}
	w.boots[b.number] = b
	return b, nil
}

// run ends the journal's run before seq and begins another there. A run that
// was inherited may turn out to hold no record.
func (w *work) run(j *journal, seq, boot int64) error {
	if j.boot != 0 {
		if err := w.exec("drop run", j.number, seq); err != nil {
			return err
		}
		if err := w.exec("end run", seq, j.number); err != nil {
			return err
		}
	}
	j.boot = boot
	return w.exec("put run", j.number, seq, boot)
}

// bootOf is the boot a record belongs to. Where the hub holds none, because it
// lies before the journal's base, an unknown one stands in.
func (w *work) bootOf(e *entry) (*boot, error) {
	if e.j.boot != 0 {
		return w.boot(e.j.boot)
	}
	place, known, err := w.number("last place of device", e.j.device)
	if err != nil {
		return nil, err
	}
	if !known {
		if place, err = w.placeNumber(""); err != nil {
			return nil, err
		}
	}
	b, err := w.addBoot(nil, &boot{device: e.j.device, place: place, clockID: []byte{}}, []byte{}, "")
	if err != nil {
		return nil, err
	}
	return b, w.run(e.j, int64(e.j.base.Seq)+1, b.number)
}

func (w *work) boot(number int64) (*boot, error) {
	b, err := w.bootBy("boot by number", number)
	if err == nil && b == nil {
		err = fmt.Errorf("boot %d is not there: run hub rebuild", number)
	}
	return b, err
}

func (w *work) bootBy(query string, key any) (*boot, error) {
	if number, ok := key.(int64); ok && w.boots[number] != nil {
		return w.boots[number], nil
	}
	var b boot
	err := w.row(query, key).Scan(&b.number, &b.device, &b.place, &b.source, &b.began, &b.width, &b.clockSeq, &b.clockID)
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	if known := w.boots[b.number]; known != nil {
		return known, nil
	}
	w.boots[b.number] = &b
	return &b, nil
}

// placeStandIn gives a stand-in whose place is not known that of the boot that
// followed it in its journal.
func (w *work) placeStandIn(number, place int64) error {
	if number == 0 {
		return nil
	}
	nowhere, err := w.placeNumber("")
	if err != nil {
		return err
	}
	b, err := w.boot(number)
	if err != nil || b.place != nowhere || place == nowhere {
		return err
	}
	if n, _, err := w.number("is stand-in", number); err != nil || n == 0 {
		return err
	}
	return w.change(b, func(b *boot) { b.place = place })
}

// readClock keeps the reading. The first reading of a boot against the hub says
// when it began; which one is first depends on seq and bytes, never on arrival.
func (w *work) readClock(e *entry, r wire.Clock) error {
	if r.Uptime > farthest || r.Width > farthest || outside(r.Wall) || outside(r.Hub) {
		return &unreadable{"clock: time out of range"}
	}
	b, err := w.bootOf(e)
	if err != nil {
		return err
	}
	id, seq := e.id(), int64(e.point.Seq)
	err = w.exec("put clock", id[:], b.number, seq, int64(r.Cause), int64(r.Uptime), r.Wall, r.Hub, int64(r.Width))
	if err != nil {
		return err
	}
	told := knowledge{source: sourceWall, began: r.Wall - int64(r.Uptime), seq: seq, id: id[:]}
	if r.Cause == wire.ClockHub {
		told.source, told.began, told.width = sourceHub, r.Hub-int64(r.Uptime), int64(r.Width)
	}
	if !told.better(b.knows()) {
		return nil
	}
	return w.change(b, told.teach)
}

func outside(t int64) bool { return t < -farthest || t > farthest }

// knowledge of when a boot began.
type knowledge struct {
	source, began, width, seq int64
	id                        []byte
}

func (b *boot) knows() knowledge {
	return knowledge{b.source, b.began, b.width, b.clockSeq, b.clockID}
}

func (k knowledge) better(than knowledge) bool {
	if k.source != than.source {
		return k.source > than.source
	}
	return k.seq < than.seq || k.seq == than.seq && bytes.Compare(k.id, than.id) < 0
}

func (k knowledge) teach(b *boot) {
	b.source, b.began, b.width, b.clockSeq, b.clockID = k.source, k.began, k.width, k.seq, k.id
}

// change changes a boot and moves the counts of its answers with it. Answers
// not yet inserted are counted when they are, by what the boot is then.
func (w *work) change(b *boot, set func(*boot)) error {
	if err := w.recount(b.number, -1); err != nil {
		return err
	}
	set(b)
	err := w.exec("change boot", b.place, b.source, b.began, b.width, b.clockSeq, b.clockID, b.number)
	if err != nil {
		return err
	}
	return w.recount(b.number, 1)
}

func (w *work) recount(boot, sign int64) error {
	w.lowered = true
	return w.exec("recount boot", sign, boot)
}

// adopt puts the boot that a stand-in stood for in its place.
func (w *work) adopt(standIn, number int64) error {
	s, err := w.boot(standIn)
	if err != nil {
		return err
	}
	b, err := w.boot(number)
	if err != nil {
		return err
	}
	for _, n := range []int64{s.number, b.number} {
		if err := w.recount(n, -1); err != nil {
			return err
		}
	}
	if s.knows().better(b.knows()) {
		s.knows().teach(b)
	}
	if err := w.moveBoot(s, b); err != nil {
		return err
	}
	return w.recount(b.number, 1)
}

// moveBoot hands everything a stand-in had to the boot it stood for.
func (w *work) moveBoot(s, b *boot) error {
	for _, what := range []string{"move runs", "move clocks", "move amendments"} {
		if err := w.exec(what, b.number, s.number); err != nil {
			return err
		}
	}
	for _, j := range w.journals {
		if j.boot == s.number {
			j.boot = b.number
		}
	}
	for i := range w.answers {
		if w.answers[i].boot == s {
			w.answers[i].boot = b
		}
	}
	for i := range w.amending {
		if w.amending[i].boot == s {
			w.amending[i].boot = b
		}
	}
	delete(w.boots, s.number)
	if err := w.exec("drop amendments of boot", s.number); err != nil { // those the true boot has as well
		return err
	}
	if err := w.exec("drop boot", s.number); err != nil {
		return err
	}
	return w.exec("change boot", b.place, b.source, b.began, b.width, b.clockSeq, b.clockID, b.number)
}
