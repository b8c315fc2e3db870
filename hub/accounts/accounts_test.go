package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
)

const good = "con thuyen ra khoi som"

// world is a store with a clock of its own.
type world struct {
	*Accounts
	clock *time.Time
}

func (w world) pass(d time.Duration) { *w.clock = w.clock.Add(d) }

func open(t *testing.T, db *database.DB, password string) world {
	t.Helper()
	clock := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	a, err := Open(t.Context(), Config{DB: db, FirstPassword: password, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	return world{a, &clock}
}

// onEach runs the same test on SQLite and on a real PostgreSQL.
func onEach(t *testing.T, run func(t *testing.T, db *database.DB)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "hub.db")
			if engine == "postgres" {
				url = pgtest.URL(t)
			}
			db, err := database.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			run(t, db)
		})
	}
}

func lite(t *testing.T) world {
	t.Helper()
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := open(t, db, good)
	if _, made, err := w.First(t.Context()); err != nil || !made {
		t.Fatalf("First: %v %v", made, err)
	}
	return w
}

func TestFirstOnlyOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w := open(t, db, "")
		c, made, err := w.First(t.Context())
		if err != nil || !made || c.Name != "admin" || len(c.Password) != 20 {
			t.Fatalf("First = %+v %v %v, want admin and 20 characters", c, made, err)
		}
		if again, made, err := w.First(t.Context()); err != nil || made || again.Password != "" {
			t.Errorf("second First = %+v %v %v, want nothing", again, made, err)
		}
		account, err := w.Check(t.Context(), " Admin ", c.Password, "192.0.2.1")
		if err != nil || !account.Has(Admin) || !account.Has(Operator) {
			t.Errorf("Check = %+v %v, want an admin", account, err)
		}
	})
}

// Two hubs that start together on one database make one account.
func TestFirstByTwoHubs(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w := open(t, db, "")
		var wg sync.WaitGroup
		results := make(chan bool, 4)
		for range 4 {
			wg.Go(func() {
				_, made, err := w.First(t.Context())
				if err != nil {
					t.Error(err)
				}
				results <- made
			})
		}
		wg.Wait()
		close(results)
		made := 0
		for m := range results {
			if m {
				made++
			}
		}
		if made != 1 {
			t.Errorf("%d hubs made the first account, want 1", made)
		}
	})
}

func TestCheck(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w, ctx := open(t, db, good), t.Context()
		if _, _, err := w.First(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Create(ctx, "lan", "mot hai ba bon nam", []Role{Operator}, "admin"); err != nil {
			t.Fatal(err)
		}
		if err := w.Create(ctx, "lan", "mot hai ba bon nam", []Role{Operator}, "admin"); !errors.Is(err, ErrExists) {
			t.Errorf("second lan: %v, want ErrExists", err)
		}
		if err := w.Disable(ctx, "lan", "admin"); err != nil {
			t.Fatal(err)
		}
		var refused *Refused
		for _, c := range []struct{ name, password string }{
			{"admin", "wrong"}, {"nobody", good}, {"lan", "mot hai ba bon nam"}, {"", ""},
			{"admin", strings.Repeat("x", 10_000)}, {"' OR 1=1 --", "x"},
		} {
			if _, err := w.Check(ctx, c.name, c.password, "192.0.2.1"); !errors.As(err, &refused) {
				t.Errorf("Check(%q) = %v, want *Refused", c.name, err)
			}
			w.pass(time.Minute)
		}
		if err := w.Enable(ctx, "lan", "admin"); err != nil {
			t.Fatal(err)
		}
		account, err := w.Check(ctx, "lan", "mot hai ba bon nam", "192.0.2.1")
		if err != nil || account.Has(Admin) {
			t.Errorf("enabled lan: %+v %v, want an operator who is no admin", account, err)
		}
		if err := w.SetPassword(ctx, "lan", "nam bon ba hai mot", "admin"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Check(ctx, "lan", "mot hai ba bon nam", "192.0.2.1"); !errors.As(err, &refused) {
			t.Errorf("old password: %v, want *Refused", err)
		}
		if _, err := w.Check(ctx, "lan", "nam bon ba hai mot", "192.0.2.1"); err != nil {
			t.Errorf("new password: %v", err)
		}
		if err := w.SetPassword(ctx, "ghost", "nam bon ba hai mot", "admin"); !errors.Is(err, ErrUnknown) {
			t.Errorf("ghost: %v, want ErrUnknown", err)
		}
		if err := w.Disable(ctx, "admin", "admin"); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("last admin: %v, want ErrLastAdmin", err)
		}
	})
}

// Events say who and from where, and never hold what was typed as a password
// or as a name nobody has.
func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w, ctx := open(t, db, good), t.Context()
		if _, _, err := w.First(ctx); err != nil {
			t.Fatal(err)
		}
		w.Check(ctx, "admin", "secret one two three", "192.0.2.7")
		w.Check(ctx, "secret-in-the-name-field", "x", "192.0.2.7")
		w.Check(ctx, "admin", good, "192.0.2.7")
		if err := w.Record(ctx, Event{Kind: "device-revoked", By: "admin", Detail: strings.Repeat("ẵ", 900)}); err != nil {
			t.Fatal(err)
		}
		events, err := w.Events(ctx, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, e.Kind)
			if text := fmt.Sprintf("%+v", e); strings.Contains(text, "secret") || strings.Contains(text, good) {
				t.Errorf("event keeps what was typed: %s", text)
			}
			if !e.At.Equal(*w.clock) {
				t.Errorf("%s at %v, want %v", e.Kind, e.At, *w.clock)
			}
		}
		if got, want := strings.Join(kinds, " "), "device-revoked sign-in refused refused created"; got != want {
			t.Errorf("events %q, want %q", got, want)
		}
		if n := len([]rune(events[0].Detail)); n != maxDetail {
			t.Errorf("detail of %d runes, want %d", n, maxDetail)
		}
		older, err := w.Events(ctx, events[1].ID, 1)
		if err != nil || len(older) != 1 || older[0].ID != events[2].ID {
			t.Errorf("page before %d: %+v %v", events[1].ID, older, err)
		}
	})
}

// browser signs in over http and keeps cookies.
func browser(t *testing.T, w world) (*http.Client, *httptest.Server) {
	t.Helper()
	sessions := w.Sessions(false)
	mux := http.NewServeMux()
	mux.HandleFunc("/in", func(rw http.ResponseWriter, r *http.Request) {
		account, err := w.Get(r.Context(), r.FormValue("name"))
		if err == nil {
			err = sessions.SignIn(r.Context(), account)
		}
		if err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/out", func(rw http.ResponseWriter, r *http.Request) {
		if err := sessions.SignOut(r.Context(), "192.0.2.1"); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/who", func(rw http.ResponseWriter, r *http.Request) {
		account, ok, err := sessions.Current(r.Context())
		if err != nil {
			t.Error(err)
		}
		alive, err := sessions.Alive(r.Context())
		if err != nil || alive != ok {
			t.Errorf("Alive %v %v, Current %v", alive, err, ok)
		}
		fmt.Fprint(rw, account.Name)
	})
	server := httptest.NewServer(sessions.Handler(mux))
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar}, server
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 64)
	n, _ := res.Body.Read(b)
	return string(b[:n])
}

func TestSessionEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w := open(t, db, good)
		if _, _, err := w.First(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Create(t.Context(), "lan", "mot hai ba bon nam", []Role{Operator}, "admin"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			do   func(who func() string)
			want string
		}{
			{"in use", func(who func() string) { w.pass(29 * time.Minute) }, "lan"},
			{"idle", func(who func() string) { w.pass(30 * time.Minute) }, ""},
			{"after 12 h of use", func(who func() string) {
				for range 36 {
					w.pass(20 * time.Minute)
					who()
				}
			}, ""},
			{"nearly 12 h of use", func(who func() string) {
				for range 35 {
					w.pass(20 * time.Minute)
					who()
				}
			}, "lan"},
			{"disabled", func(func() string) { w.Disable(t.Context(), "lan", "admin") }, ""},
			{"enabled again, old session", func(func() string) {
				w.Disable(t.Context(), "lan", "admin")
				w.Enable(t.Context(), "lan", "admin")
			}, ""},
			{"new password", func(func() string) { w.SetPassword(t.Context(), "lan", "nam bon ba hai mot", "admin") }, ""},
		} {
			if err := w.Enable(t.Context(), "lan", "admin"); err != nil {
				t.Fatal(err)
			}
			client, server := browser(t, w)
			get(t, client, server.URL+"/in?name=lan")
			who := func() string { return get(t, client, server.URL+"/who") }
			if got := who(); got != "lan" {
				t.Fatalf("%s: signed in as %q", c.name, got)
			}
			c.do(who)
			if got := who(); got != c.want {
				t.Errorf("%s: session is %q's, want %q", c.name, got, c.want)
			}
		}
	})
}

// A token planted before sign-in is not the token after it, and the table
// holds neither.
func TestSessionFixation(t *testing.T) {
	w := lite(t)
	client, server := browser(t, w)
	get(t, client, server.URL+"/in?name=admin")
	token := func() string {
		r, _ := http.NewRequest("GET", server.URL, nil)
		for _, c := range client.Jar.Cookies(r.URL) {
			if c.Name == "nghe" {
				return c.Value
			}
		}
		return ""
	}
	first := token()
	get(t, client, server.URL+"/in?name=admin")
	second := token()
	if first == "" || first == second {
		t.Fatalf("token %q before and %q after sign-in, want two", first, second)
	}
	for _, planted := range []string{first, "planted"} {
		r, _ := http.NewRequest("GET", server.URL+"/who", nil)
		r.AddCookie(&http.Cookie{Name: "nghe", Value: planted})
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.ContentLength != 0 {
			t.Errorf("token %q is still let in", planted)
		}
		res.Body.Close()
	}
	rows, err := w.cfg.DB.Read().QueryContext(t.Context(), `SELECT token FROM operator_sessions`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var kept string
		rows.Scan(&kept)
		if n++; kept == second || len(kept) != 64 {
			t.Errorf("table keeps %q", kept)
		}
	}
	if n != 1 {
		t.Errorf("%d sessions, want 1: the old one ends at sign-in", n)
	}
	get(t, client, server.URL+"/out")
	if got := get(t, client, server.URL+"/who"); got != "" {
		t.Errorf("after sign-out: %q", got)
	}
}

func TestCookie(t *testing.T) {
	w := lite(t)
	for secure, want := range map[bool]string{false: "nghe", true: "__Host-nghe"} {
		s := w.Sessions(secure)
		rec := httptest.NewRecorder()
		s.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			account, _ := w.Get(r.Context(), "admin")
			s.SignIn(r.Context(), account)
		})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		c := rec.Result().Cookies()[0]
		if c.Name != want || c.Secure != secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" ||
			c.SameSite != http.SameSiteLaxMode || len(c.Value) < 43 {
			t.Errorf("secure %v: cookie %+v", secure, c)
		}
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	w, ctx := lite(t), t.Context()
	try := func(name, from string) *Refused {
		t.Helper()
		_, err := w.Check(ctx, name, "wrong", from)
		var r *Refused
		if !errors.As(err, &r) {
			t.Fatalf("Check(%s) = %v", name, err)
		}
		return r
	}
	if _, err := w.Check(ctx, "admin", good, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	for i := range accountBurst - 1 { // the sign-in above took one
		if r := try("admin", fmt.Sprintf("203.0.113.%d", i)); r.RetryAfter != 0 {
			t.Fatalf("try %d of many remotes is slowed already", i)
		}
	}
	if r := try("admin", "203.0.113.99"); r.RetryAfter <= 0 || r.RetryAfter > accountEvery {
		t.Errorf("one account from everywhere: wait %v, want up to %v", r.RetryAfter, accountEvery)
	}
	if _, err := w.Check(ctx, "admin", good, "192.0.2.1"); err != nil {
		t.Errorf("the operator at a known address is shut out by strangers: %v", err)
	}
	for i := range remoteBurst {
		if r := try(fmt.Sprintf("name%d", i), "2001:db8:1:2::1"); r.RetryAfter != 0 {
			t.Fatalf("try %d of many names is slowed already", i)
		}
	}
	if r := try("other", "2001:db8:1:2:ffff::9"); r.RetryAfter <= 0 {
		t.Error("one network with many names and many addresses is not slowed")
	}
	w.pass(time.Hour)
	if r := try("other", "2001:db8:1:2::1"); r.RetryAfter != 0 {
		t.Error("still slowed after an hour")
	}
}

func TestGuessingInAllIsSlowed(t *testing.T) {
	l, now := newLimits(), time.Unix(0, 0)
	slowed := 0
	for i := range 3 * globalBurst {
		if l.wait(now, fmt.Sprintf("n%d", i), fmt.Sprintf("10.0.%d.%d", i/200, i%200)) > 0 {
			slowed++
		}
	}
	if slowed != 2*globalBurst {
		t.Errorf("%d slowed, want %d", slowed, 2*globalBurst)
	}
}

func TestBucketsAreBounded(t *testing.T) {
	m, now := newLimits().remotes, time.Unix(0, 0)
	for i := range maxBuckets + 500 {
		take(bucket(m, fmt.Sprint(i), now, time.Second, 5), now)
	}
	if len(m) > maxBuckets+1 {
		t.Errorf("%d buckets, want %d and the common one", len(m), maxBuckets)
	}
	bucket(m, "late", now.Add(time.Hour), time.Second, 5)
	if len(m) > 2 {
		t.Errorf("%d buckets after an hour of quiet, want the full ones gone", len(m))
	}
}

// spent is the processor's time of this process: what others on the machine do
// does not count.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// A wrong name takes as long as a wrong password.
func TestUnknownNameCostsTheSame(t *testing.T) {
	w := lite(t)
	took := func(name string) time.Duration {
		w.pass(time.Minute)
		before := spent(t)
		w.Check(t.Context(), name, "wrong password here", "192.0.2.1")
		return spent(t) - before
	}
	known, unknown := time.Hour, time.Hour
	for range 4 {
		known, unknown = min(known, took("admin")), min(unknown, took("ghost"))
	}
	if known > 3*unknown || unknown > 3*known {
		t.Errorf("known name %v, unknown %v", known, unknown)
	}
}

func TestPasswords(t *testing.T) {
	for _, c := range []struct {
		password string
		good     bool
	}{
		{good, true}, {"hai mươi ba cây dừa", true}, {strings.Repeat("ab", 128), true},
		{"short", false}, {"123456789012345", false}, {"aaaaaaaaaaaaaaa", false},
		{"the lan boat one", false}, {"quangtien2026!!", false}, {strings.Repeat("ab", 129), false}, {"bad\xff utf8 text", false},
	} {
		if err := checkPassword("lan", c.password); (err == nil) != c.good {
			t.Errorf("%q: %v, want good %v", c.password, err, c.good)
		}
	}
}

func TestPHC(t *testing.T) {
	h := newHasher()
	phc, err := h.hash(t.Context(), good)
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash = %q %v", phc, err)
	}
	if ok, err := h.matches(t.Context(), phc, good); !ok || err != nil {
		t.Errorf("own hash: %v %v", ok, err)
	}
	if ok, _ := h.matches(t.Context(), phc, good+" "); ok {
		t.Error("another password matches")
	}
	// From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
	other := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := h.matches(t.Context(), other, "password"); !ok || err != nil {
		t.Errorf("reference vector: %v %v", ok, err)
	}
	for _, bad := range []string{"", "plain", "$argon2i$v=19$m=1,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"} {
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// A hash made at an older cost is renewed at the next sign-in.
func TestRehash(t *testing.T) {
	w := lite(t)
	old := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	err := w.cfg.DB.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), w.sql["set password"], old, 0, "admin")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.Check(t.Context(), "admin", "password", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	_, phc, err := w.find(t.Context(), "admin")
	if p, perr := parsePHC(phc); err != nil || perr != nil || !p.current() {
		t.Errorf("hash is still %q", phc)
	}
}

// At most two hashes run at once, and a browser that gives up stops waiting.
func TestHashersAreFew(t *testing.T) {
	h := newHasher()
	for range hashers {
		if err := h.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := h.hash(ctx, good); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("third hash: %v, want to wait until the deadline", err)
	}
}

func TestNamesAndRoles(t *testing.T) {
	w := lite(t)
	for _, name := range []string{"", "a", "Lan", "lan hoa", "lan\n", "-lan", strings.Repeat("a", 65)} {
		if err := w.Create(t.Context(), name, good, []Role{Operator}, "admin"); err == nil {
			t.Errorf("name %q is accepted", name)
		}
	}
	for _, roles := range [][]Role{nil, {"root"}} {
		if err := w.Create(t.Context(), "lan", good, roles, "admin"); err == nil {
			t.Errorf("roles %v are accepted", roles)
		}
	}
	all, err := w.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "admin" {
		t.Errorf("List = %+v %v", all, err)
	}
}
