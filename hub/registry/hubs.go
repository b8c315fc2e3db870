package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"nghe/hub/database"
)

const (
	hubBeat  = 15 * time.Second // between signs of life
	hubAlive = 90 * time.Second // after one
)

// Hub is the place of one hub among those that serve from one database.
type Hub struct {
	ID  string
	run string
	r   *Registry
}

// NewHubID is a name no other hub has.
func NewHubID() string { return strings.ToLower(rand.Text()[:8]) }

// JoinHub takes the place of that name for this process. A place that another
// folder's process holds is left to it, and taken is false: this folder is a
// copy of that one, and needs a name of its own.
func (r *Registry) JoinHub(ctx context.Context, id, location string) (h Hub, taken bool, err error) {
	h = Hub{ID: id, run: rand.Text(), r: r}
	err = r.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		var is, run string
		var seen int64
		err := tx.QueryRowContext(ctx, r.sql["hub"], id).Scan(&is, &run, &seen)
		if err != nil && !none(err) {
			return err
		}
		if taken = is == "" || is == location || !r.alive(seen); !taken {
			return nil
		}
		_, err = tx.Exec(ctx, r.sql["take hub"], id, location, h.run, r.now())
		return err
	})
	if err != nil {
		return h, false, fmt.Errorf("join the other hubs: %w", err)
	}
	return h, taken, nil
}

func (r *Registry) alive(seen int64) bool {
	ago := r.now() - seen
	return seen > 0 && ago < hubAlive.Microseconds() && ago > -hubAlive.Microseconds()
}

// HubLives says whether another hub gave a sign of life of late.
func (r *Registry) HubLives(ctx context.Context, id string) (bool, error) {
	var location, run string
	var seen int64
	err := r.cfg.DB.Read().QueryRowContext(ctx, r.sql["hub"], id).Scan(&location, &run, &seen)
	if none(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for hub %s: %w", id, err)
	}
	return r.alive(seen), nil
}

// Run gives signs of life until ctx ends, and then says goodbye.
func (h Hub) Run(ctx context.Context) error {
	beat := time.NewTicker(hubBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return h.say(within, "hub leaves", h.ID, h.run)
		case <-beat.C:
			if err := h.say(ctx, "hub lives", h.r.now(), h.ID, h.run); err != nil && ctx.Err() == nil {
				h.r.cfg.Logger.Warn("no sign of life was given to the other hubs", "err", err)
			}
		}
	}
}

var errTaken = errors.New("another process took this hub's place: does one run on a copy of its data folder?")

func (h Hub) say(ctx context.Context, query string, args ...any) error {
	n, err := h.r.cfg.DB.Exec(ctx, query, h.r.sql[query], args...)
	if err == nil && n == 0 {
		err = errTaken
	}
	return err
}
