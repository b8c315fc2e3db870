package screen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/look/browser"
)

var screensDir = flag.String("screens", "", "folder TestScreens writes pictures of every screen to")

// atOnce is how many tests run at one time, of those that may: most wait for
// frames half of their time.
var atOnce = goruntime.GOMAXPROCS(0) + 1

// TestMain bundles the pages, so that tests never see those of another day.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", strconv.Itoa(atOnce)) // a flag of package testing
	if out, err := exec.Command("go", "run", "nghe/shared/look/bundle").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bundle the pages: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}

// chrome is one Chromium for all tests of the process; each gets a tab.
var chrome struct {
	sync.Mutex
	ctx    context.Context
	cancel []context.CancelFunc
	dir    string
}

func closeBrowser() {
	if chrome.ctx == nil {
		return
	}
	_ = chromedp.Cancel(chrome.ctx)
	for _, cancel := range chrome.cancel {
		cancel()
	}
	os.RemoveAll(chrome.dir)
}

func chromium(t testing.TB) context.Context {
	t.Helper()
	chrome.Lock()
	defer chrome.Unlock()
	if chrome.ctx != nil {
		return chrome.ctx
	}
	var err error
	if chrome.dir, err = os.MkdirTemp("", "nghe-chromium-"); err != nil {
		t.Fatal(err)
	}
	options := append(browser.Options(t, chrome.dir), chromedp.Flag("hide-scrollbars", false),
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	chrome.ctx, chrome.cancel = ctx, []context.CancelFunc{stop, stopAllocator}
	return ctx
}

// kiosk is a screen in a browser tab, over a real outbox behind a wire that a
// test may cut.
type kiosk struct {
	t      testing.TB
	ctx    context.Context
	url    string
	store  *store
	outbox *outbox.Outbox
	server *httptest.Server
	serve  http.Handler
	panel  panel
	mm     atomic.Uint64 // bits of the panel's pixels a millimetre
}

// ServeHTTP is the kiosk's handler, on whatever panel stands there now.
func (k *kiosk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/status" {
		k.serve.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	k.serve.ServeHTTP(answer, r)
	var view map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &view); err != nil {
		panic(err) // a status is JSON
	}
	view["pixels_per_mm"] = math.Float64frombits(k.mm.Load())
	reply(w, answer.Code, view)
}

// on puts the page that is shown on another panel.
func (k *kiosk) on(p panel) {
	k.t.Helper()
	was := k.panel
	k.panel = p
	k.mm.Store(math.Float64bits(p.pixelsPerMM))
	k.js("delete document.documentElement.dataset.shape", nil) // set again when all is measured
	if was.width == p.width && was.height == p.height {
		k.js("dispatchEvent(new Event('resize')), 0", nil)
	} else {
		k.run(emulation.SetDeviceMetricsOverride(p.width, p.height, 1, false))
	}
	k.until("the panel "+p.name, fmt.Sprintf("document.documentElement.dataset.shape && innerWidth === %d && innerHeight === %d && getComputedStyle(document.documentElement).getPropertyValue('--mm') === '%vpx'", p.width, p.height, p.pixelsPerMM))
}

// store passes on to the outbox, unless the test says otherwise.
type store struct {
	sync.Mutex
	outbox  Outbox
	before  func() error // fails without keeping
	after   func() error // fails although it kept
	ids     []string
	kept    []string // what the outbox took, in short
	storage Storage
	states  []State
}

func (s *store) PutTapped(request string, a feedback.Answer, replaces string, tap outbox.Tap) (outbox.Receipt, error) {
	s.Lock()
	before, after := s.before, s.after
	s.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return outbox.Receipt{}, err
		}
	}
	receipt, err := s.outbox.PutTapped(request, a, replaces, tap)
	if err == nil && !receipt.Again {
		s.note(receipt.ID.String(), a, replaces)
	}
	if err == nil && after != nil {
		err = after()
	}
	return receipt, err
}

// note remembers "satisfied 4 vi" or "satisfied 2 vi for #0", the first kept.
func (s *store) note(id string, a feedback.Answer, replaces string) {
	s.Lock()
	defer s.Unlock()
	what := strings.Join(a.Choices, "+")
	if a.Score > 0 {
		what = strconv.Itoa(a.Score)
	}
	if a.Skipped {
		what = "skipped"
	}
	text := a.Question + " " + what + " " + string(a.Language)
	if replaces != "" {
		text += fmt.Sprintf(" for #%d", slices.Index(s.ids, replaces))
	}
	s.ids, s.kept = append(s.ids, id), append(s.kept, text)
}

func (s *store) all() string {
	s.Lock()
	defer s.Unlock()
	return strings.Join(s.kept, ", ")
}

func (s *store) set(before, after func() error) {
	s.Lock()
	defer s.Unlock()
	s.before, s.after = before, after
}

func (s *store) status() Status {
	s.Lock()
	defer s.Unlock()
	return Status{Enrolled: true, Storage: s.storage, States: s.states}
}

var errNoRoom = errors.New("keep answer: database or disk is full (13) /var/lib/nghe/outbox.db")

func openOutbox(t testing.TB) *outbox.Outbox {
	t.Helper()
	o, err := outbox.Open(outbox.Config{Dir: t.TempDir(), Place: "qt-07", Program: "test", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func testConfig(p panel) Config {
	return Config{
		Questionnaires: feedback.Seed().Questionnaires,
		Place:          feedback.Place{ID: "qt-07", Name: "Nhà văn hóa tổ dân phố Tân Tiến"}, Ward: "Phường Quảng Tiến", Program: "test",
		PixelsPerMM: p.pixelsPerMM, Logger: quiet(),
		Pace: Pace{Idle: 10 * time.Minute, Leave: time.Minute, Undo: 300 * time.Millisecond, Redo: time.Minute, Thanks: time.Minute, Read: 1},
	}
}

// open shows the kiosk on p and waits for its start screen. change may edit
// the configuration first.
func open(t testing.TB, p panel, change func(*Config)) *kiosk {
	t.Helper()
	k := openAny(t, p, change)
	k.wait("attract")
	return k
}

func openAny(t testing.TB, p panel, change func(*Config)) *kiosk {
	t.Helper()
	k := &kiosk{t: t, outbox: openOutbox(t), panel: p}
	k.store = &store{outbox: k.outbox}
	cfg := testConfig(p)
	cfg.Outbox, cfg.Status = k.store, k.store.status
	if change != nil {
		change(&cfg)
	}
	k.serveOn(newScreen(cfg, os.DirFS("dist")).Handler())
	k.run(chromedp.Navigate(k.url + "/"))
	return k
}

// serveOn puts the kiosk's handler on a port and opens a tab of its panel.
func (k *kiosk) serveOn(h http.Handler) {
	k.t.Helper()
	k.serve = h
	k.mm.Store(math.Float64bits(k.panel.pixelsPerMM))
	k.server = httptest.NewServer(k)
	k.t.Cleanup(func() { k.server.Close() })
	k.url = k.server.URL
	k.ctx = tab(k.t)
	k.run(emulation.SetDeviceMetricsOverride(k.panel.width, k.panel.height, 1, false), emulation.SetTouchEmulationEnabled(true), emulation.SetFocusEmulationEnabled(true))
}

// flowTab is one blank tab that all pure tests share.
func flowTab(t testing.TB) context.Context {
	t.Helper()
	return chromium(t) // the first tab, which shows nothing
}

// tabTime is as long as a test may take; pictures of everything take longer.
func tabTime() time.Duration {
	if *screensDir != "" {
		return 4 * time.Hour
	}
	return 20 * time.Minute
}

// tab is a new one with a deadline for the whole test, in a window of its own:
// whatever else is open, it is shown and painted.
func tab(t testing.TB) context.Context {
	t.Helper()
	first := chromium(t)
	id, err := target.CreateTarget("about:blank").WithNewWindow(true).Do(cdp.WithExecutor(first, chromedp.FromContext(first).Browser))
	if err != nil {
		t.Fatalf("open a window: %v", err)
	}
	ctx, closeTab := chromedp.NewContext(first, chromedp.WithTargetID(id))
	ctx, stop := context.WithTimeout(ctx, tabTime())
	t.Cleanup(func() { stop(); closeTab() })
	return ctx
}

func (k *kiosk) run(actions ...chromedp.Action) {
	k.t.Helper()
	if err := chromedp.Run(k.ctx, actions...); err != nil {
		k.t.Fatalf("drive the browser: %v", err)
	}
}

// js evaluates an expression into v.
func (k *kiosk) js(expression string, v any) {
	k.t.Helper()
	k.run(chromedp.Evaluate(expression, v))
}

// await evaluates a promise into v.
func (k *kiosk) await(expression string, v any) {
	k.t.Helper()
	k.run(chromedp.Evaluate(expression, v, awaited))
}

// until waits for an expression to hold. The page itself looks, so that waiting
// costs little; one that goes away meanwhile is asked again when it is back.
func (k *kiosk) until(what, expression string) {
	k.t.Helper()
	look := "(async () => { for (let n = 0; n < 250; n++) { if (" + expression + ") return true; await new Promise((done) => setTimeout(done, 4)); } return false; })()"
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		var holds bool
		err := chromedp.Run(k.ctx, chromedp.Evaluate(look, &holds, awaited))
		if err != nil && !strings.Contains(err.Error(), "context") && !strings.Contains(err.Error(), "navigated") {
			k.t.Fatalf("look for %s: %v", what, err)
		}
		if holds {
			return
		}
	}
	k.t.Fatalf("waited 20 s for %s; page shows: %s", what, k.text("#app"))
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// wait waits for a screen.
func (k *kiosk) wait(screen string) {
	k.t.Helper()
	k.until("the screen "+screen, fmt.Sprintf("document.querySelector('#app')?.dataset.screen === %q", screen))
}

// see waits for an element that is shown.
func (k *kiosk) see(selector string) {
	k.t.Helper()
	k.until(selector, shows(selector))
}

func shows(selector string) string {
	return fmt.Sprintf("document.querySelector(%q)?.checkVisibility({visibilityProperty: true})", selector)
}

func (k *kiosk) text(selector string) string {
	k.t.Helper()
	var s string
	k.js(fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '').replaceAll('\\u00a0', ' ')", selector), &s)
	return s
}

type box struct{ X, Y, W, H float64 }

func (k *kiosk) box(selector string) box {
	k.t.Helper()
	var b box
	k.js(fmt.Sprintf("(() => { const b = document.querySelector(%q).getBoundingClientRect(); return {X: b.x, Y: b.y, W: b.width, H: b.height}; })()", selector), &b)
	return b
}

// tap puts a finger down in the middle of an element and lifts it.
func (k *kiosk) tap(selector string) {
	k.t.Helper()
	k.see(selector)
	k.down(selector)
	k.up()
}

func (k *kiosk) down(selector string) {
	k.t.Helper()
	b := k.box(selector)
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2}}))
}

func (k *kiosk) up() {
	k.t.Helper()
	k.run(input.DispatchTouchEvent(input.TouchEnd, []*input.TouchPoint{}))
}

func (k *kiosk) start() {
	k.t.Helper()
	k.see(".tile")
}

func (k *kiosk) rate(score int) {
	k.t.Helper()
	k.tap(fmt.Sprintf(".tile[data-value='%d']", score))
}

// inLanguage chooses a language as a resident does.
func (k *kiosk) inLanguage(language string) {
	k.t.Helper()
	var now string
	if k.js("document.documentElement.lang", &now); now == language {
		return
	}
	k.tap("[data-act=languages]")
	k.tap(".chooser [data-value='" + language + "']")
	k.until(language, fmt.Sprintf("document.documentElement.lang === %q", language))
}

// picture writes a PNG when pictures are wanted.
func (k *kiosk) picture(dir, name string) {
	k.t.Helper()
	var png []byte
	k.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).Do(ctx)
		return err
	}))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		k.t.Fatal(err)
	}
}

// post sends to the API as a program would.
func post(t *testing.T, h http.Handler, body string, header ...string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7070/api/answers", bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var reply map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("reply %q is no JSON: %v", w.Body, err)
	}
	return w.Code, reply
}
