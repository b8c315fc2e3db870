package console

import (
	"context"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// published stands for what the hub tells kiosks.
type published struct {
	facts feedback.Facts
	asked []feedback.Questionnaire
}

func (p published) Facts(context.Context) (feedback.Facts, error)           { return p.facts, nil }
func (p published) Asked(context.Context) ([]feedback.Questionnaire, error) { return p.asked, nil }

// Every satisfaction question that was answered stands on the pages, in its own
// newest words, with and without flagged answers; charts are about the ward's
// own when nobody was asked of today's service.
func TestEveryQuestionIsShown(t *testing.T) {
	lights := func(version int, words string) feedback.Questionnaire {
		return feedback.Questionnaire{ID: "lights", Version: version, Title: feedback.Text{"vi": "Đèn đường", "en": "Street lights"},
			Questions: []feedback.Question{{ID: "bright", Kind: feedback.Satisfaction, Text: feedback.Text{"vi": words, "en": "Bright?"}}}}
	}
	h := newHub(t, func(c *Config) {
		c.Told = published{asked: []feedback.Questionnaire{lights(1, "Đèn có sáng không?"), lights(2, "Đèn đủ <sáng> chưa?")}}
	})
	d, at := h.enrol("qt-07"), time.Now().Add(-time.Hour)
	d.boot(at)
	rate := func(list, question string, score uint8) {
		d.write(wire.Answer{Uptime: 2, Questionnaire: list, Version: 1, Question: question, Language: "vi", Score: score})
	}
	for range 7 {
		rate("lights", "bright", 4)
	}
	d.flag("burst")
	rate("market", "clean", 5) // published at another hub
	d.send(at)
	c := h.client("lan")
	const lightsAre, row = "Đèn đường: Đèn đủ &lt;sáng&gt; chưa?", `<th scope="row">Đèn đường: Đèn đủ &lt;sáng&gt; chưa?</th><td class="num">7</td>`
	for _, path := range []string{"/places", "/places/qt-07"} {
		page := h.read(c, path)
		for _, want := range []string{row, `<p class="soft">` + lightsAre, "market · clean", `<td class="num">6</td>`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if strings.Contains(page, "Đèn có sáng không?") {
			t.Errorf("%s shows a question in older words", path)
		}
	}
	if page := h.read(c, "/places/qt-07"); !strings.Contains(page, "<small>"+lightsAre) {
		t.Error("what was rated last does not say to which question")
	}
	rate("today", "satisfied", 5)
	d.send(at)
	if page := h.read(c, "/places"); !strings.Contains(page, `<p class="soft">`+feedback.Seed().Questionnaires[0].Title["vi"]) || !strings.Contains(page, row) {
		t.Error("with answers about today's service the chart is about something else, or the ward's own question is gone")
	}
}
