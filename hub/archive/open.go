package archive

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// Open chooses by the location's form: s3://… is an S3 bucket, as told at
// Parse, anything else a folder. Nothing is contacted and nothing made: an
// archive that cannot be reached stops nobody from starting.
func Open(location string) (Store, error) {
	switch {
	case location == "":
		return nil, errors.New("say where the archive is: a folder on another disk, or s3://HOST/BUCKET")
	case strings.HasPrefix(location, "s3:"):
		cfg, err := Parse(location, os.Getenv)
		if err != nil {
			return nil, err
		}
		return NewS3(cfg)
	case strings.Contains(location, "://"):
		kind, _, _ := strings.Cut(location, "://")
		return nil, fmt.Errorf("%s:// is not an archive: name a folder on another disk, or s3://HOST/BUCKET", kind)
	}
	return NewFolder(location)
}

// S3Config says which bucket, as which user. Written as a location:
//
//	s3://[KEY:SECRET@]HOST[:PORT]/BUCKET[?region=R][&style=path|dns][&ca=FILE][&tls=off]
//
//	s3://s3.ap-southeast-1.amazonaws.com/nghe-quang-tien?region=ap-southeast-1
//	s3://minio.ward.local:9000/nghe?ca=/etc/nghe/minio-ca.pem
//
// Key and secret are better given by NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET,
// which no list of processes shows; NGHE_ARCHIVE_CA stands for ca.
type S3Config struct {
	Host   string // name or address, with a port when it is not 443
	Bucket string
	Key    string // access key; see the package comment for the rights it needs
	Secret string

	// Region of the bucket; empty: us-east-1, which servers of one's own take.
	Region string
	// DNS puts the bucket before the host's name instead of into the path:
	// style=dns. Amazon's hosts get it by themselves.
	DNS bool
	// CA is a PEM file of certificates to trust instead of the system's.
	CA string
	// Plain speaks HTTP: tls=off, on loopback only.
	Plain bool

	// Patience is how long a server may be silent; 0: 30 s. A transfer may take
	// twice as long, and a second more for each 16 KiB.
	Patience time.Duration
	// Now is the hub's clock; nil: time.Now.
	Now func() time.Time
}

// Parse reads a location; env is os.Getenv. No error repeats the secret.
func Parse(location string, env func(string) string) (S3Config, error) {
	u, err := url.Parse(location)
	if err != nil {
		// The error of url.Parse quotes all it was given.
		return S3Config{}, errors.New("read archive location: not of the form s3://KEY:SECRET@HOST/BUCKET; " +
			"write a secret with / + ? # or % in percent form (%2F), or give it as NGHE_ARCHIVE_SECRET")
	}
	c := S3Config{Host: u.Host, Bucket: strings.Trim(u.Path, "/"), CA: env("NGHE_ARCHIVE_CA")}
	c.Key, c.Secret = env("NGHE_ARCHIVE_KEY"), env("NGHE_ARCHIVE_SECRET")
	if u.User != nil {
		c.Key = u.User.Username()
		if secret, given := u.User.Password(); given {
			c.Secret = secret
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return S3Config{}, errors.New("read archive location: what stands after ? is not name=value")
	}
	for name := range query {
		if err := c.set(name, query.Get(name)); err != nil {
			return S3Config{}, err
		}
	}
	return c, c.check()
}

func (c *S3Config) set(name, value string) error {
	switch {
	case name == "region":
		c.Region = value
	case name == "ca":
		c.CA = value
	case name == "style" && (value == "path" || value == "dns"):
		c.DNS = value == "dns"
	case name == "tls" && value == "off":
		c.Plain = true
	default:
		return fmt.Errorf("archive location: %s=%q is not known; there is region=, ca=, style=path or dns, and tls=off", name, value)
	}
	return nil
}

// check says what is missing.
func (c *S3Config) check() error {
	switch {
	case c.Host == "" || c.Bucket == "" || strings.Contains(c.Bucket, "/"):
		return errors.New("archive location: write s3://HOST/BUCKET, one bucket and nothing after it")
	case c.Key == "" || c.Secret == "":
		return errors.New("archive: no key and secret; set NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET")
	case c.Plain && !loopback(c.Host):
		return fmt.Errorf("archive: %s is another machine, so tls=off would send the archive in the clear; leave it out", c.Host)
	}
	c.Region = cmp.Or(c.Region, "us-east-1")
	c.DNS = c.DNS || strings.HasSuffix(hostOnly(c.Host), ".amazonaws.com")
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// trust is the TLS of the connection.
func (c *S3Config) trust() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return t, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read the archive's certificates: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the archive's certificates: %s holds none in PEM form", c.CA)
	}
	return t, nil
}

func hostOnly(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return hostPort
}

// loopback is true for addresses of this machine, not for names that somebody
// else could answer for.
func loopback(hostPort string) bool {
	host := strings.Trim(hostOnly(hostPort), "[]")
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
