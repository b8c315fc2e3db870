package ledger

import (
	"testing"
)

// Of several hubs on one database each answers for what is on its own disk: no
// other archives it, and none declares it lost.
func TestBlobsBelongToAHubsDisk(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.rest(0))
		neighbour := func(name string) *Ledger {
			l, err := Open(t.Context(), Config{DB: h.db, Hub: name, Now: h.Ledger.now})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		a, b, words := neighbour("a"), neighbour("b"), hashOf("words")
		waits := func(when string, l *Ledger, want int) {
			t.Helper()
			if some, err := l.UnarchivedBlobs(t.Context(), 10); err != nil || len(some) != want {
				t.Errorf("%s: %d blobs wait, %v, want %d", when, len(some), err, want)
			}
		}
		held := func(when, by string) {
			t.Helper()
			if is := h.blob("words"); is.Holder != by || (is.Stored > 0) != (by != "") {
				t.Errorf("%s: stored %d, held by %q, want %q", when, is.Stored, is.Holder, by)
			}
		}
		h.ok(a.BlobStored(t.Context(), words, noon))
		held("stored", "a")
		waits("a's own", a, 1)
		waits("b's", b, 0)
		waits("whoever looks", h.Ledger, 1)
		h.ok(b.BlobLost(t.Context(), words))
		held("after a neighbour missed it", "a")
		h.ok(b.BlobStored(t.Context(), words, noon.Add(second)))
		held("after the neighbour got it", "b")
		waits("a's", a, 0)
		h.ok(a.BlobLost(t.Context(), words))
		held("after the first lost its disk", "b")
		h.ok(b.BlobLost(t.Context(), words))
		held("after its holder lost it", "")
		h.ok(a.BlobStored(t.Context(), words, noon))
		h.ok(a.BlobArchived(t.Context(), words, noon))
		h.ok(b.BlobStored(t.Context(), words, noon))
		held("archived", "a")
		h.same()
	})
}
