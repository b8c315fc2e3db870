package uplink

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"nghe/kiosk/vitals"
)

// lineBuffer is the size of the WebSocket's buffers: a message larger than it
// leaves in pieces.
const lineBuffer = 32 << 10

// dialAny tries each address of the hub in turn, first the one that worked
// last.
func (u *Uplink) dialAny(ctx context.Context) (*websocket.Conn, *Trouble) {
	hubs, all := u.cfg.Identity.Hub, []*Trouble{}
	for i := range hubs {
		at := (u.first + i) % len(hubs)
		u.set(func(s *Status) { s.Hub = hubs[at] })
		conn, err := u.dial(ctx, hubs[at])
		if err == nil {
			u.first = at
			return conn, nil
		}
		all = append(all, classify(err))
		if ctx.Err() != nil {
			break
		}
	}
	if len(all) == 0 {
		return nil, &Trouble{Condition: vitals.NameNotFound, Detail: "the identity names no hub"}
	}
	return nil, gravest(all)
}

// dial opens a WebSocket. gorilla stops listening to a context once TCP
// stands, so the end of this one closes the connection underneath.
func (u *Uplink) dial(parent context.Context, hub string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(parent, u.cfg.Timing.Handshake)
	defer cancel()
	release := func() bool { return true }
	d := websocket.Dialer{
		HandshakeTimeout: u.cfg.Timing.Handshake, ReadBufferSize: lineBuffer, WriteBufferSize: lineBuffer,
		NetDialTLSContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := u.road.dialTLS(ctx, network, addr)
			if err == nil {
				release = context.AfterFunc(ctx, func() { c.Close() })
			}
			return c, err
		},
	}
	conn, r, err := d.DialContext(ctx, "wss://"+strings.TrimPrefix(hub, "https://")+"/session", nil)
	if !release() {
		err = errors.Join(ctx.Err(), err)
	}
	return u.accept(conn, r, err)
}

var errCompression = errors.New("the hub insists on WebSocket compression, which no limit bounds")

func (u *Uplink) accept(conn *websocket.Conn, r *http.Response, err error) (*websocket.Conn, error) {
	switch {
	case err == nil && r.Header.Get("Sec-WebSocket-Extensions") != "":
		err = errCompression
	case errors.Is(err, websocket.ErrBadHandshake):
		err = newAnswered(r, false)
	}
	if err != nil && conn != nil {
		conn.Close()
		conn = nil
	}
	return conn, err
}
