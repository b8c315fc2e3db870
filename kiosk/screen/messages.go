package screen

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// Journal keeps messages; *outbox.Outbox is one.
type Journal interface {
	// PutMessage returns only after the record, which names the blobs, is on
	// disk.
	PutMessage(request string, m outbox.Message) (outbox.MessageReceipt, error)
	// Message finds a request that was kept before.
	Message(request string, content [32]byte) (outbox.MessageReceipt, bool, error)
}

// Media keeps sealed blobs; *media.Spool is one.
type Media interface {
	// Put and Hold return only after the blob is on disk.
	Put(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error)
	Hold(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error)
	Level() media.Level
}

var (
	_ Journal = (*outbox.Outbox)(nil)
	_ Media   = (*media.Spool)(nil)
)

// Messages says where words, voice and photos go. The zero value takes none.
type Messages struct {
	Journal Journal
	Media   Media
	// Recipients are the public names of those who can read what is sealed to
	// a reader, asked at every message; none means that nothing can be sent.
	Recipients func(feedback.Reader) []string
}

func (m Messages) filled() Messages {
	if m.Recipients == nil || m.Journal == nil || m.Media == nil {
		m.Recipients = func(feedback.Reader) []string { return nil }
	}
	return m
}

func (s *Screen) messageForm() feedback.MessageForm {
	now := s.cfg.Now()
	return feedback.Messages().In(s.cfg.Ward, s.facts().AreasAt(s.cfg.Place.ID, now), now)
}

// offered are the areas of every form that was served: who has begun with one may
// finish, though the ward offers others by now.
type offered struct {
	mu    sync.Mutex
	areas map[string]feedback.Option
}

// ever adds those of now, and returns all.
func (o *offered) ever(now []feedback.Option) []feedback.Option {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.areas == nil {
		o.areas = map[string]feedback.Option{}
	}
	for _, a := range now {
		o.areas[a.ID] = a
	}
	return slices.Collect(maps.Values(o.areas))
}

// messagesView says what may be sent now.
type messagesView struct {
	Words bool `json:"words"`
	Photo bool `json:"photo"`
	Voice bool `json:"voice"`
	Cases bool `json:"cases"` // to the ward
	Named bool `json:"named"` // to named officers only
}

func (s *Screen) messagesNow() messagesView {
	to := s.cfg.Messages.Recipients
	v := messagesView{Cases: len(to(feedback.ReaderCases)) > 0, Named: len(to(feedback.ReaderNamed)) > 0}
	if v.Cases || v.Named {
		level := s.cfg.Messages.Media.Level()
		v.Words, v.Photo, v.Voice = level.Takes(feedback.AttachedWords), level.Takes(feedback.AttachedPhoto), level.Takes(feedback.AttachedVoice)
	}
	return v
}

// keptMessage answers a message that is safe. One held back has no id yet.
type keptMessage struct {
	Receipt string  `json:"receipt"`
	Held    bool    `json:"held"`
	ID      string  `json:"id,omitempty"`
	Seq     uint64  `json:"seq,omitempty"`
	QR      *qrView `json:"qr,omitempty"`
}

// postMessage takes one message at a time: several would not fit the memory. Its
// turn begins after its head has come, so that who says nothing holds up nobody.
func (s *Screen) postMessage(w http.ResponseWriter, r *http.Request) {
	m := &message{}
	defer m.wipe()
	body := newBody(w, r)
	rest, bad := m.begin(body, r)
	if bad != nil {
		refuse(w, *bad)
		return
	}
	if !s.takeTurn(r.Context()) {
		w.Header().Set("Retry-After", "2")
		refuse(w, refusedBusy)
		return
	}
	defer func() { <-s.turn }()
	body.inTurn()
	bad = s.readParts(m, rest)
	body.read()
	if bad == nil {
		bad = s.closed()
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	receipt, bad := s.keepMessage(m)
	if bad != nil {
		refuse(w, *bad)
		return
	}
	reply(w, http.StatusCreated, s.view(m.code, receipt))
}

// turnWait is how long a message waits for the one before it; then its page
// sends it again.
const turnWait = 2 * time.Second

func (s *Screen) takeTurn(ctx context.Context) bool {
	late := time.NewTimer(turnWait)
	defer late.Stop()
	select {
	case s.turn <- struct{}{}:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// view is what the page learns of a message that is safe. A drawing that fails
// takes nothing from that.
func (s *Screen) view(code seal.Code, receipt outbox.MessageReceipt) keptMessage {
	kept := keptMessage{Receipt: code.String(), Held: receipt.Held}
	if !receipt.Held {
		kept.ID, kept.Seq = receipt.ID.String(), receipt.Seq
	}
	var err error
	if kept.QR, err = s.qrOf(code); err != nil {
		s.cfg.Logger.Error("receipt not drawn", "err", err)
	}
	return kept
}

// keepMessage seals every part, has it on the disk, and only then the record
// that names it.
func (s *Screen) keepMessage(m *message) (outbox.MessageReceipt, *refusal) {
	to := s.cfg.Messages
	if to.Journal == nil || to.Media == nil {
		return outbox.MessageReceipt{}, nobodyReads(m.reader)
	}
	secret := m.receipt
	content := m.content(secret.Key)
	if before, known, err := to.Journal.Message(m.head.Request, content); known || err != nil {
		return before, s.failed(err)
	}
	readers := to.Recipients(m.reader)
	if len(readers) == 0 {
		return outbox.MessageReceipt{}, nobodyReads(m.reader)
	}
	if bad := takes(to.Media.Level(), m.parts); bad != nil {
		return outbox.MessageReceipt{}, bad
	}
	attachments, bad := s.sealAll(m, secret, readers)
	if bad != nil {
		return outbox.MessageReceipt{}, bad
	}
	receipt, err := to.Journal.PutMessage(m.head.Request, m.record(content, secret.Tag, attachments))
	return receipt, s.failed(err)
}

func nobodyReads(reader feedback.Reader) *refusal {
	if reader == feedback.ReaderNamed {
		return &refusal{http.StatusServiceUnavailable, "no-named-readers", "No officer is named to read this; send it to the ward, or leave it.", "reader"}
	}
	return &refusal{http.StatusServiceUnavailable, "not-enrolled", "This kiosk is not enrolled for messages yet; take ratings only.", ""}
}

// takes refuses what the disk has no room for any more.
func takes(level media.Level, parts []part) *refusal {
	for _, p := range parts {
		if !level.Takes(p.kind) {
			return &refusal{http.StatusServiceUnavailable, "no-room", "There is no room for this on the kiosk now; send the message without it.", p.kind.Purpose()}
		}
	}
	return nil
}

func (s *Screen) sealAll(m *message, secret seal.Receipt, readers []string) (all []feedback.Attachment, bad *refusal) {
	named := m.reader == feedback.ReaderNamed
	keep := s.cfg.Messages.Media.Put
	if named {
		keep = s.cfg.Messages.Media.Hold
	}
	for i, p := range m.parts {
		sealed, err := seal.Seal(seal.Letter{Kind: uint8(p.kind), Type: p.mediaType, Receipt: secret.Key[:], Body: p.body}, readers, named)
		if err != nil {
			return nil, s.failed(err)
		}
		ref, err := keep(sealed, p.kind)
		if errors.Is(err, media.ErrFull) {
			return nil, &refusal{http.StatusServiceUnavailable, "no-room", "There is no room for this on the kiosk now; send the message without it.", p.kind.Purpose()}
		}
		if err != nil {
			return nil, s.failed(err)
		}
		clear(p.body) // what is sealed is not needed open any more
		m.parts[i].body = nil
		all = append(all, feedback.Attachment{Kind: p.kind, Reader: m.reader, Hash: feedback.Hash(ref.Hash), Size: ref.Size})
	}
	return all, nil
}

// failed is where a failure of what keeps messages is logged, once. No error of
// sealing or storing carries what was said.
func (s *Screen) failed(err error) *refusal {
	told := (*feedback.Invalid)(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, outbox.ErrConflict):
		return &refusal{http.StatusConflict, "conflict", "This request id was used for another message; mint a new one.", "request"}
	case errors.As(err, &told):
		return invalid(err, "")
	}
	s.cfg.Logger.Error("message not kept", "err", err)
	return &refusal{http.StatusServiceUnavailable, ownFailure, "The message is not kept; send the same request again.", ""}
}

// record is what the journal keeps of a message.
func (m *message) record(content [32]byte, tag [16]byte, attachments []feedback.Attachment) outbox.Message {
	choices := feedback.MessageChoices(m.head.Kind, m.head.Subject, m.head.Place)
	return outbox.Message{Questionnaire: m.head.Questionnaire, Version: m.head.Version, Question: m.question, Language: m.head.Language,
		Choices: choices, Attachments: attachments, Receipt: tag, Consents: m.consents, Content: content}
}

// content is the same for the same request, though sealing it twice gives other
// bytes. It is under the receipt's key, which is kept nowhere: from the hash of
// a phone number alone the number could be found by trying.
func (m *message) content(key [32]byte) [32]byte {
	h := hmac.New(sha256.New, key[:])
	add := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	for _, text := range []string{m.head.Request, m.head.Kind, m.head.Reader, string(m.head.Language), m.head.Questionnaire, m.head.Subject} {
		add([]byte(text))
	}
	add(binary.BigEndian.AppendUint64(nil, uint64(m.head.Version)))
	for _, c := range m.consents {
		add([]byte(c.Purpose))
		add(c.Text[:])
	}
	for _, p := range m.parts {
		add([]byte{byte(p.kind)})
		add([]byte(p.mediaType))
		add(p.sum[:])
	}
	if m.head.Place != "" { // so that a message without one is the same as it was before there were any
		add([]byte(m.head.Place))
	}
	return [32]byte(h.Sum(nil))
}

// wipe overwrites what was said, as soon as it is not needed any more.
func (m *message) wipe() {
	for _, p := range m.parts {
		clear(p.body[:cap(p.body)])
	}
	m.parts = nil
}

// couldBeRead are the texts this kiosk may have shown: those of the promise in
// force, and of the one a day before, for who read it and has not sent yet.
func (s *Screen) couldBeRead() map[feedback.Hash]feedback.Agreed {
	all, now := map[feedback.Hash]feedback.Agreed{}, s.cfg.Now()
	for _, at := range []time.Time{now.AddDate(0, 0, -1), now} {
		maps.Copy(all, feedback.InForce(feedback.Promises(), at).Texts(s.cfg.Ward))
	}
	return all
}

func parseConsents(given []consent, parts []part, read map[feedback.Hash]feedback.Agreed) ([]outbox.Consent, *refusal) {
	wrong := func(want string) *refusal {
		return &refusal{http.StatusUnprocessableEntity, "invalid", want, "consents"}
	}
	all, agreed := []outbox.Consent{}, map[string]bool{}
	for _, c := range given {
		text, err := hex.DecodeString(c.Text)
		if err != nil || !isHex(c.Text, 64) {
			return nil, wrong("text is the SHA-256 of the text shown, 64 hexadecimal digits")
		}
		if read[feedback.Hash(text)].Purpose != c.Purpose {
			return nil, wrong("text is that of a text this kiosk shows for the purpose: GET /api/questionnaires")
		}
		if agreed[c.Purpose] || !has(parts, c.Purpose) {
			return nil, wrong("one consent for each of words, contact, voice and photo that is sent, and for nothing else")
		}
		agreed[c.Purpose] = true
		all = append(all, outbox.Consent{Purpose: c.Purpose, Text: [32]byte(text)})
	}
	for _, p := range parts {
		// Words need none: they may be anonymous.
		if p.kind != feedback.AttachedWords && !agreed[p.kind.Purpose()] {
			return nil, wrong("contact, voice and photo each need the resident's consent")
		}
	}
	return all, nil
}

func has(parts []part, purpose string) bool {
	for _, p := range parts {
		if p.kind.Purpose() == purpose {
			return true
		}
	}
	return false
}
