package screen

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
)

// Two quick taps on one button are one: nobody agrees to, or refuses, what they
// could not have read.
func TestDoubleTapAgreesToNothing(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, func(c *Config) { c.Pace.Read = 2 * time.Second })
	k.compose()
	k.write("a b c")
	k.tap(".give[data-value=contact]")
	k.tap(".give[data-value=name]")
	k.press("a n")
	k.tap(".key.enter")
	k.tap(".actions .primary")
	k.see("[data-act=post]")
	b := k.box("[data-act=post]")
	point := []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2}}
	tap := func() {
		k.run(input.DispatchTouchEvent(input.TouchStart, point), input.DispatchTouchEvent(input.TouchEnd, nil))
	}
	tap()
	k.wait("agree")
	if under := k.box("[data-act=consent]"); under.X > point[0].X || under.X+under.W < point[0].X || under.Y > point[0].Y || under.Y+under.H < point[0].Y {
		t.Fatal("the second tap would not meet the consent: this test proves nothing")
	}
	tap()
	k.tap("[data-act=dissent]")
	time.Sleep(300 * time.Millisecond)
	k.wait("agree")
	if n := len(w.messages()); n > 0 {
		t.Fatal("agreed to and sent by a double tap")
	}
	time.Sleep(2 * time.Second)
	tap()
	k.wait("receipt")
}
