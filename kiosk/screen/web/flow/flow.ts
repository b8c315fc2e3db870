// One visit as a pure function: (state, event) → state and effects. No clock,
// no DOM, no network: timers and request ids come in as events.

import { Draft, MessageEffect, MessageEvent, MessageScreen, Offers, blank, enter, isMessage, messageStep, newsStep } from "./message";
import { Answer, Question, Questionnaire, Scores, isTap, most, next, path, question } from "./questions";

export type Screen =
  | "attract" // waiting for somebody
  | "ask" // one question
  | "saving" // all said, not all kept
  | "thanks" // all kept
  | "sorry" // an answer was refused for good
  | "paused" // out of service
  | MessageScreen; // a message, from the first word to its receipt

/** Given is an answer of this visit. Its request id is minted once. */
export interface Given {
  request: string;
  value: string; // a tap's score or option; "" for choices
}

export interface State {
  screen: Screen;
  language: string;
  large: boolean;
  contrast: boolean;
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
  offers: Offers; // what of a message the kiosk takes now
  draft: Draft;
}

/** Timers: idle asks "still here?", leave ends the visit, undo ends the lock
 *  after a tap, redo and stale end the time to choose again, thanks goes home. */
export type Timer = "idle" | "leave" | "undo" | "redo" | "stale" | "thanks";

export type Event =
  | { type: "loaded"; questionnaire: Questionnaire }
  | { type: "service"; out: boolean }
  | { type: "start" }
  | { type: "language"; language: string }
  | { type: "large" }
  | { type: "contrast" }
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
  | MessageEvent;

/** Effects: set and stop a timer; keep an answer (replaces names the request
 *  of the answer taken back); forget everything of a visit. */
export type Effect =
  | { type: "set"; timer: Timer }
  | { type: "stop"; timer: Timer }
  | { type: "keep"; request: string; answer: Answer; replaces: string }
  | { type: "wipe" }
  | MessageEffect;

export type Step = [State, Effect[]];

/** mostUnsaved answers wait in the page; beyond, the kiosk takes no more. */
export const mostUnsaved = 32;

const home = "vi";
const timers: Timer[] = ["idle", "leave", "undo", "redo", "stale", "thanks"];

export function begin(): State {
  return {
    screen: "attract",
    questionnaire: null,
    unsaved: [],
    trouble: false,
    outOfService: false,
    offers: { words: false, photo: false, voice: false, cases: false, named: false },
    ...visit(),
  };
}

/** visit is everything of one resident: what a reset wipes. */
function visit() {
  return {
    language: home,
    large: false,
    contrast: false,
    question: "",
    locked: false,
    picked: [] as string[],
    given: {} as Record<string, Given>,
    redo: "",
    fresh: false,
    redoing: false,
    warning: false,
    draft: blank(),
  };
}

export function step(s: State, e: Event): Step {
  switch (e.type) {
    case "loaded":
      return settle({ ...s, questionnaire: e.questionnaire });
    case "service":
      return settle({ ...s, outOfService: e.out });
    case "saved":
    case "refused":
    case "failed":
      return heard(s, e);
    case "timer":
      return rang(s, e.name);
    case "start":
      return start(s);
    case "offers":
      return [{ ...s, offers: e.offers }, []];
    case "opened":
    case "blocked":
    case "recorded":
    case "photographed":
    case "answer":
    case "posted":
      return rest(...newsStep(s, e));
    case "compose":
    case "lookup":
      if (!s.warning) return rest(...enter(s, e));
  }
  if (s.screen === "attract" || s.screen === "paused") return tools(s, e, [{ type: "set", timer: "idle" }]);
  if (s.warning) return e.type === "stay" ? rest({ ...s, warning: false }, [{ type: "stop", timer: "leave" }]) : [s, []];
  return visited(s, e);
}

/** visited handles what a resident does between start and thanks. */
function visited(s: State, e: Event): Step {
  if (e.type === "go" && e.to === "home") return isMessage(s.screen) ? reset(s) : [s, []];
  if (isMessage(s.screen) && !["touch", "language", "large", "contrast"].includes(e.type)) return rest(...messageStep(s, e));
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
    case "touch":
      return rest(s, []);
  }
  return tools(s, e, rest(s, [])[1]);
}

function tools(s: State, e: Event, effects: Effect[]): Step {
  switch (e.type) {
    case "language":
      return [{ ...s, language: e.language }, effects];
    case "large":
      return [{ ...s, large: !s.large }, effects];
    case "contrast":
      return [{ ...s, contrast: !s.contrast }, effects];
  }
  return [s, []];
}

/** settle keeps the start screen in agreement with what the kiosk can do. */
function settle(s: State): Step {
  if (s.screen !== "attract" && s.screen !== "paused") return [s, []];
  const out = s.outOfService || s.unsaved.length >= mostUnsaved;
  return [{ ...s, screen: out ? "paused" : "attract" }, []];
}

function start(s: State): Step {
  if (s.screen !== "attract" || !s.questionnaire) return [s, []];
  const first = next(s.questionnaire, "", {});
  if (!first) return [s, []];
  return rest({ ...s, screen: "ask", question: first.id }, []);
}

function tap(s: State, value: string, request: string): Step {
  const q = asked(s);
  if (!q || !isTap(q) || s.locked) return [s, []];
  const before = s.given[q.id];
  const locked: State = { ...s, locked: true, picked: [value], redoing: false, redo: q.id };
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
  return rest({ ...s, question: s.redo, locked: false, picked: [], redoing: true }, [{ type: "stop", timer: "undo" }]);
}

function pick(s: State, option: string): Step {
  const q = asked(s);
  if (!q || q.kind !== "choices" || !q.options?.some((o) => o.id === option)) return [s, []];
  const without = s.picked.filter((id) => id !== option);
  if (without.length < s.picked.length) return rest({ ...s, picked: without }, []);
  if (s.picked.length >= most(q)) return rest(s, []);
  return rest({ ...s, picked: [...s.picked, option] }, []);
}

function send(s: State, request: string, skipped: boolean): Step {
  const q = asked(s);
  if (!q || isTap(q)) return [s, []];
  if (!skipped && s.picked.length === 0) return rest(s, []);
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
  if (e.type === "refused" && mine) return [{ ...after, screen: "sorry", warning: false }, [...stopAll(), { type: "set", timer: "thanks" }]];
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
  if (s.screen === "attract" || s.screen === "paused") return reset(s);
  if (s.screen !== "ask" && s.screen !== "saving" && !isMessage(s.screen)) return [s, []];
  if (s.draft.live === "voice" && s.draft.open) return rest(s, []); // speaking; a recording ends by itself
  return [{ ...s, warning: true }, [{ type: "set", timer: "leave" }]];
}

/** rest starts the idle clock again where a resident may be thinking. */
function rest(s: State, effects: Effect[]): Step {
  if (s.locked || s.warning || (s.screen !== "ask" && s.screen !== "saving" && !isMessage(s.screen))) return [s, effects];
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
  return s.screen === "ask" && s.questionnaire ? question(s.questionnaire, s.question) : undefined;
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
