package rehearsal

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nghe/hub/database"
	"nghe/kiosk/outbox"
	"nghe/shared/ident"
	"nghe/shared/sqlite"
)

// drained is how many ratings BenchmarkDrain delivers.
const drained = 100_000

// BenchmarkDrain delivers a long backlog through real TLS, an outbox and a
// ledger that both wait for the disk, and then measures in the same run what
// the same bytes cost with nothing around them: a loop of WebSocket messages,
// each answered after a transaction of bare inserts.
//
//	rec/s        records from the first dial to the last acknowledgement
//	B/rec        bytes of TCP payload from the kiosk, TLS and handshake included
//	bare-rec/s   the limit
//	of-limit     the first as a share of it
func BenchmarkDrain(b *testing.B) {
	backlog := fill(b)
	var took, bare time.Duration
	var bytes int64
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		d, up := drainOnce(b, backlog)
		took, bytes, rounds = took+d, bytes+up, rounds+1
		bare += bareLimit(b, up)
		b.StartTimer()
	}
	records := float64(drained * rounds)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(records/took.Seconds(), "rec/s")
	b.ReportMetric(float64(bytes)/records, "B/rec")
	b.ReportMetric(records/bare.Seconds(), "bare-rec/s")
	b.ReportMetric(bare.Seconds()/took.Seconds(), "of-limit")
}

//go:embed testdata/bare.sql
var bareSQL string

// bareTable gives a function that inserts rows in one transaction, with the
// pragmas of the hub.
func bareTable(b *testing.B) func(from, count int) {
	db, err := database.Open(context.Background(), "sqlite:"+filepath.Join(b.TempDir(), "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	queries := sqlite.Queries(bareSQL)
	write := func(do func(tx *database.Tx) error) {
		if err := db.Write(context.Background(), do); err != nil {
			b.Error(err)
		}
	}
	write(func(tx *database.Tx) error {
		_, err := tx.Exec(context.Background(), queries["table"])
		return err
	})
	return func(from, count int) {
		seqs, ids, uptimes, scores := make([]int64, count), make([][]byte, count), make([]int64, count), make([]int64, count)
		for i := range count {
			seqs[i], uptimes[i], scores[i] = int64(from+i), int64(from+i)*4_000_000, int64(1+i%5)
			ids[i] = binary.BigEndian.AppendUint64(make([]byte, 8, 16), uint64(from+i))
		}
		write(func(tx *database.Tx) error {
			_, err := tx.Many(context.Background(), queries["insert"], seqs, ids, uptimes, scores)
			return err
		})
	}
}

// fill makes the backlog where nothing waits for a disk: making it is not what
// is measured.
func fill(b *testing.B) *near {
	b.Helper()
	memory, err := os.MkdirTemp("/dev/shm", "nghe-drain-")
	if err != nil {
		memory = b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(memory) })
	f := sqliteFar(b)
	n := newNear(b, f)
	n.close()
	n.dir = memory
	var passed time.Duration // residents are seconds apart, and the clocks agree
	begun := time.Now()
	n.outbox, err = outbox.Open(outbox.Config{Dir: memory, Place: n.id.Place.ID, Program: "rehearsal", Logger: f.log,
		Monotonic: func() time.Duration { return passed }, Now: func() time.Time { return begun.Add(passed) }})
	f.must(err)
	for range drained {
		passed += time.Duration(1200+rand.IntN(6800)) * time.Millisecond
		n.tap(1)
	}
	n.close()
	return n
}

func drainOnce(b *testing.B, backlog *near) (time.Duration, int64) {
	f := backlog.far
	n := &near{t: b, far: f, dir: b.TempDir(), key: backlog.key, id: backlog.id, timing: hasty, proxy: direct}
	f.stop()
	f.location = "sqlite:" + filepath.Join(b.TempDir(), "hub.db")
	f.keys = b.TempDir()
	f.start()
	fresh := newNear(b, f)
	fresh.close()
	n.key, n.id = fresh.key, fresh.id
	copyAll(b, backlog.dir, n.dir)
	n.open()
	defer n.close()
	l := newLine(b, f.address)
	l.through(n)
	begun := time.Now()
	n.connect()
	n.settled()
	took := time.Since(begun)
	if got := f.intake.Stats().Records; got < drained {
		b.Fatalf("the hub counted %d records", got)
	}
	return took, l.up.Load()
}

// bareLimit sends the same number of bytes over TLS in messages of a batch's
// size and stores a row for every record, in transactions of a batch, with the
// same pragmas.
func bareLimit(b *testing.B, bytes int64) time.Duration {
	const each = 5000 // records in a batch
	batches := drained / each
	insert := bareTable(b)
	authority, err := ident.OpenAuthority(b.TempDir(), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	settings, err := authority.ServerTLS([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for at := 0; ; at += each {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
			insert(at, each)
			if err := conn.WriteMessage(websocket.BinaryMessage, []byte("12345678")); err != nil {
				return
			}
		}
	})}
	go server.Serve(tls.NewListener(raw, settings))
	defer server.Close()
	dialer := websocket.Dialer{TLSClientConfig: ident.PinnedTLS(authority.Pin(), []string{"127.0.0.1"})}
	begun := time.Now()
	conn, _, err := dialer.Dial("wss://"+raw.Addr().String(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	message := make([]byte, bytes/int64(batches))
	go func() {
		for range batches {
			_ = conn.WriteMessage(websocket.BinaryMessage, message)
		}
	}()
	for range batches {
		if _, _, err := conn.ReadMessage(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begun)
}
