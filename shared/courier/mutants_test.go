package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is one way to break a rule, and the test that must notice.
type mutant struct {
	name     string
	file     string
	test     string // -run pattern of the test that must fail
	sim      bool   // and the simulator must notice by itself
	old, new string
}

// TestMutants breaks every rule, one at a time, and demands that the test made
// for it fails: a suite that passes on broken code proves nothing.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("breaks and builds the package many times; run without -short")
	}
	for _, m := range readMutants(t) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			binary := m.build(t)
			m.mustFail(t, binary, "-test.run=^"+m.test+"$", "-sim.n=24")
			if m.sim {
				m.mustFail(t, binary, "-test.run=^TestSimulate$", "-sim.n=24")
			}
		})
	}
}

// build compiles the tests with the mutant in the place of its file.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte(m.old)); n != 1 {
		t.Fatalf("old text occurs %d times in %s, want once: bring testdata/mutants.txt up to date", n, m.file)
	}
	broken := filepath.Join(dir, "mutant.go")
	write(t, broken, bytes.Replace(source, []byte(m.old), []byte(m.new), 1))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	binary := filepath.Join(dir, "mutant.bin")
	out, err := run(t, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay="+filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	if err != nil {
		t.Fatalf("mutant does not compile: %v\n%s", err, out)
	}
	return binary
}

func (m mutant) mustFail(t *testing.T, binary string, args ...string) {
	t.Helper()
	out, err := run(t, binary, args...)
	if err == nil {
		t.Errorf("survived %s\n%s", strings.Join(args, " "), out)
	}
	if strings.Contains(string(out), "no tests to run") {
		t.Errorf("no test matches %s", args[0])
	}
}

func run(t *testing.T, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).CombinedOutput()
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readMutants reads testdata/mutants.txt: "mutant NAME", then "in FILE", "by
// TEST" and perhaps "and the simulator", then the lines to take out after "-"
// and to put in after "+".
func readMutants(t *testing.T) []mutant {
	t.Helper()
	text, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []mutant
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "mutant "); ok {
			all = append(all, mutant{name: name})
			continue
		}
		if len(all) == 0 || !all[len(all)-1].read(line) {
			t.Fatal(fmt.Sprintf("testdata/mutants.txt:%d: cannot read %q", n+1, line))
		}
	}
	return all
}

func (m *mutant) read(line string) bool {
	switch word, rest, _ := strings.Cut(line, " "); {
	case line[0] == '-':
		m.old += line[1:] + "\n"
	case line[0] == '+':
		m.new += line[1:] + "\n"
	case word == "in":
		m.file = rest
	case word == "by":
		m.test = rest
	case line == "and the simulator":
		m.sim = true
	default:
		return false
	}
	return true
}
