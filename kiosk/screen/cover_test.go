package screen

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// panel is a screen of a size in pixels and of a diagonal in inches.
type panel struct {
	name          string
	inches        string
	width, height int64
	pixelsPerMM   float64
}

var (
	portrait  = panel{"portrait", "21.5", 1080, 1920, 4.034}
	landscape = panel{"landscape", "21.5", 1920, 1080, 4.034}
	tablet    = panel{"tablet", "10.1", 1280, 800, 5.884}
	stood     = panel{"stood", "10.1", 800, 1280, 5.884}
	wide      = panel{"wide", "15.6", 1366, 768, 3.955}
	upright   = panel{"upright", "15.6", 768, 1366, 3.955}
	large     = panel{"large", "32", 1920, 1080, 2.710}
	tower     = panel{"tower", "32", 1080, 1920, 2.710}
)

func (p panel) upright() bool { return p.height > p.width }

// tall is a panel on which the controls can be lowered.
func (p panel) tall() bool { return p.upright() && float64(p.height)/p.pixelsPerMM >= 400 }

// legible is the least height of type in mm: capitals of 4.8 mm seen from
// 600 mm; large text 0.7 degrees. Smaller panels are stood nearer to.
func (p panel) legible(large bool) float64 {
	short := float64(min(p.width, p.height)) / p.pixelsPerMM
	distance := 600.0
	if short < 220 {
		distance = 500
	}
	if short < 160 {
		distance = 400
	}
	if large {
		return 10.45 * distance / 600
	}
	return 6.95 * distance / 600
}

// key is the least side of a key in mm; 10 inches have no room for more.
func (p panel) key() float64 {
	if p.inches == "10.1" {
		return 13
	}
	return 16
}

// stand is one way in which the screen stands, speaks and is liked.
type stand struct {
	panel    panel
	mode     string
	language string
}

func (s stand) String() string { return s.panel.name + "-" + s.mode + "-" + s.language }

// usual is how the screen begins on the panel it is drawn for.
var usual = stand{portrait, "normal", "vi"}

// stands are all there are, the usual one first.
func stands() (all []stand) {
	for _, p := range []panel{portrait, landscape, tablet, stood, wide, upright, large, tower} {
		for _, mode := range []string{"normal", "large", "contrast", "low"} {
			for _, language := range []string{"vi", "en", "ko", "zh-Hans"} {
				if mode != "low" || p.tall() {
					all = append(all, stand{p, mode, language})
				}
			}
		}
	}
	return all
}

// values are what a stand is: its language, orientation, size and mode.
func (s stand) values() []string {
	return []string{s.language, fmt.Sprintf("upright %v", s.panel.upright()), s.panel.inches + " inches", s.mode}
}

// pairs are the pairs of two of them.
func (s stand) pairs() (all []string) {
	values := s.values()
	for i, a := range values {
		for _, b := range values[i+1:] {
			all = append(all, a+", "+b)
		}
	}
	return all
}

// cover are stands in which each pair of values comes at least once, by panel:
// the fewest that are found by always taking the first of those that add most,
// from wherever the list of all begins. It is the same at every call.
var cover = sync.OnceValue(func() (fewest []stand) {
	all := stands()
	for range all {
		if chosen := coverOf(all); fewest == nil || len(chosen) < len(fewest) {
			fewest = chosen
		}
		all = append(all[1:], all[0])
	}
	slices.SortStableFunc(fewest, func(a, b stand) int { return strings.Compare(a.panel.inches, b.panel.inches) })
	return fewest
})

func coverOf(all []stand) (chosen []stand) {
	missing := map[string]bool{}
	for _, s := range all {
		for _, pair := range s.pairs() {
			missing[pair] = true
		}
	}
	for best := usual; len(missing) > 0; best = mostOf(all, missing, stand.pairs) {
		chosen = append(chosen, best)
		for _, pair := range best.pairs() {
			delete(missing, pair)
		}
	}
	return chosen
}

// mostOf is the first stand of which most is missing.
func mostOf(all []stand, missing map[string]bool, of func(stand) []string) stand {
	return slices.MaxFunc(all, func(a, b stand) int { return adds(of(a), missing) - adds(of(b), missing) })
}

func adds(what []string, missing map[string]bool) (n int) {
	for _, w := range what {
		if missing[w] {
			n++
		}
	}
	return n
}

// meeting are as few stands of in as it takes, beside those seen, for what is
// done in them to meet every value of a stand: the nth, if it adds any, and
// those that add most to it. So of all that is done something is done in each.
func meeting(in []stand, n int, seen ...stand) (some []stand) {
	missing := map[string]bool{}
	for _, s := range in {
		for _, v := range s.values() {
			missing[v] = true
		}
	}
	meet := func(s stand) {
		for _, v := range s.values() {
			delete(missing, v)
		}
	}
	for _, s := range seen {
		meet(s)
	}
	in = slices.Concat(in[n%len(in):], in[:n%len(in)])
	for next := in[0]; len(missing) > 0; next = mostOf(in, missing, stand.values) {
		if adds(next.values(), missing) > 0 {
			some = append(some, next)
		}
		meet(next)
	}
	return some
}

// Every two values that can come together do; only lowered controls need a
// panel that is tall.
func TestCover(t *testing.T) {
	covered := map[string]int{}
	for _, s := range cover() {
		for _, pair := range s.pairs() {
			covered[pair]++
		}
	}
	const languages, orientations, sizes, modes, notLowered = 4, 2, 4, 4, 3
	want := languages*(orientations+sizes+modes) + orientations*(sizes+modes) + sizes*modes - notLowered
	if len(covered) != want {
		t.Errorf("%d pairs of values are covered, want %d", len(covered), want)
	}
	for _, s := range stands() {
		for _, pair := range s.pairs() {
			if covered[pair] == 0 {
				t.Errorf("no stand of the cover has %s", pair)
			}
		}
	}
	if n := len(cover()); n < languages*modes || n > languages*modes+2 {
		t.Errorf("%d stands, of which %d must be", n, languages*modes)
	}
	t.Log(len(cover()), cover())
}

// From wherever it looks, all values are met, and each stand comes.
func TestMeeting(t *testing.T) {
	come := map[stand]bool{usual: true}
	for n := range cover() {
		met := map[string]bool{}
		for _, s := range append(meeting(cover(), n, usual), usual) {
			come[s] = true
			for _, v := range s.values() {
				met[v] = true
			}
		}
		for _, s := range stands() {
			for _, v := range s.values() {
				if !met[v] {
					t.Errorf("from %d on, nothing is done in %s", n, v)
				}
			}
		}
	}
	if len(come) != len(cover()) {
		t.Errorf("%d stands come, of %d", len(come), len(cover()))
	}
}
