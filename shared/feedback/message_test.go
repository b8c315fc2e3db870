package feedback

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMessageFormIsWhole(t *testing.T) {
	f := Messages()
	if err := f.Title.validate("title"); err != nil {
		t.Error(err)
	}
	for _, options := range [][]Option{f.Kinds, f.Subjects} {
		q := Question{ID: "q", Kind: Choices, Text: f.Title, Options: options}
		if err := q.validate(nil); err != nil {
			t.Error(err)
		}
	}
	for kind := AttachedWords; kind <= AttachedPhoto; kind++ {
		if _, ok := InForce(Promises(), time.Now()).Part(kind.Purpose()); !ok {
			t.Errorf("no text for purpose %q", kind.Purpose())
		}
	}
	if AttachmentKind(9).Purpose() != "" {
		t.Error("a purpose nobody knows")
	}
}

func TestMessageFormInAWard(t *testing.T) {
	f := Messages().In("Phường Quảng Tiến", []Option{{ID: "market"}}, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if len(f.Consents) != 4 || f.Check("khen", "", "market", "vi") != nil {
		t.Fatalf("%d consents, places %v", len(f.Consents), f.Places)
	}
	for _, c := range f.Consents {
		for language, text := range c.Text {
			if strings.ContainsAny(text, "{}") || !strings.Contains(text, "Phường Quảng Tiến") || !strings.Contains(text, "24") {
				t.Errorf("%s in %s: %s", c.Purpose, language, text)
			}
		}
	}
	if before := Messages().In("x", nil, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)); !strings.Contains(before.Consents[0].Text[Vietnamese], "sau khi trả lời") {
		t.Error("a kiosk told of a promise before its first day")
	}
}

func TestMessageFormCheck(t *testing.T) {
	for _, c := range []struct {
		kind, subject, place string
		language             Language
		field                string
	}{
		{"phan-anh", "police", "", "vi", ""}, {"khen", "", "", "en", ""}, {"khen", "", "beach", "ko", ""}, {"gop-y", "tourism", "beach", "zh-Hans", ""},
		{"to-cao", "", "", "vi", "kind"}, {"", "", "", "vi", "kind"}, {"gop-y", "weather", "", "vi", "subject"}, {"gop-y", "", "", "xx", "language"},
		{"khen", "", "moon", "vi", "place"}, {"khen", "beach", "", "vi", "subject"}, {"khen", "", "police", "vi", "place"},
	} {
		form := Messages()
		form.Places = []Option{{ID: "beach"}}
		err := form.Check(c.kind, c.subject, c.place, c.language)
		var i *Invalid
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &i) || i.Field != c.field) {
			t.Errorf("%q %q %q: %v, want field %q", c.kind, c.subject, c.language, err, c.field)
		}
	}
}

func TestMessageChoices(t *testing.T) {
	for _, c := range [][3]string{{"khen", "", ""}, {"khen", "police", ""}, {"khen", "", "police"}, {"khen", "police", "police"}} {
		choices := MessageChoices(c[0], c[1], c[2])
		if kind, subject, place := ReadMessageChoices(choices); [3]string{kind, subject, place} != c {
			t.Errorf("%v is written %q and read %q %q %q", c, choices, kind, subject, place)
		}
	}
	for _, c := range []struct{ choices, want string }{
		{"", "//"}, {"khen order sanitation", "khen/order/"}, {"khen at:beach order", "khen/order/beach"}, {"at:beach", "at:beach//"},
	} {
		kind, subject, place := ReadMessageChoices(strings.Fields(c.choices))
		if got := kind + "/" + subject + "/" + place; got != c.want {
			t.Errorf("%q is read %s", c.choices, got)
		}
	}
}

func TestCheckWords(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		ok    bool
	}{
		"Vietnamese":    {"Đường ngập nước.\nXin sửa giúp! ế ộ ữ Ỹ", true},
		"symbols":       {"=1+1 <script> '); DROP 50 % ☎ 👨\u200d👩\u200d👧 \u00a0.", true},
		"Chinese":       {"海滩不干净。", true},
		"as long as":    {strings.Repeat("ề", 20), true},
		"too long":      {strings.Repeat("ề", 21), false},
		"nothing":       {"", false},
		"only spaces":   {" \n\u00a0 ", false},
		"decomposed":    {"e\u0302\u0301", false},
		"broken":        {"\xff", false},
		"NUL":           {"a\x00b", false},
		"tab":           {"a\tb", false},
		"turned round":  {"a\u202eb", false},
		"zero width":    {"a\u200bb", false},
		"byte order":    {"\ufeffa", false},
		"escape":        {"\x1b[31m", false},
		"private use":   {"\ue000", false},
		"carriage":      {"a\r\nb", false},
		"line separate": {"a\u2028b", false},
	} {
		most := 20
		if name == "symbols" || name == "Vietnamese" {
			most = 100
		}
		if err := CheckWords("words", c.words, most); (err == nil) != c.ok || err != nil && strings.Contains(err.Error(), c.words) && c.words != "" {
			t.Errorf("%s: %v, want accepted %v", name, err, c.ok)
		}
	}
}
