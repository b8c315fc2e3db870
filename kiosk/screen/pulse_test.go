package screen

import (
	"net/http"
	"testing"
	"time"
)

// wrist is a pulse in memory that believes one nonce.
type wrist struct{ felt int }

func (w *wrist) Challenge() (string, time.Duration) { return "n-1", 15 * time.Second }

func (w *wrist) Painted(nonce string) bool {
	if nonce != "n-1" {
		return false
	}
	w.felt++
	return true
}

func TestPulse(t *testing.T) {
	for _, c := range []struct {
		name, body  string
		status      int
		code, field string
	}{
		{"painted", `{"nonce":"n-1","frames":2}`, 200, "", ""},
		{"much painted", `{"nonce":"n-1","frames":600}`, 200, "", ""},
		{"old nonce", `{"nonce":"n-0","frames":2}`, 409, "stale", "nonce"},
		{"no nonce", `{"frames":2}`, 409, "stale", "nonce"},
		{"one frame", `{"nonce":"n-1","frames":1}`, 422, "invalid", "frames"},
		{"no frame", `{"nonce":"n-1"}`, 422, "invalid", "frames"},
		{"more than asked", `{"nonce":"n-1","frames":2,"screen":"visit"}`, 400, "malformed", ""},
	} {
		w := &wrist{}
		h, _, _ := informed(t, nil, func(cfg *Config) { cfg.Pulse = w })
		got, reply := call(t, h, http.MethodPost, "/api/pulse", c.body)
		said, _ := reply["error"].(map[string]any)
		if field, _ := said["field"].(string); got.Code != c.status || c.code != "" && said["code"] != c.code || field != c.field {
			t.Errorf("%s: %d %s", c.name, got.Code, got.Body)
		}
		if ok := c.status == 200; ok != (w.felt == 1) || ok && (reply["nonce"] != "n-1" || reply["every_ms"] != 15000.0) {
			t.Errorf("%s: felt %d times, answered %s", c.name, w.felt, got.Body)
		}
	}
}

func TestStatusChallengesThePage(t *testing.T) {
	h, _, _ := informed(t, nil, func(cfg *Config) { cfg.Pulse = &wrist{} })
	_, status := call(t, h, http.MethodGet, "/api/status", "")
	if p, _ := status["pulse"].(map[string]any); p["nonce"] != "n-1" || p["every_ms"] != 15000.0 {
		t.Errorf("pulse is %v", status["pulse"])
	}
	h, _, _ = informed(t, nil)
	if _, status := call(t, h, http.MethodGet, "/api/status", ""); status["pulse"] != nil {
		t.Errorf("nobody watches, but pulse is %v", status["pulse"])
	}
	if w, _ := call(t, h, http.MethodPost, "/api/pulse", `{"nonce":"n-1","frames":2}`); w.Code != http.StatusConflict {
		t.Errorf("a proof nobody asked for: %d", w.Code)
	}
}
