package feedback

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// published are the texts as the residents of one ward read them, by promise,
// purpose and language. Those who agreed were promised that: rows are added,
// and never change.
var published = map[string]string{
	"1 contact en":      "50407353e52ce4966246c95a114064381dc0725d2681ded258dd50e5eefb0a8b",
	"1 contact vi":      "f36b1420171cdb5865b7e9b919d53825a1f45189fa59c4d58353e8006d846c42",
	"1 photo en":        "807a46702d2ffed2f1d07945cffd423f613e32ce3457c5ac9936454003f270e7",
	"1 photo vi":        "82379d370d1c7310008e99d1f394f6d7f781d77f95c808930aba6021967d24c0",
	"1 voice en":        "7e3bc99eba228e65d1cc283211a5b506e944bfb2d09214b0c293d93ad4eeb2df",
	"1 voice vi":        "80cf07dd18a29cd1cfab57ca2c40e7d75b6fc72d4544ea3fb50e4e3a8a1b380a",
	"1 words en":        "8868b1c862c7d6d4486c9e401d3cb915a3c36b0075fd46e65b288b695dc15741",
	"1 words vi":        "fb6092eba489030ea84893d3a7dfe076963a75d17cb9df175497557d61edd485",
	"2 contact en":      "2c62439e22d1ad2f110da9756f8eb0e8359739f550fc0c54534b847661ea8895",
	"2 contact vi":      "6f29f1fb7bc04a045d26a2cc89362442446c3aaaeacfe55750fd38e1043309b7",
	"2 photo en":        "5d3aa7e14b4ebab77e90ad5134254b7ca389c94639195953e9ef1f3ea1efd280",
	"2 photo vi":        "f4838d04b6d3e5fd98211ff31fb87a452e9055cdaf6ff0a01188cdddb4ed1ce5",
	"2 voice en":        "af4955aa256a4259bec3e62cd8a83a08f38b6054ba5e87d7f578e917f5be2141",
	"2 voice vi":        "4b822a95cce36c0f0b903d4d3649b6349989592093aec78489dce1c88f724e11",
	"2 words en":        "9267fa3cf5f3560e95fa4b25e2002a76151b005ee0e44122b4cce210c39a8fe2",
	"2 words vi":        "7e19f8006385b83ec1c684d47b423e1165398ebb510b8b0fdd66f96b6f71d9b8",
	"2 contact ko":      "90527007f7620ddac08cf8ea848bfb4416dab6ef11f606c08768fc0181490097",
	"2 contact zh-Hans": "869800ec9529514b17d631ea41994c3f1c5c293ff869ce48b9d6a51ea7c994c0",
	"2 photo ko":        "2902a70742b2f133f412db6fc3d809ded4b53004709ec47ad9a77e3ec0caec7a",
	"2 photo zh-Hans":   "3272d94491575a48da09b6a29ca36876b74dfd79644c5994c31bddd0f6aff971",
	"2 voice ko":        "33a08d063414c801f144b2be5572fc9ffdedf0c9e2a5bb5e05c61bef738db3a9",
	"2 voice zh-Hans":   "f6c7ece1a698b11af50204f7b145541b67af21e89751f5d4154c6b3f883cda0b",
	"2 words ko":        "7d1d03b6dd5c3d95d551a0c392ab4b94b23e91bcc7fe67e3c94da4c385c73107",
	"2 words zh-Hans":   "45f47ab7ba261e436dea59eca5f5992e443fbf230cc6e4e59d6546abdd7c74bf",
}

func TestPublishedPromisesNeverChange(t *testing.T) {
	found := map[string]string{}
	for _, p := range Promises() {
		for hash, is := range p.Texts("Phường Quảng Tiến") {
			found[fmt.Sprintf("%d %s %s", is.Version, is.Purpose, is.Language)] = hex.EncodeToString(hash[:])
		}
	}
	for name, hash := range published {
		if found[name] != hash {
			t.Errorf("%s is not what was published; add a new promise instead of changing this one", name)
		}
	}
	for name, hash := range found {
		if published[name] == "" {
			t.Errorf("write down what is published now: %q: %q,", name, hash)
		}
	}
}

// The newest tells every number of its rules, the law and the ward.
func TestNewestPromiseTellsAll(t *testing.T) {
	newest := Promises()[len(Promises())-1]
	for _, part := range newest.Parts {
		for language, text := range part.Text {
			for _, want := range []string{"91/2025/QH15", "{ward}"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s in %s lacks %s", part.Purpose, language, want)
				}
			}
			if strings.Contains(text, "13/2023") || strings.Contains(text, "{latest}") != (part.Keep.Latest > 0) {
				t.Errorf("%s in %s: name the law in force, and the latest limit where there is one", part.Purpose, language)
			}
		}
	}
	text, _ := newest.Part("contact")
	if got, want := sha256.Sum256([]byte(text.In("Xã A")["vi"])), newest.Texts("Xã A"); want[got] != (Agreed{newest.Version, "contact", "vi", "Xã A"}) {
		t.Errorf("the hash of the text leads to %+v", want[got])
	}
}

func TestInForce(t *testing.T) {
	all := Promises()
	for day, want := range map[string]int{"1970-01-01": len(all), "2026-10-31": len(all), "2026-11-01": 1, "2026-11-22": 1, "2026-11-23": 2} {
		at, err := time.ParseInLocation(time.DateOnly, day, vietnam)
		if err != nil {
			t.Fatal(err)
		}
		if got := InForce(all, at.Add(23*time.Hour).UTC()).Version; got != want {
			t.Errorf("on %s: %d, want %d", day, got, want)
		}
	}
}

func TestOver(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateOnly, s, vietnam)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	closed := Keeping{After: "closed", Days: 90, Latest: 24}
	for name, c := range map[string]struct {
		keep             Keeping
		received, closed string
		want             string
		late             bool
	}{
		"months":         {Keeping{After: "received", Months: 24}, "2026-11-20", "", "2028-11-20", false},
		"closed or not":  {Keeping{After: "received", Months: 24}, "2026-11-20", "2026-12-01", "2028-11-20", false},
		"leap day":       {Keeping{After: "received", Months: 24}, "2028-02-29", "", "2030-02-28", false},
		"end of a month": {Keeping{After: "received", Months: 1, Days: 1}, "2027-01-31", "", "2027-03-01", false},
		"after closing":  {closed, "2026-11-20", "2026-12-01", "2027-03-01", false},
		"never closed":   {closed, "2026-11-20", "", "2028-11-20", true},
		"closed late":    {closed, "2026-11-20", "2028-10-01", "2028-11-20", true},
	} {
		var end time.Time
		if c.closed != "" {
			end = day(c.closed)
		}
		if at, late := c.keep.Over(day(c.received), end); !at.Equal(day(c.want)) || late != c.late {
			t.Errorf("%s: %v %v, want %s %v", name, at, late, c.want, c.late)
		}
	}
}

func TestParsePromises(t *testing.T) {
	for name, change := range map[string]func(p *Promise){
		"version":           func(p *Promise) { p.Version = 2 },
		"day":               func(p *Promise) { p.From = "23/11/2026" },
		"a purpose left":    func(p *Promise) { p.Parts = p.Parts[1:] },
		"a purpose twice":   func(p *Promise) { p.Parts = append(p.Parts, p.Parts[0]) },
		"no time":           func(p *Promise) { p.Parts[0].Keep.Months = 0 },
		"for ever":          func(p *Promise) { p.Parts[1].Keep.Latest = 0 },
		"before it came":    func(p *Promise) { p.Parts[1].Keep.Days = -1 },
		"other moment":      func(p *Promise) { p.Parts[0].Keep.After = "read" },
		"limit of words":    func(p *Promise) { p.Parts[0].Keep.Latest = 3 },
		"no English":        func(p *Promise) { p.Parts[0].Text = Text{"vi": "{months}"} },
		"another time told": func(p *Promise) { p.Parts[0].Text["vi"] = "lưu {days} ngày" },
		"time not told":     func(p *Promise) { p.Parts[0].Text["en"] = "kept 24 months" },
		"something else":    func(p *Promise) { p.Parts[0].Text["en"] = "kept {months} {years}" },
	} {
		all := Promises()
		p := all[1]
		p.Version = 1
		write := func() []byte {
			text, err := json.Marshal([]Promise{p})
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if _, err := ParsePromises(write()); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		change(&p)
		if _, err := ParsePromises(write()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `[{"version":1,"from":"2026-11-23","parts":[],"hours":3}]`} {
		if _, err := ParsePromises([]byte(text)); err == nil {
			t.Errorf("%s: taken", text)
		}
	}
	twice := Promises()
	twice[1].From = twice[0].From
	text, err := json.Marshal(twice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePromises(text); err == nil {
		t.Error("two promises from one day: taken")
	}
}
