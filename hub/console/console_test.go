package console

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

func contextWith(r *http.Request, addr net.Addr) context.Context {
	return context.WithValue(r.Context(), http.LocalAddrContextKey, addr)
}

// matrix says what each kind of visitor gets at each route. A route that is
// not here fails the test: nobody opens one without deciding for whom.
var matrix = map[string][3]int{ // stranger, operator, admin
	"GET /signin":                       {200, 303, 303},
	"POST /signin":                      {401, 401, 401},
	"POST /language":                    {303, 303, 303},
	"GET /assets/{name}":                {404, 404, 404},
	"GET /r":                            {200, 200, 200},
	"POST /r":                           {404, 404, 404},
	"GET /r/{code}":                     {404, 404, 404},
	"GET /R/{code}":                     {404, 404, 404},
	"GET /r/{code}/{rest...}":           {404, 404, 404},
	"GET /R/{code}/{rest...}":           {404, 404, 404},
	"GET /{$}":                          {303, 200, 200},
	"GET /messages":                     {303, 200, 200},
	"GET /messages/{id}":                {303, 404, 404},
	"POST /messages/{id}/open":          {401, 403, 403},
	"GET /messages/{id}/voice":          {303, 403, 403},
	"GET /messages/{id}/photo":          {303, 403, 403},
	"POST /messages/{id}/sealed":        {401, 403, 403},
	"POST /messages/{id}/delete":        {401, 403, 404},
	"GET /replies":                      {303, 200, 200},
	"GET /rights":                       {303, 200, 200},
	"POST /rights/{number}/acknowledge": {401, 403, 404},
	"POST /rights/{number}/settle":      {401, 403, 404},
	"GET /deletions":                    {303, 200, 200},
	"GET /places":                       {303, 200, 200},
	"GET /places/{id}":                  {303, 200, 200},
	"GET /quarantine":                   {303, 200, 200},
	"GET /log":                          {303, 200, 200},
	"GET /api/events":                   {401, 200, 200},
	"GET /password":                     {303, 200, 200},
	"POST /password":                    {401, 422, 422},
	"POST /signout":                     {401, 303, 303},
	"GET /access":                       {303, 403, 200},
	"POST /devices/{id}/revoke":         {401, 403, 404},
}

func TestEveryRouteNamesWhoMayUseIt(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for _, r := range h.console.routes() {
		want, ok := matrix[r.pattern]
		if !ok {
			t.Errorf("%s is not in the matrix: decide who may use it", r.pattern)
			continue
		}
		method, path, _ := strings.Cut(r.pattern, " ")
		path = strings.NewReplacer("{$}", "", "{name}", "nothing", "{number}", "nothing", "{code}", "nothing", "{rest...}", "", "/places/{id}", "/places/qt-07", "{id}", "nobody").Replace(path)
		if path == "/api/events" {
			path += "?view=fleet"
		}
		for i, name := range []string{"", "lan", "admin"} {
			h.hold(time.Now().Add(time.Duration(len(r.pattern)*3+i) * time.Minute)) // nobody is slowed
			client := h.client(name)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			res, err := client.Do(h.request(method, path, url.Values{"new": {"a"}, "again": {"b"}}).WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != want[i] {
				t.Errorf("%s as %q: %d, want %d", r.pattern, name, res.StatusCode, want[i])
			}
			if to := res.Header.Get("Location"); want[i] == 303 && name == "" && method == "GET" && !strings.HasPrefix(to, "/signin?next=%2F") {
				t.Errorf("%s as a stranger goes to %q, want the door", r.pattern, to)
			}
			cancel()
			res.Body.Close()
		}
	}
	if len(matrix) != len(h.console.routes()) {
		t.Errorf("matrix has %d routes, the console %d", len(matrix), len(h.console.routes()))
	}
}

// A route whose audience was forgotten is shut, and so is a path nobody serves.
func TestDenyByDefault(t *testing.T) {
	h := newHub(t)
	if (route{}).who.admits(visitor{known: true}) {
		t.Error("the zero audience admits somebody")
	}
	res, err := h.client("").Get(h.server.URL + "/no/such/page")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("unknown page as a stranger: %s, want the door: who is outside learns nothing", res.Status)
	}
}

func TestHeaders(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := newHub(t, func(c *Config) { c.Secure = secure })
		for _, path := range []string{"/signin", "/", "/nothing", "/api/events"} {
			res, err := h.client("").Get(h.server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			csp := res.Header.Get("Content-Security-Policy")
			if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("%s: policy %q", path, csp)
			}
			if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", path, res.Header)
			}
			if hsts := res.Header.Get("Strict-Transport-Security"); (hsts != "") != secure {
				t.Errorf("%s: secure %v, HSTS %q", path, secure, hsts)
			}
		}
	}
}

// Without TLS nobody beyond this machine is served, whatever they claim.
func TestPlainOnlyOnLoopback(t *testing.T) {
	h := newHub(t)
	handler := h.console.Handler()
	for local, want := range map[string]int{"127.0.0.1:80": 200, "[::1]:80": 200, "10.0.0.5:80": 403} {
		r := httptest.NewRequest("GET", "/signin", nil)
		r.Header.Set("X-Forwarded-For", "127.0.0.1")
		r.Host = "localhost"
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, at(r, local))
		if rec.Code != want {
			t.Errorf("listening on %s: %d, want %d", local, rec.Code, want)
		}
	}
}

func TestCrossSiteIsRefused(t *testing.T) {
	h := newHub(t)
	d := h.enrol("qt-01")
	admin := h.client("admin")
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	} {
		for _, path := range []string{"/signin", "/signout", "/password", "/language", "/devices/" + d.id + "/revoke"} {
			r := h.request("POST", path, url.Values{"confirm": {d.id}, "reason": {"reason"}})
			for k, v := range header {
				r.Header.Set(k, v)
			}
			res, err := admin.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %v: %s, want 403", path, header, res.Status)
			}
		}
	}
	if got, err := h.registry.Device(t.Context(), d.id); err != nil || got.State != "active" {
		t.Errorf("device is %v %v after cross-site posts", got.State, err)
	}
}

func TestSignIn(t *testing.T) {
	h := newHub(t)
	h.hold(time.Now())
	stranger := h.client("")
	post := func(name, password, next string) (*http.Response, string) {
		t.Helper()
		res, err := stranger.Do(h.request("POST", "/signin", url.Values{"name": {name}, "password": {password}, "next": {next}}))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res, string(body)
	}
	for next, want := range map[string]string{"/places/qt-07?by=day": "/places/qt-07?by=day", "https://evil.example/": "/",
		"//evil.example": "/", "/\\evil.example": "/", "javascript:alert(1)": "/", "": "/"} {
		h.hold(h.now().Add(time.Minute))
		if res, _ := post("admin", adminPassword, next); res.StatusCode != 303 || res.Header.Get("Location") != want {
			t.Errorf("next %q: %s to %q, want %q", next, res.Status, res.Header.Get("Location"), want)
		}
	}
	res, body := post("admin", "wrong", "/")
	if res.StatusCode != 401 || !strings.Contains(body, "chưa đúng") || strings.Contains(body, `value="wrong"`) {
		t.Errorf("wrong password: %s", res.Status)
	}
	for i := 0; i < 20 && res.StatusCode == 401; i++ {
		res, body = post("admin", fmt.Sprint("guess", i), "/")
	}
	if res.StatusCode != 429 || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "Đã thử quá nhiều lần. Vui lòng chờ") {
		t.Errorf("guessing: %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	if res, _ = post("admin", adminPassword, "/"); res.StatusCode != 429 {
		t.Errorf("the right password while slowed: %s, want 429: it must not be looked at", res.Status)
	}
}

// A cookie set before sign-in is not the session after it.
func TestSessionIsRenewed(t *testing.T) {
	h := newHub(t)
	c := h.client("lan")
	u, _ := url.Parse(h.server.URL)
	before := c.Jar.Cookies(u)[0].Value
	res, err := c.PostForm(h.server.URL+"/signin", url.Values{"name": {"admin"}, "password": {adminPassword}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if after := c.Jar.Cookies(u)[0].Value; after == before {
		t.Error("the token did not change at sign-in")
	}
	r := h.request("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "nghe", Value: before})
	res, err = h.client("").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("the old token: %s, want the door", res.Status)
	}
}

func (h *hub) read(c *http.Client, path string) string {
	h.t.Helper()
	res, err := c.Get(h.server.URL + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		h.t.Fatalf("get %s: %s %v\n%s", path, res.Status, err, body)
	}
	return string(body)
}

const evil = `<script>alert("x")</script>'"><img src=x onerror=alert(1)>`

// Whatever a name holds, it stays text: in pages, in patches, in charts.
func TestNamesStayText(t *testing.T) {
	h := newHub(t)
	err := h.registry.Seed(t.Context(), feedback.SeedSet{
		Places: []feedback.Place{{ID: "xss-1", Name: evil, Unit: feedback.Seed().Places[0].Unit}}})
	if err != nil {
		t.Fatal(err)
	}
	d := h.enrol("xss-1")
	d.boot(h.now())
	d.rate(h.now(), 5)
	d.send(h.now())
	c := h.client("admin")
	for _, path := range []string{"/", "/places", "/places/xss-1", "/?q=" + url.QueryEscape(evil), "/log", "/access", "/quarantine"} {
		body := h.read(c, path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s executes a name", path)
		}
		bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(body, `""`) // what a value holds is no attribute
		if regexp.MustCompile(`<[^>]*\s(style|on[a-z]+)=`).MatchString(bare) {
			t.Errorf("%s needs what the policy forbids", path)
		}
	}
	stream := h.stream(c, "view=fleet")
	if p := <-stream; strings.Contains(fmt.Sprint(p), "<img src=x") {
		t.Error("a patch executes a name")
	}
}

func TestRevoke(t *testing.T) {
	h := newHub(t)
	told := ""
	h.registry.OnRevoke(func(id string) { told = id })
	d := h.enrol("qt-07")
	admin := h.client("admin")
	post := func(c *http.Client, form url.Values) *http.Response {
		t.Helper()
		res, err := c.Do(h.request("POST", "/devices/"+d.id+"/revoke", form))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	for _, form := range []url.Values{nil, {"confirm": {d.id}}, {"reason": {"stolen at night"}},
		{"confirm": {"other"}, "reason": {"stolen at night"}}, {"confirm": {d.id}, "reason": {"  x "}}} {
		if res := post(admin, form); res.StatusCode != http.StatusUnprocessableEntity || told != "" {
			t.Errorf("revoke with %v: %s", form, res.Status)
		}
	}
	if body := h.read(h.client("lan"), "/places/qt-07"); strings.Contains(body, "/revoke") {
		t.Error("an operator is offered to revoke")
	}
	res := post(admin, url.Values{"confirm": {d.id}, "reason": {"stolen at night"}})
	if res.StatusCode != http.StatusSeeOther || told != d.id {
		t.Fatalf("revoke: %s, told %q", res.Status, told)
	}
	body := h.read(admin, res.Header.Get("Location"))
	for _, want := range []string{"Đã thu hồi thiết bị " + d.id, "stolen at night"} {
		if !strings.Contains(body, want) {
			t.Errorf("place page lacks %q", want)
		}
	}
	if access := h.read(admin, "/access"); !strings.Contains(access, "stolen at night") || !strings.Contains(access, "Thu hồi thiết bị") {
		t.Error("the access log does not say who revoked and why")
	}
}

func TestPassword(t *testing.T) {
	h := newHub(t)
	h.hold(time.Now())
	c, other := h.client("lan"), h.client("lan")
	const fresh = "gio thoi tu bien vao"
	for _, form := range []url.Values{
		{"old": {lanPassword}, "new": {fresh}, "again": {fresh + "x"}},
		{"old": {"wrong"}, "new": {fresh}, "again": {fresh}},
		{"old": {lanPassword}, "new": {"123456789012"}, "again": {"123456789012"}},
	} {
		h.hold(h.now().Add(time.Minute))
		res, _ := c.Do(h.request("POST", "/password", form))
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%v: %s, want 422", form, res.Status)
		}
		res.Body.Close()
	}
	res, _ := c.Do(h.request("POST", "/password", url.Values{"old": {lanPassword}, "new": {fresh}, "again": {fresh}}))
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("new password: %s", res.Status)
	}
	h.read(c, "/")
	if res, _ := other.Get(h.server.URL + "/"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("another browser of the same operator: %s, want the door", res.Status)
	}
}

func TestEnglish(t *testing.T) {
	h := newHub(t)
	c := h.client("lan")
	res, err := c.Do(h.request("POST", "/language", url.Values{"lang": {"en"}, "back": {"/places"}}))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); to != "/places" {
		t.Errorf("goes to %q, want back", to)
	}
	for _, path := range []string{"/", "/places", "/places/qt-07", "/quarantine", "/log", "/password", "/messages", "/deletions"} {
		body := h.read(c, path)
		if !strings.Contains(body, `<html lang="en">`) || !strings.Contains(body, "Sign out") || strings.Contains(body, "Đăng xuất") {
			t.Errorf("%s is not in English", path)
		}
	}
}

// A program compiled without its pages says so, and how to make them.
func TestUnbuilt(t *testing.T) {
	h := newHub(t)
	h.console.assets = assets{}
	rec := httptest.NewRecorder()
	h.console.Handler().ServeHTTP(rec, at(httptest.NewRequest("GET", "/", nil), "127.0.0.1:80"))
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "make build") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestAssets(t *testing.T) {
	h := newHub(t)
	for path, want := range map[string]int{h.console.assets.path("console.css"): 200, h.console.assets.path("mark.svg"): 200,
		"/assets/manifest.json": 404, "/assets/.gitkeep": 404, "/assets/..%2fconsole.go": 404} {
		res, err := h.client("").Get(h.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
		if want == 200 && !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: Cache-Control %q", path, res.Header.Get("Cache-Control"))
		}
	}
}

// A place is called complete only when every kiosk said so.
func TestCompletenessIsHonest(t *testing.T) {
	f, now := newHub(t).console.faces[Vietnamese], time.Now()
	told := kiosk{ID: "a", PlaceID: "qt-07", State: "online", Told: now, Journals: []journal{{Received: 98}}}
	waiting, lost, silent, mute, gone := told, told, told, told, told
	waiting.Backlog = 2
	lost.Journals = []journal{{Received: 98, Lost: 2}}
	silent.State, silent.Contact = "late", now.Add(-time.Hour)
	mute.Told = time.Time{}
	gone.Told, gone.Ended = time.Time{}, now
	for name, c := range map[string]struct {
		kiosks []kiosk
		want   string
	}{
		"no kiosk": {nil, "Chưa có ki-ốt nào đăng ký ở điểm này."},
		"whole":    {[]kiosk{told}, "100% đầy đủ."},
		"waiting":  {[]kiosk{waiting}, "98,0% đầy đủ; khoảng 2 phiếu chờ."},
		"lost":     {[]kiosk{lost}, "98,0% đầy đủ; 2 phiếu khai báo mất."},
		"silent":   {[]kiosk{silent}, "100% đầy đủ; qt-07 im lặng từ " + f.when(silent.Contact, now) + "."},
		"mute":     {[]kiosk{mute}, "Chưa rõ độ đầy đủ."},
		"revoked":  {[]kiosk{told, gone}, "100% đầy đủ."},
	} {
		if got := f.complete(c.kiosks, now).Sentence; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Every cause of a fork says what it likely is and what to do; a fork after a
// restore of the hub accuses nobody.
func TestForksAreExplained(t *testing.T) {
	f := newHub(t).console.faces[Vietnamese]
	for cause, suspect := range map[wire.ForkCause]bool{wire.ForkAhead: true, wire.ForkDiffers: true,
		wire.ForkBehind: false, wire.ForkForeign: true} {
		k := kiosk{Journals: []journal{{Forked: true, Cause: cause}}}
		s := f.sign(k)
		if s.Word == "" || s.Why == "" || s.Do == "" || k.suspect() != suspect || (s.Class == "lost") != suspect {
			t.Errorf("cause %d: %+v, suspect %v", cause, s, k.suspect())
		}
		k.Ended = time.Now()
		if f.sign(k).Word != "" || k.suspect() {
			t.Errorf("cause %d: a revoked device still calls for somebody", cause)
		}
	}
}

func TestFilter(t *testing.T) {
	k := kiosk{ID: "abc", PlaceID: "qt-07", Place: "Nhà văn hóa Tân Tiến", State: "late",
		Journals: []journal{{Lost: 3, Forked: true, Cause: wire.ForkAhead}}}
	for f, want := range map[filter]bool{{}: true, {State: "late"}: true, {State: "online"}: false, {Sign: "hole"}: true,
		{Sign: "fork"}: true, {Text: "tân TIẾN"}: true, {Text: "QT-07"}: true, {Text: "abc"}: true, {Text: "qt-08"}: false,
		{State: "late", Text: "nowhere"}: false} {
		if f.admits(k) != want {
			t.Errorf("%+v admits %v, want %v", f, !want, want)
		}
	}
	if got := (filter{State: "late", Text: "a&b"}).href(); got != "/?q=a%26b&state=late" {
		t.Errorf("href %q", got)
	}
}
