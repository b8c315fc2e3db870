package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"nghe/hub/cases"
	"nghe/hub/reports"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

const receiptCode = seal.Code("4Q7K9M2XHT")

func TestReceiptPage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	m := h.message()
	m.Code = receiptCode
	stranger := h.client("")
	ask := func(code string) (*http.Response, string) {
		res, body := h.get(stranger, "/r/"+code)
		return res, string(body)
	}
	if res, page := ask("4Q7K9M2XHT"); res.StatusCode != http.StatusNotFound || !strings.Contains(page, "Chưa có kết quả") {
		t.Errorf("before anything came: %s", res.Status)
	}
	s := h.sent(m)
	if res, page := ask("4q7k9-m2xht"); res.StatusCode != http.StatusOK || !strings.Contains(page, "Mới tiếp nhận") {
		t.Errorf("arrived and not yet learned: %s", res.Status)
	} else {
		noCanary(t, "the public page", page)
	}
	if _, err := h.cases.SetByCode(t.Context(), receiptCode, cases.Change{State: feedback.CaseAnswered, Note: "Đã thông cống <ngày 20/11>.", By: "lan"}); err != nil {
		t.Fatal(err)
	}
	res, body := h.get(stranger, "/R/4Q7K9M2XHT")
	page := string(body)
	if !strings.Contains(page, "Đã trả lời") || !strings.Contains(page, "&lt;ngày 20/11&gt;") || strings.Contains(page, "lan") && strings.Contains(page, ">lan<") {
		t.Errorf("answered: %s", res.Status)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(res.Header.Get("X-Robots-Tag"), "noindex") ||
		!strings.Contains(page, `name="robots" content="noindex"`) || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", res.Header)
	}
	if status, page := h.post(stranger, "/r", url.Values{"code": {" 4Q7K9 m2xht"}}); status != http.StatusOK || !strings.Contains(page, "Đã trả lời") {
		t.Errorf("typed: %d", status)
	}
	for _, bad := range []string{"4Q7K9M2XH", "4Q7K9M2XHU", "%F0%9F%98%80", "admin", "..%2f..%2fetc"} {
		if res, page := ask(bad); res.StatusCode != http.StatusNotFound || !strings.Contains(page, "10 chữ cái") {
			t.Errorf("%s: %s", bad, res.Status)
		}
	}
	if _, err := h.console.cfg.Deletions.Receipt(t.Context(), s.Tag, "người gửi yêu cầu", "admin"); err != nil {
		t.Fatal(err)
	}
	if _, page := ask("4Q7K9M2XHT"); !strings.Contains(page, "Dữ liệu đã được xóa") || !strings.Contains(page, "&lt;ngày 20/11&gt;") {
		t.Error("while its case is known the page does not say that the data was deleted, or hides the answer")
	}
	h.must(h.forgetCase(s.Tag))
	if _, page := ask("4Q7K9M2XHT"); !strings.Contains(page, "Dữ liệu đã được xóa") {
		t.Error("the page does not say that the data was deleted")
	}
}

// A code with something behind it is carried nowhere: not to the door, not into
// a log.
func TestReceiptCodeIsNotCarriedOn(t *testing.T) {
	h := newHub(t)
	for _, path := range []string{"/r/4Q7K9M2XHT/", "/R/4Q7K9M2XHT/", "/r/4Q7K9M2XHT/x/y", "/r/4Q7K9M2XHT/?a=b"} {
		res, page := h.get(h.client(""), path)
		if res.StatusCode != http.StatusNotFound || res.Header.Get("Location") != "" || strings.Contains(string(page), "4Q7K9") {
			t.Errorf("%s: %s to %q", path, res.Status, res.Header.Get("Location"))
		}
	}
	if strings.Contains(h.log.String(), "4Q7K9") {
		t.Errorf("log: %s", h.log)
	}
}

func TestReceiptInEnglish(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	if _, err := h.cases.SetByCode(t.Context(), receiptCode, cases.Change{State: feedback.CaseInProgress}); err != nil {
		t.Fatal(err)
	}
	stranger := h.client("")
	res, err := stranger.Do(h.request("POST", "/language", url.Values{"lang": {"en"}, "back": {"/r/4Q7K9M2XHT"}}))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); to != "/r/4Q7K9M2XHT" {
		t.Errorf("goes to %q", to)
	}
	_, body := h.get(stranger, "/r/4Q7K9M2XHT")
	if page := string(body); !strings.Contains(page, "In progress") || !strings.Contains(page, `<html lang="en">`) {
		t.Error("not in English")
	}
}

// A visitor from abroad reads the page in the browser's language, or chooses;
// elsewhere at the hub it is English.
func TestReceiptInKoreanAndChinese(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	if _, err := h.cases.SetByCode(t.Context(), receiptCode, cases.Change{State: feedback.CaseInProgress}); err != nil {
		t.Fatal(err)
	}
	ask := func(c *http.Client, path, accepts string) string {
		r := h.request("GET", path, nil)
		r.Header.Set("Accept-Language", accepts)
		res, err := c.Do(r)
		h.must(err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		h.must(err)
		return string(body)
	}
	for accepts, want := range map[string][]string{
		"ko-KR,ko;q=0.9,en;q=0.8": {`<html lang="ko">`, "처리 중", "보내신 의견", h.now().In(reports.Zone()).Format(time.DateOnly)}, "zh-CN": {`<html lang="zh-Hans">`, "处理中", "您的意见"},
		"en-US": {`<html lang="vi">`, "Đang xử lý"}, "": {`<html lang="vi">`, ">한국어<", ">简体中文<", ">English<"},
	} {
		page := ask(h.client(""), "/r/4Q7K9M2XHT", accepts)
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("who asks for %q reads no %s", accepts, text)
			}
		}
	}
	stranger := h.client("")
	res, err := stranger.Do(h.request("POST", "/language", url.Values{"lang": {"zh-Hans"}, "back": {"/r"}}))
	h.must(err)
	res.Body.Close()
	if page := ask(stranger, "/r", "ko"); !strings.Contains(page, "回执码") {
		t.Error("what was chosen is not Chinese")
	}
	if page := ask(stranger, "/signin", ""); !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Password") {
		t.Error("the door is not in English")
	}
}

// Every state has its page in every language, with its place on the road.
func TestReceiptOfEveryState(t *testing.T) {
	h := newHub(t)
	for _, tongue := range tongues() {
		l := tongue.Code
		f := h.console.faces[l]
		for _, state := range feedback.CaseStates() {
			b := f.receipt(cases.Case{State: state, Updated: h.now(), Note: "một <lời>"})
			page, err := f.fragment("receipt", page{Lang: l, Ward: "Phường Quảng Tiến", Body: b})
			h.must(err)
			for _, want := range []string{state.Text()[feedback.Language(l)], "một &lt;lời&gt;", "Phường Quảng Tiến", b.Hint} {
				if want == "" || !strings.Contains(string(page), want) {
					t.Errorf("%s in %s lacks %q", state, l, want)
				}
			}
			onRoad := state <= feedback.CaseReopened
			if now := strings.Count(string(page), `class="now"`); (len(b.Road) == 3) != onRoad || onRoad && state != feedback.CaseAnswered && state != feedback.CaseClosed && now != 1 {
				t.Errorf("%s in %s: %d steps, %d of them now", state, l, len(b.Road), now)
			}
		}
	}
}

// The code is in no line of the log, however the request ends.
func TestReceiptCodeIsNotLogged(t *testing.T) {
	h := newHub(t)
	stranger := h.client("")
	h.get(stranger, "/r/4Q7K9M2XHT")
	h.must(h.db.Close())
	for _, path := range []string{"/r/4Q7K9M2XHT", "/R/4Q7K9M2XHT"} {
		if res, _ := h.get(stranger, path); res.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s without a database: %s", path, res.Status)
		}
	}
	if log := h.log.String(); strings.Contains(strings.ToUpper(log), "4Q7K9") || !strings.Contains(log, "console request failed") {
		t.Errorf("log: %s", log)
	}
}

// How long an answer takes says nothing of what was found.
func TestReceiptTakesTheSameTime(t *testing.T) {
	h := newHub(t)
	if _, err := h.cases.SetByCode(t.Context(), receiptCode, cases.Change{State: feedback.CaseInProgress}); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"4Q7K9M2XHT", "0000000000", "nonsense"} {
		began := time.Now()
		h.get(h.client(""), "/r/"+code)
		if took := time.Since(began); took < askQuantum {
			t.Errorf("%s was answered after %v, want a multiple of %v", code, took, askQuantum)
		}
	}
}

func TestAskingIsSlowed(t *testing.T) {
	d, now := newDesk(), time.Now()
	for i := range askBurst {
		if wait := d.wait(now, "203.0.113.7"); wait > 0 {
			t.Fatalf("question %d waits %v", i, wait)
		}
	}
	if d.wait(now, "203.0.113.7") == 0 || d.wait(now, "203.0.113.7") > askEvery {
		t.Error("one address may ask on and on")
	}
	if d.wait(now, "203.0.113.8") > 0 {
		t.Error("another address waits too")
	}
	for i := range askBurst { // one household of IPv6
		d.wait(now, "2001:db8::"+string(rune('a'+i%6)))
	}
	if d.wait(now, "2001:db8::1") == 0 {
		t.Error("a household has as many buckets as addresses")
	}
	slowed := false
	for i := range askBurstAll {
		slowed = slowed || d.wait(now, "127.0.0.1") > 0
		_ = i
	}
	if !slowed {
		t.Error("all together may ask on and on")
	}
	if d.wait(now.Add(time.Hour), "203.0.113.7") > 0 {
		t.Error("an hour later it still waits")
	}
	for i := range 2 * maxAskers {
		d.wait(now, "10."+string(rune('0'+i%10))+".0."+string(rune('0'+i/10%10)))
	}
	if len(d.each) > maxAskers {
		t.Errorf("%d buckets", len(d.each))
	}
}

func TestSlowedAnswer(t *testing.T) {
	h := newHub(t)
	h.hold(time.Now())
	for range askBurstAll {
		h.console.desk.wait(h.now(), "127.0.0.1")
	}
	res, body := h.get(h.client(""), "/r/4Q7K9M2XHT")
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "nhiều người") {
		t.Errorf("%s, %v", res.Status, res.Header)
	}
}
