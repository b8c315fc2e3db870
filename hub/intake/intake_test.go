package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/zstd"

	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

func TestStoresThenAcknowledges(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	welcome := k.open()
	if welcome.Credit == 0 || welcome.Standings[0].State != wire.StandingNew || welcome.Standings[0].Received != k.base {
		t.Errorf("welcome = %+v", welcome)
	}
	k.delivered(100)
	if got := w.answers(); got != 99 {
		t.Errorf("answers in the ledger when the ack came = %d, want 99", got)
	}
	for range 5 {
		k.delivered(1)
	}
	if s := w.intake.Stats(); s.Live != 1 || s.Batches != 6 || s.Records != 105 || s.Misfits != 0 || s.Malformed != 0 || s.Bytes == 0 {
		t.Errorf("stats = %+v", s)
	}
}

func TestNoAckBeforeTheCommit(t *testing.T) {
	w := newWorld(t)
	w.faults.gate = make(chan struct{})
	k := w.kiosk()
	k.open()
	k.say(k.pack(k.ratings(3)))
	k.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, _, err := k.conn.ReadMessage(); err == nil {
		t.Fatal("the hub spoke before the ledger had committed")
	}
	close(w.faults.gate)
}

func TestDoor(t *testing.T) {
	w := newWorld(t)
	stranger := w.kiosk()
	stranger.key, _ = ident.OpenKey(t.TempDir())
	name := ident.DeviceID(stranger.key.Public())
	stranger.id.Certificate, _ = w.authority.IssueDevice(stranger.key.Public(), name, time.Now())

	foreigner := w.kiosk()
	other, err := ident.OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreigner.id.Certificate, _ = other.IssueDevice(foreigner.key.Public(), foreigner.id.Device, time.Now())

	revoked := w.kiosk()
	if err := w.registry.Revoke(t.Context(), revoked.id.Device, strings.Repeat("mất trộm \"đêm\" <", 60), "test"); err != nil {
		t.Fatal(err)
	}
	replaced := w.kiosk()
	if err := w.registry.Supersede(t.Context(), replaced.id.Device, "new machine", "test"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		k      *kiosk
		header http.Header
		want   string
	}{
		{"a page in a browser", w.kiosk(), http.Header{"Origin": {"https://" + w.address}}, "origin"},
		{"an empty origin", w.kiosk(), http.Header{"Origin": {""}}, "origin"},
		{"another hub's kiosk", foreigner, nil, "unknown"},
		{"certified, not registered", stranger, nil, "unknown"},
		{"revoked", revoked, nil, "revoked"},
		{"replaced: may deliver what it holds", replaced, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.k.dial(c.header)
			if r.StatusCode == http.StatusForbidden && !whole(r) {
				t.Error("the refusal is cut in the middle")
			}
			if got := code(r); got != c.want || (err == nil) != (c.want == "") {
				t.Errorf("dial = %q, %v, want %q", got, err, c.want)
			}
			if c.want != "" && (r == nil || r.StatusCode != http.StatusForbidden) {
				t.Errorf("response = %v", r)
			}
		})
	}
	bare := websocket.Dialer{TLSClientConfig: ident.PinnedTLS(w.authority.Pin(), []string{"127.0.0.1"})}
	if _, r, err := bare.Dial("wss://"+w.address+"/session", nil); err == nil || code(r) != "unknown" {
		t.Errorf("without a certificate: %v, %v", r, err)
	}
}

// whole says whether what a WebSocket client sees of an answer is JSON.
func whole(r *http.Response) bool {
	b, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return err == nil && json.Valid(b)
}

func TestRevokedWhileConnected(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	k.delivered(3)
	begun := time.Now()
	if err := w.registry.Revoke(t.Context(), k.id.Device, "stolen", "test"); err != nil {
		t.Fatal(err)
	}
	k.say(k.pack(k.ratings(5)))
	if g := k.farewell(); g.Code != wire.CodeRevoked || g.Detail == "" {
		t.Errorf("goodbye = %+v", g)
	}
	// It does not hang up by itself, and gets nothing more in.
	k.say(k.pack(k.ratings(5)))
	await(t, "the end of the session", func() bool { return w.intake.Stats().Live == 0 })
	if took := time.Since(begun); took > time.Second {
		t.Errorf("session ended after %v", took)
	}
	if got := w.answers(); got != 2 {
		t.Errorf("answers = %d, want the 2 from before", got)
	}
}

// Another process of the hub revokes: no call reaches this one.
func TestRevokedByAnotherProcess(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	elsewhere, err := registry.Open(t.Context(), registry.Config{DB: w.db, Authority: w.authority, Hub: []string{"https://" + w.address}})
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Revoke(t.Context(), k.id.Device, "stolen", "test"); err != nil {
		t.Fatal(err)
	}
	k.say(wire.Vitals{})
	if g := k.farewell(); g.Code != wire.CodeRevoked {
		t.Errorf("goodbye = %+v", g)
	}
}

func TestNewerSessionTakesOver(t *testing.T) {
	w := newWorld(t)
	old := w.kiosk()
	old.open()
	old.delivered(10)
	new := old.again()
	batch := old.pack(old.ratings(7)) // both hold it
	if got := new.open().Standings[0]; got.State != wire.StandingKnown || got.Received != new.head {
		t.Errorf("standing = %+v, want %s", got, new.head)
	}
	if g := old.farewell(); g.Code != wire.CodeReplaced {
		t.Errorf("goodbye = %+v", g)
	}
	old.say(batch)
	new.say(batch)
	if ack, ok := new.hear().(wire.Ack); !ok || ack.Received != old.head {
		t.Errorf("ack = %+v", ack)
	}
	if got := w.answers(); got != 16 {
		t.Errorf("answers = %d, want 16", got)
	}
	old.conn.Close()
	time.Sleep(100 * time.Millisecond)
	d, err := w.vitals.Device(t.Context(), old.id.Device)
	if err != nil || !d.Connected {
		t.Errorf("vitals = %+v, %v: the end of the older session must not count", d, err)
	}
}

// Both lines stay open and send the same and different things at once; the
// ledger decides, and nothing is lost or doubled.
func TestTwoSessionsOfOneJournal(t *testing.T) {
	w := newWorld(t)
	a := w.kiosk()
	a.open()
	a.delivered(10)
	b := a.again()
	all := a.ratings(40)
	var sending sync.WaitGroup
	for _, k := range []*kiosk{a, b} {
		if k == b {
			k.open()
		}
		sending.Go(func() {
			for from := 0; from < len(all); from += 4 {
				k.say(k.pack(all[from : from+4]))
			}
		})
	}
	sending.Wait()
	await(t, "all stored", func() bool { return w.answers() >= 49 })
	time.Sleep(50 * time.Millisecond)
	if got := w.answers(); got != 49 {
		t.Errorf("answers = %d, want 49", got)
	}
}

func TestMisfitGetsAWelcome(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	k.delivered(10)
	k.pack(k.ratings(5)) // lost on the way
	f := k.deliver(5)
	welcome, ok := f.(wire.Welcome)
	if !ok || welcome.Standings[0].Received.Seq != 10 {
		t.Fatalf("answer to a batch beyond a gap = %+v", f)
	}
	if s := w.intake.Stats(); s.Misfits != 1 {
		t.Errorf("misfits = %d", s.Misfits)
	}
}

func TestWhatAKioskMustNotSend(t *testing.T) {
	w := newWorld(t)
	good := w.kiosk()
	good.open()
	raw := func(b []byte) func(*kiosk) {
		return func(k *kiosk) { k.conn.WriteMessage(websocket.BinaryMessage, b) }
	}
	random := make([]byte, 5000)
	_, _ = rand.Read(random)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := z.EncodeAll(make([]byte, 1<<28), nil)
	bomb := func(k *kiosk) {
		b := k.pack(k.ratings(2))
		b.Raw, b.Count = wire.MaxBatchRaw, wire.MaxBatchCount
		b.Body = binary.AppendUvarint([]byte{1}, wire.MaxBatchRaw)
		b.Body = append(binary.AppendUvarint(b.Body, uint64(len(packed))), packed...)
		k.say(b)
	}
	for _, c := range []struct {
		name string
		send func(*kiosk)
		want wire.Code
	}{
		{"text", func(k *kiosk) { k.conn.WriteMessage(websocket.TextMessage, []byte("xin chào")) }, wire.CodeMalformed},
		{"random bytes", raw(random), wire.CodeMalformed},
		{"nothing", raw(nil), wire.CodeMalformed},
		{"half a frame", raw([]byte{byte(wire.FrameBatch), 0x86, 0x50}), wire.CodeMalformed},
		{"zip bomb", bomb, wire.CodeMalformed},
		{"batch of another journal", func(k *kiosk) { k.journal[0]++; k.head = wire.At(0, k.journal.Genesis()); k.say(k.pack(k.ratings(2))) }, wire.CodeNotYours},
		{"batch with another's signature", func(k *kiosk) { k.key = good.key; k.say(k.pack(k.ratings(2))) }, wire.CodeSignature},
		{"batch with another body", func(k *kiosk) {
			b := k.pack(k.ratings(2))
			b.Body = good.again().pack(good.ratings(2)).Body
			k.say(b)
		}, 0},
		{"a frame only hubs send", func(k *kiosk) { k.say(wire.Ack{}) }, wire.CodeUnexpected},
		{"hello after hello", func(k *kiosk) {
			for range 40 {
				k.hello()
			}
		}, wire.CodeUnexpected},
		{"version from the past", func(k *kiosk) { k.say(wire.Hello{Version: 0}) }, wire.CodeVersion},
		{"epoch from the future", func(k *kiosk) { k.say(wire.Hello{Version: 1, Epoch: 99}) }, wire.CodeEpoch},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, k := w.intake.Stats().Malformed, w.kiosk()
			k.open()
			begun := time.Now()
			c.send(k)
			if g := k.farewell(); c.want != 0 && g.Code != c.want {
				t.Errorf("goodbye = %+v, want code %d", g, c.want)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if got := w.intake.Stats().Malformed; got != before+1 {
				t.Errorf("malformed = %d, want %d", got, before+1)
			}
			good.delivered(2)
		})
	}
	t.Run("oversized", func(t *testing.T) {
		k := w.kiosk()
		k.open()
		raw(make([]byte, wire.MaxFrame+1))(k)
		if f := k.hear(); f != nil {
			t.Errorf("the hub answered %+v", f)
		}
		good.delivered(2)
	})
	t.Run("batch before hello", func(t *testing.T) {
		k := w.kiosk()
		if _, err := k.dial(nil); err != nil {
			t.Fatal(err)
		}
		k.say(k.pack(k.ratings(2)))
		if g := k.farewell(); g.Code != wire.CodeUnexpected {
			t.Errorf("goodbye = %+v", g)
		}
	})
}

// A record that means nothing, in a batch that is signed, is kept aside and
// stops nothing.
func TestPoisonIsQuarantined(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	records := k.ratings(3)
	records = append(records, []byte{0x82, 0x03, 0x61, 'x'}, []byte{0x82, 0x17, 0x01}, []byte{0xf6})
	k.say(k.pack(records))
	if ack, ok := k.hear().(wire.Ack); !ok || ack.Received != k.head {
		t.Fatalf("ack = %+v", ack)
	}
	k.delivered(2)
	if got := w.answers(); got != 4 {
		t.Errorf("answers = %d, want 4", got)
	}
	aside, err := w.ledger.Quarantined(t.Context())
	if err != nil || len(aside) != 3 {
		t.Errorf("quarantine = %+v, %v", aside, err)
	}
}

func TestLedgerFailsBothWays(t *testing.T) {
	for name, fault := range map[string]func(ledger.Delivery) (bool, bool){
		"not stored": func(ledger.Delivery) (bool, bool) { return true, false },
		"stored":     func(ledger.Delivery) (bool, bool) { return false, true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.kiosk()
			k.open()
			k.delivered(10)
			w.faults.set(fault)
			from := k.head
			batch := k.pack(k.ratings(5))
			k.say(batch)
			if g := k.farewell(); g.Code != wire.CodeInternal || g.RetryAfter == 0 {
				t.Errorf("goodbye = %+v", g)
			}
			w.faults.set(nil)
			again := k.again()
			again.head = from
			again.open()
			again.say(batch)
			if ack, ok := again.hear().(wire.Ack); !ok || ack.Received != k.head {
				t.Errorf("ack = %+v", ack)
			}
			if got := w.answers(); got != 14 {
				t.Errorf("answers = %d, want 14", got)
			}
		})
	}
}

// One kiosk's batch that cannot be stored must not take its company down.
func TestFaultStaysWithItsKiosk(t *testing.T) {
	w := newWorld(t)
	bad, others := w.kiosk(), []*kiosk{}
	bad.open()
	for range 8 {
		k := w.kiosk()
		k.open()
		others = append(others, k)
	}
	w.faults.set(func(d ledger.Delivery) (bool, bool) { return d.Device == bad.id.Device, false })
	gate := make(chan struct{})
	w.faults.mu.Lock()
	w.faults.gate = gate
	w.faults.mu.Unlock()
	others[0].say(others[0].pack(others[0].ratings(2))) // holds the committer at the gate
	time.Sleep(20 * time.Millisecond)
	bad.say(bad.pack(bad.ratings(2)))
	for _, k := range others[1:] {
		k.say(k.pack(k.ratings(2)))
	}
	time.Sleep(50 * time.Millisecond)
	close(gate)
	for _, k := range others {
		if ack, ok := k.hear().(wire.Ack); !ok || ack.Received != k.head {
			t.Errorf("ack = %+v", ack)
		}
	}
	if g := bad.farewell(); g.Code != wire.CodeInternal {
		t.Errorf("goodbye = %+v", g)
	}
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	if largest(w.faults.sizes) < 8 {
		t.Errorf("largest group = %d: the kiosks did not share a commit, the test proves nothing", largest(w.faults.sizes))
	}
}

func TestKiosksShareCommits(t *testing.T) {
	w := newWorld(t)
	const kiosks, each = 30, 10
	var all sync.WaitGroup
	for range kiosks {
		k := w.kiosk()
		k.open()
		all.Go(func() {
			for range each {
				k.delivered(3)
			}
		})
	}
	all.Wait()
	s := w.intake.Stats()
	if s.Batches != kiosks*each || s.Commits >= s.Batches {
		t.Errorf("%d batches in %d commits", s.Batches, s.Commits)
	}
	if got := w.answers(); got != kiosks*(3*each-1) {
		t.Errorf("answers = %d, want %d", got, kiosks*(3*each-1))
	}
}

func TestCloseSaysWhenToComeBack(t *testing.T) {
	w := newWorld(t)
	kiosks := []*kiosk{}
	for range 5 {
		k := w.kiosk()
		k.open()
		k.delivered(2)
		kiosks = append(kiosks, k)
	}
	silent := w.kiosk() // never reads, never hangs up
	silent.open()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.intake.Close(ctx) }()
	for _, k := range kiosks {
		if g := k.farewell(); g.Code != wire.CodeShutdown || g.RetryAfter == 0 {
			t.Errorf("goodbye = %+v", g)
		}
	}
	r, err := kiosks[0].again().dial(nil)
	if err == nil || r == nil || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("dial while stopping = %v, %v", r, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := w.intake.Stats(); s.Live != 0 {
		t.Errorf("live = %d", s.Live)
	}
	w.intake = New(w.intake.cfg) // for the clean-up
}

func TestSilentLinesAreDropped(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Silence = 600 * time.Millisecond })
	mute, pinging, shy := w.kiosk(), w.kiosk(), w.kiosk()
	mute.open()
	pinging.open()
	if _, err := shy.dial(nil); err != nil {
		t.Fatal(err)
	}
	pings := func(k *kiosk, stop chan struct{}) {
		for {
			select {
			case <-stop:
				return
			case <-time.After(40 * time.Millisecond):
				_ = k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		}
	}
	stop := make(chan struct{})
	defer close(stop)
	go pings(pinging, stop)
	go pings(shy, stop)
	await(t, "the others gone", func() bool { return w.intake.Stats().Live == 1 })
	time.Sleep(900 * time.Millisecond)
	if s := w.intake.Stats(); s.Live != 1 || s.Silent != 1 {
		t.Errorf("stats = %+v", s)
	}
	pinging.delivered(2)
}

func TestVitalsReachTheHub(t *testing.T) {
	w := newWorld(t)
	k := w.kiosk()
	k.open()
	k.say(wire.Vitals{Backlog: 42})
	await(t, "vitals", func() bool {
		d, err := w.vitals.Device(t.Context(), k.id.Device)
		return err == nil && d.Vitals.Backlog == 42 && d.Connected && d.Program == "test"
	})
	k.conn.Close()
	await(t, "the end", func() bool { d, _ := w.vitals.Device(t.Context(), k.id.Device); return !d.Connected })
}

// An idle kiosk costs one goroutine.
func TestIdleSessionsAreCheap(t *testing.T) {
	w := newWorld(t)
	const n = 40
	kiosks := make([]*kiosk, n)
	for at := range kiosks {
		kiosks[at] = w.kiosk()
	}
	before := runtime.NumGoroutine()
	for _, k := range kiosks {
		k.open()
	}
	time.Sleep(100 * time.Millisecond)
	if grew := runtime.NumGoroutine() - before; grew > n+5 {
		t.Errorf("%d idle kiosks cost %d goroutines", n, grew)
	}
}
