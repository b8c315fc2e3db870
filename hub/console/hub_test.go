package console

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/hub/cases"
	"nghe/hub/database"
	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/hub/letters"
	"nghe/hub/registry"
	"nghe/hub/rights"
	"nghe/hub/vitals"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// TestMain bundles the pages, so that tests see those of today. They read them
// from the folder: what is embedded was there before the bundler ran.
func TestMain(m *testing.M) {
	flag.Parse()
	if out, err := exec.Command("go", "run", "nghe/shared/look/bundle").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bundle the pages: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const adminPassword, lanPassword, hoaPassword = "con thuyen ra khoi som", "song bien va cat vang", "gio dua canh buom nau"

// identity of the hub's readers is made once: it takes a moment.
var identity = sync.OnceValue(func() cases.Identity {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		panic(err)
	}
	return cases.Identity{Secret: secret, Public: public}
})

// hub is a whole hub but for its wire: real stores, a clock the test may hold.
type hub struct {
	t        *testing.T
	db       *database.DB
	ledger   *ledger.Ledger
	registry *registry.Registry
	vitals   *vitals.Vitals
	accounts *accounts.Accounts
	cases    *cases.Cases
	rights   *rights.Rights
	spool    *archive.Spool
	store    *archivetest.Failing
	log      *lines // what the console logged
	console  *Console
	server   *httptest.Server
	mu       sync.Mutex
	held     time.Time       // the clock stands here; zero: it runs
	looked   map[string]bool // pages that look has judged once
}

func (h *hub) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held.IsZero() {
		return time.Now()
	}
	return h.held
}

func (h *hub) hold(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = at
}

func newHub(t *testing.T, change ...func(*Config)) *hub {
	t.Helper()
	h := &hub{t: t, log: &lines{}, store: &archivetest.Failing{}, looked: map[string]bool{}}
	var err error
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	h.db, err = database.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	must(err)
	t.Cleanup(func() { h.db.Close() })
	authority, err := ident.OpenAuthority(t.TempDir(), h.now())
	must(err)
	quiet := slog.New(slog.DiscardHandler)
	h.ledger, err = ledger.Open(ctx, ledger.Config{DB: h.db, Now: h.now, Logger: quiet})
	must(err)
	h.registry, err = registry.Open(ctx, registry.Config{DB: h.db, Authority: authority, Now: h.now,
		Hub: []string{"https://hub.example:7443"}, Logger: quiet})
	must(err)
	must(h.registry.Seed(ctx, feedback.Seed()))
	h.vitals, err = vitals.Open(ctx, vitals.Config{DB: h.db, Now: h.now, Logger: quiet})
	must(err)
	h.accounts, err = accounts.Open(ctx, accounts.Config{DB: h.db, FirstPassword: adminPassword, Now: h.now})
	must(err)
	_, _, err = h.accounts.First(ctx)
	must(err)
	must(h.accounts.Create(ctx, "lan", lanPassword, []accounts.Role{accounts.Operator}, "admin"))
	must(h.accounts.Create(ctx, "hoa", hoaPassword, []accounts.Role{accounts.Reader}, "admin"))
	cfg := Config{Ledger: h.ledger, Registry: h.registry, Vitals: h.vitals, Accounts: h.accounts,
		Program: "2026.11-test", Now: h.now, Logger: slog.New(slog.NewTextHandler(h.log, nil))}
	h.openMessages(&cfg, quiet)
	for _, c := range change {
		c(&cfg)
	}
	h.console, err = open(cfg, os.DirFS("dist"))
	must(err)
	h.server = httptest.NewUnstartedServer(h.console.Handler())
	h.server.Config.ReadTimeout = time.Second // a stream outlives it
	h.server.Start()
	t.Cleanup(func() {
		h.console.Close()
		h.server.CloseClientConnections()
		h.server.Close()
	})
	return h
}

// openMessages gives the console what it opens messages with.
func (h *hub) openMessages(cfg *Config, quiet *slog.Logger) {
	h.t.Helper()
	ctx := h.t.Context()
	var err error
	h.cases, err = cases.Open(ctx, cases.Config{DB: h.db, Identity: identity(), Now: h.now, Logger: quiet})
	h.must(err)
	h.spool, err = archive.OpenSpool(archive.SpoolConfig{Dir: h.t.TempDir(), Spare: 1})
	h.must(err)
	h.t.Cleanup(func() { h.spool.Close() })
	cfg.Cases, cfg.Spool = h.cases, h.spool
	cfg.Letters = letters.New(letters.Config{Ledger: h.ledger, Spool: h.spool, Store: h.store, Secret: identity().Secret, Receipts: h.cases, Logger: quiet})
	cfg.Deletions, err = deletion.Open(ctx, deletion.Config{DB: h.db, Ledger: h.ledger, Spool: h.spool, Store: h.store, Executes: true, Wards: h.wards, Now: h.now, Logger: quiet})
	h.must(err)
	h.rights, err = rights.Open(ctx, rights.Config{DB: h.db, Ledger: h.ledger, Cases: h.cases, Deletions: cfg.Deletions, Now: h.now, Logger: quiet})
	h.must(err)
	cfg.Rights = h.rights
}

func (h *hub) wards(ctx context.Context) (names []string, err error) {
	places, err := h.registry.Places(ctx)
	for _, p := range places {
		names = append(names, p.Ward)
	}
	return names, err
}

// lines keeps what was logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// client is a browser without scripts; name "" is a stranger.
func (h *hub) client(name string) *http.Client {
	h.t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if name == "" {
		return c
	}
	password := map[string]string{"admin": adminPassword, "lan": lanPassword, "hoa": hoaPassword}[name]
	res, err := c.PostForm(h.server.URL+"/signin", url.Values{"name": {name}, "password": {password}})
	if err != nil {
		h.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("sign in as %s: %s", name, res.Status)
	}
	return c
}

// device is a kiosk as the hub sees one: what it signed, in order.
type device struct {
	h       *hub
	id      string
	place   string
	key     crypto.Signer
	journal wire.JournalID
	base    wire.Point
	head    wire.Point
	booted  time.Time
	waiting [][]byte
}

func (h *hub) enrol(place string) *device {
	h.t.Helper()
	kit, err := h.registry.Ticket(h.t.Context(), place, "admin", 0)
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := ident.OpenKey(h.t.TempDir())
	if err != nil {
		h.t.Fatal(err)
	}
	nonce := make([]byte, ident.NonceSize)
	rand.Read(nonce)
	request, err := kit.Request(key, "1.4.2", nonce)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.registry.Enrol(h.t.Context(), request); err != nil {
		h.t.Fatal(err)
	}
	d := &device{h: h, id: ident.DeviceID(key.Public()), place: place, key: key}
	d.begin(wire.Point{})
	return d
}

// begin starts a journal at a base; the zero base is a journal's own genesis.
func (d *device) begin(base wire.Point) {
	rand.Read(d.journal[:])
	if base.Seq == 0 {
		base = wire.At(0, d.journal.Genesis())
	}
	d.base, d.head = base, base
}

func (d *device) write(r wire.Record) {
	d.h.t.Helper()
	b, err := wire.EncodeRecord(r)
	if err != nil {
		d.h.t.Fatal(err)
	}
	d.waiting = append(d.waiting, b)
}

func (d *device) boot(at time.Time) {
	d.booted = at
	var nonce [16]byte
	rand.Read(nonce[:])
	d.write(wire.Boot{Nonce: nonce, Wall: at.UnixMicro(), Place: d.place, Program: "1.4.2"})
	d.write(wire.Clock{Uptime: 1, Wall: at.UnixMicro(), Cause: wire.ClockHub, Hub: at.UnixMicro(), Width: 2000})
}

func (d *device) rate(at time.Time, score int) {
	d.write(wire.Answer{Uptime: uint64(at.Sub(d.booted).Microseconds()), Questionnaire: "today", Version: 1,
		Question: "satisfied", Language: "vi", Score: uint8(score)})
}

// flag says how the answer written last was tapped.
func (d *device) flag(rules ...string) {
	chain := d.head.Chain
	for _, b := range d.waiting {
		chain = chain.Extend(b)
	}
	d.write(wire.Flag{Uptime: 1, Earlier: chain.ID(), Rules: rules})
}

// send delivers what was written, as it would arrive at a moment.
func (d *device) send(at time.Time) {
	d.h.t.Helper()
	if len(d.waiting) == 0 {
		return
	}
	batch, _, err := wire.Pack(d.journal, d.head, d.waiting)
	if err != nil {
		d.h.t.Fatal(err)
	}
	records, points, err := batch.Records()
	if err != nil {
		d.h.t.Fatal(err)
	}
	end := points[len(points)-1]
	if batch.Signature, err = ident.Sign(d.key, wire.BatchStatement(d.journal, end)); err != nil {
		d.h.t.Fatal(err)
	}
	out, err := d.h.ledger.Append(d.h.t.Context(), []ledger.Delivery{{Device: d.id, Batch: batch, Records: records,
		Points: points, At: at}})
	if err != nil || !out[0].Fits {
		d.h.t.Fatalf("append: fits %v, %v", len(out) > 0 && out[0].Fits, err)
	}
	d.head, d.waiting = end, nil
}

// heard has the device report itself at a moment.
func (d *device) heard(at time.Time, backlog uint64, oldest time.Time, conditions ...wire.Condition) {
	v := wire.Vitals{Wall: at.UnixMicro(), Backlog: backlog, Bytes: backlog * 64, Conditions: conditions}
	if !oldest.IsZero() {
		v.Oldest = oldest.UnixMicro()
	}
	d.h.vitals.Report(d.id, v, at)
}

// request is http.NewRequest for a path of the hub.
func (h *hub) request(method, path string, form url.Values) *http.Request {
	h.t.Helper()
	r, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func words(t *testing.T, l Language) map[string]string {
	t.Helper()
	text, err := wordFiles.ReadFile("words/" + string(l) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// at gives a request the address a listener would.
func at(r *http.Request, local string) *http.Request {
	addr, err := net.ResolveTCPAddr("tcp", local)
	if err != nil {
		panic(err)
	}
	return r.WithContext(contextWith(r, addr))
}
