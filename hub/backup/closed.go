package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"nghe/shared/ident"
)

// Key closes objects of segments: who may read a bucket learns neither what was
// rated nor when anybody was at a kiosk, and who may write there brings no
// record, no time of arrival and no beginning of a journal past it.
type Key [32]byte

// KeyOf is derived from the custody key, so that a hub made again from any copy
// has it.
func KeyOf(authority *ident.Authority) Key { return authority.Derive("nghe archive segments 1") }

var errClosed = errors.New("it was changed, or closed with another hub's key")

// gcm is AES-256-GCM with a random nonce before the text: good for 2^32 objects
// (NIST SP 800-38D, 8.3).
func (k Key) gcm() cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return aead
		}
	}
	panic(err) // a key of 32 bytes is one
}

// close binds an object to the name it stands under.
func (k Key) close(name string, plain []byte) []byte {
	return k.gcm().Seal([]byte(magic), nil, plain, []byte(name))
}

func (k Key) open(name string, closed []byte) ([]byte, error) {
	if len(closed) < len(magic) || string(closed[:len(magic)]) != magic {
		return nil, errors.New("it is no object of segments")
	}
	plain, err := k.gcm().Open(nil, nil, closed[len(magic):], []byte(name))
	if err != nil {
		return nil, errClosed
	}
	return plain, nil
}

// object reads what stands under a name, if this hub put it there.
func (k Key) object(name string, closed []byte) (Object, error) {
	b, err := k.open(name, closed)
	if err != nil {
		return Object{}, err
	}
	o, err := ReadObject(b)
	if err == nil && o.Key() != name {
		err = fmt.Errorf("it is %s", o.Key())
	}
	return o, err
}
