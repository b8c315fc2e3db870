package screen

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
)

// askedNow are the ids of what the page would ask.
func askedNow(t *testing.T, h http.Handler) string {
	t.Helper()
	_, reply := call(t, h, http.MethodGet, "/api/questionnaires", "")
	var ids []string
	for _, q := range reply["questionnaires"].([]any) {
		ids = append(ids, q.(map[string]any)["id"].(string))
	}
	return strings.Join(ids, " ")
}

func scheduled(id string, s feedback.Schedule) feedback.Questionnaire {
	q := feedback.Seed().Questionnaires[0]
	q.ID, q.Schedule = id, s
	return q
}

// Whatever the clock shows, there is one to ask.
func TestAskedBySchedule(t *testing.T) {
	always := scheduled("always", feedback.Schedule{})
	mornings := scheduled("mornings", feedback.Schedule{Times: feedback.Times{Hours: []string{"07:30-11:30"}}})
	year := scheduled("year", feedback.Schedule{Span: feedback.Span{Places: []string{"qt-01"}, From: "2026-01-01", Until: "2026-12-31"}})
	elsewhere := scheduled("elsewhere", feedback.Schedule{Span: feedback.Span{Places: []string{"qt-02"}}})
	b := &told{}
	h, now, _ := informed(t, b)
	noon, broken := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC), []time.Time{{}, time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		asked []feedback.Questionnaire
		at    []time.Time
		want  string
	}{
		{[]feedback.Questionnaire{always, mornings, year, elsewhere}, []time.Time{noon.Add(-time.Hour)}, "mornings year always"},
		{[]feedback.Questionnaire{always, mornings, year, elsewhere}, []time.Time{noon}, "year always"},
		{[]feedback.Questionnaire{always, year, elsewhere}, broken, "always"},
		{[]feedback.Questionnaire{year, elsewhere}, broken, "today model visitors"}, // the seed
		{nil, broken, "today model visitors"},
	} {
		for _, *now = range c.at {
			b.asked = c.asked
			if got := askedNow(t, h); got != c.want {
				t.Errorf("at %s asks %s, want %s", now, got, c.want)
			}
		}
	}
}

// Whoever has begun with a questionnaire may finish it when its time is over.
func TestAnswerToWhatWasDueIsKept(t *testing.T) {
	q := scheduled("mornings", feedback.Schedule{Times: feedback.Times{Hours: []string{"07:30-11:30"}}})
	h, now, _ := informed(t, &told{asked: []feedback.Questionnaire{q}, once: []feedback.Questionnaire{q}})
	*now = time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)
	if got := askedNow(t, h); strings.Contains(got, "mornings") {
		t.Fatalf("still asks %s", got)
	}
	if w, reply := call(t, h, http.MethodPost, "/api/answers", with(`"today"`, `"mornings"`)); w.Code != http.StatusCreated {
		t.Errorf("%d %v", w.Code, reply)
	}
}
