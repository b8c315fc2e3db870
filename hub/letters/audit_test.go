package letters

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/blob"
)

const day = 24 * time.Hour

// asked has the desk note which blobs kiosks are asked for.
func (d *desk) asked() *[]blob.Hash {
	all := &[]blob.Hash{}
	d.cfg.Ask = func(device string, ref blob.Ref) {
		if device != "a" {
			d.t.Errorf("asked %q", device)
		}
		*all = append(*all, ref.Hash)
	}
	return all
}

func (d *desk) state(id letterstest.Sent) ledger.MessageState {
	d.t.Helper()
	m, err := d.ledger.Message(d.t.Context(), id.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return m.State()
}

func (d *desk) audit(last, now time.Time, want Audited) {
	d.t.Helper()
	got, err := d.Audit(d.t.Context(), last, now)
	if got.Reread = 0; err != nil || got != want {
		d.t.Errorf("audit = %+v, %v, want %+v", got, err, want)
	}
}

// shelved is a message whose parts are all archived.
func (d *desk) shelved() letterstest.Sent {
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	for _, p := range s.Parts {
		d.archive(p)
	}
	return s
}

// Somebody deletes and truncates objects of the archive: the next audit sees it,
// the message is incomplete, its kiosk is asked; when the kiosk brings the bytes
// again, all is whole, also where damaged bytes stand in the way.
func TestAuditFindsWhatTheArchiveLost(t *testing.T) {
	d := newDesk(t)
	s, asked := d.shelved(), d.asked()
	d.audit(noon, noon.Add(day), Audited{})
	gone, cut := s.Parts[0], s.Parts[1]
	if err := d.store.Delete(t.Context(), archive.BlobKey(gone.Hash)); err != nil {
		t.Fatal(err)
	}
	d.store.Overwrite(archive.BlobKey(cut.Hash), cut.Sealed[:len(cut.Sealed)/2])
	d.audit(noon, noon.Add(day), Audited{Lost: 2})
	if len(*asked) != 2 || !slices.Contains(*asked, gone.Hash) || !slices.Contains(*asked, cut.Hash) {
		t.Errorf("asked for %v", *asked)
	}
	if is := d.state(s); is != ledger.MessageIncomplete {
		t.Errorf("the message is %s", is)
	}
	d.audit(noon, noon.Add(2*day), Audited{})
	s.Arrive(d.spool, noon, gone.Kind, cut.Kind)
	if _, err := d.shelve(d.store); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Parts {
		if at := d.at(p); at != "archive ledger" {
			t.Errorf("part %d is in %q", p.Kind, at)
		}
	}
	if totals, err := d.ledger.BlobTotals(t.Context()); err != nil || totals.Lost != 0 || d.state(s) != ledger.MessageWhole {
		t.Errorf("totals = %+v, %v; the message is %s", totals, err, d.state(s))
	}
}

// What is still in the spool is put again at once, and nobody is asked.
func TestAuditMendsFromTheSpool(t *testing.T) {
	d := newDesk(t)
	s, asked := d.shelved(), d.asked()
	s.Arrive(d.spool, noon)
	d.store.Overwrite(archive.BlobKey(s.Parts[0].Hash), []byte("rubbish"))
	if err := d.store.Delete(t.Context(), archive.BlobKey(s.Parts[1].Hash)); err != nil {
		t.Fatal(err)
	}
	d.audit(noon, noon.Add(day), Audited{Mended: 2})
	for _, p := range s.Parts {
		if err := archive.Check(t.Context(), d.store, archive.BlobKey(p.Hash), p.Ref); err != nil {
			t.Error(err)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("asked for %v", *asked)
	}
}

// A hub that was pointed at another bucket for a day finds its own again. What
// was deleted and came back with an older state of the bucket goes again.
func TestAuditFindsWhatCameBack(t *testing.T) {
	d := newDesk(t)
	s := d.shelved()
	own := d.cfg.Store
	d.cfg.Store = &archivetest.Memory{}
	d.audit(noon, noon.Add(day), Audited{Lost: len(s.Parts)})
	d.cfg.Store = own
	if err := d.ledger.BlobDeleted(t.Context(), s.Parts[0].Hash, noon); err != nil {
		t.Fatal(err)
	}
	d.audit(noon, noon.Add(2*day), Audited{Found: len(s.Parts) - 1})
	if at := d.at(s.Parts[1]); at != "archive ledger" {
		t.Errorf("a part is in %q", at)
	}
	if at := d.at(s.Parts[0]); at != "" {
		t.Errorf("the deleted part is in %q", at)
	}
}

// An archive that does not answer has lost nothing.
func TestAuditOfAnArchiveThatIsAway(t *testing.T) {
	for _, op := range []string{"list", "get"} {
		d := newDesk(t)
		s := d.shelved()
		store := &archivetest.Failing{}
		for _, p := range s.Parts {
			if err := store.Put(t.Context(), archive.BlobKey(p.Hash), p.Ref, bytes.NewReader(p.Sealed)); err != nil {
				t.Fatal(err)
			}
		}
		store.Fail(func(what, _ string) archivetest.Fault {
			if what == op {
				return archivetest.Refused
			}
			return archivetest.None
		})
		d.cfg.Store = store
		if a, err := d.Audit(t.Context(), noon, noon.Add(day)); !errors.Is(err, archivetest.ErrFault) || a.Lost > 0 || d.state(s) != ledger.MessageWhole {
			t.Errorf("%s: audit = %+v, %v; the message is %s", op, a, err, d.state(s))
		}
		// A list that leaves out what is there loses nothing either.
		store.Fail(func(what, _ string) archivetest.Fault {
			if what == "list" {
				return archivetest.Untrue
			}
			return archivetest.None
		})
		d.audit(noon, noon.Add(day), Audited{})
	}
}

// All is read again within RereadDays, whatever days the hub is off, and what
// is fresh every day.
func TestEveryObjectHasItsTurn(t *testing.T) {
	for name, off := range map[string]func(n int) bool{
		"every day": func(int) bool { return false },
		"weekends":  func(n int) bool { return n%7 > 4 },
		"long off":  func(n int) bool { return n > 3 && n < 25 },
	} {
		read, most := map[byte]int{}, 0
		last := noon
		for n := 1; n <= RereadDays; n++ {
			if off(n) {
				continue
			}
			turn, now := Turn(last, noon.Add(time.Duration(n)*day)), 0
			for i := range 256 {
				if turn([]byte{0, byte(i)}) {
					read[byte(i)]++
					now++
				}
			}
			last, most = noon.Add(time.Duration(n)*day), max(most, now)
		}
		if len(read) != 256 {
			t.Errorf("%s: %d of 256 were read", name, len(read))
		}
		if name == "every day" && most > 10 {
			t.Errorf("%d of 256 in one day", most)
		}
	}
	d := newDesk(t)
	s := d.shelved()
	for n := range 6 {
		a, err := d.Audit(t.Context(), noon.Add(time.Duration(n)*day), noon.Add(time.Duration(n+1)*day))
		if err != nil || a.Reread != len(s.Parts) {
			t.Errorf("day %d: audit = %+v, %v; the fresh are read every day", n+1, a, err)
		}
	}
	if a, err := d.Audit(t.Context(), noon.Add(100*day), noon.Add(100*day+time.Second)); err != nil || a.Reread == len(s.Parts) {
		t.Errorf("audit = %+v, %v; the old wait for their turn", a, err)
	}
}

// Opening what the archive lost says so, and notes it at once.
func TestOpeningNotesWhatIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(d *desk, key string) error
		want  error
	}{
		"missing": {func(d *desk, key string) error { return d.store.Delete(context.Background(), key) }, ErrNotHere},
		"damaged": {func(d *desk, key string) error { d.store.Overwrite(key, []byte("half")); return nil }, ErrNotHere},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			s, asked := d.shelved(), d.asked()
			p := s.Parts[0]
			if err := c.spoil(d, archive.BlobKey(p.Hash)); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Open(t.Context(), p.Hash); !errors.Is(err, c.want) {
				t.Errorf("open: %v, want %v", err, c.want)
			}
			if is := d.state(s); is != ledger.MessageIncomplete || len(*asked) != 1 {
				t.Errorf("the message is %s, asked for %v", is, *asked)
			}
		})
	}
}

// A restored hub must not believe its copy: the archive may have suffered too.
func TestSettleLooksForWhatTheCopyKnew(t *testing.T) {
	d := newDesk(t)
	s := d.shelved()
	if err := d.store.Delete(t.Context(), archive.BlobKey(s.Parts[0].Hash)); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Settle(t.Context(), noon); err != nil || got != (Settled{Lost: 1}) || d.state(s) != ledger.MessageIncomplete {
		t.Errorf("settle = %+v, %v; the message is %s", got, err, d.state(s))
	}
}
