package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

var everyMutant = flag.Bool("mutants", false, "build and try every mutant, not one in six")

// TestMutants breaks every rule, one at a time, and demands that the test made
// for it fails: a suite that passes on broken code proves nothing. Every mutant
// must fit the code; one in six is built and tried, and all of them by make
// mutants.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("breaks and builds the package many times; run without -short")
	}
	unbroken := &sound{binary: mutant{}.build(t)}
	for i, m := range readMutants(t) {
		t.Run(m.name, func(t *testing.T) {
			m.source(t)
			if i%6 > 0 && !*everyMutant {
				return
			}
			t.Parallel()
			binary := m.build(t)
			for _, test := range m.tests() {
				m.mustFail(t, binary, unbroken.passes(t, test)...)
			}
		})
	}
}

// source is the mutant's file, broken.
func (m mutant) source(t *testing.T) (path string, broken []byte) {
	t.Helper()
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
	return path, bytes.Replace(source, []byte(m.old), []byte(m.new), 1)
}

// build compiles the tests with the mutant in the place of its file.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "mutant.bin")
	if m.file == "" { // the unbroken package
		m.compile(t, "-o", binary)
		return binary
	}
	path, source := m.source(t)
	broken := filepath.Join(dir, "mutant.go")
	write(t, broken, source)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	m.compile(t, "-overlay="+filepath.Join(dir, "overlay.json"), "-o", binary)
	return binary
}

func (m mutant) compile(t *testing.T, args ...string) {
	t.Helper()
	all := append(append([]string{"test", "-c", "-vet=off", "-gcflags=-l", "-ldflags=-s -w"}, args...), ".")
	if out, err := run(t, "go", all...); err != nil {
		t.Fatalf("mutant does not compile: %v\n%s", err, out)
	}
}

// tests must each notice the mutant by themselves.
func (m mutant) tests() []string {
	if m.sim {
		return []string{m.test, "TestSimulate"}
	}
	return []string{m.test}
}

// sound is the unbroken package. Tests that fail on it would catch any mutant.
type sound struct {
	binary string
	passed sync.Map // test → func() string: run once, what was wrong
}

// passes returns the arguments that run one test, after it passed on the
// unbroken package.
func (s *sound) passes(t *testing.T, test string) []string {
	t.Helper()
	args := []string{"-test.run=^" + test + "$", "-sim.n=24"}
	once, _ := s.passed.LoadOrStore(test, sync.OnceValue(func() string {
		out, err := run(t, s.binary, args...)
		if err == nil && !strings.Contains(string(out), "no tests to run") {
			return ""
		}
		return fmt.Sprintf("%v\n%s", err, out)
	}))
	if wrong := once.(func() string)(); wrong != "" {
		t.Fatalf("%s does not pass on unbroken code: %s", strings.Join(args, " "), wrong)
	}
	return args
}

// mustFail wants a test to have failed: a crash before any test, a time limit
// or an argument nobody knows catches nothing.
func (m mutant) mustFail(t *testing.T, binary string, args ...string) {
	t.Helper()
	if out, err := run(t, binary, args...); err == nil || !caught(out) {
		t.Errorf("survived %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func caught(out []byte) bool {
	return bytes.Contains(out, []byte("--- FAIL: ")) && !bytes.Contains(out, []byte("no tests to run"))
}

// TestCaughtMeansATestFailed: any other way to end with an error is no catch.
func TestCaughtMeansATestFailed(t *testing.T) {
	for out, want := range map[string]bool{
		"--- FAIL: TestRule1 (0.00s)\nFAIL\n":                       true,
		"flag provided but not defined: -sim.n\nUsage of mutant:\n": false,
		"panic: before any test\n\ngoroutine 1 [running]:\n":        false,
		"testing: warning: no tests to run\nPASS\n":                 false,
		"signal: killed": false,
	} {
		if caught([]byte(out)) != want {
			t.Errorf("caught(%q) = %v, want %v", out, !want, want)
		}
	}
}

func run(t *testing.T, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if name == "go" { // a compiler that ends soon need not tidy up
		cmd.Env = append(os.Environ(), "GOGC=off")
	}
	out, err := cmd.CombinedOutput()
	return out, errors.Join(err, ctx.Err())
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
