package rehearsal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"nghe/shared/look/browser"
)

// TestTouchIsSeenOnTheConsole is the whole road with a finger at one end and an
// operator's eyes at the other: ratings tapped by touch show on the console
// without a reload, also those tapped while the hub was dead.
func TestTouchIsSeenOnTheConsole(t *testing.T) {
	w := newWard(t)
	console := browser.Start(t, 1600, 1000)
	run(t, console, chromedp.Navigate("http://"+w.console+"/signin"),
		chromedp.SendKeys(`input[name=name]`, "admin", chromedp.ByQuery),
		chromedp.SendKeys(`input[name=password]`, firstPassword+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(`#rows`, chromedp.ByQuery),
		chromedp.Navigate("http://"+w.console+"/places/qt-01"))

	screen := browser.Start(t, 1080, 1920)
	for _, score := range []int{5, 2} {
		w.rateByTouch(screen, score)
	}
	w.sees(console, "Rất hài lòng")
	w.sees(console, "Không hài lòng")

	w.hub.kill()
	w.rateByTouch(screen, 3)
	w.hub.start()
	w.sees(console, "Bình thường")
	w.eventually("three ratings and three skipped reasons at the hub", func() error {
		ids, err := w.exported()
		if err == nil && len(ids) != 6 {
			err = fmt.Errorf("%d answers are exported, want 6", len(ids))
		}
		return err
	})
}

// rateByTouch taps from the start screen to the thanks and leaves the reasons
// out.
func (w *ward) rateByTouch(screen context.Context, score int) {
	w.t.Helper()
	run(w.t, screen, chromedp.Navigate("http://"+w.screen+"/"))
	w.touch(screen, fmt.Sprintf(`button[data-act=tap][data-value="%d"]`, score))
	w.touch(screen, `button[data-act=skip]`)
	w.sees(screen, "cảm ơn")
}

// touch puts a finger on an element and takes it off again.
func (w *ward) touch(ctx context.Context, selector string) {
	w.t.Helper()
	w.eventually("touch "+selector, func() error {
		var at []float64
		script := fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e || e.disabled) return [];
			const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector)
		if err := chromedp.Run(ctx, chromedp.Evaluate(script, &at)); err != nil {
			return err
		}
		if len(at) != 2 {
			return fmt.Errorf("%s is not on the screen", selector)
		}
		return chromedp.Run(ctx,
			input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: at[0], Y: at[1]}}),
			chromedp.Sleep(60*time.Millisecond),
			input.DispatchTouchEvent(input.TouchEnd, []*input.TouchPoint{}))
	})
}

func (w *ward) sees(ctx context.Context, words string) {
	w.t.Helper()
	w.eventually("sight of "+words, func() error {
		var text string
		if err := chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &text)); err != nil {
			return err
		}
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), words) {
			return fmt.Errorf("the page says %.200q", text)
		}
		return nil
	})
}

func run(t testing.TB, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}
