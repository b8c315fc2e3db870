package houserules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "nghe/"

// source is one Go file, whatever its build tags.
type source struct {
	path  string // from the top of the repository
	ast   *ast.File
	set   *token.FileSet
	lines int
	test  bool // *_test.go
}

// pkg is one folder with Go files.
type pkg struct {
	path  string // from the top: "kiosk/agent"
	files []source
}

// tree is what the rules look at.
type tree struct {
	pkgs  map[string]*pkg
	texts map[string]string // .sql, .ts, .css and .go files by path
	top   []string          // tracked entries at the top
}

// repository reads the work tree around this package.
func repository(t *testing.T) *tree {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &tree{pkgs: map[string]*pkg{}, texts: map[string]string{}, top: tracked(t, top)}
	for _, folder := range []string{"kiosk", "hub", "shared", "provisioning"} {
		err := fs.WalkDir(os.DirFS(top), folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && skipped(d.Name()) {
				return fs.SkipDir
			}
			if d.IsDir() || !readable(name) {
				return nil
			}
			text, err := os.ReadFile(filepath.Join(top, name))
			if err != nil {
				return err
			}
			return r.add(name, string(text))
		})
		if err != nil {
			t.Fatalf("read the tree: %v", err)
		}
	}
	return r
}

func skipped(folder string) bool {
	return folder == "testdata" || folder == "node_modules" || folder == "dist" || strings.HasPrefix(folder, ".")
}

func readable(name string) bool {
	switch path.Ext(name) {
	case ".go", ".sql", ".ts", ".css":
		return true
	}
	return false
}

// tracked lists what git has at the top, including what is only staged.
func tracked(t *testing.T, top string) (names []string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list tracked files: %v; run the house rules in a git work tree", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "/")
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// invented makes a tree of a few files, to show that a rule bites.
func invented(t *testing.T, files map[string]string) *tree {
	t.Helper()
	r := &tree{pkgs: map[string]*pkg{}, texts: map[string]string{}}
	for name, text := range files {
		if err := r.add(name, text); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *tree) add(name, text string) error {
	r.texts[name] = text
	if path.Ext(name) != ".go" {
		return nil
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	folder := path.Dir(name)
	if r.pkgs[folder] == nil {
		r.pkgs[folder] = &pkg{path: folder}
	}
	p := r.pkgs[folder]
	p.files = append(p.files, source{path: name, ast: f, set: set, lines: lineCount(text), test: strings.HasSuffix(name, "_test.go")})
	return nil
}

func lineCount(text string) int {
	return strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1
}

// imports lists what a file imports, project packages without the module.
func (s source) imports() (project, others []string) {
	for _, spec := range s.ast.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		switch first, _, _ := strings.Cut(name, "/"); {
		case strings.HasPrefix(name, module):
			project = append(project, strings.TrimPrefix(name, module))
		case strings.Contains(first, ".") || name == "C":
			others = append(others, name)
		}
	}
	return project, others
}

func (s source) at(n ast.Node) string {
	p := s.set.Position(n.Pos())
	return p.String()
}

// within says whether a package or module is named by one of the patterns.
func within(name string, patterns []string) bool {
	for _, p := range patterns {
		below, tree := strings.CutSuffix(p, "/...")
		if name == p || tree && strings.HasPrefix(name, below+"/") {
			return true
		}
	}
	return false
}

// ofModule says whether an import path belongs to one of the modules.
func ofModule(name string, modules []string) bool {
	for _, m := range modules {
		if name == m || strings.HasPrefix(name, m+"/") {
			return true
		}
	}
	return false
}
