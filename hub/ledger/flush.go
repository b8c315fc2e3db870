package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"

	"nghe/shared/wire"
)

// countKey names one row of counts.
type countKey struct{ place, hour, reply int64 }

// replacement says that an answer of boot takes the place of earlier.
type replacement struct {
	earlier wire.RecordID
	boot    *boot
}

// flush inserts the answers read so far and counts those that are new.
func (w *work) flush() error {
	inserted, err := w.insert()
	if err != nil {
		return err
	}
	for i := range w.answers {
		a := &w.answers[i]
		if inserted == nil || inserted[a.number] {
			w.counts[countKey{a.boot.place, a.taken() / hour, a.reply}]++
		}
	}
	w.answers = w.answers[:0]
	for _, r := range w.replacing {
		if err := w.replace(r); err != nil {
			return err
		}
	}
	w.replacing = w.replacing[:0]
	return nil
}

// insert reports which answers were new; nil means all of them.
func (w *work) insert() (map[int64]bool, error) {
	n := len(w.answers)
	numbers, ids := make([]int64, n), make([][]byte, n)
	uptimes, replies, states := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range w.answers {
		a := &w.answers[i]
		numbers[i], ids[i], uptimes[i], replies[i], states[i] = a.number, a.id[:], a.uptime, a.reply, a.state
	}
	changed, err := w.tx.Many(w.ctx, w.l.sql("put answers"), numbers, ids, uptimes, replies, states)
	if err != nil {
		return nil, fmt.Errorf("put answers: %w", err)
	}
	if changed == int64(n) {
		return nil, nil
	}
	return w.present(numbers)
}

// present reports which answers are there under their own number: the others
// came earlier, in another journal.
func (w *work) present(numbers []int64) (map[int64]bool, error) {
	there := map[int64]bool{}
	for last, i := int64(-1), 0; i < len(numbers); i++ {
		segment := numbers[i] / slots
		if segment == last {
			continue
		}
		last = segment
		err := w.each("answers of segment", func(rows *sql.Rows) error {
			r, err := scanAnswer(rows)
			there[r.number] = true
			return err
		}, segment*slots)
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// storedAnswer is a row of answers.
type storedAnswer struct {
	number, uptime, reply, state int64
	id                           []byte
}

func scanAnswer(rows *sql.Rows) (storedAnswer, error) {
	var r storedAnswer
	return r, rows.Scan(&r.number, &r.id, &r.uptime, &r.reply, &r.state)
}

// replace takes the earlier answer out of the counts. Only a journal of the
// same boot or the same device may: anything else is left as it is.
func (w *work) replace(r replacement) error {
	var number, boot, place, hours, reply, state int64
	var device string
	err := w.row("timed by id", r.earlier[:]).Scan(&number, &boot, &place, &hours, &reply, &state, &device)
	if isNoRows(err) {
		return w.exec("put replacement", r.earlier[:], r.boot.number)
	}
	if err != nil {
		return fmt.Errorf("timed by id: %w", err)
	}
	if state&stateReplaced != 0 || boot != r.boot.number && device != r.boot.device {
		return nil
	}
	w.counts[countKey{place, hours, reply}]--
	w.lowered = true
	return w.exec("mark replaced", number)
}

// replaceLate applies replacements whose earlier answer has arrived since.
func (w *work) replaceLate() error {
	var late []replacement
	var boots []int64
	err := w.each("replacements that arrived", func(rows *sql.Rows) error {
		var id []byte
		var boot int64
		if err := rows.Scan(&id, &boot); err != nil {
			return err
		}
		late, boots = append(late, replacement{earlier: wire.RecordID(id)}), append(boots, boot)
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range late {
		if r.boot, err = w.boot(boots[i]); err != nil {
			return err
		}
		if err := w.replace(r); err != nil {
			return err
		}
		if err := w.exec("drop replacement", r.earlier[:]); err != nil {
			return err
		}
	}
	return nil
}

// finish writes what is still in memory, last before the commit.
func (w *work) finish() error {
	if err := w.writeSums(); err != nil || !w.appended {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.replaceLate(); err != nil {
		return err
	}
	if err := w.addCounts(); err != nil || !w.lowered {
		return err
	}
	return w.exec("drop empty counts")
}

// addCounts writes in key order: neighbours lie on one page.
func (w *work) addCounts() error {
	keys := make([]countKey, 0, len(w.counts))
	for k, n := range w.counts {
		if n != 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.hour, b.hour), cmp.Compare(a.reply, b.reply))
	})
	places, hours := make([]int64, len(keys)), make([]int64, len(keys))
	replies, changes := make([]int64, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		places[i], hours[i], replies[i], changes[i] = k.place, k.hour, k.reply, w.counts[k]
	}
	clear(w.counts)
	if _, err := w.tx.Many(w.ctx, w.l.sql("add counts"), places, hours, replies, changes); err != nil {
		return fmt.Errorf("add counts: %w", err)
	}
	return nil
}
