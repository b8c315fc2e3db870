package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/backend/meta"
)

const (
	settings       = "server.json"
	certificate    = "certificate.pem"
	certificateKey = "key.pem"
)

// keep is what makes a server the same one after a restart.
type keep struct {
	dir     string
	bucket  string
	sidecar string // folder of attributes, where the file system has none of its own

	Address string `json:"address"`
	Key     string `json:"key"`
	Secret  string `json:"secret"`
}

func (k *keep) file(name string) string { return filepath.Join(k.dir, name) }

func openKeep(c config) (*keep, error) {
	dir, err := filepath.Abs(c.data) // the gateway changes its working folder
	if err != nil {
		return nil, err
	}
	k := &keep{dir: dir, bucket: c.bucket}
	for _, name := range []string{filepath.Join("objects", c.bucket), "versions"} {
		if err := os.MkdirAll(k.file(name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := (meta.XattrMeta{}).Test(k.file("objects")); err != nil {
		k.sidecar = k.file("attributes")
		if err := os.MkdirAll(k.sidecar, 0o700); err != nil {
			return nil, err
		}
	}
	return k, errors.Join(k.settle(c.listen), k.certify())
}

// settle reads address, key and secret, or invents them.
func (k *keep) settle(listen string) error {
	text, err := os.ReadFile(k.file(settings))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.Key, k.Secret = rand.Text(), rand.Text()
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, k); err != nil {
			return fmt.Errorf("read %s: %w", settings, err)
		}
	}
	if listen != "" {
		k.Address = listen
	}
	if k.Address, err = settled(k.Address); err != nil {
		return err
	}
	if text, err = json.Marshal(k); err != nil {
		return err
	}
	return os.WriteFile(k.file(settings), text, 0o600)
}

// settled gives a loopback address its port.
func settled(address string) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("listen on a loopback address like 127.0.0.1:9000, not %q", address)
	}
	if port != "0" {
		return address, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// certify makes the certificate clients are to trust.
func (k *keep) certify() error {
	if _, err := os.Stat(k.file(certificate)); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Nghe s3server"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(k.file(certificateKey), "PRIVATE KEY", private),
		writePEM(k.file(certificate), "CERTIFICATE", der))
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
