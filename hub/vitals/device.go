package vitals

import (
	"slices"
	"time"

	"nghe/shared/wire"
)

// State says how a kiosk stands against what is expected of it.
type State string

const (
	Online  State = "online"
	Waiting State = "waiting" // offline, as its schedule says: ngoại tuyến đúng lịch
	Late    State = "late"    // its deadline has passed
	Lost    State = "lost"    // silent for so long that somebody should go and look
	Paused  State = "paused"  // an operator said not to expect it
)

// States in the order of their gravity.
var States = [...]State{Online, Waiting, Paused, Late, Lost}

// What is expected of a kiosk that declared nothing.
const (
	UsualPeriod = time.Minute     // vitals come every minute
	UsualGrace  = 2 * time.Minute // one may be lost, and a reboot takes one
	LostAfter   = 6 * time.Hour   // beyond the period: half a working day and the noon break
)

// Device is what is known of one kiosk.
type Device struct {
	ID          string
	Contact     time.Time     // last sign of life by the hub's clock; zero: never
	Connected   bool          // a session is open
	Program     string        // version of its agent
	ClockAhead  time.Duration // of its clock over the hub's, when it last connected
	Reported    time.Time     // when Vitals came; zero: never
	Vitals      wire.Vitals   // as last reported; the backlog in it is its own word
	Period      time.Duration // declared time between contacts; 0: always connected
	Grace       time.Duration // how much later is still in order; 0: UsualGrace
	PausedUntil time.Time
	PauseReason string

	settled time.Time // silence up to here is booked already
}

// Due is when the next sign of life is expected at the latest; after it the
// kiosk is late.
func (d Device) Due() time.Time { return d.Contact.Add(d.period() + d.grace()) }

// LostFrom is when silence turns from late to lost.
func (d Device) LostFrom() time.Time {
	lost := d.Contact.Add(d.period() + LostAfter)
	if due := d.Due(); due.After(lost) {
		return due
	}
	return lost
}

// State of the device at a moment, as far as is known now. Only the silence
// since the last contact is judged, so a moment before it makes no sense.
func (d Device) State(now time.Time) State {
	switch {
	case now.Before(d.PausedUntil):
		return Paused
	case d.Contact.IsZero():
		return Waiting
	case now.Before(d.fresh()) && (d.Connected || d.Period <= UsualPeriod):
		return Online
	case now.Before(d.Due()):
		return Waiting
	case now.Before(d.LostFrom()):
		return Late
	}
	return Lost
}

// fresh is until when an open line may be silent.
func (d Device) fresh() time.Time { return d.Contact.Add(UsualPeriod + UsualGrace) }

func (d Device) period() time.Duration {
	if d.Period <= 0 {
		return UsualPeriod
	}
	return d.Period
}

func (d Device) grace() time.Duration {
	if d.Grace <= 0 {
		return UsualGrace
	}
	return d.Grace
}

// span is a time in one state, within one hour.
type span struct {
	state    State
	from, to time.Time
}

// silence is the time between two signs of life, or since the last one, cut
// where the state changes and at every full hour.
func (d Device) silence(until time.Time) []span {
	from := d.Contact
	if d.settled.After(from) {
		from = d.settled
	}
	if old := until.Add(-Kept); from.Before(old) {
		from = old // nobody looks further back
	}
	if d.Contact.IsZero() || !from.Before(until) {
		return nil
	}
	cuts := []time.Time{from, until}
	for _, at := range []time.Time{d.fresh(), d.Due(), d.LostFrom(), d.PausedUntil} {
		if at.After(from) && at.Before(until) {
			cuts = append(cuts, at)
		}
	}
	for at := from.Truncate(time.Hour).Add(time.Hour); at.Before(until); at = at.Add(time.Hour) {
		cuts = append(cuts, at)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	return d.between(slices.CompactFunc(cuts, time.Time.Equal))
}

func (d Device) between(cuts []time.Time) []span {
	spans := make([]span, 0, len(cuts)-1)
	for i, to := range cuts[1:] {
		spans = append(spans, span{d.State(cuts[i]), cuts[i], to})
	}
	return spans
}

// sign is one sign of life, or the end of a line.
type sign struct {
	at     time.Time
	gone   bool
	hello  *hello
	vitals *wire.Vitals
}

type hello struct {
	program string
	ahead   time.Duration
}

// after is the device once s is known, and how the time before it was spent.
func (d Device) after(s sign) (Device, []span) {
	spans := d.silence(s.at)
	if s.at.After(d.Contact) {
		d.Contact = s.at
	}
	d.Connected = !s.gone
	if s.hello != nil {
		d.Program, d.ClockAhead = s.hello.program, s.hello.ahead
	}
	if s.vitals != nil {
		d.Vitals, d.Reported = *s.vitals, s.at
	}
	return d, spans
}
