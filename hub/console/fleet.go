package console

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"nghe/shared/wire"
)

// fleetCache holds the fleet for paintEvery, so that many open pages cost one
// look. All fields belong to mu.
type fleetCache struct {
	mu     sync.Mutex
	at     time.Time
	kiosks []kiosk
}

func (c *Console) kiosks(ctx context.Context) ([]kiosk, error) {
	c.fleet.mu.Lock()
	defer c.fleet.mu.Unlock()
	now := c.cfg.Now()
	if age := now.Sub(c.fleet.at); c.fleet.kiosks != nil && age >= 0 && age < paintEvery {
		return c.fleet.kiosks, nil
	}
	all, err := c.gather(ctx, now)
	if err != nil {
		return nil, err
	}
	c.fleet.at, c.fleet.kiosks = now, all
	return all, nil
}

func (f *fleetCache) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kiosks = nil
}

// filter is what the URL asks for; the page's links are filters.
type filter struct{ State, Sign, Text string }

func filterOf(r *http.Request) filter {
	return filter{r.FormValue("state"), r.FormValue("sign"), strings.TrimSpace(r.FormValue("q"))}
}

func (f filter) query() string {
	v := url.Values{}
	for key, value := range map[string]string{"state": f.State, "sign": f.Sign, "q": f.Text} {
		if value != "" {
			v.Set(key, value)
		}
	}
	return v.Encode()
}

func (f filter) href() string {
	if q := f.query(); q != "" {
		return "/?" + q
	}
	return "/"
}

func (f filter) admits(k kiosk) bool {
	if f.State != "" && f.State != k.State {
		return false
	}
	switch f.Sign {
	case "fork":
		if !k.suspect() {
			return false
		}
	case "hole":
		if k.lost() == 0 {
			return false
		}
	case "ailing":
		if !k.ailing() {
			return false
		}
	}
	text := strings.ToLower(f.Text)
	return text == "" || strings.Contains(strings.ToLower(k.Place), text) ||
		strings.Contains(strings.ToLower(k.PlaceID), text) || strings.Contains(k.ID, text)
}

// pill is a word with its colour and shape.
type pill struct{ Class, Icon, Word string }

// sign is a condition that needs a person: what, why, what to do.
type sign struct{ Class, Icon, Word, Why, Do string }

// row is a device as the fleet page writes it. It is comparable: a row that
// did not change is not rendered again.
type row struct {
	ID, PlaceID, Place   string
	State                pill
	Sign, Ailing         sign
	Hole                 string
	Contact, ContactNote string
	Next, NextNote       string
	Backlog, BacklogNote string
	Behind               bool
	Received, Safe       string
	Clock, ClockNote     string
	ClockWrong           bool
	Version              string
}

var stateClass = map[string]string{"online": "online", "waiting": "waiting", "late": "late", "lost": "lost"}

func (f *face) state(s string) pill {
	class := stateClass[s]
	if class == "" {
		class = "off"
	}
	icon := s
	if _, ok := icons[s]; !ok {
		icon = "revoked"
	}
	return pill{class, icon, f.text("state." + s)}
}

// clockWrong is from when a kiosk's clock is worth a visit.
const clockWrong = 30 * time.Second

func (f *face) row(k kiosk, now time.Time) row {
	received, safe := k.received()
	r := row{ID: k.ID, PlaceID: k.PlaceID, Place: k.Place, State: f.state(k.State), Sign: f.sign(k),
		Contact:  f.when(k.Contact, now),
		Received: f.text("received.n", f.locale.Integer(int64(received))),
		Safe:     f.text("safe.n", f.locale.Integer(int64(safe))),
		Version:  k.Program}
	if n := k.lost(); n > 0 {
		r.Hole = f.text("hole.n", f.locale.Integer(int64(n)))
	}
	f.next(&r, k, now)
	f.backlog(&r, k, now)
	f.clock(&r, k)
	r.Ailing = f.ailing(k, now)
	return r
}

// next prints the deadline, so that a state can be checked by reading.
func (f *face) next(r *row, k kiosk, now time.Time) {
	switch {
	case k.ended():
		r.Next = "–"
	case k.Connected:
		r.Next = f.text("next.connected")
	case k.Late.IsZero():
		r.Next = f.text("unknown")
	case now.Before(k.Late):
		r.Next, r.NextNote = f.text("next.late", f.when(k.Late, now)), f.text("next.lost", f.when(k.Lost, now))
	case now.Before(k.Lost):
		r.Next, r.NextNote = f.text("next.waslate", f.when(k.Late, now)), f.text("next.lost", f.when(k.Lost, now))
	default:
		r.Next = f.text("next.waslost", f.when(k.Lost, now))
	}
}

func (f *face) backlog(r *row, k kiosk, now time.Time) {
	if k.Told.IsZero() {
		r.Backlog = f.text("unknown")
		return
	}
	r.Backlog = f.text("backlog.n", f.locale.Integer(int64(k.Backlog)))
	if k.Backlog == 0 {
		r.BacklogNote = f.text("backlog.said", f.when(k.Told, now))
		return
	}
	r.Backlog += " · " + f.locale.Bytes(k.Bytes)
	if !k.Oldest.IsZero() {
		r.BacklogNote = f.text("backlog.age", f.when(k.Oldest, now))
		r.Behind = now.Sub(k.Oldest) > 24*time.Hour
	}
}

func (f *face) clock(r *row, k kiosk) {
	if !k.ClockKnown {
		r.Clock = f.text("unknown")
		return
	}
	r.Clock = f.text("clock.seconds", signed(f.locale.Decimal(k.Clock.Seconds(), 1)))
	if k.Clock.Abs() >= time.Hour {
		sign := map[bool]string{true: "−", false: "+"}[k.Clock < 0]
		r.Clock = sign + f.locale.Duration(k.Clock)
	}
	if k.Clock.Abs() >= clockWrong {
		r.ClockWrong, r.ClockNote = true, f.text("clock.wrong")
	}
}

func signed(number string) string {
	if strings.HasPrefix(number, "−") || strings.Trim(number, "0,.") == "" {
		return number
	}
	return "+" + number
}

func (f *face) sign(k kiosk) sign {
	j, ok := k.fork()
	if !ok || k.ended() {
		return sign{}
	}
	class, key := "lost", "fork.clone"
	switch j.Cause {
	case wire.ForkBehind:
		class, key = "waiting", "fork.restored"
	case wire.ForkForeign:
		key = "fork.foreign"
	}
	return sign{class, "fork", f.text(key), f.text(key + ".why"), f.text(key + ".do")}
}

// counter is a number that is a link to what it counts.
type counter struct {
	Class, Icon, Word, N, Href string
	Here                       bool
}

func (f *face) counters(all []kiosk, at filter) []counter {
	count := map[string]int{}
	for _, k := range all {
		count[k.State]++
		if k.suspect() {
			count["fork"]++
		}
		if k.lost() > 0 {
			count["hole"]++
		}
		if k.ailing() {
			count["ailing"]++
		}
	}
	add := func(list []counter, class, icon, key string, n int, to filter) []counter {
		to.Text = at.Text
		return append(list, counter{class, icon, f.text(key), f.locale.Integer(int64(n)), to.href(), to == at})
	}
	list := add(nil, "off", "all", "state.all", len(all), filter{})
	for _, s := range []string{"online", "waiting", "late", "lost", "paused", "new", "superseded", "revoked"} {
		if count[s] > 0 || s == "online" || s == "late" || s == "lost" || s == at.State {
			p := f.state(s)
			list = add(list, p.Class, p.Icon, "state."+s, count[s], filter{State: s})
		}
	}
	for _, s := range []counter{{Class: "late", Icon: "late", Word: "ailing"}, {Class: "lost", Icon: "fork", Word: "fork"}, {Class: "late", Icon: "hole", Word: "hole"}} {
		if count[s.Word] > 0 || s.Word == at.Sign {
			list = add(list, s.Class, s.Icon, "count."+s.Word, count[s.Word], filter{Sign: s.Word})
		}
	}
	return list
}

// rowCache keeps the markup of rows that did not change.
type rowCache struct {
	mu   sync.Mutex
	made map[string]madeRow
}

type madeRow struct {
	row  row
	html template.HTML
}

func (f *face) renderRow(r row) (template.HTML, error) {
	f.rows.mu.Lock()
	defer f.rows.mu.Unlock()
	if m, ok := f.rows.made[r.ID]; ok && m.row == r {
		return m.html, nil
	}
	html, err := f.fragment("row", r)
	if err == nil {
		if f.rows.made == nil {
			f.rows.made = map[string]madeRow{}
		}
		f.rows.made[r.ID] = madeRow{r, html}
	}
	return html, err
}

type fleetBody struct {
	Filter   filter
	Counters []counter
	Rows     []piece
	Shown    string
	Clear    string // address without filter, empty when there is none
	Keeping  keeping
}

// fleetView is the fleet's pieces: counters, how many are shown, and a row for
// each device the filter admits.
func (c *Console) fleetView(f *face, at filter) view {
	return func(ctx context.Context) ([]piece, error) {
		_, pieces, err := c.fleetPieces(ctx, f, at)
		return pieces, err
	}
}

func (c *Console) fleetPieces(ctx context.Context, f *face, at filter) (fleetBody, []piece, error) {
	all, err := c.kiosks(ctx)
	if err != nil {
		return fleetBody{}, nil, err
	}
	b := fleetBody{Filter: at, Counters: f.counters(all, at)}
	now := c.cfg.Now()
	for _, k := range all {
		if !at.admits(k) {
			continue
		}
		html, err := f.renderRow(f.row(k, now))
		if err != nil {
			return b, nil, err
		}
		b.Rows = append(b.Rows, piece{"row-" + k.ID, "rows", html})
	}
	b.Shown = f.text("fleet.shown", f.locale.Integer(int64(len(b.Rows))), f.locale.Integer(int64(len(all))))
	if at != (filter{}) {
		b.Clear = "/"
	}
	counters, err := f.fragment("counters", b.Counters)
	pieces := append([]piece{{"counters", "", counters}, {"shown", "", template.HTML(template.HTMLEscapeString(b.Shown))}}, b.Rows...)
	return b, pieces, err
}

func (c *Console) showFleet(w http.ResponseWriter, r *http.Request) error {
	f, at := c.face(r), filterOf(r)
	body, pieces, err := c.fleetPieces(r.Context(), f, at)
	if err != nil {
		return err
	}
	if body.Keeping, err = c.keeping(r.Context(), f); err != nil {
		return err
	}
	query := "view=fleet"
	if q := at.query(); q != "" {
		query += "&" + q
	}
	return c.show(w, r, "fleet", page{Title: f.text("fleet.title"), Live: c.liveURL(query, pieces), Body: body})
}

// order is by place and then by device: a row stays where it is when its state
// changes, and the eye finds it again.
func order(all []kiosk) {
	slices.SortStableFunc(all, func(a, b kiosk) int {
		if n := strings.Compare(a.PlaceID, b.PlaceID); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}
