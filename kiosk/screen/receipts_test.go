package screen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// told is a bulletin in memory.
type told struct {
	asked   []feedback.Questionnaire
	once    []feedback.Questionnaire
	notices []feedback.Notice
	texts   feedback.Texts
	facts   feedback.Facts
	news    map[[16]byte]bulletin.News
	gone    map[[16]byte]bool
	fail    error
}

func (b *told) Questionnaires() []feedback.Questionnaire { return b.asked }
func (b *told) Texts() feedback.Texts                    { return b.texts }
func (b *told) Notices() []feedback.Notice               { return b.notices }
func (b *told) Facts() feedback.Facts                    { return b.facts }

func (b *told) Questionnaire(id string, version int) (feedback.Questionnaire, bool) {
	for _, q := range b.once {
		if q.ID == id && q.Version == version {
			return q, true
		}
	}
	return feedback.Questionnaire{}, false
}

func (b *told) News(r seal.Receipt) (bulletin.News, bool, error) {
	n, ok := b.news[r.Tag]
	return n, ok, b.fail
}

func (b *told) ReceiptDeleted(tag [16]byte) (bool, error) { return b.gone[tag], b.fail }

const (
	mine    = "4Q7K9-M2XHT"
	nobodys = "4Q7K9-M2XHV"
)

var mineTag = sync.OnceValue(func() [16]byte { return seal.Code("4Q7K9M2XHT").Receipt().Tag })

// informed is a screen that was told something, its clock and its log.
func informed(t *testing.T, b *told, change ...func(*Config)) (h http.Handler, now *time.Time, log *bytes.Buffer) {
	t.Helper()
	clock, lines := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC), new(bytes.Buffer)
	cfg := testConfig(portrait)
	cfg.Outbox, cfg.Now, cfg.Logger = openOutbox(t), func() time.Time { return clock }, slog.New(slog.NewTextHandler(lines, nil))
	cfg.Place.ID = "qt-01"
	if b != nil {
		cfg.Bulletin = b
	}
	for _, c := range change {
		c(&cfg)
	}
	return newScreen(cfg, os.DirFS("dist")).Handler(), &clock, lines
}

func call(t *testing.T, h http.Handler, method, path, body string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:7070"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var reply map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return w, reply
}

func look(t *testing.T, h http.Handler, code string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	return call(t, h, http.MethodPost, "/api/receipts", fmt.Sprintf(`{"code":%q}`, code))
}

func answered() *told {
	return &told{news: map[[16]byte]bulletin.News{mineTag(): {State: feedback.CaseAnswered, Version: 3, Note: "Đã lắp đèn.",
		Updated: time.Date(2026, 11, 23, 2, 15, 0, 0, time.UTC)}}}
}

func TestReceiptTellsTheState(t *testing.T) {
	h, _, log := informed(t, answered())
	for _, typed := range []string{mine, "4q7k9m2xht", " 4Q7K9 M2XHT "} {
		w, reply := look(t, h, typed)
		text, _ := reply["state_text"].(map[string]any)
		if w.Code != 200 || reply["state"] != "answered" || text["vi"] != "Đã trả lời" || reply["note"] != "Đã lắp đèn." || reply["updated"] != "2026-11-23T09:15:00+07:00" || reply["version"] != 3.0 {
			t.Errorf("%q: %d %v", typed, w.Code, reply)
		}
	}
	if strings.Contains(strings.ToUpper(log.String()), "4Q7K9") {
		t.Errorf("the log tells the code: %s", log)
	}
}

// A hub newer than this kiosk may know states it does not.
func TestStateOfTomorrow(t *testing.T) {
	b := answered()
	b.news[mineTag()] = bulletin.News{State: 99}
	h, _, _ := informed(t, b)
	if w, reply := look(t, h, mine); w.Code != 200 || reply["state"] != "in-progress" {
		t.Errorf("%d %v", w.Code, reply)
	}
}

func TestReceiptRefuses(t *testing.T) {
	failing := &told{fail: errors.New("disk")}
	for _, c := range []struct {
		name, body string
		b          *told
		status     int
		code       string
	}{
		{"nobody's code", `{"code":"` + nobodys + `"}`, answered(), 404, "no-result"},
		{"no bulletin at all", `{"code":"` + mine + `"}`, nil, 404, "no-result"},
		{"short code", `{"code":"4Q7K9"}`, answered(), 422, "invalid"},
		{"no code", `{}`, answered(), 422, "invalid"},
		{"unknown key", `{"kode":"x"}`, answered(), 400, "malformed"},
		{"not JSON", `4Q7K9`, answered(), 400, "malformed"},
		{"too long", `{"code":"` + strings.Repeat("4", maxSmall) + `"}`, answered(), 413, "too-large"},
		{"disk fails", `{"code":"` + mine + `"}`, failing, 503, "storage"},
	} {
		h, _, log := informed(t, c.b)
		w, reply := call(t, h, http.MethodPost, "/api/receipts", c.body)
		told, _ := reply["error"].(map[string]any)
		if w.Code != c.status || told["code"] != c.code || told["message"] == "" {
			t.Errorf("%s: %d %v", c.name, w.Code, reply)
		}
		if strings.Contains(w.Body.String()+log.String(), "4Q7K9-M2XH") && c.code != "invalid" {
			t.Errorf("%s: the code is told again: %s %s", c.name, w.Body, log)
		}
	}
	h, _, _ := informed(t, answered())
	if w, _ := call(t, h, http.MethodGet, "/api/receipts", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

// Whoever tries codes learns from no answer's length or time which were ever
// given out: the derivation outweighs all else.
func TestWrongCodeLooksLikeNoResult(t *testing.T) {
	b := answered()
	b.news[seal.Code("0000000000").Receipt().Tag] = bulletin.News{}
	h, _, _ := informed(t, b)
	_, nobody := look(t, h, nobodys)
	_, another := look(t, h, "ZZZZZZZZZZ")
	if fmt.Sprint(nobody) != fmt.Sprint(another) {
		t.Errorf("%v and %v", nobody, another)
	}
	took := func(code string) time.Duration {
		begun := time.Now()
		look(t, h, code)
		return time.Since(begun)
	}
	if known, unknown := min(took(mine), took(mine)), min(took(nobodys), took(nobodys)); unknown < known/3 || known < unknown/3 {
		t.Errorf("a known code takes %v, an unknown one %v", known, unknown)
	}
}

func TestCodesAreRationed(t *testing.T) {
	h, now, _ := informed(t, answered())
	for i := range codesAtOnce {
		if w, _ := look(t, h, nobodys); w.Code != 404 {
			t.Fatalf("code %d: %d", i+1, w.Code)
		}
	}
	w, _ := look(t, h, mine)
	if w.Code != 429 || w.Header().Get("Retry-After") != "10" {
		t.Errorf("one too many: %d, come back after %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w, _ := look(t, h, "short"); w.Code != 422 {
		t.Errorf("a typing mistake costs a try: %d", w.Code)
	}
	*now = now.Add(codeEvery)
	if w, _ := look(t, h, mine); w.Code != 200 {
		t.Errorf("after a wait: %d", w.Code)
	}
	if w, _ := look(t, h, mine); w.Code != 429 {
		t.Errorf("at once again: %d", w.Code)
	}
}

func TestBucket(t *testing.T) {
	b := bucket{most: codesAtOnce, every: codeEvery}
	now := time.Unix(1_000_000, 0)
	tries := func(n int) (taken int) {
		for range n {
			if b.take(now) == 0 {
				taken++
			}
		}
		return taken
	}
	if got := tries(1000); got != codesAtOnce {
		t.Errorf("%d at once", got)
	}
	now = now.Add(-time.Hour)
	if got := tries(10); got != 0 {
		t.Errorf("a clock set back gave %d", got)
	}
	now = now.Add(35 * time.Second)
	if got := tries(10); got != 3 {
		t.Errorf("%d after 35 s", got)
	}
	now = now.Add(24 * time.Hour)
	if got := tries(1000); got != codesAtOnce {
		t.Errorf("%d after a day", got)
	}
}

func version(n int) feedback.Questionnaire {
	q := feedback.Seed().Questionnaires[0]
	q.Version = n
	return q
}

func TestPublishedQuestionnairesAreAsked(t *testing.T) {
	b := &told{asked: []feedback.Questionnaire{version(9)}, once: []feedback.Questionnaire{version(8), version(9)}}
	h, _, _ := informed(t, b)
	_, reply := call(t, h, http.MethodGet, "/api/questionnaires", "")
	asked, _ := reply["questionnaires"].([]any)
	if len(asked) != 1 || asked[0].(map[string]any)["version"] != 9.0 {
		t.Errorf("asks %v", reply["questionnaires"])
	}
	for v, status := range map[int]int{1: 201, 7: 422, 8: 201, 9: 201} { // 1 is built in
		body := strings.Replace(with(`"version":1`, fmt.Sprintf(`"version":%d`, v)), "r-1", fmt.Sprint("r-", v), 1)
		if w, reply := call(t, h, http.MethodPost, "/api/answers", body); w.Code != status {
			t.Errorf("answer to version %d: %d %v", v, w.Code, reply)
		}
	}
	b.asked = nil
	_, reply = call(t, h, http.MethodGet, "/api/questionnaires", "")
	if asked, _ := reply["questionnaires"].([]any); len(asked) == 0 {
		t.Error("asks nothing where nothing was published")
	}
}

func TestBoard(t *testing.T) {
	notice := func(id, from string, places ...string) feedback.Notice {
		return feedback.Notice{ID: id, Span: feedback.Span{From: from, Places: places}}
	}
	h, now, _ := informed(t, &told{texts: feedback.Texts{"slogan": {"vi": "Gần dân"}},
		notices: []feedback.Notice{notice("all", ""), notice("later", "2026-11-24"), notice("elsewhere", "", "qt-02"), notice("here", "", "qt-01")}})
	hangs := func() string {
		_, reply := call(t, h, http.MethodGet, "/api/board", "")
		var ids []string
		for _, n := range reply["notices"].([]any) {
			ids = append(ids, n.(map[string]any)["id"].(string))
		}
		if texts := reply["texts"].(map[string]any); len(texts) != 1 {
			t.Errorf("texts = %v", texts)
		}
		return strings.Join(ids, " ")
	}
	if got := hangs(); got != "all here" {
		t.Errorf("today hangs %q", got)
	}
	*now = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC) // midnight in Viet Nam
	if got := hangs(); got != "all later here" {
		t.Errorf("tomorrow hangs %q", got)
	}
	bare, _, _ := informed(t, nil)
	if _, reply := call(t, bare, http.MethodGet, "/api/board", ""); reply["notices"] == nil || reply["texts"] == nil || reply["hours"] == nil || len(reply["contacts"].([]any)) != 5 {
		t.Errorf("without a bulletin: %v", reply)
	}
}

// Beside what the ward did hangs what people had said.
func TestBoardTellsWhatPeopleSaid(t *testing.T) {
	h, _, _ := informed(t, &told{notices: []feedback.Notice{{ID: "lights", Said: feedback.Text{"vi": "Ngõ tối"}, Title: feedback.Text{"vi": "Đã lắp đèn"}, Sample: true}}})
	w, _ := call(t, h, http.MethodGet, "/api/board", "")
	if !strings.Contains(w.Body.String(), `{"id":"lights","said":{"vi":"Ngõ tối"},"title":{"vi":"Đã lắp đèn"},"body":null,"sample":true}`) {
		t.Errorf("%s", w.Body)
	}
}

// The board tells of this house, and whom to call here.
func TestBoardTellsFacts(t *testing.T) {
	here, there := feedback.Span{Places: []string{"qt-01"}}, feedback.Span{Places: []string{"qt-02"}}
	open := feedback.Times{Weekdays: []string{"mon"}, Hours: []string{"07:30-11:30"}}
	h, _, _ := informed(t, &told{facts: feedback.Facts{
		Contacts: []feedback.Contact{{Kind: "ward", Number: "0237 1", Span: here}, {Kind: "ward", Number: "0237 2", Span: there}},
		Houses:   []feedback.House{{Span: here, Caretaker: feedback.Caretaker{Name: "Bà Hoa", Phone: "0912 1"}, Hours: []feedback.Times{open}}},
	}})
	w, reply := call(t, h, http.MethodGet, "/api/board", "")
	contacts := reply["contacts"].([]any)
	if last := fmt.Sprint(contacts[len(contacts)-1]); len(contacts) != 6 || !strings.Contains(last, "0237 1") || strings.Contains(last, "places") {
		t.Errorf("contacts: %v", contacts)
	}
	if !strings.Contains(w.Body.String(), `"caretaker":{"name":"Bà Hoa","phone":"0912 1"},"hours":[{"weekdays":["mon"],"hours":["07:30-11:30"]}]`) {
		t.Errorf("this house: %s", w.Body)
	}
}

// A pause shows between two visits; a visit under way is finished, and only
// then nothing is taken.
func TestPause(t *testing.T) {
	var status Status
	h, _, _ := informed(t, nil, func(c *Config) { c.Status = func() Status { return status } })
	for _, c := range []struct {
		status Status
		paused bool
		code   int
	}{{Status{}, false, 201}, {Status{Paused: true}, true, 201}, {Status{Paused: true, Closed: true}, true, 503}, {Status{}, false, 201}} {
		status = c.status
		if _, reply := call(t, h, http.MethodGet, "/api/status", ""); reply["paused"] != c.paused {
			t.Errorf("%+v: status says %v", c.status, reply["paused"])
		}
		w, reply := call(t, h, http.MethodPost, "/api/answers", with("r-1", fmt.Sprintf("r-%v-%v", c.status.Paused, c.status.Closed)))
		if w.Code != c.code || c.code == 503 && !strings.Contains(fmt.Sprint(reply), "paused") {
			t.Errorf("%+v: answer %d %v", c.status, w.Code, reply)
		}
	}
}
