package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(content))
	}
	w.Close()
	packed.Close()
	return b.Bytes()
}

// registry serves body for every path and counts requests.
func registry(t *testing.T, body []byte) *[]string {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("npm_config_registry", server.URL+"/")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return &asked
}

func integrity(b []byte) string {
	sum := sha512.Sum512(b)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestFilesAsksOnceAndKeeps(t *testing.T) {
	body := tarball(t, map[string]string{"LICENSE": "OFL", "files/a.woff2": "glyphs", "README.md": "no"})
	asked := registry(t, body)
	p := Package{Name: "@x/font", Version: "1.0.0", Integrity: integrity(body)}
	for range 2 {
		files, err := p.Files(func(name string) bool { return name != "README.md" })
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 2 || string(files["files/a.woff2"]) != "glyphs" {
			t.Errorf("Files = %v", files)
		}
	}
	if len(*asked) != 1 || (*asked)[0] != "/@x/font/-/font-1.0.0.tgz" {
		t.Errorf("asked %v, want one tarball", *asked)
	}
}

func TestFilesRefusesAnotherPackage(t *testing.T) {
	body := tarball(t, map[string]string{"LICENSE": "changed"})
	registry(t, body)
	p := Package{Name: "font", Version: "1.0.0", Integrity: integrity([]byte("pinned"))}
	if _, err := p.Files(func(string) bool { return true }); err == nil || !strings.Contains(err.Error(), "not the pinned package") {
		t.Errorf("Files = %v, want a refusal", err)
	}
}
