package ident

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func mustAuthority(t *testing.T, now time.Time) *Authority {
	t.Helper()
	a, err := OpenAuthority(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func p256(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := p256Key()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func p256Key() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func kitFor(a *Authority) Kit {
	return Kit{
		Version: KitVersion, Hub: []string{"https://hub.example:8443", "https://127.0.0.1:8443"}, Pin: a.Pin(),
		Ticket: "abcdefgh23456", Secret: strings.Repeat("a2b3", 8),
		Place:   Place{ID: "qt-07", Name: "Nhà văn hóa tổ dân phố Bình Minh", Ward: "Phường Quảng Tiến"},
		Expires: noon.Add(72 * time.Hour),
	}
}

func identityFor(t *testing.T, a *Authority, k Kit, pub crypto.PublicKey, now time.Time) Identity {
	t.Helper()
	der, err := a.IssueDevice(pub, DeviceID(pub), now)
	if err != nil {
		t.Fatal(err)
	}
	return Identity{Version: IdentityVersion, Device: DeviceID(pub), Certificate: der, CA: [][]byte{a.Certificate()},
		CustodyKey: a.CustodyKey(), Hub: k.Hub, Place: k.Place}
}

func nonce(fill byte) []byte { return bytes.Repeat([]byte{fill}, NonceSize) }

func TestKeyIsMadeOnceAndStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := OpenKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenKey(dir)
	if err != nil || !samePublic(first.Public(), again.Public()) {
		t.Fatalf("OpenKey again = another key, %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, deviceKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file is %v, %v, want 0600", info.Mode(), err)
	}
}

func TestDamagedKeyIsRefusedNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, deviceKeyFile)
	for _, text := range []string{"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKey(dir); err == nil || !strings.Contains(err.Error(), "enrol again") {
			t.Errorf("OpenKey on %q = %v, want a refusal that says what to do", text, err)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("OpenKey replaced %q", text)
		}
	}
}

func TestSignaturesOfBothKinds(t *testing.T) {
	for _, key := range []crypto.Signer{mustKey(t), p256(t)} {
		sig, err := Sign(key, []byte("statement"))
		if err != nil || !Verify(key.Public(), []byte("statement"), sig) {
			t.Errorf("%T: own signature refused, %v", key, err)
		}
		if Verify(key.Public(), []byte("statemenT"), sig) || Verify(mustKey(t).Public(), []byte("statement"), sig) {
			t.Errorf("%T: a forgery passes", key)
		}
		if id := DeviceID(key.Public()); !validToken(id, deviceIDChars, deviceIDChars) {
			t.Errorf("DeviceID = %q", id)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if DeviceID(p384.Public()) != "" || Verify(nil, nil, nil) {
		t.Error("a key of another kind has a name or verifies")
	}
}

func TestAuthorityStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenAuthority(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir, noon.AddDate(-60, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if first.Pin() != again.Pin() || !first.CustodyKey().Equal(again.CustodyKey()) || !ValidPin(first.Pin()) {
		t.Errorf("pin %s, then %s", first.Pin(), again.Pin())
	}
	sig, err := again.Sign([]byte("received"))
	if err != nil || !Verify(first.CustodyKey(), []byte("received"), sig) {
		t.Errorf("custody signature refused, %v", err)
	}
	for _, name := range []string{authorityKeyFile, authorityCertFile, custodyKeyFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v, %v, want 0600", name, info, err)
		}
	}
}

func TestAuthorityCutShortIsCompletedAndADamagedOneIsNot(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string)
		ok     bool
	}{
		{"cut after the custody key", func(dir string) { remove(dir, authorityCertFile, authorityKeyFile) }, true},
		{"cut before the certificate", func(dir string) { remove(dir, authorityCertFile) }, true},
		{"key lost", func(dir string) { remove(dir, authorityKeyFile) }, false},
		{"custody key lost", func(dir string) { remove(dir, custodyKeyFile) }, false},
		{"keys swapped", func(dir string) {
			_ = os.Rename(filepath.Join(dir, custodyKeyFile), filepath.Join(dir, authorityKeyFile))
		}, false},
		{"key of another authority", func(dir string) {
			other, _ := p256Key()
			_ = writeKey(filepath.Join(dir, authorityKeyFile), other)
		}, false},
		{"certificate emptied", func(dir string) { _ = os.WriteFile(filepath.Join(dir, authorityCertFile), nil, 0o600) }, false},
		{"key emptied during a cut", func(dir string) {
			remove(dir, authorityCertFile)
			_ = os.WriteFile(filepath.Join(dir, authorityKeyFile), nil, 0o600)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			before, err := OpenAuthority(dir, noon)
			if err != nil {
				t.Fatal(err)
			}
			c.damage(dir)
			after, err := OpenAuthority(dir, noon)
			if (err == nil) != c.ok {
				t.Fatalf("OpenAuthority = %v, want ok %v", err, c.ok)
			}
			if c.ok && !before.CustodyKey().Equal(after.CustodyKey()) {
				t.Error("the custody key changed")
			}
		})
	}
}

func remove(dir string, names ...string) {
	for _, name := range names {
		_ = os.Remove(filepath.Join(dir, name))
	}
}

func TestIssueDeviceRefusesAnotherName(t *testing.T) {
	a := mustAuthority(t, noon)
	key := mustKey(t)
	if _, err := a.IssueDevice(key.Public(), DeviceID(mustKey(t).Public()), noon); err == nil {
		t.Error("a certificate for a name that is not the key's")
	}
	if _, err := a.IssueDevice("no key", "", noon); err == nil {
		t.Error("a certificate for no key")
	}
}

func TestIdentitySurvivesOnDisk(t *testing.T) {
	a, key, dir := mustAuthority(t, noon), mustKey(t), t.TempDir()
	if _, err := LoadIdentity(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("LoadIdentity on an empty folder = %v", err)
	}
	id := identityFor(t, a, kitFor(a), key.Public(), noon)
	if err := id.Save(dir); err != nil {
		t.Fatal(err)
	}
	back, err := LoadIdentity(dir)
	if err != nil || back.Device != id.Device || back.Place != id.Place || !back.CustodyKey.Equal(id.CustodyKey) {
		t.Fatalf("LoadIdentity = %+v, %v", back, err)
	}
	if err := back.Belongs(key); err != nil {
		t.Error(err)
	}
	if err := back.Belongs(mustKey(t)); err == nil {
		t.Error("an identity belongs to a stranger's key")
	}
}

func TestIdentityThatDoesNotFitTogetherIsRefused(t *testing.T) {
	a, other, key := mustAuthority(t, noon), mustAuthority(t, noon), mustKey(t)
	for name, change := range map[string]func(*Identity){
		"version":          func(id *Identity) { id.Version = 2 },
		"device":           func(id *Identity) { id.Device = DeviceID(mustKey(t).Public()) },
		"no certificate":   func(id *Identity) { id.Certificate = nil },
		"foreign CA":       func(id *Identity) { id.CA = [][]byte{other.Certificate()} },
		"no CA":            func(id *Identity) { id.CA = nil },
		"broken second CA": func(id *Identity) { id.CA = append(id.CA, []byte("x")) },
		"custody key":      func(id *Identity) { id.CustodyKey = id.CustodyKey[:31] },
		"plain http":       func(id *Identity) { id.Hub = []string{"http://hub.example"} },
		"place":            func(id *Identity) { id.Place.ID = "" },
	} {
		id := identityFor(t, a, kitFor(a), key.Public(), noon)
		change(&id)
		if err := id.Save(t.TempDir()); err == nil || !strings.Contains(err.Error(), "enrol this kiosk again") {
			t.Errorf("%s: Save = %v, want a refusal", name, err)
		}
	}
	id := identityFor(t, a, kitFor(a), key.Public(), noon)
	id.CA = append(id.CA, other.Certificate())
	if err := id.Save(t.TempDir()); err != nil {
		t.Errorf("two authorities during a change-over: %v", err)
	}
}
