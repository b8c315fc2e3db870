package wire

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// constantsOf reads the constants of a type from this package's source: name
// to number.
func constantsOf(t *testing.T, typeName string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if name, ok := v.Type.(*ast.Ident); ok && name.Name == typeName {
					found[v.Names[0].Name] = v.Values[0].(*ast.BasicLit).Value
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no constants of type %s found", typeName)
	}
	return found
}

func sources(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func protocol(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProtocolListsEveryNumber: PROTOCOL.md has a table row `| number | Name |`
// for every record kind, frame type and code, and no number twice.
func TestProtocolListsEveryNumber(t *testing.T) {
	text := protocol(t)
	for _, typeName := range []string{"Kind", "FrameType", "Code", "ClockCause", "ForkCause", "StandingState", "BlobState", "ConditionLevel", "OrderKind"} {
		taken := map[string]string{}
		for name, number := range constantsOf(t, typeName) {
			if other, twice := taken[number]; twice {
				t.Errorf("%s and %s are both number %s", name, other, number)
			}
			taken[number] = name
			row := regexp.MustCompile(`(?m)^\| ` + number + ` \| ` + "`" + name + "`" + ` \|`)
			if !row.MatchString(text) {
				t.Errorf("PROTOCOL.md has no row \"| %s | `%s` |\"; add it", number, name)
			}
		}
	}
}

// TestProtocolStatesEveryLimit: the document names each exported limit with
// the number the code uses.
func TestProtocolStatesEveryLimit(t *testing.T) {
	text := protocol(t)
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				name := v.Names[0].Name
				if !strings.HasPrefix(name, "Max") {
					continue
				}
				row := regexp.MustCompile(`(?m)^\| ` + "`" + name + "`" + ` \| ` + value(v.Values[0]) + ` \|`)
				if !row.MatchString(text) {
					t.Errorf("PROTOCOL.md has no row \"| `%s` | %s |\"; add or correct it", name, value(v.Values[0]))
				}
			}
		}
	}
}

// value computes a limit written as a literal or a shift.
func value(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0).ExactString()
	case *ast.BinaryExpr:
		x := constant.MakeFromLiteral(e.X.(*ast.BasicLit).Value, token.INT, 0)
		y, _ := constant.Uint64Val(constant.MakeFromLiteral(e.Y.(*ast.BasicLit).Value, token.INT, 0))
		return constant.Shift(x, e.Op, uint(y)).ExactString()
	}
	return "?"
}

// TestEveryCodeHasWords guards what operators read.
func TestEveryCodeHasWords(t *testing.T) {
	for code := Code(0); int(code) < len(constantsOf(t, "Code")); code++ {
		if strings.HasPrefix(code.String(), "code ") {
			t.Errorf("code %d has no words in codeText", code)
		}
	}
}
