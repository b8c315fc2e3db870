package ident

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Fault says which way a connection could not be trusted.
type Fault uint8

const (
	FaultOther            Fault = iota // not a matter of trust: no route, cut, timed out
	FaultForeignAuthority              // the certificate is no hub's: interception, or another service
	FaultWrongName                     // our hub, under an address its certificate does not name
	FaultRefused                       // the other side did not take our certificate
	FaultNotTLS                        // something that does not speak TLS: a captive portal, a wrong port
	FaultOtherHub                      // the certificate is of a hub, and not of ours: set up anew, or a wrong address
)

// TrustError is a certificate that was not accepted.
type TrustError struct {
	Fault  Fault
	Shown  string // pin of what was shown, to compare by eye
	Detail string
}

func (e *TrustError) Error() string { return e.Detail }

// Diagnose finds the Fault in an error from a dial, a handshake or a request.
func Diagnose(err error) Fault {
	if trust := (*TrustError)(nil); errors.As(err, &trust) {
		return trust.Fault
	}
	if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) {
		return FaultNotTLS
	}
	// net/http replaces the error above by words of its own.
	if err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return FaultNotTLS
	}
	if refusedByPeer(err) {
		return FaultRefused
	}
	return FaultOther
}

// refusedByPeer looks for a TLS alert about our certificate. crypto/tls has no
// exported type for alerts over TCP.
func refusedByPeer(err error) bool {
	remote := (*net.OpError)(nil)
	if !errors.As(err, &remote) || remote.Op != "remote error" {
		return false
	}
	text := remote.Err.Error()
	return strings.Contains(text, "certificate") || strings.Contains(text, "access denied")
}

// ClientTLS is how an enrolled kiosk connects: TLS 1.3, its own certificate,
// the chain to a pinned authority and the name of the hub; the clock plays no
// part. It serves every address in id.Hub.
func ClientTLS(id Identity, key crypto.Signer) *tls.Config {
	own := &tls.Certificate{Certificate: [][]byte{id.Certificate}, PrivateKey: key}
	cfg := clientTLS(func(cs tls.ConnectionState) error {
		return checkHub(cs, parseAll(id.CA), hostsOf(id.Hub))
	})
	// Always sent, whatever authorities the server lists: a hub that does not
	// know it can then say so in words.
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	return cfg
}

// EnrolTLS is how a kiosk connects before it has a certificate: the hub must
// show the authority that the kit pins, and be certified by it under an
// address in the kit, before anything is sent.
func EnrolTLS(kit Kit) *tls.Config { return PinnedTLS(kit.Pin, hostsOf(kit.Hub)) }

// PinnedTLS accepts a server whose own key has the pin, or whose chain holds
// an authority that has it and that certifies the server for one of hosts.
func PinnedTLS(pin string, hosts []string) *tls.Config {
	return clientTLS(func(cs tls.ConnectionState) error {
		if pinOf(cs.PeerCertificates[0]) == pin {
			return nil
		}
		return checkHub(cs, pinned(cs.PeerCertificates[1:], pin), hosts)
	})
}

func clientTLS(verify func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // replaced by VerifyConnection, which does not look at the clock
		VerifyConnection:   verify,
	}
}

func pinned(certs []*x509.Certificate, pin string) []*x509.Certificate {
	for _, cert := range certs {
		if pinOf(cert) == pin {
			return []*x509.Certificate{cert}
		}
	}
	return nil
}

// checkHub judges what a server shows. crypto/tls leaves ServerName empty for
// IP addresses, so there any address in hosts will do.
func checkHub(cs tls.ConnectionState, authorities []*x509.Certificate, hosts []string) error {
	leaf := cs.PeerCertificates[0]
	shown := ShownPin(cs.PeerCertificates)
	if err := chains(leaf, authorities, x509.ExtKeyUsageServerAuth); err != nil {
		return foreign(leaf, shown)
	}
	if cs.ServerName != "" {
		hosts = []string{cs.ServerName}
	}
	for _, host := range hosts {
		if leaf.VerifyHostname(host) == nil {
			return nil
		}
	}
	return &TrustError{FaultWrongName, shown, fmt.Sprintf("the hub's certificate does not name %s, only %s; start the hub with that name as well",
		strings.Join(hosts, ", "), strings.Join(namesOf(leaf), ", "))}
}

// foreign tells another hub from what is none. Who would deceive can call
// himself a hub, so nothing but words comes of it.
func foreign(leaf *x509.Certificate, shown string) *TrustError {
	name, isHub := strings.CutPrefix(leaf.Issuer.CommonName, authorityName)
	if isHub && leaf.Subject.CommonName == serverName {
		day, _, _ := strings.Cut(name, " ")
		return &TrustError{FaultOtherHub, shown, "another hub answers there, set up on " + day + " (shown: " + shown +
			"): if this kiosk's hub was set up anew, restore it with hub restore, or make a new kit; else the address is wrong, or something pretends to be a hub"}
	}
	return &TrustError{FaultForeignAuthority, shown, fmt.Sprintf("the certificate is no hub's, it was issued by %q (shown: %s): something on the way inspects the line, have the hub's address excepted from it; or the address is another service's", leaf.Issuer.CommonName, shown)}
}

// ShownPin is the pin of the authority that a chain really ends in, or of the
// leaf where it shows none: a stranger may append our own certificate.
func ShownPin(certs []*x509.Certificate) string {
	if len(certs) == 0 {
		return ""
	}
	leaf, last := certs[0], certs[len(certs)-1]
	if leaf.CheckSignatureFrom(last) == nil {
		return pinOf(last)
	}
	return pinOf(leaf)
}

// chains verifies that one of authorities issued leaf for usage, at a moment
// the certificate itself names.
func chains(leaf *x509.Certificate, authorities []*x509.Certificate, usage x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	for _, cert := range authorities {
		roots.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}, CurrentTime: leaf.NotBefore.Add(time.Second),
	})
	return err
}

func namesOf(cert *x509.Certificate) []string {
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func hostsOf(hubs []string) []string {
	var hosts []string
	for _, hub := range hubs {
		if u, err := url.Parse(hub); err == nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

func parseAll(ders [][]byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, der := range ders {
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs
}

// ErrNoCertificate is a peer that showed no certificate at all.
var ErrNoCertificate = errors.New("no device certificate shown; enrol this kiosk with a kit")

// Peer says which device is at the other end of a server connection. It proves
// the key and the issuer; whether the device is still welcome is for the
// registry.
func (a *Authority) Peer(cs tls.ConnectionState) (deviceID string, pub crypto.PublicKey, err error) {
	if len(cs.PeerCertificates) == 0 {
		return "", nil, ErrNoCertificate
	}
	leaf := cs.PeerCertificates[0]
	if err := chains(leaf, []*x509.Certificate{a.cert}, x509.ExtKeyUsageClientAuth); err != nil {
		return "", nil, &TrustError{FaultForeignAuthority, pinOf(leaf), "device certificate is not from this hub; enrol this kiosk with a new kit of this hub"}
	}
	if id := DeviceID(leaf.PublicKey); id == "" || id != leaf.Subject.CommonName {
		return "", nil, &TrustError{FaultForeignAuthority, pinOf(leaf), "device certificate does not name its own key; enrol this kiosk with a new kit"}
	}
	return leaf.Subject.CommonName, leaf.PublicKey, nil
}

// anyPinned says whether any of ders has the pin.
func anyPinned(ders [][]byte, pin string) bool {
	for _, der := range ders {
		if cert, err := x509.ParseCertificate(der); err == nil && bytes.Equal(cert.Raw, der) && pinOf(cert) == pin {
			return true
		}
	}
	return false
}
