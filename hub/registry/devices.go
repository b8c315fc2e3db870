package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"nghe/hub/database"
	"nghe/shared/ident"
)

// State is what the hub makes of a device.
type State string

const (
	Active     State = "active"
	Revoked    State = "revoked"    // nothing of it is accepted
	Superseded State = "superseded" // replaced: it may deliver what it still holds
)

// Device is a machine that was admitted.
type Device struct {
	ID         string
	PublicKey  []byte // PKIX
	Place      string // feedback.Place.ID
	State      State
	Serial     string // of its certificate
	EnrolledAt time.Time
	Ticket     string
	Program    string    // agent's version at enrolment
	EndedAt    time.Time // zero while active
	Reason     string
	EndedBy    string

	identity string
}

// Welcome says whether the device may open a session and deliver.
func (d Device) Welcome() bool { return d.State == Active || d.State == Superseded }

// Out says which of some devices are out of use, by their names.
func Out(all []Device) func(device string) bool {
	out := map[string]bool{}
	for _, d := range all {
		out[d.ID] = d.State != Active
	}
	return func(device string) bool { return out[device] }
}

func (d Device) answered() (id ident.Identity, err error) {
	err = json.Unmarshal([]byte(d.identity), &id)
	return id, err
}

// ErrNoDevice is a device id the registry has never admitted.
var ErrNoDevice = errors.New("the registry does not know this device")

// Device is the device of that id, or ErrNoDevice.
func (r *Registry) Device(ctx context.Context, id string) (Device, error) {
	return r.one(ctx, r.cfg.DB.Read(), "device", id)
}

func (r *Registry) one(ctx context.Context, q database.Queryer, query, id string) (Device, error) {
	d, err := scanDevice(q.QueryRowContext(ctx, r.sql[query], id))
	if none(err) {
		return Device{}, ErrNoDevice
	}
	if err != nil {
		return Device{}, fmt.Errorf("read device %s: %w", id, err)
	}
	return d, nil
}

// Devices are all devices ever admitted, by place and time.
func (r *Registry) Devices(ctx context.Context) ([]Device, error) {
	return database.Collect(ctx, r.cfg.DB.Read(), "read devices", r.sql["devices"], scanDevice)
}

func scanDevice(row database.Row) (d Device, err error) {
	var enrolled, ended int64
	err = row.Scan(&d.ID, &d.PublicKey, &d.Place, &d.State, &d.Serial, &enrolled, &d.Ticket, &d.Program, &d.identity, &ended, &d.Reason, &d.EndedBy)
	d.EnrolledAt, d.EndedAt = database.Moment(enrolled), database.Moment(ended)
	return d, err
}

// Revoke ends the trust in a device. When it returns, everyone who asked by
// OnRevoke has been told. Revoking again changes nothing and tells again.
func (r *Registry) Revoke(ctx context.Context, id, reason, by string) error {
	if err := r.end(ctx, id, Revoked, reason, by); err != nil {
		return fmt.Errorf("revoke device %s: %w", id, err)
	}
	r.mu.Lock()
	tell := slices.Clone(r.onRevoke)
	r.mu.Unlock()
	for _, f := range tell {
		f(id)
	}
	return nil
}

// Supersede marks a device as replaced by another at its place. It may still
// deliver what it holds. A revoked device stays revoked.
func (r *Registry) Supersede(ctx context.Context, id, reason, by string) error {
	if err := r.end(ctx, id, Superseded, reason, by); err != nil {
		return fmt.Errorf("supersede device %s: %w", id, err)
	}
	return nil
}

// OnRevoke has f called with every device that is revoked from now on, after
// the commit and before Revoke returns. f must not wait for long.
func (r *Registry) OnRevoke(f func(deviceID string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onRevoke = append(r.onRevoke, f)
}

func (r *Registry) end(ctx context.Context, id string, state State, reason, by string) error {
	return r.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		d, err := r.one(ctx, tx, "device to change", id)
		if err != nil || d.State == state || d.State == Revoked {
			return err
		}
		if err := changed(tx.Exec(ctx, r.sql["end device"], string(state), r.now(), clip(reason), by, id)); err != nil {
			return err
		}
		return r.event(ctx, tx, "add event", Event{Kind: string(state), Device: id, Ticket: d.Ticket, Place: d.Place, By: by, Detail: reason})
	})
}

// Event is something that happened to a kit or a device.
type Event struct {
	ID     int64
	At     time.Time
	Kind   string // "kit-made", "enrolled", "refused-kit-used", "refused-kit-expired", "refused-key-revoked", "revoked", "superseded"
	Device string
	Ticket string
	Place  string
	By     string // operator's account; empty for the device itself
	Detail string
}

// Events are the newest n events older than id before; 0 begins at the newest.
func (r *Registry) Events(ctx context.Context, before int64, n int) ([]Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return database.Collect(ctx, r.cfg.DB.Read(), "read registry events", r.sql["events"], scanEvent, before, n)
}

func scanEvent(row database.Row) (e Event, err error) {
	var at int64
	err = row.Scan(&e.ID, &at, &e.Kind, &e.Device, &e.Ticket, &e.Place, &e.By, &e.Detail)
	e.At = database.Moment(at)
	return e, err
}

func (r *Registry) event(ctx context.Context, tx *database.Tx, query string, e Event) error {
	_, err := tx.Exec(ctx, r.sql[query], r.now(), e.Kind, e.Device, e.Ticket, e.Place, e.By, clip(e.Detail))
	return err
}

const maxDetail = 500 // runes: what somebody typed is bounded

func clip(s string) string {
	if runes := []rune(s); len(runes) > maxDetail {
		return string(runes[:maxDetail])
	}
	return s
}

// changed turns a statement that should have met one row and did not into an
// error.
func changed(rows int64, err error) error {
	if err == nil && rows != 1 {
		err = fmt.Errorf("changed %d rows instead of 1", rows)
	}
	return err
}
