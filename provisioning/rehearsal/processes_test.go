package rehearsal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// programs are built once per test run, by the first test that starts one, with
// the flags of `make build`.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nghe-bin-")
	if err != nil {
		return "", err
	}
	built = dir
	cmd := exec.Command("go", "build", "-o", dir+"/", "nghe/kiosk", "nghe/hub", "nghe/provisioning")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
})

// built is the folder of programs, once there is one.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// process is a program that is killed and started again.
type process struct {
	t    testing.TB
	path string
	args []string
	env  []string
	log  *os.File
	cmd  *exec.Cmd
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// kill is kill -9: no goodbye, no flush.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.cmd = nil
}

// stop asks politely, as Ctrl-C does, and demands a clean end.
func (p *process) stop() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Signal(os.Interrupt)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s did not stop cleanly: %v", filepath.Base(p.path), err)
	}
	p.cmd = nil
}

// ward is one hub and one enrolled kiosk on this machine.
type ward struct {
	t                       testing.TB
	dir                     string
	kiosks, console, screen string
	database                []string // flags naming the hub's database
	archive                 []string // variables naming its archive; none: it has none of its own
	hub, kiosk              *process
}

const firstPassword = "chỉ-dùng-khi-diễn-tập"

// newWard is a ward whose hub serves and whose kiosk is enrolled.
func newWard(t testing.TB, database ...string) *ward {
	t.Helper()
	w := planWard(t, database...)
	w.found()
	return w
}

// planWard is one where nothing runs yet.
func planWard(t testing.TB, database ...string) *ward {
	t.Helper()
	dir := t.TempDir()
	w := &ward{t: t, dir: dir, kiosks: freeAddress(t), console: freeAddress(t), screen: freeAddress(t), database: database}
	w.hub = &process{t: t, path: program(t, "hub"), log: w.logFile("hub"),
		args: append([]string{"serve", "--data", w.path("hub"), "--kiosks", w.kiosks, "--listen", w.console}, database...),
		env:  []string{"NGHE_FIRST_PASSWORD=" + firstPassword}}
	w.kiosk = &process{t: t, path: program(t, "kiosk"), log: w.logFile("kiosk"),
		args: []string{"run", "--data", w.path("kiosk"), "--listen", w.screen, "--kit", w.path("kit")}}
	t.Cleanup(func() { w.kiosk.kill(); w.hub.kill(); w.showLogs() })
	return w
}

// archivesTo has the hub use a store that, as far as it may know, outlives its
// disk. The location holds a secret, so it is told where ps does not look.
func (w *ward) archivesTo(location string) {
	w.archive = []string{"NGHE_ARCHIVE=" + location, "NGHE_ARCHIVE_ON_SAME_DISK_IS_OK=true"}
	w.hub.env = append(w.hub.env, w.archive...)
}

func (w *ward) found() {
	w.t.Helper()
	w.hub.start()
	w.await("http://" + w.console + "/healthz")
	w.enrol()
}

func (w *ward) enrol() {
	w.t.Helper()
	cmd := exec.Command(program(w.t, "provisioning"), "kit", "--hub", "http://"+w.console,
		"--place", "qt-01", "--user", "admin", "--out", w.path("kit"))
	cmd.Env = append(os.Environ(), "NGHE_PASSWORD="+firstPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("provisioning kit: %v\n%s", err, out)
	}
	w.kiosk.start()
	w.await("http://" + w.screen + "/api/status")
}

func (w *ward) path(name string) string { return filepath.Join(w.dir, name) }

func (w *ward) logFile(name string) *os.File {
	w.t.Helper()
	f, err := os.Create(w.path(name + ".log"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return f
}

// showLogs prints the tail of every log when the test failed.
func (w *ward) showLogs() {
	if !w.t.Failed() {
		return
	}
	for _, name := range []string{"hub", "kiosk"} {
		text, _ := os.ReadFile(w.path(name + ".log"))
		w.t.Logf("%s:\n%s", name, text[max(0, len(text)-4000):])
	}
}

func (w *ward) await(url string) {
	w.t.Helper()
	w.eventually("answer of "+url, func() error {
		response, err := http.Get(url)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", response.Status)
		}
		return nil
	})
}

// eventually waits for what the two programs do on their own.
func (w *ward) eventually(what string, check func() error) {
	w.t.Helper()
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	w.t.Fatalf("%s: %v", what, err)
}

// tap posts one rating until it is acknowledged, with the same request id, as
// the page does. It returns the record's id.
func (w *ward) tap(request string, score int) string {
	w.t.Helper()
	body := fmt.Sprintf(`{"request":%q,"answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":%d}}`, request, score)
	var id string
	w.eventually("tap "+request, func() (err error) {
		id, err = w.post(body)
		return err
	})
	return id
}

var impatient = &http.Client{Timeout: 5 * time.Second}

func (w *ward) post(body string) (string, error) {
	response, err := impatient.Post("http://"+w.screen+"/api/answers", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s", response.Status, text)
	}
	var receipt struct{ ID string }
	return receipt.ID, json.Unmarshal(text, &receipt)
}

// command runs one of the hub's commands on its data and returns what it
// printed.
func (w *ward) command(name string, args ...string) (string, error) {
	cmd := exec.Command(program(w.t, "hub"), append(append([]string{name}, args...), append([]string{"--data", w.path("hub")}, w.database...)...)...)
	cmd.Env = append(os.Environ(), w.archive...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("hub %s: %w\n%s", name, err, &stderr)
	}
	return stdout.String(), nil
}

// exported counts the ids `hub export answers` prints.
func (w *ward) exported() (map[string]int, error) {
	text, err := w.command("export", "answers", "--format", "ndjson")
	if err != nil {
		return nil, err
	}
	ids := map[string]int{}
	for line := range strings.Lines(text) {
		var row struct{ ID string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, fmt.Errorf("export line %q: %w", line, err)
		}
		ids[row.ID]++
	}
	return ids, nil
}

// holds waits until the hub exports exactly these ids, each once, and nothing
// else, and then demands a clean audit.
func (w *ward) holds(ids []string) {
	w.t.Helper()
	w.eventually("all taps at the hub", func() error { return w.compare(ids, false) })
	if err := w.compare(ids, true); err != nil {
		w.t.Error(err)
	}
	if out, err := w.command("audit"); err != nil {
		w.t.Errorf("%v\n%s", err, out)
	}
}

func (w *ward) compare(ids []string, exactly bool) error {
	got, err := w.exported()
	if err != nil {
		return err
	}
	missing := 0
	for _, id := range ids {
		if got[id] == 0 {
			missing++
		}
		if got[id] > 1 {
			w.t.Fatalf("answer %s was exported %d times", id, got[id])
		}
		delete(got, id)
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d acknowledged taps are not at the hub", missing, len(ids))
	}
	if exactly && len(got) > 0 {
		return fmt.Errorf("%d answers at the hub that nobody tapped", len(got))
	}
	return nil
}

func freeAddress(t testing.TB) string {
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
