package feedback

import (
	"strings"
)

// maxLongRunes bounds a text that is read at leisure: a notice, a consent.
const maxLongRunes = 4000

// Texts are what a ward words itself, by id: "screen.slogan", "reception.days".
type Texts map[string]Text

// MaxTexts a ward may word itself.
const MaxTexts = 500

// Validate says which text cannot be shown.
func (t Texts) Validate() error {
	if len(t) > MaxTexts {
		return invalid("texts", "keep to 500 texts")
	}
	for id, text := range t {
		if !isTextID(id) {
			return invalid(id, "name texts by lower-case letters, digits, hyphens and dots, at most 64")
		}
		if err := text.validateLong(id); err != nil {
			return err
		}
		if _, ok := PublicHost(text[Vietnamese]); id == TextReceiptPage && !ok {
			return invalid(id, "give the address of the hub's public pages alone, like https://nghe.example.vn")
		}
	}
	return nil
}

func isTextID(id string) bool {
	for part := range strings.SplitSeq(id, ".") {
		if !isID(part) {
			return false
		}
	}
	return len(id) <= 64
}

// Notice is one sheet on the board of a kiosk. It hangs where and as long as
// its Span holds. With Said it is one of "Bà con nói – Phường làm": Title and
// Body then tell what the ward did.
type Notice struct {
	ID     string `json:"id"`
	Said   Text   `json:"said,omitempty"` // what people had said, in a few words and no one's own
	Title  Text   `json:"title"`
	Body   Text   `json:"body"`
	Sample bool   `json:"sample,omitempty"` // invented for demonstration, and shown as such
	Span
}

// Validate says why a notice cannot hang on the board.
func (n Notice) Validate() error {
	if !isID(n.ID) {
		return invalid("id", wantID)
	}
	if n.Said != nil {
		if err := n.Said.validate("said"); err != nil {
			return err
		}
	}
	if err := n.Title.validate("title"); err != nil {
		return err
	}
	if err := n.Body.validateLong("body"); err != nil {
		return err
	}
	return n.Span.validate("")
}
