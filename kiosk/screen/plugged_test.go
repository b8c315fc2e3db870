package screen

import (
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// A keyboard somebody plugged in types into the words what it types anywhere,
// and presses no key of the screen that a finger touched before, but one that it
// has gone to itself.
func TestPluggedKeyboardOnlyTypes(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	k.compose()
	k.tap(".give[data-value=words]")
	k.press("a")
	k.run(chromedp.KeyEvent(" "), chromedp.KeyEvent("2"), chromedp.KeyEvent("*"), chromedp.KeyEvent("3"), chromedp.KeyEvent("+"), chromedp.KeyEvent("1"))
	k.until("what was typed", "document.querySelector('.paper span').textContent === 'A 2*3+1'")
	k.js("document.querySelector('.key').focus()", nil)
	k.run(chromedp.KeyEvent(" "))
	k.until("the key that was gone to", "document.querySelector('.paper span').textContent === 'A 2*3+1ă'")
	if pressed := k.text("[data-act=aloud][aria-pressed=true]"); pressed != "" {
		t.Errorf("a star turned on %q", pressed)
	}
}

// Who is held up by the system is let go, and another finger lets go of nothing.
func TestHeldButtonIsLetGoOf(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	k.compose()
	k.tap(".give[data-value=voice]")
	k.see("[data-act=open]")
	b, other := k.box("[data-act=open]"), k.box(".hero")
	first, second := &input.TouchPoint{X: b.X + b.W/2, Y: b.Y + b.H/2, ID: 1}, &input.TouchPoint{X: other.X + 50, Y: other.Y + 50, ID: 2}
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{first}))
	k.see("[data-act=stop]")
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{first, second}), input.DispatchTouchEvent(input.TouchMove, []*input.TouchPoint{first}))
	k.until("a second", "Number(document.querySelector('.remaining b')?.textContent) < 60")
	k.expectOn("Micrô đang bật")
	k.run(input.DispatchTouchEvent(input.TouchCancel, []*input.TouchPoint{}))
	k.see("[data-act=replay]")
	k.expectOff()
}

// A keypad's digits choose among what is there to be seen.
func TestKeypadPassesOverWhatIsHidden(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, nil)
	k.tap("[data-act=go][data-value=menu]")
	k.tap("[data-act=go][data-value=filing]")
	k.until("a guide that fits", "document.querySelector('.updown')?.hidden")
	k.run(chromedp.KeyEvent("1"))
	k.see(".copy")
}

// What ends a screen in another way than the usual one has the next digit.
func TestKeypadReachesEveryAct(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	w.named()
	k.home()
	k.tap("[data-act=go][data-value=menu]")
	k.tap("[data-act=go][data-value=filing]")
	k.see("[data-act=convert]")
	k.run(chromedp.KeyEvent("2"))
	k.wait("subject")
}
