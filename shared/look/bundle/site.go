package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// site is one package that serves pages: Dir holds web/ and gets dist/.
type site struct {
	Dir          string
	Images       []string // copied from elsewhere
	ScriptBudget int      // bytes after gzip; 0 means no limit
}

// output is dist to be: file names to contents, entry names to file names.
type output struct {
	files    map[string][]byte
	manifest map[string]string
}

// keptFile keeps dist in git and lets go:embed compile on a bare clone.
const keptFile = ".gitkeep"

func bundle(s site) error {
	entries, err := os.ReadDir(filepath.Join(s.Dir, "web"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkTexts(s); err != nil {
		return err
	}
	out := output{files: map[string][]byte{}, manifest: map[string]string{}}
	if err := out.compile(s, entries); err != nil {
		return err
	}
	if err := out.copyImages(s, entries); err != nil {
		return err
	}
	if err := out.copyPages(s, entries); err != nil {
		return err
	}
	if err := out.write(filepath.Join(s.Dir, "dist")); err != nil {
		return err
	}
	return out.report(s)
}

// compile bundles the scripts and style sheets.
func (o *output) compile(s site, entries []fs.DirEntry) error {
	sources := named(s, entries, ".ts", ".css")
	if len(sources) == 0 {
		return nil
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       sources,
		AbsWorkingDir:     s.Dir,
		Outdir:            filepath.Join(s.Dir, "dist"),
		EntryNames:        "[name]-[hash]",
		AssetNames:        "[name]-[hash]",
		Bundle:            true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Metafile:          true,
		Charset:           api.CharsetUTF8,
		Format:            api.FormatESModule,
		LegalComments:     api.LegalCommentsNone,
		LogLevel:          api.LogLevelWarning,
		Target:            api.ES2022,
		Loader:            map[string]api.Loader{".woff2": api.LoaderFile, ".svg": api.LoaderFile, ".png": api.LoaderFile},
	})
	if len(result.Errors) > 0 {
		return fmt.Errorf("bundle %s: %d errors above", s.Dir, len(result.Errors))
	}
	for _, f := range result.OutputFiles {
		o.files[filepath.Base(f.Path)] = f.Contents
	}
	return o.nameEntries(result.Metafile)
}

// nameEntries reads from esbuild's metafile which output came from which entry.
func (o *output) nameEntries(metafile string) error {
	var meta struct {
		Outputs map[string]struct {
			EntryPoint string `json:"entryPoint"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return err
	}
	for path, made := range meta.Outputs {
		if made.EntryPoint == "" {
			continue
		}
		stem := strings.TrimSuffix(filepath.Base(made.EntryPoint), filepath.Ext(made.EntryPoint))
		o.manifest[stem+filepath.Ext(path)] = filepath.Base(path)
	}
	return nil
}

func (o *output) copyImages(s site, entries []fs.DirEntry) error {
	for _, path := range append(named(s, entries, ".svg", ".png", ".ico"), s.Images...) {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := imageName(path)
		sum := sha256.Sum256(content)
		ext := filepath.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "-" + base32.StdEncoding.EncodeToString(sum[:5]) + ext
		o.files[hashed], o.manifest[name] = content, hashed
	}
	return nil
}

// imageName is a file's name, "face-4.svg" for shared/look/faces/4.svg.
func imageName(path string) string {
	if filepath.Base(filepath.Dir(path)) == "faces" {
		return "face-" + filepath.Base(path)
	}
	return filepath.Base(path)
}

func (o *output) copyPages(s site, entries []fs.DirEntry) error {
	for _, path := range named(s, entries, ".html") {
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, hashed := range o.manifest {
			page = bytes.ReplaceAll(page, []byte(`="`+name+`"`), []byte(`="`+hashed+`"`))
		}
		o.files[filepath.Base(path)] = page
	}
	manifest, err := json.MarshalIndent(o.manifest, "", "  ")
	o.files["manifest.json"] = append(manifest, '\n')
	return err
}

// named lists the files directly in web with one of the endings.
func named(s site, entries []fs.DirEntry, endings ...string) []string {
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(endings, filepath.Ext(e.Name())) {
			paths = append(paths, filepath.Join(s.Dir, "web", e.Name()))
		}
	}
	return paths
}

// write makes dist hold exactly the output.
func (o *output) write(dist string) error {
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	there, err := os.ReadDir(dist)
	if err != nil {
		return err
	}
	for _, e := range there {
		if _, wanted := o.files[e.Name()]; wanted || e.Name() == keptFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dist, e.Name())); err != nil {
			return err
		}
	}
	for name, content := range o.files {
		if err := renew(filepath.Join(dist, name), content); err != nil {
			return err
		}
	}
	return nil
}

// renew leaves alone a file that is right already, and never shows half of one:
// a compiler may be embedding it at this moment.
func renew(path string, content []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
		return nil
	}
	next, err := os.CreateTemp(filepath.Dir(filepath.Dir(path)), ".dist-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name())
	if _, err := next.Write(content); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(next.Chmod(0o644), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}

// report prints sizes by kind and refuses scripts beyond the budget.
func (o *output) report(s site) error {
	raw, packed := map[string]int{}, map[string]int{}
	for name, content := range o.files {
		kind := filepath.Ext(name)
		raw[kind] += len(content)
		packed[kind] += gzipSize(content)
	}
	place := filepath.Join(filepath.Base(filepath.Dir(s.Dir)), filepath.Base(s.Dir))
	for _, kind := range []string{".html", ".css", ".js", ".svg", ".woff2"} {
		if raw[kind] > 0 {
			fmt.Printf("%-14s %-7s %7.1f KB %7.1f KB gzip\n", place, kind, float64(raw[kind])/1e3, float64(packed[kind])/1e3)
		}
	}
	if s.ScriptBudget > 0 && packed[".js"] > s.ScriptBudget {
		return fmt.Errorf("scripts of %s are %d bytes after gzip, over the budget of %d: make them smaller", place, packed[".js"], s.ScriptBudget)
	}
	return nil
}

func gzipSize(content []byte) int {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	w.Write(content)
	w.Close()
	return b.Len()
}
