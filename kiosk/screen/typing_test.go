package screen

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// bundledTyping is the typing as the browser runs it.
var bundledTyping = sync.OnceValue(func() string {
	return bundle("typing", `export * from "./web/flow/typing"; export * from "./web/flow/editing"; export { compose as hangul } from "./web/flow/hangul";
		export { blank } from "./web/flow/message";`)
})

// typist is what the tests' scripts share: a field, and keys pressed in it.
const typist = `
	const field = (name, language, more) => { const d = {...typing.blank(), ...more}; return {...d, ...typing.opened(d, name, language)}; };
	const press = (d, keys) => keys.reduce((d, key) => ({...d, ...typing.typed(d, key)}), d);
	const words = (method, style, language = 'vi') => press(field('words', language), language === 'vi' ? [method, style, 'shift', 'shift'] : []);
	const named = (text) => Array.from(text, (c) => c === ' ' ? 'space' : c);
	`

// runTyping calls a function of one argument beside the bundled typing.
func runTyping(t testing.TB, function string, argument, result any) {
	t.Helper()
	given, err := json.Marshal(argument)
	if err != nil {
		t.Fatal(err)
	}
	evaluate(t, fmt.Sprintf("(() => {%s; %s; return (%s)(%s); })()", bundledTyping(), typist, function, given), result)
}

func evaluate(t testing.TB, expression string, result any) {
	t.Helper()
	if err := chromedp.Run(flowTab(t), chromedp.Evaluate(expression, result)); err != nil {
		t.Fatalf("evaluate: %v", err)
	}
}

// typedRow is one line of a table: keys, and what they show with tones placed
// as in hòa and as in hoà.
type typedRow struct{ Keys, Old, New string }

func typedRows(t *testing.T, method string) (rows []typedRow) {
	t.Helper()
	table, err := os.ReadFile("testdata/" + method + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 3 {
			t.Fatalf("%s: %q has %d cells", method, line, len(cells))
		}
		rows = append(rows, typedRow{cells[0], cells[1], cells[2]})
	}
	return rows
}

func TestTypingByTable(t *testing.T) {
	total := 0
	for _, method := range []string{"telex", "vni"} {
		rows := typedRows(t, method)
		total += len(rows)
		var got []typedRow
		runTyping(t, fmt.Sprintf(`(rows) => rows.map(({Keys}) => { const by = (style) => press(words(%q, style), named(Keys)).words; return {Keys, Old: by('old'), New: by('new')}; })`, method), rows, &got)
		for i, want := range rows {
			if got[i] != want {
				t.Errorf("%s: %q, want %q", method, got[i], want)
			}
		}
	}
	if total < 250 {
		t.Errorf("only %d rows", total)
	}
}

// TestTypingByKeys presses keys that are letters and tones by themselves, alone
// and mixed with Telex, and the keys that correct.
func TestTypingByKeys(t *testing.T) {
	rows := []struct{ Keys, Want string }{
		{"h o a huyen", "hòa"}, {"h o huyen a", "hòa"}, {"h o huyen a n", "hoàn"}, {"k h o e hoi", "khỏe"}, {"t h u y sac", "thúy"},
		{"q u y sac", "quý"}, {"q u a hoi", "quả"}, {"g i huyen", "gì"}, {"g i a huyen", "già"}, {"g i huyen a", "già"}, {"g i ê sac n g", "giếng"}, {"g i ă nang t", "giặt"},
		{"k h u y hoi u", "khuỷu"}, {"n g o a i huyen", "ngoài"}, {"đ ư ơ huyen n g", "đường"}, {"t h u ơ hoi", "thuở"}, {"m i a sac", "mía"}, {"Đ a hoi n g", "Đảng"}, {"Ư sac", "Ứ"},
		{"a sac sac", "a"}, {"a sac huyen", "à"}, {"t r sac", "tr"}, {"sac", ""}, {"x sac a", "xa"}, {"a sac space b nang", "á b"},
		{"d u ơ n g huyen", "dường"}, {"d u o n g ơ đ huyen", "đường"}, {"t i e n g ê sac", "tiếng"}, {"t i ê n g s", "tiếng"}, {"đ u w o w c j", "được"}, {"d d ư ơ c nang", "được"}, {"t i e e sac n g", "tiếng"},
		{"K r ô n g", "Krông"}, {"P l ô n g sac", "Plống"}, {"b a sac k", "bák"}, {"m é l é e back sac", "mélé"}, {"c a t huyen", "càt"}, {"c a t f", "catf"},
		{"d a t a undo", "data"}, {"d a t a undo undo", "dât"}, {"d a t a undo s", "datas"}, {"d a t a space undo", "data "}, {"d a t a undo space d d", "data đ"}, {"đ a sac undo", "đá"}, {"đ a s undo", "đas"},
		{"h o a n f back", "hòa"}, {"t i e e n g s back back back", "ti"}, {"t i e e n g s back n h", "tiếnnh"}, {"á b back back", ""}, {"a s s back s", "á"}, {"a s space back f", "à"}, {"a s space back back", ""},
		{"k h u y r u back", "khủy"}, {"x space y back back back back", ""}, {"d u w o w n g back back back", "dư"},
		{"a 1 b", "a1b"}, {"t o o r 8", "tổ8"}, {"v . v . space d d", "v.v. Đ"}, {"x ! space y", "x! Y"}, {"( a s )", "(á)"},
		{"vni a 1 telex s", "as"}, {"vni a 1 telex f", "à"}, {"h o a f new n back", "hoà"}, {"h o a f new", "hòa"}, {"latin a s d d", "asdd"}, {"latin a s telex f", "asf"}, {"direct a s d d ă", "asddă"},
		{"shift a b", "Ab"}, {"shift shift a b space c shift d", "AB Cd"}, {"shift shift D D", "Đ"},
		{"hangul ㅎ ㅏ ㄴ space telex a s", "한 á"},
	}
	var got []string
	runTyping(t, `(rows) => rows.map(({Keys}) => press(words('telex', 'old'), Keys.split(' ')).words)`, rows, &got)
	for i, row := range rows {
		if got[i] != row.Want {
			t.Errorf("%s: %q, want %q", row.Keys, got[i], row.Want)
		}
	}
}

func TestTypingKorean(t *testing.T) {
	rows := []struct{ Keys, Want string }{
		{"ㅇㅏㄴㄴㅕㅇㅎㅏㅅㅔㅇㅛ", "안녕하세요"}, {"ㄱㅏㅂㅅ", "값"}, {"ㄱㅏㅂㅅㅇㅣ", "값이"}, {"ㄱㅏㅂㅅㅣ", "갑시"}, {"ㄷㅏㄹㄱ", "닭"}, {"ㄷㅏㄹㄱㅣ", "달기"},
		{"ㅇㅗㅐ", "왜"}, {"ㅇㅡㅣ", "의"}, {"ㅁㅜㅓ", "뭐"}, {"ㄲㅗㅊ", "꽃"}, {"ㅃㅏㅇ", "빵"}, {"ㅏ", "ㅏ"}, {"ㅋㅋㅋ", "ㅋㅋㅋ"}, {"ㅏㅣ", "ㅏㅣ"}, {"ㄱㅏㄸㅏ", "가따"},
		{"ㄱㅏㄴ<", "가"}, {"ㄱㅏㅂㅅ<", "갑"}, {"ㄱㅏ<<ㄴㅏ", "나"}, {"ㅎㅏㄴ ㄱㅜㄱ", "한 국"}, {"ㅎㅏㄴ <<", ""}, {"ㅎㅏㄴ1<<ㅇㅣㄹ", "일"}, {"^ㅂㅏ", "빠"}, {"^ㅔ", "ㅖ"}, {"ㅇㅏa", "아a"},
	}
	var got []string
	runTyping(t, `(rows) => rows.map(({Keys}) => press(words('telex', 'old', 'ko'), Array.from(Keys, (c) => ({'<': 'back', ' ': 'space', '^': 'shift'})[c] ?? c)).words)`, rows, &got)
	for i, row := range rows {
		if got[i] != row.Want {
			t.Errorf("%s: %q, want %q", row.Keys, got[i], row.Want)
		}
	}
}

// Numbers and codes take what they are made of, as it is pressed.
func TestTypingNumbers(t *testing.T) {
	rows := []struct{ Field, Keys, Want string }{
		{"phone", "0 9 1 space a s sac 2 back", "091 "}, {"phone", "+ 8 4 ( 1 ) - .", "+84(1)-."}, {"phone", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1", "12345678901234567890"},
		{"code", "a s 1 sac u i", "AS1"}, {"code", "d d e e space 7 back", "DDEE"}, {"code", "1 2 3 4 5 6 7 8 9 0 1", "1234567890"},
		{"name", "n g u y e e n x space v a w n", "Nguyễn Văn"}, {"address", "s o o s space 5 space n g o x", "Số 5 Ngõ"},
	}
	var got []string
	runTyping(t, `(rows) => rows.map(({Field, Keys}) => press(field(Field, 'vi'), Keys.split(' '))[Field])`, rows, &got)
	for i, row := range rows {
		if got[i] != row.Want {
			t.Errorf("%s %s: %q, want %q", row.Field, row.Keys, got[i], row.Want)
		}
	}
}

// Every language begins on its own keyboard; how somebody likes to type is
// remembered from one field to the next, what was typed is not. A full field
// still takes marks.
func TestTypingBegins(t *testing.T) {
	got := map[string]any{}
	runTyping(t, `() => {
		const opened = (language) => field('words', language).typing.layout;
		const d = press(field('words', 'vi'), ['vni', 'new', 'a', 'b', 'c', 'back']);
		const left = {...d, typing: typing.ended(d.typing)};
		const again = {...left, ...typing.opened(left, 'name', 'vi')}.typing;
		const full = (keys, text) => press(field('words', 'vi', {words: text}), keys).words.slice(-4);
		const most = 'xa '.repeat(666) + 'xa';
		return {
			layouts: ['vi', 'en', 'ko', 'zh-Hans'].map(opened).join(), left: Object.values(left.typing).join(), again: [again.method, again.style, again.page, again.capital].join(),
			longer: full(['c'], most), marked: full(['f'], most), shorter: full(['back'], most),
		};
	}`, nil, &got)
	for key, want := range map[string]string{
		"layouts": "vi,latin,hangul,latin", "left": ",,,,false,vi,vni,new,letters,once", "again": "vni,new,letters,once",
		"longer": "a xa", "marked": "a xà", "shorter": "xa x",
	} {
		if got[key] != want {
			t.Errorf("%s: %v, want %s", key, got[key], want)
		}
	}
}
