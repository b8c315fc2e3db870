package backup

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive/archivetest"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// The hub's disk is lost. What stood in the copy, in segments, and on the
// kiosks comes together again, and only decisions after the copy are missing.
func TestRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		must(t, os.MkdirAll(filepath.Join(w.dir, "cases"), 0o700))
		must(t, os.WriteFile(filepath.Join(w.dir, "cases", "identity"), []byte("secret of the cases"), 0o600))
		a, late := w.admit("qt-01"), w.admit("qt-02")
		a.tap(9)
		a.deliver(w.hub, 0, 6)
		w.decide("before")
		must(t, w.segments.Archive(t.Context()))
		c, err := w.backup.Copy(t.Context())
		must(t, err)
		if notes, err := w.backup.Notes(t.Context()); err != nil || notes.Copy != c.Key() || !notes.CopyAt.Equal(noon) {
			t.Errorf("notes = %+v, %v", notes, err)
		}
		if notes, err := w.backup.Notes(t.Context()); err != nil || !notes.KeyTried.IsZero() {
			t.Errorf("before anybody tried the key: %v, %v", notes.KeyTried, err)
		}
		must(t, w.backup.Inspect(t.Context(), c, w.secret))
		if notes, err := w.backup.Notes(t.Context()); err != nil || notes.KeyTried.IsZero() {
			t.Errorf("nobody noted that the key was tried: %v", err)
		}

		w.at = noon.Add(3 * time.Hour)
		w.decide("after")
		a.deliver(w.hub, 6, 8)
		late.tap(4)
		late.deliver(w.hub, 0, 3)
		must(t, w.segments.Archive(t.Context()))
		archived := w.rows()
		late.deliver(w.hub, 3, 5) // stored, acknowledged, not archived
		everything := w.rows()
		pin := w.authority.Pin()

		w.at = noon.Add(9 * time.Hour)
		again := 0
		report, h, err := w.restoreInto(t, filepath.Join(t.TempDir(), "new"), func(cfg *RestoreConfig) {
			cfg.Readmit = func(_ context.Context, certificate []byte, place string) (bool, error) {
				known := string(certificate) == string(w.certificates[a.device]) && place == "qt-01"
				if !known && (string(certificate) != string(w.certificates[late.device]) || place != "qt-02") {
					t.Errorf("readmitted with another certificate, or at %s", place)
				}
				return known, nil
			}
			cfg.Again = append(cfg.Again, func(context.Context, *database.DB) error { again++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		if report.Copy != c || !report.Lost.After.Equal(noon) || !report.LastSeen.Equal(noon.Add(3*time.Hour)) || report.Objects != 3 ||
			len(report.Damaged) > 0 || len(report.Unknown) != 1 || report.Unknown[0] != late.device || !report.Audit.Whole() || again != 1 {
			t.Errorf("report = %+v, done again %d times", report, again)
		}
		if want := uint64(w.at.Unix()) + 1; report.Epoch != want {
			t.Errorf("epoch = %d, want %d", report.Epoch, want)
		}
		if h.authority.Pin() != pin || h.decided() != "before " {
			t.Errorf("pin %s, decisions %q", h.authority.Pin(), h.decided())
		}
		if text, err := os.ReadFile(filepath.Join(h.dir, "cases", "identity")); err != nil || string(text) != "secret of the cases" {
			t.Errorf("identity = %q, %v", text, err)
		}
		if got := h.rows(); !maps.Equal(got, archived) {
			t.Errorf("%d rows came back, want the %d that were archived:\n%v\n%v", len(got), len(archived), got, archived)
		}
		if h.safe(a) != 8 || h.safe(late) != 3 {
			t.Errorf("safe = %d, %d; want what was read back: 8 and 3", h.safe(a), h.safe(late))
		}

		h.at = noon.Add(3 * time.Hour)
		late.deliver(h, 3, 5) // the kiosk refills
		if got := h.rows(); !maps.Equal(got, everything) {
			t.Errorf("after the refill %d rows, want %d", len(got), len(everything))
		}
		a.deliver(h, 8, 10)
		must(t, h.segments.Archive(t.Context()))
		if h.safe(a) != 10 || h.safe(late) != 5 {
			t.Errorf("safe = %d, %d after the restore; want 10 and 5", h.safe(a), h.safe(late))
		}
		audit, err := h.ledger.Audit(t.Context(), nil)
		if err != nil || !audit.Whole() {
			t.Errorf("audit: %v, %v", audit.Problems, err)
		}
	})
}

// Every restore is an epoch of its own, from whatever copy, at whatever time.
func TestEpochsNeverRepeat(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k := w.admit("qt-01")
		k.deliver(w.hub, 0, 1)
		_, err := w.backup.Copy(t.Context())
		must(t, err)
		seen := map[uint64]bool{1: true}
		for _, at := range []time.Time{noon, noon, time.Unix(0, 0), noon.AddDate(-3, 0, 0), noon.AddDate(9, 0, 0), noon} {
			w.at = at
			report, _, err := w.restoreInto(t, filepath.Join(t.TempDir(), "new"), nil)
			must(t, err)
			if seen[report.Epoch] {
				t.Errorf("epoch %d was begun twice", report.Epoch)
			}
			seen[report.Epoch] = true
		}
		if keys := w.keys("epochs/"); len(keys) != 6 {
			t.Errorf("the archive names %v", keys)
		}
	})
}

func TestNothingIsSafeFromAnArchiveOnTheSameDisk(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k := w.admit("qt-01")
		k.deliver(w.hub, 0, 1)
		must(t, w.segments.Archive(t.Context()))
		_, err := w.backup.Copy(t.Context())
		must(t, err)
		_, h, err := w.restoreInto(t, filepath.Join(t.TempDir(), "new"), func(cfg *RestoreConfig) { cfg.OffDisk = false })
		must(t, err)
		if h.safe(k) != 0 {
			t.Errorf("safe = %d", h.safe(k))
		}
	})
}

// What this hub's devices did not sign stays out, and is told; the rest comes
// back.
func TestForgedAndDamagedObjectsStayOut(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		honest, rotten := w.admit("qt-01"), w.admit("qt-02")
		for _, k := range []*kiosk{honest, rotten} {
			k.tap(3)
			k.deliver(w.hub, 0, 4)
		}
		_, err := w.backup.Copy(t.Context())
		must(t, err)
		must(t, w.segments.Archive(t.Context()))
		honest.tap(1)
		honest.deliver(w.hub, 4, 5)
		must(t, w.segments.Archive(t.Context()))
		want := w.rows()

		elsewhere, err := ident.OpenAuthority(t.TempDir(), noon)
		must(t, err)
		thief := w.admit("qt-03")
		thief.tap(2)
		certificate, err := elsewhere.IssueDevice(thief.key.Public(), thief.device, noon)
		must(t, err)
		unsigned := thief.delivery(0, 2)
		unsigned.Batch.Signature = make([]byte, 64)
		for _, o := range []Object{
			objectOf(t, thief, certificate, thief.delivery(0, 3)),                   // another authority's device
			objectOf(t, thief, w.certificates[thief.device], unsigned),              // not signed
			objectOf(t, thief, w.certificates[honest.device], thief.delivery(0, 1)), // in another's name
		} {
			w.overwrite(o)
		}
		for _, key := range w.keys("segments/" + rotten.journal.String()) {
			w.store.Overwrite(key, flip(w.object(key), len(w.object(key))-9))
		}
		report, h, err := w.restoreInto(t, filepath.Join(t.TempDir(), "new"), nil)
		must(t, err)
		if len(report.Damaged) != 4 || report.Objects != 2 {
			t.Errorf("damaged: %q, %d taken; want four and two", report.Damaged, report.Objects)
		}
		if got := h.rows(); !maps.Equal(got, want) {
			t.Errorf("%d rows, want %d", len(got), len(want))
		}
		if h.safe(rotten) != 0 {
			t.Errorf("what is damaged in the archive is safe up to %d", h.safe(rotten))
		}
		must(t, h.segments.Archive(t.Context()))
		if h.safe(rotten) != 4 {
			t.Errorf("a damaged object was not replaced: safe = %d", h.safe(rotten))
		}
	})
}

func objectOf(t *testing.T, k *kiosk, certificate []byte, d ledger.Delivery) Object {
	t.Helper()
	frame, err := wire.EncodeFrame(d.Batch)
	must(t, err)
	return Object{Journal: k.journal, Device: k.device, Certificate: certificate, Parent: k.points[0], Base: d.Batch.Base,
		End: d.Points[len(d.Points)-1], Segments: []ledger.Segment{{At: noon.UnixMicro(), Frame: frame}}}
}

func TestRestoreRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		fresh := func() string { return filepath.Join(t.TempDir(), "new") }
		if _, _, err := w.restoreInto(t, fresh(), nil); err == nil || !strings.Contains(err.Error(), "no copy") {
			t.Errorf("an empty archive: %v", err)
		}
		k := w.admit("qt-01")
		k.tap(50)
		k.deliver(w.hub, 0, 51)
		c, err := w.backup.Copy(t.Context())
		must(t, err)
		whole := w.object(c.Key())
		used := fresh()
		must(t, mkdir(used, "something"))
		for name, r := range map[string]struct {
			dir    string
			change func(*RestoreConfig)
			spoil  func()
			says   string
		}{
			"a folder in use":     {used, nil, nil, "not empty (it holds something)"},
			"a copy not there":    {fresh(), func(c *RestoreConfig) { c.Copy = "backups/9.age" }, nil, "there is no copy backups/9.age"},
			"another's secret":    {fresh(), func(c *RestoreConfig) { c.Secret = stranger(t) }, nil, "this recovery key does not open it"},
			"nonsense for secret": {fresh(), func(c *RestoreConfig) { c.Secret = "nonsense" }, nil, "AGE-SECRET-KEY-PQ-1"},
			"a bit changed":       {fresh(), nil, func() { w.store.Overwrite(c.Key(), flip(whole, len(whole)/2)) }, "open copy"},
			"the end cut off":     {fresh(), nil, func() { w.store.Overwrite(c.Key(), whole[:len(whole)-1]) }, "open copy"},
			"a database in use": {fresh(), func(c *RestoreConfig) { c.Database = w.url }, nil, map[string]string{
				"sqlite": "", "postgres": "the database is not empty"}[string(w.db.Engine())]},
			"an archive that goes away": {fresh(), nil, func() {
				w.store.Fail(func(op, key string) archivetest.Fault {
					if op == "list" && key != copiesPrefix {
						return archivetest.Refused
					}
					return archivetest.None
				})
			}, "fault on purpose"},
		} {
			if r.says == "" {
				continue
			}
			if r.spoil != nil {
				r.spoil()
			}
			_, _, err := w.restoreInto(t, r.dir, r.change)
			w.store.Fail(nil)
			w.store.Overwrite(c.Key(), whole)
			if err == nil || !strings.Contains(err.Error(), r.says) {
				t.Errorf("%s: %v, want %q", name, err, r.says)
			}
			if name == "a bit changed" {
				if err := Finished(r.dir); !errors.Is(err, ErrUnfinished) {
					t.Errorf("%s: the folder passes for a hub's: %v", name, err)
				}
			}
		}
		if err := Finished(w.dir); err != nil {
			t.Errorf("Finished = %v", err)
		}
	})
}

func TestCopyRefusesADamagedLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k := w.admit("qt-01")
		k.tap(3)
		k.deliver(w.hub, 0, 4)
		must(t, w.db.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "DELETE FROM answers WHERE answer = (SELECT min(answer) FROM answers)")
			return err
		}))
		if _, err := w.backup.Copy(t.Context()); err == nil || !strings.Contains(err.Error(), "not whole") {
			t.Errorf("Copy = %v", err)
		}
		if left, _ := os.ReadDir(filepath.Join(w.dir, work)); len(w.keys(copiesPrefix)) != 0 || len(left) != 1 { // the lock
			t.Errorf("left behind: %v, %v", w.keys(copiesPrefix), left)
		}
	})
}

func TestCopyCountsOnlyWhenReadBack(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, fault := range archivetest.Faults {
			w.store.Fail(func(op, key string) archivetest.Fault {
				if op == "put" {
					return fault
				}
				return archivetest.None
			})
			if _, err := w.backup.Copy(t.Context()); err == nil {
				t.Errorf("a store whose put is %s: Copy = nil", fault)
			}
			if notes, err := w.backup.Notes(t.Context()); err != nil || notes.Copy != "" {
				t.Errorf("notes = %+v, %v", notes, err)
			}
		}
		w.store.Fail(func(op, key string) archivetest.Fault {
			if op == "delete" {
				return archivetest.Refused
			}
			return archivetest.None
		})
		if _, err := w.backup.Copy(t.Context()); err != nil {
			t.Errorf("an archive that deletes nothing: %v", err)
		}
	})
}

func TestOneCopyAtATime(t *testing.T) {
	w := newWorld(t, func() string { return "" })
	_, done, err := w.backup.workFolder()
	must(t, err)
	if _, err := w.backup.Copy(t.Context()); err == nil || !strings.Contains(err.Error(), "another copy") {
		t.Errorf("Copy = %v", err)
	}
	done()
	must(t, os.MkdirAll(filepath.Join(w.dir, work, "copy", "left by a kill"), 0o700))
	if _, err := w.backup.Copy(t.Context()); err != nil {
		t.Errorf("after a kill: %v", err)
	}
}

func TestRecoveryKeyIsShownOnce(t *testing.T) {
	dir, shown := t.TempDir(), 0
	show := func(secret string) {
		shown++
		if _, err := Recovery(dir); err == nil {
			t.Error("kept before it was shown")
		}
	}
	if _, err := Recovery(dir); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("an empty folder: %v", err)
	}
	must(t, MakeRecovery(dir, show))
	first, err := Recovery(dir)
	must(t, err)
	second, err := Recovery(dir)
	if err != nil || first != second || shown != 1 {
		t.Errorf("key %q, then %q, shown %d times, %v", first, second, shown, err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, recoveryFile))
	if strings.Contains(string(text), "SECRET") {
		t.Error("the secret half is kept")
	}
	must(t, os.WriteFile(filepath.Join(dir, recoveryFile), []byte("# nothing\n"), 0o600))
	if _, err := Recovery(dir); err == nil || errors.Is(err, ErrNoRecovery) {
		t.Errorf("a file without a key: %v", err)
	}
}

func TestSpareCopies(t *testing.T) {
	var all []Copy
	for i := range 1000 { // two a day, newest first
		all = append(all, Copy{Number: 1000 - i, At: noon.Add(-time.Duration(i) * 12 * time.Hour)})
	}
	drop := map[int]bool{}
	for _, c := range spare(all) {
		drop[c.Number] = true
	}
	var kept []Copy
	for _, c := range all {
		if !drop[c.Number] {
			kept = append(kept, c)
		}
	}
	if kept[0] != all[0] || len(kept) < 7+6+15 || len(kept) > 7+8+24 {
		t.Errorf("%d copies are kept: %v", len(kept), kept)
	}
	for i, c := range kept[:7] {
		if want := noon.AddDate(0, 0, -i).Format(time.DateOnly); c.At.Format(time.DateOnly) != want {
			t.Errorf("copy %d is of %s, want %s", i, c.At.Format(time.DateOnly), want)
		}
	}
	if age := noon.Sub(kept[len(kept)-1].At); age < 450*24*time.Hour {
		t.Errorf("the oldest is %v old", age)
	}
	// A clock that stood far ahead for a night does not push out the rest.
	wrong := append([]Copy{{Number: 1002, At: noon}, {Number: 1001, At: noon.AddDate(10, 0, 0)}}, all...)
	for _, c := range spare(wrong) {
		if c.Number == 1002 || c.Number > 990 && c.Number%2 == 1 && c.Number < 1000 {
			t.Errorf("copy %d would go", c.Number)
		}
	}
}

func TestCopyKeys(t *testing.T) {
	c := Copy{42, time.Date(2026, 11, 23, 2, 15, 0, 0, time.UTC)}
	if key := c.Key(); key != "backups/00000042-20261123T021500Z.age" {
		t.Errorf("key = %s", key)
	}
	if got, ok := parseCopy(c.Key()); !ok || got != c {
		t.Errorf("parse = %v, %v", got, ok)
	}
	for _, key := range []string{"backups/", "backups/notes.txt", "backups/42-20261123T021500Z.age", "backups/00000042-20261323T021500Z.age"} {
		if _, ok := parseCopy(key); ok {
			t.Errorf("%s is a copy", key)
		}
	}
}

func TestNoteStore(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, name := range []string{"folder /mnt/second", ""} {
			must(t, w.backup.NoteStore(t.Context(), name))
			if n, err := w.backup.Notes(t.Context()); err != nil || n.OffDiskStore != name {
				t.Errorf("notes = %+v, %v", n, err)
			}
		}
	})
}

// Somebody who may write into the archive puts down what looks like the newest
// copy: it pushes none out, and is not restored from.
func TestJunkAmongCopies(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var made []Copy
		for range 2 {
			c, err := w.hub.backup.Copy(t.Context())
			must(t, err)
			made = append(made, c)
			w.hub.at = w.hub.at.AddDate(0, 0, 1)
		}
		for _, key := range []string{"backups/99999999-20991123T080000Z.age", "backups/99999998-20261123T080000Z.age"} {
			must(t, w.store.Put(t.Context(), key, blob.Of([]byte(key)), strings.NewReader(key)))
		}
		last, err := w.hub.backup.Copy(t.Context())
		must(t, err)
		if keys := w.keys("backups/"); len(keys) != 5 {
			t.Errorf("of 3 copies and 2 others there are %q", keys)
		}
		report, _, err := w.restoreInto(t, t.TempDir(), nil)
		if err != nil || report.Copy != last || len(report.Passed) != 1 {
			t.Errorf("restored from %+v, passing over %q: %v; want %+v", report.Copy, report.Passed, err, last)
		}
		must(t, w.store.Delete(t.Context(), last.Key()))
		if report, _, err = w.restoreInto(t, t.TempDir(), nil); err != nil || report.Copy != made[1] {
			t.Errorf("without it, restored from %+v: %v", report.Copy, err)
		}
	})
}
