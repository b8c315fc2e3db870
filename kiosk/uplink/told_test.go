package uplink

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"nghe/kiosk/vitals"
	"nghe/shared/wire"
)

// board keeps bulletins in memory.
type board struct {
	mu      sync.Mutex
	version uint64
	refuse  error
}

func (b *board) Version() uint64 { b.mu.Lock(); defer b.mu.Unlock(); return b.version }

func (b *board) Apply(f wire.Bulletin) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse == nil {
		b.version = f.Version
	}
	return b.refuse
}

func (b *board) set(refuse error) { b.mu.Lock(); defer b.mu.Unlock(); b.refuse = refuse }

// names says whether the hub heard, in vitals, that a version is held.
func (h *hub) names(version int64) func() bool {
	return func() bool {
		all, _ := h.heard()
		return slices.ContainsFunc(all, func(v wire.Vitals) bool {
			return slices.ContainsFunc(v.Readings, func(r wire.Reading) bool { return r.Name == vitals.Bulletin && r.Value == version })
		})
	}
}

func TestBulletinIsKeptAndNamed(t *testing.T) {
	h := newHub(t)
	b := &board{version: 4}
	k := h.kiosk(t, func(c *Config) { c.Bulletin = b })
	k.start(t)
	await(t, "the hub to hear of version 4", h.names(4))
	h.send(h.last(), wire.Bulletin{Version: 5, Body: []byte{1}, Signature: []byte{2}})
	await(t, "the hub to hear of version 5", h.names(5))
	b.set(errors.New("disk full"))
	h.send(h.last(), wire.Bulletin{Version: 6, Body: []byte{1}, Signature: []byte{2}})
	await(t, "a condition", func() bool {
		return slices.ContainsFunc(k.vitals.Conditions(), func(c wire.Condition) bool { return c.Name == string(vitals.Misinformed) && c.Value == 5 })
	})
	k.outbox.answers(1) // the session goes on
	await(t, "the answer", k.outbox.empty)
	b.set(nil)
	h.send(h.last(), wire.Bulletin{Version: 6, Body: []byte{1}, Signature: []byte{2}})
	await(t, "the condition to end", func() bool {
		return !slices.ContainsFunc(k.vitals.Conditions(), func(c wire.Condition) bool { return c.Name == string(vitals.Misinformed) })
	})
	if len(h.conns) != 1 {
		t.Errorf("%d sessions, want 1", len(h.conns))
	}
}

func TestBulletinWithoutAPlaceIsIgnored(t *testing.T) {
	h := newHub(t)
	k := h.kiosk(t)
	k.start(t)
	await(t, "vitals", func() bool { all, _ := h.heard(); return len(all) > 0 })
	h.send(h.last(), wire.Bulletin{Version: 5, Body: []byte{1}, Signature: []byte{2}})
	k.outbox.answers(1)
	await(t, "the answer", k.outbox.empty)
}
