package server

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"nghe/hub/backup"
	"nghe/hub/chores"
	"nghe/hub/database"
	"nghe/hub/deletion"
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
	if err := backup.Finished(s.Data); s.Data != "" && err != nil {
		return "", err
	}
	switch {
	case s.Database != "":
		return s.Database, nil
	case s.Data != "":
		return "sqlite:" + filepath.Join(s.Data, "hub.db"), nil
	}
	return "", command.Refusef("say which hub: --data DIR or --database URL")
}

// served refuses a folder that no hub has served from: a command would make an
// empty hub there, and say that all is well.
func (s storage) served() error {
	if s.Data == "" {
		return nil
	}
	needs := "hub.db"
	if s.Database != "" {
		needs = "authority"
	}
	if _, err := os.Stat(filepath.Join(s.Data, needs)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--data %s: no hub has served from this folder yet; look at the name again, or start one with hub serve", s.Data)
	}
	return nil
}

// store is what commands need as well as the server.
type store struct {
	db       *database.DB
	now      func() time.Time
	ledger   *ledger.Ledger
	vitals   *vitals.Vitals
	registry *registry.Registry
	place    registry.Hub        // among the hubs on this database; empty: there can be no other, or this is a command
	backup   *backup.Backup      // to read its notes; the server has another, that makes copies
	done     *chores.Chores      // to read what was done; the server has another, that does it
	orders   *deletion.Deletions // to give orders; who carries them out has another
}

// openStore opens the tables. admits says how devices are admitted; it is empty
// for commands that run beside a server. Its clock is that of every table.
func openStore(ctx context.Context, url string, admits registry.Config, join joining, log *slog.Logger) (s store, err error) {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return s, err
	}
	if s, err = openTables(ctx, db, admits, join, log); err != nil {
		return s, errors.Join(err, db.Close())
	}
	return s, nil
}

// openDatabase says what to do about a file that is none.
func openDatabase(ctx context.Context, url string) (*database.DB, error) {
	db, err := database.Open(ctx, url)
	if database.IsDamaged(err) {
		err = fmt.Errorf("%w: put the data folder aside, and make the hub again in an empty one with hub restore", err)
	}
	return db, err
}

func openTables(ctx context.Context, db *database.DB, admits registry.Config, join joining, log *slog.Logger) (s store, err error) {
	s.db, s.now = db, admits.Now
	admits.DB, admits.Logger = s.db, log
	if s.registry, err = registry.Open(ctx, admits); err != nil {
		return s, err
	}
	if join != nil {
		if s.place, err = join(ctx, s.db, s.registry); err != nil {
			return s, err
		}
	}
	if s.ledger, err = ledger.Open(ctx, ledger.Config{DB: s.db, Hub: s.place.ID, Now: s.now, Logger: log}); err != nil {
		return s, err
	}
	if s.vitals, err = vitals.Open(ctx, vitals.Config{DB: s.db, Now: s.now, Logger: log}); err != nil {
		return s, err
	}
	if s.backup, err = backup.Open(ctx, backup.Config{DB: s.db, Now: s.now, Logger: log}); err != nil {
		return s, err
	}
	if s.done, err = chores.Open(ctx, chores.Config{DB: s.db, Now: s.now, Logger: log}); err != nil {
		return s, err
	}
	s.orders, err = deletion.Open(ctx, deletion.Config{DB: s.db, Ledger: s.ledger, Now: s.now, Logger: log})
	return s, err
}

// use opens a store for one command.
func use(ctx context.Context, where storage, do func(store) error) error {
	url, err := where.url()
	if err != nil {
		return err
	}
	if err := where.served(); err != nil {
		return err
	}
	s, err := openStore(ctx, url, registry.Config{}, nil, slog.Default())
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
		if keys[d.ID], err = publicKey(d); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func publicKey(d registry.Device) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(d.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", d.ID, err)
	}
	return key, nil
}

func openAuthority(data string, now time.Time) (*ident.Authority, error) {
	dir := filepath.Join(data, "authority")
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the authority's folder: %w", err)
	}
	a, err := ident.OpenAuthority(dir, now)
	if err != nil {
		return nil, fmt.Errorf("open the authority: %w", err)
	}
	return a, nil
}
