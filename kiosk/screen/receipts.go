package screen

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"net/http"
	"runtime"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/strict"
)

// Bulletin is what the hub told this kiosk; *bulletin.Bulletin is one.
type Bulletin interface {
	// Questionnaires are those published, whether due or not; none means that
	// none was.
	Questionnaires() []feedback.Questionnaire
	// Questionnaire finds any version that was ever asked here.
	Questionnaire(id string, version int) (feedback.Questionnaire, bool)
	Texts() feedback.Texts
	Notices() []feedback.Notice
	Facts() feedback.Facts
	// News opens the case of a receipt; false when there is none to open.
	News(r seal.Receipt) (bulletin.News, bool, error)
	// ReceiptDeleted says whether what was left under a tag was deleted by law.
	ReceiptDeleted(tag [16]byte) (bool, error)
}

var _ Bulletin = (*bulletin.Bulletin)(nil)

// vietnam has no summer time.
var vietnam = time.FixedZone("ICT", 7*60*60)

// asked are the questionnaires to ask now and here, the first first. Whatever
// was published and whatever the clock shows, there is one.
func (s *Screen) asked() []feedback.Questionnaire {
	if s.cfg.Bulletin != nil {
		if due := feedback.Due(s.cfg.Bulletin.Questionnaires(), s.cfg.Place.ID, s.cfg.Now()); len(due) > 0 {
			return due
		}
	}
	return s.cfg.Questionnaires
}

// askedOnce finds a questionnaire that is not asked now: whoever has begun with
// it may finish.
func (s *Screen) askedOnce(id string, version int) (feedback.Questionnaire, bool) {
	if s.cfg.Bulletin != nil {
		if q, ok := s.cfg.Bulletin.Questionnaire(id, version); ok {
			return q, true
		}
	}
	for _, q := range s.cfg.Questionnaires {
		if q.ID == id && q.Version == version {
			return q, true
		}
	}
	return feedback.Questionnaire{}, false
}

// boardView is GET /api/board: what hangs here today, what the ward words
// itself, whom to call, and this house.
type boardView struct {
	Notices   []feedback.Notice  `json:"notices"`
	Texts     feedback.Texts     `json:"texts"`
	Contacts  []feedback.Contact `json:"contacts"` // those for emergencies first, never none
	Caretaker feedback.Caretaker `json:"caretaker,omitzero"`
	Hours     []feedback.Times   `json:"hours"` // this house is open in any of them; none: not told
}

func (s *Screen) getBoard(w http.ResponseWriter, _ *http.Request) {
	here, now := s.cfg.Place.ID, s.cfg.Now()
	facts := s.facts()
	house := facts.HouseAt(here, now)
	view := boardView{Notices: []feedback.Notice{}, Texts: feedback.Texts{}, Contacts: facts.ContactsAt(here, now),
		Caretaker: house.Caretaker, Hours: append([]feedback.Times{}, house.Hours...)}
	if s.cfg.Bulletin != nil {
		for _, n := range s.cfg.Bulletin.Notices() {
			if n.Holds(here, now) {
				view.Notices = append(view.Notices, n)
			}
		}
		maps.Copy(view.Texts, s.cfg.Bulletin.Texts())
	}
	reply(w, http.StatusOK, view)
}

func (s *Screen) facts() feedback.Facts {
	if s.cfg.Bulletin == nil {
		return feedback.Facts{}
	}
	return s.cfg.Bulletin.Facts()
}

// newsView answers "what became of mine?".
type newsView struct {
	State   string        `json:"state"` // feedback.CaseState; in-progress for one newer than this program
	Text    feedback.Text `json:"state_text"`
	Updated string        `json:"updated"` // RFC 3339, to the minute
	Note    string        `json:"note"`    // the ward's words, or empty
	Version uint16        `json:"version"` // of the case; a reply names the one it saw
	// MayReply says that the case can be confirmed or reopened now.
	MayReply bool     `json:"may_reply"`
	Said     saidView `json:"said"`
}

// maxSmall bounds the JSON of a request that holds hardly anything.
const maxSmall = 1 << 10

const wantCode = "10 letters and digits, for example 4Q7K9-M2XHT"

var (
	noResult = refusal{http.StatusNotFound, "no-result", "There is no result yet, or the code is wrong.", ""}
	waiting  = refusal{http.StatusNotFound, "waiting", "The message was left here; the ward has not said anything of it yet.", ""}
	deleted  = refusal{http.StatusGone, "deleted", "What was left with this code was deleted.", ""}
)

// postReceipt answers from the boxes this kiosk holds. The code is in no
// address and in no log, and is forgotten with the request.
func (s *Screen) postReceipt(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Code string `json:"code"`
	}
	bad := readSmall(w, r, &ask)
	var receipt seal.Receipt
	if bad == nil {
		receipt, bad = s.tryCode(w, "", ask.Code)
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	view, bad := s.newsView(receipt)
	if bad != nil {
		refuse(w, *bad)
		return
	}
	reply(w, http.StatusOK, view)
}

func (s *Screen) newsView(receipt seal.Receipt) (newsView, *refusal) {
	var said saidView
	news, known, err := s.news(receipt)
	switch {
	case err == nil && !known:
		var bad refusal
		if bad, err = s.noNews(receipt); err == nil {
			return newsView{}, &bad
		}
	case err == nil:
		said, err = s.said(receipt, news)
	}
	if err != nil {
		s.cfg.Logger.Error("case not read", "err", err)
		return newsView{}, &refusal{http.StatusServiceUnavailable, ownFailure, "The result cannot be read; try again.", ""}
	}
	return newsView{State: cmp.Or(news.State.String(), feedback.CaseInProgress.String()), Text: news.State.Text(), Note: news.Note, Version: news.Version,
		Updated: news.Updated.In(vietnam).Format(time.RFC3339), MayReply: news.State.MayReply(), Said: said}, nil
}

// noNews tells apart a message that was deleted, one that was left here and
// waits for the ward, and a code nobody here knows: whoever asked for the
// first, or has just sent the second, would doubt the code.
func (s *Screen) noNews(receipt seal.Receipt) (refusal, error) {
	var gone, left bool
	var err error
	if s.cfg.Bulletin != nil {
		gone, err = s.cfg.Bulletin.ReceiptDeleted(receipt.Tag)
	}
	if err == nil && !gone && s.cfg.Claims != nil {
		left, err = s.cfg.Claims.Left(receipt.Tag)
	}
	switch {
	case gone:
		return deleted, err
	case left:
		return waiting, err
	}
	return noResult, err
}

// tryCode derives the receipt for a code that is nobody's too: what takes the
// time is the derivation, and it takes as long. A request that comes again with
// its code is no other try.
func (s *Screen) tryCode(w http.ResponseWriter, request, typed string) (seal.Receipt, *refusal) {
	code, err := seal.ParseCode(typed)
	if err != nil {
		return seal.Receipt{}, &refusal{http.StatusUnprocessableEntity, "invalid", wantCode, "code"}
	}
	if bad := rationed(w, s.codes.take(request, code, s.cfg.Now()), "Too many codes were tried here; wait a little."); bad != nil {
		return seal.Receipt{}, bad
	}
	return s.receiptOf(code), nil
}

func (s *Screen) news(receipt seal.Receipt) (bulletin.News, bool, error) {
	if s.cfg.Bulletin == nil {
		return bulletin.News{}, false, nil
	}
	return s.cfg.Bulletin.News(receipt)
}

// receiptOf takes 16 MiB for a moment, which must be free before and are free
// after: neither a derivation nor the parts of a message then take more.
func (s *Screen) receiptOf(code seal.Code) seal.Receipt {
	s.oneCode.Lock()
	defer s.oneCode.Unlock()
	runtime.GC()
	defer runtime.GC()
	return code.Receipt()
}

func readSmall(w http.ResponseWriter, r *http.Request, v any) *refusal {
	if !isJSON(r.Header.Get("Content-Type")) {
		return &refusal{http.StatusUnsupportedMediaType, "content-type", "Send application/json.", ""}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSmall))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &refusal{http.StatusRequestEntityTooLarge, "too-large", "Send at most 1 KiB.", ""}
	}
	if err != nil {
		return &refusal{http.StatusBadRequest, "unread", "Send the whole body.", ""}
	}
	if err := strict.JSON(body, v); err != nil {
		return &refusal{http.StatusBadRequest, "malformed", err.Error(), ""}
	}
	return nil
}
