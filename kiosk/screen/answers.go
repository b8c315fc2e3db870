package screen

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/strict"
)

const (
	// maxBody bounds an answer's JSON; the largest possible is below 4 KiB.
	maxBody = 16 << 10
	// bodyTime is for a page on the same machine to send it.
	bodyTime = 10 * time.Second
)

// submission is what the page posts. Request is minted once per answer and
// repeated with it; Replaces is the id of the answer a resident took back.
// TappedMsAgo is how long the answer has waited on the page by its monotonic
// clock, for while the page could not reach the kiosk a resident's minute to
// take an answer back went by; 0 to 600000, and each repetition tells its own.
//
// The rest says how a rating was tapped, and may be left out. What is known only
// after the answer was sent is told by repeating the request with it.
type submission struct {
	Request  string          `json:"request"`
	Answer   feedback.Answer `json:"answer"`
	Replaces string          `json:"replaces"`

	TappedMsAgo int64 `json:"tapped_ms_ago"`

	Visit     string `json:"visit"`      // minted by the page, one per visit; never stored, only to tell visits apart
	ExtraTaps int    `json:"extra_taps"` // further taps on the tile while it was locked
	Touches   int    `json:"touches"`    // most contacts on the glass while it was pressed; a palm is more than one
}

type kept struct {
	ID  string `json:"id"`
	Seq uint64 `json:"seq"`
}

// refusal is an error answer. Message says what to do; it never carries an
// internal error or a resident's words.
type refusal struct {
	status               int
	code, message, field string
}

func (s *Screen) postAnswer(w http.ResponseWriter, r *http.Request) {
	// Not every ResponseWriter of a test can set a deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	sub, bad := readSubmission(w, r)
	if bad == nil {
		bad = s.check(sub)
	}
	if bad == nil {
		bad = s.closed()
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	receipt, err := s.keep(sub)
	if err != nil {
		s.refusePut(w, err)
		return
	}
	reply(w, http.StatusCreated, kept{ID: receipt.ID.String(), Seq: receipt.Seq})
}

func readSubmission(w http.ResponseWriter, r *http.Request) (submission, *refusal) {
	var sub submission
	if !isJSON(r.Header.Get("Content-Type")) {
		return sub, &refusal{http.StatusUnsupportedMediaType, "content-type", "Send application/json.", ""}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return sub, &refusal{http.StatusRequestEntityTooLarge, "too-large", "Send at most 16 KiB.", ""}
	}
	if err != nil {
		return sub, &refusal{http.StatusBadRequest, "unread", "Send the whole body within 10 s.", ""}
	}
	if err := strict.JSON(body, &sub); err != nil {
		return sub, &refusal{http.StatusBadRequest, "malformed", err.Error(), ""}
	}
	return sub, nil
}

// closed refuses everything while the ward has this kiosk paused.
func (s *Screen) closed() *refusal {
	if s.cfg.Status().Closed {
		return &refusal{http.StatusServiceUnavailable, "paused", "This kiosk is paused by the ward; send the same request again later.", ""}
	}
	return nil
}

// check refuses what no resident could have tapped.
func (s *Screen) check(sub submission) *refusal {
	if !isName(sub.Request, 64) {
		return &refusal{http.StatusUnprocessableEntity, "invalid", "1 to 64 letters, digits, - or _", "request"}
	}
	if sub.Replaces != "" && !isHex(sub.Replaces, 32) {
		return &refusal{http.StatusUnprocessableEntity, "invalid", "empty, or the 32 hexadecimal digits of an answer's id", "replaces"}
	}
	if sub.TappedMsAgo < 0 || sub.TappedMsAgo > outbox.LongestWait.Milliseconds() {
		return &refusal{http.StatusUnprocessableEntity, "invalid", "0 to 600000", "tapped_ms_ago"}
	}
	if bad := checkTap(sub); bad != nil {
		return bad
	}
	q, bad := s.questionnaire(sub.Answer)
	if bad != nil {
		return bad
	}
	if err := sub.Answer.Validate(q); err != nil {
		return invalid(err, "answer.")
	}
	return nil
}

// invalid tells which field is wrong, when err knows.
func invalid(err error, prefix string) *refusal {
	r := refusal{http.StatusUnprocessableEntity, "invalid", "This is not an answer to its question.", ""}
	if told := (*feedback.Invalid)(nil); errors.As(err, &told) {
		r.message, r.field = told.Want, prefix+told.Field
	}
	return &r
}

func (s *Screen) questionnaire(a feedback.Answer) (feedback.Questionnaire, *refusal) {
	if q, ok := s.askedOnce(a.Questionnaire, a.Version); ok {
		return q, nil
	}
	field := "answer.questionnaire"
	for _, q := range s.asked() {
		if q.ID == a.Questionnaire {
			field = "answer.version"
		}
	}
	return feedback.Questionnaire{}, &refusal{http.StatusUnprocessableEntity, "invalid", "name a questionnaire and version of GET /api/questionnaires", field}
}

// refusePut is where a failure of the outbox is logged, once.
func (s *Screen) refusePut(w http.ResponseWriter, err error) {
	told := (*feedback.Invalid)(nil)
	switch {
	case errors.Is(err, outbox.ErrConflict):
		refuse(w, refusal{http.StatusConflict, "conflict", "This request id was used for another answer; mint a new one.", "request"})
	case errors.As(err, &told):
		refuse(w, *invalid(err, ""))
	default:
		s.cfg.Logger.Error("answer not kept", "err", err)
		refuse(w, refusal{http.StatusServiceUnavailable, ownFailure, "The answer is not kept; send the same request again.", ""})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // every body is a struct of this package
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a page that went away asks again
}

func refuse(w http.ResponseWriter, r refusal) {
	if noted, ok := w.(*notedWriter); ok {
		noted.why = r
	}
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field,omitempty"`
	}
	reply(w, r.status, struct {
		Error detail `json:"error"`
	}{detail{r.code, r.message, r.field}})
}

func isName(s string, most int) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s != "" && len(s) <= most && strings.Trim(s, letters) == ""
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/json"
}
