package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Code is a receipt code in its canonical spelling: 10 characters of
// Crockford's base 32, 50 random bits.
type Code string

// alphabet is Crockford's: no I, L, O or U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const codeLength = 10

// Receipt is what a code gives: Tag files a case box and stands in the record,
// Key opens the box and signs replies. The code cannot be found from the tag
// faster than by trying.
type Receipt struct {
	Tag [16]byte
	Key [32]byte
}

// NewCode makes a code for programs that mint their own; the page mints its own
// in the same way.
func NewCode() Code {
	random := make([]byte, codeLength)
	rand.Read(random) // never fails, says its documentation
	var b strings.Builder
	for _, r := range random {
		b.WriteByte(alphabet[r%32])
	}
	return Code(b.String())
}

// ErrCode says that something typed is not a receipt code.
var ErrCode = errors.New("not a receipt code: 10 letters and digits, for example 4Q7K9-M2XHT")

// ParseCode reads a code as people write it: any case, with spaces or hyphens,
// O for 0, I or L for 1.
func ParseCode(typed string) (Code, error) {
	typed = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(typed) != codeLength || strings.Trim(typed, alphabet) != "" {
		return "", ErrCode
	}
	return Code(typed), nil
}

// String spells the code in two groups of five.
func (c Code) String() string { return string(c[:codeLength/2]) + "-" + string(c[codeLength/2:]) }

// Receipt derives tag and key: Argon2id (RFC 9106) with 16 MiB and four passes,
// about 40 ms on the slowest supported board, so that a list of tags is worth
// little: 2^50 codes times that.
func (c Code) Receipt() Receipt {
	out := argon2.IDKey([]byte(c), []byte("nghe receipt 1"), 4, 16<<10, 1, 48)
	return Receipt{Tag: [16]byte(out[:16]), Key: [32]byte(out[16:])}
}

// boxSize is the length of what a box holds, in bytes, the same for all so that
// a box tells nothing by its length.
const boxSize = 512

// Box closes a case state to whoever has the receipt code: XChaCha20-Poly1305
// under the receipt's key, bound to its tag.
func (r Receipt) Box(state []byte) ([]byte, error) {
	if len(state) > boxSize-1 {
		return nil, fmt.Errorf("case state of %d bytes, limit %d", len(state), boxSize-1)
	}
	aead, err := chacha20poly1305.NewX(r.Key[:])
	if err != nil {
		return nil, fmt.Errorf("close case box: %w", err)
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+boxSize+aead.Overhead())
	rand.Read(nonce)
	plain := make([]byte, boxSize)
	plain[copy(plain, state)] = 1 // the last octet that is not zero ends the state
	return aead.Seal(nonce, nonce, plain, r.context()), nil
}

// Unbox opens a case box filed under this receipt's tag.
func (r Receipt) Unbox(box []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(r.Key[:])
	if err != nil {
		return nil, fmt.Errorf("open case box: %w", err)
	}
	if len(box) != aead.NonceSize()+boxSize+aead.Overhead() {
		return nil, errors.New("open case box: wrong length")
	}
	plain, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], r.context())
	if err != nil {
		return nil, errors.New("open case box: not closed with this receipt")
	}
	end := strings.LastIndexByte(string(plain), 1)
	if end < 0 {
		return nil, errors.New("open case box: no end")
	}
	return plain[:end], nil
}

func (r Receipt) context() []byte { return append([]byte("nghe case box 1\x00"), r.Tag[:]...) }
