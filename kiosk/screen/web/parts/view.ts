// The state as elements. A screen is built when its key changes and patched
// while it stands, so that nothing moves under a finger.

import { State, front, isSheet } from "../flow/flow";
import { offered } from "../flow/message";
import { MessageForm, Option, Text } from "../flow/questions";
import { Board } from "./desk";
import { h } from "./dom";
import { keepFitting } from "./fit";
import { chooser, foot, patchFoot, warning } from "./foot";
import { asks, patchAsks } from "./front";
import { icon, wardMark } from "./icons";
import { scroll } from "./scroller";
import { liveBar, patchSheet, sheet, sheetKey } from "./sheets";
import { Texts, compound, textsOf } from "./texts";
import { waves } from "./waves";

/** Served is what the view shows besides the state. */
export interface Served {
  ward: string;
  place: string;
  program: string;
  scale: { score: number; text: Text }[];
  agreements: Option[];
  form: MessageForm;
  board: Board;
  speech: string[]; // languages that can be read out
  printer: boolean;
  leaveMS: number;
}

export class View {
  private key = "";
  private countdown = 0;

  constructor(
    private root: HTMLElement,
    private served: Served,
  ) {
    keepFitting(root);
  }

  /** show says whether the screen was built anew. */
  show(s: State): boolean {
    const html = document.documentElement;
    html.lang = s.language;
    for (const mode of ["large", "contrast", "low"] as const) html.classList.toggle(mode, s[mode]);
    const key = keyOf(s);
    const anew = key !== this.key;
    if (anew) this.build(s);
    this.key = key;
    this.patch(s);
    return anew;
  }

  /** wipe leaves nothing of a visit in the page. */
  wipe(): void {
    this.key = "";
    this.root.replaceChildren();
    (document.activeElement as HTMLElement | null)?.blur?.();
  }

  /** meter shows how loud it is, and the seconds left. */
  meter(level: number, left: number): void {
    this.each(".meter i", (e) => e.style.setProperty("--level", level.toFixed(2)));
    this.each(".remaining b", (e) => (e.textContent = String(left)));
  }

  scroll(way: number): void {
    scroll(this.root, way);
  }

  tick(now: Date): void {
    this.each(".clock", (e) => (e.textContent = clock(now)));
  }

  private build(s: State): void {
    const t = textsOf(s.language);
    this.root.dataset.screen = s.screen;
    this.root.dataset.layout = s.screen === "attract" || s.screen === "ask" || isSheet(s.screen) ? "asks" : "full";
    this.root.toggleAttribute("data-front", front(s));
    this.root.replaceChildren(...this.parts(s, t), ...foot(t, this.served.speech.includes(s.language)));
    this.root.querySelector<HTMLElement>("h1")?.focus();
  }

  private parts(s: State, t: Texts): HTMLElement[] {
    if (isSheet(s.screen)) return [liveBar(s, t), ...sheet(s, t, this.served)];
    switch (s.screen) {
      case "attract":
      case "ask":
        return asks(s, t, this.served);
      case "saving":
        return s.trouble ? this.message(t, "troubleTitle", "troubleText", "again") : this.message(t, "savingTitle", "savingText", "hourglass");
      case "thanks":
        return this.message(t, "thanksTitle", s.states.includes("offline") ? "offlineThanks" : "thanksText", "check", button("done", "", "primary", t.done, icon("house")), offered(s.offers) ? button("compose", "", "second", t.compose, icon("write")) : null);
      case "sorry":
        return this.message(t, "sorryTitle", "sorryText", "unclear", button("done", "", "primary", t.done, icon("house")));
      default:
        return this.message(t, "pausedTitle", "pausedText", "pause", caretaker(this.served), button("go", "menu", "second", t.menu, icon("menu")));
    }
  }

  /** message is one full screen with a sign, two lines and maybe buttons. */
  private message(t: Texts, title: Line, text: Line, sign: string, ...actions: (HTMLElement | null)[]): HTMLElement[] {
    return [
      h("main", { class: "hero message", "aria-live": "polite" },
        bar(t, this.served),
        h("div", { class: "middle" },
          h("span", { class: "sign" }, icon(sign)),
          h("h1", { tabindex: "-1" }, compound(t, t[title])),
          h("p", { class: "help" }, compound(t, t[text])),
          actions.length > 0 ? h("div", { class: "ends" }, ...actions) : null,
        ),
        waves(),
      ),
    ];
  }

  private patch(s: State): void {
    const t = textsOf(s.language);
    patchAsks(this.root, s, t);
    patchFoot(this.root, s, t);
    this.each(".offline", (e) => (e.hidden = !s.states.includes("offline")));
    if (isSheet(s.screen)) patchSheet(this.root, s);
    this.lay(".chooser", s.choosing, s.language, () => chooser(s));
    this.lay(".warning", s.warning, s.language, () => this.warn(s));
    if (!s.warning) clearInterval(this.countdown);
  }

  /** lay puts something over the screen, or takes it away. */
  private lay(selector: string, wanted: boolean, language: string, make: () => HTMLElement): void {
    const there = this.root.querySelector<HTMLElement>(selector);
    if (wanted && there?.lang === language) return;
    there?.remove();
    if (!wanted) return;
    const over = make();
    this.root.append(over);
    over.querySelector<HTMLElement>("button")?.focus();
  }

  /** warn counts down. */
  private warn(s: State): HTMLElement {
    const left = h("b", { class: "seconds" });
    const end = performance.now() + this.served.leaveMS;
    const write = () => (left.textContent = String(Math.max(0, Math.ceil((end - performance.now()) / 1000))));
    write();
    clearInterval(this.countdown);
    this.countdown = window.setInterval(write, 200);
    return warning(s, left, this.served.leaveMS / 1000);
  }

  private each(selector: string, change: (e: HTMLElement) => void): void {
    for (const e of this.root.querySelectorAll<HTMLElement>(selector)) change(e);
  }
}

/** caretaker is whom to call when nothing is taken. */
function caretaker({ board }: Served): HTMLElement | null {
  const { name, phone } = board.caretaker ?? {};
  if (!name && !phone) return null;
  return h("p", { class: "help" }, name ? h("strong", {}, name, phone ? " ·" : "") : null, " ", phone ? h("strong", {}, icon("phone"), phone) : null);
}

/** Line is a text of one line. */
type Line = { [K in keyof Texts]: Texts[K] extends string ? K : never }[keyof Texts];

/** keyOf changes when a screen must be built anew. The first question stays the
 *  same screen when it is tapped. */
function keyOf(s: State): string {
  const screen = front(s) ? "front" : s.screen;
  return JSON.stringify([screen, s.questionnaire?.id, s.question, s.language, s.screen === "saving" && s.trouble, offered(s.offers), isSheet(s.screen) && sheetKey(s)]);
}

export function bar(t: Texts, served: Served): HTMLElement {
  return h("div", { class: "bar" },
    h("span", { class: "mark" }, wardMark()),
    h("p", { class: "ward" }, h("strong", {}, served.ward), h("span", { class: "slogan" }, compound(t, t.slogan))),
    h("p", { class: "here" }, h("span", {}, h("span", { class: "offline", hidden: true }, icon("offline"), t.offline), h("span", { class: "clock" }, clock(new Date()))), h("span", { class: "place" }, compound(textsOf("vi"), served.place))),
  );
}

export function button(act: string, value: string, kind: string, label: string, sign?: Element): HTMLElement {
  return h("button", { type: "button", class: kind, "data-act": act, "data-value": value || null }, sign ?? null, h("span", {}, label));
}

/** clock is the time of the wall, wherever the machine believes to be. */
function clock(now: Date): string {
  return now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" });
}
