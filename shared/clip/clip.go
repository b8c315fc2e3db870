// Package clip names what can be read aloud: a text in a language, and the
// clip that speaks it. Kiosk and hub, and the tool that generates clips, agree
// on nothing else.
//
// It promises that a text has one name however its lines are broken on a
// screen, that any text falls into parts each short enough to be spoken, and
// that what Check lets pass is one whole recording in Ogg Opus.
//
// It neither speaks nor keeps a clip.
package clip

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"nghe/shared/feedback"
)

const (
	// MaxText is how long a text to be read may be, in characters: the longest
	// notice.
	MaxText = 4000
	// MaxPart is how long one part of it is at most.
	MaxPart = 1000
)

// Name of the clip that speaks a text: "vi/" and 32 hexadecimal digits of the
// SHA-256 of Plain. It is a path, and says nothing of the text.
func Name(language feedback.Language, text string) string {
	sum := sha256.Sum256([]byte(Plain(text)))
	return string(language) + "/" + hex.EncodeToString(sum[:16])
}

// Plain is a text without what only says how to show it: where a line may or
// must break, and what cannot be seen.
func Plain(text string) string {
	seen := func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}
	return strings.Join(strings.Fields(strings.Map(seen, text)), " ")
}

// Parts are the sentences of a text, or where there is one of usual length
// alone, nil. They are read one after the other.
func Parts(text string) (parts []string) {
	for line := range strings.Lines(text) {
		for _, sentence := range sentences(Plain(line)) {
			parts = append(parts, short(sentence)...)
		}
	}
	return unlessWhole(parts)
}

// Numbered are the words of a text and the numbers among them, for whoever has
// clips of these alone; nil where there is no number or nothing else.
func Numbered(text string) (parts []string) {
	number := func(r rune) bool { return r >= '0' && r <= '9' }
	rest := Plain(text)
	for rest != "" {
		stop := strings.IndexFunc(rest, number)
		if stop == 0 {
			stop = strings.IndexFunc(rest, func(r rune) bool { return !number(r) })
		}
		if stop < 0 {
			stop = len(rest)
		}
		if strings.ContainsFunc(rest[:stop], said) {
			parts = append(parts, strings.TrimSpace(rest[:stop]))
		}
		rest = rest[stop:]
	}
	return unlessWhole(parts)
}

func unlessWhole(parts []string) []string {
	if len(parts) < 2 {
		return nil
	}
	return parts
}

func said(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// sentences end with a mark and what closes behind it. A full stop before a
// digit or a small letter belongs to a number or to what was cut short.
func sentences(text string) (all []string) {
	from := 0
	for at, r := range text {
		end := at + utf8.RuneLen(r)
		if !strings.ContainsRune(".!?…。！？", r) {
			continue
		}
		closed := strings.TrimLeft(text[end:], ".!?…。！？)\"'”’》」）")
		end = len(text) - len(closed)
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(closed, " "))
		wide := strings.ContainsRune("。！？", r)
		if end <= from || !wide && !strings.HasPrefix(closed, " ") || unicode.IsDigit(next) && !wide || unicode.IsLower(next) {
			continue
		}
		all = append(all, strings.TrimSpace(text[from:end]))
		from = end
	}
	if last := strings.TrimSpace(text[from:]); last != "" {
		all = append(all, last)
	}
	return all
}

// short cuts what is longer than a part, between words where there are any.
func short(sentence string) (parts []string) {
	for utf8.RuneCountInString(sentence) > MaxPart {
		head := string([]rune(sentence)[:MaxPart])
		if space := strings.LastIndexByte(head, ' '); space > 0 {
			head = head[:space]
		}
		parts = append(parts, head)
		sentence = strings.TrimSpace(sentence[len(head):])
	}
	return append(parts, sentence)
}
