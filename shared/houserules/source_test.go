package houserules

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile     = 600 // lines of a file
	maxFunction = 120 // lines of a function
	maxMain     = 40  // lines of a program's own package, and of any func main
)

// commentsBreak: every package says what it keeps or does.
func commentsBreak(r *tree) (broken []string) {
	for _, p := range sorted(r.pkgs) {
		said := false
		name := ""
		for _, f := range p.files {
			if f.test {
				continue
			}
			name = f.ast.Name.Name
			said = said || f.ast.Doc != nil && (name == "main" || strings.HasPrefix(f.ast.Doc.Text(), "Package "+name+" "))
		}
		if name == "" && len(p.files) > 0 {
			broken = append(broken, fmt.Sprintf("%s: only tests; add a doc.go with the package comment", p.path))
		} else if !said {
			broken = append(broken, fmt.Sprintf("%s: no package comment; say what it keeps or does, what it promises, what it does not do (\"Package %s …\")", p.path, name))
		}
	}
	return broken
}

// namesBreak: a package is named for what it holds.
func namesBreak(r *tree) (broken []string) {
	for _, p := range sorted(r.pkgs) {
		for _, name := range []string{path.Base(p.path), p.files[0].ast.Name.Name} {
			if slices.Contains(emptyNames, strings.TrimSuffix(name, "_test")) {
				broken = append(broken, fmt.Sprintf("%s: %q says nothing; name the package for what it keeps or does", p.path, name))
				break
			}
		}
	}
	return broken
}

// clockNames are the functions of package time that read or wait for a clock.
var clockNames = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// purityBreak: a pure package gets its time and order from outside.
func purityBreak(r *tree) (broken []string) {
	for _, p := range sorted(r.pkgs) {
		if !table[p.path].pure {
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if what := impure(n); what != "" {
					broken = append(broken, fmt.Sprintf("%s: %s in a pure package; take it as an argument, or do it in the driver", f.at(n), what))
				}
				return true
			})
		}
	}
	return broken
}

func impure(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.ChanType:
		return "a channel"
	case *ast.SelectStmt:
		return "a select"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockNames, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

// sizesBreak: what nobody can read at one sitting is taken apart.
func sizesBreak(r *tree) (broken []string) {
	for name, text := range r.texts {
		if n := lineCount(text); n > maxFile {
			broken = append(broken, fmt.Sprintf("%s: %d lines, limit %d; take it apart", name, n, maxFile))
		}
	}
	for _, p := range sorted(r.pkgs) {
		own := 0
		for _, f := range p.files {
			if !f.test {
				own += f.lines
			}
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					broken = append(broken, functionBreaks(f, fn)...)
				}
			}
		}
		if slices.Contains(programs, p.path) && own > maxMain {
			broken = append(broken, fmt.Sprintf("%s: %d lines, limit %d; a program's main only calls the package that does it", p.path, own, maxMain))
		}
	}
	return broken
}

func functionBreaks(f source, fn *ast.FuncDecl) (broken []string) {
	lines := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1
	switch name := fn.Name.Name; {
	case name == "init" && fn.Recv == nil:
		broken = append(broken, fmt.Sprintf("%s: func init; do it where it is needed, or in a constructor", f.at(fn)))
	case name == "main" && f.ast.Name.Name == "main" && lines > maxMain:
		broken = append(broken, fmt.Sprintf("%s: func main has %d lines, limit %d; return an error from a function tests can call", f.at(fn), lines, maxMain))
	case lines > maxFunction:
		broken = append(broken, fmt.Sprintf("%s: func %s has %d lines, limit %d; take it apart", f.at(fn), name, lines, maxFunction))
	}
	return broken
}

var (
	mark  = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	ended = regexp.MustCompile(`\bTODO\(#\d+\): \S`)
)

// marksBreak: an open end names the issue that will close it.
func marksBreak(r *tree) (broken []string) {
	for _, p := range sorted(r.pkgs) {
		for _, f := range p.files {
			for _, group := range f.ast.Comments {
				for _, c := range group.List {
					if mark.MatchString(c.Text) && !ended.MatchString(c.Text) {
						broken = append(broken, fmt.Sprintf("%s: %q; do it, or write TODO(#issue): what", f.at(c), c.Text))
					}
				}
			}
		}
	}
	return broken
}

// topBreak: the top of the repository stays as it is.
func topBreak(top []string) (broken []string) {
	for _, name := range top {
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			broken = append(broken, fmt.Sprintf("%s: nothing new at the top; put it into the package it belongs to, or name it with a dot", name))
		}
	}
	return broken
}

func TestSource(t *testing.T) {
	r := repository(t)
	for _, rule := range []func(*tree) []string{commentsBreak, namesBreak, purityBreak, sizesBreak, marksBreak} {
		report(t, rule(r))
	}
	report(t, topBreak(r.top))
}

func TestSourceBites(t *testing.T) {
	long := strings.Repeat("\tprintln()\n", maxFunction)
	for name, c := range map[string]struct {
		rule             func(*tree) []string
		file, text, want string
	}{
		"no comment":        {commentsBreak, "shared/crew/a.go", "package crew", "no package comment"},
		"other comment":     {commentsBreak, "shared/crew/a.go", "// Something else.\npackage crew", "no package comment"},
		"comment in a test": {commentsBreak, "shared/crew/a_test.go", "// Package crew tests.\npackage crew", "only tests"},
		"util":              {namesBreak, "shared/util/a.go", "package util", "says nothing"},
		"renamed helpers":   {namesBreak, "shared/crew/a.go", "package helpers", "says nothing"},
		"time.Now":          {purityBreak, "shared/wire/a.go", "package wire\nimport \"time\"\nvar x = time.Now()", "time.Now in a pure"},
		"time.Now as value": {purityBreak, "shared/ident/a.go", "package ident\nimport \"time\"\nvar now = time.Now", "time.Now in a pure"},
		"time.After":        {purityBreak, "shared/blob/a.go", "package blob\nimport \"time\"\nvar x = time.After(1)", "time.After in a pure"},
		"goroutine":         {purityBreak, "shared/courier/a.go", "package courier\nfunc f() { go f() }", "a goroutine"},
		"channel":           {purityBreak, "shared/seal/a.go", "package seal\nvar c chan int", "a channel"},
		"select":            {purityBreak, "shared/feedback/a.go", "package feedback\nfunc f() { select {} }", "a select"},
		"long file":         {sizesBreak, "shared/crew/a.go", "package crew\n" + strings.Repeat("//\n", maxFile), "lines, limit 600"},
		"long style sheet":  {sizesBreak, "shared/look/a.css", strings.Repeat("\n", maxFile+1), "lines, limit 600"},
		"long function":     {sizesBreak, "shared/crew/a.go", "package crew\nfunc f() {\n" + long + "}", "func f has 122 lines"},
		"long test":         {sizesBreak, "shared/crew/a_test.go", "package crew\nfunc f() {\n" + long + "}", "func f has 122 lines"},
		"long main":         {sizesBreak, "shared/look/bundle/a.go", "package main\nfunc main() {\n" + long + "}", "func main has 122 lines"},
		"long program":      {sizesBreak, "kiosk/main.go", "package main\n" + strings.Repeat("//\n", maxMain), "41 lines, limit 40"},
		"init":              {sizesBreak, "shared/crew/a.go", "package crew\nfunc init() {}", "func init"},
		"naked mark":        {marksBreak, "shared/crew/a.go", "package crew\n// TODO: later\n", "TODO(#issue)"},
		"mark of a person":  {marksBreak, "shared/crew/a.go", "package crew\n// TODO(an): later\n", "TODO(#issue)"},
		"another mark":      {marksBreak, "shared/crew/a_test.go", "package crew\n/* FIXME */\n", "TODO(#issue)"},
	} {
		bites(t, name, c.rule(invented(t, map[string]string{c.file: c.text})), c.want)
	}
	bites(t, "a new folder", topBreak([]string{".ci", "kiosk", "docs"}), "docs: nothing new")
	good := invented(t, map[string]string{
		"shared/wire/a.go":      "// Package wire does.\npackage wire\n// TODO(#12): shorten\nimport \"time\"\nvar d = time.Second\n",
		"shared/wire/a_test.go": "package wire\nimport \"time\"\nvar x = time.Now()\nfunc f() { go f() }\n",
		"kiosk/main.go":         "// Command kiosk is.\npackage main\nfunc main() {}\n",
	})
	for _, rule := range []func(*tree) []string{commentsBreak, namesBreak, purityBreak, sizesBreak, marksBreak} {
		report(t, rule(good))
	}
}
