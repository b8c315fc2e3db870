package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// work is one write transaction of the ledger: what it has read under the lock,
// and what it will write before it ends. It is used by one goroutine and its
// context ends with it.
type work struct {
	l     *Ledger
	ctx   context.Context
	tx    *database.Tx
	epoch uint64
	quiet bool // a rebuild tells no story twice

	journals map[int64]*journal
	trunks   map[wire.JournalID]*journal // those of journals that kiosks speak of
	boots    map[int64]*boot
	holes    []hole // open ones; see openHoles
	holesFor bool   // holes was read
	names    *names // given in this transaction
	shared   *names // given before; nil in a rebuild, which trusts nothing it remembers

	answers  []answer           // not yet inserted
	amending []amendment        // not yet applied
	counts   map[countKey]tally // changes not yet written
	lowered  bool               // some count may have become 0
	appended bool               // some journal moved
	told     []func(l *Ledger)  // log lines, once committed
	sums     map[string]*sum    // those that moved
}

// write runs do as the ledger's only writer, in this process and any other.
func (l *Ledger) write(ctx context.Context, do func(w *work) error) error {
	var done *work
	err := l.db.Write(ctx, func(tx *database.Tx) error {
		w := &work{l: l, ctx: ctx, tx: tx, journals: map[int64]*journal{}, trunks: map[wire.JournalID]*journal{},
			boots: map[int64]*boot{}, sums: map[string]*sum{},
			names: newNames(), shared: l.names, counts: map[countKey]tally{}}
		var epoch int64
		if err := w.row("lock").Scan(&epoch); err != nil {
			return fmt.Errorf("lock ledger: %w", err)
		}
		w.epoch, done = uint64(epoch), w
		if err := do(w); err != nil {
			return err
		}
		return w.finish()
	})
	if err != nil {
		return err
	}
	l.names.add(done.names)
	for _, tell := range done.told {
		tell(l)
	}
	if done.appended {
		l.announce()
	}
	return nil
}

func (w *work) exec(name string, args ...any) error {
	if _, err := w.tx.Exec(w.ctx, w.l.sql(name), args...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (w *work) row(name string, args ...any) *sql.Row {
	return w.tx.QueryRowContext(w.ctx, w.l.sql(name), args...)
}

// number reads one integer, and false when there is no row.
func (w *work) number(name string, args ...any) (int64, bool, error) {
	var n int64
	switch err := w.row(name, args...).Scan(&n); err {
	case nil:
		return n, true, nil
	case sql.ErrNoRows:
		return 0, false, nil
	default:
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
}

func (w *work) each(name string, scan func(*sql.Rows) error, args ...any) error {
	return database.Each(w.ctx, w.tx, name, w.l.sql(name), scan, args...)
}

func (l *Ledger) each(ctx context.Context, name string, scan func(*sql.Rows) error, args ...any) error {
	return database.Each(ctx, l.db.Read(), name, l.sql(name), scan, args...)
}

// event writes the hub's own log, and its line once committed.
func (w *work) event(kind EventKind, device string, journal wire.JournalID, seq uint64, detail string) error {
	if w.quiet {
		return nil
	}
	name := journal[:]
	if journal == (wire.JournalID{}) {
		name = []byte{}
	}
	w.told = append(w.told, func(l *Ledger) {
		l.logger.Warn("ledger event", "kind", string(kind), "device", device, "journal", journal.String(),
			"seq", seq, "detail", detail)
	})
	at, number := micros(w.l.now()), int64(0)
	err := w.row("put event", at, string(kind), device, name, int64(seq), detail).Scan(&number)
	if err != nil {
		return fmt.Errorf("put event: %w", err)
	}
	return w.addUp("events", number, at, string(kind), device, name, int64(seq), detail)
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// point puts together what a row keeps apart.
func point(seq int64, chain []byte) (wire.Point, error) {
	if len(chain) != len(wire.Chain{}) || seq < 0 {
		return wire.Point{}, fmt.Errorf("damaged row: point of %d with a chain of %d bytes", seq, len(chain))
	}
	return wire.At(uint64(seq), wire.Chain(chain)), nil
}
