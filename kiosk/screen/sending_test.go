package screen

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/shared/feedback"
)

// lost has the screen keep the message and its reply cut off in the middle.
func lost(out http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	out.Header().Set("Content-Length", "1000")
	out.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(out, "{")
	_ = http.NewResponseController(out).Flush() // else the browser itself asks again
	panic(http.ErrAbortHandler)
}

func down(status int, code string) fault {
	return func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(out, refusal{status, code, "Again.", ""})
	}
}

// hang answers nothing until the page gives up, which a test has it do soon.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// impatient has one attempt take a second at most.
func (k *kiosk) impatient() {
	k.t.Helper()
	k.js("AbortSignal.timeout = ((real) => (ms) => real(Math.min(ms, 1000)))(AbortSignal.timeout.bind(AbortSignal)), 0", nil)
}

// What is final is told to a resident at once; all else is sent again.
func TestFinal(t *testing.T) {
	type row struct {
		Status int
		Code   []string // none: it was not read
		Final  bool
	}
	none, code := []string{}, func(c string) []string { return []string{c} }
	rows := []row{
		{400, none, true}, {404, none, true}, {409, none, true}, {422, none, true},
		{408, none, false}, {429, none, false}, {500, none, false}, {502, none, false}, {503, none, false},
		{422, code("invalid"), true}, {409, code("conflict"), true}, {400, code("unread"), false}, {404, code(""), false},
		{429, code("too-many"), false}, {500, code("broken"), false}, {503, code(""), false},
		{503, code("storage"), false}, {503, code("paused"), false}, {503, code("unread"), false},
		{503, code("no-room"), true}, {503, code("not-enrolled"), true}, {503, code("no-named-readers"), true},
	}
	given, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	var got []bool
	evaluate(t, "(() => {"+bundle("again", `export { final } from "./web/parts/again";`)+
		"; return "+string(given)+".map(({Status, Code}) => again.final(Status, ...Code)); })()", &got)
	for i, r := range rows {
		if got[i] != r.Final {
			t.Errorf("%d %q is final: %v", r.Status, r.Code, got[i])
		}
	}
}

// Whatever goes wrong on the way, the page sends the same message again, thanks
// nobody before it is kept, and it is kept once.
func TestSendingIsRepeated(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	for _, c := range []struct {
		name   string
		faults []fault
	}{
		{"kept, and the reply lost", []fault{lost}},
		{"too slow", []fault{hang}},
		{"cannot store", []fault{down(503, "storage")}},
		{"paused", []fault{down(503, "paused")}},
		{"too slow to read", []fault{down(400, "unread")}},
		{"broken", []fault{down(500, "")}},
		{"one after another", []fault{down(503, "storage"), hang, lost}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.t = t
			w.forget()
			k.home()
			k.impatient()
			before := w.records()
			w.faults = c.faults
			k.compose()
			k.write("a b")
			k.tap("[data-act=post]")
			k.until("the honest text", "/chưa lưu được/.test(document.querySelector('h1').innerText.replaceAll('\u00a0', ' '))")
			if text := k.text("#app"); strings.Contains(text, "cảm ơn") {
				t.Errorf("before it is kept the page says %q", text)
			}
			k.wait("receipt")
			got := w.messages()
			if len(got) <= len(c.faults) || w.records() != before+1 {
				t.Fatalf("sent %d times, kept %d", len(got), w.records()-before)
			}
			for _, m := range got {
				if m["message"] != got[0]["message"] || m["words"] != "Ab" {
					t.Errorf("sent %v, first %v", m, got[0])
				}
			}
		})
	}
}

// What the store will not take stands as it was, with the reason, and is sent
// under a new name when the resident sends it again.
func TestRefusedKeepsTheDraft(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	for _, c := range []struct {
		status     int
		code, says string
	}{
		{409, "conflict", "Chưa gửi được"},
		{422, "invalid", "Chưa gửi được"},
		{503, "no-room", "Bộ nhớ sắp đầy"},
		{503, "no-named-readers", "không có cán bộ được chỉ định"},
	} {
		t.Run(c.code, func(t *testing.T) {
			k.t = t
			w.forget()
			k.home()
			before := w.records()
			w.faults = []fault{down(c.status, c.code)}
			k.compose()
			k.write("a b")
			k.photograph()
			k.tap(".actions .primary")
			k.tap("[data-act=post]")
			k.tap("[data-act=consent]")
			k.wait("compose")
			if text := k.text("#app"); !strings.Contains(text, c.says) || strings.Contains(text, "cảm ơn") || !strings.Contains(k.text(".give[data-value=words]"), "Ab") || k.count(".give.there") != 2 {
				t.Errorf("the page says %q", text)
			}
			k.tap("[data-act=post]")
			k.wait("receipt")
			got := w.messages()
			if len(got) != 2 || got[1]["words"] != "Ab" || got[1]["photo"] != got[0]["photo"] || w.records() != before+1 {
				t.Fatalf("sent %d times, kept %d", len(got), w.records()-before)
			}
			if first, again := headOf(t, got[0]), headOf(t, got[1]); first.Request == again.Request || first.Code == again.Code {
				t.Errorf("sent again as %s %s, as before", again.Request, again.Code)
			}
		})
	}
}

// The agent is restarted under the page: the message waits in the page.
func TestAgentRestartsUnderAMessage(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	k.compose()
	k.write("a")
	address := k.server.Listener.Addr().String()
	k.server.Listener.Close()
	k.server.CloseClientConnections()
	k.tap("[data-act=post]")
	k.until("the honest text", "/chưa lưu được/.test(document.querySelector('h1').innerText.replaceAll('\u00a0', ' '))")
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewUnstartedServer(k.serve)
	again.Listener.Close()
	again.Listener = l
	again.Start()
	defer again.Close()
	k.wait("receipt")
	if letter := w.open(media.Pending, feedback.ReaderCases)[feedback.AttachedWords]; string(letter.Body) != "A" || w.records() != 1 {
		t.Errorf("the ward reads %q, %d kept", letter.Body, w.records())
	}
}

// timed notes the deadlines a handler sets.
type timed struct {
	*httptest.ResponseRecorder
	read  []time.Time
	write time.Time
}

func (t *timed) SetReadDeadline(at time.Time) error  { t.read = append(t.read, at); return nil }
func (t *timed) SetWriteDeadline(at time.Time) error { t.write = at; return nil }

// A board that takes long to read a message is not cut off while it reads on,
// and has time left to answer.
func TestMessageMayComeSlowly(t *testing.T) {
	d := newDesk(t)
	body, contentType := form(headWith(`"consents":[]`, agreed("photo")), given{"photo", "image/jpeg", string(jpegOf(t, 400, 300, 1))})
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7070/api/messages", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", contentType)
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	now := time.Now()
	if d.http.ServeHTTP(w, r); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	first, last := w.read[0].Sub(now), w.read[len(w.read)-1].Sub(now)
	if len(w.read) < 5 || first < 40*time.Second || last < 40*time.Second {
		t.Errorf("%d reads, %v until its turn, %v to end the request", len(w.read), first, last)
	}
	for i, at := range w.read[2 : len(w.read)-1] {
		if at.Before(w.read[1]) || at.Sub(now) < partsPause {
			t.Errorf("read %d may last until %v after the first", i, at.Sub(now))
		}
	}
	if write := w.write.Sub(now); write < headTime+partsTime+turnWait+20*time.Second {
		t.Errorf("%v to answer", write)
	}
}

// A recording ends by itself after a minute and can be heard again.
func TestVoiceEndsByItself(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, nil)
	k.js("window.heard = [], window.Audio = class extends Audio { constructor(url) { super(url); heard.push(this); } }, 0", nil)
	k.compose()
	k.tap(".give[data-value=voice]")
	k.tap("[data-act=open]")
	k.see("[data-act=stop]")
	k.until("a level", "parseFloat(document.querySelector('.meter i').style.getPropertyValue('--level')) > 0")
	k.js("performance.now = (now => () => now() + 59500)(performance.now.bind(performance)), 0", nil)
	k.see("[data-act=replay]")
	k.expectOff()
	if text := k.text(".sheet"); !strings.Contains(text, "Đã ghi 60 giây") {
		t.Errorf("after a minute the page says %q", text)
	}
	k.tap("[data-act=replay]")
	k.until("the recording to be heard", "heard.length === 1 && heard[0].currentTime > 0")
	k.tap("[data-act=go].second")
	k.wait("compose")
	k.until("silence", "heard[0].paused")
}

// Without microphone or camera the page says so and offers the other ways.
func TestDevicesThatDoNotOpen(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, nil)
	for _, c := range []struct{ device, why, says, other string }{
		{"voice", "NotFoundError", "Không tìm thấy micrô", "photo"},
		{"voice", "NotAllowedError", "không cho phép dùng micrô", "photo"},
		{"photo", "NotReadableError", "Không tìm thấy máy ảnh", "voice"},
		{"photo", "NotAllowedError", "không cho phép dùng máy ảnh", "voice"},
	} {
		t.Run(c.device+"-"+c.why, func(t *testing.T) {
			k.t = t
			k.home()
			k.refuseDevices(c.why)
			k.compose()
			k.tap(".give[data-value=" + c.device + "]")
			k.tap("[data-act=open]")
			k.see(".note[role=alert]")
			k.expectOff()
			if text := k.text(".sheet"); !strings.Contains(text, c.says) || !strings.Contains(text, "Viết lời nhắn") {
				t.Errorf("the page says %q", text)
			}
			k.tap(".row [data-value=" + c.other + "]")
			k.wait(c.other)
			k.tap("[data-act=go].second")
			k.wait("compose")
			k.write("a")
		})
	}
}

// A device that never answers is given up; what it opens later is closed.
func TestDeviceThatHangs(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	k.js(`(() => {
		const open = navigator.mediaDevices.getUserMedia, wait = setTimeout;
		navigator.mediaDevices.getUserMedia = (wish) => new Promise((done) => { window.late = () => done(open(wish)); });
		window.setTimeout = (f, ms) => wait(f, ms === 15000 ? 100 : ms);
	})()`, nil)
	k.compose()
	k.tap(".give[data-value=voice]")
	k.tap("[data-act=open]")
	k.see(".note[role=alert]")
	k.js("late()", nil)
	k.until("the late microphone", "tracks.length === 1")
	k.until("it closed", "tracks[0].readyState === 'ended'")
	k.expectOff()
}

// At every frame the bar stands exactly if something listens or looks.
func TestBarIsExact(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, func(c *Config) { c.Pace.Idle, c.Pace.Leave = 2*time.Second, time.Second })
	k.js(`(() => {
		window.wrong = [], window.frames = 0;
		const look = () => {
			const live = tracks.some((t) => t.readyState === 'live');
			const bar = Boolean(document.querySelector('.live')?.checkVisibility());
			const off = Boolean(document.querySelector('.trust')?.checkVisibility());
			if (live !== bar || live && off) wrong.push([live, bar, off, document.querySelector('#app').dataset.screen].join(' '));
			frames++;
			requestAnimationFrame(look);
		};
		look();
	})()`, nil)
	k.compose()
	k.record()
	k.tap("[data-act=open]")
	k.see("[data-act=stop]")
	k.tap("[data-act=go].second") // away, while it listens
	k.photograph()
	k.tap("[data-act=open]")
	k.see("video")
	k.wait("attract") // and left standing while it looks
	var wrong []string
	if k.js("wrong", &wrong); len(wrong) > 0 {
		t.Errorf("live, bar, off: %s", strings.Join(wrong, "; "))
	}
	var frames int
	if k.js("frames", &frames); frames < 20 || k.openTracks() != 0 {
		t.Errorf("%d frames seen, %d tracks left open", frames, k.openTracks())
	}
}
