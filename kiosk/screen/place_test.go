package screen

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"nghe/shared/feedback"
)

func area(id string) feedback.Area {
	return feedback.Area{Option: feedback.Option{ID: id, Text: feedback.Text{"vi": id, "en": id}}}
}

func placed(subject, place string, pairs ...string) given {
	return headWith(append([]string{`"subject":"sanitation"`, fmt.Sprintf(`"subject":%q,"place":%q`, subject, place)}, pairs...)...)
}

// A message may say where its matter is, of the areas the ward told.
func TestMessageTellsWhereTheMatterIs(t *testing.T) {
	d, b := newDesk(t), &told{facts: feedback.Facts{Areas: []feedback.Area{area("beach"), area("police")}}}
	d.screen.cfg.Bulletin = b
	_, reply := call(t, d.http, http.MethodGet, "/api/questionnaires", "")
	if places := fmt.Sprint(reply["message"].(map[string]any)["places"]); !strings.Contains(places, "beach") {
		t.Errorf("offers %s", places)
	}
	b.facts.Areas = []feedback.Area{area("market")} // who has begun may finish
	for i, c := range []struct {
		head   given
		status int
		want   string
	}{
		{placed("sanitation", "beach"), 201, "[phan-anh sanitation at:beach]"},
		{placed("police", "police"), 201, "[phan-anh police at:police]"},
		{placed("", "market"), 201, "[phan-anh at:market]"},
		{placed("sanitation", ""), 201, "[phan-anh sanitation]"},
		{placed("sanitation", "beach", `"cases"`, `"named"`), 201, "[phan-anh sanitation]"},
		{placed("sanitation", "moon"), 422, ""},
		{placed("sanitation", "at:beach"), 422, ""},
	} {
		d.choices = nil
		c.head.body = strings.Replace(c.head.body, "m-1", fmt.Sprint("m-", i), 1)
		status, reply := d.send(c.head, someWords)
		if status != c.status || c.want != "" && fmt.Sprint(d.choices) != c.want || c.want == "" && !strings.Contains(fmt.Sprint(reply), "field:place") {
			t.Errorf("%s: %d %v, recorded %v, want %s", c.head.body, status, reply, d.choices, c.want)
		}
	}
}

// The same request with another place is another message.
func TestMessageRepeatedElsewhere(t *testing.T) {
	d := newDesk(t)
	d.screen.cfg.Bulletin = &told{facts: feedback.Facts{Areas: []feedback.Area{area("beach"), area("market")}}}
	for _, c := range []struct {
		place  string
		status int
	}{{"beach", 201}, {"beach", 201}, {"market", 409}, {"", 409}} {
		if status, reply := d.send(placed("sanitation", c.place), someWords); status != c.status {
			t.Errorf("%q: %d %v", c.place, status, reply)
		}
	}
}
