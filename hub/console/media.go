package console

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"net/http"
	"time"

	"golang.org/x/image/webp"

	"nghe/hub/ledger"
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
	photo, err := c.redraw(r.Context(), letter.Body)
	if err != nil {
		c.log.Warn("photo not shown", "record", m.ID.String(), "err", err)
		c.answer(w, r, http.StatusUnsupportedMediaType, "not-a-photo", "refused.photo")
		return nil
	}
	attachment(w, "image/jpeg", fmt.Sprintf("nghe-%s.jpg", m.ID.String()[:8]))
	w.Header().Set("Content-Disposition", "inline")
	_, err = w.Write(photo)
	return err
}

// Limits on a photo, so that a few bytes cannot ask for all the memory there is.
const (
	maxPixels     = 25_000_000
	maxPhotoBytes = 160 << 20 // of memory while it is decoded
	photoQuality  = 88
)

var errPhoto = errors.New("photo is not a JPEG, PNG or WebP within the limits")

// format is how pictures of one kind are read, and how many bytes of memory a
// pixel takes at most meanwhile.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	need   int64
}

// formatOf looks at the bytes themselves, whatever they are called. It asks no
// registry of formats: any package may put one there.
func formatOf(body []byte) format {
	switch {
	case bytes.HasPrefix(body, []byte("\x89PNG")):
		return format{png.DecodeConfig, png.Decode, 16} // 64 bits a pixel, twice when interlaced
	case bytes.HasPrefix(body, []byte("RIFF")) && lossy(body):
		return format{webp.DecodeConfig, webp.Decode, 2}
	case bytes.HasPrefix(body, []byte("RIFF")):
		return format{webp.DecodeConfig, webp.Decode, 16} // 32 bits a pixel, twice, and its tables
	case progressive(body):
		return format{jpeg.DecodeConfig, jpeg.Decode, 3 + 3*4} // and its coefficients, as 32 bits each
	}
	return format{jpeg.DecodeConfig, jpeg.Decode, 3}
}

// redraw decodes and encodes a photo, one at a time in this process.
func (c *Console) redraw(ctx context.Context, body []byte) ([]byte, error) {
	select {
	case c.drawing <- struct{}{}:
		defer func() { <-c.drawing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f := formatOf(body)
	config, err := f.config(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPhoto, err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	if config.Width < 1 || config.Height < 1 || pixels > maxPixels || pixels*f.need > maxPhotoBytes {
		return nil, fmt.Errorf("%w: %d by %d", errPhoto, config.Width, config.Height)
	}
	return encode(f.decode(bytes.NewReader(body)))
}

func encode(photo image.Image, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPhoto, err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, photo, &jpeg.Options{Quality: photoQuality}); err != nil {
		return nil, fmt.Errorf("%w: %w", errPhoto, err)
	}
	return b.Bytes(), nil
}

// progressive looks for the frame header of a JPEG that comes in passes.
func progressive(body []byte) bool {
	for i := 2; i+4 <= len(body) && body[i] == 0xFF; {
		marker := body[i+1]
		switch {
		case marker == 0xFF: // filler
			i++
			continue
		case marker == 0xC2:
			return true
		case marker == 0xC0 || marker == 0xC1 || marker == 0xDA:
			return false
		}
		i += 2 + int(body[i+2])<<8 + int(body[i+3])
	}
	return true // not seen to be otherwise: the dearer of the two
}

// lossy looks whether the picture of a WebP file is, and has no transparency,
// which is not.
func lossy(body []byte) bool {
	const head, extended, transparent = 8, 8 + 10, 0x10 // octets of a chunk's head, of an extended file's; a flag there
	for rest := body[min(len(body), 12):]; len(rest) >= head; {
		switch name := string(rest[:4]); {
		case name == "VP8 ":
			return true
		case name == "VP8L", name == "VP8X" && (len(rest) < extended || rest[head]&transparent != 0):
			return false
		}
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size += size % 2; size > int64(len(rest)-head) {
			return false
		}
		rest = rest[head+size:]
	}
	return false
}
