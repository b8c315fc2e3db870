package intake

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/hub/vitals"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// world is a hub behind real TLS, on real SQLite.
type world struct {
	t         *testing.T
	intake    *Intake
	ledger    *ledger.Ledger
	faults    *faults
	registry  *registry.Registry
	vitals    *vitals.Vitals
	authority *ident.Authority
	db        *database.DB
	address   string
}

// faults fails Append in both ways: before the ledger stored, and after.
type faults struct {
	*ledger.Ledger
	mu    sync.Mutex
	fail  func(d ledger.Delivery) (before, after bool)
	gate  chan struct{} // when set, Append waits here before it stores
	sizes []int
}

var errFault = errors.New("planted fault")

func (f *faults) Append(ctx context.Context, all []ledger.Delivery) ([]ledger.Outcome, error) {
	f.mu.Lock()
	fail, gate := f.fail, f.gate
	f.sizes = append(f.sizes, len(all))
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	after := false
	for _, d := range all {
		if fail == nil {
			break
		}
		b, a := fail(d)
		if b {
			return nil, errFault
		}
		after = after || a
	}
	o, err := f.Ledger.Append(ctx, all)
	if after {
		return nil, errFault
	}
	return o, err
}

func (f *faults) set(fail func(ledger.Delivery) (before, after bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	w.db, err = database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	must(err)
	t.Cleanup(func() { w.db.Close() })
	w.authority, err = ident.OpenAuthority(t.TempDir(), time.Now())
	must(err)
	w.ledger, err = ledger.Open(t.Context(), ledger.Config{DB: w.db, Logger: log})
	must(err)
	w.faults = &faults{Ledger: w.ledger}
	w.vitals, err = vitals.Open(t.Context(), vitals.Config{DB: w.db, Logger: log})
	must(err)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	w.address = raw.Addr().String()
	w.registry, err = registry.Open(t.Context(), registry.Config{DB: w.db, Authority: w.authority, Hub: []string{"https://" + w.address}, Logger: log})
	must(err)
	must(w.registry.Seed(t.Context(), feedback.Seed()))
	cfg := Config{Ledger: w.faults, Registry: w.registry, Vitals: w.vitals, Authority: w.authority, Logger: log, Enrolments: 1000}
	for _, c := range change {
		c(&cfg)
	}
	w.intake = New(cfg)
	w.serve(raw, log)
	return w
}

func (w *world) serve(raw net.Listener, log *slog.Logger) {
	secure, err := w.authority.ServerTLS([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	server := http.Server{Handler: w.intake.Handler(), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go server.Serve(tls.NewListener(Limit(raw, Limits{PerSecond: 10_000}), secure))
	w.t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.intake.Close(ctx); err != nil {
			w.t.Error(err)
		}
	})
}

// kiosk speaks the protocol by hand, so that it can speak it wrongly.
type kiosk struct {
	*world
	key     crypto.Signer
	id      ident.Identity
	journal wire.JournalID
	base    wire.Point
	head    wire.Point
	conn    *websocket.Conn
}

// kiosk enrols a new one.
func (w *world) kiosk() *kiosk {
	w.t.Helper()
	key, err := ident.OpenKey(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	kit, err := w.registry.Ticket(w.t.Context(), feedback.Seed().Places[0].ID, "test", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	nonce := make([]byte, ident.NonceSize)
	ask, err := kit.Request(key, "test", nonce)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.registry.Enrol(w.t.Context(), ask)
	if err != nil {
		w.t.Fatal(err)
	}
	k := &kiosk{world: w, key: key, id: answer.Identity}
	_, _ = rand.Read(k.journal[:])
	k.base = wire.At(0, k.journal.Genesis())
	k.head = k.base
	return k
}

// again is the same machine, as it was, with a line of its own.
func (k *kiosk) again() *kiosk { other := *k; other.conn = nil; return &other }

func (k *kiosk) dial(header http.Header) (*http.Response, error) {
	d := websocket.Dialer{TLSClientConfig: ident.ClientTLS(k.id, k.key), HandshakeTimeout: 10 * time.Second}
	conn, r, err := d.Dial("wss://"+k.address+"/session", header)
	if err == nil {
		k.conn = conn
		k.t.Cleanup(func() { conn.Close() })
	}
	return r, err
}

// open dials and greets.
func (k *kiosk) open() wire.Welcome {
	k.t.Helper()
	if _, err := k.dial(nil); err != nil {
		k.t.Fatal(err)
	}
	k.hello()
	w, ok := k.hear().(wire.Welcome)
	if !ok || len(w.Standings) != 1 {
		k.t.Fatalf("answer to hello = %+v", w)
	}
	return w
}

func (k *kiosk) hello() {
	k.say(wire.Hello{Version: 1, Program: "test", Epoch: 0, Wall: time.Now().UnixMicro(), Offers: []wire.Offer{{Journal: k.journal, Base: k.base, Head: k.head}}})
}

func (k *kiosk) say(f wire.Frame) {
	k.t.Helper()
	b, err := wire.EncodeFrame(f)
	if err != nil {
		k.t.Fatal(err)
	}
	k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = k.conn.WriteMessage(websocket.BinaryMessage, b) // the hub may have hung up: hear tells
}

// hear is the next frame, or nil when the line ended.
func (k *kiosk) hear() wire.Frame {
	k.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, b, err := k.conn.ReadMessage()
	if err != nil {
		k.t.Logf("line ended: %v", err)
		return nil
	}
	f, err := wire.DecodeFrame(b)
	if err != nil {
		k.t.Errorf("frame from hub: %v", err)
	}
	return f
}

// farewell reads until the hub's Goodbye.
func (k *kiosk) farewell() wire.Goodbye {
	k.t.Helper()
	for {
		switch f := k.hear().(type) {
		case wire.Goodbye:
			return f
		case nil:
			k.t.Error("the line ended without a goodbye")
			return wire.Goodbye{Code: 999}
		}
	}
}

func encode(t *testing.T, records ...wire.Record) [][]byte {
	all := [][]byte{}
	for _, r := range records {
		b, err := wire.EncodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// ratings are n answers, after a boot record where the journal begins.
func (k *kiosk) ratings(n int) [][]byte {
	all := []wire.Record{}
	if k.head == k.base {
		all = append(all, wire.Boot{Nonce: [16]byte(k.journal), Wall: time.Now().UnixMicro(), Place: k.id.Place.ID, Program: "test"})
		n--
	}
	for i := range n {
		all = append(all, wire.Answer{Uptime: k.head.Seq*1000 + uint64(i) + 1, Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: uint8(1 + i%5)})
	}
	return encode(k.t, all...)
}

// pack makes a batch of what follows the head, and moves the head.
func (k *kiosk) pack(records [][]byte) wire.Batch {
	k.t.Helper()
	b, end, err := wire.Pack(k.journal, k.head, records)
	if err != nil {
		k.t.Fatal(err)
	}
	b.Signature, err = ident.Sign(k.key, wire.BatchStatement(k.journal, end))
	if err != nil {
		k.t.Fatal(err)
	}
	k.head = end
	return b
}

func (k *kiosk) deliver(n int) wire.Frame {
	k.say(k.pack(k.ratings(n)))
	return k.hear()
}

// delivered fails unless the ack says that all up to the head is committed.
func (k *kiosk) delivered(n int) {
	k.t.Helper()
	f := k.deliver(n)
	if ack, ok := f.(wire.Ack); !ok || ack.Received != k.head {
		k.t.Fatalf("answer to a batch = %+v, want an ack of %s", f, k.head)
	}
}

func (w *world) answers() int {
	w.t.Helper()
	n := 0
	for _, err := range w.ledger.Answers(w.t.Context(), ledger.Filter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

func await(t *testing.T, what string, until func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if until() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func code(r *http.Response) string {
	if r == nil {
		return ""
	}
	b := make([]byte, 1024)
	n, _ := r.Body.Read(b)
	i := strings.Index(string(b[:n]), `"code":"`)
	if i < 0 {
		return ""
	}
	rest := string(b[i+8 : n])
	return rest[:max(0, strings.IndexByte(rest, '"'))]
}

func largest(all []int) int {
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}
