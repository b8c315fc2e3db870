package screen

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"

	"nghe/shared/feedback"
)

// shown is all that the program itself says in a language, in one string.
func shown(t *testing.T, l feedback.Language) string {
	t.Helper()
	var all strings.Builder
	add := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var in any
		if err := json.Unmarshal(text, &in); err != nil {
			t.Fatal(err)
		}
		gather(&all, in, string(l))
	}
	for _, is := range catalogues()[l] {
		add(map[string]any{string(l): is})
	}
	form := feedback.Messages().In("Phường Quảng Tiến", nil, time.Now())
	add([]any{feedback.Seed().Questionnaires, form, feedback.Agreements(), feedback.Emergency()})
	for score := 1; score <= 5; score++ {
		add(feedback.ScoreText(score))
	}
	for _, s := range feedback.CaseStates() {
		add(s.Text())
	}
	return all.String()
}

// gather collects the strings that stand below a key.
func gather(all *strings.Builder, v any, below string) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == below || below == "" {
				gather(all, inner, "")
			} else {
				gather(all, inner, below)
			}
		}
	case []any:
		for _, inner := range v {
			gather(all, inner, below)
		}
	case string:
		if below == "" {
			all.WriteString(v + " ")
		}
	}
}

// drawnIn are the families a text in a language is drawn in; "!" marks those of
// the machine. What none has is drawn as a box by the first of them, or by the
// font named first, which has hanja alone.
func (k *kiosk) drawnIn(l feedback.Language, text string, first string) string {
	k.t.Helper()
	k.await(fmt.Sprintf(`(async () => {
		const e = document.createElement('p');
		e.id = 'drawn'; e.lang = %q; e.textContent = %q;
		document.body.append(e);
		e.style.fontFamily = %q + getComputedStyle(e).fontFamily;
		await document.fonts.ready;
		if (document.fonts.status !== 'loaded') throw 'fonts are not there';
	})()`, l, text, first), nil)
	families := map[string]bool{}
	k.run(chromedp.ActionFunc(func(ctx context.Context) error {
		if err := css.Enable().Do(ctx); err != nil {
			return err
		}
		root, err := dom.GetDocument().Do(ctx)
		if err != nil {
			return err
		}
		node, err := dom.QuerySelector(root.NodeID, "#drawn").Do(ctx)
		if err != nil {
			return err
		}
		used, err := css.GetPlatformFontsForNode(node).Do(ctx)
		for _, f := range used {
			name := strings.TrimSuffix(strings.TrimSuffix(f.FamilyName, " Medium"), " Thin")
			if !f.IsCustomFont {
				name = "!" + name
			}
			families[name] = true
		}
		return err
	}))
	k.js("document.querySelector('#drawn').remove()", nil)
	return strings.Join(slices.Sorted(maps.Keys(families)), ", ")
}

// hanja makes a font known that has no Latin letter, only signs and "!".
const hanja = `(async () => {
	const rules = [...document.styleSheets].flatMap((s) => [...s.cssRules]);
	const slice = rules.find((r) => r instanceof CSSFontFaceRule && r.style.getPropertyValue('unicode-range').startsWith('U+F92F'));
	document.fonts.add(await new FontFace('Hanja', slice.style.getPropertyValue('src')).load());
	return true;
})()`

// No letter comes from the machine, which may have none: every sign of our own
// texts is in a font of the program, in each language's own drawing.
func TestNoLetterIsMissing(t *testing.T) {
	t.Parallel()
	k := open(t, portrait, nil)
	k.wait("attract")
	k.await(hanja, nil)
	for l, want := range map[feedback.Language]string{"vi": "", "en": "", "ko": "Noto Sans KR", "zh-Hans": "Noto Sans SC"} {
		latin, signs := apart(shown(t, l))
		if got := k.drawnIn(l, latin, "Hanja,"); got != "Be Vietnam Pro" {
			t.Errorf("Latin letters in %s are drawn in %q: %q", l, got, latin)
		}
		if got := k.drawnIn(l, signs, ""); got != want {
			t.Errorf("signs in %s are drawn in %q, want %q: %q", l, got, want, signs)
		}
	}
	if got := k.drawnIn("vi", "\ue000", "Hanja,"); got != "Noto Sans KR" {
		t.Errorf("a letter that no font has is drawn in %q: this test sees nothing", got)
	}
	if got := k.drawnIn("ko", "\ue000", ""); got != "Be Vietnam Pro" {
		t.Errorf("a sign that no font has is drawn in %q: this test sees nothing", got)
	}
}

// apart are the different letters and signs of a text, without spaces and "!".
func apart(text string) (latin, signs string) {
	all := map[rune]bool{}
	for _, r := range text {
		all[r] = true
	}
	for _, r := range slices.Sorted(maps.Keys(all)) {
		switch {
		case unicode.IsSpace(r), r == '!': // which each slice has too
		case r < 0x2E80:
			latin += string(r)
		default:
			signs += string(r)
		}
	}
	return latin, signs
}

// A page loads the slices of what it shows, and no more.
func TestFontsAreLoadedWhenNeeded(t *testing.T) {
	t.Parallel()
	k := open(t, portrait, nil)
	k.wait("attract")
	k.settle()
	loaded := func() (n int) {
		k.js("performance.getEntriesByType('resource').filter((e) => e.name.includes('noto-sans')).length", &n)
		return n
	}
	if n := loaded(); n > 12 {
		t.Errorf("a Vietnamese page loads %d slices of Korean and Chinese", n)
	}
	before := loaded()
	k.speak("ko")
	k.settle()
	if n := loaded() - before; n < 3 || n > 60 {
		t.Errorf("a Korean page loads %d slices", n)
	}
}
