package uplink

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nghe/kiosk/vitals"
	"nghe/shared/courier"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// memory is an outbox that forgets at power-off.
type memory struct {
	mu      sync.Mutex
	branch  wire.Branch
	records [][]byte
	chains  []wire.Chain
	clocks  []wire.Clock
	begin   time.Time
	wake    chan struct{}
	broken  error
}

func newMemory() *memory {
	var j wire.JournalID
	_, _ = rand.Read(j[:])
	p := wire.At(0, j.Genesis())
	return &memory{branch: wire.Branch{Journal: j, Base: p, Floor: p, Head: p, Received: p, Safe: p},
		begin: time.Now(), wake: make(chan struct{}, 1)}
}

func (m *memory) put(records ...wire.Record) {
	m.mu.Lock()
	for _, r := range records {
		b, err := wire.EncodeRecord(r)
		if err != nil {
			panic(err)
		}
		chain := m.branch.Head.Chain.Extend(b)
		m.records, m.chains = append(m.records, b), append(m.chains, chain)
		m.branch.Head = wire.At(m.branch.Head.Seq+1, chain)
	}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *memory) answers(n int) {
	all := []wire.Record{}
	for range n {
		all = append(all, wire.Answer{Uptime: uint64(m.Uptime().Microseconds()), Questionnaire: "today", Question: "satisfied", Language: "vi", Score: 5})
	}
	m.put(all...)
}

func (m *memory) Branch() (wire.Branch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.branch, m.broken
}

func (m *memory) ChainAt(seq uint64) (wire.Chain, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case seq == 0:
		return m.branch.Base.Chain, true, nil
	case seq > m.branch.Head.Seq:
		return wire.Chain{}, false, nil
	}
	return m.chains[seq-1], true, nil
}

func (m *memory) Read(after uint64, maxRecords, maxBytes int) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, size := [][]byte{}, 0
	for _, r := range m.records[after:] {
		if size += len(r); len(all) == maxRecords || size > maxBytes {
			break
		}
		all = append(all, r)
	}
	return all, nil
}

func (m *memory) Advance(k wire.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.branch.Received, m.branch.Safe, m.branch.Epoch = k.Received, k.Safe, k.Epoch
	return nil
}

func (m *memory) Fork(f wire.JournalFork) error {
	m.mu.Lock()
	_, _ = rand.Read(m.branch.Journal[:])
	m.branch.Base, m.branch.Received, m.branch.Safe = m.branch.Floor, m.branch.Floor, m.branch.Floor
	m.mu.Unlock()
	m.put(f)
	return nil
}

func (m *memory) Clock(c wire.Clock) error {
	m.mu.Lock()
	m.clocks = append(m.clocks, c)
	m.mu.Unlock()
	m.put(c)
	return nil
}

func (m *memory) Uptime() time.Duration { return time.Since(m.begin) }
func (m *memory) Boot() [16]byte        { return [16]byte{7} }
func (m *memory) Wake() <-chan struct{} { return m.wake }

func (m *memory) received() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.branch.Received.Seq
}

// empty reports whether the hub has received every record, clock records too.
func (m *memory) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.branch.Received == m.branch.Head
}

func (m *memory) clockRecords() []wire.Clock {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.clocks)
}

// shelf is a hub's ledger of one device, in memory.
type shelf struct {
	mu     sync.Mutex
	state  wire.StandingState
	points map[wire.JournalID][]wire.Point
}

func (s *shelf) Standing(o wire.Offer) (wire.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == wire.StandingForeign {
		s.state = 0
		return wire.Standing{State: wire.StandingForeign}, nil
	}
	held := s.points[o.Journal]
	if len(held) == 0 {
		return wire.Standing{State: wire.StandingNew, Received: o.Base}, nil
	}
	return wire.Standing{State: wire.StandingKnown, Received: held[len(held)-1]}, nil
}

func (s *shelf) store(d *courier.Delivery) courier.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.points[d.Batch.Journal]
	if len(held) > 0 && held[len(held)-1] != d.Batch.Base {
		return courier.Outcome{Standing: wire.Standing{State: wire.StandingKnown, Received: held[len(held)-1]}}
	}
	held = append(held, d.Points...)
	s.points[d.Batch.Journal] = held
	return courier.Outcome{Fits: true, Standing: wire.Standing{State: wire.StandingKnown, Received: held[len(held)-1]}}
}

// hub answers kiosks as far as the uplink can see.
type hub struct {
	t         *testing.T
	authority *ident.Authority
	server    *httptest.Server
	shelf     *shelf
	crates    crates
	ahead     time.Duration // of its clock
	mute      bool          // takes frames, answers none
	epoch     uint64        // restore epoch; 0 means 1

	mu     sync.Mutex
	vitals []wire.Vitals
	byes   []wire.Goodbye
	conns  []*websocket.Conn
	pen    sync.Mutex // held while writing to any connection
}

func newHub(t *testing.T) *hub {
	authority, err := ident.OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, authority: authority, shelf: &shelf{points: map[wire.JournalID][]wire.Point{}}}
	h.server = serve(t, authority, h)
	return h
}

func serve(t *testing.T, authority *ident.Authority, h http.Handler) *httptest.Server {
	cfg, err := authority.ServerTLS([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = cfg
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, pub, err := h.authority.Peer(*r.TLS)
	if err != nil {
		http.Error(w, `{"error":{"code":"unknown","message":"who are you?"}}`, http.StatusForbidden)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	h.mu.Lock()
	h.conns = append(h.conns, conn)
	h.mu.Unlock()
	go h.serve(conn, pub)
}

func (h *hub) serve(conn *websocket.Conn, pub crypto.PublicKey) {
	defer conn.Close()
	r := courier.NewReceiver(courier.ReceiverConfig{Ledger: h.shelf, Sign: h.authority.Sign, Epoch: max(1, h.epoch),
		Verify: func(st, sig []byte) bool { return ident.Verify(pub, st, sig) },
		Now:    func() int64 { return time.Now().Add(h.ahead).UnixMicro() }})
	for {
		_, b, err := conn.ReadMessage()
		if err != nil || h.mute {
			if err != nil {
				return
			}
			continue
		}
		f, err := wire.DecodeFrame(b)
		if err != nil {
			h.t.Errorf("frame from kiosk: %v", err)
			return
		}
		step, err := r.Receive(f)
		if err != nil {
			h.t.Errorf("receive %T: %v", f, err)
			return
		}
		h.answer(conn, r, step)
	}
}

func (h *hub) answer(conn *websocket.Conn, r *courier.Receiver, step courier.Step) {
	h.mu.Lock()
	if step.Vitals != nil {
		h.vitals = append(h.vitals, *step.Vitals)
	}
	if step.Goodbye != nil {
		h.byes = append(h.byes, *step.Goodbye)
	}
	h.mu.Unlock()
	frames := step.Reply
	if step.Append != nil {
		f, err := r.Stored(h.shelf.store(step.Append))
		if err != nil {
			h.t.Error(err)
		}
		frames = append(frames, f)
	}
	if step.Chunk != nil && h.crates.none.Load() {
		h.crates.turned.Add(1)
		h.send(conn, wire.Goodbye{Code: wire.CodeUnexpected, Detail: "wire.Chunk from a kiosk"})
		return
	}
	if step.Chunk != nil {
		f, err := r.ChunkStored(h.crates.take(*step.Chunk))
		if err != nil {
			h.t.Error(err)
		}
		if h.crates.deaf.Load() {
			f = nil
		}
		frames = append(frames, f)
	}
	for _, f := range frames {
		if f != nil {
			h.send(conn, f)
		}
	}
}

func (h *hub) send(conn *websocket.Conn, f wire.Frame) {
	b, err := wire.EncodeFrame(f)
	if err != nil {
		h.t.Error(err)
	}
	h.pen.Lock()
	defer h.pen.Unlock()
	conn.WriteMessage(websocket.BinaryMessage, b)
}

func (h *hub) last() *websocket.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns[len(h.conns)-1]
}

func (h *hub) heard() ([]wire.Vitals, []wire.Goodbye) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.vitals), slices.Clone(h.byes)
}

// kiosk is an uplink under test.
type kiosk struct {
	*Uplink
	outbox *memory
	vitals *vitals.Monitor
}

// quick makes minutes of seconds.
var quick = Timing{Handshake: 2 * time.Second, Ping: 50 * time.Millisecond, Silence: 300 * time.Millisecond, Write: 200 * time.Millisecond,
	Answer: 400 * time.Millisecond, First: 5 * time.Millisecond, Most: 20 * time.Millisecond}

func (h *hub) identity(t *testing.T, hubs ...string) (ident.Identity, crypto.Signer) {
	key, err := ident.OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := ident.DeviceID(key.Public())
	certificate, err := h.authority.IssueDevice(key.Public(), id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ident.Identity{Version: 1, Device: id, Certificate: certificate, CA: [][]byte{h.authority.Certificate()},
		CustodyKey: h.authority.CustodyKey(), Hub: hubs, Place: ident.Place{ID: "qt-01", Name: "NVH"}}, key
}

func (h *hub) kiosk(t *testing.T, change ...func(*Config)) *kiosk {
	id, key := h.identity(t, h.server.URL)
	k := &kiosk{outbox: newMemory(), vitals: vitals.New(vitals.Config{})}
	cfg := Config{Outbox: k.outbox, Identity: id, Key: key, Vitals: k.vitals, Program: "test", Timing: quick,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, c := range change {
		c(&cfg)
	}
	k.Uplink = New(cfg)
	return k
}

// start runs a kiosk until the test, or the function returned, ends it.
func (k *kiosk) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := k.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, what string, until func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if until() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func (k *kiosk) troubled(n vitals.Name) func() bool {
	return func() bool { return k.Status().Condition == n }
}

// relay passes bytes between a kiosk and a hub until it is told to swallow them.
type relay struct {
	net.Listener
	mu      sync.Mutex
	swallow bool
	each    time.Duration // for 512 bytes of the kiosk; 0: none
}

func newRelay(t *testing.T, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			r.mu.Lock()
			each := r.each
			r.mu.Unlock()
			go r.pass(in, out, each)
			go r.pass(out, in, 0)
		}
	}()
	return r
}

func (r *relay) pass(from, to net.Conn, each time.Duration) {
	defer to.Close()
	b := make([]byte, 4096)
	if each > 0 {
		b = b[:512]
		_ = from.(*net.TCPConn).SetReadBuffer(4096)
	}
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		lost := r.swallow
		r.mu.Unlock()
		time.Sleep(each)
		if !lost {
			to.Write(b[:n])
		}
	}
}

// slows makes the lines that are opened from now on narrow.
func (r *relay) slows(each time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each = each
}

func (r *relay) swallows(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swallow = on
}

func (r *relay) url() string { return "https://" + r.Addr().String() }

// through makes a kiosk use a proxy that answers CONNECT by answer.
func through(t *testing.T, answer http.HandlerFunc) func(*Config) {
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return func(c *Config) {
		c.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(s.URL) }
	}
}

// tunnelTo is an honest proxy.
func tunnelTo(user, password string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
		u, p, _ := r.BasicAuth()
		if r.Method != http.MethodConnect || u != user || p != password {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		in, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { defer out.Close(); io.Copy(out, in) }()
		go func() { defer in.Close(); io.Copy(in, out) }()
	}
}

var errDisk = errors.New("input/output error")
