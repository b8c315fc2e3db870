package feedback

import (
	"fmt"
	"slices"
)

// Limits on what a questionnaire may ask of a resident.
const (
	MaxQuestions = 32  // in one questionnaire
	MaxOptions   = 16  // in one question
	maxTextRunes = 500 // of one text
)

// Validate says whether q can be shown: ids and languages complete, every
// question answerable, and the same effort asked after every score.
func (q Questionnaire) Validate() error {
	if err := q.validateHead(); err != nil {
		return fmt.Errorf("questionnaire %q: %w", q.ID, err)
	}
	for i, question := range q.Questions {
		if err := question.validate(q.Questions[:i]); err != nil {
			return fmt.Errorf("questionnaire %q, question %q: %w", q.ID, question.ID, err)
		}
	}
	for _, question := range q.Questions {
		if err := q.equalEffort(question); err != nil {
			return fmt.Errorf("questionnaire %q, question %q: %w", q.ID, question.ID, err)
		}
	}
	return nil
}

func (q Questionnaire) validateHead() error {
	switch {
	case !isID(q.ID):
		return invalid("id", wantID)
	case q.Version < 1 || q.Version > maxVersion:
		return invalid("version", "count from 1; a change of wording is the next number")
	case q.Audience != "" && q.Audience != "residents" && q.Audience != "visitors":
		return invalid("audience", `use "residents", "visitors" or nothing`)
	case len(q.Questions) == 0 || len(q.Questions) > MaxQuestions:
		return invalid("questions", fmt.Sprintf("ask 1 to %d questions", MaxQuestions))
	case !q.Questions[0].tapped():
		return invalid("questions[0].kind", "begin with satisfaction or yes-partly-no: one tap on the start screen answers it")
	}
	if err := q.Schedule.validate("schedule."); err != nil {
		return err
	}
	return q.Title.validate("title")
}

// validate checks one question; earlier are those asked before it.
func (q Question) validate(earlier []Question) error {
	if !isID(q.ID) {
		return invalid("id", wantID)
	}
	if slices.ContainsFunc(earlier, func(e Question) bool { return e.ID == q.ID }) {
		return invalid("id", "used twice; give every question an id of its own")
	}
	if err := q.Text.validate("text"); err != nil {
		return err
	}
	if q.Help != nil {
		if err := q.Help.validate("help"); err != nil {
			return err
		}
	}
	if err := q.validateKind(); err != nil {
		return err
	}
	return q.When.validate(q.Kind, earlier)
}

// tapped says whether one tap answers the question.
func (q Question) tapped() bool { return q.Kind == Satisfaction || q.Kind == YesPartlyNo }

func (q Question) validateKind() error {
	switch q.Kind {
	case Satisfaction, YesPartlyNo, Words, Voice, Photo:
		if len(q.Options) > 0 || q.Max != 0 {
			return invalid("options", "only a question of kind choices has options and max")
		}
	case Choices:
		if err := q.validateOptions(); err != nil {
			return err
		}
	default:
		return invalid("kind", "use satisfaction, choices, yes-partly-no, words, voice or photo")
	}
	if q.Hoped != "" && (q.Kind != YesPartlyNo || q.Hoped != "yes" && q.Hoped != "no") {
		return invalid("hoped", `only for yes-partly-no, and then "yes" or "no"`)
	}
	return nil
}

func (q Question) validateOptions() error {
	if len(q.Options) < 2 || len(q.Options) > MaxOptions {
		return invalid("options", fmt.Sprintf("offer 2 to %d options", MaxOptions))
	}
	if q.Max < 0 || q.Max > len(q.Options) {
		return invalid("max", "from 1 to the number of options, or 0 for all of them")
	}
	for i, o := range q.Options {
		if !isID(o.ID) {
			return invalid(fmt.Sprintf("options[%d].id", i), wantID)
		}
		if slices.ContainsFunc(q.Options[:i], func(e Option) bool { return e.ID == o.ID }) {
			return invalid(fmt.Sprintf("options[%d].id", i), "used twice; give every option an id of its own")
		}
		if err := o.Text.validate(fmt.Sprintf("options[%d].text", i)); err != nil {
			return err
		}
	}
	return nil
}

// validate allows a condition on one satisfaction question that everybody is
// asked: longer chains would hide unequal effort.
func (w *When) validate(kind QuestionKind, earlier []Question) error {
	if w == nil {
		return nil
	}
	if kind == Satisfaction {
		return invalid("when", "ask satisfaction of everybody; a satisfaction question has no condition")
	}
	i := slices.IndexFunc(earlier, func(e Question) bool { return e.ID == w.Question })
	if i < 0 || earlier[i].Kind != Satisfaction {
		return invalid("when.question", "name a satisfaction question asked before this one")
	}
	if len(w.Scores) == 0 {
		return invalid("when.scores", "name at least one score")
	}
	for i, s := range w.Scores {
		if s < 1 || s > 5 || slices.Contains(w.Scores[:i], s) {
			return invalid("when.scores", "scores from 1 to 5, each at most once")
		}
	}
	return nil
}

// effort is what a question costs the one who answers it.
type effort struct {
	kind         QuestionKind
	options, max int
}

// equalEffort compares what follows each score of question. A kiosk that asks
// more after a low score teaches people to give high ones.
func (q Questionnaire) equalEffort(question Question) error {
	if question.Kind != Satisfaction {
		return nil
	}
	after := func(score int) (costs []effort) {
		for _, f := range q.Questions {
			if f.When != nil && f.When.Question == question.ID && slices.Contains(f.When.Scores, score) {
				costs = append(costs, effort{f.Kind, len(f.Options), f.most()})
			}
		}
		return costs
	}
	best := after(5)
	for score := 1; score < 5; score++ {
		if !slices.Equal(after(score), best) {
			return invalid("when", fmt.Sprintf(
				"score %d must lead to the same kinds of questions as score 5, with as many options and the same max", score))
		}
	}
	return nil
}

// most is how many options may be chosen.
func (q Question) most() int {
	if q.Max == 0 {
		return len(q.Options)
	}
	return q.Max
}

// Question finds a question by its id.
func (q Questionnaire) Question(id string) (Question, bool) {
	i := slices.IndexFunc(q.Questions, func(e Question) bool { return e.ID == id })
	if i < 0 {
		return Question{}, false
	}
	return q.Questions[i], true
}

// Next is the first question behind after ("" for the very first) whose
// condition holds for the scores given so far, by question id.
func (q Questionnaire) Next(after string, given map[string]int) (Question, bool) {
	from := 0
	if after != "" {
		i := slices.IndexFunc(q.Questions, func(e Question) bool { return e.ID == after })
		if i < 0 {
			return Question{}, false
		}
		from = i + 1
	}
	for _, next := range q.Questions[from:] {
		if next.When == nil || slices.Contains(next.When.Scores, given[next.When.Question]) {
			return next, true
		}
	}
	return Question{}, false
}
