package archive_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/archive/s3test"
	"nghe/shared/blob"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestParse(t *testing.T) {
	fromEnv := map[string]string{"NGHE_ARCHIVE_KEY": "K1", "NGHE_ARCHIVE_SECRET": "s/e+c", "NGHE_ARCHIVE_CA": "/ca.pem"}
	for _, c := range []struct {
		location string
		env      map[string]string
		want     archive.S3Config
	}{
		{"s3://K:S@127.0.0.1:9000/nghe", nil, archive.S3Config{Host: "127.0.0.1:9000", Bucket: "nghe", Key: "K", Secret: "S", Region: "us-east-1"}},
		{"s3://minio.ward.local/nghe/", fromEnv, archive.S3Config{Host: "minio.ward.local", Bucket: "nghe", Key: "K1", Secret: "s/e+c", CA: "/ca.pem", Region: "us-east-1"}},
		{"s3://K2@h/b?ca=/x.pem&region=r&style=dns", fromEnv, archive.S3Config{Host: "h", Bucket: "b", Key: "K2", Secret: "s/e+c", CA: "/x.pem", Region: "r", DNS: true}},
		{"s3://K:s%2Fe%2B@s3.ap-southeast-1.amazonaws.com/b?region=ap-southeast-1", nil,
			archive.S3Config{Host: "s3.ap-southeast-1.amazonaws.com", Bucket: "b", Key: "K", Secret: "s/e+", Region: "ap-southeast-1", DNS: true}},
		{"s3://K:S@[::1]:9000/b?tls=off&style=path", nil, archive.S3Config{Host: "[::1]:9000", Bucket: "b", Key: "K", Secret: "S", Region: "us-east-1", Plain: true}},
	} {
		got, err := archive.Parse(c.location, env(c.env))
		got.Patience, got.Now = 0, nil
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
			t.Errorf("%s = %+v, %v; want %+v", c.location, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const secret = "geheim"
	for location, says := range map[string]string{
		"s3://":                                     "s3://HOST/BUCKET",
		"s3://K:geheim@h":                           "s3://HOST/BUCKET",
		"s3://K:geheim@h/b/prefix":                  "one bucket",
		"s3://h/b":                                  "NGHE_ARCHIVE_KEY",
		"s3://K@h/b":                                "NGHE_ARCHIVE_SECRET",
		"s3://K:geheim@h/b?regoin=x":                "regoin",
		"s3://K:geheim@h/b?style=both":              "style",
		"s3://K:geheim@h/b?tls=off":                 "in the clear",
		"s3://K:geheim@127.0.0.1.evil.vn/b?tls=off": "in the clear",
		"s3://K:gehe/im@h/b":                        "",
		"s3://K:geheim%zz@h/b":                      "percent form",
		"s3://K:geheim@h:port/b":                    "percent form",
		"s3://K:geheim@h/b?a;b":                     "name=value",
		"https://K:geheim@h/b":                      "s3://HOST/BUCKET",
		"":                                          "a folder on another disk",
		"s3://K:geheim@h/b?ca=/none/ca.pem":         "/none/ca.pem",
		"s3://K:geheim@h/b?ca=/etc/hostname":        "PEM",
	} {
		_, err := archive.Open(location)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", location, err, says)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells the secret: %v", location, err)
		}
	}
	if s := fmt.Sprintf("%v %+v", open(t, "s3://KEY7:"+secret+"@h/b"), archive.Verified(open(t, "s3://KEY7:"+secret+"@h/b"))); strings.Contains(s, secret) || strings.Contains(s, "KEY7") {
		t.Errorf("printed: %s", s)
	}
}

// S3 is gone for a while, and comes back.
func TestOutage(t *testing.T) {
	server := s3test.Start(t)
	s := archive.Verified(open(t, server.Location))
	put := func(b []byte) error {
		return s.Put(t.Context(), archive.BlobKey(blob.Of(b).Hash), blob.Of(b), bytes.NewReader(b))
	}
	before, after := archivetest.Some(1000, 1), archivetest.Some(1000, 2)
	if err := put(before); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	began := time.Now()
	if err := put(after); err == nil || errors.Is(err, archive.ErrSetup) || time.Since(began) > 5*time.Second {
		t.Errorf("put to a stopped server: %v after %s", err, time.Since(began))
	}
	if err := put(after); err == nil || !strings.Contains(err.Error(), "nobody answers") {
		t.Errorf("put to a stopped server: %v", err)
	}
	server.Start()
	if err := errors.Join(put(after), put(before)); err != nil {
		t.Errorf("put after the outage: %v", err)
	}
}

// Everything but a server with the right certificate is refused before the
// archive's bytes or the key's signature leave.
func TestDistrust(t *testing.T) {
	now := time.Now()
	good, ca := certificate(t, now, now.AddDate(1, 0, 0), "127.0.0.1")
	old, oldCA := certificate(t, now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0), "127.0.0.1")
	named, namedCA := certificate(t, now, now.AddDate(1, 0, 0), "10.9.9.9")
	for _, c := range []struct {
		name, ca, says string
		serve          *tls.Certificate
		setup          bool
	}{
		{"good", ca, "", &good, false},
		{"of nobody", "", "NGHE_ARCHIVE_CA", &good, true},
		{"of another", namedCA, "NGHE_ARCHIVE_CA", &good, true},
		{"out of date", oldCA, "out of date", &old, true},
		{"for another name", namedCA, "another name", &named, true},
		{"no TLS", ca, "does not speak TLS", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			heard := false
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				heard = true
				w.WriteHeader(http.StatusNotFound)
			}))
			server.Config.ErrorLog = quiet()
			if c.serve != nil {
				server.TLS = &tls.Config{Certificates: []tls.Certificate{*c.serve}}
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			s, err := archive.NewS3(archive.S3Config{Host: server.Listener.Addr().String(), Bucket: "b-b", Key: "K", Secret: "S", CA: c.ca, Patience: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Get(t.Context(), "a")
			if c.says == "" {
				if !errors.Is(err, archive.ErrNotFound) || !heard {
					t.Errorf("get = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, archive.ErrSetup) != c.setup || heard {
				t.Errorf("get = %v, heard %v; want %q", err, heard, c.says)
			}
		})
	}
}

// certificate makes one of its own, and writes it as a file of authorities.
func certificate(t *testing.T, from, to time.Time, ip string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: ip}, NotBefore: from.Add(-time.Hour), NotAfter: to,
		IPAddresses: []net.IP{net.ParseIP(ip)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pemFile(t, der)
}

func TestUnreachable(t *testing.T) {
	for host, says := range map[string]string{"none.invalid": "name is not found", "127.0.0.1:1": "nobody answers"} {
		s, err := archive.NewS3(archive.S3Config{Host: host, Bucket: "b-b", Key: "K", Secret: "S"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = s.Get(t.Context(), "a")
		if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, archive.ErrSetup) || time.Since(began) > 10*time.Second {
			t.Errorf("%s: %v after %s, want %q", host, err, time.Since(began), says)
		}
	}
}

// Plain HTTP to this machine works, with the same sums.
func TestPlainOnLoopback(t *testing.T) {
	l := &liar{t: t, held: map[string][]byte{}}
	server := httptest.NewServer(l)
	defer server.Close()
	s := open(t, "s3://K:S@"+server.Listener.Addr().String()+"/ward?tls=off")
	b := archivetest.Some(1000, 3)
	if err := archive.Verified(s).Put(t.Context(), "a", blob.Of(b), bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

func TestFolderKnowsItsDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	s := open(t, dir)
	b := archivetest.Some(10, 4)
	put := func() error { return s.Put(t.Context(), "a/b", blob.Of(b), bytes.NewReader(b)) }
	if err := put(); err != nil {
		t.Fatal(err)
	}
	away := dir + ".unplugged"
	if err := errors.Join(os.Rename(dir, away), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"put":    put,
		"get":    func() error { _, err := s.Get(t.Context(), "a/b"); return err },
		"delete": func() error { return s.Delete(t.Context(), "a/b") },
		"list":   func() error { return s.List(t.Context(), "", func(string) error { return nil }) },
	} {
		if err := try(); !errors.Is(err, archive.ErrSetup) || errors.Is(err, archive.ErrNotFound) || !strings.Contains(err.Error(), "mount") {
			t.Errorf("%s on an unplugged disk = %v", name, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("written into the empty mount point: %v, %v", left, err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(away, dir), put()); err != nil {
		t.Errorf("plugged in again: %v", err)
	}
}

func TestFolderForgetsWhatAKillLeft(t *testing.T) {
	dir := t.TempDir()
	b := archivetest.Some(10, 5)
	if err := open(t, dir).Put(t.Context(), "a", blob.Of(b), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	partial := filepath.Join(dir, ".partial")
	if left, err := os.ReadDir(partial); err != nil || len(left) > 0 {
		t.Errorf("left after a Put: %v, %v", left, err)
	}
	old := filepath.Join(partial, "1234")
	if err := os.WriteFile(old, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{time.Hour, 25 * time.Hour} {
		f := open(t, dir).(*archive.Folder)
		f.SetNow(func() time.Time { return time.Now().Add(later) })
		if err := archive.Check(t.Context(), f, "a", blob.Of(b)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(old); (err == nil) != (later < 24*time.Hour) {
			t.Errorf("after %s: %v", later, err)
		}
	}
}

func TestFolderWithoutRights(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Open(file); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("open of a file = %v", err)
	}
	s := open(t, "/proc/none/archive") // nobody may write there
	b := []byte("x")
	if err := s.Put(t.Context(), "a", blob.Of(b), bytes.NewReader(b)); err == nil {
		t.Error("put into /proc succeeded")
	}
}
