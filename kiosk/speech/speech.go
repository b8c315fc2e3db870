// Package speech reads what a kiosk shows aloud: with a recording the ward
// published, else with the clip made when the kiosk was built, else, where the
// machine has a voice, as the text is asked for.
//
// It promises that a recording wins, that no network is needed, that a text in
// several sentences is heard sentence by sentence, and that what is spoken at
// the moment of asking is kept nowhere and told in no log.
//
// It does not know what a text is: whoever asks sees to it that nothing a
// resident wrote is read out.
package speech

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"

	"nghe/kiosk/speech/voice"
	"nghe/shared/clip"
	"nghe/shared/feedback"
)

//go:embed all:dist
var built embed.FS

// Recordings are what the ward recorded, by the clip's name; *bulletin.Bulletin
// keeps them.
type Recordings interface {
	// Recording is nil where there is none.
	Recording(name string) ([]byte, error)
	// RecordedIn are the languages there is a recording in.
	RecordedIn() ([]feedback.Language, error)
}

// Config says what there is to read with.
type Config struct {
	Recordings Recordings   // nil: none
	Voice      *voice.Voice // nil: only what was made before is heard
	Logger     *slog.Logger // nil: slog.Default
}

// Speech may be used from anywhere.
type Speech struct {
	cfg   Config
	clips fs.FS
	mute  atomic.Bool // the last attempt with the voice failed
	lost  atomic.Bool // the last look for a recording failed
}

// New reads with the clips built into the program.
func New(cfg Config) *Speech {
	clips, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return newSpeech(cfg, clips)
}

func newSpeech(cfg Config, clips fs.FS) *Speech {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Speech{cfg: cfg, clips: clips}
}

// Heard is what there is to hear of a text: sound, or parts of the text to ask
// for one after the other, or nothing.
type Heard struct {
	Type  string // of the sound
	Sound []byte
	Parts []string
}

// Say finds or makes what there is to hear of a text. Every part is shorter
// than the text.
func (s *Speech) Say(ctx context.Context, l feedback.Language, text string) Heard {
	if sound := s.held(l, text); sound != nil {
		return Heard{Type: clip.Type, Sound: sound}
	}
	if parts := clip.Parts(text); parts != nil {
		return Heard{Parts: parts}
	}
	if sound := s.spoken(ctx, l, text); sound != nil {
		return Heard{Type: voice.Type, Sound: sound}
	}
	return Heard{Parts: clip.Numbered(text)}
}

// held looks in other languages too: what is not written in the one a resident
// chose is shown in English, or in Vietnamese.
func (s *Speech) held(l feedback.Language, text string) []byte {
	languages := []feedback.Language{l, feedback.English, feedback.Vietnamese}
	for _, l := range languages {
		if sound := s.recorded(clip.Name(l, text)); sound != nil {
			return sound
		}
	}
	for _, l := range languages {
		if sound, err := fs.ReadFile(s.clips, clip.Name(l, text)+".ogg"); err == nil {
			return sound
		}
	}
	return nil
}

func (s *Speech) recorded(name string) []byte {
	if s.cfg.Recordings == nil {
		return nil
	}
	sound, err := s.cfg.Recordings.Recording(name)
	if failed := err != nil; s.lost.Swap(failed) != failed && failed {
		s.cfg.Logger.Error("recordings are not heard", "err", err)
	}
	return sound
}

// spoken asks the voice. One that fails is reported once, until it speaks again.
func (s *Speech) spoken(ctx context.Context, l feedback.Language, text string) []byte {
	if s.cfg.Voice == nil {
		return nil
	}
	sound, err := s.cfg.Voice.Say(ctx, l, text)
	if errors.Is(err, voice.ErrLanguage) || errors.Is(err, voice.ErrLong) || ctx.Err() != nil {
		return nil
	}
	if failed := err != nil; s.mute.Swap(failed) != failed && failed {
		s.cfg.Logger.Error("voice does not speak", "err", err)
	}
	return sound
}

// Languages that something can be read in, sorted.
func (s *Speech) Languages() []feedback.Language {
	all := []feedback.Language{}
	folders, _ := fs.ReadDir(s.clips, ".") // embedded: it is there
	for _, f := range folders {
		if f.IsDir() {
			all = append(all, feedback.Language(f.Name()))
		}
	}
	if s.cfg.Voice != nil {
		all = append(all, voice.Languages()...)
	}
	if s.cfg.Recordings != nil {
		recorded, err := s.cfg.Recordings.RecordedIn()
		if err == nil {
			all = append(all, recorded...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
