package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// letterbox is what a kiosk brings after n messages, each of words and a voice.
func letterbox(b testing.TB, n, batch int) (all []Delivery, names []blob.Hash) {
	k := newKiosk(b, "a", "qt-01")
	k.measure(0, noon.Add(-24*time.Hour), 100_000)
	for i := range n {
		words, voice := fmt.Sprintf("words %d", i), fmt.Sprintf("voice %d", i)
		k.add(message(int64(i+1)*second, "phan-anh", "sanitation", fmt.Sprintf("tag-%012d", i),
			attached(feedback.AttachedWords, feedback.ReaderCases, words), attached(feedback.AttachedVoice, feedback.ReaderCases, voice)))
		names = append(names, hashOf(words), hashOf(voice))
	}
	for at := uint64(0); at < k.head().Seq; at += uint64(batch) {
		all = append(all, k.delivery(at, min(at+uint64(batch), k.head().Seq)))
	}
	return all, names
}

const (
	lettersHeld   = 20_000
	lettersCommit = 100
)

// BenchmarkAppendMessages takes messages in and projects them, each commit on
// disk before the next.
func BenchmarkAppendMessages(b *testing.B) {
	brought, _ := letterbox(b, lettersHeld, lettersCommit)
	h := openHub(b, "sqlite:"+filepath.Join(b.TempDir(), "hub.db"))
	at := 0
	for b.Loop() {
		if at == len(brought) {
			b.StopTimer()
			h = openHub(b, "sqlite:"+filepath.Join(b.TempDir(), "hub.db"))
			at = 0
			b.StartTimer()
		}
		h.append(brought[at])
		at++
	}
	b.ReportMetric(float64(b.N)*lettersCommit/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkBlobs asks what the intake, the archiver and the console ask, of a
// hub that holds 40,000 blobs, half of them archived.
func BenchmarkBlobs(b *testing.B) {
	ctx := context.Background()
	brought, names := letterbox(b, lettersHeld, 1000)
	h := openHub(b, "sqlite:"+filepath.Join(b.TempDir(), "hub.db"))
	h.append(brought...)
	h.must("UPDATE blobs SET stored_at = 1 WHERE substr(hash, 1, 1) < x'c0'")
	h.must("UPDATE blobs SET archived_at = 1 WHERE substr(hash, 1, 1) < x'80'")
	at := 0
	next := func() blob.Hash { at = (at + 7919) % len(names); return names[at] }
	for what, do := range map[string]func() error{
		"find":         func() error { _, err := h.Blob(ctx, next()); return err },
		"mark":         func() error { return h.BlobArchived(ctx, next(), noon) },
		"unarchived":   func() error { _, err := h.UnarchivedBlobs(ctx, 100); return err },
		"totals":       func() error { _, err := h.BlobTotals(ctx); return err },
		"newest page":  func() error { _, err := h.Messages(ctx, MessageFilter{}); return err },
		"incomplete":   func() error { _, err := h.Messages(ctx, MessageFilter{State: MessageIncomplete}); return err },
		"under a code": func() error { _, err := h.MessagesOf(ctx, []byte("tag-000000000777")); return err },
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
