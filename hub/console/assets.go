package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// assets are the bundled styles, scripts, fonts and images. Their names hold a
// hash of their content, so a browser may keep them for ever.
type assets struct {
	files fs.FS
	names map[string]string // "console.js" → "console-4K2VQX7M.js"
}

func embedded() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return files
}

func openAssets(files fs.FS) (assets, error) {
	a := assets{files: files, names: map[string]string{}}
	manifest, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil // a bare clone: built says so
	}
	if err != nil {
		return assets{}, err
	}
	if err := json.Unmarshal(manifest, &a.names); err != nil {
		return assets{}, fmt.Errorf("read dist/manifest.json: %w; run make build", err)
	}
	return a, nil
}

func (a assets) built() bool { return a.names["console.css"] != "" && a.names["console.js"] != "" }

// path of an asset by the name it has in the sources.
func (a assets) path(name string) string { return "/assets/" + a.names[name] }

func (a assets) serve(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if name == "manifest.json" || strings.HasPrefix(name, ".") {
		http.NotFound(w, r)
		return nil
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, a.files, name)
	return nil
}
