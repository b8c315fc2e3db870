package speech

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"nghe/kiosk/speech/voice"
	"nghe/shared/clip"
	"nghe/shared/feedback"
)

// ward has recorded some texts.
type ward struct {
	sound map[string]string
	err   error
}

func (w *ward) Recording(name string) (sound []byte, err error) {
	if is, ok := w.sound[name]; ok {
		sound = []byte(is)
	}
	return sound, w.err
}

func (w *ward) RecordedIn() ([]feedback.Language, error) { return []feedback.Language{"mtq"}, w.err }

// talker is a voice that repeats its text behind the head of a WAV file, or
// fails while the file silent lies there.
func talker(t *testing.T) (v *voice.Voice, silent string) {
	t.Helper()
	dir := t.TempDir()
	silent = filepath.Join(dir, "silent")
	script := "#!/bin/sh\n[ -e " + silent + " ] && exit 3\nprintf RIFF; printf %32s; printf data; printf %4s; cat\n"
	if err := os.WriteFile(filepath.Join(dir, "voice"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return voice.At(filepath.Join(dir, "voice"), 1), silent
}

func clips(texts ...string) fstest.MapFS {
	files := fstest.MapFS{"voice.pin": {}}
	for _, text := range texts {
		l, said, _ := strings.Cut(text, ":")
		files[clip.Name(feedback.Language(l), said)+".ogg"] = &fstest.MapFile{Data: []byte("clip of " + said)}
	}
	return files
}

func heard(h Heard) string {
	switch h.Type {
	case voice.Type:
		return h.Type + " " + strings.TrimSpace(string(h.Sound[44:])) // behind the head
	case clip.Type:
		return h.Type + " " + string(h.Sound)
	}
	return strings.Join(h.Parts, "|")
}

func TestSay(t *testing.T) {
	v, _ := talker(t)
	w := &ward{sound: map[string]string{clip.Name("vi", "Xin chào."): "Lan", clip.Name("vi", "Một. Hai."): "whole", clip.Name("mtq", "x"): "Mường"}}
	built := clips("vi:Xin chào.", "vi:Mời ngồi.", "en:Hello.", "vi:Đã ghi", "vi:7", "vi:giây")
	for _, c := range []struct {
		language feedback.Language
		text     string
		want     string
		alone    string // without a voice
	}{
		{"vi", "Xin chào.", clip.Type + " Lan", clip.Type + " Lan"},
		{"vi", "Xin\u00a0chào. ", clip.Type + " Lan", clip.Type + " Lan"},
		{"vi", "Mời ngồi.", clip.Type + " clip of Mời ngồi.", clip.Type + " clip of Mời ngồi."},
		{"ko", "Hello.", clip.Type + " clip of Hello.", clip.Type + " clip of Hello."}, // not written in Korean
		{"mtq", "x", clip.Type + " Mường", clip.Type + " Mường"},
		{"vi", "Một. Hai.", clip.Type + " whole", clip.Type + " whole"},
		{"vi", "Xin chào. Mời ngồi. Ba", "Xin chào.|Mời ngồi.|Ba", "Xin chào.|Mời ngồi.|Ba"},
		{"vi", "Ba", "audio/wav Ba", ""},
		{"vi", "Đã ghi 7 giây", "audio/wav Đã ghi 7 giây", "Đã ghi|7|giây"},
		{"th", "x", "", ""}, {"../vi", "x", "", ""}, {"", "", "", ""}, {"vi", "", "", ""},
	} {
		if got := heard(newSpeech(Config{Recordings: w, Voice: v}, built).Say(t.Context(), c.language, c.text)); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.language, c.text, got, c.want)
		}
		if got := heard(newSpeech(Config{Recordings: w}, built).Say(t.Context(), c.language, c.text)); got != c.alone {
			t.Errorf("%s %q without a voice: %q, want %q", c.language, c.text, got, c.alone)
		}
	}
}

func TestLanguages(t *testing.T) {
	v, _ := talker(t)
	for _, c := range []struct {
		cfg  Config
		want []feedback.Language
	}{
		{Config{}, []feedback.Language{"vi"}},
		{Config{Recordings: &ward{}}, []feedback.Language{"mtq", "vi"}},
		{Config{Recordings: &ward{err: errors.New("no disk")}}, []feedback.Language{"vi"}},
		{Config{Voice: v}, []feedback.Language{"en", "ko", "vi", "zh-Hans"}},
	} {
		if got := newSpeech(c.cfg, clips("vi:a")).Languages(); !slices.Equal(got, c.want) {
			t.Errorf("reads %v, want %v", got, c.want)
		}
	}
	if got := newSpeech(Config{}, fstest.MapFS{".gitkeep": {}}).Languages(); got == nil || len(got) != 0 {
		t.Errorf("a bare clone reads %v", got)
	}
}

// What fails is told once and not in the words that were to be read, and what
// else there is to hear is heard.
func TestFailuresAreToldOnce(t *testing.T) {
	v, silent := talker(t)
	if err := os.WriteFile(silent, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	w := &ward{err: errors.New("no disk")}
	s := newSpeech(Config{Recordings: w, Voice: v, Logger: slog.New(slog.NewTextHandler(&log, nil))}, clips("vi:Mời", "vi:bí mật"))
	for range 3 {
		if got := heard(s.Say(t.Context(), "vi", "bí mật 7")); got != "bí mật|7" {
			t.Errorf("heard %q", got)
		}
		if got := heard(s.Say(t.Context(), "vi", "Mời")); got != clip.Type+" clip of Mời" {
			t.Errorf("heard %q", got)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || strings.Contains(log.String(), "mật") {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
	if err := os.Remove(silent); err != nil {
		t.Fatal(err)
	}
	w.err = nil
	if h := s.Say(t.Context(), "vi", "bí mật 7"); h.Type != voice.Type {
		t.Errorf("the voice that came back: %+v", h)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if h := s.Say(gone, "vi", "bí mật 7"); h.Sound != nil {
		t.Error("spoke to somebody who had gone")
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines at the end:\n%s", n, log.String())
	}
}

// Whatever the text, asking for its parts comes to an end.
func FuzzSayEnds(f *testing.F) {
	for _, seed := range []string{"1/2", "A. 1", "1 2 3. 4", "…1.", "𝟙１"} {
		f.Add(seed)
	}
	s := newSpeech(Config{}, fstest.MapFS{})
	f.Fuzz(func(t *testing.T, text string) {
		left := []string{text}
		for n := 0; len(left) > 0; n++ {
			if n > 3*len(text)+3 {
				t.Fatalf("%q never ends", text)
			}
			left = append(s.Say(t.Context(), "vi", left[0]).Parts, left[1:]...)
		}
	})
}
