package uplink

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/vitals"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// crates are the blobs at a hub that takes all, in memory.
type crates struct {
	mu    sync.Mutex
	held  map[blob.Hash][]byte
	state wire.BlobState // when set, the answer to everything
	sizes []int          // of chunks
	deaf  atomic.Bool    // answers no chunk

	none   atomic.Bool // a hub of before there were blobs
	turned atomic.Int64
}

func (c *crates) take(k wire.Chunk) wire.ChunkAck {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[blob.Hash][]byte{}
	}
	a := wire.ChunkAck{Hash: k.Hash, State: c.state}
	if c.state != 0 {
		return a
	}
	if k.Offset == uint64(len(c.held[k.Hash])) {
		c.held[k.Hash] = append(c.held[k.Hash], k.Bytes...)
	}
	if len(k.Bytes) > 0 {
		c.sizes = append(c.sizes, len(k.Bytes))
	}
	a.Offset, a.State = uint64(len(c.held[k.Hash])), wire.BlobPartial
	if a.Offset == k.Size {
		a.State = wire.BlobStored
	}
	return a
}

func (c *crates) says(s wire.BlobState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}

func (c *crates) holds(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Equal(c.held[blob.Of(b).Hash], b)
}

func (c *crates) bytes() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, size := range c.sizes {
		n += size
	}
	return n
}

// withMedia gives a kiosk a real spool.
func withMedia(t *testing.T, at **media.Spool) func(*Config) {
	s, err := media.Open(media.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	*at = s
	return func(c *Config) { c.Media = s }
}

func photo(t *testing.T, s *media.Spool, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b)
	if _, err := s.Put(b, feedback.AttachedPhoto); err != nil {
		t.Fatal(err)
	}
	return b
}

func count(s *media.Spool, state media.State) int { n, _ := s.Count(state); return n }

func TestBlobsFollowTheRecords(t *testing.T) {
	h := newHub(t)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s))
	first, second := photo(t, s, 300_000), photo(t, s, 10)
	held, err := s.Hold([]byte("not yet"), feedback.AttachedWords)
	if err != nil {
		t.Fatal(err)
	}
	k.outbox.answers(3)
	k.start(t)
	await(t, "both stored", func() bool { return count(s, media.Stored) == 2 })
	if !h.crates.holds(first) || !h.crates.holds(second) || h.crates.bytes() != 300_010 {
		t.Errorf("the hub holds others, or was sent %d bytes", h.crates.bytes())
	}
	h.send(h.last(), wire.ChunkAck{Hash: blob.Of(first).Hash, Offset: 300_000, State: wire.BlobArchived})
	await(t, "one archived", func() bool { return count(s, media.Archived) == 1 })
	if e, _ := s.Find(held.Hash); e.State != media.Held {
		t.Errorf("a message that waits was sent: %+v", e)
	}
	if err := s.Release(held.Hash); err != nil {
		t.Fatal(err)
	}
	k.outbox.answers(1)
	await(t, "it goes with its record", func() bool { return count(s, media.Stored) == 2 })
}

// The hub takes its time over a chunk; a tap does not wait for it, and goes
// before the next one.
func TestTapOvertakesAPhoto(t *testing.T) {
	h := newHub(t)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) { c.Timing.Answer = time.Minute })
	photo(t, s, 500_000)
	h.crates.deaf.Store(true)
	k.start(t)
	await(t, "the chunk", func() bool { return h.crates.asked() })
	k.outbox.answers(5)
	await(t, "taps", func() bool { return k.outbox.received() >= 5 })
}

func (c *crates) asked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held != nil
}

func TestHubThatAnswersNoChunkIsGivenUp(t *testing.T) {
	h := newHub(t)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s))
	photo(t, s, 500_000)
	h.crates.deaf.Store(true)
	k.start(t)
	await(t, "silence noticed", k.troubled(vitals.HubSilent))
}

func TestBlobsKeepToTheirShare(t *testing.T) {
	h := newHub(t)
	var s *media.Spool
	const rate = 250_000
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) { c.BlobRate = rate })
	b := photo(t, s, 750_000)
	began := time.Now()
	k.start(t)
	k.outbox.answers(100)
	await(t, "records, not held up", func() bool { return k.outbox.received() >= 100 })
	await(t, "stored", func() bool { return count(s, media.Stored) == 1 })
	fair := time.Duration(len(b)) * time.Second / rate
	took := time.Since(began)
	t.Logf("%d bytes a second, %d allowed", int64(len(b))*int64(time.Second)/int64(took), rate)
	if took < fair-2*wire.MaxChunk*time.Second/rate || took > 2*fair { // it begins with a chunk in hand, and ends unpaid
		t.Errorf("%d bytes in %v, want about %v", len(b), took, fair)
	}
}

// A line that breaks again and again, but carries something each time.
func TestLineThatCarriesIsDialledAgainSoon(t *testing.T) {
	h := newHub(t)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) { c.Timing.First, c.Timing.Most = time.Millisecond, time.Hour })
	b := photo(t, s, 3<<20)
	stop := k.start(t)
	for cuts := 1; !h.crates.holds(b); cuts++ {
		want := min(cuts*(worthwhile+64<<10), len(b))
		await(t, "some more", func() bool { return h.crates.bytes() >= want })
		h.last().Close()
	}
	stop()
	if k.backoff.failures > 8 {
		t.Errorf("%d failures counted", k.backoff.failures)
	}
}

func TestHubWithoutRoomIsRemindedLater(t *testing.T) {
	h := newHub(t)
	h.crates.says(wire.BlobWait)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) { c.Timing.Remind = 100 * time.Millisecond })
	photo(t, s, 1000)
	k.start(t)
	await(t, "session", func() bool { return k.Status().State == Connected })
	k.outbox.answers(3)
	await(t, "records", func() bool { return k.outbox.received() >= 3 })
	h.crates.says(0)
	await(t, "stored", func() bool { return count(s, media.Stored) == 1 })
}

func TestRefusedBlobIsSetAside(t *testing.T) {
	h := newHub(t)
	h.crates.says(wire.BlobRefused)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s))
	photo(t, s, 1000)
	k.start(t)
	await(t, "refused", func() bool { return count(s, media.Refused) == 1 })
	if st := k.Status(); st.Failures != 0 {
		t.Errorf("status = %+v", st)
	}
}

// A hub of before there were blobs gets its records, and one chunk in hours; once
// it is a newer one it gets them all, however short the sessions are.
func TestHubOfBeforeBlobs(t *testing.T) {
	h := newHub(t)
	h.crates.none.Store(true)
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) { c.Timing.Remind = 10 * time.Millisecond })
	b := photo(t, s, 1000)
	began := time.Now()
	k.start(t)
	await(t, "the hub's goodbye", func() bool { return h.crates.turned.Load() > 0 })
	for n := 1; n <= 30; n++ {
		k.outbox.answers(1)
		await(t, "a record", func() bool { return k.outbox.received() >= uint64(n) })
		h.last().Close()
	}
	most := 2 + int64(time.Since(began)/(remindAll*10*time.Millisecond))
	if n := h.crates.turned.Load(); n > most {
		t.Errorf("%d chunks in 30 sessions with a hub that takes none, want at most %d", n, most)
	}
	h.crates.none.Store(false)
	await(t, "stored", func() bool {
		h.last().Close()
		time.Sleep(20 * time.Millisecond)
		return h.crates.holds(b)
	})
}

// A mended hub takes what it once refused; what this disk has spoilt is not sent
// again.
func TestRefusedBlobIsOfferedAgainAtTheNextStart(t *testing.T) {
	h := newHub(t)
	dir := t.TempDir()
	s, err := media.Open(media.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	k := h.kiosk(t, func(c *Config) { c.Media = s })
	stop := k.start(t)
	await(t, "session", func() bool { return k.Status().State == Connected })
	stop()
	sound, spoilt := photo(t, s, 100_000), photo(t, s, 100_000)
	for _, b := range [][]byte{sound, spoilt} {
		if err := s.Refused(blob.Of(b).Hash); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "refused", "*"+blob.Of(spoilt).Hash.String()))
	if err != nil || len(files) != 1 {
		t.Fatalf("the refused blob is not where it was looked for: %v, %v", files, err)
	}
	other := bytes.Clone(spoilt)
	other[99_999] ^= 1
	if err := os.WriteFile(files[0], other, 0o600); err != nil {
		t.Fatal(err)
	}
	k.start(t)
	await(t, "the sound one", func() bool { return count(s, media.Stored) == 1 })
	if !h.crates.holds(sound) || count(s, media.Refused) != 1 || h.crates.bytes() != 100_000 {
		t.Errorf("%d bytes sent, %d still refused", h.crates.bytes(), count(s, media.Refused))
	}
}

func TestBlobThatCannotBeReadEndsNothing(t *testing.T) {
	h := newHub(t)
	dir := t.TempDir()
	s, err := media.Open(media.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	photo(t, s, 1000)
	files, err := filepath.Glob(filepath.Join(dir, "pending", "*"))
	if err != nil || len(files) != 1 || os.Remove(files[0]) != nil {
		t.Fatal("the blob is not where it was looked for")
	}
	good := photo(t, s, 1000)
	k := h.kiosk(t, func(c *Config) { c.Media = s })
	k.start(t)
	await(t, "the other", func() bool { return h.crates.holds(good) })
	k.outbox.answers(3)
	await(t, "records", func() bool { return k.outbox.received() >= 3 })
	if st := k.Status(); st.Failures != 0 || st.State != Connected {
		t.Errorf("status = %+v", st)
	}
}

func TestSpoolSpeaksAsCourierHears(t *testing.T) {
	s, err := media.Open(media.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := blobs{s}
	first, second := blob.Of(photo(t, s, 100)), blob.Of(photo(t, s, 200))
	say := func(h blob.Hash, state wire.BlobState, want media.State) {
		t.Helper()
		if err := b.HubSays(h, state); err != nil {
			t.Error(err)
		}
		if e, _ := s.Find(h); e.State != want {
			t.Errorf("after %d the blob is %s, want %s", state, e.State, want)
		}
	}
	next := func(want blob.Ref, passed ...blob.Hash) {
		t.Helper()
		got, ok, err := b.NextBlob(func(h blob.Hash) bool {
			for _, p := range passed {
				if p == h {
					return true
				}
			}
			return false
		})
		if got != want || ok != (want != blob.Ref{}) || err != nil {
			t.Errorf("next = %v, %t, %v; want %v", got, ok, err, want)
		}
	}
	next(first)
	next(second, first.Hash)
	say(first.Hash, wire.BlobStored, media.Stored)
	next(second)
	next(first, second.Hash)
	say(first.Hash, wire.BlobPartial, media.Pending)
	say(first.Hash, wire.BlobArchived, media.Archived)
	say(second.Hash, wire.BlobStored, media.Stored)
	next(blob.Ref{}, second.Hash)
	say(second.Hash, wire.BlobRefused, media.Refused)
	if err := b.HubForgot(); err != nil || count(s, media.Pending) != 2 {
		t.Errorf("forgot: %v, %d pending", err, count(s, media.Pending))
	}
	say(second.Hash, wire.BlobRefused, media.Refused)
	if err := b.HubSays(first.Hash, wire.BlobWait); err == nil {
		t.Error("a state that is not to be kept was kept")
	}
	if _, err := b.ReadBlob(blob.Hash{9}, 0, 1); !errors.Is(err, media.ErrGone) {
		t.Errorf("reading what is not here: %v", err)
	}
}

func TestPace(t *testing.T) {
	var p pace
	p.begin()
	want := func(what string, size int) {
		t.Helper()
		if got := p.most(); got != size {
			t.Errorf("%s: %d bytes, want %d", what, got, size)
		}
	}
	want("at first", firstChunk)
	p.measured(0, 600*time.Millisecond) // a long way, whatever the width
	p.measured(firstChunk, 610*time.Millisecond)
	want("a wide line", 2*firstChunk)
	p.measured(2*firstChunk, 600*time.Millisecond)
	want("wider", wire.MaxChunk)
	p.measured(wire.MaxChunk, 600*time.Millisecond+4*chunkTime)
	want("a narrow line", wire.MaxChunk/4)
	p.measured(wire.MaxChunk/4, time.Minute)
	want("hardly a line", leastChunk)
	p.measured(100, time.Hour) // the end of a blob says nothing of the width
	p.measured(leastChunk, 700*time.Millisecond)
	want("better again", 2*leastChunk)
	p.begin()
	want("the next session", 2*leastChunk)
	p.cut()
	p.cut()
	want("cut twice", leastChunk)
}

// On a slow line chunks become small; the kiosk finds out by itself.
func TestChunksFitASlowLine(t *testing.T) {
	h := newHub(t)
	r := newRelay(t, h.server.Listener.Addr().String())
	r.slows(4 * time.Millisecond) // for 512 bytes: 125 KiB/s
	var s *media.Spool
	k := h.kiosk(t, withMedia(t, &s), func(c *Config) {
		c.Identity.Hub = []string{r.url()}
		c.Timing.Silence, c.Timing.Answer = 5*time.Second, 5*time.Second
	})
	k.pace.size = wire.MaxChunk
	b := photo(t, s, 120_000)
	k.start(t)
	await(t, "stored", func() bool { return h.crates.holds(b) })
	h.crates.mu.Lock()
	defer h.crates.mu.Unlock()
	if last := h.crates.sizes[len(h.crates.sizes)-2]; last > 3*wire.MaxChunk/4 {
		t.Errorf("chunks = %v: a tap would wait behind each for too long", h.crates.sizes)
	}
}
