// Package feedback is the vocabulary of Nghe: where a kiosk stands, what it
// asks, and what a resident may answer.
//
// It promises that an Answer which passes Validate is one a resident could
// have given on the screen, and that every refusal says which field is wrong
// and what would be right.
//
// It keeps nothing and knows no clock, no network and no disk.
package feedback

// Language is a BCP 47 tag: "vi", "en", …
type Language string

// The languages a resident may choose on the screen. Every text is there in
// Vietnamese and English, and in the others where the ward has it.
const (
	Vietnamese Language = "vi"
	English    Language = "en"
	Korean     Language = "ko"
	Chinese    Language = "zh-Hans"
)

// Languages are all of them, in the order offered; a fresh copy at every call.
func Languages() []Language { return []Language{Vietnamese, English, Korean, Chinese} }

// Text is one text in several languages.
type Text map[Language]string

// In is the text in l, or in English where there is none: who chose another
// language is a visitor more often than not. Vietnamese is always there.
func (t Text) In(l Language) string {
	for _, l := range []Language{l, English} {
		if t[l] != "" {
			return t[l]
		}
	}
	return t[Vietnamese]
}

// UnitKind is a level of the unit tree.
type UnitKind string

const (
	Province      UnitKind = "province"      // tỉnh, thành phố
	Ward          UnitKind = "ward"          // phường, xã, đặc khu
	Neighbourhood UnitKind = "neighbourhood" // tổ dân phố, thôn
)

// Unit is one administrative unit. Names and borders change by decree, so a
// unit has days of validity and keeps the names people still say.
type Unit struct {
	ID        string   `json:"id"`
	Kind      UnitKind `json:"kind"`
	Name      string   `json:"name"`                // with its kind: "Phường Quảng Tiến"
	Code      string   `json:"code,omitempty"`      // national code, where it has one
	Parent    string   `json:"parent,omitempty"`    // Unit.ID; empty only for a province
	Aliases   []string `json:"aliases,omitempty"`   // former and popular names
	From      string   `json:"from,omitempty"`      // first day of validity, YYYY-MM-DD
	Until     string   `json:"until,omitempty"`     // last day, empty while valid
	Successor string   `json:"successor,omitempty"` // Unit.ID it became part of
	Sample    bool     `json:"sample,omitempty"`    // invented for demonstration
}

// Place is where a kiosk stands: a neighbourhood house, a counter.
type Place struct {
	ID     string `json:"id"`   // short, stable, e.g. "qt-07"
	Name   string `json:"name"` // "Nhà văn hóa tổ dân phố Bình Minh"
	Unit   string `json:"unit"` // Unit.ID
	Sample bool   `json:"sample,omitempty"`
}

// QuestionKind says how a question is answered.
type QuestionKind string

const (
	Satisfaction QuestionKind = "satisfaction" // 1 (very dissatisfied) … 5 (very satisfied)
	Choices      QuestionKind = "choices"      // one or more options
	YesPartlyNo  QuestionKind = "yes-partly-no"
	Words        QuestionKind = "words"
	Voice        QuestionKind = "voice"
	Photo        QuestionKind = "photo"
)

// Option is one thing to choose.
type Option struct {
	ID   string `json:"id"`
	Text Text   `json:"text"`
}

// When restricts a question to those who gave one of Scores to Question.
type When struct {
	Question string `json:"question"`
	Scores   []int  `json:"scores"`
}

// Question is one screen.
type Question struct {
	ID      string       `json:"id"`
	Kind    QuestionKind `json:"kind"`
	Text    Text         `json:"text"`
	Help    Text         `json:"help,omitempty"`
	Options []Option     `json:"options,omitempty"` // Choices only
	Max     int          `json:"max,omitempty"`     // most options one may choose; 0 means all
	Hoped   string       `json:"hoped,omitempty"`   // YesPartlyNo only: the answer the ward works for, "yes" or "no"; empty means "yes"
	When    *When        `json:"when,omitempty"`
}

// Questionnaire is an ordered set of questions. A change of wording is a new
// Version; an answer names the version it was given to. When it is asked is no
// part of its wording.
type Questionnaire struct {
	ID        string     `json:"id"`
	Version   int        `json:"version"`
	Title     Text       `json:"title"`
	Audience  string     `json:"audience,omitempty"` // "residents", "visitors"
	Schedule  Schedule   `json:"schedule,omitzero"`  // where and when it is asked
	Questions []Question `json:"questions"`
}

// AttachmentKind says what a sealed blob holds. Numbers are on the wire.
type AttachmentKind uint8

const (
	AttachedWords   AttachmentKind = 1
	AttachedContact AttachmentKind = 2
	AttachedVoice   AttachmentKind = 3
	AttachedPhoto   AttachmentKind = 4
)

// Reader says to whom a blob is sealed. Numbers are on the wire.
type Reader uint8

const (
	ReaderCases Reader = 1 // the hub, opened one case at a time
	ReaderNamed Reader = 2 // named officers; the hub never holds the key
)

// Hash is the SHA-256 of a sealed blob: 64 hexadecimal digits in JSON.
type Hash [32]byte

// Attachment names a sealed blob.
type Attachment struct {
	Kind   AttachmentKind `json:"kind"`
	Reader Reader         `json:"reader"`
	Hash   Hash           `json:"hash"`
	Size   uint64         `json:"size"`
}

// Answer is what a resident said to one question.
type Answer struct {
	Questionnaire string       `json:"questionnaire"`
	Version       int          `json:"version"`
	Question      string       `json:"question"`
	Language      Language     `json:"language"`
	Score         int          `json:"score,omitempty"`   // Satisfaction: 1…5
	Choices       []string     `json:"choices,omitempty"` // option ids; YesPartlyNo: one of "yes" "partly" "no" "none"
	Skipped       bool         `json:"skipped,omitempty"` // "Bỏ qua": a recorded outcome
	Attachments   []Attachment `json:"attachments,omitempty"`
}

// Invalid says which field of an answer is wrong and what would be right.
type Invalid struct {
	Field string // JSON name
	Want  string // in English, for the caller; never a resident's words
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Want }
