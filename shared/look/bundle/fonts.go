package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"nghe/shared/look/npm"
)

// font is one family: the files the style sheets name, and its licence.
type font struct {
	npm.Package
	files   []string // inside the package, below files/
	licence string   // our name for its LICENSE
}

func fonts() []font {
	return []font{{
		Package: npm.Package{
			Name: "@fontsource/be-vietnam-pro", Version: "5.3.0",
			Integrity: "sha512-xhAQBGHDxP5BF8IJxedy5MoWUmc1DlPCcZbMLhvnPkf8TaYCbbUVs3LjpuJ4BYdTrdiCLaewNaY8z+owq/FqFw==",
		},
		files:   weights("be-vietnam-pro", "400", "500", "600", "700", "800"),
		licence: "be-vietnam-pro-LICENSE.txt",
	}, {
		Package: npm.Package{
			Name: "@fontsource-variable/inter", Version: "5.3.0",
			Integrity: "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
		},
		files:   weights("inter", "wght"),
		licence: "inter-LICENSE.txt",
	}}
}

// weights names a family's two subsets in every weight.
func weights(family string, weights ...string) []string {
	var names []string
	for _, w := range weights {
		for _, subset := range []string{"latin", "vietnamese"} {
			names = append(names, fmt.Sprintf("%s-%s-%s-normal.woff2", family, subset, w))
		}
	}
	return names
}

// fetchFonts fills dir; a family that is there in its pinned version is left.
func fetchFonts(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range fonts() {
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
		fmt.Printf("%-28s fetched %s@%s\n", "shared/look/fonts", f.Name, f.Version)
	}
	return nil
}

func (f font) pin() string { return f.Version + " " + f.Integrity + "\n" }

// present trusts the stamp, which is written after all files.
func (f font) present(dir, stamp string) bool {
	if pin, err := os.ReadFile(stamp); err != nil || string(pin) != f.pin() {
		return false
	}
	for _, name := range append(f.files, f.licence) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func (f font) fetch(dir string) error {
	want := map[string]string{"LICENSE": f.licence}
	for _, name := range f.files {
		want[path.Join("files", name)] = name
	}
	got, err := f.Files(func(name string) bool { return want[name] != "" })
	if err != nil {
		return err
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
