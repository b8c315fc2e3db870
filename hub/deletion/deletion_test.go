package deletion

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

var noon = time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)

// identity is made once: it takes a moment.
var identity = sync.OnceValue(func() string {
	_, public, err := seal.NewIdentity()
	if err != nil {
		panic(err)
	}
	return public
})

// hub is what deletion works on, with a clock that stands still until told.
type hub struct {
	*Deletions
	t         *testing.T
	db        *database.DB
	ledger    *ledger.Ledger
	spool     *archive.Spool
	store     *archivetest.Failing
	kiosk     *letterstest.Kiosk
	at        time.Time
	forgotten map[[16]byte]int
	closed    map[string]time.Time
	wards     []string
}

func onBoth(t *testing.T, test func(t *testing.T, h *hub)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openHub(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, openHub(t, pgtest.URL(t))) })
}

func openHub(t *testing.T, url string) *hub {
	t.Helper()
	h := &hub{t: t, at: noon, store: &archivetest.Failing{}, forgotten: map[[16]byte]int{}, closed: map[string]time.Time{}, wards: []string{letterstest.Ward}}
	var err error
	h.db, err = database.Open(t.Context(), url)
	h.ok(err)
	t.Cleanup(func() { h.db.Close() })
	h.ledger, err = ledger.Open(t.Context(), ledger.Config{DB: h.db, Now: h.now, Logger: slog.New(slog.DiscardHandler)})
	h.ok(err)
	h.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: t.TempDir(), Spare: 1})
	h.ok(err)
	t.Cleanup(func() { h.spool.Close() })
	h.Deletions = h.open(Config{Spool: h.spool, Store: h.store, Executes: true})
	h.kiosk = letterstest.NewKiosk(t, h.ledger, "a", "qt-01", noon.Add(-time.Hour))
	return h
}

func (h *hub) now() time.Time { return h.at }

func (h *hub) open(cfg Config) *Deletions {
	h.t.Helper()
	cfg.DB, cfg.Ledger, cfg.Now, cfg.Logger = h.db, h.ledger, h.now, slog.New(slog.DiscardHandler)
	cfg.Forget = func(_ context.Context, tag [16]byte) error { h.forgotten[tag]++; return nil }
	cfg.Closed = func(_ context.Context, tag []byte) (time.Time, bool, error) {
		at, is := h.closed[string(tag)]
		return at, is, nil
	}
	if cfg.Clocks == nil {
		cfg.Clocks = func() []time.Time { return []time.Time{h.at} }
	}
	cfg.Wards = func(context.Context) ([]string, error) { return h.wards, nil }
	cfg.Notes = archive.Notes{Store: cfg.Store, Sign: sign, Verify: func(statement, signature []byte) bool {
		want, _ := sign(statement)
		return bytes.Equal(want, signature)
	}}
	d, err := Open(h.t.Context(), cfg)
	h.ok(err)
	return d
}

func (h *hub) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func message() letterstest.Message {
	return letterstest.Message{Kind: "phan-anh", Words: "Đường ngập nước.", Contact: letterstest.Contact{Phone: "0912 345 678"},
		Voice: []byte("giọng nói"), To: []string{identity()}}
}

// archived has a message whose parts are in the archive and, as after a crash
// between the two, in the spool.
func (h *hub) archived(m letterstest.Message) letterstest.Sent {
	h.t.Helper()
	s := h.kiosk.Send(h.at, m).Arrive(h.spool, h.at)
	for _, p := range s.Parts {
		h.put(p)
		h.ok(h.ledger.BlobArchived(h.t.Context(), p.Hash, h.at))
	}
	return s
}

func (h *hub) put(p letterstest.Part) {
	h.t.Helper()
	h.ok(h.store.Put(h.t.Context(), archive.BlobKey(p.Hash), p.Ref, bytes.NewReader(p.Sealed)))
}

// is says where a part is.
func (h *hub) is(p letterstest.Part) (places string) {
	h.t.Helper()
	if _, whole, err := h.spool.Offset(p.Ref); err == nil && whole {
		places += "spool "
	}
	if err := archive.Check(h.t.Context(), h.store, archive.BlobKey(p.Hash), p.Ref); err == nil {
		places += "archive "
	}
	b, err := h.ledger.Blob(h.t.Context(), p.Hash)
	h.ok(err)
	if b.Deleted == 0 {
		places += "ledger"
	}
	return strings.TrimSpace(places)
}

func (h *hub) whole() {
	h.t.Helper()
	a, err := h.ledger.Audit(h.t.Context(), nil)
	if err != nil || !a.Whole() {
		h.t.Errorf("audit: %v, %v", a.Problems, err)
	}
}

func TestBlobIsGoneEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.archived(message())
		words, voice := s.Part(feedback.AttachedWords), s.Part(feedback.AttachedVoice)
		got, err := h.Blob(t.Context(), words.Hash, " theo yêu cầu ngày 20/11 ", "lan")
		if err != nil || got.Done.IsZero() || got.Marked.IsZero() || got.By != "lan" || got.Reason != "theo yêu cầu ngày 20/11" || len(got.Blobs) != 1 {
			t.Errorf("Blob = %+v, %v", got, err)
		}
		if g := got.Blobs[0]; g.Hash != words.Hash || g.Size != words.Size || g.Kind != feedback.AttachedWords || !bytes.Equal(g.Record, s.ID[:]) || g.At.IsZero() {
			t.Errorf("proof = %+v", g)
		}
		if at := h.is(words); at != "" {
			t.Errorf("the words are in %s", at)
		}
		if at := h.is(voice); at != "spool archive ledger" {
			t.Errorf("the voice is in %q", at)
		}
		again, err := h.Blob(t.Context(), words.Hash, "một lần nữa", "minh")
		if err != nil || again.Number != got.Number || again.By != "lan" {
			t.Errorf("again: %+v, %v", again, err)
		}
		told, err := h.Told(t.Context())
		if err != nil || len(told) != 1 || told[0].Kind != wire.DeletedBlob || !bytes.Equal(told[0].Name, words.Hash[:]) {
			t.Errorf("told = %+v, %v", told, err)
		}
		h.whole()
	})
}

func TestReceiptTakesAllAndWhatComesLater(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		m := message()
		m.Code = seal.NewCode()
		s, other := h.archived(m), h.archived(message())
		got, err := h.Receipt(t.Context(), s.Tag, "người gửi yêu cầu xóa", "lan")
		if err != nil || got.Done.IsZero() || len(got.Blobs) != 3 || h.forgotten[s.Tag] == 0 {
			t.Errorf("Receipt = %+v, %v, forgotten %v", got, err, h.forgotten)
		}
		for _, p := range s.Parts {
			if at := h.is(p); at != "" {
				t.Errorf("part %d is in %s", p.Kind, at)
			}
		}
		for _, p := range other.Parts {
			if at := h.is(p); at != "spool archive ledger" {
				t.Errorf("another message's part %d is in %q", p.Kind, at)
			}
		}
		late := h.kiosk.Send(h.at, m).Arrive(h.spool, h.at) // the same receipt, from a kiosk that heard nothing
		h.ok(h.Late(t.Context()))
		for _, p := range late.Parts {
			if at := h.is(p); at != "" {
				t.Errorf("late part %d is in %s", p.Kind, at)
			}
		}
		list, err := h.List(t.Context(), 0, 10)
		if err != nil || len(list) != 1 || len(list[0].Blobs) != 6 {
			t.Errorf("list = %+v, %v", list, err)
		}
		if unknown, err := h.Receipt(t.Context(), [16]byte{9}, "chưa về tới trung tâm", "lan"); err != nil || unknown.Done.IsZero() || len(unknown.Blobs) != 0 {
			t.Errorf("a receipt nobody knows: %+v, %v", unknown, err)
		}
		h.whole()
	})
}

// The archive is away: what was ordered cannot be read from then on, is off the
// hub's disk, and is done when the archive is back.
func TestArchiveAway(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.archived(message())
	h.store.Fail(func(op, key string) archivetest.Fault { return archivetest.Refused })
	got, err := h.Receipt(t.Context(), s.Tag, "theo yêu cầu", "lan")
	if err != nil || !got.Done.IsZero() || len(got.Blobs) != 3 {
		t.Errorf("Receipt = %+v, %v", got, err)
	}
	wanted := func(want bool) {
		t.Helper()
		if is, err := h.Wanted(t.Context()); err != nil || is != want {
			t.Errorf("Wanted = %v, %v, want %v", is, err, want)
		}
	}
	wanted(true)
	if err := h.Work(t.Context()); err == nil {
		t.Error("Work says nothing of an archive that is away")
	}
	for _, p := range s.Parts {
		if _, whole, _ := h.spool.Offset(p.Ref); whole {
			t.Errorf("part %d waits in the spool for the archive", p.Kind)
		}
		if b, err := h.ledger.Blob(t.Context(), p.Hash); err != nil || b.Deleted == 0 {
			t.Errorf("part %d can be read: %+v, %v", p.Kind, b, err)
		}
	}
	h.store.Fail(nil)
	h.ok(h.Work(t.Context()))
	wanted(false)
	for _, p := range s.Parts {
		if at := h.is(p); at != "" {
			t.Errorf("part %d is in %s", p.Kind, at)
		}
	}
}

// An upload that was on its way when its blob was deleted is found later.
func TestUploadOnItsWay(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.kiosk.Send(h.at, message()).Arrive(h.spool, h.at)
	p := s.Parts[0]
	if _, err := h.Blob(t.Context(), p.Hash, "theo yêu cầu", "lan"); err != nil {
		t.Fatal(err)
	}
	h.put(p)
	h.at = h.at.Add(settled + time.Second)
	if wanted, err := h.Wanted(t.Context()); err != nil || !wanted {
		t.Errorf("Wanted = %v, %v", wanted, err)
	}
	h.ok(h.Work(t.Context()))
	if at := h.is(p); at != "" {
		t.Errorf("it is in %s", at)
	}
	list, err := h.List(t.Context(), 0, 1)
	if err != nil || list[0].Blobs[0].Checked.IsZero() {
		t.Errorf("not checked: %+v, %v", list, err)
	}
	if wanted, err := h.Wanted(t.Context()); err != nil || wanted {
		t.Errorf("Wanted = %v, %v", wanted, err)
	}
}

// A command beside the serving hub only orders; at once nobody can read, and
// the hub does the rest.
func TestOrderBesideTheHub(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.archived(message())
	got, err := h.open(Config{}).Receipt(t.Context(), s.Tag, "theo yêu cầu", "root@hub")
	if err != nil || !got.Done.IsZero() {
		t.Errorf("Receipt = %+v, %v", got, err)
	}
	if at := h.is(s.Parts[0]); at != "spool archive" {
		t.Errorf("it is in %q", at)
	}
	told := 0
	serves := h.open(Config{Spool: h.spool, Store: h.store, Executes: true, Begun: func() { told++ }})
	h.ok(serves.Work(t.Context()))
	h.ok(serves.Late(t.Context()))
	if at := h.is(s.Parts[0]); at != "" {
		t.Errorf("it is in %q", at)
	}
	if told != 1 {
		t.Errorf("told %d times that kiosks are to hear of it, want once", told)
	}
}

func TestRefusals(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.archived(message())
	for _, reason := range []string{"", "  ", "abc", strings.Repeat("x", maxReason+1)} {
		if _, err := h.Blob(t.Context(), s.Parts[0].Hash, reason, "lan"); !errors.Is(err, ErrReason) {
			t.Errorf("reason of %d: %v", len(reason), err)
		}
	}
	if _, err := h.Blob(t.Context(), blob.Hash{1}, "theo yêu cầu", "lan"); !errors.Is(err, ledger.ErrNoBlob) {
		t.Errorf("a hash nobody named: %v", err)
	}
	if list, err := h.List(t.Context(), 0, 10); err != nil || len(list) != 0 {
		t.Errorf("a refused order was kept: %+v, %v", list, err)
	}
}

// A store whose Delete does not delete is found out.
type sticky struct{ archive.Store }

func (sticky) Delete(context.Context, string) error { return nil }

func TestStoreThatKeepsIsTold(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.archived(message())
	d := h.open(Config{Spool: h.spool, Store: sticky{h.store}, Executes: true})
	got, err := d.Blob(t.Context(), s.Parts[0].Hash, "theo yêu cầu", "lan")
	if err != nil || !got.Done.IsZero() {
		t.Errorf("done though it is still there: %+v, %v", got, err)
	}
	if err := d.Work(t.Context()); err == nil || !strings.Contains(err.Error(), "still in the archive") {
		t.Errorf("Work = %v", err)
	}
}

func TestSweepOfAnotherHubsSpool(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.kiosk.Send(h.at, message()).Arrive(h.spool, h.at)
	_, err := h.open(Config{Executes: true}).Blob(t.Context(), s.Parts[0].Hash, "theo yêu cầu", "lan") // a hub with another spool
	h.ok(err)
	h.ok(h.Sweep(t.Context(), h.spool.Whole()))
	if at := h.is(s.Parts[0]); at != "" {
		t.Errorf("it is in %s", at)
	}
	if at := h.is(s.Parts[1]); at != "spool ledger" {
		t.Errorf("another part is in %q", at)
	}
}

// left names the parts of a message that are anywhere.
func (h *hub) left(s letterstest.Sent) string {
	h.t.Helper()
	var kinds []string
	for _, p := range s.Parts {
		if h.is(p) != "" {
			kinds = append(kinds, p.Kind.Purpose())
		}
	}
	return strings.Join(kinds, " ")
}

// at runs retention on a day and wants these parts left of each message.
func (h *hub) after(days int, want map[string]letterstest.Sent) {
	h.t.Helper()
	h.at = noon.AddDate(0, 0, days)
	_, err := h.Retain(h.t.Context())
	h.ok(err)
	for line, s := range want {
		name, parts, _ := strings.Cut(line, ": ")
		if got := h.left(s); got != parts {
			h.t.Errorf("after %d days of a message %s there is %q, want %q", days, name, got, parts)
		}
	}
}

func TestRetention(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		named := message()
		named.Named = true
		never, soon, late, officer := h.archived(message()), h.archived(message()), h.archived(message()), h.archived(named)
		h.closed[string(soon.Tag[:])] = noon.AddDate(0, 0, 10)
		h.closed[string(late.Tag[:])] = noon.AddDate(0, 0, 600)
		type left = map[string]letterstest.Sent
		h.after(98, left{"never closed: words contact voice": never, "closed: words contact voice": soon, "closed late: words contact voice": late})
		h.after(100, left{"never closed: words contact voice": never, "closed: words voice": soon, "closed late: words contact voice": late})
		h.after(188, left{"closed: words voice": soon})
		h.after(190, left{"never closed: words contact voice": never, "closed: words": soon, "closed late: words contact voice": late})
		h.after(691, left{"never closed: words contact voice": never, "closed late: words voice": late})
		h.after(728, left{"never closed: words contact voice": never, "closed late: words voice": late, "named: words contact voice": officer}) // 24 months are 731 days here
		h.after(731, left{"never closed: ": never, "closed: ": soon, "closed late: ": late, "named: ": officer})
		list, err := h.List(t.Context(), 0, 100)
		h.ok(err)
		if len(list) != 12 {
			t.Errorf("%d lines of proof, want 12", len(list))
		}
		first := list[len(list)-1]
		if first.Rule != "promise 2" || first.By != "" || !strings.Contains(first.Reason, "contact: kept 90 days after its case was closed on 2026-12-05") || first.Done.IsZero() {
			t.Errorf("first line = %+v", first)
		}
		told, err := h.Told(t.Context())
		if err != nil || len(told) != 0 {
			t.Errorf("kiosks are told of %d blobs they let go long ago, %v", len(told), err)
		}
		if again, err := h.Retain(t.Context()); err != nil || again != 0 {
			t.Errorf("again: %d, %v", again, err)
		}
		h.whole()
	})
}

// promises is what is promised here, and after it one that changes the words'
// time.
func promises(words string) []feedback.Promise {
	all := feedback.Promises()
	next := all[len(all)-1]
	next.Version, next.From = len(all)+1, "2027-06-01"
	next.Parts = slices.Clone(next.Parts)
	next.Parts[0].Keep = map[string]feedback.Keeping{"longer": {After: "received", Months: 36}, "shorter": {After: "received", Months: 6}}[words]
	return append(all, next)
}

// Who agreed to an older text is kept to it, and never longer than everybody is
// promised now.
func TestPromiseIsKeptAfterTheRuleChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		older, unheard, agreed := message(), message(), message()
		older.Promise, unheard.Promise, agreed.Promise = 1, letterstest.Unheard, 2
		first, second, third, silent := h.archived(older), h.archived(unheard), h.archived(agreed), h.archived(message())
		for _, s := range []letterstest.Sent{first, second, third, silent} {
			h.closed[string(s.Tag[:])] = noon
		}
		type left = map[string]letterstest.Sent
		h.Deletions = h.open(Config{Spool: h.spool, Store: h.store, Executes: true, Promises: promises("longer")})
		h.after(88, left{"under the first text: words contact voice": first, "under a text nobody knows: words contact voice": second})
		h.after(90, left{"under the first text: ": first, "under a text nobody knows: ": second, "under the second: words voice": third, "without a text: words voice": silent})
		h.after(728, left{"under the second: words": third, "without a text: words": silent})
		h.after(731, left{"under the second: ": third, "without a text: ": silent})
	})
}

func TestShorterRuleHoldsForAll(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.archived(message())
	h.Deletions = h.open(Config{Spool: h.spool, Store: h.store, Executes: true, Promises: promises("shorter")})
	type left = map[string]letterstest.Sent
	h.after(185, left{"before the new rule: words contact voice": s})
	h.after(200, left{"under the new rule: contact voice": s})
}

// What the text on the screen says, read as a person would, is what happens.
func TestTextAndDeletionAgree(t *testing.T) {
	newest := feedback.InForce(feedback.Promises(), noon.AddDate(100, 0, 0))
	for language, pattern := range map[feedback.Language]string{
		"vi": `(?:(\d+) ngày sau khi UBND giải quyết xong và không quá )?(\d+) tháng kể từ ngày UBND nhận được, rồi xóa`,
		"en": `(?:(\d+) days after the Committee has finished with this message and never longer than )?(\d+) months after (?:it|they) arrived, then deleted`,
	} {
		for _, part := range newest.Parts {
			told := regexp.MustCompile(pattern).FindStringSubmatch(part.In(letterstest.Ward)[language])
			if told == nil {
				t.Errorf("%s in %s does not say how long: %s", part.Purpose, language, part.Text[language])
				continue
			}
			months, _ := strconv.Atoi(told[2])
			if at, _ := part.Keep.Over(noon, time.Time{}); !at.Equal(noon.AddDate(0, months, 0)) {
				t.Errorf("%s in %s says %s months; it is deleted at %v", part.Purpose, language, told[2], at)
			}
			days, _ := strconv.Atoi(told[1])
			if at, _ := part.Keep.Over(noon, noon.AddDate(0, 0, 5)); days > 0 && !at.Equal(noon.AddDate(0, 0, 5+days)) {
				t.Errorf("%s in %s says %s days; it is deleted at %v", part.Purpose, language, told[1], at)
			} else if days == 0 && !at.Equal(noon.AddDate(0, months, 0)) {
				t.Errorf("%s in %s says nothing of days; it is deleted at %v", part.Purpose, language, at)
			}
		}
	}
}

// The text behind a consent is found, also for an older promise and for a ward
// that is there no more.
func TestAgreedText(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		older := message()
		older.Promise = 1
		m, err := h.ledger.Message(t.Context(), h.archived(older).ID)
		h.ok(err)
		h.wards = []string{"Phường Sầm Sơn"}
		d := h.open(Config{})
		is, known, err := d.Agreed(t.Context(), m.Consents[1].Text)
		if want := (feedback.Agreed{Version: 1, Purpose: "contact", Language: "vi", Ward: letterstest.Ward}); err != nil || !known || is != want {
			t.Errorf("Agreed = %+v, %v, %v", is, known, err)
		}
		if text := d.AgreedText(is); sha256.Sum256([]byte(text)) != m.Consents[1].Text || !strings.Contains(text, "90 ngày sau khi trả lời") {
			t.Errorf("the text shown is %q", text)
		}
		if _, known, err := d.Agreed(t.Context(), [32]byte{1}); known || err != nil {
			t.Errorf("a text nobody wrote: %v, %v", known, err)
		}
		h.wards = append(h.wards, "Xã Mới")
		part, _ := feedback.Promises()[1].Part("photo")
		if is, known, err := d.Agreed(t.Context(), sha256.Sum256([]byte(part.In("Xã Mới")["en"]))); err != nil || !known || is.Ward != "Xã Mới" || is.Language != "en" {
			t.Errorf("of a new ward: %+v, %v, %v", is, known, err)
		}
		if d.AgreedText(feedback.Agreed{Version: 9, Purpose: "photo"}) != "" || d.AgreedText(feedback.Agreed{}) != "" {
			t.Error("a text of no promise")
		}
	})
}

// A blob that only its kiosk and the hub's disk have must be told of.
func TestRetentionTellsOfWhatMayBeOut(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	s := h.kiosk.Send(h.at, message())
	h.at = noon.AddDate(2, 0, 1)
	if n, err := h.Retain(t.Context()); err != nil || n != 3 {
		t.Errorf("Retain = %d, %v", n, err)
	}
	if told, err := h.Told(t.Context()); err != nil || len(told) != 3 {
		t.Errorf("told = %+v, %v", told, err)
	}
	if _, err := h.ledger.Blob(t.Context(), s.Parts[0].Hash); err != nil {
		t.Error(err)
	}
}
