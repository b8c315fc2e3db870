// Package npm brings pinned packages from an npm registry for the build of the
// screens and for their browser tests, over plain HTTPS and without Node.
//
// It promises that no byte is used whose SHA-512 is not the pinned one, and
// that a second call needs no network.
//
// It resolves no versions, follows no dependencies and runs no scripts.
package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const (
	publicRegistry = "https://registry.npmjs.org"
	// maxTarball is about five times the largest package used.
	maxTarball = 16 << 20
	// maxUnpacked bounds what one tarball may grow to.
	maxUnpacked = 64 << 20
	attempts    = 3
)

// Axe is the accessibility checker of the browser tests: axe.min.js in Files.
var Axe = Package{
	Name:      "axe-core",
	Version:   "4.14.1",
	Integrity: "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}

// Package is one pinned version.
type Package struct {
	Name      string // with its scope: "@fontsource/be-vietnam-pro"
	Version   string
	Integrity string // as the registry writes it: "sha512-" and base64
}

// Files returns the files of p for which keep says true, named as inside the
// package ("LICENSE", "files/x.woff2").
func (p Package) Files(keep func(name string) bool) (map[string][]byte, error) {
	tarball, err := p.tarball()
	if err != nil {
		return nil, fmt.Errorf("fetch %s@%s: %w", p.Name, p.Version, err)
	}
	files, err := unpack(tarball, keep)
	if err != nil {
		return nil, fmt.Errorf("unpack %s@%s: %w", p.Name, p.Version, err)
	}
	return files, nil
}

func (p Package) tarball() ([]byte, error) {
	kept, err := p.cachePath()
	if err != nil {
		return nil, err
	}
	if b, err := os.ReadFile(kept); err == nil && p.check(b) == nil {
		return b, nil
	}
	b, err := p.download()
	if err != nil {
		return nil, err
	}
	if err := p.check(b); err != nil {
		return nil, err
	}
	return b, keepFile(kept, b)
}

func (p Package) cachePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "nghe", "npm")
	name := strings.NewReplacer("@", "", "/", "-").Replace(p.Name)
	return filepath.Join(dir, name+"-"+p.Version+".tgz"), os.MkdirAll(dir, 0o755)
}

func (p Package) url() string {
	registry := publicRegistry
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if v := os.Getenv(name); v != "" {
			registry = v
		}
	}
	return fmt.Sprintf("%s/%s/-/%s-%s.tgz", strings.TrimRight(registry, "/"), p.Name, path.Base(p.Name), p.Version)
}

func (p Package) download() (body []byte, err error) {
	client := http.Client{Timeout: time.Minute}
	for try := range attempts {
		time.Sleep(time.Duration(try) * time.Second)
		if body, err = get(&client, p.url()); err == nil {
			return body, nil
		}
	}
	return nil, fmt.Errorf("%w (set npm_config_registry to a registry this machine can reach)", err)
}

func get(client *http.Client, url string) ([]byte, error) {
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxTarball))
}

func (p Package) check(tarball []byte) error {
	sum := sha512.Sum512(tarball)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != p.Integrity {
		return fmt.Errorf("%s is not the pinned package: integrity %s, want %s", p.url(), got, p.Integrity)
	}
	return nil
}

func unpack(tarball []byte, keep func(string) bool) (map[string][]byte, error) {
	plain, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for r := tar.NewReader(io.LimitReader(plain, maxUnpacked)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(h.Name, "package/")
		if h.Typeflag != tar.TypeReg || !keep(name) {
			continue
		}
		if files[name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}

// keepFile replaces name whole, so that a build cut short leaves no half file.
func keepFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
