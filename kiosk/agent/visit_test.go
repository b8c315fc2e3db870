package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nghe/shared/look/browser"
)

// visitor stands before the real page of a real program.
type visitor struct {
	t   *testing.T
	ctx context.Context
}

func (v visitor) touches(selectors ...string) {
	v.t.Helper()
	for _, s := range selectors {
		if err := chromedp.Run(v.ctx, chromedp.Click(s, chromedp.ByQuery, chromedp.NodeVisible)); err != nil {
			v.t.Fatalf("touch %s: %v", s, err)
		}
	}
}

// sees waits for an expression to hold on the page.
func (v visitor) sees(what, expression string) {
	v.t.Helper()
	eventually(v.t, func() error {
		var holds bool
		if err := chromedp.Run(v.ctx, chromedp.Evaluate("Boolean("+expression+")", &holds)); err != nil {
			return err
		}
		if !holds {
			return fmt.Errorf("%s is not on the page", what)
		}
		return nil
	})
}

const (
	sameVisit = "window.visit === 1"
	atRest    = "document.querySelector('#app')?.dataset.screen === 'attract'"
	wrote     = "document.querySelector('.paper')?.textContent.trim() === 'Ab'"
)

// TestPageOutlivesItsAgent kills the agent in the middle of a visit and starts
// another version of it: the visit goes on as if nothing had been, and only at
// rest does the page become that version's. All along it proves that it paints.
func TestPageOutlivesItsAgent(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of a real browser")
	}
	data := filepath.Join(t.TempDir(), "data")
	enrolled(t, data)
	a := newProgram(t, data, "--pulse", "8s")
	a.start(t)
	before := a.version(t)
	v := visitor{t, browser.Start(t, 1080, 1920)}
	if err := chromedp.Run(v.ctx, chromedp.Navigate(a.url+"/")); err != nil {
		t.Fatal(err)
	}
	v.sees("the offer of messages", atRest+" && document.querySelector('[data-act=compose]')?.checkVisibility()")
	v.touches("[data-act=compose]", ".give[data-value=gop-y]", "[data-act=subject][data-value='']", ".give[data-value=words]", ".key[data-value=a]")
	v.sees("the visit", "window.visit = 1")

	a.kill(t)
	v.touches(".key[data-value=b]")
	a.build(t, "-overlay", nextVersion(t))
	a.start(t)
	if after := a.version(t); after == before {
		t.Fatalf("both versions are %s: this test proves nothing", after)
	}
	time.Sleep(20 * time.Second) // the page asks for news every 15
	v.sees("what was written before and after", sameVisit+" && "+wrote)
	v.touches(".key.enter", "[data-act=post]")
	v.sees("a receipt", sameVisit+" && document.querySelector('#app')?.dataset.screen === 'receipt'")
	if kept, err := readStanding(data); err != nil || kept.Head < 2 {
		t.Errorf("the message is not in the journal: %+v, %v", kept, err)
	}
	time.Sleep(2 * time.Second) // a code stands for a moment before it can be tapped away
	v.touches("[data-act=go][data-value=home]")
	v.sees("the new version's page, at rest", "window.visit === undefined && "+atRest)

	if text := a.card(t); strings.Contains(text, "screen-frozen") {
		t.Errorf("the page paints, but the agent says %s", text)
	}
	if err := chromedp.Run(v.ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if text := a.card(t); !strings.Contains(text, "screen-frozen") {
			return fmt.Errorf("the page is gone, but the agent says %s", text)
		}
		return nil
	})
}

// nextVersion has the compiler find a program that calls itself another.
func nextVersion(t *testing.T) (overlay string) {
	t.Helper()
	const begins = "func Version() string {\n"
	file, err1 := filepath.Abs("../../shared/command/command.go")
	text, err2 := os.ReadFile(file)
	dir := t.TempDir()
	next := filepath.Join(dir, "command.go")
	err3 := os.WriteFile(next, []byte(strings.Replace(string(text), begins, begins+"\treturn \"2030-01-01-next\"\n", 1)), 0o600)
	list, err4 := json.Marshal(map[string]map[string]string{"Replace": {file: next}})
	overlay = filepath.Join(dir, "overlay.json")
	if err := errors.Join(err1, err2, err3, err4, os.WriteFile(overlay, list, 0o600)); err != nil {
		t.Fatal(err)
	}
	return overlay
}

func (p *program) card(t *testing.T) string {
	t.Helper()
	text, err := get(p.url + "/api/caretaker")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *program) version(t *testing.T) string {
	t.Helper()
	var told struct{ Program string }
	if err := json.Unmarshal([]byte(p.card(t)), &told); err != nil || told.Program == "" {
		t.Fatalf("no version: %v", err)
	}
	return told.Program
}
