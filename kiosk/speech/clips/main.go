// Command clips makes the clips that a kiosk reads its screens aloud with, into
// kiosk/speech/dist: one of every text that is known when a kiosk is built, in
// every language, spoken by espeak-ng and packed by opusenc.
//
// It promises the same clips for the same texts and programs, makes only those
// that are missing, leaves nothing stale, and where a program is missing says
// which and leaves everything as it is: the kiosk then reads nothing aloud, or
// less.
//
// It judges no pronunciation. A recording published by the hub takes the place
// of any clip.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"nghe/kiosk/speech/voice"
)

const packer = "opusenc"

func main() {
	root := "."
	if out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output(); err == nil {
		root = strings.TrimSpace(string(out))
	}
	if err := run(root, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "clips:", err)
		os.Exit(1)
	}
}

func run(root string, tell io.Writer) error {
	said, err := read(root)
	if err != nil {
		return err
	}
	if missing := programs(); len(missing) > 0 {
		_, err := fmt.Fprintf(tell, "kiosk/speech   no clips made, %s missing: this kiosk reads aloud only what was made before, or nothing\n"+
			"               apt-get install -y --no-install-recommends espeak-ng opus-tools\n", strings.Join(missing, " and "))
		return err
	}
	s, err := newStudio(filepath.Join(root, "kiosk/speech/dist"))
	if err != nil {
		return err
	}
	made, err := s.make(context.Background(), said)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(tell, "kiosk/speech   .ogg    %7.1f KB in %d clips, %d new\n", float64(made.bytes)/1e3, made.clips, made.fresh)
	return err
}

func programs() (missing []string) {
	for _, name := range []string{voice.Program, packer} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}
