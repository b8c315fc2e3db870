package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nghe/shared/clip"
	"nghe/shared/feedback"
)

func found(t *testing.T) *Voice {
	t.Helper()
	v, err := Find(1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// seconds of sound; 22,050 samples of 2 bytes a second.
func seconds(t *testing.T, wav []byte) float64 {
	t.Helper()
	if got := binary.LittleEndian.Uint32(wav[40:]); int(got) != len(wav)-wavHead || int(binary.LittleEndian.Uint32(wav[4:])) != len(wav)-8 {
		t.Errorf("the head tells of %d bytes of sound, there are %d", got, len(wav)-wavHead)
	}
	return float64(len(wav)-wavHead) / float64(binary.LittleEndian.Uint32(wav[28:]))
}

func TestSay(t *testing.T) {
	v := found(t)
	for language, text := range map[feedback.Language]string{
		"vi": "Ông/Bà có hài lòng không?", "en": "Are you satisfied?", "ko": "만족하셨습니까?", "zh-Hans": "您满意吗？",
	} {
		wav, err := v.Say(t.Context(), language, text)
		if err != nil {
			t.Fatal(err)
		}
		if s := seconds(t, wav); s < 0.7 || s > 5 {
			t.Errorf("%s: %.1f s", language, s)
		}
		again, err := v.Say(t.Context(), language, text)
		if err != nil || !bytes.Equal(again, wav) {
			t.Errorf("%s: said otherwise the second time (%v)", language, err)
		}
	}
	if len(Languages()) != 4 || Languages()[3] != "zh-Hans" {
		t.Errorf("languages %v", Languages())
	}
}

// What would be an option, an order to the program, or markup is only read.
func TestSayHostileTexts(t *testing.T) {
	v := found(t)
	say := func(text string) []byte {
		wav, err := v.Say(t.Context(), "vi", text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		return wav
	}
	plain := say("xin chào")
	for _, same := range []string{"\x01xin chào", "\x01\x01xin\x00 chào\x1b", "[[xin chào]]", "<xin chào>", "xin\u202e chào", "xin \u00a0chào\n"} {
		if !bytes.Equal(say(same), plain) {
			t.Errorf("%q is not said as it reads", same)
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for _, text := range []string{"-w out.wav", "--version", "-f /etc/passwd", "$(touch a)", "`touch a`; touch a", "<audio src='/etc/passwd'/>", "\xff\xfe", "😀", strings.Repeat("a", clip.MaxPart), strings.Repeat("!", clip.MaxPart)} {
		say(text)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("wrote %v, %v", left, err)
	}
}

func TestSayRefuses(t *testing.T) {
	v := found(t)
	for _, c := range []struct {
		language feedback.Language
		text     string
		want     error
	}{
		{"th", "xin", ErrLanguage}, {"", "xin", ErrLanguage}, {"en -w x", "xin", ErrLanguage}, {"../../vi", "xin", ErrLanguage},
		{"vi", "", ErrLong}, {"vi", " \u200b\n", ErrLong}, {"vi", strings.Repeat("ạ", clip.MaxPart+1), ErrLong}, {"vi", strings.Repeat("a", 1<<20), ErrLong},
	} {
		if _, err := v.Say(t.Context(), c.language, c.text); !errors.Is(err, c.want) {
			t.Errorf("%q, %.20q: %v, want %v", c.language, c.text, err, c.want)
		}
	}
}

// program is a voice of a test's own.
func program(t *testing.T, script string) *Voice {
	t.Helper()
	path := filepath.Join(t.TempDir(), "voice")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return At(path, 1)
}

func TestTextReachesTheProgramByItsInputAlone(t *testing.T) {
	dir := t.TempDir()
	v := program(t, fmt.Sprintf("echo \"$@\" >%s/args; env >%s/env; cat >%s/text", dir, dir, dir))
	if _, err := v.Say(t.Context(), "zh-Hans", "-秘密 1/2"); err == nil {
		t.Error("nothing was said, and nobody noticed")
	}
	for name, want := range map[string]string{"args": "-b 1 -v cmn-latn-pinyin -s 175 --stdin --stdout\n", "text": "-秘密 1, 2\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if env, _ := os.ReadFile(filepath.Join(dir, "env")); strings.Contains(string(env), "HOME=") {
		t.Errorf("the program knows the agent's environment: %s", env)
	}
}

// alive says whether the process whose id a script noted is there.
func alive(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestChildIsKilledWhenNobodyListens(t *testing.T) {
	id := filepath.Join(t.TempDir(), "id")
	v := program(t, "echo $$ >"+id+"; exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := v.Say(ctx, "vi", "xin")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("ended after %v with %v", time.Since(began), err)
	}
	if alive(t, id) {
		t.Error("the child lives on")
	}
}

func TestChildThatNeverEndsIsCutOff(t *testing.T) {
	id := filepath.Join(t.TempDir(), "id")
	v := program(t, "echo $$ >"+id+"; exec cat /dev/zero")
	if _, err := v.Say(t.Context(), "vi", "xin"); err == nil || strings.Contains(err.Error(), "deadline") {
		t.Errorf("endless sound: %v", err)
	}
	if alive(t, id) {
		t.Error("the child lives on")
	}
}

func TestOneAtATime(t *testing.T) {
	v := program(t, "exec sleep 1")
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := v.Say(ctx, "vi", "một"); first <- err }()
	for len(v.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := v.Say(short, "vi", "hai"); err == nil || !strings.Contains(err.Error(), "wait to speak") {
		t.Errorf("the second one was let in: %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one: %v", err)
	}
}

func TestSpelt(t *testing.T) {
	for text, want := range map[string]string{
		"Câu 1/2":             "Câu 1 trên 2",
		"Ngày 01/12/2026":     "Ngày 01, 12, 2026",
		"Ông/Bà, UBND phường": "Ông Bà, Ủy ban nhân dân phường",
		"Gọi 0912345678":      "Gọi 0 9 1 2 3 4 5 6 7 8",
		"91/2025/QH15":        "91, 2025 QH15",
		"113":                 "1 1 3",
		"60":                  "60",
		"Năm 2026, ngõ 113":   "Năm 2026, ngõ 113",
	} {
		if got := spelt("vi", text); got != want {
			t.Errorf("%q is spelt %q, want %q", text, got, want)
		}
	}
	if got := spelt("en", "Question 1/2"); got != "Question 1 of 2" {
		t.Errorf("in English: %q", got)
	}
}
