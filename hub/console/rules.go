package console

import (
	"strings"

	"nghe/hub/ledger"
	"nghe/shared/feedback"
)

// ruleText explains a rule that may name how an answer was tapped.
type ruleText struct{ Word, Why string }

func (f *face) rules() []ruleText {
	var all []ruleText
	for _, r := range feedback.Rules() {
		key := "rule." + string(r)
		all = append(all, ruleText{f.text(key), f.text(key + ".why")})
	}
	return all
}

// flagged says which rules name an answer; one of a newer kiosk by its own name.
func (f *face) flagged(r ledger.Row) string {
	var all []string
	for _, rule := range r.Rules() {
		word := rule
		if known := f.words["rule."+rule]; known != "" {
			word = known
		}
		all = append(all, word)
	}
	if len(all) == 0 {
		return ""
	}
	return f.text("latest.flagged", strings.Join(all, ", "))
}
