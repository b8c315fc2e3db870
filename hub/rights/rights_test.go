package rights

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/cases"
	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// wednesday is when most tests happen: 2026-11-25 12:00 in Viet Nam.
var wednesday = time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)

var identity = sync.OnceValue(func() (id cases.Identity) {
	var err error
	if id.Secret, id.Public, err = seal.NewIdentity(); err != nil {
		panic(err)
	}
	return id
})

// code has its receipt derived once: it is slow on purpose.
const code = seal.Code("4Q7K9M2XHT")

var receipt = sync.OnceValue(code.Receipt)

// hub is all that a request meets, with a clock that stands still until told.
type hub struct {
	*Rights
	t      *testing.T
	db     *database.DB
	ledger *ledger.Ledger
	cases  *cases.Cases
	orders *deletion.Deletions
	spool  *archive.Spool
	kiosk  *letterstest.Kiosk
	at     time.Time
	uptime uint64
}

func onBoth(t *testing.T, test func(t *testing.T, h *hub)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openHub(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, openHub(t, pgtest.URL(t))) })
}

func openHub(t *testing.T, url string) *hub {
	t.Helper()
	h := &hub{t: t, at: wednesday}
	var err error
	h.db, err = database.Open(t.Context(), url)
	h.ok(err)
	t.Cleanup(func() { h.db.Close() })
	h.ledger, err = ledger.Open(t.Context(), ledger.Config{DB: h.db, Now: h.now, Logger: quiet})
	h.ok(err)
	h.cases, err = cases.Open(t.Context(), cases.Config{DB: h.db, Identity: identity(), Now: h.now, Logger: quiet})
	h.ok(err)
	h.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: t.TempDir(), Spare: 1})
	h.ok(err)
	t.Cleanup(func() { h.spool.Close() })
	h.orders, err = deletion.Open(t.Context(), deletion.Config{DB: h.db, Ledger: h.ledger, Spool: h.spool, Store: &archivetest.Failing{}, Executes: true,
		Forget: h.cases.Forget, Now: h.now, Logger: quiet})
	h.ok(err)
	h.Rights = h.open()
	h.kiosk = letterstest.NewKiosk(t, h.ledger, "a", "qt-01", wednesday.Add(-time.Hour))
	h.uptime = uint64(time.Hour.Microseconds())
	return h
}

var quiet = slog.New(slog.DiscardHandler)

func (h *hub) open() *Rights {
	h.t.Helper()
	r, err := Open(h.t.Context(), Config{DB: h.db, Ledger: h.ledger, Cases: h.cases, Deletions: h.orders, Now: h.now, Logger: quiet})
	h.ok(err)
	return r
}

func (h *hub) now() time.Time { return h.at }

func (h *hub) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// sent is a message under the code, whose key the hub has learned.
func (h *hub) sent() letterstest.Sent {
	h.t.Helper()
	s := h.kiosk.Send(h.at, letterstest.Message{Kind: "phan-anh", Words: "Đường ngập nước.", Contact: letterstest.Contact{Phone: "0912 345 678"},
		Voice: []byte("giọng nói"), To: []string{identity().Public}, Code: code}).Arrive(h.spool, h.at)
	h.ok(h.learn(s))
	return s
}

func (h *hub) learn(s letterstest.Sent) error {
	r := receipt()
	return h.cases.Learn(h.t.Context(), r.Tag[:], r.Key[:], s.ID)
}

// ask delivers a request of whoever has the code, as change leaves it.
func (h *hub) ask(right feedback.Right, change ...func(*wire.RightsRequest)) wire.RecordID {
	h.t.Helper()
	h.uptime += 1_000_000
	tag := receipt().Tag
	r := wire.RightsRequest{Uptime: h.uptime, Receipt: tag[:], Right: string(right), MAC: receipt().RightMAC(string(right))}
	for _, f := range change {
		f(&r)
	}
	return h.kiosk.Deliver(h.at, r)
}

func (h *hub) take(want int) {
	h.t.Helper()
	if n, err := h.Take(h.t.Context()); n != want || err != nil {
		h.t.Errorf("took %d, %v, want %d", n, err, want)
	}
	if waits, err := h.Waits(h.t.Context()); waits || err != nil {
		h.t.Errorf("something waits after all was taken: %v, %v", waits, err)
	}
}

func (h *hub) waiting(want int) []Request {
	h.t.Helper()
	all, err := h.Waiting(h.t.Context())
	if err != nil || len(all) != want {
		h.t.Fatalf("waiting %+v, %v, want %d", all, err, want)
	}
	return all
}

// first takes, and is the request that waits longest.
func (h *hub) first() Request {
	h.t.Helper()
	if _, err := h.Take(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	all, err := h.Waiting(h.t.Context())
	if err != nil || len(all) == 0 {
		h.t.Fatalf("nothing waits: %v", err)
	}
	return all[0]
}

func (h *hub) note() string {
	h.t.Helper()
	is, err := h.cases.Get(h.t.Context(), receipt().Tag)
	h.ok(err)
	return is.Note
}

func TestRequestStandsInTheQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.sent()
		h.at = h.at.Add(72 * time.Hour) // its kiosk had no line
		id := h.ask(feedback.RightSee)
		h.take(1)
		h.take(0)
		if n, err := h.open().Take(t.Context()); n != 0 || err != nil {
			t.Errorf("another process took %d, %v", n, err)
		}
		is := h.waiting(1)[0]
		asked := wednesday.Add(time.Second)
		if is.Record != id || is.Right != "see" || is.Place != "qt-01" || is.Proof != cases.ProofGood || is.Times != 1 || is.DayOnly ||
			is.Asked.Sub(asked).Abs() > time.Second || !is.Received.Equal(h.at) || is.Due != DueFor("see", is.Asked) {
			t.Errorf("request %+v", is)
		}
		if got, err := h.Get(t.Context(), is.Number); err != nil || got.Record != id {
			t.Errorf("Get = %+v, %v", got, err)
		}
		if _, err := h.Get(t.Context(), 999); !errors.Is(err, ErrNoRequest) {
			t.Errorf("of no request: %v", err)
		}
	})
}

func TestAcknowledgeThenAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		ctx := t.Context()
		h.sent()
		if _, err := h.cases.Set(ctx, receipt().Tag, cases.Change{State: feedback.CaseAnswered, Note: "Đã thông cống.", By: "minh"}); err != nil {
			t.Fatal(err)
		}
		h.ask(feedback.RightCorrect)
		h.ask(feedback.RightCorrect)
		is := h.first()
		if is.Times != 2 {
			t.Errorf("asked %d times", is.Times)
		}
		for range 2 {
			if told, err := h.Acknowledge(ctx, is.Number, "lan"); !told || err != nil {
				t.Fatalf("Acknowledge = %v, %v", told, err)
			}
		}
		acknowledged := "Phường đã nhận yêu cầu sửa dữ liệu cá nhân của Ông/Bà ngày 25/11/2026, sẽ trả lời chậm nhất ngày 05/12/2026."
		if got := h.note(); got != "Đã thông cống.\n\n"+acknowledged {
			t.Errorf("note %q", got)
		}
		if got := h.first(); got.AcknowledgedBy != "lan" || !got.Acknowledged.Equal(h.at) {
			t.Errorf("request %+v", got)
		}
		if _, err := h.Settle(ctx, is.Number, Settlement{By: "lan"}); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("without an answer: %v", err)
		}
		if _, err := h.Settle(ctx, is.Number, Settlement{Answer: strings.Repeat("ế", 700), By: "lan"}); err == nil {
			t.Error("an answer too long is taken")
		}
		h.at = h.at.Add(time.Hour)
		if told, err := h.Settle(ctx, is.Number, Settlement{Answer: " Đã sửa số điện thoại. ", By: "lan"}); !told || err != nil {
			t.Fatalf("Settle = %v, %v", told, err)
		}
		if got := h.note(); got != "Đã thông cống.\n\nYêu cầu sửa dữ liệu cá nhân ngày 25/11/2026 đã thực hiện: Đã sửa số điện thoại." {
			t.Errorf("note %q", got)
		}
		h.waiting(0)
		done, err := h.Rights.Settled(ctx, 10)
		if err != nil || len(done) != 2 || done[0].SettledBy != "lan" || !done[0].Settled.Equal(h.at) || done[0].Answer != "Đã sửa số điện thoại." || done[0].Refused {
			t.Errorf("settled %+v, %v", done, err)
		}
		if _, err := h.Settle(ctx, is.Number, Settlement{Answer: "x", By: "lan"}); !errors.Is(err, ErrSettled) {
			t.Errorf("settled twice: %v", err)
		}
		if is, err := h.cases.Get(ctx, receipt().Tag); err != nil || is.State != feedback.CaseAnswered {
			t.Errorf("the case is %s, %v", is.State, err)
		}
		h.ask(feedback.RightCorrect) // a year later
		h.take(1)
		h.waiting(1)
	})
}

// Whoever asked for several things reads one answer to each, and no promise of
// an answer that was given.
func TestEachRequestIsAnsweredOnItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.sent()
		var numbers []int64
		for _, right := range []feedback.Right{feedback.RightSee, feedback.RightDelete} {
			h.ask(right)
		}
		h.take(2)
		for _, is := range h.waiting(2) {
			numbers = append(numbers, is.Number)
			if _, err := h.Acknowledge(t.Context(), is.Number, "lan"); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range []Settlement{{Answer: "Xin mời đến bộ phận Một cửa.", By: "lan"}, {Refused: true, Answer: "Đang là chứng cứ.", By: "lan"}} {
			if told, err := h.Settle(t.Context(), numbers[i], s); !told || err != nil {
				t.Fatalf("Settle = %v, %v", told, err)
			}
		}
		const want = "Yêu cầu xem dữ liệu cá nhân ngày 25/11/2026 đã thực hiện: Xin mời đến bộ phận Một cửa.\n\n" +
			"Yêu cầu xóa dữ liệu cá nhân ngày 25/11/2026 bị từ chối: Đang là chứng cứ."
		if got := h.note(); got != want {
			t.Errorf("note %q, want %q", got, want)
		}
	})
}

func TestDeleteTakesAllAway(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.sent()
		h.ask(feedback.RightDelete)
		is := h.first()
		if told, err := h.Settle(t.Context(), is.Number, Settlement{By: "lan"}); told || err != nil {
			t.Fatalf("Settle = %v, %v", told, err)
		}
		for _, p := range s.Parts {
			if b, err := h.ledger.Blob(t.Context(), p.Hash); err != nil || b.Deleted == 0 {
				t.Errorf("part %d is still there: %v", p.Kind, err)
			}
		}
		if _, err := h.cases.Get(t.Context(), s.Tag); !errors.Is(err, cases.ErrNoCase) {
			t.Errorf("its case: %v", err)
		}
		list, err := h.orders.List(t.Context(), 0, 10)
		if err != nil || len(list) != 1 || list[0].By != "lan" || list[0].Done.IsZero() {
			t.Errorf("deletions %+v, %v", list, err)
		}
		h.waiting(0)
	})
}

func TestWithdrawTakesWhatNeededConsent(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.sent()
		h.ask(feedback.RightWithdraw)
		is := h.first()
		if _, err := h.Acknowledge(t.Context(), is.Number, "lan"); err != nil {
			t.Fatal(err)
		}
		if is, err := h.cases.Get(t.Context(), s.Tag); err != nil || is.State != feedback.CaseReceived {
			t.Errorf("once acknowledged the case is %s, %v", is.State, err)
		}
		if told, err := h.Settle(t.Context(), is.Number, Settlement{Answer: "Đã xóa số điện thoại và giọng nói.", By: "lan"}); !told || err != nil {
			t.Fatalf("Settle = %v, %v", told, err)
		}
		for _, p := range s.Parts {
			b, err := h.ledger.Blob(t.Context(), p.Hash)
			if gone := b.Deleted > 0; err != nil || gone == (p.Kind == feedback.AttachedWords) {
				t.Errorf("part %d: deleted %v, %v", p.Kind, gone, err)
			}
		}
		if is, err := h.cases.Get(t.Context(), s.Tag); err != nil || is.State != feedback.CaseWithdrawn || is.Note != "Yêu cầu rút lại sự đồng ý ngày 25/11/2026 đã thực hiện: Đã xóa số điện thoại và giọng nói." {
			t.Errorf("the case is %+v, %v", is, err)
		}
	})
}

func TestRefuse(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.sent()
		h.ask(feedback.RightDelete)
		is := h.first()
		if _, err := h.Settle(t.Context(), is.Number, Settlement{Refused: true, By: "lan"}); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("refused without a word: %v", err)
		}
		if told, err := h.Settle(t.Context(), is.Number, Settlement{Refused: true, Answer: "Đang là chứng cứ của vụ việc.", By: "lan"}); !told || err != nil {
			t.Fatalf("Settle = %v, %v", told, err)
		}
		if b, err := h.ledger.Blob(t.Context(), s.Parts[0].Hash); err != nil || b.Deleted > 0 || h.note() != "Yêu cầu xóa dữ liệu cá nhân ngày 25/11/2026 bị từ chối: Đang là chứng cứ của vụ việc." {
			t.Errorf("deleted %v, %v, note %q", b.Deleted, err, h.note())
		}
		if done, err := h.Rights.Settled(t.Context(), 1); err != nil || len(done) != 1 || !done[0].Refused {
			t.Errorf("settled %+v, %v", done, err)
		}
	})
}

// What nobody with the code asked stands apart, and nothing can be done for it.
func TestHostileRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.sent()
		for name, change := range map[string]func(*wire.RightsRequest){
			"no MAC":       func(r *wire.RightsRequest) { r.MAC = [32]byte{} },
			"of another":   func(r *wire.RightsRequest) { r.MAC = receipt().RightMAC("see") },
			"of a reply":   func(r *wire.RightsRequest) { r.MAC = receipt().ReplyMAC(1, true, 0) },
			"short tag":    func(r *wire.RightsRequest) { r.Receipt = r.Receipt[1:] },
			"another key":  func(r *wire.RightsRequest) { r.MAC = seal.Receipt{Tag: s.Tag}.RightMAC("delete") },
			"no receipt":   func(r *wire.RightsRequest) { r.Receipt = nil },
			"another word": func(r *wire.RightsRequest) { r.Right = "Delete" },
		} {
			h.ask(feedback.RightDelete, change)
			h.take(1)
			forged, err := h.Forged(t.Context(), 1)
			if err != nil || len(forged) != 1 {
				t.Fatalf("%s: forged %+v, %v", name, forged, err)
			}
			for _, refused := range []bool{false, true} {
				if _, err := h.Settle(t.Context(), forged[0].Number, Settlement{Refused: refused, Answer: "x", By: "lan"}); !errors.Is(err, ErrUnproven) {
					t.Errorf("%s: settled: %v", name, err)
				}
			}
			if _, err := h.Acknowledge(t.Context(), forged[0].Number, "lan"); !errors.Is(err, ErrUnproven) {
				t.Errorf("%s: acknowledged: %v", name, err)
			}
		}
		h.waiting(0)
		if forged, err := h.Forged(t.Context(), 100); err != nil || len(forged) != 7 {
			t.Errorf("%d forged, %v", len(forged), err)
		}
		if b, err := h.ledger.Blob(t.Context(), s.Parts[0].Hash); err != nil || b.Deleted > 0 || h.note() != "" {
			t.Errorf("deleted %v, %v, note %q", b.Deleted, err, h.note())
		}
	})
}

// A message to named officers: the hub has no key, so a request waits for the
// code, and only a refusal is possible before. Its hour is told to nobody.
func TestRequestWaitsForItsKey(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		ctx := t.Context()
		s := h.kiosk.Send(h.at, letterstest.Message{Kind: "phan-anh", Words: "Tố cáo.", To: []string{identity().Public}, Code: code, Named: true}).Arrive(h.spool, h.at)
		h.ask(feedback.RightDelete)
		h.ask(feedback.RightDelete, func(r *wire.RightsRequest) { r.MAC = [32]byte{} })
		h.take(2)
		is := h.waiting(1)[0]
		if is.Proof != cases.ProofUnknown || !is.DayOnly || is.Asked.Format(time.TimeOnly) != "17:00:00" || is.Received.Format(time.TimeOnly) != "17:00:00" {
			t.Errorf("request %+v", is)
		}
		if _, err := h.Settle(ctx, is.Number, Settlement{By: "lan"}); !errors.Is(err, ErrUnproven) {
			t.Errorf("deleted unproved: %v", err)
		}
		if told, err := h.Acknowledge(ctx, is.Number, "lan"); told || err != nil {
			t.Errorf("Acknowledge = %v, %v", told, err)
		}
		if _, err := h.cases.LearnCode(ctx, code); err != nil {
			t.Fatal(err)
		}
		h.take(0)
		if is = h.waiting(1)[0]; is.Proof != cases.ProofGood || is.Times != 1 {
			t.Errorf("with the code: %+v", is)
		}
		if forged, err := h.Forged(ctx, 10); err != nil || len(forged) != 1 {
			t.Errorf("forged %+v, %v", forged, err)
		}
		if _, err := h.Settle(ctx, is.Number, Settlement{By: "lan"}); err != nil {
			t.Error(err)
		}
		if b, err := h.ledger.Blob(ctx, s.Parts[0].Hash); err != nil || b.Deleted == 0 {
			t.Errorf("still there: %v", err)
		}
	})
}

// Several hubs take the same requests at once: each stands there once.
func TestTakenBySeveralHubs(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.sent()
		for _, right := range []feedback.Right{"see", "correct", "withdraw", "delete"} {
			h.ask(right)
		}
		var taking sync.WaitGroup
		for range 3 {
			r := h.open()
			taking.Go(func() {
				if _, err := r.Take(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		taking.Wait()
		var rights []string
		for _, is := range h.waiting(4) {
			rights = append(rights, string(is.Right))
		}
		slices.Sort(rights)
		if fmt.Sprint(rights) != "[correct delete see withdraw]" {
			t.Errorf("waiting %v", rights)
		}
	})
}

// The law's time is counted over all that wait, more than one page of them.
func TestLateOnesAreAllCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		const many = 1100
		put := func(tx *database.Tx, n int, right feedback.Right, asked time.Time, proof cases.Proof) error {
			tag := fmt.Appendf(nil, "%016d", n)
			record := fmt.Appendf(nil, "%016x", asked.UnixMicro()+int64(n))
			_, err := tx.Exec(t.Context(), h.sql["put"], record, tag, string(right), "qt-01", asked.UnixMicro(), 0, asked.UnixMicro(), string(proof))
			return err
		}
		h.ok(h.db.Write(t.Context(), func(tx *database.Tx) error {
			for n := range many {
				asked := wednesday.Add(time.Duration(n%3) * 24 * time.Hour)
				if err := errors.Join(put(tx, n, feedback.RightSee, asked, cases.ProofGood), put(tx, n, feedback.RightSee, asked.Add(time.Hour), cases.ProofGood),
					put(tx, n, feedback.RightSee, asked.Add(2*time.Hour), cases.ProofForged)); err != nil {
					return err
				}
			}
			return put(tx, many, feedback.RightDelete, wednesday, cases.ProofUnknown)
		}))
		firstDay := (many + 2) / 3
		h.wantLate(wednesday.Add(48*time.Hour), 0)
		h.wantLate(time.Date(2026, 11, 27, 17, 0, 0, 0, time.UTC), firstDay+1) // unacknowledged after two working days, at midnight
		h.wantLate(wednesday.Add(14*24*time.Hour), many+1)
		_, err := h.Acknowledge(t.Context(), h.first().Number, "lan")
		h.ok(err)
		h.wantLate(wednesday.Add(3*24*time.Hour), firstDay)
		h.wantLate(wednesday.Add(14*24*time.Hour), many+1)
	})
}

func (h *hub) wantLate(now time.Time, want int) {
	h.t.Helper()
	if n, err := h.Late(h.t.Context(), now); n != want || err != nil {
		h.t.Errorf("%d are late at %s, %v, want %d", n, now, err, want)
	}
}
