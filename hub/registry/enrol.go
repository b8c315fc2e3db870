package registry

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"nghe/hub/database"
	"nghe/shared/ident"
)

// Recognise says whether q is by who holds a kit of this hub, used or not, and
// the key it names; it writes nothing. A *Refused says why not.
func (r *Registry) Recognise(ctx context.Context, q ident.EnrolRequest) error {
	if r.cfg.Authority == nil {
		return fmt.Errorf("enrol: %w", ErrNoAuthority)
	}
	if q.Pin != r.cfg.Authority.Pin() {
		return refusedForeign()
	}
	t, err := r.ticket(ctx, r.cfg.DB.Read(), "ticket to look at", q.Ticket)
	if none(err) {
		return refusedUnknown()
	}
	if err != nil {
		return fmt.Errorf("enrol by ticket %s: %w", q.Ticket, err)
	}
	if _, refused := proved(q, t); refused != nil {
		return refused
	}
	return nil
}

// proved checks that the sender holds the kit and the key.
func proved(q ident.EnrolRequest, t ticket) (crypto.PublicKey, *Refused) {
	pub, err := q.Check(t.key)
	switch {
	case errors.Is(err, ident.ErrMAC):
		return nil, refusedAltered()
	case err != nil:
		return nil, refusedMalformed(err.Error())
	}
	return pub, nil
}

// Enrol admits the sender of q, or gives the same answer again to a sender it
// has admitted by the same kit. A *Refused says why not; any other error is
// the hub's and worth another try.
func (r *Registry) Enrol(ctx context.Context, q ident.EnrolRequest) (ident.EnrolAnswer, error) {
	if r.cfg.Authority == nil {
		return ident.EnrolAnswer{}, fmt.Errorf("enrol: %w", ErrNoAuthority)
	}
	if q.Pin != r.cfg.Authority.Pin() {
		return ident.EnrolAnswer{}, refusedForeign()
	}
	var answer ident.EnrolAnswer
	var refused *Refused
	// A refusal commits too: it may have left an event.
	err := r.cfg.DB.Write(ctx, func(tx *database.Tx) (err error) {
		answer, refused, err = r.enrol(ctx, tx, q)
		return err
	})
	if err != nil {
		return ident.EnrolAnswer{}, fmt.Errorf("enrol by ticket %s: %w", q.Ticket, err)
	}
	if refused != nil {
		return ident.EnrolAnswer{}, refused
	}
	return answer, nil
}

func (r *Registry) enrol(ctx context.Context, tx *database.Tx, q ident.EnrolRequest) (ident.EnrolAnswer, *Refused, error) {
	t, err := r.ticket(ctx, tx, "ticket", q.Ticket)
	if none(err) {
		return ident.EnrolAnswer{}, refusedUnknown(), nil
	}
	if err != nil {
		return ident.EnrolAnswer{}, nil, err
	}
	pub, refused := proved(q, t)
	if refused != nil {
		return ident.EnrolAnswer{}, refused, nil
	}
	id, refused, err := r.admit(ctx, tx, q, t, pub)
	if refused != nil && err == nil {
		refused.Device = ident.DeviceID(pub)
		err = r.event(ctx, tx, "add event once", Event{Kind: "refused-" + refused.Code.String(), Device: refused.Device,
			Ticket: q.Ticket, Place: t.place, Detail: refused.Say})
	}
	if refused != nil || err != nil {
		return ident.EnrolAnswer{}, refused, err
	}
	return q.Answer(t.key, id), nil, nil
}

// admit decides about a sender whose kit and key are proved.
func (r *Registry) admit(ctx context.Context, tx *database.Tx, q ident.EnrolRequest, t ticket, pub crypto.PublicKey) (ident.Identity, *Refused, error) {
	device, err := r.one(ctx, tx, "device to change", ident.DeviceID(pub))
	known := err == nil
	switch {
	case err != nil && !errors.Is(err, ErrNoDevice):
		return ident.Identity{}, nil, err
	case known && device.State == Revoked:
		return ident.Identity{}, refusedRevoked(device), nil
	case known && t.device == device.ID && device.Ticket == q.Ticket:
		id, err := device.answered()
		return id, nil, err
	case t.device != "":
		return ident.Identity{}, refusedUsed(t), nil
	case r.now() >= t.expires:
		return ident.Identity{}, refusedExpired(t), nil
	}
	id, err := r.bind(ctx, tx, q, t, pub)
	return id, nil, err
}

func (r *Registry) bind(ctx context.Context, tx *database.Tx, q ident.EnrolRequest, t ticket, pub crypto.PublicKey) (ident.Identity, error) {
	place, err := r.placeByID(ctx, tx, t.place)
	if err != nil {
		return ident.Identity{}, err
	}
	id, serial, err := r.identify(pub, place)
	if err != nil {
		return ident.Identity{}, err
	}
	text, err := json.Marshal(id)
	if err != nil {
		return ident.Identity{}, err
	}
	if err := changed(tx.Exec(ctx, r.sql["use ticket"], id.Device, r.now(), q.Ticket)); err != nil {
		return ident.Identity{}, err
	}
	if err := changed(tx.Exec(ctx, r.sql["put device"], id.Device, q.PublicKey, t.place, serial, r.now(), q.Ticket, q.Program, string(text))); err != nil {
		return ident.Identity{}, err
	}
	return id, r.event(ctx, tx, "add event", Event{Kind: "enrolled", Device: id.Device, Ticket: q.Ticket, Place: t.place, Detail: "agent " + q.Program})
}

func (r *Registry) identify(pub crypto.PublicKey, place Place) (id ident.Identity, serial string, err error) {
	name := ident.DeviceID(pub)
	der, err := r.cfg.Authority.IssueDevice(pub, name, r.cfg.Now())
	if err != nil {
		return id, "", err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return id, "", err
	}
	return ident.Identity{
		Version: ident.IdentityVersion, Device: name, Certificate: der,
		CA: [][]byte{r.cfg.Authority.Certificate()}, CustodyKey: r.cfg.Authority.CustodyKey(),
		Hub: r.cfg.Hub, Place: place.ident(), CasesKey: r.cfg.CasesKey,
	}, cert.SerialNumber.Text(16), nil
}
