package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"nghe/hub/cases"
	"nghe/hub/letters/letterstest"
	"nghe/hub/rights"
	"nghe/shared/feedback"
	"nghe/shared/look/browser"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// sayer says things by receipt code at a kiosk, some time after it began.
type sayer struct {
	h     *hub
	kiosk *letterstest.Kiosk
	began time.Time
}

func (s sayer) right(at time.Time, code seal.Code, right string, forge ...byte) {
	s.h.t.Helper()
	receipt := code.Receipt()
	r := wire.RightsRequest{Uptime: uint64(at.Sub(s.began).Microseconds()), Receipt: receipt.Tag[:], Right: right, MAC: receipt.RightMAC(right)}
	for _, b := range forge {
		r.MAC[0] ^= b
	}
	s.kiosk.Deliver(s.h.now(), r)
}

func (s sayer) reply(at time.Time, code seal.Code, version uint64, reopen bool, forge ...byte) {
	s.h.t.Helper()
	receipt := code.Receipt()
	r := wire.CaseReply{Uptime: uint64(at.Sub(s.began).Microseconds()), Receipt: receipt.Tag[:], Case: version, Reopen: reopen, Score: 2, MAC: receipt.ReplyMAC(version, reopen, 2)}
	for _, b := range forge {
		r.MAC[0] ^= b
	}
	s.kiosk.Deliver(s.h.now(), r)
}

const secondCode = seal.Code("SEC0ND0000")

// seedClaims leaves what residents may say by receipt code, in every state an
// operator may meet.
func seedClaims(h *hub) (rich letterstest.Sent) {
	h.t.Helper()
	rich, named, _ := seedMessages(h)
	ctx, ago := h.t.Context(), func(d time.Duration) time.Time { return sampleNow.Add(-d) }
	s := sayer{h, letterstest.NewKiosk(h.t, h.ledger, "kioskqt05", "qt-05", ago(40*24*time.Hour)), ago(40 * 24 * time.Hour)}
	other := h.kiosk("qt-02").Send(sampleNow, letterstest.Message{Kind: "gop-y", Words: "Góp ý mẫu.", To: []string{identity().Public}, Code: secondCode})
	for code, sent := range map[seal.Code]letterstest.Sent{receiptCode: rich, secondCode: other} {
		r := code.Receipt()
		h.must(h.cases.Learn(ctx, r.Tag[:], r.Key[:], sent.ID))
	}
	for _, state := range []feedback.CaseState{feedback.CaseInProgress, feedback.CaseAnswered} {
		_, err := h.cases.SetByCode(ctx, receiptCode, cases.Change{State: state, Note: "Tổ vệ sinh đã khơi cống sáng 22/11.", By: "lan"})
		h.must(err)
	}
	is, err := h.cases.Get(ctx, rich.Tag)
	h.must(err)
	s.reply(ago(5*time.Hour), receiptCode, is.Version, false)
	s.reply(ago(4*time.Hour), receiptCode, is.Version, true)
	s.reply(ago(3*time.Hour), receiptCode, 1, true)
	s.reply(ago(2*time.Hour), receiptCode, is.Version, true, 1)
	s.reply(ago(time.Hour), "NEVERSEEN0", 1, true)
	_, err = h.cases.Hear(ctx, h.ledger)
	h.must(err)
	s.right(ago(30*24*time.Hour), receiptCode, "withdraw")
	s.right(ago(8*24*time.Hour), receiptCode, "see")
	s.right(ago(7*24*time.Hour), receiptCode, "see")
	s.right(ago(20*time.Hour), secondCode, "delete")
	s.right(ago(3*time.Hour), secondCode, "correct")
	s.right(ago(2*time.Hour), secondCode, "see", 1)
	tag := named.Tag
	s.kiosk.Deliver(sampleNow, wire.RightsRequest{Receipt: tag[:], Right: "see", MAC: [32]byte{1}})
	s.right(ago(9*24*time.Hour), secondCode, "withdraw")
	_, err = h.rights.Take(ctx)
	h.must(err)
	for _, w := range h.waiting() {
		switch {
		case w.Right == "see" && w.Proof == cases.ProofGood:
			_, err = h.rights.Acknowledge(ctx, w.Number, "admin")
		case w.Right == "withdraw" && w.Place == "qt-05" && w.Tag[0] == other.Tag[0]:
			_, err = h.rights.Settle(ctx, w.Number, rights.Settlement{Answer: "Phần liên hệ đã được xóa.", By: "admin"})
		}
		h.must(err)
	}
	return rich
}

func (h *hub) waiting() []rights.Request {
	h.t.Helper()
	all, err := h.rights.Waiting(h.t.Context())
	h.must(err)
	return all
}

// number of the waiting request for a right of whoever has a code.
func (h *hub) number(code seal.Code, right feedback.Right) int64 {
	h.t.Helper()
	tag := code.Receipt().Tag
	for _, w := range h.waiting() {
		if string(w.Tag) == string(tag[:]) && w.Right == right {
			return w.Number
		}
	}
	h.t.Fatalf("no request to %s waits", right)
	return 0
}

func TestRightsPage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	rich := seedClaims(h)
	lan, admin := h.client("lan"), h.client("admin")
	text := h.read(lan, "/rights")
	for _, want := range []string{"Xem dữ liệu", "Xóa dữ liệu", "Quá hạn", "Sắp đến hạn", "Chưa kiểm được", "Giả mạo", "Đã giải quyết gần đây", "Số lần yêu cầu", "Quản trị viên giải quyết",
		"/messages/" + rich.ID.String(), "Phần liên hệ đã được xóa.", "Luật 91/2025/QH15"} {
		if !strings.Contains(text, want) {
			t.Errorf("the queue lacks %q", want)
		}
	}
	if strings.Contains(text, "<textarea") {
		t.Error("an operator who is no administrator may settle")
	}
	if first := h.read(lan, "/"); !strings.Contains(first, "yêu cầu về dữ liệu cá nhân đã quá hạn") {
		t.Error("the first page does not tell that the law's time is over")
	}
	see, remove := h.number(receiptCode, "see"), h.number(secondCode, "delete")
	for name, c := range map[string]struct {
		client *http.Client
		path   string
		form   url.Values
		status int
		want   string
	}{
		"no administrator":   {lan, fmt.Sprintf("/rights/%d/acknowledge", see), url.Values{}, 403, "quyền"},
		"nobody's":           {admin, "/rights/999/settle", url.Values{"answer": {"x"}}, 404, ""},
		"no number":          {admin, "/rights/x/settle", url.Values{"answer": {"x"}}, 404, ""},
		"without words":      {admin, fmt.Sprintf("/rights/%d/settle", see), url.Values{"how": {"done"}}, 422, "Hãy viết câu trả lời"},
		"too many words":     {admin, fmt.Sprintf("/rights/%d/settle", see), url.Values{"answer": {strings.Repeat("ế", 800)}}, 422, "quá dài"},
		"delete unasked":     {admin, fmt.Sprintf("/rights/%d/settle", remove), url.Values{"how": {"done"}}, 422, "Chưa làm gì"},
		"delete misspelt":    {admin, fmt.Sprintf("/rights/%d/settle", remove), url.Values{"confirm": {"1234"}}, 422, "Chưa làm gì"},
		"refused wordlessly": {admin, fmt.Sprintf("/rights/%d/settle", remove), url.Values{"how": {"refuse"}}, 422, "Hãy viết câu trả lời"},
	} {
		if status, body := h.post(c.client, c.path, c.form); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d, want %d with %q", name, status, c.status, c.want)
		}
	}
	if status, _ := h.post(admin, fmt.Sprintf("/rights/%d/settle", see), url.Values{"how": {"done"}, "answer": {"Đã cho xem ngày 23/11."}}); status != http.StatusSeeOther {
		t.Errorf("settle: %d", status)
	}
	if is, err := h.cases.Get(t.Context(), rich.Tag); err != nil || !strings.HasSuffix(is.Note, "Đã cho xem ngày 23/11.") {
		t.Errorf("note %q, %v", is.Note, err)
	}
	if status, _ := h.post(admin, fmt.Sprintf("/rights/%d/settle", remove), url.Values{"how": {"done"}, "confirm": {fmt.Sprint(remove)}}); status != http.StatusSeeOther {
		t.Errorf("delete: %d", status)
	}
	tag := secondCode.Receipt().Tag
	found, err := h.ledger.MessagesOf(t.Context(), tag[:])
	h.must(err)
	if len(found) != 1 || found[0].Blobs[0].Deleted == 0 {
		t.Errorf("not deleted: %+v", found)
	}
	if status, body := h.post(admin, fmt.Sprintf("/rights/%d/settle", remove), url.Values{"how": {"done"}, "confirm": {fmt.Sprint(remove)}}); status != 422 || !strings.Contains(body, "đã được giải quyết") {
		t.Errorf("settled twice: %d", status)
	}
	correct := h.number(secondCode, "correct")
	if status, _ := h.post(admin, fmt.Sprintf("/rights/%d/acknowledge", correct), url.Values{}); status != http.StatusSeeOther {
		t.Errorf("acknowledge: %d", status)
	}
	if lines := fmt.Sprint(h.accessLines("right-settled"), h.accessLines("right-acknowledged")); !strings.Contains(lines, fmt.Sprintf("%d delete done", remove)) || !strings.Contains(lines, fmt.Sprintf("%d correct", correct)) {
		t.Errorf("access log: %s", lines)
	}
	if strings.Contains(h.log.String(), string(receiptCode)) || strings.Contains(h.log.String(), "Đã cho xem") {
		t.Errorf("the log tells a code or an answer: %s", h.log)
	}
}

func TestRepliesPage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	rich := seedClaims(h)
	lan := h.client("lan")
	list, message := h.read(lan, "/replies"), h.read(lan, "/messages/"+rich.ID.String())
	for _, want := range []string{"Xác nhận kết quả", "Yêu cầu mở lại", "Đã làm theo", "Đã đúng như vậy", "Chưa kiểm được", "Giả mạo", "2/5", "/messages/" + rich.ID.String(), "Chưa có lời nhắn nào"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	for _, want := range []string{"Người gửi nói về kết quả", "Yêu cầu mở lại", "Giả mạo", "Mở lại", "Yêu cầu về dữ liệu cá nhân", "Xem dữ liệu"} {
		if !strings.Contains(message, want) {
			t.Errorf("the message's page lacks %q", want)
		}
	}
	tag := receiptCode.Receipt().Tag
	if strings.Contains(list+message, fmt.Sprintf("%x", tag)) {
		t.Error("a receipt's tag is on a page")
	}
}

func TestClaimScreens(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := newHub(t)
	rich := seedClaims(h)
	remove := h.number(secondCode, "delete")
	for _, shape := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1440, 900}, {"phone", 390, 844}} {
		ctx := browser.Start(t, shape.width, shape.height)
		complaints := browser.Complaints(ctx)
		h.signIn(ctx, "lan", lanPassword)
		h.judge(ctx, "rights-operator-"+shape.name, "/rights")
		h.judge(ctx, "replies-"+shape.name, "/replies")
		h.run(ctx, chromedp.Evaluate(`fetch("/signout", { method: "POST" }).then(() => 0)`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		h.signIn(ctx, "admin", adminPassword)
		h.run(ctx, emulation.SetDeviceMetricsOverride(shape.width, 2600, 1, false))
		h.judge(ctx, "rights-"+shape.name, "/rights")
		h.run(ctx, chromedp.Click(fmt.Sprintf(`section[aria-labelledby="r-%d"] summary`, remove)), chromedp.WaitVisible(".danger"))
		h.look(ctx, "rights-settle-"+shape.name)
		h.judge(ctx, "message-claims-"+shape.name, "/messages/"+rich.ID.String())
		for _, c := range complaints() {
			t.Errorf("the browser says: %s", c)
		}
	}
}
