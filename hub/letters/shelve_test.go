package letters

import (
	"errors"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/letters/letterstest"
	"nghe/shared/blob"
)

func (d *desk) shelve(store archive.Store) (told []blob.Hash, err error) {
	secret, _ := identity()
	l := New(Config{Ledger: d.ledger, Spool: d.spool, Store: store, Secret: secret})
	err = l.Shelve(d.t.Context(), func() time.Time { return noon }, func(device string, ref blob.Ref) {
		if device != "a" {
			d.t.Errorf("told %q", device)
		}
		told = append(told, ref.Hash)
	})
	return told, err
}

// at says where a part is: spool, archive, and whether the ledger says archived.
func (d *desk) at(p letterstest.Part) (where string) {
	d.t.Helper()
	if _, whole, err := d.spool.Offset(p.Ref); err == nil && whole {
		where += "spool "
	}
	if archive.Check(d.t.Context(), d.store, archive.BlobKey(p.Hash), p.Ref) == nil {
		where += "archive "
	}
	b, err := d.ledger.Blob(d.t.Context(), p.Hash)
	if err != nil {
		d.t.Fatal(err)
	}
	if b.Archived > 0 {
		where += "ledger"
	}
	return strings.TrimSpace(where)
}

func TestShelve(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	any := func(want bool) {
		t.Helper()
		if is, err := d.AnyUnshelved(t.Context()); err != nil || is != want {
			t.Errorf("AnyUnshelved = %v, %v, want %v", is, err, want)
		}
	}
	any(true)
	told, err := d.shelve(d.store)
	if err != nil || len(told) != 3 {
		t.Errorf("told of %d, %v", len(told), err)
	}
	for _, p := range s.Parts {
		if at := d.at(p); at != "archive ledger" {
			t.Errorf("part %d is in %q", p.Kind, at)
		}
	}
	any(false)
}

// However the store fails, a blob leaves the spool only when it was read back
// from the archive.
func TestShelveThroughFaults(t *testing.T) {
	for _, fault := range archivetest.Faults {
		for _, op := range []string{"put", "get"} {
			t.Run(fault.String()+" "+op, func(t *testing.T) {
				d := newDesk(t)
				s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
				store, failures := &archivetest.Failing{}, 3
				store.Fail(func(what, _ string) archivetest.Fault {
					if what != op || failures == 0 {
						return archivetest.None
					}
					failures--
					return fault
				})
				for range 10 {
					told, err := d.shelve(store)
					for _, h := range told {
						if archive.Check(t.Context(), &store.Memory, archive.BlobKey(h), d.ref(h)) != nil {
							t.Fatalf("a kiosk was told of blob %s, which is not there (%v)", h, err)
						}
					}
				}
				for _, p := range s.Parts {
					b, err := d.ledger.Blob(t.Context(), p.Hash)
					if err != nil || b.Archived == 0 {
						t.Errorf("part %d was never archived: %+v, %v", p.Kind, b, err)
					}
				}
			})
		}
	}
}

func (d *desk) ref(h blob.Hash) blob.Ref {
	b, err := d.ledger.Blob(d.t.Context(), h)
	if err != nil {
		d.t.Fatal(err)
	}
	return b.Ref
}

// Deleted while it was on its way: it does not stay in the archive.
func TestShelveOfDeleted(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	b, err := d.ledger.Blob(t.Context(), s.Parts[0].Hash)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ledger.BlobDeleted(t.Context(), b.Hash, noon); err != nil {
		t.Fatal(err)
	}
	if err := d.Letters.shelve(t.Context(), b, noon); err != nil { // as read before the deletion
		t.Fatal(err)
	}
	if at := d.at(s.Parts[0]); at != "" {
		t.Errorf("it is in %q", at)
	}
}

// One that is nowhere keeps no other waiting, and its kiosk is asked again; one
// that a crash left half way is recorded.
func TestShelveOfAbsent(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	lost, crashed := s.Parts[0], s.Parts[1]
	d.archive(crashed)
	if err := errors.Join(d.ledger.BlobLost(t.Context(), crashed.Hash), d.ledger.BlobStored(t.Context(), crashed.Hash, noon), d.spool.Remove(lost.Ref)); err != nil {
		t.Fatal(err)
	}
	told, err := d.shelve(d.store)
	if !errors.Is(err, errLeft) || len(told) != 2 {
		t.Errorf("told of %d, %v", len(told), err)
	}
	if b, err := d.ledger.Blob(t.Context(), lost.Hash); err != nil || b.Here() {
		t.Errorf("the lost one is taken for here: %+v, %v", b, err)
	}
	if at := d.at(crashed); at != "archive ledger" {
		t.Errorf("the crashed one is in %q", at)
	}
	if told, err := d.shelve(d.store); err != nil || len(told) != 0 {
		t.Errorf("again: told of %d, %v", len(told), err)
	}
}
