package reports

import (
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// Worked examples of R. G. Newcombe, "Two-sided confidence intervals for the
// single proportion", Statistics in Medicine 17 (1998) 857–872, table I,
// method 3; the last but one mirrors 0 of 29.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{29, 29, 0.8830, 1},
		{0, 0, 0, 1},
	} {
		got := Wilson(c.hits, c.n)
		if math.Abs(got.Low-c.low) > 5e-5 || math.Abs(got.High-c.high) > 5e-5 {
			t.Errorf("Wilson(%d, %d) = %.4f…%.4f, want %.4f…%.4f", c.hits, c.n, got.Low, got.High, c.low, c.high)
		}
	}
}

func TestScores(t *testing.T) {
	var s Scores
	for score := 0; score <= 6; score++ {
		s.Add(score, score)
	}
	if s.N() != 15 || s.Satisfied() != 9 || s.Share() != 0.6 {
		t.Errorf("N %d, satisfied %d, share %v; want 15, 9, 0.6: scores outside 1…5 do not count",
			s.N(), s.Satisfied(), s.Share())
	}
	if s.Firm() || !s.Shown() || (Scores{0, 0, 4}).Shown() || !(Scores{0, 0, 30}).Firm() {
		t.Error("want 4 hidden, 15 faint, 30 firm")
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Vietnamese.Integer(1234567), "1.234.567"},
		{Vietnamese.Integer(999), "999"},
		{Vietnamese.Integer(-1000), "−1.000"},
		{English.Integer(1234567), "1,234,567"},
		{Vietnamese.Decimal(1234.5, 1), "1.234,5"},
		{Vietnamese.Decimal(999.96, 1), "1.000,0"},
		{Vietnamese.Decimal(-0.04, 1), "0,0"},
		{Vietnamese.Decimal(-0.8, 1), "−0,8"},
		{Vietnamese.Percent(0.984, 1), "98,4%"},
		{English.Percent(0.984, 1), "98.4%"},
		{Vietnamese.Range(Interval{0.853, 0.889}), "85,3–88,9%"},
		{Vietnamese.Bytes(12_400_000), "12,4 MB"},
		{Vietnamese.Bytes(999), "999 B"},
		{Vietnamese.Duration(3*time.Hour + 51*time.Minute), "3 giờ 51 phút"},
		{Vietnamese.Duration(47 * time.Minute), "47 phút"},
		{Vietnamese.Duration(0), "0 giây"},
		{English.Duration(49 * time.Hour), "2 d 1 h"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Dates are the ward's, whatever the machine's zone is.
func TestDates(t *testing.T) {
	at := time.Date(2026, 11, 22, 17, 5, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Vietnamese.Date(at), "23/11/2026"},
		{Vietnamese.DateTime(at), "23/11/2026 00:05"},
		{Vietnamese.When(at, at.Add(time.Hour)), "00:05"},
		{Vietnamese.When(at, at.Add(48*time.Hour)), "23/11 00:05"},
		{Vietnamese.When(at, at.AddDate(1, 0, 0)), "23/11/2026 00:05"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestCompleteness(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	silent := time.Date(2026, 11, 23, 7, 10, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		kiosks []Kiosk
		vi, en string
	}{
		{"nothing yet", nil, "100% đầy đủ", "100% complete"},
		{"whole", []Kiosk{{Name: "qt-01", Received: 7}}, "100% đầy đủ", "100% complete"},
		{"silent", []Kiosk{{Name: "qt-07", Received: 1620, Waiting: 23, Silent: silent}},
			"98,6% đầy đủ; qt-07 im lặng từ 14:10, khoảng 23 phiếu chờ",
			"98.6% complete; qt-07 silent since 14:10, about 23 waiting"},
		{"waiting as planned", []Kiosk{{Name: "qt-01", Received: 99, Waiting: 1}},
			"99,0% đầy đủ; khoảng 1 phiếu chờ", "99.0% complete; about 1 waiting"},
		{"never rounds up", []Kiosk{{Name: "qt-01", Received: 1_000_000, Waiting: 1}},
			"99,9% đầy đủ; khoảng 1 phiếu chờ", "99.9% complete; about 1 waiting"},
		{"lost", []Kiosk{{Name: "qt-01", Received: 98, Lost: 2}},
			"98,0% đầy đủ; 2 phiếu khai báo mất", "98.0% complete; 2 declared lost"},
		{"two, one silent", []Kiosk{{Name: "a", Received: 90, Waiting: 5}, {Name: "b", Waiting: 5, Silent: silent}},
			"90,0% đầy đủ; b im lặng từ 14:10, khoảng 5 phiếu chờ; khoảng 5 phiếu chờ",
			"90.0% complete; b silent since 14:10, about 5 waiting; about 5 waiting"},
	} {
		got := Complete(c.kiosks)
		if s := got.Sentence(Vietnamese, now); s != c.vi {
			t.Errorf("%s: %q, want %q", c.name, s, c.vi)
		}
		if s := got.Sentence(English, now); s != c.en {
			t.Errorf("%s: %q, want %q", c.name, s, c.en)
		}
	}
}

func sample() Likert {
	return Likert{
		ID: "weeks", Title: "Mức hài lòng theo tuần", Locale: Vietnamese, Few: "dưới 5 phiếu, không hiển thị",
		Words: [5]string{"Rất không hài lòng", "Không hài lòng", "Bình thường", "Hài lòng", "Rất hài lòng"},
		Rows: []LikertRow{
			{"Tuần 45", Scores{4, 9, 21, 131, 119}, Scores{}},
			{"Tuần 46", Scores{8, 14, 25, 121, 108}, Scores{}},
			{"Tuần 47", Scores{2, 3, 2, 8, 7}, Scores{}},
			{"Tuần 48", Scores{1, 0, 1, 1, 1}, Scores{}},
			{`<b>"&`, Scores{0, 0, 0, 0, 50}, Scores{}},
		},
	}
}

// flagged has answers that are counted apart: some, and so many that too few
// are left.
func flagged() Likert {
	c := sample()
	c.Apart = "không tính phiếu gắn cờ"
	c.Rows[0].Flagged, c.Rows[2].Flagged, c.Rows[4].Flagged = Scores{1, 0, 0, 2, 60}, Scores{2, 2, 0, 7, 7}, Scores{0, 0, 0, 0, 10}
	return c
}

// Raw and adjusted stand side by side: in the drawing, and for those who hear it.
func TestFlaggedAnswersAreCountedApart(t *testing.T) {
	svg := flagged().SVG()
	for _, want := range []string{"n = 284 (221)", "n = 22 (4)", "n = 50 (40)", "n = 276<",
		"Tuần 45: n = 284, 88,0% (83,7–91,3%), không tính phiếu gắn cờ: n = 221, 85,1% (79,8–89,2%)",
		"Tuần 47: n = 22, 68,2% (47,3–83,6%), không tính phiếu gắn cờ: n = 4, dưới 5 phiếu, không hiển thị"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if rings := strings.Count(svg, `fill="none"`); rings != 2 {
		t.Errorf("%d rings, want 2: four answers are too few to show", rings)
	}
	if plain := sample().SVG(); strings.Contains(plain, `fill="none"`) || strings.Contains(plain, "(276)") {
		t.Error("a second number where none differs")
	}
}

func TestGolden(t *testing.T) {
	days := []StripDay{{Label: "22/11"}, {Label: "23/11"}}
	for h := range 24 {
		days[0].Hours[h] = Cell(h % 6)
	}
	days[1].Notes[3] = "qt-07 <im lặng>"
	for name, svg := range map[string]string{
		"likert.svg":         sample().SVG(),
		"likert-flagged.svg": flagged().SVG(),
		"likert-empty.svg":   Likert{ID: "none", Title: "Chưa có phiếu", Locale: Vietnamese}.SVG(),
		"strip.svg":          Strip{ID: "strip", Title: "Liên lạc", Fold: 1, Days: days}.SVG(),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(svg), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != svg {
			t.Errorf("%s differs; look at it and run with -update", name)
		}
		wellFormed(t, name, svg)
	}
}

func wellFormed(t *testing.T, name, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		start, ok := token.(xml.StartElement)
		for _, a := range start.Attr {
			if ok && (a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on")) {
				t.Errorf("%s: attribute %s is refused by a strict content policy", name, a.Name.Local)
			}
		}
	}
}

// Few answers may not be read off the chart in any way: not by bar, tooltip or
// description.
func TestFewAnswersAreHidden(t *testing.T) {
	c := sample()
	c.Rows = []LikertRow{{"Tuần 48", Scores{0, 0, 1, 1, 2}, Scores{}}}
	svg := c.SVG()
	for _, leak := range []string{"<rect", "<circle", "75,0%", "Rất hài lòng"} {
		if strings.Contains(svg, leak) {
			t.Errorf("4 answers show %q", leak)
		}
	}
	if !strings.Contains(svg, "n = 4") || !strings.Contains(svg, c.Few) {
		t.Error("want n and the reason on the row")
	}
	c.Rows[0].Scores = Scores{0, 0, 1, 2, 2}
	if svg := c.SVG(); !strings.Contains(svg, greyFill[4]) || strings.Contains(svg, `fill="`+scoreFill[4]+`"`) {
		t.Error("5 answers: want grey bars")
	}
}

// The middle of the middle score stands on the zero line.
func TestNeutralIsSplit(t *testing.T) {
	c := sample()
	c.Rows = []LikertRow{{"x", Scores{0, 0, 100, 0, 0}, Scores{}}}
	bars, _ := c.scales()
	if got := bars.at(-0.5) + bars.at(0.5); math.Abs(got-2*bars.at(0)) > 1e-9 {
		t.Errorf("bar from %v to %v around %v", bars.at(-0.5), bars.at(0.5), bars.at(0))
	}
	if bars.low > -0.5 || bars.high < 0.5 {
		t.Errorf("axis %v…%v cuts the bar", bars.low, bars.high)
	}
}
