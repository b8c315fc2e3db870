package rehearsal

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nghe/shared/look/browser"
)

// mostFirst is from the start of the kiosk's program to the first screen, in a
// browser that runs already.
const mostFirst = time.Second

// BenchmarkFirstScreen starts an enrolled kiosk again and again, and reports
// the median time until a resident can tap, over the limit. Its pages are those
// of the last `make web`.
func BenchmarkFirstScreen(b *testing.B) {
	w := newWard(b)
	page := browser.Start(b, 1080, 1920)
	var took []time.Duration
	for b.Loop() {
		w.kiosk.kill()
		if err := chromedp.Run(page, chromedp.Navigate("about:blank")); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		w.kiosk.start()
		w.await("http://" + w.screen + "/api/status")
		if err := chromedp.Run(page, chromedp.Navigate("http://"+w.screen+"/"), chromedp.WaitVisible(".tile")); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Milliseconds()), "ms-first-screen")
	b.ReportMetric(float64(median)/float64(mostFirst), "of-limit")
}
