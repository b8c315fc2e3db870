package screen

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"nghe/shared/feedback"
)

func TestTextsAreServedInEveryLanguage(t *testing.T) {
	h, _, _ := informed(t, nil)
	_, reply := call(t, h, http.MethodGet, "/api/texts", "")
	if len(reply) != len(feedback.Languages()) {
		t.Errorf("%d languages", len(reply))
	}
	for _, language := range feedback.Languages() {
		if said := fmt.Sprint(reply[string(language)].(map[string]any)["thanksTitle"]); said == "" {
			t.Errorf("no thanks in %s", language)
		}
	}
}

// A ward words what it wants, in the languages it has, and breaks nothing else.
func TestAWardWordsTheScreenItself(t *testing.T) {
	h, _, _ := informed(t, &told{texts: feedback.Texts{
		"screen.thanks-title":        {"vi": "Cảm ơn bà con!", "en": "Thanks, neighbours!"},
		"screen.refused-for.no-room": {"vi": "Máy đầy.", "en": "Full.", "ko": "가득 찼습니다."},
		"screen.blocked":             {"vi": "x", "en": "x"},
		"screen.compounds":           {"vi": "x", "en": "x"},
		"thanks-title":               {"vi": "x", "en": "x"},
		"screen.progress":            {"vi": "Câu {n}", "en": "{n} of {of}"},
	}})
	_, reply := call(t, h, http.MethodGet, "/api/texts", "")
	built := catalogues()
	said := func(language string, path ...string) any {
		var at any = reply[language]
		for _, key := range path {
			at = at.(map[string]any)[key]
		}
		return at
	}
	for _, c := range []struct {
		path string
		want map[string]any
	}{
		{"thanksTitle", map[string]any{"vi": "Cảm ơn bà con!", "en": "Thanks, neighbours!", "ko": built["ko"]["thanksTitle"]}},
		{"refusedFor.no-room", map[string]any{"vi": "Máy đầy.", "ko": "가득 찼습니다.", "zh-Hans": built["zh-Hans"]["refusedFor"].(map[string]any)["no-room"]}},
		{"progress", map[string]any{"vi": built["vi"]["progress"], "en": "{n} of {of}"}}, // where a blank is lost, ours stays
		{"blocked.voice.missing", map[string]any{"vi": "Không tìm thấy micrô trên máy này."}},
	} {
		for language, want := range c.want {
			if got := said(language, strings.Split(c.path, ".")...); got != want {
				t.Errorf("%s in %s is %v, want %v", c.path, language, got, want)
			}
		}
	}
	if list, _ := said("vi", "compounds").([]any); len(list) < 10 {
		t.Errorf("compounds are %v", list)
	}
}

// Numbers and addresses are filled in at the same places in every language.
func TestTextsHaveTheSameBlanks(t *testing.T) {
	built := catalogues()
	for language, c := range built {
		for key, is := range c {
			text, _ := is.(string)
			first, _ := built["vi"][key].(string)
			if !slices.Equal(feedback.Blanks(text), feedback.Blanks(first)) {
				t.Errorf("%s in %s: %q", key, language, text)
			}
			if text != strings.TrimSpace(text) || strings.ContainsFunc(text, func(r rune) bool { return r >= 0x0300 && r <= 0x036F }) {
				t.Errorf("%s in %s is not composed, or has spaces around: %q", key, language, text)
			}
		}
		if !slices.Contains(feedback.Languages(), language) {
			t.Errorf("a catalogue in %q, which no answer may name", language)
		}
	}
}

var update = flag.Bool("update", false, "write shared/feedback/screen.txt, the texts a ward may word itself")

// The hub knows no screen: it refuses wrong texts by the list.
func TestScreenTextsAreListed(t *testing.T) {
	lines := listed(catalogues()["vi"], "")
	var printed map[string]feedback.Text
	if err := json.Unmarshal(papers, &printed); err != nil {
		t.Fatal(err)
	}
	for id, text := range printed {
		lines[line(paperText+id, text["vi"])] = true
	}
	list := strings.Join(slices.Sorted(maps.Keys(lines)), "\n") + "\n"
	const file = "../../shared/feedback/screen.txt"
	if *update {
		if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := os.ReadFile(file); err != nil || string(held) != list {
		t.Errorf("the catalogues have other texts than %s: run go test ./kiosk/screen -run %s -update (%v)", file, t.Name(), err)
	}
}

func line(id, text string) string {
	return strings.Join(append([]string{id}, feedback.Blanks(text)...), " ")
}

// listed are the lines of the texts below a key path.
func listed(c map[string]any, below string) map[string]bool {
	lines := map[string]bool{}
	for key, is := range c {
		switch is := is.(type) {
		case string:
			lines[line(feedback.ScreenTextID(below+key), is)] = true
		case map[string]any:
			maps.Copy(lines, listed(is, below+key+"."))
		}
	}
	return lines
}

// What the ward words anew is shown after the next rest, without a restart.
func TestEditedTextIsShown(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	if text := k.text(".hero .help"); !strings.Contains(text, "Chạm vào một khuôn mặt") {
		t.Errorf("the screen reads %q", text)
	}
	w.told.texts = feedback.Texts{"screen.rate-help": {"vi": "Mời bà con chạm vào đây", "en": "Touch here"}}
	k.until("the ward's own words", "document.querySelector('.hero .help')?.innerText.replaceAll('\\u00a0', ' ') === 'Mời bà con chạm vào đây'")
}
