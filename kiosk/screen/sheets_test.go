package screen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"

	"nghe/shared/feedback"
)

// ward takes messages in place of the kiosk's store, and passes on what else
// the page asks.
type ward struct {
	sync.Mutex
	next   http.Handler
	got    []map[string]string // parts of each message, by name
	broken int                 // attempts that fail after keeping
	asked  []string            // codes
	known  map[string]string   // code → state
}

func (w *ward) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	setHeaders(out.Header())
	// The store behind next may allow neither yet.
	out.Header().Set("Permissions-Policy", "camera=(self), microphone=(self)")
	switch r.URL.Path {
	case "/api/messages":
		w.take(out, r)
	case "/api/receipts":
		w.look(out, r)
	case "/api/status":
		w.edit(out, r, func(view map[string]any) {
			view["messages"] = map[string]bool{"words": true, "voice": true, "photo": true, "cases": true, "named": false}
		})
	case "/api/questionnaires":
		w.edit(out, r, func(view map[string]any) { view["message"] = feedback.Messages().In("Phường Quảng Tiến", time.Now()) })
	default:
		w.next.ServeHTTP(out, r)
	}
}

func (w *ward) edit(out http.ResponseWriter, r *http.Request, change func(map[string]any)) {
	answer := httptest.NewRecorder()
	w.next.ServeHTTP(answer, r)
	var view map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &view); err != nil {
		panic(err)
	}
	change(view)
	reply(out, answer.Code, view)
}

func (w *ward) take(out http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		reply(out, http.StatusBadRequest, nil)
		return
	}
	message := map[string]string{}
	for p, err := parts.NextPart(); err == nil; p, err = parts.NextPart() {
		body, _ := io.ReadAll(p) // a page that went away sent less
		message[p.FormName()] = string(body)
	}
	w.Lock()
	defer w.Unlock()
	w.got = append(w.got, message)
	if w.broken > 0 {
		w.broken--
		refuse(out, refusal{http.StatusServiceUnavailable, "storage", "Send it again.", ""})
		return
	}
	reply(out, http.StatusCreated, map[string]any{"held": false})
}

func (w *ward) look(out http.ResponseWriter, r *http.Request) {
	var said struct{ Code string }
	_ = json.NewDecoder(r.Body).Decode(&said) // an empty code is unknown
	w.Lock()
	defer w.Unlock()
	w.asked = append(w.asked, said.Code)
	state, ok := w.known[said.Code]
	if !ok {
		refuse(out, refusal{http.StatusNotFound, "not-found", "No such code.", ""})
		return
	}
	reply(out, http.StatusOK, map[string]string{"state": state, "note": "Ống nước đã được thay.", "updated": "2026-11-23T08:00:00+07:00"})
}

func (w *ward) messages() []map[string]string {
	w.Lock()
	defer w.Unlock()
	return slices.Clone(w.got)
}

// openWard shows a kiosk that takes messages.
func openWard(t *testing.T, p panel, change func(*Config)) (*kiosk, *ward) {
	t.Helper()
	k := &kiosk{t: t, outbox: openOutbox(t), panel: p}
	k.store = &store{outbox: k.outbox}
	cfg := testConfig(p)
	cfg.Outbox, cfg.Status = k.store, k.store.status
	if change != nil {
		change(&cfg)
	}
	w := &ward{next: newScreen(cfg, os.DirFS("dist")).Handler(), known: map[string]string{}}
	k.serve = w
	k.server = httptest.NewServer(w)
	t.Cleanup(func() { k.server.Close() })
	k.url = k.server.URL
	k.ctx = tab(t)
	k.run(emulation.SetDeviceMetricsOverride(p.width, p.height, 1, false), emulation.SetTouchEmulationEnabled(true), page.BringToFront(),
		chromedp.ActionFunc(watchTracks), chromedp.Navigate(k.url+"/"))
	k.wait("attract")
	k.see("[data-act=compose]")
	return k, w
}

// press types on the keyboard of the page.
func (k *kiosk) press(keys string) {
	k.t.Helper()
	for _, key := range strings.Fields(keys) {
		k.tap(fmt.Sprintf(".key[data-value=%q]", key))
	}
}

func (k *kiosk) compose() {
	k.t.Helper()
	k.tap("[data-act=compose]")
	k.wait("compose")
}

func (k *kiosk) write(keys string) {
	k.t.Helper()
	k.tap(".give[data-value=words]")
	k.wait("write")
	k.press(keys)
	k.tap(".key.enter")
	k.wait("compose")
}

func TestMessageInWords(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	w.broken = 1
	k.compose()
	k.tap(".kind[data-value=kien-nghi]")
	k.write("đ e n space d u ơ n g huyen space h o huyen a . back")
	k.tap("[data-act=post]")
	k.wait("receipt")
	got := w.messages()
	if len(got) != 2 || got[0]["message"] != got[1]["message"] || got[0]["words"] != got[1]["words"] {
		t.Fatalf("a message that failed must be sent again as it was: %v", got)
	}
	if got[1]["words"] != "Đen duờng hòa" {
		t.Errorf("words %q", got[1]["words"])
	}
	var head messageSeen
	if err := json.Unmarshal([]byte(got[1]["message"]), &head); err != nil {
		t.Fatal(err)
	}
	if head.Kind != "kien-nghi" || head.Reader != "cases" || head.Version != 1 || len(head.Consents) != 0 || len(got[1]) != 2 {
		t.Errorf("sent %+v", got[1])
	}
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{10}$`).MatchString(head.Code) {
		t.Errorf("code %q", head.Code)
	}
	if shown := strings.ReplaceAll(k.text(".code"), " ", ""); shown != head.Code {
		t.Errorf("shown %q, sent %q", shown, head.Code)
	}
}

type messageSeen struct {
	Request, Code, Kind, Reader, Questionnaire string
	Version                                    int
	Consents                                   []struct{ Purpose, Text string }
}

// Voice, photo and contact each need their own consent, and the consent is to
// the text that stood there.
func TestMessageInAll(t *testing.T) {
	k, w := openWard(t, landscape, nil)
	k.compose()
	k.record()
	k.tap("[data-act=go].primary")
	k.photograph()
	k.tap("[data-act=go].primary")
	k.tap(".give[data-value=contact]")
	k.tap(".give[data-value=phone]")
	k.press("0 9 1 2")
	k.tap(".key.enter")
	k.wait("contact")
	if text := k.text(".trust"); strings.Contains(text, "Ẩn danh") {
		t.Errorf("with a phone number, trust reads %q", text)
	}
	k.tap("[data-act=go].primary")
	k.wait("compose")
	k.tap("[data-act=post]")
	k.wait("agree")
	var texts []string
	k.js("[...document.querySelectorAll('.consent p')].map((e) => e.textContent)", &texts)
	if pressed := k.count(".consent [aria-pressed=true]"); pressed != 0 || len(texts) != 3 {
		t.Fatalf("%d consents, %d of them given by nobody", len(texts), pressed)
	}
	for _, purpose := range []string{"contact", "voice"} {
		k.tap(".consent [data-value=" + purpose + "]")
	}
	k.tap("[data-act=post]")
	if k.text("h1") == "" || len(w.messages()) != 0 {
		t.Fatal("sent without the consent to the photo")
	}
	k.tap(".consent [data-value=photo]")
	k.tap("[data-act=post]")
	k.wait("receipt")
	got := w.messages()[0]
	var head messageSeen
	if err := json.Unmarshal([]byte(got["message"]), &head); err != nil {
		t.Fatal(err)
	}
	for i, c := range head.Consents {
		if sum := sha256.Sum256([]byte(texts[i])); c.Text != hex.EncodeToString(sum[:]) {
			t.Errorf("consent to %s is not to the text shown", c.Purpose)
		}
	}
	photo := got["photo"]
	if !strings.HasPrefix(got["voice"], "\x1a\x45\xdf\xa3") || !strings.HasPrefix(photo, "\xff\xd8\xff") || bytes.Contains([]byte(photo), []byte("Exif")) || len(photo) > 3<<20 {
		t.Errorf("voice of %d bytes, photo of %d", len(got["voice"]), len(photo))
	}
	if got["contact"] != `{"phone":"0912"}` {
		t.Errorf("contact %s", got["contact"])
	}
}

func (k *kiosk) count(selector string) (n int) {
	k.t.Helper()
	k.js(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n)
	return n
}

// record speaks for a moment. The bar stands as long as the microphone is open.
func (k *kiosk) record() {
	k.t.Helper()
	k.tap(".give[data-value=voice]")
	k.expectOff()
	k.tap("[data-act=open]")
	k.see("[data-act=stop]")
	k.expectOn("Micrô đang bật")
	k.until("a level", "parseFloat(document.querySelector('.meter i').style.getPropertyValue('--level')) > 0")
	time.Sleep(1200 * time.Millisecond)
	k.tap("[data-act=stop]")
	k.see("[data-act=replay]")
	k.expectOff()
}

func (k *kiosk) photograph() {
	k.t.Helper()
	k.tap(".give[data-value=photo]")
	k.expectOff()
	k.tap("[data-act=open]")
	k.see("video")
	k.until("a picture", "document.querySelector('video')?.videoWidth > 0")
	k.expectOn("Máy ảnh đang bật")
	k.tap("[data-act=stop]")
	k.until("the photo", "document.querySelector('img.taken')?.naturalWidth > 0")
	k.expectOff()
}

func (k *kiosk) expectOn(what string) {
	k.t.Helper()
	if bar := k.text(".live"); bar != what || k.count(".trust:not([hidden])") != 0 || k.box(".live").W < float64(k.panel.width) {
		k.t.Errorf("the bar reads %q beside %q", bar, k.text(".trust"))
	}
}

func (k *kiosk) expectOff() {
	k.t.Helper()
	if n := k.openTracks(); n != 0 || k.count(".live:not([hidden])") != 0 || !strings.Contains(k.text(".trust"), "đang tắt") {
		k.t.Errorf("%d tracks are open while the page reads %q", n, k.text(".trust"))
	}
}

// A visit that ends by itself leaves nothing: no words, no recording, no
// photo, no open camera.
func TestMessageIsWiped(t *testing.T) {
	k, w := openWard(t, portrait, func(c *Config) { c.Pace.Idle, c.Pace.Leave = 2*time.Second, time.Second })
	k.compose()
	k.write("c a n a r y")
	k.record()
	k.tap("[data-act=replay]")
	k.tap("[data-act=go].primary")
	k.photograph()
	k.tap("[data-act=open]") // once more, and walk away
	k.see("video")
	var urls []string
	k.js("window.urls", &urls)
	k.see(".warning")
	k.expectOn("Máy ảnh đang bật")
	k.wait("attract")
	if n := k.openTracks(); n != 0 {
		t.Errorf("%d tracks are still open", n)
	}
	var left string
	k.js("document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)", &left)
	if strings.Contains(strings.ToLower(left), "canary") || strings.Contains(left, "blob:") {
		t.Errorf("left in the page: %s", left)
	}
	if len(urls) < 2 {
		t.Fatalf("object URLs made: %v", urls)
	}
	for _, url := range urls {
		var there bool
		k.await(fmt.Sprintf("new Promise((done) => { const i = new Image(); const a = new Audio(); i.onload = a.onloadeddata = () => done(true); let bad = 0; i.onerror = a.onerror = () => ++bad === 2 && done(false); i.src = a.src = %q; })", url), &there)
		if there {
			t.Errorf("%s can still be opened", url)
		}
	}
	if len(w.messages()) != 0 {
		t.Error("a message nobody sent was sent")
	}
	k.compose()
	if text := k.text(".gives"); strings.Contains(strings.ToLower(text), "canary") || strings.Contains(text, "Đã") {
		t.Errorf("the next resident finds %q", text)
	}
}

func TestLookUp(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	w.known["7K3MPQ2XWD"] = "in-progress"
	k.tap("[data-act=lookup]")
	k.wait("lookup")
	k.press("7 K 3 M P Q 2 X W D")
	k.tap("[data-act=find]")
	k.until("the state", "document.querySelector('.state')?.innerText.replaceAll('\\u00a0', ' ') === 'Đang xử lý'")
	if text := k.text(".content"); !strings.Contains(text, "Ống nước đã được thay.") || !strings.Contains(text, "23/11/2026") {
		t.Errorf("the reply reads %q", text)
	}
	k.tap("[data-act=go][data-value=lookup]")
	k.press("0 0 0 0 0 0 0 0 0 1")
	k.tap("[data-act=find]")
	k.until("no state", "document.querySelector('.state')?.innerText.includes('Chưa có')")
	if got := strings.Join(w.asked, " "); got != "7K3MPQ2XWD 0000000001" {
		t.Errorf("asked for %s", got)
	}
}

func TestTyping(t *testing.T) {
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{"web/flow/typing.ts"}, Bundle: true, Format: api.FormatIIFE, GlobalName: "typing", Target: api.ES2022,
	})
	if len(result.Errors) > 0 {
		t.Fatalf("bundle: %v", result.Errors)
	}
	k := &kiosk{t: t, ctx: flowTab(t)}
	for _, c := range []struct{ keys, want string }{
		{"h o a huyen", "hòa"}, {"h o huyen a", "hòa"}, {"h o huyen a n", "hoàn"}, {"k h o e hoi", "khỏe"}, {"t h u y sac", "thúy"},
		{"q u y sac", "quý"}, {"q u a hoi", "quả"}, {"g i huyen", "gì"}, {"g i a huyen", "già"}, {"g i huyen a", "già"}, {"g i ê sac n g", "giếng"}, {"g i ă nang t", "giặt"},
		{"k h u y hoi u", "khuỷu"}, {"k h u y u hoi", "khuỷu"}, {"n g o a i huyen", "ngoài"}, {"n g h i ê n g", "nghiêng"}, {"đ ư ơ huyen n g", "đường"}, {"t ư sac ơ", "tướ"},
		{"t u ô i hoi", "tuổi"}, {"b u ô i hoi", "buổi"}, {"t i ê sac n g", "tiếng"}, {"v i ê nang t", "việt"}, {"Q u ô sac c", "Quốc"}, {"t h u ơ hoi", "thuở"},
		{"m u a huyen", "mùa"}, {"m ư a", "mưa"}, {"m i a sac", "mía"}, {"Đ a hoi n g", "Đảng"}, {"Ư sac", "Ứ"}, {"a sac sac", "a"}, {"a sac huyen", "à"},
		{"t r sac", "tr"}, {"sac", ""}, {"a sac space b nang", "á b"}, {"a sac back", ""}, {"h o huyen a back", "hò"}, {"y ê u sac", "yếu"}, {"n g h i ê nga", "nghiễ"},
	} {
		var got string
		k.js(fmt.Sprintf(`(() => { %s; let text = ''; for (const key of %q.split(' ')) text = key === 'back' ? typing.erase(text) : typing.tones[key] ? typing.tone(text, typing.tones[key]) : typing.letter(text, key === 'space' ? ' ' : key); return text === text.normalize('NFC') ? text : 'not composed'; })()`,
			result.OutputFiles[0].Contents, c.keys), &got)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.keys, got, c.want)
		}
	}
}
