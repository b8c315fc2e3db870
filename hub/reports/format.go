package reports

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // an office PC may have no zone database
)

// Locale writes numbers and dates. Dates are dd/MM/yyyy in both, so that one
// sheet never holds two orders of day and month.
type Locale string

const (
	Vietnamese Locale = "vi" // 1.234,5
	English    Locale = "en" // 1,234.5
)

// Zone is the ward's time zone.
func Zone() *time.Location { return zone() }

// zone is read once: a fleet page writes tens of thousands of times.
var zone = sync.OnceValue(func() *time.Location {
	z, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		panic(err) // embedded above
	}
	return z
})

func (l Locale) marks() (group, decimal string) {
	if l == English {
		return ",", "."
	}
	return ".", ","
}

// Integer writes 1.234.567.
func (l Locale) Integer(n int64) string {
	group, _ := l.marks()
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(group)
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Decimal writes 1.234,5 with a fixed number of places.
func (l Locale) Decimal(x float64, places int) string {
	_, mark := l.marks()
	text := strconv.FormatFloat(math.Abs(x), 'f', places, 64)
	whole, part, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return text // beyond 64 bits: nothing a ward counts
	}
	out := l.Integer(n)
	if places > 0 {
		out += mark + part
	}
	if x < 0 && strings.Trim(text, "0.") != "" {
		out = "−" + out
	}
	return out
}

// Percent writes a share of 0…1 as 98,4%.
func (l Locale) Percent(share float64, places int) string {
	return l.Decimal(share*100, places) + "%"
}

// Range writes an interval as 85,3–88,9%.
func (l Locale) Range(i Interval) string {
	return l.Decimal(i.Low*100, 1) + "–" + l.Percent(i.High, 1)
}

// Date writes 23/11/2026 in the ward's zone.
func (l Locale) Date(t time.Time) string { return t.In(Zone()).Format("02/01/2006") }

// DateTime writes 23/11/2026 14:05.
func (l Locale) DateTime(t time.Time) string { return t.In(Zone()).Format("02/01/2006 15:04") }

// Clock writes 14:05.
func (l Locale) Clock(t time.Time) string { return t.In(Zone()).Format("15:04") }

// When writes the shortest form that cannot be misread at now: 14:05 today,
// 22/11 14:05 this year, else with the year.
func (l Locale) When(t, now time.Time) string {
	t, now = t.In(Zone()), now.In(Zone())
	switch {
	case t.Year() != now.Year():
		return t.Format("02/01/2006 15:04")
	case t.YearDay() != now.YearDay():
		return t.Format("02/01 15:04")
	}
	return t.Format("15:04")
}

// Duration writes a length of time in its two largest units: 3 giờ 51 phút.
func (l Locale) Duration(d time.Duration) string {
	words := [4]string{" ngày", " giờ", " phút", " giây"}
	if l == English {
		words = [4]string{" d", " h", " min", " s"}
	}
	d = d.Abs()
	parts := [4]int64{int64(d / (24 * time.Hour)), int64(d / time.Hour % 24),
		int64(d / time.Minute % 60), int64(d / time.Second % 60)}
	for i, n := range parts {
		if n == 0 && i < 3 {
			continue
		}
		out := l.Integer(n) + words[i]
		if i < 2 && parts[i+1] > 0 {
			out += " " + l.Integer(parts[i+1]) + words[i+1]
		}
		return out
	}
	return ""
}

// Bytes writes 12,4 MB (decimal units).
func (l Locale) Bytes(n uint64) string {
	switch {
	case n < 1000:
		return strconv.FormatUint(n, 10) + " B"
	case n < 1_000_000:
		return l.Decimal(float64(n)/1e3, 1) + " kB"
	case n < 1_000_000_000:
		return l.Decimal(float64(n)/1e6, 1) + " MB"
	}
	return l.Decimal(float64(n)/1e9, 1) + " GB"
}
