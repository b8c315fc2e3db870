package rehearsal

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nghe/shared/ident"
	"nghe/shared/wire"
)

// reader is a line that holds both ends' keys, as only a test can: it ends the
// TLS of each, sees every frame, and counts the octets of blobs among all the
// others. It cuts itself in the middle of a chunk.
type reader struct {
	t      *testing.T
	to     string
	hubTLS *tls.Config
	server *http.Server
	closed atomic.Bool  // answers nobody
	every  atomic.Int64 // cut after so many octets of blobs; 0: never
	narrow atomic.Int64 // octets of frames a second from the kiosk; 0: as many as come

	raw     atomic.Int64 // octets of TCP from the kiosk
	payload atomic.Int64 // octets of blobs among them
	chunks  atomic.Int64 // frames that hold some
	dials   atomic.Int64
	broken  atomic.Int64 // connections that ended with octets of a blob not answered for
	flew    atomic.Int64 // those octets

	mu   sync.Mutex
	open map[net.Conn]bool
}

// newReader stands between a ward's kiosk, which must have stopped, and its hub.
func newReader(t *testing.T, w *ward) *reader {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	identity := filepath.Join(w.path("kiosk"), "identity")
	id, err := ident.LoadIdentity(identity)
	must(err)
	key, err := ident.OpenKey(identity)
	must(err)
	authority, err := ident.OpenAuthority(filepath.Join(w.path("hub"), "authority"), time.Now())
	must(err)
	serve, err := authority.ServerTLS([]string{"127.0.0.1"}, time.Now())
	must(err)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	l := &reader{t: t, to: w.kiosks, hubTLS: ident.ClientTLS(id, key), open: map[net.Conn]bool{}}
	l.server = &http.Server{Handler: http.HandlerFunc(l.session), ErrorLog: log.New(io.Discard, "", 0)}
	id.Hub = []string{"https://" + raw.Addr().String()}
	must(id.Save(identity))
	go l.server.Serve(tls.NewListener(counting{raw, l}, serve))
	t.Cleanup(func() { l.server.Close(); l.cut() })
	return l
}

// counting counts what comes up the line, under the TLS.
type counting struct {
	net.Listener
	of *reader
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil && c.of.closed.Load() {
		conn.Close()
	}
	return counted{conn, c.of}, err
}

type counted struct {
	net.Conn
	of *reader
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.of.raw.Add(int64(n))
	return n, err
}

func (l *reader) session(w http.ResponseWriter, r *http.Request) {
	out, _, err := (&websocket.Dialer{TLSClientConfig: l.hubTLS, HandshakeTimeout: 5 * time.Second}).Dial("wss://"+l.to+"/session", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	in, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		out.Close()
		return
	}
	l.dials.Add(1)
	l.keep(in.NetConn(), out.NetConn())
	p := passage{reader: l}
	var both sync.WaitGroup
	both.Go(func() { p.pass(in, out, p.upwards) })
	both.Go(func() { p.pass(out, in, p.downwards) })
	both.Wait()
	if n := p.flying.Load(); n > 0 {
		l.broken.Add(1)
		l.flew.Add(n)
	}
}

func (l *reader) keep(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.open[c] = true
	}
}

// cut ends every connection at once.
func (l *reader) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close()
		delete(l.open, c)
	}
}

// passage is one connection through the reader.
type passage struct {
	*reader
	flying atomic.Int64 // octets of a blob that no answer covers yet
}

// pass carries messages, and pings and pongs, until either side is gone.
func (p *passage) pass(from, to *websocket.Conn, seen func(message, piece []byte)) {
	defer from.Close()
	defer to.Close()
	forward := func(kind int) func(string) error {
		return func(data string) error {
			_ = to.WriteControl(kind, []byte(data), time.Now().Add(time.Second)) // a lost one shows as silence
			return nil
		}
	}
	from.SetPingHandler(forward(websocket.PingMessage))
	from.SetPongHandler(forward(websocket.PongMessage))
	for {
		kind, r, err := from.NextReader()
		if err != nil {
			return
		}
		w, err := to.NextWriter(kind)
		if err != nil {
			return
		}
		var message bytes.Buffer
		if _, err := io.CopyBuffer(w, io.TeeReader(struct{ io.Reader }{r}, noting{&message, seen}), make([]byte, 4<<10)); err != nil || w.Close() != nil {
			return
		}
	}
}

// noting shows each piece of a message with what came of it so far.
type noting struct {
	message *bytes.Buffer
	seen    func(message, piece []byte)
}

func (n noting) Write(piece []byte) (int, error) {
	n.message.Write(piece)
	n.seen(n.message.Bytes(), piece)
	return len(piece), nil
}

// upwards counts octets of blobs as they come, and cuts the line among them.
func (p *passage) upwards(message, piece []byte) {
	if narrow := p.narrow.Load(); narrow > 0 {
		time.Sleep(time.Duration(len(piece)) * time.Second / time.Duration(narrow))
	}
	if wire.FrameType(message[0]) != wire.FrameChunk {
		return
	}
	head := chunkHead(message)
	n := int64(max(0, len(message)-head) - max(0, len(message)-len(piece)-head))
	if n > 0 && len(message)-len(piece) <= head {
		p.chunks.Add(1)
	}
	p.flying.Add(n)
	if after, every := p.payload.Add(n), p.every.Load(); every > 0 && after/every != (after-n)/every {
		p.cut()
	}
}

func (p *passage) downwards(message, _ []byte) {
	if wire.FrameType(message[0]) == wire.FrameChunkAck {
		p.flying.Store(0)
	}
}

// chunkHead is how many octets stand before those of the blob: type, array,
// name, and three numbers, each in the shortest form.
func chunkHead(message []byte) int {
	at := 1 + 1 + 2 + 32
	for range 3 {
		if at >= len(message) {
			return len(message)
		}
		size := 1
		if short := message[at] & 0x1f; short >= 24 && short <= 27 {
			size += 1 << (short - 24)
		}
		at += size
	}
	return at
}
