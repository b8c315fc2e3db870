package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ownTexts are a page's words: one catalogue a language in web/texts, all with
// the keys of vi.json. Scripts call the catalogue they read t.
type ownTexts struct {
	catalogues map[string]map[string]string // file to key path to kind of JSON
	scripts    string
}

// checkTexts refuses a page of which some text is missing in some language.
func checkTexts(s site) error {
	web := filepath.Join(s.Dir, "web")
	if _, err := os.Stat(filepath.Join(web, "texts")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	texts := ownTexts{catalogues: map[string]map[string]string{}}
	if err := texts.read(web); err != nil {
		return err
	}
	wrong := append(texts.unlike(), texts.unused()...)
	if len(wrong) > 0 {
		return fmt.Errorf("texts of %s:\n  %s", s.Dir, strings.Join(wrong, "\n  "))
	}
	return nil
}

func (o *ownTexts) read(web string) error {
	return filepath.WalkDir(web, func(path string, _ fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		if err != nil || ext != ".ts" && ext != ".json" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if ext == ".ts" {
			o.scripts += string(content)
			return nil
		}
		var catalogue map[string]any
		if err := json.Unmarshal(content, &catalogue); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		o.catalogues[filepath.Base(path)] = shape(catalogue, "")
		return nil
	})
}

// shape is what kind of JSON stands at every key path.
func shape(catalogue map[string]any, below string) map[string]string {
	kinds := map[string]string{}
	for key, is := range catalogue {
		kinds[below+key] = fmt.Sprintf("%T", is)
		if inner, ok := is.(map[string]any); ok {
			maps.Copy(kinds, shape(inner, below+key+"."))
		}
	}
	return kinds
}

// unlike lists what differs from the first language's catalogue.
func (o *ownTexts) unlike() (wrong []string) {
	first := o.catalogues["vi.json"]
	for _, file := range slices.Sorted(maps.Keys(o.catalogues)) {
		for _, key := range slices.Sorted(maps.Keys(first)) {
			if is := o.catalogues[file][key]; is != first[key] {
				wrong = append(wrong, fmt.Sprintf("%s lacks %s: write it in this language too", file, key))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(o.catalogues[file])) {
			if first[key] == "" {
				wrong = append(wrong, fmt.Sprintf("%s has %s, which vi.json lacks", file, key))
			}
		}
	}
	return wrong
}

var (
	used = regexp.MustCompile(`\bt\.([A-Za-z]\w*)`)
	word = regexp.MustCompile(`\w+`)
)

// unused lists texts that scripts use and no catalogue has, and the other way
// round.
func (o *ownTexts) unused() (wrong []string) {
	first, words := o.catalogues["vi.json"], map[string]bool{}
	for _, name := range word.FindAllString(o.scripts, -1) {
		words[name] = true
	}
	for _, use := range used.FindAllStringSubmatch(o.scripts, -1) {
		if missing := "a script uses t." + use[1] + ", which no catalogue has"; first[use[1]] == "" && !slices.Contains(wrong, missing) {
			wrong = append(wrong, missing)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(first)) {
		if !strings.Contains(key, ".") && !words[key] {
			wrong = append(wrong, "no script uses "+key+": take it out of the catalogues")
		}
	}
	return wrong
}
