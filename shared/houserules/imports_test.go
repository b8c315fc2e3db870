package houserules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// importsBreak is the table and the three directions that never change.
func importsBreak(r *tree) (broken []string) {
	for _, p := range sorted(r.pkgs) {
		row, known := table[p.path]
		if !known {
			broken = append(broken, fmt.Sprintf("%s: no row in shared/houserules/table_test.go; add one that says what it does and what it may import", p.path))
			continue
		}
		for _, f := range p.files {
			project, modules := f.imports()
			for _, to := range project {
				if why := wrongImport(p.path, row, to, f.test); why != "" {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", f.path, to, why))
				}
			}
			for _, m := range modules {
				if why := wrongModule(p.path, row, m, f.test); why != "" {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", f.path, m, why))
				}
			}
		}
	}
	return broken
}

func wrongImport(from string, row row, to string, test bool) string {
	if from != "provisioning/rehearsal" && !mayMeet(side(from), side(to)) {
		return fmt.Sprintf("%s never imports %s; move what both need to shared/", side(from), side(to))
	}
	if table[to].tests && !test && !row.tests {
		return "it is for tests only; use it from a _test.go file"
	}
	if !test && !within(to, row.project) {
		return "not in its row of the table; use what the row names, or add it to the row with a reason"
	}
	return ""
}

// side is the first folder of a package; provisioning may use shared only.
func side(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func mayMeet(from, to string) bool { return from == to || from != "shared" && to == "shared" }

func wrongModule(from string, row row, name string, test bool) string {
	switch {
	case name == "C" && from != "shared/sqlite/powercut":
		return "cgo stays behind go-sqlite3; write it in Go"
	case name == "C" || ofModule(name, row.modules):
		return ""
	case (test || row.tests) && (ofModule(name, testModules) || ofModule(name, rowModules())):
		return ""
	}
	return "third-party modules stand in one or two rows of the table; go through the package that has it, or add it to the row with a reason"
}

// rowModules are the modules some package may import; tests may use them all.
func rowModules() (all []string) {
	for _, row := range table {
		all = append(all, row.modules...)
	}
	return all
}

// reachBreak is about what a package reaches through others.
func reachBreak(r *tree) (broken []string) {
	for _, rule := range []struct{ from, to, why string }{
		{"kiosk/screen", "kiosk/uplink", "a tap must not know whether there is a network"},
		{"kiosk", "shared/sqlite/powercut", "tests' tools are not linked into a program"},
		{"kiosk", "hub/...", "a kiosk does not hold the hub"},
		{"hub", "kiosk/...", "the hub does not hold a kiosk"},
		{"hub", "hub/database/pgtest", "tests' tools are not linked into a program"},
		{"hub/console", "hub/intake", "pages never reach a kiosk's session"},
		{"provisioning", "shared/sqlite", "the program must build without cgo, for an office Windows PC"},
		{"provisioning", "provisioning/rehearsal", "tests' tools are not linked into a program"},
	} {
		if way := r.way(rule.from, rule.to, nil); way != nil {
			broken = append(broken, fmt.Sprintf("%s: %s", strings.Join(way, " -> "), rule.why))
		}
	}
	return broken
}

// way finds a chain of imports, tests left aside.
func (r *tree) way(from, to string, seen map[string]bool) []string {
	if seen == nil {
		seen = map[string]bool{}
	}
	if p := r.pkgs[from]; p != nil && !seen[from] {
		seen[from] = true
		for _, f := range p.files {
			project, _ := f.imports()
			for _, next := range project {
				if f.test {
					break
				}
				if within(next, []string{to}) {
					return []string{from, next}
				}
				if rest := r.way(next, to, seen); rest != nil {
					return append([]string{from}, rest...)
				}
			}
		}
	}
	return nil
}

// modulesBreak: every direct requirement of go.mod has a row that uses it.
func modulesBreak(goMod string) (broken []string) {
	allowed := append(rowModules(), testModules...)
	for line := range strings.Lines(goMod) {
		field := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(field) != 2 || !strings.HasPrefix(field[1], "v") || !strings.Contains(field[0], ".") {
			continue // not a requirement, or an indirect one
		}
		if !slices.Contains(allowed, field[0]) {
			broken = append(broken, fmt.Sprintf("go.mod requires %s, which no row of the table may import; run go mod tidy, or add it to the row that needs it", field[0]))
		}
	}
	return broken
}

func TestImports(t *testing.T) {
	r := repository(t)
	report(t, importsBreak(r))
	report(t, reachBreak(r))
	goMod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	report(t, modulesBreak(string(goMod)))
}

func TestImportsBite(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"no row":                {"kiosk/radio/radio.go", `package radio`, "no row"},
		"not in the row":        {"kiosk/outbox/a.go", `package outbox; import _ "nghe/shared/ident"`, "not in its row"},
		"screen to uplink":      {"kiosk/screen/a.go", `package screen; import _ "nghe/kiosk/uplink"`, "not in its row"},
		"kiosk to hub":          {"kiosk/agent/a.go", `package agent; import _ "nghe/hub/ledger"`, "kiosk never imports hub"},
		"hub to kiosk":          {"hub/server/a.go", `package server; import _ "nghe/kiosk/outbox"`, "hub never imports kiosk"},
		"shared to kiosk":       {"shared/courier/a.go", `package courier; import _ "nghe/kiosk/outbox"`, "shared never imports kiosk"},
		"in a test too":         {"shared/courier/a_test.go", `package courier; import _ "nghe/hub/ledger"`, "shared never imports hub"},
		"a test's tool":         {"kiosk/agent/a.go", `package agent; import _ "nghe/shared/invariants"`, "for tests only"},
		"a second door":         {"hub/ledger/a.go", `package ledger; import _ "github.com/mattn/go-sqlite3"`, "third-party"},
		"a browser":             {"kiosk/screen/a.go", `package screen; import _ "github.com/chromedp/chromedp"`, "third-party"},
		"an unknown module":     {"hub/reports/a_test.go", `package reports; import _ "github.com/stretchr/testify/assert"`, "third-party"},
		"almost the module":     {"hub/intake/a.go", `package intake; import _ "github.com/gorilla/websocketx"`, "third-party"},
		"cgo":                   {"kiosk/vitals/a.go", `package vitals; import "C"`, "cgo"},
		"for another system":    {"kiosk/vitals/a_windows.go", `package vitals; import _ "golang.org/x/sys/windows"`, "third-party"},
		"provisioning to kiosk": {"provisioning/kit/a.go", `package kit; import _ "nghe/kiosk/agent"`, "provisioning never imports kiosk"},
	} {
		bites(t, name, importsBreak(invented(t, map[string]string{c.file: c.text})), c.want)
	}
	allowed := invented(t, map[string]string{
		"kiosk/agent/a.go":                `package agent; import _ "nghe/shared/crew"`,
		"kiosk/screen/a_test.go":          `package screen; import (_ "github.com/chromedp/chromedp"; _ "nghe/shared/sqlite")`,
		"hub/database/a.go":               `package database; import (_ "github.com/jackc/pgx/v5/stdlib"; _ "fmt")`,
		"provisioning/rehearsal/a.go":     `package rehearsal; import (_ "nghe/kiosk/agent"; _ "nghe/hub/server")`,
		"shared/sqlite/powercut/a.go":     `package powercut; import "C"`,
		"hub/intake/a_test.go":            `package intake; import _ "github.com/klauspost/compress/zstd"`,
		"kiosk/outbox/powercut_a_test.go": `package outbox; import _ "nghe/shared/sqlite/powercut"`,
	})
	report(t, importsBreak(allowed))
}

func TestReachBites(t *testing.T) {
	r := invented(t, map[string]string{
		"kiosk/screen/a.go":      `package screen; import _ "nghe/kiosk/outbox"`,
		"kiosk/outbox/a.go":      `package outbox; import _ "nghe/kiosk/uplink"`,
		"kiosk/screen/b_test.go": `package screen`,
	})
	bites(t, "through another", reachBreak(r), "kiosk/screen -> kiosk/outbox -> kiosk/uplink")
	r = invented(t, map[string]string{"kiosk/screen/a_test.go": `package screen; import _ "nghe/kiosk/uplink"`})
	report(t, reachBreak(r))
}

func TestModulesBite(t *testing.T) {
	const text = "module nghe\n\nrequire (\n\tgithub.com/stretchr/testify v1.9.0\n\tgolang.org/x/sys v0.1.0 // indirect\n)\nrequire github.com/pkg/errors v0.9.1\n"
	if got := modulesBreak(text); len(got) != 2 {
		t.Errorf("two modules without a row give %q", got)
	}
}
