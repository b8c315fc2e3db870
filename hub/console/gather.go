package console

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/hub/reports"
	"nghe/hub/vitals"
)

// gather joins what registry, vitals and ledger know of every device.
func (c *Console) gather(ctx context.Context, now time.Time) ([]kiosk, error) {
	devices, err := c.cfg.Registry.Devices(ctx)
	if err != nil {
		return nil, err
	}
	places, err := c.places(ctx)
	if err != nil {
		return nil, err
	}
	fleet, err := c.cfg.Vitals.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	held, err := c.cfg.Ledger.Journals(ctx)
	if err != nil {
		return nil, fmt.Errorf("list journals: %w", err)
	}
	names, seen, journals := map[string]string{}, map[string]vitals.Device{}, map[string][]journal{}
	for _, p := range places {
		names[p.ID] = p.Name
	}
	for _, v := range fleet {
		seen[v.ID] = v
	}
	for _, j := range held {
		if j.Inherited(held, registry.Out(devices)) {
			j.Fork = nil // enrolled anew: nobody need look
		}
		journals[j.Device] = append(journals[j.Device], journalOf(j))
	}
	all := make([]kiosk, 0, len(devices))
	for _, d := range devices {
		k := kiosk{ID: d.ID, PlaceID: d.Place, Place: names[d.Place], Enrolled: d.EnrolledAt,
			Ended: d.EndedAt, Reason: d.Reason, Program: d.Program, Journals: journals[d.ID]}
		k.add(seen[d.ID], now)
		if d.State != registry.Active {
			k.State = string(d.State)
		}
		all = append(all, k)
	}
	order(all)
	return all, nil
}

func journalOf(j ledger.Journal) journal {
	out := journal{ID: j.Name.String()[:12], Received: j.Received.Seq, Safe: j.Safe.Seq, Seen: time.UnixMicro(j.LastSeen)}
	if j.Branch > 0 {
		out.ID = fmt.Sprintf("%s/%d", out.ID, j.Branch)
	}
	if j.Fork != nil {
		out.Forked, out.Cause = true, j.Fork.Cause
	}
	if h := j.Hole; h != nil && h.FilledAt == 0 {
		out.Lost = h.Until - h.After
	}
	return out
}

// add takes over what the device said of itself.
func (k *kiosk) add(v vitals.Device, now time.Time) {
	k.State = "new"
	if v.Program != "" {
		k.Program = v.Program
	}
	if v.Contact.IsZero() {
		return
	}
	k.State = string(v.State(now))
	k.Contact, k.Late, k.Lost = v.Contact, v.Due(), v.LostFrom()
	k.Connected = v.State(now) == vitals.Online
	k.Clock, k.ClockKnown = v.ClockAhead, true
	if v.Reported.IsZero() {
		return
	}
	k.Told, k.Backlog, k.Bytes, k.Conditions = v.Reported, v.Vitals.Backlog, v.Vitals.Bytes, v.Vitals.Conditions
	if v.Vitals.Oldest > 0 {
		k.Oldest = time.UnixMicro(v.Vitals.Oldest)
	}
}

func (c *Console) places(ctx context.Context) ([]registry.Place, error) {
	return c.cfg.Registry.Places(ctx)
}

func (c *Console) place(ctx context.Context, id string) (registry.Place, bool, error) {
	all, err := c.places(ctx)
	for _, p := range all {
		if p.ID == id {
			return p, true, err
		}
	}
	return registry.Place{}, false, err
}

// ward names the ward at the head of every page: the one most places lie in.
func (c *Console) ward(ctx context.Context) (string, error) {
	all, err := c.places(ctx)
	count, most := map[string]int{}, ""
	for _, p := range all {
		if count[p.Ward]++; count[p.Ward] > count[most] {
			most = p.Ward
		}
	}
	return most, err
}

// tallies count the answers to every satisfaction question from a moment on; an
// empty place means all.
func (c *Console) tallies(ctx context.Context, place string, from time.Time) ([]tally, error) {
	counts, err := c.cfg.Ledger.Counts(ctx, ledger.Filter{Place: place, From: from})
	if err != nil {
		return nil, fmt.Errorf("count answers: %w", err)
	}
	var all []tally
	for _, n := range counts {
		if n.Score >= 1 && n.Score <= 5 {
			all = append(all, tally{question{n.Questionnaire, n.Question}, n.Place, time.UnixMicro(n.Hour), n.Score, int(n.N), int(n.Flagged)})
		}
	}
	return all, nil
}

// Notes beside an answer: from when it is worth saying that it came late, or
// that its time is a guess.
const (
	lateArrival = 10 * time.Minute
	wideTime    = 2 * time.Minute
)

// latest lists ratings newest first. Other questions follow each rating, so
// more rows are read than shown.
func (c *Console) latest(ctx context.Context, f *face, place string, now time.Time) ([]latest, error) {
	rows, err := c.cfg.Ledger.Latest(ctx, place, 6*latestN)
	if err != nil {
		return nil, fmt.Errorf("latest answers: %w", err)
	}
	words, err := c.wordings(ctx, f)
	if err != nil {
		return nil, err
	}
	var all []latest
	for _, r := range rows {
		asked := question{r.Questionnaire, r.Question}
		if r.Score == 0 && (!r.Skipped || words[asked] == "") || replaced(r) {
			continue
		}
		l := f.latest(r, now)
		if asked != today {
			l.Note = strings.TrimSuffix(asked.in(words)+" · "+l.Note, " · ")
		}
		if all = append(all, l); len(all) == latestN {
			break
		}
	}
	return all, nil
}

func replaced(r ledger.Row) bool {
	for _, flag := range r.Flags {
		if flag == ledger.FlagReplaced {
			return true
		}
	}
	return false
}

func (f *face) latest(r ledger.Row, now time.Time) latest {
	taken, received := time.UnixMicro(r.TakenAt), time.UnixMicro(r.ReceivedAt)
	l := latest{Time: f.shortWhen(taken, now), Score: r.Score, Word: f.text(fmt.Sprintf("score.%d", r.Score))}
	if received.Sub(taken) > lateArrival {
		l.Note = f.text("latest.late", f.when(received, now))
	}
	if width := time.Duration(r.TakenWidth) * time.Microsecond; width > wideTime {
		l.Note = f.text("latest.about", f.locale.Duration(width))
	}
	if flagged := f.flagged(r); flagged != "" {
		l.Note = strings.TrimPrefix(l.Note+" · "+flagged, " · ")
	}
	return l
}

// shortWhen is the hour today, else the day.
func (f *face) shortWhen(t, now time.Time) string {
	if startOfDay(t).Equal(startOfDay(now)) {
		return f.locale.Clock(t)
	}
	return f.locale.Date(t)[:5]
}

// strip draws two weeks of contact. Where several devices stand at a place,
// each hour shows the one that most needed a person.
func (c *Console) strip(ctx context.Context, f *face, here []kiosk, now time.Time) (template.HTML, error) {
	fleet, err := c.cfg.Vitals.Fleet(ctx)
	if err != nil {
		return "", err
	}
	hours := map[int64]reports.Cell{}
	for _, d := range fleet {
		if !expected(here, d.ID) {
			continue
		}
		strip, err := c.cfg.Vitals.Strip(ctx, d, now)
		if err != nil {
			return "", err
		}
		for _, h := range strip {
			at := h.Start.Unix()
			hours[at] = max(hours[at], cellOf(h))
		}
	}
	return template.HTML(f.drawStrip(hours, now).SVG()), nil
}

func expected(here []kiosk, id string) bool {
	for _, k := range here {
		if k.ID == id {
			return !k.ended()
		}
	}
	return false
}

// cellOf is what an hour is shown as: its gravest part, and contact before
// planned silence, since a kiosk that dials in is online for minutes only.
func cellOf(h vitals.Hour) reports.Cell {
	switch {
	case h.Lost > 0:
		return reports.CellLost
	case h.Late > 0:
		return reports.CellLate
	case h.Online > 0:
		return reports.CellOnline
	case h.Waiting > 0:
		return reports.CellWaiting
	}
	return reports.CellClosed
}

var cellWords = map[reports.Cell]string{reports.CellLate: "state.late", reports.CellLost: "state.lost"}

func (f *face) drawStrip(hours map[int64]reports.Cell, now time.Time) reports.Strip {
	s := reports.Strip{ID: "contact", Title: f.text("strip.title"), Desc: f.text("strip.desc"), Fold: 7}
	today := startOfDay(now)
	for i := 13; i >= 0; i-- {
		start := today.AddDate(0, 0, -i)
		day := reports.StripDay{Label: start.Format("02/01")}
		for h := range day.Hours {
			at := start.Add(time.Duration(h) * time.Hour)
			day.Hours[h] = hours[at.Unix()]
			if at.After(now) {
				day.Hours[h] = reports.CellFuture
			}
			if word := cellWords[day.Hours[h]]; word != "" {
				day.Notes[h] = fmt.Sprintf("%s %02d:00 · %s", day.Label, h, f.text(word))
			}
		}
		s.Days = append(s.Days, day)
	}
	return s
}
