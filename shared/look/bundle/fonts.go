package main

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"nghe/shared/look/npm"
)

// font is one family: the files that style sheets or a program name, and its
// licence.
type font struct {
	npm.Package
	dir     string   // they go to, below the module's root
	files   []string // inside the package; each keeps its last name
	sheet   string   // our name for the style sheet of one in slices, else empty
	terms   string   // inside the package; the licence
	licence string   // our name for it
}

// Where fonts go: the screens' are bundled from one place, the printer's are
// embedded as they are.
const (
	forScreens = "shared/look/fonts"
	forPrinter = "kiosk/printer/fonts"
)

func fonts() []font {
	return []font{{
		Package: npm.Package{
			Name: "@fontsource/be-vietnam-pro", Version: "5.3.0",
			Integrity: "sha512-xhAQBGHDxP5BF8IJxedy5MoWUmc1DlPCcZbMLhvnPkf8TaYCbbUVs3LjpuJ4BYdTrdiCLaewNaY8z+owq/FqFw==",
		},
		dir: forScreens, files: weights("be-vietnam-pro", "400", "500", "600", "700", "800"),
		terms: "LICENSE", licence: "be-vietnam-pro-LICENSE.txt",
	}, {
		Package: npm.Package{
			Name: "@fontsource-variable/inter", Version: "5.3.0",
			Integrity: "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
		},
		dir: forScreens, files: weights("inter", "wght"),
		terms: "LICENSE", licence: "inter-LICENSE.txt",
	}, {
		Package: npm.Package{
			Name: "@fontsource-variable/noto-sans-kr", Version: "5.3.1",
			Integrity: "sha512-f5aty6Qgk2LVU5TjCtXHxiYHqUWYW8f75ll0Chn8ucCqoOlIomcACUwf1V47yUt6wTdWZiGr3dcbQk+zlOspMA==",
		},
		dir: forScreens, sheet: "noto-sans-kr.css", terms: "LICENSE", licence: "noto-sans-kr-LICENSE.txt",
	}, {
		Package: npm.Package{
			Name: "@fontsource-variable/noto-sans-sc", Version: "5.3.1",
			Integrity: "sha512-UB96JJ17HyD5ehEU7Em0hDdh7fvTMB4B4Hzmq5c4QaNwwSLqTrdM2S+coySeBqCkXwh0DxqXT0b0wMrmzorFpQ==",
		},
		dir: forScreens, sheet: "noto-sans-sc.css", terms: "LICENSE", licence: "noto-sans-sc-LICENSE.txt",
	}, {
		Package: npm.Package{ // the same family in a format that Go can draw
			Name: "@expo-google-fonts/be-vietnam-pro", Version: "0.4.1",
			Integrity: "sha512-4o2bsqU1zcC6NZf5FRYB+7gE49waNWYOGc5c5qLfPgrSqqr61hS2Bz4TVPgxudO038tLydSyPxV8e79g8j5DpQ==",
		},
		dir: forPrinter, files: []string{"400Regular/BeVietnamPro_400Regular.ttf", "700Bold/BeVietnamPro_700Bold.ttf"},
		terms: "LICENSE_FONT", licence: "be-vietnam-pro-LICENSE.txt",
	}}
}

// A family for thousands of signs comes in slices, and with a style sheet that
// says which sign is in which, so that a browser loads only those it needs.
// Slices have numbers; those of Latin letters have names, and are left.
const sheetInside = "wght.css"

var (
	slice      = regexp.MustCompile(`^files/.*-\d+-wght-normal\.woff2$`)
	fontFace   = regexp.MustCompile(`(?s)@font-face \{.*?\n\}\n`)
	fontFaceIn = regexp.MustCompile(`url\(\./(files/[^)]*)\)`)
)

// slicesOnly is the sheet of the slices that lie beside it. They come from this
// machine: a page waits for them, and shows no boxes meanwhile.
func slicesOnly(sheet []byte) []byte {
	var kept []byte
	for _, face := range fontFace.FindAll(sheet, -1) {
		if in := fontFaceIn.FindSubmatch(face); in != nil && slice.Match(in[1]) {
			line := strings.NewReplacer("./files/", "", "font-display: swap", "font-display: block", "\n", "").Replace(string(face))
			kept = append(kept, line+"\n"...)
		}
	}
	return kept
}

// weights names a family's two subsets in every weight.
func weights(family string, weights ...string) []string {
	var names []string
	for _, w := range weights {
		for _, subset := range []string{"latin", "vietnamese"} {
			names = append(names, fmt.Sprintf("files/%s-%s-%s-normal.woff2", family, subset, w))
		}
	}
	return names
}

// fetchFonts fills their folders below root; a family that is there in its
// pinned version is left.
func fetchFonts(root string) error {
	for _, f := range fonts() {
		dir := filepath.Join(root, f.dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		stamp := filepath.Join(dir, strings.TrimSuffix(f.licence, "-LICENSE.txt")+".pin")
		if f.present(dir, stamp) {
			continue
		}
		if err := f.fetch(dir); err != nil {
			return err
		}
		if err := os.WriteFile(stamp, []byte(f.pin()), 0o644); err != nil {
			return err
		}
		fmt.Printf("%-28s fetched %s@%s\n", f.dir, f.Name, f.Version)
	}
	return nil
}

func (f font) pin() string { return f.Version + " " + f.Integrity + "\n" }

// present trusts the stamp, which is written after all files.
func (f font) present(dir, stamp string) bool {
	if pin, err := os.ReadFile(stamp); err != nil || string(pin) != f.pin() {
		return false
	}
	for _, name := range append(f.files, f.licence, f.sheet) {
		if _, err := os.Stat(filepath.Join(dir, path.Base(name))); err != nil {
			return false
		}
	}
	return true
}

func (f font) fetch(dir string) error {
	want := map[string]string{f.terms: f.licence}
	for _, name := range f.files {
		want[name] = path.Base(name)
	}
	got, err := f.Files(func(name string) bool {
		return want[name] != "" || f.sheet != "" && (name == sheetInside || slice.MatchString(name))
	})
	if err != nil {
		return err
	}
	if f.sheet != "" {
		for inside := range got {
			want[inside] = cmp.Or(want[inside], path.Base(inside))
		}
		want[sheetInside], got[sheetInside] = f.sheet, slicesOnly(got[sheetInside])
	}
	for inside, name := range want {
		content, ok := got[inside]
		if !ok {
			return fmt.Errorf("unpack %s@%s: no %s in it", f.Name, f.Version, inside)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
