package feedback

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	wantID       = "use lower-case letters, digits and single hyphens, at most 32"
	wantLanguage = "a language of the screen: vi, en, ko, zh-Hans"
	maxVersion   = 1<<31 - 1
)

func invalid(field, want string) *Invalid { return &Invalid{Field: field, Want: want} }

// isID: it goes on the wire, into file names and columns, so ASCII and short.
func isID(s string) bool {
	if s == "" || len(s) > 32 || s[0] == '-' || s[len(s)-1] == '-' || strings.Contains(s, "--") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// validate checks that t can be shown in Vietnamese and English at least.
func (t Text) validate(field string) error { return t.validateTo(field, maxTextRunes) }

// validateLong is validate for a text that is read at leisure.
func (t Text) validateLong(field string) error { return t.validateTo(field, maxLongRunes) }

func (t Text) validateTo(field string, most int) error {
	for _, l := range []Language{Vietnamese, English} {
		if t[l] == "" {
			return invalid(field+"."+string(l), "write this text; every text is in Vietnamese and English at least")
		}
	}
	for l, s := range t {
		if !l.valid() {
			return invalid(field, "name languages by their short tags: vi, en, ko, zh-Hans")
		}
		if want := wrongTextOf(s, most); want != "" {
			return invalid(field+"."+string(l), want)
		}
	}
	return nil
}

// wrongText says what is wrong with s as a text for a screen, or nothing.
func wrongText(s string) string { return wrongTextOf(s, maxTextRunes) }

func wrongTextOf(s string, most int) string {
	switch {
	case !utf8.ValidString(s):
		return "write it in UTF-8"
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("write at most %d characters", most)
	case strings.TrimSpace(s) == "" || strings.TrimSpace(s) != s:
		return "write words without spaces before or behind them"
	case strings.ContainsFunc(s, isCombining):
		return "write composed letters (NFC): ế as one character, not as three"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }):
		return "leave out control characters and invisible ones"
	}
	return ""
}

// isCombining finds the marks of a decomposed (NFD) Vietnamese letter.
func isCombining(r rune) bool { return r >= 0x0300 && r <= 0x036F }

// offered says whether the screen can be read in l. A question need not be
// written in it: whoever chose it reads the question in another.
func (l Language) offered() bool { return slices.Contains(Languages(), l) }

// valid knows the shape of a BCP 47 tag: a language, then subtags.
func (l Language) valid() bool {
	if len(l) > 16 {
		return false
	}
	for i, part := range strings.Split(string(l), "-") {
		if len(part) < 2 || len(part) > 8 || i == 0 && (len(part) > 3 || part != strings.ToLower(part)) {
			return false
		}
		if strings.ContainsFunc(part, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		}) {
			return false
		}
	}
	return true
}
