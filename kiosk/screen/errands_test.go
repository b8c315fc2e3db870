package screen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"nghe/kiosk/media"
	"nghe/shared/wire"
)

// errand is something a resident comes for, from the start screen back to it,
// by touch alone.
type errand struct {
	name string
	run  func(h *house, s stand)
}

func errands() []errand {
	return []errand{
		{"rate", (*house).rates}, {"survey", (*house).answersSurvey}, {"words", (*house).writes}, {"voice", (*house).speaks}, {"photo", (*house).shoots},
		{"dissent", (*house).dissents}, {"named", (*house).goesToNamed}, {"guide", (*house).takesGuide}, {"look-up", (*house).looksUp},
		{"confirm", (*house).confirms}, {"reopen", (*house).reopens}, {"rights", (*house).demands}, {"board", (*house).readsBoard}, {"numbers", (*house).readsNumbers},
		{"about", (*house).readsAbout}, {"language", (*house).changesLanguage}, {"idle", (*house).dawdles},
	}
}

// spread gives each stand its errands, so that every errand meets every value
// of a stand.
func spread(in []stand) map[stand][]errand {
	all := map[stand][]errand{}
	for i, e := range errands() {
		for _, s := range meeting(in, 3*i) { // all have about as many
			all[s] = append(all[s], e)
		}
	}
	return all
}

// everywhere gives each stand all errands.
func everywhere(in []stand) map[stand][]errand {
	all := map[stand][]errand{}
	for _, s := range in {
		all[s] = errands()
	}
	return all
}

// TestEveryErrand runs the errands spread over the stands of the cover; with
// -screens DIR every one in every stand there is.
func TestEveryErrand(t *testing.T) {
	t.Parallel()
	in := cover()
	todo := spread(in)
	if *screensDir != "" {
		in = stands()
		todo = everywhere(in)
	}
	street := wards(t)
	for _, s := range in {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			h, done := street.take(t)
			defer done()
			h.begin(visit{steps: stay})
			h.on(s.panel)
			for _, e := range todo[s] {
				t.Run(e.name, func(t *testing.T) { h.sendOn(t, e, s) })
			}
		})
	}
}

// What is one thing in one stand and another in the next comes in some stand.
func TestErrandsDoAllThereIsToDo(t *testing.T) {
	done, runs := map[any]bool{}, 0
	for s, all := range spread(cover()) {
		runs += len(all)
		for _, e := range all {
			switch e.name {
			case "rate":
				for _, score := range scoresIn(s) {
					done[score] = true
				}
			case "rights":
				done[rightIn(s)] = true
			}
		}
	}
	for _, what := range []any{1, 2, 3, 4, 5, "see", "correct", "withdraw", "delete"} {
		if !done[what] {
			t.Errorf("nobody ever chooses %v", what)
		}
	}
	t.Logf("%d errands in %d stands, %d runs", len(errands()), len(cover()), runs)
}

// sendOn starts an errand where the one before has ended, and sees it end there.
func (h *house) sendOn(t *testing.T, e errand, s stand) {
	h.t, h.ward.t = t, t
	if h.count("#app[data-screen=attract]:not(.locked)") == 0 { // it failed
		h.load()
		h.wait("attract")
	}
	h.ward.forget()
	h.ward.everything()
	e.run(h, s)
	h.wait("attract")
	if lang := h.lang(); lang != "vi" || h.count("html:is(.large, .contrast, .low)") > 0 {
		t.Errorf("the next resident is spoken to in %s", lang)
	}
}

func (k *kiosk) lang() (l string) {
	k.t.Helper()
	k.js("document.documentElement.lang", &l)
	return l
}

// choose takes a language and a mode as a resident does.
func (k *kiosk) choose(s stand) {
	k.t.Helper()
	k.inLanguage(s.language)
	if s.mode != "normal" {
		k.tap("[data-act=" + s.mode + "]")
		k.see("html." + s.mode)
	}
}

// taps touches one after the other.
func (k *kiosk) taps(selectors ...string) {
	k.t.Helper()
	for _, selector := range selectors {
		k.tap(selector)
	}
}

func (k *kiosk) ends() {
	k.t.Helper()
	k.tap(".primary:is([data-act=done], [data-act=go][data-value=home])")
}

// fromMenu goes to a screen by the menu.
func (k *kiosk) fromMenu(s stand, name string) {
	k.t.Helper()
	k.choose(s)
	k.taps("[data-act=go][data-value=menu]", ".give[data-value="+name+"]")
	k.wait(name)
}

// back goes the way back to the start screen.
func (k *kiosk) back(from ...string) {
	k.t.Helper()
	for _, screen := range from {
		k.tap(".actions [data-act=go][data-value=" + screen + "]")
	}
}

// scoresIn are those chosen in a stand: all five, over five of them.
func scoresIn(s stand) []int {
	i := slices.Index(stands(), s)
	return []int{i%5 + 1, (i+2)%5 + 1}
}

func (h *house) rates(s stand) {
	reasons := map[int]string{1: "low", 2: "low", 3: "mid", 4: "high", 5: "high"}
	var want []string
	for _, score := range scoresIn(s) {
		h.choose(s)
		h.rate(score)
		h.see(".option")
		var option string
		h.js("document.querySelector('.option').dataset.value", &option)
		h.taps(".option", "[data-act=send]")
		h.wait("thanks")
		h.ends()
		h.wait("attract")
		want = append(want, fmt.Sprintf("satisfied %d %s", score, s.language), fmt.Sprintf("%s %s %s", reasons[score], option, s.language))
	}
	h.expect(strings.Join(want, ", "))
}

func (h *house) answersSurvey(s stand) {
	h.fromMenu(s, "surveys")
	h.tap(".give[data-value=model]")
	for i := range 12 {
		h.until("the question", fmt.Sprintf("/%d\\D+12/.test(document.querySelector('.progress span')?.textContent)", i+1))
		h.tap("#app:not(.locked) .tile[data-value=partly]")
	}
	h.wait("thanks")
	h.ends()
	if all := h.store.all(); strings.Count(all, " partly "+s.language) != 12 {
		h.t.Errorf("kept %s", all)
	}
}

// toCompose begins a message about something somewhere.
func (h *house) toCompose(s stand) {
	h.choose(s)
	h.taps("[data-act=compose]", ".give[data-value=kien-nghi]", ".give[data-value=sanitation]", ".give[data-value=area-2]")
	h.wait("compose")
}

// sent is the only message, once its receipt stands.
func (h *house) sent(s stand) (messageSeen, map[string]string) {
	h.t.Helper()
	h.wait("receipt")
	got := h.ward.messages()
	if len(got) != 1 {
		h.t.Fatalf("sent %d messages", len(got))
	}
	head, place := headOf(h.t, got[0]), "area-2"
	if head.Reader == "named" {
		place = "" // few live in one: it would tell who wrote
	}
	if shown := strings.ReplaceAll(h.text(".code"), " ", ""); shown != head.Code {
		h.t.Errorf("shown %q, sent %q", shown, head.Code)
	}
	if head.Language != s.language || head.Subject != "sanitation" || head.Place != place {
		h.t.Errorf("sent %+v", head)
	}
	h.ends()
	return head, got[0]
}

// agrees to all that was asked for, in turn.
func (h *house) agrees(purposes ...string) {
	h.t.Helper()
	for _, purpose := range purposes {
		h.see(".consent[data-purpose=" + purpose + "]")
		h.tap("[data-act=consent]")
	}
}

func (head messageSeen) agreed() (purposes []string) {
	for _, c := range head.Consents {
		purposes = append(purposes, c.Purpose)
	}
	return purposes
}

// typed are words on the keyboard of each language.
var typed = map[string]struct{ keys, words string }{
	"vi": {"đ ư ơ huyen n g space x a", "Đường xa"}, "en": {"r o a d", "Road"}, "ko": {"ㄱ ㅣ ㄹ", "길"}, "zh-Hans": {"l u", "Lu"},
}

func (h *house) writes(s stand) {
	h.toCompose(s)
	h.write(typed[s.language].keys)
	h.taps(".give[data-value=contact]", ".give[data-value=phone]")
	h.press("0 9 1 2")
	h.taps(".key.enter", ".actions .primary", "[data-act=post]")
	h.agrees("contact")
	head, got := h.sent(s)
	if got["words"] != typed[s.language].words || got["contact"] != `{"phone":"0912"}` || head.Kind != "kien-nghi" || head.Reader != "cases" || !slices.Equal(head.agreed(), []string{"contact"}) {
		h.t.Errorf("sent %v", got)
	}
}

func (h *house) speaks(s stand) {
	h.toCompose(s)
	h.taps(".give[data-value=voice]", "[data-act=open]")
	h.see("[data-act=stop]")
	h.until("a level", "parseFloat(document.querySelector('.meter i').style.getPropertyValue('--level')) > 0")
	h.taps("[data-act=stop]", "[data-act=replay]", ".actions .primary", "[data-act=post]")
	h.agrees("voice")
	if head, got := h.sent(s); len(got["voice"]) < 100 || !slices.Equal(head.agreed(), []string{"voice"}) || h.openTracks() != 0 {
		h.t.Errorf("sent %d bytes of voice, agreed to %v", len(got["voice"]), head.Consents)
	}
}

func (h *house) takesPhoto() {
	h.taps(".give[data-value=photo]", "[data-act=open]")
	h.until("a picture", "document.querySelector('video')?.videoWidth > 0")
	h.tap("[data-act=stop]")
	h.until("the photo", "document.querySelector('img.taken')?.naturalWidth > 0")
	h.tap(".actions .primary")
	h.wait("compose")
}

func (h *house) shoots(s stand) {
	h.toCompose(s)
	h.takesPhoto()
	h.tap("[data-act=post]")
	h.agrees("photo")
	if head, got := h.sent(s); !strings.HasPrefix(got["photo"], "\xff\xd8\xff") || !slices.Equal(head.agreed(), []string{"photo"}) || h.openTracks() != 0 {
		h.t.Errorf("sent %d bytes of a photo, agreed to %v", len(got["photo"]), head.Consents)
	}
}

// What is not agreed to is taken out, and nothing is sent by itself.
func (h *house) dissents(s stand) {
	h.toCompose(s)
	h.write(typed[s.language].keys)
	h.taps(".give[data-value=contact]", ".give[data-value=phone]")
	h.press("0 9 1 2")
	h.taps(".key.enter", ".actions .primary")
	h.takesPhoto()
	for _, purpose := range []string{"contact", "photo"} {
		h.tap("[data-act=post]")
		h.see(".consent[data-purpose=" + purpose + "]")
		h.tap("[data-act=dissent]")
		h.wait("compose")
		if n := len(h.ward.messages()); n != 0 {
			h.t.Fatal("sent although the resident did not agree")
		}
	}
	h.tap("[data-act=post]")
	if head, got := h.sent(s); len(got) != 2 || got["words"] != typed[s.language].words || len(head.Consents) != 0 {
		h.t.Errorf("sent %v", got)
	}
}

// A complaint is told where it goes, and may be left for named officers.
func (h *house) goesToNamed(s stand) {
	held := h.ward.blobs(media.Held)
	h.fromMenu(s, "filing")
	h.taps("[data-act=convert]", ".give[data-value=sanitation]")
	h.write(typed[s.language].keys)
	h.tap("[data-act=post]")
	if head, _ := h.sent(s); head.Reader != "named" || h.ward.blobs(media.Held) != held+1 {
		h.t.Errorf("sent %+v", head)
	}
}

func (h *house) takesGuide(s stand) {
	h.fromMenu(s, "filing")
	printed := len(h.ward.paper.sheets)
	h.tap("[data-act=print]")
	h.until("paper", "!/…/.test(document.querySelector('[data-act=print]').textContent)")
	h.tap("[data-act=enlarge]")
	h.see(".copy")
	h.tap("[data-act=enlarge]")
	h.back("menu", "home")
	if len(h.ward.paper.sheets) != printed+1 {
		h.t.Error("nothing was printed")
	}
}

// asks types the code that has news, and looks it up.
func (h *house) asks(s stand) {
	h.choose(s)
	h.find()
	h.see(".state + .told")
}

func (h *house) looksUp(s stand) {
	h.ward.news(someNews)
	h.asks(s)
	if text := h.text(".sheet"); !strings.Contains(text, someNews.Note) || !strings.Contains(text, "2026") {
		h.t.Errorf("the reply reads %q", text)
	}
	h.ends()
}

// repliedWith is a reply that was kept last.
func (h *house) repliedWith() wire.CaseReply {
	h.t.Helper()
	r, ok := newest(h.t, h.outbox).(wire.CaseReply)
	if !ok {
		h.t.Fatal("the last that was kept is no reply")
	}
	return r
}

func (h *house) confirms(s stand) {
	h.asks(s)
	h.taps("[data-value=reply]", ".mood[data-value='4']", "[data-value=confirm]", ".actions [data-value=home]")
	if c := h.repliedWith(); c.Reopen || c.Score != 4 || c.Case != 3 {
		h.t.Errorf("kept %+v", c)
	}
}

func (h *house) reopens(s stand) {
	h.asks(s)
	h.taps("[data-value=reply]", "[data-value=reopen]", ".actions [data-value=home]")
	if c := h.repliedWith(); !c.Reopen || c.Score != 0 || c.Case != 3 {
		h.t.Errorf("kept %+v", c)
	}
}

// rightIn is the one demanded in a stand: of four in as many stands each.
func rightIn(s stand) string {
	i := slices.Index(stands(), s) // four to a mode: one in each language
	return []string{"see", "correct", "withdraw", "delete"}[(i+i/4)%4]
}

func (h *house) demands(s stand) {
	right := rightIn(s)
	h.asks(s)
	h.taps("[data-value=rights]", "[data-value="+right+"]", "[data-act=demand]", ".actions [data-value=home]")
	if c, ok := newest(h.t, h.outbox).(wire.RightsRequest); !ok || c.Right != right {
		h.t.Errorf("kept %+v, want %s", c, right)
	}
}

func (h *house) readsBoard(s stand) {
	h.fromMenu(s, "board")
	h.tap(".give[data-value=n-2]")
	h.tap("[data-act=scroll][data-value='1']")
	h.until("more of it", "document.querySelector('.scrolled').scrollTop > 0")
	h.back("board", "menu", "home")
}

func (h *house) readsNumbers(s stand) {
	h.fromMenu(s, "numbers")
	if text := h.text(".sheet"); !strings.Contains(text, "113") || !strings.Contains(text, "0237 3821 110") {
		h.t.Errorf("numbers read %q", text)
	}
	h.back("menu", "home")
}

func (h *house) readsAbout(s stand) {
	h.fromMenu(s, "about")
	h.tap("[data-value=machine]")
	h.until("the card", "document.querySelector('.facts').textContent.includes('3f9a1c07')")
	h.back("about", "menu", "home")
}

// changesLanguage in the middle; each answer is in the language it was read in.
func (h *house) changesLanguage(s stand) {
	h.choose(s)
	h.rate(5)
	h.see(".option[data-value=helpful]")
	other := map[bool]string{true: "ko", false: "vi"}[s.language == "vi"]
	h.inLanguage(other)
	h.taps(".option[data-value=helpful]", "[data-act=send]")
	h.wait("thanks")
	h.ends()
	h.expect(fmt.Sprintf("satisfied 5 %s, high helpful %s", s.language, other))
}

// dawdles is asked whether anybody is there, stays, and goes away.
func (h *house) dawdles(s stand) {
	h.choose(s)
	h.rate(4)
	h.see(".option")
	pace := testConfig(portrait).Pace
	h.tap(".option[data-value=listens]")
	h.pass(pace.Idle)
	h.tap(".warning button")
	h.see(".option.chosen[data-value=listens]") // nothing was lost
	h.pass(pace.Idle, pace.Leave)
	h.wait("attract")
	h.expect("satisfied 4 " + s.language)
}
