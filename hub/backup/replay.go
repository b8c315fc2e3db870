package backup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"nghe/hub/archive"
	"nghe/shared/ident"
)

// ahead is how many objects are fetched before their turn: a store far away
// takes long for each.
const ahead = 16

// fetched is one object on its way to the ledger.
type fetched struct {
	key  string
	done chan struct{} // closed when what follows is set
	body []byte
	err  error
}

// replay takes back every segment in the archive, journal by journal. What
// cannot be read, or was not signed by a device of this hub, is told and left
// there.
func (r *restore) replay(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan *fetched, ahead)
	listed := make(chan error, 1)
	go func() {
		defer close(queue)
		listed <- r.cfg.Store.List(ctx, segmentsPrefix, func(key string) error {
			f := &fetched{key: key, done: make(chan struct{})}
			select {
			case queue <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() {
				defer close(f.done)
				f.body, f.err = r.fetch(ctx, f.key)
			}()
			return nil
		})
	}()
	unread := 0
	for f := range queue {
		<-f.done
		if f.err == nil {
			unread = 0
			if err := r.takeBack(ctx, f); err != nil {
				return err
			}
			continue
		}
		if unread++; unread == giveUp {
			return fmt.Errorf("read segments: the archive does not answer: %w", f.err)
		}
		r.report.Damaged = append(r.report.Damaged, fmt.Sprintf("%s: %v", f.key, f.err))
	}
	if err := <-listed; err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	return nil
}

// fetch tries again where that may help.
func (r *restore) fetch(ctx context.Context, key string) (b []byte, err error) {
	for _, pause := range []time.Duration{0, time.Second, 5 * time.Second} {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
		b, err = fetch(ctx, r.cfg.Store, key)
		if err == nil || errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrSetup) {
			break
		}
	}
	return b, err
}

func (r *restore) takeBack(ctx context.Context, f *fetched) error {
	o, err := r.believe(f)
	if err != nil {
		r.report.Damaged = append(r.report.Damaged, fmt.Sprintf("%s: %v", f.key, err))
		return nil
	}
	for _, s := range o.Segments {
		if err := r.ledger.ReplaySegment(ctx, o.Device, o.Parent, s); err != nil {
			return err
		}
	}
	r.report.Objects++
	if r.cfg.OffDisk {
		if _, err := r.ledger.SegmentArchived(ctx, o.Journal, o.Base, o.End); err != nil {
			return err
		}
	}
	r.devices[o.Device] = o.Certificate
	return nil
}

// readmit asks for each device that has signed what was taken back.
func (r *restore) readmit(ctx context.Context) error {
	journals, err := r.ledger.Journals(ctx)
	if err != nil {
		return err
	}
	places := map[string]string{}
	for _, j := range journals { // a device's in the order they were first seen
		if j.Place != "" {
			places[j.Device] = j.Place
		}
	}
	for _, device := range slices.Sorted(maps.Keys(r.devices)) {
		known, err := r.cfg.Readmit(ctx, r.devices[device], places[device])
		if err != nil {
			return err
		}
		if !known {
			r.report.Unknown = append(r.report.Unknown, device)
		}
	}
	return nil
}

// believe reads an object and checks that this hub's authority certified its
// device, and that the device signed every segment in it.
func (r *restore) believe(f *fetched) (Object, error) {
	o, err := KeyOf(r.authority).object(f.key, f.body)
	if err != nil {
		return o, err
	}
	leaf, err := x509.ParseCertificate(o.Certificate)
	if err != nil {
		return o, fmt.Errorf("certificate: %w", err)
	}
	device, key, err := r.authority.Peer(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
	if err != nil {
		return o, err
	}
	if device != o.Device {
		return o, fmt.Errorf("names device %s, but its certificate is of %s", o.Device, device)
	}
	return o, o.Check(func(statement, signature []byte) bool { return ident.Verify(key, statement, signature) })
}
