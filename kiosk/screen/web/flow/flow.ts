// One visit as a pure function: (state, event) → state and effects. No clock,
// no DOM, no network: timers and request ids come in as events.

import { CaseEffect, CaseEvent, CaseScreen, caseNews, caseStep, isCase } from "./case";
import { Desk, DeskEffect, DeskEvent, DeskScreen, deskNews, deskStep, isDesk, print, tidy } from "./desk";
import { Draft, MessageEffect, MessageEvent, MessageScreen, Offers, blank, enter, isMessage, messageStep, newsStep } from "./message";
import { Answer, Question, Questionnaire, Scores, isTap, most, next, path, question } from "./questions";

export type Screen =
  | "attract" // waiting for somebody: the first question, to be answered by one tap
  | "ask" // one question
  | "saving" // all said, not all kept
  | "thanks" // all kept
  | "sorry" // an answer was refused for good
  | "paused" // out of service
  | MessageScreen // a message, from the first word to its receipt
  | CaseScreen // what became of one, and what its sender says to that
  | DeskScreen; // what the machine tells

/** Given is an answer of this visit. Its request id is minted once. */
export interface Given {
  request: string;
  value: string; // a tap's score or option; "" for choices
}

export interface State {
  screen: Screen;
  language: string;
  choosing: boolean; // a language
  large: boolean;
  contrast: boolean;
  low: boolean; // controls within reach of a wheelchair
  aloud: boolean; // every screen is read out
  surveys: Questionnaire[]; // those due here, the one to ask first
  questionnaire: Questionnaire | null;
  question: string;
  locked: boolean; // tapped; "Chọn lại" stands
  picked: string[];
  given: Record<string, Given>;
  redo: string; // the question tapped last
  fresh: boolean; // it may still be chosen again
  redoing: boolean; // it is being chosen again
  warning: boolean; // "still here?"
  unsaved: string[]; // request ids of all visits, oldest first
  trouble: boolean; // the last attempt to keep one failed
  outOfService: boolean;
  states: string[]; // how the machine is, in the names of the store
  offers: Offers; // what of a message the kiosk takes now
  draft: Draft;
  desk: Desk;
}

/** Timers: idle asks "still here?", leave ends the visit, undo ends the lock
 *  after a tap, redo and stale end the time to choose again, thanks goes home. */
export type Timer = "idle" | "leave" | "undo" | "redo" | "stale" | "thanks";

export type Event =
  | { type: "loaded"; surveys: Questionnaire[] }
  | { type: "service"; out: boolean; states: string[] }
  | { type: "survey"; id: string }
  | { type: "languages" }
  | { type: "language"; language: string }
  | { type: Mode }
  | { type: "tap"; value: string; request: string }
  | { type: "again" }
  | { type: "pick"; option: string }
  | { type: "send"; request: string }
  | { type: "skip"; request: string }
  | { type: "stay" }
  | { type: "touch" }
  | { type: "done" }
  | { type: "saved"; request: string }
  | { type: "failed"; request: string }
  | { type: "refused"; request: string }
  | { type: "timer"; name: Timer }
  | MessageEvent
  | CaseEvent
  | DeskEvent;

/** Mode is a way to see or hear the screen that one tap turns on or off. */
export type Mode = "large" | "contrast" | "low" | "aloud";

/** Effects: set and stop a timer; keep an answer (replaces names the request
 *  of the answer taken back); forget everything of a visit. */
export type Effect =
  | { type: "set"; timer: Timer }
  | { type: "stop"; timer: Timer }
  | { type: "keep"; request: string; answer: Answer; replaces: string }
  | { type: "wipe" }
  | MessageEffect
  | CaseEffect
  | DeskEffect;

export type Step = [State, Effect[]];

/** mostUnsaved answers wait in the page; beyond, the kiosk takes no more. */
export const mostUnsaved = 32;

const home = "vi";
const timers: Timer[] = ["idle", "leave", "undo", "redo", "stale", "thanks"];

export function begin(): State {
  return {
    screen: "attract",
    surveys: [],
    questionnaire: null,
    unsaved: [],
    trouble: false,
    outOfService: false,
    states: [],
    offers: { words: false, photo: false, voice: false, cases: false, named: false, places: false },
    ...visit(),
  };
}

/** visit is everything of one resident: what a reset wipes. */
function visit() {
  return {
    language: home,
    choosing: false,
    large: false,
    contrast: false,
    low: false,
    aloud: false,
    question: "",
    locked: false,
    picked: [] as string[],
    given: {} as Record<string, Given>,
    redo: "",
    fresh: false,
    redoing: false,
    warning: false,
    draft: blank(),
    desk: tidy(),
  };
}

export function step(s: State, e: Event): Step {
  switch (e.type) {
    case "loaded":
      return settle({ ...s, surveys: e.surveys });
    case "service":
      return settle({ ...s, outOfService: e.out, states: e.states });
    case "saved":
    case "refused":
    case "failed":
      return heard(s, e);
    case "timer":
      return rang(s, e.name);
    case "offers":
      return [{ ...s, offers: e.offers }, []];
    case "opened":
    case "blocked":
    case "recorded":
    case "photographed":
    case "posted":
      return triesOn(e) ? newsStep(s, e) : rest(...newsStep(s, e));
    case "answer":
    case "replied":
      return triesOn(e) ? caseNews(s, e) : rest(...caseNews(s, e));
    case "printed":
    case "inspected":
      return rest(...deskNews(s, e));
  }
  if (s.warning) return e.type === "stay" ? rest({ ...s, warning: false }, [{ type: "stop", timer: "leave" }]) : [s, []];
  if (e.type === "touch") return rest(s, []);
  const [after, effects] = resting(s) ? begun(s, e) : visited(s, e);
  return after === s ? [s, effects] : rest(after, effects);
}

/** triesOn is news that there is none yet, which comes whether anybody waits for
 *  it or not. */
function triesOn(e: Event): boolean {
  return (e.type === "posted" && e.outcome === "failed") || (e.type === "replied" && e.word === "trouble");
}

/** resting says whether nobody has begun anything. */
export function resting(s: State): boolean {
  return s.screen === "attract" || s.screen === "paused";
}

/** untouched says that nobody has changed either how the start screen looks. */
export function untouched(s: State): boolean {
  return resting(s) && s.language === home && !(s.choosing || s.large || s.contrast || s.low || s.aloud);
}

/** begun is a resident's first act. */
function begun(s: State, e: Event): Step {
  if (s.screen === "paused") return e.type === "go" ? deskStep(s, e) : tools(s, e);
  switch (e.type) {
    case "tap":
      return tap({ ...s, screen: "ask" }, e.value, e.request);
    case "survey":
      return survey(s, e.id);
    case "compose":
    case "lookup":
      return enter(s, e);
    case "go":
      return deskStep(s, e);
  }
  return tools(s, e);
}

/** visited handles what a resident does between the first act and the thanks. */
function visited(s: State, e: Event): Step {
  switch (e.type) {
    case "tap":
      return tap(s, e.value, e.request);
    case "again":
      return again(s);
    case "pick":
      return pick(s, e.option);
    case "send":
      return send(s, e.request, false);
    case "skip":
      return send(s, e.request, true);
    case "done":
      return s.screen === "thanks" || s.screen === "sorry" ? reset(s) : [s, []];
    case "survey":
      return survey(s, e.id);
    case "compose":
    case "lookup":
      return enter(s, e);
    case "print":
      return print(s, e);
    case "languages":
    case "language":
    case "large":
    case "contrast":
    case "low":
    case "aloud":
      return tools(s, e);
  }
  if (e.type === "go" && e.to === "home") return s.screen === "ask" || s.screen === "sending" ? [s, []] : reset(s);
  return sheets(s, e);
}

/** sheets are the screens beside the questions. */
function sheets(s: State, e: Event): Step {
  if (e.type === "go" && isDesk(e.to)) return deskStep(s, e);
  if (isMessage(s.screen)) return messageStep(s, e);
  if (isCase(s.screen)) return caseStep(s, e);
  return isDesk(s.screen) ? deskStep(s, e) : [s, []];
}

function tools(s: State, e: Event): Step {
  switch (e.type) {
    case "languages":
      return [{ ...s, choosing: !s.choosing }, []];
    case "language":
      return [{ ...s, language: e.language, choosing: false }, []];
    case "large":
    case "contrast":
    case "low":
    case "aloud":
      return [{ ...s, [e.type]: !s[e.type] }, []];
  }
  return [s, []];
}

/** settle keeps the start screen in agreement with what the kiosk can do, and
 *  asks there the first question of the survey that is due. */
function settle(s: State): Step {
  if (!resting(s)) return [s, []];
  const questionnaire = s.surveys[0] ?? null;
  const first = questionnaire && next(questionnaire, "", {});
  const out = s.outOfService || !first || s.unsaved.length >= mostUnsaved;
  return [{ ...s, questionnaire, question: first?.id ?? "", screen: out ? "paused" : "attract" }, []];
}

/** survey begins another one that is due here. */
function survey(s: State, id: string): Step {
  const questionnaire = s.surveys.find((q) => q.id === id);
  const first = questionnaire && next(questionnaire, "", {});
  if (!first || s.screen !== "surveys" || s.outOfService) return [s, []];
  return [{ ...s, screen: "ask", questionnaire, question: first.id }, []];
}

/** tap answers a question. A second one on a locked question changes nothing;
 *  the page counts it. */
function tap(s: State, value: string, request: string): Step {
  const q = asked(s);
  if (!q || !isTap(q) || s.locked) return [s, []];
  const before = s.given[q.id];
  const locked: State = { ...s, locked: true, choosing: false, picked: [value], redoing: false, redo: q.id };
  const hold: Effect[] = [
    { type: "stop", timer: "idle" },
    { type: "set", timer: "undo" },
  ];
  if (before?.value === value) return [locked, hold];
  const [kept, keep] = give({ ...locked, fresh: true }, q, value, request, before?.request ?? "");
  return [kept, [...keep, { type: "set", timer: "redo" }, { type: "set", timer: "stale" }, ...hold]];
}

/** again takes the last tap back: at once, or from the next question while it
 *  is fresh. What was kept stays kept until another tap replaces it. */
function again(s: State): Step {
  if (s.screen !== "ask" || !s.fresh || s.redoing) return [s, []];
  return [{ ...s, question: s.redo, locked: false, picked: [], redoing: true }, [{ type: "stop", timer: "undo" }]];
}

function pick(s: State, option: string): Step {
  const q = asked(s);
  if (!q || q.kind !== "choices" || !q.options?.some((o) => o.id === option)) return [s, []];
  const without = s.picked.filter((id) => id !== option);
  if (without.length < s.picked.length) return [{ ...s, picked: without }, []];
  if (s.picked.length >= most(q)) return [s, []];
  return [{ ...s, picked: [...s.picked, option] }, []];
}

function send(s: State, request: string, skipped: boolean): Step {
  const q = asked(s);
  if (!q || isTap(q)) return [s, []];
  if (!skipped && s.picked.length === 0) return [s, []];
  const [kept, keep] = give(skipped ? { ...s, picked: [] } : s, q, "", request, "");
  const [moved, effects] = advance({ ...kept, fresh: false });
  return [moved, [...keep, ...effects]];
}

/** give records an answer to q and asks for it to be kept. */
function give(s: State, q: Question, value: string, request: string, replaces: string): Step {
  const answer: Answer = {
    questionnaire: s.questionnaire!.id,
    version: s.questionnaire!.version,
    question: q.id,
    language: s.language,
  };
  if (q.kind === "satisfaction" && value !== "") answer.score = Number(value);
  else if (s.picked.length > 0) answer.choices = s.picked;
  else answer.skipped = true;
  const given = { ...s.given, [q.id]: { request, value } };
  return [{ ...s, given, unsaved: [...s.unsaved, request] }, [{ type: "keep", request, answer, replaces }]];
}

/** advance goes to the next question, or to the end of the visit. */
function advance(s: State): Step {
  const following = next(s.questionnaire!, s.question, scores(s));
  if (following) return rest({ ...s, question: following.id, locked: false, picked: [], redoing: false }, []);
  return finish({ ...s, screen: "saving", locked: false, picked: [], fresh: false, redoing: false });
}

function finish(s: State): Step {
  if (unkept(s)) return rest(s, []);
  return [
    { ...s, screen: "thanks", warning: false },
    [
      { type: "stop", timer: "idle" },
      { type: "stop", timer: "leave" },
      { type: "set", timer: "thanks" },
    ],
  ];
}

/** heard is news from the store. Thanks only follow when all is kept. */
function heard(s: State, e: { type: "saved" | "failed" | "refused"; request: string }): Step {
  if (e.type === "failed") return [{ ...s, trouble: true }, []];
  const mine = Object.values(s.given).some((g) => g.request === e.request);
  const after: State = { ...s, trouble: false, unsaved: s.unsaved.filter((id) => id !== e.request) };
  if (e.type === "refused" && mine) return [{ ...after, screen: "sorry", warning: false, locked: false, picked: [], fresh: false }, [...stopAll(), { type: "set", timer: "thanks" }]];
  if (after.screen === "saving" && !unkept(after)) return finish(after);
  return settle(after);
}

function rang(s: State, name: Timer): Step {
  switch (name) {
    case "idle":
      return idle(s);
    case "leave":
      return s.warning ? reset(s) : [s, []];
    case "undo":
      return s.locked ? advance(s) : [s, []];
    case "redo":
      return [{ ...s, fresh: false }, []];
    case "stale":
      return s.redoing ? advance(s) : [s, []];
    case "thanks":
      return s.screen === "thanks" || s.screen === "sorry" ? reset(s) : [s, []];
  }
}

/** idle asks first where something would be lost. */
function idle(s: State): Step {
  if (resting(s)) return reset(s);
  if (!thinking(s)) return [s, []];
  if (s.draft.live === "voice" && s.draft.open) return rest(s, []); // speaking; a recording ends by itself
  return [{ ...s, warning: true, choosing: false }, [{ type: "set", timer: "leave" }]];
}

/** isSheet says whether a screen is beside the questions. */
export function isSheet(screen: Screen): boolean {
  return isMessage(screen) || isCase(screen) || isDesk(screen);
}

/** thinking says whether a resident may be reading or thinking here. */
function thinking(s: State): boolean {
  return s.screen === "ask" || s.screen === "saving" || isSheet(s.screen);
}

/** rest starts the idle clock again where a resident may be thinking, or has
 *  changed how the start screen looks. */
function rest(s: State, effects: Effect[]): Step {
  const changed = resting(s) && !untouched(s);
  if (s.locked || s.warning || (!thinking(s) && !changed)) return [s, effects];
  return [s, [...effects, { type: "set", timer: "idle" }]];
}

/** reset forgets the visit. Answers on their way stay on their way. */
function reset(s: State): Step {
  const [fresh] = settle({ ...s, ...visit(), screen: "attract" });
  return [fresh, [...stopAll(), { type: "wipe" }]];
}

function stopAll(): Effect[] {
  return timers.map((timer) => ({ type: "stop", timer }));
}

export function asked(s: State): Question | undefined {
  return (s.screen === "ask" || s.screen === "attract") && s.questionnaire ? question(s.questionnaire, s.question) : undefined;
}

/** scores of this visit by question. */
export function scores(s: State): Scores {
  const given: Scores = {};
  for (const [id, g] of Object.entries(s.given)) {
    if (s.questionnaire && question(s.questionnaire, id)?.kind === "satisfaction") given[id] = Number(g.value) || 0;
  }
  return given;
}

/** unkept says whether an answer of this visit is not yet kept. */
export function unkept(s: State): boolean {
  return Object.values(s.given).some((g) => s.unsaved.includes(g.request));
}

/** progress is the number of the question shown, and of how many. */
export function progress(s: State): [number, number] {
  if (!s.questionnaire) return [0, 0];
  const ids = path(s.questionnaire, scores(s));
  return [ids.indexOf(s.question) + 1, ids.length];
}

/** front says whether the first question stands, beside which all else begins. */
export function front(s: State): boolean {
  return asked(s) !== undefined && s.question === path(s.questionnaire!, {})[0];
}
