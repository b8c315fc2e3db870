package registry

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"nghe/shared/ident"
)

func call(t *testing.T, h http.Handler, method, path, kind, body string, signedIn bool) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	if signedIn {
		r.SetBasicAuth("lan", "secret")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" && w.Code < 404 {
		t.Errorf("%s %s may be cached", method, path)
	}
	return w.Code, w.Body.String()
}

func basic(r *http.Request) (string, bool) {
	name, password, ok := r.BasicAuth()
	return name, ok && password == "secret"
}

func TestAPI(t *testing.T) {
	w := open(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	h := API(w.Registry, basic)
	const plain = "application/json; charset=utf-8"
	for _, c := range []struct {
		name, method, path, kind, body string
		status                         int
		says                           string
	}{
		{"by id", "POST", "/api/kits", plain, `{"place":"qt-07","ttl_s":3600}`, 200, `"ticket"`},
		{"without ttl", "POST", "/api/kits", plain, `{"place":"qt-07"}`, 200, `"ticket"`},
		{"unknown place", "POST", "/api/kits", plain, `{"place":"qt-77"}`, 404, "unknown-place"},
		{"nothing", "POST", "/api/kits", plain, ``, 400, "malformed"},
		{"unknown key", "POST", "/api/kits", plain, `{"place":"qt-07","x":1}`, 400, "malformed"},
		{"two objects", "POST", "/api/kits", plain, `{"place":"qt-07"}{}`, 400, "malformed"},
		{"too long", "POST", "/api/kits", plain, `{"place":"` + strings.Repeat("x", maxAsk) + `"}`, 400, "malformed"},
		{"form of another site", "POST", "/api/kits", "text/plain", `{"place":"qt-07"}`, 415, "not-json"},
		{"ttl too long", "POST", "/api/kits", plain, `{"place":"qt-07","ttl_s":9999999}`, 422, "bad-ttl"},
		{"ttl that wraps around to an hour", "POST", "/api/kits", plain, `{"place":"qt-07","ttl_s":18446747674}`, 422, "bad-ttl"},
		{"ttl too short", "POST", "/api/kits", plain, `{"place":"qt-07","ttl_s":1}`, 422, "bad-ttl"},
		{"places", "GET", "/api/places", "", "", 200, `"ward":"Phường`},
		{"another method", "GET", "/api/kits", "", "", 405, ""},
	} {
		status, body := call(t, h, c.method, c.path, c.kind, c.body, true)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, status, body, c.status, c.says)
		}
	}
	before := len(w.kinds(t))
	for _, c := range []struct{ method, path string }{{"POST", "/api/kits"}, {"GET", "/api/places"}} {
		if status, body := call(t, h, c.method, c.path, plain, `{"place":"qt-07"}`, false); status != 401 || !strings.Contains(body, "sign-in") {
			t.Errorf("%s %s without signing in: %d %s", c.method, c.path, status, body)
		}
	}
	if after := len(w.kinds(t)); after != before {
		t.Error("a kit was made for a stranger")
	}
}

// The kit that travels is the one a kiosk enrols with, and the log says who made it.
func TestKitFromTheAPIEnrols(t *testing.T) {
	w := open(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	_, body := call(t, API(w.Registry, basic), "POST", "/api/kits", "application/json", `{"place":"qt-03"}`, true)
	k, err := ident.ReadKit(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if id := w.enrol(t, k, newKey(t)); id.Place.ID != "qt-03" {
		t.Errorf("enrolled at %+v", id.Place)
	}
	if events, _ := w.Events(t.Context(), 0, 2); events[1].By != "lan" {
		t.Errorf("events %+v", events)
	}
	var wrong struct{ Error problem }
	_, body = call(t, API(w.Registry, basic), "POST", "/api/kits", "application/json", `{"place":"qt-3"}`, true)
	if err := json.Unmarshal([]byte(body), &wrong); err != nil || len(wrong.Error.Near) != nearest || wrong.Error.Field != "place" {
		t.Errorf("unknown place: %s", body)
	}
}
