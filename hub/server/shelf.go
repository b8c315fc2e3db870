package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/cases"
	"nghe/hub/chores"
	"nghe/hub/database"
	"nghe/hub/registry"
	"nghe/hub/rights"
	"nghe/shared/command"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// archiving says where a hub's archive is.
type archiving struct {
	Archive               string `placeholder:"DIR|s3://…" help:"Where blobs, segments and copies go: a folder on another disk, or s3://HOST/BUCKET with NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET. Default: a folder in the data folder, which outlives nothing."`
	ArchiveOnSameDiskIsOk bool   `help:"Vouch that the archive outlives the disk of the data folder, though both are on one file system: it is mirrored elsewhere, or this is a rehearsal. Kiosks then delete what is archived."`
}

// shelf is the archive, and what the hub makes of it.
type shelf struct {
	store archive.Store
	named bool   // by the operator
	apart bool   // from the hub's own disk: what is read back from it is safe
	why   string // it is not
}

func openShelf(location string, vouched bool, data string) (s shelf, err error) {
	s.named = location != ""
	if !s.named {
		location = filepath.Join(data, "archive")
	}
	if s.store, err = archive.Open(location); err != nil {
		return s, command.Refusef("--archive: %v", err)
	}
	if !s.named {
		s.why = "no --archive was given"
		return s, nil
	}
	apart, err := archive.Apart(s.store, data)
	switch {
	case vouched:
		s.apart = true
	case err != nil:
		s.why = fmt.Sprintf("whether %s is on another disk cannot be seen: %v", s.store, err)
	case !apart:
		s.why = fmt.Sprintf("%s is on the same file system as the data folder", s.store)
	default:
		s.apart = true
	}
	return s, nil
}

// offDisk names the store that outlives the hub's disk; empty when none does.
func (s shelf) offDisk() string {
	if !s.apart {
		return ""
	}
	return fmt.Sprint(s.store)
}

// keys are what a copy holds beside the database: whatever of the data folder
// cannot be made again.
var keys = []string{"authority", "recovery.pub"}

// openShelf also makes the recovery key on first use, and says so when nothing
// outlives the hub's disk.
func (h *hub) openShelf(ctx context.Context) (err error) {
	if h.shelf, err = openShelf(h.cfg.Archive, h.cfg.SameDiskOK, h.cfg.Data); err != nil {
		return err
	}
	if h.shelf, err = h.shelf.claimed(ctx, h.authority); err != nil {
		return err
	}
	if err := h.openRecovery(); err != nil {
		return err
	}
	if h.copies, err = h.openCopies(ctx, h.cfg.Data, h.shelf, h.authority); err != nil {
		return err
	}
	if h.shelf.offDisk() == "" {
		h.log.Warn("nothing is safe from the loss of this hub's disk; kiosks keep everything: give --archive on another disk", "reason", h.shelf.why)
	}
	return h.copies.NoteStore(ctx, h.shelf.offDisk())
}

// openRecovery makes the recovery key on first use, if somebody is there to
// keep it.
func (h *hub) openRecovery() error {
	_, err := backup.Recovery(h.cfg.Data)
	switch {
	case !errors.Is(err, backup.ErrNoRecovery):
		return err
	case h.cfg.Unattended:
		h.log.Warn("no copies are made yet", "reason", err)
		return nil
	}
	return showRecovery(h.cfg.Data, h.cfg.Print)
}

func showRecovery(data string, show func(line string)) error {
	return backup.MakeRecovery(data, func(secret string) {
		show("Recovery key, shown this once. Print it and lock it away: without it no copy of this hub opens.\n" + secret)
	})
}

func (s store) openCopies(ctx context.Context, data string, shelf shelf, authority *ident.Authority) (*backup.Backup, error) {
	migrate := func(ctx context.Context, db *database.DB) error {
		_, err := everyTable(ctx, db, authority)
		return err
	}
	return backup.Open(ctx, backup.Config{DB: s.db, Ledger: s.ledger, Store: shelf.store, Data: data, Keys: keys,
		Verify: s.signatures(ctx), Migrate: migrate, Program: command.Version(), Now: s.now})
}

// signatures verifies with the keys in the registry's table, each read once.
func (s store) signatures(ctx context.Context) func(device string, statement, signature []byte) bool {
	var mu sync.Mutex
	known := map[string]func(statement, signature []byte) bool{}
	return func(device string, statement, signature []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if known[device] == nil {
			d, err := s.registry.Device(ctx, device)
			if err != nil {
				return false
			}
			key, err := publicKey(d)
			if err != nil {
				return false
			}
			known[device] = func(statement, signature []byte) bool { return ident.Verify(key, statement, signature) }
		}
		return known[device](statement, signature)
	}
}

// allChores are what this hub does by itself.
func (h *hub) allChores() []chores.Chore {
	all := []chores.Chore{
		{Name: "audit", At: 3*time.Hour + 30*time.Minute, Run: h.auditOnce},
		{Name: "sessions", Every: time.Hour, Run: h.accounts.Sweep},
	}
	all = append(all, h.postChores()...)
	if h.shelf.named {
		all = append(all, chores.Chore{Name: "backup", At: 2*time.Hour + 15*time.Minute, Run: func(ctx context.Context) error {
			_, err := h.copies.Copy(ctx)
			return err
		}})
		notes := backup.NotesIn(h.shelf.store, h.authority)
		devices, people := backup.NewRevocations(notes, h.revoked), backup.NewShutAccounts(notes, h.shutAccounts)
		all = append(all,
			chores.Chore{Name: "revocations", Every: 10 * time.Second, RetryMost: 5 * time.Minute, Wanted: devices.Wanted, Run: devices.Keep},
			chores.Chore{Name: "shut-accounts", Every: 10 * time.Second, RetryMost: 5 * time.Minute, Wanted: people.Wanted, Run: people.Keep})
	}
	if h.shelf.apart { // elsewhere an object would move nothing
		s := h.segments()
		all = append(all, chores.Chore{Name: "archive-segments", Every: 5 * time.Second, RetryMost: 5 * time.Minute, Wanted: s.Wanted, Run: s.Archive})
	}
	return all
}

func (h *hub) shutAccounts(ctx context.Context) (marks []string, err error) {
	all, err := h.accounts.List(ctx)
	for _, a := range all {
		if !a.Disabled.IsZero() {
			marks = append(marks, backup.AccountMark(a.Name))
		}
	}
	return marks, err
}

func (h *hub) certificate(ctx context.Context, device string) ([]byte, error) {
	d, err := h.registry.Device(ctx, device)
	if err != nil {
		return nil, err
	}
	return d.Certificate()
}

func (h *hub) safeMoved(ctx context.Context, device string, journal wire.JournalID) {
	if err := h.intake.SafeMoved(ctx, device, journal); err != nil {
		h.log.Warn("kiosk was not told what is safe", "device", device, "journal", journal.String(), "err", err)
	}
}

func (h *hub) auditOnce(ctx context.Context) error {
	audit, err := h.ledger.Audit(ctx, h.signatures(ctx))
	if err != nil {
		return err
	}
	if !audit.Whole() {
		return fmt.Errorf("the ledger is not whole: %d problems, the first: %s; run hub audit", len(audit.Problems), audit.Problems[0])
	}
	return nil
}

// everyTable brings the tables of every package up to date: what serve opens,
// a restore must open too.
func everyTable(ctx context.Context, db *database.DB, authority *ident.Authority) (store, error) {
	s, err := openTables(ctx, db, registry.Config{Authority: authority}, nil, slog.Default())
	if err != nil {
		return s, err
	}
	if _, err = accounts.Open(ctx, accounts.Config{DB: db}); err != nil {
		return s, err
	}
	if _, err = openTelling(ctx, s, cases.Identity{}, nil, slog.Default()); err != nil {
		return s, err
	}
	_, err = rights.Open(ctx, rights.Config{DB: db})
	return s, err
}
