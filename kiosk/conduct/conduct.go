// Package conduct judges how a rating was tapped, by rules that have names: so
// fast after the visit before, so often alike, with so many fingers, while the
// place was closed. It never looks at who taps, and never at what they say but
// whether a score is the same as the last one.
//
// It promises that the same taps at the same moments of a clock that never
// steps give the same rules, and that what happens within one visit is never a
// burst and never a run.
//
// It keeps nothing of a visit but its page's id and its scores, in memory and
// until the next ones; refuses nothing, and tells nobody.
package conduct

import (
	"slices"
	"time"

	"nghe/shared/feedback"
)

// Tap is one answer as it was tapped. Only ratings are judged.
type Tap struct {
	Request  string        // of the page; repeated with the same answer
	Visit    string        // of the page, one per visit; empty: not told, and neither bursts nor runs can be seen
	Question string        // any name of the question asked
	Score    int           // 1…5; 0: not a rating
	At       time.Duration // of the tap, by a clock that never steps; any zero
	Extra    int           // further taps on the tile while it was locked
	Touches  int           // most contacts on the glass at once; 0: not told
	Closed   bool          // the place is known to have been closed
}

// Judge remembers the last visits. The zero Judge remembers none.
type Judge struct {
	visit string        // the last one that rated
	last  time.Duration // its last rating
	burst bool          // it began too soon after the visit before it
	runs  map[string]streak
	told  tellings
}

// streak is a question's run of equal ratings with the last visit's and
// without it: whoever chooses again takes the place of their own rating.
type streak struct {
	visit       string
	before, now run
}

type run struct {
	score, length int
	at            time.Duration
}

// tellings are the rules told of one request.
type tellings struct {
	request string
	rules   []feedback.Rule
}

// Rules are those that name a tap, in the order of feedback.Rules. Of a request
// kept before they are what has come to hold since. They depend on what was
// kept, and change nothing.
func (j *Judge) Rules(t Tap) (rules []feedback.Rule) {
	if t.Score == 0 {
		return nil
	}
	for _, r := range feedback.Rules() {
		if j.holds(r, t) && !j.settled(r, t) {
			rules = append(rules, r)
		}
	}
	return rules
}

// settled says that a rule was judged when the request was kept first. Only
// what fingers went on to do may still be news.
func (j *Judge) settled(r feedback.Rule, t Tap) bool {
	if j.told.request != t.Request {
		return false
	}
	return r != feedback.RuleHammering && r != feedback.RulePalm || slices.Contains(j.told.rules, r)
}

func (j *Judge) holds(r feedback.Rule, t Tap) bool {
	switch r {
	case feedback.RuleBurst:
		return j.tooSoon(t)
	case feedback.RuleSameRun:
		return t.Visit != "" && j.runs[t.Question].with(t).now.length >= feedback.RunLength
	case feedback.RuleHammering:
		return t.Extra > feedback.MostExtra
	case feedback.RulePalm:
		return t.Touches > 1
	case feedback.RuleOffHours:
		return t.Closed
	}
	return false
}

// tooSoon belongs to a visit: choosing again does not shake it off.
func (j *Judge) tooSoon(t Tap) bool {
	switch {
	case t.Visit == "" || j.visit == "":
		return false
	case t.Visit == j.visit:
		return j.burst
	}
	return follows(t.At, j.last, feedback.BurstTime)
}

func follows(at, before, within time.Duration) bool { return at >= before && at-before < within }

func (s streak) with(t Tap) streak {
	if s.visit != t.Visit {
		s.visit, s.before = t.Visit, s.now
	}
	s.now = run{t.Score, 1, t.At}
	if s.before.score == t.Score && follows(t.At, s.before.at, feedback.RunTime) {
		s.now.length += s.before.length
	}
	return s
}

// Kept remembers a tap whose answer is on the disk, and the rules kept with it.
// When a request is kept again, only its rules are news: when the page repeated
// it is not when the resident tapped.
func (j *Judge) Kept(t Tap, rules []feedback.Rule) {
	if t.Score == 0 {
		return
	}
	if j.told.request == t.Request {
		j.told.rules = append(j.told.rules, rules...)
		return
	}
	j.told = tellings{t.Request, slices.Clone(rules)}
	if t.Visit == "" || t.Visit != j.visit && t.At < j.last { // an old one, told late
		return
	}
	if j.runs == nil {
		j.runs = map[string]streak{}
	}
	j.runs[t.Question] = j.runs[t.Question].with(t)
	j.burst = j.tooSoon(t)
	j.visit, j.last = t.Visit, t.At
}
