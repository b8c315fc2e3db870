package screen

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
)

// watchTracks lets a test count the tracks that are open, and the object URLs
// that were made, whatever the page says of them.
func watchTracks(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`(() => {
		window.tracks = []; window.urls = [];
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wish) => { const s = await open(wish); window.tracks.push(...s.getTracks()); return s; };
		const make = URL.createObjectURL;
		URL.createObjectURL = (b) => { const url = make.call(URL, b); window.urls.push(url); return url; };
	})()`).Do(ctx)
	return err
}

func (k *kiosk) openTracks() (n int) {
	k.t.Helper()
	k.js("window.tracks.filter((t) => t.readyState === 'live').length", &n)
	return n
}

// refuse has every device refused from now on, as a browser would.
func (k *kiosk) refuseDevices(why string) {
	k.t.Helper()
	k.js(fmt.Sprintf("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', %q)), 0", why), nil)
}

// sheetVisit is the way to one screen of a message.
type sheetVisit struct {
	name  string
	steps func(*kiosk, *ward)
}

var longNote = strings.Repeat("Đường ống trước nhà văn hóa đã được thay mới, xin cảm ơn Ông/Bà đã báo. ", 20)

// giveVisits are those to what a message is about and what is given.
func giveVisits() []sheetVisit {
	words := func(k *kiosk, _ *ward) { k.compose(); k.write("r a huyen c") }
	post := func(f fault) func(k *kiosk, w *ward) {
		return func(k *kiosk, w *ward) { w.faults = []fault{f}; words(k, w); k.tap("[data-act=post]") }
	}
	return []sheetVisit{
		{"offer", func(*kiosk, *ward) {}},
		{"thanks", func(k *kiosk, _ *ward) { k.start(); k.rate(5); k.tap("[data-act=skip]"); k.wait("thanks") }},
		{"kind", func(k *kiosk, _ *ward) { k.tap("[data-act=compose]"); k.wait("kind") }},
		{"filing", func(k *kiosk, _ *ward) {
			k.tap("[data-act=compose]")
			k.tap(".give[data-value=filing]")
			k.wait("filing")
		}},
		{"filing-named", func(k *kiosk, w *ward) {
			w.told.texts = feedback.Texts{"reception.place": {"vi": "Phòng tiếp công dân, tầng 1, trụ sở UBND phường Quảng Tiến, số 1 đường Nguyễn Du", "en": "Reception room, ground floor, ward office, 1 Nguyen Du"},
				"reception.days": {"vi": "Thứ Ba và thứ Năm hằng tuần, 7 giờ 30 đến 11 giờ", "en": "Tuesdays and Thursdays, 7.30 to 11"}}
			w.named()
			k.home()
			k.tap("[data-act=compose]")
			k.tap(".give[data-value=filing]")
			k.wait("filing")
		}},
		{"subject", func(k *kiosk, _ *ward) {
			k.tap("[data-act=compose]")
			k.tap(".give[data-value=phan-anh]")
			k.wait("subject")
		}},
		{"compose", func(k *kiosk, _ *ward) { k.compose() }},
		{"given", func(k *kiosk, w *ward) { w.named(); k.home(); words(k, w); k.contact(); k.tap(".actions .primary") }},
		{"refused", func(k *kiosk, w *ward) {
			w.named()
			k.home()
			post(func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
				refuse(out, refusal{503, "no-room", "There is no room.", "photo"})
			})(k, w)
			k.see(".note.bad")
		}},
		{"reader", func(k *kiosk, w *ward) {
			w.named()
			k.home()
			k.compose()
			k.tap(".give[data-value=reader]")
			k.wait("reader")
		}},
		{"write", func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=words]"); k.press("đ ư ơ huyen n g") }},
		{"long", func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=words]")
			k.type_(strings.Repeat("nhà văn hóa ", 60))
			k.see(".updown")
		}},
		{"voice", func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=voice]") }},
		{"speaking", func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=voice]")
			k.tap("[data-act=open]")
			k.see("[data-act=stop]")
		}},
		{"spoken", func(k *kiosk, _ *ward) { k.compose(); k.record() }},
		{"mute", func(k *kiosk, _ *ward) {
			k.refuseDevices("NotAllowedError")
			k.compose()
			k.tap(".give[data-value=voice]")
			k.tap("[data-act=open]")
			k.see(".note[role=alert]")
		}},
		{"photo", func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=photo]") }},
		{"looking", func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=photo]")
			k.tap("[data-act=open]")
			k.see("video")
		}},
		{"taken", func(k *kiosk, _ *ward) { k.compose(); k.photograph() }},
		{"contact", func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=contact]"); k.wait("contact") }},
	}
}

// endVisits are those from the consent on, and the look-up.
func endVisits() []sheetVisit {
	words := func(k *kiosk, _ *ward) { k.compose(); k.write("r a huyen c") }
	post := func(f fault) func(k *kiosk, w *ward) {
		return func(k *kiosk, w *ward) { w.faults = []fault{f}; words(k, w); k.tap("[data-act=post]") }
	}
	return []sheetVisit{
		{"agree", func(k *kiosk, w *ward) {
			k.compose()
			k.photograph()
			k.tap(".actions .primary")
			k.contact()
			k.tap(".actions .primary")
			k.tap("[data-act=post]")
			k.wait("agree")
		}},
		{"sending", func(k *kiosk, w *ward) {
			post(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })(k, w)
			k.wait("sending")
		}},
		{"trouble", func(k *kiosk, w *ward) {
			down := func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
				refuse(out, refusal{503, "storage", "Again.", ""})
			}
			post(down)(k, w)
			w.Lock()
			for range 100 {
				w.faults = append(w.faults, down)
			}
			w.Unlock()
			k.until("the honest text", "/chưa lưu được/.test(document.querySelector('h1').innerText.replaceAll('\\u00a0', ' '))")
		}},
		{"receipt", func(k *kiosk, w *ward) { words(k, w); k.tap("[data-act=post]"); k.wait("receipt") }},
		{"receipt-page", func(k *kiosk, w *ward) {
			w.told.texts = feedback.Texts{"receipt.page": {"vi": "https://nghe.quangtien.thanhhoa.gov.vn", "en": "https://nghe.quangtien.thanhhoa.gov.vn"}}
			w.named()
			k.home()
			k.compose()
			k.tap(".give[data-value=reader]")
			k.tap(".give[data-value=named]")
			k.write("a")
			k.tap("[data-act=post]")
			k.wait("receipt")
		}},
		{"lookup", func(k *kiosk, _ *ward) { k.tap("[data-act=lookup]"); k.press("7 K 3 M P Q") }},
		{"found", func(k *kiosk, w *ward) {
			w.told.news[lookedUpTag()] = someNews
			k.lookUp()
			k.tap("[data-act=find]")
			k.see(".state + .told")
		}},
		{"found-long", func(k *kiosk, w *ward) {
			news := someNews
			news.State, news.Note = feedback.CaseAwaitingApproval, longNote
			w.told.news[lookedUpTag()] = news
			k.lookUp()
			k.tap("[data-act=find]")
			k.see(".updown")
		}},
	}
}

// type_ types on a keyboard that was plugged in, which is faster.
func (k *kiosk) type_(text string) {
	k.t.Helper()
	k.js(fmt.Sprintf("for (const key of %q) document.dispatchEvent(new KeyboardEvent('keydown', {key})); 0", text), nil)
}

// TestEverySheet looks at every screen of a message, in every mode and
// language, on every panel: does everything fit, are keys wide enough, and has
// axe-core nothing to say.
func TestEverySheet(t *testing.T) {
	k, w := openWard(t, portrait, nil)
	for _, v := range append(giveVisits(), endVisits()...) {
		t.Run(v.name, func(t *testing.T) {
			k.t = t
			w.forget()
			k.on(portrait)
			k.home()
			v.steps(k, w)
			for _, p := range []panel{portrait, landscape, tablet, stood} {
				k.on(p)
				k.inspectSheet(v.name)
			}
		})
	}
}

// forget takes back what one test told the ward.
func (w *ward) forget() {
	w.Lock()
	defer w.Unlock()
	w.faults, w.got, w.readers[feedback.ReaderNamed] = nil, nil, nil
	w.told.texts, w.told.news = feedback.Texts{}, map[[16]byte]bulletin.News{}
}

func (k *kiosk) inspectSheet(name string) {
	k.t.Helper()
	for _, language := range []string{"vi", "en"} {
		k.speak(language)
		for _, m := range modes() {
			k.as(m.name)
			found := k.sheetMisfits(m.name)
			if language == "vi" && (k.panel == portrait || k.panel == landscape) && m.name != "large" {
				found = append(found, k.axe(k.panel == portrait && m.name == "normal")...)
			}
			if *screensDir != "" {
				k.settle()
				k.picture(*screensDir, fmt.Sprintf("sheet-%s-%s-%s-%s", k.panel.name, m.name, language, name))
			}
			if len(found) > 0 {
				k.t.Errorf("%s %s %s: %s", k.panel.name, m.name, language, strings.Join(found, "\n\t"))
			}
		}
		k.as("normal")
	}
}

// sheetMisfits are misfits, with the measure of keys.
func (k *kiosk) sheetMisfits(mode string) []string {
	k.t.Helper()
	var found, keys []string
	k.js(fmt.Sprintf(misfits, k.panel.legible(mode == "large")), &found)
	found = slices.DeleteFunc(found, func(s string) bool {
		return strings.HasPrefix(s, "button.key") && strings.HasSuffix(s, " mm") && !strings.Contains(s, "below")
	})
	least := 16.0
	if float64(min(k.panel.width, k.panel.height))/k.panel.pixelsPerMM < 160 {
		least = 13 // a panel of 10 inches has no room for more
	}
	k.js(fmt.Sprintf(`(() => {
		const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
		return [...document.querySelectorAll('.key')].map((e) => [e.textContent, e.getBoundingClientRect()])
			.filter(([, b]) => Math.min(b.width, b.height) / mm < %v - 0.05).map(([name, b]) => 'key ' + name + ' is ' + (b.width / mm).toFixed(1) + ' x ' + (b.height / mm).toFixed(1) + ' mm');
	})()`, least), &keys)
	return append(found, keys...)
}
