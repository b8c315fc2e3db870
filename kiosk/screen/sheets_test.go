package screen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nghe/kiosk/bulletin"
	"nghe/kiosk/media"
	"nghe/kiosk/printer"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// ward is a real screen with a real outbox, spool and seal, behind a wire that
// a test may cut: each fault is for one message that is posted, each broken
// address stays so.
type ward struct {
	*desk
	sync.Mutex
	next   http.Handler
	kept   *store
	got    []map[string]string // parts of each message, by name
	faults []fault
	broken map[string]fault // by path
	asked  []string         // codes
	told   *told
	paper  *roll
	card   Caretaker
	cases  []string      // who reads for the ward
	others bool          // what other tests said by the same code is not known
	ahead  time.Duration // of the machine's clock: nobody waits for another try
}

// fault answers in the place of the screen, which is next; the body is r's.
type fault func(out http.ResponseWriter, r *http.Request, next http.Handler)

func (w *ward) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.Lock()
	breaks := w.broken[r.URL.Path]
	if r.Method == http.MethodPost {
		w.ahead += max(codeEvery, sheetEvery)
	}
	w.Unlock()
	switch {
	case breaks != nil:
		breaks(out, r, w.next)
	case r.URL.Path == "/api/messages":
		w.take(out, r)
	case r.URL.Path == "/api/receipts":
		w.look(out, r)
	default:
		w.next.ServeHTTP(out, r)
	}
}

func (w *ward) clock() time.Time {
	w.Lock()
	defer w.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *ward) caretaker() Caretaker {
	w.Lock()
	defer w.Unlock()
	return w.card
}

func (w *ward) take(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a page that went away sent less
	w.Lock()
	w.got = append(w.got, partsOf(body, r.Header.Get("Content-Type")))
	var fails fault
	if len(w.faults) > 0 {
		fails, w.faults = w.faults[0], w.faults[1:]
	}
	w.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	if fails != nil {
		fails(out, r, w.next)
		return
	}
	w.next.ServeHTTP(out, r)
}

func partsOf(body []byte, contentType string) map[string]string {
	_, params, _ := mime.ParseMediaType(contentType) // checked by the screen behind
	form, message := multipart.NewReader(bytes.NewReader(body), params["boundary"]), map[string]string{}
	for p, err := form.NextRawPart(); err == nil; p, err = form.NextRawPart() {
		part, _ := io.ReadAll(p)
		message[p.FormName()] = string(part)
	}
	return message
}

func (w *ward) look(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var said struct{ Code string }
	_ = json.Unmarshal(body, &said) // an empty code is refused behind
	w.Lock()
	w.asked = append(w.asked, said.Code)
	w.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.next.ServeHTTP(out, r)
}

func (w *ward) messages() []map[string]string {
	w.Lock()
	defer w.Unlock()
	return slices.Clone(w.got)
}

// records is how many messages were kept: in the journal behind its boot
// record, or held back with one blob each.
func (w *ward) records() int {
	w.t.Helper()
	return int(w.outboxHead()) - 1 + w.blobs(media.Held)
}

// lookedUp is a code with news; its receipt is derived once.
const lookedUp = seal.Code("7K3MPQ2XWD")

var lookedUpTag = sync.OnceValue(func() [16]byte { return lookedUp.Receipt().Tag })

// openWard shows a kiosk that takes messages, for the ward only unless a test
// names officers.
func openWard(t *testing.T, p panel, change func(*Config)) (*kiosk, *ward) {
	t.Helper()
	w := &ward{desk: newDesk(t), told: &told{texts: feedback.Texts{}, news: map[[16]byte]bulletin.News{}}, paper: &roll{state: printer.Missing}}
	w.readers[feedback.ReaderNamed], w.cases = nil, w.readers[feedback.ReaderCases]
	k := &kiosk{t: t, outbox: w.outbox, panel: p}
	k.store = &store{outbox: k.outbox}
	w.kept = k.store
	cfg := testConfig(p)
	cfg.Outbox, cfg.Status, cfg.Messages, cfg.Bulletin = k.store, k.store.status, w.config(), w.told
	cfg.Claims, cfg.Printer, cfg.Caretaker, cfg.Now = claims{k.outbox, w}, w.paper, w.caretaker, w.clock
	if change != nil {
		change(&cfg)
	}
	w.next = newScreen(cfg, os.DirFS("dist")).Handler()
	k.serveOn(w)
	k.run(chromedp.ActionFunc(watchTracks))
	k.home()
	return k, w
}

// named has the hub name officers who may read.
func (w *ward) named() {
	w.t.Helper()
	_, public, err := seal.NewIdentity()
	if err != nil {
		w.t.Fatal(err)
	}
	w.readers[feedback.ReaderNamed] = []string{public}
}

// home loads the page anew and waits for its offer of messages.
func (k *kiosk) home() {
	k.t.Helper()
	k.load()
	k.wait("attract")
	k.see("[data-act=compose]")
}

func (k *kiosk) load() {
	k.t.Helper()
	k.run(chromedp.Navigate(k.url + "/"))
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
	k.about("phan-anh", "sanitation")
}

// about begins a message; an empty subject is none of those offered.
func (k *kiosk) about(kind, subject string) {
	k.t.Helper()
	k.tap("[data-act=compose]")
	k.tap(".give[data-value=" + kind + "]")
	k.wait("subject")
	if subject == "" {
		k.tap("[data-act=subject][data-value='']")
	} else {
		k.tap(".give[data-value=" + subject + "]")
	}
	k.until("where it is, or what to give", "/^(where|compose)$/.test(document.querySelector('#app').dataset.screen)")
	if k.count("[data-act=where]") > 0 {
		k.tap("[data-act=where]")
	}
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
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	k.about("kien-nghi", "")
	k.write("đ e n space d u ơ n g huyen space h o huyen a . back")
	k.tap("[data-act=post]")
	k.wait("receipt")
	got := w.messages()
	if len(got) != 1 || w.records() != 1 || got[0]["words"] != "Đen dường hòa" {
		t.Fatalf("sent %v, kept %d", got, w.records())
	}
	head := headOf(t, got[0])
	if head.Kind != "kien-nghi" || head.Subject != "" || head.Reader != "cases" || head.Version != 1 || len(head.Consents) != 0 || len(got[0]) != 2 {
		t.Errorf("sent %+v", got[0])
	}
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{10}$`).MatchString(head.Code) {
		t.Errorf("code %q", head.Code)
	}
	if shown := strings.ReplaceAll(k.text(".code"), " ", ""); shown != head.Code {
		t.Errorf("shown %q, sent %q", shown, head.Code)
	}
	letter := w.open(media.Pending, feedback.ReaderCases)[feedback.AttachedWords]
	if string(letter.Body) != "Đen dường hòa" {
		t.Errorf("the ward reads %q", letter.Body)
	}
}

type messageSeen struct {
	Request, Code, Kind, Subject, Place, Reader, Language, Questionnaire string
	Version                                                              int
	Consents                                                             []struct{ Purpose, Text string }
}

func headOf(t testing.TB, message map[string]string) (head messageSeen) {
	t.Helper()
	if err := json.Unmarshal([]byte(message["message"]), &head); err != nil {
		t.Fatal(err)
	}
	return head
}

// Voice, photo and contact each need their own consent, and the consent is to
// the text that stood there, in the language it was read in.
func TestMessageInAll(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, landscape, nil)
	k.compose()
	k.write("x i n")
	k.record()
	k.tap(".actions .primary")
	k.photograph()
	k.tap(".actions .primary")
	k.contact()
	if text := k.text(".trust"); strings.Contains(text, "Ẩn danh") {
		t.Errorf("with a phone number, trust reads %q", text)
	}
	k.tap(".actions .primary")
	k.wait("compose")
	k.tap("[data-act=post]")
	k.wait("agree")
	texts := map[string]string{}
	for _, purpose := range []string{"contact", "voice", "photo"} {
		if len(w.messages()) != 0 {
			t.Fatal("sent without the consent to " + purpose)
		}
		k.see(".consent[data-purpose=" + purpose + "]")
		var told string
		k.js("document.querySelector('[data-told=words]')?.textContent ?? ''", &told)
		if strings.Contains(told, "chỉ dùng lời nhắn của Ông/Bà") != (purpose == "contact") {
			t.Errorf("at the consent to %s the page tells of the words: %q", purpose, told)
		}
		var text string
		k.js("document.querySelector('.consent').textContent", &text)
		texts[purpose] = text
		k.tap("[data-act=consent]")
		if purpose == "voice" {
			k.speak("en")
		}
	}
	k.wait("receipt")
	got := w.messages()[0]
	head := headOf(t, got)
	for _, c := range head.Consents {
		if sum := sha256.Sum256([]byte(texts[c.Purpose])); c.Text != hex.EncodeToString(sum[:]) {
			t.Errorf("consent to %s is not to the text shown: %s", c.Purpose, texts[c.Purpose])
		}
	}
	if len(head.Consents) != 3 || !strings.Contains(texts["photo"], "photo") || w.records() != 1 {
		t.Errorf("consents %v to %v; kept %d", head.Consents, texts, w.records())
	}
	photo := got["photo"]
	if !strings.HasPrefix(got["voice"], "\x1a\x45\xdf\xa3") || !strings.HasPrefix(photo, "\xff\xd8\xff") || strings.Contains(photo, "Exif") || len(photo) > 3<<20 {
		t.Errorf("voice of %d bytes, photo of %d", len(got["voice"]), len(photo))
	}
	if got["contact"] != `{"phone":"0912","address":"Số 7"}` {
		t.Errorf("contact %s", got["contact"])
	}
}

// contact leaves a phone number and an address.
func (k *kiosk) contact() {
	k.t.Helper()
	k.tap(".give[data-value=contact]")
	k.tap(".give[data-value=phone]")
	k.press("0 9 1 2")
	k.tap(".key.enter")
	k.tap(".give[data-value=address]")
	k.press("s ô sac space signs 7")
	k.tap(".key.enter")
	k.wait("contact")
}

// Who wants named officers to read it is told what that means; only they can
// open it, and it is held back.
func TestNamedReader(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	k.compose()
	if n := k.count("[data-value=reader]"); n != 0 {
		t.Fatal("named officers are offered although there are none")
	}
	w.named()
	k.home()
	k.compose()
	k.tap(".give[data-value=reader]")
	k.wait("reader")
	if text := k.text(".sheet"); !strings.Contains(text, "trong vòng hai ngày") || !strings.Contains(text, "không gắn với đánh giá") {
		t.Errorf("named readers are explained as %q", text)
	}
	k.tap(".give[data-value=named]")
	k.wait("compose")
	k.write("a")
	k.tap("[data-act=post]")
	k.wait("receipt")
	if text := k.text(".sheet"); !strings.Contains(text, "hai ngày") {
		t.Errorf("the receipt reads %q", text)
	}
	if head := headOf(t, w.messages()[0]); head.Reader != "named" || head.Subject != "sanitation" || w.blobs(media.Held) != 1 || w.outboxHead() != 1 {
		t.Errorf("sent %+v; %d held, journal at %d", head, w.blobs(media.Held), w.outboxHead())
	}
}

// A complaint or denunciation is no message: the page says where it goes, and
// offers feedback to named officers instead, if there are any.
func TestFiling(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	k.tap("[data-act=compose]")
	k.tap(".give[data-value=filing]")
	k.wait("filing")
	if text := k.text(".sheet"); !strings.Contains(text, "Máy này không tiếp nhận thay") || !strings.Contains(text, "niêm yết tại trụ sở") || k.count("[data-act=convert]") != 0 {
		t.Errorf("without anybody named, the page says %q", text)
	}
	w.told.texts = feedback.Texts{"reception.place": {"vi": "Phòng 3, trụ sở UBND phường", "en": "Room 3"}, "reception.days": {"vi": "Thứ Ba, 7 giờ 30 đến 11 giờ", "en": "Tuesday"}}
	w.named()
	k.home()
	k.tap("[data-act=compose]")
	k.tap(".give[data-value=filing]")
	k.wait("filing")
	if text := k.text(".sheet"); !strings.Contains(text, "Phòng 3, trụ sở") || !strings.Contains(text, "Thứ Ba, 7 giờ 30") {
		t.Errorf("the page says %q", text)
	}
	k.tap("[data-act=convert]")
	k.tap(".give[data-value=order]")
	k.write("a")
	k.tap("[data-act=post]")
	k.wait("receipt")
	if head := headOf(t, w.messages()[0]); head.Reader != "named" || head.Kind != "phan-anh" || head.Subject != "order" {
		t.Errorf("sent %+v", head)
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
	k.until("a second", "Number(document.querySelector('.remaining b').textContent) < 60")
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

func TestLookUp(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	w.told.news[lookedUpTag()] = someNews
	k.lookUp()
	k.tap("[data-act=find]")
	k.until("the state", "document.querySelector('.state')?.innerText.replaceAll('\u00a0', ' ') === 'Đang xử lý'")
	if text := k.text(".sheet"); !strings.Contains(text, "Ống nước đã được thay.") || !strings.Contains(text, "23/11/2026") {
		t.Errorf("the reply reads %q", text)
	}
	k.speak("ko")
	if text := k.text(".sheet"); !strings.Contains(text, "처리 중") || !strings.Contains(text, "2026-11-23") {
		t.Errorf("the reply reads in Korean %q", text)
	}
	k.speak("vi")
	k.tap("[data-act=go][data-value=lookup]")
	k.press("0 0 0 0 0 0 0 0 0 1")
	k.tap("[data-act=find]")
	k.until("no state", "document.querySelector('.state')?.innerText.includes('Chưa có')")
	if got := strings.Join(w.asked, " "); got != "7K3MPQ2XWD 0000000001" {
		t.Errorf("asked for %s", got)
	}
}

var someNews = bulletin.News{State: feedback.CaseInProgress, Version: 2, Note: "Ống nước đã được thay.", Updated: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)}

func (k *kiosk) lookUp() {
	k.t.Helper()
	k.tap("[data-act=lookup]")
	k.wait("lookup")
	k.press("7 K 3 M P Q 2 X W D")
}

// speak changes the language, also where no button for it is shown.
func (k *kiosk) speak(language string) {
	k.t.Helper()
	k.js(fmt.Sprintf("document.documentElement.lang === %q || (document.querySelector('[data-act=languages]').click(), document.querySelector('.chooser [data-value=%q]').click())", language, language), nil)
	k.until(language, fmt.Sprintf("document.documentElement.lang === %q", language))
}
