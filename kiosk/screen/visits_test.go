package screen

import (
	"cmp"
	"net/http"
	"slices"
	"sync"

	"nghe/shared/feedback"
)

// visit is the way to one state of the screen from the start screen.
type visit struct {
	name  string
	steps func(*kiosk, *ward)
	bare  bool // the ward told nothing, and nobody reads messages
	// spoils says that something is left in the page which waiting does not end.
	spoils bool
	// again brings back what a change of language takes away; nil: nothing.
	again func(*kiosk)
	// anew goes the whole way again for each stand: nothing can be changed there.
	anew bool
}

func visits() []visit {
	var all []visit
	for _, some := range [][]visit{frontVisits(), deskVisits(), giveVisits(), keyboardVisits(), mediaVisits(), endVisits(), caseVisits(), repliedVisits()} {
		all = append(all, some...)
	}
	// What needs the same page comes together.
	slices.SortStableFunc(all, func(a, b visit) int { return cmp.Compare(after(a), after(b)) })
	return all
}

func after(v visit) int {
	switch {
	case v.spoils:
		return 2
	case v.bare:
		return 1
	}
	return 0
}

func stay(*kiosk, *ward) {}

// walk taps one after the other.
func walk(selectors ...string) func(*kiosk, *ward) {
	return func(k *kiosk, _ *ward) {
		for _, selector := range selectors {
			k.tap(selector)
		}
	}
}

// frontVisits are those to the questions, and to what lies over them.
func frontVisits() []visit {
	rated := func(score int) func(*kiosk, *ward) {
		return func(k *kiosk, _ *ward) { k.rate(score); k.see(".option") }
	}
	locked := func(k *kiosk, _ *ward) { k.never(undo); k.rate(4); k.see(".undo") }
	thanks := func(k *kiosk, w *ward) { rated(5)(k, w); k.tap("[data-act=skip]"); k.wait("thanks") }
	return []visit{
		{name: "attract", steps: stay},
		{name: "attract-bare", steps: stay, bare: true},
		{name: "offline", spoils: true, steps: func(k *kiosk, w *ward) { w.states(StateOffline); k.load(); k.see(".offline") }},
		{name: "chosen", spoils: true, steps: locked},
		{name: "chosen-bare", spoils: true, steps: locked, bare: true},
		{name: "low", steps: rated(1)},
		{name: "mid", steps: rated(3)},
		{name: "high", steps: func(k *kiosk, w *ward) {
			rated(5)(k, w)
			for _, id := range []string{"friendly", "listens", "on-time"} {
				k.tap(".option[data-value='" + id + "']")
			}
			k.see(".option.chosen[data-value='on-time']")
		}},
		{name: "agree", spoils: true, steps: func(k *kiosk, w *ward) {
			w.told.asked = feedback.Seed().Questionnaires[1:2]
			k.load()
			k.see(".tile.plain")
		}},
		{name: "agree-second", spoils: true, steps: func(k *kiosk, w *ward) {
			w.told.asked = feedback.Seed().Questionnaires[1:2]
			k.load()
			k.tap(".tile.plain")
			k.see("#app:not(.locked, [data-front]) .tile.plain")
		}},
		{name: "saving", spoils: true, steps: func(k *kiosk, w *ward) {
			until := make(chan struct{})
			k.t.Cleanup(sync.OnceFunc(func() { close(until) }))
			w.kept.set(func() error { <-until; return nil }, nil)
			k.js("AbortSignal.timeout = () => new AbortController().signal, 0", nil)
			k.rate(3)
			k.tap("[data-act=skip]")
			k.wait("saving")
		}},
		{name: "trouble", spoils: true, steps: func(k *kiosk, w *ward) {
			w.kept.set(func() error { return errNoRoom }, nil)
			k.rate(2)
			k.tap("[data-act=skip]")
			k.wait("saving")
			k.notKeptYet()
		}},
		{name: "thanks", steps: thanks},
		{name: "thanks-bare", steps: thanks, bare: true},
		{name: "thanks-offline", spoils: true, steps: func(k *kiosk, w *ward) { w.states(StateOffline); k.load(); thanks(k, w) }},
		{name: "sorry", spoils: true, steps: func(k *kiosk, w *ward) {
			w.kept.set(func() error { return &feedback.Invalid{Field: "score", Want: "an answer this test allows"} }, nil)
			k.rate(2)
			k.wait("sorry")
		}},
		{name: "paused", spoils: true, steps: func(k *kiosk, w *ward) {
			w.kept.Lock()
			w.kept.storage = StorageFull
			w.kept.Unlock()
			k.load()
			k.wait("paused")
		}},
		{name: "languages", steps: walk("[data-act=languages]"), again: func(k *kiosk) {
			k.js("document.querySelector('.chooser') ?? document.querySelector('[data-act=languages]').click(), 0", nil)
			k.see(".chooser")
		}},
		{name: "still", spoils: true, anew: true, steps: func(k *kiosk, w *ward) {
			k.rate(4)
			k.see(".option")
			k.pass(testConfig(portrait).Pace.Idle)
			k.see(".warning")
		}},
	}
}

func (w *ward) states(states ...State) {
	w.kept.Lock()
	defer w.kept.Unlock()
	w.kept.states = states
}

// notKeptYet waits until the page says so.
func (k *kiosk) notKeptYet() {
	k.t.Helper()
	k.until("the honest text", "/chưa lưu được|not .*saved|저장하지|尚未|未能/.test(document.querySelector('h1').innerText.replaceAll('\\u00a0', ' '))")
}

// deskVisits are those to what the machine tells.
func deskVisits() []visit {
	const menu = "[data-act=go][data-value=menu]"
	to := func(name string) string { return ".give[data-value=" + name + "]" }
	about := []string{menu, to("about")}
	return []visit{
		{name: "menu", steps: walk(menu)},
		{name: "menu-bare", steps: walk(menu), bare: true},
		{name: "surveys", steps: walk(menu, to("surveys"))},
		{name: "board", steps: walk(menu, to("board"))},
		{name: "board-bare", steps: walk(menu, to("board")), bare: true},
		{name: "notice", steps: walk(menu, to("board"), to("n-1"))},
		{name: "notice-long", steps: walk(menu, to("board"), to("n-2"))},
		{name: "numbers", steps: walk(menu, to("numbers"))},
		{name: "numbers-bare", steps: walk(menu, to("numbers")), bare: true},
		{name: "filing", steps: walk(menu, to("filing"))},
		{name: "filing-bare", steps: walk(menu, to("filing")), bare: true},
		{name: "filing-printed", steps: walk(menu, to("filing"), "[data-act=print]")},
		{name: "filing-large", steps: walk(menu, to("filing"), "[data-act=enlarge]")},
		{name: "filing-large-bare", steps: walk(menu, to("filing"), "[data-act=enlarge]"), bare: true},
		{name: "about", steps: walk(about...)},
		{name: "about-bare", steps: walk(about...), bare: true},
		{name: "machine", spoils: true, steps: func(k *kiosk, w *ward) {
			w.states(States()...)
			k.load()
			walk(append(about, "[data-value=machine]")...)(k, w)
			k.until("the card", "document.querySelector('.facts').textContent.includes('3f9a1c07')")
		}},
		{name: "machine-bare", steps: walk(append(about, "[data-value=machine]")...), bare: true},
	}
}

// hold has an address answer nothing as long as the test lasts.
func (w *ward) hold(k *kiosk, path string) {
	until := make(chan struct{})
	k.t.Cleanup(sync.OnceFunc(func() { close(until) }))
	w.breaks(path, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-until:
		case <-r.Context().Done():
		}
	})
}
