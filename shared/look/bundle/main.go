// Command bundle makes the pages that kiosk and hub embed: it fetches the
// pinned fonts into shared/look/fonts, and those of the receipt printer into
// kiosk/printer/fonts, and bundles kiosk/screen/web into
// kiosk/screen/dist and hub/console/web into hub/console/dist.
//
// Every .ts and .css file directly in a web folder is an entry; what it
// imports lies in folders below or in shared/look. Outputs carry a hash of
// their content, and dist/manifest.json tells the name: {"app.js":
// "app-4K2VQX7M.js"}. HTML files are copied, with ="app.js" replaced by the
// hashed name. Images directly in web, the mark, and for the console the faces
// are copied under hashed names too.
//
// It promises the same output for the same sources, leaves nothing stale in
// dist, and fails when the kiosk's scripts grow beyond their budget, or when a
// text they use is missing in one of the languages in web/texts.
//
// It needs no Node program and checks no types.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// kioskScriptBudget is in bytes after gzip; the kiosk must start fast on a
// Raspberry Pi.
const kioskScriptBudget = 40_000

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := fetchFonts(root); err != nil {
		return err
	}
	look := filepath.Join(root, "shared/look")
	return errors.Join(
		bundle(site{Dir: filepath.Join(root, "kiosk/screen"), ScriptBudget: kioskScriptBudget, Images: []string{filepath.Join(look, "mark.svg")}}),
		bundle(site{Dir: filepath.Join(root, "hub/console"), Images: []string{
			filepath.Join(look, "mark.svg"), filepath.Join(look, "faces/1.svg"), filepath.Join(look, "faces/2.svg"),
			filepath.Join(look, "faces/3.svg"), filepath.Join(look, "faces/4.svg"), filepath.Join(look, "faces/5.svg"),
		}}),
	)
}

// moduleRoot is the nearest folder upwards that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find go.mod: run bundle inside the project")
		}
		dir = parent
	}
}
