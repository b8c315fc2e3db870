package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"nghe/shared/wire"
)

// Delivery is one batch of one kiosk. Its shape, chain and signature were
// verified by who received it.
type Delivery struct {
	Device  string
	Batch   wire.Batch
	Records [][]byte     // of Batch
	Points  []wire.Point // each record's
	At      time.Time    // when it arrived; zero means now
	// Parent is the base the device offered for this journal. When it is set
	// and the journal is new, the first batch must begin exactly there; a later
	// batch of a pipeline whose first was lost would leave a gap behind it.
	Parent wire.Point
}

// Outcome says what became of a Delivery.
type Outcome struct {
	Fits     bool          // its records are committed, now or earlier
	Standing wire.Standing // after it, unsigned
}

// Append commits deliveries of any number of kiosks in one transaction, in
// their order. Each fits or not for itself; an error means that nothing of any
// of them was stored.
func (l *Ledger) Append(ctx context.Context, deliveries []Delivery) ([]Outcome, error) {
	for i := range deliveries {
		if d := &deliveries[i]; len(d.Records) == 0 || len(d.Records) != len(d.Points) {
			return nil, fmt.Errorf("append for %s: %d records with %d points", d.Device, len(d.Records), len(d.Points))
		}
	}
	var outcomes []Outcome
	err := l.write(ctx, func(w *work) error {
		outcomes = make([]Outcome, 0, len(deliveries))
		for i := range deliveries {
			o, err := w.deliver(&deliveries[i])
			if err != nil {
				return fmt.Errorf("journal %s of %s: %w", deliveries[i].Batch.Journal, deliveries[i].Device, err)
			}
			outcomes = append(outcomes, o)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("append %d deliveries: %w", len(deliveries), err)
	}
	return outcomes, nil
}

func (w *work) deliver(d *Delivery) (Outcome, error) {
	at := micros(w.l.now())
	if !d.At.IsZero() {
		at = micros(d.At)
	}
	j, err := w.trunk(d.Batch.Journal)
	if err != nil {
		return Outcome{}, err
	}
	if j == nil {
		if d.Parent != (wire.Point{}) && d.Parent != d.Batch.Base {
			return Outcome{Standing: fresh(d.Batch.Journal, d.Parent)}, nil
		}
		if j, err = w.create(d.Batch.Journal, 0, d.Device, d.Batch.Base, at); err != nil {
			return Outcome{}, err
		}
	}
	if j.device != d.Device {
		return Outcome{Standing: j.standing(d.Device)}, w.foreign(j, d.Device)
	}
	held, fits, err := w.fit(j, d.Batch.Base, d.Points)
	if err == nil && fits && held < len(d.Records) {
		err = w.store(j, d.Batch, d.Records[held:], d.Points[held:], at)
	}
	return Outcome{Fits: fits, Standing: j.standing(d.Device)}, err
}

// fit compares a batch with what the journal holds: how many of its records
// are held already, and whether it continues or repeats the journal exactly.
// What lies before the journal's base is not held, even where its chain is known.
func (w *work) fit(j *journal, base wire.Point, points []wire.Point) (held int, fits bool, err error) {
	end := points[len(points)-1]
	switch {
	case base.Seq > j.received.Seq || base.Seq < j.base.Seq:
		return 0, false, nil
	case base.Seq == j.received.Seq:
		return 0, base.Chain == j.received.Chain, nil
	case end.Seq < j.received.Seq:
		fits, err = w.holds(j, end)
		return len(points), fits, err
	}
	held = int(j.received.Seq - base.Seq)
	return held, points[held-1].Chain == j.received.Chain, nil
}

// store keeps records that continue the journal. Where the batch began earlier,
// only its tail is packed again; the signature is over the end, so it stays.
func (w *work) store(j *journal, b wire.Batch, records [][]byte, points []wire.Point, at int64) error {
	if b.Base != j.received {
		tail, _, err := wire.Pack(j.name, j.received, records)
		if err != nil {
			return fmt.Errorf("trim batch: %w", err)
		}
		tail.Signature = b.Signature
		b = tail
	}
	frame, err := wire.EncodeFrame(b)
	if err != nil {
		return err
	}
	end, number := points[len(points)-1], int64(0)
	err = w.row("put segment", j.number, int64(b.Base.Seq), int64(end.Seq), end.Chain[:], at, frame).Scan(&number)
	if err != nil {
		return fmt.Errorf("put segment: %w", err)
	}
	w.appended = true
	if err := w.addUp("arrivals", number, j.number, at); err != nil {
		return err
	}
	if err := w.exec("move received", int64(end.Seq), end.Chain[:], at, j.number); err != nil {
		return err
	}
	before := j.received
	j.received = end
	if err := w.project(j, number, records, points, at); err != nil {
		return err
	}
	return w.fillHoles(j, before, at)
}

// foreign notes, once, that a device offered another's journal.
func (w *work) foreign(j *journal, device string) error {
	n, _, err := w.number("event happened", string(EventForeign), device, j.name[:])
	if err != nil || n > 0 {
		return err
	}
	return w.event(EventForeign, device, j.name, j.received.Seq, "journal belongs to "+j.device)
}

// Standing says where the hub stands with a journal that a device offers. It
// is not signed.
func (l *Ledger) Standing(ctx context.Context, device string, o wire.Offer) (wire.Standing, error) {
	j, err := scanJournal(l.db.Read().QueryRowContext(ctx, l.sql("trunk"), o.Journal[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return fresh(o.Journal, o.Base), nil
	}
	if err != nil {
		return wire.Standing{}, fmt.Errorf("read standing of journal %s: %w", o.Journal, err)
	}
	return j.standing(device), nil
}

// fresh answers for a journal the hub does not hold: exactly its parent point.
func fresh(name wire.JournalID, base wire.Point) wire.Standing {
	return wire.Standing{Journal: name, State: wire.StandingNew, Received: base}
}

func (j *journal) standing(device string) wire.Standing {
	s := wire.Standing{Journal: j.name, State: wire.StandingKnown, Received: j.received, Safe: j.safe}
	if j.device != device {
		s.State, s.Safe = wire.StandingForeign, wire.Point{}
	}
	return s
}
