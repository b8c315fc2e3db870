package reports

import (
	"html"
	"strings"
)

// Cell is what one hour of a strip says. Where kiosks are shown together the
// greatest wins.
type Cell uint8

const (
	CellClosed  Cell = iota // nothing is known or expected
	CellWaiting             // silent as planned
	CellOnline              // spoke
	CellLate                // should have spoken
	CellLost                // silent for long
	CellFuture              // still to come
)

// StripDay is one row: a day of 24 hours.
type StripDay struct {
	Label string
	Hours [24]Cell
	Notes [24]string // words for one hour, "" for none
}

// Strip shows contact by the hour, a row a day, in columns of Fold days. Each
// state has its own height or mark beside its colour.
type Strip struct {
	ID, Title, Desc string
	Fold            int // days in a column; 0 means all in one
	Days            []StripDay
}

const (
	stripLabel  = 46.0
	stripCell   = 15.0
	stripRow    = 18.0
	stripColumn = stripLabel + 24*stripCell + 24
	stripTop    = 20.0
)

// SVG draws the strip.
func (s Strip) SVG() string {
	fold := s.Fold
	if fold <= 0 {
		fold = max(len(s.Days), 1)
	}
	columns := max((len(s.Days)+fold-1)/fold, 1)
	var d drawing
	id := html.EscapeString(s.ID)
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" `+
		`aria-labelledby="%s-title %s-desc" font-family="Inter, 'Noto Sans', sans-serif" font-size="13">`,
		px(stripColumn*float64(columns)-24), px(stripTop+stripRow*float64(min(fold, len(s.Days)))), id, id)
	d.printf(`<title id="%s-title">%s</title><desc id="%s-desc">%s</desc>`, id,
		html.EscapeString(s.Title), id, html.EscapeString(s.Desc))
	for c := range columns {
		for _, hour := range []int{0, 6, 12, 18} {
			d.text(stripColumn*float64(c)+stripLabel+stripCell*float64(hour), 11, "start", likertSoft, false,
				strings.Repeat("0", btoi(hour < 10))+d.locale.Integer(int64(hour))+":00")
		}
	}
	for i, day := range s.Days {
		d.day(day, stripColumn*float64(i/fold), stripTop+stripRow*float64(i%fold))
	}
	d.printf(`</svg>`)
	return d.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *drawing) day(day StripDay, x, y float64) {
	d.text(x, y+10, "start", likertSoft, false, day.Label)
	for hour, cell := range day.Hours {
		left := x + stripLabel + stripCell*float64(hour)
		if note := day.Notes[hour]; note != "" {
			d.printf(`<g><title>%s</title>`, html.EscapeString(note))
			d.cell(cell, left, y)
			d.printf(`</g>`)
			continue
		}
		d.cell(cell, left, y)
	}
}

func (d *drawing) cell(c Cell, x, y float64) {
	switch c {
	case CellOnline:
		d.box(x+1, y+0.5, 13, 11, 2.5, "#2E8C6C")
	case CellWaiting:
		d.box(x+1, y+3.5, 13, 5, 2, "#7FA9DA")
	case CellLate:
		d.box(x+1, y+0.5, 13, 11, 2.5, "#E0A23B")
		d.line(x+7.5, y+2.5, x+7.5, y+6.5, "#10272E", 1.6)
		d.line(x+7.5, y+8, x+7.5, y+9.6, "#10272E", 1.6)
	case CellLost:
		d.box(x+1, y+0.5, 13, 11, 2.5, "#7A0F1F")
		d.line(x+5.3, y+3.8, x+9.7, y+8.2, "#FFFFFF", 1.5)
		d.line(x+9.7, y+3.8, x+5.3, y+8.2, "#FFFFFF", 1.5)
	case CellFuture:
		d.printf(`<rect x="%s" y="%s" width="12" height="10" rx="2" fill="none" stroke="#DCE4E6" stroke-dasharray="2 2"/>`,
			px(x+1.5), px(y+1))
	default:
		d.box(x+1, y+4.5, 13, 3, 1.5, "#D5DDE0")
	}
}

func (d *drawing) box(x, y, w, h, r float64, fill string) {
	d.printf(`<rect x="%s" y="%s" width="%s" height="%s" rx="%s" fill="%s"/>`,
		px(x), px(y), px(w), px(h), px(r), fill)
}
