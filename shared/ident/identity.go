package ident

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"nghe/shared/durable"
)

const identityFile = "identity.json"

// IdentityVersion is the only version of an identity so far.
const IdentityVersion = 1

// Identity is all a kiosk keeps of its enrolment. None of it is secret; the
// key stays in its own file.
type Identity struct {
	Version     int               `json:"version"`
	Device      string            `json:"device"`      // DeviceID of the kiosk's key
	Certificate []byte            `json:"certificate"` // the kiosk's, DER
	CA          [][]byte          `json:"ca"`          // authorities trusted, DER; two while the hub changes over
	CustodyKey  ed25519.PublicKey `json:"custody_key"` // verifies the hub's receipts
	Hub         []string          `json:"hub"`         // https://host:port, best first
	Place       Place             `json:"place"`
	// CasesKey seals messages to the hub, as an age recipient ("age1…"). Empty
	// on a kiosk enrolled before the hub had one: it then takes no messages.
	CasesKey string `json:"cases_key,omitempty"`
}

// Save keeps the identity in dir, surviving a power cut at any moment.
func (id Identity) Save(dir string) error {
	if err := id.check(); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	text, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, identityFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

// LoadIdentity reads what Save kept; fs.ErrNotExist says there is none yet.
func LoadIdentity(dir string) (Identity, error) {
	file, err := os.Open(filepath.Join(dir, identityFile))
	if err != nil {
		return Identity{}, fmt.Errorf("load identity: %w", err)
	}
	defer file.Close()
	var id Identity
	if err := readStrict(file, &id); err != nil {
		return Identity{}, refuseIdentity("", err.Error())
	}
	return id, id.check()
}

// Belongs refuses an identity that was made for another key than key.
func (id Identity) Belongs(key crypto.Signer) error {
	if DeviceID(key.Public()) != id.Device {
		return refuseIdentity("device", "is not the name of this machine's key")
	}
	return nil
}

func refuseIdentity(field, why string) error {
	return &Refusal{"identity", field, why, "enrol this kiosk again with a new kit"}
}

func (id Identity) check() error {
	if id.Version != IdentityVersion {
		return refuseIdentity("version", fmt.Sprintf("is %d, this program reads %d", id.Version, IdentityVersion))
	}
	if len(id.CustodyKey) != ed25519.PublicKeySize {
		return refuseIdentity("custody_key", fmt.Sprintf("is not %d bytes", ed25519.PublicKeySize))
	}
	if field, why := checkHubs(id.Hub); why != "" {
		return refuseIdentity(field, why)
	}
	if field, why := id.Place.check(); why != "" {
		return refuseIdentity(field, why)
	}
	if id.CasesKey != "" && !ValidCasesKey(id.CasesKey) {
		return refuseIdentity("cases_key", "is not an age recipient")
	}
	return id.checkCertificates()
}

// ValidCasesKey knows the shape of an age recipient, not whether it is one.
func ValidCasesKey(key string) bool {
	rest, ok := strings.CutPrefix(key, "age1")
	return ok && validToken(rest, 50, maxCasesKey)
}

func (id Identity) checkCertificates() error {
	authorities := parseAll(id.CA)
	if len(authorities) == 0 || len(authorities) != len(id.CA) || len(authorities) > maxAuthority {
		return refuseIdentity("ca", fmt.Sprintf("does not hold 1 to %d certificates", maxAuthority))
	}
	leaf, err := x509.ParseCertificate(id.Certificate)
	if err != nil {
		return refuseIdentity("certificate", err.Error())
	}
	if id.Device == "" || id.Device != DeviceID(leaf.PublicKey) || id.Device != leaf.Subject.CommonName {
		return refuseIdentity("device", "is not the name in the certificate")
	}
	if err := chains(leaf, authorities, x509.ExtKeyUsageClientAuth); err != nil {
		return refuseIdentity("certificate", "is not from an authority beside it")
	}
	return nil
}

// certifies says whether the certificate is for the key in PKIX form.
func (id Identity) certifies(publicKey []byte) bool {
	leaf, err := x509.ParseCertificate(id.Certificate)
	return err == nil && bytes.Equal(leaf.RawSubjectPublicKeyInfo, publicKey)
}
