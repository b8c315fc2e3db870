package screen

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"nghe/shared/feedback"
)

// notBuilt is shown by a program compiled on a bare clone.
const notBuilt = "<!doctype html><html lang=\"en\"><title>Nghe</title><h1>The screens are not built into this program</h1>" +
	"<p>Run <code>make build</code> and start bin/kiosk again. Answers sent to the API are kept all the same.</p></html>\n"

func (s *Screen) getPage(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		s.getIndex(w, r)
		return
	}
	if info, err := fs.Stat(s.pages, name); err != nil || !info.Mode().IsRegular() || strings.HasPrefix(name, ".") || name == "index.html" {
		refuse(w, refusal{http.StatusNotFound, "not-found", "There is no such page.", ""})
		return
	}
	// Names carry a hash of the content.
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, s.pages, name)
}

func (s *Screen) getIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page, err := fs.ReadFile(s.pages, "index.html")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		page = []byte(notBuilt)
	}
	_, _ = w.Write(page) // a browser that went away loads again
}

type placeView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// statusView is GET /api/status: what the page must know besides questions.
type statusView struct {
	Place       placeView `json:"place"`
	Ward        string    `json:"ward"`
	Enrolled    bool      `json:"enrolled"`
	Storage     Storage   `json:"storage"`
	Paused      bool      `json:"paused"` // by order
	Program     string    `json:"program"`
	PixelsPerMM float64   `json:"pixels_per_mm"` // 0: not measured
	Pace        paceView  `json:"pace_ms"`
	Printer     bool      `json:"printer"` // something can be printed now

	States   []State             `json:"states"`
	Messages messagesView        `json:"messages"`
	Pulse    *challengeView      `json:"pulse,omitempty"`
	Speech   []feedback.Language `json:"speech"` // that can be read aloud; none: offer it to nobody
}

type paceView struct {
	Idle   int64 `json:"idle"`
	Leave  int64 `json:"leave"`
	Undo   int64 `json:"undo"`
	Redo   int64 `json:"redo"`
	Thanks int64 `json:"thanks"`
	Read   int64 `json:"read"`
}

func (s *Screen) getStatus(w http.ResponseWriter, _ *http.Request) {
	now := s.cfg.Status()
	if now.Storage == "" {
		now.Storage = StorageOK
	}
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	p := s.cfg.Pace
	reply(w, http.StatusOK, statusView{
		Place: placeView{s.cfg.Place.ID, s.cfg.Place.Name}, Ward: s.cfg.Ward,
		Enrolled: now.Enrolled, Storage: now.Storage, Paused: now.Paused || now.Closed, Program: s.cfg.Program, PixelsPerMM: s.cfg.PixelsPerMM,
		Messages: s.messagesNow(), States: notNull(now.States), Printer: s.prints(), Speech: s.readAloud(), Pulse: s.challenge(),
		Pace: paceView{ms(p.Idle), ms(p.Leave), ms(p.Undo), ms(p.Redo), ms(p.Thanks), ms(p.Read)},
	})
}

type scoreView struct {
	Score int           `json:"score"`
	Text  feedback.Text `json:"text"`
}

// questionsView is GET /api/questionnaires. Words of the scales are the
// field's own and come along, so that the page has no second copy.
type questionsView struct {
	Questionnaires []feedback.Questionnaire `json:"questionnaires"`
	Scale          []scoreView              `json:"scale"`
	Agreements     []feedback.Option        `json:"agreements"`
	Message        feedback.MessageForm     `json:"message"`
}

func (s *Screen) getQuestionnaires(w http.ResponseWriter, _ *http.Request) {
	view := questionsView{Questionnaires: s.asked(), Agreements: feedback.Agreements(), Message: s.messageForm()}
	s.offered.ever(view.Message.Places)
	for score := 5; score >= 1; score-- {
		view.Scale = append(view.Scale, scoreView{score, feedback.ScoreText(score)})
	}
	reply(w, http.StatusOK, view)
}
