package screen

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/evanw/esbuild/pkg/api"

	"nghe/shared/feedback"
)

// play is the pure flow, run in the browser it is written for: events in,
// the last state and all effects out.
const play = `((questionnaire, events) => {
	let state = flow.step(flow.begin(), {type: 'loaded', surveys: [questionnaire]})[0];
	const effects = [];
	for (const e of events) {
		const before = JSON.stringify(state);
		const [next, made] = flow.step(state, e);
		if (JSON.stringify(state) !== before) throw new Error('step changed its input at ' + JSON.stringify(e));
		state = next;
		for (const f of made) {
			if (f.type === 'keep') effects.push('keep ' + f.request + ' ' + f.answer.question + ' ' + (f.answer.score ?? (f.answer.skipped ? 'skipped' : f.answer.choices.join('+'))) + (f.replaces ? ' for ' + f.replaces : ''));
			else effects.push(f.type + (f.timer ? ' ' + f.timer : ''));
		}
	}
	const {questionnaire: _, surveys: __, desk: ___, given, unsaved, ...rest} = state;
	return {...rest, unsaved: unsaved.join(' '), given: Object.keys(given).join(' '), progress: flow.progress(state).join('/'), effects};
})(%s, %s)`

type played struct {
	Screen, Language, Question, Unsaved, Given, Progress                string
	Choosing, Large, Contrast, Locked, Redoing, Fresh, Warning, Trouble bool
	Picked, Effects                                                     []string
}

// kept are the answers asked to be kept.
func (p played) kept() string {
	var kept []string
	for _, e := range p.Effects {
		if text, ok := strings.CutPrefix(e, "keep "); ok {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, ", ")
}

// event is one event as JSON. It reads "tap 4 a", "pick fast", "send b",
// "timer undo", "saved a", "go menu".
func event(text string) string {
	words := strings.Fields(text)
	e := map[string]any{"type": words[0]}
	keys := map[string][]string{
		"tap": {"value", "request"}, "pick": {"option"}, "send": {"request"}, "skip": {"request"}, "timer": {"name"},
		"saved": {"request"}, "failed": {"request"}, "refused": {"request"}, "language": {"language"},
		"go": {"to"}, "survey": {"id"}, "notice": {"id"}, "right": {"right"}, "demand": {"request"}, "print": {"what", "request"}, "key": {"key"}, "kind": {"kind"},
		"subject": {"subject"}, "where": {"place"}, "convert": {"kind"}, "replied": {"request", "word"},
	}[words[0]]
	for i, key := range keys {
		e[key] = ""
		if 1+i < len(words) {
			e[key] = words[1+i]
		}
	}
	if words[0] == "service" {
		e["out"], e["states"] = words[1] == "out", []string{}
	}
	b, _ := json.Marshal(e) // a map of strings
	return string(b)
}

func TestFlow(t *testing.T) {
	rated := "tap 4 a; saved a; timer undo"
	for _, c := range []struct {
		name, events string
		want         string // as in fact
	}{
		{"waits", "", "attract"},
		{"keeps the rating at the tap", "tap 2 a", "ask satisfied locked | a satisfied 2"},
		{"a second tap is locked out", "tap 2 a; tap 5 b", "ask satisfied locked | a satisfied 2"},
		{"goes on after the undo time", "tap 2 a; timer undo", "ask low 2/2 | a satisfied 2"},
		{"asks the middle", "tap 3 a; timer undo", "ask mid 2/2 | a satisfied 3"},
		{"asks the satisfied", "tap 4 a; timer undo", "ask high 2/2 | a satisfied 4"},

		{"takes back", "tap 2 a; again", "ask satisfied redoing | a satisfied 2"},
		{"replaces", "tap 2 a; again; tap 5 b; timer undo", "ask high 2/2 | a satisfied 2, b satisfied 5 for a"},
		{"replaces the newest", "tap 2 a; again; tap 5 b; again; tap 1 c", "ask satisfied locked | a satisfied 2, b satisfied 5 for a, c satisfied 1 for b"},
		{"the same again is no new answer", "tap 2 a; again; tap 2 b; timer undo", "ask low 2/2 | a satisfied 2"},
		{"changes from the reasons", rated + "; pick fast; again; tap 1 b; timer undo", "ask low 2/2 | a satisfied 4, b satisfied 1 for a"},
		{"too late to change", rated + "; timer redo; again", "ask high 2/2 | a satisfied 4"},
		{"goes on when nothing was chosen instead", rated + "; again; timer stale", "ask high 2/2 | a satisfied 4"},
		{"takes back nothing before a tap", "again", "attract"},

		{"picks", rated + "; pick fast; pick listens", "ask high picked fast+listens | a satisfied 4"},
		{"unpicks", rated + "; pick fast; pick listens; pick fast", "ask high picked listens | a satisfied 4"},
		{"picks no more than allowed", rated + "; pick fast; pick listens; pick other; pick on-time", "ask high picked fast+listens+other | a satisfied 4"},
		{"picks only what is there", rated + "; pick slow", "ask high 2/2 | a satisfied 4"},
		{"sends nothing empty", rated + "; send b", "ask high 2/2 | a satisfied 4"},
		{"sends", rated + "; pick fast; send b", "saving | a satisfied 4, b high fast"},
		{"sends once", rated + "; pick fast; send b; send c", "saving | a satisfied 4, b high fast"},
		{"skips", rated + "; pick fast; skip b", "saving | a satisfied 4, b high skipped"},
		{"a rating cannot be skipped by a key", "skip a", "attract"},

		{"thanks when all is kept", rated + "; skip b; saved b", "thanks | a satisfied 4, b high skipped"},
		{"thanks not before the rating is kept", "tap 4 a; timer undo; skip b; saved b", "saving | a satisfied 4, b high skipped"},
		{"thanks whatever the order", "tap 4 a; timer undo; skip b; saved b; saved a", "thanks | a satisfied 4, b high skipped"},
		{"says that it tries again", rated + "; skip b; failed b", "saving trouble | a satisfied 4, b high skipped"},
		{"and thanks when it worked", rated + "; skip b; failed b; failed b; saved b", "thanks | a satisfied 4, b high skipped"},
		{"says when an answer is lost", rated + "; skip b; refused b", "sorry | a satisfied 4, b high skipped"},
		{"offers nothing to choose again when it is lost", "tap 4 a; refused a", "sorry | a satisfied 4"},
		{"another's refusal is not shown", "tap 4 a; timer idle; timer undo; timer idle; timer leave; tap 5 b; refused a", "ask satisfied locked | a satisfied 4, b satisfied 5"},
		{"goes home after the thanks", rated + "; skip b; saved b; timer thanks", "attract | a satisfied 4, b high skipped"},
		{"goes home at once", rated + "; skip b; saved b; done", "attract | a satisfied 4, b high skipped"},
		{"done means nothing while asking", rated + "; done", "ask high 2/2 | a satisfied 4"},

		{"asks whether one is there", rated + "; timer idle", "ask high warning | a satisfied 4"},
		{"stays", rated + "; timer idle; stay", "ask high 2/2 | a satisfied 4"},
		{"hears nothing else meanwhile", rated + "; timer idle; pick fast", "ask high warning | a satisfied 4"},
		{"leaves", rated + "; timer idle; timer leave", "attract | a satisfied 4"},
		{"does not leave who stayed", rated + "; timer idle; stay; timer leave", "ask high 2/2 | a satisfied 4"},
		{"a rating stays kept", "tap 4 a; timer undo; pick fast; timer idle; timer leave", "attract unsaved a | a satisfied 4"},
		{"thanks nobody who left", "tap 4 a; timer undo; timer idle; timer leave; saved a", "attract | a satisfied 4"},
		{"leaves from saving too", rated + "; skip b; timer idle; timer leave", "attract unsaved b | a satisfied 4, b high skipped"},
		{"thanks over the question", rated + "; skip b; timer idle; saved b", "thanks | a satisfied 4, b high skipped"},
		{"nobody idles while locked", "tap 4 a; timer leave", "ask satisfied locked | a satisfied 4"},

		{"speaks English", "language en", "attract en"},
		{"offers languages", "languages", "attract choosing"},
		{"closes the languages", "languages; languages", "attract"},
		{"one is chosen", "languages; language ko", "attract ko"},
		{"a tap closes them too", "languages; tap 4 a", "ask satisfied locked | a satisfied 4"},
		{"changes language midway", rated + "; language en", "ask high 2/2 en | a satisfied 4"},
		{"forgets tools at home", "language en; large; contrast; low; aloud; tap 4 a; saved a; timer undo; timer idle; timer leave", "attract | a satisfied 4"},
		{"forgets tools nobody used", "language en; large; timer idle", "attract"},
		{"large and contrast", "large; contrast", "attract large contrast"},
		{"and back", "large; contrast; large; contrast", "attract"},

		{"out of service", "service out", "paused"},
		{"takes nothing then", "service out; tap 4 a", "paused"},
		{"comes back", "service out; service in", "attract"},
		{"lets a visit end", rated + "; service out; skip b; saved b", "thanks | a satisfied 4, b high skipped"},
		{"and pauses after it", rated + "; service out; timer idle; timer leave", "paused | a satisfied 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := playFlow(t, 0, c.events)
			if fact := got.fact(); fact != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.events, fact, c.want)
			}
		})
	}
}

// fact is a state in a few words.
func (p played) fact() string {
	fact := p.Screen
	if p.Screen == "ask" {
		fact += " " + p.Question
	}
	plain := true
	for _, flag := range []struct {
		word string
		on   bool
	}{
		{"locked", p.Locked}, {"choosing", p.Choosing}, {"redoing", p.Redoing}, {"warning", p.Warning}, {"picked " + strings.Join(p.Picked, "+"), !p.Locked && len(p.Picked) > 0},
	} {
		if flag.on {
			fact, plain = fact+" "+flag.word, false
		}
	}
	if p.Screen == "ask" && plain {
		fact += " " + p.Progress
	}
	if p.Language != "vi" {
		fact += " " + p.Language
	}
	if p.Large {
		fact += " large"
	}
	if p.Contrast {
		fact += " contrast"
	}
	if p.Trouble {
		fact += " trouble"
	}
	if p.Screen == "attract" && p.Unsaved != "" {
		fact += " unsaved " + p.Unsaved
	}
	if kept := p.kept(); kept != "" {
		fact += " | " + kept
	}
	return fact
}

func TestFlowOfTheModelSurvey(t *testing.T) {
	got := playFlow(t, 1, "tap yes a; timer undo; tap partly b; timer undo; again; tap no c; timer undo")
	if got.Question != "keeps-promises" || got.Progress != "3/12" || got.kept() != "a listens yes, b explains partly, c explains no for b" {
		t.Errorf("%s", got.fact())
	}
}

// A reset must stop every clock and wipe.
func TestFlowWipes(t *testing.T) {
	got := playFlow(t, 0, "tap 4 a; timer undo; pick fast; timer idle; timer leave")
	last := got.Effects[len(got.Effects)-7:]
	if strings.Join(last, ", ") != "stop idle, stop leave, stop undo, stop redo, stop stale, stop thanks, wipe" || got.Given != "" || len(got.Picked) != 0 {
		t.Errorf("effects of leaving: %v, left %+v", last, got)
	}
}

// The page holds only so many answers that are not kept.
func TestFlowStopsTaking(t *testing.T) {
	events := ""
	for i := range 32 {
		events += fmt.Sprintf("tap 4 a%d; timer undo; timer idle; timer leave; ", i)
	}
	if got := playFlow(t, 0, events); got.Screen != "paused" {
		t.Errorf("after 32 answers that were not kept: %s", got.Screen)
	}
	if got := playFlow(t, 0, events+"saved a0"); got.Screen != "attract" {
		t.Errorf("after one of them was: %s", got.Screen)
	}
}

// next must agree with feedback.Questionnaire.Next, which the hub trusts.
func TestNextMirrorsFeedback(t *testing.T) {
	for i, q := range feedback.Seed().Questionnaires {
		for score := 1; score <= 5; score++ {
			given := map[string]int{"satisfied": score}
			for _, after := range append([]feedback.Question{{}}, q.Questions...) {
				want, _ := q.Next(after.ID, given)
				var got string
				runFlow(t, fmt.Sprintf("flow.next(%s, %q, {satisfied: %d})?.id ?? ''", questionnaire(t, i), after.ID, score), &got)
				if got != want.ID {
					t.Errorf("%s after %q with %d: %q, want %q", q.ID, after.ID, score, got, want.ID)
				}
			}
		}
	}
}

func questionnaire(t *testing.T, i int) string {
	t.Helper()
	b, err := json.Marshal(feedback.Seed().Questionnaires[i])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func playFlow(t *testing.T, questions int, events string) played {
	t.Helper()
	var list []string
	for _, e := range strings.Split(events, ";") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, event(e))
		}
	}
	var got played
	runFlow(t, fmt.Sprintf(play, questionnaire(t, questions), "["+strings.Join(list, ",")+"]"), &got)
	return got
}

// bundled is the flow as the browser runs it.
var bundled = sync.OnceValue(func() string {
	return bundle("flow", `export * from "./web/flow/flow"; export { next } from "./web/flow/questions";`)
})

// bundle makes a script of what exports takes from the page's modules, which
// leaves it under a name.
func bundle(name, exports string) string {
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: exports, ResolveDir: ".", Loader: api.LoaderTS},
		Bundle: true, Format: api.FormatIIFE, GlobalName: name, Target: api.ES2022,
	})
	if len(result.Errors) > 0 {
		panic(fmt.Sprintf("bundle %s: %v", name, result.Errors))
	}
	return string(result.OutputFiles[0].Contents)
}

// runFlow evaluates an expression beside the bundled flow.
func runFlow(t *testing.T, expression string, v any) {
	t.Helper()
	evaluate(t, "(() => {"+bundled()+"; return "+expression+"; })()", v)
}
