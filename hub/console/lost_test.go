package console

import (
	"strings"
	"testing"
	"time"

	"nghe/hub/letters/letterstest"
)

// What the archive lost worries every page until it is back, and its message is
// incomplete.
func TestKeepingTellsWhatTheArchiveLost(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	h := newHub(t, func(cfg *Config) { cfg.Archive = "s3://x/y" })
	h.hold(now)
	p := letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", now.Add(-time.Hour)).Send(now, h.message()).Arrive(h.spool, now).Parts[0]
	troubles := func() string {
		t.Helper()
		k, err := h.console.keeping(t.Context(), h.console.faces[Vietnamese])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(k.Troubles, "\n")
	}
	const says = "Kho lưu trữ mất hoặc hỏng 1 tệp"
	if strings.Contains(troubles(), says) {
		t.Error("it worries for nothing")
	}
	if err := h.ledger.BlobArchived(t.Context(), p.Hash, now); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ledger.BlobMissed(t.Context(), p.Hash, now, "gone"); err != nil {
		t.Fatal(err)
	}
	if is := troubles(); !strings.Contains(is, says) {
		t.Errorf("troubles:\n%s", is)
	}
	if err := h.ledger.BlobStored(t.Context(), p.Hash, now); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(troubles(), says) {
		t.Error("it worries still")
	}
}

// What deletion by age waits for, in words, as long as it waits.
func TestKeepingTellsWhenDeletionWaits(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	h := newHub(t, func(cfg *Config) { cfg.Archive = "s3://x/y" })
	h.hold(now)
	letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", now.Add(-time.Hour)).Send(now, h.message())
	for _, c := range []struct {
		at   time.Time
		says string
	}{
		{now, ""},
		{now.AddDate(10, 0, 0), "4 tệp đến hạn theo đồng hồ của trung tâm, nhưng chưa có gì chứng tỏ đã qua ngày 23/11/2026"},
		{now, ""},
	} {
		h.hold(c.at)
		if deleted, err := h.console.cfg.Deletions.Retain(t.Context()); err != nil || deleted > 0 {
			t.Fatalf("deleted %d, %v", deleted, err)
		}
		k, err := h.console.keeping(t.Context(), h.console.faces[Vietnamese])
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(k.Troubles, "\n")
		if strings.Contains(told, "Xóa theo thời hạn") != (c.says != "") || !strings.Contains(told, c.says) {
			t.Errorf("at %v: %s", c.at, told)
		}
	}
}
