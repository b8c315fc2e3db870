package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/hub/archive/archivetest"
	"nghe/shared/ident"
)

func mkdir(parts ...string) error { return os.MkdirAll(filepath.Join(parts...), 0o700) }

func (w *world) keys(prefix string) (all []string) {
	w.t.Helper()
	must(w.t, w.store.List(w.t.Context(), prefix, func(key string) error {
		all = append(all, key)
		return nil
	}))
	return all
}

func (w *world) object(key string) []byte {
	w.t.Helper()
	b, err := fetch(w.t.Context(), &w.store.Memory, key)
	must(w.t, err)
	return b
}

// opened is an object as the hub reads it.
func (w *world) opened(key string) (Object, error) {
	w.t.Helper()
	return KeyOf(w.authority).object(key, w.object(key))
}

// overwrite puts an object of this hub's where another stands.
func (w *world) overwrite(o Object) []byte {
	w.t.Helper()
	b, err := o.Encode()
	must(w.t, err)
	closed := KeyOf(w.authority).close(o.Key(), b)
	w.store.Overwrite(o.Key(), closed)
	return closed
}

func TestSegmentsBecomeObjectsAndSafeMoves(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		a, b := w.admit("qt-01"), w.admit("qt-02")
		a.tap(5)
		b.tap(2)
		a.deliver(w.hub, 0, 3)
		a.deliver(w.hub, 3, 6)
		b.deliver(w.hub, 0, 3)
		if wanted, err := w.segments.Wanted(t.Context()); err != nil || !wanted {
			t.Fatalf("Wanted = %v, %v", wanted, err)
		}
		must(t, w.segments.Archive(t.Context()))
		if w.safe(a) != 6 || w.safe(b) != 3 || len(w.told) != 2 {
			t.Errorf("safe is %d and %d, told of %v; want 6, 3 and both", w.safe(a), w.safe(b), w.told)
		}
		if wanted, err := w.segments.Wanted(t.Context()); err != nil || wanted {
			t.Errorf("Wanted = %v, %v with nothing left", wanted, err)
		}
		keys := w.keys("segments/")
		if len(keys) != 2 {
			t.Fatalf("objects: %v", keys)
		}
		o, err := w.opened("segments/" + a.journal.String() + "/0000000000000000-0000000000000006-" + a.points[6].Chain.String())
		if err != nil || o.Device != a.device || len(o.Segments) != 2 || o.Parent != a.points[0] || string(o.Certificate) != string(w.certificates[a.device]) || o.Segments[0].At != noon.UnixMicro() {
			t.Errorf("object = %+v, %v", o, err)
		}
		must(t, o.Check(nil))
		must(t, w.segments.Archive(t.Context()))
		if again := w.keys("segments/"); len(again) != 2 {
			t.Errorf("a second run put %v", again)
		}
	})
}

// Whatever the store does, safe never says more than what can be read from it
// afterwards; and when it is well again, all becomes safe.
func TestSafeNeverBelievesAFailingStore(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k := w.admit("qt-01")
		k.tap(8)
		for at, fault := range archivetest.Faults {
			for _, op := range []string{"put", "get"} {
				k.tap(1)
				k.deliver(w.hub, int(standing(w, k)), k.head())
				before := w.safe(k)
				w.store.Fail(func(o, key string) archivetest.Fault {
					if o == op {
						return fault
					}
					return archivetest.None
				})
				err := w.segments.Archive(t.Context())
				w.store.Fail(nil)
				if err == nil {
					t.Errorf("%d: a store whose %s is %s: Archive = nil", at, op, fault)
				}
				if got := w.safe(k); got != before {
					t.Errorf("a store whose %s is %s moved safe to %d", op, fault, got)
				}
			}
		}
		must(t, w.segments.Archive(t.Context()))
		if w.safe(k) != uint64(k.head()) {
			t.Errorf("safe = %d, want %d", w.safe(k), k.head())
		}
	})
}

func standing(w *world, k *kiosk) uint64 {
	w.t.Helper()
	journals, err := w.ledger.Journals(w.t.Context())
	must(w.t, err)
	for _, j := range journals {
		if j.Name == k.journal && j.Branch == 0 {
			return j.Received.Seq
		}
	}
	return 0
}

// An object of the same records in other bytes counts; one of nothing is
// replaced.
func TestObjectThatStandsAlready(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k, old := w.admit("qt-01"), w.admit("qt-02")
		for _, k := range []*kiosk{k, old} {
			k.tap(3)
			k.deliver(w.hub, 0, 2)
			k.deliver(w.hub, 2, 4)
		}
		whole := Object{Journal: k.journal, Device: k.device, Certificate: []byte("an older one"), Parent: k.points[0], Base: k.points[0], End: k.points[4]}
		for r, err := range w.ledger.UnarchivedSegments(t.Context(), 9) {
			must(t, err)
			if r.Journal == k.journal {
				whole.Segments = r.Segments
			}
		}
		b := w.overwrite(whole)
		rubbish := whole
		rubbish.Journal, rubbish.End, rubbish.Base = old.journal, old.points[4], old.points[0]
		w.store.Overwrite(rubbish.Key(), []byte("rubbish"))
		must(t, w.segments.Archive(t.Context()))
		if w.safe(k) != 4 || w.safe(old) != 4 {
			t.Errorf("safe = %d, %d; want 4", w.safe(k), w.safe(old))
		}
		if string(w.object(whole.Key())) != string(b) {
			t.Error("a good object was replaced")
		}
		o, err := w.opened(rubbish.Key())
		if err != nil || o.Check(nil) != nil {
			t.Errorf("rubbish stayed: %v", err)
		}
	})
}

func TestOneJournalThatFailsStopsNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		bad, good := w.admit("qt-01"), w.admit("qt-02")
		for _, k := range []*kiosk{bad, good} {
			k.tap(1)
			k.deliver(w.hub, 0, 2)
		}
		w.store.Fail(func(op, key string) archivetest.Fault {
			if strings.Contains(key, bad.journal.String()) {
				return archivetest.Refused
			}
			return archivetest.None
		})
		if err := w.segments.Archive(t.Context()); !errors.Is(err, archivetest.ErrFault) {
			t.Errorf("Archive = %v", err)
		}
		if w.safe(bad) != 0 || w.safe(good) != 2 {
			t.Errorf("safe = %d, %d; want 0 and 2", w.safe(bad), w.safe(good))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.segments.Archive(ctx); err == nil {
			t.Error("Archive after the end = nil")
		}
	})
}

// Who may read a bucket learns nothing of who was at a kiosk when, and who may
// write there changes nothing that is believed.
func TestObjectsAreClosed(t *testing.T) {
	w := newWorld(t, func() string { return "" })
	k := w.admit("qt-01")
	k.tap(20)
	k.deliver(w.hub, 0, 10)
	k.deliver(w.hub, 10, 21)
	must(t, w.segments.Archive(t.Context()))
	key := w.keys("segments/")[0]
	b := w.object(key)
	for _, told := range []string{k.device, "received_us", "qt-01", fmt.Sprint(noon.UnixMicro())} {
		if strings.Contains(string(b), told) {
			t.Errorf("the object tells %q", told)
		}
	}
	for at := range b {
		for _, damaged := range [][]byte{append(append([]byte{}, b[:at]...), b[at+1:]...), flip(b, at), b[:at]} {
			if _, err := KeyOf(w.authority).object(key, damaged); err == nil {
				t.Fatalf("byte %d of %d is missing or changed, and nobody notices", at, len(b))
			}
		}
	}
	if _, err := KeyOf(w.authority).object(strings.Replace(key, "0", "1", 1), b); err == nil {
		t.Error("an object is read under another name")
	}
	elsewhere, err := ident.OpenAuthority(t.TempDir(), noon)
	must(t, err)
	if _, err := KeyOf(elsewhere).object(key, b); err == nil {
		t.Error("another hub reads it")
	}
}

func TestReadObjectRefuses(t *testing.T) {
	for _, text := range []string{"", "{}\n", "null\n", `{"journal":"x"}` + "\n", `{"segments":[{"bytes":-1}]}` + "\n", strings.Repeat("x", maxHead+1) + "\n"} {
		if _, err := ReadObject([]byte(text)); err == nil {
			t.Errorf("ReadObject(%q) = nil", text)
		}
	}
}

func flip(b []byte, at int) []byte {
	c := append([]byte{}, b...)
	c[at] ^= 1
	return c
}
