package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
)

// countKey names one row of counts.
type countKey struct{ place, hour, reply int64 }

// tally is how many answers gave a reply, and how many of them have a flag.
type tally struct{ n, flagged int64 }

func (t tally) plus(n, flagged int64) tally { return tally{t.n + n, t.flagged + flagged} }

// flush inserts the answers read so far and counts those that are new.
func (w *work) flush() error {
	inserted, err := w.insert()
	if err != nil {
		return err
	}
	for i := range w.answers {
		a := &w.answers[i]
		if inserted == nil || inserted[a.number] {
			key := countKey{a.boot.place, a.taken() / hour, a.reply}
			w.counts[key] = w.counts[key].plus(1, 0)
		}
	}
	w.answers = w.answers[:0]
	for _, m := range w.amending {
		if err := w.amend(m); err != nil {
			return err
		}
	}
	w.amending = w.amending[:0]
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

// finish writes what is still in memory, last before the commit.
func (w *work) finish() error {
	if err := w.writeSums(); err != nil || !w.appended {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.amendLate(); err != nil {
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
		if n != (tally{}) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.hour, b.hour), cmp.Compare(a.reply, b.reply))
	})
	places, hours := make([]int64, len(keys)), make([]int64, len(keys))
	replies, ns, flagged := make([]int64, len(keys)), make([]int64, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		n := w.counts[k]
		places[i], hours[i], replies[i], ns[i], flagged[i] = k.place, k.hour, k.reply, n.n, n.flagged
	}
	clear(w.counts)
	if _, err := w.tx.Many(w.ctx, w.l.sql("add counts"), places, hours, replies, ns, flagged); err != nil {
		return fmt.Errorf("add counts: %w", err)
	}
	return nil
}
