package media

import (
	"fmt"
	"testing"

	"nghe/shared/blob"
)

// many is what a kiosk holds whose hub archives nothing for years.
const many = 10_000

// BenchmarkManyBlobs is what a full spool costs: to open it, to find the blob to
// send next, and to have all sent again after the hub was restored.
func BenchmarkManyBlobs(b *testing.B) {
	cfg := config(b.TempDir(), newClock())
	s := mustOpen(b, cfg)
	var all []blob.Hash
	for i := range many {
		h := mustPut(b, s, fmt.Appendf(nil, "sealed %d", i)).Hash
		ok(b, s.Stored(h))
		all = append(all, h)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			mustOpen(b, cfg)
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, here := s.First(Stored, func(h blob.Hash) bool { return h[0] < 0xf0 }); !here {
				b.Fatal("none")
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			ok(b, s.Again(all...))
			b.StopTimer()
			for _, h := range all {
				ok(b, s.Stored(h))
			}
			b.StartTimer()
		}
	})
}
