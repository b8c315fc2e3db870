package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/reports"
)

// Language of the pages. Operators' are Vietnamese or English; what strangers
// read is in every language of a kiosk's screen.
type Language string

const (
	Vietnamese Language = "vi"
	English    Language = "en"
	Korean     Language = "ko"
	Chinese    Language = "zh-Hans"
)

var languages = []Language{Vietnamese, English}

// tongue is a language a stranger may choose, under its own name.
type tongue struct {
	Code Language
	Name string
}

func tongues() []tongue {
	return []tongue{{Vietnamese, "Tiếng Việt"}, {English, "English"}, {Korean, "한국어"}, {Chinese, "简体中文"}}
}

//go:embed words/*.json
var wordFiles embed.FS

//go:embed pages/*.html
var pageFiles embed.FS

// face is the console in one language.
type face struct {
	lang   Language
	locale reports.Locale
	words  map[string]string
	pages  *template.Template
	rows   rowCache
}

func newFace(l Language, a assets) (*face, error) {
	f := &face{lang: l, locale: reports.English, words: map[string]string{}}
	if l == Vietnamese {
		f.locale = reports.Vietnamese
	}
	for _, of := range []Language{English, l} { // a catalogue of strangers' words has no others
		text, err := wordFiles.ReadFile("words/" + string(of) + ".json")
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &f.words); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", of, err)
		}
	}
	var err error
	f.pages, err = template.New("").Funcs(template.FuncMap{"t": f.text, "icon": icon, "asset": a.path, "tongues": tongues}).
		ParseFS(pageFiles, "pages/*.html")
	return f, err
}

// text is a sentence of the catalogue. An unknown key is shown as it is, and
// a test fails on it.
func (f *face) text(key string, args ...any) string {
	text, ok := f.words[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// fragment renders part of a page.
func (f *face) fragment(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := f.pages.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

const languageCookie = "nghe-language"

// face in the language the visitor chose; Vietnamese unless told otherwise. One
// that only strangers' pages have is English elsewhere.
func (c *Console) face(r *http.Request) *face {
	lang := preferred(r)
	if cookie, err := r.Cookie(languageCookie); err == nil && c.faces[Language(cookie.Value)] != nil {
		lang = Language(cookie.Value)
	}
	path := strings.ToLower(r.URL.Path)
	if !slices.Contains(languages, lang) && path != "/r" && !strings.HasPrefix(path, "/r/") {
		lang = English
	}
	return c.faces[lang]
}

// preferred is what the browser asks for, of visitors from abroad: many a
// resident's asks for English.
func preferred(r *http.Request) Language {
	switch first := strings.ToLower(r.Header.Get("Accept-Language")); {
	case strings.HasPrefix(first, "ko"):
		return Korean
	case strings.HasPrefix(first, "zh"):
		return Chinese
	}
	return Vietnamese
}

func (c *Console) setLanguage(w http.ResponseWriter, r *http.Request) error {
	lang := Language(r.PostFormValue("lang"))
	if _, ok := c.faces[lang]; !ok {
		lang = Vietnamese
	}
	http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: string(lang), Path: "/", HttpOnly: true,
		Secure: c.cfg.Secure, SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600})
	http.Redirect(w, r, local(r.PostFormValue("back")), http.StatusSeeOther)
	return nil
}

// day as it is written where the language is spoken: beside day and month alone
// a visitor cannot tell which is which.
func (f *face) day(t time.Time) string {
	if f.lang == Korean || f.lang == Chinese {
		return t.In(reports.Zone()).Format(time.DateOnly)
	}
	return f.locale.Date(t)
}

// page is what every template gets.
type page struct {
	Lang     Language
	Title    string
	Ward     string
	Account  accounts.Account
	Initials string
	Nav      []navItem
	Unsafe   bool     // no store off this hub's disk
	Worries  []string // what somebody should look at, of the hub itself
	Live     string   // address of the stream that keeps the page current
	Clock    string
	Back     string // this page's own address
	Program  string
	Body     any
}

type navItem struct {
	Rule              bool
	Href, Label, Icon string
	Count             string
	Here              bool
}

// show renders a whole page. Nothing is sent before all of it is made.
func (c *Console) show(w http.ResponseWriter, r *http.Request, name string, p page) error {
	f := c.face(r)
	v := visitorOf(r.Context())
	ward, err := c.ward(r.Context())
	if err != nil {
		return err
	}
	p.Ward = ward
	p.Lang, p.Account, p.Program, p.Back = f.lang, v.account, c.cfg.Program, r.URL.RequestURI()
	p.Unsafe = c.cfg.Archive == ""
	p.Clock = f.locale.DateTime(c.cfg.Now())
	p.Initials = initials(v.account.Name)
	if v.known {
		p.Nav = f.nav(r.URL.Path, v.account)
		if p.Worries, err = c.worries(r.Context(), f); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := f.pages.ExecuteTemplate(&b, name, p); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write(b.Bytes())
	return err
}

func initials(name string) string {
	name = strings.ToUpper(name)
	return name[:min(2, len(name))]
}

func (f *face) nav(path string, a accounts.Account) []navItem {
	item := func(href, key, icon string) navItem {
		here := path == href || href != "/" && strings.HasPrefix(path, href+"/")
		return navItem{Href: href, Label: f.text(key), Icon: icon, Here: here}
	}
	nav := []navItem{
		item("/", "nav.fleet", "device"), item("/places", "nav.places", "chart"), item("/messages", "nav.messages", "letter"),
		item("/replies", "nav.replies", "reply"), item("/rights", "nav.rights", "shield"),
		{Rule: true, Label: f.text("nav.hub")},
		item("/quarantine", "nav.quarantine", "hole"), item("/deletions", "nav.deletions", "revoked"), item("/log", "nav.log", "log"),
	}
	if a.Has(accounts.Admin) {
		nav = append(nav, item("/access", "nav.access", "person"))
	}
	return nav
}

// icon is a drawing of 24 by 24 in the colour of the text around it.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="i" viewBox="0 0 24 24" aria-hidden="true">` + icons[name] + `</svg>`)
}

// icons have a shape each: a state is never told by colour alone.
var icons = map[string]string{
	"online":  `<circle class="solid" cx="12" cy="12" r="10"/><path class="cut" d="m7.5 12.3 3 3 6-6.2" stroke-width="2.4"/>`,
	"waiting": `<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.2 2"/>`,
	"late":    `<path class="solid" d="M12 2.5 23 21.5H1z"/><path class="cut" d="M12 9v5.5M12 17.6v.6" stroke-width="2.4"/>`,
	"lost":    `<rect class="solid" x="2.5" y="2.5" width="19" height="19" rx="4"/><path class="cut" d="m8 8 8 8m0-8-8 8" stroke-width="2.4"/>`,
	"paused":  `<circle cx="12" cy="12" r="9"/><path d="M9.5 8.5v7m5-7v7"/>`,
	"revoked": `<circle cx="12" cy="12" r="9"/><path d="M5.6 5.6l12.8 12.8"/>`,
	"new":     `<circle cx="12" cy="12" r="9" stroke-dasharray="3.2 3.2"/>`,
	"fork":    `<path d="M12 21v-7M12 14 6 8V3m6 11 6-6V3"/><path d="m3.5 5.5 2.5-2.5 2.5 2.5m7 0L18 3l2.5 2.5"/>`,
	"hole":    `<path d="M3 7h18M3 12h5m8 0h5M3 17h18"/><path d="m10.5 10.5 3 3m0-3-3 3"/>`,
	"disk":    `<ellipse cx="12" cy="6" rx="8" ry="3"/><path d="M4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"/>`,
	"device":  `<rect x="6" y="2.5" width="12" height="19" rx="2.5"/><path d="M11 18h2"/>`,
	"chart":   `<path d="M4 20V10m5.3 10V4m5.4 16v-7M20 20V7"/>`,
	"log":     `<path d="M5 3.5h14v17H5zM8.5 8.5h7m-7 3.5h7m-7 3.5h4"/>`,
	"person":  `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.8-4 3.800-6 7.5-6s6.7 2 7.5 6"/>`,
	"out":     `<path d="M14 4H5v16h9M10 12h11m-4-4 4 4-4 4"/>`,
	"all":     `<path d="M4 5h16v5H4zM4 14h16v5H4z"/>`,
	"letter":  `<path d="M3 5.5h18v13H3z"/><path d="m3.5 6.500 8.500 7 8.500-7"/>`,
	"reply":   `<path d="M9 5 3.5 10.500 9 16M4 10.500h9c4 0 7 2.500 7 8"/>`,
	"shield":  `<path d="M12 2.800 4.500 5.500v6c0 5 3.200 8.200 7.500 9.700 4.300-1.500 7.500-4.700 7.500-9.700v-6z"/><path d="m8.700 11.800 2.400 2.400 4.300-4.600"/>`,
	"voice":   `<rect x="9" y="2.5" width="6" height="11.500" rx="3"/><path d="M5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21m-3.500 0h7"/>`,
	"photo":   `<path d="M3 7h4.500l1.700-2.500h5.600L16.500 7H21v12.500H3z"/><circle cx="12" cy="13" r="3.700"/>`,
	"info":    `<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.4v.4"/>`,
}

// clockTime is used where only the hour of today matters.
func (f *face) when(t, now time.Time) string {
	if t.IsZero() {
		return f.text("never")
	}
	return f.locale.When(t, now)
}
