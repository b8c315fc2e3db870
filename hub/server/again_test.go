package server

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/bulletin"
	"nghe/hub/cases"
	"nghe/hub/database/pgtest"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/hub/registry"
	"nghe/hub/rights"
	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// lateDecisions is a hub that lost its disk after deletions and a revocation
// which its copy does not hold.
type lateDecisions struct {
	t              *testing.T
	cfg            Config
	where          []string
	key            string // file
	forgotten      letterstest.Sent
	kept           letterstest.Sent
	keptCode       seal.Code
	honest, stolen *letterstest.Kiosk
}

func decideLate(t *testing.T, database func() string) lateDecisions {
	t.Helper()
	dir, log := t.TempDir(), &lines{}
	d := lateDecisions{t: t, cfg: Config{Data: filepath.Join(dir, "hub"), Database: database(), Archive: filepath.Join(dir, "archive")}, key: filepath.Join(dir, "key")}
	h, _, stop := insideOf(t, d.cfg, log)
	d.honest, d.stolen = enrolled(t, h), enrolled(t, h)
	noise := func(n int) []byte { return bytes.Repeat([]byte{9}, n) }
	first, second := message(t, h, noise), message(t, h, noise)
	d.keptCode = second.Code
	d.forgotten = d.honest.Send(time.Now(), first).Arrive(h.spool, time.Now())
	d.kept = d.honest.Send(time.Now(), second).Arrive(h.spool, time.Now())
	for _, code := range []seal.Code{first.Code, second.Code} {
		if _, err := h.cases.SetByCode(t.Context(), code, cases.Change{State: feedback.CaseAssigned, By: "admin"}); err != nil {
			t.Fatal(err)
		}
	}
	receipt := first.Code.Receipt()
	d.honest.Deliver(time.Now(), wire.RightsRequest{Uptime: 1, Receipt: receipt.Tag[:], Right: "see", MAC: receipt.RightMAC("see")})
	if _, err := h.rights.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.rights.Settle(t.Context(), 1, rights.Settlement{Answer: "Phường giữ số 0912 345 678 của Ông/Bà.", By: "admin"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every blob and record is archived", func() bool {
		totals, err := h.ledger.BlobTotals(t.Context())
		journals, err2 := h.ledger.Journals(t.Context())
		unsafe := slices.ContainsFunc(journals, func(j ledger.Journal) bool { return j.Safe.Seq < j.Received.Seq })
		return errors.Join(err, err2) == nil && totals.Waiting == 0 && !unsafe
	})
	if err := h.accounts.Create(t.Context(), "dung", password, []accounts.Role{accounts.Reader}, "admin"); err != nil {
		t.Fatal(err)
	}
	copied(t, h)
	if err := h.accounts.Disable(t.Context(), "dung", "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.deletions.Receipt(t.Context(), d.forgotten.Tag, "người gửi yêu cầu", "admin"); err != nil {
		t.Fatal(err)
	}
	if err := h.registry.Revoke(t.Context(), d.stolen.Device, "stolen", "admin"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the archive remembers both revocations", func() bool {
		_, err := os.Stat(filepath.Join(d.cfg.Archive, "revoked", d.stolen.Device))
		_, err2 := os.Stat(filepath.Join(d.cfg.Archive, "shut", backup.AccountMark("dung")))
		return errors.Join(err, err2) == nil
	})
	stop()
	d.forge()
	if err := os.WriteFile(d.key, []byte(secretIn(t, string(log.bytes()))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.cfg.Data); err != nil {
		t.Fatal(err)
	}
	d.cfg.Database = database()
	d.where = []string{"--data", d.cfg.Data}
	if d.cfg.Database != "" {
		d.where = append(d.where, "--database", d.cfg.Database)
	}
	return d
}

// forge is somebody who can write to the archive and would decide for the hub.
func (d lateDecisions) forge() {
	d.t.Helper()
	for name, text := range map[string]string{
		"deletions/receipt-" + hex.EncodeToString(d.kept.Tag[:]): "{}",
		"deletions/blob-" + d.kept.Parts[0].Hash.String():        "{}",
		"revoked/" + d.honest.Device:                             "This device is trusted no longer",
		"epochs/18446744073709551614":                            "A hub was restored",
	} {
		if err := durable.MkdirAll(filepath.Dir(filepath.Join(d.cfg.Archive, name)), 0o700); err != nil {
			d.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.cfg.Archive, name), []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}

// What people decided after the copy, and the archive remembers, holds from
// before the restored hub serves anybody; what is lost is said for good.
func TestDecisionsAfterTheCopyHoldAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("runs and restores a hub")
	}
	for name, database := range map[string]func(t *testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return pgtest.URL(t) }} {
		t.Run(name, func(t *testing.T) {
			d := decideLate(t, func() string { return database(t) })
			said := run(t, command.Done, append([]string{"restore", "--archive", d.cfg.Archive, "--archive-on-same-disk-is-ok", "--recovery-key", d.key}, d.where...)...)
			if !strings.Contains(said, "Lost: decisions made between ") || strings.Count(said, "Not believed") != 4 {
				t.Errorf("hub restore says %q", said)
			}
			s := statusOf(t, d.where...)
			if len(s.Lost) != 1 || s.Lost[0].After == "" || s.Lost[0].Until < s.Lost[0].After {
				t.Errorf("hub status says that lost are %+v", s.Lost)
			}
			if said := run(t, command.Done, append([]string{"status"}, d.where...)...); !strings.Contains(said, "Lost by a restore: decisions made between "+s.Lost[0].After) {
				t.Errorf("hub status says %q", said)
			}
			h, _, _ := insideOf(t, d.cfg, t.Output())
			d.deviceIsRevoked(h)
			d.receiptIsForgotten(h)
			d.restIsThere(h)
			d.kiosksAreTold(h)
		})
	}
}

// The archive lost something: whoever restores the hub hears how much kiosks may
// have to bring back.
func TestRestoreSaysWhatIsMissing(t *testing.T) {
	if testing.Short() {
		t.Skip("runs and restores a hub")
	}
	d := decideLate(t, func() string { return "" })
	if err := os.Remove(filepath.Join(d.cfg.Archive, archive.BlobKey(d.kept.Parts[0].Hash))); err != nil {
		t.Fatal(err)
	}
	said := run(t, command.Done, append([]string{"restore", "--archive", d.cfg.Archive, "--archive-on-same-disk-is-ok", "--recovery-key", d.key}, d.where...)...)
	for _, want := range []string{"The ledger is whole", "1 files of messages are neither here nor in the archive"} {
		if !strings.Contains(said, want) {
			t.Errorf("hub restore does not say %q:\n%s", want, said)
		}
	}
}

func (d lateDecisions) deviceIsRevoked(h *hub) {
	d.t.Helper()
	if is, err := h.registry.Device(d.t.Context(), d.stolen.Device); err != nil || is.State != registry.Revoked {
		d.t.Errorf("the stolen device is %q, %v", is.State, err)
	}
	if is, err := h.accounts.Get(d.t.Context(), "dung"); err != nil || is.Disabled.IsZero() {
		d.t.Errorf("who was shut out may sign in: %+v, %v", is, err)
	}
	if is, err := h.accounts.Get(d.t.Context(), "admin"); err != nil || !is.Disabled.IsZero() {
		d.t.Errorf("the admin may not sign in: %+v, %v", is, err)
	}
	if is, err := h.registry.Device(d.t.Context(), d.honest.Device); err != nil || is.State != registry.Active {
		d.t.Errorf("the other is %q, %v", is.State, err)
	}
}

func (d lateDecisions) receiptIsForgotten(h *hub) {
	d.t.Helper()
	ctx := d.t.Context()
	if _, err := h.cases.Get(ctx, d.forgotten.Tag); !errors.Is(err, cases.ErrNoCase) {
		d.t.Errorf("the case of a deleted receipt: %v", err)
	}
	if known, err := h.cases.Known(ctx, d.forgotten.Tag[:]); err != nil || known {
		d.t.Errorf("the key of a deleted receipt is known: %t, %v", known, err)
	}
	if settled, err := h.rights.Settled(ctx, 1); err != nil || len(settled) != 1 || settled[0].Answer != "" {
		d.t.Errorf("what was told of deleted data: %+v, %v", settled, err)
	}
	found, err := h.ledger.Message(ctx, d.forgotten.ID)
	if err != nil || found.State() != ledger.MessageDeleted {
		d.t.Errorf("the message is %s, %v", found.State(), err)
	}
	for _, p := range d.forgotten.Parts {
		if _, err := os.Stat(filepath.Join(d.cfg.Archive, archive.BlobKey(p.Hash))); !errors.Is(err, os.ErrNotExist) {
			d.t.Errorf("a deleted blob is in the archive: %v", err)
		}
	}
}

func (d lateDecisions) restIsThere(h *hub) {
	d.t.Helper()
	is, err := h.cases.Get(d.t.Context(), d.kept.Tag)
	if err != nil || is.State != feedback.CaseAssigned {
		d.t.Errorf("the other case is %v, %v", is.State, err)
	}
	found, err := h.ledger.Message(d.t.Context(), d.kept.ID)
	if err != nil || found.State() != ledger.MessageWhole {
		d.t.Errorf("the other message is %s, %v", found.State(), err)
	}
}

// kiosksAreTold reads what a kiosk gets that held the newest bulletin of before.
func (d lateDecisions) kiosksAreTold(h *hub) {
	d.t.Helper()
	var revoked []string
	var deleted []wire.Deletion
	eventually(d.t, "kiosks are told", func() bool {
		revoked, deleted = nil, nil
		for held := uint64(1 << 27); ; {
			f, more, err := h.bulletin.Next(d.t.Context(), bulletin.Ask{Held: held})
			if err != nil || !more {
				return err == nil && slices.Contains(revoked, d.stolen.Device) &&
					slices.ContainsFunc(deleted, func(x wire.Deletion) bool {
						return x.Kind == wire.DeletedReceipt && bytes.Equal(x.Name, d.forgotten.Tag[:])
					})
			}
			body, err := wire.DecodeBulletin(f.Body)
			if err != nil {
				d.t.Fatal(err)
			}
			held, revoked, deleted = f.Version, append(revoked, body.Revoked...), append(deleted, body.Deleted...)
		}
	})
}
