package console

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/http"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/photo"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// part serves one kind of part to whoever opened it lately.
func (c *Console) part(w http.ResponseWriter, r *http.Request, kind feedback.AttachmentKind) (ledger.Message, seal.Letter, bool, error) {
	m, ok, err := c.found(r)
	if err != nil {
		return m, seal.Letter{}, false, err
	}
	b, has := blobOf(m, kind)
	if !ok || !has || c.cfg.Letters == nil {
		return m, seal.Letter{}, false, c.notFound(w, r)
	}
	opened, err := c.opened(r, m, kind)
	if err != nil {
		return m, seal.Letter{}, false, err
	}
	if !opened {
		c.answer(w, r, http.StatusForbidden, "not-open", "refused.notopen")
		return m, seal.Letter{}, false, nil
	}
	letter, err := c.cfg.Letters.Open(r.Context(), b.Hash)
	if err != nil {
		c.log.Warn("message not opened", "record", m.ID.String(), "part", kind.Purpose(), "err", err)
		c.answer(w, r, http.StatusConflict, "not-readable", "refused.unreadable")
		return m, seal.Letter{}, false, nil
	}
	return m, letter, true, nil
}

// voiceTypes are what browsers of today record.
var voiceTypes = map[string]string{"audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a", "audio/mpeg": "mp3", "audio/wav": "wav"}

// playVoice serves a recording, whole or in ranges.
func (c *Console) playVoice(w http.ResponseWriter, r *http.Request) error {
	m, letter, ok, err := c.part(w, r, feedback.AttachedVoice)
	if err != nil || !ok {
		return err
	}
	media, _, err := mime.ParseMediaType(letter.Type)
	end := voiceTypes[media]
	if err != nil || end == "" {
		media, end = "application/octet-stream", "bin"
	}
	attachment(w, media, fmt.Sprintf("nghe-%s.%s", m.ID.String()[:8], end))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(letter.Body))
	return nil
}

// showPhoto serves a photo made anew from its pixels: what stood beside or
// behind them is gone.
func (c *Console) showPhoto(w http.ResponseWriter, r *http.Request) error {
	m, letter, ok, err := c.part(w, r, feedback.AttachedPhoto)
	if err != nil || !ok {
		return err
	}
	drawn, err := c.redraw(r.Context(), letter.Body)
	if err != nil {
		c.log.Warn("photo not shown", "record", m.ID.String(), "err", err)
		c.answer(w, r, http.StatusUnsupportedMediaType, "not-a-photo", "refused.photo")
		return nil
	}
	attachment(w, "image/jpeg", fmt.Sprintf("nghe-%s.jpg", m.ID.String()[:8]))
	w.Header().Set("Content-Disposition", "inline")
	_, err = w.Write(drawn)
	return err
}

// drawTime is for one photo to be made anew.
const drawTime = 15 * time.Second

// redraw makes one photo anew at a time: each may take a lot of memory. A
// browser that goes away gives up its turn.
func (c *Console) redraw(ctx context.Context, body []byte) ([]byte, error) {
	select {
	case c.drawing <- struct{}{}:
		defer func() { <-c.drawing }()
		ctx, cancel := context.WithTimeoutCause(ctx, drawTime, photo.Err)
		defer cancel()
		return photo.Redraw(ctx, body)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
