package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"nghe/kiosk/speech/voice"
	"nghe/shared/clip"
)

const (
	ending = ".ogg"
	// pinFile says what the clips beside it were made by.
	pinFile = "voice.pin"
	kept    = ".gitkeep"
	// mostBytes of clips are carried by the kiosk's program.
	mostBytes = 8_000_000
)

// packing is for a voice: 12 kbit/s is enough for what a program speaks, and a
// stream's number, else random, makes the same clip every time.
var packing = []string{"--quiet", "--bitrate", "12", "--framesize", "60", "--comp", "1", "--speech", "--downmix-mono",
	"--padding", "0", "--discard-comments", "--serial", "1", "-", "-"}

// studio makes clips into a folder.
type studio struct {
	dir, pin string
	voice    *voice.Voice
}

func newStudio(dir string) (*studio, error) {
	v, err := voice.Find(runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	pin := voice.Edition + "\n" + strings.Join(packing, " ") + "\n"
	for _, command := range [][]string{{voice.Program, "--version"}, {packer, "--version"}} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			return nil, fmt.Errorf("ask %s for its version: %w", command[0], err)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		pin += first + "\n"
	}
	return &studio{dir, pin, v}, nil
}

// tally is what a folder of clips holds.
type tally struct{ clips, fresh, bytes int }

// make makes the folder hold exactly the clips of these texts.
func (s *studio) make(ctx context.Context, said texts) (t tally, err error) {
	if err := s.clear(said); err != nil {
		return t, err
	}
	missing := map[string]text{}
	for name, of := range said {
		if _, err := os.Stat(s.path(name)); err != nil {
			missing[name] = of
		}
	}
	if err := s.makeAll(ctx, missing); err != nil {
		return t, err
	}
	t = tally{clips: len(said), fresh: len(missing)}
	for name := range said {
		info, err := os.Stat(s.path(name))
		if err != nil {
			return t, err
		}
		t.bytes += int(info.Size())
	}
	if t.bytes > mostBytes {
		return t, fmt.Errorf("the clips take %d bytes, over the budget of %d: pack them smaller", t.bytes, mostBytes)
	}
	return t, os.WriteFile(filepath.Join(s.dir, pinFile), []byte(s.pin), 0o644)
}

func (s *studio) path(name string) string {
	return filepath.Join(s.dir, filepath.FromSlash(name)+ending)
}

// clear removes what is not said any more, and everything where another
// program, or another way to use it, made it.
func (s *studio) clear(said texts) error {
	pin, err := os.ReadFile(filepath.Join(s.dir, pinFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	same := string(pin) == s.pin
	return filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == kept || e.Name() == pinFile {
			return err
		}
		name, _ := filepath.Rel(s.dir, path) // below it
		_, wanted := said[strings.TrimSuffix(filepath.ToSlash(name), ending)]
		if wanted && same && filepath.Ext(name) == ending {
			return nil
		}
		return os.Remove(path)
	})
}

// makeAll shares the work among as many as there are processors, and ends with
// the first failure.
func (s *studio) makeAll(ctx context.Context, missing map[string]text) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan string)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for name := range work {
				if err := s.makeOne(ctx, name, missing[name]); err != nil {
					stop(err)
				}
			}
		})
	}
	for name := range missing {
		if ctx.Err() == nil {
			work <- name
		}
	}
	close(work)
	all.Wait()
	return context.Cause(ctx)
}

func (s *studio) makeOne(ctx context.Context, name string, of text) error {
	made, err := s.clip(ctx, of)
	if err != nil {
		return fmt.Errorf("make the clip of %q: %w", of.said, err)
	}
	return renew(s.path(name), made)
}

// clip is the clip of one text.
func (s *studio) clip(ctx context.Context, of text) ([]byte, error) {
	wav, err := s.voice.Say(ctx, of.language, of.said)
	if err != nil {
		return nil, err
	}
	var packed, told bytes.Buffer
	pack := exec.CommandContext(ctx, packer, packing...)
	pack.Stdin, pack.Stdout, pack.Stderr = bytes.NewReader(wav), &packed, &told
	if err := pack.Run(); err != nil {
		return nil, fmt.Errorf("pack: %w: %s", err, told.String())
	}
	return packed.Bytes(), clip.Check(packed.Bytes())
}

// renew never shows half a clip: a compiler may be embedding it at this moment.
func renew(path string, made []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, made, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}
