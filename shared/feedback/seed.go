package feedback

import (
	"bytes"
	_ "embed" // seed.json
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// SeedSet is what a new hub or kiosk starts with: the unit tree, invented sample
// places, and the questionnaires of the model "Chính quyền thân thiện".
type SeedSet struct {
	Units          []Unit          `json:"units"`
	Places         []Place         `json:"places"`
	Questionnaires []Questionnaire `json:"questionnaires"`
}

//go:embed seed.json
var seed []byte

// Seed is the embedded set, a fresh copy at every call.
func Seed() SeedSet {
	s, err := ReadSeed(seed)
	if err != nil {
		panic(err) // the embedded data is part of the program; a test guards it
	}
	return s
}

// ReadSeed reads a SeedSet from JSON and checks it whole: a ward may bring its
// own units and questionnaires.
func ReadSeed(text []byte) (SeedSet, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var s SeedSet
	if err := d.Decode(&s); err != nil {
		return SeedSet{}, fmt.Errorf("read seed: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return SeedSet{}, fmt.Errorf("read seed: something follows the JSON object; leave one object")
	}
	if err := s.Validate(); err != nil {
		return SeedSet{}, fmt.Errorf("read seed: %w", err)
	}
	return s, nil
}

// Validate checks that every unit, place and questionnaire is whole and that
// what they name exists.
func (s SeedSet) Validate() error {
	for i, u := range s.Units {
		if slices.ContainsFunc(s.Units[:i], func(e Unit) bool { return e.ID == u.ID }) {
			return fmt.Errorf("unit %q: the id is used twice", u.ID)
		}
		if err := u.validate(s.Units); err != nil {
			return fmt.Errorf("unit %q: %w", u.ID, err)
		}
	}
	for i, p := range s.Places {
		if slices.ContainsFunc(s.Places[:i], func(e Place) bool { return e.ID == p.ID }) {
			return fmt.Errorf("place %q: the id is used twice", p.ID)
		}
		if err := p.validate(s.Units); err != nil {
			return fmt.Errorf("place %q: %w", p.ID, err)
		}
	}
	for i, q := range s.Questionnaires {
		if slices.ContainsFunc(s.Questionnaires[:i], func(e Questionnaire) bool { return e.ID == q.ID && e.Version == q.Version }) {
			return fmt.Errorf("questionnaire %q: version %d is there twice", q.ID, q.Version)
		}
		if err := q.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func (u Unit) validate(all []Unit) error {
	if !isID(u.ID) {
		return invalid("id", wantID)
	}
	for _, name := range append([]string{u.Name}, u.Aliases...) {
		if want := wrongText(name); want != "" {
			return invalid("name", want)
		}
	}
	if !isDay(u.From) || !isDay(u.Until) || u.From != "" && u.Until != "" && u.Until < u.From {
		return invalid("from", "days are YYYY-MM-DD, and until is not before from")
	}
	if u.Successor != "" && (u.Until == "" || !isUnit(all, u.Successor, u.Kind)) {
		return invalid("successor", "name another unit of the same kind, and the last day of this one")
	}
	above := map[UnitKind]UnitKind{Ward: Province, Neighbourhood: Ward}
	switch {
	case u.Kind == Province && u.Parent == "":
		return nil
	case above[u.Kind] == "" || !isUnit(all, u.Parent, above[u.Kind]):
		return invalid("parent", "a province has none, a ward is in a province, a neighbourhood in a ward")
	}
	return nil
}

func (p Place) validate(all []Unit) error {
	if !isID(p.ID) {
		return invalid("id", wantID)
	}
	if want := wrongText(p.Name); want != "" {
		return invalid("name", want)
	}
	if !slices.ContainsFunc(all, func(u Unit) bool { return u.ID == p.Unit }) {
		return invalid("unit", "name a unit of the set")
	}
	return nil
}

func isUnit(all []Unit, id string, kind UnitKind) bool {
	return slices.ContainsFunc(all, func(u Unit) bool { return u.ID == id && u.Kind == kind })
}

// isDay knows the shape of a day that sorts as text; empty is no day.
func isDay(s string) bool {
	if s == "" {
		return true
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
