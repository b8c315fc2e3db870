package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Where the archive remembers whom the hub trusts no longer: a copy may be older
// than the last of those decisions.
const (
	revokedPrefix = "revoked/" // devices
	shutPrefix    = "shut/"    // operators' accounts, by AccountMark
)

// AccountMark stands for an operator's name where strangers may read.
func AccountMark(name string) string {
	sum := sha256.Sum256([]byte("nghe account\x00" + name))
	return hex.EncodeToString(sum[:16])
}

// Revocations keeps in the archive who was revoked. Who is trusted again stays
// there: a restore asks once more. Its methods may be called from anywhere.
type Revocations struct {
	notes  archive.Notes
	prefix string
	names  func(ctx context.Context) ([]string, error)

	mu   sync.Mutex      // guards kept
	kept map[string]bool // known to be in the archive; nil: not looked yet
}

// NewRevocations asks devices for the revoked ones at every look.
func NewRevocations(notes archive.Notes, devices func(ctx context.Context) ([]string, error)) *Revocations {
	return &Revocations{notes: notes, prefix: revokedPrefix, names: devices}
}

// NewShutAccounts asks marks for those of disabled accounts at every look.
func NewShutAccounts(notes archive.Notes, marks func(ctx context.Context) ([]string, error)) *Revocations {
	return &Revocations{notes: notes, prefix: shutPrefix, names: marks}
}

// ShutAccounts are the marks that the archive remembers, and the keys of what
// only looks like one.
func ShutAccounts(ctx context.Context, notes archive.Notes) (marks, unproven []string, err error) {
	return remembered(ctx, notes, shutPrefix)
}

// Wanted says whether Keep would find something; it asks the archive nothing.
func (r *Revocations) Wanted(ctx context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing, err := r.missing(ctx)
	return r.kept == nil || len(missing) > 0, err
}

// Keep names everybody revoked in the archive.
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
	for _, name := range missing {
		text := "Trusted no longer, also after a restore: " + name
		if err := r.notes.Put(ctx, r.prefix+name, []byte(text)); err != nil {
			return fmt.Errorf("remember in the archive who is revoked: %w", err)
		}
		r.kept[name] = true
	}
	return nil
}

// look finds what earlier processes kept.
func (r *Revocations) look(ctx context.Context) error {
	if r.kept != nil {
		return nil
	}
	all, _, err := remembered(ctx, r.notes, r.prefix)
	if err != nil {
		return err
	}
	r.kept = map[string]bool{}
	for _, name := range all {
		r.kept[name] = true
	}
	return nil
}

func (r *Revocations) missing(ctx context.Context) (all []string, err error) {
	names, err := r.names(ctx)
	if err != nil {
		return nil, fmt.Errorf("list who is revoked: %w", err)
	}
	for _, name := range names {
		if !r.kept[name] {
			all = append(all, name)
		}
	}
	return all, nil
}

// remembered lists the names that the archive keeps under a prefix, and the
// keys of what only looks like that.
func remembered(ctx context.Context, notes archive.Notes, prefix string) (all, unproven []string, err error) {
	unproven, err = notes.All(ctx, prefix, func(key string, _ []byte) error {
		all = append(all, strings.TrimPrefix(key, prefix))
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list whom the archive remembers as revoked: %w", err)
	}
	return all, unproven, nil
}
