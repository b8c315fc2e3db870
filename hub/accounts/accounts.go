package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"nghe/hub/database"
)

// Role is what an operator may do.
type Role string

const (
	Admin    Role = "admin"    // revokes devices, manages operators
	Operator Role = "operator" // sees everything the console shows, and nothing that residents said
	Reader   Role = "reader"   // opens messages as well: it is their work
)

// Account is one operator.
type Account struct {
	Name     string
	Roles    []Role
	Created  time.Time
	Changed  time.Time // password last set
	Disabled time.Time // zero while the operator may sign in
}

// Has says whether the account may do what role may. Admins and readers may
// see what operators see; an admin is no reader for that.
func (a Account) Has(role Role) bool {
	return slices.Contains(a.Roles, role) || role == Operator && (slices.Contains(a.Roles, Admin) || slices.Contains(a.Roles, Reader))
}

// Created is an account just made; Password is nowhere else in clear.
type Created struct{ Name, Password string }

var (
	// ErrExists: there is an account of this name.
	ErrExists = errors.New("an account of this name exists; choose another name")
	// ErrUnknown: there is no account of this name.
	ErrUnknown = errors.New("no account of this name")
	// ErrLastAdmin: without it nobody could let anybody in again.
	ErrLastAdmin = errors.New("this is the last active admin; make another admin first")
)

// Refused is a sign-in that did not succeed. It does not say whether the name
// or the password was wrong.
type Refused struct {
	RetryAfter time.Duration // when above 0, the try was not even looked at
}

func (e *Refused) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("too many tries; wait %s", e.RetryAfter.Round(time.Second))
	}
	return "name or password is wrong"
}

// Config says where accounts are kept.
type Config struct {
	DB *database.DB
	// FirstName and FirstPassword are for the account First makes; "admin"
	// and a random password when empty.
	FirstName, FirstPassword string
	Now                      func() time.Time // nil: time.Now
	Logger                   *slog.Logger     // nil: slog.Default
}

// Accounts is the open store.
type Accounts struct {
	cfg    Config
	sql    map[string]string
	hash   hasher
	limits *limits
	decoy  string // hash of nothing anyone knows, checked where there is no account
}

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queries string

// Open migrates the tables and forgets sessions that have ended.
func Open(ctx context.Context, cfg Config) (*Accounts, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if err := cfg.DB.Migrate(ctx, "accounts_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open accounts: %w", err)
	}
	a := &Accounts{cfg: cfg, sql: cfg.DB.Queries(queries, "", ""), hash: newHasher(), limits: newLimits()}
	var err error
	if a.decoy, err = a.hash.hash(ctx, rand.Text()); err != nil {
		return nil, fmt.Errorf("open accounts: %w", err)
	}
	return a, a.forget(ctx)
}

func (a *Accounts) now() int64 { return a.cfg.Now().UnixMicro() }

// First makes the first account, an admin, when there is none yet; else it
// returns false and changes nothing.
func (a *Accounts) First(ctx context.Context) (Created, bool, error) {
	var n int
	if err := a.cfg.DB.Read().QueryRowContext(ctx, a.sql["count"]).Scan(&n); err != nil {
		return Created{}, false, fmt.Errorf("count operators: %w", err)
	}
	if n > 0 {
		return Created{}, false, nil
	}
	c := Created{Name: a.cfg.FirstName, Password: a.cfg.FirstPassword}
	if c.Name == "" {
		c.Name = "admin"
	}
	if c.Password == "" {
		c.Password = strings.ToLower(rand.Text()[:20]) // 100 bits
	}
	made, err := a.put(ctx, "first", c.Name, c.Password, []Role{Admin, Operator}, "", "first account")
	if err != nil || !made {
		return Created{}, false, err
	}
	return c, true, nil
}

// Create makes an account on behalf of by.
func (a *Accounts) Create(ctx context.Context, name, password string, roles []Role, by string) error {
	made, err := a.put(ctx, "create", name, password, roles, by, "")
	if err == nil && !made {
		err = ErrExists
	}
	return err
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

func (a *Accounts) put(ctx context.Context, query, name, password string, roles []Role, by, detail string) (bool, error) {
	if !nameForm.MatchString(name) {
		return false, fmt.Errorf("create operator: name %q: use 2…64 of a–z, 0–9, dot, dash, underscore", name)
	}
	if err := checkPassword(name, password); err != nil {
		return false, err
	}
	words, err := joinRoles(roles)
	if err != nil {
		return false, err
	}
	phc, err := a.hash.hash(ctx, password)
	if err != nil {
		return false, fmt.Errorf("create operator: %w", err)
	}
	made := false
	err = a.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(ctx, a.sql[query], name, phc, words, a.now(), a.now())
		if made = n == 1; err != nil || !made {
			return err
		}
		return a.event(ctx, tx, Event{Kind: "created", Operator: name, By: by, Detail: detail})
	})
	if err != nil {
		return false, fmt.Errorf("create operator: %w", err)
	}
	return made, nil
}

func joinRoles(roles []Role) (string, error) {
	var words []string
	for _, r := range roles {
		if r != Admin && r != Operator && r != Reader {
			return "", fmt.Errorf("create operator: role %q: use admin, operator or reader", r)
		}
		words = append(words, string(r))
	}
	if len(words) == 0 {
		return "", errors.New("create operator: give at least one role, admin, operator or reader")
	}
	return strings.Join(words, " "), nil
}

func scan(r database.Row) (Account, string, error) {
	var a Account
	var phc, roles string
	var created, changed, disabled int64
	if err := r.Scan(&a.Name, &phc, &roles, &created, &changed, &disabled); err != nil {
		return Account{}, "", err
	}
	for _, w := range strings.Fields(roles) {
		a.Roles = append(a.Roles, Role(w))
	}
	a.Created, a.Changed = time.UnixMicro(created), time.UnixMicro(changed)
	if disabled != 0 {
		a.Disabled = time.UnixMicro(disabled)
	}
	return a, phc, nil
}

// Get finds an account by name; ErrUnknown when there is none.
func (a *Accounts) Get(ctx context.Context, name string) (Account, error) {
	account, _, err := scan(a.cfg.DB.Read().QueryRowContext(ctx, a.sql["get"], name))
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, ErrUnknown
	}
	if err != nil {
		return Account{}, fmt.Errorf("get operator: %w", err)
	}
	return account, nil
}

// List is every account by name.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	return database.Collect(ctx, a.cfg.DB.Read(), "list operators", a.sql["list"], func(row database.Row) (Account, error) {
		account, _, err := scan(row)
		return account, err
	})
}

// SetPassword replaces a password and ends every session of the account.
func (a *Accounts) SetPassword(ctx context.Context, name, password, by string) error {
	if err := checkPassword(name, password); err != nil {
		return err
	}
	phc, err := a.hash.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return a.change(ctx, name, Event{Kind: "password-set", Operator: name, By: by}, "set password", phc, a.now(), name)
}

// SetReader gives an account the right to open messages, or takes it, and ends
// its sessions; what is so already stays.
func (a *Accounts) SetReader(ctx context.Context, name string, on bool, by string) error {
	account, err := a.Get(ctx, name)
	if err != nil || account.Has(Reader) == on {
		return err
	}
	e, roles := Event{Kind: "reader-given", Operator: name, By: by}, append(account.Roles, Reader)
	if !on {
		e.Kind, roles = "reader-taken", slices.DeleteFunc(account.Roles, func(r Role) bool { return r == Reader })
	}
	if len(roles) == 0 {
		roles = []Role{Operator} // which a reader is, too
	}
	words, err := joinRoles(roles)
	if err != nil {
		return err
	}
	return a.change(ctx, name, e, "set roles", words, name)
}

// Disable stops an account at once: no sign-in, no session.
func (a *Accounts) Disable(ctx context.Context, name, by string) error {
	return a.change(ctx, name, Event{Kind: "disabled", Operator: name, By: by}, "set disabled", a.now(), name)
}

// Enable lets a disabled account sign in again.
func (a *Accounts) Enable(ctx context.Context, name, by string) error {
	return a.change(ctx, name, Event{Kind: "enabled", Operator: name, By: by}, "set disabled", nil, name)
}

// change runs one update of one account, ends its sessions and keeps an event,
// all or nothing. It refuses to leave the hub without an active admin.
func (a *Accounts) change(ctx context.Context, name string, e Event, query string, args ...any) error {
	err := a.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		if n, err := tx.Exec(ctx, a.sql[query], args...); err != nil || n == 0 {
			return errors.Join(err, ErrUnknown)
		}
		var admins int
		if err := tx.QueryRowContext(ctx, a.sql["active admins"]).Scan(&admins); err != nil {
			return err
		}
		if admins == 0 {
			return ErrLastAdmin
		}
		if _, err := tx.Exec(ctx, a.sql["delete sessions of"], name); err != nil {
			return err
		}
		return a.event(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("change operator %s: %w", name, err)
	}
	return nil
}
