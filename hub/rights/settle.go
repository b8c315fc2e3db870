package rights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"nghe/hub/cases"
	"nghe/shared/feedback"
)

// becauseAsked stands in the record of deletions.
const becauseAsked = "người gửi yêu cầu bằng mã biên nhận (Nghị định 356/2025/NĐ-CP)"

// Settlement is how a request ends.
type Settlement struct {
	Refused bool   // nothing is done
	Answer  string // words to the resident; empty only where the data is deleted
	By      string // operator's account
}

// Acknowledge has the resident know that the request arrived, where a case can
// say so: told is whether one does. Doing it twice is doing it once.
func (r *Rights) Acknowledge(ctx context.Context, number int64, by string) (told bool, err error) {
	is, err := r.unsettled(ctx, number)
	if err != nil || !is.Acknowledged.IsZero() {
		return is.told != "", err
	}
	if is.Proof == cases.ProofForged {
		return false, ErrUnproven
	}
	words := acknowledgement(is)
	if told, err = r.tell(ctx, is, words, by, false); err != nil {
		return false, fmt.Errorf("acknowledge request %d: %w", number, err)
	}
	if !told {
		words = ""
	}
	_, err = r.exec(ctx, "acknowledge", r.cfg.Now().UnixMicro(), by, words, is.Tag, string(is.Right), string(is.Proof))
	return told, err
}

// Settle does what was asked and says so, or refuses with the reason as the
// answer: told is whether the resident's case carries it. All requests for the
// same right under the receipt are settled with it. What was done when it fails
// half way is done once when it is tried again.
//
// To delete takes away all under the receipt, and the case with it. To withdraw
// takes away what needed consent (contact, voice, photo), and the case is
// withdrawn where the ward was still at it. To see and to correct are done by
// people before; only the answer is kept.
func (r *Rights) Settle(ctx context.Context, number int64, s Settlement) (told bool, err error) {
	is, err := r.unsettled(ctx, number)
	if err != nil {
		return false, err
	}
	s.Answer = strings.TrimSpace(s.Answer)
	deletes := is.Right == feedback.RightDelete && !s.Refused
	switch {
	case is.Proof == cases.ProofForged, is.Proof != cases.ProofGood && !s.Refused:
		return false, ErrUnproven
	case s.Answer == "" && !deletes:
		return false, ErrNoAnswer
	}
	says := outcome(is, s)
	if err := feedback.ValidNote(says); err != nil {
		return false, fmt.Errorf("settle request %d: %w", number, err)
	}
	if told, err = r.do(ctx, is, s, says, deletes); err != nil {
		return false, fmt.Errorf("settle request %d: %w", number, err)
	}
	refused := int64(0)
	if s.Refused {
		refused = 1
	}
	if !told {
		says = ""
	}
	_, err = r.exec(ctx, "settle", r.cfg.Now().UnixMicro(), s.By, refused, s.Answer, says, is.Tag, string(is.Right), string(is.Proof))
	return told, err
}

// Forget drops the answers given under a receipt: what a resident was told of
// their data may be that data. Who settled what, when and how stays.
func (r *Rights) Forget(ctx context.Context, tag [16]byte) error {
	_, err := r.exec(ctx, "forget answers", tag[:])
	return err
}

func (r *Rights) unsettled(ctx context.Context, number int64) (Request, error) {
	is, err := r.Get(ctx, number)
	if err == nil && !is.Settled.IsZero() {
		err = ErrSettled
	}
	return is, err
}

func (r *Rights) do(ctx context.Context, is Request, s Settlement, says string, deletes bool) (told bool, err error) {
	if deletes {
		_, err = r.cfg.Deletions.Receipt(ctx, [16]byte(is.Tag), becauseAsked, s.By)
		return false, err
	}
	withdraws := is.Right == feedback.RightWithdraw && !s.Refused
	if withdraws {
		if err := r.withdraw(ctx, is, s.By); err != nil {
			return false, err
		}
	}
	return r.tell(ctx, is, says, s.By, withdraws)
}

// withdraw deletes what was given under a consent. Words need none.
func (r *Rights) withdraw(ctx context.Context, is Request, by string) error {
	messages, err := r.cfg.Ledger.MessagesOf(ctx, is.Tag)
	if err != nil {
		return err
	}
	for _, m := range messages {
		for _, b := range m.Blobs {
			if b.Kind == feedback.AttachedWords || b.Deleted > 0 {
				continue
			}
			if _, err := r.cfg.Deletions.Blob(ctx, b.Hash, becauseAsked, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell puts words into the note of the case, after what the ward said there, in
// the place of what was said of this request before. False: no case can carry
// them, or it may be somebody else's.
func (r *Rights) tell(ctx context.Context, is Request, words, by string, withdraws bool) (bool, error) {
	if is.Proof != cases.ProofGood {
		return false, nil
	}
	tag := cases.Tag(is.Tag)
	now, err := r.cfg.Cases.Get(ctx, tag)
	if errors.Is(err, cases.ErrNoCase) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ch := cases.Change{State: now.State, Note: noteWith(now.Note, is.told, words), By: by}
	if withdraws && now.State.Open() {
		ch.State = feedback.CaseWithdrawn
	}
	_, err = r.cfg.Cases.Set(ctx, tag, ch)
	if errors.Is(err, cases.ErrNoKey) {
		return false, nil
	}
	return err == nil, err
}

// noteWith is a note that ends with words, without what was told before: other
// requests may have been answered behind that.
func noteWith(note, told, words string) string {
	if told != "" {
		note = strings.Replace(strings.Replace(note, told, "", 1), "\n\n\n\n", "\n\n", 1)
	}
	note = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(note), words))
	if note == "" {
		return words
	}
	return note + "\n\n" + words
}

var inVietnamese = map[feedback.Right]string{feedback.RightSee: "xem dữ liệu cá nhân", feedback.RightCorrect: "sửa dữ liệu cá nhân",
	feedback.RightDelete: "xóa dữ liệu cá nhân", feedback.RightWithdraw: "rút lại sự đồng ý"}

// outcome is what a resident reads of a settled request: with several under one
// receipt, which of them it answers.
func outcome(is Request, s Settlement) string {
	how := "đã thực hiện"
	if s.Refused {
		how = "bị từ chối"
	}
	said := fmt.Sprintf("Yêu cầu %s ngày %s %s", cmp.Or(inVietnamese[is.Right], "về dữ liệu cá nhân"), is.Asked.In(vietnam).Format("02/01/2006"), how)
	if s.Answer == "" {
		return said + "."
	}
	return said + ": " + s.Answer
}

// acknowledgement is what a resident reads until the request is settled.
func acknowledgement(is Request) string {
	last := is.Due.Settle.AddDate(0, 0, -1)
	return fmt.Sprintf("Phường đã nhận yêu cầu %s của Ông/Bà ngày %s, sẽ trả lời chậm nhất ngày %s.",
		cmp.Or(inVietnamese[is.Right], "về dữ liệu cá nhân"), is.Asked.In(vietnam).Format("02/01/2006"), last.In(vietnam).Format("02/01/2006"))
}
