package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"nghe/shared/blob"
)

// ErrForeign says that another hub keeps its copies in this archive.
var ErrForeign = fmt.Errorf("%w: another hub keeps its copies and blobs here; make that hub again with hub restore, or name another folder or bucket", ErrSetup)

// ownerKey is where the hub that first wrote to an archive has left its name.
const ownerKey = "owner"

// Owned is a Store that only its first hub changes: a second one would tidy
// away the copies of the first. Reading is free to everybody.
type Owned struct {
	Store
	notes Notes
	name  string

	mu    sync.Mutex
	known bool // to be ours
}

// Taken says whether some hub has left its name in an archive.
func Taken(ctx context.Context, s Store) (bool, error) {
	body, err := s.Get(ctx, ownerKey)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whose archive it is: %w", err)
	}
	return true, body.Close()
}

// Own has the hub that signs notes, and calls itself name there, keep what
// others put into the store of the notes.
func Own(notes Notes, name string) *Owned {
	return &Owned{Store: notes.Store, notes: notes, name: name}
}

func (o *Owned) String() string { return fmt.Sprint(o.Store) }

// Claim leaves the hub's name in an archive that has none yet. It is ErrForeign
// where another's stands.
func (o *Owned) Claim(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known {
		return nil
	}
	_, err := o.notes.Get(ctx, ownerKey)
	switch {
	case errors.Is(err, ErrNotFound):
		err = o.notes.Put(ctx, ownerKey, []byte(o.name))
	case errors.Is(err, ErrUnproven):
		return fmt.Errorf("%s: %w (if somebody forged that, delete the object %q)", o.Store, ErrForeign, ownerKey)
	}
	o.known = err == nil
	if err != nil {
		return fmt.Errorf("look whose archive it is: %w", err)
	}
	return nil
}

// Put keeps bytes in this hub's archive.
func (o *Owned) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := o.Claim(ctx); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return o.Store.Put(ctx, key, ref, body)
}

// Delete takes away what is in this hub's archive.
func (o *Owned) Delete(ctx context.Context, key string) error {
	if err := o.Claim(ctx); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return o.Store.Delete(ctx, key)
}
