package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sample is a small site with an entry of each kind and something stale.
func sample(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "kiosk", "screen")
	write(t, filepath.Join(dir, "web/app.ts"), `import { tap } from "./parts/tap"; tap();`)
	write(t, filepath.Join(dir, "web/parts/tap.ts"), `export function tap(): void { document.title = "chạm"; }`)
	write(t, filepath.Join(dir, "web/app.css"), `body { color: rgb(0 0 0) }`)
	write(t, filepath.Join(dir, "web/mark.svg"), `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	write(t, filepath.Join(dir, "web/index.html"), `<link href="app.css"><script src="app.js"></script>`)
	write(t, filepath.Join(dir, "dist/.gitkeep"), "")
	write(t, filepath.Join(dir, "dist/app-OLD.js"), "stale")
	return dir
}

func TestBundleNamesByContent(t *testing.T) {
	dir := sample(t)
	if err := bundle(site{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	var manifest map[string]string
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "dist/manifest.json"))), &manifest); err != nil {
		t.Fatal(err)
	}
	page := read(t, filepath.Join(dir, "dist/index.html"))
	for _, name := range []string{"app.js", "app.css"} {
		if manifest[name] == "" || manifest[name] == name || !strings.Contains(page, `="`+manifest[name]+`"`) {
			t.Errorf("%s is %q in the manifest; page: %s", name, manifest[name], page)
		}
	}
	if !strings.Contains(read(t, filepath.Join(dir, "dist", manifest["app.js"])), "chạm") {
		t.Error("the script lacks what it imports")
	}
	read(t, filepath.Join(dir, "dist", manifest["mark.svg"]))
	read(t, filepath.Join(dir, "dist/.gitkeep"))
	if _, err := os.Stat(filepath.Join(dir, "dist/app-OLD.js")); !os.IsNotExist(err) {
		t.Errorf("stale file is still there (%v)", err)
	}
}

func TestBundleRefusesScriptsOverBudget(t *testing.T) {
	dir := sample(t)
	if err := bundle(site{Dir: dir, ScriptBudget: 10}); err == nil || !strings.Contains(err.Error(), "over the budget of 10") {
		t.Errorf("bundle over budget: %v", err)
	}
}

func TestBundleSkipsAFolderWithoutPages(t *testing.T) {
	dir := t.TempDir()
	if err := bundle(site{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Error("made a dist for a folder without web")
	}
}

// The tokens are the one place for colours; the drawings repeat them because
// an <img> cannot read custom properties.
func TestFacesWearTheScale(t *testing.T) {
	tokens := read(t, "../tokens.css")
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		_, after, _ := strings.Cut(tokens, "--r"+n+": ")
		colour, _, _ := strings.Cut(after, ";")
		if colour == "" || !strings.Contains(read(t, "../faces/"+n+".svg"), `fill="`+colour+`"`) {
			t.Errorf("face %s does not wear --r%s %q", n, n, colour)
		}
	}
}
