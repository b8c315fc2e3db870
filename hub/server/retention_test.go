package server

import (
	"bytes"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/chores"
	"nghe/shared/command"
)

// One start with the clock ten years ahead: nothing is deleted, status, metrics
// and the console say why, and an operator's word by another clock is not taken.
// What a kiosk's clock bears out goes on.
func TestHubWhoseClockIsTenYearsAhead(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "hub"), Archive: filepath.Join(dir, "archive"), SameDiskOK: true}
	h, _, stop := insideOf(t, cfg, log)
	enrolled(t, h).Send(time.Now(), message(t, h, func(n int) []byte { return bytes.Repeat([]byte{9}, n) })).Arrive(h.spool, time.Now())
	looked := func(h *hub) func() bool {
		return func() bool {
			all, err := h.done.Status(t.Context())
			return err == nil && slices.ContainsFunc(all, func(c chores.Status) bool {
				return c.Name == "retention" && c.Error == "" && c.Ended.Sub(h.cfg.Now()).Abs() < time.Hour
			})
		}
	}
	eventually(t, "retention has looked", looked(h))
	stop()
	const ahead = 10 * 365 * 24 * time.Hour
	cfg.Now = func() time.Time { return time.Now().Add(ahead) }
	h, url, stop := insideOf(t, cfg, log)
	eventually(t, "retention has looked again", looked(h))
	waits := func(blobs int, why string) {
		t.Helper()
		totals, err := h.ledger.BlobTotals(t.Context())
		s := statusOf(t, "--data", cfg.Data)
		if err != nil || totals.Deleted != blobs || s.Retention.Waits != why || (s.Retention.Waiting == 4) != (why != "") {
			t.Errorf("deleted %d, %v; status %+v; want %d and %q", totals.Deleted, err, s.Retention, blobs, why)
		}
	}
	waits(0, "clock")
	for _, args := range [][]string{{"status"}, {"retention"}} {
		if out := run(t, command.Done, append(args, "--data", cfg.Data)...); !strings.Contains(out, "4 blobs are due by the hub's clock") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
	request, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, page := ask(t, request); !strings.Contains(page, "nghe_retention_waiting_blobs 4") {
		t.Errorf("metrics:\n%s", page)
	}
	run(t, command.Done, "retention", "confirm", "--data", cfg.Data) // by this machine's right clock
	if err := h.retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waits(0, "clock")
	h.clocks.hear("kiosk", h.cfg.Now())
	if err := h.retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waits(4, "")
	stop()
}
