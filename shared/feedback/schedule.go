package feedback

import (
	"slices"
	"strings"
	"time"
)

// Span says where and on which days something holds, by the calendar of
// Vietnam. Empty parts do not restrict.
type Span struct {
	Places []string `json:"places,omitempty"` // Place.IDs
	From   string   `json:"from,omitempty"`   // first day, YYYY-MM-DD
	Until  string   `json:"until,omitempty"`  // last day
}

// Times are hours of the week, by the clock of Vietnam. Empty parts do not
// restrict.
type Times struct {
	Weekdays []string `json:"weekdays,omitempty"` // "mon" … "sun"
	Hours    []string `json:"hours,omitempty"`    // "07:30-11:30", which is over at 11:30; a day ends at "24:00"
}

// Schedule says where and when a questionnaire is asked. The zero one means
// always and everywhere.
type Schedule struct {
	Span
	Times
}

// Due are those of all to ask at a place and moment: first those whose schedule
// holds, then those that have none, each in the order of all. So what is always
// asked steps back for what is asked now and here.
func Due(all []Questionnaire, place string, at time.Time) (due []Questionnaire) {
	for _, always := range []bool{false, true} {
		for _, q := range all {
			if q.Schedule.Always() == always && q.Schedule.Holds(place, at) {
				due = append(due, q)
			}
		}
	}
	return due
}

// Always says whether s restricts nothing.
func (s Schedule) Always() bool {
	return len(s.Places)+len(s.Weekdays)+len(s.Hours) == 0 && s.From == "" && s.Until == ""
}

// Holds says whether s holds at a place and moment.
func (s Schedule) Holds(place string, at time.Time) bool {
	return s.Span.Holds(place, at) && s.Times.Hold(at)
}

// Holds says whether s holds at a place on the day of a moment.
func (s Span) Holds(place string, at time.Time) bool {
	day := at.In(vietnam).Format(time.DateOnly)
	if s.From != "" && day < s.From || s.Until != "" && day > s.Until {
		return false
	}
	return len(s.Places) == 0 || slices.Contains(s.Places, place)
}

// Hold says whether a moment is within t.
func (t Times) Hold(at time.Time) bool {
	at = at.In(vietnam)
	if len(t.Weekdays) > 0 && !slices.Contains(t.Weekdays, weekdays[at.Weekday()]) {
		return false
	}
	now := at.Hour()*60 + at.Minute()
	return len(t.Hours) == 0 || slices.ContainsFunc(t.Hours, func(h string) bool {
		from, until, ok := hours(h)
		return ok && from <= now && now < until
	})
}

// weekdays by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// hours reads "07:30-11:30" as minutes of a day.
func hours(s string) (from, until int, ok bool) {
	begin, end, _ := strings.Cut(s, "-")
	from, beginOK := minuteOfDay(begin)
	until, endOK := minuteOfDay(end)
	return from, until, beginOK && endOK && from < until
}

func minuteOfDay(s string) (minute int, ok bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == len("15:04")
}

func (s Schedule) validate(field string) error {
	if err := s.Span.validate(field); err != nil {
		return err
	}
	return s.Times.validate(field)
}

// validate names the fields of s behind field, which is empty or ends in a dot.
func (s Span) validate(field string) error {
	if !isDay(s.From) || !isDay(s.Until) || s.From != "" && s.Until != "" && s.Until < s.From {
		return invalid(field+"from", "days are YYYY-MM-DD, and until is not before from")
	}
	for _, p := range s.Places {
		if !isID(p) {
			return invalid(field+"places", wantID)
		}
	}
	return nil
}

func (t Times) validate(field string) error {
	for _, day := range t.Weekdays {
		if !slices.Contains(weekdays, day) {
			return invalid(field+"weekdays", "name days mon, tue, wed, thu, fri, sat, sun")
		}
	}
	for _, h := range t.Hours {
		if _, _, ok := hours(h); !ok {
			return invalid(field+"hours", `write hours of one day like "07:30-11:30", until "24:00" at most; a night is two of them`)
		}
	}
	return nil
}
