package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"nghe/hub/database"
	"nghe/shared/ident"
)

// Certificate is the one the device was admitted with, as DER.
func (d Device) Certificate() ([]byte, error) {
	id, err := d.answered()
	if err != nil {
		return nil, fmt.Errorf("certificate of device %s: %w", d.ID, err)
	}
	return id.Certificate, nil
}

// readmitted begins the ticket of a device that came back by its certificate.
const readmitted = "readmitted-"

// Unconfirmed says that the device was admitted after the copy this hub was
// restored from: its certificate is ours, nothing else is known of it. A new
// kit, or a revocation, settles it.
func (d Device) Unconfirmed() bool { return strings.HasPrefix(d.Ticket, readmitted) }

// Readmit takes back a device that only its certificate speaks for: after a
// restore, when it was admitted later than the copy was made. It may deliver
// and is to be confirmed. place is where its records say it stands. known says
// that the registry held it already, in whatever state; then nothing changes.
func (r *Registry) Readmit(ctx context.Context, certificate []byte, place string) (known bool, err error) {
	if r.cfg.Authority == nil {
		return false, fmt.Errorf("readmit device: %w", ErrNoAuthority)
	}
	leaf, err := x509.ParseCertificate(certificate)
	if err != nil {
		return false, fmt.Errorf("readmit device: %w", err)
	}
	id, _, err := r.cfg.Authority.Peer(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
	if err != nil {
		return false, fmt.Errorf("readmit device: %w", err)
	}
	err = r.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		_, err := r.one(ctx, tx, "device to change", id)
		known = err == nil
		if known || !errors.Is(err, ErrNoDevice) {
			return err
		}
		return r.readmit(ctx, tx, id, leaf, place)
	})
	if err != nil {
		return false, fmt.Errorf("readmit device %s: %w", id, err)
	}
	return known, nil
}

func (r *Registry) readmit(ctx context.Context, tx *database.Tx, id string, leaf *x509.Certificate, place string) error {
	stands, err := r.placeByID(ctx, tx, place)
	if err != nil {
		return fmt.Errorf("place %q: %w", place, err)
	}
	text, err := json.Marshal(ident.Identity{
		Version: ident.IdentityVersion, Device: id, Certificate: leaf.Raw,
		CA: [][]byte{r.cfg.Authority.Certificate()}, CustodyKey: r.cfg.Authority.CustodyKey(),
		Hub: r.cfg.Hub, Place: stands.ident(),
	})
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKIXPublicKey(leaf.PublicKey)
	if err != nil {
		return err
	}
	ticket, now := readmitted+id, r.now()
	for _, do := range []struct {
		query string
		args  []any
	}{
		{"add ticket", []any{ticket, []byte{}, place, now, "", now}}, // expired: no kit opens with it
		{"use ticket", []any{id, now, ticket}},
		{"put device", []any{id, key, place, leaf.SerialNumber.Text(16), now, ticket, "", string(text)}},
	} {
		if err := changed(tx.Exec(ctx, r.sql[do.query], do.args...)); err != nil {
			return err
		}
	}
	return r.event(ctx, tx, "add event", Event{Kind: "readmitted", Device: id, Ticket: ticket, Place: place,
		Detail: "after a restore, by its certificate: to be confirmed by a new kit"})
}
