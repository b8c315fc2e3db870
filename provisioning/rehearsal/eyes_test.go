package rehearsal

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"nghe/shared/look/browser"
)

var screens = flag.String("screens", "", "folder for pictures of what residents and operators see")

// eyes is one Chromium that several people sit before, each at a tab.
type eyes struct {
	t   testing.TB
	ctx context.Context
}

// openEyes starts a Chromium whose microphone hears a recording and whose
// camera sees a film, again and again.
func openEyes(t *testing.T, recording, film string) eyes {
	t.Helper()
	profile, err := os.MkdirTemp("", "nghe-chromium-") // not the test's own: it may be written to until the very end
	if err != nil {
		t.Fatal(err)
	}
	options := append(browser.Options(t, profile), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-file-for-fake-audio-capture", recording),
		chromedp.Flag("use-file-for-fake-video-capture", film))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	ctx, stopClock := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(func() {
		stopClock()
		stop()
		stopAllocator()
		os.RemoveAll(profile)
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return eyes{t, ctx}
}

// tab is a new one, of a size in CSS pixels.
func (e eyes) tab(width, height int64) eyes {
	e.t.Helper()
	ctx, stop := chromedp.NewContext(e.ctx)
	e.t.Cleanup(stop)
	seat := eyes{e.t, ctx}
	seat.run(emulation.SetDeviceMetricsOverride(width, height, 1, false), emulation.SetTouchEmulationEnabled(true))
	return seat
}

func (e eyes) run(actions ...chromedp.Action) {
	e.t.Helper()
	run(e.t, e.ctx, actions...)
}

// look turns to this tab: the others sleep meanwhile.
func (e eyes) look() { e.t.Helper(); e.run(page.BringToFront()) }

func (e eyes) open(url string) {
	e.t.Helper()
	e.look()
	e.run(chromedp.Navigate(url))
}

// tell evaluates an expression, or waits for its promise.
func (e eyes) tell(expression string, v any) {
	e.t.Helper()
	e.run(chromedp.Evaluate(expression, v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// until waits for an expression to hold.
func (e eyes) until(what, expression string) {
	e.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var holds bool
		if e.run(chromedp.Evaluate("Boolean("+expression+")", &holds)); holds {
			return
		}
	}
	e.t.Fatalf("waited a minute for %s; the page says:\n%s", what, e.text("body"))
}

func (e eyes) text(selector string) (text string) {
	e.t.Helper()
	e.tell(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &text)
	return strings.ReplaceAll(text, "\u00a0", " ")
}

// says wants words on the page.
func (e eyes) says(words ...string) {
	e.t.Helper()
	text := e.text("body")
	for _, w := range words {
		if !strings.Contains(text, w) {
			e.t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
}

// picture is taken when pictures are wanted.
func (e eyes) picture(name string) {
	e.t.Helper()
	if *screens == "" {
		return
	}
	if err := os.MkdirAll(*screens, 0o755); err != nil {
		e.t.Fatal(err)
	}
	e.tell(`document.fonts.ready.then(() => 0)`, nil)
	time.Sleep(200 * time.Millisecond) // the fonts' first paint
	browser.Shot(e.t, e.ctx, filepath.Join(*screens, name+".png"))
}

// resident drives a kiosk's screen by touch.
type resident struct {
	eyes
	w *ward
}

// on waits for a screen of the kiosk and touches something on it.
func (r resident) on(screen, selector string) {
	r.t.Helper()
	at := fmt.Sprintf("#app[data-screen=%s] %s", screen, selector)
	r.until(at, fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", at))
	r.w.touch(r.ctx, at)
}

// soon waits for a little: a consent takes no touch before it could be read.
func (r resident) soon(expression string) {
	r.t.Helper()
	for range 40 {
		var holds bool
		if r.tell("Boolean("+expression+")", &holds); holds {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// through touches whichever of these is there, the first first, until a screen
// is reached.
func (r resident) through(screen string, selectors ...string) {
	r.t.Helper()
	const stands = `document.querySelector("#app").dataset.screen + document.querySelector("main").innerText`
	for range 20 {
		var next, before string
		r.until("one of what leads to "+screen, fmt.Sprintf(`document.querySelector("#app[data-screen=%s]") || document.querySelector(%q)`, screen, strings.Join(selectors, ",")))
		r.tell(fmt.Sprintf(`document.querySelector("#app[data-screen=%s]") ? "" : [%s].find((s) => document.querySelector(s)) ?? ""`, screen, `"`+strings.Join(selectors, `","`)+`"`), &next)
		if next == "" {
			return
		}
		r.tell(stands, &before)
		r.w.touch(r.ctx, next)
		r.soon(fmt.Sprintf("%s !== %s", stands, quoted(before)))
	}
	r.t.Fatalf("%s was never reached", screen)
}

// quoted is a string as scripts write it.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always can
	}
	return string(b)
}

// press touches keys on the screen's own keyboard.
func (r resident) press(screen, keys string) {
	r.t.Helper()
	for key := range strings.FieldsSeq(keys) {
		r.on(screen, fmt.Sprintf(".key[data-value=%q]", key))
	}
}

// begin opens the start screen.
func (r resident) begin(address string) {
	r.t.Helper()
	r.open("http://" + address + "/")
	r.until("the start screen", `document.querySelector("#app[data-screen=attract]")`)
}
