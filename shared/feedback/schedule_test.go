package feedback

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// at is a moment in Vietnam: "2026-11-23 09:30", a Monday.
func at(t *testing.T, moment string) time.Time {
	t.Helper()
	when, err := time.ParseInLocation("2006-01-02 15:04", moment, vietnam)
	if err != nil {
		t.Fatal(err)
	}
	return when.UTC()
}

func TestScheduleHolds(t *testing.T) {
	mornings := Times{Weekdays: []string{"mon", "sat"}, Hours: []string{"07:30-11:30", "13:30-24:00"}}
	harvest := Span{Places: []string{"qt-01", "qt-02"}, From: "2026-11-23", Until: "2026-11-30"}
	for _, c := range []struct {
		s             Schedule
		place, moment string
		want          bool
	}{
		{Schedule{}, "anywhere", "1970-01-01 00:00", true},
		{Schedule{Span: harvest}, "qt-01", "2026-11-23 00:00", true},
		{Schedule{Span: harvest}, "qt-02", "2026-11-30 23:59", true},
		{Schedule{Span: harvest}, "qt-01", "2026-11-22 23:59", false},
		{Schedule{Span: harvest}, "qt-01", "2026-12-01 00:00", false},
		{Schedule{Span: harvest}, "qt-03", "2026-11-25 12:00", false},
		{Schedule{Times: mornings}, "qt-03", "2026-11-23 07:30", true},
		{Schedule{Times: mornings}, "qt-03", "2026-11-23 07:29", false},
		{Schedule{Times: mornings}, "qt-03", "2026-11-23 11:29", true},
		{Schedule{Times: mornings}, "qt-03", "2026-11-23 11:30", false},
		{Schedule{Times: mornings}, "qt-03", "2026-11-28 23:59", true},
		{Schedule{Times: mornings}, "qt-03", "2026-11-29 08:00", false}, // Sunday
		{Schedule{Times: Times{Weekdays: []string{"sun"}}}, "qt-03", "2026-11-29 00:00", true},
		{Schedule{harvest, mornings}, "qt-01", "2026-11-28 08:00", true},
		{Schedule{harvest, mornings}, "qt-01", "2026-12-05 08:00", false},
	} {
		if got := c.s.Holds(c.place, at(t, c.moment)); got != c.want {
			t.Errorf("%+v at %s, %s: %v", c.s, c.place, c.moment, got)
		}
	}
}

func TestDue(t *testing.T) {
	named := func(id string, s Schedule) Questionnaire { return Questionnaire{ID: id, Schedule: s} }
	all := []Questionnaire{
		named("always", Schedule{}),
		named("market", Schedule{Span: Span{Places: []string{"qt-02"}}}),
		named("mornings", Schedule{Times: Times{Hours: []string{"07:00-12:00"}}}),
		named("also", Schedule{}),
		named("2026", Schedule{Span: Span{From: "2026-01-01", Until: "2026-12-31"}}),
	}
	for _, c := range []struct{ place, moment, want string }{
		{"qt-01", "2026-11-23 09:30", "mornings 2026 always also"},
		{"qt-02", "2026-11-23 09:30", "market mornings 2026 always also"},
		{"qt-01", "2026-11-23 12:00", "2026 always also"},
		{"qt-01", "1970-01-01 12:00", "always also"},
	} {
		var ids []string
		for _, q := range Due(all, c.place, at(t, c.moment)) {
			ids = append(ids, q.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("at %s, %s: %s, want %s", c.place, c.moment, got, c.want)
		}
	}
	if due := Due(all[1:2], "qt-01", at(t, "2026-11-23 09:30")); due != nil {
		t.Errorf("asks %v where it does not belong", due)
	}
}

func TestScheduleRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		s     Schedule
		field string
	}{
		"place":        {Schedule{Span: Span{Places: []string{"Nhà văn hóa"}}}, "schedule.places"},
		"day":          {Schedule{Span: Span{Until: "30/11/2026"}}, "schedule.from"},
		"backwards":    {Schedule{Span: Span{From: "2026-11-30", Until: "2026-11-23"}}, "schedule.from"},
		"weekday":      {Schedule{Times: Times{Weekdays: []string{"Monday"}}}, "schedule.weekdays"},
		"one hour":     {Schedule{Times: Times{Hours: []string{"07:30"}}}, "schedule.hours"},
		"short hour":   {Schedule{Times: Times{Hours: []string{"7:30-11:30"}}}, "schedule.hours"},
		"no hour":      {Schedule{Times: Times{Hours: []string{"07:30-25:00"}}}, "schedule.hours"},
		"over night":   {Schedule{Times: Times{Hours: []string{"22:00-02:00"}}}, "schedule.hours"},
		"no time":      {Schedule{Times: Times{Hours: []string{"07:30-07:30"}}}, "schedule.hours"},
		"three":        {Schedule{Times: Times{Hours: []string{"07:30-11:30-13:30"}}}, "schedule.hours"},
		"after a good": {Schedule{Times: Times{Hours: []string{"07:30-11:30", "x"}}}, "schedule.hours"},
	} {
		q := Seed().Questionnaires[0]
		q.Schedule = c.s
		var told *Invalid
		if err := q.Validate(); !errors.As(err, &told) || told.Field != c.field {
			t.Errorf("%s: %v, want field %s", name, err, c.field)
		}
	}
	q := Seed().Questionnaires[0]
	q.Schedule = Schedule{Span{Places: []string{"qt-01"}, From: "2026-11-23"}, Times{slices.Clone(weekdays), []string{"00:00-24:00"}}}
	if err := q.Validate(); err != nil {
		t.Error(err)
	}
}
