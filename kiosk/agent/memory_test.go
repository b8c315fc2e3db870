package agent

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// childData makes the test binary a kiosk's agent with its data there instead
// of a test; it listens on childListen.
const (
	childData   = "NGHE_AGENT_TEST_DATA"
	childListen = "NGHE_AGENT_TEST_LISTEN"
)

func TestMain(m *testing.M) {
	if data := os.Getenv(childData); data != "" {
		debug.SetMemoryLimit(memoryLimit)
		err := Run(context.Background(), Config{Data: data, Listen: os.Getenv(childListen), Room: Room{Reserve: -1}, Logger: slog.New(slog.DiscardHandler)})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child is an agent in a process of its own.
func child(t *testing.T, data string) (url string, pid int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+data, childListen+"="+address)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, func() error { _, err := get("http://" + address + "/api/status"); return err })
	return "http://" + address, cmd.Process.Pid
}

// mostMemory is the most that a process ever had resident, in bytes.
func mostMemory(t *testing.T, pid int) int {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int
		if _, err := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatal("the kernel does not tell")
	return 0
}

// The largest messages there are, one after another and several at once, leave
// the agent within what a small machine can spare.
func TestMessagesTakeLittleMemory(t *testing.T) {
	const limit = 56 << 20 // 43 MiB when this was written; 17 MiB without a message
	data := filepath.Join(t.TempDir(), "data")
	enrolled(t, data)
	url, pid := child(t, data)
	before := mostMemory(t, pid)
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
	after := mostMemory(t, pid)
	t.Logf("%d MiB before, %d MiB after", before>>20, after>>20)
	if after > limit && !underRace {
		t.Errorf("%d MiB resident, limit %d", after>>20, limit>>20)
	}
}
