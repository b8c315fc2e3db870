package agent

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// program is the kiosk's program, as it is shipped, in a process of its own.
type program struct {
	url  string
	path string
	args []string
	cmd  *exec.Cmd
}

// newProgram builds it; it runs from start to kill, or to the test's end.
func newProgram(t *testing.T, data string, flags ...string) *program {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := &program{url: "http://" + address, path: filepath.Join(t.TempDir(), "kiosk"),
		args: append([]string{"run", "--data", data, "--listen", address, "--reserve-mib", "1"}, flags...)}
	p.build(t)
	t.Cleanup(func() { p.kill(t) })
	return p
}

// build makes the program anew, with more flags than usual.
func (p *program) build(t *testing.T, flags ...string) {
	t.Helper()
	args := append(append([]string{"build"}, flags...), "-o", p.path, "nghe/kiosk")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
}

func (p *program) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Stderr = t.Output()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { _, err := get(p.url + "/api/status"); return err })
}

// kill ends it as a power cut does; once is enough.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if p.cmd == nil {
		return
	}
	p.signal(t, syscall.SIGKILL)
	_ = p.cmd.Wait() // says that it was killed
	p.cmd = nil
}

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// memory is what a process has to itself, and about the most it ever had, in
// bytes. The pages of its program are left aside: the system takes them back
// when it needs them, and brings in as many beside those that are used as it
// likes, of fonts above all.
func memory(t *testing.T, pid int) (now, most int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	kib := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "kB" {
			kib[f[0]], _ = strconv.Atoi(f[1])
		}
	}
	now, most = kib["RssAnon:"]<<10, (kib["VmHWM:"]-kib["RssFile:"])<<10
	if now <= 0 || most <= 0 {
		t.Fatal("the kernel does not tell")
	}
	return now, most
}

// The largest messages there are, one after another and several at once, leave
// the agent within what a small machine can spare.
func TestMessagesTakeLittleMemory(t *testing.T) {
	const limit = 26 << 20 // 22 MiB when this was written; 5 MiB without a message
	data := filepath.Join(t.TempDir(), "data")
	enrolled(t, data)
	agent := newProgram(t, data)
	agent.start(t)
	url, pid := agent.url, agent.cmd.Process.Pid
	_, before := memory(t, pid)
	big := letter{code: "4Q7K9M2XHT", kind: "khen", reader: "named", words: strings.Repeat("ữ", 2000), voice: recording(1<<20 - 100), photo: picture(t, 2200)}
	if len(big.photo) < 2<<20 || len(big.photo) > 3<<20 {
		t.Fatalf("a photo of %d bytes", len(big.photo))
	}
	done := make(chan string, 8)
	for i := range cap(done) {
		big.request = fmt.Sprint("big-", i)
		l := big
		go func() {
			status, text := postForm(t, url, l)
			for status == http.StatusServiceUnavailable { // it is another's turn: the page sends again, too
				status, text = postForm(t, url, l)
			}
			if status == http.StatusCreated {
				text = ""
			}
			done <- text
		}()
	}
	for range cap(done) {
		if text := <-done; text != "" {
			t.Error(text)
		}
	}
	now, most := memory(t, pid)
	t.Logf("%d MiB before, %d MiB at most, %d MiB now", before>>20, most>>20, now>>20)
	if most > limit {
		t.Errorf("%d MiB resident, limit %d", most>>20, limit>>20)
	}
}
