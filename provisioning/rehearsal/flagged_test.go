package rehearsal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/database/pgtest"
)

// How ratings were tapped stands beside them in the export, and both numbers on
// the console: every tap is counted, also over a death of both programs and a
// rebuild.
func TestFlaggedFromTapToExport(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { flagged(t, newWard(t)) })
	t.Run("postgresql", func(t *testing.T) { flagged(t, newWard(t, "--database", pgtest.URL(t))) })
}

func flagged(t *testing.T, w *ward) {
	want := map[string]string{}
	tap := func(request, visit, more, rules string) {
		t.Helper()
		id, err := w.post(fmt.Sprintf(`{"request":%q,"visit":%q,"answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":%d}%s}`,
			request, visit, 1+4*(len(want)%2), more))
		if err != nil {
			t.Fatal(err)
		}
		want[id] = rules
	}
	for i := range 6 {
		tap(fmt.Sprint("plain-", i), "", "", "")
	}
	tap("first", "visit-a", `,"touches":1,"extra_taps":5`, "")
	tap("second", "visit-b", `,"touches":4`, "burst palm")
	w.flags(want)
	w.publishHours()
	tap("third", "", "", "off-hours")
	w.kiosk.kill()
	w.hub.kill()
	w.kiosk.start()
	w.hub.start()
	w.await("http://" + w.screen + "/api/status")
	w.repeat("third", 1, `,"extra_taps":12`)
	for id, rules := range want {
		if rules == "off-hours" {
			want[id] = "hammering off-hours"
		}
	}
	w.flags(want)
	w.await("http://" + w.console + "/healthz")
	if _, place := w.page(w.operator(), "/places/qt-01", nil); !strings.Contains(place, "n = 9 (7)") || !strings.Contains(place, "gắn cờ: Gõ dồn dập, Ngoài giờ mở cửa") {
		t.Errorf("the place's page does not show 9 ratings, 7 of them without flags")
	}
	w.hub.stop()
	for _, command := range []string{"audit", "rebuild", "audit"} {
		if out, err := w.command(command); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	w.flags(want)
}

// repeat posts a rating again, until the kiosk that came back knows it.
func (w *ward) repeat(request string, score int, more string) {
	w.t.Helper()
	w.eventually("repetition of "+request, func() error {
		_, err := w.post(fmt.Sprintf(`{"request":%q,"visit":"","answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":%d}%s}`, request, score, more))
		return err
	})
}

// publishHours closes every house for now, and waits until the kiosk knows.
func (w *ward) publishHours() {
	w.t.Helper()
	opens := time.Now().UTC().Add((7 + 12) * time.Hour).Hour()
	dir := w.path("published")
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ward.json"), fmt.Appendf(nil, `{"houses":[{"hours":[{"hours":["%02d:00-%02d:30"]}]}]}`, opens, opens), 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if out, err := w.command("publish", dir); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	w.eventually("opening hours", func() error {
		_, reply, err := screenOf(w.screen, http.MethodGet, "/api/board", "")
		if hours, _ := reply["hours"].([]any); err == nil && len(hours) == 0 {
			err = fmt.Errorf("hours %v", reply["hours"])
		}
		return err
	})
}

// flags waits until the hub exports exactly these answers, each once, with the
// rules that name it.
func (w *ward) flags(want map[string]string) {
	w.t.Helper()
	w.eventually("flags at the hub", func() error {
		text, err := w.command("export", "answers", "--format", "ndjson")
		if err != nil {
			return err
		}
		got := map[string]string{}
		for line := range strings.Lines(text) {
			var row struct {
				ID    string
				Flags []string
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				return err
			}
			if _, twice := got[row.ID]; twice {
				w.t.Fatalf("answer %s was exported twice", row.ID)
			}
			got[row.ID] = strings.Join(slices.DeleteFunc(row.Flags, func(f string) bool { return f == "wall-clock" }), " ")
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("flags %v, want %v", got, want)
		}
		return nil
	})
}
