package screen

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// street is a few houses whose kiosks tests share, one test at a time.
type street chan *house

type house struct {
	*kiosk
	ward *ward
	// told is whether the page knows what everything tells; nil: something is left in it.
	told *bool
}

// undo is short for residents who do not take back.
const undo = 50 * time.Millisecond

func wards(t *testing.T) street {
	t.Helper()
	all := make(street, atOnce)
	aloud := reads(t, false)
	for range atOnce {
		k, w := openWard(t, portrait, func(c *Config) { aloud(c); c.Pace.Undo = undo })
		k.run(chromedp.ActionFunc(keepClocks), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}))
		all <- &house{kiosk: k, ward: w}
	}
	return all
}

// keepClocks lets a test have a time pass in the page, or never end; and keeps
// the page from loading itself when its panel was changed.
func keepClocks(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`(() => {
		const set = window.setTimeout, clear = window.clearTimeout, every = window.setInterval, due = new Map(), endless = new Set();
		window.setTimeout = (f, ms, ...more) => {
			const id = set(() => endless.has(ms) || (due.delete(id), f(...more)), ms);
			due.set(id, { ms, ring: () => f(...more) });
			return id;
		};
		window.clearTimeout = (id) => (due.delete(id), clear(id));
		window.setInterval = (f, ms) => (ms === 15000 ? 0 : every(f, ms));
		window.never = (ms) => endless.add(ms);
		window.pass = (ms) => [...due].filter(([, timer]) => timer.ms === ms).forEach(([id, { ring }]) => (clearTimeout(id), ring()));
	})()`).Do(ctx)
	return err
}

// never has a time that the page waits for not end, from now on.
func (k *kiosk) never(d time.Duration) {
	k.t.Helper()
	k.js(fmt.Sprintf("never(%d), 0", d.Milliseconds()), nil)
}

// pass has times end that the page waits for.
func (k *kiosk) pass(all ...time.Duration) {
	k.t.Helper()
	for _, d := range all {
		k.js(fmt.Sprintf("pass(%d), 0", d.Milliseconds()), nil)
	}
}

// take waits for a kiosk that nobody uses; done gives it back.
func (s street) take(t *testing.T) (h *house, done func()) {
	h = <-s
	h.t, h.ward.t = t, t
	return h, func() { s <- h }
}

// begin goes the way of a visit on the usual stand.
func (h *house) begin(v visit) {
	h.t.Helper()
	h.ward.forget()
	h.ward.everything()
	h.ward.others = true
	if v.bare {
		h.ward.nobody()
	}
	h.on(usual.panel)
	if everything := !v.bare; h.told == nil || *h.told != everything || !h.empties() {
		h.load()
		h.wait("attract")
		h.until("what is offered", fmt.Sprintf("Boolean(document.querySelector('[data-act=compose]')) === %v", everything))
		h.told = &everything
	}
	if v.spoils {
		h.told = nil
	}
	v.steps(h.kiosk, h.ward)
}

// empties waits out whoever was there, and says whether the page is as if
// nobody had been.
func (h *house) empties() (empty bool) {
	h.t.Helper()
	pace := testConfig(portrait).Pace
	h.pass(pace.Idle, 2*pace.Idle, pace.Leave)
	h.js("document.documentElement.lang === 'vi' && Boolean(document.querySelector('#app[data-screen=attract]:not(.locked):not(:has(.over))')) && !document.documentElement.matches('.large, .contrast, .low')", &empty)
	return empty
}

// put brings what is shown into a stand.
func (h *house) put(v visit, s stand) {
	h.t.Helper()
	if v.anew && !h.empties() {
		h.t.Fatal("somebody is still there")
	}
	if h.panel != s.panel {
		h.on(s.panel)
	}
	h.like(s)
	if v.again != nil {
		v.again(h.kiosk)
	}
	if v.anew {
		v.steps(h.kiosk, h.ward)
	}
}
