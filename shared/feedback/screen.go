package feedback

import (
	_ "embed" // screen.txt
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What the ids of a kiosk's own texts begin with.
const (
	screenPrefix = "screen."
	paperPrefix  = "paper." // of what it prints
)

// ScreenTextID is the id under which a ward words one of the screen's own texts,
// by its key path in the catalogues: "screen.refused-for.no-room" for
// refusedFor.no-room.
func ScreenTextID(path string) string {
	id := []rune(screenPrefix)
	for _, r := range path {
		if unicode.IsUpper(r) {
			id = append(id, '-')
		}
		id = append(id, unicode.ToLower(r))
	}
	return string(id)
}

// screenTexts lists the texts of the screen and of its papers, one a line: the
// id, then the blanks it has. A test of the screen writes and guards it.
//
//go:embed screen.txt
var screenTexts string

// ScreenTexts are the ids of the screen's own texts and its papers', each with
// the blanks that are filled in as it is shown: "{n}", "{page}".
func ScreenTexts() map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(screenTexts) {
		words := strings.Fields(line)
		all[words[0]] = words[1:]
	}
	return all
}

var blank = regexp.MustCompile(`\{[^{}]*\}`)

// Blanks are the places in a text where something is filled in, sorted.
func Blanks(text string) []string { return slices.Sorted(slices.Values(blank.FindAllString(text, -1))) }

// ValidateScreen says which of t cannot stand in the place of a text of this
// program's screen. A kiosk takes what it knows, whatever this says: it may be
// of another version.
func (t Texts) ValidateScreen() error {
	known := ScreenTexts()
	for id, text := range t {
		if !strings.HasPrefix(id, screenPrefix) && !strings.HasPrefix(id, paperPrefix) {
			continue
		}
		blanks, ok := known[id]
		if !ok {
			return invalid(id, fmt.Sprintf("a kiosk has no text of this id; near it is %q", nearest(id, known)))
		}
		if err := fitsScreen(id, text, blanks); err != nil {
			return err
		}
	}
	return nil
}

func fitsScreen(id string, text Text, blanks []string) error {
	for l, s := range text {
		switch {
		case utf8.RuneCountInString(s) > maxTextRunes:
			return invalid(id+"."+string(l), fmt.Sprintf("write at most %d characters", maxTextRunes))
		case !slices.Equal(Blanks(s), blanks) && len(blanks) == 0:
			return invalid(id+"."+string(l), "write no {…}: nothing is filled in here")
		case !slices.Equal(Blanks(s), blanks):
			return invalid(id+"."+string(l), fmt.Sprintf("keep %s, each once: it is filled in there", strings.Join(blanks, " and ")))
		}
	}
	return nil
}

// nearest is the id that begins most like the one asked for.
func nearest(id string, known map[string][]string) (near string) {
	most := -1
	for other := range known {
		same := 0
		for same < min(len(id), len(other)) && id[same] == other[same] {
			same++
		}
		if same > most || same == most && other < near {
			most, near = same, other
		}
	}
	return near
}
