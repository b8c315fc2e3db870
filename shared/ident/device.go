package ident

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nghe/shared/durable"
)

const (
	deviceKeyFile = "device.key"
	deviceIDChars = 16 // 80 bits of the hash
)

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// OpenKey is the device's key kept in dir, made there on first use. Losing the
// file means a new device: the hub then needs a new kit for it.
func OpenKey(dir string) (crypto.Signer, error) {
	path := filepath.Join(dir, deviceKeyFile)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, made, _ := ed25519.GenerateKey(rand.Reader) // crypto/rand never fails
		return made, writeKey(path, made)
	}
	if err != nil {
		return nil, fmt.Errorf("open device key: %w; remove the file and enrol again with a new kit", err)
	}
	return key, nil
}

// RenewKey makes another key in dir, in the place of one whose trust has ended,
// and forgets the identity that went with it. The identity goes first: a cut
// between the two leaves the old key, which is refused and renewed again.
func RenewKey(dir string) (crypto.Signer, error) {
	if err := os.Remove(filepath.Join(dir, identityFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("renew device key: %w", err)
	}
	_, made, _ := ed25519.GenerateKey(rand.Reader)
	if err := writeKey(filepath.Join(dir, deviceKeyFile), made); err != nil {
		return nil, fmt.Errorf("renew device key: %w", err)
	}
	return made, nil
}

// DeviceID names a public key: the lower-case base32 of the first 80 bits of
// the SHA-256 of its PKIX form. Empty for a key that is neither Ed25519 nor
// P-256.
func DeviceID(pub crypto.PublicKey) string {
	der, err := marshalPublic(pub)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return lowerBase32.EncodeToString(sum[:])[:deviceIDChars]
}

// Sign signs statement with an Ed25519 or P-256 key.
func Sign(key crypto.Signer, statement []byte) ([]byte, error) {
	switch key.Public().(type) {
	case ed25519.PublicKey:
		return key.Sign(rand.Reader, statement, crypto.Hash(0))
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(statement)
		return key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	return nil, errors.New("sign statement: the key is neither Ed25519 nor P-256")
}

// Verify says whether signature is pub's over statement.
func Verify(pub crypto.PublicKey, statement, signature []byte) bool {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize && ed25519.Verify(k, statement, signature)
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(statement)
		return k != nil && k.Curve == elliptic.P256() && ecdsa.VerifyASN1(k, digest[:], signature)
	}
	return false
}

// marshalPublic is the PKIX form of a key that may name a device.
func marshalPublic(pub crypto.PublicKey) ([]byte, error) {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return x509.MarshalPKIXPublicKey(k)
		}
	case *ecdsa.PublicKey:
		if k != nil && k.Curve == elliptic.P256() {
			return x509.MarshalPKIXPublicKey(k)
		}
	}
	return nil, errors.New("the key is neither Ed25519 nor P-256")
}

// parsePublic reads the PKIX form and refuses any second spelling of it, since
// the form is what names the device.
func parsePublic(der []byte) (crypto.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	again, err := marshalPublic(pub)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if string(again) != string(der) {
		return nil, errors.New("read public key: not in its one canonical form")
	}
	return pub, nil
}

func readKey(path string) (crypto.Signer, error) {
	der, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || DeviceID(key.Public()) == "" {
		return nil, fmt.Errorf("read %s: the key is neither Ed25519 nor P-256", path)
	}
	return key, nil
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writePEM(path, "PRIVATE KEY", der)
}

func readPEM(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || strings.TrimSpace(string(rest)) != "" {
		return nil, fmt.Errorf("read %s: not one PEM block %q", path, kind)
	}
	return block.Bytes, nil
}

func writePEM(path, kind string, der []byte) error {
	if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := durable.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
