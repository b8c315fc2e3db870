package console

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"nghe/hub/reports"
	"nghe/shared/feedback"
)

// question is one that residents are asked, as answers name it.
type question struct{ Questionnaire, ID string }

// today is the residents' answer about today's service. Visitors are asked
// elsewhere and would blur it.
var today = question{"today", "satisfied"}

func compareQuestions(a, b question) int {
	return cmp.Or(cmp.Compare(a.Questionnaire, b.Questionnaire), cmp.Compare(a.ID, b.ID))
}

// mainOf is the question that totals and charts are about: today's service
// where anybody said something of it, else what most answered.
func mainOf(tallies []tally) question {
	n := map[question]int{}
	for _, t := range tallies {
		n[t.Asked] += t.N
	}
	if n[today] > 0 || len(n) == 0 {
		return today
	}
	return slices.MaxFunc(slices.SortedFunc(maps.Keys(n), compareQuestions), func(a, b question) int { return cmp.Compare(n[a], n[b]) })
}

// to are the answers to one question.
func to(asked question, tallies []tally) (some []tally) {
	for _, t := range tallies {
		if t.Asked == asked {
			some = append(some, t)
		}
	}
	return some
}

// wordings are the satisfaction questions that may have been asked, each in its
// newest words.
func (c *Console) wordings(ctx context.Context, f *face) (map[question]string, error) {
	all, words := feedback.Seed().Questionnaires, map[question]string{}
	if c.cfg.Told != nil {
		published, err := c.cfg.Told.Asked(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, published...)
	}
	l := feedback.Language(f.lang)
	for _, q := range all {
		for _, one := range q.Questions {
			if one.Kind == feedback.Satisfaction {
				words[question{q.ID, one.ID}] = fmt.Sprintf("%s: %s", q.Title.In(l), one.Text.In(l))
			}
		}
	}
	return words, nil
}

// in is the question in words, or by its ids where nobody knows them.
func (q question) in(words map[question]string) string {
	return cmp.Or(words[q], q.Questionnaire+" · "+q.ID)
}

// questions are what every question got from a moment on.
func (f *face) questions(tallies []tally, from time.Time, words map[question]string) (rows []tableRow) {
	sums := map[question]reports.LikertRow{}
	for _, t := range tallies {
		if !t.Hour.Before(from) {
			sum := sums[t.Asked]
			sum.Add(t.Score, t.N, t.Flagged)
			sums[t.Asked] = sum
		}
	}
	for _, asked := range slices.SortedFunc(maps.Keys(sums), compareQuestions) {
		sum := sums[asked]
		sum.Label = asked.in(words)
		rows = append(rows, f.tableRow(sum))
	}
	return rows
}
