package console

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// stream reads patches as a page would.
func (h *hub) stream(c *http.Client, query string) <-chan patch {
	h.t.Helper()
	res, err := c.Get(h.server.URL + "/api/events?" + query)
	if err != nil {
		h.t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "text/event-stream" {
		h.t.Fatalf("stream: %s %s", res.Status, got)
	}
	out := make(chan patch, 100)
	go func() {
		defer close(out)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && strings.HasPrefix(data, "{") {
				var p patch
				if json.Unmarshal([]byte(data), &p) == nil {
					out <- p
				}
			}
		}
	}()
	return out
}

func next(t *testing.T, stream <-chan patch) patch {
	t.Helper()
	select {
	case p, ok := <-stream:
		if !ok {
			t.Fatal("the stream ended")
		}
		return p
	case <-time.After(10 * time.Second):
		t.Fatal("no patch within 10 s")
	}
	return patch{}
}

var liveAttribute = regexp.MustCompile(`data-live="/api/events\?([^"]*)"`)

// The stream of a page sends what changed since that page and nothing else.
func TestStreamGoesOnFromThePage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	first, second := h.enrol("qt-01"), h.enrol("qt-02")
	for _, d := range []*device{first, second} {
		d.boot(h.now().Add(-time.Hour))
		d.send(h.now())
	}
	c := h.client("lan")
	found := liveAttribute.FindStringSubmatch(h.read(c, "/"))
	if found == nil {
		t.Fatal("the page names no stream")
	}
	stream := h.stream(c, strings.ReplaceAll(found[1], "&amp;", "&"))
	select {
	case p := <-stream:
		t.Errorf("nothing changed, yet the stream says %v", p)
	case <-time.After(1500 * time.Millisecond): // longer than the server waits for a request
	}
	second.rate(h.now(), 4)
	second.send(h.now())
	p := next(t, stream)
	if _, ok := p.Set["row-"+second.id]; !ok || len(p.Set) != 1 || len(p.Add)+len(p.Gone) != 0 {
		t.Errorf("one rating changed %v", reflect.ValueOf(p.Set).MapKeys())
	}
	third := h.enrol("qt-01")
	p = next(t, stream)
	if len(p.Add) != 1 || p.Add[0].ID != "row-"+third.id || p.Add[0].In != "rows" || p.Add[0].Before == "" {
		t.Errorf("a new device: %+v", p.Add)
	}
}

// Many commits in a moment are few patches.
func TestStreamIsCalm(t *testing.T) {
	h := newHub(t)
	d := h.enrol("qt-01")
	d.boot(h.now().Add(-time.Hour))
	d.send(h.now())
	stream := h.stream(h.client("lan"), "view=place&id=qt-01")
	next(t, stream)
	end := time.Now().Add(2 * time.Second)
	sent := 0
	for time.Now().Before(end) {
		d.rate(h.now(), 1+sent%5)
		d.send(h.now())
		sent++
		time.Sleep(5 * time.Millisecond)
	}
	if got := len(stream); got > 9 || got < 2 || sent < 20 {
		t.Errorf("%d commits in 2 s made %d patches, want 2…9", sent, got)
	}
}

func TestStreamEndsWithTheSession(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	c := h.client("lan")
	look := h.stream(c, "view=fleet")
	next(t, look)
	if err := h.accounts.Disable(t.Context(), "lan", "admin"); err != nil {
		t.Fatal(err)
	}
	select {
	case _, open := <-look:
		if open {
			t.Error("a patch after the operator was disabled")
		}
	case <-time.After(checkEvery + 5*time.Second):
		t.Error("the stream outlives the session")
	}
}

func TestUnknownStream(t *testing.T) {
	h := newHub(t)
	c := h.client("lan")
	for _, query := range []string{"", "view=nothing", "view=place&id=nowhere"} {
		res, err := c.Get(h.server.URL + "/api/events?" + query)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.NewDecoder(res.Body).Decode(&e); err != nil || res.StatusCode != 404 || e.Error.Code != "not-found" {
			t.Errorf("%q: %s %+v %v", query, res.Status, e, err)
		}
		res.Body.Close()
	}
}

func TestCompare(t *testing.T) {
	p := func(id string, html template.HTML) piece { return piece{id, "rows", html} }
	old := []piece{{"counters", "", "1"}, p("a", "A"), p("b", "B"), p("c", "C")}
	now := []piece{{"counters", "", "2"}, p("x", "X"), p("y", "Y"), p("b", "B"), p("c", "C2")}
	got := compare(old, now)
	want := patch{Set: map[string]template.HTML{"counters": "2", "c": "C2"},
		Add:  []addition{{"y", "b", "rows", "Y"}, {"x", "y", "rows", "X"}},
		Gone: []string{"a"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("compare = %+v, want %+v", got, want)
	}
	if !compare(now, now).empty() {
		t.Error("no change is a patch")
	}
}

func TestRecentForgets(t *testing.T) {
	var r recent
	r.keep("a", shown{n: 3, pieces: []piece{{ID: "x"}}})
	if r.find("a-3") == nil || r.find("a-2") != nil || r.find("a") == nil || r.find("b") != nil {
		t.Error("find: want the last event of a stream, and a page, and nothing else")
	}
	for i := range 2 * maxRecent {
		r.keep(fmt.Sprint("t", i), shown{})
	}
	if len(r.known) != maxRecent || r.find("a") != nil {
		t.Errorf("%d kept, want %d", len(r.known), maxRecent)
	}
}
