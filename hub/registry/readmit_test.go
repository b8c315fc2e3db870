package registry

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"nghe/shared/ident"
)

func TestReadmitByCertificate(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		key := newKey(t)
		name := ident.DeviceID(key.Public())
		certificate, err := w.authority.IssueDevice(key.Public(), name, w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{false, true} {
			if known, err := w.Readmit(t.Context(), certificate, "qt-03"); err != nil || known != want {
				t.Errorf("Readmit %d = %v, %v", i+1, known, err)
			}
		}
		d, err := w.Device(t.Context(), name)
		if err != nil || !d.Unconfirmed() || !d.Welcome() || d.Place != "qt-03" {
			t.Errorf("device = %+v, %v", d, err)
		}
		if got, err := d.Certificate(); err != nil || !bytes.Equal(got, certificate) {
			t.Errorf("Certificate = %d bytes, %v", len(got), err)
		}
		if got := strings.Join(w.kinds(t), " "); got != "readmitted" {
			t.Errorf("events: %s", got)
		}
		w.enrol(t, w.kit(t, "qt-04"), key) // a new kit confirms
		if d, err := w.Device(t.Context(), name); err != nil || d.Unconfirmed() || d.State != Active || d.Place != "qt-04" {
			t.Errorf("device = %+v, %v", d, err)
		}
	})
}

func TestReadmitLeavesAlone(t *testing.T) {
	conformance(t, func(t *testing.T, w ward) {
		key := newKey(t)
		id := w.enrol(t, w.kit(t, "qt-03"), key)
		if err := w.Revoke(t.Context(), id.Device, "stolen", "lan"); err != nil {
			t.Fatal(err)
		}
		known, err := w.Readmit(t.Context(), id.Certificate, "qt-03")
		if d, _ := w.Device(t.Context(), id.Device); err != nil || !known || d.State != Revoked {
			t.Errorf("Readmit of a revoked device = %v, %v; it is %s", known, err, d.State)
		}
		other, err := ident.OpenAuthority(t.TempDir(), w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		stranger := newKey(t)
		theirs, err := other.IssueDevice(stranger.Public(), ident.DeviceID(stranger.Public()), w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Readmit(t.Context(), theirs, "qt-03"); err == nil {
			t.Error("another authority's device was readmitted")
		}
		ours, err := w.authority.IssueDevice(stranger.Public(), ident.DeviceID(stranger.Public()), w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		var none *NoPlace
		if _, err := w.Readmit(t.Context(), ours, "nowhere"); !errors.As(err, &none) {
			t.Errorf("Readmit at no place = %v", err)
		}
	})
}
