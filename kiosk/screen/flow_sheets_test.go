package screen

import (
	"fmt"
	"strings"
	"testing"
)

// playSheets plays events on a kiosk that takes everything, with what it knows
// of a case.
const playSheets = `((questionnaires, events) => {
	let state = flow.step(flow.begin(), {type: 'loaded', surveys: questionnaires})[0];
	state = flow.step(state, {type: 'offers', offers: {words: true, photo: true, voice: true, cases: true, named: true, places: true}})[0];
	const effects = [];
	for (const e of events) {
		const before = JSON.stringify(state);
		const [next, made] = flow.step(state, e);
		if (JSON.stringify(state) !== before) throw new Error('step changed its input at ' + JSON.stringify(e));
		state = next;
		for (const f of made) {
			if (['reply', 'demand', 'find', 'print', 'open', 'finish', 'close', 'post'].includes(f.type)) effects.push(JSON.stringify(f));
		}
	}
	const {draft: d, desk} = state;
	return [state.screen, d.kind, d.subject, d.place, d.reader, d.code, desk.notice, desk.right, desk.word, desk.printed].filter((w) => w).join(' ') + (effects.length ? ' | ' + effects.join(' ') : '');
})([%s, %s], [%s])`

// TestSheets is the way through the screens beside the questions.
func TestSheets(t *testing.T) {
	code := "lookup; " + strings.Repeat("key 7; ", 10)
	known := code + `find; {"type":"answer","code":"7777777777","found":{"outcome":"known","state":{},"text":"","updated":"","version":3,"mayReply":true}}`
	asked := known + "; go rights"
	find := `{"type":"find","code":"7777777777"}`
	paper := func(request string) string {
		return `{"type":"print","request":"` + request + `","what":"guide","code":""}`
	}
	printed := func(request string) string { return `{"type":"printed","request":"` + request + `","ok":true}` }
	for _, c := range []struct{ name, events, want string }{
		{"the menu", "go menu", "menu cases"},
		{"and home", "go menu; go home", "attract cases"},
		{"the board and a sheet of it", "go menu; go board; notice n1", "notice cases n1"},
		{"back from it", "go menu; go board; notice n1; go board", "board cases"},
		{"numbers", "go menu; go numbers", "numbers cases"},
		{"nothing from nowhere", "notice n1; right see; demand a; go found; go rights; go receipt", "attract cases"},
		{"another survey", "go menu; go surveys; survey model", "ask cases"},
		{"no survey that is not due", "go menu; go surveys; survey none", "surveys cases"},
		{"no menu under a locked tile", "tap 4 a; go menu", "ask cases"},
		{"the menu while choosing again", "tap 4 a; again; go menu; timer stale", "menu cases"},
		{"a message while choosing again", "tap 4 a; again; compose; timer stale", "kind cases"},
		{"a message from the menu", "go menu; compose; kind khen; subject police; where qt-01", "compose khen police qt-01 cases"},
		{"back and no place", "compose; kind khen; subject police; where qt-01; go where; where ", "compose khen police cases"},
		{"the guide", "go menu; go filing", "filing cases"},
		{"as feedback to named officers", "go menu; go filing; convert phan-anh", "subject phan-anh named"},
		{"no place for named officers", "go menu; go filing; convert phan-anh; subject police", "compose phan-anh police named"},
		{"nor when they are chosen later", `compose; kind khen; subject police; where qt-01; go reader; {"type":"reader","reader":"named"}`, "compose khen police named"},
		{"the guide from a message", "compose; go filing", "filing cases"},
		{"prints the guide", "go menu; go filing; print guide p", "filing cases asking | " + paper("p")},
		{"once at a time", "go menu; go filing; print guide p; print guide q", "filing cases asking | " + paper("p")},
		{"says that it is printed", "go menu; go filing; print guide p; " + printed("p"), "filing cases done | " + paper("p")},
		{"again", "go menu; go filing; print guide p; " + printed("p") + "; print guide q", "filing cases asking | " + paper("p") + " " + paper("q")},
		{"prints no receipt there", "go menu; go filing; print receipt p", "filing cases"},
		{"not for another's sheet", "go menu; go filing; print guide p; go home; go menu; go filing; print guide q; " + printed("p"), "filing cases asking | " + paper("p") + " " + paper("q")},
		{"nor for one that was left", "go menu; go filing; print guide p; go menu; go filing; print guide q; " + printed("p"), "filing cases asking | " + paper("p") + " " + paper("q")},
		{"a guide is no receipt", "go menu; go filing; print guide p; convert phan-anh; " + printed("p"), "subject phan-anh named | " + paper("p")},

		{"finds nothing by half a code", "lookup; key 7; key 7; find", "lookup cases 77"},
		{"finds", code + "find", "found cases 7777777777 | " + find},
		{"another code", known + "; go lookup", "lookup cases | " + find},
		{"an answer that comes too late", code + `find; go lookup; {"type":"answer","code":"7777777777","found":{"outcome":"known","mayReply":true}}; go reply`, "lookup cases | " + find},
		{"confirms", known + `; go reply; {"type":"score","score":4}; {"type":"reply","reopen":false,"request":"r"}`,
			"replied cases 7777777777 asking | " + find + ` {"type":"reply","request":"r","code":"7777777777","version":3,"reopen":false,"score":4}`},
		{"reopens without a score", known + `; go reply; {"type":"score","score":4}; {"type":"score","score":4}; {"type":"reply","reopen":true,"request":"r"}`,
			"replied cases 7777777777 asking | " + find + ` {"type":"reply","request":"r","code":"7777777777","version":3,"reopen":true,"score":0}`},
		{"thanks when it is kept", known + `; go reply; {"type":"reply","reopen":true,"request":"r"}; replied r kept`,
			"replied cases 7777777777 kept | " + find + ` {"type":"reply","request":"r","code":"7777777777","version":3,"reopen":true,"score":0}`},
		{"not for another's", known + `; go reply; {"type":"reply","reopen":true,"request":"r"}; replied q kept`,
			"replied cases 7777777777 asking | " + find + ` {"type":"reply","request":"r","code":"7777777777","version":3,"reopen":true,"score":0}`},
		{"no reply to what was not answered", code + `find; {"type":"answer","code":"7777777777","found":{"outcome":"known","mayReply":false}}; go reply`, "found cases 7777777777 | " + find},
		{"asks for a right", asked + "; right delete; demand r", "replied cases 7777777777 delete asking | " + find + ` {"type":"demand","request":"r","code":"7777777777","right":"delete"}`},
		{"not before it is chosen", asked + "; demand r", "rights cases 7777777777 | " + find},
		{"forgets the code at home", known + "; go home", "attract cases | " + find},
		{"forgets it when nobody is there", known + "; timer idle; timer leave", "attract cases | " + find},

		{"speaks while held", `compose; kind khen; subject police; where ; go voice; {"type":"open","device":"voice"}; {"type":"opened"}; {"type":"release"}`, `voice khen police cases | {"type":"open","device":"voice"} {"type":"finish"}`},
		{"let go before it listened", `compose; kind khen; subject police; where ; go voice; {"type":"open","device":"voice"}; {"type":"release"}`, `voice khen police cases | {"type":"open","device":"voice"} {"type":"close"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			runFlow(t, fmt.Sprintf(playSheets, questionnaire(t, 0), questionnaire(t, 1), eventList(c.events)), &got)
			if got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.events, got, c.want)
			}
		})
	}
}
