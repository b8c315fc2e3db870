package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/cases"
	"nghe/hub/database"
	"nghe/hub/deletion"
	"nghe/hub/registry"
	"nghe/hub/rights"
	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/ident"
	"nghe/shared/seal"
)

type backupCommand struct {
	storage
	archiving
	RecoveryKey string `placeholder:"FILE|-" help:"File with the recovery key's secret, or - for standard input. Given, the copy is opened again and checked to the last byte."`
}

func (c *backupCommand) Run(ctx context.Context, out command.Output) error {
	if c.Data == "" || c.Archive == "" {
		return command.Refusef("say which hub, and where to: --data DIR --archive DIR|s3://…")
	}
	secret := ""
	if c.RecoveryKey != "" { // before a copy is made that could not be tried
		var err error
		if secret, err = readSecret(c.RecoveryKey); err != nil {
			return err
		}
	}
	if err := c.served(); err != nil {
		return err
	}
	shelf, err := openShelf(c.Archive, c.ArchiveOnSameDiskIsOk, c.Data)
	if err != nil {
		return err
	}
	authority, err := openAuthority(c.Data, time.Now())
	if err != nil {
		return err
	}
	if shelf, err = shelf.claimed(ctx, authority); err != nil {
		return err
	}
	return use(ctx, c.storage, func(s store) error {
		copies, err := s.openCopies(ctx, c.Data, shelf, authority)
		if err != nil {
			return err
		}
		made, err := copies.Copy(ctx)
		if err != nil {
			return err
		}
		if secret != "" {
			if err := copies.Inspect(ctx, made, secret); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "%s is in %s, read back and whole\n", made.Key(), shelf.store)
		if shelf.offDisk() == "" {
			fmt.Fprintf(out, "It does not outlive the hub's disk: %s\n", shelf.why)
		}
		return nil
	})
}

type recoveryKeyCommand struct {
	Data  string `required:"" placeholder:"DIR" help:"The hub's data folder; made when missing."`
	Renew bool   `help:"Make another key in place of one that is lost or was seen by others. Copies made until now stay closed to the old one."`
}

func (c *recoveryKeyCommand) Run(out command.Output) error {
	if err := durable.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	_, err := backup.Recovery(c.Data)
	if err == nil && !c.Renew {
		return command.Refusef("this hub has a recovery key, which was shown when it was made; if it is lost, --renew makes another")
	}
	if err != nil && !errors.Is(err, backup.ErrNoRecovery) {
		return err
	}
	return showRecovery(c.Data, func(line string) { fmt.Fprintln(out, line) })
}

// readSecret takes a file or standard input.
func readSecret(name string) (string, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 64<<10))
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return "", fmt.Errorf("read the recovery key: %w", err)
	}
	secret := secretLine(string(text))
	if _, err := seal.Public(secret); err != nil {
		return "", command.Refusef("--recovery-key %s: it holds no whole recovery key: one line that begins with AGE-SECRET-KEY-PQ-1, as the hub printed it when it was first started; a letter may be wrong or missing", name)
	}
	return secret, nil
}

// secretLine finds the key among what stands around it on the paper.
func secretLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "AGE-SECRET-KEY-") {
			return line
		}
	}
	return strings.TrimSpace(text)
}

// archiveIsThere refuses a folder that is not there: to make one helps nobody
// who wants something out of it.
func archiveIsThere(location string) error {
	if strings.HasPrefix(location, "s3:") {
		return nil
	}
	info, err := os.Stat(location)
	if err == nil && info.IsDir() {
		return nil
	}
	return command.Refusef("--archive %s: there is no such folder; is the disk mounted?", location)
}

type restoreCommand struct {
	storage
	archiving
	RecoveryKey string `required:"" placeholder:"FILE|-" help:"File with the recovery key's secret, or - for standard input."`
	Copy        string `placeholder:"KEY" help:"Another copy than the newest, as hub backup named it."`
}

func (c *restoreCommand) Run(ctx context.Context, out command.Output) error {
	if c.Data == "" || c.Archive == "" {
		return command.Refusef("say where to, and from where: --data EMPTY-DIR --archive DIR|s3://…")
	}
	secret, err := readSecret(c.RecoveryKey)
	if err != nil {
		return err
	}
	if err := archiveIsThere(c.Archive); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil { // to see which disk it is on
		return fmt.Errorf("make the data folder: %w", err)
	}
	defer os.Remove(c.Data) // where nothing was put into it
	shelf, err := openShelf(c.Archive, c.ArchiveOnSameDiskIsOk, c.Data)
	if err != nil {
		return err
	}
	r := &restoring{shelf: shelf}
	report, err := r.run(ctx, backup.RestoreConfig{
		Data: c.Data, Database: c.Database, Store: shelf.store, OffDisk: shelf.apart, Secret: secret, Copy: c.Copy})
	if err != nil {
		return err
	}
	if err := printReport(out, report); err != nil {
		return err
	}
	r.printMissing(out)
	return nil
}

// restoring is the tables of a hub that is being made again.
type restoring struct {
	shelf shelf
	store
	cases    *cases.Cases
	rights   *rights.Rights
	notes    archive.Notes
	unproven []string // deletions that are not this hub's
	holes    uint64   // records that came before a journal and are not here
	files    int      // of messages, that are neither here nor in the archive
}

func (r *restoring) run(ctx context.Context, cfg backup.RestoreConfig) (backup.Report, error) {
	cfg.Migrate, cfg.Readmit, cfg.Revoke = r.migrate, r.readmit, r.revoke
	cfg.Again = []func(context.Context, *database.DB) error{r.deleteAgain, r.shutAgain, r.settle}
	report, err := backup.Restore(ctx, cfg)
	report.Unproven = append(report.Unproven, r.unproven...)
	return report, err
}

func (r *restoring) migrate(ctx context.Context, db *database.DB, authority *ident.Authority) (err error) {
	if r.store, err = everyTable(ctx, db, authority); err != nil {
		return err
	}
	r.notes = backup.NotesIn(r.shelf.store, authority)
	if r.cases, err = cases.Open(ctx, cases.Config{DB: db}); err != nil {
		return err
	}
	r.rights, err = rights.Open(ctx, rights.Config{DB: db})
	return err
}

func (r *restoring) readmit(ctx context.Context, certificate []byte, place string) (bool, error) {
	known, err := r.registry.Readmit(ctx, certificate, place)
	if none := (*registry.NoPlace)(nil); errors.As(err, &none) {
		return false, nil // told as unknown; it needs a new kit
	}
	return known, err
}

func (r *restoring) revoke(ctx context.Context, device string) error {
	err := r.registry.Revoke(ctx, device, "revoked before the hub was restored; the archive remembered it", "")
	if errors.Is(err, registry.ErrNoDevice) {
		return nil // whom the hub does not know is not let in
	}
	return err
}

func (r *restoring) deleteAgain(ctx context.Context, db *database.DB) error {
	orders, err := deletion.Open(ctx, deletion.Config{DB: db, Ledger: r.ledger, Store: r.shelf.store, Notes: r.notes, Executes: true,
		Forget: func(ctx context.Context, tag [16]byte) error { return forgetUnder(ctx, tag, r.cases, r.rights) }, Closed: r.cases.Closed})
	if err != nil {
		return err
	}
	unproven, err := orders.Again(ctx)
	r.unproven = append(r.unproven, unproven...)
	return err
}

// shutAgain keeps out the operators who were shut out after the copy.
func (r *restoring) shutAgain(ctx context.Context, db *database.DB) error {
	marks, unproven, err := backup.ShutAccounts(ctx, r.notes)
	r.unproven = append(r.unproven, unproven...)
	if err != nil {
		return err
	}
	known, err := accounts.Open(ctx, accounts.Config{DB: db})
	if err != nil {
		return err
	}
	all, err := known.List(ctx)
	for _, a := range all {
		if !a.Disabled.IsZero() || !slices.Contains(marks, backup.AccountMark(a.Name)) {
			continue
		}
		if e := known.Disable(ctx, a.Name, "hub restore"); !errors.Is(e, accounts.ErrLastAdmin) { // whoever took their place is lost
			err = errors.Join(err, e)
		}
	}
	return err
}

func (r *restoring) settle(ctx context.Context, _ *database.DB) error {
	if err := settle(ctx, r.store, r.shelf); err != nil {
		return err
	}
	is, err := r.status(ctx, time.Now())
	if err != nil {
		return err
	}
	totals, err := r.ledger.BlobTotals(ctx)
	r.holes, r.files = is.Holes, totals.Missing
	return err
}

// printMissing says what kiosks may still hold, and bring back.
func (r *restoring) printMissing(out io.Writer) {
	if r.holes > 0 {
		fmt.Fprintf(out, "Up to %d records that kiosks had before are not here: hub status says whose. A kiosk that still holds them sends them again.\n", r.holes)
	}
	if r.files > 0 {
		fmt.Fprintf(out, "%d files of messages are neither here nor in the archive: kiosks that still hold them send them again.\n", r.files)
	}
}

func printReport(out io.Writer, r backup.Report) error {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	for _, p := range r.Passed {
		say("Passed over: %s", p)
	}
	say("Restored from %s.", r.Copy.Key())
	say("Segments: %d objects taken back, %d records and %d answers held.", r.Objects, r.Audit.Records, r.Audit.Answers)
	for _, d := range r.Damaged {
		say("Not taken back: %s", d)
	}
	say("Restore epoch %d begins: kiosks send again whatever they still hold and this hub does not.", r.Epoch)
	say("Lost: decisions made between %s and %s (accounts, devices, cases, texts); deletions and revocations were done again, and accounts shut again.",
		r.Lost.After.Format(time.RFC3339), r.Lost.Until.Format(time.RFC3339))
	if !r.LastSeen.IsZero() {
		say("The hub was alive at least until %s, when the newest record in the archive came.", r.LastSeen.Format(time.RFC3339))
	}
	for _, key := range r.Unproven {
		say("Not believed, for it does not carry this hub's signature: %s. If it is a decision of this ward's, make it again; ask the archive's keeper who wrote it.", key)
	}
	for _, d := range r.Unknown {
		say("Device %s was admitted after the copy: confirm it with a new kit, or revoke it.", d)
	}
	for _, p := range r.Audit.Problems {
		say("%s", p)
	}
	if !r.Audit.Whole() {
		return fmt.Errorf("the hub was restored, but its ledger is not whole: %d problems", len(r.Audit.Problems))
	}
	say("The ledger is whole. Start the hub with hub serve.")
	return nil
}
