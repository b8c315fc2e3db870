package screen

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"nghe/kiosk/printer"
	"nghe/shared/feedback"
)

// roll is a printer that keeps what it prints.
type roll struct {
	state  printer.State
	sheets []printer.Sheet
	fail   error
}

func (r *roll) State() printer.State { return r.state }

func (r *roll) Print(s printer.Sheet) error {
	if r.fail == nil {
		r.sheets = append(r.sheets, s)
	}
	return r.fail
}

// words are those of a sheet, a line to a part.
func words(s printer.Sheet) string {
	var lines []string
	for _, p := range s {
		if p.Text != "" {
			lines = append(lines, p.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// printed has a screen print an order, and gives the sheet.
func printed(t *testing.T, b *told, body string) printer.Sheet {
	t.Helper()
	paper := &roll{state: printer.Ready}
	h, _, log := informed(t, b, func(c *Config) { c.Printer = paper })
	w, reply := call(t, h, http.MethodPost, "/api/print", body)
	if w.Code != http.StatusAccepted || len(reply) != 0 || len(paper.sheets) != 1 {
		t.Fatalf("%s: %d %s, %d sheets", body, w.Code, w.Body, len(paper.sheets))
	}
	if log.Len() > 0 {
		t.Errorf("what is printed is logged: %s", log)
	}
	return paper.sheets[0]
}

var reception = feedback.Texts{
	feedback.TextReceptionPlace: {"vi": "Trụ sở UBND phường, phòng 101", "en": "Ward office, room 101"},
	feedback.TextReceptionDays:  {"vi": "Thứ Ba, Thứ Năm hằng tuần", "en": "Tuesdays and Thursdays"},
	feedback.TextReceiptPage:    {"vi": "https://nghe.quangtien.vn", "en": "https://nghe.quangtien.vn"},
	"paper.bring":               {"vi": "Bà con nhớ mang", "en": "Bring along"},
}

func TestGuideOnPaper(t *testing.T) {
	for _, c := range []struct {
		language string
		b        *told
		want     string
	}{
		{"vi", &told{texts: reception}, "Hướng dẫn khiếu nại, tố cáo\nPhường Quảng Tiến\nKhiếu nại, tố cáo phải được gửi bằng đơn hoặc trình bày trực tiếp tại nơi tiếp công dân. Máy góp ý không tiếp nhận thay. Danh tính người tố cáo được giữ bí mật theo luật.\n" +
			"Nơi tiếp công dân\nTrụ sở UBND phường, phòng 101\nLịch tiếp công dân\nThứ Ba, Thứ Năm hằng tuần\nBà con nhớ mang\n– Giấy tờ tùy thân.\n– Đơn, nếu đã viết: ghi ngày, họ tên, địa chỉ, nội dung sự việc; ký tên hoặc điểm chỉ.\n– Giấy tờ, tài liệu liên quan, nếu có."},
		{"ko", nil, "Complaints and denunciations\nPhường Quảng Tiến\nComplaints and denunciations need a signed letter or a personal visit; the feedback kiosk cannot accept them. A denouncer's identity is kept secret by law.\n" +
			"Place and days are posted at the ward office; the officer on duty will help.\nPlease bring\n– An identity paper.\n– Your letter, if written: day, name, address, what happened; signed or with a fingerprint.\n– Papers that belong to the matter, if any."},
	} {
		if got := words(printed(t, c.b, `{"what":"guide","language":"`+c.language+`"}`)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.language, got, c.want)
		}
	}
}

func TestReceiptOnPaper(t *testing.T) {
	sheet := printed(t, &told{texts: reception}, `{"what":"receipt","language":"en","code":"4q7k9 m2xht"}`)
	const want = "Receipt code\n4Q7K9-M2XHT\nPhường Quảng Tiến\nSent on 23/11/2026\nLook up the reply\n" +
		"At a feedback kiosk of the ward: touch “Look up a reply” and enter this code.\nOr scan the QR code, or open nghe.quangtien.vn/r and enter the code.\n" +
		"Keep this code private: whoever has it can see the reply."
	if got := words(sheet); got != want {
		t.Errorf("the receipt says\n%s\nwant\n%s", got, want)
	}
	drawn, err := qr.Encode("HTTPS://NGHE.QUANGTIEN.VN/R/4Q7K9M2XHT", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	for i := range drawn.Size * drawn.Size {
		if d := sheet[2].Drawing; d.Size != drawn.Size || d.Black(i%drawn.Size, i/drawn.Size) != drawn.Black(i%drawn.Size, i/drawn.Size) {
			t.Fatal("the drawing is another's")
		}
	}
	alone := words(printed(t, nil, `{"what":"receipt","language":"vi","code":"4Q7K9M2XHT"}`))
	if strings.Contains(alone, "{") || !strings.Contains(alone, "Ngày gửi: 23/11/2026") || strings.Contains(alone, "QR") {
		t.Errorf("without a page the receipt says\n%s", alone)
	}
}

// A paper text is there in both languages, composed, and no key is a typing error
// of the program's.
func TestPaperTexts(t *testing.T) {
	var own map[string]feedback.Text
	if err := json.Unmarshal(papers, &own); err != nil {
		t.Fatal(err)
	}
	all := feedback.Texts{}
	for id, text := range own {
		all[paperText+id] = text
	}
	if err := all.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPrintRefuses(t *testing.T) {
	ready := func() *roll { return &roll{state: printer.Ready} }
	for _, c := range []struct {
		name, body  string
		paper       Printer
		status      int
		code, field string
	}{
		{"no printer", `{"what":"guide","language":"vi"}`, nil, 503, "printer", ""},
		{"no paper", `{"what":"guide","language":"vi"}`, &roll{state: printer.Empty}, 503, "printer", ""},
		{"stuck", `{"what":"guide","language":"vi"}`, &roll{state: printer.Ready, fail: printer.ErrNot}, 503, "printer", ""},
		{"other trouble", `{"what":"guide","language":"vi"}`, &roll{state: printer.Ready, fail: errors.New("/dev/usb/lp0")}, 503, "printer", ""},
		{"nothing", `{}`, ready(), 422, "invalid", "what"},
		{"something else", `{"what":"message","language":"vi"}`, ready(), 422, "invalid", "what"},
		{"receipt without a code", `{"what":"receipt","language":"vi"}`, ready(), 422, "invalid", "code"},
		{"receipt with no code", `{"what":"receipt","language":"vi","code":"` + strings.Repeat("4", 900) + `"}`, ready(), 422, "invalid", "code"},
		{"guide with a code", `{"what":"guide","language":"vi","code":"4Q7K9M2XHT"}`, ready(), 422, "invalid", "code"},
		{"words", `{"what":"receipt","language":"vi","code":"4Q7K9M2XHT","words":"x"}`, ready(), 400, "malformed", ""},
		{"too long", `{"what":"` + strings.Repeat("g", maxSmall) + `"}`, ready(), 413, "too-large", ""},
	} {
		h, _, log := informed(t, nil, func(cfg *Config) { cfg.Printer = c.paper })
		w, reply := call(t, h, http.MethodPost, "/api/print", c.body)
		said, _ := reply["error"].(map[string]any)
		if field, _ := said["field"].(string); w.Code != c.status || said["code"] != c.code || said["message"] == "" || field != c.field {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if log.Len() > 0 || strings.Contains(w.Body.String(), "4Q7K9M2XHT") || strings.Contains(w.Body.String(), "usb") {
			t.Errorf("%s: told %s, logged %q", c.name, w.Body, log)
		}
	}
}

func TestStatusTellsOfThePrinter(t *testing.T) {
	for _, c := range []struct {
		paper Printer
		want  bool
	}{{nil, false}, {&roll{state: printer.Empty}, false}, {&roll{state: printer.Missing}, false}, {&roll{state: printer.Ready}, true}} {
		h, _, _ := informed(t, nil, func(cfg *Config) { cfg.Printer = c.paper })
		if _, status := call(t, h, http.MethodGet, "/api/status", ""); status["printer"] != c.want {
			t.Errorf("%+v: printer %v", c.paper, status["printer"])
		}
	}
}

func TestPaperIsRationed(t *testing.T) {
	paper := &roll{state: printer.Ready}
	h, now, _ := informed(t, nil, func(c *Config) { c.Printer = paper })
	ask := func() int {
		w, _ := call(t, h, http.MethodPost, "/api/print", `{"what":"guide","language":"vi"}`)
		return w.Code
	}
	for range sheetsAtOnce {
		if code := ask(); code != http.StatusAccepted {
			t.Fatal(code)
		}
	}
	if code := ask(); code != http.StatusTooManyRequests || len(paper.sheets) != sheetsAtOnce {
		t.Errorf("one too many: %d", code)
	}
	*now = now.Add(sheetEvery)
	if code := ask(); code != http.StatusAccepted {
		t.Errorf("after a while: %d", code)
	}
}

// jam is a printer whose sheets are each stuck until a test says how they end.
type jam chan error

func (jam) State() printer.State { return printer.Ready }

func (j jam) Print(printer.Sheet) error { return <-j }

// What becomes of the sheet of a resident who left is not said to the next one.
func TestPaperIsNotAnothers(t *testing.T) {
	stuck := make(jam)
	k, _ := openWard(t, portrait, func(c *Config) { c.Printer = stuck })
	t.Cleanup(func() { close(stuck) })
	prints := func() {
		k.taps("[data-act=go][data-value=menu]", "[data-act=go][data-value=filing]", "[data-act=print]")
		k.until("that it prints", "document.querySelector('[data-act=print]').innerText.includes('Đang in')")
	}
	prints()
	k.taps("[data-act=go][data-value=menu]", "[data-act=go][data-value=home]")
	k.wait("attract")
	prints()
	stuck <- printer.ErrNot
	time.Sleep(300 * time.Millisecond)
	if text := k.text("[data-act=print]"); text != "Đang in…" {
		t.Errorf("of another's sheet the page says %q", text)
	}
	stuck <- nil
	k.until("paper", "document.querySelector('[data-act=print]').innerText.includes('Đã in')")
}

// A printer may take longer than a server usually does: nobody is told that
// nothing was printed while it prints.
func TestPageWaitsForThePrinter(t *testing.T) {
	k, _ := openWard(t, portrait, func(c *Config) { c.Printer = &roll{state: printer.Ready} })
	k.js(`window.waits = []; const timeout = AbortSignal.timeout; AbortSignal.timeout = (ms) => { waits.push(ms); return timeout.call(AbortSignal, ms); }; true`, nil)
	k.tap("[data-act=go][data-value=menu]")
	k.tap("[data-act=go][data-value=filing]")
	k.js("waits.length = 0", nil)
	k.tap("[data-act=print]")
	k.until("paper", "document.querySelector('[data-act=print]').innerText.includes('Đã in')")
	var waits []float64
	if k.js("waits", &waits); slices.Max(waits) < 1000*printer.Longest.Seconds() {
		t.Errorf("waits %v ms, and a printer up to %s", waits, printer.Longest)
	}
}
