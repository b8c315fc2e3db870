package console

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// canaries are what a resident says; each must be on no page and in no line of
// the log but where somebody opened it.
const (
	canaryWords   = "Đường trước cổng ngập suốt tuần, trẻ con té hai lần rồi."
	canaryName    = "Lê Thị Hòa Bình"
	canaryPhone   = "0912 345 678"
	canaryAddress = "Số 7 ngõ Chợ Cá"
)

// photograph has a tail, a place and a time beside its pixels.
func photograph(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte{0xFF, 0xE1, 0, 40}, []byte("Exif\x00\x00GPS 19.7423N 105.9017E 2026  ")...)
	exif = append(exif, make([]byte, 42-len(exif))...)
	return append(append(append(bytes.Clone(b.Bytes()[:2]), exif...), b.Bytes()[2:]...), []byte("SECRET TAIL")...)
}

func (h *hub) message() letterstest.Message {
	return letterstest.Message{Kind: "phan-anh", Subject: "sanitation", Words: canaryWords, Voice: bytes.Repeat([]byte("giọng "), 20_000), Photo: photograph(h.t, 64, 48),
		Contact: letterstest.Contact{Name: canaryName, Phone: canaryPhone, Address: canaryAddress}, To: []string{identity().Public}}
}

func (h *hub) kiosk(place string) *letterstest.Kiosk {
	return letterstest.NewKiosk(h.t, h.ledger, "thietbi"+place, place, h.now().Add(-time.Hour))
}

// sent has a message whole on the hub.
func (h *hub) sent(m letterstest.Message) letterstest.Sent {
	h.t.Helper()
	return h.kiosk("qt-07").Send(h.now(), m).Arrive(h.spool, h.now())
}

func (h *hub) post(c *http.Client, path string, form url.Values) (int, string) {
	h.t.Helper()
	res, err := c.Do(h.request("POST", path, form))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (h *hub) get(c *http.Client, path string, header ...string) (*http.Response, []byte) {
	h.t.Helper()
	r := h.request("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, body
}

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, c := range []string{canaryWords, canaryName, canaryPhone, canaryAddress} {
		if strings.Contains(text, c) {
			t.Errorf("%s holds %q", where, c)
		}
	}
}

// accessLines are the lines of one kind in the access log, newest first.
func (h *hub) accessLines(kind string) (details []string) {
	h.t.Helper()
	all, err := h.accounts.Events(h.t.Context(), 0, 1000)
	h.must(err)
	for _, e := range all {
		if e.Kind == kind {
			details = append(details, e.By+" "+e.Detail)
		}
	}
	return details
}

func TestListHoldsNoContent(t *testing.T) {
	h := newHub(t)
	s := h.sent(h.message())
	h.kiosk("qt-02").Send(h.now(), letterstest.Message{Kind: "khen", Words: canaryWords, To: []string{identity().Public}})
	lan := h.client("lan")
	for _, path := range []string{"/messages", "/messages/" + s.ID.String(), "/", "/log", "/places/qt-07", "/deletions"} {
		page := h.read(lan, path)
		noCanary(t, path, page)
	}
	page := h.read(lan, "/messages")
	for _, want := range []string{"Phản ánh", "Vệ sinh môi trường", "Khen ngợi", "Chưa về đủ", "Ghi âm", "/messages/" + s.ID.String()} {
		if !strings.Contains(page, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	for query, want := range map[string]bool{"?kind=khen": false, "?kind=phan-anh&place=qt-07&state=whole&reader=cases&subject=sanitation": true,
		"?state=incomplete": false, "?reader=named": false, "?from=2000-01-01&to=2000-01-02": false, "?from=nonsense&before=x": true} {
		if has := strings.Contains(h.read(lan, "/messages"+query), s.ID.String()); has != want {
			t.Errorf("%s: listed %v, want %v", query, has, want)
		}
	}
	if n := len(h.accessLines(eventOpened)); n != 0 {
		t.Errorf("%d lines say that something was opened", n)
	}
	noCanary(t, "the log", h.log.String())
}

// The list says of every part whether it is here, still to come, refused,
// spoilt or deleted, and never calls whole what is not.
func TestListTellsWhatIsLacking(t *testing.T) {
	h := newHub(t)
	send := func(place string, arrived ...feedback.AttachmentKind) letterstest.Sent {
		s := h.kiosk(place).Send(h.now(), h.message())
		if len(arrived) > 0 {
			s.Arrive(h.spool, h.now(), arrived...)
		}
		return s
	}
	whole := send("qt-01", feedback.AttachedWords, feedback.AttachedContact, feedback.AttachedVoice, feedback.AttachedPhoto)
	missing := send("qt-02", feedback.AttachedWords)
	refused := send("qt-03", feedback.AttachedWords, feedback.AttachedContact, feedback.AttachedVoice)
	h.must(h.ledger.BlobRefused(t.Context(), "thietbi", refused.Part(feedback.AttachedPhoto).Hash, "not what its name says"))
	partly := send("qt-04", feedback.AttachedWords, feedback.AttachedContact, feedback.AttachedVoice, feedback.AttachedPhoto)
	_, err := h.console.cfg.Deletions.Blob(t.Context(), partly.Part(feedback.AttachedContact).Hash, "theo yêu cầu", "admin")
	h.must(err)
	lan := h.client("lan")
	row := func(s letterstest.Sent) string {
		page := h.read(lan, "/messages")
		_, after, _ := strings.Cut(page, "/messages/"+s.ID.String())
		row, _, _ := strings.Cut(after, "</tr>")
		return row
	}
	for s, want := range map[*letterstest.Sent][]string{&whole: {"<span>Đủ<"}, &missing: {"Chưa về đủ", "chưa về</em>"}, &refused: {"Thiếu tệp", "bị từ chối</em>"}, &partly: {"Đã xóa một phần", "đã xóa</em>"}} {
		for _, w := range want {
			if !strings.Contains(row(*s), w) {
				t.Errorf("%q is not in %s", w, row(*s))
			}
		}
	}
	h.must(h.ledger.BlobRefused(t.Context(), "thietbi", missing.Part(feedback.AttachedVoice).Hash, "too large"))
	if !strings.Contains(row(missing), "Thiếu tệp") {
		t.Error("a later refusal is not seen")
	}
	refused.Arrive(h.spool, h.now(), feedback.AttachedPhoto)
	if !strings.Contains(row(refused), "<span>Đủ<") {
		t.Error("a good copy from elsewhere is not seen")
	}
}

// published is what kiosks are told.
// Where a matter is stands beside its subject: in the words of now, or by its id
// when it is told no longer.
func TestMessageTellsWhereItsMatterIs(t *testing.T) {
	h := newHub(t, func(c *Config) {
		c.Told = published{facts: feedback.Facts{Areas: []feedback.Area{{Option: feedback.Option{ID: "market", Text: feedback.Text{"vi": "Chợ <Cá>", "en": "Fish market"}}}}}}
	})
	k, lan := h.kiosk("qt-07"), h.client("lan")
	for area, want := range map[string]string{"market": " · Chợ &lt;Cá&gt;", "old-pier": " · old-pier", "": ""} {
		s := k.Send(h.now(), letterstest.Message{Kind: "khen", Subject: "sanitation", Area: area, Words: canaryWords, To: []string{identity().Public}})
		_, list := h.get(lan, "/messages")
		_, letter := h.get(lan, "/messages/"+s.ID.String())
		about := "Vệ sinh môi trường" + want
		if !strings.Contains(string(list), "<small>"+about+"</small>") || !strings.Contains(string(letter), "<h1>Khen ngợi · "+about+" <") {
			t.Errorf("where the matter is, %q, is not told as %q", area, about)
		}
	}
}

func TestListHasPages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	k := h.kiosk("qt-07")
	for range messagesPage + 3 {
		k.Send(h.now(), letterstest.Message{Kind: "gop-y", Words: "Góp ý.", To: []string{identity().Public}})
	}
	lan := h.client("lan")
	first := h.read(lan, "/messages?kind=gop-y&state=incomplete")
	older := regexp.MustCompile(`href="(/messages\?before=\d+&amp;kind=gop-y&amp;state=incomplete)"`).FindStringSubmatch(first)
	if older == nil || strings.Count(first, "<th role=\"rowheader\"") != messagesPage || !strings.Contains(first, "còn nữa") {
		t.Fatalf("the first page has %d rows and leads to %q", strings.Count(first, "rowheader"), older)
	}
	last := h.read(lan, html.UnescapeString(older[1]))
	if strings.Count(last, "rowheader") != 3 || !strings.Contains(last, `href="/messages?kind=gop-y&amp;state=incomplete">Mới nhất`) || strings.Contains(last, "Cũ hơn") {
		t.Errorf("the last page has %d rows", strings.Count(last, "rowheader"))
	}
}

// The page shows what a sender agreed to, also under an older promise, and says
// when this hub cannot know.
func TestConsentsAreShown(t *testing.T) {
	h := newHub(t)
	lan := h.client("lan")
	for promise, want := range map[int][]string{0: {"Bản 2 · Tiếng Việt · Phường Quảng Tiến", "lưu nhiều nhất 180 ngày"}, 1: {"Bản 1 · Tiếng Việt", "lưu 90 ngày sau khi trả lời"}, letterstest.Unheard: {"không có văn bản ứng với dấu"}} {
		m := h.message()
		m.Promise = promise
		s := h.kiosk(fmt.Sprintf("qt-0%d", promise+2)).Send(h.now(), m)
		page := h.read(lan, "/messages/"+s.ID.String())
		known, err := h.ledger.Message(t.Context(), s.ID)
		h.must(err)
		for _, w := range append(want, fmt.Sprintf("%x", known.Consents[0].Text)) {
			if !strings.Contains(page, w) {
				t.Errorf("promise %d: the page lacks %q", promise, w)
			}
		}
	}
}

// Only a reader opens; the line is there before the words are.
func TestOpeningIsNoted(t *testing.T) {
	h := newHub(t)
	s := h.sent(h.message())
	path := "/messages/" + s.ID.String()
	hoa := h.client("hoa")
	status, page := h.post(hoa, path+"/open", url.Values{"part": {"content"}})
	if status != http.StatusOK || !strings.Contains(page, canaryWords) || strings.Contains(page, canaryPhone) || !strings.Contains(page, path+"/voice") {
		t.Errorf("opened: %d, words %v", status, strings.Contains(page, canaryWords))
	}
	status, page = h.post(hoa, path+"/open", url.Values{"part": {"contact"}})
	if status != http.StatusOK || strings.Contains(page, canaryWords) || !strings.Contains(page, canaryPhone) || !strings.Contains(page, canaryName) {
		t.Errorf("contact alone: %d, phone %v", status, strings.Contains(page, canaryPhone))
	}
	if strings.Contains(page, `value="contact"`) || !strings.Contains(page, `value="content"`) {
		t.Error("what is open already is offered again, or the rest is not")
	}
	if status, page = h.post(hoa, path+"/open", url.Values{"part": {"contact"}, "with": {"content"}}); !strings.Contains(page, canaryWords) || !strings.Contains(page, canaryAddress) {
		t.Errorf("both: %d", status)
	}
	want := []string{"hoa " + s.ID.String() + " words,contact,voice,photo", "hoa " + s.ID.String() + " contact", "hoa " + s.ID.String() + " words,voice,photo"}
	if got := h.accessLines(eventOpened); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("noted:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if is, err := h.cases.Get(t.Context(), s.Tag); err != nil || is.State != feedback.CaseReceived {
		t.Errorf("the receipt's key was not learned: %+v, %v", is, err)
	}
	noCanary(t, "the log", h.log.String())
	noCanary(t, "the access log", h.read(h.client("admin"), "/access"))
}

// Who is no reader gets nothing of a message, whatever they say and whatever was
// opened before: neither an operator nor an admin. The page says whom to ask.
func TestOnlyReadersOpen(t *testing.T) {
	h := newHub(t)
	s := h.sent(h.message())
	path := "/messages/" + s.ID.String()
	h.must(h.accounts.SetReader(t.Context(), "lan", true, "admin"))
	h.post(h.client("lan"), path+"/open", url.Values{"part": {"content", "contact"}})
	h.must(h.accounts.SetReader(t.Context(), "lan", false, "admin"))
	before := len(h.accessLines(eventOpened))
	for _, who := range []string{"lan", "admin"} {
		c := h.client(who)
		for _, to := range []string{"/open", "/sealed"} {
			status, page := h.post(c, path+to, url.Values{"part": {"content", "contact", "0"}, "reason": {"xử lý đơn 12"}})
			if status != http.StatusForbidden {
				t.Errorf("%s at %s: %d", who, to, status)
			}
			noCanary(t, "a refusal", page)
		}
		for _, part := range []string{"/voice", "/photo"} {
			if res, _ := h.get(c, path+part); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s at %s: %s", who, part, res.Status)
			}
		}
		page := h.read(c, path)
		if strings.Contains(page, path+"/open") || !strings.Contains(page, "quyền đọc") || strings.Contains(page, "hub account reader "+who) != (who == "admin") {
			t.Errorf("the page of %s offers to open it, or does not say whom to ask", who)
		}
		noCanary(t, "the page", page)
	}
	if after := len(h.accessLines(eventOpened)); before != 1 || after != before {
		t.Errorf("%d openings noted, then %d", before, after)
	}
}

// When the line cannot be written, nothing is opened.
func TestNoLineNoOpening(t *testing.T) {
	h := newHub(t)
	s := h.sent(h.message())
	hoa := h.client("hoa")
	if _, err := h.exec(`DROP TABLE operator_events`); err != nil {
		t.Fatal(err)
	}
	status, page := h.post(hoa, "/messages/"+s.ID.String()+"/open", url.Values{"part": {"content"}})
	if status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	noCanary(t, "the page", page)
}

func TestVoiceIsPlayedByWhoOpenedIt(t *testing.T) {
	h := newHub(t)
	m := h.message()
	m.VoiceType = "audio/webm; codecs=opus"
	s := h.sent(m)
	path := "/messages/" + s.ID.String()
	lan, hoa := h.client("lan"), h.client("hoa")
	if res, _ := h.get(hoa, path+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("before opening: %s", res.Status)
	}
	h.post(hoa, path+"/open", url.Values{"part": {"contact"}})
	if res, _ := h.get(hoa, path+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("after opening the contact alone: %s", res.Status)
	}
	h.post(hoa, path+"/open", url.Values{"part": {"content"}})
	res, body := h.get(hoa, path+"/voice")
	if res.StatusCode != http.StatusOK || !bytes.Equal(body, m.Voice) || res.Header.Get("Content-Type") != "audio/webm" ||
		!strings.HasPrefix(res.Header.Get("Content-Security-Policy"), "sandbox") || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("voice: %s, %d bytes, %v", res.Status, len(body), res.Header)
	}
	if res, body := h.get(hoa, path+"/voice", "Range", "bytes=100-199"); res.StatusCode != http.StatusPartialContent || !bytes.Equal(body, m.Voice[100:200]) {
		t.Errorf("range: %s, %d bytes", res.Status, len(body))
	}
	if res, _ := h.get(lan, path+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another operator hears it: %s", res.Status)
	}
	other := h.kiosk("qt-03").Send(h.now(), m).Arrive(h.spool, h.now())
	if res, _ := h.get(hoa, "/messages/"+other.ID.String()+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another message's voice: %s", res.Status)
	}
	h.hold(time.Now().Add(hearing + time.Minute))
	if res, _ := h.get(hoa, path+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a quarter of an hour later: %s", res.Status)
	}
}

// A browser that goes away while a photo is drawn gives its turn to the next.
func TestDrawingIsLeft(t *testing.T) {
	h := newHub(t)
	body := h.message().Photo
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.console.redraw(ctx, body); !errors.Is(err, context.Canceled) {
		t.Errorf("drawn for nobody: %v", err)
	}
	if _, err := h.console.redraw(t.Context(), body); err != nil || len(h.console.drawing) != 0 {
		t.Errorf("the next: %v, %d at work", err, len(h.console.drawing))
	}
}

// What calls itself a recording and is a page stays bytes.
func TestVoiceThatIsNone(t *testing.T) {
	h := newHub(t)
	for _, media := range []string{"text/html", "image/svg+xml", "", "audio/x; =", "application/xhtml+xml"} {
		m := h.message()
		m.Voice, m.VoiceType = []byte("<script>alert(1)</script>"), media
		if media == "" {
			m.VoiceType = " "
		}
		s := h.kiosk("qt-0"+fmt.Sprint(len(media)%9)).Send(h.now(), m).Arrive(h.spool, h.now())
		hoa := h.client("hoa")
		h.post(hoa, "/messages/"+s.ID.String()+"/open", url.Values{"part": {"content"}})
		res, _ := h.get(hoa, "/messages/"+s.ID.String()+"/voice")
		if got := res.Header.Get("Content-Type"); got != "application/octet-stream" || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%q: served as %q", media, got)
		}
	}
}

func TestPhotoIsMadeAnew(t *testing.T) {
	h := newHub(t)
	for name, c := range map[string]struct {
		photo []byte
		shown bool
	}{
		"jpeg":  {photograph(t, 64, 48), true},
		"page":  {[]byte("<html><script>alert(1)</script>"), false},
		"cut":   {photograph(t, 64, 48)[:300], false},
		"empty": {[]byte{}, false},
	} {
		m := h.message()
		m.Photo, m.PhotoType = c.photo, "image/png" // whatever it says it is
		s := h.kiosk("x-"+name).Send(h.now(), m).Arrive(h.spool, h.now())
		hoa := h.client("hoa")
		h.hold(h.now().Add(10 * time.Second)) // signing in is slowed otherwise
		_, page := h.post(hoa, "/messages/"+s.ID.String()+"/open", url.Values{"part": {"content"}})
		if told, framed := strings.Contains(page, "Không hiện được ảnh"), strings.Contains(page, `/photo"><img`); told == c.shown || framed != c.shown {
			t.Errorf("%s: the page says so: %v, has a frame: %v", name, told, framed)
		}
		res, body := h.get(hoa, "/messages/"+s.ID.String()+"/photo")
		if want := map[bool]int{true: http.StatusOK, false: http.StatusUnsupportedMediaType}[c.shown]; res.StatusCode != want {
			t.Errorf("%s: %s", name, res.Status)
		}
		if !c.shown {
			continue
		}
		if img, err := jpeg.Decode(bytes.NewReader(body)); err != nil || img.Bounds().Dx() != 64 || res.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: %v, %v", name, err, res.Header)
		}
		for _, secret := range []string{"SECRET TAIL", "GPS", "Exif"} {
			if bytes.Contains(body, []byte(secret)) {
				t.Errorf("%s still holds %q", name, secret)
			}
		}
	}
}

// What is sealed to named officers stays shut, tells its day only, and may be
// taken away sealed.
func TestNamedMessage(t *testing.T) {
	h := newHub(t)
	secret, public, err := seal.NewIdentity()
	h.must(err)
	m := h.message()
	m.Named, m.To, m.Subject = true, []string{public}, ""
	h.hold(time.Date(2026, 11, 23, 13, 42, 51, 0, time.FixedZone("", 7*3600)))
	s := h.sent(m)
	path := "/messages/" + s.ID.String()
	hoa, lan := h.client("hoa"), h.client("lan")
	for _, page := range []string{h.read(lan, path), h.read(lan, "/messages")} {
		if !strings.Contains(page, "23/11/2026") || !strings.Contains(page, "Đích danh") {
			t.Error("the page lacks its day or its reader")
		}
		table, _, _ := strings.Cut(page[strings.Index(page, "<main"):], `<footer`)
		if strings.Contains(table, "13:42") {
			t.Error("the page tells the minute")
		}
	}
	if page := h.read(hoa, path); !strings.Contains(page, "niêm phong") || strings.Contains(page, path+"/open") {
		t.Error("the page does not say that it stays shut")
	}
	status, page := h.post(hoa, path+"/open", url.Values{"part": {"content", "contact"}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("open: %d", status)
	}
	noCanary(t, "the refusal", page)
	if res, _ := h.get(hoa, path+"/voice"); res.StatusCode != http.StatusForbidden {
		t.Errorf("voice: %s", res.Status)
	}
	if strings.Contains(h.read(lan, path), path+"/sealed") || !strings.Contains(h.read(hoa, path), path+"/sealed") {
		t.Error("who is no reader is offered the sealed parts, or a reader is not")
	}
	status, sealed := h.post(hoa, path+"/sealed", url.Values{"part": {"0"}})
	letter, err := seal.Open([]byte(sealed), secret)
	if status != http.StatusOK || err != nil || string(letter.Body) != canaryWords {
		t.Errorf("sealed: %d, %v", status, err)
	}
	if got := h.accessLines(eventTaken); len(got) != 1 || got[0] != "hoa "+s.ID.String()+" words" {
		t.Errorf("noted: %v", got)
	}
	for _, part := range []string{"9", "-1", "x", ""} {
		if status, _ := h.post(hoa, path+"/sealed", url.Values{"part": {part}}); status != http.StatusNotFound {
			t.Errorf("part %q: %d", part, status)
		}
	}
	ours := h.kiosk("qt-01").Send(h.now(), h.message()).Arrive(h.spool, h.now())
	if status, _ := h.post(hoa, "/messages/"+ours.ID.String()+"/sealed", url.Values{"part": {"0"}}); status != http.StatusNotFound {
		t.Errorf("a part for the hub was handed out sealed: %d", status)
	}
}

func TestTroublesAreTold(t *testing.T) {
	h := newHub(t)
	hoa := h.client("hoa")
	stranger := h.message()
	_, public, err := seal.NewIdentity()
	h.must(err)
	stranger.To = []string{public}
	s := h.sent(stranger)
	if status, page := h.post(hoa, "/messages/"+s.ID.String()+"/open", url.Values{"part": {"content"}}); status != http.StatusOK || !strings.Contains(page, "không mở được bằng khóa") {
		t.Errorf("sealed to a stranger: %d", status)
	}
	if res, _ := h.get(hoa, "/messages/"+s.ID.String()+"/voice"); res.StatusCode != http.StatusConflict {
		t.Errorf("its voice: %s", res.Status)
	}
	lost := h.kiosk("qt-02").Send(h.now(), h.message()).Arrive(h.spool, h.now())
	h.must(h.spool.Remove(lost.Part(feedback.AttachedWords).Ref))
	if _, page := h.post(hoa, "/messages/"+lost.ID.String()+"/open", url.Values{"part": {"content"}}); !strings.Contains(page, "chưa về đủ hoặc kho lưu trữ") {
		t.Error("lost words are not told")
	}
	for _, path := range []string{"/messages/" + strings.Repeat("0", 32), "/messages/zz", "/messages/" + hex.EncodeToString(s.ID[:4])} {
		if res, _ := h.get(hoa, path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

// Words are text, whatever is in them.
func TestWordsStayText(t *testing.T) {
	h := newHub(t)
	m := h.message()
	m.Words = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202edlrow"
	m.Contact.Name = `"><b>đậm</b>`
	s := h.sent(m)
	_, page := h.post(h.client("hoa"), "/messages/"+s.ID.String()+"/open", url.Values{"part": {"content", "contact"}})
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") || strings.Contains(page, "<b>đậm") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("a resident's words became markup")
	}
}

func TestDeleteMessage(t *testing.T) {
	h := newHub(t)
	s := h.sent(h.message())
	path := "/messages/" + s.ID.String()
	admin := h.client("admin")
	good := url.Values{"confirm": {s.ID.String()[:8]}, "reason": {"người gửi yêu cầu 23/11"}}
	for name, form := range map[string]url.Values{"no code": {"reason": good["reason"]}, "no reason": {"confirm": good["confirm"]},
		"wrong code": {"confirm": {"00000000"}, "reason": good["reason"]}, "long reason": {"confirm": good["confirm"], "reason": {strings.Repeat("x", 201)}}} {
		if status, _ := h.post(admin, path+"/delete", form); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := h.post(h.client("hoa"), path+"/delete", good); status != http.StatusForbidden {
		t.Errorf("a reader deletes: %d", status)
	}
	if status, _ := h.post(admin, path+"/delete", good); status != http.StatusSeeOther {
		t.Errorf("delete: %d", status)
	}
	m, err := h.ledger.Message(t.Context(), s.ID)
	if err != nil || m.State() != ledger.MessageDeleted || len(h.spool.Whole()) != 0 {
		t.Errorf("state %s, %v; %d blobs in the spool", m.State(), err, len(h.spool.Whole()))
	}
	hoa := h.client("hoa")
	if page := h.read(hoa, path); !strings.Contains(page, "Đã xóa") {
		t.Error("the page does not say that it was deleted")
	}
	if page := h.read(admin, path); !strings.Contains(page, "Nội dung đã được xóa") || strings.Contains(page, path+"/delete") {
		t.Error("what is deleted can be deleted again, or nobody says where to read why")
	}
	if status, page := h.post(hoa, path+"/open", url.Values{"part": {"content"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("opened after deletion: %d", status)
	} else {
		noCanary(t, "the refusal", page)
	}
	if page := h.read(hoa, "/deletions"); !strings.Contains(page, "người gửi yêu cầu 23/11") || !strings.Contains(page, "4 tệp") || !strings.Contains(page, "admin") {
		t.Error("the record of deletions lacks it")
	}
	if page := h.read(hoa, "/deletions"); !strings.Contains(page, "(bản 2): Lời nhắn 24 tháng từ khi nhận; Liên hệ 90 ngày sau khi giải quyết xong và không quá 24 tháng; Ghi âm 180 ngày") {
		t.Error("nobody says how long what is kept")
	}
	if got := h.accessLines(eventDeleted); len(got) != 2 { // one was refused for its long reason after it was noted
		t.Errorf("noted: %v", got)
	}
}

// exec changes the database behind the hub's back.
func (h *hub) exec(statement string, args ...any) (n int64, err error) {
	return h.db.Exec(h.t.Context(), "damage", statement, args...)
}

// forgetCase does what is done to a deleted receipt's case.
func (h *hub) forgetCase(tag [16]byte) error {
	_, err := h.exec(`DELETE FROM cases_states WHERE tag = $1`, tag[:])
	return err
}

// fixCRC makes a changed header of a PNG a valid one.
