package console

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/archive"
	"nghe/hub/backup"
	"nghe/hub/cases"
	"nghe/hub/chores"
	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/hub/letters"
	"nghe/hub/registry"
	"nghe/hub/rights"
	"nghe/hub/vitals"
	"nghe/shared/feedback"
)

// Config says what the console shows and how it is reached.
type Config struct {
	Ledger   *ledger.Ledger
	Registry *registry.Registry
	Vitals   *vitals.Vitals
	Accounts *accounts.Accounts
	// Secure says that operators reach the console by https, here or at a
	// proxy in front. When false, only loopback connections are served.
	Secure bool
	// Archive names the store off this hub's disk; empty while there is none,
	// which every page says.
	Archive string
	// Letters opens messages; nil: nobody may.
	Letters *letters.Letters
	// Deletions takes away what a resident said; nil: nobody may.
	Deletions *deletion.Deletions
	// Cases says how far the ward is with a message; nil: nobody knows.
	Cases interface {
		Get(ctx context.Context, tag [16]byte) (cases.Case, error)
		Replies(ctx context.Context, tag []byte) ([]cases.Reply, error)
		LastReplies(ctx context.Context, before int64, n int) ([]cases.Reply, error)
	}
	// Told is what kiosks are told, areas and questions by their words; nil: they
	// stand by their ids.
	Told interface {
		Facts(ctx context.Context) (feedback.Facts, error)
		Asked(ctx context.Context) ([]feedback.Questionnaire, error) // the newest version of each last
	}
	// Rights are what residents ask about their data; nil: nobody hears of it.
	Rights *rights.Rights
	// Spool, Copies and Chores are told of on the first page; nil: left out.
	Spool interface {
		Stats() archive.SpoolStats
	}
	Copies interface {
		Notes(ctx context.Context) (backup.Notes, error)
	}
	Chores interface {
		Status(ctx context.Context) ([]chores.Status, error)
	}
	Program string           // version shown at the foot
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// Console serves the operators' pages.
type Console struct {
	cfg      Config
	log      *slog.Logger
	sessions *accounts.Sessions
	assets   assets
	faces    map[Language]*face
	fleet    fleetCache
	recent   recent
	kept     keepingCache
	refusals refusals
	streams  atomic.Int64
	desk     *desk
	drawing  chan struct{} // holds a token while a photo is decoded
	done     chan struct{} // closed by Close: ends live streams
	closing  sync.Once
}

// New checks pages and catalogues; a fault in them is found here, not by an
// operator.
func New(cfg Config) (*Console, error) { return open(cfg, embedded()) }

func open(cfg Config, files fs.FS) (*Console, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := &Console{cfg: cfg, log: cfg.Logger, sessions: cfg.Accounts.Sessions(cfg.Secure),
		faces: map[Language]*face{}, done: make(chan struct{}),
		desk: newDesk(), drawing: make(chan struct{}, 1)}
	var err error
	if c.assets, err = openAssets(files); err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	for _, l := range tongues() {
		if c.faces[l.Code], err = newFace(l.Code, c.assets); err != nil {
			return nil, fmt.Errorf("open console: %w", err)
		}
	}
	return c, nil
}

// Close ends every live stream, so that a server's graceful stop need not wait
// for pages left open. The server calls it through RegisterOnShutdown.
func (c *Console) Close() { c.closing.Do(func() { close(c.done) }) }

// Handler serves every page. The rules around all routes stand here, outermost
// first.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range c.routes() {
		mux.Handle(r.pattern, c.guard(r))
	}
	mux.Handle("/", c.guard(route{"/", operator, c.notFound}))
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(c.refuseCross))
	return c.headers(c.onlySafely(c.built(cross.Handler(c.sessions.Handler(mux)))))
}

// who a route is for. The zero value is nobody, so that a forgotten field
// shuts a route instead of opening it.
type who int

const (
	nobody who = iota
	anyone
	operator
	reader // of messages: an admin is none
	admin
)

type route struct {
	pattern string
	who     who
	serve   func(http.ResponseWriter, *http.Request) error
}

func (c *Console) routes() []route {
	return []route{
		{"GET /signin", anyone, c.showSignIn},
		{"POST /signin", anyone, c.signIn},
		{"POST /language", anyone, c.setLanguage},
		{"GET /assets/{name}", anyone, c.assets.serve},

		{"GET /r", anyone, c.askReceipt},
		{"POST /r", anyone, c.showReceipt},
		{"GET /r/{code}", anyone, c.showReceipt},
		{"GET /R/{code}", anyone, c.showReceipt},        // a QR code of capitals is smaller
		{"GET /r/{code}/{rest...}", anyone, c.notFound}, // the door would carry the code on
		{"GET /R/{code}/{rest...}", anyone, c.notFound},

		{"GET /{$}", operator, c.showFleet},
		{"GET /places", operator, c.showPlaces},
		{"GET /places/{id}", operator, c.showPlace},
		{"GET /messages", operator, c.showMessages},
		{"GET /messages/{id}", operator, c.showMessage},
		{"POST /messages/{id}/open", reader, c.openMessage},
		{"GET /messages/{id}/voice", reader, c.playVoice},
		{"GET /messages/{id}/photo", reader, c.showPhoto},
		{"POST /messages/{id}/sealed", reader, c.takeSealed},
		{"GET /replies", operator, c.showReplies},
		{"GET /rights", operator, c.showRights},
		{"GET /deletions", operator, c.showDeletions},
		{"GET /quarantine", operator, c.showQuarantine},
		{"GET /log", operator, c.showLog},
		{"GET /api/events", operator, c.stream},
		{"GET /password", operator, c.showPassword},
		{"POST /password", operator, c.setPassword},
		{"POST /signout", operator, c.signOut},

		{"GET /access", admin, c.showAccess},
		{"POST /devices/{id}/revoke", admin, c.revoke},
		{"POST /messages/{id}/delete", admin, c.deleteMessage},
		{"POST /rights/{number}/acknowledge", admin, c.acknowledgeRight},
		{"POST /rights/{number}/settle", admin, c.settleRight},
	}
}

// visitor is who asks, found once per request.
type visitor struct {
	account accounts.Account
	known   bool
}

type visitorKey struct{}

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

func (w who) admits(v visitor) bool {
	switch w {
	case anyone:
		return true
	case operator:
		return v.known && v.account.Has(accounts.Operator)
	case reader:
		return v.known && v.account.Has(accounts.Reader)
	case admin:
		return v.known && v.account.Has(accounts.Admin)
	}
	return false
}

// guard lets in whom the route is for, and logs a failure once.
func (c *Console) guard(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		account, known, err := c.sessions.Current(req.Context())
		if err != nil {
			c.fail(w, req, err)
			return
		}
		v := visitor{account, known}
		req = req.WithContext(context.WithValue(req.Context(), visitorKey{}, v))
		if !r.who.admits(v) {
			c.turnAway(w, req, v)
			return
		}
		if err := r.serve(w, req); err != nil {
			c.fail(w, req, err)
		}
	})
}
