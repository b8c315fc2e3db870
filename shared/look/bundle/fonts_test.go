package main

import (
	"strings"
	"testing"
)

func TestSlicesOnly(t *testing.T) {
	face := func(file string) string {
		return "/* " + file + " */\n@font-face {\n  font-family: 'A';\n  font-display: swap;\n  src: url(./files/" + file + ") format('woff2-variations');\n  unicode-range: U+4E00;\n}\n\n"
	}
	sheet := string(slicesOnly([]byte(face("a-sc-7-wght-normal.woff2") + face("a-sc-latin-wght-normal.woff2") + face("a-sc-119-wght-normal.woff2"))))
	for _, want := range []string{"url(a-sc-7-wght-normal.woff2)", "url(a-sc-119-wght-normal.woff2)", "font-display: block", "U+4E00"} {
		if !strings.Contains(sheet, want) {
			t.Errorf("no %s in %s", want, sheet)
		}
	}
	if strings.Count(sheet, "@font-face") != 2 || strings.Contains(sheet, "latin") || strings.Contains(sheet, "swap") {
		t.Errorf("the sheet is %s", sheet)
	}
}
