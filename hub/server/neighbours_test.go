package server

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/chores"
	"nghe/hub/database/pgtest"
)

// beside makes the data folder of another hub on the same database, as an
// operator does.
func beside(t *testing.T, first string) string {
	t.Helper()
	data := filepath.Join(filepath.Dir(first), "second")
	if err := os.CopyFS(filepath.Join(data, "authority"), os.DirFS(filepath.Join(first, "authority"))); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(filepath.Join(first, "recovery.pub"))
	if err == nil {
		err = os.WriteFile(filepath.Join(data, "recovery.pub"), public, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Two hubs serve from one database. A blob that only the first has is neither
// archived nor missed by the second, whatever its chores do, and comes to the
// archive by the first as soon as that one can.
func TestTwoHubsOnOneDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("runs two hubs")
	}
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "first"), Database: pgtest.URL(t), Archive: filepath.Join(dir, "archive")}
	idle := opened(t, cfg, log) // its chores do not run yet
	kiosk := enrolled(t, idle)
	sent := kiosk.Send(time.Now(), message(t, idle, func(n int) []byte { return bytes.Repeat([]byte{3}, n) })).Arrive(idle.spool, time.Now())

	cfg.Data = beside(t, cfg.Data)
	second, _, stop := insideOf(t, cfg, log)
	if strings.Count(string(log.bytes()), "AGE-SECRET-KEY-PQ-1") != 1 {
		t.Error("a second recovery key was made")
	}
	ran := func(name string) bool {
		all, err := second.done.Status(t.Context())
		return err == nil && slices.ContainsFunc(all, func(s chores.Status) bool { return s.Name == name && s.Runs > 0 })
	}
	eventually(t, "the second hub's chores ran", func() bool { return ran("deletions-late") && ran(second.own("receipts")) && ran("revocations") })
	stored := func(when, holder string) {
		t.Helper()
		for _, p := range sent.Parts {
			if b, err := second.ledger.Blob(t.Context(), p.Hash); err != nil || b.Stored == 0 || b.Archived != 0 || b.Holder != holder {
				t.Errorf("%s: %+v, %v", when, b, err)
			}
		}
	}
	stored("while the second hub serves", idle.place.ID)
	if there, err := second.elsewhere()(t.Context(), idle.place.ID); err != nil || !there {
		t.Errorf("the first hub lives: %t, %v", there, err)
	}
	if there, err := second.elsewhere()(t.Context(), second.place.ID); err != nil || there {
		t.Errorf("a hub is its own neighbour: %t, %v", there, err)
	}
	if err := second.letters.Shelve(t.Context(), time.Now, nil); err != nil {
		t.Errorf("the second hub archives its own: %v", err)
	}
	stored("after the second hub archived its own", idle.place.ID)
	stop()

	if err := idle.letters.Shelve(t.Context(), time.Now, nil); err != nil {
		t.Errorf("the first hub archives its own: %v", err)
	}
	if totals, err := idle.ledger.BlobTotals(t.Context()); err != nil || totals.Archived != len(sent.Parts) || totals.Missing != 0 {
		t.Errorf("totals = %+v, %v", totals, err)
	}
	if there, err := idle.elsewhere()(t.Context(), second.place.ID); err != nil || there {
		t.Errorf("the second hub stopped, and lives: %t, %v", there, err)
	}
}

// opened is a hub that does nothing by itself.
func opened(t *testing.T, cfg Config, log *lines) *hub {
	t.Helper()
	h := quietHub(t, cfg, log)
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// What only the hub's own disk had is missed by nobody but that hub, and taken
// up again by it, whatever became of its name.
func TestSpoolIsClaimed(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "first"), Database: pgtest.URL(t)}
	h := opened(t, cfg, log)
	kiosk := enrolled(t, h)
	sent := kiosk.Send(time.Now(), message(t, h, func(n int) []byte { return bytes.Repeat([]byte{3}, n) })).Arrive(h.spool, time.Now())
	h.close()
	if err := os.Remove(filepath.Join(cfg.Data, hubFile)); err != nil {
		t.Fatal(err)
	}
	again := opened(t, cfg, log)
	gone := sent.Parts[0]
	if err := again.spool.Remove(gone.Ref); err != nil {
		t.Fatal(err)
	}
	if err := again.claimSpool(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range sent.Parts {
		b, err := again.ledger.Blob(t.Context(), p.Hash)
		if err != nil || p.Hash != gone.Hash && (b.Holder != again.place.ID || b.Stored == 0) {
			t.Errorf("claimed: %+v, %v", b, err)
		}
		if p.Hash == gone.Hash && b.Holder == again.place.ID {
			t.Errorf("what is not here is claimed: %+v", b)
		}
	}
	if err := again.spool.Remove(sent.Parts[1].Ref); err != nil {
		t.Fatal(err)
	}
	if err := again.claimSpool(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := again.ledger.Blob(t.Context(), sent.Parts[1].Hash); err != nil || b.Stored != 0 {
		t.Errorf("its own, and gone: %+v, %v", b, err)
	}
}

// A data folder that was copied whole gets a name of its own; one whose process
// was killed keeps its name.
func TestNamesOfHubs(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "first"), Database: pgtest.URL(t)}
	h := opened(t, cfg, log)
	id := h.place.ID
	copied := filepath.Join(dir, "copied")
	if err := os.CopyFS(copied, os.DirFS(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	other := cfg
	other.Data = copied
	if got := opened(t, other, log).place.ID; got == id {
		t.Error("the copy goes by the same name")
	}
	h.close() // as if killed: nobody said goodbye
	if got := opened(t, cfg, log).place.ID; got != id {
		t.Errorf("after a kill it is %q, was %q", got, id)
	}
}

// A hub with keys of its own does not serve from another's database, nor does
// one whose keys were lost make new ones.
func TestHubWithOtherKeysIsRefused(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "first"), Database: pgtest.URL(t)}
	opened(t, cfg, log).close()
	cfg.Data = filepath.Join(dir, "stranger")
	h := quietHub(t, cfg, log)
	err := h.open(t.Context())
	h.close()
	if err == nil || !strings.Contains(err.Error(), "put the folder authority and the file recovery.pub") {
		t.Errorf("a hub with other keys: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, "authority")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left keys behind: %v", err)
	}
}
