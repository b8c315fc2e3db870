package intake

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// spool is a real one whose Append can be held up or made to fail.
type spool struct {
	*archive.Spool
	mu    sync.Mutex
	gate  chan struct{} // when set, Append waits here, for chunks with bytes
	fail  error
	order []blob.Hash // of chunks with bytes
}

func (s *spool) Append(ref blob.Ref, offset uint64, b []byte) (uint64, bool, error) {
	s.mu.Lock()
	gate, fail := s.gate, s.fail
	if len(b) > 0 {
		s.order = append(s.order, ref.Hash)
	}
	s.mu.Unlock()
	if gate != nil && len(b) > 0 {
		<-gate
	}
	if fail != nil {
		return 0, false, fail
	}
	return s.Spool.Append(ref, offset, b)
}

func (s *spool) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// withSpool gives a world room for blobs.
func withSpool(t *testing.T, at **spool, change func(*archive.SpoolConfig)) func(*Config) {
	cfg := archive.SpoolConfig{Dir: t.TempDir(), Spare: 1}
	if change != nil {
		change(&cfg)
	}
	real, err := archive.OpenSpool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { real.Close() })
	*at = &spool{Spool: real}
	return func(c *Config) { c.Spool = *at }
}

// sealed is a blob that a record of the kiosk names.
func (k *kiosk) sealed(n int) []byte {
	k.t.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b)
	k.names(blob.Of(b))
	return b
}

func (k *kiosk) names(ref blob.Ref) {
	k.t.Helper()
	records := []wire.Record{}
	if k.head == k.base {
		records = append(records, wire.Boot{Nonce: [16]byte(k.journal), Place: k.id.Place.ID, Program: "test"})
	}
	records = append(records, wire.Answer{Uptime: k.head.Seq, Questionnaire: "message", Version: 1, Question: "message", Language: "vi", Choices: []string{"gop-y"},
		Attachments: []wire.Attachment{{Kind: 4, Reader: 1, Hash: ref.Hash, Size: ref.Size}}})
	k.say(k.pack(encode(k.t, records...)))
	if ack, ok := k.hear().(wire.Ack); !ok || ack.Received != k.head {
		k.t.Fatalf("answer to the record = %+v", ack)
	}
}

// ask says a chunk, with bytes or none, and returns the answer.
func (k *kiosk) ask(b []byte, offset uint64, part []byte) wire.ChunkAck {
	k.t.Helper()
	return k.askAbout(blob.Of(b), offset, part)
}

func (k *kiosk) askAbout(ref blob.Ref, offset uint64, part []byte) wire.ChunkAck {
	k.t.Helper()
	k.say(wire.Chunk{Hash: ref.Hash, Size: ref.Size, Offset: offset, Bytes: part})
	f := k.hear()
	a, ok := f.(wire.ChunkAck)
	if !ok || a.Hash != ref.Hash {
		k.t.Fatalf("answer to a chunk = %+v", f)
	}
	return a
}

// bring sends a blob as courier would, and returns the last answer and the
// bytes given.
func (k *kiosk) bring(b []byte, most int) (a wire.ChunkAck, sent int) {
	k.t.Helper()
	for a = k.ask(b, 0, nil); a.State == wire.BlobPartial; {
		part := b[a.Offset:min(a.Offset+uint64(most), uint64(len(b)))]
		sent += len(part)
		a = k.ask(b, a.Offset, part)
	}
	return a, sent
}

func wantState(t *testing.T, what string, a wire.ChunkAck, want wire.BlobState) {
	t.Helper()
	if a.State != want {
		t.Errorf("%s: answer %+v, want state %d", what, a, want)
	}
}

func TestBlobIsStoredThenAcknowledged(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(200_000)
	a, sent := k.bring(b, blob.ChunkSize)
	wantState(t, "brought", a, wire.BlobStored)
	if sent != len(b) || a.Offset != uint64(len(b)) {
		t.Errorf("%d bytes sent, answer %+v", sent, a)
	}
	body, err := s.Open(blob.Of(b))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, b) {
		t.Errorf("the spool holds %d other bytes, %v", len(got), err)
	}
	known, err := w.ledger.Blob(t.Context(), blob.Of(b).Hash)
	if err != nil || known.Stored == 0 {
		t.Errorf("ledger = %+v, %v", known, err)
	}
	wantState(t, "asked again", k.ask(b, 0, nil), wire.BlobStored)
	if err := w.ledger.BlobArchived(t.Context(), known.Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	wantState(t, "archived", k.ask(b, 0, nil), wire.BlobArchived)
	if st := w.intake.Stats(); st.Blobs != 1 || st.Chunks != 7 || st.Unkept+st.Poisoned+st.BlobWaits != 0 {
		t.Errorf("stats = %+v", st)
	}
}

func TestNoChunkAckBeforeTheDisk(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(1000)
	k.ask(b, 0, nil)
	s.gate = make(chan struct{})
	k.say(wire.Chunk{Hash: blob.Of(b).Hash, Size: 1000, Bytes: b[:500]})
	k.delivered(1) // a tap is not held up meanwhile
	k.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, m, err := k.conn.ReadMessage(); err == nil {
		t.Fatalf("the hub said %x before the spool had stored", m)
	}
	close(s.gate)
}

// The line is cut in the middle; another session, of this hub or the next,
// goes on at the byte.
func TestBlobGoesOnAtTheByte(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(100_000)
	k.ask(b, 0, nil)
	k.ask(b, 0, b[:33_333])
	k.say(wire.Chunk{Hash: blob.Of(b).Hash, Size: 100_000, Offset: 33_333, Bytes: b[33_333:60_000]})
	await(t, "the second chunk on the disk", func() bool { now, _, _ := s.Offset(blob.Of(b)); return now == 60_000 })
	k.conn.Close()
	k.open()
	a := k.ask(b, 0, nil)
	if a.State != wire.BlobPartial || a.Offset != 60_000 {
		t.Fatalf("after the cut: %+v", a)
	}
	if a := k.ask(b, 10, b[10:20]); a.State != wire.BlobPartial || a.Offset != 60_000 {
		t.Errorf("a chunk that begins elsewhere: %+v", a)
	}
	wantState(t, "the rest", k.ask(b, 60_000, b[60_000:]), wire.BlobStored)
}

func TestBlobsAreJudged(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, func(c *archive.SpoolConfig) { c.Largest = 5000; c.Budget = 6000 }))
	k := w.kiosk()
	k.open()
	k.delivered(1)
	stranger := []byte("nobody named me")
	wantState(t, "unnamed", k.ask(stranger, 0, stranger), wire.BlobUnnamed)
	b := k.sealed(3000)
	wantState(t, "another size", k.askAbout(blob.Ref{Hash: blob.Of(b).Hash, Size: 2999}, 0, nil), wire.BlobRefused)
	wantState(t, "too large", k.ask(k.sealed(5001), 0, nil), wire.BlobRefused)
	wantState(t, "first", k.ask(b, 0, nil), wire.BlobPartial)
	wantState(t, "no room beside it", k.ask(k.sealed(4000), 0, nil), wire.BlobWait)
	deleted := k.sealed(100)
	if err := w.ledger.BlobDeleted(t.Context(), blob.Of(deleted).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	wantState(t, "deleted by law", k.ask(deleted, 0, deleted), wire.BlobArchived)
	if now, whole, _ := s.Offset(blob.Of(deleted)); now > 0 || whole {
		t.Error("a deleted blob was taken")
	}
	k.delivered(1)
	if st := w.intake.Stats(); st.Poisoned != 2 || st.BlobWaits != 1 || st.Live != 1 {
		t.Errorf("stats = %+v", st)
	}
}

// What is deleted while its last chunk is written does not stay.
func TestBlobDeletedWhileItComes(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(1000)
	k.ask(b, 0, nil)
	s.gate = make(chan struct{})
	k.say(wire.Chunk{Hash: blob.Of(b).Hash, Size: 1000, Bytes: b})
	await(t, "the chunk", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.order) == 1 })
	if err := w.ledger.BlobDeleted(t.Context(), blob.Of(b).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	close(s.gate)
	if a, _ := k.hear().(wire.ChunkAck); a.State != wire.BlobArchived {
		t.Errorf("answer %+v", a)
	}
	if now, whole, _ := s.Offset(blob.Of(b)); now > 0 || whole {
		t.Error("a deleted blob is in the spool")
	}
}

func TestPoisonBlobIsRefusedForThatKioskOnly(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	bad, good := w.kiosk(), w.kiosk()
	bad.open()
	b := bad.sealed(1000)
	spoilt := bytes.Clone(b)
	spoilt[999] ^= 1
	for try := 1; try <= maxTries; try++ {
		wantState(t, "half", bad.ask(b, 0, spoilt[:500]), wire.BlobPartial)
		a := bad.ask(b, 500, spoilt[500:])
		if want := []wire.BlobState{0, wire.BlobPartial, wire.BlobPartial, wire.BlobRefused}[try]; a.State != want || a.Offset != 0 {
			t.Errorf("try %d: %+v", try, a)
		}
	}
	wantState(t, "asked again", bad.ask(b, 0, b), wire.BlobRefused)
	events, err := w.ledger.Events(t.Context(), 0, 10)
	if err != nil || len(events) != 1 || events[0].Kind != ledger.EventBlob || events[0].Device != bad.id.Device ||
		!strings.Contains(events[0].Detail, blob.Of(b).Hash.String()) {
		t.Errorf("the hub's log for operators = %+v, %v", events, err)
	}
	good.open()
	a, _ := good.bring(b, 400)
	wantState(t, "a good copy", a, wire.BlobStored)
	bad.delivered(3)
	if st := w.intake.Stats(); st.Poisoned != 1 || st.Malformed+st.Failed != 0 {
		t.Errorf("stats = %+v", st)
	}
}

func TestNoFailureOfTheSpoolStopsRecords(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(1000)
	for _, err := range []error{errFault, archive.ErrFull, io.ErrUnexpectedEOF} {
		s.fails(err)
		wantState(t, err.Error(), k.ask(b, 0, b), wire.BlobWait)
		k.delivered(2)
	}
	s.fails(nil)
	a, _ := k.bring(b, 400)
	wantState(t, "mended", a, wire.BlobStored)
	if st := w.intake.Stats(); st.Unkept != 2 || st.BlobWaits != 3 || st.Live != 1 {
		t.Errorf("stats = %+v", st)
	}
}

func TestHubWithoutSpool(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	b := k.sealed(10)
	wantState(t, "no spool", k.ask(b, 0, nil), wire.BlobWait)
	k.delivered(1)
}

func TestTooManyChunksEndTheSession(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	b := k.sealed(1000)
	s.gate = make(chan struct{})
	defer close(s.gate)
	for range 3 {
		k.say(wire.Chunk{Hash: blob.Of(b).Hash, Size: 1000, Bytes: b})
	}
	if g := k.farewell(); g.Code != wire.CodeTooLarge {
		t.Errorf("goodbye = %+v", g)
	}
}

// One kiosk has a great deal, another a single word; there is room for one
// chunk at a time.
func TestKiosksTakeTurns(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil), func(c *Config) { c.Chunks, c.Writers = 1, 1 })
	var all []*kiosk
	var blobs [][]byte
	for _, n := range []int{60, 60, 3} {
		k := w.kiosk()
		k.open()
		all, blobs = append(all, k), append(blobs, k.sealed(n*1000))
	}
	var bringing sync.WaitGroup
	for i, k := range all {
		bringing.Go(func() {
			if a, sent := k.bring(blobs[i], 1000); a.State != wire.BlobStored || sent != len(blobs[i]) {
				t.Errorf("kiosk %d: %+v after %d bytes", i, a, sent)
			}
		})
	}
	bringing.Wait()
	between, run, longest := 0, 0, 0
	for at, h := range s.order {
		if run++; at > 0 && s.order[at-1] != h {
			run = 1
		}
		if h == blob.Of(blobs[2]).Hash {
			longest, between = max(longest, between), 0
		} else {
			between++
		}
		if at > 4 && at < 60 && run > 2 {
			t.Errorf("chunk %d: the same kiosk %d times in a row", at, run)
		}
	}
	t.Logf("at most %d other chunks between two of the small one", longest)
	if longest > 20 {
		t.Errorf("the small one waited for %d chunks", longest)
	}
}

// A kiosk that was asked for a chunk and does not send it keeps nobody out for
// long; whoever waits too long is told to come back, and taps all the while.
func TestSilentKioskGivesUpItsBerth(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil), func(c *Config) { c.Chunks, c.Patience = 1, 300*time.Millisecond })
	silent, other := w.kiosk(), w.kiosk()
	silent.open()
	other.open()
	mine, yours := silent.sealed(1000), other.sealed(1000)
	wantState(t, "first come", silent.ask(mine, 0, nil), wire.BlobPartial)
	begun := time.Now()
	other.say(wire.Chunk{Hash: blob.Of(yours).Hash, Size: 1000})
	other.delivered(1)
	a, _ := other.hear().(wire.ChunkAck)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("waited %v", took)
	}
	if a.State == wire.BlobWait { // both ran out at once
		a = other.ask(yours, 0, nil)
	}
	wantState(t, "after the silent one", a, wire.BlobPartial)
	wantState(t, "late, but welcome", silent.ask(mine, 0, mine), wire.BlobStored)
	other.conn.Close()
	await(t, "its berth free", func() bool { return len(w.intake.blobs.berths) == 0 })
}

func TestNobodyWaitsForEver(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil), func(c *Config) { c.Chunks, c.Patience = 1, 100*time.Millisecond })
	w.intake.blobs.berths <- struct{}{} // and never comes back
	k := w.kiosk()
	k.open()
	wantState(t, "told to come back", k.ask(k.sealed(10), 0, nil), wire.BlobWait)
}

func TestCloseDoesNotWaitForTurns(t *testing.T) {
	var s *spool
	var begun time.Time
	t.Cleanup(func() { // after the world's own
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
	w := newWorld(t, withSpool(t, &s, nil), func(c *Config) { c.Chunks, c.Patience = 1, time.Minute })
	w.intake.blobs.berths <- struct{}{}
	k := w.kiosk()
	k.open()
	b := k.sealed(10)
	k.say(wire.Chunk{Hash: blob.Of(b).Hash, Size: 10})
	k.delivered(1)
	begun = time.Now()
}

func TestArchivedIsToldAtOnce(t *testing.T) {
	var s *spool
	w := newWorld(t, withSpool(t, &s, nil))
	k := w.kiosk()
	k.open()
	ref := blob.Of(k.sealed(10))
	w.intake.BlobArchived("nobody", ref)
	w.intake.BlobArchived(k.id.Device, ref)
	if a, _ := k.hear().(wire.ChunkAck); a.Hash != ref.Hash || a.State != wire.BlobArchived || a.Offset != 10 {
		t.Errorf("news = %+v", a)
	}
}

func TestManyBadBlobsAreNotRememberedForEver(t *testing.T) {
	b := newBlobs(Config{Chunks: 1, Writers: 1})
	var refused error
	for i := range 2*maxBad + 1 {
		if b.damaged(source{"x", blob.Hash{byte(i), byte(i >> 8), byte(i >> 16)}}) {
			refused = errors.New("refused at the first try")
		}
	}
	if refused != nil || len(b.bad) > maxBad {
		t.Errorf("%v; %d remembered", refused, len(b.bad))
	}
}
