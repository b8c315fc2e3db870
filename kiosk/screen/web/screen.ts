// The kiosk's page: wires the pure flow to the panel, the fingers, the clock
// and the store.

import { Card } from "./flow/desk";
import { Effect, Event, State, Timer, begin, isSheet, step, untouched } from "./flow/flow";
import { Offers } from "./flow/message";
import { MessageForm, Option, Questionnaire, Text } from "./flow/questions";
import { forget } from "./flow/typing";
import { Aloud } from "./parts/aloud";
import { chime } from "./parts/chime";
import { Board } from "./parts/desk";
import { Keeper } from "./parts/keeper";
import { Keypad } from "./parts/keypad";
import { Letters, mintCode } from "./parts/letters";
import { Media } from "./parts/media";
import { measurePanel, shiftAgainstBurnIn } from "./parts/panel";
import { Catalogues, setTexts } from "./parts/texts";
import { beat } from "./parts/pulse";
import { calm, listen } from "./parts/touch";
import { View } from "./parts/view";

interface Status {
  place: { id: string; name: string };
  ward: string;
  storage: string;
  paused: boolean; // by order
  states?: string[];
  program: string;
  pixels_per_mm: number;
  messages?: Partial<Offers>;
  printer?: boolean;
  speech?: string[];
  pace_ms: Record<"idle" | "leave" | "undo" | "redo" | "thanks" | "read", number>;
}

interface Questions {
  questionnaires: Questionnaire[];
  scale: { score: number; text: Text }[];
  agreements: Option[];
  message?: MessageForm;
}

/** Told is a kiosk with all that it serves. */
interface Told {
  status: Status;
  questions: Questions;
  board: Board;
  texts: Catalogues;
}

const statusEvery = 15_000; // ms
const retryLoad = 2_000; // ms
const minute = 60_000; // ms

async function get<T>(path: string): Promise<T> {
  const reply = await fetch(path, { signal: AbortSignal.timeout(5_000) });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return (await reply.json()) as T;
}

async function ask(): Promise<Told> {
  const [status, questions, board, texts] = await Promise.all([
    get<Status>("/api/status"), get<Questions>("/api/questionnaires"), get<Board>("/api/board"), get<Catalogues>("/api/texts"),
  ]);
  return { status, questions, board, texts };
}

/** load repeats until the agent is there: the browser may start first. */
async function load(): Promise<Told> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, retryLoad));
    }
  }
}

/** noForm: a server that takes no messages. */
const noForm: MessageForm = { questionnaire: "", version: 0, title: {}, kinds: [], subjects: [], places: [], consents: [] };

/** noBoard: a server that was told nothing. */
const noBoard: Board = { notices: [], texts: {}, contacts: [], hours: [] };

/** valued is the name of an act's value in its event. */
const valued: { [T in Event["type"]]?: Exclude<keyof Extract<Event, { type: T }>, "type"> } = {
  go: "to", edit: "field", kind: "kind", convert: "kind", subject: "subject", where: "place", reader: "reader", key: "key", open: "device", drop: "what",
  dissent: "purpose", pick: "option", language: "language", survey: "id", notice: "id", right: "right",
};

/** plain is the event of an act that has one value, or none. */
function plain(type: Event["type"], value: string): Event {
  const key = valued[type];
  return { type, ...(key ? { [key]: value } : {}) } as Event;
}

class Kiosk {
  private state: State = begin();
  private timers = new Map<Timer, number>();
  private keeper = new Keeper((news) => this.send(news));
  private media = new Media((news) => this.send(news), (level, left) => this.view.meter(level, left));
  private letters: Letters;
  private view: View;
  private aloud: Aloud;
  private edition: string;
  private places: boolean; // a message may be about one of several
  private pace: Record<Timer | "read", number>;
  private visit = crypto.randomUUID();
  private touches = 0; // of the act under way
  private extra = 0; // taps on a locked tile
  private built = 0; // when the screen that stands was

  constructor(root: HTMLElement, told: Told) {
    const { status, questions, board } = told;
    const pace = status.pace_ms;
    this.edition = edition(told);
    this.pace = { ...pace, stale: pace.redo + pace.leave };
    document.documentElement.style.setProperty("--undo-time", `${pace.undo}ms`);
    const form = { ...noForm, ...questions.message };
    this.places = form.places.length > 0;
    this.letters = new Letters(form, this.media, (news) => this.send(news));
    this.aloud = new Aloud(root);
    this.view = new View(root, {
      ...questions, form, board: { ...noBoard, ...board }, ward: status.ward, place: status.place.name, program: status.program,
      speech: status.speech ?? [], printer: status.printer ?? false, leaveMS: pace.leave,
    });
    listen(root, (act, value, touches) => this.act(act, value, touches), () => this.send({ type: "touch" }));
    new Keypad({ state: () => this.state, send: (e) => this.send(e), act: (act, value) => this.act(act, value), louder: (by) => this.aloud.louder(by) });
    this.send({ type: "loaded", surveys: questions.questionnaires });
  }

  send(e: Event): void {
    const before = this.state;
    const [state, effects] = step(before, e);
    this.state = state;
    for (const effect of effects) this.perform(effect);
    if (state === before) return;
    const built = this.view.show(state);
    if (built) this.built = performance.now();
    this.aloud.follow(state.aloud, state.language, built);
    if (state.draft.live) this.aloud.stop();
    if (state.warning && !before.warning) chime();
    this.media.attach(document.body);
  }

  private perform(e: Effect): void {
    switch (e.type) {
      case "set":
      case "stop":
        clearTimeout(this.timers.get(e.timer));
        if (e.timer === "undo") this.unlocked();
        if (e.type === "set") this.timers.set(e.timer, window.setTimeout(() => this.rang(e.timer), this.paceOf(e.timer)));
        return;
      case "keep":
        return this.keeper.keep({ ...e, visit: this.visit, touches: this.touches, extra: 0 });
      case "wipe":
        this.visit = crypto.randomUUID();
        this.keeper.forget();
        this.letters.forget();
        this.media.wipe();
        this.aloud.wipe();
        forget();
        return this.view.wipe();
      case "open":
        return void this.media.open(e.device);
      case "finish":
        return this.media.finish();
      case "close":
        return this.media.close();
      case "drop":
        return this.media.drop(e.what);
      case "replay":
        return this.media.replay();
      case "post":
        return void this.letters.post(this.state.draft, this.state.language);
      case "find":
        return void this.letters.find(e.code);
      case "reply":
        return void this.letters.say("/api/replies", { request: e.request, code: e.code, version: e.version, reopen: e.reopen, score: e.score });
      case "demand":
        return void this.letters.say("/api/rights", { request: e.request, code: e.code, right: e.right });
      case "inspect":
        return void this.inspect();
      case "print":
        return void this.letters.print(e.request, { what: e.what, language: this.state.language, ...(e.code ? { code: e.code } : {}) });
    }
  }

  private rang(timer: Timer): void {
    if (timer === "undo") this.unlocked();
    if ((timer === "idle" || timer === "thanks") && this.aloud.reading) return this.perform({ type: "set", timer });
    this.send({ type: "timer", name: timer });
  }

  /** unlocked tells of the taps on the tile that was locked. */
  private unlocked(): void {
    this.keeper.hammered(this.extra);
    this.extra = 0;
  }

  /** paceOf: writing and speaking take more time than a tap. */
  private paceOf(timer: Timer): number {
    return timer === "idle" && isSheet(this.state.screen) ? 2 * this.pace.idle : this.pace[timer];
  }

  private act(act: string, value: string, touches = 0): void {
    this.touches = touches;
    if (this.hasty(act, value)) return;
    switch (act) {
      case "barred":
        if (value === "tap" && this.state.locked) this.extra++;
        return;
      case "tap":
        return this.send({ type: "tap", value, request: crypto.randomUUID() });
      case "send":
      case "skip":
        return this.send({ type: act, request: crypto.randomUUID() });
      case "demand":
        return this.send({ type: "demand", request: crypto.randomUUID() });
      case "reply":
        return this.send({ type: "reply", reopen: value === "reopen", request: crypto.randomUUID() });
      case "print":
        return this.send({ type: "print", what: value as "guide" | "receipt", request: crypto.randomUUID() });
      case "score":
        return this.send({ type: "score", score: Number(value) });
      case "post":
      case "consent":
        return this.send({ type: act, purpose: value, request: crypto.randomUUID(), receipt: mintCode() });
      case "spell":
        return this.aloud.spell(this.state.language, this.state.draft.receipt);
      case "hear":
        return this.aloud.hear(this.state.language);
      case "scroll":
        return this.view.scroll(Number(value));
      default:
        return this.send(plain(act as Event["type"], value));
    }
  }

  /** hasty says whether a button that binds, or ends a screen that must be read,
   *  came up under a finger that was tapping already. */
  private hasty(act: string, value: string): boolean {
    const stood = performance.now() - this.built;
    if (["consent", "dissent", "reply", "demand"].includes(act)) return stood < this.pace.read;
    const told = this.state.screen === "receipt" || this.state.screen === "replied";
    return told && act === "go" && value === "home" && stood < 2 * this.pace.read;
  }

  private async inspect(): Promise<void> {
    try {
      this.send({ type: "inspected", card: await get<Card>("/api/caretaker") });
    } catch {
      return; // what the page knows itself stays
    }
  }

  tick(): void {
    const now = new Date();
    this.view.tick(now);
    shiftAgainstBurnIn(now.getMinutes());
  }

  /** watch asks how much room is left. No reply changes nothing: the store may
   *  be restarting, and an answer is repeated until it is kept. What else the
   *  server says is new is shown from a fresh page, between two visits. */
  async watch(): Promise<void> {
    try {
      const now = await ask();
      this.serve(now.status);
      if (untouched(this.state) && this.state.unsaved.length === 0 && edition(now) !== this.edition) location.reload();
    } catch {
      return;
    }
  }

  /** serve says whether the kiosk is in service, and what of a message it can
   *  take now. */
  serve(status: Status): void {
    const service = { out: status.storage === "full" || status.paused, states: status.states ?? [] };
    if (service.out !== this.state.outOfService || String(service.states) !== String(this.state.states)) this.send({ type: "service", ...service });
    const offers = { words: false, photo: false, voice: false, cases: false, named: false, ...status.messages, places: this.places };
    if (JSON.stringify(offers) !== JSON.stringify(this.state.offers)) this.send({ type: "offers", offers });
  }

}

/** edition is all that the page was made from. */
function edition({ status: s, questions, board, texts }: Told): string {
  return JSON.stringify([s.program, s.ward, s.place, s.pixels_per_mm, s.pace_ms, s.printer, s.speech, questions, board.texts, texts]);
}

/** remeasure: a panel was turned, or another one was connected. */
async function remeasure(): Promise<void> {
  measurePanel((await get<Status>("/api/status")).pixels_per_mm);
}

async function main(): Promise<void> {
  calm();
  measurePanel(0);
  const told = await load();
  setTexts(told.texts);
  measurePanel(told.status.pixels_per_mm);
  const kiosk = new Kiosk(document.getElementById("app")!, told);
  kiosk.serve(told.status);
  kiosk.tick();
  window.addEventListener("resize", () => void remeasure());
  setInterval(() => kiosk.tick(), minute / 12);
  setInterval(() => void kiosk.watch(), statusEvery);
  void beat();
}

void main();
