package uplink

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// road is how bytes get to the hub: straight or through a proxy, then TLS.
type road struct {
	tls   *tls.Config
	proxy func(*http.Request) (*url.URL, error)
	quiet time.Duration // the kernel gives up on unacknowledged bytes after this
}

// dialTLS connects to the hub at addr and shakes hands. ctx bounds all of it.
func (r road) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	raw, err := r.dialTCP(ctx, addr)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(addr)
	cfg, heard := r.tls.Clone(), &witness{Conn: raw}
	cfg.ServerName = host
	conn := tls.Client(heard, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, heard.explain(err)
	}
	heard.deaf = true
	return conn, nil
}

func (r road) dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	proxy, err := r.proxy(&http.Request{Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: addr}})
	if err != nil {
		return nil, fmt.Errorf("read proxy setting: %w", err)
	}
	d := net.Dialer{Control: r.giveUp}
	if proxy == nil {
		return d.DialContext(ctx, "tcp", addr)
	}
	return connect(ctx, d, proxy, addr)
}

// userTimeout is TCP_USER_TIMEOUT of <linux/tcp.h>: the second line of defence
// against a line that swallows bytes.
const userTimeout = 18

func (r road) giveUp(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// A kernel that does not know it changes nothing: deadlines remain.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(r.quiet.Milliseconds()))
	})
}

// connect asks a proxy for a tunnel to addr.
func connect(ctx context.Context, d net.Dialer, proxy *url.URL, addr string) (net.Conn, error) {
	conn, err := dialProxy(ctx, d, proxy)
	if err != nil {
		return nil, fmt.Errorf("reach proxy %s: %w", proxy.Host, err)
	}
	release := context.AfterFunc(ctx, func() { conn.Close() })
	err = tunnel(conn, proxy.User, addr)
	if !release() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, errors.Join(err, ctx.Err())
	}
	return conn, nil
}

func dialProxy(ctx context.Context, d net.Dialer, proxy *url.URL) (net.Conn, error) {
	port := proxy.Port()
	switch {
	case proxy.Scheme == "https":
		if port == "" {
			port = "443"
		}
		secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12}}
		return secure.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	case proxy.Scheme != "http":
		return nil, fmt.Errorf("proxy scheme %q is not known here; use http:// or https://", proxy.Scheme)
	case port == "":
		port = "80"
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
}

// tunnel speaks CONNECT. Nothing may follow the proxy's answer: in TLS the
// client speaks first.
func tunnel(conn net.Conn, user *url.Userinfo, addr string) error {
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user != nil {
		password, _ := user.Password()
		word := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		ask.Header.Set("Proxy-Authorization", "Basic "+word)
	}
	if err := ask.Write(conn); err != nil {
		return fmt.Errorf("ask proxy: %w", err)
	}
	r, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), ask)
	if err != nil {
		return fmt.Errorf("read proxy's answer: %w", err)
	}
	if a := newAnsweredHead(r); r.StatusCode != http.StatusOK || a.html {
		return a
	}
	return nil
}

// maxHead bounds what a proxy may say before its tunnel opens.
const maxHead = 64 << 10

// newAnsweredHead reads no body: the answer to CONNECT has none that ends.
func newAnsweredHead(r *http.Response) *answered {
	r.Body = http.NoBody
	return newAnswered(r, true)
}

// witness remembers the first bytes heard, so that HTTP in place of TLS can be
// told from other noise.
type witness struct {
	net.Conn
	head []byte
	deaf bool
}

func (w *witness) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if !w.deaf && len(w.head) < bodyBytes {
		w.head = append(w.head, p[:n]...)
	}
	return n, err
}

func (w *witness) explain(err error) error {
	if !bytes.HasPrefix(w.head, []byte("HTTP/")) {
		return err
	}
	r, unread := http.ReadResponse(bufio.NewReader(bytes.NewReader(w.head)), nil)
	if unread != nil {
		return err
	}
	return newAnswered(r, false)
}
