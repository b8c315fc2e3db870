package intake

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/shared/blob"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// Ledger is what the intake asks of the hub's memory; *ledger.Ledger is one.
type Ledger interface {
	Epoch(ctx context.Context) (uint64, error)
	Standing(ctx context.Context, device string, o wire.Offer) (wire.Standing, error)
	Append(ctx context.Context, deliveries []ledger.Delivery) ([]ledger.Outcome, error)
	Blob(ctx context.Context, hash blob.Hash) (ledger.Blob, error)
	BlobStored(ctx context.Context, hash blob.Hash, at time.Time) error
	BlobRefused(ctx context.Context, device string, hash blob.Hash, why string) error
	LostBlobs(ctx context.Context, device string) ([]blob.Ref, error)
}

// Registry is what it asks of the list of devices; *registry.Registry is one.
type Registry interface {
	// Recognise says, without a write, whether a request is by who holds a kit.
	Recognise(ctx context.Context, q ident.EnrolRequest) error
	Enrol(ctx context.Context, q ident.EnrolRequest) (ident.EnrolAnswer, error)
	Device(ctx context.Context, id string) (registry.Device, error)
	OnRevoke(f func(deviceID string))
}

// Authority says who is at the other end and signs receipts; *ident.Authority
// is one.
type Authority interface {
	Peer(cs tls.ConnectionState) (deviceID string, pub crypto.PublicKey, err error)
	Sign(statement []byte) ([]byte, error)
}

// Vitals hears how kiosks are; *vitals.Vitals is one.
type Vitals interface {
	Contact(device string, at time.Time, program string, clockAhead time.Duration)
	Report(device string, v wire.Vitals, at time.Time)
	Gone(device string, at time.Time)
}

// Config of an Intake. Zero numbers take the default named beside them.
type Config struct {
	Ledger    Ledger
	Registry  Registry
	Vitals    Vitals
	Authority Authority
	Bulletins Bulletins // nil: kiosks are told nothing
	Spool     Spool     // nil: there is no room for blobs
	// Elsewhere says whether a blob's holder is another hub that is alive: then
	// its kiosk need not bring it here as well. Nil: there is no other.
	Elsewhere  func(ctx context.Context, holder string) (bool, error)
	Silence    time.Duration // a line that says nothing for so long, not even a ping, is dead; 50 s
	Write      time.Duration // one message; 10 s
	Gather     time.Duration // how long a commit waits for company once there is some; 2 ms
	Together   int           // deliveries in one commit; 64
	Heavy      int           // large batches in memory at a time, of all kiosks; 16
	Crowd      int           // sessions above which each gets little credit; 256
	Chunks     int           // chunks of blobs asked for or in memory at a time, of all kiosks; 512
	Writers    int           // of them written at a time; 4
	Patience   time.Duration // how long a kiosk waits for its turn to send a chunk, and may take to send it; 20 s
	Enrolments rate.Limit    // per second, of all that hold a kit; 5
	// Clock hears what a kiosk's clock reads when it connects from another
	// machine; nil: nobody asks.
	Clock  func(device string, reads time.Time)
	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger     // nil means slog.Default
}

// Intake serves kiosks. Close ends it.
type Intake struct {
	cfg       Config
	log       *slog.Logger
	commits   *committer
	blobs     *blobs
	heavy     chan struct{} // a token for each large batch in memory
	enrolling *rate.Limiter
	kits      *paces // of enrolments by one address's holders of kits
	told      *paces // of lines in the log about one address's strangers
	upgrader  websocket.Upgrader
	count     counters

	mu       sync.Mutex // guards what follows
	live     map[string]*session
	closing  bool
	sessions sync.WaitGroup
}

// New makes an Intake and starts its committer.
func New(cfg Config) *Intake {
	cfg.Silence, cfg.Write = cmp.Or(cfg.Silence, 50*time.Second), cmp.Or(cfg.Write, 10*time.Second)
	cfg.Gather, cfg.Together = cmp.Or(cfg.Gather, 2*time.Millisecond), cmp.Or(cfg.Together, 64)
	cfg.Heavy, cfg.Crowd = cmp.Or(cfg.Heavy, 16), cmp.Or(cfg.Crowd, 256)
	cfg.Chunks, cfg.Writers, cfg.Patience = cmp.Or(cfg.Chunks, 512), cmp.Or(cfg.Writers, 4), cmp.Or(cfg.Patience, 20*time.Second)
	cfg.Enrolments, cfg.Logger = cmp.Or(cfg.Enrolments, 5), cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	i := &Intake{cfg: cfg, log: cfg.Logger, heavy: make(chan struct{}, cfg.Heavy), live: map[string]*session{},
		enrolling: rate.NewLimiter(cfg.Enrolments, 4*max(1, int(cfg.Enrolments))),
		kits:      newPaces(cfg.Enrolments/2, 2*max(1, int(cfg.Enrolments))), told: newPaces(0.1, 10),
		upgrader: websocket.Upgrader{HandshakeTimeout: cfg.Write, ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10,
			WriteBufferPool: &sync.Pool{}, CheckOrigin: func(*http.Request) bool { return true }}, // the door refused any Origin
	}
	i.commits, i.blobs = newCommitter(cfg, &i.count), newBlobs(cfg)
	cfg.Registry.OnRevoke(i.revoked)
	if cfg.Bulletins != nil {
		cfg.Bulletins.OnChange(i.announce)
	}
	return i
}

// enter makes s the session of its device. An older one is told to go: it may
// be the ghost of a line that broke, or a copy of the machine.
func (i *Intake) enter(s *session) bool {
	i.mu.Lock()
	older, closing := i.live[s.device], i.closing
	if !closing {
		i.live[s.device] = s
		i.sessions.Add(1)
	}
	i.mu.Unlock()
	if closing {
		return false
	}
	i.count.opened.Add(1)
	if older != nil {
		i.count.replaced.Add(1)
		older.end(wire.Goodbye{Code: wire.CodeReplaced, RetryAfter: 60, Detail: "this device opened a newer session"})
	}
	return true
}

func (i *Intake) leave(s *session) {
	i.mu.Lock()
	current := i.live[s.device] == s
	if current {
		delete(i.live, s.device)
	}
	i.mu.Unlock()
	if current {
		i.cfg.Vitals.Gone(s.device, s.heard)
	}
	i.sessions.Done()
}

func (i *Intake) revoked(device string) {
	i.mu.Lock()
	s := i.live[device]
	i.mu.Unlock()
	if s != nil {
		s.end(farewellRevoked())
	}
}

func farewellRevoked() wire.Goodbye {
	return wire.Goodbye{Code: wire.CodeRevoked, Detail: "the trust in this device has ended; ask the ward's IT for a new kit"}
}

// fewBytes is the credit of each kiosk in a crowd: some thousand ratings.
const (
	fewBytes  = 32 << 10
	manyBytes = 256 << 10
)

func (i *Intake) credit() uint32 {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.live) > i.cfg.Crowd {
		return fewBytes
	}
	return manyBytes
}

// Close tells every kiosk to come back later, each at another time, waits
// until they have gone and what they delivered is stored, or hangs up when ctx
// ends.
func (i *Intake) Close(ctx context.Context) error {
	i.mu.Lock()
	i.closing = true
	all := make([]*session, 0, len(i.live))
	for _, s := range i.live {
		all = append(all, s)
	}
	i.mu.Unlock()
	for _, s := range all {
		s.end(wire.Goodbye{Code: wire.CodeShutdown, RetryAfter: apart(len(all)), Detail: "the hub is stopping"})
	}
	gone := make(chan struct{})
	go func() { i.sessions.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-ctx.Done():
		if err := hangUp(ctx, all, gone); err != nil {
			return err
		}
	}
	i.commits.close()
	return nil
}

// hangUp ends what did not end by itself. A session may then still wait for
// the ledger: its kiosk was told nothing, and sends again.
func hangUp(ctx context.Context, all []*session, gone <-chan struct{}) error {
	for _, s := range all {
		s.conn.Close()
	}
	select {
	case <-gone:
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("close intake: sessions still wait for the ledger: %w", ctx.Err())
	}
}

// apart is a number of seconds that spreads n kiosks over what the listener
// admits.
func apart(n int) uint32 { return 1 + rand.Uint32N(uint32(2+n/100)) }
