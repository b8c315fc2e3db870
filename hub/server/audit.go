package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/ledger"
	"nghe/hub/letters"
	"nghe/shared/command"
)

// auditArchive looks whether what left this disk still is where it went, and
// mends what it can. What is lost stands on the console until it is back.
func (h *hub) auditArchive(ctx context.Context) error {
	notes, err := h.copies.Notes(ctx)
	if err != nil {
		return err
	}
	now := h.cfg.Now()
	blobs, err := h.letters.Audit(ctx, notes.Audited, now)
	segments, err2 := h.segments().Recheck(ctx, letters.Turn(notes.Audited, now))
	if blobs.Mended+blobs.Lost+blobs.Found+segments > 0 {
		h.log.Warn("the archive is not what it was", "blobs_put_again", blobs.Mended, "blobs_lost", blobs.Lost,
			"blobs_found_again", blobs.Found, "segments_put_again", segments)
	}
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("audit the archive: %w", err)
	}
	return h.copies.NoteAudit(ctx, now)
}

func (h *hub) segments() *backup.Segments {
	return backup.NewSegments(backup.SegmentsConfig{Ledger: h.ledger, Store: h.shelf.store, Key: backup.KeyOf(h.authority), Certificate: h.certificate, Moved: h.safeMoved})
}

// archiveAudit is the part of hub audit that compares with the archive, and
// changes nothing.
type archiveAudit struct {
	Archive string `placeholder:"DIR|s3://…" help:"Also compare with this archive: whether it holds every blob and segment that the ledger takes for archived."`
	Reread  bool   `help:"With --archive: read every object again and hash it. Takes as long as reading all of the archive does."`
}

// problems prints what is wrong, and counts it.
func (c archiveAudit) problems(ctx context.Context, data string, s store, out command.Output) (n int, err error) {
	if c.Archive == "" {
		return 0, nil
	}
	key, err := c.key(data)
	if err != nil {
		return 0, err
	}
	store, err := archive.Open(c.Archive)
	if err != nil {
		return 0, command.Refusef("--archive: %v", err)
	}
	say := func(what string) error {
		n++
		_, err := fmt.Fprintln(out, what)
		return err
	}
	if err := c.blobs(ctx, s.ledger, store, say); err != nil {
		return n, err
	}
	err = backup.NewSegments(backup.SegmentsConfig{Ledger: s.ledger, Store: store, Key: key}).Compare(ctx,
		func([]byte) bool { return c.Reread },
		func(hole backup.Hole) error { return say(hole.String()) })
	if err != nil {
		return n, err
	}
	totals, err := s.ledger.BlobTotals(ctx)
	if err == nil && totals.Lost > 0 {
		err = say(fmt.Sprintf("%d blobs were archived, are lost there, and did not come back from their kiosks", totals.Lost))
	}
	return n, err
}

// blobs says which differ from what the ledger says.
func (c archiveAudit) blobs(ctx context.Context, l *ledger.Ledger, store archive.Store, say func(string) error) error {
	tell := func(b ledger.Shelved, f letters.Fault) error { return say(fmt.Sprintf("blob %s %s", b.Hash, f)) }
	var unsaid []ledger.Shelved
	err := letters.New(letters.Config{Ledger: l, Store: store}).Compare(ctx, func(ledger.Shelved) bool { return c.Reread },
		func(b ledger.Shelved, f letters.Fault) error {
			if f == letters.Unsaid {
				unsaid = append(unsaid, b)
				return nil
			}
			return tell(b, f)
		})
	if err == nil {
		unsaid, err = stillUnsaid(ctx, l, unsaid)
	}
	for _, b := range unsaid {
		err = cmp.Or(err, tell(b, letters.Unsaid))
	}
	return err
}

// noting is more than a hub at work takes to note what it has just archived.
const noting = 3 * time.Second

// stillUnsaid leaves out what was noted, or deleted, within that time: a hub puts
// an object first and says so then.
func stillUnsaid(ctx context.Context, l *ledger.Ledger, unsaid []ledger.Shelved) (still []ledger.Shelved, err error) {
	deadline := time.Now().Add(noting)
	for _, b := range unsaid {
		is, err := l.Blob(ctx, b.Hash)
		for err == nil && is.Archived+is.Deleted == 0 && time.Now().Before(deadline) {
			time.Sleep(noting / 50)
			is, err = l.Blob(ctx, b.Hash)
		}
		if err != nil {
			return nil, err
		}
		if is.Archived+is.Deleted == 0 {
			still = append(still, b)
		}
	}
	return still, nil
}

// key opens the segments there; nobody needs it to look at a list.
func (c archiveAudit) key(data string) (backup.Key, error) {
	if !c.Reread {
		return backup.Key{}, nil
	}
	if data == "" {
		return backup.Key{}, command.Refusef("--reread needs the hub's keys: give --data as well")
	}
	authority, err := openAuthority(data, time.Now())
	if err != nil {
		return backup.Key{}, err
	}
	return backup.KeyOf(authority), nil
}
