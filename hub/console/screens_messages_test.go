package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"nghe/hub/cases"
	"nghe/hub/letters/letterstest"
	"nghe/shared/feedback"
	"nghe/shared/look/browser"
	"nghe/shared/seal"
)

// tone is a recording that a browser can play.
func tone(seconds float64) []byte {
	const rate = 8000
	n := int(seconds * rate)
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+2*n))
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, struct {
		Size                 uint32
		Format, Channels     uint16
		Rate, Bytes          uint32
		Align, BitsPerSample uint16
	}{16, 1, 1, rate, 2 * rate, 2, 16})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(2*n))
	for i := range n {
		binary.Write(&b, binary.LittleEndian, int16(8000*math.Sin(float64(i)*440*2*math.Pi/rate)))
	}
	return b.Bytes()
}

// street is a picture one can tell: sky, houses, a flooded street.
func street() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 960, 720))
	for y := range 720 {
		for x := range 960 {
			c := color.RGBA{uint8(150 + y/6), uint8(190 + y/12), 225, 255}
			if y > 260 && (x/120)%2 == 0 && y < 460 {
				c = color.RGBA{200, uint8(140 + x%120/3), 110, 255}
			}
			if y > 460 {
				ripple := uint8(12 * math.Sin(float64(x+y*y/40)/14))
				c = color.RGBA{110 + ripple, 125 + ripple, 115 + ripple, 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // into memory
	return b.Bytes()
}

const goneCode = "DE1ETED000"

// seedMessages leaves invented messages in every state an operator may meet,
// and returns the richest, the named and the deleted one.
func seedMessages(h *hub) (rich, named, gone letterstest.Sent) {
	h.t.Helper()
	h.hold(sampleNow)
	ago := func(d time.Duration) time.Time { return sampleNow.Add(-d) }
	at7 := letterstest.NewKiosk(h.t, h.ledger, "kioskqt07", "qt-07", ago(30*time.Hour))
	at2 := letterstest.NewKiosk(h.t, h.ledger, "kioskqt02", "qt-02", ago(30*time.Hour))
	us := []string{identity().Public}
	rich = at7.Send(ago(25*time.Hour), letterstest.Message{Kind: "phan-anh", Subject: "sanitation", To: us, Code: receiptCode,
		Words:   "Cống trước nhà văn hóa nghẹt từ đầu tháng, hôm nào mưa nước cũng tràn vào sân. Mong phường cho người khơi thông, trẻ con đi học phải lội nước.\n\nCảm ơn các anh chị.",
		Contact: letterstest.Contact{Name: "Nguyễn Thị Mẫu", Phone: "0912 345 678", Address: "Tổ dân phố Bình Minh (mẫu)"}, Voice: tone(3), VoiceType: "audio/wav", Photo: street()}).Arrive(h.spool, ago(24*time.Hour))
	at2.Send(ago(20*time.Hour), letterstest.Message{Kind: "khen", Subject: "one-stop", Words: "Cô ở bộ phận Một cửa hướng dẫn rất tận tình.", To: us}).Arrive(h.spool, ago(19*time.Hour))
	_, officer, err := seal.NewIdentity()
	h.must(err)
	named = at7.Send(ago(9*time.Hour), letterstest.Message{Kind: "phan-anh", Words: "Chỉ gửi cho người có tên.", Voice: tone(1), To: []string{officer}, Named: true}).Arrive(h.spool, ago(8*time.Hour))
	at2.Send(ago(5*time.Hour), letterstest.Message{Kind: "kien-nghi", Subject: "neighbourhood", Words: "Xin thêm ghế đá.", Photo: street(), To: us}).Arrive(h.spool, ago(4*time.Hour), feedback.AttachedWords)
	gone = at7.Send(ago(3*time.Hour), letterstest.Message{Kind: "gop-y", Subject: "tourism", Words: "Đã rút.", To: us, Code: goneCode}).Arrive(h.spool, ago(3*time.Hour))
	_, err = h.console.cfg.Deletions.Receipt(h.t.Context(), gone.Tag, "người gửi rút lại, biên nhận số 5", "admin")
	h.must(err)
	for range 3 {
		at2.Send(ago(2*time.Hour), letterstest.Message{Kind: "gop-y", Words: "Góp ý mẫu.", To: us}).Arrive(h.spool, ago(2*time.Hour))
	}
	_, err = h.cases.SetByCode(h.t.Context(), receiptCode, cases.Change{State: feedback.CaseInProgress, Note: "Tổ vệ sinh môi trường sẽ khơi cống trước ngày 27/11.", By: "lan"})
	h.must(err)
	return rich, named, gone
}

func TestMessageScreens(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := newHub(t)
	rich, named, gone := seedMessages(h)
	for _, shape := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1440, 900}, {"phone", 390, 844}} {
		ctx := browser.Start(t, shape.width, shape.height)
		complaints := browser.Complaints(ctx)
		h.signIn(ctx, "admin", adminPassword)
		h.judge(ctx, "overview-"+shape.name, "/")
		h.judge(ctx, "message-admin-"+shape.name, "/messages/"+rich.ID.String())
		h.judge(ctx, "message-named-admin-"+shape.name, "/messages/"+named.ID.String())
		h.run(ctx, chromedp.Evaluate(`fetch("/signout", { method: "POST" }).then(() => 0)`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		h.signIn(ctx, "lan", lanPassword)
		h.judge(ctx, "message-shut-"+shape.name, "/messages/"+rich.ID.String())
		h.must(h.accounts.SetReader(t.Context(), "admin", true, "admin"))
		h.run(ctx, chromedp.Evaluate(`fetch("/signout", { method: "POST" }).then(() => 0)`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		h.signIn(ctx, "admin", adminPassword)
		for name, path := range map[string]string{"messages": "/messages", "messages-filter": "/messages?kind=gop-y&place=qt-02", "messages-none": "/messages?kind=khen&place=qt-01",
			"message": "/messages/" + rich.ID.String(), "message-named": "/messages/" + named.ID.String(), "message-deleted": "/messages/" + gone.ID.String(), "deletions": "/deletions"} {
			h.judge(ctx, name+"-"+shape.name, path)
		}
		h.run(ctx, emulation.SetDeviceMetricsOverride(shape.width, 1900, 1, false))
		h.judge(ctx, "message-whole-"+shape.name, "/messages/"+rich.ID.String())
		h.run(ctx, chromedp.Click(`button[value=content]`), chromedp.WaitVisible(".words"),
			chromedp.Poll(`document.querySelector(".letter img")?.complete && document.querySelector(".letter audio")?.readyState > 0`, nil, chromedp.WithPollingTimeout(10*time.Second)))
		h.look(ctx, "message-open-"+shape.name)
		h.run(ctx, chromedp.Click(`button[value=contact]`), chromedp.WaitVisible(".letter .facts"))
		h.look(ctx, "message-contact-"+shape.name)
		h.run(ctx, chromedp.Click(".revoke summary"), chromedp.WaitVisible(".danger"))
		h.look(ctx, "message-delete-"+shape.name)
		for _, c := range complaints() {
			t.Errorf("the browser says: %s", c)
		}
		h.must(h.accounts.SetReader(t.Context(), "admin", false, "admin"))
	}
}

// Residents ask on their phones, in both languages, about cases in any state.
func TestReceiptScreens(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := newHub(t)
	seedMessages(h)
	set := func(code seal.Code, state feedback.CaseState, note string) {
		_, err := h.cases.SetByCode(t.Context(), code, cases.Change{State: state, Note: note, By: "lan"})
		h.must(err)
	}
	const answered, forwarded, received, gone = "ANSWERED00", "F0RWARDED0", "RECEJVED00", "DEXETED000"
	set(answered, feedback.CaseAnswered, "Tổ vệ sinh đã khơi cống sáng 27/11. Cảm ơn Ông/Bà đã báo.")
	set(forwarded, feedback.CaseForwarded, "")
	h.kiosk("qt-05").Send(h.now(), letterstest.Message{Kind: "gop-y", Words: "Góp ý mẫu.", To: []string{identity().Public}, Code: received})
	deleted := h.kiosk("qt-06").Send(h.now(), letterstest.Message{Kind: "gop-y", Words: "Góp ý mẫu.", To: []string{identity().Public}, Code: gone})
	set(gone, feedback.CaseAnswered, "Đã xong.")
	_, err := h.console.cfg.Deletions.Receipt(t.Context(), deleted.Tag, "người gửi yêu cầu", "admin")
	h.must(err)
	ctx := browser.Start(t, 390, 844)
	for _, tongue := range tongues() {
		lang := tongue.Code
		h.run(ctx, network.SetCookie(languageCookie, string(lang)).WithURL(h.server.URL))
		for name, path := range map[string]string{"ask": "/r", "handled": "/r/" + string(receiptCode), "answered": "/r/" + answered, "forwarded": "/r/" + forwarded, "received": "/r/" + received,
			"deleted": "/r/" + goneCode, "answered-deleted": "/r/" + gone, "unknown": "/r/0000000000", "malformed": "/r/123"} {
			h.judge(ctx, "receipt-"+name+"-phone-"+string(lang), path)
			h.hold(h.now().Add(time.Minute)) // strangers are slowed otherwise
		}
		for range askBurstAll {
			h.console.desk.wait(h.now(), "127.0.0.1")
		}
		h.judge(ctx, "receipt-slow-phone-"+string(lang), "/r/0000000000")
		h.hold(h.now().Add(time.Hour))
	}
	var address string
	h.run(ctx, emulation.SetDeviceMetricsOverride(1440, 900, 1, false), chromedp.Navigate(h.server.URL+"/r/"+string(receiptCode)), chromedp.WaitVisible(".answer"),
		chromedp.Poll("location.pathname === '/r'", nil, chromedp.WithPollingTimeout(10*time.Second)), chromedp.Location(&address))
	if strings.Contains(address, string(receiptCode)) {
		t.Errorf("the code stays in the browser's history: %s", address)
	}
	h.look(ctx, "receipt-handled-desktop")
}

// In a real browser the recording plays and can be wound, and the photo shows,
// under the strict policy; both without scripts.
func TestMessageInTheBrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := newHub(t)
	rich, _, _ := seedMessages(h)
	ctx := browser.Start(t, 1280, 900)
	complaints := browser.Complaints(ctx)
	h.run(ctx, chromedp.Navigate(h.server.URL+"/signin"), chromedp.SendKeys("#name", "hoa"), chromedp.SendKeys("#password", hoaPassword),
		chromedp.Click("button.primary"), chromedp.WaitVisible("#rows"))
	var wide, length, at float64
	h.run(ctx, chromedp.Navigate(h.server.URL+"/messages"), chromedp.Click(`a[href="/messages/`+rich.ID.String()+`"]`), chromedp.WaitVisible(".open"),
		chromedp.Click(`button[value=content]`), chromedp.WaitVisible(".words"),
		chromedp.Poll(`document.querySelector(".letter audio").readyState > 0 && document.querySelector(".letter img").complete`, nil, chromedp.WithPollingTimeout(10*time.Second)),
		chromedp.Evaluate(`document.querySelector(".letter img").naturalWidth`, &wide),
		chromedp.Evaluate(`document.querySelector(".letter audio").duration`, &length),
		chromedp.Evaluate(`(async () => { const a = document.querySelector(".letter audio"); a.muted = true; a.currentTime = 2; await a.play(); await new Promise((f) => setTimeout(f, 300)); return a.currentTime; })()`, &at,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if wide != 960 {
		t.Errorf("the photo is %v wide, want 960", wide)
	}
	if math.Abs(length-3) > 0.1 || at < 2 {
		t.Errorf("the recording is %v s long and stands at %v", length, at)
	}
	var left string
	h.run(ctx, chromedp.Navigate(h.server.URL+"/messages"), chromedp.WaitVisible(".letters"))
	if err := chromedp.Run(ctx, chromedp.NavigateBack()); err != nil && !strings.Contains(err.Error(), "ERR_CACHE_MISS") {
		t.Error(err) // a miss is what is hoped for: the browser kept nothing
	}
	h.run(ctx, chromedp.Evaluate(`document.body.textContent`, &left))
	if strings.Contains(left, "Cống trước nhà văn hóa") {
		t.Error("going back shows what was opened")
	}
	for _, c := range complaints() {
		t.Errorf("the browser says: %s", c)
	}
}

// recorded is what a browser records, as the kiosk's page does.
func (h *hub) recorded(ctx context.Context) []byte {
	h.t.Helper()
	var text string
	h.run(ctx, chromedp.Evaluate(`(async () => {
		const audio = new AudioContext(), tone = audio.createOscillator(), to = audio.createMediaStreamDestination();
		tone.connect(to); tone.start(); await audio.resume();
		const recorder = new MediaRecorder(to.stream, { mimeType: "audio/webm;codecs=opus" }), parts = [];
		recorder.ondataavailable = (e) => parts.push(e.data);
		const done = new Promise((f) => { recorder.onstop = f; });
		recorder.start(); await new Promise((f) => setTimeout(f, 2500)); recorder.stop(); await done;
		const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
		return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
	})()`, &text, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	clip, err := base64.StdEncoding.DecodeString(text)
	h.must(err)
	return clip
}

// What a browser recorded is as long as it was, and can be wound.
func TestRecordingCanBeWound(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := newHub(t)
	ctx := browser.Start(t, 390, 844)
	h.signIn(ctx, "hoa", hoaPassword)
	clip := h.recorded(ctx)
	if !bytes.HasPrefix(clip, []byte{0x1A, 0x45, 0xDF, 0xA3}) {
		t.Fatalf("%d octets, no WebM", len(clip))
	}
	s := h.sent(letterstest.Message{Kind: "phan-anh", Voice: clip, VoiceType: "audio/webm;codecs=opus", To: []string{identity().Public}})
	var length, at float64
	h.run(ctx, chromedp.Navigate(h.server.URL+"/messages/"+s.ID.String()), chromedp.WaitVisible(".open"), chromedp.Click(`button[value=content]`),
		chromedp.WaitVisible(".letter audio"), chromedp.Poll(`(() => { const a = document.querySelector(".letter audio"); return a.duration < 60 && a.currentTime === 0 && !a.seeking; })()`, nil, chromedp.WithPollingTimeout(20*time.Second)),
		chromedp.Evaluate(`document.querySelector(".letter audio").duration`, &length),
		chromedp.Evaluate(`(async () => { const a = document.querySelector(".letter audio"); await new Promise((f) => { a.onseeked = f; a.currentTime = 1.5; }); return a.currentTime; })()`, &at,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if length < 2 || length > 10 || math.Abs(at-1.5) > 0.1 {
		t.Errorf("the recording is %v s long and stands at %v", length, at)
	}
}

// shaped is what a page's name ends with: the shape it is seen in, and maybe a
// language.
var shaped = regexp.MustCompile(`-(desktop|tablet|phone)(-.*)?$`)

// rules judge a page by all there are, and in a further shape or language by
// those that depend on sizes and colours.
func (h *hub) rules(name string) []string {
	page := shaped.ReplaceAllString(name, "")
	if h.looked[page] {
		return browser.Styled
	}
	h.looked[page] = true
	return nil
}

// look judges and pictures the page that is there.
func (h *hub) look(ctx context.Context, name string) {
	h.t.Helper()
	h.run(ctx, chromedp.Evaluate(`document.fonts.ready.then(() => 0)`, nil))
	time.Sleep(150 * time.Millisecond) // the fonts' first paint
	for _, v := range browser.Axe(h.t, ctx, h.rules(name)...) {
		h.t.Errorf("%s: %s", name, v)
	}
	var wide bool
	h.run(ctx, chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide))
	if wide {
		h.t.Errorf("%s is wider than its screen", name)
	}
	if *screens != "" {
		browser.Shot(h.t, ctx, filepath.Join(*screens, "console-"+name+".png"))
	}
}
