package backup

import (
	"errors"
	"testing"

	"nghe/hub/archive/archivetest"
)

func all([]byte) bool  { return true }
func none([]byte) bool { return false }

// holes are what the archive lacks of what kiosks were told is safe.
func (w *world) holes(reread func([]byte) bool) (found []Hole) {
	w.t.Helper()
	must(w.t, w.segments.Compare(w.t.Context(), reread, func(h Hole) error {
		found = append(found, h)
		return nil
	}))
	return found
}

func (w *world) mended(want int, reread func([]byte) bool) {
	w.t.Helper()
	if n, err := w.segments.Recheck(w.t.Context(), reread); err != nil || n != want {
		w.t.Errorf("mended %d, %v, want %d", n, err, want)
	}
}

// threeObjects is a journal whose records stand in three objects.
func (w *world) threeObjects() (*kiosk, []string) {
	k := w.admit("qt-01")
	k.tap(5)
	for n := 0; n < 6; n += 2 {
		k.deliver(w.hub, n, n+2)
		must(w.t, w.segments.Archive(w.t.Context()))
	}
	keys := w.keys("segments/")
	if len(keys) != 3 {
		w.t.Fatalf("objects: %v", keys)
	}
	return k, keys
}

// Somebody takes objects away, or spoils them: they are put again from the
// ledger, and a hub that loses its disk afterwards loses nothing.
func TestSegmentsThatTheArchiveLostArePutAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, keys := w.threeObjects()
		w.mended(0, all)
		must(t, w.store.Delete(t.Context(), keys[1]))
		if h := w.holes(none); len(h) != 1 || h[0].Base.Seq != 2 || h[0].End.Seq != 4 {
			t.Errorf("holes: %v", h)
		}
		w.mended(1, none)
		w.mended(0, all)
		w.store.Overwrite(keys[0], w.object(keys[0])[:100])
		w.store.Overwrite(keys[1], w.object(keys[2])) // good bytes of another's
		w.mended(0, none)                             // not their turn
		if h := w.holes(all); len(h) != 1 || h[0].Base.Seq != 0 || h[0].End.Seq != 4 {
			t.Errorf("holes: %v", h)
		}
		w.mended(1, all)
		w.mended(0, all)
		for _, key := range w.keys("segments/") {
			if why, err := w.segments.damaged(t.Context(), key); err != nil || why != "" {
				t.Errorf("%s is left behind %s, %v", key, why, err)
			}
		}
	})
}

// A journal that cannot be mended is told, every time, and stops no other.
func TestHoleThatCannotBeMended(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, keys := w.threeObjects()
		other := w.admit("qt-02")
		other.tap(2)
		other.deliver(w.hub, 0, 3)
		must(t, w.segments.Archive(t.Context()))
		must(t, w.store.Delete(t.Context(), keys[0]))
		for _, key := range w.keys("segments/" + other.journal.String()) {
			must(t, w.store.Delete(t.Context(), key))
		}
		w.store.Fail(func(op, key string) archivetest.Fault {
			if op == "put" && key == keys[0] {
				return archivetest.Refused
			}
			return archivetest.None
		})
		for _, want := range []int{1, 0} {
			if n, err := w.segments.Recheck(t.Context(), all); n != want || !errors.Is(err, archivetest.ErrFault) {
				t.Errorf("mended %d, %v, want %d and the fault", n, err, want)
			}
		}
		w.store.Fail(nil)
		w.mended(1, all)
	})
}

// An object of another branch covers nothing of this one.
func TestObjectOfAnotherChainCoversNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		k, keys := w.threeObjects()
		for j, err := range w.ledger.SafeJournals(t.Context()) {
			must(t, err)
			if from, to, ok := covers(j, keys[1]); !ok || from != 1 || to != 2 {
				t.Errorf("covers %d to %d, %v", from, to, ok)
			}
			alien := keys[1][:len(keys[1])-64] + k.points[1].Chain.String()
			if _, _, ok := covers(j, alien); ok {
				t.Errorf("%s covers something", alien)
			}
			for _, key := range []string{"segments/x/y", "segments/x/1-2", "segments/x/a-b-c"} {
				if _, _, ok := covers(j, key); ok {
					t.Errorf("%s covers something", key)
				}
			}
		}
	})
}
