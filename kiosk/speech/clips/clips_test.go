package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/kiosk/speech"
	"nghe/shared/clip"
	"nghe/shared/feedback"
)

const root = "../../.."

func all(t *testing.T) texts {
	t.Helper()
	said, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// Everything a kiosk may show without a hub can be heard, in every language it
// is written in.
func TestEveryTextHasAClip(t *testing.T) {
	said := all(t)
	s := speech.New(speech.Config{})
	if len(s.Languages()) == 0 {
		t.Fatal("no clips are built in; run make web")
	}
	silent := 0
	for name, of := range said {
		if h := s.Say(t.Context(), of.language, of.said); h.Sound == nil || clip.Check(h.Sound) != nil {
			silent++
			t.Logf("%s %q has no clip", name, of.said)
		}
	}
	if silent > 0 {
		t.Errorf("%d of %d texts cannot be heard; run make web", silent, len(said))
	}
}

func TestTextsAreThoseOfAllSources(t *testing.T) {
	said := all(t)
	for _, c := range []struct {
		language feedback.Language
		text     string
	}{
		{"vi", "Tôi vẫn ở đây"},                             // a catalogue
		{"zh-Hans", "60"},                                   // a number
		{"vi", "Không tìm thấy micrô trên máy này."},        // deep in it
		{"vi", "Màn hình sẽ quay về đầu sau 20 giây"},       // joined
		{"vi", "Câu 2/3"}, {"vi", "Đã ghi"}, {"vi", "giây"}, // filled, and in pieces
		{"vi", "Rất hài lòng"}, {"en", "Very satisfied"}, // a scale
		{"vi", "Vệ sinh môi trường"}, // a subject
		{"ko", "경찰"}, {"ko", "113"},  // whom to call
		{"vi", "Trả lại, hướng dẫn"}, // a state
		{"vi", "UBND Phường Quảng Tiến chỉ dùng ảnh do Ông/Bà cung cấp để giải quyết và trả lời ý kiến này."}, // a promise
		{"vi", feedback.Seed().Questionnaires[0].Title["vi"]},
	} {
		if _, ok := said[clip.Name(c.language, c.text)]; !ok {
			t.Errorf("%q is not to be said", c.text)
		}
	}
	for name, of := range said {
		if strings.ContainsAny(of.said, "{}\u00ad\n") || name != clip.Name(of.language, of.said) || clip.Parts(of.said) != nil {
			t.Errorf("%s is to be said as %q", name, of.said)
		}
	}
	if n := len(said); n < 1000 || n > 3000 {
		t.Errorf("%d texts", n)
	}
}

func some(words ...string) texts {
	said := texts{}
	for _, w := range words {
		said.say("vi", w)
	}
	return said
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	held := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		held[e.Name()] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestClipsAreMadeOnceAndTheSameAgain(t *testing.T) {
	dir := t.TempDir()
	s, err := newStudio(dir)
	if err != nil {
		t.Fatal(err)
	}
	make := func(said texts, fresh int) map[string]string {
		t.Helper()
		made, err := s.make(t.Context(), said)
		if err != nil || made.clips != len(said) || made.fresh != fresh {
			t.Errorf("made %+v, %v, want %d new", made, err, fresh)
		}
		return filesIn(t, dir)
	}
	if err := os.WriteFile(filepath.Join(dir, kept), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	first := make(some("một", "hai"), 2)
	make(some("một", "hai"), 0)
	grown := make(some("một", "hai", "ba"), 1)
	if len(grown) != 5 {
		t.Errorf("holds %d files, want three clips, the pin and %s", len(grown), kept)
	}
	if shrunk := make(some("ba"), 0); len(shrunk) != 3 {
		t.Errorf("what is said no more is still there: %d files", len(shrunk))
	}
	again := make(some("một", "hai"), 2)
	for name, content := range first {
		if again[name] != content {
			t.Errorf("%s differs the second time", name)
		}
	}
	s.pin += "another program"
	make(some("một", "hai"), 2)
}

// The clips in the program are those that this machine makes.
func TestBuiltClipsAreWhatIsMadeHere(t *testing.T) {
	s, err := newStudio(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []text{{"vi", "Tôi vẫn ở đây"}, {"ko", "감사합니다!"}} {
		made, err := s.clip(t.Context(), of)
		if h := speech.New(speech.Config{}).Say(t.Context(), of.language, of.said); err != nil || !bytes.Equal(h.Sound, made) {
			t.Errorf("%q: %d bytes built in, %d made, %v", of.said, len(h.Sound), len(made), err)
		}
	}
}

func TestMissingProgramsAreNamed(t *testing.T) {
	before := filesIn(t, "../dist")
	t.Setenv("PATH", t.TempDir())
	var told strings.Builder
	if err := run(root, &told); err != nil || !strings.Contains(told.String(), "espeak-ng and opusenc missing") || !strings.Contains(told.String(), "apt-get install") {
		t.Errorf("%v: %q", err, told.String())
	}
	if after := filesIn(t, "../dist"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("something was changed")
	}
}

func TestCatalogueWithoutAWarningIsRefused(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "kiosk/screen/web/texts")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := read(dir); err == nil {
		t.Error("read no catalogue at all")
	}
	if err := os.WriteFile(filepath.Join(below, "vi.json"), []byte(`{"seconds": "giây"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := read(dir); err == nil || !strings.Contains(err.Error(), "stillText") {
		t.Errorf("read a catalogue of which no warning can be made: %v", err)
	}
}
