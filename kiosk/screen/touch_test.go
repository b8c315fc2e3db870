package screen

import (
	"errors"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
)

func (k *kiosk) expect(kept string) {
	k.t.Helper()
	if got := k.store.all(); got != kept {
		k.t.Errorf("kept %q, want %q", got, kept)
	}
}

func TestTakeBack(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Undo = 20 * time.Second })
	k.start()
	k.rate(1)
	k.tap(".undo")
	k.see("#app:not(.locked) .tile")
	k.rate(5)
	k.tap(".undo")
	k.see("#app:not(.locked) .tile")
	k.rate(2)
	k.waitKept(3)
	k.expect("satisfied 1 vi, satisfied 5 vi for #0, satisfied 2 vi for #1")
}

// Answers taken back while the store is failing still arrive in order, each
// naming the one before.
func TestTakeBackWhileFailing(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Undo = 20 * time.Second })
	k.store.set(func() error { return errNoRoom }, nil)
	k.start()
	k.rate(1)
	k.tap(".undo")
	k.see("#app:not(.locked) .tile")
	k.rate(4)
	k.store.set(nil, nil)
	k.waitKept(2)
	k.expect("satisfied 1 vi, satisfied 4 vi for #0")
}

// A correction tapped in time counts, however long the agent is away before it
// can be brought.
func TestTakeBackBeforeTheAgentWentAway(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Undo = 20 * time.Second })
	var away atomic.Int64
	begun := time.Now()
	o, err := outbox.Open(outbox.Config{Dir: t.TempDir(), Place: "qt-07", Program: "test", Logger: quiet(),
		Monotonic: func() time.Duration { return time.Since(begun) + time.Duration(away.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	k.store.outbox = o
	k.start()
	k.rate(1)
	k.waitKept(1)
	asked := make(chan struct{}, 100)
	k.store.set(func() error { asked <- struct{}{}; return errNoRoom }, nil)
	k.tap(".undo")
	k.see("#app:not(.locked) .tile")
	k.rate(4)
	<-asked
	away.Store(int64(5 * time.Minute))
	k.js("performance.now = (now => () => now() + 300000)(performance.now.bind(performance)); 0", new(int))
	k.store.set(nil, nil)
	k.waitKept(2)
	k.expect("satisfied 1 vi, satisfied 4 vi for #0")
}

func (k *kiosk) waitKept(n int) {
	k.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		k.store.Lock()
		there := len(k.store.kept)
		k.store.Unlock()
		if there >= n {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	k.t.Fatalf("kept %q, want %d answers", k.store.all(), n)
}

func TestChangeFromTheReasons(t *testing.T) {
	k := open(t, portrait, nil)
	k.start()
	k.rate(1)
	k.tap(".before .change")
	k.see(".tile")
	k.rate(4)
	k.see(".option[data-value='fast']")
	k.waitKept(2)
	k.expect("satisfied 1 vi, satisfied 4 vi for #0")
}

func TestDoubleTapIsOneAnswer(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Undo = 20 * time.Second })
	k.start()
	for range 4 {
		k.rate(2)
	}
	k.rate(5)
	k.see(".tile.chosen[data-value='2']")
	k.waitKept(1)
	time.Sleep(300 * time.Millisecond)
	k.expect("satisfied 2 vi")
}

func TestDoubleTapOnSend(t *testing.T) {
	k := open(t, portrait, nil)
	k.start()
	k.rate(3)
	k.see("[data-act=skip]")
	b := k.box("[data-act=skip]")
	point := []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2}}
	k.run(input.DispatchTouchEvent(input.TouchStart, point), input.DispatchTouchEvent(input.TouchEnd, nil),
		input.DispatchTouchEvent(input.TouchStart, point), input.DispatchTouchEvent(input.TouchEnd, nil))
	k.wait("thanks")
	k.expect("satisfied 3 vi, mid skipped vi")
}

// A finger that slips off, or a palm beside it, chooses nothing.
func TestSlipChoosesNothing(t *testing.T) {
	k := open(t, portrait, nil)
	k.start()
	k.down(".tile[data-value='1']")
	k.see(".tile.pressed[data-value='1']")
	b := k.box(".tile[data-value='4']")
	k.run(input.DispatchTouchEvent(input.TouchMove, []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2}}))
	k.up()
	k.until("release", "!document.querySelector('.pressed')")
	if k.store.all() != "" {
		t.Errorf("a slip was kept: %s", k.store.all())
	}
	k.rate(4)
	k.waitKept(1)
	k.expect("satisfied 4 vi")
}

// The store fails, then keeps but says it failed, then works: one answer each.
func TestRetryKeepsExactlyOne(t *testing.T) {
	t.Parallel()
	k := open(t, portrait, nil)
	var times atomic.Int32
	k.store.set(func() error {
		if times.Add(1) <= 2 {
			return errNoRoom
		}
		return nil
	}, func() error {
		if times.Load() <= 3 {
			return errors.New("kept, but the answer was lost")
		}
		return nil
	})
	k.start()
	k.rate(2)
	k.tap("[data-act=skip]")
	k.wait("saving")
	k.until("the honest text", "document.querySelector('h1').innerText.replaceAll('\u00a0', ' ') === 'Máy chưa lưu được ý kiến'")
	k.wait("thanks")
	k.expect("satisfied 2 vi, low skipped vi")
}

// What the store will never keep is told, not thanked for, and not repeated.
func TestRefusedIsTold(t *testing.T) {
	k := open(t, portrait, nil)
	var times atomic.Int32
	k.store.set(func() error {
		times.Add(1)
		return &feedback.Invalid{Field: "score", Want: "an answer this test allows"}
	}, nil)
	k.start()
	k.rate(2)
	k.wait("sorry")
	if text := k.text("main"); !strings.Contains(text, "chưa được lưu") || strings.Contains(text, "cảm ơn") {
		t.Errorf("after a refusal the screen says %q", text)
	}
	k.tap("[data-act=done]")
	k.wait("attract")
	if n := times.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

// The agent is restarted under the page: no thanks while it is away.
func TestServerAwayAndBack(t *testing.T) {
	k := open(t, portrait, nil)
	k.start()
	k.server.CloseClientConnections()
	k.server.Listener.Close()
	k.rate(5)
	k.tap("[data-act=skip]")
	k.wait("saving")
	k.until("the honest text", "document.querySelector('h1').innerText.replaceAll('\u00a0', ' ') === 'Máy chưa lưu được ý kiến'")
	l, err := net.Listen("tcp", k.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewUnstartedServer(k.serve)
	again.Listener.Close()
	again.Listener = l
	again.Start()
	defer again.Close()
	k.wait("thanks")
	k.expect("satisfied 5 vi, high skipped vi")
}

func TestThanksOnlyAfterTheStore(t *testing.T) {
	k := open(t, portrait, nil)
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	k.store.set(func() error { <-release; return nil }, nil)
	k.start()
	k.rate(5)
	k.tap("[data-act=skip]")
	k.wait("saving")
	time.Sleep(500 * time.Millisecond)
	if text := k.text("main"); strings.Contains(text, "cảm ơn") || !strings.Contains(text, "Đang lưu") {
		t.Errorf("before it was kept the screen says %q", text)
	}
	let()
	k.wait("thanks")
}

func TestIdleWipes(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Idle, c.Pace.Leave = 700*time.Millisecond, 1500*time.Millisecond })
	k.tap("[data-act=large]")
	k.tap("[data-act=contrast]")
	k.start()
	k.rate(4)
	k.tap(".option[data-value='listens']")
	k.see(".warning")
	if text := k.text(".warning"); !strings.Contains(text, "Tôi vẫn ở đây") {
		t.Errorf("warning reads %q", text)
	}
	k.tap(".warning button")
	k.until("the warning to go", "!document.querySelector('.warning')")
	k.see(".option.chosen[data-value='listens']") // nothing was lost
	k.wait("attract")
	k.expect("satisfied 4 vi")
	var left []string
	k.await(`(async () => {
		const left = [...document.documentElement.classList];
		if (document.querySelector('.chosen, .before, .warning')) left.push('marks of a choice');
		for (const store of [localStorage, sessionStorage]) left.push(...Object.keys(store));
		left.push(...(await indexedDB.databases()).map((d) => d.name), ...(await caches.keys()));
		if (document.cookie) left.push(document.cookie);
		if (history.length > 2) left.push('history ' + history.length);
		return left;
	})()`, &left)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOutOfService(t *testing.T) {
	k := openAny(t, landscape, func(c *Config) { c.Status = func() Status { return Status{Storage: StorageFull} } })
	k.wait("paused")
	b := k.box("main")
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2}}))
	k.up()
	if text := k.text("main"); !strings.Contains(text, "tạm dừng phục vụ") || strings.Contains(text, "cảm ơn") {
		t.Errorf("paused screen reads %q", text)
	}
}

func TestKeypad(t *testing.T) {
	k := open(t, portrait, nil)
	k.run(chromedp.KeyEvent("2"))
	k.see(".option")
	k.run(chromedp.KeyEvent("1"), chromedp.KeyEvent("3"), chromedp.KeyEvent("3"))
	k.see(".option.chosen[data-value='long-wait']")
	k.run(chromedp.KeyEvent(kb.Enter))
	k.wait("thanks")
	k.expect("satisfied 2 vi, low long-wait vi")
}

// The whole way to a recording by keypad: 6 begins a message, digits choose, 9
// offers languages.
func TestKeypadBeginsEverything(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	press := func(keys ...string) {
		t.Helper()
		for _, key := range keys {
			k.run(chromedp.KeyEvent(key))
		}
	}
	press("9")
	k.see(".chooser")
	press("2")
	k.until("English", "document.documentElement.lang === 'en'")
	press("6")
	k.wait("kind")
	press("1")
	k.wait("subject")
	press("1")
	k.wait("compose")
	press("2")
	k.wait("voice")
	press("0", "0", "0", "0")
	k.wait("attract")
	press("8")
	k.wait("menu")
	press("0")
	k.wait("attract")
	press("7")
	k.wait("lookup")
}

// Out of service takes nothing, but still tells whom to call.
func TestPausedStillTells(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	w.told.facts = feedback.Facts{Houses: []feedback.House{{Caretaker: feedback.Caretaker{Name: "Bà Hoa", Phone: "0900 000 001"}}}}
	k.store.Lock()
	k.store.storage = StorageFull
	k.store.Unlock()
	k.run(chromedp.Navigate(k.url + "/"))
	k.wait("paused")
	if text := k.text(".middle"); !strings.Contains(text, "Bà Hoa · 0900 000 001") {
		t.Errorf("whom to call: %q", text)
	}
	k.tap("[data-act=go][data-value=menu]")
	k.wait("menu")
	if n := k.count("[data-act=compose]"); n != 0 {
		t.Error("a message is offered that nobody would keep")
	}
	k.tap("[data-value=numbers]")
	k.wait("numbers")
	k.tap("[data-value=menu]")
	k.tap("[data-value=home]")
	k.wait("paused")
}

// A public screen shows no menu, selects, drags and zooms nothing.
func TestBrowserStaysCalm(t *testing.T) {
	k := open(t, portrait, nil)
	var wild []string
	k.js(`(() => {
		const wild = [];
		for (const [type, init] of [['contextmenu', {}], ['selectstart', {}], ['dragstart', {}]]) {
			if (document.querySelector('h1').dispatchEvent(new Event(type, {bubbles: true, cancelable: true, ...init}))) wild.push(type);
		}
		for (const key of ['+', '-', 'r', 'p', 'l', 't']) if (document.body.dispatchEvent(new KeyboardEvent('keydown', {key, ctrlKey: true, bubbles: true, cancelable: true}))) wild.push('ctrl ' + key);
		for (const key of ['F1', 'F5', 'F11', 'F12']) if (document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))) wild.push(key);
		if (document.body.dispatchEvent(new WheelEvent('wheel', {ctrlKey: true, deltaY: 9, bubbles: true, cancelable: true}))) wild.push('wheel');
		for (const e of document.querySelectorAll('h1, button, p')) if (getComputedStyle(e).userSelect !== 'none') wild.push('selectable ' + e.tagName);
		if (getComputedStyle(document.documentElement).touchAction !== 'none') wild.push('touch-action');
		return wild;
	})()`, &wild)
	if len(wild) > 0 {
		t.Errorf("not held back: %v", wild)
	}
	b := k.box("h1")
	two := func(gap float64) []*input.TouchPoint {
		return []*input.TouchPoint{{X: b.X + 100 - gap, Y: b.Y, ID: 1}, {X: b.X + 100 + gap, Y: b.Y, ID: 2}}
	}
	k.run(input.DispatchTouchEvent(input.TouchStart, two(20)), input.DispatchTouchEvent(input.TouchMove, two(90)), input.DispatchTouchEvent(input.TouchEnd, nil))
	var scale float64
	if k.js("visualViewport.scale", &scale); scale != 1 {
		t.Errorf("a pinch zoomed to %v", scale)
	}
}

func TestPolicyStopsNothingOfOurOwn(t *testing.T) {
	k := open(t, portrait, nil)
	k.js("window.refused = [], document.addEventListener('securitypolicyviolation', (e) => refused.push(e.violatedDirective + ' ' + e.blockedURI)), true", nil)
	k.start()
	k.rate(3)
	k.see(".option")
	var refused []string
	if k.js("window.refused", &refused); len(refused) > 0 {
		t.Errorf("the policy refused %v", refused)
	}
	var inline bool
	k.js("(() => { const s = document.createElement('script'); s.textContent = 'window.inline = true'; document.body.append(s); return window.inline === true; })()", &inline)
	if inline {
		t.Error("an inline script ran")
	}
}

// Every touch is painted, also on a processor slowed six times. The budget is
// 100 ms from the finger to the first frame that shows it; measured, not judged,
// because test machines are busy: 27 ms, and 37 ms over an empty frame at six
// times.
func TestEveryTouchIsPainted(t *testing.T) {
	k := open(t, portrait, nil)
	k.start()
	k.js(`window.took = [], window.empty = [];
		const painted = (list, since) => requestAnimationFrame(() => {
			const c = new MessageChannel();
			c.port1.onmessage = () => list.push(performance.now() - since);
			c.port2.postMessage(0);
		});
		document.addEventListener('pointerdown', (e) => painted(took, e.timeStamp), true);
		window.frame = () => painted(empty, performance.now()); true`, nil)
	usual, _ := k.paintTimes()
	k.run(emulation.SetCPUThrottlingRate(6))
	slow, frame := k.paintTimes()
	k.run(emulation.SetCPUThrottlingRate(1))
	t.Logf("touch to paint: median %.0f ms; at 6x throttle %.0f ms, an empty frame %.0f ms", usual, slow, frame)
}

// paintTimes are the medians of 15 touches and of 15 empty frames between.
func (k *kiosk) paintTimes() (touch, frame float64) {
	k.t.Helper()
	k.js("took.length = empty.length = 0", nil)
	aside := k.box(".tools")
	for range 15 {
		k.down(".tile[data-value='3']")
		k.run(input.DispatchTouchEvent(input.TouchMove, []*input.TouchPoint{{X: aside.X + 1, Y: aside.Y - 20}}))
		k.up()
		k.js("frame()", nil)
		time.Sleep(50 * time.Millisecond)
	}
	k.until("all frames", "took.length >= 15 && empty.length >= 15")
	var took, empty []float64
	k.js("took", &took)
	k.js("empty", &empty)
	slices.Sort(took)
	slices.Sort(empty)
	return took[len(took)/2], empty[len(empty)/2]
}

func TestReducedMotion(t *testing.T) {
	k := open(t, portrait, nil)
	k.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}))
	var moving int
	if k.js("document.getAnimations().filter((a) => a.playState === 'running').length", &moving); moving != 0 {
		t.Errorf("%d animations run although the machine asks for calm", moving)
	}
}
