package screen

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/strict"
)

// serve is a screen on a real outbox, without a browser.
func serve(t *testing.T) (http.Handler, *store, *outbox.Outbox) {
	t.Helper()
	o := openOutbox(t)
	s := &store{outbox: o}
	cfg := testConfig(portrait)
	cfg.Outbox, cfg.Status = s, s.status
	return newScreen(cfg, os.DirFS("dist")).Handler(), s, o
}

const good = `{"request":"r-1","answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":4},"replaces":""}`

// with replaces one part of the good submission.
func with(old, new string) string {
	if !strings.Contains(good, old) {
		panic("no " + old + " in the good submission")
	}
	return strings.Replace(good, old, new, 1)
}

func TestPostAnswer(t *testing.T) {
	for _, c := range []struct {
		name, body  string
		status      int
		code, field string
	}{
		{"good", good, 201, "", ""},
		{"without replaces", with(`,"replaces":""`, ""), 201, "", ""},
		{"reasons", with(`"satisfied","language":"vi","score":4`, `"high","language":"en","choices":["fast","other"]`), 201, "", ""},
		{"skipped", with(`"satisfied","language":"vi","score":4`, `"high","language":"vi","skipped":true`), 201, "", ""},
		{"spaces around", " \n" + good + "\n ", 201, "", ""},

		{"empty", "", 400, "malformed", ""},
		{"array", "[]", 400, "malformed", ""},
		{"null", "null", 400, "malformed", ""},
		{"cut", good[:60], 400, "malformed", ""},
		{"trailing object", good + "{}", 400, "malformed", ""},
		{"trailing bracket", good + "}", 400, "malformed", ""},
		{"unknown key", with(`"replaces":""`, `"replace":""`), 400, "malformed", ""},
		{"unknown key inside", with(`"score":4`, `"score":4,"name":"Lan"`), 400, "malformed", ""},
		{"repeated key", with(`"replaces":""`, `"request":"r-2"`), 400, "malformed", ""},
		{"repeated key inside", with(`"score":4`, `"score":4,"score":5`), 400, "malformed", ""},
		{"key in other case", with(`"request"`, `"Request"`), 400, "malformed", ""},
		{"key folding to ascii", with(`"score":4`, `"s\u212aipped":true`), 400, "malformed", ""},
		{"null field", with(`"score":4`, `"score":4,"choices":null`), 400, "malformed", ""},
		{"fraction", with(`"score":4`, `"score":4.5`), 400, "malformed", ""},
		{"text for a number", with(`"score":4`, `"score":"4"`), 400, "malformed", ""},
		{"invalid utf-8", with(`"r-1"`, "\"r\xff\""), 400, "malformed", ""},
		{"unpaired surrogate", with(`"r-1"`, `"r\ud800"`), 400, "malformed", ""},
		{"deep", with(`"score":4`, `"score":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)), 400, "malformed", ""},
		{"too large", with(`"r-1"`, `"`+strings.Repeat("r", maxBody)+`"`), 413, "too-large", ""},

		{"no request", with(`"r-1"`, `""`), 422, "invalid", "request"},
		{"long request", with(`"r-1"`, `"`+strings.Repeat("r", 65)+`"`), 422, "invalid", "request"},
		{"strange request", with(`"r-1"`, `"r 1"`), 422, "invalid", "request"},
		{"tapped a while ago", with(`"replaces":""`, `"replaces":"","tapped_ms_ago":600000`), 201, "", ""},
		{"tapped too long ago", with(`"replaces":""`, `"replaces":"","tapped_ms_ago":600001`), 422, "invalid", "tapped_ms_ago"},
		{"tapped in the future", with(`"replaces":""`, `"replaces":"","tapped_ms_ago":-1`), 422, "invalid", "tapped_ms_ago"},
		{"all of a tap", with(`"replaces":""`, `"visit":"v-1","extra_taps":5,"touches":1`), 201, "", ""},
		{"nothing of a tap", with(`"replaces":""`, `"visit":"","extra_taps":0,"touches":0`), 201, "", ""},
		{"strange visit", with(`"replaces":""`, `"visit":"v 1"`), 422, "invalid", "visit"},
		{"long visit", with(`"replaces":""`, `"visit":"`+strings.Repeat("v", 65)+`"`), 422, "invalid", "visit"},
		{"fewer taps than none", with(`"replaces":""`, `"extra_taps":-1`), 422, "invalid", "extra_taps"},
		{"fewer contacts than none", with(`"replaces":""`, `"touches":-1`), 422, "invalid", "touches"},
		{"half a contact", with(`"replaces":""`, `"touches":0.5`), 400, "malformed", ""},
		{"strange replaces", with(`"replaces":""`, `"replaces":"abc"`), 422, "invalid", "replaces"},
		{"upper-case replaces", with(`"replaces":""`, `"replaces":"`+strings.Repeat("A", 32)+`"`), 422, "invalid", "replaces"},
		{"replaces nothing", with(`"replaces":""`, `"replaces":"`+strings.Repeat("a", 32)+`"`), 422, "invalid", "replaces"},
		{"unknown questionnaire", with(`"today"`, `"tomorrow"`), 422, "invalid", "answer.questionnaire"},
		{"other version", with(`"version":1`, `"version":2`), 422, "invalid", "answer.version"},
		{"unknown question", with(`"satisfied"`, `"happy"`), 422, "invalid", "answer.question"},
		{"score 6", with(`"score":4`, `"score":6`), 422, "invalid", "answer.score"},
		{"unknown language", with(`"vi"`, `"tlh"`), 422, "invalid", "answer.language"},
		{"four reasons", with(`"satisfied","language":"vi","score":4`, `"high","language":"vi","choices":["fast","other","listens","on-time"]`), 422, "invalid", "answer.choices"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _, o := serve(t)
			before := head(t, o)
			status, reply := post(t, h, c.body)
			told, _ := reply["error"].(map[string]any)
			if status != c.status || c.status != 201 && (told["code"] != c.code || told["message"] == "") {
				t.Fatalf("status %d, reply %v; want %d %s", status, reply, c.status, c.code)
			}
			if field, _ := told["field"].(string); field != c.field {
				t.Errorf("field %q, want %q", field, c.field)
			}
			if added := head(t, o) - before; (added == 1) != (c.status == 201) || added > 1 {
				t.Errorf("%d records were added", added)
			}
		})
	}
}

func head(t *testing.T, o *outbox.Outbox) uint64 {
	t.Helper()
	b, err := o.Branch()
	if err != nil {
		t.Fatal(err)
	}
	return b.Head.Seq
}

func TestPostAnswerAgain(t *testing.T) {
	h, _, o := serve(t)
	_, first := post(t, h, good)
	before := head(t, o)
	status, second := post(t, h, good)
	if status != 201 || second["id"] != first["id"] || second["seq"] != first["seq"] || head(t, o) != before {
		t.Errorf("again: %d %v after %v, head moved by %d", status, second, first, head(t, o)-before)
	}
	if status, reply := post(t, h, with(`"score":4`, `"score":1`)); status != 409 {
		t.Errorf("same request, other answer: %d %v, want 409", status, reply)
	}
	id, _ := first["id"].(string)
	other := strings.NewReplacer(`"r-1"`, `"r-3"`, `"questionnaire":"today"`, `"questionnaire":"visitors"`, `"replaces":""`, `"replaces":"`+id+`"`)
	status, refused := post(t, h, other.Replace(good))
	if told, _ := refused["error"].(map[string]any); status != 422 || told["field"] != "replaces" {
		t.Errorf("replace by an answer to another questionnaire: %d %v, want 422 of replaces", status, refused)
	}
	change := strings.NewReplacer(`"r-1"`, `"r-2"`, `"score":4`, `"score":2`, `"replaces":""`, `"replaces":"`+id+`"`)
	if status, reply := post(t, h, change.Replace(good)); status != 201 || !isHex(id, 32) {
		t.Errorf("replace %q: %d %v, want 201", id, status, reply)
	}
}

// 201 must mean kept: whatever Put says stands in the status, and nothing of
// the inside reaches the page.
func TestPostAnswerSays201OnlyAfterPut(t *testing.T) {
	h, s, _ := serve(t)
	for name, fail := range map[string]func(){
		"not kept":      func() { s.set(func() error { return errNoRoom }, nil) },
		"kept, then an": func() { s.set(nil, func() error { return fmt.Errorf("sync: %w", errNoRoom) }) },
	} {
		fail()
		status, reply := post(t, h, good)
		text, _ := json.Marshal(reply)
		if status != 503 || strings.Contains(string(text), "outbox") || strings.Contains(string(text), "/var") || strings.Contains(string(text), "disk") {
			t.Errorf("%s error: %d %s; want 503 without a word of the inside", name, status, text)
		}
	}
	s.set(nil, nil)
	if status, reply := post(t, h, good); status != 201 {
		t.Errorf("same request after the trouble: %d %v", status, reply)
	}
}

func TestFailureIsLoggedWithoutTheAnswer(t *testing.T) {
	var log strings.Builder
	cfg := testConfig(portrait)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	cfg.Outbox = &store{before: func() error { return errNoRoom }}
	post(t, newScreen(cfg, os.DirFS("dist")).Handler(), with(`"r-1"`, `"canary-request"`))
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "disk is full") || strings.Contains(log.String(), "canary") || strings.Contains(log.String(), "satisfied") {
		t.Errorf("log: %s", log.String())
	}
}

func TestOnlyThisMachinesPageMayAsk(t *testing.T) {
	h, _, o := serve(t)
	before := head(t, o)
	for _, header := range [][]string{
		{"Host", "evil.example"}, {"Host", "evil.example:7070"}, {"Host", "127.0.0.1.evil.example"}, {"Host", "192.168.1.9:7070"},
		{"Host", "localhost.evil.example"}, {"Host", ""},
		{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:9999"}, {"Origin", "https://127.0.0.1:7070"},
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
	} {
		if status, reply := post(t, h, good, header...); status != 403 {
			t.Errorf("%v: %d %v, want 403", header, status, reply)
		}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:7070/api/status", nil)
		r.Header.Set(header[0], header[1])
		if header[0] == "Host" {
			r.Host = header[1]
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("GET with %v: %d, want 403", header, w.Code)
		}
	}
	if status, _ := post(t, h, good, "Content-Type", "text/plain"); status != 415 {
		t.Errorf("text/plain, which a foreign form could send: %d, want 415", status)
	}
	if head(t, o) != before {
		t.Error("a refused request was kept")
	}
	for i, header := range [][]string{
		{"Host", "localhost:7070"}, {"Host", "[::1]:7070"}, {"Host", "127.0.0.1"}, {"Host", "[::1]"},
		{"Origin", "http://127.0.0.1:7070", "Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Content-Type", "application/json; charset=utf-8"},
	} {
		if status, reply := post(t, h, with("r-1", fmt.Sprint("own-", i)), header...); status != 201 {
			t.Errorf("%v: %d %v, want 201", header, status, reply)
		}
	}
}

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1:7070"+path, nil))
	return w
}

func TestRoutes(t *testing.T) {
	h, _, _ := serve(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/api/status", 200}, {"HEAD", "/api/status", 200}, {"GET", "/api/questionnaires", 200},
		{"GET", "/manifest.json", 200},
		{"GET", "/nothing", 404}, {"GET", "/api/", 404}, {"GET", "/api/nothing", 404}, {"GET", "/.gitkeep", 404}, {"GET", "/index.html", 404},
		{"GET", "/%2e%2e/screen.go", 404},
		{"GET", "/api/answers", 405}, {"PUT", "/api/answers", 405}, {"DELETE", "/api/answers", 405}, {"OPTIONS", "/api/answers", 405},
		{"PUT", "/api/status", 405}, {"DELETE", "/", 405},
	} {
		w := get(h, c.method, c.path)
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status >= 400 && (w.Header().Get("Content-Type") != "application/json; charset=utf-8" || !strings.Contains(w.Body.String(), `"code"`)) {
			t.Errorf("%s %s: refusal is %q", c.method, c.path, w.Body)
		}
		if c.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", c.method, c.path, w.Header())
		}
	}
}

func TestStatus(t *testing.T) {
	h, s, _ := serve(t)
	s.storage = StorageLow
	var got map[string]any
	if err := json.Unmarshal(get(h, "GET", "/api/status").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	place, _ := got["place"].(map[string]any)
	if place["id"] != "qt-07" || got["ward"] != "Phường Quảng Tiến" || got["enrolled"] != true || got["storage"] != "low" || got["program"] != "test" {
		t.Errorf("status: %v", got)
	}
}

func TestDefaults(t *testing.T) {
	h := New(Config{}).Handler()
	var status struct {
		Storage Storage  `json:"storage"`
		Pace    paceView `json:"pace_ms"`
	}
	if err := json.Unmarshal(get(h, "GET", "/api/status").Body.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	if want := (paceView{30_000, 20_000, 4_000, 30_000, 6_000, 600}); status.Pace != want || status.Storage != StorageOK {
		t.Errorf("status of a zero Config: %+v", status)
	}
	var served struct {
		Questionnaires []feedback.Questionnaire `json:"questionnaires"`
		Scale          []scoreView              `json:"scale"`
	}
	if err := json.Unmarshal(get(h, "GET", "/api/questionnaires").Body.Bytes(), &served); err != nil {
		t.Fatal(err)
	}
	if len(served.Questionnaires) == 0 || served.Questionnaires[0].ID != "today" || len(served.Scale) != 5 || served.Scale[0].Text[feedback.Vietnamese] != "Rất hài lòng" {
		t.Errorf("served: %+v", served)
	}
}

func TestProgramWithoutBuiltScreensSaysSo(t *testing.T) {
	cfg := testConfig(portrait)
	cfg.Outbox = openOutbox(t)
	h := newScreen(cfg, fstest.MapFS{".gitkeep": {}}).Handler()
	if w := get(h, "GET", "/"); w.Code != 503 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("bare: %d %s", w.Code, w.Body)
	}
	if status, reply := post(t, h, good); status != 201 {
		t.Errorf("answer without screens: %d %v", status, reply)
	}
}

// The page must run under its own policy: nothing inline, nothing from elsewhere.
func TestPageIsStrict(t *testing.T) {
	page, err := os.ReadFile("dist/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<style", "style=", "onclick", "http://", "https://", "//"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("index.html contains %q", bad)
		}
	}
	if strings.Count(string(page), "<script") != 1 || !strings.Contains(string(page), `src="screen-`) {
		t.Errorf("index.html: %s", page)
	}
}

// FuzzPostAnswer: whatever arrives is answered in JSON; what is kept passed
// validation, and reading is stable: encoded again it is accepted again.
func FuzzPostAnswer(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"request":"r","answer":{"questionnaire":"today","version":1,"question":"low","language":"en","choices":["slow"]}}`))
	f.Add([]byte(`{"request":"\ud83d\ude00","answer":{}}`))
	f.Add([]byte(`{"a":[[[[[[[1]]]]]]]}`))
	questionnaires := feedback.Seed().Questionnaires
	f.Fuzz(func(t *testing.T, body []byte) {
		kept := 0
		cfg := Config{Logger: quiet(), Questionnaires: questionnaires, Outbox: keeper(func(request string, a feedback.Answer, _ string) {
			kept++
			i := slices.IndexFunc(questionnaires, func(q feedback.Questionnaire) bool { return q.ID == a.Questionnaire })
			if i < 0 || a.Validate(questionnaires[i]) != nil || request == "" {
				t.Errorf("kept %q %+v", request, a)
			}
		})}
		h := newScreen(cfg, fstest.MapFS{}).Handler()
		status, _ := post(t, h, string(body))
		if (status == 201) != (kept == 1) || !slices.Contains([]int{201, 400, 413, 422}, status) {
			t.Errorf("status %d, kept %d", status, kept)
		}
		var sub submission
		if status != 201 || strict.JSON(body, &sub) != nil {
			return
		}
		again, err := json.Marshal(sub)
		if err != nil {
			t.Fatal(err)
		}
		if status, reply := post(t, h, string(again)); status != 201 {
			t.Errorf("written again %s: %d %v", again, status, reply)
		}
	})
}

// keeper is an outbox that keeps nothing, for speed.
type keeper func(string, feedback.Answer, string)

func (k keeper) PutTapped(request string, a feedback.Answer, replaces string, _ outbox.Tap) (outbox.Receipt, error) {
	k(request, a, replaces)
	return outbox.Receipt{Seq: 1}, nil
}
