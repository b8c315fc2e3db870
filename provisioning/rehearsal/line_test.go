package rehearsal

import (
	"context"
	"crypto"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/bulletin"
	"nghe/hub/cases"
	"nghe/hub/database"
	"nghe/hub/intake"
	"nghe/hub/ledger"
	"nghe/hub/registry"
	hubvitals "nghe/hub/vitals"
	kioskbulletin "nghe/kiosk/bulletin"
	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
	"nghe/shared/feedback"
	"nghe/shared/ident"
)

// far is the hub's end of the line: real TLS, intake and database, in this
// process. It can be stopped, killed and started again at the same address.
type far struct {
	t         testing.TB
	location  string // of the database
	keys      string
	address   string
	log       *slog.Logger
	intake    *intake.Intake
	ledger    *ledger.Ledger
	registry  *registry.Registry
	vitals    *hubvitals.Vitals
	cases     *cases.Cases
	bulletin  *bulletin.Bulletin
	compose   func() // ends Run of the bulletin
	authority *ident.Authority
	db        *database.DB
	spool     *archive.Spool
	shelf     string // its folder
	server    *http.Server
}

func newFar(t testing.TB, location string) *far {
	t.Helper()
	f := &far{t: t, location: location, keys: t.TempDir(), address: freeTCP(t), log: slog.New(slog.DiscardHandler), shelf: t.TempDir()}
	f.start()
	t.Cleanup(func() { f.stop() })
	return f
}

func sqliteFar(t testing.TB) *far {
	return newFar(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
}

func freeTCP(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (f *far) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) start() {
	f.t.Helper()
	ctx := context.Background()
	var err error
	f.db, err = database.Open(ctx, f.location)
	f.must(err)
	f.authority, err = ident.OpenAuthority(f.keys, time.Now())
	f.must(err)
	f.ledger, err = ledger.Open(ctx, ledger.Config{DB: f.db, Logger: f.log})
	f.must(err)
	f.registry, err = registry.Open(ctx, registry.Config{DB: f.db, Authority: f.authority, Hub: []string{"https://" + f.address}, Logger: f.log})
	f.must(err)
	f.must(f.registry.Seed(ctx, feedback.Seed()))
	f.vitals, err = hubvitals.Open(ctx, hubvitals.Config{DB: f.db, Logger: f.log})
	f.must(err)
	f.openBulletin()
	f.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: f.shelf})
	f.must(err)
	f.intake = intake.New(intake.Config{Ledger: f.ledger, Registry: f.registry, Vitals: f.vitals, Authority: f.authority, Bulletins: f.bulletin, Spool: f.spool,
		Logger: f.log, Enrolments: 10_000})
	raw, err := net.Listen("tcp", f.address)
	f.must(err)
	settings, err := f.authority.ServerTLS([]string{"127.0.0.1"}, time.Now())
	f.must(err)
	f.server = &http.Server{Handler: f.intake.Handler(), ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug)}
	go f.server.Serve(tls.NewListener(intake.Limit(raw, intake.Limits{PerSecond: 2000}), settings))
}

// stop lets every kiosk finish its breath; kill does not.
func (f *far) stop() { f.end(10 * time.Second) }
func (f *far) kill() { f.end(0) }

func (f *far) end(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	f.server.Close()
	_ = f.intake.Close(ctx) // its error is that ctx ended
	f.compose()
	_ = f.vitals.Flush(context.Background())
	f.must(f.spool.Close())
	f.must(f.db.Close())
}

// rows are the answers the hub holds, by record id.
func (f *far) rows() map[string]int {
	f.t.Helper()
	all := map[string]int{}
	for row, err := range f.ledger.Answers(context.Background(), ledger.Filter{}) {
		f.must(err)
		all[row.ID.String()]++
	}
	return all
}

// near is the kiosk's end: a real outbox and uplink.
type near struct {
	t      testing.TB
	far    *far
	dir    string
	key    crypto.Signer
	id     ident.Identity
	timing uplink.Timing
	proxy  func(*http.Request) (*url.URL, error)
	outbox *outbox.Outbox
	media  *media.Spool
	told   *kioskbulletin.Bulletin
	uplink *uplink.Uplink
	vitals *vitals.Monitor
	stop   func()
	thanks []string // ids of every answer a resident was thanked for
}

// hasty makes a kiosk's minutes seconds.
var hasty = uplink.Timing{Handshake: 5 * time.Second, Ping: 150 * time.Millisecond, Silence: 800 * time.Millisecond, Write: time.Second,
	Answer: 20 * time.Second, First: 20 * time.Millisecond, Most: 200 * time.Millisecond}

// newNear enrols over the line, opens an outbox and does not connect yet.
func newNear(t testing.TB, f *far) *near {
	t.Helper()
	n := &near{t: t, far: f, dir: t.TempDir(), timing: hasty, proxy: direct}
	var err error
	n.key, err = ident.OpenKey(t.TempDir())
	f.must(err)
	kit, err := f.registry.Ticket(context.Background(), feedback.Seed().Places[0].ID, "rehearsal", time.Hour)
	f.must(err)
	n.id, err = uplink.Enrol(context.Background(), kit, n.key, "rehearsal")
	f.must(err)
	n.open()
	t.Cleanup(func() { n.close() })
	return n
}

func direct(*http.Request) (*url.URL, error) { return nil, nil }

func (n *near) open() {
	n.t.Helper()
	var err error
	n.outbox, err = outbox.Open(outbox.Config{Dir: n.dir, Place: n.id.Place.ID, Program: "rehearsal", Logger: n.far.log})
	n.far.must(err)
	n.media, err = media.Open(media.Config{Dir: filepath.Join(n.dir, "media"), Logger: n.far.log})
	n.far.must(err)
	n.told, err = kioskbulletin.Open(kioskbulletin.Config{Dir: n.dir, Logger: n.far.log})
	n.far.must(err)
	n.far.must(n.told.Trust(n.id.CustodyKey))
}

func (n *near) close() {
	n.disconnect()
	if n.outbox != nil {
		n.far.must(n.outbox.Close())
		n.far.must(n.told.Close())
		n.outbox = nil
	}
}

// connect starts the uplink.
func (n *near) connect() {
	n.vitals = vitals.New(vitals.Config{Dir: n.dir, Uptime: n.outbox.Uptime})
	n.uplink = uplink.New(uplink.Config{Outbox: n.outbox, Identity: n.id, Key: n.key, Vitals: n.vitals, Bulletin: n.told, Media: n.media, Program: "rehearsal",
		Proxy: n.proxy, Timing: n.timing, Logger: n.far.log})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = n.uplink.Run(ctx) })
	n.stop = func() { cancel(); running.Wait(); n.stop = nil }
}

func (n *near) disconnect() {
	if n.stop != nil {
		n.stop()
	}
}

// tap keeps k answers, as k residents would.
func (n *near) tap(k int) {
	n.t.Helper()
	for range k {
		at := len(n.thanks)
		r, err := n.outbox.Put(fmt.Sprintf("%p-%d", n, at), feedback.Answer{Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: 1 + at%5}, "")
		n.far.must(err)
		n.thanks = append(n.thanks, r.ID.String())
	}
}

func (n *near) waiting() uint64 {
	b, err := n.outbox.Branch()
	n.far.must(err)
	return b.Head.Seq - b.Received.Seq
}

// settled waits until the hub has all this kiosk holds.
func (n *near) settled() {
	n.t.Helper()
	eventually(n.t, "the outbox empty", func() bool { return n.waiting() == 0 })
}

func eventually(t testing.TB, what string, until func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(3 * time.Millisecond) {
		if until() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// exactlyOnce compares what residents were thanked for with what the hub holds.
func exactlyOnce(t testing.TB, f *far, kiosks ...*near) {
	t.Helper()
	rows, thanked := f.rows(), 0
	for _, k := range kiosks {
		for _, id := range k.thanks {
			if rows[id] != 1 {
				t.Fatalf("answer %s is at the hub %d times", id, rows[id])
			}
		}
		thanked += len(k.thanks)
	}
	if len(rows) != thanked {
		t.Fatalf("the hub holds %d answers, %d residents were thanked", len(rows), thanked)
	}
}

func (n *near) troubled(c vitals.Name) func() bool {
	return func() bool { return n.uplink.Status().Condition == c }
}

// line is a network between a kiosk and the hub that can be spoilt. Bytes the
// kiosk sends are counted.
type line struct {
	net.Listener
	to      string
	swallow atomic.Bool  // takes bytes, passes none
	portal  atomic.Bool  // answers in the hub's place
	narrow  atomic.Int64 // bytes a second from the kiosk; 0: as many as come
	every   atomic.Int64 // cut after so many bytes from the kiosk; 0: never
	dials   atomic.Int64
	up      atomic.Int64
	mu      sync.Mutex
	open    []net.Conn
}

func newLine(t testing.TB, to string) *line {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: raw, to: to}
	t.Cleanup(func() { raw.Close(); l.cut() })
	go l.run()
	return l
}

// through makes a kiosk use the line.
func (l *line) through(n *near) { n.id.Hub = []string{"https://" + l.Addr().String()} }

func (l *line) run() {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		if l.portal.Load() {
			fmt.Fprint(in, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Mời đăng nhập Wi-Fi</html>")
			in.Close()
			continue
		}
		out, err := net.Dial("tcp", l.to)
		if err != nil {
			in.Close()
			continue
		}
		l.dials.Add(1)
		l.mu.Lock()
		l.open = append(l.open, in, out)
		l.mu.Unlock()
		go l.pass(in, out, l.upwards)
		go l.pass(out, in, func(int64) {})
	}
}

// upwards counts what comes from the kiosk, and holds it up or cuts the line.
func (l *line) upwards(n int64) {
	after, every := l.up.Add(n), l.every.Load()
	if every > 0 && after/every != (after-n)/every {
		l.cut()
	}
	if narrow := l.narrow.Load(); narrow > 0 {
		time.Sleep(time.Duration(n) * time.Second / time.Duration(narrow))
	}
}

func (l *line) pass(from, to net.Conn, through func(bytes int64)) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	if l.narrow.Load() > 0 {
		b = b[:4<<10]
	}
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		through(int64(n))
		if l.swallow.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut ends every connection.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func copyAll(t testing.TB, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v %s", from, err, out)
	}
}
