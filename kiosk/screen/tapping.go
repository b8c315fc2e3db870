package screen

import (
	"net/http"
	"time"

	"nghe/kiosk/conduct"
	"nghe/kiosk/outbox"
)

// keep has an answer kept, with the rules that name how it was tapped. One at a
// time: what one visit did is remembered before the next is judged.
func (s *Screen) keep(sub submission) (outbox.Receipt, error) {
	s.judging.Lock()
	defer s.judging.Unlock()
	ago := time.Duration(sub.TappedMsAgo) * time.Millisecond
	tap := conduct.Tap{Request: sub.Request, Visit: sub.Visit, Question: sub.Answer.Questionnaire + "/" + sub.Answer.Question,
		Score: sub.Answer.Score, At: s.cfg.Monotonic() - ago, Extra: sub.ExtraTaps, Touches: sub.Touches, Closed: s.placeClosed(ago)}
	rules := s.judge.Rules(tap)
	receipt, err := s.cfg.Outbox.PutTapped(sub.Request, sub.Answer, sub.Replaces, outbox.Tap{Ago: ago, Rules: rules})
	if err == nil {
		s.judge.Kept(tap, rules)
	}
	return receipt, err
}

// placeClosed says whether the place is known to have been closed so long ago.
func (s *Screen) placeClosed(ago time.Duration) bool {
	if s.cfg.ClockKnown == nil || !s.cfg.ClockKnown() {
		return false
	}
	at := s.cfg.Now().Add(-ago)
	return !s.facts().HouseAt(s.cfg.Place.ID, at).Open(at)
}

// checkTap knows no upper bound: no rating is refused for how it was tapped.
func checkTap(sub submission) *refusal {
	bad := func(field, want string) *refusal {
		return &refusal{http.StatusUnprocessableEntity, "invalid", want, field}
	}
	switch {
	case sub.Visit != "" && !isName(sub.Visit, 64):
		return bad("visit", "empty, or 1 to 64 letters, digits, - or _")
	case sub.ExtraTaps < 0:
		return bad("extra_taps", "0 or more")
	case sub.Touches < 0:
		return bad("touches", "1 or more, or 0 when not known")
	}
	return nil
}
