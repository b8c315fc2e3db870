package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/cases"
	"nghe/hub/chores"
	"nghe/hub/deletion"
	"nghe/hub/letters"
	"nghe/hub/rights"
	"nghe/shared/blob"
)

// post is everything about messages: where their blobs wait, what opens them,
// what takes them away.
type post struct {
	spool     *archive.Spool
	letters   *letters.Letters
	deletions *deletion.Deletions
	rights    *rights.Rights
	clocks    otherClocks
}

const (
	spoolFolder = "spool"
	// With an archive off the hub's disk blobs only pass through; without one
	// they stay.
	passing = 1 << 30  // bytes
	staying = 64 << 30 // bytes; less where the disk has less
)

// openPost opens the spool and what works on it. id opens letters.
func (h *hub) openPost(ctx context.Context, id cases.Identity) (err error) {
	budget := uint64(passing)
	if !h.shelf.apart {
		budget = staying
	}
	if h.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: filepath.Join(h.cfg.Data, spoolFolder), Budget: budget, Now: h.cfg.Now}); err != nil {
		return err
	}
	var store archive.Store
	if h.shelf.named { // the folder in Data never gets a blob
		store = h.shelf.store
	}
	h.letters = letters.New(letters.Config{Ledger: h.ledger, Hub: h.place.ID, Spool: h.spool, Store: store, Secret: id.Secret,
		Receipts: h.cases, Known: h.cases.Known, Now: h.cfg.Now, Logger: h.log,
		Ask: func(device string, ref blob.Ref) { h.intake.BlobLost(device, ref) }})
	h.deletions, err = deletion.Open(ctx, deletion.Config{DB: h.db, Ledger: h.ledger, Spool: h.spool, Store: store, Executes: true, Begun: h.bulletin.Nudge,
		Notes: backup.NotesIn(store, h.authority), Wards: h.wards,
		Forget: h.forget, Closed: h.cases.Closed, Now: h.cfg.Now, Logger: h.log,
		Clocks: func() []time.Time { return h.clocks.now(h.shelf.store) }})
	if err != nil {
		return err
	}
	h.rights, err = rights.Open(ctx, rights.Config{DB: h.db, Ledger: h.ledger, Cases: h.cases, Deletions: h.deletions, Now: h.cfg.Now, Logger: h.log})
	return err
}

// forget drops what the hub keeps under a receipt beside what came with it.
func (h *hub) forget(ctx context.Context, tag [16]byte) error {
	return forgetUnder(ctx, tag, h.cases, h.rights)
}

// forgetUnder drops the case, and what was answered to requests about the data.
func forgetUnder(ctx context.Context, tag [16]byte, of *cases.Cases, asked *rights.Rights) error {
	return errors.Join(of.Forget(ctx, tag), asked.Forget(ctx, tag))
}

// wards are where messages come from.
func (h *hub) wards(ctx context.Context) (names []string, err error) {
	places, err := h.registry.Places(ctx)
	for _, p := range places {
		if !slices.Contains(names, p.Ward) {
			names = append(names, p.Ward)
		}
	}
	return names, err
}

// postChores are what is done about messages without being asked.
func (h *hub) postChores() []chores.Chore {
	all := []chores.Chore{
		{Name: h.own("receipts"), Every: 30 * time.Second, RetryMost: 10 * time.Minute, Run: func(ctx context.Context) error {
			_, err := h.letters.LearnNew(ctx, h.cfg.Now())
			return err
		}},
		{Name: "replies", Every: 5 * time.Second, RetryMost: 10 * time.Minute, Wanted: h.repliesWait, Run: h.hearReplies},
		{Name: "rights", Every: 5 * time.Second, RetryMost: 10 * time.Minute, Wanted: h.rights.Waits, Run: h.takeRights},
		{Name: "rights-late", Every: 5 * time.Minute, Run: h.takeRights},
		{Name: "deletions", Every: 5 * time.Second, RetryMost: 10 * time.Minute, Wanted: h.deletions.Wanted, Run: h.deletions.Work},
		{Name: "deletions-late", Every: 5 * time.Minute, Run: h.deletions.Late},
		{Name: "retention", Every: retainEvery, Run: h.retain},
	}
	if h.shelf.apart {
		all = append(all, chores.Chore{Name: h.own("archive-blobs"), Every: 5 * time.Second, RetryMost: 5 * time.Minute,
			Wanted: h.letters.AnyUnshelved, Run: func(ctx context.Context) error {
				return h.letters.Shelve(ctx, h.cfg.Now, h.intake.BlobArchived)
			}}, chores.Chore{Name: "archive-audit", At: time.Hour + 15*time.Minute, RetryMost: time.Hour, Run: h.auditArchive})
	}
	return all
}

func (h *hub) repliesWait(ctx context.Context) (bool, error) { return h.cases.Waits(ctx, h.ledger) }

// hearReplies does to cases what their senders say, and has kiosks told.
func (h *hub) hearReplies(ctx context.Context) error {
	changed, err := h.cases.Hear(ctx, h.ledger)
	if changed > 0 {
		h.bulletin.Nudge()
	}
	return err
}

func (h *hub) takeRights(ctx context.Context) error {
	// Said nowhere but on the console: a line's time could be that of somebody's
	// visit who had written to named officers.
	_, err := h.rights.Take(ctx)
	return err
}

// retainEvery is often, so that little of what proves time is lost with a
// restart.
const retainEvery = 15 * time.Minute

func (h *hub) retain(ctx context.Context) error {
	deleted, err := h.deletions.Retain(ctx)
	if deleted > 0 {
		h.log.Info("deleted by age", "blobs", deleted)
	}
	return err
}

// settle finds the blobs of a restored hub in its archive.
func settle(ctx context.Context, s store, shelf shelf) error {
	if !shelf.apart {
		return nil
	}
	_, err := letters.New(letters.Config{Ledger: s.ledger, Store: shelf.store}).Settle(ctx, time.Now())
	if err != nil {
		return fmt.Errorf("find blobs in the archive: %w", err)
	}
	return nil
}
