package archive

import (
	"crypto/tls"
	"testing"
	"time"
)

// SetLink makes a folder's file system one of another kind.
func (f *Folder) SetLink(link func(old, new string) error) { f.link = link }

// SetNow sets a folder's clock.
func (f *Folder) SetNow(now func() time.Time) { f.now = now }

// TrustOf is a configuration's TLS.
func TrustOf(t *testing.T, c S3Config) *tls.Config {
	t.Helper()
	trust, err := c.trust()
	if err != nil {
		t.Fatal(err)
	}
	return trust
}
