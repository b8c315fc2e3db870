package ident

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	authorityKeyFile  = "authority.key"
	authorityCertFile = "authority.crt" // written last: its presence says the others are whole
	custodyKeyFile    = "custody.key"
	authorityName     = "Nghe hub " // then the day and the key's name
	serverName        = "Nghe hub"
	pinPrefix         = "sha256-"
	serverDays        = 397 // browsers accept no more; kiosks do not look
	serverBackdate    = time.Hour
)

// Authority is the hub's side of trust: the key that signs certificates and
// the key that signs custody receipts. Losing its folder orphans every kiosk.
type Authority struct {
	key     crypto.Signer
	cert    *x509.Certificate
	custody crypto.Signer
}

// OpenAuthority opens the authority kept in dir, making it on first use. A
// folder that holds only part of one is refused rather than mended, except
// where a first use was cut short.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	_, err := os.Stat(filepath.Join(dir, authorityCertFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = makeAuthority(dir, now)
	}
	if err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	a, err := loadAuthority(dir)
	if err != nil {
		return nil, fmt.Errorf("open authority: %w; restore the whole folder from a backup, a new authority would orphan every kiosk", err)
	}
	return a, nil
}

func loadAuthority(dir string) (*Authority, error) {
	der, err := readPEM(filepath.Join(dir, authorityCertFile), "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	a := &Authority{}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if a.key, err = readKey(filepath.Join(dir, authorityKeyFile)); err != nil {
		return nil, err
	}
	if a.custody, err = readKey(filepath.Join(dir, custodyKeyFile)); err != nil {
		return nil, err
	}
	return a, a.check()
}

func (a *Authority) check() error {
	if !samePublic(a.cert.PublicKey, a.key.Public()) {
		return errors.New(authorityKeyFile + " is not the key of " + authorityCertFile)
	}
	if _, ok := a.custody.Public().(ed25519.PublicKey); !ok {
		return errors.New(custodyKeyFile + " is not an Ed25519 key")
	}
	return nil
}

// makeAuthority completes whatever a first use that was cut short has left.
// The certificate's key is P-256 because browsers know no Ed25519
// certificates and the console may be served under the same authority.
func makeAuthority(dir string, now time.Time) error {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	_, ed, _ := ed25519.GenerateKey(rand.Reader) // crypto/rand never fails
	if _, err := keepKey(filepath.Join(dir, custodyKeyFile), ed); err != nil {
		return err
	}
	key, err := keepKey(filepath.Join(dir, authorityKeyFile), ec)
	if err != nil {
		return err
	}
	der, err := selfSign(key, now)
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, authorityCertFile), "CERTIFICATE", der)
}

func keepKey(path string, fresh crypto.Signer) (crypto.Signer, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, writeKey(path, fresh)
	}
	return key, err
}

// Certificates of the authority are valid from before any clock to after every
// clock: trust ends by a statement, not by a date.
func firstDay() time.Time { return time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC) }
func lastDay() time.Time  { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }

func selfSign(key crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: authorityName + now.UTC().Format("2006-01-02") + " " + DeviceID(key.Public())},
		NotBefore:    firstDay(), NotAfter: lastDay(),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// Pin names the authority in kits and on command lines: "sha256-" and the
// base64url SHA-256 of its public key.
func (a *Authority) Pin() string { return pinOf(a.cert) }

func pinOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return pinPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Certificate is the authority's own, as DER.
func (a *Authority) Certificate() []byte { return a.cert.Raw }

// CustodyKey verifies what Sign signs.
func (a *Authority) CustodyKey() ed25519.PublicKey { return a.custody.Public().(ed25519.PublicKey) }

// Sign signs a custody statement.
func (a *Authority) Sign(statement []byte) ([]byte, error) { return Sign(a.custody, statement) }

// Derive is a secret for one purpose, by HKDF-SHA256 (RFC 5869) from the custody
// key: whoever has the authority has it too.
func (a *Authority) Derive(purpose string) [32]byte {
	b, err := hkdf.Key(sha256.New, a.custody.(ed25519.PrivateKey).Seed(), nil, purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are not too many
	}
	return [32]byte(b)
}

// IssueDevice certifies that pub is deviceID, which must be pub's own name.
func (a *Authority) IssueDevice(pub crypto.PublicKey, deviceID string, now time.Time) ([]byte, error) {
	if id := DeviceID(pub); id == "" || id != deviceID {
		return nil, fmt.Errorf("issue certificate: %q is not the name of the key", deviceID)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: deviceID},
		NotBefore: clamp(now), NotAfter: lastDay(),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	return a.issue(template, pub)
}

// ServerTLS makes a server key and a certificate for names (host names and IP
// addresses as they stand in kits) and the TLS settings around them. A client
// certificate is asked for and not judged: Peer does that, so that the hub can
// refuse in words. Serve it over tls.NewListener; net/http's own ServeTLS
// would offer HTTP/2, which a WebSocket cannot use.
func (a *Authority) ServerTLS(names []string, now time.Time) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	template, err := serverTemplate(names, clamp(now))
	if err != nil {
		return nil, err
	}
	der, err := a.issue(template, key.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}},
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true, // every session proves the device's key afresh
	}, nil
}

func serverTemplate(names []string, now time.Time) (*x509.Certificate, error) {
	if len(names) == 0 {
		return nil, errors.New("issue certificate: no name for the hub; give the host names and addresses that kiosks use")
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: serverName},
		NotBefore: clamp(now.Add(-serverBackdate)), NotAfter: now.AddDate(0, 0, serverDays),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if validHub("https://"+name) && !strings.ContainsAny(name, "[]:") {
			template.DNSNames = append(template.DNSNames, name)
		} else {
			return nil, fmt.Errorf("issue certificate: %q is neither a host name nor an IP address; leave out scheme, port and brackets", name)
		}
	}
	return template, nil
}

func (a *Authority) issue(template *x509.Certificate, pub crypto.PublicKey) ([]byte, error) {
	var err error
	if template.SerialNumber, err = newSerial(); err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, pub, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return der, nil
}

// clamp keeps a wild clock inside what a certificate can say and what the
// authority's own covers.
func clamp(now time.Time) time.Time {
	if now.Before(firstDay()) {
		return firstDay()
	}
	if last := lastDay().AddDate(-2, 0, 0); now.After(last) {
		return last
	}
	return now
}

func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
