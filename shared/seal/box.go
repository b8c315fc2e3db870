package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20"
)

// A case box goes to every kiosk of a ward, a hundred thousand of them at
// times, so it must be small; and a hub that was restored from an older copy
// must be able to write another state without repeating a nonce it used
// before. Both are answered by a synthetic nonce, the construction of RFC 5297
// (SIV) on other parts:
//
//	box  = siv ‖ XChaCha20(streamKey, siv ‖ 8 zero octets, state)
//	siv  = the first 16 octets of HMAC-SHA-256(sivKey, tag ‖ state)
//
// The same state gives the same box; a changed octet anywhere is noticed.

// boxes are the lengths that what a box holds is filled up to, so that a box
// tells no more by its length than which of these. The first holds a bare
// state, the others a state with a note.
var boxes = [...]int{8, 64, 256, 1024, 2048}

const sivSize = 16

// MaxBox is the longest that a box can hold, in bytes; BareBox is the length
// of a box that holds at most BareState bytes.
const (
	MaxBox    = 2048 - 1
	BareState = 8 - 1
	BareBox   = sivSize + 8
)

// ErrBox says that a box does not open with this receipt.
var ErrBox = errors.New("not a case box closed with this receipt")

// Box closes a case state to whoever has the receipt code, bound to its tag.
func (r Receipt) Box(state []byte) ([]byte, error) {
	if len(state) > MaxBox {
		return nil, fmt.Errorf("case state of %d bytes, limit %d", len(state), MaxBox)
	}
	plain := make([]byte, filledUp(len(state)))
	plain[copy(plain, state)] = 1 // the last octet that is not zero ends the state
	sivKey, streamKey, err := r.boxKeys()
	if err != nil {
		return nil, err
	}
	siv := r.siv(sivKey, plain)
	return append(siv, stream(streamKey, siv, plain)...), nil
}

// Unbox opens a case box filed under this receipt's tag.
func (r Receipt) Unbox(box []byte) ([]byte, error) {
	if len(box) <= sivSize || filledUp(len(box)-sivSize-1) != len(box)-sivSize {
		return nil, ErrBox
	}
	sivKey, streamKey, err := r.boxKeys()
	if err != nil {
		return nil, err
	}
	plain := stream(streamKey, box[:sivSize], box[sivSize:])
	if !hmac.Equal(r.siv(sivKey, plain), box[:sivSize]) {
		return nil, ErrBox
	}
	end := len(plain) - 1
	for end > 0 && plain[end] == 0 {
		end--
	}
	return plain[:end], nil
}

// filledUp is the length that n octets and their end are filled up to; 0 when
// none is long enough.
func filledUp(n int) int {
	for _, size := range boxes {
		if n < size {
			return size
		}
	}
	return 0
}

func (r Receipt) boxKeys() (sivKey, streamKey []byte, err error) {
	both, err := hkdf.Expand(sha256.New, r.Key[:], "nghe case box 2", 64)
	if err != nil {
		return nil, nil, fmt.Errorf("derive box keys: %w", err)
	}
	return both[:32], both[32:], nil
}

func (r Receipt) siv(key, plain []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(r.Tag[:])
	mac.Write(plain)
	return mac.Sum(nil)[:sivSize]
}

func stream(key, siv, text []byte) []byte {
	nonce := make([]byte, chacha20.NonceSizeX)
	copy(nonce, siv)
	cipher, err := chacha20.NewUnauthenticatedCipher(key, nonce)
	if err != nil {
		panic(err) // both lengths are constants
	}
	out := make([]byte, len(text))
	cipher.XORKeyStream(out, text)
	return out
}
