package uplink

import (
	"cmp"
	"context"
	"crypto"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"nghe/kiosk/vitals"
	"nghe/shared/courier"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// Outbox is what the uplink asks of the kiosk's journal.
type Outbox interface {
	courier.Outbox
	Clock(wire.Clock) error
	Uptime() time.Duration
	Boot() [16]byte
	Wake() <-chan struct{} // signalled after every commit that appended
}

// Bulletin keeps what the hub tells; *bulletin.Bulletin is one.
type Bulletin interface {
	Version() uint64
	Apply(wire.Bulletin) error // one that is refused changes nothing
}

// Timing holds the durations of a session. Zero fields take their default.
type Timing struct {
	Handshake time.Duration // one address: name, proxy, TLS, upgrade; 15 s
	Ping      time.Duration // most between two pings; 20 s
	Silence   time.Duration // nothing heard, not even a pong: the line is dead; 50 s
	Write     time.Duration // one message; 10 s
	Answer    time.Duration // hub takes bytes but answers nothing; 2 min
	Report    time.Duration // between vitals; 60 s
	Lived     time.Duration // a session this long, or one that carried much, forgets past failures; 60 s
	Remind    time.Duration // between two tries of blobs that could not be sent; 5 min
	First     time.Duration // see Backoff; 1 s
	Most      time.Duration // see Backoff; 300 s
}

// Config of an Uplink. Outbox, Identity and Key are needed.
type Config struct {
	Outbox   Outbox
	Identity ident.Identity
	Key      crypto.Signer
	Bulletin Bulletin                              // nil: what the hub tells is not kept
	Media    Media                                 // nil: there are no blobs
	BlobRate int                                   // bytes of blobs a second; 0: as many as the line carries
	Vitals   *vitals.Monitor                       // nil: nothing but the uptime is told
	Program  string                                // version of the agent
	Proxy    func(*http.Request) (*url.URL, error) // nil means http.ProxyFromEnvironment
	Timing   Timing
	Now      func() time.Time // wall clock, told and compared, never waited for; nil means time.Now
	Logger   *slog.Logger     // nil means slog.Default
}

// Uplink keeps the line to the hub.
type Uplink struct {
	cfg      Config
	log      *slog.Logger
	road     road
	sender   *courier.Sender
	backoff  Backoff
	pace     pace          // of blobs
	share    *rate.Limiter // bytes of blobs; nil: all the line has left
	clock    clock         // Run's goroutine alone
	askedAll time.Time     // when the hub was last asked about all blobs; Run's goroutine alone
	try      chan struct{}
	first    int // index of the address that worked last

	mu     sync.Mutex // guards status
	status Status
}

// State says what an Uplink is doing.
type State string

const (
	Idle       State = "idle" // Run has not begun, or has ended
	Connecting State = "connecting"
	Connected  State = "connected"
	Waiting    State = "waiting" // until NextTry
)

// Status is for people who stand before the kiosk.
type Status struct {
	State      State       `json:"state"`
	Since      time.Time   `json:"since,omitzero"`
	Hub        string      `json:"hub,omitempty"`    // address in use, or tried last
	Contact    time.Time   `json:"contact,omitzero"` // last frame heard, or end of a session
	NextTry    time.Time   `json:"next_try,omitzero"`
	Failures   int         `json:"failures"` // since the last session
	Condition  vitals.Name `json:"condition,omitempty"`
	Words      string      `json:"words,omitempty"`  // what Condition means and what to do
	Detail     string      `json:"detail,omitempty"` // what was seen
	ClockAhead int64       `json:"clock_ahead_us"`   // hub's clock less ours
	ClockWidth int64       `json:"clock_width_us"`   // doubt in that; 0 when never compared
}

// New makes an Uplink; Run starts it.
func New(cfg Config) *Uplink {
	cfg.Timing = cfg.Timing.filled()
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Proxy == nil {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	if cfg.Vitals == nil {
		cfg.Vitals = vitals.New(vitals.Config{Uptime: cfg.Outbox.Uptime, Now: cfg.Now})
	}
	u := &Uplink{
		cfg: cfg, log: cfg.Logger, try: make(chan struct{}, 1), status: Status{State: Idle}, askedAll: time.Now(),
		road:    road{tls: ident.ClientTLS(cfg.Identity, cfg.Key), proxy: cfg.Proxy, quiet: cfg.Timing.Silence},
		backoff: Backoff{First: cfg.Timing.First, Most: cfg.Timing.Most},
		sender: courier.NewSender(courier.SenderConfig{
			Outbox: cfg.Outbox,
			Blobs:  courierBlobs(cfg.Media),
			Sign:   func(st []byte) ([]byte, error) { return ident.Sign(cfg.Key, st) },
			Verify: func(st, sig []byte) bool { return ident.Verify(cfg.Identity.CustodyKey, st, sig) },
		}),
	}
	if cfg.BlobRate > 0 {
		u.share = rate.NewLimiter(rate.Limit(cfg.BlobRate), wire.MaxChunk)
	}
	return u
}

func (t Timing) filled() Timing {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Handshake, 15 * time.Second}, {&t.Ping, 20 * time.Second}, {&t.Silence, 50 * time.Second},
		{&t.Write, 10 * time.Second}, {&t.Answer, 2 * time.Minute}, {&t.Report, time.Minute},
		{&t.Lived, time.Minute}, {&t.Remind, 5 * time.Minute}, {&t.First, time.Second}, {&t.Most, 300 * time.Second},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return t
}

// Run keeps a session open until ctx ends. It always returns nil.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.set(func(s *Status) { s.State, s.NextTry = Idle, time.Time{} })
	if u.cfg.Media != nil {
		if err := (blobs{u.cfg.Media}).readmit(); err != nil {
			u.log.Warn("refused blobs not offered again", "err", err)
		}
	}
	for {
		trouble := u.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := u.backoff.Next(trouble.RetryAfter)
		u.failed(trouble, wait)
		u.rest(ctx, wait)
	}
}

// Try makes a waiting Uplink dial now.
func (u *Uplink) Try() {
	select {
	case u.try <- struct{}{}:
	default:
	}
}

// Status may be called from anywhere.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status
}

// once is one session, from the dial to its end.
func (u *Uplink) once(ctx context.Context) *Trouble {
	select {
	case <-u.try: // this is the try
	default:
	}
	u.enter(Connecting)
	conn, trouble := u.dialAny(ctx)
	if trouble != nil {
		return trouble
	}
	s := newSession(u, conn)
	trouble = s.run(ctx)
	if s.welcomed {
		u.set(func(s *Status) { s.Contact = u.cfg.Now() })
	}
	if time.Since(s.begun) >= u.cfg.Timing.Lived || s.ship.carried >= worthwhile {
		u.backoff.Reset()
	}
	return trouble
}

func (u *Uplink) failed(t *Trouble, wait time.Duration) {
	u.cfg.Vitals.Link(t.Condition, t.Value)
	u.log.Info("no session with the hub", "condition", t.Condition, "wait", wait.Round(time.Millisecond), "err", t)
	u.enter(Waiting)
	u.set(func(s *Status) {
		s.NextTry, s.Failures = u.cfg.Now().Add(wait), s.Failures+1
		s.Condition, s.Words, s.Detail = t.Condition, t.Condition.Words(), t.Detail
	})
}

// linkEvery is how often a waiting kiosk looks whether its network changed.
const linkEvery = 2 * time.Second

// rest waits; it ends early when somebody says so or the machine's addresses
// change, as they do when a cable is plugged in.
func (u *Uplink) rest(ctx context.Context, wait time.Duration) {
	until, look := time.NewTimer(wait), time.NewTicker(linkEvery)
	defer until.Stop()
	defer look.Stop()
	for before := addresses(); ; {
		select {
		case <-look.C:
			if addresses() == before {
				continue
			}
		case <-until.C:
		case <-u.try:
		case <-ctx.Done():
		}
		return
	}
}

func addresses() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	texts := make([]string, 0, len(all))
	for _, a := range all {
		texts = append(texts, a.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func (u *Uplink) enter(state State) {
	u.set(func(s *Status) { s.State, s.Since, s.NextTry = state, u.cfg.Now(), time.Time{} })
}

func (u *Uplink) set(change func(*Status)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.status)
}
