package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"

	"nghe/shared/look/browser"
)

// watchTracks lets a test count the tracks that are open, and the object URLs
// that were made, whatever the page says of them.
func watchTracks(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`(() => {
		window.tracks = []; window.urls = [];
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wish) => { const s = await open(wish); window.tracks.push(...s.getTracks()); return s; };
		const make = URL.createObjectURL;
		URL.createObjectURL = (b) => { const url = make.call(URL, b); window.urls.push(url); return url; };
	})()`).Do(ctx)
	return err
}

func (k *kiosk) openTracks() (n int) {
	k.t.Helper()
	k.js("window.tracks.filter((t) => t.readyState === 'live').length", &n)
	return n
}

// sheetVisits are the ways to every screen of a message.
func sheetVisits() []struct {
	name  string
	steps func(*kiosk)
} {
	words := func(k *kiosk) { k.compose(); k.write("r a huyen c") }
	return []struct {
		name  string
		steps func(*kiosk)
	}{
		{"offer", func(*kiosk) {}},
		{"thanks", func(k *kiosk) { k.start(); k.rate(5); k.tap("[data-act=skip]"); k.wait("thanks") }},
		{"compose", func(k *kiosk) { k.compose() }},
		{"given", words},
		{"write", func(k *kiosk) { k.compose(); k.tap(".give[data-value=words]"); k.press("đ ư ơ huyen n g") }},
		{"digits", func(k *kiosk) { k.compose(); k.tap(".give[data-value=words]"); k.press("digits") }},
		{"voice", func(k *kiosk) { k.compose(); k.tap(".give[data-value=voice]") }},
		{"speaking", func(k *kiosk) {
			k.compose()
			k.tap(".give[data-value=voice]")
			k.tap("[data-act=open]")
			k.see("[data-act=stop]")
		}},
		{"spoken", func(k *kiosk) { k.compose(); k.record() }},
		{"photo", func(k *kiosk) { k.compose(); k.tap(".give[data-value=photo]") }},
		{"looking", func(k *kiosk) {
			k.compose()
			k.tap(".give[data-value=photo]")
			k.tap("[data-act=open]")
			k.see("video")
		}},
		{"taken", func(k *kiosk) { k.compose(); k.photograph() }},
		{"contact", func(k *kiosk) { k.compose(); k.tap(".give[data-value=contact]"); k.wait("contact") }},
		{"agree", func(k *kiosk) {
			k.compose()
			k.photograph()
			k.tap("[data-act=go].primary")
			k.record()
			k.tap("[data-act=go].primary")
			k.tap(".give[data-value=contact]")
			k.tap(".give[data-value=phone]")
			k.press("0 9 1 2")
			k.tap(".key.enter")
			k.tap("[data-act=go].primary")
			k.tap("[data-act=post]")
			k.wait("agree")
		}},
		{"receipt", func(k *kiosk) { words(k); k.tap("[data-act=post]"); k.wait("receipt") }},
		{"lookup", func(k *kiosk) { k.tap("[data-act=lookup]"); k.press("7 K 3 M P Q") }},
		{"found", func(k *kiosk) {
			k.tap("[data-act=lookup]")
			k.press("7 K 3 M P Q 2 X W D")
			k.tap("[data-act=find]")
			k.see(".state")
		}},
	}
}

// TestEverySheet looks at every screen of a message: does everything fit, are
// keys at least 13 mm and all else 20 mm, and has axe-core nothing to say.
func TestEverySheet(t *testing.T) {
	for _, p := range []panel{portrait, landscape} {
		for _, v := range sheetVisits() {
			t.Run(p.name+"-"+v.name, func(t *testing.T) {
				k, w := openWard(t, p, nil)
				w.known["7K3MPQ2XWD"] = "awaiting-approval"
				v.steps(k)
				for _, m := range modes() {
					if m.name == "large" {
						continue
					}
					k.as(m.name)
					found := k.sheetMisfits(m.name)
					k.await(arrive, nil)
					for _, v := range browser.Axe(t, k.ctx) {
						found = append(found, v.String())
					}
					if *screensDir != "" {
						k.settle()
						k.picture(*screensDir, fmt.Sprintf("sheet-%s-%s-%s", p.name, m.name, v.name))
					}
					if len(found) > 0 {
						t.Errorf("%s: %s", m.name, strings.Join(found, "\n\t"))
					}
				}
			})
		}
	}
}

// sheetMisfits are misfits, with the measure of keys.
func (k *kiosk) sheetMisfits(mode string) []string {
	k.t.Helper()
	var found, keys []string
	k.js(fmt.Sprintf(misfits, k.panel.legible(mode == "large")), &found)
	found = slices.DeleteFunc(found, func(s string) bool {
		return strings.HasPrefix(s, "button.key") && strings.HasSuffix(s, " mm") && !strings.Contains(s, "below")
	})
	k.js(`(() => {
		const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
		return [...document.querySelectorAll('.key')].map((e) => [e.textContent, e.getBoundingClientRect()])
			.filter(([, b]) => Math.min(b.width, b.height) / mm < 12.95).map(([name, b]) => 'key ' + name + ' is ' + (b.width / mm).toFixed(1) + ' x ' + (b.height / mm).toFixed(1) + ' mm');
	})()`, &keys)
	return append(found, keys...)
}
