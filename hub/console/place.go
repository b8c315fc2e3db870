package console

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"nghe/hub/reports"
)

// tally is how many gave one score to one question at one place in one hour.
type tally struct {
	Asked question
	Place string
	Hour  time.Time
	Score int
	N     int
	// Flagged are those of N that a rule names.
	Flagged int
}

// latest is one answer as the place page lists it.
type latest struct {
	Time, Word, Note string
	Score            int
}

// period is by which length of time a place's answers are compared.
type periodName string

func period(by string) periodName {
	if by == "day" {
		return "day"
	}
	return "week"
}

const (
	shownWeeks = 8
	shownDays  = 14
	kpiDays    = 30
	latestN    = 12
)

// spans are the periods shown, oldest first, ending with the one now lies in.
// Weeks begin on Monday, as in ISO 8601.
func (p periodName) spans(f *face, now time.Time) (labels []string, starts []time.Time) {
	day := startOfDay(now)
	step, n := 1, shownDays
	if p == "week" {
		day = day.AddDate(0, 0, -int(day.Weekday()+6)%7)
		step, n = 7, shownWeeks
	}
	for i := n - 1; i >= 0; i-- {
		start := day.AddDate(0, 0, -i*step)
		label := start.Format("02/01")
		if p == "week" {
			_, week := start.ISOWeek()
			label = f.text("chart.week", fmt.Sprint(week))
		}
		labels, starts = append(labels, label), append(starts, start)
	}
	return labels, starts
}

func startOfDay(t time.Time) time.Time {
	t = t.In(reports.Zone())
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

type chartBody struct {
	Asked string // the question
	SVG   template.HTML
	Table []tableRow
}

type tableRow struct {
	Label, N        string
	Scores          [5]string
	Share, Interval string
	Adjusted        adjusted
}

// adjusted are the numbers without flagged answers.
type adjusted struct{ N, Share, Interval string }

// likert draws rows and writes them as a table beside it.
func (f *face) likert(c reports.Likert) chartBody {
	c.Few, c.Apart, c.Locale = f.text("chart.hidden"), f.text("adjusted"), f.locale
	for i := range c.Words {
		c.Words[i] = f.text(fmt.Sprintf("score.%d", i+1))
	}
	body := chartBody{SVG: template.HTML(c.SVG())}
	for _, r := range c.Rows {
		body.Table = append(body.Table, f.tableRow(r))
	}
	return body
}

func (f *face) tableRow(r reports.LikertRow) tableRow {
	t := tableRow{Label: r.Label, N: f.locale.Integer(int64(r.Scores.N()))}
	t.Share, t.Interval = f.share(r.Scores)
	without := r.Adjusted()
	t.Adjusted.N = f.locale.Integer(int64(without.N()))
	t.Adjusted.Share, t.Adjusted.Interval = f.share(without)
	for i, n := range r.Scores {
		t.Scores[i] = "–"
		if r.Scores.Shown() {
			t.Scores[i] = f.locale.Integer(int64(n))
		}
	}
	return t
}

// share is that of the satisfied and its interval, if they may be shown.
func (f *face) share(s reports.Scores) (share, interval string) {
	if !s.Shown() {
		return "–", "–"
	}
	return f.locale.Percent(s.Share(), 1), f.locale.Range(s.Interval())
}

// byPeriod puts tallies into the periods shown.
func (f *face) byPeriod(p periodName, tallies []tally, now time.Time) []reports.LikertRow {
	labels, starts := p.spans(f, now)
	rows := make([]reports.LikertRow, len(labels))
	for i := range rows {
		rows[i].Label = labels[i]
	}
	for _, t := range tallies {
		for i := len(starts) - 1; i >= 0; i-- {
			if !t.Hour.Before(starts[i]) {
				rows[i].Add(t.Score, t.N, t.Flagged)
				break
			}
		}
	}
	return rows
}

// since adds up what was given from a moment on.
func since(tallies []tally, from time.Time) (all reports.LikertRow) {
	for _, t := range tallies {
		if !t.Hour.Before(from) {
			all.Add(t.Score, t.N, t.Flagged)
		}
	}
	return all
}

type kpi struct{ Label, Value, Unit, Note, Class string }

func (f *face) kpis(all reports.LikertRow, kiosks []kiosk, now time.Time) []kpi {
	n := all.Scores.N()
	answers := kpi{Label: f.text("kpi.answers"), Value: f.locale.Integer(int64(n)),
		Note: f.text("kpi.perday", f.locale.Decimal(float64(n)/kpiDays, 1))}
	return append([]kpi{answers, f.shareKPI("kpi.share", all.Scores), f.shareKPI("kpi.adjusted", all.Adjusted())},
		f.deviceKPIs(kiosks, now)...)
}

func (f *face) shareKPI(label string, s reports.Scores) kpi {
	n := f.locale.Integer(int64(s.N()))
	k := kpi{Label: f.text(label), Note: f.text("kpi.few", n)}
	share, interval := f.share(s)
	if k.Value = share; s.Shown() {
		k.Note = f.text("kpi.intervalof", n, interval)
	}
	return k
}

func (f *face) deviceKPIs(kiosks []kiosk, now time.Time) []kpi {
	var waiting, bytes, received, safe uint64
	var contact, oldest time.Time
	told, next := false, ""
	for _, k := range kiosks {
		r, s := k.received()
		received, safe = received+r, safe+s
		if k.Contact.After(contact) {
			var r row
			f.next(&r, k, now)
			contact, next = k.Contact, r.Next
		}
		if k.Told.IsZero() || k.ended() {
			continue
		}
		told, waiting, bytes = true, waiting+k.Backlog, bytes+k.Bytes
		if k.Backlog > 0 && !k.Oldest.IsZero() && (oldest.IsZero() || k.Oldest.Before(oldest)) {
			oldest = k.Oldest
		}
	}
	wait := kpi{Label: f.text("kpi.waiting"), Value: f.locale.Integer(int64(waiting)), Unit: f.text("kpi.records")}
	switch {
	case !told:
		wait.Value, wait.Unit, wait.Note = "–", "", f.text("unknown")
	case waiting == 0:
		wait.Note, wait.Class = f.text("kpi.nothing"), "good"
	case !oldest.IsZero():
		wait.Note = f.locale.Bytes(bytes) + " · " + f.text("backlog.age", f.when(oldest, now))
	}
	return []kpi{wait,
		{Label: f.text("kpi.contact"), Value: f.when(contact, now), Note: next},
		{Label: f.text("kpi.received"), Value: f.locale.Integer(int64(received)),
			Note: f.text("kpi.safe", f.locale.Integer(int64(safe)))}}
}

type completeBody struct {
	Icon           string
	Sentence, Note string
}

func (f *face) complete(kiosks []kiosk, now time.Time) completeBody {
	c := completeness(kiosks)
	b := completeBody{Icon: "info", Sentence: c.Sentence(f.locale, now) + ".", Note: f.text("complete.part")}
	switch {
	case len(kiosks) == 0:
		b.Sentence, b.Note = f.text("place.nodevice"), ""
	case c.Whole() && unheard(kiosks):
		b.Sentence, b.Note = f.text("complete.unknown"), f.text("complete.unread")
	case c.Whole():
		b.Icon, b.Note = "online", f.text("complete.whole")
	}
	return b
}

// unheard says whether a kiosk that is expected has never said what it holds.
func unheard(kiosks []kiosk) bool {
	for _, k := range kiosks {
		if k.Told.IsZero() && !k.ended() {
			return true
		}
	}
	return false
}

// completeness counts a revoked device only for what it left behind.
func completeness(kiosks []kiosk) reports.Completeness {
	var all []reports.Kiosk
	for _, k := range kiosks {
		received, _ := k.received()
		one := reports.Kiosk{Name: k.PlaceID, Received: received, Waiting: k.Backlog, Lost: k.lost()}
		if len(kiosks) > 1 {
			one.Name += " (" + k.ID[:min(6, len(k.ID))] + ")"
		}
		if k.State == "late" || k.State == "lost" {
			one.Silent = k.Contact
		}
		all = append(all, one)
	}
	return reports.Complete(all)
}

type deviceBody struct {
	ID        string
	State     pill
	Note      string
	Signs     []sign
	Journals  []journalRow
	Revocable bool
}

type journalRow struct{ ID, Received, Safe, Fork, Holes string }

func (f *face) device(k kiosk, now time.Time, revocable bool) deviceBody {
	d := deviceBody{ID: k.ID, State: f.state(k.State), Revocable: revocable && k.State != "revoked",
		Note: f.text("device.enrolled", f.locale.DateTime(k.Enrolled))}
	if s := f.sign(k); s.Word != "" {
		d.Signs = append(d.Signs, s)
	}
	d.Signs = append(d.Signs, f.conditions(k, now)...)
	if k.ended() {
		d.Note += " · " + f.text("device."+k.State, f.locale.DateTime(k.Ended), k.Reason)
	}
	for _, j := range k.Journals {
		row := journalRow{ID: j.ID, Received: f.locale.Integer(int64(j.Received)),
			Safe: f.locale.Integer(int64(j.Safe)), Fork: "–", Holes: "–"}
		if j.Forked {
			row.Fork = f.text("cause." + fmt.Sprint(j.Cause))
		}
		if j.Lost > 0 {
			row.Holes = f.locale.Integer(int64(j.Lost))
		}
		d.Journals = append(d.Journals, row)
	}
	return d
}

type placeBody struct {
	ID, Name, Unit string
	State          pill
	Signs          []deviceBody // those of the devices that need a person
	Done           string       // what was just done, or empty
	Complete       completeBody
	KPIs           []kpi
	Strip          template.HTML
	By             periodName
	ChartTitle     string
	Chart          chartBody
	Questions      []tableRow // every satisfaction question answered here
	Rules          []ruleText
	Devices        []deviceBody
	Latest         []latest
}

// worst is the state a place is shown in: that of the device that most needs a
// person, among those still expected.
func worst(kiosks []kiosk) string {
	found := "none"
	rank := map[string]int{"none": 0, "new": 1, "online": 2, "waiting": 3, "paused": 4, "late": 5, "lost": 6}
	for _, k := range kiosks {
		if rank[k.State] > rank[found] {
			found = k.State
		}
	}
	return found
}

func (c *Console) placeBody(ctx context.Context, f *face, id string, by periodName, revocable bool) (placeBody, bool, error) {
	place, ok, err := c.place(ctx, id)
	if err != nil || !ok {
		return placeBody{}, false, err
	}
	all, err := c.kiosks(ctx)
	if err != nil {
		return placeBody{}, false, err
	}
	var here []kiosk
	for _, k := range all {
		if k.PlaceID == id {
			here = append(here, k)
		}
	}
	now := c.cfg.Now()
	b := placeBody{ID: id, Name: place.Name, Unit: place.Ward, By: by, State: f.state(worst(here)), Rules: f.rules(),
		Complete: f.complete(here, now), ChartTitle: f.text("chart." + string(by) + "s")}
	for _, k := range here {
		d := f.device(k, now, revocable)
		b.Devices = append(b.Devices, d)
		if len(d.Signs) > 0 {
			b.Signs = append(b.Signs, d)
		}
	}
	return b, true, c.fillAnswers(ctx, f, &b, here, now)
}

func (c *Console) fillAnswers(ctx context.Context, f *face, b *placeBody, here []kiosk, now time.Time) error {
	_, starts := periodName("week").spans(f, now)
	tallies, err := c.tallies(ctx, b.ID, starts[0])
	if err != nil {
		return err
	}
	words, err := c.wordings(ctx, f)
	if err != nil {
		return err
	}
	month := startOfDay(now).AddDate(0, 0, 1-kpiDays)
	b.Questions = f.questions(tallies, month, words)
	asked := mainOf(tallies)
	tallies = to(asked, tallies)
	b.KPIs = f.kpis(since(tallies, month), here, now)
	b.Chart = f.likert(reports.Likert{ID: "satisfaction", Title: b.ChartTitle, Rows: f.byPeriod(b.By, tallies, now)})
	b.Chart.Asked = asked.in(words)
	if b.Latest, err = c.latest(ctx, f, b.ID, now); err != nil {
		return err
	}
	b.Strip, err = c.strip(ctx, f, here, now)
	return err
}

// placePieces are what changes on a place's page while it is open.
func (f *face) placePieces(b placeBody) ([]piece, error) {
	var pieces []piece
	for _, p := range []struct {
		id, template string
		data         any
	}{
		{"place-state", "state", b.State}, {"signs", "signs", b.Signs}, {"complete", "complete", b.Complete}, {"kpis", "kpis", b.KPIs},
		{"chart", "chart", b.Chart}, {"questions", "scores", b.Questions}, {"latest", "latest", b.Latest},
	} {
		html, err := f.fragment(p.template, p.data)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, piece{p.id, "", html})
	}
	return pieces, nil
}

// placeView is nil for a place that is not there.
func (c *Console) placeView(ctx context.Context, f *face, id string, by periodName) (view, error) {
	if _, ok, err := c.place(ctx, id); err != nil || !ok {
		return nil, err
	}
	return func(ctx context.Context) ([]piece, error) {
		b, _, err := c.placeBody(ctx, f, id, by, false)
		if err != nil {
			return nil, err
		}
		return f.placePieces(b)
	}, nil
}

func (c *Console) showPlace(w http.ResponseWriter, r *http.Request) error {
	f, id, by := c.face(r), r.PathValue("id"), period(r.FormValue("by"))
	b, ok, err := c.placeBody(r.Context(), f, id, by, admin.admits(visitorOf(r.Context())))
	if err != nil {
		return err
	}
	if !ok {
		return c.notFound(w, r)
	}
	if gone := r.FormValue("revoked"); gone != "" && known(b.Devices, gone) {
		b.Done = f.text("place.revoked", gone)
	}
	pieces, err := f.placePieces(b)
	if err != nil {
		return err
	}
	query := url.Values{"view": {"place"}, "id": {id}, "by": {string(by)}}.Encode()
	return c.show(w, r, "place", page{Title: b.Name, Live: c.liveURL(query, pieces), Body: b})
}

func known(devices []deviceBody, id string) bool {
	for _, d := range devices {
		if d.ID == id {
			return true
		}
	}
	return false
}

type placesBody struct {
	Chart     chartBody
	Questions []tableRow // every satisfaction question answered in the ward
	Rules     []ruleText
	Rows      []placeRow
}

type placeRow struct {
	ID, Name, N, Share, Interval, Complete string
	Adjusted                               adjusted
}

// showPlaces compares places on common axes. They stand in the order of their
// ids and not of their scores: with few answers a league table is noise.
func (c *Console) showPlaces(w http.ResponseWriter, r *http.Request) error {
	f, now := c.face(r), c.cfg.Now()
	places, err := c.places(r.Context())
	if err != nil {
		return err
	}
	all, err := c.kiosks(r.Context())
	if err != nil {
		return err
	}
	month := startOfDay(now).AddDate(0, 0, 1-kpiDays)
	tallies, err := c.tallies(r.Context(), "", month)
	if err != nil {
		return err
	}
	words, err := c.wordings(r.Context(), f)
	if err != nil {
		return err
	}
	b := placesBody{Questions: f.questions(tallies, month, words), Rules: f.rules()}
	asked := mainOf(tallies)
	scores := map[string]*reports.LikertRow{}
	for _, t := range to(asked, tallies) {
		if scores[t.Place] == nil {
			scores[t.Place] = &reports.LikertRow{}
		}
		scores[t.Place].Add(t.Score, t.N, t.Flagged)
	}
	var rows []reports.LikertRow
	for _, p := range places {
		var line reports.LikertRow
		if found := scores[p.ID]; found != nil {
			line = *found
		}
		line.Label = p.ID + " · " + p.Name
		rows = append(rows, line)
		cells := f.tableRow(line)
		var here []kiosk
		for _, k := range all {
			if k.PlaceID == p.ID {
				here = append(here, k)
			}
		}
		complete := "–"
		if len(here) > 0 {
			complete = f.complete(here, now).Sentence
		}
		cells.Adjusted.Interval = strings.TrimPrefix(cells.Adjusted.Interval, "–")
		b.Rows = append(b.Rows, placeRow{p.ID, p.Name, cells.N, cells.Share, strings.TrimPrefix(cells.Interval, "–"), complete, cells.Adjusted})
	}
	b.Chart = f.likert(reports.Likert{ID: "places", Title: f.text("places.chart"), Rows: rows, Width: 1180, Labels: 380})
	b.Chart.Asked = asked.in(words)
	return c.show(w, r, "places", page{Title: f.text("places.title"), Body: b})
}
