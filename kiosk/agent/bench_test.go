package agent

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nghe/shared/look/browser"
)

// mostFirst is from the start of the program to the first screen, in a browser
// that is there already.
const mostFirst = time.Second

// BenchmarkFirstScreen starts the program again and again on the same data, and
// reports the median time until a resident can tap, over the limit. `make web`
// comes before, as for every build.
func BenchmarkFirstScreen(b *testing.B) {
	program := filepath.Join(b.TempDir(), "kiosk")
	if out, err := exec.Command("go", "build", "-o", program, "nghe/kiosk").CombinedOutput(); err != nil {
		b.Fatalf("build the kiosk: %v\n%s", err, out)
	}
	page, data, address := browser.Start(b, 1080, 1920), b.TempDir(), freeAddress(b)
	var took []time.Duration
	for b.Loop() {
		if err := chromedp.Run(page, chromedp.Navigate("about:blank")); err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		began := time.Now()
		kiosk := exec.CommandContext(ctx, program, "run", "--data", data, "--listen", address)
		if err := kiosk.Start(); err != nil {
			b.Fatal(err)
		}
		for c, err := net.Dial("tcp", address); ; c, err = net.Dial("tcp", address) {
			if err == nil {
				c.Close()
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := chromedp.Run(page, chromedp.Navigate("http://"+address+"/"), chromedp.WaitVisible(".tile")); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		stop()
		_ = kiosk.Wait() // it was killed
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Milliseconds()), "ms-first-screen")
	b.ReportMetric(float64(median)/float64(mostFirst), "of-limit")
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close() // the program takes its place
	return l.Addr().String()
}
