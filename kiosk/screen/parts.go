package screen

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/strict"
)

// Limits of the parts of a message, in bytes.
const (
	maxHead    = 4 << 10
	maxWords   = 4 * (feedback.MaxWords + 100) // UTF-8, and line ends as two
	maxContact = 1 << 10
	maxVoice   = 1 << 20 // a minute of Opus at the most a browser makes of it
	maxPhoto   = 3 << 20
	maxMessage = maxHead + maxWords + maxContact + maxVoice + maxPhoto + 8<<10 // and the lines between
)

// messageHead is the part "message". Code is the receipt code the page minted.
type messageHead struct {
	Request       string            `json:"request"`
	Code          string            `json:"code"`
	Kind          string            `json:"kind"`
	Reader        string            `json:"reader"` // "cases" or "named"
	Language      feedback.Language `json:"language"`
	Questionnaire string            `json:"questionnaire"`
	Version       int               `json:"version"`
	Subject       string            `json:"subject"`
	Place         string            `json:"place"` // where the matter is: of the form's places, or empty
	Consents      []consent         `json:"consents"`
}

type consent struct {
	Purpose string `json:"purpose"`
	Text    string `json:"text"` // SHA-256 of the text shown
}

// contact is the part "contact"; what a resident left out is missing or empty.
type contact struct {
	Name    string `json:"name,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Address string `json:"address,omitempty"`
}

// part is one thing given, ready to be sealed.
type part struct {
	kind      feedback.AttachmentKind
	mediaType string
	body      []byte
	sum       [sha256.Size]byte // of the body as it came
}

// message is a request that passed every check.
type message struct {
	head     messageHead
	question string
	reader   feedback.Reader
	code     seal.Code
	receipt  seal.Receipt
	consents []outbox.Consent
	parts    []part // in the order of their kinds
}

var (
	refusedForm = refusal{http.StatusBadRequest, "malformed", `Send multipart/form-data: first the part "message", then any of "words", "contact", "voice", "photo", each once.`, ""}
	refusedBody = refusal{http.StatusBadRequest, "unread", "Send the whole body within 15 s, and without a pause.", ""}
	refusedBusy = refusal{http.StatusServiceUnavailable, "unread", "Another message is being kept; send the same request again.", ""}
	refusedType = refusal{http.StatusUnsupportedMediaType, "content-type", "Send multipart/form-data.", ""}
)

func tooLarge(field string, limit int) *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("Send at most %d KiB.", limit>>10), field}
}

// Times for a page on the same machine to send a message.
const (
	headTime   = 45 * time.Second // until its turn
	partsTime  = 15 * time.Second // in its turn: a small board takes long to read 4 MiB
	partsPause = 2 * time.Second  // without an octet, in its turn
	replyTime  = 90 * time.Second // to read, seal, keep and answer
)

// maxAhead of a message is read before its turn: its head, and what a reader
// takes ahead of that.
const maxAhead = 2*maxHead + 8<<10

// body is what a page sends, read in its own time before its turn, and in ours
// from then on.
type body struct {
	from  io.Reader
	conn  *http.ResponseController
	ahead int // octets that may still come before the turn
	pause time.Duration
	until time.Time
}

func newBody(w http.ResponseWriter, r *http.Request) *body {
	b := &body{from: http.MaxBytesReader(w, r.Body, maxMessage), conn: http.NewResponseController(w), ahead: maxAhead, pause: headTime, until: time.Now().Add(headTime)}
	// Not every ResponseWriter of a test can set a deadline.
	_ = b.conn.SetWriteDeadline(time.Now().Add(replyTime))
	return b
}

func (b *body) inTurn() {
	b.ahead, b.pause, b.until = maxMessage, partsPause, time.Now().Add(partsTime)
}

// read leaves the connection time to end the request.
func (b *body) read() { _ = b.conn.SetReadDeadline(time.Now().Add(headTime)) }

// Read ends with a deadline of the connection.
func (b *body) Read(to []byte) (int, error) {
	if b.ahead <= 0 {
		return 0, errHead
	}
	at := time.Now().Add(b.pause)
	if at.After(b.until) {
		at = b.until
	}
	_ = b.conn.SetReadDeadline(at)
	n, err := b.from.Read(to[:min(len(to), b.ahead)])
	b.ahead -= n
	return n, err
}

var errHead = errors.New("head too large")

// begin reads the head of a message.
func (m *message) begin(b *body, r *http.Request) (*multipart.Reader, *refusal) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, &refusedType
	}
	rest := multipart.NewReader(b, params["boundary"])
	head, err := rest.NextRawPart()
	if err != nil {
		return nil, formRefused(err)
	}
	return rest, m.readHead(head)
}

// readParts reads what is given into memory, never to a file.
func (s *Screen) readParts(m *message, rest *multipart.Reader) *refusal {
	m.receipt = s.receiptOf(m.code)
	for {
		p, err := rest.NextRawPart()
		if err == io.EOF {
			return s.checkMessage(m)
		}
		if err != nil {
			return formRefused(err)
		}
		if bad := m.readPart(p); bad != nil {
			return bad
		}
	}
}

// formRefused tells apart a page that sends too much, one that stopped sending,
// and one that sends something else. The error itself may quote the body.
func formRefused(err error) *refusal {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return tooLarge("", maxMessage)
	}
	if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return &refusedBody
	}
	return &refusedForm
}

func (m *message) readHead(p *multipart.Part) *refusal {
	if p.FormName() != "message" || !plain(p, "application/json") {
		return &refusedForm
	}
	body, bad := readAll(p, "message", maxHead)
	if bad != nil {
		return bad
	}
	if err := strict.JSON(body, &m.head); err != nil {
		return &refusal{http.StatusBadRequest, "malformed", err.Error(), "message"}
	}
	var err error
	if m.code, err = seal.ParseCode(m.head.Code); err != nil {
		return &refusal{http.StatusUnprocessableEntity, "invalid", "10 characters of Crockford's base 32", "code"}
	}
	return nil
}

// plain says whether a part comes as it is and is of one of those types; a page
// may leave the type of a text out.
func plain(p *multipart.Part, types ...string) bool {
	kind := p.Header.Get("Content-Type")
	if kind != "" {
		parsed, _, err := mime.ParseMediaType(kind)
		if err != nil || !slices.Contains(types, parsed) {
			return false
		}
	}
	return p.Header.Get("Content-Transfer-Encoding") == ""
}

// readAll takes the memory of the limit at once: a buffer that grows would
// leave copies of what was said behind.
func readAll(p *multipart.Part, field string, limit int) ([]byte, *refusal) {
	body := make([]byte, limit+1)
	n, err := io.ReadFull(p, body)
	switch {
	case err == nil:
		clear(body)
		return nil, tooLarge(field, limit)
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		clear(body)
		return nil, formRefused(err)
	}
	return body[:n], nil
}

// readPart reads and checks one thing given.
func (m *message) readPart(p *multipart.Part) *refusal {
	name := p.FormName()
	i := slices.IndexFunc(partKinds, func(k partKind) bool { return k.kind.Purpose() == name })
	if i < 0 || has(m.parts, name) {
		return &refusedForm
	}
	k := partKinds[i]
	if !plain(p, k.types...) {
		return &refusal{http.StatusUnprocessableEntity, "invalid", "send it as " + strings.Join(k.types, " or "), name}
	}
	body, bad := readAll(p, name, k.limit)
	if bad != nil {
		return bad
	}
	sum := sha256.Sum256(body)
	m.parts = append(m.parts, part{kind: k.kind, body: body, sum: sum}) // so that it is wiped, whatever comes
	clean, mediaType, want := k.clean(body)
	if want != "" {
		return &refusal{http.StatusUnprocessableEntity, "invalid", want, name}
	}
	m.parts[len(m.parts)-1].body, m.parts[len(m.parts)-1].mediaType = clean, mediaType
	return nil
}

// partKind says how one thing given is read. clean makes it fit to be sealed,
// or says what it should be instead.
type partKind struct {
	kind  feedback.AttachmentKind
	types []string
	limit int
	clean func(body []byte) (clean []byte, mediaType, want string)
}

var partKinds = []partKind{
	{feedback.AttachedWords, []string{"text/plain"}, maxWords, cleanWords},
	{feedback.AttachedContact, []string{"application/json"}, maxContact, cleanContact},
	{feedback.AttachedVoice, []string{"audio/webm", "audio/ogg", "audio/mp4"}, maxVoice, cleanVoice},
	{feedback.AttachedPhoto, []string{"image/jpeg", "image/webp"}, maxPhoto, cleanPhoto},
}

// cleanWords undoes the line ends of a form.
func cleanWords(body []byte) ([]byte, string, string) {
	defer clear(body)
	clean := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	if err := feedback.CheckWords("words", string(clean), feedback.MaxWords); err != nil {
		return nil, "", want(err)
	}
	return clean, "text/plain; charset=utf-8", ""
}

func want(err error) string {
	if told := (*feedback.Invalid)(nil); errors.As(err, &told) {
		return told.Want
	}
	return "something else"
}

func cleanContact(body []byte) ([]byte, string, string) {
	defer clear(body)
	var c contact
	if err := strict.JSON(body, &c); err != nil {
		return nil, "", err.Error()
	}
	if c == (contact{}) {
		return nil, "", "a name, a phone number or an address, or leave the part out"
	}
	for _, text := range []string{c.Name, c.Phone, c.Address} {
		if text == "" {
			continue
		}
		if err := feedback.CheckWords("contact", text, feedback.MaxContact); err != nil || strings.Contains(text, "\n") {
			return nil, "", "name, phone and address in one line each, in composed letters (NFC)"
		}
	}
	if len(c.Phone) > 20 || strings.Trim(c.Phone, "0123456789+-. ()") != "" {
		return nil, "", "phone of digits, spaces and +, at most 20"
	}
	clean, err := json.Marshal(c)
	if err != nil {
		return nil, "", "name, phone and address" // three strings can be written
	}
	return clean, "application/json", ""
}

// cleanVoice goes by the first octets: what a page calls a type proves nothing.
func cleanVoice(body []byte) ([]byte, string, string) {
	start := body[:min(len(body), 64)]
	switch {
	case bytes.HasPrefix(start, []byte("\x1a\x45\xdf\xa3")) && bytes.Contains(start, []byte("webm")):
		return body, "audio/webm", ""
	case bytes.HasPrefix(start, []byte("OggS\x00")) && bytes.Contains(start, []byte("OpusHead")):
		return body, "audio/ogg", ""
	case len(start) > 8 && bytes.Equal(start[4:8], []byte("ftyp")):
		return body, "audio/mp4", ""
	}
	return nil, "", "a recording in WebM, Ogg Opus or MP4"
}

// checkMessage refuses what the form does not offer.
func (s *Screen) checkMessage(m *message) *refusal {
	wrong := func(field, want string) *refusal {
		return &refusal{http.StatusUnprocessableEntity, "invalid", want, field}
	}
	h, form := m.head, s.messageForm()
	if !isName(h.Request, 64) {
		return wrong("request", "1 to 64 letters, digits, - or _")
	}
	if m.reader = readers[h.Reader]; m.reader == 0 {
		return wrong("reader", `"cases" or "named"`)
	}
	if h.Questionnaire != form.Questionnaire || h.Version != form.Version {
		return wrong("version", "the form and version of GET /api/questionnaires")
	}
	m.question = form.Question
	form.Places = s.offered.ever(form.Places)
	if err := form.Check(h.Kind, h.Subject, h.Place, h.Language); err != nil {
		return invalid(err, "")
	}
	if m.reader == feedback.ReaderNamed { // it stands open in the record, and there it could tell who spoke
		m.head.Place = ""
	}
	if !has(m.parts, "words") && !has(m.parts, "voice") && !has(m.parts, "photo") {
		return wrong("words", "words, voice or a photo; contact alone says nothing")
	}
	slices.SortFunc(m.parts, func(a, b part) int { return int(a.kind) - int(b.kind) })
	var bad *refusal
	m.consents, bad = parseConsents(h.Consents, m.parts, s.couldBeRead())
	return bad
}

var readers = map[string]feedback.Reader{"cases": feedback.ReaderCases, "named": feedback.ReaderNamed}
