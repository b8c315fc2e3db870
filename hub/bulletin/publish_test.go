package bulletin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/seal"
)

const (
	question = `{"id":"lights","version":1,"title":{"vi":"Đèn đường","en":"Street lights"},"questions":[{"id":"satisfied","kind":"satisfaction","text":{"vi":"Đèn có sáng không?","en":"Are the lights on?"}}]}`
	notice   = `{"id":"meeting","title":{"vi":"Họp tổ dân phố","en":"Meeting"},"body":{"vi":"Mời bà con đến họp.","en":"Please come."},"until":"2026-12-01"}`
	texts    = `{"screen.slogan":{"vi":"Gần dân, trọng dân","en":"Close to the people","zh-Hans":"亲民"}}`
)

// oldKind is a recipient of age's first kind.
const oldKind = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

// longFolder is 200 KiB that zstd cannot pack, in notices of proper length.
func longFolder() map[string]string {
	files := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		letters := make([]rune, 3000)
		for i := range letters {
			letters[i] = rune(0x4e00 + random.IntN(20_000))
		}
		return string(letters)
	}
	for i := range 12 {
		files[fmt.Sprintf("notices/%02d.json", i)] = fmt.Sprintf(`{"id":"n-%d","title":{"vi":"a","en":"a"},"body":{"vi":%q,"en":%q}}`, i, word(), word())
	}
	return files
}

func placesOfTest(context.Context) ([]string, error) { return []string{"qt-01", "qt-02"}, nil }

// folder writes a folder to publish.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func officerKey(t *testing.T) string {
	t.Helper()
	_, public, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func TestPublish(t *testing.T) {
	key := officerKey(t)
	conformance(t, func(o *office) {
		dir := folder(t, map[string]string{
			"questionnaires/2-lights.json": question, "questionnaires/1-today.json": seedToday(t), "notices/meeting.json": notice, "texts/a.json": texts,
			"texts/b.json": `{"screen.thanks-title":{"vi":"Cảm ơn","en":"Thanks"}}`, "recipients.json": `{"named":[{"name":"Bà Lan","key":"` + key + `"}]}`,
			"README.md": "how to", ".git": "x",
		})
		p, err := o.Publish(t.Context(), dir, "lan")
		if err != nil || strings.Join(p.Questionnaires, ", ") != "today 1, lights 1" || p.Texts != 2 || p.Notices != 1 || p.Named != 1 {
			t.Fatalf("published %+v, %v", p, err)
		}
		o.refresh()
		s := o.reader().catchUp().sheet
		if s == nil || len(s.Questionnaires) != 2 || len(s.Notices) != 1 || len(s.Named) != 1 || s.Named[0].Key != key || s.Cases != "age1cases" {
			t.Fatalf("sheet = %+v", s)
		}
		var q feedback.Questionnaire
		if err := json.Unmarshal(s.Questionnaires[1], &q); err != nil || q.ID != "lights" || q.Validate() != nil {
			t.Errorf("questionnaire = %+v, %v", q, err)
		}
		var some feedback.Texts
		if err := json.Unmarshal(s.Texts, &some); err != nil || some["screen.slogan"]["zh-Hans"] != "亲民" || some["screen.thanks-title"] == nil {
			t.Errorf("texts = %+v, %v", some, err)
		}
		if asked, err := o.Asked(t.Context()); err != nil || len(asked) != 2 || fmt.Sprint(asked[0]) != fmt.Sprint(q) {
			t.Errorf("Asked = %+v, %v", asked, err)
		}
		head := o.Head()
		if _, err := o.Publish(t.Context(), dir, "lan"); err != nil {
			t.Fatal(err)
		}
		if o.refresh(); o.Head() != head {
			t.Error("publishing the same again made a version")
		}
	})
}

// A kiosk that knows no schedules asks the first of a sheet, all day.
func TestSheetBeginsWithWhatIsAlwaysAsked(t *testing.T) {
	conformance(t, func(o *office) {
		market := strings.Replace(question, `"version":1`, `"version":1,"schedule":{"places":["qt-02"],"weekdays":["sat"],"hours":["06:00-09:00"]}`, 1)
		p, err := o.Publish(t.Context(), folder(t, map[string]string{"questionnaires/1-market.json": market, "questionnaires/2-today.json": seedToday(t)}), "lan")
		if err != nil || strings.Join(p.Questionnaires, ", ") != "lights 1 (by schedule), today 1" {
			t.Fatalf("published %+v, %v", p, err)
		}
		o.refresh()
		s := o.reader().catchUp().sheet
		var first, second feedback.Questionnaire
		if err := errors.Join(json.Unmarshal(s.Questionnaires[0], &first), json.Unmarshal(s.Questionnaires[1], &second)); err != nil {
			t.Fatal(err)
		}
		if first.ID != "today" || second.ID != "lights" || fmt.Sprint(second.Schedule) != "{{[qt-02]  } {[sat] [06:00-09:00]}}" {
			t.Errorf("sheet begins with %+v, then %+v", first, second)
		}
	})
}

const ward = `{"contacts":[{"kind":"ward","name":{"vi":"UBND phường","en":"Ward office"},"number":"0237 3821 113"}],
 "houses":[{"places":["qt-01"],"caretaker":{"name":"Bà Hoa","phone":"0912 345 678"},"hours":[{"hours":["07:30-11:30"]}]}],
 "areas":[{"id":"market","text":{"vi":"Chợ","en":"Market"}}]}`

// Facts stand behind the notices, where a kiosk that knows none counts them.
func TestPublishFacts(t *testing.T) {
	conformance(t, func(o *office) {
		if facts, err := o.Facts(t.Context()); err != nil || len(facts.Contacts) != 0 {
			t.Errorf("before anything was published: %+v, %v", facts, err)
		}
		p, err := o.Publish(t.Context(), folder(t, map[string]string{"ward.json": ward, "notices/meeting.json": notice}), "lan")
		if err != nil || p.Notices != 1 || p.Contacts != 1 || p.Houses != 1 || p.Areas != 1 {
			t.Fatalf("published %+v, %v", p, err)
		}
		o.refresh()
		s := o.reader().catchUp().sheet
		var told struct{ Facts feedback.Facts }
		if err := json.Unmarshal(s.Notices[1], &told); err != nil || told.Facts.Contacts[0].Number != "0237 3821 113" || told.Facts.Houses[0].Caretaker.Name != "Bà Hoa" {
			t.Errorf("facts: %s, %v", s.Notices[1], err)
		}
		if facts, err := o.Facts(t.Context()); err != nil || fmt.Sprint(facts) != fmt.Sprint(told.Facts) {
			t.Errorf("Facts = %+v, %v", facts, err)
		}
		var older feedback.Notice
		if err := json.Unmarshal(s.Notices[1], &older); err != nil || older.Validate() == nil {
			t.Errorf("a kiosk that knows no facts takes them for a notice: %+v, %v", older, err)
		}
	})
}

func seedToday(t *testing.T) string {
	t.Helper()
	text, err := json.MarshalIndent(feedback.Seed().Questionnaires[0], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVersionsMeanOneWording(t *testing.T) {
	conformance(t, func(o *office) {
		publish := func(text string) error {
			_, err := o.Publish(t.Context(), folder(t, map[string]string{"questionnaires/q.json": text}), "")
			return err
		}
		version := func(n string) string { return strings.Replace(question, `"version":1`, `"version":`+n, 1) }
		reworded := func(n string) string {
			return strings.Replace(version(n), "Đèn có sáng không?", "Đèn đã sáng chưa?", 1)
		}
		for _, c := range []struct{ name, text, want string }{
			{"first", version("1"), ""},
			{"laid out otherwise", strings.ReplaceAll(version("1"), `,"`, ",\n\t\""), ""},
			{"asked at another time", strings.Replace(version("1"), `"version":1`, `"version":1,"schedule":{"hours":["07:00-09:00"]}`, 1), ""},
			{"reworded", reworded("1"), "a change of wording is version 2"},
			{"next", reworded("2"), ""},
			{"back", version("1"), "make it 3"},
			{"leap", version("9"), ""},
			{"between", reworded("5"), "make it 10"},
			{"the seed's, changed", strings.Replace(seedToday(t), "today's service", "the service", 1), "a change of wording is version"},
		} {
			err := publish(c.text)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if told := (*Refused)(nil); c.want != "" && (!errors.As(err, &told) || told.File != "questionnaires/q.json" || told.Field != "version") {
				t.Errorf("%s: %#v does not say where", c.name, err)
			}
		}
	})
}

func TestPublishRefuses(t *testing.T) {
	o := newOffice(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if _, err := o.Publish(t.Context(), folder(t, map[string]string{"questionnaires/q.json": question}), ""); err != nil {
		t.Fatal(err)
	}
	o.refresh()
	head := o.Head()
	key := officerKey(t)
	for name, c := range map[string]struct {
		files             map[string]string
		file, field, want string
	}{
		"nothing":             {map[string]string{"README.md": "x"}, "", "", "nothing to publish"},
		"stray file":          {map[string]string{"qestionnaires.json": "{}"}, "qestionnaires.json", "", "no meaning"},
		"stray folder":        {map[string]string{"slides/a.json": "{}"}, "slides", "", "no meaning"},
		"stray kind":          {map[string]string{"notices/a.txt": "x"}, "notices/a.txt", "", "*.json"},
		"not JSON":            {map[string]string{"notices/a.json": "{"}, "notices/a.json", "", "JSON"},
		"two objects":         {map[string]string{"notices/a.json": notice + notice}, "notices/a.json", "", "leave one"},
		"unknown key":         {map[string]string{"notices/a.json": strings.Replace(notice, `"until"`, `"untill"`, 1)}, "notices/a.json", "untill", `near it is "until"`},
		"key twice":           {map[string]string{"notices/a.json": strings.Replace(notice, `{"id"`, `{"id":"x","id"`, 1)}, "notices/a.json", "id", "twice"},
		"bad question":        {map[string]string{"questionnaires/a.json": strings.Replace(question, `"en":"Are the lights on?"`, `"en":""`, 1)}, "questionnaires/a.json", "text.en", "write this text"},
		"bad schedule":        {map[string]string{"questionnaires/a.json": strings.Replace(question, `"version":1`, `"version":1,"schedule":{"hours":["7:30"]}`, 1)}, "questionnaires/a.json", "schedule.hours", "07:30-11:30"},
		"schedule's place":    {map[string]string{"questionnaires/a.json": strings.Replace(question, `"version":1`, `"version":1,"schedule":{"places":["qt-1"]}`, 1)}, "questionnaires/a.json", "schedule.places", "qt-1"},
		"unknown in schedule": {map[string]string{"questionnaires/a.json": strings.Replace(question, `"version":1`, `"version":1,"schedule":{"days":["mon"]}`, 1)}, "questionnaires/a.json", "days", `near it is "max"`},
		"bad notice":          {map[string]string{"notices/a.json": strings.Replace(notice, "2026-12-01", "1/12/2026", 1)}, "notices/a.json", "from", "YYYY-MM-DD"},
		"bad text":            {map[string]string{"texts/a.json": `{"screen.slogan":{"vi":"x"}}`}, "texts/a.json", "screen.slogan.en", "write this text"},
		"page with path":      {map[string]string{"texts/a.json": `{"receipt.page":{"vi":"https://nghe.example.vn/r","en":"https://nghe.example.vn/r"}}`}, "texts/a.json", "receipt.page", "https://nghe.example.vn"},
		"text of nothing":     {map[string]string{"texts/a.json": `{"slogan":{"vi":"x","en":"x"}}`}, "texts/a.json", "slogan", `near it is "screen.slogan"`},
		"other language":      {map[string]string{"texts/a.json": "{\"screen.slogan\":{\"vi\":\"x\",\n\"en\":\"x\",\"fr\":\"x\"}}"}, "texts/a.json", "fr", "texts/a.json line 2, fr: no screen has this language"},
		"no text":             {map[string]string{"notices/a.json": "{\"id\":\"a\",\n\"title\":\"Họp\"}"}, "notices/a.json", "title", `notices/a.json line 2, title: write the text in each language, like {"vi": "…", "en": "…"}, not words`},
		"no list":             {map[string]string{"ward.json": `{"houses":[{"hours":{"hours":["07:00-11:00"]}}]}`}, "ward.json", "houses.hours", "line 1, houses.hours: write a list, […], not an object"},
		"said once":           {map[string]string{"texts/a.json": `{"screen.done":{"vi":"x","en":" x"}}`}, "texts/a.json", "screen.done.en", "texts/a.json, screen.done.en: write words without"},
		"said of which":       {map[string]string{"questionnaires/a.json": strings.Replace(question, `"en":"Are the lights on?"`, `"en":" "`, 1)}, "questionnaires/a.json", "text.en", `questionnaires/a.json, questionnaire "lights", question "satisfied", text.en: write words`},
		"screen's text":       {map[string]string{"texts/a.json": `{"screen.thank":{"vi":"x","en":"x"}}`}, "texts/a.json", "screen.thank", "near it"},
		"asks for words": {map[string]string{"questionnaires/a.json": strings.Replace(question, `}]}`, `},{"id":"more","kind":"words","text":{"vi":"Góp ý?","en":"Anything else?"}}]}`, 1)},
			"questionnaires/a.json", "questions[1].kind", "leave it out"},
		"asks for a voice": {map[string]string{"questionnaires/a.json": strings.Replace(question, `}]}`, `},{"id":"more","kind":"voice","text":{"vi":"Góp ý?","en":"Anything else?"}}]}`, 1)},
			"questionnaires/a.json", "questions[1].kind", "leave it out"},
		"screen's blank": {map[string]string{"texts/a.json": `{"screen.scan-page":{"vi":"Quét mã","en":"Scan {page}"}}`}, "texts/a.json", "screen.scan-page.vi", "keep {page}"},
		"text twice":     {map[string]string{"texts/a.json": texts, "texts/b.json": texts}, "texts/b.json", "", "texts/a.json"},
		"questionnaire again": {map[string]string{"questionnaires/a.json": question, "questionnaires/b.json": strings.Replace(question, `"version":1`, `"version":2`, 1)},
			"questionnaires/b.json", "", "questionnaires/a.json"},
		"bad number":      {map[string]string{"ward.json": strings.Replace(ward, "0237 3821 113", "call us", 1)}, "ward.json", "contacts[0].number", "digits"},
		"area twice":      {map[string]string{"ward.json": strings.Replace(ward, `"areas":[`, `"areas":[{"id":"market","text":{"vi":"Chợ","en":"Market"}},`, 1)}, "ward.json", "areas[1].id", "twice"},
		"unknown fact":    {map[string]string{"ward.json": strings.Replace(ward, "houses", "homes", 1)}, "ward.json", "homes", "ward.json line 2, homes: there is no such key; near it is"},
		"house nowhere":   {map[string]string{"ward.json": strings.Replace(ward, "qt-01", "qt-1", 1)}, "ward.json", "houses[0].places", "qt-1"},
		"no name":         {map[string]string{"recipients.json": `{"named":[{"key":"` + key + `"}]}`}, "recipients.json", "named[0].name", "name"},
		"no key":          {map[string]string{"recipients.json": `{"named":[{"name":"Lan","key":"age1x"}]}`}, "recipients.json", "named[0].key", "age1"},
		"secret key":      {map[string]string{"recipients.json": `{"named":[{"name":"Lan","key":"AGE-SECRET-KEY-1"}]}`}, "recipients.json", "named[0].key", "public half"},
		"mixed kinds":     {map[string]string{"recipients.json": `{"named":[{"name":"Lan","key":"` + key + `"},{"name":"Minh","key":"` + oldKind + `"}]}`}, "recipients.json", "named", "one kind"},
		"unknown place":   {map[string]string{"notices/a.json": strings.Replace(notice, `"until"`, `"places":["qt-1"],"until"`, 1)}, "notices/a.json", "places", "qt-1"},
		"long file":       {map[string]string{"notices/a.json": strings.Repeat(" ", maxFile+1)}, "notices/a.json", "", "256 KiB"},
		"long altogether": {longFolder(), "", "", "too long altogether"},
	} {
		o.cfg.Places = placesOfTest
		_, err := o.Publish(t.Context(), folder(t, c.files), "")
		told := (*Refused)(nil)
		if !errors.As(err, &told) || c.file != "" && told.File != c.file || told.Field != c.field || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%+v), want %s %s with %q", name, err, told, c.file, c.field, c.want)
		}
	}
	if o.refresh(); o.Head() != head {
		t.Error("something refused was told to kiosks")
	}
	if _, err := o.Publish(t.Context(), filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("published a folder that is not there")
	}
}

// What is published all the same may be a mistake.
func TestPublishWarns(t *testing.T) {
	o := newOffice(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	day := func(days int) string { return o.cfg.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	until := func(days int) string { return strings.Replace(notice, "2026-12-01", day(days), 1) }
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing": {map[string]string{"texts/a.json": `{"screen.done":{"vi":"Xong","en":"Done","ko":"x","zh-Hans":"x"}}`}, "[]"},
		"a notice that is over": {map[string]string{"notices/a.json": until(-2)},
			`[notices/a.json: notice "meeting" is over since ` + day(-2) + `; no kiosk shows it 2 texts are not in ko, 2 not in zh-Hans: there kiosks show English, or the screen's own text]`},
		"languages": {map[string]string{"notices/a.json": until(2), "texts/a.json": `{"screen.done":{"vi":"Xong","en":"Done","ko":"x"}}`},
			"[2 texts are not in ko, 3 not in zh-Hans: there kiosks show English, or the screen's own text]"},
	} {
		p, err := o.Publish(t.Context(), folder(t, c.files), "")
		if err != nil || fmt.Sprint(p.Warnings) != c.want {
			t.Errorf("%s: %v, %v; want %s", name, p.Warnings, err, c.want)
		}
	}
}

// A file that leads out of the folder is not published.
func TestPublishFollowsNoLinkOut(t *testing.T) {
	o := newOffice(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	outside := folder(t, map[string]string{"n.json": notice})
	dir := folder(t, map[string]string{"notices/b.json": strings.Replace(notice, "meeting", "other", 1)})
	if err := os.Symlink(filepath.Join(outside, "n.json"), filepath.Join(dir, "notices", "a.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Publish(t.Context(), dir, ""); err == nil {
		t.Error("followed a link out of the folder")
	}
}
