package feedback

import (
	"bytes"
	_ "embed" // message.json
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits on what one message may say.
const (
	MaxWords   = 2000 // characters
	MaxContact = 1000 // characters of name, phone and address together
)

// MessageForm is what a message may be about, and what its sender agrees to.
type MessageForm struct {
	Questionnaire string        `json:"questionnaire"` // of the Answer a message becomes
	Version       int           `json:"version"`
	Question      string        `json:"question"`
	Title         Text          `json:"title"`
	Kinds         []Option      `json:"kinds"`
	Subjects      []Option      `json:"subjects"`
	Places        []Option      `json:"places"`   // of In: where the matter may be
	Consents      []ConsentText `json:"consents"` // of In
}

// ConsentText is what a resident reads before giving something of one kind.
type ConsentText struct {
	Purpose string `json:"purpose"` // "words", "contact", "voice" or "photo"
	Text    Text   `json:"text"`
}

//go:embed message.json
var messageForm []byte

// Messages is the form of every message, a fresh copy at every call.
func Messages() MessageForm {
	d := json.NewDecoder(bytes.NewReader(messageForm))
	d.DisallowUnknownFields()
	var f MessageForm
	if err := d.Decode(&f); err != nil {
		panic(err) // the embedded data is part of the program; a test guards it
	}
	return f
}

// In is the form with what residents of a ward are promised on a day, and the
// areas offered to them.
func (f MessageForm) In(ward string, areas []Option, on time.Time) MessageForm {
	f.Consents, f.Places = nil, areas
	for _, part := range InForce(Promises(), on).Parts {
		f.Consents = append(f.Consents, ConsentText{part.Purpose, part.In(ward)})
	}
	return f
}

// Check says whether a message of that kind, about that subject and at that
// place ("" for none), written in that language is one of this form. Its error
// is an *Invalid.
func (f MessageForm) Check(kind, subject, place string, language Language) error {
	is := func(id string) func(Option) bool { return func(o Option) bool { return o.ID == id } }
	switch {
	case !slices.ContainsFunc(f.Kinds, is(kind)):
		return invalid("kind", "one of the kinds of messages")
	case subject != "" && !slices.ContainsFunc(f.Subjects, is(subject)):
		return invalid("subject", "one of the subjects of messages, or empty")
	case place != "" && !slices.ContainsFunc(f.Places, is(place)):
		return invalid("place", "one of the places of messages, or empty")
	case !language.offered():
		return invalid("language", wantLanguage)
	}
	return nil
}

// choiceAt begins the choice that says where the matter is: no option's id has a
// colon, so it is none of the kinds and subjects.
const choiceAt = "at:"

// MessageChoices are the choices in the record of a message of that kind, about
// that subject and at that place ("" for none).
func MessageChoices(kind, subject, place string) []string {
	choices := []string{kind}
	if subject != "" {
		choices = append(choices, subject)
	}
	if place != "" {
		choices = append(choices, choiceAt+place)
	}
	return choices
}

// ReadMessageChoices is the other way round; what is missing is "".
func ReadMessageChoices(choices []string) (kind, subject, place string) {
	for i, c := range choices {
		at, isPlace := strings.CutPrefix(c, choiceAt)
		switch {
		case i == 0:
			kind = c
		case isPlace:
			place = at
		case subject == "":
			subject = c
		}
	}
	return kind, subject, place
}

// Purposes of consent, by what is given.
var purposes = map[AttachmentKind]string{AttachedWords: "words", AttachedContact: "contact", AttachedVoice: "voice", AttachedPhoto: "photo"}

// Purpose of the consent that giving something of this kind needs.
func (k AttachmentKind) Purpose() string { return purposes[k] }

// CheckWords says whether words can be a resident's: UTF-8, composed letters,
// something in them, at most that many characters, nothing that hides or turns
// round other text. Its error is an *Invalid.
func CheckWords(field, words string, most int) error {
	switch {
	case !utf8.ValidString(words):
		return invalid(field, "write it in UTF-8")
	case utf8.RuneCountInString(words) > most:
		return invalid(field, fmt.Sprintf("write at most %d characters", most))
	case strings.TrimSpace(words) == "":
		return invalid(field, "write something")
	case strings.ContainsFunc(words, isCombining):
		return invalid(field, "write composed letters (NFC): ế as one character, not as three")
	case strings.ContainsFunc(words, isHidden):
		return invalid(field, "leave out control characters and invisible ones")
	}
	return nil
}

// isHidden knows what no keyboard of a kiosk writes. The joiner belongs to
// pictograms of several people.
func isHidden(r rune) bool {
	return !unicode.IsPrint(r) && r != '\n' && r != '\u00a0' && r != '\u200d'
}
