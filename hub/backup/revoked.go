package backup

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"nghe/hub/archive"
	"nghe/shared/ident"
)

// NotesIn are what the hub with this authority leaves for itself in a store.
func NotesIn(store archive.Store, authority *ident.Authority) archive.Notes {
	return archive.Notes{Store: store, Sign: authority.Sign, Verify: func(statement, signature []byte) bool {
		return ident.Verify(authority.CustodyKey(), statement, signature)
	}}
}

// revokedPrefix is where the archive remembers whom the hub trusts no longer: a
// copy may be older than the last of those decisions.
const revokedPrefix = "revoked/"

// Revocations keeps in the archive which devices were revoked. Its methods may
// be called from anywhere.
type Revocations struct {
	notes   archive.Notes
	devices func(ctx context.Context) ([]string, error)

	mu   sync.Mutex      // guards kept
	kept map[string]bool // known to be in the archive; nil: not looked yet
}

// NewRevocations asks devices for the revoked ones at every look.
func NewRevocations(notes archive.Notes, devices func(ctx context.Context) ([]string, error)) *Revocations {
	return &Revocations{notes: notes, devices: devices}
}

// Wanted says whether Keep would find something; it asks the archive nothing.
func (r *Revocations) Wanted(ctx context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing, err := r.missing(ctx)
	return r.kept == nil || len(missing) > 0, err
}

// Keep names every revoked device in the archive.
func (r *Revocations) Keep(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.look(ctx); err != nil {
		return err
	}
	missing, err := r.missing(ctx)
	if err != nil {
		return err
	}
	for _, device := range missing {
		text := "This device is trusted no longer, also after a restore: " + device
		if err := r.notes.Put(ctx, revokedPrefix+device, []byte(text)); err != nil {
			return fmt.Errorf("name a revoked device in the archive: %w", err)
		}
		r.kept[device] = true
	}
	return nil
}

// look finds what earlier processes kept.
func (r *Revocations) look(ctx context.Context) error {
	if r.kept != nil {
		return nil
	}
	all, _, err := revoked(ctx, r.notes)
	if err != nil {
		return err
	}
	r.kept = map[string]bool{}
	for _, device := range all {
		r.kept[device] = true
	}
	return nil
}

func (r *Revocations) missing(ctx context.Context) (all []string, err error) {
	devices, err := r.devices(ctx)
	if err != nil {
		return nil, fmt.Errorf("list revoked devices: %w", err)
	}
	for _, device := range devices {
		if !r.kept[device] {
			all = append(all, device)
		}
	}
	return all, nil
}

// revoked lists the devices that the archive remembers, and the keys of what
// only looks like that.
func revoked(ctx context.Context, notes archive.Notes) (all, unproven []string, err error) {
	unproven, err = notes.All(ctx, revokedPrefix, func(key string, _ []byte) error {
		all = append(all, strings.TrimPrefix(key, revokedPrefix))
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list the archive's revoked devices: %w", err)
	}
	return all, unproven, nil
}
