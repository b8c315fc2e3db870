package vitals

import (
	"context"
	"time"

	"nghe/hub/database"
)

// Hour is how one kiosk spent one hour. What is missing to a full hour lies
// before its first contact or after now.
type Hour struct {
	Start                               time.Time // UTC
	Online, Waiting, Late, Lost, Paused time.Duration
}

// Worst is the gravest state of the hour, or "" when nothing is known of it.
func (h Hour) Worst() State {
	for i := len(States) - 1; i >= 0; i-- {
		if *h.in(States[i]) > 0 {
			return States[i]
		}
	}
	return ""
}

func (h *Hour) in(s State) *time.Duration {
	switch s {
	case Online:
		return &h.Online
	case Waiting:
		return &h.Waiting
	case Late:
		return &h.Late
	case Lost:
		return &h.Lost
	}
	return &h.Paused
}

func (h Hour) hour() int64 { return hourOf(h.Start) }

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func hourAt(n int64) time.Time { return time.Unix(n*3600, 0).UTC() }

// hours adds up spans, which are in order.
func hours(spans []span) []Hour {
	var all []Hour
	for _, s := range spans {
		start := hourAt(hourOf(s.from))
		if len(all) == 0 || !all[len(all)-1].Start.Equal(start) {
			all = append(all, Hour{Start: start})
		}
		*all[len(all)-1].in(s.state) += s.to.Sub(s.from)
	}
	return all
}

// Strip is the last two weeks of one kiosk, an entry for every hour, the
// silence since its last contact included.
func (v *Vitals) Strip(ctx context.Context, d Device, now time.Time) ([]Hour, error) {
	rows, err := database.Collect(ctx, v.cfg.DB.Read(), "read hours of "+d.ID, v.sql["hours"], scanHour, d.ID, firstHour(now))
	if err != nil {
		return nil, err
	}
	return strip(d, rows, now), nil
}

// Strips is Strip for every one of devices, by id, in one reading.
func (v *Vitals) Strips(ctx context.Context, devices []Device, now time.Time) (map[string][]Hour, error) {
	rows, err := database.Collect(ctx, v.cfg.DB.Read(), "read hours", v.sql["hours of all"], scanHour, firstHour(now))
	if err != nil {
		return nil, err
	}
	all := make(map[string][]Hour, len(devices))
	of := map[string][]deviceHour{}
	for _, r := range rows {
		of[r.device] = append(of[r.device], r)
	}
	for _, d := range devices {
		all[d.ID] = strip(d, of[d.ID], now)
	}
	return all, nil
}

type deviceHour struct {
	device string
	Hour
}

func scanHour(row database.Row) (h deviceHour, err error) {
	var hour, online, waiting, late, lost, paused int64
	err = row.Scan(&h.device, &hour, &online, &waiting, &late, &lost, &paused)
	h.Hour = Hour{hourAt(hour), span64(online), span64(waiting), span64(late), span64(lost), span64(paused)}
	return h, err
}

func firstHour(now time.Time) int64 { return hourOf(now.Add(-Kept)) + 1 }

func strip(d Device, rows []deviceHour, now time.Time) []Hour {
	first := firstHour(now)
	all := make([]Hour, hourOf(now)-first+1)
	for i := range all {
		all[i].Start = hourAt(first + int64(i))
	}
	add := func(h Hour) {
		if i := h.hour() - first; i >= 0 && i < int64(len(all)) {
			for _, s := range States {
				*all[i].in(s) += *h.in(s)
			}
		}
	}
	for _, r := range rows {
		add(r.Hour)
	}
	for _, h := range hours(d.silence(now)) {
		add(h)
	}
	return all
}
