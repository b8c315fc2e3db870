package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/kiosk/media"
	"nghe/shared/feedback"
	"nghe/shared/invariants"
	"nghe/shared/seal"
)

// given is what one resident gives, all of it to be found nowhere.
type given struct {
	letter
	place string // in the photo's metadata
}

func gives(t *testing.T, i int, reader string) given {
	code := seal.NewCode()
	g := given{place: fmt.Sprintf("GPS 19.73%d N 105.90%d E Sầm Sơn", i, i), letter: letter{
		request: fmt.Sprint("request-", i), code: string(code), kind: "phan-anh", reader: reader,
		words:   fmt.Sprintf("Đường trước nhà văn hóa ngập nước %d lần, xin sửa giúp cho dân nhờ.", 100+i),
		contact: fmt.Sprintf(`{"name":"Nguyễn Thị Hồng Nhung %d","phone":"0912 345 67%d","address":"Số %d ngõ Hạnh Phúc"}`, i, i, i),
		voice:   recording(200_000 + i), photo: picture(t, 200+i)}}
	exif := append([]byte("Exif\x00\x00"), g.place...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(2+len(exif)))
	g.photo = append(append(append([]byte{}, g.photo[:2]...), append(head, exif...)...), g.photo[2:]...)
	return g
}

func (g given) plant(c *invariants.Canaries) {
	code, _ := seal.ParseCode(g.code)
	receipt := code.Receipt()
	c.Plant("code", []byte(g.code))
	c.Plant("code-as-shown", []byte(code.String()))
	c.Plant("receipt-key", receipt.Key[:])
	c.Plant("words", []byte(g.words))
	c.Plant("contact", []byte(g.contact))
	for _, part := range strings.Split(g.contact, `"`) {
		if len(part) >= 10 {
			c.Plant("contact-part", []byte(part))
		}
	}
	c.Plant("voice", g.voice[20:])
	c.Plant("photo", g.photo[700:])
	c.Plant("photo-place", []byte(g.place))
}

// TestPlaintextStaysNowhere lets residents speak to a real agent, that keeps
// their messages, refuses some and is stopped, and looks for what they said in
// every file it left, in its temporary folder, its log and its refusals.
func TestPlaintextStaysNowhere(t *testing.T) {
	top := t.TempDir()
	data, temp := filepath.Join(top, "data"), filepath.Join(top, "temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	secrets := enrolled(t, data)
	log, err := os.Create(filepath.Join(top, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	var canaries invariants.Canaries
	url, stop := runWith(t, data, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for i, reader := range []string{"cases", "named", "cases", "named"} {
		g := gives(t, i, reader)
		g.plant(&canaries)
		if status, text := postForm(t, url, g.letter); status != http.StatusCreated || !strings.Contains(text, g.code[:5]) {
			t.Fatalf("%s: %d %s", reader, status, text)
		}
		if i == 0 {
			postForm(t, url, g.letter) // again
		}
	}
	for name, spoil := range map[string]func(*given){
		"conflict":  func(g *given) { g.request = "request-0" },
		"kind":      func(g *given) { g.kind = g.words },
		"request":   func(g *given) { g.request = g.words },
		"reader":    func(g *given) { g.reader = g.words },
		"code":      func(g *given) { g.code += g.words },
		"words":     func(g *given) { g.words += strings.Repeat("\u202e", 9) },
		"contact":   func(g *given) { g.contact = `{"phone":"` + g.words + `"}` },
		"not JSON":  func(g *given) { g.contact = g.words },
		"voice":     func(g *given) { g.voice = g.voice[4:] },
		"photo":     func(g *given) { g.photo = g.photo[:len(g.photo)-500] },
		"too large": func(g *given) { g.words = strings.Repeat(g.words, 500) },
	} {
		g := gives(t, 50+len(name), "cases")
		g.plant(&canaries)
		spoil(&g)
		status, text := postForm(t, url, g.letter)
		if status < 400 || status >= 500 {
			t.Errorf("%s: %d %s", name, status, text)
		}
		canaries.Look("refusal "+name, []byte(text))
	}
	g := gives(t, 99, "cases")
	g.plant(&canaries)
	body, contentType := g.form()
	status, text := postRaw(t, url, bytes.Replace(body, []byte(`"version":1`), []byte(`"version":"`+g.words+`",`), 1), contentType)
	if status != http.StatusBadRequest {
		t.Errorf("a head that is no JSON: %d %s", status, text)
	}
	canaries.Look("refusal of the head", []byte(text))
	look := func(when string) {
		if err := canaries.LookInto(top); err != nil {
			t.Fatal(err)
		}
		for _, v := range canaries.Found() {
			t.Errorf("%s: %v", when, v)
		}
	}
	look("while it runs")
	stop()
	look("after it was stopped")
	if canaries.Looked() < 2*4*200_000 {
		t.Errorf("looked at %d bytes only: less than was sealed", canaries.Looked())
	}
	opensAgain(t, data, secrets, map[feedback.Reader]int{feedback.ReaderCases: 2 * 4, feedback.ReaderNamed: 2 * 4})
}

// opensAgain proves that the blobs were the residents' after all.
func opensAgain(t *testing.T, data string, secrets readers, want map[feedback.Reader]int) {
	t.Helper()
	spool, err := media.Open(media.Config{Dir: filepath.Join(data, "media")})
	if err != nil {
		t.Fatal(err)
	}
	got := map[feedback.Reader]int{}
	for state, r := range map[media.State]feedback.Reader{media.Pending: feedback.ReaderCases, media.Held: feedback.ReaderNamed} {
		secret := secrets.cases
		if r == feedback.ReaderNamed {
			secret = secrets.named
		}
		for e := range spool.In(state) {
			sealed, err := spool.ReadAt(e.Ref.Hash, 0, int(e.Ref.Size))
			if err != nil {
				t.Fatal(err)
			}
			l, err := seal.Open(sealed, secret)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == feedback.AttachedWords && !bytes.Contains(l.Body, []byte("ngập nước")) {
				t.Error("a letter holds other words")
			}
			got[r]++
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("letters by reader %v, want %v", got, want)
	}
}

// runWith is an agent at url until stop, or the end of the test.
func runWith(t *testing.T, data string, log *slog.Logger) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Data: data, Listen: address, Logger: log, Room: Room{Reserve: 1 << 20}})
		close(ended)
	}()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	t.Cleanup(stop)
	eventually(t, func() error { _, err := get("http://" + address + "/api/status"); return err })
	return "http://" + address, stop
}

func postForm(t *testing.T, url string, l letter) (int, string) {
	t.Helper()
	body, contentType := l.form()
	return postRaw(t, url, body, contentType)
}

func postRaw(t *testing.T, url string, body []byte, contentType string) (int, string) {
	t.Helper()
	response, err := http.Post(url+"/api/messages", contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text.String()
}
