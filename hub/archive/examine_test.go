package archive_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/archive/s3test"
	"nghe/shared/blob"
)

// examine gives the levels by check, and looks at the sentences.
func examine(t *testing.T, s archive.Store) map[string]archive.Level {
	t.Helper()
	levels := map[string]archive.Level{}
	for _, f := range archive.Examine(t.Context(), s) {
		levels[f.Check] = f.Level
		t.Logf("%-8s %-4s %s / %s", f.Check, f.Level, f.Vietnamese, f.English)
		if f.Vietnamese == "" || f.English == "" || !utf8.ValidString(f.Vietnamese) || strings.Contains(f.English+f.Vietnamese, "%!") {
			t.Errorf("%s: %q / %q", f.Check, f.Vietnamese, f.English)
		}
	}
	return levels
}

func wantLevels(t *testing.T, got map[string]archive.Level, want map[string]archive.Level) {
	t.Helper()
	for check, level := range want {
		if got[check] != level {
			t.Errorf("%s is %q, want %q", check, got[check], level)
		}
	}
}

// goodBucket is what a server that does all right gets.
var goodBucket = map[string]archive.Level{
	"reach": archive.Good, "read": archive.Good, "once": archive.Good, "list": archive.Good, "tls": archive.Good, "names": archive.Good,
	"sha256": archive.Good, "md5": archive.Good, "stranger": archive.Good, "versions": archive.Good, "lock": archive.Good,
	"clock": archive.Good, "delete": archive.Good,
}

func wantNoProbes(t *testing.T, s archive.Store) {
	t.Helper()
	if err := s.List(t.Context(), "probe/", func(key string) error { return fmt.Errorf("%s is left", key) }); err != nil {
		t.Error(err)
	}
}

func TestExamineS3(t *testing.T) {
	s := open(t, s3test.Start(t).Location)
	wantLevels(t, examine(t, archive.Verified(s)), goodBucket)
	wantNoProbes(t, s)
}

// client is another way into the test's server, to make buckets.
func client(t *testing.T, server *s3test.Server) (*minio.Client, *url.URL) {
	t.Helper()
	cfg, err := archive.Parse(server.Location, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := minio.DefaultTransport(true)
	if err != nil {
		t.Fatal(err)
	}
	transport.TLSClientConfig = archive.TrustOf(t, cfg)
	c, err := minio.New(cfg.Host, &minio.Options{Creds: credentials.NewStaticV4(cfg.Key, cfg.Secret, ""), Secure: true, Region: "us-east-1", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.Location)
	if err != nil {
		t.Fatal(err)
	}
	return c, u
}

// A bucket that keeps old versions: what is deleted is gone all the same.
func TestVersions(t *testing.T) {
	server := s3test.Start(t)
	c, u := client(t, server)
	if err := c.MakeBucket(t.Context(), "versions", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.EnableVersioning(t.Context(), "versions"); err != nil {
		t.Fatal(err)
	}
	u.Path = "/versions"
	s := open(t, u.String())
	for range 3 { // two under a delete mark, as another program would leave them
		if _, err := c.PutObject(t.Context(), "versions", "a/b", strings.NewReader("words"), 5, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.RemoveObject(t.Context(), "versions", "a/b", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := archive.Check(t.Context(), s, "a/b", blob.Of([]byte("words"))); err == nil {
		t.Error("it can be read under its delete mark")
	}
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	wantNoVersions(t, c, "versions")
	levels := examine(t, s)
	if levels["versions"] != archive.Note || levels["delete"] != archive.Good {
		t.Errorf("levels %v", levels)
	}
	wantNoVersions(t, c, "versions")
	archivetest.Run(t, func(*testing.T) archive.Store { return s })
}

func wantNoVersions(t *testing.T, c *minio.Client, bucket string) {
	t.Helper()
	for info := range c.ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		t.Errorf("version %s of %s is left, %v", info.VersionID, info.Key, info.Err)
	}
}

// A bucket that locks: everything works but deletion, which says why.
func TestLock(t *testing.T) {
	server := s3test.Start(t)
	c, u := client(t, server)
	if err := c.MakeBucket(t.Context(), "locked", minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	mode, days, unit := minio.Compliance, uint(1), minio.Days
	if err := c.SetBucketObjectLockConfig(t.Context(), "locked", &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	u.Path = "/locked"
	levels := examine(t, open(t, u.String()))
	wantLevels(t, levels, map[string]archive.Level{"reach": archive.Good, "once": archive.Good, "names": archive.Good, "versions": archive.Note, "lock": archive.Note, "delete": archive.Note})
}

// What an examination finds on servers that fall short.
func TestExamineFindsFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		lie   lie
		check string
		level archive.Level
		says  string
	}{
		{"strangers read", nil, "stranger", archive.Bad, "Anybody"}, // the liar asks nobody for a key
		{"writes over", on("PUT", func(_ *liar, _ http.ResponseWriter, r *http.Request, _ []byte) bool {
			r.Header.Del("If-None-Match")
			return false
		}), "names", archive.Note, "does not itself refuse"},
		{"does not hash", on("PUT", func(l *liar, w http.ResponseWriter, r *http.Request, b []byte) bool {
			if _, there := l.get(objectKey(r)); there {
				return false
			}
			l.put(objectKey(r), b)
			w.Header().Set("ETag", tag(b))
			return true
		}), "sha256", archive.Note, "does not check SHA-256"},
		{"keeps what is deleted", on("DELETE", func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool { w.WriteHeader(204); return true }), "delete", archive.Note, "still there"},
		{"forbids deletion", on("DELETE", code(403, "AccessDenied")), "delete", archive.Note, "no right"},
		{"clock", func(_ *liar, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("Date", time.Now().Add(10*time.Minute+30*time.Second).UTC().Format(http.TimeFormat))
			return false
		}, "clock", archive.Bad, "by 10m"},
		{"no list", on("GET", func(_ *liar, w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if objectKey(r) != "" {
				return false
			}
			refuse(w, 403, "AccessDenied")
			return true
		}), "list", archive.Bad, "restored"},
		{"keeps nothing", keep(func([]byte) []byte { return nil }), "read", archive.Bad, "read back"},
		{"portal", answer(200, "text/html", "<html>"), "reach", archive.Bad, "web page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := startLiar(t)
			l.tell(c.lie)
			for _, f := range archive.Examine(t.Context(), l.store(time.Second)) {
				if f.Check == c.check {
					if f.Level != c.level || !strings.Contains(f.English, c.says) {
						t.Errorf("%s: %s %s, want %s with %q", f.Check, f.Level, f.English, c.level, c.says)
					}
					return
				}
			}
			t.Errorf("nothing is said of %s", c.check)
		})
	}
}

func TestExamineFolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "archive"))
	levels := examine(t, s)
	wantLevels(t, levels, map[string]archive.Level{"reach": archive.Good, "read": archive.Good, "once": archive.Good, "list": archive.Good, "delete": archive.Good})
	wantNoProbes(t, s)
	if f := archive.Distance(s, dir); f.Level != archive.Bad || !strings.Contains(f.English, "same disk") {
		t.Errorf("a folder beside the data: %+v", f)
	}
	if f := archive.Distance(open(t, "s3://K:S@127.0.0.1:9000/nghe"), dir); f.Level != archive.Bad || !strings.Contains(f.English, "this machine") {
		t.Errorf("a server on this machine: %+v", f)
	}
	if f := archive.Distance(open(t, "s3://K:S@10.1.2.3/nghe"), dir); f.Level != archive.Good {
		t.Errorf("a server elsewhere: %+v", f)
	}
	if f := archive.Distance(archive.Verified(new(archivetest.Memory)), dir); f.Level != archive.Good {
		t.Errorf("elsewhere: %+v", f)
	}
}
