package console

import (
	"slices"
	"time"

	"nghe/shared/wire"
)

// kiosk is all the console says about one device, gathered from registry,
// vitals and ledger.
type kiosk struct {
	ID       string
	PlaceID  string
	Place    string
	Enrolled time.Time
	Ended    time.Time // trust ended; zero while it stands
	Reason   string
	State    string // online, waiting, late, lost, paused, new, revoked, superseded

	Connected  bool
	Contact    time.Time // last heard of
	Late, Lost time.Time // deadlines after the last contact
	Told       time.Time // when it last reported itself
	Backlog    uint64    // records it then held alone
	Bytes      uint64
	Oldest     time.Time // of those
	Clock      time.Duration
	ClockKnown bool
	Program    string
	Conditions []wire.Condition // as it last said

	Journals []journal
}

// journal is one sequence of records the device has written.
type journal struct {
	ID       string
	Received uint64
	Safe     uint64
	Forked   bool
	Cause    wire.ForkCause
	Seen     time.Time
	Lost     uint64 // records declared lost before it
}

// received and safe are sums over journals: what the hub holds of this device.
func (k kiosk) received() (received, safe uint64) {
	for _, j := range k.Journals {
		received, safe = max(received, j.Received), max(safe, j.Safe)
	}
	return received, safe
}

func (k kiosk) lost() (n uint64) {
	for _, j := range k.Journals {
		n += j.Lost
	}
	return n
}

// fork is the latest branching of the device, false when there was none.
func (k kiosk) fork() (journal, bool) {
	var last journal
	for _, j := range k.Journals {
		if j.Forked && !j.Seen.Before(last.Seen) {
			last = j
		}
	}
	return last, last.Forked
}

// suspect says whether a fork may be a copy of the machine at work.
func (k kiosk) suspect() bool {
	j, ok := k.fork()
	return ok && j.Cause != wire.ForkBehind && k.Ended.IsZero()
}

// ailing says whether it last said something of itself that needs a person.
func (k kiosk) ailing() bool {
	return !k.ended() && slices.ContainsFunc(k.Conditions, func(c wire.Condition) bool { return c.Level >= wire.ConditionWarning })
}

// ended says whether the hub expects nothing of the device any more.
func (k kiosk) ended() bool { return !k.Ended.IsZero() }
