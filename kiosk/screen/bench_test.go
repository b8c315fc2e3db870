package screen

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// Limits of the page, on a machine slowed down six times, as a Raspberry Pi is
// beside a desk.
const (
	throttle   = 6
	mostPaint  = 100 * time.Millisecond // from a touch to what is seen of it
	mostKeep   = 50 * time.Millisecond  // from a tap to 201, beside the disk's own fsync
	fingerDown = 60 * time.Millisecond  // a quick tap
)

// BenchmarkTouch puts a finger on a tile at a sixth of the processor, and
// reports the 95th percentile of the time to the next painted frame, and of an
// empty frame measured in between, over the limit.
func BenchmarkTouch(b *testing.B) {
	k := benchKiosk(b)
	k.js(paintTimer, nil)
	k.slow(b)
	tile, aside := k.box(".tile[data-value='3']"), k.box(".tools")
	for b.Loop() {
		k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: tile.X + tile.W/2, Y: tile.Y + tile.H/2}}))
		k.run(input.DispatchTouchEvent(input.TouchMove, []*input.TouchPoint{{X: aside.X + 1, Y: aside.Y - 20}})) // a slip: nothing is chosen
		k.up()
		k.js("frame()", nil)
		time.Sleep(30 * time.Millisecond)
	}
	var took, empty []float64
	k.js("took", &took)
	k.js("empty", &empty)
	b.ReportMetric(p95(took), "ms-touch-p95")
	b.ReportMetric(p95(empty), "ms-frame-p95")
	b.ReportMetric(p95(took)/ms(mostPaint), "of-limit")
}

// BenchmarkTap answers from the page at a sixth of the processor: from the
// finger leaving the glass until 201 has come, against 50 ms and an fsync of
// the same disk measured beside each tap. What the page then paints is
// BenchmarkTouch's.
func BenchmarkTap(b *testing.B) {
	k := benchKiosk(b)
	k.js(`window.kept = [], window.up = 0;
		addEventListener('pointerup', (e) => window.up = e.timeStamp, true);
		const really = fetch;
		window.fetch = async (path, how) => {
			const reply = await really(path, how);
			if (path !== '/api/answers' || reply.status !== 201) return reply;
			const body = await reply.clone().text(); // until then its end is not known
			window.kept.push(performance.getEntriesByType('resource').filter((e) => e.name.endsWith(path)).at(-1).responseEnd - window.up);
			return new Response(body, {status: 201});
		}; true`, nil)
	k.slow(b)
	disk := openFile(b)
	var fsync []float64
	for i := 0; b.Loop(); i++ {
		k.see("#app:not(.locked) .tile")
		k.down(fmt.Sprintf(".tile[data-value='%d']", 1+i%5))
		time.Sleep(fingerDown)
		k.js("performance.clearResourceTimings()", nil)
		k.up()
		k.until("the answer", fmt.Sprintf("kept.length > %d", i))
		fsync = append(fsync, disk())
		k.tap(".undo")
	}
	var kept []float64
	k.js("kept", &kept)
	b.ReportMetric(p95(kept), "ms-kept-p95")
	b.ReportMetric(p95(fsync), "ms-fsync-p95")
	b.ReportMetric(p95(kept)/(ms(mostKeep)+p95(fsync)), "of-limit")
}

// paintTimer notes, for every touch and for every call of frame(), the time to
// the next painted frame.
const paintTimer = `window.took = [], window.empty = [];
	const painted = (list, since) => requestAnimationFrame(() => {
		const c = new MessageChannel();
		c.port1.onmessage = () => list.push(performance.now() - since);
		c.port2.postMessage(0);
	});
	document.addEventListener('pointerdown', (e) => painted(took, e.timeStamp), true);
	window.frame = () => painted(empty, performance.now()); true`

func benchKiosk(b *testing.B) *kiosk {
	b.Helper()
	return open(b, portrait, func(c *Config) { c.Pace.Undo, c.Pace.Redo = time.Hour, 2*time.Hour })
}

// slow takes most of the processor away from the page until the end.
func (k *kiosk) slow(b *testing.B) {
	b.Helper()
	k.run(emulation.SetCPUThrottlingRate(throttle))
	b.Cleanup(func() { _ = chromedp.Run(k.ctx, emulation.SetCPUThrottlingRate(1)) })
}

// openFile is a write and fsync of 4 KiB, in ms.
func openFile(b *testing.B) func() float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "disk"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() }) // nothing is read from it
	page := make([]byte, 4<<10)
	return func() float64 {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		return ms(time.Since(start))
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func p95(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*95/100)]
}
