package rehearsal

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// manual runs the commands of README.md as whoever reads them would, on this
// machine.
type manual struct {
	*ward
	commands [][]string // as written, in order
	starts   int        // of the hub
}

func newManual(t *testing.T) *manual {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Running it for real\n")
	section, _, _ = strings.Cut(section, "\n## ")
	m := &manual{ward: planWard(t)}
	m.hub.env = []string{"NGHE_KIOSKS=" + m.kiosks}
	m.kiosk.env = []string{"NGHE_LISTEN=" + m.screen}
	m.archive = []string{"NGHE_ARCHIVE_ON_SAME_DISK_IS_OK=true"} // both are in the test's folder
	m.hub.env = append(m.hub.env, m.archive...)
	for i, block := range strings.Split(section, "```") {
		for line := range strings.Lines(block) {
			if words := strings.Fields(line); i%2 == 1 && len(words) > 0 {
				m.commands = append(m.commands, words)
			}
		}
	}
	return m
}

// here puts this machine's names in the place of the manual's.
func (m *manual) here(words []string) []string {
	m.t.Helper()
	_, port, err := net.SplitHostPort(m.console)
	if err != nil {
		m.t.Fatal(err)
	}
	names := strings.NewReplacer("/var/lib/nghe-hub", m.path("hub"), "/var/lib/nghe-kiosk", m.path("kiosk"), "/mnt/archive/nghe", m.path("archive"),
		"hub.example.vn", "localhost", ":8443", ":"+port, "kit.json", m.path("kit"), "recovery.txt", m.path("recovery.txt"), "sha256-…", m.inLog(`pin=(\S+)`))
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = names.Replace(word)
	}
	return all
}

// inLog finds what the hub printed or logged; "" before it did.
func (m *manual) inLog(pattern string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.path("hub.log"))
	if err != nil {
		m.t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// run does one command; those that serve go on.
func (m *manual) run(words []string) {
	m.t.Helper()
	args := m.here(words)
	switch strings.Join(words[:2], " ") {
	case "hub serve":
		m.hub.args = args[1:]
		m.hub.start()
		m.starts++
		m.eventually("the hub is ready", func() error {
			if text, err := os.ReadFile(m.path("hub.log")); err != nil || strings.Count(string(text), "ready for kiosks") < m.starts {
				return errors.Join(err, errors.New("it does not say so"))
			}
			return nil
		})
	case "kiosk run":
		m.kiosk.args = args[1:]
		m.kiosk.start()
		m.await("http://" + m.screen + "/api/status")
	default:
		cmd := exec.Command(program(m.t, args[0]), args[1:]...)
		cmd.Env = append(os.Environ(), append(m.archive, "NGHE_PASSWORD="+m.inLog(`password (\S+)`))...)
		out, err := cmd.CombinedOutput()
		if err == nil && words[1] == "recovery-key" { // which the reader writes down
			err = os.WriteFile(m.path("recovery.txt"), out, 0o600)
		}
		if err != nil {
			m.t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
		}
	}
}

// The commands of the README do what it says, word by word: from an empty
// machine to a hub that lost its disk and came back.
func TestCommandsOfTheREADME(t *testing.T) {
	m := newManual(t)
	var ids []string
	for n, words := range m.commands {
		switch strings.Join(words[:2], " ") {
		case "hub restore":
			m.holds(ids)
			m.hub.kill()
			if err := os.RemoveAll(m.path("hub")); err != nil {
				t.Fatal(err)
			}
		}
		m.run(words)
		if m.kiosk.cmd != nil {
			ids = append(ids, m.tap(fmt.Sprintf("tap-%d", n), 1+n%5))
		}
	}
	if len(ids) < 6 || m.starts != 2 {
		t.Fatalf("%d commands, %d taps, the hub began %d times: the README says less than it did", len(m.commands), len(ids), m.starts)
	}
	m.holds(ids)
	m.kiosk.stop()
	m.hub.stop()
}
