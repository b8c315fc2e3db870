package conduct

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
)

// rating is a tap at so many seconds; visit, score and what else is odd.
func rating(at float64, visit string, score int, odd ...func(*Tap)) Tap {
	t := Tap{Request: fmt.Sprint(visit, "-", at), Visit: visit, Question: "today/satisfied", Score: score, At: time.Duration(at * float64(time.Second))}
	for _, change := range odd {
		change(&t)
	}
	return t
}

// reason is an answer without a score.
func reason(at float64, visit string) Tap { return rating(at, visit, 0) }

// of asks another question.
func of(question string) func(*Tap) { return func(t *Tap) { t.Question = question } }

// queue is n visits that rate alike, so many seconds apart.
func queue(from float64, n int, apart float64, score int) (taps []Tap) {
	for i := range n {
		at := from + float64(i)*apart
		taps = append(taps, rating(at, fmt.Sprint("visit-", at), score))
	}
	return taps
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		taps []Tap
		want string // rules of each tap; "-" for none
	}{
		"the first of all":         {queue(0, 1, 0, 5), "-"},
		"five seconds apart":       {queue(0, 3, 5, 2), "- - -"},
		"just under":               {queue(0, 3, 4.999, 2), "- burst burst"},
		"at once":                  {[]Tap{rating(3, "a", 2), rating(3, "b", 4)}, "- burst"},
		"rating, then reasons":     {[]Tap{rating(0, "a", 1), reason(1, "a"), reason(2, "a")}, "- - -"},
		"two ratings of one visit": {[]Tap{rating(0, "a", 1), rating(2, "a", 1, of("today/staff")), rating(3, "a", 1, of("today/house"))}, "- - -"},
		"chosen again":             {[]Tap{rating(0, "a", 1), rating(2, "a", 5), rating(4, "a", 4)}, "- - -"},
		"burst, chosen again":      {[]Tap{rating(0, "a", 1), rating(2, "b", 5), rating(9, "b", 4)}, "- burst burst"},
		"after one chosen again":   {[]Tap{rating(0, "a", 1), rating(8, "a", 5), rating(12, "b", 4)}, "- - burst"},
		"reasons are no rating":    {[]Tap{rating(0, "a", 1), reason(8, "a"), rating(9, "b", 4)}, "- - -"},
		"visits not told":          {[]Tap{rating(0, "", 1), rating(0.1, "", 1), rating(0.2, "", 1), rating(0.3, "", 1), rating(0.4, "", 1), rating(0.5, "", 1)}, "- - - - - -"},
		"one not told between":     {[]Tap{rating(0, "a", 1), rating(1, "", 1), rating(5, "b", 1)}, "- - -"},

		"five alike":             {queue(0, 6, 20, 5), "- - - - same-run same-run"},
		"five alike, worst":      {queue(0, 5, 20, 1), "- - - - same-run"},
		"four alike":             {append(queue(0, 4, 20, 5), rating(80, "b", 4)), "- - - - -"},
		"one else between":       {append(append(queue(0, 4, 20, 5), rating(80, "b", 4)), queue(100, 4, 20, 5)...), "- - - - - - - - -"},
		"a minute apart":         {queue(0, 6, 60, 5), "- - - - - -"},
		"a pause ends a run":     {append(queue(0, 4, 20, 5), queue(121, 2, 20, 5)...), "- - - - - -"},
		"fast and alike":         {queue(0, 6, 3, 3), "- burst burst burst burst+same-run burst+same-run"},
		"five questions alike":   {[]Tap{rating(0, "a", 5), rating(1, "a", 5, of("b")), rating(2, "a", 5, of("c")), rating(3, "a", 5, of("d")), rating(4, "a", 5, of("e"))}, "- - - - -"},
		"again is no other":      {[]Tap{rating(0, "a", 5), rating(6, "a", 5), rating(12, "a", 5), rating(18, "a", 5), rating(24, "a", 5)}, "- - - - -"},
		"chosen again, in a run": {append(queue(0, 5, 20, 5), rating(85, "visit-80", 3), rating(90, "visit-80", 5)), "- - - - same-run - same-run"},
		"run under a new choice": {append(queue(0, 4, 20, 5), rating(80, "b", 1), rating(82, "b", 5), rating(100, "c", 5)), "- - - - - same-run same-run"},

		"impatient":      {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Extra = 5 })}, "-"},
		"hammering":      {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Extra = 6 })}, "hammering"},
		"one finger":     {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Touches = 1 })}, "-"},
		"a palm":         {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Touches = 2 })}, "palm"},
		"a palm, undone": {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Touches = 5 }), rating(3, "a", 2, func(t *Tap) { t.Touches = 1 })}, "palm -"},
		"closed":         {[]Tap{rating(0, "a", 5, func(t *Tap) { t.Closed = true })}, "off-hours"},
		"no rating":      {[]Tap{{Extra: 99, Touches: 9, Closed: true}}, "-"},
		"no visit":       {[]Tap{rating(0, "", 5, func(t *Tap) { t.Extra, t.Touches, t.Closed = 9, 9, true })}, "hammering+palm+off-hours"},
		"all at once":    {append(queue(0, 4, 3, 1), rating(12, "z", 1, func(t *Tap) { t.Extra, t.Touches, t.Closed = 9, 9, true })), "- burst burst burst burst+same-run+hammering+palm+off-hours"},

		"an old one, told late": {[]Tap{rating(60, "b", 5), rating(2, "a", 5), rating(63, "c", 5)}, "- - burst"},
	} {
		var j Judge
		var got []string
		for _, tap := range c.taps {
			rules := j.Rules(tap)
			j.Kept(tap, rules)
			got = append(got, words(rules))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s:\n %s\nwant\n %s", name, strings.Join(got, " "), c.want)
		}
	}
}

func words(rules []feedback.Rule) string {
	var all []string
	for _, r := range rules {
		all = append(all, string(r))
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, "+")
}

// A request that comes again is told of once by each rule, and counts once.
func TestTheSameRequestAgain(t *testing.T) {
	var j Judge
	j.Kept(rating(0, "a", 5), nil)
	tap := rating(2, "b", 5)
	for i, want := range []string{"burst", "-", "-"} {
		rules := j.Rules(tap)
		if words(rules) != want {
			t.Errorf("time %d: %s, want %s", i, words(rules), want)
		}
		j.Kept(tap, rules)
	}
	late := tap // told when the lock has ended
	late.At, late.Extra, late.Closed = 7*time.Second, 9, true
	if rules := j.Rules(late); words(rules) != "hammering" {
		t.Errorf("with what happened since: %s", words(rules))
	}
	j.Kept(late, []feedback.Rule{feedback.RuleHammering})
	if again, next := j.Rules(late), j.Rules(rating(7.5, "c", 1)); again != nil || next != nil {
		t.Errorf("told once more %s, and a visit 5.5 s after the tap is %s", words(again), words(next))
	}
	for at := 10.0; at < 60; at += 20 {
		j.Kept(rating(at, fmt.Sprint("c", at), 5), nil)
	}
	if rules := j.Rules(rating(70, "d", 5)); words(rules) != "same-run" {
		t.Errorf("sixth visit of equal ratings: %s, want same-run: repeats do not count", words(rules))
	}
	if fresh := (&Judge{}).Rules(rating(70, "d", 5)); fresh != nil {
		t.Errorf("after a restart: %s", words(fresh))
	}
}

// What was not kept was never there.
func TestOnlyWhatIsKeptCounts(t *testing.T) {
	var j Judge
	for _, tap := range queue(0, 9, 1, 5) {
		if rules := j.Rules(tap); rules != nil {
			t.Errorf("%s after nothing was kept", words(rules))
		}
	}
}

func TestEveryRuleCanHold(t *testing.T) {
	var j Judge
	for _, tap := range queue(0, 4, 1, 1) {
		j.Kept(tap, nil)
	}
	tap := rating(4, "z", 1, func(t *Tap) { t.Extra, t.Touches, t.Closed = 1000, 20, true })
	if got := j.Rules(tap); !slices.Equal(got, feedback.Rules()) {
		t.Errorf("rules %v, want all of %v", got, feedback.Rules())
	}
}
