package ledger

import (
	"testing"

	"nghe/shared/blob"
)

// What the archive lost is incomplete and asked for until it is here again, and
// the hub's own log says so once.
func TestLostInTheArchive(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.append(letters(t).rest(0))
		words, photo, ctx := hashOf("words"), hashOf("photo"), t.Context()
		missed := func(hash blob.Hash, want bool) {
			t.Helper()
			if news, err := h.BlobMissed(ctx, hash, noon, "not in the archive"); err != nil || news != want {
				t.Errorf("BlobMissed = %v, %v, want %v", news, err, want)
			}
		}
		missed(words, false) // it never was there
		h.ok(h.BlobArchived(ctx, words, noon))
		h.ok(h.BlobArchived(ctx, photo, noon))
		missed(words, true)
		missed(words, false)
		missed(photo, true)
		h.ok(h.BlobDeleted(ctx, photo, noon)) // nobody asks for it any more
		missed(photo, false)
		lost := func(device string, n int) {
			t.Helper()
			if refs, err := h.LostBlobs(ctx, device); err != nil || len(refs) != n || n > 0 && refs[0] != h.blob("words").Ref {
				t.Errorf("lost of %s: %v, %v, want %d", device, refs, err, n)
			}
		}
		lost("a", 1)
		lost("b", 0)
		if b := h.blob("words"); b.Here() || b.Archived > 0 {
			t.Errorf("a lost blob is taken for here: %+v", b)
		}
		totals, err := h.BlobTotals(ctx)
		if err != nil || totals.Lost != 1 || totals.LostSince != micros(noon) {
			t.Errorf("totals = %+v, %v", totals, err)
		}
		h.ok(h.BlobStored(ctx, words, noon))
		lost("a", 0)
		h.ok(h.BlobArchived(ctx, words, noon))
		if log := h.events(EventLost); len(log) != 2 {
			t.Errorf("the hub's log says %v, want 2 lines", log)
		}
		all := 0
		for b, err := range h.ShelvedBlobs(ctx) {
			h.ok(err)
			if all++; b.Hash == words && (b.Archived == 0 || b.Lost != 0) || b.Hash == photo && b.Deleted == 0 {
				t.Errorf("shelved: %+v", b)
			}
		}
		if all != 4 {
			t.Errorf("%d blobs, want 4", all)
		}
		h.same()
	})
}

func TestSafeJournalsAndTheirRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k, none := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		h.append(none.rest(0))
		h.append(k.rest(0))
		for n := range 4 {
			from := k.head().Seq
			k.rate(int64(n+2)*second, 3)
			h.append(k.rest(from))
		}
		ends := h.runs(3)[0]
		if ends.Journal != k.journal {
			ends = h.runs(3)[1]
		}
		h.archived(k.journal, ends.Base, ends.End)
		var all []SafeJournal
		for s, err := range h.SafeJournals(t.Context()) {
			h.ok(err)
			all = append(all, s)
		}
		if len(all) != 1 || all[0].Journal != k.journal || len(all[0].Points) != 4 || all[0].Points[0] != k.base || all[0].Points[3] != ends.End {
			t.Fatalf("safe: %+v, want %s from %v up to %v", all, k.journal, k.base, ends.End)
		}
		points := all[0].Points
		r, err := h.SafeRun(t.Context(), all[0], points[1], points[2], 9)
		if err != nil || r.Base != points[1] || r.End != points[2] || len(r.Segments) != 1 || r.Parent != k.base || r.Device != "a" {
			t.Errorf("run = %+v, %v", r, err)
		}
	})
}
