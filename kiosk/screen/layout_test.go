package screen

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"nghe/shared/look/browser"
)

// misfits lists what does not fit the panel: scrollbars, text cut off by its
// box, anything outside the page, type too small to read, targets too small
// or too close for a finger. All in millimetres of the panel.
const misfits = `((legible) => {
	const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
	const found = [];
	const name = (e) => e.tagName.toLowerCase() + '.' + [...e.classList].join('.') + ' "' + e.textContent.trim().slice(0, 30) + '"';
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth || root.scrollHeight > root.clientHeight) found.push('the page scrolls');
	const page = {left: -2, top: -2, right: innerWidth + 2, bottom: innerHeight + 2};
	const within = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
	const warning = document.querySelector('.over');
	const scope = warning ?? document.querySelector('#app');
	for (const e of scope.querySelectorAll('*')) {
		if (!e.checkVisibility() || e.closest('svg, .waves')) continue;
		const own = [...e.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
		if (own.length === 0 || e.getBoundingClientRect().width <= 1) continue;
		const range = document.createRange();
		range.selectNodeContents(e);
		const text = range.getBoundingClientRect();
		const size = parseFloat(getComputedStyle(e).fontSize);
		if (!within(text, page, 0) && !e.closest('.scrolled')) found.push(name(e) + ' leaves the page');
		const button = e.closest('button, .hero, .card');
		if (button && !within(text, button.getBoundingClientRect(), 1)) found.push(name(e) + ' leaves its ' + name(button));
		if (!e.closest('[aria-hidden=true]') && size / mm < legible - 0.02) found.push(name(e) + ' is ' + (size / mm).toFixed(2) + ' mm, below ' + legible);
	}
	const cut = (e) => !e.matches('.scrolled, .own, .face, .drawing, .meter, .frame') && (['hidden', 'clip', 'auto'].includes(getComputedStyle(e).overflowX) || e.matches('.sheet')) && (!e.matches('.sheet') && e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
	for (const e of scope.querySelectorAll('*')) {
		if (e.checkVisibility() && !e.closest('svg, .waves') && e.clientWidth > 1 && cut(e)) found.push(name(e) + ' cuts off what it holds');
	}
	for (const e of scope.querySelectorAll('.scrolled')) {
		if (e.scrollHeight > e.clientHeight + 1 && !e.parentElement.querySelector('.updown').checkVisibility()) found.push(name(e) + ' is scrolled out of reach');
		if (e.scrollWidth > e.clientWidth + 1) found.push(name(e) + ' is too wide');
		if (e.scrollHeight > e.clientHeight + 1 && e.clientHeight / mm < 13) found.push(name(e) + ' is only ' + (e.clientHeight / mm).toFixed(1) + ' mm high');
	}
	const texts = [];
	for (const e of scope.querySelectorAll('.sheet *, .hero:has(~ .sheet) *, .actions *, .trust p, .tools button')) {
		const own = [...e.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
		if (own.length === 0 && !e.matches('button') || !e.checkVisibility() || e.closest('svg') || e.getBoundingClientRect().width <= 1) continue;
		let b = e.getBoundingClientRect();
		if (!e.matches('button')) { const range = document.createRange(); range.selectNodeContents(e); b = range.getBoundingClientRect(); }
		const s = e.closest('.scrolled')?.getBoundingClientRect() ?? page;
		const slack = e.matches('button') ? 1 : parseFloat(getComputedStyle(e).fontSize) * 0.15;
		texts.push({e, left: Math.max(b.left, s.left) + 1, right: Math.min(b.right, s.right) - 1, top: Math.max(b.top, s.top) + slack, bottom: Math.min(b.bottom, s.bottom) - slack});
	}
	for (const a of texts) for (const b of texts) {
		if (warning || a.e === b.e || a.e.contains(b.e) || b.e.contains(a.e) || a.e.closest('.undo') || b.e.closest('.undo')) continue;
		if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) found.push(name(a.e) + ' lies over ' + name(b.e));
	}
	const targets = [...scope.querySelectorAll('button')].filter((e) => e.checkVisibility() && (warning || !e.closest('.tools') || e.matches('.undo') || !document.querySelector('.undo:not([hidden])')));
	for (const e of targets) {
		const b = e.getBoundingClientRect();
		const least = e.matches('.tile') ? Math.max(b.width, b.height) / mm < 40 ? 40 : 0 : 0;
		if (least) found.push(name(e) + ' is under 40 mm both ways');
		if (Math.min(b.width, b.height) / mm < 19.95) found.push(name(e) + ' is ' + (b.width / mm).toFixed(1) + ' x ' + (b.height / mm).toFixed(1) + ' mm');
		if (!within(b, page, 0)) found.push(name(e) + ' leaves the page');
		for (const o of targets) {
			if (o === e || o.contains(e) || e.contains(o)) continue;
			const c = o.getBoundingClientRect();
			if (b.left < c.right - 1 && c.left < b.right - 1 && b.top < c.bottom - 1 && c.top < b.bottom - 1) found.push(name(e) + ' overlaps ' + name(o));
		}
	}
	const blocks = [...scope.children].filter((e) => e.checkVisibility() && !e.matches('.over'));
	for (const a of blocks) for (const b of blocks) {
		if (a === b || a.matches('.hero') && b.matches('.trust') || b.matches('.hero') && a.matches('.trust')) continue;
		const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
		if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1) found.push(name(a) + ' overlaps ' + name(b));
	}
	const hero = scope.querySelector('.hero');
	if (hero && hero.querySelector('.waves').checkVisibility()) {
		const waves = hero.querySelector('.waves').getBoundingClientRect();
		for (const e of hero.querySelectorAll('h1, .help, .before, .primary')) {
			const b = e.getBoundingClientRect();
			if (e.textContent && b.bottom > waves.top + waves.height * 0.5) found.push(name(e) + ' lies in the waves');
		}
		const trust = scope.querySelector('.trust')?.getBoundingClientRect();
		for (const e of hero.querySelectorAll('h1, .help, .before')) {
			const b = e.getBoundingClientRect();
			if (trust && e.textContent && b.left < trust.right && trust.left < b.right && b.bottom > trust.top && b.top < trust.bottom) found.push(name(e) + ' overlaps the trust line');
		}
	}
	return [...new Set(found)];
})(%v)`

// legible is the least height of type in mm: capitals of 4.8 mm seen from
// 600 mm; large text 0.7 degrees. Smaller panels are stood nearer to.
func (p panel) legible(large bool) float64 {
	short := float64(min(p.width, p.height)) / p.pixelsPerMM
	distance := 600.0
	if short < 220 {
		distance = 500
	}
	if short < 160 {
		distance = 400
	}
	if large {
		return 10.45 * distance / 600
	}
	return 6.95 * distance / 600
}

// as puts the page in a mode without touching it, because some screens cover
// the tools, and keeps the page from changing it back.
func (k *kiosk) as(mode string) {
	k.t.Helper()
	k.await(fmt.Sprintf(`(async () => {
		const modes = document.documentElement.classList;
		modes.toggle = () => false;
		modes.remove('normal', 'large', 'contrast', 'low');
		modes.add(%q);
		for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
	})()`, mode), nil)
}

// TestEveryScreen looks at every screen, in every mode, on every panel: does
// everything fit, and has axe-core nothing to say.
func TestEveryScreen(t *testing.T) {
	for _, language := range []string{"vi", "en"} {
		if language == "en" && testing.Short() {
			continue
		}
		for _, v := range visits() {
			t.Run(language+"-"+v.name, func(t *testing.T) {
				show(t, portrait, modes()[0], v, language, func(k *kiosk) {
					for _, p := range []panel{portrait, landscape, tablet, stood, upright, wide, large} {
						if language == "en" && (p == wide || p == large) {
							continue
						}
						k.on(p)
						k.inspect(language == "vi")
					}
				})
			})
		}
	}
}

// inspect reports what is wrong with the screen shown, in each mode. What axe
// says of the words and roles it says once.
func (k *kiosk) inspect(axe bool) {
	k.t.Helper()
	for _, m := range modes() {
		k.as(m.name)
		var found []string
		k.js(fmt.Sprintf(misfits, k.panel.legible(m.name == "large")), &found)
		if axe && (k.panel == portrait || k.panel == landscape) {
			found = append(found, k.axe(k.panel == portrait && m.name == "normal")...)
		}
		if len(found) > 0 {
			k.t.Errorf("%s, %s: %s", k.panel.name, m.name, strings.Join(found, "\n\t"))
		}
	}
}

func (k *kiosk) axe(whole bool) (found []string) {
	k.t.Helper()
	rules := browser.Styled
	if whole {
		rules = nil
	}
	k.await(arrive, nil)
	for _, v := range browser.Axe(k.t, k.ctx, rules...) {
		found = append(found, v.String())
	}
	return found
}

// arrive waits for colours that are still changing: axe judges what it sees.
const arrive = `Promise.all(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished)).then(() => true)`

// TestContrast computes WCAG contrast ratios of the palette's pairs, which axe
// cannot where a gradient lies behind.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("web/screen.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, ink, ground string
		least             float64
	}{
		{"question on the lightest sea", "#ffffff", value(t, string(css), "--hero-b"), 7},
		{"help on the last of the sea", "#eff7f8", value(t, string(css), "--hero-c"), 4.5},
		{"slogan on the sea", "#dceef1", value(t, string(css), "--hero-b"), 4.5},
		{"option on white", "#10272e", "#ffffff", 7},
		{"option on its chosen tint", "#10272e", "#eff7f8", 7},
		{"trust on sand", "#4a5f66", "#fbf7ef", 4.5},
		{"begin on sun", "#10272e", "#efa45c", 7},
		{"call to action in high contrast", "#000000", "#ffd84d", 7},
	} {
		if got := contrast(t, c.ink, c.ground); got < c.least {
			t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", c.name, c.ink, c.ground, got, c.least)
		}
	}
}

func value(t *testing.T, css, property string) string {
	t.Helper()
	_, after, found := strings.Cut(css, property+": ")
	if !found {
		t.Fatalf("no %s in the style sheet", property)
	}
	v, _, _ := strings.Cut(after, ";")
	return v
}
