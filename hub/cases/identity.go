package cases

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nghe/shared/durable"
	"nghe/shared/seal"
)

const identityFile = "cases.age"

// Identity is the hub's own reader of messages: what is sealed to `cases` is
// sealed to its public half.
type Identity struct {
	Secret string // age identity; empty where nothing may be opened
	Public string // age recipient, told to kiosks
}

// OpenIdentity reads the identity in dir, making it on first use.
func OpenIdentity(dir string) (Identity, error) {
	path := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeIdentity(path)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("open cases identity: %w", err)
	}
	public, secret, two := strings.Cut(strings.TrimSpace(string(text)), "\n")
	id := Identity{Secret: secret, Public: public}
	if !two || id.check() != nil {
		return Identity{}, fmt.Errorf("open cases identity: %s is damaged; put it back from a backup: without it no message can be opened", path)
	}
	return id, nil
}

func makeIdentity(path string) (id Identity, err error) {
	if id.Secret, id.Public, err = seal.NewIdentity(); err != nil {
		return Identity{}, fmt.Errorf("make cases identity: %w", err)
	}
	if err := durable.WriteFile(path, []byte(id.Public+"\n"+id.Secret+"\n"), 0o600); err != nil {
		return Identity{}, fmt.Errorf("keep cases identity: %w", err)
	}
	return id, nil
}

// check proves that the two halves belong together.
func (id Identity) check() error {
	sealed, err := id.seal([32]byte{1})
	if err != nil {
		return err
	}
	_, err = id.open(sealed)
	return err
}

const keyType = "application/x-nghe-receipt-key"

// seal closes a receipt's key; nil when there is nobody to close it to.
func (id Identity) seal(key [32]byte) ([]byte, error) {
	if id.Public == "" {
		return nil, nil
	}
	sealed, err := seal.Seal(seal.Letter{Type: keyType, Body: key[:]}, []string{id.Public}, false)
	if err != nil {
		return nil, fmt.Errorf("seal receipt's key: %w", err)
	}
	return sealed, nil
}

func (id Identity) open(sealed []byte) (key [32]byte, err error) {
	if id.Secret == "" {
		return key, ErrNoKey
	}
	letter, err := seal.Open(sealed, id.Secret)
	if err != nil {
		return key, fmt.Errorf("open receipt's key: %w", err)
	}
	if letter.Type != keyType || len(letter.Body) != len(key) {
		return key, fmt.Errorf("open receipt's key: that is something else")
	}
	return [32]byte(letter.Body), nil
}
