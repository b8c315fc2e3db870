package screen

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// desk is a screen on a real outbox and spool that takes messages.
type desk struct {
	t       *testing.T
	screen  *Screen
	http    http.Handler
	outbox  *outbox.Outbox
	spool   *media.Spool
	secrets map[feedback.Reader]string
	readers map[feedback.Reader][]string
	log     bytes.Buffer
	did     []string     // in order: "put", "hold", "record"
	choices []string     // of the last record
	fail    func() error // before the record; nil: works
	failing func() error // after it
	level   *media.Level // nil: the spool's own
	now     func() time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, outbox: openOutbox(t), secrets: map[feedback.Reader]string{}, readers: map[feedback.Reader][]string{}, now: time.Now}
	var err error
	if d.spool, err = media.Open(media.Config{Dir: t.TempDir(), Logger: quiet()}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []feedback.Reader{feedback.ReaderCases, feedback.ReaderNamed} {
		secret, public, err := seal.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		d.secrets[r], d.readers[r] = secret, []string{public}
	}
	cfg := testConfig(portrait)
	cfg.Outbox, cfg.Logger = d.outbox, slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Messages, cfg.Now = d.config(), func() time.Time { return d.now() }
	d.screen = newScreen(cfg, os.DirFS("dist"))
	d.http = d.screen.Handler()
	return d
}

func (d *desk) config() Messages {
	return Messages{Journal: d, Media: d, Recipients: func(r feedback.Reader) []string { return d.readers[r] }}
}

func (d *desk) Put(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error) {
	ref, err := d.spool.Put(sealed, kind)
	d.did = append(d.did, "put")
	return ref, err
}

func (d *desk) Hold(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error) {
	ref, err := d.spool.Hold(sealed, kind)
	d.did = append(d.did, "hold")
	return ref, err
}

func (d *desk) Level() media.Level {
	if d.level != nil {
		return *d.level
	}
	return d.spool.Level()
}

func (d *desk) PutMessage(request string, m outbox.Message) (outbox.MessageReceipt, error) {
	for _, a := range m.Attachments {
		if _, here := d.spool.Find(blob.Hash(a.Hash)); !here {
			d.t.Error("a record names a blob that is not on the disk")
		}
	}
	d.did, d.choices = append(d.did, "record"), m.Choices
	if d.fail != nil {
		return outbox.MessageReceipt{}, d.fail()
	}
	r, err := d.outbox.PutMessage(request, m)
	if d.failing != nil {
		return outbox.MessageReceipt{}, d.failing()
	}
	return r, err
}

func (d *desk) Message(request string, content [32]byte) (outbox.MessageReceipt, bool, error) {
	return d.outbox.Message(request, content)
}

// given is one part of a form.
type given struct{ name, mediaType, body string }

const goodHead = `{"request":"m-1","code":"4Q7K9M2XHT","kind":"phan-anh","reader":"cases","language":"vi","questionnaire":"message","version":1,"subject":"sanitation","consents":[]}`

// headWith replaces parts of the good head.
func headWith(pairs ...string) given {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(goodHead, pairs[i]) {
			panic("no " + pairs[i] + " in the good head")
		}
	}
	return given{"message", "application/json", strings.NewReplacer(pairs...).Replace(goodHead)}
}

// readOn is the hash of what a resident of a ward reads on a day.
func readOn(day time.Time, ward, purpose string, language feedback.Language) feedback.Hash {
	part, _ := feedback.InForce(feedback.Promises(), day).Part(purpose)
	return sha256.Sum256([]byte(part.In(ward)[language]))
}

const ourWard = "Phường Quảng Tiến"

func agreed(purposes ...string) string {
	var all []string
	for _, p := range purposes {
		all = append(all, fmt.Sprintf(`{"purpose":%q,"text":"%x"}`, p, readOn(time.Now(), ourWard, p, "vi")))
	}
	return `"consents":[` + strings.Join(all, ",") + `]`
}

var (
	someWords   = given{"words", "text/plain", "Đường trước nhà văn hóa ngập nước."}
	someContact = given{"contact", "application/json", `{"name":"Nguyễn Thị Lan","phone":"0912 345 678"}`}
	someVoice   = given{"voice", "audio/webm;codecs=opus", "\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + strings.Repeat("tiếng nói ", 50)}
)

func form(parts ...given) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="blob"`, p.name)}}
		if p.mediaType != "" {
			h.Set("Content-Type", p.mediaType)
		}
		out, err := w.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(out, p.body)
		}
		if err != nil {
			panic(err)
		}
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func (d *desk) send(parts ...given) (int, map[string]any) {
	d.t.Helper()
	return d.sendRaw(form(parts...))
}

func (d *desk) sendRaw(body []byte, contentType string) (int, map[string]any) {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7070/api/messages", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	d.http.ServeHTTP(w, r)
	var reply map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		d.t.Fatalf("reply %q is no JSON: %v", w.Body, err)
	}
	return w.Code, reply
}

func (d *desk) blobs(state media.State) int {
	n, _ := d.spool.Count(state)
	return n
}

// open reads every letter of a state with its reader's secret.
func (d *desk) open(state media.State, reader feedback.Reader) map[feedback.AttachmentKind]seal.Letter {
	d.t.Helper()
	letters := map[feedback.AttachmentKind]seal.Letter{}
	for e := range d.spool.In(state) {
		sealed, err := d.spool.ReadAt(e.Ref.Hash, 0, int(e.Ref.Size))
		if err != nil {
			d.t.Fatal(err)
		}
		l, err := seal.Open(sealed, d.secrets[reader])
		if err != nil {
			d.t.Fatal(err)
		}
		letters[e.Kind] = l
	}
	return letters
}

func TestMessageIsSealedAndRecorded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	photo := jpegOf(t, 60, 40, 3)
	withPlace := behind(photo, segment(0xe1, "Exif\x00\x00"+secretPlace))
	status, reply := d.send(headWith(`"consents":[]`, agreed("contact", "voice", "photo")), someWords, someContact, someVoice, given{"photo", "image/jpeg", string(withPlace)})
	if status != 201 || reply["receipt"] != "4Q7K9-M2XHT" || reply["held"] != false || reply["seq"] != 2.0 || !isHex(fmt.Sprint(reply["id"]), 32) {
		t.Fatalf("%d %v", status, reply)
	}
	if want := []string{"put", "put", "put", "put", "record"}; !slices.Equal(d.did, want) {
		t.Errorf("did %v, want %v: blobs before the record that names them", d.did, want)
	}
	secret := seal.Code("4Q7K9M2XHT").Receipt()
	letters := d.open(media.Pending, feedback.ReaderCases)
	for kind, want := range map[feedback.AttachmentKind]seal.Letter{
		feedback.AttachedWords:   {Type: "text/plain; charset=utf-8", Body: []byte(someWords.body)},
		feedback.AttachedContact: {Type: "application/json", Body: []byte(`{"name":"Nguyễn Thị Lan","phone":"0912 345 678"}`)},
		feedback.AttachedVoice:   {Type: "audio/webm", Body: []byte(someVoice.body)},
		feedback.AttachedPhoto:   {Type: "image/jpeg", Body: photo},
	} {
		l := letters[kind]
		if l.Type != want.Type || !bytes.Equal(l.Body, want.Body) || l.Kind != uint8(kind) || !bytes.Equal(l.Receipt, secret.Key[:]) {
			t.Errorf("letter %d: %s of %d bytes, want %s of %d", kind, l.Type, len(l.Body), want.Type, len(want.Body))
		}
	}
	raw, err := d.outbox.Read(1, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	record, err := wire.DecodeRecord(raw[0])
	a, ok := record.(wire.Answer)
	if err != nil || !ok || len(a.Attachments) != 4 || !bytes.Equal(a.Receipt, secret.Tag[:]) || !slices.Equal(a.Choices, []string{"phan-anh", "sanitation"}) || len(a.Consents) != 3 || a.Consents[0].Text != readOn(time.Now(), ourWard, "contact", "vi") {
		t.Errorf("record %+v, %v", record, err)
	}
}

func TestMessageRepeated(t *testing.T) {
	d := newDesk(t)
	_, first := d.send(headWith(), someWords)
	for range 2 {
		if status, again := d.send(headWith(), someWords); status != 201 || again["id"] != first["id"] || again["seq"] != first["seq"] || again["receipt"] != first["receipt"] {
			t.Errorf("again: %d %v, first %v", status, again, first)
		}
	}
	if d.blobs(media.Pending) != 1 || d.outboxHead() != 2 {
		t.Errorf("%d blobs, %d records", d.blobs(media.Pending), d.outboxHead())
	}
	for name, other := range map[string][]given{
		"other words":   {headWith(), {"words", "text/plain", "Khác"}},
		"other code":    {headWith("4Q7K9M2XHT", "4Q7K9M2XHV"), someWords},
		"other kind":    {headWith("phan-anh", "khen"), someWords},
		"other subject": {headWith("sanitation", "police"), someWords},
		"other reader":  {headWith(`"cases"`, `"named"`), someWords},
		"more parts":    {headWith(`"consents":[]`, agreed("voice")), someWords, someVoice},
	} {
		if status, reply := d.send(other...); status != 409 {
			t.Errorf("%s: %d %v, want 409", name, status, reply)
		}
	}
	if status, _ := post(t, d.http, with("r-1", "m-1")); status != 409 {
		t.Errorf("a rating under the same request: %d, want 409", status)
	}
}

func (d *desk) outboxHead() uint64 {
	d.t.Helper()
	b, err := d.outbox.Branch()
	if err != nil {
		d.t.Fatal(err)
	}
	return b.Head.Seq
}

func TestNamedMessageIsHeldAndPadded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	sizes := map[uint64]bool{}
	for i, words := range []string{"a", strings.Repeat("Một lời dài hơn. ", 100)} {
		status, reply := d.send(headWith(`"cases"`, `"named"`, "m-1", fmt.Sprint("m-", i)), given{"words", "", words})
		if _, told := reply["id"]; status != 201 || reply["held"] != true || told || reply["receipt"] != "4Q7K9-M2XHT" {
			t.Fatalf("%d %v", status, reply)
		}
	}
	for e := range d.spool.In(media.Held) {
		sizes[e.Ref.Size] = true
	}
	if len(sizes) != 1 || d.blobs(media.Held) != 2 || d.blobs(media.Pending) != 0 || d.outboxHead() != 1 {
		t.Errorf("%d sizes, %d held, %d to be sent, journal at %d", len(sizes), d.blobs(media.Held), d.blobs(media.Pending), d.outboxHead())
	}
	if l := d.open(media.Held, feedback.ReaderNamed)[feedback.AttachedWords]; len(l.Body) == 0 {
		t.Error("the officer cannot open it")
	}
	if status, reply := d.send(headWith(`"cases"`, `"named"`, "m-1", "m-0"), given{"words", "", "a"}); status != 201 || reply["held"] != true || d.blobs(media.Held) != 2 {
		t.Errorf("again: %d %v", status, reply)
	}
}

func TestMessageRefused(t *testing.T) {
	t.Parallel()
	big := func(n int) string { return strings.Repeat("x", n) }
	photo := given{"photo", "image/jpeg", string(jpegOf(t, 8, 8, 1))}
	photoHead := headWith(`"consents":[]`, agreed("photo"))
	for _, c := range []struct {
		name        string
		parts       []given
		status      int
		code, field string
	}{
		{"words alone", []given{headWith(), someWords}, 201, "", ""},
		{"consent for words too", []given{headWith(`"consents":[]`, agreed("words")), someWords}, 201, "", ""},
		{"voice alone", []given{headWith(`"consents":[]`, agreed("voice")), someVoice}, 201, "", ""},
		{"ogg", []given{headWith(`"consents":[]`, agreed("voice")), {"voice", "audio/ogg", "OggS\x00\x02" + big(22) + "OpusHead"}}, 201, "", ""},
		{"mp4", []given{headWith(`"consents":[]`, agreed("voice")), {"voice", "audio/mp4", "\x00\x00\x00\x20ftypiso5" + big(20)}}, 201, "", ""},
		{"photo alone", []given{photoHead, photo}, 201, "", ""},
		{"webp", []given{photoHead, {"photo", "image/webp", string(riff(webpLossy))}}, 201, "", ""},
		{"no subject", []given{headWith("sanitation", ""), someWords}, 201, "", ""},
		{"code as people write it", []given{headWith("4Q7K9M2XHT", "4q7k9-m2xht"), someWords}, 201, "", ""},
		{"2,000 characters", []given{headWith(), {"words", "text/plain;charset=UTF-8", strings.Repeat("ữ", 2000)}}, 201, "", ""},
		{"line ends of a form", []given{headWith(), {"words", "", "a\r\nb"}}, 201, "", ""},

		{"nothing", nil, 400, "malformed", ""},
		{"no head", []given{someWords}, 400, "malformed", ""},
		{"head not first", []given{someWords, headWith()}, 400, "malformed", ""},
		{"head twice", []given{headWith(), headWith(), someWords}, 400, "malformed", ""},
		{"words twice", []given{headWith(), someWords, someWords}, 400, "malformed", ""},
		{"unknown part", []given{headWith(), someWords, {"video", "video/webm", "x"}}, 400, "malformed", ""},
		{"head no JSON", []given{{"message", "application/json", "hello"}, someWords}, 400, "malformed", "message"},
		{"head of other type", []given{{"message", "text/html", goodHead}, someWords}, 400, "malformed", ""},
		{"unknown key", []given{headWith(`"consents"`, `"name":"Lan","consents"`), someWords}, 400, "malformed", "message"},
		{"key twice", []given{headWith(`"version":1`, `"version":1,"version":1`), someWords}, 400, "malformed", "message"},
		{"head too large", []given{headWith("m-1", big(maxHead)), someWords}, 413, "too-large", "message"},
		{"words too large", []given{headWith(), {"words", "text/plain", big(maxWords + 1)}}, 413, "too-large", "words"},
		{"contact too large", []given{headWith(), someWords, {"contact", "application/json", `{"name":"` + big(maxContact) + `"}`}}, 413, "too-large", "contact"},
		{"voice too large", []given{headWith(), {"voice", "audio/webm", someVoice.body + big(maxVoice)}}, 413, "too-large", "voice"},
		{"photo too large", []given{headWith(), {"photo", "image/jpeg", photo.body + big(maxPhoto)}}, 413, "too-large", "photo"},
		{"all too large", []given{headWith(), {"photo", "image/jpeg", photo.body + big(maxPhoto-1000)}, {"voice", "audio/webm", big(maxVoice)}, {"words", "", big(maxWords)}, {"contact", "", big(maxContact)}, {"x", "", big(maxPhoto)}}, 422, "invalid", "voice"},

		{"no request", []given{headWith("m-1", ""), someWords}, 422, "invalid", "request"},
		{"strange request", []given{headWith("m-1", "m 1"), someWords}, 422, "invalid", "request"},
		{"no code", []given{headWith("4Q7K9M2XHT", ""), someWords}, 422, "invalid", "code"},
		{"complaint", []given{headWith("phan-anh", "khieu-nai"), someWords}, 422, "invalid", "kind"},
		{"no reader", []given{headWith(`"cases"`, `""`), someWords}, 422, "invalid", "reader"},
		{"other form", []given{headWith(`"message"`, `"today"`), someWords}, 422, "invalid", "version"},
		{"other version", []given{headWith(`"version":1`, `"version":2`), someWords}, 422, "invalid", "version"},
		{"other subject", []given{headWith("sanitation", "weather"), someWords}, 422, "invalid", "subject"},
		{"other language", []given{headWith(`"vi"`, `"tlh"`), someWords}, 422, "invalid", "language"},
		{"says nothing", []given{headWith()}, 422, "invalid", "words"},
		{"contact alone", []given{headWith(`"consents":[]`, agreed("contact")), someContact}, 422, "invalid", "words"},
		{"empty words", []given{headWith(), {"words", "text/plain", " \n"}}, 422, "invalid", "words"},
		{"2,001 characters", []given{headWith(), {"words", "text/plain", strings.Repeat("ữ", 2001)}}, 422, "invalid", "words"},
		{"decomposed", []given{headWith(), {"words", "text/plain", "nga\u0323\u0302p"}}, 422, "invalid", "words"},
		{"broken words", []given{headWith(), {"words", "text/plain", "\xff"}}, 422, "invalid", "words"},
		{"words as a page", []given{headWith(), {"words", "text/html", "a"}}, 422, "invalid", "words"},
		{"contact no JSON", []given{headWith(), someWords, {"contact", "", "Lan"}}, 422, "invalid", "contact"},
		{"contact empty", []given{headWith(), someWords, {"contact", "", `{"name":""}`}}, 422, "invalid", "contact"},
		{"contact of two lines", []given{headWith(), someWords, {"contact", "", `{"name":"a\nb"}`}}, 422, "invalid", "contact"},
		{"phone of letters", []given{headWith(), someWords, {"contact", "", `{"phone":"call me"}`}}, 422, "invalid", "contact"},
		{"unknown contact", []given{headWith(), someWords, {"contact", "", `{"email":"a@b"}`}}, 422, "invalid", "contact"},
		{"voice of another kind", []given{headWith(), {"voice", "audio/webm", "RIFF....WAVE"}}, 422, "invalid", "voice"},
		{"voice by another name", []given{headWith(), {"voice", "audio/wav", someVoice.body}}, 422, "invalid", "voice"},
		{"photo of another kind", []given{headWith(), {"photo", "image/jpeg", "GIF89a"}}, 422, "invalid", "photo"},
		{"photo by another name", []given{headWith(), {"photo", "image/png", photo.body}}, 422, "invalid", "photo"},
		{"photo without consent", []given{headWith(), photo}, 422, "invalid", "consents"},
		{"consent twice", []given{headWith(`"consents":[]`, agreed("photo", "photo")), photo}, 422, "invalid", "consents"},
		{"consent for nothing", []given{headWith(`"consents":[]`, agreed("photo", "voice")), photo}, 422, "invalid", "consents"},
		{"consent without its text", []given{headWith(`"consents":[]`, `"consents":[{"purpose":"photo","text":"yes"}]`), photo}, 422, "invalid", "consents"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			status, reply := d.send(c.parts...)
			told, _ := reply["error"].(map[string]any)
			field, _ := told["field"].(string)
			if status != c.status || c.status != 201 && (told["code"] != c.code || field != c.field || told["message"] == "") {
				t.Fatalf("%d %v; want %d %s %s", status, reply, c.status, c.code, c.field)
			}
			if kept := c.status == 201; (d.outboxHead() == 2) != kept || (d.blobs(media.Pending) > 0) != kept {
				t.Errorf("journal at %d, %d blobs", d.outboxHead(), d.blobs(media.Pending))
			}
		})
	}
}

// A consent is proof only of a text that could be read here: in any language of
// the form, of the promise in force or of the one until yesterday, for its own
// purpose, in this ward.
func TestConsentIsToATextThatWasShown(t *testing.T) {
	promises := feedback.Promises()
	first, err := time.Parse(time.DateOnly, promises[1].From)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  feedback.Hash
		now   time.Time
		taken bool
	}{
		"in Vietnamese":      {readOn(first, ourWard, "voice", "vi"), first, true},
		"in English":         {readOn(first, ourWard, "voice", "en"), first, true},
		"until yesterday":    {readOn(first.AddDate(0, 0, -1), ourWard, "voice", "vi"), first, true},
		"until last week":    {readOn(first.AddDate(0, 0, -1), ourWard, "voice", "vi"), first.AddDate(0, 0, 7), false},
		"from next week":     {readOn(first, ourWard, "voice", "vi"), first.AddDate(0, 0, -7), false},
		"for another thing":  {readOn(first, ourWard, "photo", "vi"), first, false},
		"of another ward":    {readOn(first, "Phường Khác", "voice", "vi"), first, false},
		"in no language":     {sha256.Sum256(nil), first, false},
		"that nobody showed": {feedback.Hash{0xab}, first, false},
	} {
		d := newDesk(t)
		d.now = func() time.Time { return c.now }
		status, reply := d.send(headWith(`"consents":[]`, fmt.Sprintf(`"consents":[{"purpose":"voice","text":"%x"}]`, c.text)), someVoice)
		told, _ := reply["error"].(map[string]any)
		if (status == 201) != c.taken || !c.taken && (status != 422 || told["field"] != "consents") || (d.outboxHead() == 2) != c.taken {
			t.Errorf("%s: %d %v", name, status, reply)
		}
	}
}

func TestMessageThatIsNoForm(t *testing.T) {
	d := newDesk(t)
	body, contentType := form(headWith(), someWords)
	boundary := contentType[strings.Index(contentType, "boundary=")+9:]
	for name, c := range map[string]struct {
		body        string
		contentType string
		status      int
	}{
		"JSON":        {goodHead, "application/json", 415},
		"a form":      {"a=b", "application/x-www-form-urlencoded", 415},
		"no type":     {string(body), "", 415},
		"no boundary": {string(body), "multipart/form-data", 400},
		"cut":         {string(body[:len(body)-40]), contentType, 400},
		"encoded":     {strings.Replace(string(body), "Content-Type: text/plain", "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable", 1), contentType, 422},
		"endless":     {string(body[:200]) + strings.Repeat("x", maxMessage), contentType, 413},
		"many lines":  {"--" + boundary + "\r\n" + strings.Repeat("A: b\r\n", 100_000) + "\r\n", contentType, 400},
	} {
		if status, reply := d.sendRaw([]byte(c.body), c.contentType); status != c.status {
			t.Errorf("%s: %d %v, want %d", name, status, reply, c.status)
		}
	}
	if d.outboxHead() != 1 || d.blobs(media.Pending) != 0 {
		t.Error("something of it was kept")
	}
}

// 201 must mean kept, and a page that had no answer gets one by asking again.
func TestMessageSays201OnlyAfterTheRecord(t *testing.T) {
	broken := fmt.Errorf("commit: %w", errNoRoom)
	for name, c := range map[string]struct {
		break_  func(d *desk)
		orphans int
	}{
		"not recorded":      {func(d *desk) { d.fail = func() error { return broken } }, 1},
		"recorded, then an": {func(d *desk) { d.failing = func() error { return broken } }, 0},
	} {
		d := newDesk(t)
		c.break_(d)
		status, reply := d.send(headWith(), someWords)
		text, _ := json.Marshal(reply)
		if status != 503 || strings.Contains(string(text), "commit") || strings.Contains(string(text), "disk") {
			t.Errorf("%s error: %d %s", name, status, text)
		}
		if strings.Count(d.log.String(), "level=ERROR") != 1 || strings.Contains(d.log.String(), "ngập") || strings.Contains(d.log.String(), "4Q7K9") {
			t.Errorf("%s error: log %s", name, d.log.String())
		}
		d.fail, d.failing = nil, nil
		if status, reply := d.send(headWith(), someWords); status != 201 || d.outboxHead() != 2 {
			t.Errorf("%s error, then again: %d %v, journal at %d", name, status, reply, d.outboxHead())
		}
		named := 0
		for e := range d.spool.In(media.Pending) {
			if is, err := d.outbox.Names(e.Ref.Hash); err != nil {
				t.Fatal(err)
			} else if is {
				named++
			}
		}
		if orphans := d.blobs(media.Pending) - named; named != 1 || orphans != c.orphans {
			t.Errorf("%s error: %d blobs named, %d orphans, want %d", name, named, orphans, c.orphans)
		}
	}
}

func TestMessageWithoutReaders(t *testing.T) {
	d := newDesk(t)
	d.readers = map[feedback.Reader][]string{}
	for reader, code := range map[string]string{"cases": "not-enrolled", "named": "no-named-readers"} {
		status, reply := d.send(headWith(`"cases"`, fmt.Sprintf("%q", reader)), someWords)
		if told, _ := reply["error"].(map[string]any); status != 503 || told["code"] != code {
			t.Errorf("%s: %d %v", reader, status, reply)
		}
	}
	if got := statusOf(t, d.http); got != (messagesView{}) {
		t.Errorf("status says %+v", got)
	}
	d.readers[feedback.ReaderCases] = []string{"age1nonsense"}
	if status, _ := d.send(headWith(), someWords); status != 503 {
		t.Errorf("a reader that is none: %d", status)
	}
	bare := newScreen(testConfig(portrait), os.DirFS("dist")).Handler()
	if got := statusOf(t, bare); got != (messagesView{}) {
		t.Errorf("a screen without messages says %+v", got)
	}
	d.http = bare
	if status, reply := d.send(headWith(), someWords); status != 503 {
		t.Errorf("a screen without messages: %d %v", status, reply)
	}
}

func statusOf(t *testing.T, h http.Handler) messagesView {
	t.Helper()
	var status struct{ Messages messagesView }
	if err := json.Unmarshal(get(h, "GET", "/api/status").Body.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	return status.Messages
}

func TestMessagesByRoom(t *testing.T) {
	d := newDesk(t)
	level := media.OK
	d.level = &level
	photo := given{"photo", "image/jpeg", string(jpegOf(t, 8, 8, 1))}
	for i, want := range []messagesView{
		{Words: true, Photo: true, Voice: true, Cases: true, Named: true}, {Words: true, Photo: true, Cases: true, Named: true},
		{Words: true, Cases: true, Named: true}, {Cases: true, Named: true},
	} {
		level = media.Level(i)
		if got := statusOf(t, d.http); got != want {
			t.Errorf("%v: status says %+v", level, got)
		}
		for name, c := range map[string]struct {
			part  given
			taken bool
		}{"words": {someWords, want.Words}, "voice": {someVoice, want.Voice}, "photo": {photo, want.Photo}} {
			h := headWith("m-1", fmt.Sprintf("%s-%d", name, i))
			if name != "words" {
				h = headWith("m-1", fmt.Sprintf("%s-%d", name, i), `"consents":[]`, agreed(name))
			}
			status, reply := d.send(h, c.part)
			told, _ := reply["error"].(map[string]any)
			if (status == 201) != c.taken || !c.taken && (status != 503 || told["code"] != "no-room" || told["field"] != name) {
				t.Errorf("%v: %s: %d %v", level, name, status, reply)
			}
		}
	}
	if status, _ := d.send(headWith("m-1", "words-0"), someWords); status != 201 {
		t.Errorf("what was kept before, asked again without room: %d", status)
	}
}

func TestMessageNeedsItsOwnPage(t *testing.T) {
	d := newDesk(t)
	body, contentType := form(headWith(), someWords)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7070/api/messages", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Origin", "http://evil.example")
	w := httptest.NewRecorder()
	if d.http.ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("from another origin: %d", w.Code)
	}
	if w := get(d.http, "GET", "/api/messages"); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}
