package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// readers hold the secrets that open what a kiosk seals, and what its hub signs
// with.
type readers struct {
	cases, named string
	hub          *ident.Authority
}

// enrolled makes a data folder as enrolment and a first bulletin leave it, at a
// hub that is not there.
func enrolled(t testing.TB, data string) readers {
	t.Helper()
	var r readers
	casesSecret, casesKey, err1 := seal.NewIdentity()
	namedSecret, namedKey, err2 := seal.NewIdentity()
	now := time.Unix(1_795_000_000, 0)
	authority, err3 := ident.OpenAuthority(t.TempDir(), now)
	r.cases, r.named, r.hub = casesSecret, namedSecret, authority
	dir := filepath.Join(data, "identity")
	key, err4 := ident.OpenKey(dir)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	device := ident.DeviceID(key.Public())
	certificate, err := authority.IssueDevice(key.Public(), device, now)
	if err != nil {
		t.Fatal(err)
	}
	id := ident.Identity{Version: ident.IdentityVersion, Device: device, Certificate: certificate, CA: [][]byte{authority.Certificate()},
		CustodyKey: authority.CustodyKey(), Hub: []string{"https://127.0.0.1:9"}, CasesKey: casesKey,
		Place: ident.Place{ID: "qt-03", Name: "Nhà văn hóa Hòa Bình", Ward: "Phường Quảng Tiến"}}
	if err := id.Save(dir); err != nil {
		t.Fatal(err)
	}
	tell(t, data, authority, 1, wire.BulletinBody{Sheet: []wire.Sheet{{Cases: casesKey, Named: []wire.Recipient{{Name: "Bà Lan", Key: namedKey}}}}})
	return r
}

// tell applies a bulletin while no agent runs.
func tell(t testing.TB, data string, authority *ident.Authority, version uint64, body wire.BulletinBody) {
	t.Helper()
	packed, err := wire.EncodeBulletin(body)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := authority.Sign(wire.BulletinStatement(version, packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bulletin.Open(bulletin.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Trust(authority.CustodyKey()); err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(wire.Bulletin{Version: version, Body: packed, Signature: signature}); err != nil {
		t.Fatal(err)
	}
}

// shownText is the hash of what a kiosk of the ward shows for a purpose.
func shownText(purpose string) [32]byte {
	part, _ := feedback.InForce(feedback.Promises(), time.Now()).Part(purpose)
	return sha256.Sum256([]byte(part.In("Phường Quảng Tiến")["vi"]))
}

// letter is a message as the page sends it.
type letter struct {
	request, code, kind, reader string
	words, contact              string
	voice, photo                []byte
}

func (l letter) form() (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	var consents []string
	add := func(name, mediaType string, content []byte) {
		if len(content) == 0 {
			return
		}
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {mediaType},
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="blob"`, name)}})
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			panic(err)
		}
	}
	for name, given := range map[string]bool{"contact": l.contact != "", "voice": len(l.voice) > 0, "photo": len(l.photo) > 0} {
		if given {
			consents = append(consents, fmt.Sprintf(`{"purpose":%q,"text":"%x"}`, name, shownText(name)))
		}
	}
	add("message", "application/json", fmt.Appendf(nil, `{"request":%q,"code":%q,"kind":%q,"reader":%q,"language":"vi","questionnaire":"message","version":1,"subject":"","consents":[%s]}`,
		l.request, l.code, l.kind, l.reader, strings.Join(consents, ",")))
	add("words", "text/plain", []byte(l.words))
	add("contact", "application/json", []byte(l.contact))
	add("voice", "audio/webm;codecs=opus", l.voice)
	add("photo", "image/jpeg", l.photo)
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// reply is what the screen answered.
type reply struct {
	status int
	text   string
	Error  struct{ Code, Field string }
	ID     string
	Held   bool
}

func ask(t testing.TB, h http.Handler, method, path, contentType string, body []byte) (r reply) {
	t.Helper()
	request := httptest.NewRequest(method, "http://127.0.0.1:7070"+path, bytes.NewReader(body))
	request.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	r.status, r.text = w.Code, w.Body.String()
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("%s %s: %d %q", method, path, w.Code, w.Body)
	}
	return r
}

func send(t testing.TB, h http.Handler, l letter) reply {
	t.Helper()
	body, contentType := l.form()
	return ask(t, h, http.MethodPost, "/api/messages", contentType, body)
}

func rate(t testing.TB, h http.Handler, request string) reply {
	t.Helper()
	return ask(t, h, http.MethodPost, "/api/answers", "application/json",
		fmt.Appendf(nil, `{"request":%q,"answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":4}}`, request))
}

// recording and picture are of random bytes behind what their kinds begin with.
func recording(n int) []byte {
	b := append([]byte("\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"), make([]byte, n)...)
	scatter(b[20:])
	return b
}

func picture(t testing.TB, side int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, side, side))
	scatter(img.Pix)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func scatter(b []byte) {
	if _, err := io.ReadFull(rand.NewChaCha8([32]byte{byte(len(b))}), b); err != nil {
		panic(err)
	}
}
