package screen

import (
	"strings"
	"testing"
)

// What TestEveryState looks for is found where it is planted, and not where it
// is not.
func TestMisfitsAreFound(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, nil)
	for _, c := range []struct{ what, plant, want string }{
		{"nothing", "0", ""},
		{"small type", "$('h1').style.fontSize = '12px'", "mm, below 6.95"},
		{"a low button", "for (const e of document.querySelectorAll('.begin button')) e.style.cssText = 'min-height: 0; height: 60px'", "x 14.9 mm"},
		{"a small tile", "$('.tile').style.cssText = 'width: 120px; height: 120px'", "is 29.7 x 29.7 mm"},
		{"text beyond its button", "$('.tool span').style.cssText = 'white-space: nowrap; font-size: 60px'", "leaves its button.tool"},
		{"text beyond the page", "$('h1').style.translate = '600px'", "leaves the page"},
		{"text over text", "$('.trust p').style.cssText = 'position: relative; top: -110px'", "lies over"},
		{"text under something", "const e = document.createElement('div'); e.style.cssText = 'position: absolute; inset: 0'; $('.asks').append(e)", "lies under div."},
		{"a button over a button", "$('.tools').style.translate = '0 -150px'", "overlaps button."},
		{"a button without a sign", "$('.begin svg').remove()", "is told by words alone"},
		{"a sign that is hidden", "$('.begin svg').style.visibility = 'hidden'", "is told by words alone"},
		{"a cut list", "$('.tiles').style.cssText = 'flex: none; height: 400px'", "cuts off what it holds"},
		{"words in the waves", "$('.hero').style.paddingBottom = 0", "lies in the waves"},
	} {
		t.Run(c.what, func(t *testing.T) {
			k.t = t
			k.home()
			k.js("(($) => { "+c.plant+" })((selector) => document.querySelector(selector)), 0", nil)
			found := strings.Join(k.judge(usual), "\n")
			if c.want == "" && found != "" || !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
