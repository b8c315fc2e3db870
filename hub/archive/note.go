package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"nghe/shared/blob"
)

// ErrUnproven says that a note does not carry this hub's signature: somebody
// else wrote it, or it was damaged.
var ErrUnproven = errors.New("it does not carry this hub's signature")

// Notes are what a hub leaves in the archive for itself as it will be after a
// restore: decisions that are younger than the copy. Whoever can write to the
// archive could otherwise decide for the hub.
type Notes struct {
	Store  Store
	Sign   func(statement []byte) ([]byte, error)
	Verify func(statement, signature []byte) bool
}

// maxNote bounds a note with its signature, in bytes.
const maxNote = 8 << 10

// Put leaves a note and reads it back. Another note of this hub's under the
// same key is ErrExists and stays; what is not this hub's gives way.
func (n Notes) Put(ctx context.Context, key string, text []byte) error {
	signature, err := n.Sign(noteStatement(key, text))
	if err != nil {
		return fmt.Errorf("sign note %s: %w", key, err)
	}
	note := fmt.Appendf(nil, "%s\n%s\n", text, base64.StdEncoding.EncodeToString(signature))
	if len(note) > maxNote {
		return fmt.Errorf("note %s is longer than %d bytes", key, maxNote)
	}
	put := func() error { return Verified(n.Store).Put(ctx, key, blob.Of(note), bytes.NewReader(note)) }
	err = put()
	if !errors.Is(err, ErrExists) {
		return err
	}
	if _, proven := n.Get(ctx, key); !errors.Is(proven, ErrUnproven) {
		return errors.Join(err, proven)
	}
	if err := n.Store.Delete(ctx, key); err != nil {
		return fmt.Errorf("make room for note %s: %w", key, err)
	}
	return put()
}

// Get is the text of a note, or ErrUnproven.
func (n Notes) Get(ctx context.Context, key string) ([]byte, error) {
	body, err := n.Store.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read note: %w", err)
	}
	defer body.Close() // read only
	note, err := io.ReadAll(io.LimitReader(body, maxNote))
	if err != nil {
		return nil, fmt.Errorf("read note %s: %w", key, err)
	}
	note = bytes.TrimSuffix(note, []byte("\n"))
	end := max(0, bytes.LastIndexByte(note, '\n'))
	text := note[:end]
	signature, err := base64.StdEncoding.DecodeString(string(bytes.TrimPrefix(note[end:], []byte("\n"))))
	if err != nil || !n.Verify(noteStatement(key, text), signature) {
		return nil, fmt.Errorf("note %s: %w", key, ErrUnproven)
	}
	return text, nil
}

// All calls yield for every note under prefix, in ascending order of keys, and
// returns the keys of what is none of this hub's.
func (n Notes) All(ctx context.Context, prefix string, yield func(key string, text []byte) error) (unproven []string, err error) {
	var keys []string
	err = n.Store.List(ctx, prefix, func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	for _, key := range keys {
		text, err := n.Get(ctx, key)
		switch {
		case errors.Is(err, ErrUnproven):
			unproven = append(unproven, key)
		case errors.Is(err, ErrNotFound): // taken away meanwhile
		case err != nil:
			return unproven, err
		default:
			if err := yield(key, text); err != nil {
				return unproven, err
			}
		}
	}
	return unproven, nil
}

// noteStatement is what the hub's custody key signs: the key too, so that no
// note says elsewhere what it says here.
func noteStatement(key string, text []byte) []byte {
	sum := sha256.Sum256(text)
	return append(append([]byte("nghe note 1\x00"), sum[:]...), key...)
}
