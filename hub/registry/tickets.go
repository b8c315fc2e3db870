package registry

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"nghe/hub/database"
	"nghe/shared/ident"
)

// Bounds of a kit's life, and of how many may be open for one place: each open
// kit is a door.
const (
	DefaultTTL = 72 * time.Hour
	MinTTL     = time.Minute
	MaxTTL     = 30 * 24 * time.Hour
	MaxOpen    = 20
)

// ErrTTL is a life of a kit outside its bounds.
var ErrTTL = errors.New("a kit lives between 1 minute and 30 days")

// ErrTooMany says that a place has MaxOpen unused kits.
var ErrTooMany = fmt.Errorf("%d kits for this place are unused; use one, or wait until they expire", MaxOpen)

// ErrNoAuthority says that Config.Authority is nil.
var ErrNoAuthority = errors.New("this program was opened to look only; kits and enrolments are for \"hub serve\"")

// ErrNoAddress says that Config.Hub is empty.
var ErrNoAddress = errors.New("the hub does not know under which address kiosks reach it; start it with that address")

type ticket struct {
	key           [32]byte
	place         string
	expires, used int64
	device        string
}

// Ticket makes a kit for a place on behalf of an operator. ttl 0 means
// DefaultTTL. The secret is in the returned kit and nowhere else.
func (r *Registry) Ticket(ctx context.Context, placeID, by string, ttl time.Duration) (ident.Kit, error) {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	if ttl < MinTTL || ttl > MaxTTL {
		return ident.Kit{}, fmt.Errorf("make kit: %w", ErrTTL)
	}
	if r.cfg.Authority == nil {
		return ident.Kit{}, fmt.Errorf("make kit: %w", ErrNoAuthority)
	}
	place, err := r.placeByID(ctx, r.cfg.DB.Read(), placeID)
	if err != nil {
		return ident.Kit{}, fmt.Errorf("make kit: %w", err)
	}
	kit, err := r.fresh(place, ttl)
	if err == nil {
		err = r.cfg.DB.Write(ctx, func(tx *database.Tx) error { return r.addTicket(ctx, tx, kit, by) })
	}
	if err != nil {
		return ident.Kit{}, fmt.Errorf("make kit: %w", err)
	}
	return kit, nil
}

func (r *Registry) fresh(place Place, ttl time.Duration) (ident.Kit, error) {
	if len(r.cfg.Hub) == 0 {
		return ident.Kit{}, ErrNoAddress
	}
	kit := ident.Kit{
		Version: ident.KitVersion, Hub: r.cfg.Hub, Pin: r.cfg.Authority.Pin(),
		Ticket: randomToken(8), Secret: randomToken(20), // 64 bits name it, 160 bits open it
		Place: place.ident(), Expires: r.cfg.Now().Add(ttl).UTC().Truncate(time.Second),
	}
	return kit, kit.Check()
}

func randomToken(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // crypto/rand never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

func (r *Registry) addTicket(ctx context.Context, tx *database.Tx, kit ident.Kit, by string) error {
	var open int
	if err := tx.QueryRowContext(ctx, r.sql["open tickets"], kit.Place.ID, r.now()).Scan(&open); err != nil {
		return err
	}
	if open >= MaxOpen {
		return ErrTooMany
	}
	key := ident.TicketKey(kit.Secret)
	_, err := tx.Exec(ctx, r.sql["add ticket"], kit.Ticket, key[:], kit.Place.ID, r.now(), by, kit.Expires.UnixMicro())
	if err != nil {
		return err
	}
	return r.event(ctx, tx, "add event", Event{Kind: "kit-made", Ticket: kit.Ticket, Place: kit.Place.ID, By: by,
		Detail: "valid until " + day(kit.Expires.UnixMicro())})
}

func (r *Registry) ticket(ctx context.Context, q database.Queryer, query, id string) (t ticket, err error) {
	var key []byte
	err = q.QueryRowContext(ctx, r.sql[query], id).Scan(&key, &t.place, &t.expires, &t.device, &t.used)
	if err == nil && copy(t.key[:], key) != len(t.key) {
		err = fmt.Errorf("ticket %s: key of %d bytes", id, len(key))
	}
	return t, err
}
