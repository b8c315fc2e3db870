package agent

import (
	"context"
	"sync"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/kiosk/screen"
	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// told is what the hub told this kiosk, and what the agent makes of it. A kiosk
// whose bulletin cannot be opened goes on as if it had been told nothing.
type told struct {
	store *bulletin.Bulletin // nil: could not be opened

	mu     sync.Mutex // guards what follows
	line   *uplink.Uplink
	paused time.Time // since when, as far as anybody asked
}

// finish is how long a visit that had begun before a pause may go on.
const finish = 3 * time.Minute

func (k *kiosk) openBulletin() {
	store, err := bulletin.Open(bulletin.Config{Dir: k.cfg.Data, Logger: k.log})
	if err != nil {
		k.log.Error("goes on without a bulletin", "err", err)
		k.vitals.Raise(vitals.Misinformed, 0)
		return
	}
	k.told.store = store
	if id := k.member.current(); id != nil {
		k.trust(*id)
	}
}

// trust says whose word counts.
func (k *kiosk) trust(id ident.Identity) {
	if k.told.store == nil {
		return
	}
	if err := k.told.store.Trust(id.CustodyKey); err != nil {
		k.log.Error("bulletin not bound to the hub", "err", err)
		k.vitals.Raise(vitals.Misinformed, 0)
	}
}

// forUplink and forScreen are nil where there is no bulletin; a nil pointer in
// an interface would not be.
func (k *kiosk) forUplink() uplink.Bulletin {
	if k.told.store == nil {
		return nil
	}
	return k.told.store
}

func (k *kiosk) forScreen() screen.Bulletin {
	if k.told.store == nil {
		return nil
	}
	return k.told.store
}

// recipients are those a message can be sealed to: as the hub tells now, or as
// it said at enrolment.
func (k *kiosk) recipients(reader feedback.Reader) []string {
	if k.told.store != nil {
		if keys := k.told.store.Recipients(reader); len(keys) > 0 {
			return keys
		}
	}
	if id := k.member.current(); id != nil && id.CasesKey != "" && reader == feedback.ReaderCases {
		return []string{id.CasesKey}
	}
	return nil
}

// orders are those that hold for this kiosk.
func (k *kiosk) orders() []wire.Order {
	id := k.member.current()
	if k.told.store == nil || id == nil {
		return nil
	}
	return k.told.store.Orders(id.Device, k.now())
}

// now is the hub's clock as far as it is known here.
func (k *kiosk) now() time.Time {
	ahead, _ := k.clockAhead()
	return time.Now().Add(ahead)
}

func (k *kiosk) clockKnown() bool {
	_, known := k.clockAhead()
	return known
}

// clockAhead is how far the hub's clock is ahead of this machine's, if they were
// compared in this run.
func (k *kiosk) clockAhead() (ahead time.Duration, known bool) {
	s := k.line()
	if s.ClockWidth <= 0 {
		return 0, false
	}
	return time.Duration(s.ClockAhead) * time.Microsecond, true
}

// line is how the line to the hub stands; idle before there is one.
func (k *kiosk) line() uplink.Status {
	k.told.mu.Lock()
	line := k.told.line
	k.told.mu.Unlock()
	if line == nil {
		return uplink.Status{State: uplink.Idle}
	}
	return line.Status()
}

// pause says whether the ward has this kiosk paused, and whether it has been
// for so long that no visit from before can be under way.
func (k *kiosk) pause() (paused, closed bool) {
	for _, o := range k.orders() {
		paused = paused || o.Kind == wire.OrderPause
	}
	k.told.mu.Lock()
	defer k.told.mu.Unlock()
	switch {
	case !paused:
		k.told.paused = time.Time{}
	case k.told.paused.IsZero():
		k.told.paused = time.Now()
	}
	return paused, paused && time.Since(k.told.paused) >= finish
}

// dials remembers the uplink that orders wake.
func (k *kiosk) dials(u *uplink.Uplink) *uplink.Uplink {
	k.told.mu.Lock()
	defer k.told.mu.Unlock()
	k.told.line = u
	return u
}

// obey carries orders out that are more than a state: each once.
func (k *kiosk) obey(ctx context.Context) error {
	if k.told.store == nil {
		<-ctx.Done()
		return nil
	}
	done := map[string]bool{}
	minute := time.NewTicker(orderTick)
	defer minute.Stop()
	for {
		changed := k.told.store.Changed()
		k.tellUnread()
		for _, o := range k.orders() {
			if o.Kind == wire.OrderSyncNow && !done[o.ID] {
				done[o.ID] = true
				k.dialNow(o)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-minute.C:
			k.keepOrders()
		}
	}
}

// orderTick is how much of the time an order ran may be forgotten by a cut.
const orderTick = time.Minute

func (k *kiosk) keepOrders() {
	if err := k.told.store.KeepTime(); err != nil {
		k.log.Error("orders may hold for longer than they should", "err", err)
	}
}

// tellUnread has the hub know that this program is older than what it tells.
func (k *kiosk) tellUnread() {
	if n := k.told.store.Unread(); n > 0 {
		k.vitals.Raise(vitals.ToldNewer, int64(n))
		return
	}
	k.vitals.Clear(vitals.ToldNewer)
}

func (k *kiosk) dialNow(o wire.Order) {
	k.log.Info("dials by order", "order", o.ID)
	k.told.mu.Lock()
	line := k.told.line
	k.told.mu.Unlock()
	if line != nil {
		line.Try()
	}
}
