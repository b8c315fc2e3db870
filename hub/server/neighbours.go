package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/ident"
)

// Several hubs may serve from one PostgreSQL. They share everything but the
// spool: a blob that is not archived yet lies on the disk of one hub, which
// alone brings it to the archive, opens it, or misses it. Each has a data folder
// of its own, with the same authority and recovery.pub in it.

// joining finds this hub's place among those on one database.
type joining func(ctx context.Context, db *database.DB, r *registry.Registry) (registry.Hub, error)

// hubFile holds the name of the place. It is in no copy: a restored hub has
// another disk.
const hubFile = "hub-id"

func joinFrom(data string, log *slog.Logger) joining {
	return func(ctx context.Context, db *database.DB, r *registry.Registry) (registry.Hub, error) {
		if db.Engine() == database.SQLite {
			return registry.Hub{}, nil // whose file is in the data folder
		}
		id, err := readHubID(data)
		if err != nil {
			return registry.Hub{}, err
		}
		place, taken, err := r.JoinHub(ctx, id, location(data))
		if err != nil || taken {
			return place, err
		}
		log.Warn("this data folder is a copy of another hub's, which serves; it goes by a name of its own from now on", "copy_of", id)
		if id, err = newHubID(data); err != nil {
			return place, err
		}
		place, _, err = r.JoinHub(ctx, id, location(data))
		return place, err
	}
}

// keysFit looks, before any keys are made, whether the database or the archive
// knows others.
func keysFit(ctx context.Context, cfg Config, url string) error {
	if _, err := os.Stat(filepath.Join(cfg.Data, "authority", "authority.crt")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := archiveIsFree(ctx, cfg.Archive); err != nil {
		return err
	}
	if path, lite := strings.CutPrefix(url, "sqlite:"); lite {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil // there is no database yet
		}
	}
	db, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	r, err := registry.Open(ctx, registry.Config{DB: db})
	if err == nil {
		err = r.MayMakeKeys(ctx)
	}
	return errors.Join(err, db.Close())
}

// archiveIsFree refuses an archive that is another hub's: after the loss of a
// disk, a hub made anew would take its place there. One that cannot be read now
// is looked at again before anything is put into it.
func archiveIsFree(ctx context.Context, location string) error {
	if location == "" {
		return nil
	}
	store, err := archive.Open(location)
	if err != nil {
		return command.Refusef("--archive: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	if taken, err := archive.Taken(ctx, store); err == nil && taken {
		return fmt.Errorf("--archive %s: %w", store, archive.ErrForeign)
	}
	return nil
}

// claimTime is how long a start waits for the archive.
const claimTime = 3 * time.Second

// claimed makes the archive this hub's own, or refuses it.
func (s shelf) claimed(ctx context.Context, authority *ident.Authority) (shelf, error) {
	if !s.named {
		return s, nil
	}
	owned := archive.Own(backup.NotesIn(s.store, authority), authority.Pin())
	s.store = owned
	within, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	if err := owned.Claim(within); errors.Is(err, archive.ErrForeign) {
		return s, err
	}
	return s, nil // an archive that is away is claimed before the first byte goes there
}

// location is for telling apart a process that was killed from a copy of its
// folder elsewhere.
func location(data string) string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "?"
	}
	if path, err := filepath.Abs(data); err == nil {
		data = path
	}
	return machine + ":" + data
}

func readHubID(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, hubFile))
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read this hub's name: %w", err)
	}
	return newHubID(data)
}

func newHubID(data string) (string, error) {
	id := registry.NewHubID()
	if err := durable.WriteFile(filepath.Join(data, hubFile), []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep this hub's name: %w", err)
	}
	return id, nil
}

// own names a chore that each hub does for its own disk.
func (h *hub) own(chore string) string {
	if h.place.ID == "" {
		return chore
	}
	return chore + "-" + h.place.ID
}

// elsewhere is nil where there can be no other hub.
func (h *hub) elsewhere() func(ctx context.Context, holder string) (bool, error) {
	if h.place.ID == "" {
		return nil
	}
	return func(ctx context.Context, holder string) (bool, error) {
		if holder == h.place.ID {
			return false, nil
		}
		return h.registry.HubLives(ctx, holder)
	}
}

// keepEvery is how often a hub looks whether its spool holds what need not, or
// must not, be there any more.
const keepEvery = 10 * time.Minute

func (h *hub) keepSpool(ctx context.Context) error {
	if err := h.claimSpool(ctx); err != nil {
		return err
	}
	for {
		if err := h.sweepSpool(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keepEvery):
		}
	}
}

// claimSpool has the ledger know what is on this disk, and what is not any more.
// Where there is an archive, the chore that fills it finds what is missing.
func (h *hub) claimSpool(ctx context.Context) error {
	for _, ref := range h.spool.Whole() {
		err := h.ledger.BlobStored(ctx, ref.Hash, h.cfg.Now())
		if err != nil && !errors.Is(err, ledger.ErrNoBlob) && !errors.Is(err, ledger.ErrDeleted) {
			return fmt.Errorf("claim the spool: %w", err)
		}
	}
	if h.shelf.apart {
		return nil
	}
	for b, err := range h.ledger.Blobs(ctx, time.Time{}) {
		if err != nil {
			return fmt.Errorf("claim the spool: %w", err)
		}
		if b.Archived > 0 || b.Stored == 0 || b.Holder != h.place.ID {
			continue
		}
		if _, whole, err := h.spool.Offset(b.Ref); whole || err != nil {
			continue // a disk that cannot be read now may be later
		}
		h.log.Error("a blob is gone from this hub's disk, its kiosk is asked again", "blob", b.Hash)
		if err := h.ledger.BlobLost(ctx, b.Hash); err != nil {
			return fmt.Errorf("claim the spool: %w", err)
		}
	}
	return nil
}

// sweepSpool removes what another hub deleted or archived.
func (h *hub) sweepSpool(ctx context.Context) error {
	whole := h.spool.Whole()
	if err := h.deletions.Sweep(ctx, whole); err != nil {
		return err
	}
	for _, ref := range whole {
		b, err := h.ledger.Blob(ctx, ref.Hash)
		if errors.Is(err, ledger.ErrNoBlob) || err == nil && b.Archived == 0 {
			continue
		}
		if err == nil {
			err = h.spool.Remove(ref)
		}
		if err != nil {
			return fmt.Errorf("sweep the spool of archived blobs: %w", err)
		}
	}
	return nil
}
