package server

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/hub/vitals"
	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/ident"
)

// storage says where a hub's data is; commands and the server share it.
type storage struct {
	Data     string `placeholder:"DIR" help:"The hub's data folder."`
	Database string `placeholder:"URL" help:"postgres://… instead of the SQLite file in the data folder."`
}

// url of the database.
func (s storage) url() (string, error) {
	switch {
	case s.Database != "":
		return s.Database, nil
	case s.Data != "":
		return "sqlite:" + filepath.Join(s.Data, "hub.db"), nil
	}
	return "", command.Refusef("say which hub: --data DIR or --database URL")
}

// store is what commands need as well as the server.
type store struct {
	db       *database.DB
	ledger   *ledger.Ledger
	vitals   *vitals.Vitals
	registry *registry.Registry
}

// openStore opens the tables. authority is nil, and hub empty, for commands
// that run beside a server.
func openStore(ctx context.Context, url string, authority *ident.Authority, hub []string, log *slog.Logger) (s store, err error) {
	if s.db, err = database.Open(ctx, url); err != nil {
		return s, fmt.Errorf("open the database: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.db.Close())
		}
	}()
	if s.ledger, err = ledger.Open(ctx, ledger.Config{DB: s.db, Logger: log}); err != nil {
		return s, err
	}
	if s.vitals, err = vitals.Open(ctx, vitals.Config{DB: s.db, Logger: log}); err != nil {
		return s, err
	}
	s.registry, err = registry.Open(ctx, registry.Config{DB: s.db, Authority: authority, Hub: hub, Logger: log})
	return s, err
}

// use opens a store for one command.
func use(ctx context.Context, where storage, do func(store) error) error {
	url, err := where.url()
	if err != nil {
		return err
	}
	s, err := openStore(ctx, url, nil, nil, slog.Default())
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.db.Close())
}

// deviceKeys are the public keys of every device ever admitted.
func (s store) deviceKeys(ctx context.Context) (map[string]crypto.PublicKey, error) {
	devices, err := s.registry.Devices(ctx)
	if err != nil {
		return nil, err
	}
	keys := map[string]crypto.PublicKey{}
	for _, d := range devices {
		if keys[d.ID], err = x509.ParsePKIXPublicKey(d.PublicKey); err != nil {
			return nil, fmt.Errorf("key of device %s: %w", d.ID, err)
		}
	}
	return keys, nil
}

func openAuthority(data string) (*ident.Authority, error) {
	dir := filepath.Join(data, "authority")
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the authority's folder: %w", err)
	}
	a, err := ident.OpenAuthority(dir, time.Now())
	if err != nil {
		return nil, fmt.Errorf("open the authority: %w", err)
	}
	return a, nil
}
