package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// A session ends after idleLimit without a request and after absoluteLimit in
// any case. How recently it was seen is written at most once per touchEvery.
const (
	idleLimit     = 30 * time.Minute
	absoluteLimit = 12 * time.Hour
	touchEvery    = time.Minute
)

const operatorKey = "operator"

// Sessions ties browsers to operators by a cookie.
type Sessions struct {
	accounts *Accounts
	manager  *scs.SessionManager
}

// Sessions makes the session layer. secure is false only where the console
// listens without TLS on loopback; otherwise the cookie is "__Host-nghe" and
// never leaves TLS.
func (a *Accounts) Sessions(secure bool) *Sessions {
	m := scs.New()
	m.Lifetime = absoluteLimit
	m.IdleTimeout = 0 // kept by the store: scs would write a session back that was just ended
	m.Store = store{a}
	m.Cookie = scs.SessionCookie{Name: "nghe", HttpOnly: true, Path: "/", SameSite: http.SameSiteLaxMode}
	if secure {
		m.Cookie.Name, m.Cookie.Secure = "__Host-nghe", true
	}
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		a.cfg.Logger.Error("session store failed", "err", err)
		http.Error(w, "the hub's database does not answer; try again in a minute", http.StatusServiceUnavailable)
	}
	return &Sessions{accounts: a, manager: m}
}

// Handler loads the session of each request for next.
func (s *Sessions) Handler(next http.Handler) http.Handler { return s.manager.LoadAndSave(next) }

// SignIn makes the request's session account's. The token is a new one: a
// token planted in the browser before sign-in is worth nothing after.
func (s *Sessions) SignIn(ctx context.Context, account Account) error {
	if err := s.accounts.forget(ctx); err != nil {
		return err
	}
	if err := s.manager.Clear(ctx); err != nil {
		return fmt.Errorf("clear session: %w", err)
	}
	if err := s.manager.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session token: %w", err)
	}
	s.manager.Put(ctx, operatorKey, account.Name)
	return nil
}

// SignOut ends the request's session.
func (s *Sessions) SignOut(ctx context.Context, remote string) error {
	name := s.manager.GetString(ctx, operatorKey)
	if err := s.manager.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if name == "" {
		return nil
	}
	return s.accounts.Record(ctx, Event{Kind: "sign-out", Operator: name, By: name, Remote: remote})
}

// Current is the operator of the request, read afresh so that a changed role
// counts at once; false for nobody.
func (s *Sessions) Current(ctx context.Context) (Account, bool, error) {
	name := s.manager.GetString(ctx, operatorKey)
	if name == "" {
		return Account{}, false, nil
	}
	account, err := s.accounts.Get(ctx, name)
	if errors.Is(err, ErrUnknown) || err == nil && !account.Disabled.IsZero() {
		return Account{}, false, nil
	}
	return account, err == nil, err
}

// Alive says whether the request's session would still be let in. It does not
// count as activity: a page left open must not keep its session for ever.
func (s *Sessions) Alive(ctx context.Context) (bool, error) {
	_, ok, err := s.accounts.session(ctx, s.manager.Token(ctx))
	return ok, err
}

type session struct {
	data []byte
	seen int64
}

// session finds one that has not ended, of an operator who is not disabled.
func (a *Accounts) session(ctx context.Context, token string) (session, bool, error) {
	var s session
	var begun int64
	err := a.cfg.DB.Read().QueryRowContext(ctx, a.sql["find session"], hashed(token)).Scan(&s.data, &begun, &s.seen)
	if errors.Is(err, sql.ErrNoRows) {
		return session{}, false, nil
	}
	if err != nil {
		return session{}, false, fmt.Errorf("find session: %w", err)
	}
	now := a.now()
	ended := now-begun >= absoluteLimit.Microseconds() || now-s.seen >= idleLimit.Microseconds()
	return s, !ended, nil
}

// forget removes sessions that have ended.
func (a *Accounts) forget(ctx context.Context) error {
	now := a.now()
	_, err := a.cfg.DB.Exec(ctx, "forget ended sessions", a.sql["delete ended sessions"],
		now-idleLimit.Microseconds(), now-absoluteLimit.Microseconds())
	return err
}

func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// store keeps sessions for scs. It judges time by its own clock and not by the
// expiry scs gives.
type store struct{ a *Accounts }

var _ scs.CtxStore = store{}

// FindCtx also moves seen_us. An update of a session that was ended meanwhile
// touches nothing, so a request on its way cannot bring it back.
func (s store) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	found, ok, err := s.a.session(ctx, token)
	if err != nil || !ok {
		return nil, false, err
	}
	if now := s.a.now(); now-found.seen >= touchEvery.Microseconds() {
		if err := s.exec(ctx, "touch session", now, hashed(token)); err != nil {
			return nil, false, err
		}
	}
	return found.data, true, nil
}

func (s store) CommitCtx(ctx context.Context, token string, b []byte, _ time.Time) error {
	_, values, err := scs.GobCodec{}.Decode(b)
	if err != nil {
		return fmt.Errorf("decode session: %w", err)
	}
	operator, ok := values[operatorKey].(string)
	if !ok {
		return nil // nobody signed in: nothing to keep
	}
	now := s.a.now()
	return s.exec(ctx, "commit session", hashed(token), operator, b, now, now)
}

func (s store) DeleteCtx(ctx context.Context, token string) error {
	return s.exec(ctx, "delete session", hashed(token))
}

func (s store) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.a.cfg.DB.Exec(ctx, query, s.a.sql[query], args...)
	return err
}

func (s store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}
func (s store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
func (s store) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}
