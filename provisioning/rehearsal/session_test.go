package rehearsal

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/database/pgtest"
	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
)

func onEachEngine(t *testing.T, play func(t *testing.T, f *far)) {
	t.Run("sqlite", func(t *testing.T) { play(t, sqliteFar(t)) })
	t.Run("postgresql", func(t *testing.T) { play(t, newFar(t, pgtest.URL(t))) })
}

func TestThousandAnswersDrain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f *far) {
		n := newNear(t, f)
		n.tap(1000)
		n.connect()
		n.settled()
		n.tap(10) // one by one, while connected
		n.settled()
		exactlyOnce(t, f, n)
		eventually(t, "vitals at the hub", func() bool {
			d, err := f.vitals.Device(context.Background(), n.id.Device)
			return err == nil && d.Connected && !d.Reported.IsZero()
		})
		if s := n.uplink.Status(); s.ClockWidth <= 0 || s.ClockAhead > 1e6 || s.ClockAhead < -1e6 {
			t.Errorf("one machine, but the clocks differ: %+v", s)
		}
	})
}

// The hub dies again and again while a kiosk drains and residents tap.
func TestHubDiesDuringTheDrain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f *far) {
		n := newNear(t, f)
		l := newLine(t, f.address)
		l.through(n)
		n.tap(1500)
		n.connect()
		for range 6 {
			n.tap(20)
			time.Sleep(rand.N(40 * time.Millisecond))
			l.cut() // what was on the way is lost
			f.kill()
			n.tap(20)
			f.start()
		}
		n.settled()
		exactlyOnce(t, f, n)
	})
}

func TestHubStopsInOrder(t *testing.T) {
	f := sqliteFar(t)
	n := newNear(t, f)
	n.tap(200)
	n.connect()
	n.settled()
	f.stop()
	n.tap(5)
	eventually(t, "the kiosk knows", func() bool { return n.uplink.Status().State == uplink.Waiting })
	f.start()
	n.uplink.Try()
	n.settled()
	exactlyOnce(t, f, n)
}

// A line that breaks without a word: acknowledgements stop, nothing else shows.
func TestHalfOpenLine(t *testing.T) {
	f := sqliteFar(t)
	n := newNear(t, f)
	l := newLine(t, f.address)
	l.through(n)
	n.connect()
	n.tap(10)
	n.settled()
	l.swallow.Store(true)
	begun := time.Now()
	n.tap(50)
	eventually(t, "silence noticed", n.troubled(vitals.HubSilent))
	if took := time.Since(begun); took > 3*hasty.Silence {
		t.Errorf("noticed after %v; the deadline is %v", took, hasty.Silence)
	}
	l.swallow.Store(false)
	l.cut()
	n.settled()
	exactlyOnce(t, f, n)
}

// One kiosk meets every kind of bad network in turn, and then a good one.
func TestBadNetworks(t *testing.T) {
	f, foreign := sqliteFar(t), sqliteFar(t)
	n := newNear(t, f)
	l := newLine(t, f.address)
	l.through(n)
	n.tap(30)
	status := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(proxy.Close)
	good := n.id.Hub
	for _, c := range []struct {
		name  string
		spoil func()
		want  vitals.Name
	}{
		{"captive portal", func() { l.portal.Store(true) }, vitals.CaptivePortal},
		{"proxy wants a password", func() {
			status, n.proxy = http.StatusProxyAuthRequired, func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
		}, vitals.ProxyRefused},
		{"another authority", func() { n.id.Hub = []string{"https://" + foreign.address} }, vitals.OtherHub},
		{"swallowed", func() { l.swallow.Store(true); n.timing.Handshake = 300 * time.Millisecond }, vitals.HubSilent},
	} {
		c.spoil()
		n.connect()
		eventually(t, c.name, n.troubled(c.want))
		if words := n.uplink.Status().Words; !strings.Contains(words, ";") {
			t.Errorf("%s: %q does not say what to do", c.name, words)
		}
		n.disconnect()
		l.portal.Store(false)
		l.swallow.Store(false)
		n.proxy, n.id.Hub, n.timing = direct, good, hasty
	}
	if got := n.waiting(); got != 31 {
		t.Fatalf("%d records wait after all that, want 31", got)
	}
	if got := len(foreign.rows()); got != 0 {
		t.Fatalf("a foreign hub holds %d answers", got)
	}
	n.connect()
	n.settled()
	exactlyOnce(t, f, n)
}

func TestRevokedLive(t *testing.T) {
	f := sqliteFar(t)
	n := newNear(t, f)
	n.connect()
	n.tap(3)
	n.settled()
	begun := time.Now()
	if err := f.registry.Revoke(context.Background(), n.id.Device, "stolen", "rehearsal"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the kiosk knows", n.troubled(vitals.Revoked))
	if took := time.Since(begun); took > time.Second {
		t.Errorf("told after %v", took)
	}
	n.tap(3)
	n.uplink.Try()
	eventually(t, "refused at the door", func() bool { return strings.Contains(n.uplink.Status().Detail, "stolen") })
	if got := len(f.rows()); got != 3 {
		t.Errorf("the hub holds %d answers, want the 3 from before", got)
	}
}

// Two machines with one key and one journal, both alive, both tapped.
func TestTwoMachinesWithOneIdentity(t *testing.T) {
	f := sqliteFar(t)
	a := newNear(t, f)
	a.tap(50)
	a.connect()
	a.settled()
	a.close()
	b := &near{t: t, far: f, dir: t.TempDir(), key: a.key, id: a.id, timing: a.timing, proxy: direct}
	copyAll(t, a.dir, b.dir)
	t.Cleanup(func() { b.close() })
	a.open()
	b.open()
	a.connect()
	b.connect()
	for range 10 {
		a.tap(5)
		b.tap(5)
		a.uplink.Try() // each is told to stay away for a minute
		b.uplink.Try()
		time.Sleep(20 * time.Millisecond)
	}
	a.disconnect()
	b.disconnect()
	for _, n := range []*near{a, b} {
		n.connect()
		n.settled()
		n.disconnect()
	}
	exactlyOnce(t, f, a, b)
	journals, err := f.ledger.Journals(context.Background())
	if err != nil || len(journals) < 2 {
		t.Errorf("journals = %+v, %v: one of the two must have forked", journals, err)
	}
}

// Everyone comes back at the same moment.
func TestManyReturnAtOnce(t *testing.T) {
	kiosks, each := 200, 5
	if testing.Short() {
		kiosks = 40
	}
	f := sqliteFar(t)
	before := runtime.NumGoroutine()
	all := make([]*near, kiosks)
	for i := range all {
		all[i] = newNear(t, f)
		all[i].tap(each)
	}
	begun := time.Now()
	for _, n := range all {
		n.connect()
	}
	for _, n := range all {
		n.settled()
	}
	t.Logf("%d kiosks delivered %d records each in %v", kiosks, each+1, time.Since(begun).Round(time.Millisecond))
	exactlyOnce(t, f, all...)
	if s := f.intake.Stats(); s.Malformed+s.Failed+s.Misfits > 0 {
		t.Errorf("stats = %+v", s)
	}
	var closing sync.WaitGroup
	for _, n := range all {
		closing.Go(n.close)
	}
	closing.Wait()
	eventually(t, "sessions gone", func() bool { return f.intake.Stats().Live == 0 })
	eventually(t, "goroutines gone", func() bool { return runtime.NumGoroutine() <= before+10 })
}
