package rehearsal

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/jpeg"
	"io"
	seeded "math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// said is all that one resident gives, sent as the page sends it.
type said struct {
	request      string
	code         seal.Code
	words, phone string
	voice, photo []byte
	id           string // of its record, once it was acknowledged
}

// saying makes up a message: every part is unlike that of any other.
func saying(t *testing.T, n int) *said {
	t.Helper()
	noise := seeded.NewChaCha8([32]byte{byte(n), 7})
	img := image.NewGray(image.Rect(0, 0, 160, 120))
	_, _ = noise.Read(img.Pix)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, img, nil); err != nil {
		t.Fatal(err)
	}
	voice := append([]byte("\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"), make([]byte, 20_000)...)
	_, _ = noise.Read(voice[36:])
	return &said{request: fmt.Sprintf("said-%d", n), code: seal.NewCode(), phone: fmt.Sprintf("09%08d", 12_345_678+n),
		words: fmt.Sprintf("Ngõ %d cống nghẹt, nước tràn vào nhà đã %d ngày.", 100+n, 20+n), voice: voice, photo: photo.Bytes()}
}

func (s *said) form() (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	add := func(name, mediaType string, content []byte) {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {mediaType},
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="blob"`, name)}})
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	var consents []string
	for _, purpose := range []string{"contact", "voice", "photo"} {
		consents = append(consents, fmt.Sprintf(`{"purpose":%q,"text":"%x"}`, purpose, shownText(purpose)))
	}
	add("message", "application/json", fmt.Appendf(nil, `{"request":%q,"code":%q,"kind":"phan-anh","reader":"cases","language":"vi",`+
		`"questionnaire":"message","version":1,"subject":"sanitation","consents":[%s]}`, s.request, string(s.code), strings.Join(consents, ",")))
	add("words", "text/plain", []byte(s.words))
	add("contact", "application/json", fmt.Appendf(nil, `{"phone":%q}`, s.phone))
	add("voice", "audio/webm;codecs=opus", s.voice)
	add("photo", "image/jpeg", s.photo)
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// shownText is the hash of what a kiosk of the ward shows for a purpose.
func shownText(purpose string) [32]byte {
	part, _ := feedback.InForce(feedback.Promises(), time.Now()).Part(purpose)
	return sha256.Sum256([]byte(part.In("Phường Quảng Tiến")["vi"]))
}

const partsOfSaid = 4

// say sends a message until it is acknowledged.
func (w *ward) say(s *said) *said {
	w.t.Helper()
	body, contentType := s.form()
	w.eventually("message "+s.request, func() error {
		response, err := impatient.Post("http://"+w.screen+"/api/messages", contentType, bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusCreated {
			return fmt.Errorf("%s: %s", response.Status, text)
		}
		var kept struct{ ID string }
		err = json.Unmarshal(text, &kept)
		s.id = kept.ID
		return err
	})
	return s
}

// fetch is what somebody with this browser gets; with a form, what is posted.
func (w *ward) fetch(browser *http.Client, path string, form url.Values) (status int, body []byte) {
	w.t.Helper()
	ask := func() (*http.Response, error) { return browser.Get("http://" + w.console + path) }
	if form != nil {
		ask = func() (*http.Response, error) { return browser.PostForm("http://"+w.console+path, form) }
	}
	response, err := ask()
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, body
}

// page is what fetch gets, as a person reads it.
func (w *ward) page(browser *http.Client, path string, form url.Values) (status int, text string) {
	w.t.Helper()
	status, body := w.fetch(browser, path, form)
	return status, strings.ReplaceAll(html.UnescapeString(string(body)), "\u00a0", " ")
}

// readable opens a message on the console, all of it.
func (w *ward) readable(browser *http.Client, s *said) {
	w.t.Helper()
	at := "/messages/" + s.id
	status, text := w.page(browser, at+"/open", url.Values{"part": {"content", "contact"}})
	if status != http.StatusOK || !strings.Contains(text, s.words) || !strings.Contains(text, s.phone) {
		w.t.Errorf("%s is not readable: %d\n%s", s.request, status, text)
	}
	if status, voice := w.fetch(browser, at+"/voice", nil); status != http.StatusOK || !bytes.Equal(voice, s.voice) {
		w.t.Errorf("the voice of %s: %d, %d bytes", s.request, status, len(voice))
	}
	if status, photo := w.fetch(browser, at+"/photo", nil); status != http.StatusOK || !bytes.HasPrefix(photo, []byte("\xff\xd8\xff")) {
		w.t.Errorf("the photo of %s: %d, %d bytes", s.request, status, len(photo))
	}
}
