package screen

import (
	"fmt"
	"net/http"
	"strings"

	"nghe/shared/feedback"
)

// inWords begins a message and leaves some words in it.
func inWords(k *kiosk) { k.compose(); k.write("r a huyen c") }

// giveVisits are those to what a message is about and what is given.
func giveVisits() []visit {
	kind := []string{"[data-act=compose]"}
	subject := append(kind, ".give[data-value=phan-anh]")
	return []visit{
		{name: "kind", steps: walk(kind...)},
		{name: "subject", steps: walk(subject...)},
		{name: "where", steps: walk(append(subject, ".give[data-value=sanitation]")...)},
		{name: "compose", steps: func(k *kiosk, _ *ward) { k.compose() }},
		{name: "compose-plain", spoils: true, steps: func(k *kiosk, w *ward) { w.forget(); k.home(); k.compose() }},
		{name: "given", steps: func(k *kiosk, _ *ward) { inWords(k); k.contact(); k.tap(".actions .primary") }},
		{name: "refused", steps: func(k *kiosk, w *ward) {
			w.breaks("/api/messages", down(503, "no-room"))
			inWords(k)
			k.tap("[data-act=post]")
			k.see(".note.bad")
		}},
		{name: "refused-named", steps: func(k *kiosk, w *ward) {
			w.breaks("/api/messages", down(503, "no-named-readers"))
			inWords(k)
			k.tap("[data-act=post]")
			k.see(".note.bad")
		}},
		{name: "reader", steps: func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=reader]") }},
		{name: "long", steps: func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=words]")
			k.type_(strings.Repeat("nhà văn hóa ", 60))
			k.see(".updown")
		}},
		{name: "contact", steps: func(k *kiosk, _ *ward) { k.compose(); k.tap(".give[data-value=contact]"); k.wait("contact") }},
		{name: "contact-left", steps: func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=contact]")
			k.tap(".give[data-value=address]")
			k.type_(strings.Repeat("số 7 ngõ 3 ", 12))
			k.tap(".key.enter")
			k.wait("contact")
		}},
	}
}

// mediaVisits are those to microphone and camera.
func mediaVisits() []visit {
	at := func(device string, more ...string) func(*kiosk, *ward) {
		return func(k *kiosk, w *ward) {
			k.compose()
			walk(append([]string{".give[data-value=" + device + "]"}, more...)...)(k, w)
		}
	}
	shut := func(device, why string) func(*kiosk, *ward) {
		return func(k *kiosk, w *ward) {
			k.refuseDevices(why)
			at(device, "[data-act=open]")(k, w)
			k.see(".note[role=alert]")
		}
	}
	return []visit{
		{name: "voice", steps: at("voice")},
		{name: "speaking", steps: func(k *kiosk, w *ward) { at("voice", "[data-act=open]")(k, w); k.see("[data-act=stop]") }},
		{name: "spoken", steps: func(k *kiosk, _ *ward) { k.compose(); k.record() }},
		{name: "mute", spoils: true, steps: shut("voice", "NotAllowedError")},
		{name: "photo", steps: at("photo")},
		{name: "looking", steps: func(k *kiosk, w *ward) { at("photo", "[data-act=open]")(k, w); k.see("video") }},
		{name: "taken", steps: func(k *kiosk, _ *ward) { k.compose(); k.photograph() }},
		{name: "blind", spoils: true, steps: shut("photo", "NotFoundError")},
	}
}

// endVisits are those from the consent on to the receipt.
func endVisits() []visit {
	receipt := func(k *kiosk, _ *ward) { inWords(k); k.tap("[data-act=post]"); k.wait("receipt") }
	return []visit{
		{name: "agree-photo", steps: func(k *kiosk, _ *ward) {
			k.compose()
			k.photograph()
			k.tap(".actions .primary")
			k.tap("[data-act=post]")
			k.wait("agree")
		}},
		{name: "agree-first", steps: func(k *kiosk, _ *ward) {
			inWords(k)
			k.record()
			k.tap(".actions .primary")
			k.contact()
			k.tap(".actions .primary")
			k.tap("[data-act=post]")
			k.wait("agree")
		}},
		{name: "sending", steps: func(k *kiosk, w *ward) {
			w.hold(k, "/api/messages")
			inWords(k)
			k.tap("[data-act=post]")
			k.wait("sending")
		}},
		{name: "sending-trouble", steps: func(k *kiosk, w *ward) {
			w.breaks("/api/messages", down(503, "storage"))
			inWords(k)
			k.tap("[data-act=post]")
			k.notKeptYet()
		}},
		{name: "receipt", steps: receipt},
		{name: "receipt-bare", spoils: true, steps: func(k *kiosk, w *ward) { w.forget(); k.home(); receipt(k, w) }},
		{name: "receipt-printed", steps: func(k *kiosk, w *ward) { receipt(k, w); k.tap("[data-act=print]") }},
		{name: "receipt-aloud", steps: func(k *kiosk, w *ward) { readsOut(k, w); receipt(k, w); k.see("[data-act=spell]") }},
		{name: "receipt-undrawn", steps: func(k *kiosk, w *ward) {
			w.breaks("/api/messages", undrawn)
			receipt(k, w)
		}},
		{name: "receipt-named", steps: func(k *kiosk, w *ward) {
			k.compose()
			k.tap(".give[data-value=reader]")
			k.tap(".give[data-value=named]")
			k.write("a")
			k.tap("[data-act=post]")
			k.wait("receipt")
		}},
	}
}

// caseVisits are those to what became of a message, and to what its sender says.
func caseVisits() []visit {
	became := func(n func(*ward), more ...string) func(*kiosk, *ward) {
		return func(k *kiosk, w *ward) { n(w); k.find(); k.see(".state"); walk(more...)(k, w) }
	}
	asIs := func(*ward) {}
	broken := func(status int, code string) func(*ward) {
		return func(w *ward) { w.breaks("/api/receipts", down(status, code)) }
	}
	all := []visit{
		{name: "lookup", steps: func(k *kiosk, _ *ward) { k.tap("[data-act=lookup]"); k.press("7 K 3 M P Q") }},
		{name: "found-asking", steps: func(k *kiosk, w *ward) { w.hold(k, "/api/receipts"); k.find() }},
		{name: "found", steps: became(func(w *ward) { w.news(someNews) })},
		{name: "found-answered", steps: became(asIs)},
		{name: "found-said", steps: func(k *kiosk, w *ward) {
			k.find()
			k.taps("[data-value=reply]", "[data-value=confirm]", ".actions [data-value=home]")
			w.others = false
			k.find()
			k.see(".state")
		}},
		{name: "found-aloud", steps: func(k *kiosk, w *ward) { readsOut(k, w); became(asIs)(k, w); k.see("[data-act=hear]") }},
		{name: "found-long", steps: became(func(w *ward) {
			news := someNews
			news.State, news.Note = feedback.CaseAwaitingApproval, longNote
			w.news(news)
		})},
		{name: "found-unknown", steps: became(func(w *ward) { clear(w.told.news) })},
		{name: "found-often", steps: became(broken(429, "too-many"))},
		{name: "found-failed", steps: became(broken(503, "storage"))},
		{name: "found-waiting", steps: became(broken(404, "waiting"))},
		{name: "found-deleted", steps: became(broken(410, "deleted"))},
		{name: "reply", steps: became(asIs, "[data-value=reply]")},
		{name: "reply-scored", steps: became(asIs, "[data-value=reply]", ".mood[data-value='2']")},
		{name: "rights", steps: became(asIs, "[data-value=rights]")},
	}
	for _, right := range []string{"see", "correct", "withdraw", "delete"} {
		all = append(all, visit{name: "demand-" + right, steps: became(asIs, "[data-value=rights]", "[data-value="+right+"]")})
	}
	return all
}

// repliedVisits are those to what comes of a word said by code.
func repliedVisits() []visit {
	say := func(last string) func(*kiosk, *ward) {
		return func(k *kiosk, w *ward) {
			k.find()
			walk("[data-value=reply]", "[data-value="+last+"]")(k, w)
			k.wait("replied")
		}
	}
	all := []visit{
		{name: "replied-confirmed", steps: func(k *kiosk, w *ward) { say("confirm")(k, w); k.see(".actions") }},
		{name: "replied-reopened", steps: func(k *kiosk, w *ward) { say("reopen")(k, w); k.see(".actions") }},
		{name: "replied-demanded", steps: func(k *kiosk, w *ward) {
			k.find()
			walk("[data-value=rights]", "[data-value=delete]", "[data-act=demand]")(k, w)
			k.see(".actions")
		}},
		{name: "replied-asking", steps: func(k *kiosk, w *ward) { w.hold(k, "/api/replies"); say("confirm")(k, w) }},
		{name: "replied-trouble", steps: func(k *kiosk, w *ward) { w.breaks("/api/replies", down(503, "storage")); say("confirm")(k, w) }},
	}
	for _, status := range []int{404, 409, 422, 429} {
		all = append(all, visit{name: fmt.Sprint("replied-", status), steps: func(k *kiosk, w *ward) {
			w.breaks("/api/replies", down(status, "any"))
			say("confirm")(k, w)
			k.see(".actions")
		}})
	}
	return all
}

// readsOut turns the reading on, of which nothing is heard here.
func readsOut(k *kiosk, w *ward) {
	w.breaks("/api/speech", down(http.StatusNotFound, "none"))
	k.tap("[data-act=aloud]")
}

// find looks up the code that has news.
func (k *kiosk) find() {
	k.t.Helper()
	k.lookUp()
	k.tap("[data-act=find]")
	k.wait("found")
}

// type_ types on a keyboard that was plugged in, which is faster.
func (k *kiosk) type_(text string) {
	k.t.Helper()
	k.js(fmt.Sprintf("for (const key of %q) document.dispatchEvent(new KeyboardEvent('keydown', {key})); 0", text), nil)
}
