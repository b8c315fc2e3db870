package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nghe/hub/archive"
	"nghe/shared/blob"
)

// Run is what every archive must do. open gives an empty store, or one that
// holds nothing under the names the suite uses: "suite/NAME/…".
func Run(t *testing.T, open func(t *testing.T) archive.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s archive.Store)
	}{
		{"keeps", keeps},
		{"sizes", sizes},
		{"names-once", namesOnce},
		{"refuses-damaged", refusesDamaged},
		{"misses", misses},
		{"deletes", deletes},
		{"lists", lists},
		{"list-stops", listStops},
		{"many", many},
		{"race", race},
		{"bad-keys", badKeys},
		{"cancelled", cancelled},
		{"offset", offset},
		{"verified", verified},
		{"replaces", replaces},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Some is n bytes that are the same for one seed.
func Some(n int, seed uint64) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(n)})
	b := make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}

func put(t *testing.T, s archive.Store, key string, b []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, blob.Of(b), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s archive.Store, key string, b []byte) {
	t.Helper()
	body, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("get %s: %d bytes, %v; want the %d put", key, len(got), err, len(b))
	}
}

func wantMissing(t *testing.T, s archive.Store, key string) {
	t.Helper()
	body, err := s.Get(t.Context(), key)
	if err == nil {
		body.Close()
	}
	if !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("get %s: %v, want %v", key, err, archive.ErrNotFound)
	}
}

func keeps(t *testing.T, s archive.Store) {
	b := Some(100_000, 1)
	key := archive.BlobKey(blob.Of(b).Hash)
	put(t, s, key, b)
	want(t, s, key, b)
	want(t, s, key, b) // reading removes nothing
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

func sizes(t *testing.T, s archive.Store) {
	for _, n := range []int{0, 1, blob.ChunkSize - 1, blob.ChunkSize, blob.ChunkSize + 1, 3<<20 + 7} {
		key := fmt.Sprintf("suite/sizes/%d", n)
		put(t, s, key, Some(n, 2))
		want(t, s, key, Some(n, 2))
	}
}

func namesOnce(t *testing.T, s archive.Store) {
	const key = "suite/once/a"
	first, other, longer := Some(1000, 3), Some(1000, 4), Some(1001, 3)
	put(t, s, key, first)
	put(t, s, key, first)
	for _, b := range [][]byte{other, longer, nil} {
		if err := s.Put(t.Context(), key, blob.Of(b), bytes.NewReader(b)); !errors.Is(err, archive.ErrExists) {
			t.Errorf("other %d bytes under the same key: %v, want %v", len(b), err, archive.ErrExists)
		}
	}
	want(t, s, key, first)
}

func refusesDamaged(t *testing.T, s archive.Store) {
	const key = "suite/damaged/a"
	b := Some(70_000, 5)
	for _, bad := range [][]byte{b[:len(b)-1], append(bytes.Clone(b), 0), Some(70_000, 6), nil} {
		if err := s.Put(t.Context(), key, blob.Of(b), bytes.NewReader(bad)); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("%d wrong bytes: %v, want %v", len(bad), err, blob.ErrDamaged)
		}
		wantMissing(t, s, key)
	}
	put(t, s, key, b)
}

func misses(t *testing.T, s archive.Store) {
	put(t, s, "suite/misses/b", Some(10, 7))
	for _, key := range []string{"suite/misses/a", "suite/misses/bb", "suite/none/at/all"} {
		wantMissing(t, s, key)
	}
}

func deletes(t *testing.T, s archive.Store) {
	const key, neighbour = "suite/deletes/a", "suite/deletes/a1"
	put(t, s, key, Some(10, 8))
	put(t, s, neighbour, Some(10, 9))
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, s, key)
	}
	want(t, s, neighbour, Some(10, 9))
	put(t, s, key, Some(10, 10)) // the name is free for other bytes
	want(t, s, key, Some(10, 10))
}

func list(t *testing.T, s archive.Store, prefix string) (keys []string) {
	t.Helper()
	err := s.List(t.Context(), prefix, func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func lists(t *testing.T, s archive.Store) {
	all := []string{"suite/lists/a-b", "suite/lists/a.b", "suite/lists/a/1", "suite/lists/a/10", "suite/lists/a/2", "suite/lists/a0", "suite/lists/b/c/d"}
	for _, key := range []int{3, 0, 6, 2, 5, 1, 4} {
		put(t, s, all[key], Some(5, uint64(key)))
	}
	for prefix, want := range map[string][]string{
		"suite/lists/":     all,
		"suite/lists/a":    all[:6],
		"suite/lists/a/":   all[2:5],
		"suite/lists/a/1":  all[2:4],
		"suite/lists/b":    all[6:],
		"suite/lists/none": nil,
	} {
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q = %q, want %q", prefix, got, want)
		}
	}
	if got := list(t, s, ""); !slices.IsSorted(got) || len(got) < len(all) {
		t.Errorf("list of all = %q", got)
	}
}

func listStops(t *testing.T, s archive.Store) {
	for i := range 3 {
		put(t, s, fmt.Sprintf("suite/stops/%d", i), Some(5, 11))
	}
	stop, calls := errors.New("enough"), 0
	err := s.List(t.Context(), "suite/stops/", func(string) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("list = %v after %d calls, want %v after 1", err, calls, stop)
	}
}

// many is more than one page of S3, deleted while it is listed.
func many(t *testing.T, s archive.Store) {
	const n = 1003
	if testing.Short() {
		t.Skip("a thousand puts")
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				b := Some(3, uint64(i))
				if err := s.Put(t.Context(), fmt.Sprintf("suite/many/%02d/%04d", i%7, i), blob.Of(b), bytes.NewReader(b)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := list(t, s, "suite/many/"); len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d keys listed, want %d in order", len(got), n)
	}
	seen := 0
	err := s.List(t.Context(), "suite/many/", func(key string) error {
		seen++
		if seen%20 == 0 {
			return s.Delete(t.Context(), key)
		}
		return nil
	})
	if err != nil || seen != n {
		t.Errorf("%d keys seen while deleting some, %v; want %d", seen, err, n)
	}
	if got := list(t, s, "suite/many/"); len(got) != n-n/20 {
		t.Errorf("%d keys left, want %d", len(got), n-n/20)
	}
}

// race lets eight put other bytes under one name at once: one wins, whole.
func race(t *testing.T, s archive.Store) {
	for round := range 3 {
		key := fmt.Sprintf("suite/race/%d", round)
		var wg sync.WaitGroup
		var winner atomic.Int64
		var won atomic.Int64
		for i := range 8 {
			wg.Go(func() {
				b := Some(20_000, uint64(i))
				switch err := s.Put(t.Context(), key, blob.Of(b), bytes.NewReader(b)); {
				case err == nil:
					won.Add(1)
					winner.Store(int64(i))
				case !errors.Is(err, archive.ErrExists):
					t.Logf("put %d: %v", i, err) // a store may ask to try again
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 8 won a name", won.Load())
		}
		want(t, s, key, Some(20_000, uint64(winner.Load())))
	}
}

func badKeys(t *testing.T, s archive.Store) {
	for _, key := range []string{"", "/", "a/", "/a", "a//b", "../a", "a/../b", "a/./b", ".hidden/a", "a/.b", "a b", "a\x00b", "a\nb", "á", "a?b", `a\b`, strings.Repeat("a/", 400) + "a"} {
		b := []byte("x")
		if err := s.Put(t.Context(), key, blob.Of(b), bytes.NewReader(b)); err == nil {
			t.Errorf("put %q: it was taken", key)
		}
		if body, err := s.Get(t.Context(), key); err == nil {
			body.Close()
			t.Errorf("get %q: it was taken", key)
		}
		if err := s.Delete(t.Context(), key); err == nil {
			t.Errorf("delete %q: it was taken", key)
		}
	}
}

func cancelled(t *testing.T, s archive.Store) {
	put(t, s, "suite/cancelled/a", Some(10, 12))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := Some(10, 13)
	if err := s.Put(ctx, "suite/cancelled/b", blob.Of(b), bytes.NewReader(b)); !errors.Is(err, context.Canceled) {
		t.Errorf("put = %v", err)
	}
	if _, err := s.Get(ctx, "suite/cancelled/a"); !errors.Is(err, context.Canceled) {
		t.Errorf("get = %v", err)
	}
	if err := s.Delete(ctx, "suite/cancelled/a"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete = %v", err)
	}
	if err := s.List(ctx, "suite/cancelled/", func(string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("list = %v", err)
	}
	wantMissing(t, s, "suite/cancelled/b")
	want(t, s, "suite/cancelled/a", Some(10, 12))
}

// offset puts a body that was read before.
func offset(t *testing.T, s archive.Store) {
	b := Some(50_000, 14)
	body := bytes.NewReader(b)
	if _, err := body.Seek(40_000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "suite/offset/a", blob.Of(b), body); err != nil {
		t.Fatal(err)
	}
	want(t, s, "suite/offset/a", b)
	// A reader that can only read and seek, and is nobody's to close.
	if err := s.Put(t.Context(), "suite/offset/b", blob.Of(b), struct{ io.ReadSeeker }{bytes.NewReader(b)}); err != nil {
		t.Fatal(err)
	}
	want(t, s, "suite/offset/b", b)
}

func verified(t *testing.T, s archive.Store) {
	b := Some(1000, 15)
	put(t, archive.Verified(s), "suite/verified/a", b)
	if err := archive.Check(t.Context(), s, "suite/verified/a", blob.Of(Some(1000, 16))); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("check against other bytes = %v", err)
	}
	if err := archive.Check(t.Context(), s, "suite/verified/none", blob.Of(b)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("check of nothing = %v", err)
	}
}

func replaces(t *testing.T, s archive.Store) {
	good, damaged := Some(1000, 17), Some(1000, 18)
	put(t, s, "suite/replaces/a", damaged)
	for _, key := range []string{"suite/replaces/a", "suite/replaces/none"} {
		for range 2 {
			if err := archive.Replace(t.Context(), s, key, blob.Of(good), bytes.NewReader(good)); err != nil {
				t.Fatal(err)
			}
			want(t, s, key, good)
		}
	}
}
