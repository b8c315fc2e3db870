package screen

import (
	"fmt"
	"strings"
	"testing"
)

// keyboards are the ways to each page of a keyboard, from the start screen.
func keyboards() []sheetVisit {
	words := func(language, keys string) func(*kiosk, *ward) {
		return func(k *kiosk, _ *ward) {
			k.compose()
			k.speak(language)
			k.tap(".give[data-value=words]")
			k.press(keys)
		}
	}
	return []sheetVisit{
		{"vi", words("vi", "đ ư ơ huyen n g space x a a u s")},
		{"undone", words("vi", "d a t a undo shift shift")},
		{"signs", words("vi", "signs")},
		{"ways", words("vi", "ways")},
		{"ways-en", words("en", "ways")},
		{"direct", words("vi", "ways direct a")},
		{"vni", words("vi", "ways vni d u o n g 7 9 2")},
		{"latin", words("en", "r o a d")},
		{"hangul", words("ko", "ㅇ ㅏ ㄴ ㄴ ㅕ ㅇ shift")},
		{"latin-zh", words("zh-Hans", "n i shift")},
		{"phone", func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=contact]")
			k.tap(".give[data-value=phone]")
			k.press("0 9 1 2 + back")
		}},
	}
}

// What is touched and what is pressed on a keyboard somebody plugged in become
// one word; what is shown is what is sent.
func TestTypedByTouchAndByKeyboard(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	k.compose()
	k.tap(".give[data-value=words]")
	k.press("d d u w o w n g f space d a t a")
	k.until("the guess", "document.querySelector('.paper span').textContent === 'Đường dât'")
	k.press("undo space")
	k.type_("ddeej")
	k.press("p back p sac")
	k.press("ways vni space t o 1 signs - letters 1")
	k.tap(".key.enter")
	k.tap("[data-act=post]")
	k.wait("receipt")
	if got := w.messages()[0]["words"]; got != "Đường data đếp tó-1" {
		t.Errorf("sent %q", got)
	}
}

// Who writes Chinese is offered to speak before anything else.
func TestChineseIsOfferedToSpeakFirst(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	k.compose()
	for language, first := range map[string]string{"vi": "words", "zh-Hans": "voice", "ko": "words"} {
		k.speak(language)
		var got string
		k.js("document.querySelector('.give').dataset.value", &got)
		if got != first {
			t.Errorf("in %s %s is offered first", language, got)
		}
	}
}

// TestEveryKeyboard looks at every page of the keyboard, on every panel and in
// every mode, though not in each on each: does it fit, and are the keys wide
// enough.
func TestEveryKeyboard(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	for i, v := range keyboards() {
		t.Run(v.name, func(t *testing.T) {
			k.t = t
			k.on(portrait)
			k.home()
			v.steps(k, w)
			for j, p := range []panel{portrait, landscape, tablet, stood, upright, wide} {
				k.on(p)
				for n, m := range modes() {
					if *screensDir != "" || n == (i+j)%len(modes()) {
						k.inspectKeyboard(v.name, m)
					}
				}
				k.as("normal")
			}
		})
	}
}

func (k *kiosk) inspectKeyboard(name string, m mode) {
	k.t.Helper()
	k.as(m.name)
	found := k.sheetMisfits(m.name)
	if k.panel == portrait || k.panel == landscape {
		found = append(found, k.axe(k.panel == portrait && m.name == "normal")...)
	}
	if *screensDir != "" {
		k.settle()
		k.picture(*screensDir, fmt.Sprintf("keys-%s-%s-%s", k.panel.name, m.name, name))
	}
	if len(found) > 0 {
		k.t.Errorf("%s %s: %s", k.panel.name, m.name, strings.Join(found, "\n\t"))
	}
}
