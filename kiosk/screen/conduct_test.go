package screen

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
)

// tellTale notes the rules that the outbox is told of each request.
type tellTale struct {
	Outbox
	mu    sync.Mutex
	rules []feedback.Rule
	of    map[feedback.Rule]int // the score it was told of
}

func (s *tellTale) PutTapped(request string, a feedback.Answer, replaces string, tap outbox.Tap) (outbox.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, tap.Rules...)
	for _, r := range tap.Rules {
		s.of[r] = a.Score
	}
	return s.Outbox.PutTapped(request, a, replaces, tap)
}

func (s *tellTale) told(r feedback.Rule) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rules, r)
}

func openTold(t *testing.T) (*kiosk, *tellTale) {
	t.Helper()
	var s *tellTale
	k := open(t, portrait, func(c *Config) {
		c.Pace.Undo = time.Second
		s = &tellTale{Outbox: c.Outbox, of: map[feedback.Rule]int{}}
		c.Outbox = s
	})
	return k, s
}

// A locked tile takes no second answer; that somebody hammered on it is told
// with the first, and said to nobody on the screen.
func TestHammeringIsTold(t *testing.T) {
	k, s := openTold(t)
	k.rate(1)
	for range 12 {
		k.down(".tile[data-value='5']")
		k.up()
	}
	k.see(".option")
	if !eventually(func() bool { return s.told(feedback.RuleHammering) }) {
		t.Errorf("told %v", s.rules)
	}
	k.expect("satisfied 1 vi")
}

// It is told of the rating it was done to, though that was taken back.
func TestHammeringIsToldOfItsOwnRating(t *testing.T) {
	k, s := openTold(t)
	k.rate(1)
	for range 6 {
		k.down(".tile[data-value='5']")
		k.up()
	}
	k.tap(".undo")
	k.see("#app:not(.locked) .tile")
	k.rate(4)
	k.see(".option")
	if !eventually(func() bool { return s.told(feedback.RuleHammering) }) || s.of[feedback.RuleHammering] != 1 {
		t.Errorf("told %v", s.of)
	}
	k.expect("satisfied 1 vi, satisfied 4 vi for #0")
}

// Two contacts are a palm, or two people: the answer counts, and is flagged.
func TestPalmIsTold(t *testing.T) {
	k, s := openTold(t)
	b, other := k.box(".tile[data-value='4']"), k.box(".hero")
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2, ID: 1}}))
	k.run(input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: b.X + b.W/2, Y: b.Y + b.H/2, ID: 1}, {X: other.X + 50, Y: other.Y + 50, ID: 2}}))
	k.up()
	if !eventually(func() bool { return s.told(feedback.RulePalm) }) {
		t.Errorf("told %v", s.rules)
	}
	k.expect("satisfied 4 vi")
}

func TestOneFingerIsNothingToTell(t *testing.T) {
	k, s := openTold(t)
	k.rate(4)
	k.tap("[data-act=skip]")
	k.wait("thanks")
	if len(s.rules) > 0 {
		t.Errorf("told %v", s.rules)
	}
}

func eventually(holds func() bool) bool {
	for range 200 {
		if holds() {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// The button of the microphone may be held while speaking, and let go to end.
func TestHoldToTalk(t *testing.T) {
	k, _ := openWard(t, portrait, nil)
	k.compose()
	k.tap(".give[data-value=voice]")
	k.see("[data-act=open]")
	k.down("[data-act=open]")
	k.see("[data-act=stop]")
	k.expectOn("Micrô đang bật")
	k.until("a second", "Number(document.querySelector('.remaining b').textContent) < 60")
	k.up()
	k.see("[data-act=replay]")
	k.expectOff()
}
