package ledger

import (
	"database/sql"
	"fmt"

	"nghe/shared/wire"
)

// hole is a journal whose parent point no journal here holds.
type hole struct{ j *journal }

// declare records that what came before a journal's base is lost, until
// segments fill it.
func (w *work) declare(j *journal, at int64) error {
	if err := w.openHoles(); err != nil {
		return err
	}
	w.holes = append(w.holes, hole{j})
	if err := w.exec("put hole", j.number, int64(j.base.Seq), at); err != nil {
		return err
	}
	return w.event(EventHole, j.device, j.name, j.base.Seq, "records up to here are not held: declared lost")
}

func (w *work) openHoles() error {
	if w.holesFor {
		return nil
	}
	var numbers []int64
	err := w.each("open holes", func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		numbers = append(numbers, n)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		j, err := w.journal(n)
		if err != nil {
			return err
		}
		w.holes = append(w.holes, hole{j})
	}
	w.holesFor = true
	return nil
}

// explain uses what a fork record says of its parent: a hole may turn out to be
// none, or smaller.
func (w *work) explain(j *journal, r wire.JournalFork, at int64) error {
	if err := w.openHoles(); err != nil || !w.isHole(j) {
		return err
	}
	found, err := w.lineage(j, "journals named around", r.From[:])
	if err != nil {
		return err
	}
	if found.held {
		return w.fill(j, found.boot, at)
	}
	return w.exec("narrow hole", int64(r.Hub.Seq), j.number)
}

func (w *work) isHole(j *journal) bool {
	for _, h := range w.holes {
		if h.j == j {
			return true
		}
	}
	return false
}

// fillHoles looks whether the records that were just appended to a journal are
// those that another one misses.
func (w *work) fillHoles(j *journal, before wire.Point, at int64) error {
	if err := w.openHoles(); err != nil {
		return err
	}
	for _, h := range append([]hole(nil), w.holes...) {
		missing := h.j.base
		if h.j == j || missing.Seq <= before.Seq || missing.Seq > j.received.Seq {
			continue
		}
		held, err := w.holds(j, missing)
		if err != nil {
			return err
		}
		if !held {
			continue
		}
		boot, _, err := w.number("run at", j.number, int64(missing.Seq))
		if err != nil {
			return err
		}
		if err := w.fill(h.j, boot, at); err != nil {
			return err
		}
	}
	return nil
}

// fill closes a hole: its journal's first records now have the boot they
// belong to.
func (w *work) fill(j *journal, boot, at int64) error {
	for i, h := range w.holes {
		if h.j == j {
			w.holes = append(w.holes[:i], w.holes[i+1:]...)
			break
		}
	}
	if err := w.exec("fill hole", at, j.number); err != nil {
		return err
	}
	detail := fmt.Sprintf("records up to %d are held after all", j.base.Seq)
	if err := w.event(EventFilled, j.device, j.name, j.base.Seq, detail); err != nil || boot == 0 {
		return err
	}
	standIn, found, err := w.number("stand-in of", j.number, int64(j.base.Seq)+1)
	if err != nil {
		return err
	}
	if found && standIn != boot {
		return w.adopt(standIn, boot)
	}
	if _, any, err := w.number("first run", j.number); err != nil || any {
		return err
	}
	return w.inherit(j, boot)
}
