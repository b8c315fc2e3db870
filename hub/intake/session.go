package intake

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"nghe/hub/ledger"
	"nghe/shared/courier"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// session is one connection of one kiosk. One goroutine reads it for as long
// as it lives; a second one writes, and exists only while there is something
// to write.
type session struct {
	*Intake
	device string
	conn   *websocket.Conn
	log    *slog.Logger
	pace   *rate.Limiter
	begun  time.Time // monotonic, for durations only
	heard  time.Time // reader's alone, until it has ended
	met    bool      // reader's alone: the kiosk has said Hello

	talk     sync.Mutex // guards receiver
	receiver *courier.Receiver

	telling telling
	chunks  chunks
	gone    chan struct{} // closed when the reader has ended

	mu      sync.Mutex // guards what follows; taken last
	queue   []item
	writing bool // the writer exists
	ending  bool // a Goodbye is queued: nothing may follow it
}

// item is one thing for the writer to do: say a frame, or account for a
// delivery and say what that gives.
type item struct {
	frame wire.Frame
	done  *courier.Outcome
	tell  bool // the next bulletin
}

const (
	framesPerSecond = 500                    // of one kiosk; more only wait
	heavyBytes      = 16 << 10               // a batch above this needs a token
	linger          = 800 * time.Millisecond // for the other side to read our Goodbye and hang up
)

func (i *Intake) serve(conn *websocket.Conn, device string, pub crypto.PublicKey) {
	defer conn.Close()
	s := &session{Intake: i, device: device, conn: conn, log: i.log.With("device", device), begun: time.Now(), heard: i.cfg.Now(),
		pace: rate.NewLimiter(framesPerSecond, framesPerSecond), gone: make(chan struct{})}
	conn.SetReadLimit(wire.MaxFrame)
	conn.SetPingHandler(s.ping)
	if !i.enter(s) {
		return
	}
	defer i.leave(s)
	defer s.yield()
	defer close(s.gone)
	if err := s.begin(pub); err != nil {
		s.failed("begin session", err)
	}
	s.read()
}

// begin asks the registry once more: a revocation since the door would have
// found no session to end.
func (s *session) begin(pub crypto.PublicKey) error {
	ctx := context.Background()
	if _, no := s.admit(ctx, s.device); no != nil {
		s.end(farewellRevoked())
	}
	epoch, err := s.cfg.Ledger.Epoch(ctx)
	s.talk.Lock()
	defer s.talk.Unlock()
	s.receiver = courier.NewReceiver(courier.ReceiverConfig{
		Ledger: standings{s.Intake, s.device}, Sign: s.cfg.Authority.Sign, Epoch: epoch, Credit: s.credit(),
		Verify: func(st, sig []byte) bool { return ident.Verify(pub, st, sig) },
		Now:    func() int64 { return s.cfg.Now().UnixMicro() },
	})
	return err
}

// standings is the ledger as one device sees it.
type standings struct {
	*Intake
	device string
}

func (l standings) Standing(o wire.Offer) (wire.Standing, error) {
	return l.cfg.Ledger.Standing(context.Background(), l.device, o)
}

var errNoHello = errors.New("pings, but says no hello")

// ping keeps the line alive. The pong may not leave: then the writer, or
// silence, finds out.
func (s *session) ping(data string) error {
	if !s.met && time.Since(s.begun) > s.cfg.Silence {
		return errNoHello
	}
	_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	s.heard = s.cfg.Now()
	return s.conn.SetReadDeadline(time.Now().Add(s.cfg.Silence))
}

// read handles frames until the line ends. After our own Goodbye it goes on
// reading, and looks at nothing, until the kiosk has hung up.
func (s *session) read() {
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.cfg.Silence)); err != nil {
			return
		}
		kind, b, err := s.conn.ReadMessage()
		if err != nil {
			s.lost(err)
			return
		}
		s.heard = s.cfg.Now()
		s.count.bytes.Add(uint64(len(b)))
		if s.over() {
			continue
		}
		if err := s.frame(kind, b); err != nil {
			s.fault(err)
		}
		if err := s.pace.Wait(context.Background()); err != nil {
			return
		}
	}
}

func (s *session) frame(kind int, b []byte) error {
	if kind != websocket.BinaryMessage {
		return wire.Errorf(wire.CodeMalformed, "message of type %d, want binary", kind)
	}
	f, err := wire.DecodeFrame(b)
	if err != nil {
		return err
	}
	token := func() {}
	if batch, ok := f.(wire.Batch); ok && batch.Raw > heavyBytes {
		s.heavy <- struct{}{}
		token = func() { <-s.heavy }
	}
	s.talk.Lock()
	step, err := s.receiver.Receive(f)
	s.talk.Unlock()
	if step.Append == nil {
		token()
	}
	if err != nil {
		return err
	}
	s.act(step, token)
	return nil
}

func (s *session) act(step courier.Step, token func()) {
	if step.Hello != nil {
		s.hello(*step.Hello)
	}
	for _, f := range step.Reply {
		s.post(item{frame: f})
	}
	if step.Hello != nil && s.cfg.Spool != nil {
		s.askAgain()
	}
	if step.Append != nil {
		s.deliver(*step.Append, token)
	}
	if step.Chunk != nil {
		s.takeChunk(*step.Chunk)
	}
	if step.Vitals != nil {
		s.vitals(*step.Vitals)
	}
	s.tell()
	if step.Goodbye != nil {
		s.log.Info("kiosk said goodbye", "code", step.Goodbye.Code, "detail", step.Goodbye.Detail)
	}
}

func (s *session) hello(h wire.Hello) {
	s.telling.greeted(h)
	if s.met {
		return // it greets again after a fork
	}
	s.met = true
	ahead := time.Duration(h.Wall-s.heard.UnixMicro()) * time.Microsecond
	s.log.Info("session opened", "program", h.Program, "journals", len(h.Offers), "clock_ahead", ahead)
	s.cfg.Vitals.Contact(s.device, s.heard, h.Program, ahead)
	if s.cfg.Clock != nil && elsewhere(s.conn.LocalAddr(), s.conn.RemoteAddr()) {
		s.cfg.Clock(s.device, time.UnixMicro(h.Wall))
	}
}

// elsewhere says whether a line leads to another machine.
func elsewhere(here, there net.Addr) bool {
	a, err := netip.ParseAddrPort(here.String())
	b, err2 := netip.ParseAddrPort(there.String())
	return err == nil && err2 == nil && a.Addr().Unmap() != b.Addr().Unmap() && !b.Addr().Unmap().IsLoopback()
}

// vitals also asks whether the device is still welcome: another hub process
// may have revoked it.
func (s *session) vitals(v wire.Vitals) {
	s.count.vitals.Add(1)
	s.cfg.Vitals.Report(s.device, v, s.heard)
	if held, ok := heldBy(v); ok {
		s.telling.named(held, time.Now())
	}
	d, err := s.cfg.Registry.Device(context.Background(), s.device)
	if err == nil && !d.Welcome() {
		s.end(farewellRevoked())
	}
}

// deliver hands a batch to the committer. It waits when that is busy, and the
// kiosk with it.
func (s *session) deliver(d courier.Delivery, token func()) {
	s.count.batches.Add(1)
	s.commits.in <- parcel{
		Delivery: ledger.Delivery{Device: s.device, Parent: d.Parent, Batch: d.Batch, Records: d.Records, Points: d.Points, At: s.heard},
		stored: func(o ledger.Outcome, err error) {
			token()
			if err != nil {
				s.failed("append batch", err)
				return
			}
			s.post(item{done: &courier.Outcome{Fits: o.Fits, Standing: o.Standing}})
		},
	}
}

// post queues something for the writer, starting it when there is none.
func (s *session) post(it item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return
	}
	_, s.ending = it.frame.(wire.Goodbye)
	s.queue = append(s.queue, it)
	if !s.writing {
		s.writing = true
		go s.write()
	}
}

// end says goodbye and closes. Only the first goodbye is said.
func (s *session) end(g wire.Goodbye) {
	g.Detail = g.Detail[:min(len(g.Detail), wire.MaxText)]
	s.post(item{frame: g})
}

func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

// write empties the queue and ends. It is the only writer of messages.
func (s *session) write() {
	for it, more := s.take(); more; it, more = s.take() {
		f, err := s.account(it)
		if err != nil {
			s.failed("account for batch", err)
			continue
		}
		if f == nil {
			continue
		}
		if err := s.say(f); err != nil {
			s.conn.Close() // the reader hears of it, and ends the session
		}
	}
}

func (s *session) take() (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.queue, s.writing = nil, false
		return item{}, false
	}
	it := s.queue[0]
	s.queue = s.queue[1:]
	return it, true
}

func (s *session) account(it item) (wire.Frame, error) {
	if it.tell {
		return s.bulletin(), nil
	}
	if it.done == nil {
		return it.frame, nil
	}
	s.talk.Lock()
	defer s.talk.Unlock()
	return s.receiver.Stored(*it.done)
}

func (s *session) say(f wire.Frame) error {
	b, err := wire.EncodeFrame(s.stamp(f))
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.cfg.Write)); err != nil {
		return err
	}
	if err := s.conn.WriteMessage(websocket.BinaryMessage, b); err != nil {
		return err
	}
	if g, last := f.(wire.Goodbye); last {
		s.hangUp(g)
	}
	return nil
}

// hangUp closes the WebSocket, and what lies under it a moment later.
func (s *session) hangUp(g wire.Goodbye) {
	time.AfterFunc(linger, func() { s.conn.Close() })
	code := websocket.CloseNormalClosure
	switch g.Code {
	case wire.CodeShutdown:
		code = websocket.CloseServiceRestart
	case wire.CodeMalformed, wire.CodeUnexpected, wire.CodeSignature:
		code = websocket.CloseProtocolError
	case wire.CodeRevoked, wire.CodeUnknown, wire.CodeReplaced, wire.CodeNotYours:
		code = websocket.ClosePolicyViolation
	}
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(linger))
}

// fault ends the session over what the kiosk sent, or over the hub's own
// failure. The detail names shapes and numbers, never content.
func (s *session) fault(err error) {
	var foul *wire.Error
	if !errors.As(err, &foul) {
		s.failed("receive frame", err)
		return
	}
	s.count.malformed.Add(1)
	s.log.Warn("kiosk broke the protocol", "code", foul.Code, "err", foul.Detail)
	s.end(wire.Goodbye{Code: foul.Code, Detail: foul.Detail})
}

func (s *session) failed(what string, err error) {
	s.count.failed.Add(1)
	s.log.Error("session failed", "place", what, "err", err)
	s.end(wire.Goodbye{Code: wire.CodeInternal, RetryAfter: 2 * apart(1000), Detail: "the hub could not store or read; nothing is lost"})
}

func (s *session) lost(err error) {
	var slow net.Error
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		s.count.malformed.Add(1)
		s.log.Warn("kiosk broke the protocol", "code", wire.CodeTooLarge, "err", err)
	case errors.As(err, &slow) && slow.Timeout():
		s.count.silent.Add(1)
		s.log.Info("kiosk fell silent", "err", err)
	default:
		s.log.Info("session ended", "err", err)
	}
}
