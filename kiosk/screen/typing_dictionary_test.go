package screen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"nghe/shared/look/npm"
)

// dictionary is a list of Vietnamese syllables (GPL-2), fetched for this test
// and never shipped.
var dictionary = npm.Package{
	Name:      "dictionary-vi",
	Version:   "3.0.0",
	Integrity: "sha512-r7QNGoJvKsLbxc4/59QP2pvJd7X08/8OWtZxiTfQGLwtl7nLw9F/IveWiUR46HBzSjws0L33fKf9UtlSrcYbRA==",
}

// syllables are the words of the dictionary in lower case.
func syllables(t *testing.T) (all []string) {
	t.Helper()
	files, err := dictionary.Files(func(name string) bool { return name == "index.dic" })
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(files["index.dic"])) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "/")
		if word != "" && word == strings.ToLower(word) && !strings.ContainsAny(word, "0123456789") {
			all = append(all, norm.NFC.String(word))
		}
	}
	if len(all) < 6600 {
		t.Fatalf("the dictionary has %d syllables", len(all))
	}
	return all
}

// scheme is how a way of typing writes marks and tones.
type scheme struct {
	name  string
	marks map[rune]string // of each marked letter
	tones map[rune]string // of each combining mark
	plain string          // what keeps a second o from being the mark of the first
}

var schemes = []scheme{
	{"telex", map[rune]string{'ă': "w", 'â': "a", 'ê': "e", 'ô': "o", 'ơ': "w", 'ư': "w", 'đ': "d"}, map[rune]string{'\u0301': "s", '\u0300': "f", '\u0309': "r", '\u0303': "x", '\u0323': "j"}, "o"},
	{"vni", map[rune]string{'ă': "8", 'â': "6", 'ê': "6", 'ô': "6", 'ơ': "7", 'ư': "7", 'đ': "9"}, map[rune]string{'\u0301': "1", '\u0300': "2", '\u0309': "3", '\u0303': "4", '\u0323': "5"}, ""},
}

// stroke is one key, and the letter it comes with or behind.
type stroke struct {
	key    string
	letter int
}

// strokes are the letters of a word without marks, the marks by the letter they
// belong to, and the tone, if any.
func (s scheme) strokes(word string) (letters []string, marks []stroke, tone []stroke) {
	before := ' '
	for _, c := range word {
		var bare []rune
		for _, part := range norm.NFD.String(string(c)) {
			if s.tones[part] != "" {
				tone = []stroke{{s.tones[part], len(letters)}}
			} else {
				bare = append(bare, part)
			}
		}
		letter := []rune(norm.NFC.String(string(bare)))[0]
		plain := []rune(norm.NFD.String(strings.ReplaceAll(string(letter), "đ", "d")))[0]
		if before == 'o' && letter == 'o' {
			letters[len(letters)-1] += s.plain
		}
		if mark := s.marks[letter]; mark != "" {
			// One key marks both letters of ươ.
			if letter == 'ơ' && before == 'ư' {
				marks = marks[:len(marks)-1]
			}
			marks = append(marks, stroke{mark, len(letters)})
		}
		letters, before = append(letters, string(plain)), letter
	}
	return letters, marks, tone
}

// orders are how people type: marks where they stand and the tone last; all
// where they stand; all at the end; anywhere behind their letter.
var orders = map[string]func(r *rand.Rand, last int, marks, tone []stroke) []stroke{
	"A": func(_ *rand.Rand, last int, marks, tone []stroke) []stroke {
		return append(marks, moved(tone, last)...)
	},
	"B": func(_ *rand.Rand, _ int, marks, tone []stroke) []stroke { return append(marks, tone...) },
	"C": func(_ *rand.Rand, last int, marks, tone []stroke) []stroke {
		return append(moved(marks, last), moved(tone, last)...)
	},
	"U": func(r *rand.Rand, last int, marks, tone []stroke) []stroke {
		all := append(marks, tone...)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i := range all {
			all[i].letter += r.IntN(last - all[i].letter + 1)
		}
		return all
	},
}

func moved(all []stroke, to int) []stroke {
	all = slices.Clone(all)
	for i := range all {
		all[i].letter = to
	}
	return all
}

func (s scheme) keys(word, order string, r *rand.Rand) string {
	letters, marks, tone := s.strokes(word)
	for _, stroke := range orders[order](r, len(letters)-1, marks, tone) {
		letters[stroke.letter] += stroke.key
	}
	return strings.Join(letters, "")
}

// TestTypingEverySyllable types the dictionary in four orders. A syllable counts
// with its tone where either style puts it.
func TestTypingEverySyllable(t *testing.T) {
	const seed = 4
	words := syllables(t)
	for _, s := range schemes {
		for order := range orders {
			r := rand.New(rand.NewPCG(seed, 0))
			var keys, missed []string
			for _, word := range words {
				keys = append(keys, s.keys(word, order, r))
			}
			var got [][2]string
			runTyping(t, fmt.Sprintf(`(all) => all.map((keys) => ['old', 'new'].map((style) => typing.spell('', Array.from(keys), {method: %q, style})))`, s.name), keys, &got)
			for i, word := range words {
				if got[i][0] != word && got[i][1] != word {
					missed = append(missed, fmt.Sprintf("%s of %s is %s", keys[i], word, got[i][0]))
				}
			}
			right := 100 * float64(len(words)-len(missed)) / float64(len(words))
			t.Logf("%s in order %s: %.2f %% of %d syllables", s.name, order, right, len(words))
			if right < 99.7 {
				t.Errorf("%s in order %s: missed %d: %s", s.name, order, len(missed), strings.Join(missed[:min(40, len(missed))], ", "))
			}
		}
	}
}
