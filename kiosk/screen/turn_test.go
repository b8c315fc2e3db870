package screen

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// A page that stops sending does not keep the next one waiting.
func TestMessageCutOff(t *testing.T) {
	d := newDesk(t)
	body, contentType := form(headWith(), someWords)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7070/api/messages", io.MultiReader(bytes.NewReader(body[:len(body)/2]), failingReader{}))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	if d.http.ServeHTTP(w, r); w.Code != 400 || !strings.Contains(w.Body.String(), "unread") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if status, _ := d.send(headWith(), someWords); status != 201 {
		t.Errorf("the next one: %d", status)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// Connections that say nothing, or nothing after the head, hold up nobody: the
// next page is told soon to send again, and its message is kept.
func TestSilentConnections(t *testing.T) {
	d := newDesk(t)
	server := httptest.NewServer(d.http)
	t.Cleanup(server.Close) // after the connections, for which it would wait
	content, contentType := form(headWith(), someWords)
	silent := func(sent int) {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(content), content[:sent])
	}
	send := func() (int, time.Duration) {
		began := time.Now()
		res, err := http.Post(server.URL+"/api/messages", contentType, bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 201 && (res.StatusCode != 503 || res.Header.Get("Retry-After") == "") {
			t.Errorf("answered %s", res.Status)
		}
		return res.StatusCode, time.Since(began)
	}
	for range 6 {
		silent(0)
		silent(100)
	}
	if status, took := send(); status != 201 || took > 10*time.Second {
		t.Errorf("beside those that say nothing: %d after %v", status, took)
	}
	silent(len(content) - 40)
	for deadline := time.Now().Add(20 * time.Second); len(d.screen.turn) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the silent one never had its turn")
		}
	}
	for deadline := time.Now().Add(partsTime); ; {
		if status, _ := send(); status == 201 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("one silent connection holds all messages")
		}
	}
}

// Whoever waits for the message before is told so at once, and how to go on.
func TestMessageWaitsItsTurnShortly(t *testing.T) {
	d := newDesk(t)
	d.screen.turn <- struct{}{}
	began := time.Now()
	status, reply := d.send(headWith(), someWords)
	told, _ := reply["error"].(map[string]any)
	if took := time.Since(began); status != 503 || told["code"] != "unread" || took < turnWait || took > turnWait+10*time.Second {
		t.Errorf("%d %v after %v", status, reply, took)
	}
	<-d.screen.turn
	if status, _ := d.send(headWith(), someWords); status != 201 || len(d.screen.turn) != 0 {
		t.Errorf("its turn: %d", status)
	}
}
