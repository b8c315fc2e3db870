package screen

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// visit is the way to one screen from the start screen.
type visit struct {
	name   string
	change func(*Config)
	steps  func(*kiosk)
}

func visits() []visit {
	idle := func(c *Config) { c.Pace.Idle = 500 * time.Millisecond }
	slow := func(c *Config) { c.Pace.Undo = time.Minute }
	model := func(c *Config) { c.Questionnaires = c.Questionnaires[1:2] }
	return []visit{
		{"attract", nil, func(*kiosk) {}},
		{"chosen", slow, func(k *kiosk) { k.start(); k.rate(4); k.see(".undo") }},
		{"low", nil, func(k *kiosk) { k.start(); k.rate(1); k.see(".option") }},
		{"high", nil, func(k *kiosk) {
			k.start()
			k.rate(5)
			for _, id := range []string{"friendly", "listens", "on-time"} {
				k.tap(".option[data-value='" + id + "']")
			}
			k.see(".option.chosen[data-value='on-time']")
		}},
		{"agree", model, func(k *kiosk) { k.start() }},
		{"saving", nil, func(k *kiosk) {
			until := make(chan struct{})
			k.t.Cleanup(sync.OnceFunc(func() { close(until) }))
			k.store.set(func() error { <-until; return nil }, nil)
			k.js("AbortSignal.timeout = () => new AbortController().signal, 0", nil)
			k.start()
			k.rate(3)
			k.tap("[data-act=skip]")
			k.wait("saving")
		}},
		{"trouble", nil, func(k *kiosk) {
			k.store.set(func() error { return errNoRoom }, nil)
			k.start()
			k.rate(2)
			k.tap("[data-act=skip]")
			k.wait("saving")
			k.until("the honest text", "/chưa lưu được|not saved yet|아직 저장되지|尚未保存/.test(document.querySelector('h1').innerText.replaceAll('\\u00a0', ' '))")
		}},
		{"thanks", nil, func(k *kiosk) { k.start(); k.rate(5); k.tap("[data-act=skip]"); k.wait("thanks") }},
		{"paused", func(c *Config) {
			c.Status = func() Status { return Status{Storage: StorageFull} }
		}, func(k *kiosk) { k.wait("paused") }},
		{"languages", nil, func(k *kiosk) { k.tap("[data-act=languages]"); k.see(".chooser") }},
		{"still", idle, func(k *kiosk) { k.rate(4); k.see(".warning") }},
	}
}

// mode is how a resident likes the screen.
type mode struct {
	name  string
	apply func(*kiosk)
}

func modes() []mode {
	return []mode{
		{"normal", func(*kiosk) {}},
		{"large", func(k *kiosk) { k.tap("[data-act=large]"); k.see("html.large [data-act=large]") }},
		{"contrast", func(k *kiosk) { k.tap("[data-act=contrast]"); k.see("html.contrast [data-act=contrast]") }},
		{"low", func(k *kiosk) { k.js("document.querySelector('[data-act=low]').click()", nil); k.see("html.low") }},
	}
}

// TestScreens writes a picture of every screen into -screens DIR.
func TestScreens(t *testing.T) {
	if *screensDir == "" {
		t.Skip("needs -screens DIR")
	}
	if err := os.MkdirAll(*screensDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []panel{portrait, landscape, tablet, upright} {
		for _, m := range modes() {
			for _, language := range []string{"vi", "en", "ko", "zh-Hans"} {
				for _, v := range visits() {
					name := fmt.Sprintf("%s-%s-%s-%s", p.name, m.name, language, v.name)
					t.Run(name, func(t *testing.T) {
						show(t, p, m, v, language, func(k *kiosk) { k.settle(); k.picture(*screensDir, "kiosk-"+name) })
					})
				}
			}
		}
	}
}

// show brings a screen up in a mode and language and hands it to look.
func show(t *testing.T, p panel, m mode, v visit, language string, look func(*kiosk)) {
	t.Helper()
	k := openAny(t, p, v.change)
	if v.name != "paused" {
		k.wait("attract")
	}
	k.inLanguage(language)
	m.apply(k)
	v.steps(k)
	look(k)
}

// inLanguage chooses a language as a resident does.
func (k *kiosk) inLanguage(language string) {
	k.t.Helper()
	var now string
	if k.js("document.documentElement.lang", &now); now == language {
		return
	}
	k.tap("[data-act=languages]")
	k.tap(".chooser [data-value='" + language + "']")
	k.until(language, fmt.Sprintf("document.documentElement.lang === %q", language))
}

// settle lets fonts and short transitions come to rest.
func (k *kiosk) settle() {
	k.t.Helper()
	k.until("fonts", "document.fonts.status === 'loaded'")
	time.Sleep(300 * time.Millisecond)
}
