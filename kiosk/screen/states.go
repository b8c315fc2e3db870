package screen

import (
	"net/http"
	"time"
)

// State of the machine that the page has words for: some for residents, all for
// its caretaker.
type State string

// The list is closed and in the order in which they are told. What the page sees
// for itself, as a camera that is missing, is not in it.
const (
	StatePaused       State = "paused"         // by the ward's order
	StateOutOfService State = "out-of-service" // nothing is kept, nobody thanked
	StateDiskFails    State = "disk-fails"     // the disk does not keep or give back what it should
	StateOffline      State = "offline"        // no hub for some minutes; all is kept here and sent later
	StateOnReserve    State = "on-reserve"     // ratings are kept in the last room
	StateNoWords      State = "no-words"       // ratings only
	StateNoPhoto      State = "no-photo"
	StateNoVoice      State = "no-voice"
	StateNearlyFull   State = "nearly-full"
	StateClockWrong   State = "clock-wrong"
	StateHot          State = "hot"
	StatePower        State = "power" // the mains are gone, or the supply too weak
	StateDiskWorn     State = "disk-worn"
	StateScreenFrozen State = "screen-frozen" // until a page painted again
	StateOutdated     State = "outdated"      // the program is older than what the hub tells
	StateNoPaper      State = "no-paper"      // in the printer
	StateNoPrinter    State = "no-printer"    // though there should be one
)

// States lists them all; a fresh copy at every call.
func States() []State {
	return []State{StatePaused, StateOutOfService, StateDiskFails, StateOffline, StateOnReserve, StateNoWords, StateNoPhoto, StateNoVoice, StateNearlyFull,
		StateClockWrong, StateHot, StatePower, StateDiskWorn, StateScreenFrozen, StateOutdated, StateNoPaper, StateNoPrinter}
}

// Caretaker is what whoever looks after the machine reads out on the telephone
// to the ward's IT.
//
// Any resident can call it up, so it never shows: a key, a kit, or anything else
// that opens something; what was said, by whom, or a receipt; how many messages
// wait for their moment, or whether any does. Numbers and times are so coarse
// that two looks, before and after a visit, do not tell what the visitor did.
type Caretaker struct {
	Device     string      `json:"device"`    // the first 8 characters of its name; empty until enrolled
	Hub        string      `json:"hub"`       // host and port
	Connected  bool        `json:"connected"` // now
	Contact    string      `json:"contact"`   // last day with the hub, YYYY-MM-DD; empty: none since Started
	Started    string      `json:"started"`   // day the agent did
	Conditions []Condition `json:"conditions"`
	Waiting    Waiting     `json:"waiting"`
	Room       Room        `json:"room"`
	Printer    string      `json:"printer"` // ready, empty or missing; empty: there should be none
}

// Condition is one of the machine or of its line, the gravest first. Names and
// units of values are those of package vitals.
type Condition struct {
	Name  string `json:"name"`
	Level string `json:"level"` // note, warning or severe
	Value int64  `json:"value"`
	Since string `json:"since"` // RFC 3339 to the hour; those of the room on the disk to the day
}

// Waiting is what the hub has not got yet, at most so many: 10, 20, 50, 100, …
type Waiting struct {
	Records int64  `json:"records"`
	Files   int64  `json:"files"`
	Since   string `json:"since"` // none is from before this day
}

// Room is what the disk will still take; -1 is not known.
type Room struct {
	Ratings int64 `json:"ratings"` // rounded down to hundred thousands
	Days    int64 `json:"days"`    // they last at the pace of late
	Free    int64 `json:"free"`    // bytes, in steps of 64 MiB
}

// caretakerView is GET /api/caretaker.
type caretakerView struct {
	Program string    `json:"program"`
	Place   placeView `json:"place"`
	Ward    string    `json:"ward"`
	Now     string    `json:"now"` // RFC 3339, to the minute: what the machine takes for the time
	States  []State   `json:"states"`
	Caretaker
}

func (s *Screen) getCaretaker(w http.ResponseWriter, _ *http.Request) {
	view := caretakerView{
		Program: s.cfg.Program, Place: placeView{s.cfg.Place.ID, s.cfg.Place.Name}, Ward: s.cfg.Ward,
		Now: s.cfg.Now().In(vietnam).Truncate(time.Minute).Format(time.RFC3339), States: notNull(s.cfg.Status().States),
		Caretaker: s.cfg.Caretaker(),
	}
	view.Conditions = notNull(view.Conditions)
	reply(w, http.StatusOK, view)
}

// notNull is a list in JSON, whatever it was.
func notNull[T any](list []T) []T { return append([]T{}, list...) }
