package screen

import (
	"fmt"
	"strings"
	"testing"
)

// playOut plays events on a kiosk that takes everything and asks every
// questionnaire; it tells the screen and what the last event had done.
const playOut = `((questionnaires, events) => {
	let state = flow.step(flow.begin(), {type: 'loaded', surveys: questionnaires})[0], made = [];
	state = flow.step(state, {type: 'offers', offers: {words: true, photo: true, voice: true, cases: true, named: true, places: true}})[0];
	for (const e of events) [state, made] = flow.step(state, e);
	const told = (f) => [f.type, f.timer ?? f.what ?? f.request, f.answer?.questionnaire, f.answer?.score, f.replaces && 'for ' + f.replaces].filter(Boolean).join(' ');
	return [state.screen, state.draft.words, state.draft.place].filter(Boolean).join(' ') + ' | ' + made.map(told).join(', ');
})([%s, %s], [%s])`

// TestFlowLeavesNothing is what one part of a visit must not leave for another.
func TestFlowLeavesNothing(t *testing.T) {
	visitors := "go menu; go surveys; survey visitors; "
	voice := `kind khen; subject police; where qt-01; go voice; {"type":"open","device":"voice"}; {"type":"opened"}; {"type":"recorded","seconds":3}; go compose; `
	written := `{"type":"edit","field":"words"}; key a; go compose; {"type":"post","request":"r","receipt":"7777777777"}; `
	kept := "set redo, set stale, stop idle, set undo"
	for _, c := range []struct{ name, events, want string }{
		{"another survey's question of the same name is another", "tap 4 a; saved a; timer undo; again; " + visitors + "tap 4 b", "ask | keep b visitors 4, " + kept},
		{"and takes the place of none", "tap 4 a; saved a; timer undo; again; " + visitors + "tap 1 b", "ask | keep b visitors 1, " + kept},
		{"a survey that was left is not lost over what follows", "tap 4 a; timer undo; again; go menu; go filing; refused a", "filing | "},
		{"a message that was left is not sent with the next", "compose; " + voice + "go kind; go filing; go menu; compose", "kind | stop thanks, stop undo, stop redo, stop stale, drop voice, drop photo, set idle"},
		{"named officers are shown no place", "compose; " + voice + "go kind; go filing; convert khen", "subject | set idle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := playedOut(t, c.events); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.events, got, c.want)
			}
		})
	}
	// The store's silence is no sign of a resident: whoever left is not waited for.
	for name, events := range map[string]string{
		"a message":   "compose; kind khen; subject police; where ; " + written + `{"type":"posted","request":"r","outcome":"failed"}`,
		"another try": "compose; kind khen; subject police; where ; " + written + `{"type":"posted","request":"r","outcome":"failed"}; {"type":"posted","request":"r","outcome":"failed"}`,
		"a right":     "lookup; " + strings.Repeat("key 7; ", 10) + `find; {"type":"answer","code":"7777777777","found":{"outcome":"known"}}; go rights; right see; demand q; replied q trouble`,
	} {
		if got := playedOut(t, events); strings.Contains(got, "set idle") || !strings.HasPrefix(got, "sending") && !strings.HasPrefix(got, "replied") {
			t.Errorf("%s that is tried again: %s", name, got)
		}
	}
}

// What is done on one screen does nothing on another, so that a message on its
// way, or one that was sent, is not written on.
func TestFlowTakesActsOnTheirScreens(t *testing.T) {
	compose := "compose; kind khen; subject police; where qt-01; "
	written := compose + `{"type":"edit","field":"words"}; key a; go compose; `
	spoken := compose + `go voice; {"type":"open","device":"voice"}; {"type":"opened"}; `
	edit := `{"type":"edit","field":"name"}`
	for events, want := range map[string]string{
		written + `{"type":"post","request":"r","receipt":"7777777777"}; ` + edit: "sending A qt-01 | ",
		written + "key b":                              "compose A qt-01 | ",
		written + "kind khen":                          "compose A qt-01 | ",
		written + "where ":                             "compose A qt-01 | ",
		written + `{"type":"reader","reader":"named"}`: "compose A qt-01 | ",
		spoken + `{"type":"recorded","seconds":3}; go compose; {"type":"drop","what":"voice"}`: "compose qt-01 | ",
		spoken + edit:      "voice qt-01 | ",
		"compose; " + edit: "kind | ",
	} {
		if got := playedOut(t, events); got != want {
			t.Errorf("%s\n got %s\nwant %s", events, got, want)
		}
	}
}

func playedOut(t *testing.T, events string) (got string) {
	t.Helper()
	runFlow(t, fmt.Sprintf(playOut, questionnaire(t, 0), questionnaire(t, 2), eventList(events)), &got)
	return got
}

// eventList reads events as event does, or as they are in JSON.
func eventList(events string) string {
	var list []string
	for e := range strings.SplitSeq(events, ";") {
		if e = strings.TrimLeft(e, " "); strings.HasPrefix(e, "{") {
			list = append(list, e)
		} else if strings.TrimSpace(e) != "" {
			list = append(list, event(e))
		}
	}
	return strings.Join(list, ",")
}
