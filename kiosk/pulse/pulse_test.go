package pulse

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nghe/kiosk/vitals"
	"nghe/shared/wire"
)

// felt is a Pulse that runs in a bubble, on a machine of which nothing is known.
type felt struct {
	*Pulse
	t      *testing.T
	sys    string
	vitals *vitals.Monitor
	log    bytes.Buffer
	note   string // a line for each time that the browser was brought back
}

func feel(t *testing.T, command ...string) *felt {
	f := &felt{t: t, sys: t.TempDir(), note: filepath.Join(t.TempDir(), "note")}
	f.vitals = vitals.New(vitals.Config{Dir: t.TempDir(), Sys: f.sys, Proc: f.sys})
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "NOTE", f.note)
	}
	f.Pulse = New(Config{Browser: command, Vitals: f.vitals, Logger: slog.New(slog.NewTextHandler(&f.log, nil))})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return f
}

// paints is a healthy page for a while.
func (f *felt) paints(while time.Duration) {
	f.t.Helper()
	for end := time.Now().Add(while); time.Now().Before(end); {
		nonce, every := f.Challenge()
		time.Sleep(every)
		if !f.Painted(nonce) {
			f.t.Fatal("a proof is not believed")
		}
	}
}

func (f *felt) frozen() bool {
	return slices.ContainsFunc(f.vitals.Conditions(), func(c wire.Condition) bool { return c.Name == string(vitals.ScreenFrozen) })
}

func (f *felt) brought() int {
	text, _ := os.ReadFile(f.note)
	return bytes.Count(text, []byte("\n"))
}

var noted = []string{"/bin/sh", "-c", "echo >> NOTE"}

func TestBringsAFrozenScreenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feel(t, slices.Clone(noted)...)
		f.paints(time.Hour)
		if f.frozen() || f.brought() > 0 {
			t.Fatal("a healthy page was disturbed")
		}
		time.Sleep(70 * time.Second)
		if !f.frozen() || f.brought() != 1 {
			t.Errorf("after a minute: frozen %t, brought back %d times", f.frozen(), f.brought())
		}
		f.paints(time.Minute)
		if f.frozen() || f.brought() != 1 {
			t.Errorf("painting again: frozen %t, brought back %d times", f.frozen(), f.brought())
		}
		time.Sleep(24 * time.Hour)
		if n := f.brought(); n < 24 || n > 40 {
			t.Errorf("brought back %d times in a day, want about once an hour", n)
		}
		if lines := strings.Count(f.log.String(), "paints no more"); lines != 2 {
			t.Errorf("%d lines for two times:\n%s", lines, &f.log)
		}
	})
}

// A display that sleeps or is pulled out gets no frames, and no browser helps.
func TestLeavesADarkScreenAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feel(t, slices.Clone(noted)...)
		f.paints(time.Minute)
		dpms := filepath.Join(f.sys, "class/drm/card0-HDMI-A-1/dpms")
		if err := os.MkdirAll(filepath.Dir(dpms), 0o755); err != nil {
			t.Fatal(err)
		}
		is := func(text string) {
			if err := os.WriteFile(dpms, []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		is("Off")
		time.Sleep(9 * time.Hour)
		is("On")
		time.Sleep(50 * time.Second)
		if f.frozen() || f.brought() > 0 {
			t.Errorf("in the dark: frozen %t, brought back %d times", f.frozen(), f.brought())
		}
		time.Sleep(20 * time.Second)
		if !f.frozen() || f.brought() != 1 {
			t.Errorf("in the light: frozen %t, brought back %d times", f.frozen(), f.brought())
		}
	})
}

func TestCommandThatFails(t *testing.T) {
	for name, command := range map[string][]string{
		"not there": {"/nowhere/browser"}, "fails": {"/bin/sh", "-c", "echo >> NOTE; exit 3"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := feel(t, command...)
			f.paints(time.Minute)
			time.Sleep(70 * time.Second)
			if !f.frozen() || strings.Count(f.log.String(), "bring the browser back") != 1 {
				t.Errorf("%s: frozen %t\n%s", name, f.frozen(), &f.log)
			}
			f.paints(time.Minute)
			if f.frozen() {
				t.Errorf("%s: frozen though it paints", name)
			}
		})
	}
}

func TestProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feel(t)
		first, every := f.Challenge()
		if again, _ := f.Challenge(); again != first || every != 15*time.Second {
			t.Errorf("asked twice at once: %q, %q, every %v", first, again, every)
		}
		for _, nonce := range []string{"", "x", first + "x"} {
			if f.Painted(nonce) {
				t.Errorf("%q is believed", nonce)
			}
		}
		if !f.Painted(first) {
			t.Error("a fresh one is not believed")
		}
		time.Sleep(every)
		second, _ := f.Challenge()
		if second == first || !f.Painted(first) || !f.Painted(second) {
			t.Error("one that was handed out before the last is not believed, or there was no other")
		}
		time.Sleep(every)
		if f.Challenge(); f.Painted(first) {
			t.Error("an old one is believed")
		}
		time.Sleep(61 * time.Second)
		if f.Painted(second) {
			t.Error("one of more than a minute ago is believed")
		}
	})
}

func TestPatienceHasALeast(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: time.Minute, -5: time.Second, 3: time.Second, time.Hour: time.Hour} {
		if got := New(Config{Patience: given}).cfg.Patience; got != want {
			t.Errorf("patience %v becomes %v, want %v", given, got, want)
		}
	}
}
