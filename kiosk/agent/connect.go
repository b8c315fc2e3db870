package agent

import (
	"context"
	"errors"
	"time"

	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
	"nghe/shared/command"
	"nghe/shared/crew"
	"nghe/shared/ident"
)

// connect enrols where a kit says so, then keeps the line to the hub open.
func (k *kiosk) connect(ctx context.Context) error {
	if kit := k.member.pending(); kit != nil {
		if err := k.enrol(ctx, *kit); err != nil {
			return err
		}
	}
	id := k.member.current()
	if id == nil {
		return nil // ctx ended
	}
	k.trust(*id)
	return k.dials(uplink.New(uplink.Config{
		Outbox: k.outbox, Media: k.media, Identity: *id, Key: k.member.key, Vitals: k.vitals, Bulletin: k.forUplink(),
		BlobRate: k.cfg.BlobRate, Program: command.Version(), Logger: k.log,
	})).Run(ctx)
}

// keyRevoked is the hub's word for a key whose trust has ended.
const keyRevoked = "key-revoked"

// enrol asks until the hub admits this kiosk, refuses for good, or ctx ends. A
// kiosk that is refused and was enrolled before goes on as it was.
func (k *kiosk) enrol(ctx context.Context, kit ident.Kit) error {
	backoff := uplink.Backoff{First: time.Second, Most: time.Minute}
	for renewed := false; ; {
		id, err := uplink.Enrol(ctx, kit, k.member.key, command.Version())
		if err == nil {
			return k.admitted(id, kit)
		}
		if ctx.Err() != nil {
			return nil
		}
		var refused *uplink.Refused
		if errors.As(err, &refused) && refused.Code == keyRevoked && !renewed {
			k.log.Warn("the hub no longer trusts this kiosk's key; making another", "err", err)
			if err := k.member.renewKey(); err != nil {
				return err
			}
			renewed = true
			continue
		}
		if refused != nil {
			return k.refused(ctx, kit, refused)
		}
		k.troubled(err)
		if !wait(ctx, backoff.Next(0)) {
			return nil
		}
	}
}

// errMoved says that the kiosk now stands elsewhere: its next records need a
// boot record that names the new place.
var errMoved = errors.New("enrolled for another place")

func (k *kiosk) admitted(id ident.Identity, kit ident.Kit) error {
	if err := k.member.admit(id, kit.Ticket); err != nil {
		return err
	}
	k.vitals.Link("", 0)
	k.log.Info("enrolled", "device", id.Device, "place", id.Place.ID)
	if id.Place.ID != k.place.ID {
		return crew.Fatal(errMoved)
	}
	return nil
}

func (k *kiosk) troubled(err error) {
	var trouble *uplink.Trouble
	if errors.As(err, &trouble) {
		k.vitals.Link(trouble.Condition, trouble.Value)
	}
	k.log.Info("not enrolled yet", "err", err)
}

// kitEvery is how often a refused kiosk looks whether it was given another kit.
const kitEvery = 10 * time.Second

// refused says so and waits for another kit at the same path; the screen goes
// on taking answers all the while.
func (k *kiosk) refused(ctx context.Context, kit ident.Kit, why *uplink.Refused) error {
	k.log.Error("the hub refused the kit", "code", why.Code, "err", why)
	if k.member.enrolled() {
		k.member.replaceKit(nil)
		return nil
	}
	k.vitals.Link(vitals.KitRefused, 0)
	for wait(ctx, kitEvery) {
		other, err := k.member.readKit()
		if err == nil && other != nil && other.Ticket != kit.Ticket {
			return crew.Fatal(errMoved) // begin anew with it
		}
	}
	return nil
}
