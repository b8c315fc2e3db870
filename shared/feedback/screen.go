package feedback

import (
	_ "embed" // screen.txt
	"fmt"
	"maps"
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

// ValidateScreen says which of t means nothing to this program's screen, or
// cannot stand in the place of one of its texts. A kiosk takes what it knows,
// whatever this says: it may be of another version.
func (t Texts) ValidateScreen() error {
	known := ScreenTexts()
	for id, text := range t {
		if slices.Contains(wardTexts, id) {
			continue
		}
		blanks, ok := known[id]
		if !ok {
			return invalid(id, fmt.Sprintf("a kiosk has no text of this id; near it is %q", nearestText(id, known)))
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

// nearestText takes an id of one part for a text of the screen.
func nearestText(id string, known map[string][]string) string {
	if !strings.Contains(id, ".") {
		id = screenPrefix + id
	}
	return Nearest(id, slices.Concat(wardTexts, slices.Collect(maps.Keys(known))))
}

// Nearest is the one of known that needs the fewest letters changed to become
// name, of several the first by the alphabet.
func Nearest(name string, known []string) (near string) {
	least := -1
	for _, other := range slices.Sorted(slices.Values(known)) {
		if d := distance(name, other); least < 0 || d < least {
			least, near = d, other
		}
	}
	return near
}

// distance is how many letters must be put in, left out or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}
