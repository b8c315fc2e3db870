package console

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/ledger"
	"nghe/hub/letters"
	"nghe/hub/photo"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// Kinds of lines in the access log.
const (
	eventOpened  = "message-opened"
	eventTaken   = "message-taken" // sealed, for a named officer
	eventDeleted = "message-deleted"
)

// hearing is how long after a message was opened its recording and photo may be
// fetched: as long as somebody may sit before the page.
const hearing = 15 * time.Minute

// found looks a message up by the id in the address.
func (c *Console) found(r *http.Request) (ledger.Message, bool, error) {
	raw, err := hex.DecodeString(r.PathValue("id"))
	if err != nil || len(raw) != len(wire.RecordID{}) {
		return ledger.Message{}, false, nil
	}
	m, err := c.cfg.Ledger.Message(r.Context(), wire.RecordID(raw))
	if errors.Is(err, ledger.ErrNoMessage) {
		return ledger.Message{}, false, nil
	}
	if err != nil {
		return ledger.Message{}, false, fmt.Errorf("find message: %w", err)
	}
	return m, true, nil
}

// showMessage shows what is known of a message, and nothing of what is in it.
func (c *Console) showMessage(w http.ResponseWriter, r *http.Request) error {
	m, ok, err := c.found(r)
	if err != nil {
		return err
	}
	if !ok {
		return c.notFound(w, r)
	}
	return c.messagePage(w, r, m, http.StatusOK, "", nil)
}

func (c *Console) messagePage(w http.ResponseWriter, r *http.Request, m ledger.Message, status int, problem string, opened *content) error {
	f := c.face(r)
	names, err := c.localNames(r.Context())
	if err != nil {
		return err
	}
	refused, err := c.refused(r.Context())
	if err != nil {
		return err
	}
	b := f.messageBody(m, names, refused)
	if b.Case, err = c.caseWord(r.Context(), f, m); err != nil {
		return err
	}
	if b.Consents, err = c.consents(r.Context(), f, m); err != nil {
		return err
	}
	if b.Replies, err = c.replies(r.Context(), f, m.Receipt); err != nil {
		return err
	}
	if b.Rights, err = c.rightsOf(r.Context(), f, m.Receipt); err != nil {
		return err
	}
	account := visitorOf(r.Context()).account
	b.Reads, b.Admin = account.Has(accounts.Reader), account.Has(accounts.Admin)
	b.Deletes = b.Admin && c.cfg.Deletions != nil
	if b.Problem, b.Content = problem, opened; opened != nil { // only what is still shut is offered
		b.Openable = b.Openable && opened.Again == ""
		b.HasContact = b.HasContact && opened.Contact == nil
	}
	if c.cfg.Letters == nil {
		b.Openable, b.HasContact = false, false
	}
	return c.show(&lateStatus{w, status}, r, "letter", page{Title: f.text("message.title", b.Short), Body: b})
}

// openMessage opens what a reader asked for, after it stands in the access log.
func (c *Console) openMessage(w http.ResponseWriter, r *http.Request) error {
	m, ok, err := c.found(r)
	if err != nil {
		return err
	}
	if !ok || c.cfg.Letters == nil {
		return c.notFound(w, r)
	}
	f := c.face(r)
	if m.Reader != feedback.ReaderCases {
		return c.messagePage(w, r, m, http.StatusUnprocessableEntity, f.text("open.named"), nil)
	}
	kinds := wantedKinds(r, m)
	if len(kinds) == 0 {
		return c.messagePage(w, r, m, http.StatusUnprocessableEntity, f.text("open.nothing"), nil)
	}
	if err := c.note(r, eventOpened, m, strings.Join(purposes(kinds), ",")); err != nil {
		return err
	}
	return c.messagePage(w, r, m, http.StatusOK, "", c.open(r.Context(), f, m, kinds))
}

// note writes the line of the access log without which nothing is opened.
func (c *Console) note(r *http.Request, kind string, m ledger.Message, what string) error {
	return c.cfg.Accounts.Record(r.Context(), accounts.Event{Kind: kind, By: visitorOf(r.Context()).account.Name, Remote: remote(r), Detail: m.ID.String() + " " + what})
}

// wantedKinds are the kinds of parts a form asks for and the message has:
// "content", "contact", or both.
func wantedKinds(r *http.Request, m ledger.Message) (kinds []feedback.AttachmentKind) {
	want := append(r.PostForm["part"], strings.Fields(r.PostFormValue("with"))...)
	for _, b := range m.Blobs {
		as := "content"
		if b.Kind == feedback.AttachedContact {
			as = "contact"
		}
		if b.Here() && slices.Contains(want, as) && b.Kind.Purpose() != "" && !slices.Contains(kinds, b.Kind) {
			kinds = append(kinds, b.Kind)
		}
	}
	return kinds
}

func purposes(kinds []feedback.AttachmentKind) (all []string) {
	for _, k := range kinds {
		all = append(all, k.Purpose())
	}
	return all
}

// blobOf is the first part of a kind.
func blobOf(m ledger.Message, kind feedback.AttachmentKind) (ledger.Blob, bool) {
	i := slices.IndexFunc(m.Blobs, func(b ledger.Blob) bool { return b.Kind == kind })
	if i < 0 {
		return ledger.Blob{}, false
	}
	return m.Blobs[i], true
}

// open opens what was asked for. Voice and photo are fetched by the page; here
// it is seen whether they can be, so that the page says so in words.
func (c *Console) open(ctx context.Context, f *face, m ledger.Message, kinds []feedback.AttachmentKind) *content {
	shown := &content{Language: m.Language}
	for _, kind := range kinds {
		if kind != feedback.AttachedContact {
			shown.Again = "content"
		}
		b, _ := blobOf(m, kind)
		letter, err := c.cfg.Letters.Open(ctx, b.Hash)
		if err == nil && kind == feedback.AttachedPhoto {
			_, err = c.redraw(ctx, letter.Body)
		}
		if err != nil {
			c.log.Warn("message not opened", "record", m.ID.String(), "part", kind.Purpose(), "err", err)
			shown.Troubles = append(shown.Troubles, f.text("part."+kind.Purpose())+": "+f.trouble(err))
			continue
		}
		switch kind {
		case feedback.AttachedVoice:
			shown.Voice = "/messages/" + m.ID.String() + "/voice"
		case feedback.AttachedPhoto:
			shown.Photo = "/messages/" + m.ID.String() + "/photo"
		case feedback.AttachedWords:
			shown.Words = strings.ToValidUTF8(string(letter.Body), "\ufffd")
		case feedback.AttachedContact:
			shown.Contact = f.contact(letter.Body)
		}
	}
	return shown
}

// trouble says why a part stays shut.
func (f *face) trouble(err error) string {
	for is, key := range map[error]string{letters.ErrNotHere: "trouble.nothere", letters.ErrNamed: "open.named",
		letters.ErrNoKey: "trouble.nokey", ledger.ErrDeleted: "trouble.deleted", photo.Err: "trouble.photo"} {
		if errors.Is(err, is) {
			return f.text(key)
		}
	}
	return f.text("trouble.spoilt")
}

// contact reads what a kiosk writes; anything else is shown as it came.
func (f *face) contact(body []byte) []fact {
	var given struct{ Name, Phone, Address string }
	if err := json.Unmarshal(body, &given); err != nil {
		return []fact{{Label: f.text("part.contact"), Value: strings.ToValidUTF8(string(body), "\ufffd")}}
	}
	var all []fact
	for _, part := range []fact{{Label: f.text("contact.name"), Value: given.Name}, {Label: f.text("contact.phone"), Value: given.Phone},
		{Label: f.text("contact.address"), Value: given.Address}} {
		if part.Value != "" {
			all = append(all, part)
		}
	}
	return all
}

// opened says whether this operator opened that part of the message lately: the
// access log is the leave to fetch it.
func (c *Console) opened(r *http.Request, m ledger.Message, kind feedback.AttachmentKind) (bool, error) {
	did, err := c.cfg.Accounts.Did(r.Context(), visitorOf(r.Context()).account.Name, eventOpened, c.cfg.Now().Add(-hearing))
	for _, e := range did {
		id, what, _ := strings.Cut(e.Detail, " ")
		if id == m.ID.String() && slices.Contains(strings.Split(what, ","), kind.Purpose()) {
			return true, err
		}
	}
	return false, err
}

// takeSealed hands out a part that only named officers can open, as it is.
func (c *Console) takeSealed(w http.ResponseWriter, r *http.Request) error {
	m, ok, err := c.found(r)
	if err != nil {
		return err
	}
	n, bad := strconv.Atoi(r.PostFormValue("part"))
	if !ok || c.cfg.Letters == nil || bad != nil || n < 0 || n >= len(m.Blobs) || m.Blobs[n].Reader != feedback.ReaderNamed {
		return c.notFound(w, r)
	}
	b := m.Blobs[n]
	if err := c.note(r, eventTaken, m, b.Kind.Purpose()); err != nil {
		return err
	}
	sealed, err := c.cfg.Letters.Sealed(r.Context(), b.Hash)
	if err != nil {
		c.log.Warn("sealed part not handed out", "record", m.ID.String(), "err", err)
		return c.messagePage(w, r, m, http.StatusConflict, c.face(r).trouble(err), nil)
	}
	attachment(w, "application/octet-stream", fmt.Sprintf("nghe-%s-%s.age", m.ID.String()[:8], b.Kind.Purpose()))
	_, err = w.Write(sealed)
	return err
}

// attachment makes an answer a file: whatever is in it, the browser runs none
// of it.
func attachment(w http.ResponseWriter, media, name string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
}
