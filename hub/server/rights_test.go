package server

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/hub/cases"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/command"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// What residents say by receipt code is done by the hub that runs, and by
// commands beside it; and can be made again from what kiosks signed.
func TestClaimsOnARunningHub(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a hub")
	}
	log := &lines{}
	h, _, _ := inside(t, "", log)
	ctx, began := t.Context(), time.Now().Add(-time.Hour)
	kiosk := enrolled(t, h)
	m := message(t, h, func(n int) []byte { return make([]byte, n) })
	m.Photo = nil
	sent, receipt := kiosk.Send(time.Now(), m).Arrive(h.spool, time.Now()), m.Code.Receipt()
	hub := func(want int, args ...string) string {
		t.Helper()
		code, out := hubCommand(h.cfg.Data, args...)
		if code != want {
			t.Fatalf("hub %s = %d, want %d\n%s", args, code, want, out)
		}
		return out
	}
	hub(command.Done, "cases", "set", m.Code.String(), "answered", "--note", "Đã khơi cống.")
	uptime := func() uint64 { return uint64(time.Since(began).Microseconds()) }
	kiosk.Deliver(time.Now(), wire.CaseReply{Uptime: uptime(), Receipt: receipt.Tag[:], Case: 1, Reopen: true, Score: 2, MAC: receipt.ReplyMAC(1, true, 2)},
		wire.CaseReply{Uptime: uptime(), Receipt: receipt.Tag[:], Case: 1, Score: 5, MAC: receipt.ReplyMAC(1, true, 2)}, // forged
		wire.RightsRequest{Uptime: uptime(), Receipt: receipt.Tag[:], Right: "see", MAC: receipt.RightMAC("see")},
		wire.RightsRequest{Uptime: uptime(), Receipt: receipt.Tag[:], Right: "delete", MAC: receipt.RightMAC("delete")})
	eventually(t, "the case is reopened", func() bool {
		is, err := h.cases.Get(ctx, receipt.Tag)
		return err == nil && is.State == feedback.CaseReopened && is.By == cases.Resident
	})
	var line caseLine
	if err := json.Unmarshal([]byte(hub(command.Done, "export", "cases")), &line); err != nil || line.State != "reopened" || line.Reply != "reopened" || line.ReplyScore != 2 ||
		line.ReplyVersion != 1 || line.By != "(resident)" || line.ReplyAt == "" {
		t.Errorf("exported %+v, %v", line, err)
	}
	list := hub(command.Done, "rights", "list")
	number := func(right string) string {
		t.Helper()
		found := regexp.MustCompile(`(?m)^(\d+)\s+` + right + `\s.*\snew\s+good`).FindStringSubmatch(list)
		if found == nil {
			t.Fatalf("no request to %s waits:\n%s", right, list)
		}
		return found[1]
	}
	see, remove := number("see"), number("delete")
	hub(command.Done, "rights", "acknowledge", see)
	hub(command.Usage, "rights", "settle", see)
	hub(command.Usage, "rights", "settle", "999", "--answer", "x")
	hub(command.Done, "rights", "settle", see, "--answer", "Đã cho xem.")
	if is, err := h.cases.Get(ctx, receipt.Tag); err != nil || !strings.HasPrefix(is.Note, "Đã khơi cống.\n\nYêu cầu xem dữ liệu cá nhân ngày ") || !strings.HasSuffix(is.Note, " đã thực hiện: Đã cho xem.") || is.State != feedback.CaseReopened {
		t.Errorf("case %+v, %v", is, err)
	}
	hub(command.Usage, "rights", "settle", see, "--answer", "x")
	hub(command.Done, "rights", "settle", remove)
	eventually(t, "all of it is gone", func() bool {
		found, err := h.ledger.Message(ctx, sent.ID)
		_, none := h.cases.Get(ctx, receipt.Tag)
		return err == nil && found.State() == ledger.MessageDeleted && none == cases.ErrNoCase && len(h.spool.Whole()) == 0
	})
	settled, err := h.rights.Settled(ctx, 10)
	if err != nil || len(settled) != 2 || settled[0].Answer+settled[1].Answer != "" {
		t.Errorf("what the resident was told of their data outlives it: %+v, %v", settled, err)
	}
	if all := hub(command.Done, "rights", "list", "--all"); !strings.Contains(all, "done") || strings.Contains(all, "new") {
		t.Errorf("rights:\n%s", all)
	}
	for _, args := range [][]string{{"rebuild"}, {"audit"}} {
		if out := hub(command.Done, args...); args[0] == "audit" && !strings.Contains(out, "7 records") {
			t.Errorf("audit: %s", out)
		}
	}
	if all := string(log.bytes()); strings.Contains(all, string(m.Code)) || strings.Contains(all, "Đã cho xem") {
		t.Error("the log tells the code or an answer")
	}
}

// A request about a message to named officers waits for the code.
func TestProveByCode(t *testing.T) {
	h, _, _ := inside(t, "", &lines{})
	code := seal.NewCode()
	receipt := code.Receipt()
	_, officer, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	kiosk := letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", time.Now().Add(-time.Hour))
	kiosk.Send(time.Now(), letterstest.Message{Kind: "phan-anh", Words: "Kín.", To: []string{officer}, Code: code, Named: true})
	kiosk.Deliver(time.Now(), wire.RightsRequest{Receipt: receipt.Tag[:], Right: "delete", MAC: receipt.RightMAC("delete")})
	_, list := hubCommand(h.cfg.Data, "rights", "list")
	found := regexp.MustCompile(`(?m)^(\d+)\s+delete\s+(\S+)\s.*unknown`).FindStringSubmatch(list)
	if found == nil || len(found[2]) != len(time.DateOnly) {
		t.Fatalf("rights:\n%s", list)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"rights", "settle", found[1]}, command.Failed, "hub rights prove"},
		{[]string{"rights", "prove", "123"}, command.Usage, "not a receipt code"},
		{[]string{"rights", "prove", seal.NewCode().String()}, command.Failed, "no message under this code"},
		{[]string{"rights", "prove", code.String()}, command.Done, "1 requests under this code wait and are proved"},
		{[]string{"rights", "settle", found[1]}, command.Done, "no case tells the resident"},
	} {
		if got, out := hubCommand(h.cfg.Data, c.args...); got != c.code || !strings.Contains(out, c.want) || strings.Contains(out, string(code)) {
			t.Errorf("hub %s = %d\n%s\nwant %d with %q", fmt.Sprint(c.args), got, out, c.code, c.want)
		}
	}
}

// The console of a hub that serves shows what waits, and says on every page
// that the law's days are over for somebody.
func TestConsoleTellsOfRights(t *testing.T) {
	h, base, _ := inside(t, "", &lines{})
	receipt := seal.NewCode().Receipt()
	kiosk := letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", time.Now().AddDate(0, -2, 0))
	kiosk.Deliver(time.Now(), wire.RightsRequest{Uptime: 1, Receipt: receipt.Tag[:], Right: "see", MAC: receipt.RightMAC("see")})
	if _, err := h.rights.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	browser := signedIn(t, h, base)
	for path, want := range map[string]string{"/rights": `id="r-1"`, "/": "1 yêu cầu về dữ liệu cá nhân đã quá hạn"} {
		res, err := browser.Get(base + path)
		if page := string(read(t, res, err)); !strings.Contains(page, want) {
			t.Errorf("%s lacks %q:\n%s", path, want, page)
		}
	}
}
