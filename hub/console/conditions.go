package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"nghe/shared/wire"
)

// shownAs is how conditions of a level look.
var shownAs = map[wire.ConditionLevel]sign{
	wire.ConditionNote:    {Class: "waiting", Icon: "info"},
	wire.ConditionWarning: {Class: "late", Icon: "late"},
	wire.ConditionSevere:  {Class: "lost", Icon: "lost"},
}

// conditions are what a device last said of itself, the gravest first.
func (f *face) conditions(k kiosk, now time.Time) []sign {
	if k.ended() {
		return nil
	}
	all := slices.Clone(k.Conditions)
	slices.SortStableFunc(all, func(a, b wire.Condition) int { return cmp.Compare(b.Level, a.Level) })
	var signs []sign
	for _, c := range all {
		s, known := shownAs[min(c.Level, wire.ConditionSevere)]
		if !known {
			s = shownAs[wire.ConditionNote]
		}
		s.Word, s.Do = f.condition(c)
		s.Why = f.text("condition.said", f.when(k.Told, now))
		if c.Since > 0 {
			s.Why = f.text("condition.since", f.when(k.Told, now), f.when(time.UnixMicro(c.Since), now))
		}
		signs = append(signs, s)
	}
	return signs
}

// ailing is the gravest condition that needs a person, for a list.
func (f *face) ailing(k kiosk, now time.Time) sign {
	if !k.ailing() {
		return sign{}
	}
	all := f.conditions(k, now)
	worst := all[0]
	if n := len(all) - 1; n > 0 {
		worst.Word += " " + f.text("condition.more", f.locale.Integer(int64(n)))
	}
	return worst
}

// condition in words, and what to do about it. A newer kiosk may know more than
// this program: its name then stands as it is.
func (f *face) condition(c wire.Condition) (word, do string) {
	word, known := f.words["condition."+c.Name]
	if !known {
		return c.Name, f.text("condition.unknown.do", f.locale.Integer(c.Value))
	}
	if do = f.words["condition."+c.Name+".do"]; strings.Contains(do, "%s") {
		do = f.text("condition."+c.Name+".do", f.measure(c))
	}
	return word, do
}

// measure writes a condition's value in its unit.
func (f *face) measure(c wire.Condition) string {
	switch c.Name {
	case "disk-low", "disk-full", "memory-high", "blobs-early", "records-early", "no-voice", "no-photo", "no-words":
		return f.locale.Bytes(uint64(max(0, c.Value)))
	case "hot", "overheating":
		return f.locale.Decimal(float64(c.Value)/1000, 1) + " °C"
	case "battery-low", "card-worn":
		return f.locale.Integer(c.Value) + "%"
	case "clock-off":
		return f.locale.Duration((time.Duration(c.Value) * time.Microsecond).Abs())
	case "proxy-refused", "not-a-hub":
		return fmt.Sprint(c.Value) // a status, no number
	}
	return f.locale.Integer(c.Value)
}
