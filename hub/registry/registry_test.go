package registry

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/shared/feedback"
	"nghe/shared/ident"
)

// clock is a hub's clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// ward is one hub's registry with everything around it.
type ward struct {
	*Registry
	db        *database.DB
	authority *ident.Authority
	clock     *clock
}

// onBoth runs a test on an empty store of either engine.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

func conformance(t *testing.T, test func(t *testing.T, w ward)) {
	onBoth(t, func(t *testing.T, url string) { test(t, open(t, url)) })
}

func open(t *testing.T, url string) ward {
	t.Helper()
	db, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := ward{db: db, clock: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}}
	if w.authority, err = ident.OpenAuthority(t.TempDir(), w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.Registry = w.reopen(t)
	if err := w.Seed(t.Context(), feedback.Seed()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w ward) config() Config {
	return Config{DB: w.db, Authority: w.authority, Hub: []string{"https://hub.example:8443"}, CasesKey: casesKey, Now: w.clock.Now}
}

func (w ward) reopen(t *testing.T) *Registry {
	t.Helper()
	r, err := Open(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w ward) kit(t *testing.T, place string) ident.Kit {
	t.Helper()
	k, err := w.Ticket(t.Context(), place, "lan", 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ident.OpenKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func request(t *testing.T, k ident.Kit, key crypto.Signer, nonce byte) ident.EnrolRequest {
	t.Helper()
	q, err := k.Request(key, "2026-11-23-abc", bytes.Repeat([]byte{nonce}, ident.NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (w ward) enrol(t *testing.T, k ident.Kit, key crypto.Signer) ident.Identity {
	t.Helper()
	q := request(t, k, key, 1)
	answer, err := w.Enrol(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	id, err := k.Accept(q, answer)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wantRefused(t *testing.T, what string, err error, code Code) {
	t.Helper()
	refused := (*Refused)(nil)
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	number := fmt.Sprintf("(E%d)", code)
	if !strings.HasSuffix(refused.Error(), number) || !strings.HasSuffix(refused.Vietnamese(), number) || !strings.Contains(refused.Say, ";") {
		t.Errorf("%s: %q, %q: no number, or nothing to do", what, refused, refused.Vietnamese())
	}
}

func (w ward) kinds(t *testing.T) (kinds []string) {
	t.Helper()
	events, err := w.Events(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(events) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestSeedTwiceAndKeepWhatTheWardChanged(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		before, err := w.Places(t.Context())
		if err != nil || len(before) != len(feedback.Seed().Places) {
			t.Fatalf("Places = %d, %v", len(before), err)
		}
		for _, p := range before {
			if !strings.HasPrefix(p.Ward, "Phường") {
				t.Errorf("place %s is in ward %q", p.ID, p.Ward)
			}
		}
		other := feedback.Seed()
		other.Places[0].Name = "another name"
		if err := w.Seed(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if after, err := w.Places(t.Context()); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("Places after a second seed = %+v, %v", after, err)
		}
		units, err := w.Units(t.Context())
		if err != nil || len(units) != len(feedback.Seed().Units) {
			t.Fatalf("Units = %d, %v", len(units), err)
		}
		for _, want := range feedback.Seed().Units {
			i := slices.IndexFunc(units, func(u feedback.Unit) bool { return u.ID == want.ID })
			if i < 0 || !slices.Equal(units[i].Aliases, want.Aliases) || units[i].Kind != want.Kind || units[i].From != want.From || units[i].Sample != want.Sample {
				t.Errorf("unit %+v came back otherwise", want)
			}
		}
	})
}

// casesKey has the shape of an age recipient.
const casesKey = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"

func TestEnrolment(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k, key := w.kit(t, "qt-07"), newKey(t)
		id := w.enrol(t, k, key)
		if id.CasesKey != casesKey || id.Place != k.Place || id.Place.ID != "qt-07" || id.Place.Ward == "" || !id.CustodyKey.Equal(w.authority.CustodyKey()) {
			t.Errorf("identity %+v", id)
		}
		d, err := w.Device(t.Context(), id.Device)
		if err != nil || d.State != Active || !d.Welcome() || d.Place != "qt-07" || !d.EnrolledAt.Equal(w.clock.Now()) || d.Ticket != k.Ticket || d.Serial == "" {
			t.Errorf("Device = %+v, %v", d, err)
		}
		all, err := w.Devices(t.Context())
		if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], d) {
			t.Errorf("Devices = %+v, %v", all, err)
		}
		if _, err := w.Device(t.Context(), "nobody"); !errors.Is(err, ErrNoDevice) {
			t.Errorf("Device(nobody) = %v", err)
		}
		if got := w.kinds(t); !slices.Equal(got, []string{"kit-made", "enrolled"}) {
			t.Errorf("events %q", got)
		}
	})
}

// The hub may lose any answer, restart, or run past the kit's expiry: the same
// key gets the same answer, and the ward has one device.
func TestLostAnswerIsGivenAgain(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k, key := w.kit(t, "qt-01"), newKey(t)
		q := request(t, k, key, 1)
		first, err := w.Enrol(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Add(100 * time.Hour)
		again, err := w.reopen(t).Enrol(t.Context(), q)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("the same request: %+v, %v, want the identical answer", again, err)
		}
		fresh := request(t, k, key, 2) // the kiosk restarted and made a new nonce
		other, err := w.Enrol(t.Context(), fresh)
		if err != nil || !reflect.DeepEqual(other.Identity, first.Identity) {
			t.Errorf("a new request of the same key: %+v, %v, want the same identity", other, err)
		}
		if _, err := k.Accept(fresh, other); err != nil {
			t.Error(err)
		}
		if all, _ := w.Devices(t.Context()); len(all) != 1 {
			t.Errorf("%d devices", len(all))
		}
	})
}

func TestRefusals(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		other := open(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
		used, expired, wrong := w.kit(t, "qt-01"), w.kit(t, "qt-02"), w.kit(t, "qt-03")
		first, second := newKey(t), newKey(t)
		id := w.enrol(t, used, first)
		wrong.Secret = strings.Repeat("a", 32)

		_, err := w.Enrol(t.Context(), request(t, used, second, 1))
		wantRefused(t, "second key", err, CodeUsed)
		if !strings.Contains(err.Error(), id.Device) {
			t.Errorf("%q does not name the device that used the kit", err)
		}
		_, err = w.Enrol(t.Context(), request(t, wrong, second, 1))
		wantRefused(t, "wrong secret", err, CodeAltered)
		_, err = w.Enrol(t.Context(), request(t, other.kit(t, "qt-01"), second, 1))
		wantRefused(t, "kit of another hub", err, CodeForeign)
		unknown := other.kit(t, "qt-01")
		unknown.Pin = w.authority.Pin()
		_, err = w.Enrol(t.Context(), request(t, unknown, second, 1))
		wantRefused(t, "kit the hub never made", err, CodeUnknown)
		forged := request(t, expired, second, 1)
		forged.Signature[0] ^= 1
		_, err = w.Enrol(t.Context(), forged)
		wantRefused(t, "key not held", err, CodeMalformed)
		forged.Nonce = nil
		_, err = w.Enrol(t.Context(), forged)
		wantRefused(t, "no nonce", err, CodeMalformed)
		w.clock.Add(DefaultTTL)
		_, err = w.Enrol(t.Context(), request(t, expired, second, 1))
		wantRefused(t, "expired kit", err, CodeExpired)

		if all, _ := w.Devices(t.Context()); len(all) != 1 {
			t.Errorf("%d devices, want only the first", len(all))
		}
	})
}

func TestSecondKeyIsNotedOnce(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k, thief := w.kit(t, "qt-01"), newKey(t)
		w.enrol(t, k, newKey(t))
		for n := range 3 {
			_, err := w.Enrol(t.Context(), request(t, k, thief, byte(n)))
			wantRefused(t, "thief", err, CodeUsed)
		}
		if got := w.kinds(t); !slices.Equal(got, []string{"kit-made", "enrolled", "refused-kit-used"}) {
			t.Errorf("events %q", got)
		}
		events, _ := w.Events(t.Context(), 0, 1)
		if e := events[0]; e.Device != ident.DeviceID(thief.Public()) || e.Place != "qt-01" || e.Ticket != k.Ticket {
			t.Errorf("event %+v", e)
		}
		if older, err := w.Events(t.Context(), events[0].ID, 1); err != nil || older[0].Kind != "enrolled" {
			t.Errorf("the page before: %+v, %v", older, err)
		}
	})
}

// Many machines with a copy of one kit, at the same moment: one is admitted.
func TestRaceForOneKit(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k := w.kit(t, "qt-01")
		var wg sync.WaitGroup
		results := make([]error, 12)
		for n := range results {
			q := request(t, k, newKey(t), byte(n))
			wg.Go(func() { _, results[n] = w.Enrol(context.Background(), q) })
		}
		wg.Wait()
		admitted := 0
		for _, err := range results {
			if err == nil {
				admitted++
				continue
			}
			wantRefused(t, "late", err, CodeUsed)
		}
		if all, _ := w.Devices(t.Context()); admitted != 1 || len(all) != 1 {
			t.Errorf("%d admitted, %d devices, want 1", admitted, len(all))
		}
	})
}

func TestRevoke(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k, key := w.kit(t, "qt-01"), newKey(t)
		id := w.enrol(t, k, key)
		var told []string
		w.OnRevoke(func(device string) {
			d, err := w.Device(context.Background(), device)
			if err != nil || d.Welcome() {
				t.Errorf("told before the commit: %+v, %v", d, err)
			}
			told = append(told, device)
		})
		if err := w.Revoke(t.Context(), "nobody", "lost", "lan"); !errors.Is(err, ErrNoDevice) || told != nil {
			t.Errorf("Revoke(nobody) = %v, told %q", err, told)
		}
		for range 2 {
			if err := w.Revoke(t.Context(), id.Device, "stolen", "lan"); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Supersede(t.Context(), id.Device, "replaced", "lan"); err != nil {
			t.Fatal(err)
		}
		d, _ := w.Device(t.Context(), id.Device)
		if d.State != Revoked || d.Reason != "stolen" || d.EndedBy != "lan" || !d.EndedAt.Equal(w.clock.Now()) || !slices.Equal(told, []string{id.Device, id.Device}) {
			t.Errorf("Device = %+v, told %q", d, told)
		}
		_, err := w.Enrol(t.Context(), request(t, k, key, 1))
		wantRefused(t, "same kit again", err, CodeRevoked)
		_, err = w.Enrol(t.Context(), request(t, w.kit(t, "qt-01"), key, 1))
		wantRefused(t, "new kit, same key", err, CodeRevoked)
		if got := w.kinds(t); !slices.Equal(got, []string{"kit-made", "enrolled", "revoked", "refused-key-revoked", "kit-made", "refused-key-revoked"}) {
			t.Errorf("events %q", got)
		}
	})
}

func TestReplacementEndsTheOldOnlyWhenAsked(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		oldKey := newKey(t)
		old, new := w.enrol(t, w.kit(t, "qt-01"), oldKey), w.enrol(t, w.kit(t, "qt-01"), newKey(t))
		for _, id := range []string{old.Device, new.Device} {
			if d, err := w.Device(t.Context(), id); err != nil || d.State != Active {
				t.Errorf("two devices in one place: %+v, %v", d, err)
			}
		}
		if err := w.Supersede(t.Context(), old.Device, "replaced", "lan"); err != nil {
			t.Fatal(err)
		}
		if d, _ := w.Device(t.Context(), old.Device); d.State != Superseded || !d.Welcome() {
			t.Errorf("superseded: %+v", d)
		}
		moved := w.enrol(t, w.kit(t, "qt-05"), oldKey)
		if d, _ := w.Device(t.Context(), moved.Device); d.State != Active || d.Place != "qt-05" || d.Reason != "" || moved.Device != old.Device {
			t.Errorf("the old machine with a new kit: %+v", d)
		}
	})
}

func TestTicketBounds(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		for _, ttl := range []time.Duration{-1, time.Second, MaxTTL + 1} {
			if _, err := w.Ticket(t.Context(), "qt-01", "lan", ttl); !errors.Is(err, ErrTTL) {
				t.Errorf("ttl %s: %v", ttl, err)
			}
		}
		if _, err := w.Ticket(t.Context(), "qt-99", "lan", 0); !errors.As(err, new(*NoPlace)) {
			t.Errorf("unknown place: %v", err)
		}
		for range MaxOpen {
			w.kit(t, "qt-01")
		}
		if _, err := w.Ticket(t.Context(), "qt-01", "lan", 0); !errors.Is(err, ErrTooMany) {
			t.Errorf("one kit too many: %v", err)
		}
		w.clock.Add(DefaultTTL)
		if k := w.kit(t, "qt-01"); !k.Expires.Equal(w.clock.Now().Add(DefaultTTL)) {
			t.Errorf("kit expires %s", k.Expires)
		}
		noAddress := w.config()
		noAddress.Hub = nil
		r, err := Open(t.Context(), noAddress)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Ticket(t.Context(), "qt-02", "lan", 0); !errors.Is(err, ErrNoAddress) {
			t.Errorf("a hub without an address: %v", err)
		}
	})
}

func TestAnotherAuthorityIsRefused(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		cfg := w.config()
		var err error
		if cfg.Authority, err = ident.OpenAuthority(t.TempDir(), w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "put the folder authority") {
			t.Errorf("Open with another authority = %v", err)
		}
	})
}

func TestLookingNeedsNoAuthority(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		k, key := w.kit(t, "qt-01"), newKey(t)
		w.enrol(t, k, key)
		cfg := w.config()
		cfg.Authority = nil
		r, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := r.Devices(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("Devices = %+v, %v", all, err)
		}
		if _, err := r.Ticket(t.Context(), "qt-01", "lan", 0); !errors.Is(err, ErrNoAuthority) {
			t.Errorf("Ticket = %v", err)
		}
		if _, err := r.Enrol(t.Context(), request(t, k, key, 1)); !errors.Is(err, ErrNoAuthority) {
			t.Errorf("Enrol = %v", err)
		}
	})
}

func TestFindPlace(t *testing.T) {
	w := open(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	unit := feedback.Seed().Places[0].Unit
	err := w.Seed(t.Context(), feedback.SeedSet{Places: []feedback.Place{
		{ID: "x-1", Name: "Nhà văn hóa Đồng Tâm", Unit: unit}, {ID: "x-2", Name: "Nhà văn hóa Đồng Tấm", Unit: unit},
		{ID: "x-3", Name: "Trạm Y Tế Ượng", Unit: unit}, {ID: "x-4", Name: "Trùng", Unit: unit}, {ID: "x-5", Name: "Trùng", Unit: unit},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		asked, id string
		several   bool
		near      string // first of the near ones
	}{
		{asked: "qt-07", id: "qt-07"},
		{asked: "Nhà văn hóa Đồng Tâm", id: "x-1"},
		{asked: "tram y te uong", id: "x-3"},
		{asked: " TRẠM  Y TẾ ƯỢNG ", id: "x-3"},
		{asked: "Tra\u0323m Y Te\u0302\u0301 U\u031bo\u031b\u0323ng", id: "x-3"}, // letters and marks apart, as macOS types them
		{asked: "nha van hoa dong tam", several: true, near: "x-1"},
		{asked: "Trùng", several: true, near: "x-4"},
		{asked: "tram y te uang", near: "x-3"},
		{asked: "y tế", near: "x-3"},
		{asked: "x-33", near: "x-3"},
	} {
		p, err := w.Place(t.Context(), c.asked)
		if c.id != "" {
			if err != nil || p.ID != c.id {
				t.Errorf("Place(%q) = %q, %v, want %s", c.asked, p.ID, err, c.id)
			}
			continue
		}
		missing := (*NoPlace)(nil)
		if !errors.As(err, &missing) || missing.Several != c.several || missing.Near[0].ID != c.near || !strings.Contains(err.Error(), c.near) {
			t.Errorf("Place(%q) = %v, want near %s, several %v", c.asked, err, c.near, c.several)
		}
	}
	if _, err := w.Place(t.Context(), ""); !errors.As(err, new(*NoPlace)) {
		t.Errorf("Place of nothing = %v", err)
	}
}
