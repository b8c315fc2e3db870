package registry

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nghe/hub/database"
	"nghe/shared/ident"
)

// Config says where the registry keeps and whom it speaks for.
type Config struct {
	DB *database.DB
	// Authority admits devices; nil in programs that only look.
	Authority *ident.Authority
	// Hub is where kiosks reach this hub, https://host:port, best first. It
	// goes into kits and identities; without it no kit can be made.
	Hub []string
	// CasesKey is the age recipient that messages to this hub are sealed to; it
	// goes into identities.
	CasesKey string
	Now      func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: slog.Default
}

// Registry is the open store. Its methods may be called from anywhere.
type Registry struct {
	cfg Config
	sql map[string]string

	mu       sync.Mutex // guards onRevoke
	onRevoke []func(deviceID string)
}

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var commonQueries string

//go:embed queries_postgres.sql
var postgresQueries string

// Open brings the tables up to date and refuses an authority that the devices
// in them do not trust.
func Open(ctx context.Context, cfg Config) (*Registry, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	r := &Registry{cfg: cfg, sql: cfg.DB.Queries(commonQueries, "", postgresQueries)}
	if err := cfg.DB.Migrate(ctx, "registry_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	if err := r.sameAuthority(ctx); err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	return r, nil
}

func (r *Registry) sameAuthority(ctx context.Context) error {
	if r.cfg.Authority == nil {
		return nil
	}
	pin := r.cfg.Authority.Pin()
	if _, err := r.cfg.DB.Exec(ctx, "note authority", r.sql["note authority"], pin, r.now()); err != nil {
		return err
	}
	kept, err := r.Trusted(ctx)
	if err == nil && kept != pin {
		err = fmt.Errorf("%w %s, and the keys in this data folder are of %s: %s", ErrOtherHub, kept, pin, putKeysBack)
	}
	return err
}

// ErrOtherHub says that a database was made by a hub with other keys.
var ErrOtherHub = errors.New("the devices in this database trust the hub")

const putKeysBack = "put the folder authority and the file recovery.pub of the hub that made the database into this data folder; where they are lost, hub restore has them"

// Trusted is the pin of the authority that the devices trust; empty when no hub
// has served from this database yet.
func (r *Registry) Trusted(ctx context.Context) (pin string, err error) {
	err = r.cfg.DB.Read().QueryRowContext(ctx, r.sql["authority"]).Scan(&pin)
	if none(err) {
		return "", nil
	}
	return pin, err
}

// MayMakeKeys refuses new keys for a database whose devices trust others: not
// one of them would find its way back.
func (r *Registry) MayMakeKeys(ctx context.Context) error {
	pin, err := r.Trusted(ctx)
	if err == nil && pin != "" {
		err = fmt.Errorf("%w %s, and there are no keys in this data folder: %s", ErrOtherHub, pin, putKeysBack)
	}
	return err
}

func (r *Registry) now() int64 { return r.cfg.Now().UnixMicro() }

func none(err error) bool { return errors.Is(err, sql.ErrNoRows) }
