// Package blob names a file by its hash and checks it as it passes.
//
// It promises that a Ref fits exactly one sequence of bytes, and that a
// Verifier says "whole" for that sequence and for no other.
//
// It keeps no file and knows nothing of what is inside.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// ChunkSize is how much of a blob travels at once, and so the most that a cut
// can waste.
const ChunkSize = 64 << 10

// Largest is how many bytes a blob may have: no kiosk keeps a larger one, and
// every hub takes one of these.
const Largest = 16 << 20

// Hash is the SHA-256 of a blob's bytes, as they are stored: sealed.
type Hash [sha256.Size]byte

// Ref names a blob: its hash and its length in bytes.
type Ref struct {
	Hash Hash
	Size uint64
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Path is where a blob stands below a root of blobs: 256 folders keep any one
// of them small.
func (h Hash) Path() string {
	s := h.String()
	return "sha256/" + s[:2] + "/" + s
}

// ParseHash reads 64 hexadecimal digits in lower case.
func ParseHash(s string) (Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != sha256.Size || strings.ToLower(s) != s {
		return Hash{}, fmt.Errorf("%q is not a blob's name: 64 hexadecimal digits in lower case", s)
	}
	return Hash(b), nil
}

// Of is the Ref of bytes in memory.
func Of(b []byte) Ref { return Ref{sha256.Sum256(b), uint64(len(b))} }

// Sum reads r to its end.
func Sum(r io.Reader) (Ref, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Ref{}, fmt.Errorf("hash blob: %w", err)
	}
	return Ref{Hash(h.Sum(nil)), uint64(n)}, nil
}

// ErrDamaged says that bytes are not the blob they were taken for.
var ErrDamaged = errors.New("bytes are not this blob's")

// Verifier follows a blob from its first byte to its last.
type Verifier struct {
	want Ref
	seen uint64
	hash hash.Hash
}

// Verify begins to follow the blob named want.
func Verify(want Ref) *Verifier { return &Verifier{want: want, hash: sha256.New()} }

// Write takes the next bytes; more than the blob has is ErrDamaged.
func (v *Verifier) Write(p []byte) (int, error) {
	if uint64(len(p)) > v.want.Size-v.seen {
		return 0, fmt.Errorf("blob %s is longer than %d bytes: %w", v.want.Hash, v.want.Size, ErrDamaged)
	}
	v.seen += uint64(len(p))
	return v.hash.Write(p)
}

// Seen is how many bytes have passed.
func (v *Verifier) Seen() uint64 { return v.seen }

// Whole is nil when exactly the blob has passed.
func (v *Verifier) Whole() error {
	if v.seen != v.want.Size || Hash(v.hash.Sum(nil)) != v.want.Hash {
		return fmt.Errorf("blob %s: %d of %d bytes: %w", v.want.Hash, v.seen, v.want.Size, ErrDamaged)
	}
	return nil
}

// Check reads r to its end and is nil when it was exactly the blob named want.
func Check(want Ref, r io.Reader) error {
	v := Verify(want)
	if _, err := io.Copy(v, r); err != nil {
		return err
	}
	return v.Whole()
}
