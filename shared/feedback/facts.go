package feedback

import (
	"bytes"
	_ "embed" // emergency.json
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts are what a ward tells of itself and its houses that is no text: whom to
// call, who looks after a house and when it is open, where a matter can be.
type Facts struct {
	Contacts []Contact `json:"contacts,omitempty"`
	Houses   []House   `json:"houses,omitempty"`
	Areas    []Area    `json:"areas,omitempty"`
}

// Limits on what a ward tells of itself.
const (
	MaxContacts = 32
	MaxHouses   = 500
	MaxAreas    = 200
	maxNumber   = 20 // characters of a telephone number
)

// Contact is one number to call, told where and as long as its Span holds.
type Contact struct {
	// Kind chooses the pictogram: "police", "fire", "ambulance", "rescue",
	// "children", "ward", "health", "electricity", "water"; any other id means a
	// telephone.
	Kind      string `json:"kind"`
	Name      Text   `json:"name"`
	Number    string `json:"number"`              // as it is dialled and shown: "0237 3821 113"
	Emergency bool   `json:"emergency,omitempty"` // belongs to the numbers for when life is in danger
	Span
}

// House is what a place, or several, are to people who come there. What is left
// out another House may say.
type House struct {
	Span
	Caretaker Caretaker `json:"caretaker,omitzero"`
	Hours     []Times   `json:"hours,omitempty"` // open in any of them
}

// Area is where the matter of a message can be: a neighbourhood, the market, the
// beach. It is offered where and as long as its Span holds.
type Area struct {
	Option
	Span
}

// Caretaker looks after a house; residents see the name and the number.
type Caretaker struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
}

//go:embed emergency.json
var emergency []byte

// Emergency are the numbers of the whole country, a fresh copy at every call.
func Emergency() (all []Contact) {
	d := json.NewDecoder(bytes.NewReader(emergency))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		panic(err) // the embedded data is part of the program; a test guards it
	}
	return all
}

// ContactsAt are the numbers to show at a place on the day of a moment: those of
// the whole country, then the ward's for emergencies, then all others.
func (f Facts) ContactsAt(place string, at time.Time) []Contact {
	all, others := Emergency(), []Contact{}
	for _, c := range f.Contacts {
		if !c.Holds(place, at) {
			continue
		}
		if c.Span = (Span{}); c.Emergency {
			all = append(all, c)
		} else {
			others = append(others, c)
		}
	}
	return append(all, others...)
}

// HouseAt is what f says of a place on the day of a moment. Of two that say the
// same the later counts, so what is for one place stands behind what is for all.
func (f Facts) HouseAt(place string, at time.Time) (told House) {
	for _, h := range f.Houses {
		if !h.Holds(place, at) {
			continue
		}
		if h.Caretaker != (Caretaker{}) {
			told.Caretaker = h.Caretaker
		}
		if len(h.Hours) > 0 {
			told.Hours = h.Hours
		}
	}
	return told
}

// AreasAt are the areas to offer at a place on the day of a moment, in the ward's
// order.
func (f Facts) AreasAt(place string, at time.Time) []Option {
	all := []Option{}
	for _, a := range f.Areas {
		if a.Holds(place, at) {
			all = append(all, a.Option)
		}
	}
	return all
}

// Open says whether h is open at a moment; one that tells no hours always is.
func (h House) Open(at time.Time) bool {
	return len(h.Hours) == 0 || slices.ContainsFunc(h.Hours, func(t Times) bool { return t.Hold(at) })
}

// Validate says what of f cannot be shown.
func (f Facts) Validate() error {
	if len(f.Contacts) > MaxContacts {
		return invalid("contacts", fmt.Sprintf("keep to %d contacts", MaxContacts))
	}
	if len(f.Houses) > MaxHouses {
		return invalid("houses", fmt.Sprintf("keep to %d houses", MaxHouses))
	}
	if len(f.Areas) > MaxAreas {
		return invalid("areas", fmt.Sprintf("keep to %d areas", MaxAreas))
	}
	for i, c := range f.Contacts {
		if err := c.validate(fmt.Sprintf("contacts[%d].", i)); err != nil {
			return err
		}
	}
	for i, h := range f.Houses {
		if err := h.validate(fmt.Sprintf("houses[%d].", i)); err != nil {
			return err
		}
	}
	for i, a := range f.Areas {
		if err := a.validate(fmt.Sprintf("areas[%d].", i), f.Areas[:i]); err != nil {
			return err
		}
	}
	return nil
}

func (a Area) validate(field string, earlier []Area) error {
	if !isID(a.ID) {
		return invalid(field+"id", wantID)
	}
	if slices.ContainsFunc(earlier, func(e Area) bool { return e.ID == a.ID }) {
		return invalid(field+"id", "used twice; give every area an id of its own")
	}
	if err := a.Text.validate(field + "text"); err != nil {
		return err
	}
	return a.Span.validate(field)
}

func (c Contact) validate(field string) error {
	switch {
	case !isID(c.Kind):
		return invalid(field+"kind", wantID)
	case !isNumber(c.Number):
		return invalid(field+"number", wantNumber)
	case slices.ContainsFunc(Emergency(), func(e Contact) bool { return e.Number == c.Number }):
		return invalid(field+"number", c.Number+" is always shown; leave it out")
	}
	if err := c.Name.validate(field + "name"); err != nil {
		return err
	}
	return c.Span.validate(field)
}

func (h House) validate(field string) error {
	if who := h.Caretaker; who != (Caretaker{}) {
		if want := wrongText(who.Name); want != "" {
			return invalid(field+"caretaker.name", want)
		}
		if who.Phone != "" && !isNumber(who.Phone) {
			return invalid(field+"caretaker.phone", wantNumber)
		}
	}
	for i, t := range h.Hours {
		if err := t.validate(fmt.Sprintf("%shours[%d].", field, i)); err != nil {
			return err
		}
	}
	return h.Span.validate(field)
}

const wantNumber = "write digits, spaces, dots, hyphens, brackets and +, at most 20"

func isNumber(s string) bool {
	const digits, between = "0123456789", " .-()"
	if s == "" || len(s) > maxNumber || strings.Trim(s, digits+between+"+") != "" {
		return false
	}
	return strings.ContainsRune(digits+"+(", rune(s[0])) && strings.ContainsRune(digits, rune(s[len(s)-1]))
}
