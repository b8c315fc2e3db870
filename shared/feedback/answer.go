package feedback

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// Limits on what one answer may carry.
const (
	MaxAttachments    = 4
	MaxAttachmentSize = 16 << 20 // bytes, sealed
)

// MarshalText writes 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads them.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return invalid("hash", "64 hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return invalid("hash", "64 hexadecimal digits")
	}
	return nil
}

// Validate says whether a is one a resident could have given to q. Its error
// is an *Invalid.
func (a Answer) Validate(q Questionnaire) error {
	if err := a.validate(q); err != nil {
		return err
	}
	return nil
}

func (a Answer) validate(q Questionnaire) *Invalid {
	if a.Questionnaire != q.ID {
		return invalid("questionnaire", fmt.Sprintf("answer the questionnaire shown, %q", q.ID))
	}
	if a.Version != q.Version {
		return invalid("version", fmt.Sprintf("answer the version shown, %d; fetch the questionnaires again", q.Version))
	}
	question, ok := q.Question(a.Question)
	if !ok {
		return invalid("question", fmt.Sprintf("name a question of %q", q.ID))
	}
	if !a.Language.offered() {
		return invalid("language", wantLanguage)
	}
	if a.Skipped {
		return a.validateSkipped()
	}
	return a.validateGiven(question)
}

func (a Answer) validateSkipped() *Invalid {
	switch {
	case a.Score != 0:
		return invalid("score", "leave it out of a skipped answer")
	case len(a.Choices) > 0:
		return invalid("choices", "leave them out of a skipped answer")
	case len(a.Attachments) > 0:
		return invalid("attachments", "leave them out of a skipped answer")
	}
	return nil
}

func (a Answer) validateGiven(q Question) *Invalid {
	if q.Kind != Satisfaction && a.Score != 0 {
		return invalid("score", "only a satisfaction question takes a score")
	}
	if q.Kind != Choices && q.Kind != YesPartlyNo && len(a.Choices) > 0 {
		return invalid("choices", "this question offers none")
	}
	if len(a.Attachments) > 0 && attachable(q.Kind) == 0 {
		return invalid("attachments", "this question takes none")
	}
	switch q.Kind {
	case Satisfaction:
		if a.Score < 1 || a.Score > 5 {
			return invalid("score", "a whole number from 1 (very dissatisfied) to 5 (very satisfied), or skipped")
		}
	case YesPartlyNo:
		if len(a.Choices) != 1 || !slices.Contains(agreements, a.Choices[0]) {
			return invalid("choices", `exactly one of "yes", "partly", "no", "none", or skipped`)
		}
	case Choices:
		return a.validateChoices(q)
	case Words, Voice, Photo:
		return a.validateAttachments(q.Kind)
	default:
		return invalid("question", "this program does not know the kind of this question; update it")
	}
	return nil
}

func (a Answer) validateChoices(q Question) *Invalid {
	if len(a.Choices) < 1 || len(a.Choices) > q.most() {
		return invalid("choices", fmt.Sprintf("1 to %d option ids, or skipped", q.most()))
	}
	for i, id := range a.Choices {
		if !slices.ContainsFunc(q.Options, func(o Option) bool { return o.ID == id }) {
			return invalid("choices", "only ids of the options shown")
		}
		if slices.Contains(a.Choices[:i], id) {
			return invalid("choices", "each option at most once")
		}
	}
	return nil
}

// attachable is the kind of blob that answers a question of kind k, 0 for none.
func attachable(k QuestionKind) AttachmentKind {
	switch k {
	case Words:
		return AttachedWords
	case Voice:
		return AttachedVoice
	case Photo:
		return AttachedPhoto
	}
	return 0
}

func (a Answer) validateAttachments(kind QuestionKind) *Invalid {
	own := attachable(kind)
	if len(a.Attachments) == 0 || len(a.Attachments) > MaxAttachments {
		return invalid("attachments", fmt.Sprintf("1 to %d, or skipped", MaxAttachments))
	}
	answered := false
	for i, at := range a.Attachments {
		switch {
		case at.Kind != own && at.Kind != AttachedContact:
			return invalid("attachments", fmt.Sprintf("kind %d (the answer) or %d (contact) only", own, AttachedContact))
		case at.Reader != ReaderCases && at.Reader != ReaderNamed:
			return invalid("attachments", "reader 1 (cases) or 2 (named)")
		case at.Reader != a.Attachments[0].Reader:
			return invalid("attachments", "seal all of one answer to the same reader")
		case at.Size == 0 || at.Size > MaxAttachmentSize:
			return invalid("attachments", fmt.Sprintf("size from 1 to %d bytes", MaxAttachmentSize))
		case at.Hash == Hash{}:
			return invalid("attachments", "hash is the SHA-256 of the sealed bytes")
		case slices.ContainsFunc(a.Attachments[:i], func(e Attachment) bool { return e.Hash == at.Hash }):
			return invalid("attachments", "each blob at most once")
		}
		answered = answered || at.Kind == own
	}
	if !answered {
		return invalid("attachments", "contact alone answers nothing; add the answer itself or skip")
	}
	return nil
}
