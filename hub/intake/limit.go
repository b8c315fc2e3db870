package intake

import (
	"context"
	"net"
	"sync"

	"golang.org/x/time/rate"
)

// Limits on what a listener lets in, before any of it costs a handshake.
type Limits struct {
	PerSecond float64 // connections accepted; 0 means 300: a handshake costs the hub about a millisecond
	Most      int     // connections open; 0 means 15,000
}

// Limit wraps the TCP listener under the kiosks' TLS. Whoever comes too fast
// waits in the kernel's queue.
func Limit(l net.Listener, limits Limits) net.Listener {
	if limits.PerSecond <= 0 {
		limits.PerSecond = 300
	}
	if limits.Most <= 0 {
		limits.Most = 15_000
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &limited{Listener: l, pace: rate.NewLimiter(rate.Limit(limits.PerSecond), max(1, int(limits.PerSecond/4))),
		open: make(chan struct{}, limits.Most), ctx: ctx, cancel: cancel}
}

type limited struct {
	net.Listener
	pace   *rate.Limiter
	open   chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
}

func (l *limited) Accept() (net.Conn, error) {
	if err := l.pace.Wait(l.ctx); err != nil {
		return nil, net.ErrClosed
	}
	select {
	case l.open <- struct{}{}:
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &counted{Conn: c, release: sync.OnceFunc(func() { <-l.open })}, nil
}

func (l *limited) Close() error {
	l.cancel()
	return l.Listener.Close()
}

type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	defer c.release()
	return c.Conn.Close()
}
