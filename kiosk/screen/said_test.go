package screen

import (
	"fmt"
	"testing"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// Whoever has the code says by touch that it is not settled, and finds it said
// when they look it up again, long before the ward hears of it.
func TestReplyByTouch(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, func(c *Config) { c.Claims = c.Messages.Journal.(*desk).outbox })
	w.told.news[lookedUpTag()] = bulletin.News{State: feedback.CaseAnswered, Note: "Đã lắp đèn.", Updated: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC), Version: 3}
	k.lookUp()
	k.tap("[data-act=find]")
	k.tap("[data-act=go][data-value=reply]")
	k.tap(".mood[data-value='2']")
	k.see(".mood.chosen[data-value='2']")
	k.tap("[data-act=reply][data-value=reopen]")
	k.until("thanks", "document.querySelector('h1').innerText.includes('Đã lưu')")
	if r, ok := newest(t, w.outbox).(wire.CaseReply); !ok || !r.Reopen || r.Score != 2 || r.Case != 3 {
		t.Errorf("kept %+v", newest(t, w.outbox))
	}
	k.tap("[data-act=go][data-value=home]")
	k.wait("attract")
	k.lookUp()
	k.tap("[data-act=find]")
	k.until("what was said", fmt.Sprintf("document.querySelector('.sheet').innerText.replaceAll('\\u00a0', ' ').includes(%q)", catalogues()["vi"]["reopened"]))
}
