package letters

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

var noon = time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)

// identity is made once: it takes a moment.
var identity = sync.OnceValues(func() (secret, public string) {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		panic(err)
	}
	return secret, public
})

// learned stands in for cases.
type learned struct {
	mu   sync.Mutex
	keys map[string][]byte
}

func (l *learned) Learn(_ context.Context, tag, key []byte, _ wire.RecordID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[string(tag)] = bytes.Clone(key)
	return nil
}

func (l *learned) known(_ context.Context, tag []byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[string(tag)] != nil, nil
}

type desk struct {
	*Letters
	t      *testing.T
	ledger *ledger.Ledger
	spool  *archive.Spool
	store  *archivetest.Memory
	cases  *learned
	kiosk  *letterstest.Kiosk
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d := &desk{t: t, store: &archivetest.Memory{}, cases: &learned{keys: map[string][]byte{}}}
	quiet := slog.New(slog.DiscardHandler)
	if d.ledger, err = ledger.Open(t.Context(), ledger.Config{DB: db, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	if d.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: t.TempDir(), Spare: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.spool.Close() })
	secret, _ := identity()
	d.Letters = New(Config{Ledger: d.ledger, Spool: d.spool, Store: d.store, Secret: secret, Receipts: d.cases, Known: d.cases.known, Logger: quiet})
	d.kiosk = letterstest.NewKiosk(t, d.ledger, "a", "qt-01", noon.Add(-time.Hour))
	return d
}

func message() letterstest.Message {
	_, public := identity()
	return letterstest.Message{Kind: "phan-anh", Words: "Đường ngập nước.", Voice: bytes.Repeat([]byte("v"), 100_000),
		Contact: letterstest.Contact{Name: "Lê Thị Hoa"}, To: []string{public}}
}

// archive moves a part to the archive, as the chore does.
func (d *desk) archive(p letterstest.Part) {
	d.t.Helper()
	if err := d.store.Put(d.t.Context(), archive.BlobKey(p.Hash), p.Ref, bytes.NewReader(p.Sealed)); err != nil {
		d.t.Fatal(err)
	}
	if err := d.ledger.BlobArchived(d.t.Context(), p.Hash, noon); err != nil {
		d.t.Fatal(err)
	}
	if err := d.spool.Remove(p.Ref); err != nil {
		d.t.Fatal(err)
	}
}

func TestOpensFromSpoolAndArchive(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	words := s.Part(feedback.AttachedWords)
	for _, from := range []string{"spool", "archive"} {
		letter, err := d.Open(t.Context(), words.Hash)
		if err != nil || string(letter.Body) != "Đường ngập nước." || letter.Kind != uint8(feedback.AttachedWords) {
			t.Errorf("from the %s: %+v, %v", from, letter, err)
		}
		if sealed, err := d.Sealed(t.Context(), words.Hash); err != nil || !bytes.Equal(sealed, words.Sealed) {
			t.Errorf("sealed from the %s: %d bytes, %v", from, len(sealed), err)
		}
		d.archive(words)
	}
	if key := d.cases.keys[string(s.Tag[:])]; len(key) != 32 {
		t.Errorf("the receipt's key was not learned: %x", key)
	}
}

func TestOpenRefuses(t *testing.T) {
	d := newDesk(t)
	stranger, strangerPublic, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	named := message()
	named.Named = true
	for name, c := range map[string]struct {
		hash func() blob.Hash
		want error
	}{
		"nobody named it": {func() blob.Hash { return blob.Hash{1} }, ledger.ErrNoBlob},
		"still to come":   {func() blob.Hash { return d.kiosk.Send(noon, message()).Parts[0].Hash }, ErrNotHere},
		"deleted": {func() blob.Hash {
			h := d.kiosk.Send(noon, message()).Arrive(d.spool, noon).Parts[0].Hash
			if err := d.ledger.BlobDeleted(t.Context(), h, noon); err != nil {
				t.Fatal(err)
			}
			return h
		}, ledger.ErrDeleted},
		"lost": {func() blob.Hash {
			p := d.kiosk.Send(noon, message()).Arrive(d.spool, noon).Parts[0]
			if err := d.spool.Remove(p.Ref); err != nil {
				t.Fatal(err)
			}
			return p.Hash
		}, ErrNotHere},
		"named": {func() blob.Hash { return d.kiosk.Send(noon, named).Arrive(d.spool, noon).Parts[0].Hash }, ErrNamed},
		"to another": {func() blob.Hash {
			m := message()
			m.To = []string{strangerPublic}
			return d.kiosk.Send(noon, m).Arrive(d.spool, noon).Parts[0].Hash
		}, ErrSpoilt},
		"other bytes in the archive": {func() blob.Hash {
			p := d.kiosk.Send(noon, message()).Arrive(d.spool, noon).Parts[0]
			d.archive(p)
			d.store.Overwrite(archive.BlobKey(p.Hash), append([]byte("x"), p.Sealed[1:]...))
			return p.Hash
		}, ErrNotHere},
		"other kind than its record says": {func() blob.Hash {
			_, public := identity()
			sealed, err := seal.Seal(seal.Letter{Kind: 2, Type: "application/json", Body: []byte(`{}`)}, []string{public}, false)
			if err != nil {
				t.Fatal(err)
			}
			return d.deliver(sealed, feedback.AttachedWords)
		}, ErrSpoilt},
	} {
		hash := c.hash()
		if letter, err := d.Open(t.Context(), hash); !errors.Is(err, c.want) || letter.Body != nil {
			t.Errorf("%s: %q, %v, want %v", name, letter.Body, err, c.want)
		}
	}
	s := d.kiosk.Send(noon, named).Arrive(d.spool, noon)
	if sealed, err := d.Sealed(t.Context(), s.Parts[0].Hash); err != nil || !bytes.Equal(sealed, s.Parts[0].Sealed) {
		t.Errorf("sealed to officers: %d bytes, %v", len(sealed), err)
	}
	officer := s.Parts[1]
	d.archive(officer)
	d.store.Overwrite(archive.BlobKey(officer.Hash), append([]byte("x"), officer.Sealed[1:]...))
	if sealed, err := d.Sealed(t.Context(), officer.Hash); !errors.Is(err, ErrNotHere) || sealed != nil {
		t.Errorf("other bytes were handed out for what an officer opens: %d, %v", len(sealed), err)
	}
	blind := New(Config{Ledger: d.ledger, Spool: d.spool})
	if _, err := blind.Open(t.Context(), d.kiosk.Send(noon, message()).Arrive(d.spool, noon).Parts[0].Hash); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	_ = stranger
}

// deliver has one blob named and stored.
func (d *desk) deliver(sealed []byte, kind feedback.AttachmentKind) blob.Hash {
	d.t.Helper()
	ref := blob.Of(sealed)
	d.kiosk.Deliver(noon, wire.Answer{Uptime: 1, Questionnaire: "message", Version: 1, Question: "message", Language: "vi",
		Attachments: []wire.Attachment{{Kind: kind, Reader: feedback.ReaderCases, Hash: ref.Hash, Size: ref.Size}}})
	if _, _, err := d.spool.Append(ref, 0, sealed); err != nil {
		d.t.Fatal(err)
	}
	if err := d.ledger.BlobStored(d.t.Context(), ref.Hash, noon); err != nil {
		d.t.Fatal(err)
	}
	return ref.Hash
}

// slow holds every opening of the spool until it is let go.
type slow struct {
	*archive.Spool
	mu       sync.Mutex
	now, top int
}

func (s *slow) Open(ref blob.Ref) (body io.ReadSeekCloser, err error) {
	s.mu.Lock()
	s.now++
	s.top = max(s.top, s.now)
	s.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	return s.Spool.Open(ref)
}

func TestOpensOneAtATime(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	spool := &slow{Spool: d.spool}
	secret, _ := identity()
	l := New(Config{Ledger: d.ledger, Spool: spool, Secret: secret})
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if _, err := l.Open(t.Context(), s.Parts[0].Hash); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if spool.top != 1 {
		t.Errorf("%d letters were open at once", spool.top)
	}
	gone, cancel := context.WithCancel(t.Context())
	l.one <- struct{}{}
	cancel()
	if _, err := l.Open(gone, s.Parts[0].Hash); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever left still waits: %v", err)
	}
}

func TestLearnNew(t *testing.T) {
	d := newDesk(t)
	first := d.kiosk.Send(noon, message()).Arrive(d.spool, noon, feedback.AttachedContact)
	second := d.kiosk.Send(noon, message())
	named := message()
	named.Named = true
	d.kiosk.Send(noon, named).Arrive(d.spool, noon)
	want := func(n int, at time.Time) {
		t.Helper()
		if got, err := d.LearnNew(t.Context(), at); err != nil || got != n {
			t.Errorf("learned %d, %v, want %d", got, err, n)
		}
	}
	want(1, noon)
	want(0, noon.Add(time.Hour))
	second.Arrive(d.spool, noon.Add(2*time.Hour))
	want(1, noon.Add(2*time.Hour))
	if len(d.cases.keys) != 2 || d.cases.keys[string(first.Tag[:])] == nil {
		t.Errorf("%d receipts are known, want the two for the hub", len(d.cases.keys))
	}
	// One that cannot be reached keeps nobody else waiting, and is tried again.
	away := d.kiosk.Send(noon, message()).Arrive(d.spool, noon.Add(3*time.Hour), feedback.AttachedWords)
	p := away.Part(feedback.AttachedWords)
	if err := d.spool.Remove(p.Ref); err != nil {
		t.Fatal(err)
	}
	d.kiosk.Send(noon, message()).Arrive(d.spool, noon.Add(4*time.Hour))
	if got, err := d.LearnNew(t.Context(), noon.Add(4*time.Hour)); got != 1 || !errors.Is(err, ErrNotHere) {
		t.Errorf("learned %d, %v", got, err)
	}
	d.archive(p)
	want(1, noon.Add(5*time.Hour))
}

func TestSettleAfterRestore(t *testing.T) {
	d := newDesk(t)
	s := d.kiosk.Send(noon, message()).Arrive(d.spool, noon)
	later := d.kiosk.Send(noon, message())
	// The copy knows that all parts of s are here; the disk is gone; one part had
	// reached the archive, and so had one of a message that came after the copy.
	for _, p := range s.Parts[1:] {
		if err := d.spool.Remove(p.Ref); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []letterstest.Part{s.Parts[1], later.Parts[0]} {
		if err := d.store.Put(t.Context(), archive.BlobKey(p.Hash), p.Ref, bytes.NewReader(p.Sealed)); err != nil {
			t.Fatal(err)
		}
	}
	damaged := later.Parts[1]
	d.store.Overwrite(archive.BlobKey(damaged.Hash), []byte("something else"))
	got, err := d.Settle(t.Context(), noon)
	if want := (Settled{Found: 2, Lost: 1}); err != nil || got != want {
		t.Errorf("Settle = %+v, %v, want %+v", got, err, want)
	}
	for i, want := range []struct{ stored, archived bool }{{true, false}, {true, true}, {false, false}} {
		b, err := d.ledger.Blob(t.Context(), s.Parts[i].Hash)
		if err != nil || (b.Stored > 0) != want.stored || (b.Archived > 0) != want.archived {
			t.Errorf("part %d: %+v, %v, want %+v", i, b, err, want)
		}
	}
	if again, err := d.Settle(t.Context(), noon); err != nil || again != (Settled{}) {
		t.Errorf("a second Settle found %+v, %v", again, err)
	}
}
