package console

import (
	"context"
	"html"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/chores"
	"nghe/hub/letters/letterstest"
)

// stands in for what the hub says of itself.
type said struct {
	spool  archive.SpoolStats
	notes  backup.Notes
	chores []chores.Status
}

func (s said) Stats() archive.SpoolStats                       { return s.spool }
func (s said) Notes(context.Context) (backup.Notes, error)     { return s.notes, nil }
func (s said) Status(context.Context) ([]chores.Status, error) { return s.chores, nil }

// The first page worries exactly when a person should look.
func TestKeeping(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	good := said{spool: archive.SpoolStats{Budget: 1000, Reserved: 10}, notes: backup.Notes{CopyAt: now.Add(-5 * time.Hour), KeyTried: now.Add(-time.Hour)}, chores: []chores.Status{{Name: "audit"}}}
	for name, c := range map[string]struct {
		archive string
		change  func(*said)
		waited  time.Duration
		want    string // empty: no worry
	}{
		"all is well":       {"s3://x/y", func(*said) {}, time.Minute, ""},
		"no archive":        {"", func(*said) {}, time.Minute, "chưa có ngoài đĩa"},
		"archive is behind": {"s3://x/y", func(*said) {}, 170 * time.Hour, "Bà con không bị ảnh hưởng"},
		"spool is full":     {"s3://x/y", func(s *said) { s.spool.Reserved = 950 }, time.Minute, "Vùng chờ gần đầy"},
		"damaged":           {"s3://x/y", func(s *said) { s.spool.Damaged = 2 }, time.Minute, "ki-ốt sẽ gửi lại"},
		"old copy":          {"s3://x/y", func(s *said) { s.notes.CopyAt = now.Add(-50 * time.Hour) }, time.Minute, "đã cũ"},
		"no copy":           {"s3://x/y", func(s *said) { s.notes.CopyAt = time.Time{} }, time.Minute, "Chưa có bản sao lưu nào"},
		"key never tried":   {"s3://x/y", func(s *said) { s.notes.KeyTried = time.Time{} }, time.Minute, "--recovery-key"},
		"chore fails": {"s3://x/y", func(s *said) {
			s.chores = []chores.Status{{Name: "archive-blobs", InARow: 4, Error: "no route to host"}}
		}, time.Minute, "no route to host"},
		"one cause of several": {"s3://x/y", func(s *said) {
			s.chores = []chores.Status{{Name: "archive-blobs", InARow: 4, Error: "put a: connection refused"}, {Name: "audit"},
				{Name: "backup", InARow: 2, Error: "put b: connection refused"}}
		}, time.Minute, "Việc định kỳ “lưu trữ tệp”, “sao lưu” lỗi 4 lần liền"},
		"what to do at the end": {"s3://x/y", func(s *said) {
			s.chores = []chores.Status{{Name: "archive-blobs", InARow: 4, Error: "archive blob " + strings.Repeat("ab", 200) + ": nobody answers there: start the server"}}
		}, time.Minute, ": nobody answers there: start the server"},
		"chore panics": {"s3://x/y", func(s *said) {
			s.chores = []chores.Status{{Name: "backup", InARow: 2, Ended: now.Add(-time.Hour), Error: "panicked: index out of range\ngoroutine 7 [running]"}}
		}, time.Minute, "Việc định kỳ “sao lưu” bị sập 2 lần liền"},
		"restored": {"s3://x/y", func(s *said) {
			s.notes.Lost = []backup.Lost{{After: now.Add(-30 * time.Hour), Until: now.Add(-time.Hour)}}
		}, time.Minute, "Mất khi khôi phục trung tâm: mọi quyết định từ"},
	} {
		t.Run(name, func(t *testing.T) {
			says := good
			c.change(&says)
			h := newHub(t, func(cfg *Config) { cfg.Archive, cfg.Copies, cfg.Chores, cfg.Spool = c.archive, says, says, says })
			h.hold(now)
			letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", now.Add(-c.waited-time.Hour)).Send(now.Add(-c.waited), h.message()).Arrive(h.spool, now.Add(-c.waited))
			k, err := h.console.keeping(t.Context(), h.console.faces[Vietnamese])
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(k.Troubles, "\n")
			if strings.Contains(text, "goroutine") {
				t.Error("the page shows a stack")
			}
			admin := h.client("admin")
			for _, path := range []string{"/", "/messages", "/places", "/places/qt-07", "/deletions", "/log", "/quarantine", "/password", "/access"} {
				page := h.read(admin, path)
				for _, trouble := range k.Troubles {
					if !strings.Contains(page, html.EscapeString(trouble)) {
						t.Errorf("%s does not say: %s", path, trouble)
					}
				}
				if c.archive == "" && !strings.Contains(page, words(t, Vietnamese)["unsafe.title"]) {
					t.Errorf("%s does not say that there is no store off the disk", path)
				}
			}
			for _, f := range k.Facts {
				text += "\n" + f.Label + ": " + f.Value
			}
			if worried := k.Class == "late"; worried != (c.want != "" && name != "restored") || !strings.Contains(text, c.want) || !strings.Contains(text, "Chờ lưu trữ: 4") {
				t.Errorf("worried %v:\n%s", worried, text)
			}
		})
	}
}
