package screen

import (
	"errors"
	"net/http"

	"nghe/kiosk/bulletin"
	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// Claims keeps what somebody says who has a receipt's code; *outbox.Outbox is
// one.
type Claims interface {
	// PutClaim returns only after the claim is on disk. The same request with
	// the same claim gives the same receipt.
	PutClaim(request string, c outbox.Claim) (outbox.MessageReceipt, error)
	// Claim finds a request that was kept before.
	Claim(request string, c outbox.Claim) (outbox.MessageReceipt, bool, error)
	// Left says whether a message under a receipt was left at this kiosk.
	Left(tag [16]byte) (bool, error)
	// Claimed is what was claimed here last under a receipt.
	Claimed(tag [16]byte) ([]outbox.Claim, error)
}

var _ Claims = (*outbox.Outbox)(nil)

// keptClaim answers a claim that is safe. One held back has no id yet.
type keptClaim struct {
	Held bool   `json:"held"`
	ID   string `json:"id,omitempty"`
	Seq  uint64 `json:"seq,omitempty"`
}

// replyAsk is POST /api/replies: who has the code confirms an answered case or
// has it reopened.
type replyAsk struct {
	Request string `json:"request"` // minted once per act, repeated with it
	Code    string `json:"code"`
	Version uint16 `json:"version"` // of the case that was on the screen
	Reopen  bool   `json:"reopen"`  // else: confirms
	Score   int    `json:"score"`   // 1 … 5 satisfaction with the answer, 0 when not given
}

func (s *Screen) postReply(w http.ResponseWriter, r *http.Request) {
	var ask replyAsk
	bad := readSmall(w, r, &ask)
	switch {
	case bad != nil:
	case ask.Version == 0:
		bad = &refusal{http.StatusUnprocessableEntity, "invalid", "the version that POST /api/receipts told", "version"}
	case ask.Score < 0 || ask.Score > 5:
		bad = &refusal{http.StatusUnprocessableEntity, "invalid", "0 to 5", "score"}
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	s.keepClaim(w, ask.Request, ask.Code, func(receipt seal.Receipt) outbox.Claim {
		return outbox.Claim{Receipt: receipt.Tag, Version: uint64(ask.Version), Reopen: ask.Reopen, Score: ask.Score,
			MAC: receipt.ReplyMAC(uint64(ask.Version), ask.Reopen, uint8(ask.Score))}
	}, func(receipt seal.Receipt) (*refusal, error) {
		news, known, err := s.news(receipt)
		switch {
		case err != nil:
			return nil, err
		case !known:
			return &noResult, nil
		case ask.Version > news.Version:
			return &refusal{http.StatusUnprocessableEntity, "invalid", "the version that POST /api/receipts told", "version"}, nil
		case !news.State.MayReply():
			return &refusal{http.StatusUnprocessableEntity, "state", "The ward is at work on it: there is no answer to confirm, and nothing to reopen.", ""}, nil
		}
		return nil, nil
	})
}

// rightAsk is POST /api/rights: who has the code uses a right to the data.
type rightAsk struct {
	Request string         `json:"request"` // minted once per act, repeated with it
	Code    string         `json:"code"`
	Right   feedback.Right `json:"right"`
}

func (s *Screen) postRight(w http.ResponseWriter, r *http.Request) {
	var ask rightAsk
	bad := readSmall(w, r, &ask)
	if bad == nil && !ask.Right.Known() {
		bad = &refusal{http.StatusUnprocessableEntity, "invalid", "see, correct, delete or withdraw", "right"}
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	s.keepClaim(w, ask.Request, ask.Code, func(receipt seal.Receipt) outbox.Claim {
		return outbox.Claim{Receipt: receipt.Tag, Right: ask.Right, MAC: receipt.RightMAC(string(ask.Right))}
	}, s.knowsCode)
}

// knowsCode refuses a code of which nothing is known here, so that nobody is
// thanked for a mistyped one.
func (s *Screen) knowsCode(receipt seal.Receipt) (*refusal, error) {
	_, known, err := s.news(receipt)
	if err == nil && !known {
		known, err = s.cfg.Claims.Left(receipt.Tag)
	}
	if err != nil || known {
		return nil, err
	}
	return &noResult, nil
}

// keepClaim keeps what of makes of a receipt, once allow has nothing against
// it. What was kept before is answered whatever became of the case since.
func (s *Screen) keepClaim(w http.ResponseWriter, request, code string, of func(seal.Receipt) outbox.Claim, allow func(seal.Receipt) (*refusal, error)) {
	kept, bad := s.claim(w, request, code, of, allow)
	if bad != nil {
		refuse(w, *bad)
		return
	}
	view := keptClaim{Held: kept.Held}
	if !kept.Held {
		view.ID, view.Seq = kept.ID.String(), kept.Seq
	}
	reply(w, http.StatusCreated, view)
}

func (s *Screen) claim(w http.ResponseWriter, request, code string, of func(seal.Receipt) outbox.Claim, allow func(seal.Receipt) (*refusal, error)) (kept outbox.MessageReceipt, bad *refusal) {
	if !isName(request, 64) {
		return kept, &refusal{http.StatusUnprocessableEntity, "invalid", "1 to 64 letters, digits, - or _", "request"}
	}
	if bad := s.closed(); bad != nil {
		return kept, bad
	}
	receipt, bad := s.tryCode(w, request, code)
	if bad != nil {
		return kept, bad
	}
	if s.cfg.Claims == nil {
		return kept, &noResult
	}
	c := of(receipt)
	kept, known, err := s.cfg.Claims.Claim(request, c)
	if err == nil && !known {
		if bad, err = allow(receipt); bad != nil {
			return kept, bad
		}
		if err == nil {
			kept, err = s.cfg.Claims.PutClaim(request, c)
		}
	}
	return kept, s.claimFailed(err)
}

// claimFailed is where a failure to keep a claim is logged, once.
func (s *Screen) claimFailed(err error) *refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, outbox.ErrConflict):
		return &refusal{http.StatusConflict, "conflict", "This request id was used for something else; mint a new one.", "request"}
	}
	s.cfg.Logger.Error("claim not kept", "err", err)
	return &refusal{http.StatusServiceUnavailable, ownFailure, "This is not kept; send the same request again.", ""}
}

// saidView is what was said here last by the same code.
type saidView struct {
	Reply  string           `json:"reply"`  // to this version of the case: "confirmed", "reopened", or empty
	Rights []feedback.Right `json:"rights"` // that were used, ever
}

func (s *Screen) said(receipt seal.Receipt, news bulletin.News) (saidView, error) {
	view := saidView{Rights: []feedback.Right{}}
	if s.cfg.Claims == nil {
		return view, nil
	}
	all, err := s.cfg.Claims.Claimed(receipt.Tag)
	for _, c := range all {
		switch {
		case c.Right != "":
			view.Rights = append(view.Rights, c.Right)
		case c.Version != uint64(news.Version):
		case c.Reopen:
			view.Reply = "reopened"
		default:
			view.Reply = "confirmed"
		}
	}
	return view, err
}
