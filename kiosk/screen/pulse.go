package screen

import (
	"net/http"
	"time"
)

// Pulse watches whether the page paints; *pulse.Pulse is one.
type Pulse interface {
	// Challenge is what the page is to prove a frame with, and how often to.
	Challenge() (nonce string, every time.Duration)
	// Painted is false for a nonce that is old, or was never handed out.
	Painted(nonce string) bool
}

// challengeView is part of the status, and answers a proof.
type challengeView struct {
	Nonce   string `json:"nonce"`
	EveryMS int64  `json:"every_ms"`
}

func (s *Screen) challenge() *challengeView {
	if s.cfg.Pulse == nil {
		return nil
	}
	nonce, every := s.cfg.Pulse.Challenge()
	return &challengeView{nonce, every.Milliseconds()}
}

// leastFrames: when the second begins, the first was drawn.
const leastFrames = 2

// postPulse takes the proof of a page that was visible and painted so many
// frames after it was handed the nonce. It answers with the next challenge.
func (s *Screen) postPulse(w http.ResponseWriter, r *http.Request) {
	var proof struct {
		Nonce  string `json:"nonce"`
		Frames int    `json:"frames"`
	}
	bad := readSmall(w, r, &proof)
	switch {
	case bad != nil:
	case proof.Frames < leastFrames:
		bad = &refusal{http.StatusUnprocessableEntity, "invalid", "2 or more", "frames"}
	case s.cfg.Pulse == nil || !s.cfg.Pulse.Painted(proof.Nonce):
		bad = &refusal{http.StatusConflict, "stale", "Ask GET /api/status for a nonce.", "nonce"}
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	reply(w, http.StatusOK, s.challenge())
}
