package server

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/letters/letterstest"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/invariants"
	"nghe/shared/seal"
)

// lines takes what a hub logs and prints.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.text.Bytes())
}

// inside is a whole hub whose parts a test can reach. stop ends it.
func inside(t *testing.T, archive string, log io.Writer) (h *hub, url string, stop func()) {
	t.Helper()
	return insideOf(t, Config{Data: filepath.Join(t.TempDir(), "hub"), Archive: archive}, log)
}

func insideOf(t *testing.T, cfg Config, log io.Writer) (h *hub, url string, stop func()) {
	t.Helper()
	h = quietHub(t, cfg, log)
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.crew().Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		h.close()
	})
	t.Cleanup(stop)
	return h, "http://" + h.cfg.Listen, stop
}

// quietHub is not open yet.
func quietHub(t *testing.T, cfg Config, log io.Writer) *hub {
	cfg.Kiosks, cfg.Listen, cfg.FirstPassword, cfg.SameDiskOK = free(t), free(t), password, true
	cfg.Print = func(line string) { fmt.Fprintln(log, line) }
	return &hub{cfg: cfg, log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

// signedIn is a browser of the first account, which may read messages.
func signedIn(t *testing.T, h *hub, base string) *http.Client {
	t.Helper()
	if err := h.accounts.SetReader(t.Context(), "admin", true, byCommand); err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := c.PostForm(base+"/signin", url.Values{"name": {"admin"}, "password": {password}})
		if err == nil {
			res.Body.Close()
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, res *http.Response, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came about: %s", what)
		}
	}
}

// What residents said is in no file, log or temporary folder of a hub that
// received it, archived it, showed it to an operator, copied itself and deleted
// some of it.
func TestNoPlaintextOnTheHub(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a hub through its chores")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	store, log := filepath.Join(t.TempDir(), "archive"), &lines{}
	h, base, stop := inside(t, store, log)
	dice := rand.New(rand.NewPCG(3, 6))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(dice.Uint32())
		}
		return b
	}
	secret := message(t, h, noise)
	kiosk := enrolled(t, h)
	sent := kiosk.Send(time.Now(), secret).Arrive(h.spool, time.Now())
	doomed := kiosk.Send(time.Now(), message(t, h, noise)).Arrive(h.spool, time.Now())

	var canaries, control invariants.Canaries
	for name, b := range map[string][]byte{"words": []byte(secret.Words), "name": []byte(secret.Contact.Name), "phone": []byte(secret.Contact.Phone),
		"address": []byte(secret.Contact.Address), "voice": secret.Voice, "photo": secret.Photo[len(secret.Photo)/2 : len(secret.Photo)/2+2000], "code": []byte(secret.Code), "spelt code": []byte(secret.Code.String())} {
		canaries.Plant(name, b)
	}
	key := secret.Code.Receipt().Key
	canaries.Plant("receipt's key", key[:])
	control.Plant("tag", sent.Tag[:])

	c := signedIn(t, h, base)
	page := "/messages/" + sent.ID.String()
	opened := submit(t, c, base+page+"/open", url.Values{"part": {"content", "contact"}})
	if !strings.Contains(opened, secret.Words) || !strings.Contains(opened, secret.Contact.Phone) {
		t.Fatal("the console does not show what was said")
	}
	res, err := c.Get(base + page + "/voice")
	if got := read(t, res, err); !bytes.Equal(got, secret.Voice) {
		t.Errorf("voice of %d bytes", len(got))
	}
	res, err = c.Get(base + page + "/photo")
	if got := read(t, res, err); res.StatusCode != http.StatusOK || len(got) == 0 {
		t.Errorf("photo: %s", res.Status)
	}
	res, err = http.Get(base + "/r/" + string(secret.Code))
	if got := read(t, res, err); !bytes.Contains(got, []byte("Mới tiếp nhận")) {
		t.Errorf("receipt: %s", res.Status)
	}
	submit(t, c, base+"/r", url.Values{"code": {secret.Code.String()}})
	eventually(t, "every blob is archived", func() bool {
		totals, err := h.ledger.BlobTotals(t.Context())
		return err == nil && totals.Waiting == 0 && totals.Archived == 8
	})
	if opened := submit(t, c, base+page+"/open", url.Values{"part": {"content"}}); !strings.Contains(opened, secret.Words) {
		t.Error("the words cannot be opened from the archive")
	}
	doomedHash := doomed.Part(feedback.AttachedWords).Hash
	var out bytes.Buffer
	if code := Main([]string{"delete", "blob", doomedHash.String(), "--reason", "người gửi yêu cầu", "--data", h.cfg.Data}, &out, log); code != 0 {
		t.Errorf("delete: %d, %s", code, out.String())
	}
	eventually(t, "the deletion is done", func() bool {
		all, err := h.deletions.List(t.Context(), 0, 1)
		return err == nil && len(all) == 1 && !all[0].Done.IsZero()
	})
	copied(t, h)
	look := func(when string) {
		t.Helper()
		for _, all := range []*invariants.Canaries{&canaries, &control} {
			if err := all.LookInto(h.cfg.Data, store, temp); err != nil {
				t.Fatal(err)
			}
			all.Look("log", log.bytes())
			all.Look("command's output", out.Bytes())
		}
		for _, v := range canaries.Found() {
			t.Errorf("%s: %s", when, v)
		}
	}
	look("while the hub runs")
	stop()
	look("after it stopped")
	if len(control.Found()) == 0 {
		t.Error("not even a receipt's tag was found: the search proves nothing")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// enrolled is a kiosk that signs what it sends.
func enrolled(t *testing.T, h *hub) *letterstest.Kiosk {
	t.Helper()
	kit, err := h.registry.Ticket(t.Context(), "qt-07", "admin", 0)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ident.OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	request, err := kit.Request(key, "test", bytes.Repeat([]byte{1}, ident.NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.registry.Enrol(t.Context(), request)
	if err != nil || answer.Identity.CasesKey == "" {
		t.Fatalf("enrolled with the hub's key %q, %v", answer.Identity.CasesKey, err)
	}
	return letterstest.NewSigning(t, h.ledger, ident.DeviceID(key.Public()), "qt-07", time.Now().Add(-time.Hour), func(statement []byte) []byte {
		signature, err := ident.Sign(key, statement)
		if err != nil {
			t.Error(err)
		}
		return signature
	})
}

func submit(t *testing.T, c *http.Client, to string, form url.Values) string {
	t.Helper()
	res, err := c.PostForm(to, form)
	return string(read(t, res, err))
}

// message is as long as a resident would make it, and like no other.
func message(t *testing.T, h *hub, noise func(n int) []byte) letterstest.Message {
	t.Helper()
	id, err := casesIdentity(h.cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, 120, 90))
	copy(img.Pix, noise(len(img.Pix)))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, img, nil); err != nil {
		t.Fatal(err)
	}
	tail := fmt.Sprintf("%x", noise(4))
	return letterstest.Message{Kind: "phan-anh", Subject: "sanitation", Words: "Cống trước nhà ông Tư nghẹt từ tháng chín, mùi nồng nặc " + tail,
		Contact: letterstest.Contact{Name: "Đoàn Thị Ngọc Diệp " + tail, Phone: "0987" + tail[:6], Address: "Hẻm 12 đường Biển " + tail},
		Voice:   noise(90_000), Photo: photo.Bytes(), To: []string{id.Public}, Code: seal.NewCode()}
}

// A hub without an archive elsewhere keeps blobs in its spool, says so, and
// still opens and deletes.
func TestMessagesWithoutAnArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a hub")
	}
	log := &lines{}
	h, base, _ := inside(t, "", log)
	kiosk := letterstest.NewKiosk(t, h.ledger, "thietbi", "qt-07", time.Now().Add(-time.Hour))
	m := message(t, h, func(n int) []byte { return bytes.Repeat([]byte{7}, n) })
	m.Photo = nil
	sent := kiosk.Send(time.Now(), m).Arrive(h.spool, time.Now())
	c := signedIn(t, h, base)
	if opened := submit(t, c, base+"/messages/"+sent.ID.String()+"/open", url.Values{"part": {"content"}}); !strings.Contains(opened, m.Words) {
		t.Error("the words cannot be opened")
	}
	res, err := c.Get(base + "/")
	if page := string(read(t, res, err)); !strings.Contains(page, "Chưa có kho lưu trữ ngoài đĩa") {
		t.Error("the page does not say that there is no archive")
	}
	for record, want := range map[string]string{sent.ID.String(): sent.Parts[0].Hash.String() + "  words", "xy": "32 hexadecimal digits", strings.Repeat("0", 32): "no message"} {
		if _, said := hubCommand(h.cfg.Data, "delete", "files", record); !strings.Contains(said, want) {
			t.Errorf("delete files %s says %s, want %s", record, said, want)
		}
	}
	var out bytes.Buffer
	if code := Main([]string{"delete", "receipt", m.Code.String(), "--reason", "người gửi yêu cầu", "--data", h.cfg.Data}, &out, log); code != 0 || !strings.Contains(out.String(), "3 files") {
		t.Errorf("delete: %d, %s", code, out.String())
	}
	found, err := h.ledger.Message(t.Context(), sent.ID)
	if err != nil || found.State() != ledger.MessageDeleted {
		t.Errorf("state %s, %v", found.State(), err)
	}
	if code, said := hubCommand(h.cfg.Data, "cases", "set", m.Code.String(), "withdrawn"); code != 1 || !strings.Contains(said, "was deleted") {
		t.Errorf("a case of what was deleted: %d, %s", code, said)
	}
	eventually(t, "the spool is empty", func() bool { return len(h.spool.Whole()) == 0 })
	for args, want := range map[string]int{"delete blob xyz --reason abcd": 2, "delete receipt 123 --reason abcd": 2, "delete blob " + strings.Repeat("0", 64) + " --reason abcd": 1,
		"delete receipt 4Q7K9M2XHT --reason a --not-here-yet": 2, "delete receipt 4Q7K9M2XHT": 2, "delete list": 0} {
		out.Reset()
		if code := Main(append(strings.Fields(args), "--data", h.cfg.Data), &out, &out); code != want {
			t.Errorf("%s: exit %d, want %d: %s", args, code, want, out.String())
		}
	}
	if strings.Contains(string(log.bytes()), string(m.Code)) {
		t.Error("the code is in the log")
	}
}
