// Package voice speaks a text with espeak-ng, a program of the system.
//
// It promises that a text reaches the program through its standard input only,
// that no more are spoken at a time than it was told, each for a few seconds at
// most, that a child that is not wanted any more is killed, and that neither text nor
// sound is written to any file or log.
//
// It keeps nothing, and does not judge whether a text may be heard by others.
package voice

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nghe/shared/clip"
	"nghe/shared/feedback"
)

const (
	// Program is what speaks; Debian's package has the same name.
	Program = "espeak-ng"
	// Type of what is said.
	Type = "audio/wav"
	// Edition changes when the same text is said otherwise than before: clips are
	// then made anew.
	Edition = "1"

	// deadline: a part takes a slow board less than two seconds.
	deadline = 10 * time.Second
	// mostSound is three minutes of it: a part at its longest, read digit by digit.
	mostSound = 8 << 20
)

var (
	// ErrLanguage says that there is no voice for a language.
	ErrLanguage = errors.New("no voice speaks this language")
	// ErrLong says that a text is longer than clip.MaxPart, or empty.
	ErrLong = errors.New("say 1 to 1000 characters at a time")
)

// speaker is one of the program's voices and its pace, which the program calls
// words a minute.
type speaker struct{ name, pace string }

// speakers are calm, for old ears: some 190 syllables of Vietnamese, 140 words
// of English, 290 syllables of Korean or 230 of Chinese a minute. The program's
// cmn of Debian 12 reads Chinese characters as English; the other Mandarin
// voice reads them as they are.
var speakers = map[feedback.Language]speaker{"vi": {"vi", "155"}, "en": {"en", "150"}, "ko": {"ko", "175"}, "zh-Hans": {"cmn-latn-pinyin", "175"}}

// Languages there is a voice for, in order.
func Languages() (all []feedback.Language) {
	for l := range speakers {
		all = append(all, l)
	}
	slices.Sort(all)
	return all
}

// Voice may be used from anywhere.
type Voice struct {
	path string
	turn chan struct{} // holds a token while something is spoken
}

// Find looks for the program, to speak so many texts at a time; an error says
// what to install.
func Find(atOnce int) (*Voice, error) {
	path, err := exec.LookPath(Program)
	if err != nil {
		return nil, fmt.Errorf("find a voice: %w; apt-get install %s", err, Program)
	}
	return At(path, atOnce), nil
}

// At is the program of a path.
func At(path string, atOnce int) *Voice {
	return &Voice{path: path, turn: make(chan struct{}, atOnce)}
}

// Say speaks one part as WAV. It waits for its turn as long as ctx lets it.
func (v *Voice) Say(ctx context.Context, language feedback.Language, text string) ([]byte, error) {
	who, ok := speakers[language]
	if !ok {
		return nil, ErrLanguage
	}
	plain := clip.Plain(text)
	if n := utf8.RuneCountInString(plain); n == 0 || n > clip.MaxPart {
		return nil, ErrLong
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to speak: %w", ctx.Err())
	}
	return v.run(ctx, who, spelt(language, plain))
}

func (v *Voice) run(ctx context.Context, who speaker, text string) ([]byte, error) {
	sound := &bounded{}
	child := exec.CommandContext(ctx, v.path, "-b", "1", "-v", who.name, "-s", who.pace, "--stdin", "--stdout")
	child.Env = []string{"LC_ALL=C.UTF-8"}
	child.Stdin, child.Stdout = strings.NewReader(text+"\n"), sound
	child.WaitDelay = time.Second
	if err := child.Run(); err != nil {
		return nil, fmt.Errorf("speak: %w", errors.Join(err, ctx.Err()))
	}
	return measured(sound.held)
}

// bounded refuses what is too much, whereupon the child's pipe breaks. It is
// no bytes.Buffer, whose ReadFrom knows no bound.
type bounded struct{ held []byte }

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.held)+len(p) > mostSound {
		return 0, errors.New("too much sound")
	}
	b.held = append(b.held, p...)
	return len(p), nil
}

// wavHead is the length of what stands before the sound.
const wavHead = 44

// measured writes the lengths into the head: the program does not know them
// when it writes it.
func measured(wav []byte) ([]byte, error) {
	if len(wav) <= wavHead || !bytes.HasPrefix(wav, []byte("RIFF")) || !bytes.Equal(wav[36:40], []byte("data")) {
		return nil, errors.New("speak: what came is no sound")
	}
	binary.LittleEndian.PutUint32(wav[4:], uint32(len(wav)-8))
	binary.LittleEndian.PutUint32(wav[40:], uint32(len(wav)-wavHead))
	return wav, nil
}

// words are read as people say them.
var words = map[feedback.Language]*strings.Replacer{
	"vi": strings.NewReplacer("UBND", "Ủy ban nhân dân", "HĐND", "Hội đồng nhân dân", "TDP", "tổ dân phố"),
}

// between two numbers, as in "1/2".
var between = map[feedback.Language]string{"vi": " trên ", "en": " of "}

var (
	slashed = regexp.MustCompile(`[0-9]+(/[0-9]+)+`)
	ofTwo   = regexp.MustCompile(`^[0-9]{1,2}/[0-9]{1,2}$`)
	// A long number, or a short one alone, is one to dial.
	dialled = regexp.MustCompile(`[0-9]{5,}|^[0-9]{3,}$`)
	// marks mean something else to the program: [[ begins phonemes.
	marks = strings.NewReplacer("/", " ", "[", " ", "]", " ", "<", " ", ">", " ")
)

// spelt is a text as the program must get it to say what people would.
func spelt(language feedback.Language, text string) string {
	if w := words[language]; w != nil {
		text = w.Replace(text)
	}
	text = slashed.ReplaceAllStringFunc(text, func(s string) string {
		if of := between[language]; of != "" && ofTwo.MatchString(s) {
			return strings.ReplaceAll(s, "/", of)
		}
		return strings.ReplaceAll(s, "/", ", ")
	})
	digits := func(s string) string { return strings.Join(strings.Split(s, ""), " ") }
	return marks.Replace(dialled.ReplaceAllStringFunc(text, digits))
}
