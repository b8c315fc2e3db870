package feedback

import "time"

// Rule names a way in which a rating may have been tapped that is worth
// counting apart. A rating keeps its place whatever rules name it: reports show
// their numbers with it and without it, and nobody at the screen hears of it.
type Rule string

const (
	RuleBurst     Rule = "burst"     // within BurstTime of the last rating of the visit before
	RuleSameRun   Rule = "same-run"  // RunLength-th or later of equal ratings of one question, each within RunTime of the one before
	RuleHammering Rule = "hammering" // followed by more than MostExtra taps on the locked tile
	RulePalm      Rule = "palm"      // given with more than one contact on the glass
	RuleOffHours  Rule = "off-hours" // while the place was closed
)

// What the rules measure. Five seconds, and a run of five, are the study's of
// repeated presses on public screens (HappyOrNot's response interval). A minute
// is less than residents in a queue take, and more than one person alone does.
const (
	BurstTime = 5 * time.Second
	RunLength = 5
	RunTime   = time.Minute
	MostExtra = 5
)

// Rules are all of them, in the order shown.
func Rules() []Rule { return []Rule{RuleBurst, RuleSameRun, RuleHammering, RulePalm, RuleOffHours} }
