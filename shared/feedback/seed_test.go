package feedback

import (
	"fmt"
	"strings"
	"testing"
)

func TestSeedIsWhole(t *testing.T) {
	s := Seed()
	if len(s.Places) != 12 || s.Places[0].ID != "qt-01" || s.Places[11].ID != "qt-12" {
		t.Errorf("%d places, want qt-01 to qt-12", len(s.Places))
	}
	for _, p := range s.Places {
		if !p.Sample || !strings.HasPrefix(p.Name, "Nhà văn hóa tổ dân phố ") {
			t.Errorf("place %s %q: want an invented neighbourhood house marked sample", p.ID, p.Name)
		}
	}
	for i, id := range []string{"today", "model", "visitors"} {
		if got := s.Questionnaires[i].ID; got != id {
			t.Errorf("questionnaire %d is %q, want %q", i, got, id)
		}
	}
}

func TestSeedKnowsWhatBecameOfQuangTien(t *testing.T) {
	for _, u := range Seed().Units {
		if u.Code != "14842" {
			continue
		}
		if u.Until != "2025-06-30" || u.Successor != "sam-son" || len(u.Aliases) == 0 {
			t.Errorf("Quảng Tiến is %+v", u)
		}
		return
	}
	t.Error("no unit with code 14842")
}

func TestSeedIsACopy(t *testing.T) {
	a := Seed()
	a.Questionnaires[0].Questions[0].Text[Vietnamese] = "changed"
	if Seed().Questionnaires[0].Questions[0].Text[Vietnamese] == "changed" {
		t.Error("a caller can change what the next caller gets")
	}
}

func TestReadSeedRefuses(t *testing.T) {
	const unit = `{"id":"a","kind":"province","name":"A"}`
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":            {`{`, "read seed"},
		"unknown key":         {`{"unit":[]}`, "unknown field"},
		"two objects":         {`{} {}`, "leave one object"},
		"unit twice":          {`{"units":[` + unit + `,` + unit + `]}`, "used twice"},
		"bad unit id":         {`{"units":[{"id":"A b","kind":"province","name":"A"}]}`, "lower-case"},
		"decomposed name":     {`{"units":[{"id":"a","kind":"province","name":"Thanh Ho\u0301a"}]}`, "composed"},
		"bad day":             {`{"units":[{"id":"a","kind":"province","name":"A","until":"30/06/2025"}]}`, "YYYY-MM-DD"},
		"ends before begin":   {`{"units":[{"id":"a","kind":"province","name":"A","from":"2025-07-01","until":"2025-06-30"}]}`, "not before"},
		"orphan ward":         {`{"units":[{"id":"b","kind":"ward","name":"B","parent":"a"}]}`, "a ward is in a province"},
		"unknown kind":        {`{"units":[{"id":"b","kind":"district","name":"B"}]}`, "parent"},
		"province in one":     {`{"units":[` + unit + `,{"id":"b","kind":"province","name":"B","parent":"a"}]}`, "parent"},
		"missing successor":   {`{"units":[{"id":"a","kind":"province","name":"A","until":"2025-06-30","successor":"z"}]}`, "successor"},
		"place of nowhere":    {`{"places":[{"id":"p","name":"P","unit":"u"}]}`, "name a unit"},
		"place twice":         {`{"units":[` + unit + `],"places":[{"id":"p","name":"P","unit":"a"},{"id":"p","name":"P","unit":"a"}]}`, "used twice"},
		"bad questionnaire":   {`{"questionnaires":[{"id":"q"}]}`, "version"},
		"version there twice": {twice(), "there twice"},
	} {
		if _, err := ReadSeed([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func twice() string {
	q := `{"id":"q","version":1,"title":{"vi":"a","en":"a"},"questions":[{"id":"s","kind":"satisfaction","text":{"vi":"a","en":"a"}}]}`
	return fmt.Sprintf(`{"questionnaires":[%s,%s]}`, q, q)
}

// What a resident reads of our own is there in every language of the screen.
func TestOurTextsAreInEveryLanguage(t *testing.T) {
	for what, text := range ourTexts() {
		for _, l := range Languages() {
			if text[l] == "" {
				t.Errorf("%s is not there in %s", what, l)
			}
		}
		if err := text.validateLong(what); err != nil {
			t.Error(err)
		}
	}
}

// ourTexts are all texts that come with the program, by where they stand. Of
// the promises it is the newest: nobody reads another.
func ourTexts() map[string]Text {
	all, form := map[string]Text{}, Messages()
	add := func(where string, options []Option) {
		for _, o := range options {
			all[where+" "+o.ID] = o.Text
		}
	}
	for _, q := range Seed().Questionnaires {
		all[q.ID] = q.Title
		for _, question := range q.Questions {
			at := q.ID + " " + question.ID
			all[at] = question.Text
			if question.Help != nil {
				all[at+" help"] = question.Help
			}
			add(at, question.Options)
		}
	}
	all["message"] = form.Title
	add("message", form.Kinds)
	add("message", form.Subjects)
	add("agreement", Agreements())
	for score := 1; score <= 5; score++ {
		all[fmt.Sprint("score ", score)] = ScoreText(score)
	}
	for _, c := range Emergency() {
		all["call "+c.Number] = c.Name
	}
	for _, s := range CaseStates() {
		all["case "+s.String()] = s.Text()
	}
	for _, part := range Promises()[len(Promises())-1].Parts {
		all["promise "+part.Purpose] = part.Text
	}
	return all
}
