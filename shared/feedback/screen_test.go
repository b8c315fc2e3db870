package feedback

import (
	"errors"
	"strings"
	"testing"
)

func TestScreenTextID(t *testing.T) {
	for path, want := range map[string]string{
		"done": "screen.done", "thanksTitle": "screen.thanks-title", "refusedFor.no-room": "screen.refused-for.no-room", "blocked.voice.missing": "screen.blocked.voice.missing",
	} {
		if got := ScreenTextID(path); got != want || (Texts{got: both("x")}).Validate() != nil {
			t.Errorf("%s has the id %q, want %q", path, got, want)
		}
	}
}

func TestValidateScreen(t *testing.T) {
	if err := (Texts{"reception.days": both("{x}"), "screen.done": both("Xong rồi"), "screen.progress": {"vi": "Câu thứ {n} trong {of}", "en": "{of}: {n}", "ko": "{n}/{of}"}}).ValidateScreen(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		texts       Texts
		field, want string
	}{
		"unknown":       {Texts{"screen.thank-title": both("Cảm ơn")}, "screen.thank-title", `near it is "screen.thanks-title"`},
		"a paper":       {Texts{"paper.guid": both("x")}, "paper.guid", `near it is "paper.guide"`},
		"paper's blank": {Texts{"paper.received": both("Đã gửi")}, "paper.received.vi paper.received.en", "keep {day}"},
		"a list":        {Texts{"screen.compounds": both("x")}, "screen.compounds", "no text of this id"},
		"a group":       {Texts{"screen.refused-for": both("x")}, "screen.refused-for", "no text of this id"},
		"blank lost":    {Texts{"screen.progress": {"vi": "Câu {n}/{of}", "en": "Question {n}"}}, "screen.progress.en", "keep {n} and {of}"},
		"blank twice":   {Texts{"screen.remaining": both("{n} {n}")}, "screen.remaining.vi screen.remaining.en", "keep {n}"},
		"blank spelled": {Texts{"screen.remaining": both("{N}")}, "screen.remaining.vi screen.remaining.en", "keep {n}"},
		"blank added":   {Texts{"screen.done": both("Xong {n}")}, "screen.done.vi screen.done.en", "write no {…}"},
		"long":          {Texts{"screen.done": both(strings.Repeat("x", 501))}, "screen.done.vi screen.done.en", "at most 500"},
	} {
		err := c.texts.ValidateScreen()
		var told *Invalid
		if !errors.As(err, &told) || !strings.Contains(c.field, told.Field) || !strings.Contains(told.Want, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
