package seal

import (
	"crypto/rand"
	"errors"
	"strings"

	"golang.org/x/crypto/argon2"
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
