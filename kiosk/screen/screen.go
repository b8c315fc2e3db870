// Package screen is the face of a kiosk: a loopback HTTP server and the touch
// pages it carries inside. It turns a tap into an Answer and keeps it in the
// outbox.
//
// It promises that 201 is written only after the outbox has kept the answer on
// disk, that repeating a request gives the same answer, that only a page of
// its own on this machine may speak to it, and that no refusal tells anything
// of the inside.
//
// It knows nothing of any network: a tap must not depend on one. The page
// keeps nothing that could outlive a visit.
package screen

import (
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"nghe/kiosk/conduct"
	"nghe/kiosk/outbox"
	"nghe/kiosk/speech"
	"nghe/shared/feedback"
)

//go:embed all:dist
var built embed.FS

// Outbox keeps answers; *outbox.Outbox is one.
type Outbox interface {
	// PutTapped returns only after a is on disk. The same request with the same
	// answer gives the same receipt.
	PutTapped(request string, a feedback.Answer, replaces string, tap outbox.Tap) (outbox.Receipt, error)
}

var _ Outbox = (*outbox.Outbox)(nil)

// Storage says how much room there is for answers.
type Storage string

const (
	StorageOK   Storage = "ok"
	StorageLow  Storage = "low"
	StorageFull Storage = "full" // the screen says it is out of service, and thanks nobody
)

// Status is what may change while the screen runs.
type Status struct {
	Enrolled bool
	Storage  Storage // empty means StorageOK
	Paused   bool    // by order: the screen says so between two visits
	Closed   bool    // paused for so long that no visit can still be under way: nothing is taken
	States   []State // that hold, in the order of States
}

// Pace is how long the screen waits for people. Zero fields mean the defaults.
type Pace struct {
	Idle   time.Duration // without a touch until the screen asks; 30 s
	Leave  time.Duration // from asking to the start screen; 20 s, WCAG 2.2.1's least
	Undo   time.Duration // "Chọn lại" stands after a tap; 4 s
	Redo   time.Duration // a rating can be chosen again from the next question; 30 s, with Leave below the outbox's 60 s
	Thanks time.Duration // the thanks stand; 6 s
	Read   time.Duration // a consent's text stands before it can be agreed to: no double tap does; 0.6 s
}

// Config says what one kiosk shows and where its answers go.
type Config struct {
	Outbox Outbox
	// Questionnaires are all that answers may be given to; the first is shown.
	// Empty means those of feedback.Seed.
	Questionnaires []feedback.Questionnaire
	Place          feedback.Place
	Ward           string        // "Phường Quảng Tiến"
	Program        string        // version, for the status
	Status         func() Status // asked at every request; nil: not enrolled, storage ok
	// PixelsPerMM is the panel's, measured at provisioning; 0 makes the page
	// take the panel for one of 21.5 inches.
	PixelsPerMM float64
	Pace        Pace
	Messages    Messages
	Claims      Claims           // what is said by receipt code; nil: nothing can be
	Speech      *speech.Speech   // nil: nothing is read aloud
	Bulletin    Bulletin         // what the hub told; nil: nothing
	Printer     Printer          // nil: there is none
	Caretaker   func() Caretaker // asked at every request; nil: nothing is known
	Pulse       Pulse            // nil: nobody watches whether the page paints
	Now         func() time.Time // for schedules, opening hours, the board and the trying of codes; nil: time.Now
	// ClockKnown says whether Now was compared with the hub's clock, so that
	// nobody is judged by a wrong one; nil: never.
	ClockKnown func() bool
	// Monotonic never steps, from any zero; nil counts from New.
	Monotonic func() time.Duration
	Logger    *slog.Logger // nil: slog.Default
}

// Screen serves one kiosk's pages and takes their answers.
type Screen struct {
	cfg   Config
	pages fs.FS

	turn    chan struct{} // holds a token while a message is in memory
	oneCode sync.Mutex    // held while one is derived
	codes   tries
	sheets  bucket
	offered offered

	judging sync.Mutex // held while an answer is judged and kept
	judge   conduct.Judge
}

// New is a Screen on the pages built into the program.
func New(cfg Config) *Screen {
	pages, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return newScreen(cfg, pages)
}

func newScreen(cfg Config, pages fs.FS) *Screen {
	if len(cfg.Questionnaires) == 0 {
		cfg.Questionnaires = feedback.Seed().Questionnaires
	}
	if cfg.Status == nil {
		cfg.Status = func() Status { return Status{} }
	}
	if cfg.Caretaker == nil {
		cfg.Caretaker = func() Caretaker { return Caretaker{} }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Monotonic == nil {
		start := time.Now()
		cfg.Monotonic = func() time.Duration { return time.Since(start) }
	}
	cfg.Pace, cfg.Messages = cfg.Pace.filled(), cfg.Messages.filled()
	return &Screen{cfg: cfg, pages: pages, turn: make(chan struct{}, 1),
		codes: newTries(), sheets: bucket{most: sheetsAtOnce, every: sheetEvery}}
}

func (p Pace) filled() Pace {
	fill := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	fill(&p.Idle, 30*time.Second)
	fill(&p.Leave, 20*time.Second)
	fill(&p.Undo, 4*time.Second)
	fill(&p.Redo, 30*time.Second)
	fill(&p.Thanks, 6*time.Second)
	fill(&p.Read, 600*time.Millisecond)
	return p
}

// Handler serves the pages and the API. It must be reached over loopback only,
// and refuses any request addressed to another host.
func (s *Screen) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/answers", only(http.MethodPost, s.postAnswer))
	mux.Handle(messagesRoute, only(http.MethodPost, s.postMessage))
	mux.Handle(receiptsRoute, only(http.MethodPost, s.postReceipt))
	mux.Handle(printRoute, only(http.MethodPost, s.postPrint))
	mux.Handle(repliesRoute, only(http.MethodPost, s.postReply))
	mux.Handle(rightsRoute, only(http.MethodPost, s.postRight))
	mux.Handle("/api/pulse", only(http.MethodPost, s.postPulse))
	mux.Handle("/api/caretaker", only(http.MethodGet, s.getCaretaker))
	mux.Handle("/api/board", only(http.MethodGet, s.getBoard))
	mux.Handle("/api/speech", only(http.MethodPost, s.postSpeech))
	mux.Handle("/api/status", only(http.MethodGet, s.getStatus))
	mux.Handle("/api/questionnaires", only(http.MethodGet, s.getQuestionnaires))
	mux.Handle("/api/texts", only(http.MethodGet, s.getTexts))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, refusal{http.StatusNotFound, "not-found", "There is no such address.", ""})
	})
	mux.Handle("/", only(http.MethodGet, s.getPage))
	return (&refusals{log: s.cfg.Logger}).watch(guard(mux))
}
