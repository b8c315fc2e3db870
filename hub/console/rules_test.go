package console

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
)

// Every rule has a word and a reason with the numbers it goes by, in both
// languages.
func TestWordsForAllRules(t *testing.T) {
	numbers := map[feedback.Rule][]int{
		feedback.RuleBurst:     {int(feedback.BurstTime / time.Second)},
		feedback.RuleSameRun:   {feedback.RunLength, int(feedback.RunTime / time.Minute)},
		feedback.RuleHammering: {feedback.MostExtra}, feedback.RulePalm: {1}, feedback.RuleOffHours: {},
	}
	for _, l := range languages {
		all := words(t, l)
		for _, r := range feedback.Rules() {
			word, why := all["rule."+string(r)], all["rule."+string(r)+".why"]
			if word == "" || why == "" {
				t.Errorf("%s has no words for the rule %s", l, r)
			}
			said := fmt.Sprint(regexp.MustCompile(`\d+`).FindAllString(why, -1))
			if want, known := numbers[r]; !known || said != fmt.Sprint(want) {
				t.Errorf("%s explains %s with %s, it goes by %v", l, r, said, want)
			}
		}
	}
}

// What is flagged is shown, named and counted, and both numbers stand side by
// side wherever a place's satisfaction does.
func TestRawAndAdjusted(t *testing.T) {
	h := newHub(t)
	noon := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	h.hold(noon.Add(time.Hour))
	d := h.enrol("qt-07")
	d.boot(noon)
	for i := range 40 {
		d.rate(noon.Add(time.Duration(i)*time.Minute), 2+3*(i%2)) // 20 twos, 20 fives
		if i%4 == 1 {
			d.flag("burst", "a-rule-of-tomorrow")
		}
	}
	d.send(noon.Add(50 * time.Minute))
	lan := h.client("lan")
	place, places := h.read(lan, "/places/qt-07"), h.read(lan, "/places")
	for page, body := range map[string]string{"place": place, "places": places} {
		for _, want := range []string{"n = 40 (30)", "50,0%", "33,3%", "19,2–51,2%", "Hài lòng, trừ phiếu gắn cờ",
			"Phiếu gắn cờ là gì?", "Không phiếu nào bị bỏ", "chưa đầy 5 giây"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", page, want)
			}
		}
	}
	for _, want := range []string{"30 phiếu, KTC 95%: 19,2–51,2%", "40 phiếu, KTC 95%: 35,2–64,8%",
		"gắn cờ: a-rule-of-tomorrow, Liên tiếp quá nhanh"} {
		if !strings.Contains(place, want) {
			t.Errorf("place lacks %q", want)
		}
	}
	if n := strings.Count(place, "gắn cờ: a-rule"); n != 3 { // of the twelve latest
		t.Errorf("%d of the latest are flagged, want 3", n)
	}
}

// Without a flag both numbers are the same, and the chart has one.
func TestNothingFlagged(t *testing.T) {
	h := newHub(t)
	noon := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	h.hold(noon.Add(time.Hour))
	d := h.enrol("qt-07")
	d.boot(noon)
	for i := range 6 {
		d.rate(noon.Add(time.Duration(i)*time.Minute), 4)
	}
	d.send(noon.Add(50 * time.Minute))
	place := h.read(h.client("lan"), "/places/qt-07")
	if n := strings.Count(place, "<b>100,0%"); n != 2 || strings.Contains(place, "n = 6 (") || strings.Contains(place, "gắn cờ: ") {
		t.Errorf("%d key figures of 100,0%%, want 2", n)
	}
}
