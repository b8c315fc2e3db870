package agent

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"
)

// front is a page that proves its frames by the screen's own script and hangs
// when told to, before the API of an agent.
type front struct {
	url   string
	hang  atomic.Bool
	asked atomic.Int64 // times the page asked whether to hang
}

const hangsWhenTold = `import { beat } from "./pulse";
void beat();
setInterval(async () => { if (await (await fetch("/hang")).text() === "yes") for (;;) {} }, 200);`

func newFront(t *testing.T, agent string) *front {
	t.Helper()
	script := api.Build(api.BuildOptions{Bundle: true, Format: api.FormatESModule,
		Stdin: &api.StdinOptions{Contents: hangsWhenTold, ResolveDir: "../screen/web/parts", Loader: api.LoaderTS}})
	behind, err := url.Parse(agent)
	if err != nil || len(script.Errors) > 0 {
		t.Fatal(err, script.Errors)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		if r.In.Header.Get("Origin") != "" {
			r.Out.Header.Set("Origin", agent)
		}
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	f := &front{}
	mux := http.NewServeMux()
	mux.Handle("/api/", proxy)
	mux.HandleFunc("/hang", func(w http.ResponseWriter, _ *http.Request) {
		f.asked.Add(1)
		fmt.Fprint(w, map[bool]string{true: "yes", false: "no"}[f.hang.Load()])
	})
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(script.OutputFiles[0].Contents)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Nghe</title><script type="module" src="/page.js"></script>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// kiosked is a browser that a script ends and starts, as a kiosk's unit does.
type kiosked struct{ dir, script string }

func newKiosked(t *testing.T) *kiosked {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing: apt-get install -y --no-install-recommends chromium")
	}
	dir, err := os.MkdirTemp("", "nghe-kiosked-")
	if err != nil {
		t.Fatal(err)
	}
	b := &kiosked{dir, filepath.Join(dir, "restart")}
	text := fmt.Sprintf(`cd %s
echo >> restarts
[ -f pid ] && kill -9 $(cat pid)
%s --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir=profile-$(wc -l < restarts) "$(cat url)" </dev/null >/dev/null 2>&1 &
echo $! > pid
`, dir, chromium)
	if err := os.WriteFile(b.script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		for range 100 { // its children go a moment later, and write until then
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	return b
}

// starts it for the first time, on a page.
func (b *kiosked) starts(t *testing.T, url string) {
	t.Helper()
	err := errors.Join(os.WriteFile(filepath.Join(b.dir, "url"), []byte(url), 0o600), exec.Command("/bin/sh", b.script).Run())
	if err != nil {
		t.Fatal(err)
	}
}

// brought is how often it was started again.
func (b *kiosked) brought() int {
	text, _ := os.ReadFile(filepath.Join(b.dir, "restarts"))
	return bytes.Count(text, []byte("\n")) - 1
}

// TestFrozenScreenIsBroughtBack stops and restarts the agent under a healthy
// page, which nobody may disturb; then hangs the page for ever, by its script.
func TestFrozenScreenIsBroughtBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of a real browser")
	}
	const patience, longer = 8 * time.Second, 10 * time.Second
	data := filepath.Join(t.TempDir(), "data")
	enrolled(t, data)
	browser := newKiosked(t)
	a := newProgram(t, data, "--pulse", patience.String(), "--browser-restart", "/bin/sh "+browser.script)
	a.start(t)
	page := newFront(t, a.url)
	browser.starts(t, page.url)
	eventually(t, func() error { return page.answers(0) })

	a.signal(t, syscall.SIGSTOP)
	time.Sleep(longer)
	a.signal(t, syscall.SIGCONT)
	time.Sleep(longer)
	a.kill(t)
	time.Sleep(patience / 2)
	a.start(t)
	time.Sleep(longer)
	if n := browser.brought(); n != 0 {
		t.Fatalf("a healthy page was disturbed %d times while its agent was stopped", n)
	}

	page.hang.Store(true)
	began := time.Now()
	eventually(t, func() error {
		if n := browser.brought(); n != 1 {
			return fmt.Errorf("brought back %d times", n)
		}
		return nil
	})
	if took := time.Since(began); took < patience/2 || took > 2*patience {
		t.Errorf("noticed after %v, want about %v", took, patience)
	}
	page.hang.Store(false)
	before := page.asked.Load()
	eventually(t, func() error { return page.answers(before) })
	time.Sleep(longer)
	if n := browser.brought(); n != 1 {
		t.Errorf("the new browser was brought back as well: %d times", n)
	}
}

// answers says that the page's script runs since then.
func (f *front) answers(since int64) error {
	if f.asked.Load() <= since {
		return errors.New("no page asks")
	}
	return nil
}
