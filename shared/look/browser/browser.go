// Package browser gives tests a real Chromium and judges pages with axe.
//
// It promises a fresh profile per test, a process that ends with the test, and
// a failure that says what to install where there is no Chromium.
//
// It is for tests only and knows no page.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"nghe/shared/look/npm"
)

// Start opens a tab of a size in CSS pixels. It ends with the test.
func Start(t testing.TB, width, height int64) context.Context {
	t.Helper()
	profile, err := os.MkdirTemp("", "nghe-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(Options(t, profile), chromedp.WindowSize(int(width), int(height)))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	tab, stopTab := chromedp.NewContext(allocator)
	ctx, stopClock := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(func() {
		stopClock()
		stopTab()
		stopAllocator()
		os.RemoveAll(profile)
	})
	if err := chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(width, height, 1, false)); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// shell is Chromium without the frame of its windows, which took a quarter of
// the work of a test. What Debian has in the path for it is a script that leaves
// it behind when it is ended.
const shell = "/usr/lib/chromium/chromium-headless-shell"

// Options start Chromium so that it works as root, in a container, on a slow
// machine; profile is a folder of its own. For tests that share one process.
func Options(t testing.TB, profile string) []chromedp.ExecAllocatorOption {
	t.Helper()
	if _, err := os.Stat(shell); err != nil {
		t.Fatal("chromium is missing: apt-get install -y --no-install-recommends chromium-headless-shell")
	}
	return append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(shell), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("force-device-scale-factor", "1"),
		chromedp.WSURLReadTimeout(90*time.Second))
}

// Violation is one rule of WCAG 2.0 to 2.2, A and AA, or of good practice,
// that the page breaks.
type Violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (v Violation) String() string {
	text := v.ID + ": " + v.Help
	for _, n := range v.Nodes {
		text += "\n    " + n.HTML + "\n      " + strings.ReplaceAll(n.Summary, "\n", "\n      ")
	}
	return text
}

// Styled are the rules that depend on colours and sizes: a page that stands in
// another mode or on another panel need only be judged by these again.
var Styled = []string{"color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"}

// Axe judges the page that is open, by all rules or by those named.
func Axe(t testing.TB, ctx context.Context, rules ...string) []Violation {
	t.Helper()
	inject(t, ctx)
	options := map[string]any{"resultTypes": []string{"violations"}}
	if len(rules) > 0 {
		options["runOnly"] = rules
	}
	how, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(`axe.run(document, %s).then(r => JSON.stringify(r.violations))`, how), &text, await)); err != nil {
		t.Fatalf("run axe: %v", err)
	}
	var found []Violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("read axe's answer: %v", err)
	}
	return found
}

// Shot writes a picture of the tab to path.
func Shot(t testing.TB, ctx context.Context, path string) {
	t.Helper()
	var png []byte
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		t.Fatal(fmt.Errorf("picture %s: %w", path, err))
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// inject puts axe into a page that has none yet: it is long to read.
func inject(t testing.TB, ctx context.Context) {
	t.Helper()
	var there bool
	if err := chromedp.Run(ctx, chromedp.Evaluate(`typeof axe === "object"`, &there)); err != nil {
		t.Fatalf("look for axe: %v", err)
	}
	if there {
		return
	}
	files, err := npm.Axe.Files(func(name string) bool { return name == "axe.min.js" })
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx, chromedp.Evaluate(string(files["axe.min.js"])+";0", nil)); err != nil {
		t.Fatalf("inject axe: %v", err)
	}
}
