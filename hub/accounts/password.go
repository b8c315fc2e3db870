package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Cost of one check: OWASP's second choice for argon2id, 89 ms and 19 MiB on
// the slowest hub we measured. hashers bounds how many run at once.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltBytes    = 16
	hashBytes    = 32
	hashers      = 2
)

const (
	minPassword = 12  // runes
	maxPassword = 256 // bytes: bounds what a stranger makes us hash
)

// hasher hashes and checks passwords, at most hashers at a time.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, hashers)} }

func (h hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h hasher) leave() { <-h.slots }

// hash makes the PHC string of a password.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails since Go 1.24
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, hashBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// matches says whether password is the one behind phc.
func (h hasher) matches(ctx context.Context, phc, password string) (bool, error) {
	p, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	key := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1, nil
}

type phc struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// current says whether the string was made at today's cost.
func (p phc) current() bool {
	return p.memory == argonMemory && p.time == argonTime && p.threads == argonThreads
}

// parsePHC reads a PHC string and refuses costs that would stall the hub: the
// string comes from our table, but a table can be edited.
func parsePHC(s string) (phc, error) {
	fields := strings.Split(s, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return phc{}, fmt.Errorf("parse password hash: not an argon2id PHC string; set the password anew")
	}
	var p phc
	var version int
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return phc{}, fmt.Errorf("parse password hash: version %q, want %d", fields[2], argon2.Version)
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return phc{}, fmt.Errorf("parse password hash: cost %q: %w", fields[3], err)
	}
	if p.memory > 256*1024 || p.time < 1 || p.time > 16 || p.threads < 1 || p.threads > 8 {
		return phc{}, fmt.Errorf("parse password hash: cost %q is outside sane limits", fields[3])
	}
	var err, err2 error
	p.salt, err = base64.RawStdEncoding.DecodeString(fields[4])
	p.key, err2 = base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || err2 != nil || len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > 64 {
		return phc{}, fmt.Errorf("parse password hash: salt or hash is damaged; set the password anew")
	}
	return p, nil
}

// Weak says why a password is refused. No rule about kinds of characters:
// length is what helps.
type Weak struct{ Want string }

func (e *Weak) Error() string { return "password refused: " + e.Want }

// common words of this ward and this program; a password made of one of them
// and digits is the first an attacker would try.
var common = []string{"nghe", "langnghe", "quangtien", "samson", "thanhhoa", "vietnam",
	"password", "matkhau", "admin", "kiosk", "qwerty", "qwertyuiop", "abcdef"}

func checkPassword(name, password string) error {
	lower := strings.ToLower(password)
	bare := strings.Trim(lower, "0123456789!@#$%^&*()-_=+. ")
	switch {
	case !utf8.ValidString(password):
		return &Weak{"use valid UTF-8 text"}
	case utf8.RuneCountInString(password) < minPassword:
		return &Weak{fmt.Sprintf("use %d characters or more; a few unrelated words do well", minPassword)}
	case len(password) > maxPassword:
		return &Weak{fmt.Sprintf("use at most %d bytes", maxPassword)}
	case strings.Contains(lower, name):
		return &Weak{"do not put the account's name into it"}
	case bare == "" || strings.Trim(lower, lower[:1]) == "":
		return &Weak{"digits alone, or one character repeated, are guessed first"}
	}
	for _, word := range common {
		if bare == word {
			return &Weak{"a common word with digits around it is guessed first"}
		}
	}
	return nil
}
