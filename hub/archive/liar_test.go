package archive_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive"
)

const (
	liarKey    = "LIARKEY7"
	liarSecret = "liar-secret-words"
)

// liar is a small S3 server that can be told to lie.
type liar struct {
	*httptest.Server
	t *testing.T

	mu   sync.Mutex
	held map[string][]byte
	lie  lie
	saw  []*http.Request
	done chan struct{}
}

// lie takes a request over; false lets the honest answer go on.
type lie func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool

func startLiar(t *testing.T) *liar {
	l := &liar{t: t, held: map[string][]byte{}, done: make(chan struct{})}
	l.Server = httptest.NewUnstartedServer(l)
	l.Config.ErrorLog = quiet()
	l.StartTLS()
	t.Cleanup(func() {
		close(l.done)
		l.Server.CloseClientConnections()
		l.Server.Close()
	})
	return l
}

// store opens the liar as an archive that waits only briefly.
func (l *liar) store(patience time.Duration) *archive.S3 {
	l.t.Helper()
	s, err := archive.NewS3(l.config(patience))
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

func (l *liar) config(patience time.Duration) archive.S3Config {
	return archive.S3Config{Host: l.Listener.Addr().String(), Bucket: "ward", Key: liarKey, Secret: liarSecret, CA: pemFile(l.t, l.Certificate().Raw), Patience: patience}
}

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// quiet is where a server logs that clients hang up.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// tell sets the lie; nil is the truth.
func (l *liar) tell(what lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = what
}

func (l *liar) put(key string, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[key] = bytes.Clone(b)
}

func (l *liar) get(key string) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, there := l.held[key]
	return b, there
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	l.mu.Lock()
	what := l.lie
	l.saw = append(l.saw, r)
	l.mu.Unlock()
	if what != nil && what(l, w, r, body) {
		return
	}
	l.honest(w, r, body)
}

func (l *liar) honest(w http.ResponseWriter, r *http.Request, body []byte) {
	key := objectKey(r)
	old, there := l.get(key)
	switch {
	case key == "" && r.Method == http.MethodGet:
		l.list(w, r.URL.Query())
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut && !fits(r, body):
		refuse(w, http.StatusBadRequest, "BadDigest")
	case r.Method == http.MethodPut:
		l.put(key, body)
		w.Header().Set("ETag", tag(body))
	case r.Method == http.MethodDelete:
		l.mu.Lock()
		delete(l.held, key)
		l.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case !there:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	default:
		send(w, old, len(old))
	}
}

func (l *liar) list(w http.ResponseWriter, query url.Values) {
	if query.Has("versions") {
		refuse(w, http.StatusNotImplemented, "NotImplemented")
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, "<ListBucketResult><Name>ward</Name>")
	for _, key := range slices.Sorted(maps.Keys(l.held)) {
		if strings.HasPrefix(key, query.Get("prefix")) && key > query.Get("start-after") {
			fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", key, len(l.held[key]))
		}
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

func objectKey(r *http.Request) string {
	return strings.Trim(strings.TrimPrefix(r.URL.Path, "/ward"), "/")
}

// fits is what an honest server checks of an upload.
func fits(r *http.Request, body []byte) bool {
	sum, hash := md5.Sum(body), sha256.Sum256(body)
	return r.Header.Get("Content-Md5") == base64.StdEncoding.EncodeToString(sum[:]) &&
		r.Header.Get("X-Amz-Checksum-Sha256") == base64.StdEncoding.EncodeToString(hash[:]) &&
		r.Header.Get("X-Amz-Content-Sha256") == hex.EncodeToString(hash[:])
}

func tag(body []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(body))) }

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as told</Message></Error>", code)
}

// send answers with b, and says it is n bytes.
func send(w http.ResponseWriter, b []byte, n int) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", fmt.Sprint(n))
	w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 08:00:00 GMT")
	w.Header().Set("ETag", tag(b))
	_, _ = w.Write(b) // the client may have gone
}
