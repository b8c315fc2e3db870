package reports

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// LikertRow is one bar. It shows all answers; where some are flagged, n and the
// share without them stand beside.
type LikertRow struct {
	Label   string
	Scores  Scores
	Flagged Scores // of Scores
}

// Adjusted are the answers without those flagged.
func (r LikertRow) Adjusted() Scores { return r.Scores.Without(r.Flagged) }

// Add counts n answers of one score, so many of them flagged.
func (r *LikertRow) Add(score, n, flagged int) {
	r.Scores.Add(score, n)
	r.Flagged.Add(score, flagged)
}

// apart says that two numbers differ.
func (r LikertRow) apart() bool { return r.Flagged.N() > 0 }

// Likert is a chart of diverging stacked bars: one row per period or place,
// the middle score split on the zero line, and beside each row the share of
// satisfied as a dot in its 95 % interval. After Heiberger and Robbins,
// "Design of diverging stacked bar charts for Likert scales", Journal of
// Statistical Software 57 (2014) 5.
type Likert struct {
	ID     string    // unique in the page; names the title and description
	Title  string    // read by screen readers
	Words  [5]string // "Rất không hài lòng" … "Rất hài lòng"
	Few    string    // shown where there are fewer than Hidden answers
	Apart  string    // what the number without flagged answers is called
	Width  float64   // px of the drawing; 0 means 880
	Labels float64   // px of it for label and n; 0 means 134; a second n takes likertApart more
	Locale Locale
	Rows   []LikertRow
}

// Heights in px: of a row, of the bar in it, and around the rows.
const (
	likertTop    = 12.0
	likertRow    = 32.0
	likertBar    = 20.0
	likertFooter = 34.0
	likertApart  = 64.0
)

func (c Likert) width() float64 { return cmp.Or(c.Width, 880) }

// labels is where label and n end.
func (c Likert) labels() float64 {
	width := cmp.Or(c.Labels, 134)
	if slices.ContainsFunc(c.Rows, LikertRow.apart) {
		width += likertApart
	}
	return width
}

var (
	scoreFill  = [5]string{"#B8450F", "#EFA45C", "#E9DCC0", "#4FA3B5", "#0B5E73"}
	scoreInk   = [5]string{"#FFFFFF", "#10272E", "#10272E", "#10272E", "#FFFFFF"}
	greyFill   = [5]string{"#8A959A", "#B4BDC1", "#E3E7E9", "#C6CED1", "#A3AEB3"}
	greyInk    = "#10272E"
	likertInk  = "#10272E"
	likertSoft = "#4A5F66"
	likertLine = "#DCE4E6"
)

// SVG draws the chart. The same rows give the same bytes.
func (c Likert) SVG() string {
	d := drawing{locale: c.Locale}
	height := likertTop + likertRow*float64(len(c.Rows)) + likertFooter
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" `+
		`aria-labelledby="%s-title %s-desc" font-family="Inter, 'Noto Sans', sans-serif" font-size="14">`,
		px(c.width()), px(height), html.EscapeString(c.ID), html.EscapeString(c.ID))
	d.printf(`<title id="%s-title">%s</title><desc id="%s-desc">%s</desc>`, html.EscapeString(c.ID),
		html.EscapeString(c.Title), html.EscapeString(c.ID), html.EscapeString(c.describe()))
	bars, dots := c.scales()
	d.grid(bars, likertTop, height-likertFooter, 0.2, true)
	d.grid(dots, likertTop, height-likertFooter, 0, false)
	for i, row := range c.Rows {
		c.row(&d, row, likertTop+likertRow*float64(i), bars, dots)
	}
	d.printf(`</svg>`)
	return d.String()
}

// describe is the chart in words, for those who hear it.
func (c Likert) describe() string {
	var parts []string
	for _, r := range c.Rows {
		text := r.Label + ": " + c.words(r.Scores)
		if r.apart() {
			text += ", " + c.Apart + ": " + c.words(r.Adjusted())
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// words are n and the share of satisfied, if it may be shown.
func (c Likert) words(s Scores) string {
	text := fmt.Sprintf("n = %s, ", c.Locale.Integer(int64(s.N())))
	if !s.Shown() {
		return text + c.Few
	}
	return text + fmt.Sprintf("%s (%s)", c.Locale.Percent(s.Share(), 1), c.Locale.Range(s.Interval()))
}

// scale maps shares low…high onto px left…right.
type scale struct{ low, high, left, right float64 }

func (s scale) at(v float64) float64 {
	return s.left + (v-s.low)/(s.high-s.low)*(s.right-s.left)
}

// scales gives every row one common pair of axes: shared scales are what makes
// rows comparable.
func (c Likert) scales() (bars, dots scale) {
	left, right, low := 0.2, 0.8, 0.7
	for _, r := range c.Rows {
		if !r.Scores.Shown() {
			continue
		}
		middle := r.Scores.Of(3) / 2
		left = max(left, r.Scores.Of(1)+r.Scores.Of(2)+middle)
		right = max(right, r.Scores.Of(4)+r.Scores.Of(5)+middle)
		low = min(low, r.Scores.Interval().Low)
		if r.apart() && r.Adjusted().Shown() {
			low = min(low, r.Adjusted().Share())
		}
	}
	bars = scale{-ceil(left, 0.2), ceil(right, 0.2), c.labels() + 22, c.width() - 248}
	dots = scale{max(0, math.Floor(low*10+1e-9)/10), 1, c.width() - 196, c.width() - 72}
	return bars, dots
}

func ceil(v, step float64) float64 { return math.Ceil(v/step-1e-9) * step }

func (c Likert) row(d *drawing, r LikertRow, y float64, bars, dots scale) {
	base := y + likertRow/2 + 5
	ink := likertInk
	if !r.Scores.Firm() {
		ink = likertSoft
	}
	d.text(0, base, "start", ink, true, r.Label)
	d.text(c.labels(), base, "end", likertSoft, false, c.n(r))
	if !r.Scores.Shown() {
		d.text(bars.at(0)+10, base, "start", likertSoft, false, c.Few)
		return
	}
	c.bar(d, r.Scores, y+(likertRow-likertBar)/2, bars)
	d.dot(r.Scores, y+likertRow/2, dots)
	if r.apart() && r.Adjusted().Shown() {
		d.ring(r.Adjusted(), y+likertRow/2, dots, c.Apart+": "+c.words(r.Adjusted()))
	}
	d.text(c.width(), base, "end", ink, true, c.Locale.Percent(r.Scores.Share(), 1))
}

// n is how many there are, and behind it how many without those flagged.
func (c Likert) n(r LikertRow) string {
	text := "n = " + c.Locale.Integer(int64(r.Scores.N()))
	if r.apart() {
		text += " (" + c.Locale.Integer(int64(r.Adjusted().N())) + ")"
	}
	return text
}

// bar puts the middle of the middle score on the zero line.
func (c Likert) bar(d *drawing, s Scores, y float64, to scale) {
	from := -(s.Of(1) + s.Of(2) + s.Of(3)/2)
	for i := range s {
		share := s.Of(i + 1)
		if share == 0 {
			continue
		}
		x, w := to.at(from), to.at(from+share)-to.at(from)
		fill, ink := scoreFill[i], scoreInk[i]
		if !s.Firm() {
			fill, ink = greyFill[i], greyInk
		}
		d.printf(`<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s"><title>%s: %s (%s)</title></rect>`,
			px(x+0.5), px(y), px(max(w-1, 0.5)), px(likertBar), fill, html.EscapeString(c.Words[i]),
			c.Locale.Percent(share, 1), c.Locale.Integer(int64(s[i])))
		if w > 26 {
			d.text(x+w/2, y+likertBar/2+5, "middle", ink, true, c.Locale.Decimal(share*100, 0))
		}
		from += share
	}
}
