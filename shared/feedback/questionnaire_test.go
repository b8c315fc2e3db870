package feedback

import (
	"errors"
	"strings"
	"testing"
)

func both(s string) Text { return Text{Vietnamese: s, English: s} }

func options(ids ...string) (all []Option) {
	for _, id := range ids {
		all = append(all, Option{ID: id, Text: both(id)})
	}
	return all
}

// sample has one question of every kind and a follow-up for every score.
func sample() Questionnaire {
	follow := func(id string, scores ...int) Question {
		return Question{ID: id, Kind: Choices, Text: both("Why?"), Options: options("a", "b", "c"), Max: 2,
			When: &When{Question: "satisfied", Scores: scores}}
	}
	return Questionnaire{ID: "sample", Version: 3, Title: both("Sample"), Audience: "residents", Questions: []Question{
		{ID: "satisfied", Kind: Satisfaction, Text: both("Satisfied?")},
		follow("low", 1, 2), follow("mid", 3), follow("high", 4, 5),
		{ID: "kept", Kind: YesPartlyNo, Text: both("Kept?"), Hoped: "no"},
		{ID: "words", Kind: Words, Text: both("Words?"), Help: both("Help")},
		{ID: "voice", Kind: Voice, Text: both("Voice?")},
		{ID: "photo", Kind: Photo, Text: both("Photo?")},
	}}
}

func TestQuestionnaireValidate(t *testing.T) {
	if err := sample().Validate(); err != nil {
		t.Fatalf("the sample is refused: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(*Questionnaire)
		want  string
	}{
		"no id":         {func(q *Questionnaire) { q.ID = "" }, "id: use lower-case"},
		"upper case id": {func(q *Questionnaire) { q.ID = "Today" }, "id: use lower-case"},
		"hyphens":       {func(q *Questionnaire) { q.ID = "a--b" }, "id: use lower-case"},
		"long id":       {func(q *Questionnaire) { q.ID = strings.Repeat("a", 33) }, "id: use lower-case"},
		"version 0":     {func(q *Questionnaire) { q.Version = 0 }, "version:"},
		"audience":      {func(q *Questionnaire) { q.Audience = "all" }, "audience:"},
		"no questions":  {func(q *Questionnaire) { q.Questions = nil }, "questions:"},
		"too many":      {func(q *Questionnaire) { q.Questions = make([]Question, 33) }, "questions:"},
		"choices first": {func(q *Questionnaire) {
			q.Questions = append([]Question{{ID: "first", Kind: Choices, Text: both("?"), Options: options("a", "b")}}, q.Questions...)
		}, "questions[0].kind:"},
		"words first": {func(q *Questionnaire) {
			q.Questions = append([]Question{{ID: "first", Kind: Words, Text: both("?")}}, q.Questions...)
		}, "questions[0].kind:"},
		"no English title":   {func(q *Questionnaire) { delete(q.Title, English) }, "title.en:"},
		"no Vietnamese text": {func(q *Questionnaire) { q.Questions[0].Text = Text{English: "?"} }, "text.vi:"},
		"half a help":        {func(q *Questionnaire) { q.Questions[5].Help = Text{Vietnamese: "?"} }, "help.en:"},
		"strange language":   {func(q *Questionnaire) { q.Title["Tiếng Việt"] = "?" }, "title: name languages"},
		"decomposed":         {func(q *Questionnaire) { q.Title[Vietnamese] = "Ha\u0300i lo\u0300ng" }, "title.vi: write composed"},
		"control character":  {func(q *Questionnaire) { q.Title[Vietnamese] = "a\x00b" }, "title.vi: leave out control"},
		"right to left":      {func(q *Questionnaire) { q.Title[English] = "a\u202eb" }, "title.en: leave out control"},
		"not UTF-8":          {func(q *Questionnaire) { q.Title[English] = "\xff" }, "title.en: write it in UTF-8"},
		"blank":              {func(q *Questionnaire) { q.Title[English] = " " }, "title.en: write words"},
		"endless":            {func(q *Questionnaire) { q.Title[English] = strings.Repeat("ế", 501) }, "title.en: write at most"},
		"question twice":     {func(q *Questionnaire) { q.Questions[5].ID = "kept" }, "id: used twice"},
		"question without":   {func(q *Questionnaire) { q.Questions[5].ID = "" }, "id: use lower-case"},
		"unknown kind":       {func(q *Questionnaire) { q.Questions[5].Kind = "stars" }, "kind:"},
		"options of words":   {func(q *Questionnaire) { q.Questions[5].Options = options("a", "b") }, "options: only"},
		"one option":         {func(q *Questionnaire) { q.Questions[1].Options = options("a") }, "options: offer"},
		"17 options":         {func(q *Questionnaire) { q.Questions[1].Options = make([]Option, 17) }, "options: offer"},
		"max over options":   {func(q *Questionnaire) { q.Questions[1].Max = 4 }, "max:"},
		"option twice":       {func(q *Questionnaire) { q.Questions[1].Options = options("a", "b", "a") }, "options[2].id: used twice"},
		"option id":          {func(q *Questionnaire) { q.Questions[1].Options = options("a", "b", "C") }, "options[2].id: use"},
		"option text":        {func(q *Questionnaire) { q.Questions[1].Options[1].Text = nil }, "options[1].text.vi:"},
		"hoped elsewhere":    {func(q *Questionnaire) { q.Questions[0].Hoped = "yes" }, "hoped:"},
		"hoped partly":       {func(q *Questionnaire) { q.Questions[4].Hoped = "partly" }, "hoped:"},
		"when later":         {func(q *Questionnaire) { q.Questions[1].When.Question = "high" }, "when.question:"},
		"when not a score":   {func(q *Questionnaire) { q.Questions[5].When = &When{Question: "kept", Scores: []int{1}} }, "when.question:"},
		"when never":         {func(q *Questionnaire) { q.Questions[1].When.Scores = nil }, "when.scores: name"},
		"when 6":             {func(q *Questionnaire) { q.Questions[3].When.Scores = []int{4, 5, 6} }, "when.scores: scores"},
		"when twice":         {func(q *Questionnaire) { q.Questions[3].When.Scores = []int{4, 5, 5} }, "when.scores: scores"},
		"conditional score": {func(q *Questionnaire) {
			q.Questions[1] = Question{ID: "low", Kind: Satisfaction, Text: both("?"), When: q.Questions[1].When}
		}, "when: ask satisfaction of everybody"},
		"more after low": {func(q *Questionnaire) {
			q.Questions[5].When = &When{Question: "satisfied", Scores: []int{1, 2}}
		}, "when: score 1 must lead"},
		"nothing after neutral":  {func(q *Questionnaire) { q.Questions[2].When.Scores = []int{2} }, "must lead to the same"},
		"longer list after low":  {func(q *Questionnaire) { q.Questions[1].Options = options("a", "b", "c", "d") }, "score 1 must lead"},
		"more choices after low": {func(q *Questionnaire) { q.Questions[1].Max = 0 }, "score 1 must lead"},
		"other kind after high": {func(q *Questionnaire) {
			q.Questions[3] = Question{ID: "high", Kind: Words, Text: both("?"), When: q.Questions[3].When}
		}, "must lead to the same"},
	} {
		q := sample()
		c.spoil(&q)
		err := q.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		var i *Invalid
		if err != nil && !errors.As(err, &i) {
			t.Errorf("%s: error is a %T, want an *Invalid inside", name, err)
		}
	}
}

func TestNext(t *testing.T) {
	q := sample()
	for score, want := range map[int]string{1: "low", 2: "low", 3: "mid", 4: "high", 5: "high", 0: "kept"} {
		next, ok := q.Next("satisfied", map[string]int{"satisfied": score})
		if !ok || next.ID != want {
			t.Errorf("after score %d comes %q (%v), want %q", score, next.ID, ok, want)
		}
	}
	if first, ok := q.Next("", nil); !ok || first.ID != "satisfied" {
		t.Errorf("first question is %q, %v", first.ID, ok)
	}
	for _, after := range []string{"photo", "no such question"} {
		if next, ok := q.Next(after, nil); ok {
			t.Errorf("after %q comes %q, want the end", after, next.ID)
		}
	}
}

func TestEverySeedPathEnds(t *testing.T) {
	for _, q := range Seed().Questionnaires {
		asked := map[int]int{}
		for score := 1; score <= 5; score++ {
			given := map[string]int{}
			for next, ok := q.Next("", given); ok; next, ok = q.Next(next.ID, given) {
				asked[score]++
				if next.Kind == Satisfaction {
					given[next.ID] = score
				}
			}
			if asked[score] != asked[1] {
				t.Errorf("%s: score %d is asked %d questions, score 1 %d", q.ID, score, asked[score], asked[1])
			}
		}
	}
}

func TestTextIn(t *testing.T) {
	text := Text{Vietnamese: "Có", English: "Yes", Korean: "", Chinese: "有"}
	for l, want := range map[Language]string{"vi": "Có", "en": "Yes", "ko": "Yes", "zh-Hans": "有", "lo": "Yes"} {
		if got := text.In(l); got != want {
			t.Errorf("In(%s) = %q, want %q", l, got, want)
		}
	}
	if got := (Text{Vietnamese: "Có"}).In(Korean); got != "Có" {
		t.Errorf("without English: %q", got)
	}
}

func TestScaleIsWhole(t *testing.T) {
	for score := 1; score <= 5; score++ {
		if err := ScoreText(score).validate("score"); err != nil {
			t.Errorf("score %d: %v", score, err)
		}
	}
	if ScoreText(0) != nil || ScoreText(6) != nil {
		t.Error("a score outside 1…5 has a text")
	}
	for i, o := range Agreements() {
		if o.ID != agreements[i] || o.Text.validate("text") != nil {
			t.Errorf("agreement %d is %+v, want id %q and texts", i, o, agreements[i])
		}
	}
}
