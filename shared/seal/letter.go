package seal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Letter is what is sealed: one thing a resident gave.
type Letter struct {
	Kind    uint8  `json:"kind"`              // feedback.AttachmentKind
	Type    string `json:"type"`              // media type of Body
	Receipt []byte `json:"receipt,omitempty"` // Receipt.Key, where there is a code
	Body    []byte `json:"-"`
}

// MaxBody is the longest body that can be sealed, in bytes.
const MaxBody = 4<<20 - maxHeader

// maxHeader bounds everything before the body.
const maxHeader = 1 << 10

// letterVersion is the first octet of an opened letter:
//
//	1 octet   version
//	4 octets  length of the header, big endian
//	4 octets  length of the body
//	…         header, as JSON; body; zero octets up to the size of the bucket
const letterVersion = 1

// overhead is more than age adds for one reader, or in all for its chunks, in
// bytes.
const overhead = 4 << 10

// buckets are the sizes a padded letter may have before sealing, in bytes.
var buckets = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}

// ErrLetter says that what was opened is not a letter.
var ErrLetter = errors.New("sealed bytes do not hold a letter")

// NewIdentity makes a key pair of age's post-quantum kind: the secret to open
// with and the public name to seal to.
func NewIdentity() (secret, public string, err error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", "", fmt.Errorf("make identity: %w", err)
	}
	return id.String(), id.Recipient().String(), nil
}

// Seal closes a letter to readers, each an age recipient ("age1…"). All must be
// of one kind: age does not mix post-quantum and other recipients. With padded,
// its size tells no more than which bucket it fits.
func Seal(l Letter, readers []string, padded bool) ([]byte, error) {
	if len(readers) == 0 {
		return nil, errors.New("seal letter: nobody to read it")
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(readers, "\n")))
	if err != nil {
		return nil, fmt.Errorf("seal letter: %w", err)
	}
	head, padding, err := l.head(padded)
	if err != nil {
		return nil, fmt.Errorf("seal letter: %w", err)
	}
	var sealed bytes.Buffer
	sealed.Grow(len(head) + len(l.Body) + padding + overhead*(1+len(readers)))
	w, err := age.Encrypt(&sealed, recipients...)
	if err != nil {
		return nil, fmt.Errorf("seal letter: %w", err)
	}
	for _, part := range [][]byte{head, l.Body} {
		if _, err := w.Write(part); err != nil {
			return nil, fmt.Errorf("seal letter: %w", err)
		}
	}
	for zeros := make([]byte, min(padding, 32<<10)); padding > 0; padding -= len(zeros) {
		if _, err := w.Write(zeros[:min(len(zeros), padding)]); err != nil {
			return nil, fmt.Errorf("seal letter: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal letter: %w", err)
	}
	return sealed.Bytes(), nil
}

// Open reads a letter with the secret of one of its readers.
func Open(sealed []byte, secret string) (Letter, error) {
	identities, err := age.ParseIdentities(strings.NewReader(secret))
	if err != nil {
		return Letter{}, errors.New("open letter: the secret is not an age identity")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identities...)
	if err != nil {
		return Letter{}, fmt.Errorf("open letter: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(buckets[len(buckets)-1])+1))
	if err != nil {
		return Letter{}, fmt.Errorf("open letter: %w", err)
	}
	return decode(plain)
}

// head is what stands before the body, and how many zero octets stand after it.
func (l Letter) head(padded bool) (head []byte, padding int, err error) {
	header, err := json.Marshal(l)
	if err != nil {
		return nil, 0, err
	}
	if len(l.Body) > MaxBody || len(header)+9 > maxHeader {
		return nil, 0, fmt.Errorf("letter of %d bytes, limit %d", len(l.Body), MaxBody)
	}
	head = append(head, letterVersion)
	head = binary.BigEndian.AppendUint32(head, uint32(len(header)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(l.Body)))
	head = append(head, header...)
	if n := len(head) + len(l.Body); padded {
		padding = bucket(n) - n
	}
	return head, padding, nil
}

func bucket(n int) int {
	for _, size := range buckets {
		if n <= size {
			return size
		}
	}
	return n // head has refused anything longer
}

func decode(plain []byte) (Letter, error) {
	if len(plain) < 9 || plain[0] != letterVersion {
		return Letter{}, ErrLetter
	}
	header, body := binary.BigEndian.Uint32(plain[1:]), binary.BigEndian.Uint32(plain[5:])
	rest := plain[9:]
	if header > maxHeader || uint64(header)+uint64(body) > uint64(len(rest)) {
		return Letter{}, ErrLetter
	}
	var l Letter
	if err := json.Unmarshal(rest[:header], &l); err != nil {
		return Letter{}, ErrLetter
	}
	l.Body = rest[header : header+body]
	if padding := rest[header+body:]; len(bytes.Trim(padding, "\x00")) > 0 {
		return Letter{}, ErrLetter
	}
	return l, nil
}
