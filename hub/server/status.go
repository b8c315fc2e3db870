package server

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/hub/vitals"
	"nghe/shared/wire"
)

// status is what `hub status --json` prints. Scripts depend on these names:
// add, never change.
type status struct {
	At         string         `json:"at"`
	Epoch      uint64         `json:"epoch"`
	Devices    []deviceStatus `json:"devices"`
	Journals   []journalLine  `json:"journals"`
	Quarantine int            `json:"quarantined_records"`
	Holes      uint64         `json:"records_declared_lost"`
	OffDisk    string         `json:"off_disk_store"` // empty: nothing is safe from the loss of the hub's disk
	Copy       string         `json:"last_copy"`      // key in the archive; empty: none was made
	CopyAt     string         `json:"last_copy_at"`
	Chores     []choreLine    `json:"chores"`
	Lost       []lostLine     `json:"decisions_lost"` // by restores
	Audited    string         `json:"archive_audited_at"`
	LostBlobs  int            `json:"archive_lost_blobs"` // were archived, are missing or damaged there, and not here since
	LostSince  string         `json:"archive_lost_since"`
	Retention  retentionLine  `json:"retention"`
}

// lostLine is a span of time whose decisions a restore did not bring back.
type lostLine struct {
	After string `json:"after"`
	Until string `json:"until"`
}

type choreLine struct {
	Name     string `json:"name"`
	Due      string `json:"due"`
	Running  bool   `json:"running"`
	Started  string `json:"last_start"`
	Ended    string `json:"last_end"`
	Error    string `json:"last_error"`
	Runs     int    `json:"runs"`
	Failures int    `json:"failures"`
	InARow   int    `json:"failures_in_a_row"`
}

type deviceStatus struct {
	Device        string  `json:"device"`
	Place         string  `json:"place"`
	Registered    string  `json:"registered"` // active, revoked, superseded, to-be-confirmed
	State         string  `json:"state"`      // online, waiting, late, lost, paused; revoked, whatever it does
	Contact       string  `json:"last_contact"`
	Due           string  `json:"due"`
	Program       string  `json:"program"`
	ClockAhead    float64 `json:"clock_ahead_s"`
	Backlog       uint64  `json:"backlog_records"` // as last reported
	BacklogBytes  uint64  `json:"backlog_bytes"`
	Oldest        string  `json:"backlog_oldest"`
	ReportedAt    string  `json:"backlog_reported_at"`
	Received      uint64  `json:"received"`
	Safe          uint64  `json:"safe"`
	Suspicion     string  `json:"suspicion"` // empty, clone-or-rollback-suspected, hub-restored, another-devices-journal
	SuspicionWhat string  `json:"suspicion_what_to_do"`
}

type journalLine struct {
	Journal  string `json:"journal"`
	Branch   int    `json:"branch"`
	Device   string `json:"device"`
	Place    string `json:"place"`
	Base     uint64 `json:"base"`
	Received uint64 `json:"received"`
	Safe     uint64 `json:"safe"`
	Cause    string `json:"fork_cause,omitempty"`
	Lost     uint64 `json:"declared_lost,omitempty"`
}

func (s store) status(ctx context.Context, now time.Time) (status, error) {
	journals, err := s.ledger.Journals(ctx)
	if err != nil {
		return status{}, err
	}
	poison, err := s.ledger.Quarantined(ctx)
	if err != nil {
		return status{}, err
	}
	epoch, err := s.ledger.Epoch(ctx)
	if err != nil {
		return status{}, err
	}
	devices, err := s.deviceStatuses(ctx, now, journals)
	if err != nil {
		return status{}, err
	}
	all := status{At: stamp(now), Epoch: epoch, Devices: devices, Quarantine: len(poison), Journals: []journalLine{}}
	for _, j := range journals {
		line := lineOf(j)
		all.Holes += line.Lost
		all.Journals = append(all.Journals, line)
	}
	return all, s.addSafety(ctx, &all)
}

// addSafety says what outlives the hub's disk.
func (s store) addSafety(ctx context.Context, all *status) error {
	notes, err := s.backup.Notes(ctx)
	if err != nil {
		return err
	}
	all.OffDisk, all.Copy, all.CopyAt, all.Audited = notes.OffDiskStore, notes.Copy, stamp(notes.CopyAt), stamp(notes.Audited)
	blobs, err := s.ledger.BlobTotals(ctx)
	if err != nil {
		return err
	}
	if all.LostBlobs = blobs.Lost; blobs.Lost > 0 {
		all.LostSince = stamp(time.UnixMicro(blobs.LostSince))
	}
	if all.Retention, err = s.retention(ctx); err != nil {
		return err
	}
	all.Lost = []lostLine{}
	for _, l := range notes.Lost {
		all.Lost = append(all.Lost, lostLine{stamp(l.After), stamp(l.Until)})
	}
	chores, err := s.done.Status(ctx)
	all.Chores = []choreLine{}
	for _, c := range chores {
		all.Chores = append(all.Chores, choreLine{c.Name, stamp(c.Due), c.Running, stamp(c.Started), stamp(c.Ended), c.Error, c.Runs, c.Failures, c.InARow})
	}
	return err
}

func lineOf(j ledger.Journal) journalLine {
	line := journalLine{Journal: j.Name.String(), Branch: j.Branch, Device: j.Device, Place: j.Place,
		Base: j.Base.Seq, Received: j.Received.Seq, Safe: j.Safe.Seq}
	if j.Fork != nil {
		line.Cause = ledger.ForkCause(j.Fork.Cause).String()
	}
	if j.Hole != nil && j.Hole.FilledAt == 0 {
		line.Lost = j.Hole.Until - j.Hole.After
	}
	return line
}

func (s store) deviceStatuses(ctx context.Context, now time.Time, journals []ledger.Journal) ([]deviceStatus, error) {
	registered, err := s.registry.Devices(ctx)
	if err != nil {
		return nil, err
	}
	fleet, err := s.vitals.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	heard := map[string]vitals.Device{}
	for _, d := range fleet {
		heard[d.ID] = d
	}
	newest := map[string]ledger.Journal{} // Journals lists a device's in the order they were first seen
	for _, j := range journals {
		if j.Inherited(journals, registry.Out(registered)) {
			j.Fork = nil // no suspicion
		}
		newest[j.Device] = j
	}
	all := []deviceStatus{}
	for _, r := range registered {
		all = append(all, deviceLine(r, heard[r.ID], newest[r.ID], now))
	}
	return all, nil
}

func deviceLine(r registry.Device, v vitals.Device, j ledger.Journal, now time.Time) deviceStatus {
	d := deviceStatus{
		Device: r.ID, Place: r.Place, Registered: string(r.State), State: stateOf(r, v, now),
		Contact: stamp(v.Contact), Program: v.Program, ClockAhead: v.ClockAhead.Seconds(),
		Backlog: v.Vitals.Backlog, BacklogBytes: v.Vitals.Bytes, ReportedAt: stamp(v.Reported),
		Received: j.Received.Seq, Safe: j.Safe.Seq,
	}
	if !v.Contact.IsZero() {
		d.Due = stamp(v.Due())
	}
	if v.Vitals.Oldest != 0 {
		d.Oldest = stamp(time.UnixMicro(v.Vitals.Oldest))
	}
	if r.Unconfirmed() {
		d.Registered = "to-be-confirmed"
	}
	d.Suspicion, d.SuspicionWhat = suspicion(j)
	return d
}

// stateOf lets the end of trust outrank whatever the line says.
func stateOf(r registry.Device, v vitals.Device, now time.Time) string {
	if r.State == registry.Revoked {
		return string(r.State)
	}
	return string(v.State(now))
}

// suspicion says what a device's last fork looks like, and what to do.
func suspicion(j ledger.Journal) (what, do string) {
	if j.Fork == nil {
		return "", ""
	}
	switch j.Fork.Cause {
	case wire.ForkAhead, wire.ForkDiffers:
		return "clone-or-rollback-suspected", "check that no second machine runs from a copy of this kiosk's disk, and that nobody put back an old image; nothing that was delivered is lost"
	case wire.ForkForeign:
		return "another-devices-journal", "this kiosk was enrolled on a disk that another device wrote; nothing to do if that was the intention"
	}
	return "hub-restored", "the hub was restored from an older copy; the kiosk refilled what it still held"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (s status) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PLACE\tDEVICE\tSTATE\tLAST CONTACT\tWAITING\tRECEIVED\tSAFE\tSUSPICION")
	for _, d := range s.Devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", d.Place, d.Device, d.State, d.Contact, d.Backlog, d.Received, d.Safe, d.Suspicion)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if s.OffDisk == "" {
		fmt.Fprintln(out, "\nNothing is safe from the loss of this hub's disk: start it with --archive")
	}
	for _, l := range s.Lost {
		fmt.Fprintf(out, "\nLost by a restore: decisions made between %s and %s (accounts, devices, cases, texts)\n", l.After, l.Until)
	}
	if s.LostBlobs > 0 {
		fmt.Fprintf(out, "\nThe archive has lost %d blobs since %s: kiosks that still have them are asked; run hub audit --archive\n", s.LostBlobs, s.LostSince)
	}
	if s.Retention.Waits != "" {
		if err := s.Retention.print(out); err != nil {
			return err
		}
	}
	for _, c := range s.Chores {
		if c.Error != "" {
			fmt.Fprintf(out, "\nchore %s failed %d times in a row: %s\n", c.Name, c.InARow, c.Error)
		}
	}
	_, err := fmt.Fprintf(out, "\n%d journals, %d records in quarantine, %d declared lost, restore epoch %d\n",
		len(s.Journals), s.Quarantine, s.Holes, s.Epoch)
	return err
}
