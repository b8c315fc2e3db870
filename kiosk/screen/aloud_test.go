package screen

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// listen notes what the page wants to have read, and has nothing to play.
func (k *kiosk) listen() {
	k.t.Helper()
	k.js(`window.said = []; window.really = fetch;
		window.fetch = (path, how) => {
			if (path !== '/api/speech') return window.really(path, how);
			window.said.push(JSON.parse(how.body).text);
			return Promise.resolve(new Response('{}', {status: 404}));
		}; true`, nil)
}

// heard waits until all of that was asked for, in that order, and gives all.
func (k *kiosk) heard(texts ...string) (all []string) {
	k.t.Helper()
	ok := eventually(func() bool {
		all = nil
		k.js("window.said", &all)
		at := 0
		for _, text := range texts {
			i := slices.Index(all[at:], text)
			if i < 0 {
				return false
			}
			at += i + 1
		}
		return true
	})
	if !ok {
		k.t.Errorf("read aloud: %q\nwant in it: %q", all, texts)
	}
	k.js("window.said.length = 0", nil)
	return all
}

// Every screen is read out once somebody wants that, and of one that stands
// only what is new. What a resident writes is never read out, and the next
// resident begins in silence.
func TestAloud(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, func(c *Config) { reads(t, false)(c); c.Pace.Undo = 100 * time.Millisecond })
	k.listen()
	k.see("[data-act=aloud]")
	k.tap("[data-act=aloud]")
	k.heard("Ông/Bà có hài lòng với sự phục vụ hôm nay không?", "Rất hài lòng", "Bấm số 5", "Rất không hài lòng", "Bấm số 1", "Gửi phản ánh, kiến nghị", "Xem thêm")
	k.rate(2)
	if all := k.heard("Điều gì chưa tốt?", "Chờ lâu", "Bỏ qua", "Gửi ý kiến"); slices.Contains(all, "Không hài lòng") {
		t.Errorf("the rating given is read out: %q", all)
	}
	k.tap(".option[data-value='long-wait']")
	k.tap("[data-act=send]")
	if all := k.heard("Xin cảm ơn Ông/Bà!", "Ý kiến đã được lưu an toàn.", "Xong"); slices.Contains(all, "Chờ lâu") {
		t.Errorf("what had been read is read again: %q", all)
	}
	k.tap("[data-act=compose]")
	k.heard("Ông/Bà muốn gửi gì?", "Phản ánh", "Kể lại điều đang xảy ra", "Khiếu nại, tố cáo")
	k.tap(".give[data-value=phan-anh]")
	k.tap(".give[data-value=order]")
	k.write("b i m space a t")
	if all := strings.Join(k.heard("Viết lời nhắn", "Nói lời nhắn", "Viết lời nhắn"), " "); strings.Contains(strings.ToLower(all), "bim") || strings.Contains(all, " · ") {
		t.Errorf("what was typed, or what it is about, is read out: %q", all)
	}
	k.run(chromedp.KeyEvent("*"))
	k.until("silence to be shown", "document.querySelector('[data-act=aloud]').getAttribute('aria-pressed') === 'false'")
	k.js("window.said.length = 0", nil)
	k.tap("[data-act=go][data-value=subject]")
	k.see(".give[data-value=order]")
	var all []string
	if k.js("window.said", &all); len(all) > 0 {
		t.Errorf("read aloud although turned off: %q", all)
	}
}

// Others stand in the hall: what the ward replied, and what its sender said to
// that or asked for, is read to whoever asks for it, until the next touch.
func TestPersonalIsReadWhenAskedFor(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, reads(t, false))
	w.told.news[lookedUpTag()] = answeredIs
	k.find()
	k.taps("[data-value=reply]", "[data-value=confirm]", ".actions [data-value=home]")
	k.listen()
	k.tap("[data-act=aloud]")
	k.find()
	personal := []string{answeredIs.Note, "Phường đã ghi nhận: việc này đã xong."}
	all := k.heard("Tra cứu kết quả", "Đã trả lời", "Nghe nội dung", "Người xung quanh có thể nghe thấy.", "Cập nhật: 23/11/2026", "Dữ liệu của tôi")
	if slices.ContainsFunc(personal, func(text string) bool { return slices.Contains(all, text) }) {
		t.Errorf("the whole hall hears %q", all)
	}
	k.tap("[data-act=hear]")
	if all := k.heard(personal...); len(all) != len(personal) {
		t.Errorf("who asks for the reply hears %q", all)
	}
	k.js("window.fetch = (path, how) => new Promise((done, fail) => { said.push(JSON.parse(how.body).text); how.signal.onabort = fail; }), 0", nil)
	k.taps("[data-act=hear]", "[data-act=hear]", "[data-act=hear]")
	k.until("the reply, silence, and the reply again", "String(said) === String([said[0], said[0]])")
}

// Who stands by does not hear that a message is for named officers only.
func TestReaderIsNotReadOut(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, reads(t, false))
	w.named()
	k.home()
	k.listen()
	k.tap("[data-act=aloud]")
	k.compose()
	k.tap(".give[data-value=reader]")
	k.heard("Ai được đọc lời nhắn này?", "Chỉ cán bộ được chỉ định", "Quay lại")
	k.tap(".give[data-value=named]")
	all := k.heard("Viết lời nhắn", "Người đọc", "Gửi")
	k.write("a")
	k.tap("[data-act=post]")
	all = append(all, k.heard("Mã biên nhận", "Giữ kín mã này.", "Xong")...)
	if text := strings.Join(all, "|"); strings.Contains(text, "chỉ định") {
		t.Errorf("read aloud: %s", text)
	}
}

// A time limit is told to more than one sense: it is heard even where nothing
// is read aloud.
func TestWarningChimes(t *testing.T) {
	k := open(t, portrait, func(c *Config) { c.Pace.Idle = 300 * time.Millisecond })
	k.js(`window.chimes = 0; const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (...a) { window.chimes++; return start.apply(this, a); }; true`, nil)
	k.rate(4)
	k.see(".warning")
	k.until("a chime", "window.chimes === 2")
}

// Nobody who listens is hurried, not by the thanks either.
func TestListeningTakesTime(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, func(c *Config) {
		reads(t, false)(c)
		c.Pace.Idle, c.Pace.Thanks = 400*time.Millisecond, 400*time.Millisecond
	})
	k.js(`window.really = fetch; window.fetch = (path, how) => path !== '/api/speech' ? really(path, how)
		: new Promise((done, fail) => { window.end = () => done(new Response('{}', {status: 404})); how.signal.onabort = fail; }); true`, nil)
	k.tap("[data-act=aloud]")
	k.rate(4)
	k.see("[data-act=skip]")
	time.Sleep(time.Second)
	if k.text(".warning") != "" {
		t.Error("who is being read to is asked whether they are still there")
	}
	k.tap("[data-act=skip]")
	k.wait("thanks")
	time.Sleep(time.Second)
	k.wait("thanks")
	k.js("window.fetch = () => Promise.resolve(new Response('{}', {status: 404})); end(); true", nil)
	k.wait("attract")
}
