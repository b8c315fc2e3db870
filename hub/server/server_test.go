package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/ident"
)

const password = "mật khẩu để thử"

func free(t *testing.T) string {
	t.Helper()
	for range 1000 { // below the ports that outgoing connections take, above those Chromium refuses
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 11_000+rand.IntN(20_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

// started is a hub that answers at url until the test ends.
func started(t *testing.T) (cfg Config, url string, printed func() string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	cfg = Config{Data: filepath.Join(t.TempDir(), "hub"), Kiosks: free(t), Listen: free(t), FirstPassword: password,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Print: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, line)
		}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	t.Cleanup(stop)
	url = "http://" + cfg.Listen
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(url + "/healthz")
		if err == nil {
			response.Body.Close()
			return cfg, url, func() string {
				mu.Lock()
				defer mu.Unlock()
				return strings.Join(lines, "\n")
			}
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func ask(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func wantKit(t *testing.T, url, name, word string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/api/kits", strings.NewReader(`{"place":"qt-01"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if name != "" {
		r.SetBasicAuth(name, word)
	}
	return r
}

func TestKitsAreForOperators(t *testing.T) {
	cfg, url, printed := started(t)
	if got := printed(); !strings.Contains(got, "admin") || strings.Contains(got, password) {
		t.Errorf("printed %q; want the name, and not a password that was given", got)
	}
	for _, c := range []struct {
		name, user, word string
		status           int
	}{{"nobody", "", "", 401}, {"wrong password", "admin", "sai", 401}, {"unknown", "ai đó", password, 401}} {
		if status, body := ask(t, wantKit(t, url, c.user, c.word)); status != c.status || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	status, body := ask(t, wantKit(t, url, "admin", password))
	kit, err := ident.ReadKit(strings.NewReader(body))
	if status != http.StatusOK || err != nil || kit.Place.ID != "qt-01" || kit.Hub[0] != "https://"+cfg.Kiosks {
		t.Errorf("kit = %d %s, %v", status, body, err)
	}
	cross := wantKit(t, url, "admin", password)
	cross.Header.Set("Origin", "https://elsewhere.example")
	if status, _ := ask(t, cross); status != http.StatusForbidden {
		t.Errorf("a page of another site got %d", status)
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	_, url, _ := started(t)
	request, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, request); status != http.StatusOK || !strings.Contains(body, "nghe_intake_records_total 0") {
		t.Errorf("metrics = %d %.300s", status, body)
	}
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	if status, _ := ask(t, request); status != http.StatusForbidden {
		t.Errorf("a stranger behind the proxy got %d", status)
	}
}

func TestCommandsBesideAServer(t *testing.T) {
	cfg, _, _ := started(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"status", []string{"status", "--data", cfg.Data}, command.Done, "0 journals"},
		{"status as JSON", []string{"status", "--json", "--data", cfg.Data}, command.Done, `"quarantined_records": 0`},
		{"export nothing", []string{"export", "answers", "--data", cfg.Data}, command.Done, ""},
		{"export a sheet", []string{"export", "answers", "--format", "csv", "--data", cfg.Data}, command.Done, "taken_at"},
		{"audit", []string{"audit", "--data", cfg.Data}, command.Done, "0 segments"},
		{"rebuild", []string{"rebuild", "--data", cfg.Data}, command.Done, "rebuilt"},
		{"accounts", []string{"account", "list", "--data", cfg.Data}, command.Done, "admin"},
		{"a second operator", []string{"account", "add", "lan", "--data", cfg.Data}, command.Done, "shown this once"},
		{"the same again", []string{"account", "add", "lan", "--data", cfg.Data}, command.Failed, ""},
		{"a lost password", []string{"account", "password", "admin", "--data", cfg.Data}, command.Done, "shown this once"},
		{"nobody's password", []string{"account", "password", "ai", "--data", cfg.Data}, command.Failed, ""},
		{"shut", []string{"account", "disable", "lan", "--data", cfg.Data}, command.Done, ""},
		{"the last admin", []string{"account", "disable", "admin", "--data", cfg.Data}, command.Failed, ""},
		{"opened", []string{"account", "enable", "lan", "--data", cfg.Data}, command.Done, ""},
		{"no data", []string{"status"}, command.Usage, ""},
		{"bad day", []string{"export", "answers", "--from", "hôm qua", "--data", cfg.Data}, command.Usage, ""},
		{"bad format", []string{"export", "answers", "--format", "doc", "--data", cfg.Data}, command.Usage, ""},
		{"bad thing", []string{"export", "secrets", "--data", cfg.Data}, command.Usage, ""},
		{"data that is not there", []string{"status", "--data", filepath.Join(cfg.Data, "none")}, command.Failed, ""},
		{"bad database", []string{"status", "--database", "mysql://x"}, command.Failed, ""},
		{"no command", nil, command.Usage, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Main(c.args, &stdout, &stderr)
			if code != c.code || !strings.Contains(stdout.String(), c.says) {
				t.Errorf("hub %v = %d\n%s\n%s", c.args, code, &stdout, &stderr)
			}
			if len(c.args) > 1 && c.args[1] == "--json" && !json.Valid(stdout.Bytes()) {
				t.Error("not JSON")
			}
		})
	}
}

func TestProxySaysWhoAsks(t *testing.T) {
	for header, want := range map[string]string{"": "127.0.0.1:5", "203.0.113.9": "203.0.113.9:0",
		"198.51.100.1, 203.0.113.9": "203.0.113.9:0", "nonsense": "127.0.0.1:5", "2001:db8::1": "[2001:db8::1]:0"} {
		var got string
		handler := fromProxy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		request := &http.Request{RemoteAddr: "127.0.0.1:5", Header: http.Header{}}
		request.Header.Set("X-Forwarded-For", header)
		if handler.ServeHTTP(nil, request); got != want {
			t.Errorf("X-Forwarded-For %q: %s, want %s", header, got, want)
		}
	}
}

func TestRefusesToBegin(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	locked := t.TempDir()
	lock, err := durable.Lock(locked)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for _, c := range []struct {
		name string
		cfg  Config
		says string
	}{
		{"two hubs on one folder", Config{Data: locked}, "another hub"},
		{"kiosks' address in use", Config{Kiosks: taken.Addr().String()}, "--kiosks"},
		{"people's address in use", Config{Listen: taken.Addr().String()}, "--listen"},
		{"certificate without key", Config{Certificate: "x.pem"}, "go together"},
		{"certificate that is not there", Config{Certificate: "x.pem", Key: "y.pem"}, "x.pem"},
		{"unknown database", Config{Database: "mysql://x"}, "postgres://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.cfg.Data == "" {
				c.cfg.Data = t.TempDir()
			}
			if c.cfg.Kiosks == "" {
				c.cfg.Kiosks = free(t)
			}
			if c.cfg.Listen == "" {
				c.cfg.Listen = free(t)
			}
			err := Run(t.Context(), c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Run = %v, want %q", err, c.says)
			}
		})
	}
}
