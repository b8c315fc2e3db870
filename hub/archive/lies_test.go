package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/shared/blob"
)

// on lets a lie answer one method only.
func on(method string, what lie) lie {
	return func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		return r.Method == method && what(l, w, r, body)
	}
}

// answer is the lie that says the same to every request.
func answer(status int, kind, text string) lie {
	return func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
		return true
	}
}

func code(status int, code string) lie {
	return answer(status, "application/xml", "<Error><Code>"+code+"</Code><Message>as told</Message></Error>")
}

// keep stores what become makes of the bytes, and says that all went well.
func keep(become func([]byte) []byte) lie {
	return on(http.MethodPut, func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		if b := become(bytes.Clone(body)); b != nil {
			l.put(objectKey(r), b)
		}
		w.Header().Set("ETag", tag(body))
		return true
	})
}

// give answers a download with other bytes.
func give(become func(b []byte) (sent []byte, said int)) lie {
	return on(http.MethodGet, func(l *liar, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		b, there := l.get(objectKey(r))
		if !there {
			return false
		}
		sent, said := become(bytes.Clone(b))
		send(w, sent, said)
		return true
	})
}

func hang(l *liar, _ http.ResponseWriter, _ *http.Request, _ []byte) bool {
	<-l.done
	return true
}

// hangUp ends the connection without an answer.
func hangUp(_ *liar, _ http.ResponseWriter, _ *http.Request, _ []byte) bool {
	panic(http.ErrAbortHandler)
}

func flip(b []byte) []byte {
	b[len(b)/3] ^= 4
	return b
}

type told struct {
	name   string
	lie    lie
	says   string // what the error has to say
	kept   bool   // the bytes are there in truth, so that a nil would be right
	person bool   // ErrSetup
	is     error
}

var lies = []told{
	{name: "stored, but an error", lie: on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		l.put(objectKey(r), body)
		return code(500, "InternalError")(l, w, r, body)
	}), says: "InternalError", kept: true},
	{name: "stored, but no answer", lie: on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		l.put(objectKey(r), body)
		return hangUp(l, w, r, body)
	}), says: "connection", kept: true},
	{name: "not stored, but success", lie: keep(func([]byte) []byte { return nil }), says: "not in the archive", is: archive.ErrNotFound},
	{name: "stored in part", lie: keep(func(b []byte) []byte { return b[:len(b)/2] }), says: "bytes are not this blob's", is: blob.ErrDamaged},
	{name: "stored too much", lie: keep(func(b []byte) []byte { return append(b, "0;chunk-signature="...) }), says: "longer", is: blob.ErrDamaged},
	{name: "one bit changed", lie: keep(flip), says: "bytes are not this blob's", is: blob.ErrDamaged},
	{name: "nothing stored under the name", lie: keep(func(b []byte) []byte { return []byte{} }), says: "bytes are not this blob's", is: blob.ErrDamaged},
	{name: "wrong tag", kept: true, lie: on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		l.put(objectKey(r), body)
		w.Header().Set("ETag", `"00000000000000000000000000000000"`)
		return true
	})},
	{name: "wrong tag, nothing stored", lie: on("PUT", func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("ETag", `"00000000000000000000000000000000"`)
		return true
	}), says: "another MD5", is: archive.ErrNotFound},
	{name: "no tag", lie: on("PUT", answer(200, "text/plain", "")), says: "without a tag"},
	{name: "portal, 200", lie: answer(200, "text/html; charset=utf-8", "<html>Chào mừng</html>"), says: "web page"},
	{name: "portal, 403", lie: answer(403, "text/html", "<html>no</html>"), says: "web page"},
	{name: "portal that speaks of text", lie: answer(200, "text/plain", "welcome"), says: ""},
	{name: "redirect", lie: func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Location", "http://login.example.vn/hello?user=1")
		w.WriteHeader(http.StatusFound)
		return true
	}, says: "login.example.vn", person: true},
	{name: "proxy with a password", lie: answer(407, "text/html", "<html>"), says: "HTTPS_PROXY", person: true},
	{name: "no right", lie: code(403, "AccessDenied"), says: "no right", person: true},
	{name: "no right, no words", lie: answer(403, "", ""), says: "no right", person: true},
	{name: "wrong key", lie: code(403, "InvalidAccessKeyId"), says: "NGHE_ARCHIVE_KEY", person: true},
	{name: "wrong secret", lie: code(403, "SignatureDoesNotMatch"), says: "NGHE_ARCHIVE_SECRET", person: true},
	{name: "clock", lie: func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		w.Header().Set("Date", time.Now().Add(-9*time.Hour).UTC().Format(http.TimeFormat))
		return code(403, "RequestTimeTooSkewed")(l, w, r, body)
	}, says: "by -9h0m", person: true},
	{name: "no bucket", lie: code(404, "NoSuchBucket"), says: "no such bucket", person: true},
	{name: "other region", lie: code(400, "AuthorizationHeaderMalformed"), says: "region=", person: true},
	{name: "full", lie: on("PUT", code(507, "InsufficientStorage")), says: "full", person: true},
	{name: "full, other words", lie: on("PUT", code(507, "Whatever")), says: "full", person: true},
	{name: "busy", lie: code(503, "SlowDown"), says: "503"},
	{name: "busy later", lie: on("PUT", code(503, "SlowDown")), says: "SlowDown"},
	{name: "bad digest", lie: on("PUT", code(400, "BadDigest")), says: "BadDigest"},
	{name: "always taken", lie: on("PUT", code(412, "PreconditionFailed")), says: "not in the archive", is: archive.ErrNotFound},
	{name: "conflict", lie: on("PUT", code(409, "ConditionalRequestConflict")), says: "not in the archive"},
	{name: "always there", lie: on("HEAD", func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		send(w, nil, 0)
		return true
	}), says: "not in the archive", is: archive.ErrNotFound},
	{name: "hangs", lie: hang, says: "silent"},
	{name: "hangs after storing", kept: true, lie: on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		l.put(objectKey(r), body)
		return hang(l, w, r, body)
	}), says: "silent"},
	{name: "hangs up", lie: hangUp, says: "connection"},
	{name: "comes back cut", kept: true, lie: give(func(b []byte) ([]byte, int) { return b[:len(b)/2], len(b) }), says: "connection"},
	{name: "comes back short", kept: true, lie: give(func(b []byte) ([]byte, int) { return b[:len(b)/2], len(b) / 2 }), says: "not this blob's", is: blob.ErrDamaged},
	{name: "comes back changed", kept: true, lie: give(func(b []byte) ([]byte, int) { return flip(b), len(b) }), says: "not this blob's", is: blob.ErrDamaged},
	{name: "comes back as a page", kept: true, lie: on("GET", answer(200, "text/html", "<html>")), says: "web page"},
	{name: "stops half-way back", kept: true, lie: on("GET", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		b, _ := l.get(objectKey(r))
		send(w, b[:len(b)/2], len(b))
		w.(http.Flusher).Flush()
		return hang(l, w, r, body)
	}), says: "silent"},
	{name: "drips", kept: true, lie: on("GET", func(l *liar, w http.ResponseWriter, r *http.Request, _ []byte) bool {
		b, _ := l.get(objectKey(r))
		send(w, nil, len(b))
		for _, c := range b {
			if _, err := w.Write([]byte{c}); err != nil {
				return true
			}
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
		return true
	}), says: "too long"},
}

// Whatever a server says, what counts as archived is there, byte for byte; and
// once it speaks the truth again, the same Put goes through.
func TestLies(t *testing.T) {
	b := archivetest.Some(30_000, 1)
	ref := blob.Of(b)
	key := archive.BlobKey(ref.Hash)
	for _, c := range lies {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := startLiar(t)
			s := l.store(2 * time.Second)
			l.tell(c.lie)
			began := time.Now()
			err := archive.Verified(s).Put(t.Context(), key, ref, bytes.NewReader(b))
			judge(t, c, err)
			if held, _ := l.get(key); err == nil && !bytes.Equal(held, b) {
				t.Error("archived, it says, and is not there")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			l.tell(nil)
			s = l.store(10 * time.Second)
			err = archive.Verified(s).Put(t.Context(), key, ref, bytes.NewReader(b))
			if errors.Is(err, archive.ErrExists) {
				err = archive.Replace(t.Context(), s, key, ref, bytes.NewReader(b))
			}
			if held, _ := l.get(key); err != nil || !bytes.Equal(held, b) {
				t.Errorf("afterwards: %v, %d bytes held", err, len(held))
			}
		})
	}
}

func judge(t *testing.T, c told, err error) {
	t.Helper()
	switch {
	case err == nil && !c.kept:
		t.Error("it was believed")
	case err == nil && c.says != "":
		t.Errorf("no error; want one that says %q", c.says)
	case err == nil:
		return
	case !strings.Contains(err.Error(), c.says):
		t.Errorf("%v; want %q", err, c.says)
	case errors.Is(err, archive.ErrSetup) != c.person:
		t.Errorf("%v: needs a person = %v, want %v", err, !c.person, c.person)
	case c.is != nil && !errors.Is(err, c.is):
		t.Errorf("%v is not %v", err, c.is)
	}
	if text := fmt.Sprint(err); strings.Contains(text, liarSecret) || strings.Contains(text, liarKey) {
		t.Errorf("the error tells the secret: %s", text)
	}
}

// What an upload carries, so that an honest server can refuse a bad one.
func TestUploadHeaders(t *testing.T) {
	l := startLiar(t)
	b := archivetest.Some(100_000, 2)
	if err := l.store(0).Put(t.Context(), "a/b", blob.Of(b), struct{ *bytes.Reader }{bytes.NewReader(b)}); err != nil {
		t.Fatal(err)
	}
	var put *http.Request
	for _, r := range l.saw {
		if r.Method == http.MethodPut {
			put = r
		}
	}
	if put == nil || !fits(put, b) {
		t.Fatalf("the upload does not name its MD5 and SHA-256: %v", put)
	}
	signed := put.Header.Get("Authorization")
	for _, name := range []string{"content-md5", "x-amz-checksum-sha256", "x-amz-content-sha256", "if-none-match"} {
		if put.Header.Get(name) == "" || !strings.Contains(signed, name) {
			t.Errorf("%s is not sent and signed: %s", name, signed)
		}
	}
	if put.Header.Get("If-None-Match") != "*" || len(put.Trailer) > 0 || put.ContentLength != int64(len(b)) || put.Header.Get("Content-Encoding") != "" {
		t.Errorf("the upload is %d bytes, trailers %v, header %v", put.ContentLength, put.Trailer, put.Header)
	}
	if n := len(l.saw); n != 2 {
		t.Errorf("%d requests for one Put, want 2", n)
	}
}

// A server that replaces what it should not is asked first.
func TestServerThatReplaces(t *testing.T) {
	l := startLiar(t)
	l.tell(on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, body []byte) bool {
		r.Header.Del("If-None-Match")
		return false
	}))
	s := l.store(0)
	first, other := []byte("first"), []byte("other")
	if err := s.Put(t.Context(), "a", blob.Of(first), bytes.NewReader(first)); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "a", blob.Of(other), bytes.NewReader(other)); !errors.Is(err, archive.ErrExists) {
		t.Errorf("put of other bytes = %v", err)
	}
	if b, _ := l.get("a"); !bytes.Equal(b, first) {
		t.Errorf("held %q", b)
	}
}

// A list that repeats its first page for ever ends.
func TestListThatStaysOnItsPage(t *testing.T) {
	l := startLiar(t)
	l.tell(func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(w, "<ListBucketResult><Name>ward</Name>")
		for i := range 1000 {
			fmt.Fprintf(w, "<Contents><Key>a/%04d</Key></Contents>", i)
		}
		fmt.Fprint(w, "</ListBucketResult>")
		return true
	})
	n := 0
	err := l.store(0).List(t.Context(), "a/", func(string) error { n++; return nil })
	if err == nil || n != 1000 {
		t.Errorf("list = %v after %d keys", err, n)
	}
}

// A page in the place of a list is not an empty archive.
func TestListAnsweredByAnother(t *testing.T) {
	for _, text := range []string{"", "welcome", "<html></html>", "<ListBucketResult><Contents><Key>a"} {
		l := startLiar(t)
		l.tell(answer(200, "application/xml", text))
		err := l.store(0).List(t.Context(), "", func(string) error { return nil })
		if err == nil {
			t.Errorf("%q was taken for an empty list", text)
		}
	}
}

// The failing store for other packages' tests fails in every way it names, and
// none makes a false "archived".
func TestFailing(t *testing.T) {
	b := archivetest.Some(1000, 3)
	ref := blob.Of(b)
	for _, op := range []string{"put", "get"} {
		for _, fault := range archivetest.Faults {
			var s archivetest.Failing
			s.Fail(func(o, _ string) archivetest.Fault {
				if o == op {
					return fault
				}
				return archivetest.None
			})
			err := archive.Verified(&s).Put(t.Context(), "a", ref, bytes.NewReader(b))
			if err == nil {
				t.Errorf("%s %s: archived, it says", op, fault)
			}
			s.Fail(nil)
			held := archive.Check(t.Context(), &s, "a", ref) == nil
			if want := op == "get" || fault == archivetest.Unsaid; held != want {
				t.Errorf("%s %s: held %v, want %v", op, fault, held, want)
			}
			if err := archive.Replace(t.Context(), &s, "a", ref, bytes.NewReader(b)); err != nil {
				t.Errorf("%s %s: healed: %v", op, fault, err)
			}
		}
	}
}
