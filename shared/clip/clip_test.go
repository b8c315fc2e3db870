package clip

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestName(t *testing.T) {
	want := Name("vi", "Tôi vẫn ở đây, chưa đi.")
	for _, shown := range []string{"Tôi vẫn\u00a0ở đây, chưa đi.", " Tôi vẫn ở đây,\n chưa đi. ", "Tôi vẫn ở\u00ad đây,\u200b chưa đi.", "Tôi vẫn\t\x00ở đây, chưa đi."} {
		if got := Name("vi", shown); got != want {
			t.Errorf("%q is %s, want %s", shown, got, want)
		}
	}
	if len(want) != 35 || !strings.HasPrefix(want, "vi/") {
		t.Errorf("name is %s", want)
	}
	for _, other := range []string{Name("en", "Tôi vẫn ở đây, chưa đi."), Name("vi", "Tôi vẫn ở đây chưa đi."), Name("vi", "tôi vẫn ở đây, chưa đi.")} {
		if other == want {
			t.Errorf("two things are called %s", want)
		}
	}
}

func TestParts(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("mười chữ ", 150)) // 1,349 characters
	for text, want := range map[string][]string{
		"":       nil,
		"Xin":    nil,
		"Xin!":   nil,
		"Xin?!)": nil,
		"Chạm vào một ô. Không cần ghi tên.": {"Chạm vào một ô.", "Không cần ghi tên."},
		"Đã xóa. (Luật số 91/2025/QH15)":     {"Đã xóa.", "(Luật số 91/2025/QH15)"},
		"Delete it. (Law No. 91/2025/QH15)":  {"Delete it.", "(Law No. 91/2025/QH15)"},
		"Lúc 7.30 sáng":                      nil,
		"Xem nghe.example.vn để biết":        nil,
		"A…\nB\n\nC":                         {"A…", "B", "C"},
		"谢谢您！意见已保存。":                         {"谢谢您！", "意见已保存。"},
		"“Có.” Ông nói.":                     {"“Có.”", "Ông nói."},
		"의견을 남겨 주세요. 이름은 필요 없습니다.":           {"의견을 남겨 주세요.", "이름은 필요 없습니다."},
		long:                           {long[:strings.LastIndex(string([]rune(long)[:MaxPart]), " ")], strings.TrimSpace(long[strings.LastIndex(string([]rune(long)[:MaxPart]), " "):])},
		strings.Repeat("字", MaxPart+1): {strings.Repeat("字", MaxPart), "字"},
		strings.Repeat("x", MaxPart):   nil,
		"Xin chờ... rồi thử lại.":      nil,
		"Câu 1. Ông/Bà có hài lòng? Xin chọn 1 trong 5": {"Câu 1.", "Ông/Bà có hài lòng?", "Xin chọn 1 trong 5"},
	} {
		if got := Parts(text); !slices.Equal(got, want) {
			t.Errorf("%.40q falls into %q, want %q", text, got, want)
		}
	}
}

func TestNumbered(t *testing.T) {
	for text, want := range map[string][]string{
		"":               nil,
		"Xin chờ":        nil,
		"60":             nil,
		"Câu 1/2":        {"Câu", "1", "2"},
		"Đã ghi 37 giây": {"Đã ghi", "37", "giây"},
		"37초 녹음됨":        {"37", "초 녹음됨"},
		"Màn hình quay về sau 20\u00a0giây.": {"Màn hình quay về sau", "20", "giây."},
	} {
		if got := Numbered(text); !slices.Equal(got, want) {
			t.Errorf("%q falls into %q, want %q", text, got, want)
		}
	}
}

// Whatever a hub or a stranger sends, parts are short, and nothing that is said
// is lost or said twice.
func FuzzParts(f *testing.F) {
	for _, seed := range []string{"A. B", "…", "(Luật số 91/2025/QH15)", "。！x", "-rf \x00\xff<speak>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts := Parts(text)
		for _, p := range parts {
			if utf8.RuneCountInString(p) > MaxPart || p != Plain(p) {
				t.Fatalf("part %q of %q", p, text)
			}
		}
		bare := func(s string) string { return strings.ReplaceAll(Plain(s), " ", "") }
		if len(parts) > 0 && bare(strings.Join(parts, "")) != bare(text) {
			t.Fatalf("%q fell into %q", text, parts)
		}
		if Name("vi", text) != Name("vi", Plain(text)) {
			t.Fatalf("%q is not called as it is said", text)
		}
	})
}
