package feedback

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func words(size uint64) Attachment {
	return Attachment{Kind: AttachedWords, Reader: ReaderCases, Hash: Hash{1}, Size: size}
}

func TestAnswerValidate(t *testing.T) {
	contact := Attachment{Kind: AttachedContact, Reader: ReaderCases, Hash: Hash{2}, Size: 1}
	named := words(1)
	named.Hash, named.Reader = Hash{3}, ReaderNamed
	for name, c := range map[string]struct {
		answer Answer
		field  string // empty: accepted
	}{
		"best":            {Answer{Question: "satisfied", Score: 5}, ""},
		"worst":           {Answer{Question: "satisfied", Score: 1}, ""},
		"skipped":         {Answer{Question: "satisfied", Skipped: true}, ""},
		"two choices":     {Answer{Question: "low", Choices: []string{"c", "a"}}, ""},
		"partly":          {Answer{Question: "kept", Choices: []string{"partly"}}, ""},
		"no opinion":      {Answer{Question: "kept", Choices: []string{"none"}}, ""},
		"words":           {Answer{Question: "words", Attachments: []Attachment{words(1)}}, ""},
		"words, contact":  {Answer{Question: "words", Attachments: []Attachment{contact, words(1)}}, ""},
		"no score":        {Answer{Question: "satisfied"}, "score"},
		"score 6":         {Answer{Question: "satisfied", Score: 6}, "score"},
		"score -1":        {Answer{Question: "satisfied", Score: -1}, "score"},
		"skipped score":   {Answer{Question: "satisfied", Score: 5, Skipped: true}, "score"},
		"skipped choice":  {Answer{Question: "low", Choices: []string{"a"}, Skipped: true}, "choices"},
		"skipped words":   {Answer{Question: "words", Attachments: []Attachment{words(1)}, Skipped: true}, "attachments"},
		"score and words": {Answer{Question: "words", Score: 1, Attachments: []Attachment{words(1)}}, "score"},
		"score of choice": {Answer{Question: "low", Score: 1, Choices: []string{"a"}}, "score"},
		"choice of score": {Answer{Question: "satisfied", Score: 1, Choices: []string{"a"}}, "choices"},
		"words of score":  {Answer{Question: "satisfied", Score: 1, Attachments: []Attachment{words(1)}}, "attachments"},
		"no choices":      {Answer{Question: "low"}, "choices"},
		"three choices":   {Answer{Question: "low", Choices: []string{"a", "b", "c"}}, "choices"},
		"choice twice":    {Answer{Question: "low", Choices: []string{"a", "a"}}, "choices"},
		"unknown choice":  {Answer{Question: "low", Choices: []string{"z"}}, "choices"},
		"maybe":           {Answer{Question: "kept", Choices: []string{"maybe"}}, "choices"},
		"yes and no":      {Answer{Question: "kept", Choices: []string{"yes", "no"}}, "choices"},
		"no words":        {Answer{Question: "words"}, "attachments"},
		"contact alone":   {Answer{Question: "words", Attachments: []Attachment{contact}}, "attachments"},
		"voice as words":  {Answer{Question: "voice", Attachments: []Attachment{words(1)}}, "attachments"},
		"empty words":     {Answer{Question: "words", Attachments: []Attachment{words(0)}}, "attachments"},
		"endless words":   {Answer{Question: "words", Attachments: []Attachment{words(1 << 40)}}, "attachments"},
		"words twice":     {Answer{Question: "words", Attachments: []Attachment{words(1), words(1)}}, "attachments"},
		"two readers":     {Answer{Question: "words", Attachments: []Attachment{words(1), named}}, "attachments"},
		"reader 9":        {Answer{Question: "words", Attachments: []Attachment{{Kind: 1, Reader: 9, Hash: Hash{1}, Size: 1}}}, "attachments"},
		"no hash":         {Answer{Question: "words", Attachments: []Attachment{{Kind: 1, Reader: 1, Size: 1}}}, "attachments"},
		"five blobs":      {Answer{Question: "words", Attachments: make([]Attachment, 5)}, "attachments"},
		"no question":     {Answer{}, "question"},
		"old version":     {Answer{Version: 2, Question: "satisfied", Score: 5}, "version"},
		"other form":      {Answer{Questionnaire: "today", Question: "satisfied", Score: 5}, "questionnaire"},
		"Korean":          {Answer{Language: Korean, Question: "satisfied", Score: 5}, ""}, // though not written in it
		"Chinese":         {Answer{Language: Chinese, Question: "low", Skipped: true}, ""},
		"no language":     {Answer{Language: "zh", Question: "satisfied", Score: 5}, "language"},
		"Lao":             {Answer{Language: "lo", Question: "satisfied", Score: 5}, "language"},
	} {
		a := c.answer
		if a.Questionnaire == "" {
			a.Questionnaire = "sample"
		}
		if a.Version == 0 {
			a.Version = 3
		}
		if a.Language == "" {
			a.Language = Vietnamese
		}
		err := a.Validate(sample())
		var i *Invalid
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case c.field != "" && !errors.As(err, &i):
			t.Errorf("%s: error is %v, want an *Invalid for %s", name, err, c.field)
		case c.field != "" && (i.Field != c.field || i.Want == ""):
			t.Errorf("%s: field %q, want %q; %s", name, i.Field, c.field, i.Want)
		}
	}
}

func TestAnswerValidateMeetsANewerKind(t *testing.T) {
	q := sample()
	q.Questions[0].Kind = "stars"
	err := Answer{Questionnaire: "sample", Version: 3, Language: "vi", Question: "satisfied"}.Validate(q)
	if err == nil || !strings.Contains(err.Error(), "update") {
		t.Errorf("error %v, want one that says to update", err)
	}
}

func TestHashIsHexInJSON(t *testing.T) {
	text, err := json.Marshal(Hash{0xab, 31: 1})
	if want := `"ab` + strings.Repeat("00", 30) + `01"`; err != nil || string(text) != want {
		t.Errorf("Marshal = %s, %v; want %s", text, err, want)
	}
	var h Hash
	if err := json.Unmarshal(text, &h); err != nil || h != (Hash{0xab, 31: 1}) {
		t.Errorf("Unmarshal = %x, %v", h, err)
	}
	for _, bad := range []string{`"ab"`, `"` + strings.Repeat("zz", 32) + `"`, `"` + strings.Repeat("00", 33) + `"`} {
		if err := json.Unmarshal([]byte(bad), &h); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// FuzzAnswerValidate: any JSON that decodes is accepted or refused with a
// field and a sentence; what is accepted still is after a round trip.
func FuzzAnswerValidate(f *testing.F) {
	f.Add([]byte(`{"questionnaire":"sample","version":3,"question":"satisfied","language":"vi","score":5}`))
	f.Add([]byte(`{"questionnaire":"sample","version":3,"question":"low","language":"en","choices":["a","b"]}`))
	f.Add([]byte(`{"questionnaire":"sample","version":3,"question":"words","language":"vi","attachments":[{"kind":1,"reader":1,"hash":"` + strings.Repeat("01", 32) + `","size":9}]}`))
	f.Add([]byte(`{"questionnaire":"sample","version":3,"question":"photo","language":"vi","skipped":true}`))
	forms := append(Seed().Questionnaires, sample())
	f.Fuzz(func(t *testing.T, text []byte) {
		var a Answer
		if json.Unmarshal(text, &a) != nil {
			return
		}
		for _, q := range forms {
			err := a.Validate(q)
			var i *Invalid
			if err != nil && (!errors.As(err, &i) || i.Field == "" || i.Want == "") {
				t.Fatalf("refused with %#v", err)
			}
			if err != nil {
				continue
			}
			again, _ := json.Marshal(a)
			var b Answer
			if json.Unmarshal(again, &b) != nil || b.Validate(q) != nil {
				t.Fatalf("%s is accepted, its copy %s is not", text, again)
			}
		}
	})
}
