package uplink

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"nghe/kiosk/vitals"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

func TestDrainsAndGoesOn(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t)
	k.outbox.answers(1000)
	stop := k.start(t)
	await(t, "the first thousand", func() bool { return k.outbox.received() >= 1000 })
	k.outbox.answers(1)
	await(t, "one more, woken by the outbox", func() bool { return k.outbox.received() >= 1001 })
	if s := k.Status(); s.State != Connected || s.Condition != "" || s.Hub != h.server.URL || s.Contact.IsZero() {
		t.Errorf("status = %+v", s)
	}
	last := time.Now()
	stop()
	await(t, "goodbye", func() bool { _, byes := h.heard(); return len(byes) == 1 && byes[0].Code == wire.CodeNone })
	if s := k.Status(); s.State != Idle || s.Contact.Before(last) {
		t.Errorf("status after the end = %+v", s)
	}
}

func TestForkGreetsAgain(t *testing.T) {
	h := newHub(t)
	h.shelf.state = wire.StandingForeign
	k := h.kiosk(t)
	k.outbox.answers(10)
	k.start(t)
	await(t, "all under the new journal", func() bool { return k.outbox.received() >= 11 })
	found := false
	for _, c := range k.vitals.Conditions() {
		found = found || c.Name == string(vitals.Forked) && c.Value == int64(wire.ForkForeign)
	}
	if !found {
		t.Errorf("conditions = %v", k.vitals.Conditions())
	}
}

func TestVitalsAtOnceOnChangeAndInTurn(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t, func(c *Config) { c.Timing.Report = 100 * time.Millisecond })
	k.start(t)
	await(t, "first and second report", func() bool { v, _ := h.heard(); return len(v) >= 2 })
	k.vitals.Raise(vitals.Hot, 81_000)
	await(t, "the change", func() bool {
		v, _ := h.heard()
		last := v[len(v)-1]
		return len(last.Conditions) == 1 && last.Conditions[0].Name == "hot"
	})
}

func TestClockRecordOncePerNews(t *testing.T) {
	h := newHub(t)
	h.ahead = 40 * time.Second
	k := h.kiosk(t)
	k.start(t)
	await(t, "a clock record", func() bool { return len(k.outbox.clockRecords()) == 1 })
	for range 3 {
		before := k.Status().Since
		h.last().Close()
		await(t, "a new session", func() bool { s := k.Status(); return s.State == Connected && s.Since.After(before) })
	}
	time.Sleep(30 * time.Millisecond)
	all := k.outbox.clockRecords()
	if len(all) != 1 {
		t.Fatalf("clock records after four sessions = %d, want 1", len(all))
	}
	r := all[0]
	real := k.outbox.begin.Add(time.Duration(r.Uptime)*time.Microsecond + h.ahead).UnixMicro()
	if r.Cause != wire.ClockHub || real < r.Hub-100 || real > r.Hub+int64(r.Width)+100 {
		t.Errorf("hub's clock was %d at uptime %d; record says %d + %d", real, r.Uptime, r.Hub, r.Width)
	}
	if s := k.Status(); time.Duration(s.ClockAhead-40_000_000)*time.Microsecond > time.Second || s.ClockWidth <= 0 {
		t.Errorf("status = %+v", s)
	}
}

func TestClockArithmetic(t *testing.T) {
	var c clock
	wall := time.UnixMicro(5_000_000_000)
	c.learn(5_001_000_000, 10*time.Second, 10200*time.Millisecond)
	r, ahead := c.reading(10200*time.Millisecond, wall)
	if r.Hub != 5_001_000_000 || r.Width != 200_000 || ahead != 1100*time.Millisecond || r.Uptime != 10_200_000 {
		t.Errorf("reading = %+v, ahead %v", r, ahead)
	}
	later, _ := c.reading(10200*time.Millisecond+10000*time.Second, wall)
	if lo, hi := later.Hub, later.Hub+int64(later.Width); lo != 15_000_000_000 || hi != 15_002_200_000 {
		t.Errorf("after 10000 s: %d … %d", lo, hi)
	}
	for _, step := range []struct {
		at, ahead time.Duration
		want      bool
	}{{0, time.Second, true}, {time.Minute, time.Second, false}, {time.Minute, 2100 * time.Millisecond, true}, {2 * time.Minute, 2 * time.Second, false}, {61 * time.Minute, 2 * time.Second, true}} {
		if got := c.due(step.at, step.ahead); got != step.want {
			t.Errorf("due(%v, %v) = %v", step.at, step.ahead, got)
		} else if got {
			c.wrote(step.at, step.ahead)
		}
	}
}

func TestHalfOpenLineIsNoticed(t *testing.T) {
	h := newHub(t)
	r := newRelay(t, h.server.Listener.Addr().String())
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub = []string{r.url()} })
	k.start(t)
	await(t, "session", func() bool { return k.Status().State == Connected })
	began := k.Status().Since
	time.Sleep(2 * quick.Silence)
	if s := k.Status(); s.State != Connected || !s.Since.Equal(began) {
		t.Fatal("a quiet line that answers pings was given up")
	}
	cut := time.Now()
	r.swallows(true)
	k.outbox.answers(3)
	await(t, "silence noticed", k.troubled(vitals.HubSilent))
	if took := time.Since(cut); took > 2*quick.Silence {
		t.Errorf("noticed after %v, deadline is %v", took, quick.Silence)
	}
	r.swallows(false)
	await(t, "all delivered", func() bool { return k.outbox.received() >= 3 })
}

func TestHubThatOnlyPongsIsGivenUp(t *testing.T) {
	h := newHub(t)
	h.mute = true
	k := h.kiosk(t)
	k.start(t)
	await(t, "no welcome", k.troubled(vitals.HubSilent))
}

func TestGoodbyes(t *testing.T) {
	for code, want := range map[wire.Code]vitals.Name{
		wire.CodeRevoked: vitals.Revoked, wire.CodeUnknown: vitals.UnknownDevice, wire.CodeVersion: vitals.AgentTooOld,
		wire.CodeReplaced: vitals.Replaced, wire.CodeEpoch: vitals.HubBehind, wire.CodeShutdown: vitals.HubFailed, wire.CodeMalformed: vitals.LinkLost,
	} {
		t.Run(code.String(), func(t *testing.T) {
			h := newHub(t)
			k := h.kiosk(t)
			k.start(t)
			await(t, "session", func() bool { return k.Status().State == Connected })
			h.send(h.last(), wire.Goodbye{Code: code, RetryAfter: 30, Detail: "by the test"})
			await(t, "condition", k.troubled(want))
			s := k.Status()
			if !strings.Contains(s.Detail, "by the test") || s.Words == "" {
				t.Errorf("status = %+v", s)
			}
			if wait := s.NextTry.Sub(s.Since); s.State != Waiting || wait < 29*time.Second || wait > 46*time.Second {
				t.Errorf("waits %v, was told 30 s", wait)
			}
			k.Try()
			await(t, "session after try now", func() bool { return k.Status().State == Connected })
		})
	}
}

// A hub put back from an old copy that does not say so: it stands below what
// was pruned because it once called it safe.
func TestOlderCopyOfTheHubIsNamed(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t)
	k.outbox.answers(10)
	k.outbox.mu.Lock()
	k.outbox.branch.Floor = wire.At(5, k.outbox.chains[4])
	k.outbox.branch.Epoch, k.outbox.branch.FloorEpoch = 1, 1
	j, first := k.outbox.branch.Journal, wire.At(1, k.outbox.chains[0])
	k.outbox.mu.Unlock()
	h.shelf.points[j] = []wire.Point{first}
	k.start(t)
	await(t, "condition", k.troubled(vitals.HubBehind))
}

// An Ack that comes late, from before the floor rose, harms nobody.
func TestAckBelowTheFloorEndsNothing(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t)
	k.outbox.answers(10)
	k.start(t)
	await(t, "all", func() bool { return k.outbox.received() >= 11 }) // a clock record too
	k.outbox.mu.Lock()
	k.outbox.branch.Floor = wire.At(5, k.outbox.chains[4])
	b, late := k.outbox.branch, wire.At(3, k.outbox.chains[2])
	k.outbox.mu.Unlock()
	ack := wire.Ack{Journal: b.Journal, Epoch: b.Epoch, Received: late, Safe: b.Base, Credit: 1 << 18}
	ack.Signature, _ = h.authority.Sign(wire.CustodyStatement(ack.Epoch, ack.Journal, ack.Received, ack.Safe))
	before := k.Status().Contact
	h.send(h.last(), ack)
	await(t, "the frame", func() bool { return k.Status().Contact.After(before) })
	k.outbox.answers(1)
	await(t, "one more on the same session", func() bool { return k.outbox.received() >= 12 })
	if s := k.Status(); s.Failures != 0 || s.State != Connected {
		t.Errorf("status = %+v", s)
	}
}

func TestWhatStandsInTheHubsPlace(t *testing.T) {
	h := newHub(t)
	page := func(status int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "http://login.example/")
			w.WriteHeader(status)
			fmt.Fprint(w, "<html>Xin mời đăng nhập</html>")
		}
	}
	served := func(s *httptest.Server) func(*Config) {
		return func(c *Config) { c.Identity.Hub = []string{"https://" + s.Listener.Addr().String()} }
	}
	ours := func(f http.HandlerFunc) func(*Config) { return served(serve(t, h.authority, f)) }
	plain := func(f http.HandlerFunc) func(*Config) {
		s := httptest.NewServer(f)
		t.Cleanup(s.Close)
		return served(s)
	}
	foreign := newHub(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent := newRelay(t, h.server.Listener.Addr().String())
	silent.swallows(true)
	raw := func(words string) func(*Config) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprint(c, words)
				c.Close()
			}
		}()
		return func(c *Config) { c.Identity.Hub = []string{"https://" + l.Addr().String()} }
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   vitals.Name
		value  int64
	}{
		{"portal, 200 in TLS", ours(page(200, "text/html; charset=utf-8")), vitals.CaptivePortal, 200},
		{"portal, 302 in TLS", ours(page(302, "text/html")), vitals.CaptivePortal, 302},
		{"portal without TLS", raw("HTTP/1.1 302 Found\r\nContent-Type: text/html\r\nLocation: http://login.example/\r\n\r\n<html>"), vitals.CaptivePortal, 302},
		{"portal for a proxy", through(t, page(200, "text/html")), vitals.CaptivePortal, 200},
		{"proxy says 407", through(t, page(407, "text/html")), vitals.ProxyRefused, 407},
		{"proxy says 403", through(t, page(403, "text/plain")), vitals.ProxyRefused, 403},
		{"proxy says 502", through(t, page(502, "text/plain")), vitals.ProxyRefused, 502},
		{"filter's page in TLS", ours(page(403, "text/html")), vitals.ProxyRefused, 403},
		{"strange proxy scheme", func(c *Config) {
			c.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("socks5://127.0.0.1:1") }
		}, vitals.LinkLost, 0},
		{"console instead of hub", ours(http.NotFound), vitals.NotAHub, 404},
		{"web server without TLS", plain(http.NotFound), vitals.NotAHub, 400},
		{"not even HTTP", raw("220 smtp.example ESMTP\r\n"), vitals.NotAHub, 0},
		{"overloaded", ours(page(503, "text/plain")), vitals.HubFailed, 503},
		{"another hub", served(foreign.server), vitals.OtherHub, 0},
		{"nothing listens", func(c *Config) { c.Identity.Hub = []string{"https://" + closed.Addr().String()} }, vitals.ConnectionRefused, 0},
		{"nothing answers", func(c *Config) {
			c.Identity.Hub, c.Timing.Handshake = []string{silent.url()}, 200*time.Millisecond
		}, vitals.HubSilent, 0},
		{"no such name", func(c *Config) { c.Identity.Hub = []string{"https://hub.invalid:7443"} }, vitals.NameNotFound, 0},
		{"revoked before the upgrade", ours(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			fmt.Fprint(w, `{"error":{"code":"revoked","message":"this kiosk was replaced on 3 May"}}`)
		}), vitals.Revoked, 403},
		{"gravest of two", func(c *Config) {
			c.Identity.Hub = []string{"https://" + closed.Addr().String(), foreign.server.URL}
		}, vitals.OtherHub, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := h.kiosk(t, c.change)
			k.outbox.answers(1)
			k.start(t)
			await(t, "condition", func() bool { return k.Status().Condition != "" })
			s := k.Status()
			if s.Condition != c.want {
				t.Errorf("condition = %s (%s), want %s", s.Condition, s.Detail, c.want)
			}
			held := k.vitals.Conditions()
			if len(held) != 1 || held[0].Name != string(c.want) || held[0].Value != c.value {
				t.Errorf("vitals = %+v, want %s with %d", held, c.want, c.value)
			}
			if k.outbox.received() != 0 {
				t.Error("something was taken for acknowledged")
			}
		})
	}
}

func TestWrongName(t *testing.T) {
	h := newHub(t)
	cfg, err := h.authority.ServerTLS([]string{"hub.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = cfg
	s.StartTLS()
	t.Cleanup(s.Close)
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub = []string{s.URL} })
	k.start(t)
	await(t, "condition", k.troubled(vitals.WrongName))
}

func TestThroughProxy(t *testing.T) {
	h := newHub(t)
	proxy := httptest.NewServer(tunnelTo("kiosk", "s3cret"))
	t.Cleanup(proxy.Close)
	at, _ := url.Parse(proxy.URL)
	at.User = url.UserPassword("kiosk", "s3cret")
	k := h.kiosk(t, func(c *Config) { c.Proxy = func(*http.Request) (*url.URL, error) { return at, nil } })
	k.outbox.answers(5)
	k.start(t)
	await(t, "delivery through the proxy", func() bool { return k.outbox.received() >= 5 })
}

func TestSecondAddress(t *testing.T) {
	h := newHub(t)
	closed, _ := net.Listen("tcp", "127.0.0.1:0")
	closed.Close()
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub = []string{"https://" + closed.Addr().String(), h.server.URL} })
	k.start(t)
	await(t, "session", func() bool { return k.Status().State == Connected })
	if s := k.Status(); s.Hub != h.server.URL || s.Failures != 0 {
		t.Errorf("status = %+v", s)
	}
	if k.first != 1 {
		t.Errorf("next time it would begin at address %d", k.first)
	}
}

func TestTextAndRubbishAreRefused(t *testing.T) {
	h := newHub(t)
	for name, send := range map[string]func(*websocket.Conn) error{
		"text":    func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte("xin chào")) },
		"rubbish": func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte{2, 0xff, 0xff}) },
		"oversized": func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.BinaryMessage, make([]byte, wire.MaxFrame+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := h.kiosk(t)
			k.start(t)
			await(t, "session", func() bool { return k.Status().State == Connected })
			spoilt := h.last()
			h.pen.Lock()
			_ = send(spoilt) // the kiosk may hang up before all is written
			h.pen.Unlock()
			await(t, "the next session", func() bool { return h.last() != spoilt && k.Status().State == Connected })
		})
	}
}

func TestCompressionIsRefused(t *testing.T) {
	h := newHub(t)
	s := serve(t, h.authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate") // the kiosk did not ask
		if c, err := (&websocket.Upgrader{EnableCompression: true}).Upgrade(w, r, nil); err == nil {
			defer c.Close()
		}
	}))
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub = []string{s.URL} })
	k.start(t)
	await(t, "refusal", func() bool { return strings.Contains(k.Status().Detail, "compression") })
}

func TestBrokenOutboxIsTold(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t)
	k.outbox.broken = errDisk
	k.start(t)
	await(t, "trouble", func() bool { return strings.Contains(k.Status().Detail, "input/output") })
	if c := k.vitals.Conditions(); len(c) == 0 || c[0].Name != string(vitals.OutboxUnread) {
		t.Errorf("conditions = %v", c)
	}
}

// A dial that hangs after TCP must end when Run is told to end.
func TestStopDuringHandshake(t *testing.T) {
	h := newHub(t)
	r := newRelay(t, h.server.Listener.Addr().String())
	r.swallows(true)
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub, c.Timing.Handshake = []string{r.url()}, time.Minute })
	stop := k.start(t)
	await(t, "dial", func() bool { return k.Status().State == Connecting })
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("Run ended after %v", took)
	}
}

// The same, where TLS stands and only the upgrade hangs.
func TestStopDuringUpgrade(t *testing.T) {
	h := newHub(t)
	reached := make(chan struct{}, 1)
	s := serve(t, h.authority, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-r.Context().Done()
	}))
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub, c.Timing.Handshake = []string{s.URL}, time.Minute })
	stop := k.start(t)
	<-reached
	began := time.Now()
	stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("Run ended after %v", took)
	}
}

func TestBackoffSpreads(t *testing.T) {
	var most [12]time.Duration
	for range 2000 {
		var b Backoff
		for i := range most {
			most[i] = max(most[i], b.Next(0))
		}
	}
	for i, got := range most {
		bound := min(300*time.Second, time.Second<<i)
		if got > bound || got < bound*9/10 {
			t.Errorf("longest wait %d of 2000 kiosks = %v, want a little under %v", i, got, bound)
		}
	}
	b := Backoff{}
	for range 100 {
		if w := b.Next(time.Minute); w < time.Minute || w > 90*time.Second {
			t.Fatalf("asked for a minute, waits %v", w)
		}
		if w := b.Next(1000 * time.Hour); w > 90*time.Minute {
			t.Fatalf("asked for 1000 h, waits %v", w)
		}
	}
	b.Reset()
	if w := b.Next(0); w > time.Second {
		t.Errorf("after Reset waits %v", w)
	}
}

func TestRestEndsByTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &Uplink{try: make(chan struct{}, 1)}
		began := time.Now()
		u.rest(t.Context(), time.Minute)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("rested %v", took)
		}
		time.AfterFunc(7*time.Second, u.Try)
		began = time.Now()
		u.rest(t.Context(), time.Minute)
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("rested %v after try now", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		u.rest(ctx, time.Minute)
		if took := time.Since(began); took != time.Second {
			t.Errorf("rested %v after the end", took)
		}
	})
}

func (h *hub) kit(hubs ...string) ident.Kit {
	return ident.Kit{Version: 1, Hub: hubs, Pin: h.authority.Pin(), Ticket: "ticket00001", Secret: strings.Repeat("s3cret77", 4),
		Place: ident.Place{ID: "qt-01", Name: "NVH"}, Expires: time.Now().Add(time.Hour)}
}

func TestEnrol(t *testing.T) {
	h := newHub(t)
	var seen int
	s := serve(t, h.authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen++
		ask, err := ident.ReadEnrolRequest(r.Body)
		if err != nil {
			t.Error(err)
		}
		key := ident.TicketKey(strings.Repeat("s3cret77", 4))
		pub, err := ask.Check(key)
		if err != nil {
			t.Error(err)
		}
		device := ident.DeviceID(pub)
		certificate, _ := h.authority.IssueDevice(pub, device, time.Now())
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(ask.Answer(key, ident.Identity{Version: 1, Device: device, Certificate: certificate,
			CA: [][]byte{h.authority.Certificate()}, CustodyKey: h.authority.CustodyKey(), Hub: []string{"https://127.0.0.1:1"}, Place: ident.Place{ID: "qt-01", Name: "NVH"}}))
	}))
	key, err := ident.OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id, err := Enrol(t.Context(), h.kit("https://127.0.0.1:1", s.URL), key, "test")
	if err != nil || id.Device != ident.DeviceID(key.Public()) {
		t.Fatalf("Enrol = %+v, %v", id, err)
	}
	before := seen
	other := newHub(t).kit(s.URL)
	_, err = Enrol(t.Context(), other, key, "test")
	var trouble *Trouble
	if !errors.As(err, &trouble) || trouble.Condition != vitals.OtherHub || seen != before {
		t.Errorf("Enrol at a hub without the pin = %v, %d requests sent", err, seen-before)
	}
}

func TestEnrolRefusals(t *testing.T) {
	h := newHub(t)
	key, err := ident.OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		kind   string
		body   string
		final  string
		want   vitals.Name
	}{
		{403, "application/json", `{"error":{"code":"ticket-used","message":"this kit was used on 2 May","message_vi":"` + strings.Repeat("bộ kit đã dùng; ", 100) + `"}}`, "ticket-used", ""},
		{429, "application/json", `{"error":{"code":"too-many","message":"later"}}`, "", vitals.HubFailed},
		{500, "application/json", `{"error":{"code":"internal","message":"oops"}}`, "", vitals.HubFailed},
		{200, "text/html", `<html>`, "", vitals.CaptivePortal},
		{302, "text/html", ``, "", vitals.CaptivePortal},
		{404, "text/plain", `404 page not found`, "", vitals.NotAHub},
	} {
		s := serve(t, h.authority, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("Location", "/login")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		_, err := Enrol(t.Context(), h.kit(s.URL), key, "test")
		var final *Refused
		var trouble *Trouble
		switch {
		case c.final != "" && (!errors.As(err, &final) || final.Code != c.final):
			t.Errorf("status %d: %v, want refusal %s", c.status, err, c.final)
		case c.final == "" && (!errors.As(err, &trouble) || trouble.Condition != c.want):
			t.Errorf("status %d %s: %v, want trouble %s", c.status, c.kind, err, c.want)
		}
	}
}

// The uplink must hand out no bytes of a session to a server it cannot name.
func TestNothingIsSentToAForeigner(t *testing.T) {
	h, foreign := newHub(t), newHub(t)
	requests := 0
	s := serve(t, foreign.authority, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	s.TLS.ClientAuth = tls.RequestClientCert
	k := h.kiosk(t, func(c *Config) { c.Identity.Hub = []string{s.URL} })
	k.start(t)
	await(t, "three attempts", func() bool { return k.Status().Failures >= 3 })
	if requests != 0 {
		t.Errorf("%d requests reached a foreign server", requests)
	}
}
