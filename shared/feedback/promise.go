package feedback

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // promises.json
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Promise is what residents are told becomes of what they give, and the rules
// that make it so: the text they agree to is filled from the rule by which the
// hub deletes. Whoever agreed to a published one was promised that, so it never
// changes; a change is a new one after it.
type Promise struct {
	Version int            `json:"version"`
	From    string         `json:"from"` // first day, YYYY-MM-DD in the ward
	Parts   []PromisedPart `json:"parts"`
}

// PromisedPart is about what is given for one purpose.
type PromisedPart struct {
	Purpose string  `json:"purpose"` // "words", "contact", "voice" or "photo"
	Keep    Keeping `json:"keep"`
	// Text is what is read. "{ward}", "{days}", "{months}" and "{latest}" stand
	// for the ward's name and the numbers of Keep.
	Text Text `json:"text"`
}

// Keeping is how long something is kept at most. Days and Months are counted
// from the moment After names.
type Keeping struct {
	// After is "received": when the message reached the hub; or "closed": since
	// when there is nothing to do about it, and at most Latest months after it
	// was received.
	After  string `json:"after"`
	Days   int    `json:"days,omitempty"`
	Months int    `json:"months,omitempty"`
	Latest int    `json:"latest_months,omitempty"`
}

// Agreed is what a resident agreed to, found by its hash.
type Agreed struct {
	Version  int // of the Promise
	Purpose  string
	Language Language
	Ward     string
}

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", 7*60*60)

//go:embed promises.json
var promises []byte

// Promises are all that were ever made, a fresh copy at every call.
func Promises() []Promise {
	all, err := ParsePromises(promises)
	if err != nil {
		panic(err) // the embedded data is part of the program; a test guards it
	}
	return all
}

// ParsePromises reads promises and refuses what could keep something for ever,
// delete it at once, or tell residents another time than the rule's.
func ParsePromises(text []byte) ([]Promise, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var all []Promise
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("read promises: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read promises: there is none")
	}
	for i, p := range all {
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("read promise %d: %w", p.Version, err)
		}
		if p.Version != i+1 || i > 0 && p.From <= all[i-1].From {
			return nil, fmt.Errorf("read promise %d: count versions from 1, each from a later day", p.Version)
		}
	}
	return all, nil
}

func (p Promise) validate() error {
	if _, err := time.Parse(time.DateOnly, p.From); err != nil {
		return invalid("from", "a day, YYYY-MM-DD")
	}
	for kind := AttachedWords; kind <= AttachedPhoto; kind++ {
		if _, ok := p.Part(kind.Purpose()); !ok {
			return invalid("parts", "say what becomes of "+kind.Purpose())
		}
	}
	for i, part := range p.Parts {
		if slices.ContainsFunc(p.Parts[:i], func(q PromisedPart) bool { return q.Purpose == part.Purpose }) {
			return invalid("parts", "each purpose once")
		}
		if err := part.validate(); err != nil {
			return fmt.Errorf("%s: %w", part.Purpose, err)
		}
	}
	return nil
}

func (p PromisedPart) validate() error {
	k := p.Keep
	bounded := k.After == "received" && k.Latest == 0 || k.After == "closed" && k.Latest > 0
	if !bounded || k.Days < 0 || k.Months < 0 || k.Days+k.Months < 1 {
		return invalid("keep", "after (received, or closed with latest_months) and days or months")
	}
	if err := p.Text.validate("text"); err != nil {
		return err
	}
	for language, text := range p.Text {
		if told := p.fill(text, "", "0", "0", "0"); strings.ContainsAny(told, "{}") {
			return invalid("text."+string(language), "only {ward}, {days}, {months} and {latest}")
		}
		if strings.Contains(text, "{days}") != (k.Days > 0) || strings.Contains(text, "{months}") != (k.Months > 0) {
			return invalid("text."+string(language), "tell the time of the rule, {days} or {months}, and no other")
		}
	}
	return nil
}

// Part is what is promised for a purpose.
func (p Promise) Part(purpose string) (PromisedPart, bool) {
	i := slices.IndexFunc(p.Parts, func(q PromisedPart) bool { return q.Purpose == purpose })
	if i < 0 {
		return PromisedPart{}, false
	}
	return p.Parts[i], true
}

// InForce is the newest of all promises made by a moment. Before the first, a
// clock must be wrong: the newest is.
func InForce(all []Promise, at time.Time) Promise {
	day := at.In(vietnam).Format(time.DateOnly)
	for _, p := range slices.Backward(all) {
		if p.From <= day {
			return p
		}
	}
	return all[len(all)-1]
}

// In is the text as the residents of a ward read it.
func (p PromisedPart) In(ward string) Text {
	told := Text{}
	for language, text := range p.Text {
		told[language] = p.fill(text, ward, strconv.Itoa(p.Keep.Days), strconv.Itoa(p.Keep.Months), strconv.Itoa(p.Keep.Latest))
	}
	return told
}

func (PromisedPart) fill(text, ward, days, months, latest string) string {
	return strings.NewReplacer("{ward}", ward, "{days}", days, "{months}", months, "{latest}", latest).Replace(text)
}

// Texts are the texts of a promise as a ward's residents read them, by the hash
// that a consent names.
func (p Promise) Texts(ward string) map[Hash]Agreed {
	all := map[Hash]Agreed{}
	for _, part := range p.Parts {
		for language, text := range part.In(ward) {
			all[sha256.Sum256([]byte(text))] = Agreed{p.Version, part.Purpose, language, ward}
		}
	}
	return all
}

// Over is when the time of something is over that was received and, unless
// closed is zero, closed at these moments; late says that Latest ended it.
func (k Keeping) Over(received, closed time.Time) (at time.Time, late bool) {
	if k.After == "received" {
		return after(received, k.Months, k.Days), false
	}
	at = after(received, k.Latest, 0)
	if !closed.IsZero() {
		if soon := after(closed, k.Months, k.Days); soon.Before(at) {
			return soon, false
		}
	}
	return at, true
}

// after counts months as people do: a month after 31 January ends with February.
func after(t time.Time, months, days int) time.Time {
	t = t.In(vietnam)
	then := t.AddDate(0, months, 0)
	if then.Day() != t.Day() {
		then = then.AddDate(0, 0, -then.Day())
	}
	return then.AddDate(0, 0, days)
}
