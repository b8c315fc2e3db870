package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nghe/shared/command"
	"nghe/shared/ident"
)

// hub pretends to be a hub's console and kiosk listener.
type hub struct {
	*httptest.Server
	authority *ident.Authority
	asked     atomic.Int32 // requests that reached the handler
	place     string       // last place asked for
	ttl       int64
	answer    func(w http.ResponseWriter) bool // replaces the kit where it returns true
	clock     func() time.Time
}

func newHub(t *testing.T, secure bool) *hub {
	t.Helper()
	a, err := ident.OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{authority: a, clock: time.Now}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = nil
	if !secure {
		h.Start()
	} else {
		if h.TLS, err = a.ServerTLS([]string{"127.0.0.1"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		h.StartTLS()
	}
	t.Cleanup(h.Close)
	return h
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	w.Header().Set("Date", h.clock().UTC().Format(http.TimeFormat))
	if r.URL.Path == "/healthz" || h.answer != nil && h.answer(w) {
		return
	}
	var ask struct {
		Place string `json:"place"`
		TTL   int64  `json:"ttl_s"`
	}
	name, password, _ := r.BasicAuth()
	if r.Method != "POST" || r.URL.Path != "/api/kits" || r.Header.Get("Content-Type") != "application/json" ||
		json.NewDecoder(r.Body).Decode(&ask) != nil {
		w.WriteHeader(400)
		return
	}
	h.place, h.ttl = ask.Place, ask.TTL
	switch {
	case name != "lan" || password != "mật khẩu":
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"error":{"code":"sign-in","message":"sign in"}}`)
	case ask.Place == "qt-77":
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"error":{"code":"unknown-place","message":"there is no place \"qt-77\"; near it: qt-07 (Nhà văn hóa)","field":"place"}}`)
	default:
		_ = h.kit("https://hub.example").Write(w)
	}
}

func (h *hub) kit(urls ...string) ident.Kit {
	return ident.Kit{Version: ident.KitVersion, Hub: urls, Pin: h.authority.Pin(), Ticket: "abcdefgh23456",
		Secret: strings.Repeat("a2b3", 8), Place: ident.Place{ID: "qt-07", Name: "Nhà văn hóa Bình Minh", Ward: "Phường Quảng Tiến"},
		Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
}

func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = command.Main(t.Context(), "provisioning", about, &grammar{}, args, &out, &errs)
	return code, out.String(), errs.String()
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMakeKit(t *testing.T) {
	h := newHub(t, true)
	for name, password := range map[string]string{"plain": "mật khẩu", "with an end of line": "mật khẩu\r\n", "as Windows saves it": "\ufeffmật khẩu\r\n"} {
		path := filepath.Join(t.TempDir(), "qt-07.kit")
		code, stdout, stderr := run(t, "kit", "--hub", h.URL, "--pin", h.authority.Pin(), "--place", "Bình Minh", "--user", "lan",
			"--password-file", file(t, password), "--ttl", "1h", "--out", path)
		if code != command.Done || !strings.Contains(stdout, "Đã tạo "+path) || h.place != "Bình Minh" || h.ttl != 3600 {
			t.Fatalf("%s: exit %d, %s%s, asked for %q, %d s", name, code, stdout, stderr, h.place, h.ttl)
		}
		text, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		info, _ := text.Stat()
		if k, err := ident.ReadKit(text); err != nil || k.Place.ID != "qt-07" || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: wrote %+v, %v, mode %v", name, k, err, info.Mode())
		}
		if strings.Contains(stdout+stderr, "a2b3") || strings.Contains(stdout+stderr, "mật khẩu") {
			t.Errorf("%s: a secret was printed", name)
		}
	}
}

func TestMakeKitBySettings(t *testing.T) {
	h := newHub(t, false)
	t.Setenv("NGHE_PASSWORD", "mật khẩu")
	t.Setenv("NGHE_USER", "lan")
	out := filepath.Join(t.TempDir(), "a.kit")
	settings, _ := json.Marshal(map[string]any{"hub": h.URL, "place": "qt-07", "out": out, "ttl": "2h", "user": "hoa"})
	if code, stdout, stderr := run(t, "kit", "--config", file(t, string(settings))); code != command.Done || h.ttl != 7200 {
		t.Errorf("from file and environment: exit %d, %s%s, %d s", code, stdout, stderr, h.ttl)
	}
	settings, _ = json.Marshal(map[string]any{"hub": h.URL, "place": "qt-07", "out": out + "2", "password-file": file(t, "mật khẩu")})
	t.Setenv("NGHE_PASSWORD", "wrong")
	if code, _, stderr := run(t, "kit", "--config", file(t, string(settings))); code != command.Done {
		t.Errorf("password file named in the file: exit %d, %s", code, stderr)
	}
	if code, _, stderr := run(t, "kit", "--config", file(t, `{"password":"x"}`)); code != command.Usage || !strings.Contains(stderr, "password") {
		t.Errorf("a password in the file: exit %d, %s", code, stderr)
	}
}

// What can be refused without the hub is refused before a kit is made.
func TestUsageIsRefusedBeforeTheHubIsAsked(t *testing.T) {
	h := newHub(t, false)
	t.Setenv("NGHE_PASSWORD", "mật khẩu")
	there := file(t, "old")
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no place", []string{"--hub", h.URL, "--out", "x"}, "--place"},
		{"plain http to the network", []string{"--hub", "http://hub.example"}, "plain http"},
		{"plain http to a private address", []string{"--hub", "http://10.0.0.7"}, "plain http"},
		{"another scheme", []string{"--hub", "ftp://hub.example"}, "https://"},
		{"password in the address", []string{"--hub", "https://lan:x@hub.example"}, "not an address"},
		{"no scheme", []string{"--hub", "hub.example"}, "https"},
		{"pin without TLS", []string{"--hub", h.URL, "--pin", h.authority.Pin()}, "needs https"},
		{"half a pin", []string{"--hub", "https://127.0.0.1", "--pin", "sha256-abc"}, "43"},
		{"file exists", []string{"--hub", h.URL, "--out", there}, "--force"},
		{"out is a folder", []string{"--hub", h.URL, "--out", t.TempDir(), "--force"}, "ordinary"},
		{"no such folder", []string{"--hub", h.URL, "--out", there + "-x/kit"}, "no folder"},
		{"no password file", []string{"--hub", h.URL, "--password-file", there + "-x"}, "password-file"},
		{"empty password file", []string{"--hub", h.URL, "--password-file", file(t, "\n")}, "empty"},
		{"no user and nobody to ask", []string{"--hub", h.URL, "--user", ""}, "NGHE_USER"},
		{"unknown flag", []string{"--password", "x"}, "--password"},
	} {
		args := append([]string{"kit"}, c.args...)
		if c.name != "no place" {
			args = append(args, "--place", "qt-07")
		}
		for flag, value := range map[string]string{"--out": filepath.Join(t.TempDir(), "kit"), "--user": "lan"} {
			if !strings.Contains(strings.Join(args, " ")+" ", flag+" ") {
				args = append(args, flag, value)
			}
		}
		if code, _, stderr := run(t, args...); code != command.Usage || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, %s, want %d with %q", c.name, code, stderr, command.Usage, c.says)
		}
	}
	if h.asked.Load() != 0 {
		t.Errorf("the hub was asked %d times", h.asked.Load())
	}
	if text, _ := os.ReadFile(there); string(text) != "old" {
		t.Errorf("the old file is now %q", text)
	}
	if code, _, stderr := run(t, "kit", "--hub", h.URL, "--place", "qt-07", "--user", "lan", "--out", there, "--force"); code != command.Done {
		t.Errorf("--force: exit %d, %s", code, stderr)
	}
}

func TestHubsThatDoNotGiveAKit(t *testing.T) {
	plain, secure, other := newHub(t, false), newHub(t, true), newHub(t, true)
	answer := func(status int, kind, body string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for _, c := range []struct {
		name, hub, pin, place, password string
		answer                          func(http.ResponseWriter) bool
		says                            string
	}{
		{"wrong password", plain.URL, "", "qt-07", "x", nil, "wrong"},
		{"unknown place", plain.URL, "", "qt-77", "mật khẩu", nil, "qt-07 (Nhà văn hóa)"},
		{"captive portal", plain.URL, "", "qt-07", "mật khẩu", answer(200, "text/html", "<html>"), "captive portal"},
		{"redirect", plain.URL, "", "qt-07", "mật khẩu", answer(302, "text/html", ""), "captive portal"},
		{"half a kit", plain.URL, "", "qt-07", "mật khẩu", answer(200, "application/json", `{"version":1,`), "not a kit"},
		{"endless answer", plain.URL, "", "qt-07", "mật khẩu", answer(200, "application/json", strings.Repeat(" ", 2*maxAnswer)), "not a kit"},
		{"hub in trouble", plain.URL, "", "qt-07", "mật khẩu", answer(503, "application/json", `{"error":{"code":"no-address","message":"start it with that address"}}`), "no-address"},
		{"nobody there", "http://127.0.0.1:1", "", "qt-07", "mật khẩu", nil, "refused"},
		{"certificate this system does not trust", secure.URL, "", "qt-07", "mật khẩu", nil, secure.authority.Pin()},
		{"pin of another hub", secure.URL, other.authority.Pin(), "qt-07", "mật khẩu", nil, "does not have the pin"},
		{"plain http where TLS is wanted", strings.Replace(plain.URL, "http:", "https:", 1), "", "qt-07", "mật khẩu", nil, "does not speak https"},
	} {
		plain.answer = c.answer
		t.Setenv("NGHE_PASSWORD", c.password)
		before := secure.asked.Load() + other.asked.Load()
		path := filepath.Join(t.TempDir(), "kit")
		args := []string{"kit", "--hub", c.hub, "--place", c.place, "--user", "lan", "--out", path}
		if c.pin != "" {
			args = append(args, "--pin", c.pin)
		}
		code, _, stderr := run(t, args...)
		if code != command.Failed || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "mật khẩu") {
			t.Errorf("%s: exit %d, %s, want %d with %q", c.name, code, stderr, command.Failed, c.says)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was left", c.name)
		}
		if secure.asked.Load()+other.asked.Load() != before {
			t.Errorf("%s: a hub that was not proved got the password", c.name)
		}
	}
}

func TestQuestionsAtATerminal(t *testing.T) {
	h := newHub(t, false)
	m := Make{Hub: h.URL, Place: "qt-07", Out: filepath.Join(t.TempDir(), "kit"), TTL: time.Hour}
	asked := map[bool]int{}
	answers := map[bool]string{false: "lan", true: "mật khẩu"}
	ask := func(_ context.Context, _ string, secret bool) (string, error) {
		asked[secret]++
		return answers[secret], nil
	}
	if err := m.run(t.Context(), io.Discard, ask, func(string) string { return "" }); err != nil || asked[true] != 1 || asked[false] != 1 {
		t.Errorf("run = %v, asked %v", err, asked)
	}
	m.Out += "2"
	cancelled := func(context.Context, string, bool) (string, error) { return "", context.Canceled }
	err := m.run(t.Context(), io.Discard, cancelled, func(string) string { return "" })
	if !errors.Is(err, context.Canceled) || errors.As(err, new(*command.Refused)) {
		t.Errorf("Ctrl-C at the question: %v", err)
	}
}

func TestDoctor(t *testing.T) {
	h, foreign, plain := newHub(t, true), newHub(t, true), newHub(t, false)
	foreignName := newHub(t, true)
	foreignName.authority = h.authority
	elsewhere, err := h.authority.ServerTLS([]string{"other.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	wrongName := httptest.NewUnstartedServer(http.NotFoundHandler())
	wrongName.TLS = elsewhere
	wrongName.StartTLS()
	defer wrongName.Close()
	secure := func(s string) string { return strings.Replace(s, "http:", "https:", 1) }
	const nobody = "https://127.0.0.1:1"
	over := h.kit(h.URL)
	over.Expires = time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name  string
		kit   ident.Kit
		drift time.Duration
		code  int
		says  []string
	}{
		{"all well", h.kit(h.URL), 0, command.Done, []string{"[ĐẠT] Tệp kit nguyên vẹn", "đúng là hub", "lệch hub", "Máy này ghi danh được"}},
		{"one of two addresses", h.kit(nobody, h.URL), 0, command.Done, []string{"[CHÚ Ý] Không kết nối được " + nobody, "Máy này ghi danh được"}},
		{"no address answers", h.kit(nobody), 0, command.Failed, []string{"[LỖI] Không tới được hub"}},
		{"clock of 1970", h.kit(h.URL), -50 * 365 * 24 * time.Hour, command.Done, []string{"[CHÚ Ý] Đồng hồ máy này lệch", "Máy này ghi danh được"}},
		{"clock of 2050", h.kit(h.URL), 24 * 365 * 24 * time.Hour, command.Done, []string{"[CHÚ Ý] Theo đồng hồ máy này", "Máy này ghi danh được"}},
		{"over by the hub's clock", over, 0, command.Failed, []string{"[LỖI] Theo đồng hồ của hub", "Chưa ghi danh được"}},
		{"another hub", h.kit(foreign.URL), 0, command.Failed, []string{"[LỖI]", "là một hub khác với hub trong kit"}},
		{"another hub on one of two", h.kit(h.URL, foreign.URL), 0, command.Failed, []string{"Chưa ghi danh được"}},
		{"wrong name", h.kit(wrongName.URL), 0, command.Failed, []string{"[LỖI] Đúng hub", "other.example"}},
		{"no TLS", h.kit(secure(plain.URL)), 0, command.Failed, []string{"không trả lời bằng TLS"}},
	} {
		var text bytes.Buffer
		if err := c.kit.Write(&text); err != nil {
			t.Fatal(err)
		}
		path := file(t, text.String())
		var out strings.Builder
		failed := false
		for _, f := range examine(t.Context(), path, func() time.Time { return time.Now().Add(c.drift) }) {
			out.WriteString(f.String() + "\n")
			failed = failed || f.grade == bad
		}
		for _, says := range c.says {
			if !strings.Contains(out.String(), says) {
				t.Errorf("%s: no %q in\n%s", c.name, says, &out)
			}
		}
		if failed != (c.code == command.Failed) {
			t.Errorf("%s: failed %v in\n%s", c.name, failed, &out)
		}
		if c.drift == 0 {
			if code, stdout, stderr := run(t, "doctor", "--kit", path); code != c.code {
				t.Errorf("%s: exit %d, %s%s", c.name, code, stdout, stderr)
			}
		}
		if strings.Contains(out.String(), c.kit.Secret) {
			t.Errorf("%s: the secret was printed", c.name)
		}
	}
}

func TestDoctorOnBrokenFiles(t *testing.T) {
	h := newHub(t, true)
	var text bytes.Buffer
	if err := h.kit(h.URL).Write(&text); err != nil {
		t.Fatal(err)
	}
	open := file(t, text.String())
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, says string
		code             int
	}{
		{"missing", filepath.Join(t.TempDir(), "none"), "Không mở được", command.Failed},
		{"cut", file(t, text.String()[:100]), "cut off", command.Failed},
		{"empty", file(t, ""), "bị hỏng", command.Failed},
		{"readable by others", open, "chmod 600", command.Done},
	} {
		if code, stdout, _ := run(t, "doctor", "--kit", c.path); code != c.code || !strings.Contains(stdout, c.says) {
			t.Errorf("%s: exit %d, %s", c.name, code, stdout)
		}
	}
}

func TestManual(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"kit", "--help"}, {"doctor", "--help"}, {"--version"}} {
		if code, stdout, stderr := run(t, args...); code != command.Done || !strings.Contains(stdout, "provisioning") {
			t.Errorf("%q: exit %d, %s%s", args, code, stdout, stderr)
		}
	}
	if code := Main([]string{"nothing"}, io.Discard, io.Discard); code != command.Usage {
		t.Errorf("an unknown command exits %d", code)
	}
}
