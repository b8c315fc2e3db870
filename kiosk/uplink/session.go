package uplink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"nghe/kiosk/vitals"
	"nghe/shared/courier"
	"nghe/shared/wire"
)

// session is one connection. Three goroutines: drive (Run's own) owns the
// Sender and every field without a note, read only reads the line, write only
// writes to it.
type session struct {
	*Uplink
	conn   *websocket.Conn
	in     chan wire.Frame // read → drive
	out    chan []byte     // drive → write; closed by drive at the end
	broken chan error      // from read or write, at most one each
	over   chan struct{}   // closed when drive has ended
	silent chan struct{}   // closed when read has ended

	pending  []byte        // encoded, waiting for room in out
	greeted  time.Duration // uptime when the last Hello was made
	hailed   bool          // the Hello has left
	welcomed bool
	sent     uint64    // last record given to the line
	owed     time.Time // since when the hub owes an answer; zero when it does not
	report   *time.Timer
	changed  <-chan struct{}
	reported time.Time // last vitals
	due      bool      // vitals are to be sent
	begun    time.Time
	ship     shipping
}

func newSession(u *Uplink, conn *websocket.Conn) *session {
	conn.SetReadLimit(wire.MaxFrame)
	return &session{Uplink: u, conn: conn, begun: time.Now(), in: make(chan wire.Frame), out: make(chan []byte, 1),
		broken: make(chan error, 2), over: make(chan struct{}), silent: make(chan struct{})}
}

// reportGap is the least between two vitals, whatever flaps.
const reportGap = 5 * time.Second

func (s *session) run(ctx context.Context) *Trouble {
	var both sync.WaitGroup
	both.Go(s.read)
	both.Go(s.write)
	trouble := s.drive(ctx)
	s.leave(trouble)
	both.Wait()
	return trouble
}

func (s *session) drive(ctx context.Context) *Trouble {
	s.report = time.NewTimer(s.cfg.Timing.Report)
	defer s.report.Stop()
	watch := time.NewTicker(max(s.cfg.Timing.Answer/8, time.Millisecond))
	defer watch.Stop()
	s.changed = s.cfg.Vitals.Changed()
	s.pace.begin()
	s.ship.afford, s.ship.round = time.NewTimer(0), time.NewTicker(s.cfg.Timing.Remind)
	defer s.ship.afford.Stop()
	defer s.ship.round.Stop()
	if s.askAll() {
		s.sender.Remind(true)
	}
	if err := s.greet(); err != nil {
		return s.storage(err)
	}
	for {
		if err := s.fill(); err != nil {
			return s.storage(err)
		}
		trouble, done := s.step(ctx, watch.C)
		if done || trouble != nil {
			return trouble
		}
	}
}

// step waits for one thing to happen.
func (s *session) step(ctx context.Context, watch <-chan time.Time) (t *Trouble, done bool) {
	out := s.out
	if s.pending == nil {
		out = nil
	}
	select {
	case <-ctx.Done():
		return nil, true
	case err := <-s.broken:
		return s.lost(err), true
	case out <- s.pending:
		s.pending, s.hailed = nil, true
	case f := <-s.in:
		return s.receive(f), false
	case <-s.cfg.Outbox.Wake():
	case <-s.changed:
		s.changed = s.cfg.Vitals.Changed()
		s.report.Reset(max(0, reportGap-time.Since(s.reported)))
	case <-s.report.C:
		s.due = true
	case <-s.ship.afford.C:
		s.ship.broke = false
	case <-s.ship.round.C:
		s.remind()
	case <-watch:
		return s.overdue(), false
	}
	return nil, false
}

// fill makes the next frame to send, if there is one and room for it.
func (s *session) fill() error {
	if s.pending != nil {
		return nil
	}
	if s.due && s.welcomed {
		return s.tell()
	}
	f, err := s.sender.Next()
	if errors.Is(err, courier.ErrGreet) {
		return s.greet()
	}
	if err == nil && f == nil {
		f, err = s.chunk()
	}
	if err != nil || f == nil {
		return err
	}
	switch f := f.(type) {
	case wire.Batch:
		s.sent = f.Base.Seq + uint64(f.Count)
		if s.owed.IsZero() {
			s.owed = time.Now()
		}
	case wire.Chunk:
		s.shipped(f)
	}
	return s.queue(f)
}

func (s *session) greet() error {
	s.greeted = s.cfg.Outbox.Uptime()
	h, err := s.sender.Hello(wire.Hello{Program: s.cfg.Program, Boot: s.cfg.Outbox.Boot(),
		Uptime: uint64(s.greeted.Microseconds()), Wall: s.cfg.Now().UnixMicro(), Bulletin: s.held()})
	if err != nil {
		return err
	}
	s.owed, s.sent, s.ship.owed = time.Now(), 0, time.Time{}
	return s.queue(h)
}

// tell sends vitals, with the clock as it stands now.
func (s *session) tell() error {
	s.due, s.reported = false, time.Now()
	s.report.Reset(s.cfg.Timing.Report)
	if err := s.compareClocks(); err != nil {
		return err
	}
	return s.queue(s.cfg.Vitals.Snapshot())
}

func (s *session) queue(f wire.Frame) error {
	b, err := wire.EncodeFrame(f)
	s.pending = b
	return err
}

// receive hands one frame to the Sender and acts on what it came to.
func (s *session) receive(f wire.Frame) *Trouble {
	if a, ok := f.(wire.ChunkAck); ok {
		s.landedChunk(a)
	}
	event, err := s.sender.Receive(f)
	s.set(func(st *Status) { st.Contact = s.cfg.Now() })
	var foul *wire.Error
	switch {
	case errors.Is(err, courier.ErrBlobs):
		s.log.Warn("hub's word on a blob not noted", "err", err)
	case errors.As(err, &foul):
		return foulPlay(foul)
	case err != nil:
		return s.storage(err)
	case event.Goodbye != nil:
		return ended(*event.Goodbye)
	case event.Forked != nil:
		s.forked(*event.Forked)
	case event.Welcomed != nil:
		return s.welcome(*event.Welcomed)
	case event.Acked != nil:
		s.landed(*event.Acked)
	case event.Bulletin != nil:
		s.told(*event.Bulletin)
	case event.Ignored != "":
		s.log.Warn("hub's frame moved nothing", "frame", fmt.Sprintf("%T", f), "reason", event.Ignored)
	}
	return nil
}

// foulPlay names a hub that does not keep the protocol, or that is an older
// copy of the one this kiosk knows.
func foulPlay(foul *wire.Error) *Trouble {
	t := &Trouble{Condition: vitals.NotAHub, Detail: foul.Error(), err: foul}
	if foul.Code == wire.CodeEpoch {
		t.Condition = vitals.HubBehind
	}
	return t
}

func (s *session) welcome(w wire.Welcome) *Trouble {
	first := !s.welcomed
	s.welcomed, s.owed = true, time.Time{}
	s.cfg.Vitals.Clear(vitals.OutboxUnread)
	if !first {
		return nil // a batch did not fit: no round trip to measure
	}
	s.clock.learn(w.Now, s.greeted, s.cfg.Outbox.Uptime())
	s.cfg.Vitals.Link("", 0)
	s.changed, s.due = s.cfg.Vitals.Changed(), true // told at once
	s.enter(Connected)
	s.set(func(st *Status) { st.Failures, st.Condition, st.Words, st.Detail = 0, "", "", "" })
	s.log.Info("session with the hub", "hub", s.Status().Hub, "epoch", w.Epoch)
	return nil
}

// held is the bulletin to go on from.
func (s *session) held() uint64 {
	if s.cfg.Bulletin == nil {
		return 0
	}
	version := s.cfg.Bulletin.Version()
	s.cfg.Vitals.Told(version)
	return version
}

// told keeps a bulletin and says so at once: the hub waits for it before it
// sends much more. One that cannot be used ends nothing.
func (s *session) told(b wire.Bulletin) {
	if s.cfg.Bulletin == nil {
		return
	}
	if err := s.cfg.Bulletin.Apply(b); err != nil {
		s.cfg.Vitals.Raise(vitals.Misinformed, int64(s.held()))
		s.log.Warn("bulletin not used", "version", b.Version, "err", err)
		return
	}
	s.cfg.Vitals.Clear(vitals.Misinformed)
	s.held()
	s.due = true
}

// compareClocks measures this machine's clock against the hub's and records
// what is news.
func (s *session) compareClocks() error {
	uptime := s.cfg.Outbox.Uptime()
	r, ahead := s.clock.reading(uptime, s.cfg.Now())
	width := time.Duration(r.Width) * time.Microsecond
	s.cfg.Vitals.Clock(ahead, width)
	s.set(func(st *Status) { st.ClockAhead, st.ClockWidth = ahead.Microseconds(), width.Microseconds() })
	if !s.clock.due(uptime, ahead) {
		return nil
	}
	if err := s.cfg.Outbox.Clock(r); err != nil {
		return fmt.Errorf("record clock: %w", err)
	}
	s.clock.wrote(uptime, ahead)
	return nil
}

func (s *session) forked(f wire.JournalFork) {
	s.cfg.Vitals.Raise(vitals.Forked, int64(f.Cause))
	s.log.Warn("journal forked", "journal", f.From, "head", f.Head, "hub", f.Hub, "cause", f.Cause)
}

func (s *session) landed(m wire.Mark) {
	s.owed = time.Time{}
	if m.Received.Seq < s.sent {
		s.owed = time.Now()
	}
}

// overdue ends a session whose hub keeps the line open and says nothing.
func (s *session) overdue() *Trouble {
	late := func(since time.Time) bool { return !since.IsZero() && time.Since(since) >= s.cfg.Timing.Answer }
	if !late(s.owed) && !late(s.ship.owed) {
		return nil
	}
	return &Trouble{Condition: vitals.HubSilent, Detail: "the line is open, but no answer came in " + s.cfg.Timing.Answer.String()}
}

func (s *session) storage(err error) *Trouble {
	s.cfg.Vitals.Raise(vitals.OutboxUnread, 0)
	return &Trouble{Condition: vitals.LinkLost, Detail: err.Error(), err: err}
}

func (s *session) lost(err error) *Trouble {
	var foul *wire.Error
	switch {
	case errors.As(err, &foul):
		return &Trouble{Condition: vitals.NotAHub, Detail: foul.Error(), err: foul}
	case timedOut(err):
		return &Trouble{Condition: vitals.HubSilent, Detail: err.Error(), err: err}
	}
	return &Trouble{Condition: vitals.LinkLost, Detail: err.Error(), err: err}
}

// leave says goodbye where anybody may still listen, and ends both goroutines.
func (s *session) leave(t *Trouble) {
	if t != nil && s.ship.bytes > 0 && !s.ship.owed.IsZero() {
		s.pace.cut()
	}
	close(s.over)
	defer close(s.out)
	if !s.hailed {
		return
	}
	bye := wire.Goodbye{Code: wire.CodeNone}
	var foul *wire.Error
	if t != nil && errors.As(t.err, &foul) {
		bye = wire.Goodbye{Code: foul.Code, Detail: cut(foul.Detail)}
	}
	if b, err := wire.EncodeFrame(bye); err == nil {
		select {
		case s.out <- b:
		default: // the writer is stuck: nobody listens
		}
	}
}

func cut(text string) string { return text[:min(len(text), wire.MaxText)] }

// read is the only reader. It ends at the first error: gorilla panics when
// asked often after one.
func (s *session) read() {
	defer close(s.silent)
	heard := func() error { return s.conn.SetReadDeadline(time.Now().Add(s.cfg.Timing.Silence)) }
	s.conn.SetPongHandler(func(pong string) error { s.probed(pong); return heard() })
	for {
		if err := heard(); err != nil {
			s.broken <- err
			return
		}
		f, err := s.next()
		if err != nil {
			s.broken <- err
			return
		}
		select {
		case s.in <- f:
		case <-s.over: // go on, until the hub has seen our Close
		}
	}
}

func (s *session) next() (wire.Frame, error) {
	kind, b, err := s.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	if kind != websocket.BinaryMessage {
		return nil, wire.Errorf(wire.CodeMalformed, "message of type %d, want binary", kind)
	}
	return wire.DecodeFrame(b)
}

// write is the only writer of messages and pings.
func (s *session) write() {
	defer s.conn.Close()
	ping := time.NewTimer(s.pause())
	defer ping.Stop()
	for {
		select {
		case b, more := <-s.out:
			if !more {
				s.hangUp()
				return
			}
			left := time.Now()
			if err := s.put(b); err != nil {
				s.broken <- err
				drain(s.out)
				return
			}
			if isChunk(b) {
				s.ping(b, left)
			}
		case <-ping.C:
			ping.Reset(s.pause())
			s.ping(nil, time.Now())
		}
	}
}

// ping goes behind what has just left. One that does not leave shows as
// silence.
func (s *session) ping(after []byte, left time.Time) {
	_ = s.conn.WriteControl(websocket.PingMessage, s.probe(after, left), time.Now().Add(s.cfg.Timing.Write))
}

func (s *session) put(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.cfg.Timing.Write)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.BinaryMessage, b)
}

// pause before the next ping: ten thousand kiosks must not ping in step.
func (s *session) pause() time.Duration {
	return s.cfg.Timing.Ping - rand.N(s.cfg.Timing.Ping/4+1)
}

// hangUp closes the WebSocket and gives the other side a moment to answer, so
// that the Goodbye is not lost in a reset.
func (s *session) hangUp() {
	wait := min(s.cfg.Timing.Write, 2*time.Second)
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(wait))
	select {
	case <-s.silent:
	case <-time.After(wait):
	}
}

func drain(c <-chan []byte) {
	for range c {
	}
}
