package console

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// Every text is in both catalogues with the same gaps to fill, every key used
// is there, and pages hold no words of their own.
func TestWords(t *testing.T) {
	vi, en := words(t, Vietnamese), words(t, English)
	gap := regexp.MustCompile(`%[a-z%]`)
	for key, text := range vi {
		if en[key] == "" {
			t.Errorf("en lacks %s", key)
		}
		if a, b := gap.FindAllString(text, -1), gap.FindAllString(en[key], -1); len(a) != len(b) {
			t.Errorf("%s has gaps %v and %v", key, a, b)
		}
	}
	if len(vi) != len(en) {
		t.Errorf("vi has %d texts, en %d", len(vi), len(en))
	}
	for _, l := range []Language{Korean, Chinese} { // of strangers' pages, all
		for key, text := range words(t, l) {
			if a, b := gap.FindAllString(en[key], -1), gap.FindAllString(text, -1); en[key] == "" || len(a) != len(b) {
				t.Errorf("%s has %s, which en lacks or gives gaps %v", l, key, a)
			}
		}
		for key := range en {
			if strings.HasPrefix(key, "receipt.") && words(t, l)[key] == "" {
				t.Errorf("%s lacks %s", l, key)
			}
		}
	}
	used := regexp.MustCompile(`\{\{(?:else )?t "([^"]+)"|[( ]t "([^"]+)"|\.text\("([a-z.0-9-]+)"`)
	entries, _ := pageFiles.ReadDir("pages")
	for _, e := range entries {
		page, _ := pageFiles.ReadFile("pages/" + e.Name())
		for _, m := range used.FindAllStringSubmatch(string(page), -1) {
			if key := m[1] + m[2] + m[3]; vi[key] == "" {
				t.Errorf("%s uses %q, which no catalogue has", e.Name(), key)
			}
		}
		if found := regexp.MustCompile(`[À-ỹ]{1}\p{L}*`).FindString(string(page)); found != "" {
			t.Errorf("%s holds %q: put it into the catalogues", e.Name(), found)
		}
	}
	for _, s := range []string{"online", "waiting", "late", "lost", "paused", "new", "revoked", "superseded", "none"} {
		if vi["state."+s] == "" {
			t.Errorf("no word for state %s", s)
		}
	}
	for _, l := range feedback.Languages() {
		if vi["language."+string(l)] == "" {
			t.Errorf("no word for the language %s, in which a resident may answer", l)
		}
	}
	for cause := wire.ForkAhead; cause <= wire.ForkForeign; cause++ {
		if vi[fmt.Sprintf("cause.%d", cause)] == "" {
			t.Errorf("no words for fork cause %d", cause)
		}
	}
}

// names are the strings that constants or fields of a kind are given in a
// package of this repository: the console must have words for each, and may
// import neither what kiosks say nor what wires the hub.
func names(t *testing.T, folder string, is func(n ast.Node) ast.Expr) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if text, ok := is(n).(*ast.BasicLit); ok && text.Kind == token.STRING {
				name, _ := strconv.Unquote(text.Value)
				found[name] = true
			}
			return true
		})
	}
	return found
}

// constant finds the values of constants of a type.
func constant(kind string) func(ast.Node) ast.Expr {
	return func(n ast.Node) ast.Expr {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == kind {
				return v.Values[0]
			}
		}
		return nil
	}
}

// choreName finds the names of chores where they are written down.
func choreName(n ast.Node) ast.Expr {
	c, ok := n.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var name ast.Expr
	runs := false
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			key, _ := kv.Key.(*ast.Ident)
			runs = runs || key != nil && key.Name == "Run"
			if key != nil && key.Name == "Name" {
				name = kv.Value
			}
		}
	}
	if own, ok := name.(*ast.CallExpr); ok && len(own.Args) == 1 { // each hub's
		name = own.Args[0]
	}
	if runs {
		return name
	}
	return nil
}

func TestChoreNames(t *testing.T) {
	f := newHub(t).console.faces[Vietnamese]
	for name, want := range map[string]string{"backup": "sao lưu", "archive-blobs": "lưu trữ tệp", "archive-blobs-k3j9": "lưu trữ tệp (k3j9)", "receipts-a-b": "mở biên nhận mới (a-b)", "unheard": "unheard", "": ""} {
		if got := f.chore(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// eventKind finds the kinds of lines in the access log.
func eventKind(n ast.Node) ast.Expr {
	if kv, ok := n.(*ast.KeyValueExpr); ok {
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Kind" {
			return kv.Value
		}
	}
	return nil
}

// Whatever a kiosk or the hub may say of itself has words, and what to do.
func TestWordsForAllConditions(t *testing.T) {
	for _, l := range languages {
		all := words(t, l)
		conditions := names(t, "../../kiosk/vitals", constant("Name"))
		if len(conditions) < 40 || !conditions["bulletin-broken"] || !conditions["no-voice"] {
			t.Fatalf("found %d conditions", len(conditions))
		}
		for name := range conditions {
			if all["condition."+name] == "" || all["condition."+name+".do"] == "" {
				t.Errorf("%s has no words for the condition %s", l, name)
			}
		}
		for key := range all {
			if name, is := strings.CutPrefix(strings.TrimSuffix(key, ".do"), "condition."); is && !conditions[name] && !slices.Contains([]string{"unknown", "more", "since", "said"}, name) {
				t.Errorf("%s has words for %s, which no kiosk says", l, name)
			}
		}
		chores := names(t, "../server", choreName)
		if len(chores) < 8 || !chores["retention"] {
			t.Fatalf("found %d chores", len(chores))
		}
		for name := range chores {
			if all["chore."+name] == "" {
				t.Errorf("%s has no words for the chore %s", l, name)
			}
		}
		for _, events := range []map[string]bool{names(t, "../ledger", constant("EventKind")), names(t, "../accounts", eventKind), names(t, "../server", eventKind)} {
			for name := range events {
				if all["event."+name] == "" {
					t.Errorf("%s has no words for the event %s", l, name)
				}
			}
		}
	}
}

// What a kiosk says of itself stands on the first page and on its place's, with
// what to do; of a revoked one nothing.
func TestConditionsAreShown(t *testing.T) {
	h := newHub(t)
	d := h.enrol("qt-07")
	at := h.now()
	h.vitals.Contact(d.id, at, "1.4.2", 0)
	h.vitals.Report(d.id, wire.Vitals{Wall: at.UnixMicro(), Conditions: []wire.Condition{
		{Name: "records-early", Level: wire.ConditionNote, Value: 5 << 30}, {Name: "disk-full", Level: wire.ConditionSevere, Since: at.Add(-time.Hour).UnixMicro(), Value: 700 << 20},
		{Name: "hot", Level: wire.ConditionWarning, Value: 78_400}, {Name: "made-up", Level: 9, Value: 3}}}, at)
	h.must(h.vitals.Flush(t.Context()))
	lan := h.client("lan")
	fleet, place := h.read(lan, "/"), h.read(lan, "/places/qt-07")
	for _, want := range []string{"made-up và 3 điều khác", "cần người xem", "cập nhật trung tâm"} {
		if !strings.Contains(fleet, want) {
			t.Errorf("the first page lacks %q", want)
		}
	}
	for _, want := range []string{"Đĩa sắp hết chỗ", "Còn trống 7", "78,4 °C", "Xóa sớm bản sao phiếu", "made-up"} {
		if !strings.Contains(place, want) {
			t.Errorf("the place's page lacks %q", want)
		}
	}
	if page := h.read(lan, "/?sign=ailing"); !strings.Contains(page, "row-"+d.id) {
		t.Error("the filter leaves it out")
	}
	h.must(h.registry.Revoke(t.Context(), d.id, "hỏng máy", "admin"))
	h.console.fleet.forget()
	if page := h.read(lan, "/?sign=ailing"); strings.Contains(page, "row-"+d.id) || strings.Contains(h.read(lan, "/places/qt-07"), "78,4") {
		t.Error("a revoked device needs nobody")
	}
}
