package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A page is patched at most every paintEvery; what nobody announces, such as a
// deadline that passes, is looked for every lookEvery; whether the session
// still stands, every checkEvery.
const (
	paintEvery = 250 * time.Millisecond
	lookEvery  = time.Second
	checkEvery = 15 * time.Second
	sendWithin = 10 * time.Second
	maxStreams = 200
	maxRecent  = 64
)

// piece is a part of a page that may change: the element's id, its markup, and
// the list it stands in when it may come and go.
type piece struct {
	ID, In string
	HTML   template.HTML
}

// view makes the pieces of a page as they are now.
type view func(ctx context.Context) ([]piece, error)

// patch turns one state of a page into the next.
type patch struct {
	Set  map[string]template.HTML `json:"set,omitempty"`
	Add  []addition               `json:"add,omitempty"`
	Gone []string                 `json:"gone,omitempty"`
}

type addition struct {
	ID     string        `json:"id"`
	Before string        `json:"before"` // empty: at the end
	In     string        `json:"in"`
	HTML   template.HTML `json:"html"`
}

func (p patch) empty() bool { return len(p.Set) == 0 && len(p.Add) == 0 && len(p.Gone) == 0 }

// compare makes the patch from old to now. Additions come last first, so that
// the element each stands before is there already.
func compare(old, now []piece) patch {
	was := make(map[string]template.HTML, len(old))
	for _, p := range old {
		was[p.ID] = p.HTML
	}
	out := patch{Set: map[string]template.HTML{}}
	for i := len(now) - 1; i >= 0; i-- {
		p := now[i]
		html, known := was[p.ID]
		delete(was, p.ID)
		switch {
		case !known && p.In != "":
			before := ""
			if i+1 < len(now) && now[i+1].In == p.In {
				before = now[i+1].ID
			}
			out.Add = append(out.Add, addition{p.ID, before, p.In, p.HTML})
		case html != p.HTML:
			out.Set[p.ID] = p.HTML
		}
	}
	for _, p := range old {
		if _, left := was[p.ID]; left && p.In != "" {
			out.Gone = append(out.Gone, p.ID)
		}
	}
	return out
}

// recent keeps what pages and streams were last shown, so that a stream sends
// what changed and not everything. Forgetting costs one full patch.
type recent struct {
	mu    sync.Mutex
	known map[string]shown // by token of the page or stream
	order []string         // tokens, oldest first
}

// shown is what a page looks like after its n-th event.
type shown struct {
	n      int
	pieces []piece
}

func (r *recent) keep(token string, s shown) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]shown{}
	}
	if _, again := r.known[token]; !again {
		r.order = append(r.order, token)
	}
	r.known[token] = s
	if len(r.order) > maxRecent {
		delete(r.known, r.order[0])
		r.order = r.order[1:]
	}
}

// find returns what stood after the event with that id, nil when it is not
// known any more.
func (r *recent) find(id string) []piece {
	token, n, _ := strings.Cut(id, "-")
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[token]; n == "" || n == strconv.Itoa(s.n) {
		return s.pieces
	}
	return nil
}

// liveURL is where a page just shown finds its stream.
func (c *Console) liveURL(query string, pieces []piece) string {
	token := rand.Text()
	c.recent.keep(token, shown{pieces: pieces})
	return "/api/events?" + query + "&since=" + token
}

// stream keeps a page current by server-sent events until the page goes, the
// session ends or the hub stops.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) error {
	look, err := c.viewOf(r)
	if err != nil || look == nil {
		c.answer(w, r, http.StatusNotFound, "not-found", "refused.unknown")
		return err
	}
	if c.streams.Add(1) > maxStreams {
		c.streams.Add(-1)
		w.Header().Set("Retry-After", "30")
		c.answer(w, r, http.StatusServiceUnavailable, "busy", "refused.busy")
		return nil
	}
	defer c.streams.Add(-1)
	s := &stream{console: c, to: http.NewResponseController(w), w: w, look: look, token: rand.Text()}
	s.sent = c.recent.find(r.FormValue("since"))
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		s.sent = c.recent.find(last)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s.run(r.Context())
	return nil
}

// stream is one open page. Only its own request's goroutine touches it.
type stream struct {
	console *Console
	w       http.ResponseWriter
	to      *http.ResponseController
	look    view
	token   string
	n       int
	sent    []piece // what the page shows
}

func (s *stream) run(ctx context.Context) {
	if s.write("retry: 2000\n\n") != nil {
		return
	}
	tick, check := time.NewTicker(lookEvery), time.NewTicker(checkEvery)
	defer tick.Stop()
	defer check.Stop()
	for {
		changed := s.console.cfg.Ledger.Changed() // taken before looking: nothing falls between
		if s.paint(ctx) != nil || !pause(ctx, paintEvery) {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-check.C:
			if !s.alive(ctx) {
				return
			}
		case <-s.console.done:
			return
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// paint sends what changed. What was sent is kept under the event's id, so
// that a page that lost the connection goes on from there.
func (s *stream) paint(ctx context.Context) error {
	now, err := s.look(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.console.log.Error("live page failed", "err", err)
		}
		return err
	}
	p := compare(s.sent, now)
	if p.empty() {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	s.n++
	s.sent = now
	s.console.recent.keep(s.token, shown{s.n, now})
	return s.write(fmt.Sprintf("id: %s-%d\nevent: patch\ndata: %s\n\n", s.token, s.n, text))
}

// alive also keeps proxies from closing a quiet stream.
func (s *stream) alive(ctx context.Context) bool {
	ok, err := s.console.sessions.Alive(ctx)
	if err == nil && !ok {
		s.write("event: bye\ndata: session\n\n")
		return false
	}
	return s.write(": still here\n\n") == nil
}

func (s *stream) write(text string) error {
	if err := s.to.SetWriteDeadline(time.Now().Add(sendWithin)); err != nil && !strings.Contains(err.Error(), "not supported") {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.to.Flush()
}

// viewOf finds which page a stream is for.
func (c *Console) viewOf(r *http.Request) (view, error) {
	f := c.face(r)
	switch r.FormValue("view") {
	case "fleet":
		return c.fleetView(f, filterOf(r)), nil
	case "place":
		return c.placeView(r.Context(), f, r.FormValue("id"), period(r.FormValue("by")))
	}
	return nil, nil
}
