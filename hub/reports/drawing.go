package reports

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// drawing writes SVG with presentation attributes only: no style attribute and
// no script, so it may stand in a page under a strict content policy, in print
// and in a PDF.
type drawing struct {
	strings.Builder
	locale Locale
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

// px writes a length with at most one decimal, so that golden files do not
// depend on how a machine rounds.
func px(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // no negative zero
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func (d *drawing) text(x, y float64, anchor, ink string, bold bool, text string) {
	weight := ""
	if bold {
		weight = ` font-weight="600"`
	}
	d.printf(`<text x="%s" y="%s" text-anchor="%s" fill="%s"%s>%s</text>`,
		px(x), px(y), anchor, ink, weight, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, ink string, width float64) {
	d.printf(`<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s" stroke-width="%s"/>`,
		px(x1), px(y1), px(x2), px(y2), ink, px(width))
}

// grid draws vertical lines and their shares: every step, or only the two ends
// where step is 0. The zero line of a diverging scale is darker, and shares to
// its left are written without a sign: they are shares too.
func (d *drawing) grid(s scale, top, bottom, step float64, zero bool) {
	at := []float64{s.low, s.high}
	if step > 0 {
		at = at[:0]
		for i := math.Round(s.low / step); i <= math.Round(s.high/step); i++ {
			at = append(at, i*step)
		}
	}
	for _, v := range at {
		ink := likertLine
		if zero && math.Abs(v) < 1e-9 {
			ink = likertSoft
		}
		d.line(s.at(v), top, s.at(v), bottom, ink, 1)
		d.text(s.at(v), bottom+20, "middle", likertSoft, false, d.locale.Percent(math.Abs(v), 0))
	}
}

// dot draws the share of satisfied in its interval.
func (d *drawing) dot(s Scores, y float64, to scale) {
	ink := scoreFill[4]
	if !s.Firm() {
		ink = greyFill[0]
	}
	i := s.Interval()
	d.line(to.at(i.Low), y, to.at(i.High), y, ink, 2)
	d.printf(`<circle cx="%s" cy="%s" r="4" fill="%s"/>`,
		px(to.at(s.Share())), px(y), ink)
}

// ring draws the share of satisfied without flagged answers, and says so.
func (d *drawing) ring(s Scores, y float64, to scale, words string) {
	d.printf(`<circle cx="%s" cy="%s" r="6" fill="none" stroke="%s" stroke-width="1.5"><title>%s</title></circle>`,
		px(to.at(s.Share())), px(y), likertInk, html.EscapeString(words))
}
