package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/ident"
)

func (w *world) post(t *testing.T, body string) (int, string, ident.EnrolAnswer) {
	client := http.Client{Transport: &http.Transport{TLSClientConfig: ident.PinnedTLS(w.authority.Pin(), []string{"127.0.0.1"}), DisableKeepAlives: true}}
	r, err := client.Post("https://"+w.address+"/enrol", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var said struct {
		Error refusal `json:"error"`
		ident.EnrolAnswer
	}
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, said.Error.Code, said.EnrolAnswer
}

func TestEnrol(t *testing.T) {
	w := newWorld(t)
	key, _ := ident.OpenKey(t.TempDir())
	kit, err := w.registry.Ticket(t.Context(), feedback.Seed().Places[0].ID, "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask, err := kit.Request(key, "1.2.3", make([]byte, ident.NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(ask)
	for range 2 { // the first answer may be lost
		status, _, answer := w.post(t, string(body))
		id, err := kit.Accept(ask, answer)
		if status != http.StatusOK || err != nil || id.Device != ident.DeviceID(key.Public()) {
			t.Fatalf("enrol = %d, %+v, %v", status, id, err)
		}
	}
	if d, err := w.vitals.Device(t.Context(), ident.DeviceID(key.Public())); err != nil || d.Program != "1.2.3" || d.Connected {
		t.Errorf("vitals after enrolment = %+v, %v", d, err)
	}
	other, _ := ident.OpenKey(t.TempDir())
	stolen, _ := kit.Request(other, "1.2.3", make([]byte, ident.NonceSize))
	again, _ := json.Marshal(stolen)
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"used kit", string(again), 403, "kit-used"},
		{"no JSON", "{", 400, "request-malformed"},
		{"unknown key", `{"version":1,"colour":"red"}`, 400, "request-malformed"},
		{"too long", `{"program":"` + strings.Repeat("x", maxEnrol) + `"}`, 400, "request-malformed"},
	} {
		if status, got, _ := w.post(t, c.body); status != c.status || got != c.code {
			t.Errorf("%s = %d %s, want %d %s", c.name, status, got, c.status, c.code)
		}
	}
	if s := w.intake.Stats(); s.Enrolled != 2 || s.Strangers != 4 {
		t.Errorf("stats = %+v", s)
	}
}

// asking is a request by who holds a fresh kit.
func (w *world) asking(t *testing.T) (kit ident.Kit, ask ident.EnrolRequest) {
	t.Helper()
	key, _ := ident.OpenKey(t.TempDir())
	kit, err := w.registry.Ticket(t.Context(), feedback.Seed().Places[0].ID, "test", time.Hour)
	if err == nil {
		ask, err = kit.Request(key, "1.2.3", make([]byte, ident.NonceSize))
	}
	if err != nil {
		t.Fatal(err)
	}
	return kit, ask
}

func encoded(ask ident.EnrolRequest) string {
	text, _ := json.Marshal(ask)
	return string(text)
}

func TestEnrolmentsAreRateLimited(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Enrolments = 0.001 })
	_, ask := w.asking(t)
	last := 0
	for range 10 {
		last, _, _ = w.post(t, encoded(ask))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("tenth enrolment at once = %d", last)
	}
}

// However much junk comes, from the same address too, who holds a kit is
// admitted at the first try.
func TestJunkTakesNoTurnFromAKit(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Enrolments = 0.001 })
	_, stolen := w.asking(t)
	altered, unknown, foreign := stolen, stolen, stolen
	altered.MAC = make([]byte, len(stolen.MAC))
	unknown.Ticket = "aaaaaaaaaaaaa"
	foreign.Pin = "sha256-" + strings.Repeat("A", 43)
	for n := range 40 {
		for _, junk := range []string{"{", "{}", encoded(altered), encoded(unknown), encoded(foreign)} {
			if status, _, _ := w.post(t, junk); status == http.StatusOK || status == http.StatusTooManyRequests {
				t.Fatalf("junk %d: %d", n, status)
			}
		}
	}
	kit, ask := w.asking(t)
	status, code, answer := w.post(t, encoded(ask))
	if _, err := kit.Accept(ask, answer); status != http.StatusOK || err != nil {
		t.Errorf("a real kit: %d %s, %v", status, code, err)
	}
}

func TestPaces(t *testing.T) {
	p := newPaces(0.0001, 2)
	for _, c := range []struct {
		from string
		want bool
	}{
		{"10.0.0.1:1", true}, {"10.0.0.1:2", true}, {"10.0.0.1:3", false}, {"10.0.0.2:1", true},
		{"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true}, {"[2001:db8::3]:1", false}, {"[2001:db8:0:1::1]:1", true},
		{"[::ffff:10.0.0.1]:9", false}, {"nonsense", true}, {"other", true}, {"third", false},
	} {
		if got := p.allow(c.from); got != c.want {
			t.Errorf("%s: %t, want %t", c.from, got, c.want)
		}
	}
	for i := range maxPaces + 1 {
		p.allow(net.JoinHostPort(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}).String(), "1"))
	}
	if len(p.all) > maxPaces {
		t.Errorf("%d addresses are remembered", len(p.all))
	}
}

func TestStrangePathsAreAnswered(t *testing.T) {
	w := newWorld(t)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: ident.PinnedTLS(w.authority.Pin(), []string{"127.0.0.1"})}}
	r, err := client.Get("https://" + w.address + "/console")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(r.Body)
	if r.StatusCode != 404 || !strings.Contains(b.String(), `"code":"not-found"`) {
		t.Errorf("answer = %d %s", r.StatusCode, b.String())
	}
}

func TestLimit(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Limit(raw, Limits{PerSecond: 40, Most: 12})
	var dialled []net.Conn
	for range 14 {
		c, err := net.Dial("tcp", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		dialled = append(dialled, c)
	}
	begun := time.Now()
	accepted := make(chan net.Conn, len(dialled))
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	await(t, "twelve", func() bool { return len(accepted) == 12 })
	if took := time.Since(begun); took < 40*time.Millisecond {
		t.Errorf("12 connections with a burst of 10 at 40/s came in %v", took)
	}
	time.Sleep(100 * time.Millisecond)
	if len(accepted) != 12 {
		t.Fatalf("%d open, the most is 12", len(accepted))
	}
	c := <-accepted
	c.Close()
	c.Close() // twice releases once
	await(t, "the thirteenth", func() bool { return len(accepted) == 12 })
	time.Sleep(100 * time.Millisecond)
	if len(accepted) != 12 {
		t.Errorf("%d open after one closed", len(accepted))
	}
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close = %v", err)
	}
}
