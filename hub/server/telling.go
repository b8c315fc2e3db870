package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"nghe/hub/bulletin"
	"nghe/hub/cases"
	"nghe/hub/registry"
	"nghe/shared/ident"
)

// telling is what residents and kiosks are told: how far the ward is with a
// message, and everything that was published.
type telling struct {
	cases    *cases.Cases
	bulletin *bulletin.Bulletin
}

// openTelling opens the tables. authority is nil for commands.
func openTelling(ctx context.Context, s store, id cases.Identity, authority *ident.Authority, log *slog.Logger) (t telling, err error) {
	if t.cases, err = cases.Open(ctx, cases.Config{DB: s.db, Identity: id, Now: s.now, Logger: log}); err != nil {
		return t, err
	}
	cfg := bulletin.Config{DB: s.db, Epoch: s.ledger.Epoch, Boxes: t.boxes, Revoked: s.revoked, Deleted: s.orders.Told, Places: s.placeIDs, CasesKey: id.Public, Now: s.now, Logger: log}
	if authority != nil {
		cfg.Sign = authority.Sign
	}
	t.bulletin, err = bulletin.Open(ctx, cfg)
	return t, err
}

func (t telling) boxes(ctx context.Context, since uint64, most int) ([]bulletin.Box, error) {
	some, err := t.cases.Boxes(ctx, since, most)
	if err != nil {
		return nil, err
	}
	all := make([]bulletin.Box, len(some))
	for i, b := range some {
		all[i] = bulletin.Box(b)
	}
	return all, nil
}

func (s store) revoked(ctx context.Context) ([]string, error) {
	devices, err := s.registry.Devices(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, d := range devices {
		if d.State == registry.Revoked {
			ids = append(ids, d.ID)
		}
	}
	return ids, nil
}

func (s store) placeIDs(ctx context.Context) ([]string, error) {
	places, err := s.registry.Places(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range places {
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// casesIdentity makes the hub's own reader of messages on first use.
func casesIdentity(data string) (cases.Identity, error) {
	return cases.OpenIdentity(filepath.Join(data, "authority"))
}

// useTelling opens both stores for one command. Without the hub's folder at
// hand, or before the hub first started, no receipt's key is kept.
func useTelling(ctx context.Context, where storage, do func(store, telling) error) error {
	var id cases.Identity
	_, err := os.Stat(filepath.Join(where.Data, "authority"))
	switch {
	case where.Data == "" || errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("look for the hub's keys: %w", err)
	default:
		if id, err = casesIdentity(where.Data); err != nil {
			return err
		}
	}
	return use(ctx, where, func(s store) error {
		t, err := openTelling(ctx, s, id, nil, slog.Default())
		if err != nil {
			return err
		}
		return do(s, t)
	})
}
