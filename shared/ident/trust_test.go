package ident

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// connect runs one handshake and one byte each way, as a session would: with
// TLS 1.3 a client learns only on reading that its certificate was refused.
func connect(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	states := make(chan tls.ConnectionState, 1)
	go func() {
		defer close(states)
		raw, err := listener.Accept()
		if err != nil {
			return
		}
		conn := tls.Server(raw, server)
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if conn.Handshake() == nil {
			_, _ = conn.Write([]byte{1})
			states <- conn.ConnectionState()
		}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil {
		defer conn.Close()
		if n, readErr := conn.Read(make([]byte, 1)); n == 0 {
			err = readErr
		}
	}
	return <-states, err
}

func mustServer(t *testing.T, a *Authority, now time.Time, names ...string) *tls.Config {
	t.Helper()
	cfg, err := a.ServerTLS(names, now)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func named(cfg *tls.Config, name string) *tls.Config { cfg.ServerName = name; return cfg }

var wildClocks = map[string]time.Time{
	"1900": time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), "1970": time.Unix(0, 0), "2026": noon,
	"2050": time.Date(2050, 6, 1, 0, 0, 0, 0, time.UTC), "9999": lastDay(),
}

// Every pair of a hub's clock and a kiosk's clock meets, also when the hub's
// own clock moved between making its authority and starting.
func TestClocksDoNotDecideTrust(t *testing.T) {
	key := mustKey(t)
	for hub, hubClock := range wildClocks {
		a := mustAuthority(t, hubClock)
		k := kitFor(a)
		id := identityFor(t, a, k, key.Public(), hubClock)
		for kiosk, kioskClock := range wildClocks {
			server := mustServer(t, a, kioskClock, "hub.example", "127.0.0.1")
			server.Time = func() time.Time { return hubClock }
			client := named(ClientTLS(id, key), "hub.example")
			client.Time = func() time.Time { return kioskClock }
			state, err := connect(t, server, client)
			if err != nil {
				t.Errorf("hub at %s, kiosk at %s: %v", hub, kiosk, err)
				continue
			}
			if device, _, err := a.Peer(state); err != nil || device != id.Device || state.Version != tls.VersionTLS13 {
				t.Errorf("hub at %s: Peer = %q, %v", hub, device, err)
			}
			if _, err := connect(t, server, EnrolTLS(k)); err != nil {
				t.Errorf("hub at %s: enrolment: %v", hub, err)
			}
		}
	}
}

// twin is an authority with the same subject as a, as an attacker would make.
func twin(t *testing.T, a *Authority) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := *a.cert
	template.PublicKey = key.Public()
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Authority{key: key, cert: cert, custody: a.custody}
}

func deviceServer(t *testing.T, a *Authority, key crypto.Signer) *tls.Config {
	t.Helper()
	der, err := a.IssueDevice(key.Public(), DeviceID(key.Public()), noon)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}}}
}

// inspection is what a firewall shows that reads along.
func inspection(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Bkav Gateway"}, DNSNames: []string{"hub.example"},
		NotBefore: noon, NotAfter: lastDay(), IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestServersThatAreNotOurHub(t *testing.T) {
	a, key := mustAuthority(t, noon), mustKey(t)
	k := kitFor(a)
	id := identityFor(t, a, k, key.Public(), noon)
	appended := mustServer(t, mustAuthority(t, noon), noon, "hub.example", "127.0.0.1")
	appended.Certificates[0].Certificate = append(appended.Certificates[0].Certificate, a.cert.Raw)
	refuses := mustServer(t, a, noon, "hub.example", "127.0.0.1")
	refuses.ClientAuth, refuses.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	rotated := mustServer(t, a, noon.AddDate(3, 0, 0), "hub.example", "127.0.0.1")
	for _, c := range []struct {
		name   string
		server *tls.Config
		host   string // ServerName; empty: connect by address
		want   Fault
		enrol  bool // the enrolling side sees the same fault
		ok     bool
	}{
		{"our hub by name", mustServer(t, a, noon, "hub.example"), "hub.example", 0, true, true},
		{"our hub by address", mustServer(t, a, noon, "127.0.0.1"), "", 0, true, true},
		{"our hub with a new certificate", rotated, "hub.example", 0, true, true},
		{"another hub", mustServer(t, mustAuthority(t, noon), noon, "hub.example"), "hub.example", FaultOtherHub, true, false},
		{"interception with our subject", mustServer(t, twin(t, a), noon, "hub.example"), "hub.example", FaultOtherHub, true, false},
		{"interception with our authority appended", appended, "hub.example", FaultOtherHub, true, false},
		{"inspection of the line", inspection(t), "hub.example", FaultForeignAuthority, true, false},
		{"a kiosk of ours posing as the hub", deviceServer(t, a, mustKey(t)), "hub.example", FaultForeignAuthority, true, false},
		{"our hub under another name", mustServer(t, a, noon, "other.example"), "hub.example", FaultWrongName, true, false},
		{"our hub under another address", mustServer(t, a, noon, "127.0.0.2"), "", FaultWrongName, true, false},
		{"our hub without our name, by name", mustServer(t, a, noon, "127.0.0.1"), "hub.example", FaultWrongName, true, false},
		{"refuses our certificate", refuses, "hub.example", FaultRefused, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := connect(t, c.server, named(ClientTLS(id, key), c.host))
			if (err == nil) != c.ok || Diagnose(err) != c.want {
				t.Errorf("kiosk: %v, diagnosed %d, want %d", err, Diagnose(err), c.want)
			}
			if !c.enrol {
				return
			}
			_, err = connect(t, c.server, named(EnrolTLS(k), c.host))
			if (err == nil) != c.ok || Diagnose(err) != c.want {
				t.Errorf("enrolment: %v, diagnosed %d, want %d", err, Diagnose(err), c.want)
			}
		})
	}
}

// An old protocol is refused by either side although the certificate is right;
// with the limit lifted on that side alone it would go through.
func TestOnlyTLS13(t *testing.T) {
	a, key := mustAuthority(t, noon), mustKey(t)
	id := identityFor(t, a, kitFor(a), key.Public(), noon)
	only12 := func(cfg *tls.Config) *tls.Config {
		cfg = cfg.Clone()
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		return cfg
	}
	lifted := func(cfg *tls.Config) *tls.Config { cfg = cfg.Clone(); cfg.MinVersion = 0; return cfg }
	server, client := mustServer(t, a, noon, "hub.example"), named(EnrolTLS(kitFor(a)), "hub.example")
	for _, c := range []struct {
		name           string
		server, client *tls.Config
		ok             bool
	}{
		{"old hub", only12(server), client, false},
		{"old kiosk", server, only12(client), false},
		{"old hub, limit lifted", only12(server), lifted(client), true},
		{"old kiosk, limit lifted", lifted(server), only12(client), true},
	} {
		if _, err := connect(t, c.server, c.client); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
	for name, cfg := range map[string]*tls.Config{"client": ClientTLS(id, key), "enrol": EnrolTLS(kitFor(a)), "server": mustServer(t, a, noon, "h")} {
		if cfg.NextProtos != nil {
			t.Errorf("%s offers %q", name, cfg.NextProtos)
		}
	}
}

// A server that takes over during enrolment gets not one byte of the request.
func TestNothingIsSentBeforeThePinIsChecked(t *testing.T) {
	a := mustAuthority(t, noon)
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	server.TLS = mustServer(t, mustAuthority(t, noon), noon, "127.0.0.1")
	server.StartTLS()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: EnrolTLS(kitFor(a))}}
	_, err := client.Post(server.URL, "application/json", strings.NewReader("{}"))
	if Diagnose(err) != FaultOtherHub || asked != 0 {
		t.Errorf("Post = %v, handler asked %d times", err, asked)
	}
}

func TestDiagnosePlainHTTP(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	a := mustAuthority(t, noon)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: EnrolTLS(kitFor(a))}}
	_, err := client.Get(strings.Replace(server.URL, "http:", "https:", 1))
	if Diagnose(err) != FaultNotTLS {
		t.Errorf("Diagnose(%v) = %d, want FaultNotTLS", err, Diagnose(err))
	}
	for _, err := range []error{nil, errors.New("x"), &net.OpError{Op: "dial", Err: errors.New("certificate")}} {
		if got := Diagnose(fmt.Errorf("dial hub: %w", err)); got != FaultOther {
			t.Errorf("Diagnose(%v) = %d, want FaultOther", err, got)
		}
	}
}

func TestPeersThatAreNotOurDevices(t *testing.T) {
	a, foreign, key := mustAuthority(t, noon), mustAuthority(t, noon), mustKey(t)
	server := mustServer(t, a, noon, "hub.example")
	mine := identityFor(t, a, kitFor(a), key.Public(), noon)
	theirs := identityFor(t, foreign, kitFor(foreign), key.Public(), noon)
	theirs.CA = mine.CA
	hubAsDevice := mine
	hubAsDevice.Certificate = server.Certificates[0].Certificate[0]
	for _, c := range []struct {
		name string
		id   Identity
		key  crypto.Signer
		want Fault
	}{
		{"device of another hub", theirs, key, FaultForeignAuthority},
		{"the hub's own certificate", hubAsDevice, server.Certificates[0].PrivateKey.(crypto.Signer), FaultForeignAuthority},
	} {
		state, err := connect(t, server, named(ClientTLS(c.id, c.key), "hub.example"))
		if err != nil {
			t.Errorf("%s: %v, want a connection that is refused in words", c.name, err)
		}
		if _, _, err := a.Peer(state); Diagnose(err) != c.want {
			t.Errorf("%s: Peer = %v", c.name, err)
		}
	}
	state, err := connect(t, server, named(EnrolTLS(kitFor(a)), "hub.example"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Peer(state); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("Peer without a certificate = %v", err)
	}
	if _, err := connect(t, server, named(ClientTLS(mine, mustKey(t)), "hub.example")); err == nil {
		t.Error("a certificate without its key connects")
	}
}

// A certificate of our own authority that names another key than its own, as
// only a fault of ours could issue.
func TestNameThatIsNotTheKeys(t *testing.T) {
	a, key := mustAuthority(t, noon), mustKey(t)
	template := &x509.Certificate{Subject: pkix.Name{CommonName: DeviceID(mustKey(t).Public())}, NotBefore: noon, NotAfter: lastDay(),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := a.issue(template, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if device, _, err := a.Peer(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}); err == nil {
		t.Errorf("Peer = %q", device)
	}
	id := identityFor(t, a, kitFor(a), key.Public(), noon)
	id.Certificate = der
	if err := id.Save(t.TempDir()); err == nil {
		t.Error("such an identity is kept")
	}
}

func TestPinnedServerKey(t *testing.T) {
	a := mustAuthority(t, noon)
	server := mustServer(t, a, noon, "console.example")
	leaf, err := x509.ParseCertificate(server.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, server, PinnedTLS(pinOf(leaf), nil)); err != nil {
		t.Errorf("pinned by its own key: %v", err)
	}
	if _, err := connect(t, server, PinnedTLS(a.Pin(), []string{"console.example"})); err != nil {
		t.Errorf("pinned by its authority: %v", err)
	}
	_, err = connect(t, server, PinnedTLS(mustAuthority(t, noon).Pin(), []string{"console.example"}))
	trust := (*TrustError)(nil)
	if !errors.As(err, &trust) || trust.Fault != FaultOtherHub || trust.Shown != a.Pin() {
		t.Errorf("wrong pin: %v, want the pin shown to compare", err)
	}
}

func TestServerNames(t *testing.T) {
	a := mustAuthority(t, noon)
	for _, bad := range [][]string{nil, {""}, {"https://hub"}, {"hub:8443"}, {"a b"}, {"hub/x"}, {"[::1]"}} {
		if _, err := a.ServerTLS(bad, noon); err == nil {
			t.Errorf("ServerTLS(%q) succeeds", bad)
		}
	}
	if _, err := a.ServerTLS([]string{"hub.example", "::1", "10.0.0.7"}, noon); err != nil {
		t.Error(err)
	}
}
