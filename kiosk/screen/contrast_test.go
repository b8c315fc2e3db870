package screen

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// contrast is the ratio of WCAG 2.2.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	var r, g, b uint8
	if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &r, &g, &b); err != nil {
		t.Fatalf("read colour %q: %v", colour, err)
	}
	linear := func(v uint8) float64 {
		c := float64(v) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

// TestContrast computes WCAG contrast ratios of the palette's pairs, which axe
// cannot where a gradient lies behind.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("web/screen.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, ink, ground string
		least             float64
	}{
		{"question on the lightest sea", "#ffffff", value(t, string(css), "--hero-b"), 7},
		{"help on the last of the sea", "#eff7f8", value(t, string(css), "--hero-c"), 4.5},
		{"slogan on the sea", "#dceef1", value(t, string(css), "--hero-b"), 4.5},
		{"option on white", "#10272e", "#ffffff", 7},
		{"option on its chosen tint", "#10272e", "#eff7f8", 7},
		{"trust on sand", "#4a5f66", "#fbf7ef", 4.5},
		{"begin on sun", "#10272e", "#efa45c", 7},
		{"call to action in high contrast", "#000000", "#ffd84d", 7},
	} {
		if got := contrast(t, c.ink, c.ground); got < c.least {
			t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", c.name, c.ink, c.ground, got, c.least)
		}
	}
}

func value(t *testing.T, css, property string) string {
	t.Helper()
	_, after, found := strings.Cut(css, property+": ")
	if !found {
		t.Fatalf("no %s in the style sheet", property)
	}
	v, _, _ := strings.Cut(after, ";")
	return v
}
