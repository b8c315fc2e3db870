package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"nghe/shared/blob"
)

var (
	// ErrNotFound answers a Get of a key that nothing was put under.
	ErrNotFound = errors.New("not in the archive")
	// ErrExists answers a Put under a key that holds other bytes.
	ErrExists = errors.New("the archive holds other bytes under this name")
	// ErrSetup says that trying again is of no use until a person has changed
	// something: a right, a certificate, a clock, a full disk, a missing bucket.
	ErrSetup = errors.New("the archive needs a person")
)

// person marks an error as one that is ErrSetup, without a word more.
type person struct{ error }

func (p person) Is(target error) bool { return target == ErrSetup }
func (p person) Unwrap() error        { return p.error }

// Store keeps bytes under names that are given once.
//
// Every error names the key. What is not one of the errors above, nor
// blob.ErrDamaged, is worth another try later; the Store itself never tries
// twice.
type Store interface {
	// Put keeps the blob that body holds from its beginning under key. Bytes that
	// are not ref's are blob.ErrDamaged and are not kept. The same bytes under the same key again are fine; other bytes are
	// ErrExists. An error says nothing about whether they were kept: put again.
	Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error

	// Get opens what was put under key, or says ErrNotFound. Its bytes are not
	// checked: follow them with a blob.Verifier.
	Get(ctx context.Context, key string) (io.ReadCloser, error)

	// Delete takes key and every older version of it away. A key that is not
	// there is deleted.
	Delete(ctx context.Context, key string) error

	// List calls yield for every key that begins with prefix, in ascending
	// order of bytes, until yield returns an error, which it returns. Keys put
	// or deleted meanwhile may be among them or not.
	List(ctx context.Context, prefix string, yield func(key string) error) error
}

// BlobKey is where a blob stands.
func BlobKey(h blob.Hash) string { return "blobs/" + h.Path() }

// Verified is a Store whose Put comes back only when the bytes were read back
// from storage and hashed. Only such a Put counts as archived.
func Verified(s Store) Store { return verified{s} }

type verified struct{ Store }

func (v verified) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := v.Store.Put(ctx, key, ref, body); err != nil {
		return err
	}
	return Check(ctx, v.Store, key, ref)
}

func (v verified) String() string { return fmt.Sprint(v.Store) }

// Apart says whether what a Store keeps outlives the disk that folder is on. A
// second partition of the same disk looks like another disk.
func Apart(s Store, folder string) (bool, error) {
	if v, ok := s.(verified); ok {
		s = v.Store
	}
	if a, ok := s.(interface {
		Apart(folder string) (bool, error)
	}); ok {
		return a.Apart(folder)
	}
	return false, nil
}

// Check reads key back: nil when it is exactly the blob named ref, ErrNotFound
// when it is not there, blob.ErrDamaged when it is something else.
func Check(ctx context.Context, s Store, key string, ref blob.Ref) error {
	body, err := s.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer body.Close() // read only
	if err := blob.Check(ref, body); err != nil {
		return fmt.Errorf("read back %s: %w", key, err)
	}
	return nil
}

// Replace puts a blob in the place of damaged bytes, read back like Verified's.
// It is for keys that name their bytes, after Check or Put has said that others
// stand there: never for a key whose bytes may differ rightly.
func Replace(ctx context.Context, s Store, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := Check(ctx, s, key, ref); !errors.Is(err, blob.ErrDamaged) {
		if err == nil || !errors.Is(err, ErrNotFound) {
			return err
		}
	} else if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("make room for a good copy: %w", err)
	}
	return Verified(s).Put(ctx, key, ref, body)
}

// maxKey keeps a key and its folders within every file system's limits.
const maxKey = 512

// CheckKey refuses what some store could take for something else: keys are
// ours, from hashes, numbers and words, never from what people wrote.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("archive key of %d bytes: 1 to %d", len(key), maxKey)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part[0] == '.' || len(part) > 200 {
			return fmt.Errorf("archive key %q: every part has 1 to 200 characters and does not begin with a dot", key)
		}
	}
	return checkPrefix(key)
}

// checkPrefix takes any beginning of a key, also none.
func checkPrefix(prefix string) error {
	for _, c := range []byte(prefix) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/._-", c) >= 0) {
			return fmt.Errorf("archive key %q: only letters, digits, and / . _ -", prefix)
		}
	}
	return nil
}

// checked reads body from its beginning, sends what it read to also, and
// leaves body at its beginning again.
func checked(ref blob.Ref, body io.ReadSeeker, also io.Writer) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	v := blob.Verify(ref)
	if _, err := io.Copy(io.MultiWriter(v, also), body); err != nil {
		return err
	}
	if err := v.Whole(); err != nil {
		return err
	}
	_, err := body.Seek(0, io.SeekStart)
	return err
}

// same says whether key holds exactly the blob: ErrExists when not.
func same(ctx context.Context, s Store, key string, ref blob.Ref) error {
	err := Check(ctx, s, key, ref)
	if errors.Is(err, blob.ErrDamaged) {
		return fmt.Errorf("put %s: %w", key, ErrExists)
	}
	return err
}
