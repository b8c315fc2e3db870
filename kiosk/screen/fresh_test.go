package screen

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"nghe/shared/feedback"
)

// rewording is a ward that words something anew.
type rewording struct {
	told
	now atomic.Pointer[feedback.Texts]
}

func (b *rewording) Texts() feedback.Texts { return *b.now.Load() }

// What the ward words anew is shown from a fresh page, but not under the eyes of
// somebody who has begun to make the screen their own.
func TestPageIsMadeAnewBetweenVisits(t *testing.T) {
	t.Parallel()
	ward := &rewording{}
	ward.now.Store(&feedback.Texts{})
	k := open(t, portrait, func(c *Config) { c.Bulletin = ward; c.Pace.Idle = 4 * time.Second })
	k.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument("const every = setInterval; window.setInterval = (f, ms) => every(f, ms === 15000 ? 200 : ms);").Do(ctx)
		return err
	}), page.Reload())
	k.wait("attract")
	k.tap("[data-act=large]")
	ward.now.Store(&feedback.Texts{feedback.ScreenTextID("menu"): {feedback.Vietnamese: "Việc khác"}})
	time.Sleep(time.Second)
	k.see(".large")
	k.until("the ward's words", "document.querySelector('[data-act=go][data-value=menu]')?.innerText.includes('Việc khác')")
	k.see("html:not(.large)")
}
