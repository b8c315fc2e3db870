package screen

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestStatesAreTold(t *testing.T) {
	now := []State{StateOffline, StateHot}
	h, _, _ := informed(t, nil, func(c *Config) {
		c.Status = func() Status { return Status{Enrolled: true, States: now} }
		c.Caretaker = func() Caretaker {
			return Caretaker{Device: "tocnprz3", Conditions: []Condition{{"hot", "warning", 81_000, "2026-11-23T16:00:00+07:00"}}}
		}
	})
	if w, _ := call(t, h, http.MethodGet, "/api/status", ""); !strings.Contains(w.Body.String(), `"states":["offline","hot"]`) {
		t.Errorf("status %s", w.Body)
	}
	w, _ := call(t, h, http.MethodGet, "/api/caretaker", "")
	for _, want := range []string{`"now":"2026-11-23T16:30:00+07:00"`, `"states":["offline","hot"]`, `"device":"tocnprz3"`, `"place":{"id":"qt-01"`, `"program":"test"`,
		`"conditions":[{"name":"hot","level":"warning","value":81000,"since":"2026-11-23T16:00:00+07:00"}]`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the caretaker does not see %s: %s", want, w.Body)
		}
	}
}

// A page must not fall over what is not there.
func TestNothingKnownIsNoNull(t *testing.T) {
	h, _, _ := informed(t, nil)
	for _, path := range []string{"/api/status", "/api/caretaker"} {
		if w, _ := call(t, h, http.MethodGet, path, ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "null") || !strings.Contains(w.Body.String(), `"states":[]`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestStatesAreTextIDs(t *testing.T) {
	all := States()
	for i, s := range all {
		if slices.Contains(all[:i], s) || strings.Trim(string(s), "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("state %q", s)
		}
	}
}
