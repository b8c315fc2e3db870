package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestBundleRefusesAMissingText(t *testing.T) {
	const vi, en = `{"hello": "Xin chào", "why": {"no-room": "Hết chỗ"}, "list": []}`, `{"hello": "Hello", "why": {"no-room": "Full"}, "list": ["a"]}`
	const script = `import type vi from "./texts/vi.json"; const t = {} as typeof vi; alert(t.hello + t.why["no-room"] + t.list);`
	for name, c := range map[string]struct{ vi, en, script, want string }{
		"whole":           {vi, en, script, ""},
		"missing":         {vi, `{"why": {"no-room": "Full"}, "list": []}`, script, "en.json lacks hello"},
		"missing below":   {vi, `{"hello": "Hello", "why": {}, "list": []}`, script, "en.json lacks why.no-room"},
		"of another kind": {vi, strings.Replace(en, `"Full"`, `1`, 1), script, "en.json lacks why.no-room"},
		"extra":           {vi, strings.Replace(en, `{`, `{"bye": "Bye", `, 1), script, "en.json has bye, which vi.json lacks"},
		"misspelt":        {vi, en, script + `alert(t.helo)`, "t.helo"},
		"used nowhere":    {vi, en, strings.Replace(script, "t.list", `""`, 1), "no script uses list"},
		"no JSON":         {vi, `{`, script, "en.json"},
	} {
		dir := sample(t)
		write(t, filepath.Join(dir, "web/app.ts"), c.script)
		write(t, filepath.Join(dir, "web/texts/vi.json"), c.vi)
		write(t, filepath.Join(dir, "web/texts/en.json"), c.en)
		err := bundle(site{Dir: dir})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestEveryTextOfTheKioskIsThere(t *testing.T) {
	if err := checkTexts(site{Dir: "../../../kiosk/screen"}); err != nil {
		t.Error(err)
	}
}
