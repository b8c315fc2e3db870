package feedback

import (
	"strings"
	"testing"
)

func TestNoticeRefuses(t *testing.T) {
	good := Notice{ID: "meeting", Said: both("Ngõ tối"), Title: both("Họp"), Body: both(strings.Repeat("Mời bà con. ", 100) + "Hết"), Span: Span{From: "2026-11-23", Until: "2026-11-30", Places: []string{"qt-01"}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*Notice)
		want  string
	}{
		"id":         {func(n *Notice) { n.ID = "Họp" }, "id:"},
		"said":       {func(n *Notice) { n.Said = Text{} }, "said.vi:"},
		"long said":  {func(n *Notice) { n.Said = both(strings.Repeat("x", 501)) }, "at most 500"},
		"no title":   {func(n *Notice) { n.Title = nil }, "title.vi:"},
		"long title": {func(n *Notice) { n.Title = both(strings.Repeat("x", 501)) }, "at most 500"},
		"long body":  {func(n *Notice) { n.Body = both(strings.Repeat("x", 4001)) }, "at most 4000"},
		"one tongue": {func(n *Notice) { n.Body = Text{Vietnamese: "Họp"} }, "body.en:"},
		"day":        {func(n *Notice) { n.From = "23/11/2026" }, "from:"},
		"backwards":  {func(n *Notice) { n.Until = "2026-11-22" }, "from:"},
		"place":      {func(n *Notice) { n.Places = []string{""} }, "places:"},
	} {
		n := good
		c.spoil(&n)
		if err := n.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTextsRefuse(t *testing.T) {
	if err := (Texts{"slogan": both("Vì dân"), "consent.photo": both(strings.Repeat("x", 3000))}).Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Texts{
		"id":     {"Slogan": both("x")},
		"dots":   {"a..b": both("x")},
		"empty":  {"a": nil},
		"spaces": {"a": both(" x")},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
