package screen

import (
	_ "embed" // testdata/misfits.js
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/shared/look/browser"
)

//go:embed testdata/misfits.js
var misfits string

// TestEveryState looks at every state of the screen as it is usual, and in
// stands of the cover in which it meets every language, orientation, size and
// mode: does everything fit, and has axe-core nothing to say. What fails only in
// other stands is found by make screens.
func TestEveryState(t *testing.T) {
	t.Parallel()
	everyState(t, func(n int) []stand { return append([]stand{usual}, meeting(cover(), n, usual)...) }, func(k *kiosk, v visit, s stand) {})
}

// TestScreens looks at every state in every stand there is, and writes pictures
// of those of the cover into -screens DIR.
func TestScreens(t *testing.T) {
	if *screensDir == "" {
		t.Skip("needs -screens DIR")
	}
	if err := os.MkdirAll(*screensDir, 0o755); err != nil {
		t.Fatal(err)
	}
	drawn := map[stand]bool{}
	for _, s := range cover() {
		drawn[s] = true
	}
	everyState(t, func(int) []stand { return stands() }, func(k *kiosk, v visit, s stand) {
		if drawn[s] {
			k.settle()
			k.picture(*screensDir, fmt.Sprintf("kiosk-%s-%s", s, v.name))
		}
	})
}

// everyState takes a kiosk to every state, the nth into stands of its own.
func everyState(t *testing.T, in func(n int) []stand, seen func(*kiosk, visit, stand)) {
	wards := wards(t)
	for n, v := range visits() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			k, done := wards.take(t)
			defer done()
			k.begin(v)
			judged := map[string]bool{}
			for _, s := range in(n) {
				k.put(v, s)
				if found := append(k.judge(s), k.axe(s, judged)...); len(found) > 0 {
					t.Errorf("%s: %s", s, strings.Join(found, "\n\t"))
				}
				seen(k.kiosk, v, s)
			}
		})
	}
}

// like speaks a language in a mode, without touching: some screens cover the
// buttons for it.
func (k *kiosk) like(s stand) {
	k.t.Helper()
	var now string
	k.js(fmt.Sprintf(`(() => {
		const html = document.documentElement, modes = ['large', 'contrast', 'low'];
		const click = (selector) => document.querySelector(selector).click();
		for (const mode of modes) if (html.classList.contains(mode) !== (mode === %q)) click('[data-act=' + mode + ']');
		if (html.lang !== %q) {
			if (!document.querySelector('.chooser')) click('[data-act=languages]');
			click('.chooser [data-value=' + %q + ']');
		}
		return (modes.find((mode) => html.classList.contains(mode)) ?? 'normal') + '-' + html.lang;
	})()`, s.mode, s.language, s.language), &now)
	if want := s.mode + "-" + s.language; now != want {
		k.t.Fatalf("the page stands in %s, want %s", now, want)
	}
}

// judge lists what is wrong with what is shown.
func (k *kiosk) judge(s stand) (found []string) {
	k.t.Helper()
	k.await(fmt.Sprintf("%s.then(() => ("+misfits+")(%v, %v))", arrive, s.panel.legible(s.mode == "large"), s.panel.key()), &found)
	return found
}

// axe judges words and roles once, and what a mode changes once a mode: colours,
// or what is large; judged are the modes it has seen. With -screens DIR it
// judges all of that in every stand.
func (k *kiosk) axe(s stand, judged map[string]bool) (found []string) {
	k.t.Helper()
	rules := browser.Styled
	switch {
	case s == usual:
		rules = nil
	case *screensDir != "":
	case judged[s.mode]:
		return nil
	case s.mode != "contrast":
		rules = slices.DeleteFunc(slices.Clone(rules), func(rule string) bool { return rule == "color-contrast" })
	}
	judged[s.mode] = true
	for _, v := range browser.Axe(k.t, k.ctx, rules...) {
		found = append(found, v.String())
	}
	return found
}

// arrive waits until what scrolls was measured, fonts are there and colours
// change no more.
const arrive = `(async () => {
	do {
		await document.fonts.ready;
		for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
	} while (document.fonts.status !== 'loaded');
	await Promise.all(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished));
	return true;
})()`

// settle lets pictures come to rest.
func (k *kiosk) settle() {
	k.t.Helper()
	k.await(arrive, nil)
	time.Sleep(150 * time.Millisecond)
}
