package screen

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"nghe/kiosk/speech"
	"nghe/kiosk/speech/voice"
	"nghe/shared/clip"
	"nghe/shared/feedback"
)

// reads has the screen read aloud, with the machine's voice or without.
func reads(t *testing.T, voiced bool) func(*Config) {
	t.Helper()
	cfg := speech.Config{Logger: quiet()}
	if voiced {
		var err error
		if cfg.Voice, err = voice.Find(1); err != nil {
			t.Fatal(err)
		}
	}
	s := speech.New(cfg)
	if len(s.Languages()) == 0 {
		t.Fatal("no clips are built in; run make web")
	}
	return func(c *Config) { c.Speech = s }
}

// readOut asks as the page does.
func readOut(h http.Handler, language, text string, header ...string) *httptest.ResponseRecorder {
	body, _ := json.Marshal(map[string]string{"language": language, "text": text}) // a map of strings
	return readOutBody(h, http.MethodPost, string(body), header...)
}

func readOutBody(h http.Handler, method, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:7070/api/speech", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSpeechIsServed(t *testing.T) {
	h, _, log := informed(t, nil, reads(t, true))
	_, status := call(t, h, http.MethodGet, "/api/status", "")
	if got := fmt.Sprint(status["speech"]); got != "[en ko vi zh-Hans]" {
		t.Errorf("reads %s", got)
	}
	w := readOut(h, "vi", "Tôi vẫn ở\u00a0đây")
	if w.Code != 200 || w.Header().Get("Content-Type") != clip.Type || clip.Check(w.Body.Bytes()) != nil || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("a clip: %d %v", w.Code, w.Header())
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("what was read is kept by somebody: %v", w.Header())
	}
	if w = readOut(h, "vi", "Đã lắp đèn ở ngõ 12."); w.Code != 200 || w.Header().Get("Content-Type") != "audio/wav" || w.Body.Len() < 30_000 {
		t.Errorf("a note: %d %v, %d octets", w.Code, w.Header(), w.Body.Len())
	}
	var parts struct{ Parts []string }
	w = readOut(h, "vi", "Đã lắp đèn. Xin cảm ơn!")
	if err := json.Unmarshal(w.Body.Bytes(), &parts); err != nil || w.Code != 200 || strings.Join(parts.Parts, "|") != "Đã lắp đèn.|Xin cảm ơn!" {
		t.Errorf("two sentences: %d %s", w.Code, w.Body)
	}
	if w = readOut(h, "th", "สวัสดี"); w.Code != 404 {
		t.Errorf("a language without a voice: %d %s", w.Code, w.Body)
	}
	if log.Len() != 0 {
		t.Errorf("who has what read is told: %s", log)
	}
}

func TestSpeechRefuses(t *testing.T) {
	h, _, log := informed(t, nil, reads(t, true))
	for name, c := range map[string]struct {
		w    *httptest.ResponseRecorder
		want int
	}{
		"asked for":        {readOutBody(h, http.MethodGet, ""), 405},
		"a mebibyte":       {readOutBody(h, http.MethodPost, `{"language":"vi","text":"`+strings.Repeat("a", 1<<20)+`"}`), 413},
		"a long text":      {readOut(h, "vi", strings.Repeat("ế", clip.MaxText+1)), 422},
		"no text":          {readOut(h, "vi", ""), 422},
		"no JSON":          {readOutBody(h, http.MethodPost, "xin"), 400},
		"another key":      {readOutBody(h, http.MethodPost, `{"language":"vi","text":"a","voice":"-w x"}`), 400},
		"another type":     {readOut(h, "vi", "a", "Content-Type", "text/plain"), 415},
		"a foreign page":   {readOut(h, "vi", "a", "Origin", "https://evil.example"), 403},
		"a foreign script": {readOut(h, "vi", "a", "Sec-Fetch-Site", "cross-site"), 403},
		"a bad language":   {readOut(h, "../../etc", "a"), 404},
		"an option":        {readOut(h, "vi", "--help -w /tmp/x"), 200},
		"the longest text": {readOut(h, "zh-Hans", strings.Repeat("字", clip.MaxText)), 200},
	} {
		if c.w.Code != c.want {
			t.Errorf("%s: %d %.200s, want %d", name, c.w.Code, c.w.Body, c.want)
		}
	}
	if strings.Contains(log.String(), "aaa") || strings.Contains(log.String(), "xin") {
		t.Errorf("the log tells what was to be read: %s", log)
	}
}

func TestKioskThatCannotReadSaysSo(t *testing.T) {
	h, _, _ := informed(t, nil)
	_, status := call(t, h, http.MethodGet, "/api/status", "")
	if got := fmt.Sprint(status["speech"]); got != "[]" {
		t.Errorf("reads %s", got)
	}
	if w := readOut(h, "vi", "Tôi vẫn ở đây"); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What the kiosk serves by itself can be heard without a voice: every string of
// the catalogues, and every text of the questions.
func TestAllThatIsServedIsHeard(t *testing.T) {
	h, _, _ := informed(t, nil, reads(t, false), func(c *Config) { c.Ward = "Phường Quảng Tiến" })
	var unheard []string
	hear := func(language, text string) {
		text = strings.NewReplacer("{n}", "12", "{of}", "15").Replace(text)
		if !strings.Contains(text, "{page}") {
			unheard = append(unheard, silences(h, language, text)...)
		}
	}
	_, texts := call(t, h, http.MethodGet, "/api/texts", "")
	for language, c := range texts {
		delete(c.(map[string]any), "compounds")
		delete(c.(map[string]any), "breakable")
		eachString(c, func(text string) { hear(language, text) })
	}
	_, questions := call(t, h, http.MethodGet, "/api/questionnaires", "")
	_, board := call(t, h, http.MethodGet, "/api/board", "")
	heard := 0
	eachText([]any{questions, board}, func(language, text string) { heard++; hear(language, text) })
	if len(unheard) > 0 || len(texts) != len(feedback.Languages()) || heard < 100 {
		t.Errorf("%d languages, %d texts of questions; silent are %q", len(texts), heard, unheard)
	}
}

// silences are the parts of a text that have no sound.
func silences(h http.Handler, language, text string) (silent []string) {
	w := readOut(h, language, text)
	var reply struct{ Parts []string }
	if w.Code == 200 && !strings.HasPrefix(w.Header().Get("Content-Type"), "audio/") {
		_ = json.Unmarshal(w.Body.Bytes(), &reply) // none: silent
	}
	for _, part := range reply.Parts {
		silent = append(silent, silences(h, language, part)...)
	}
	if w.Code != 200 {
		silent = append(silent, language+": "+text)
	}
	return silent
}

func eachString(value any, do func(text string)) {
	switch value := value.(type) {
	case string:
		do(value)
	case []any:
		for _, v := range value {
			eachString(v, do)
		}
	case map[string]any:
		for _, v := range value {
			eachString(v, do)
		}
	}
}

// eachText finds the objects that are one text in several languages.
func eachText(value any, do func(language, text string)) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			eachText(v, do)
		}
	case map[string]any:
		for key, v := range value {
			if text, ok := v.(string); ok && value["vi"] != nil {
				do(key, text)
			}
			eachText(v, do)
		}
	}
}

// listener is a page with the module that reads aloud.
type listener struct {
	*kiosk
	asked atomic.Int64 // for something to be read
}

func listens(t *testing.T) *listener {
	t.Helper()
	l := &listener{kiosk: open(t, portrait, reads(t, true))}
	inner := l.serve
	l.serve = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/speech" {
			l.asked.Add(1)
		}
		inner.ServeHTTP(w, r)
	})
	l.js(bundle("aloud", `export * from "./web/parts/speech";`)+"; window.speech = new aloud.Speech(); 0", nil)
	l.js(`window.heard = []; window.urls = [];
		const make = URL.createObjectURL; URL.createObjectURL = (b) => { const u = make.call(URL, b); urls.push(u); return u; };
		const play = HTMLMediaElement.prototype.play;
		HTMLMediaElement.prototype.play = function () {
			const h = { type: "", ended: false, at: 0, length: 0, volume: 0 }; heard.push(h);
			const note = () => { if (this.currentTime > h.at) Object.assign(h, { at: this.currentTime, length: this.duration, volume: this.volume }); };
			this.addEventListener("timeupdate", note);
			this.addEventListener("ended", () => { note(); h.ended = true; });
			return play.call(this);
		}; 0`, nil)
	l.tap("h1") // a finger, without which no browser makes a sound
	return l
}

func TestPageReadsAloud(t *testing.T) {
	t.Parallel()
	l := listens(t)
	l.js(`speech.say("vi", ["Tôi vẫn ở đây"]); 0`, nil)
	time.Sleep(300 * time.Millisecond)
	if n := l.asked.Load(); n != 0 {
		t.Errorf("read aloud although nobody turned it on: asked %d times", n)
	}
	l.js(`speech.turn(true); speech.louder(0.1); speech.say("vi", ["Tôi vẫn ở đây", "Đã lắp đèn ở ngõ bảy.", "", "Xin chờ. Cảm ơn!"]); 0`, nil)
	l.until("the first text to be heard", `heard[0]?.at > 0.1 && speech.reading`)
	l.until("all of it", `heard.length === 4 && heard.every((h) => h.ended) && !speech.reading`)
	var all []struct {
		At, Length, Volume float64
	}
	l.js("heard", &all)
	for i, h := range all {
		if h.Length < 0.4 || h.Length > 6 || h.At < h.Length-0.3 || h.Volume < 0.75 || h.Volume > 0.85 {
			t.Errorf("sound %d: %.2f of %.2f s at volume %.2f", i, h.At, h.Length, h.Volume)
		}
	}
}

// The longest sentence there can be is heard to its end.
func TestPageHearsOutTheLongest(t *testing.T) {
	l := listens(t)
	l.js(`window.waits = []; window.later = setTimeout; window.setTimeout = (f, ms) => { waits.push(ms); return later(f, ms); }; 0`, nil)
	words := strings.Repeat("ba ", clip.MaxPart/3)
	l.js(fmt.Sprintf(`speech.turn(true); speech.say("vi", [%q]); 0`, words), nil)
	l.until("the voice", `heard[0]?.length > 30`)
	var length, most float64
	l.js("1000 * heard[0].length", &length)
	if l.js("Math.max(...waits)", &most); most < length {
		t.Errorf("a sound of %.0f ms is cut off after %.0f", length, most)
	}
}

const long = `"UBND Phường Quảng Tiến chỉ dùng ảnh do Ông/Bà cung cấp để giải quyết và trả lời ý kiến này. Một. Hai. Ba. Bốn. Năm. Sáu."`

func TestPageFallsSilent(t *testing.T) {
	t.Parallel()
	l := listens(t)
	begin := func() {
		t.Helper()
		l.js(`heard.length = 0; speech.turn(true); speech.say("vi", [`+long+`]); 0`, nil)
		l.until("a voice", `heard[0]?.at > 0.1`)
	}
	for name, act := range map[string]func(){
		"a touch":    func() { l.tap("h1") },
		"stop":       func() { l.js("speech.stop()", nil) },
		"turned off": func() { l.js("speech.turn(false)", nil) },
		"wiped":      func() { l.js("speech.wipe()", nil) },
		"a key": func() {
			l.js(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true })); 0`, nil)
		},
	} {
		begin()
		act()
		var at float64
		l.js("heard[0].at", &at)
		asked := l.asked.Load()
		time.Sleep(600 * time.Millisecond)
		var after struct {
			At      float64
			Count   int
			Reading bool
		}
		l.js("({At: heard[0].at, Count: heard.length, Reading: speech.reading})", &after)
		if after.At > at+0.3 || after.Count != 1 || after.Reading || l.asked.Load() > asked {
			t.Errorf("%s: went on from %.1f to %.1f s, %d sounds, %d more asked for", name, at, after.At, after.Count, l.asked.Load()-asked)
		}
	}
	begin()
	l.js(`for (const key of "+-") document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); 0`, nil)
	l.until("the second text, whoever makes it louder or softer", "heard.length === 2")
	begin()
	l.js(`speech.say("en", ["I am still here"]); 0`, nil)
	l.until("what is new in place of the old", `heard.length === 2 && heard[1].ended && !heard[0].ended`)
}

// canary is told to the page in numbers, so that it stands in no script.
func canary(text string) string {
	return "String.fromCodePoint(" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]rune(text))), ","), "[]") + ")"
}

func TestReadingIsWiped(t *testing.T) {
	l := listens(t)
	l.js(`speech.turn(true); speech.say("vi", [`+canary("canary một hai ba bốn năm sáu bảy tám chín")+`, "Hai", "Ba", `+canary("zeisig")+`]); 0`, nil)
	l.until("a voice", `heard[0]?.at > 0.1`)
	if n := l.alive("Blob"); n == 0 {
		t.Fatal("no sound is in memory: this test looks in the wrong place")
	}
	if found := l.inHeap("zeisig"); len(found) != 1 {
		t.Fatalf("the heap holds %v before the end: this test looks in the wrong place", found)
	}
	l.js("speech.wipe()", nil)
	time.Sleep(300 * time.Millisecond)
	for _, kind := range []string{"Blob", "HTMLAudioElement"} {
		if n := l.alive(kind); n != 0 {
			t.Errorf("%d of %s can still be reached", n, kind)
		}
	}
	if found := l.inHeap("canary", "zeisig"); len(found) != 0 {
		t.Errorf("the memory of the page still holds %v", found)
	}
	var urls []string
	l.js("urls", &urls)
	for _, url := range urls {
		var there bool
		l.await(fmt.Sprintf("new Promise((done) => { const a = new Audio(%q); a.onloadeddata = () => done(true); a.onerror = () => done(false); })", url), &there)
		if there {
			t.Errorf("%s can still be opened", url)
		}
	}
	l.js(`heard.length = 0; speech.say("vi", ["Ba"]); 0`, nil)
	time.Sleep(300 * time.Millisecond)
	var count int
	if l.js("heard.length", &count); count != 0 || len(urls) == 0 {
		t.Errorf("the next resident hears %d sounds; %d made before", count, len(urls))
	}
}

// The module is a small part of the page's budget.
func TestModuleIsSmall(t *testing.T) {
	made := api.Build(api.BuildOptions{EntryPoints: []string{"web/parts/speech.ts"}, Bundle: true, Format: api.FormatESModule, Target: api.ES2022,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true})
	if len(made.Errors) > 0 {
		t.Fatal(made.Errors)
	}
	if n := packed(t, made.OutputFiles[0].Contents); n > 1200 {
		t.Errorf("%d octets after gzip, want 1200", n)
	}
}

func packed(t *testing.T, script []byte) int {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	if _, err := w.Write(script); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
