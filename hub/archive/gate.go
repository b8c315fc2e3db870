package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// errNotS3 says that somebody else answered in the store's place.
var errNotS3 = errors.New("what answered is not an S3 server")

// gate is the way to the server. It stops answers that the client would take
// for a yes: a captive portal's page, a redirect, an upload without a tag.
type gate struct {
	next *http.Transport
	now  func() time.Time
	skew atomic.Int64 // of the server's clock against the hub's, as a time.Duration
	told atomic.Bool  // whether the server has told its time
	near atomic.Bool  // whether what answers is this machine
	date atomic.Pointer[reading]
}

// reading is what the server's clock read, and when that was.
type reading struct{ date, heard time.Time }

func newGate(cfg S3Config) (*gate, error) {
	trust, err := cfg.trust()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: min(cfg.Patience, 10*time.Second)}
	g := &gate{now: cfg.Now}
	g.next = &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				g.near.Store(hostOnly(c.LocalAddr().String()) == hostOnly(c.RemoteAddr().String()))
			}
			return c, err
		},
		TLSClientConfig:        trust,
		TLSHandshakeTimeout:    min(cfg.Patience, 10*time.Second),
		IdleConnTimeout:        20 * time.Second, // servers hang up at a minute or so
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // what is hashed is what was sent
	}
	return g, nil
}

// RoundTrip is one request and its answer.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	g.compare(answer.Header.Get("Date"))
	if err := doubt(r, answer); err != nil {
		answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

func doubt(r *http.Request, a *http.Response) error {
	switch kind := a.Header.Get("Content-Type"); {
	case a.StatusCode == http.StatusProxyAuthRequired:
		return person{errors.New("the proxy wants a password: put it into HTTPS_PROXY")}
	case 300 <= a.StatusCode && a.StatusCode < 400 && a.StatusCode != http.StatusNotModified:
		return person{fmt.Errorf("it sends elsewhere (%s, region %q): correct the archive's host or region",
			host(a.Header.Get("Location")), a.Header.Get("X-Amz-Bucket-Region"))}
	case strings.HasPrefix(kind, "text/html"):
		return fmt.Errorf("%w: a web page came back with %q, from a proxy, a sign-in page of the network, or another service on this port", errNotS3, a.Status)
	case a.StatusCode/100 == 2 && r.Method == http.MethodPut && a.Header.Get("ETag") == "":
		return fmt.Errorf("%w: an upload was answered without a tag", errNotS3)
	case a.StatusCode/100 == 2 && r.URL.Query().Has("list-type"):
		return doubtList(a)
	}
	return nil
}

// doubtList looks at how a list begins: the client takes any XML, and so a page
// of somebody else, for an empty archive.
func doubtList(a *http.Response) error {
	body := bufio.NewReader(a.Body)
	begin, _ := body.Peek(512) // shorter is for the client to judge
	if !bytes.Contains(begin, []byte("<ListBucketResult")) {
		return fmt.Errorf("%w: a list of objects was asked for, and something else came", errNotS3)
	}
	a.Body = struct {
		io.Reader
		io.Closer
	}{body, a.Body}
	return nil
}

// compare notes how far the server's clock is from the hub's.
func (g *gate) compare(date string) {
	if at, err := http.ParseTime(date); err == nil {
		g.skew.Store(int64(at.Sub(g.now())))
		g.told.Store(true)
		g.date.Store(&reading{at, time.Now()})
	}
}

// clock is the server's clock against the hub's, to the second.
func (g *gate) clock() (skew time.Duration, told bool) {
	return time.Duration(g.skew.Load()).Round(time.Second), g.told.Load()
}

// heardWithin is how long what a clock read counts.
const heardWithin = 24 * time.Hour

// Clock is what the clock of a store on another machine reads now, whatever the
// hub's does; false when there is none, or nothing was heard of it lately.
func Clock(s Store) (reads time.Time, heard bool) {
	switch s := s.(type) {
	case verified:
		return Clock(s.Store)
	case *Owned:
		return Clock(s.Store)
	case *S3:
		r := s.gate.date.Load()
		if r == nil || s.gate.near.Load() || time.Since(r.heard) > heardWithin {
			return time.Time{}, false
		}
		return r.date.Add(time.Since(r.heard)), true
	}
	return time.Time{}, false
}

func host(location string) string {
	_, rest, _ := strings.Cut(location, "://")
	name, _, _ := strings.Cut(rest, "/")
	if name == "" {
		return "nowhere"
	}
	return name
}
