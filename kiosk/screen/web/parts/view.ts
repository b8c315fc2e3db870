// The state as elements. A screen is built when its key changes and patched
// while it stands, so that nothing moves under a finger.

import { MessageForm } from "../flow/questions";
import { hasContact, isMessage, offered } from "../flow/message";
import { State, asked, progress, scores } from "../flow/flow";
import { Option, Question, Text, most } from "../flow/questions";
import { h } from "./dom";
import { agreementIcon, faceOf, icon, optionIcon, wardMark } from "./icons";
import { Texts, compound, fill, textsOf } from "./texts";
import { scroll } from "./scroller";
import { Ward, liveBar, patchSheet, sheet, sheetKey } from "./sheets";
import { waves } from "./waves";

/** Served is what the view shows besides the state. */
export interface Served {
  ward: string;
  place: string;
  scale: { score: number; text: Text }[];
  agreements: Option[];
  form: MessageForm;
  texts: Ward;
  leaveMS: number;
}

export class View {
  private key = "";
  private countdown = 0;

  constructor(
    private root: HTMLElement,
    private served: Served,
  ) {}

  show(s: State): void {
    const key = [s.screen, s.question, s.language, s.screen === "saving" && s.trouble, s.screen === "ask" && s.redoing, offered(s.offers), sheetKey(s)].join(" ");
    const html = document.documentElement;
    html.lang = s.language;
    html.classList.toggle("large", s.large);
    html.classList.toggle("contrast", s.contrast);
    if (key !== this.key) this.build(s);
    this.key = key;
    this.patch(s);
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
    for (const e of this.root.querySelectorAll(".clock")) e.textContent = clock(now);
  }

  private build(s: State): void {
    const t = textsOf(s.language);
    this.root.dataset.screen = s.screen;
    this.root.dataset.layout = s.screen === "ask" || isMessage(s.screen) ? "asks" : "full";
    this.root.replaceChildren(...this.parts(s, t));
    this.root.querySelector<HTMLElement>("h1")?.focus();
  }

  private parts(s: State, t: Texts): HTMLElement[] {
    if (isMessage(s.screen)) return [liveBar(s, t), ...sheet(s, t, this.served.form, this.served.texts, this.bar(t)), ...this.foot(t)];
    switch (s.screen) {
      case "attract":
        return this.attract(s, t);
      case "ask":
        return this.ask(s, t);
      case "saving":
        return s.trouble ? this.message(t, "troubleTitle", "troubleText", "again") : this.message(t, "savingTitle", "savingText", "hourglass");
      case "thanks":
        return this.message(t, "thanksTitle", "thanksText", "check", button("done", "", "primary", t.done), offered(s.offers) ? this.more(t, false) : null);
      case "sorry":
        return this.message(t, "sorryTitle", "sorryText", "unclear", button("done", "", "primary", t.done));
      default:
        return this.message(t, "pausedTitle", "pausedText", "pause");
    }
  }

  private bar(t: Texts): HTMLElement {
    return h("div", { class: "bar" },
      h("span", { class: "mark" }, wardMark()),
      h("p", { class: "ward" }, h("strong", {}, this.served.ward), h("span", { class: "slogan" }, compound(t, t.slogan))),
      h("p", { class: "where" }, h("span", { class: "clock" }, clock(new Date())), h("span", { class: "place" }, compound(textsOf("vi"), this.served.place))),
    );
  }

  /** more leads from a rating to a message. */
  private more(t: Texts, lookup: boolean): HTMLElement {
    return h("div", { class: "more" },
      button("compose", "", "second", t.compose, icon("write")),
      lookup ? button("lookup", "", "second", t.lookup, icon("search")) : null,
    );
  }

  private attract(s: State, t: Texts): HTMLElement[] {
    const faces = this.served.scale.map(({ score }) => h("span", { class: "face" }, faceOf(String(score)))).reverse();
    return [
      h("main", { class: "hero welcome", "data-act": "start" },
        this.bar(t),
        h("div", { class: "middle" },
          h("div", { class: "faces" }, ...faces),
          h("h1", { tabindex: "-1" }, compound(t, t.touch)),
          h("p", { class: "help" }, compound(t, t.touchWhy)),
          h("button", { type: "button", class: "primary go", "data-act": "start" }, icon("finger"), t.begin),
          offered(s.offers) ? this.more(t, true) : null,
        ),
        waves(),
      ),
      ...this.foot(t),
    ];
  }

  /** message is one full screen with a sign, two lines and maybe a button. */
  private message(t: Texts, title: keyof Texts, text: keyof Texts, sign: string, ...actions: (HTMLElement | null)[]): HTMLElement[] {
    return [
      h("main", { class: "hero message", "aria-live": "polite" },
        this.bar(t),
        h("div", { class: "middle" },
          h("span", { class: "sign" }, icon(sign)),
          h("h1", { tabindex: "-1" }, compound(t, t[title] as string)),
          h("p", { class: "help" }, compound(t, t[text] as string)),
          ...actions,
        ),
        waves(),
      ),
      ...this.foot(t),
    ];
  }

  private ask(s: State, t: Texts): HTMLElement[] {
    const q = asked(s)!;
    const tiles = q.kind === "choices" ? this.options(q, s, t) : this.tiles(q, s, t);
    return [this.question(q, s, t), tiles, ...(q.kind === "choices" ? [actions(t)] : []), ...this.foot(t)];
  }

  private question(q: Question, s: State, t: Texts): HTMLElement {
    const [n, of] = progress(s);
    const steps = Array.from({ length: of }, (_, i) => h("i", { class: i < n ? "on" : null }));
    const help = inLanguage(q.help, s.language) || (q.kind === "choices" ? "" : q.kind === "satisfaction" ? t.rateHelp : t.tapHelp);
    return h("header", { class: "hero" },
      this.bar(t),
      h("div", { class: "asks" },
        of > 1 ? h("p", { class: "progress" }, ...steps, h("span", {}, fill(t.progress, n, of))) : null,
        h("h1", { tabindex: "-1" }, compound(t, inLanguage(q.text, s.language))),
        h("p", { class: "help" }, compound(t, help)),
        q.kind === "choices" ? this.before(s, t) : null,
      ),
      waves(),
    );
  }

  /** before shows the rating this question follows, and lets it be changed. */
  private before(s: State, t: Texts): HTMLElement | null {
    const score = scores(s)[s.redo];
    if (!score) return null;
    const word = inLanguage(this.served.scale.find((e) => e.score === score)?.text, s.language);
    return h("div", { class: "before" },
      h("span", { class: "face" }, faceOf(String(score))),
      h("p", {}, h("span", {}, t.yourChoice), h("strong", {}, compound(t, word))),
      h("button", { type: "button", class: "change", "data-act": "again" }, icon("again"), t.again),
    );
  }

  private tiles(q: Question, s: State, t: Texts): HTMLElement {
    const rows = q.kind === "satisfaction"
      ? this.served.scale.map(({ score, text }) => ({ value: String(score), text, digit: String(score), face: true, sign: faceOf(String(score)) }))
      : this.served.agreements.map(({ id, text }, i) => ({ value: id, text, digit: String(i + 1), face: false, sign: agreementIcon(id) }));
    return h("main", { class: `tiles ${q.kind} n${rows.length}` },
      ...rows.map(({ value, text, digit, face, sign }) =>
        h("button", { type: "button", class: `tile ${face ? "r" + value : "plain"}`, "data-act": "tap", "data-value": value },
          face ? h("span", { class: "panel" }, h("span", { class: "face" }, sign)) : h("span", { class: "drawing" }, sign),
          h("span", { class: "word" }, compound(t, inLanguage(text, s.language))),
          h("span", { class: "digit", "aria-hidden": "true" }, h("b", {}, digit), icon("check")),
        )),
    );
  }

  private options(q: Question, s: State, t: Texts): HTMLElement {
    return h("main", { class: `options n${q.options!.length}` },
      ...q.options!.map(({ id, text }) =>
        h("button", { type: "button", class: "option", "data-act": "pick", "data-value": id, "aria-pressed": "false" },
          h("span", { class: "drawing" }, optionIcon(id)),
          h("span", { class: "word" }, compound(t, inLanguage(text, s.language))),
          h("span", { class: "tick" }, icon("check")),
        )),
    );
  }

  /** foot stands at the same place on every screen. */
  private foot(t: Texts): HTMLElement[] {
    const other = textsOf(t === textsOf("vi") ? "en" : "vi");
    const code = t === textsOf("vi") ? "en" : "vi";
    const language = button("language", code, "tool", other.language, icon("globe"));
    language.lang = code;
    return [
      h("footer", { class: "trust" }, icon("shield"), h("p", {}, compound(t, t.trust))),
      h("nav", { class: "tools", "aria-label": t.tools },
        language,
        button("large", "", "tool", t.large, h("span", { class: "aa", "aria-hidden": "true" }, h("b", {}, "A"), h("b", {}, "A"))),
        button("contrast", "", "tool", t.contrast, icon("contrast")),
        h("button", { type: "button", class: "undo", "data-act": "again", hidden: true }, icon("again"), h("span", {}, t.again), h("i", { class: "left" })),
      ),
    ];
  }

  private patch(s: State): void {
    this.root.classList.toggle("locked", s.locked);
    for (const e of this.root.querySelectorAll<HTMLElement>(".tile, .option")) this.patchChoice(e, s);
    this.each("[data-act=large]", (e) => e.setAttribute("aria-pressed", String(s.large)));
    this.each("[data-act=contrast]", (e) => e.setAttribute("aria-pressed", String(s.contrast)));
    this.each(".tools .undo", (e) => (e.hidden = !(s.locked && s.fresh)));
    this.each(".before .change", (e) => (e.hidden = !s.fresh));
    this.patchSend(s);
    this.each(".trust p", (e) => (e.textContent = compound(textsOf(s.language), trust(s))));
    this.each(".trust", (e) => (e.hidden = s.draft.live !== ""));
    if (isMessage(s.screen)) patchSheet(this.root, s);
    this.warn(s);
  }

  private patchChoice(e: HTMLElement, s: State): void {
    const q = asked(s);
    const chosen = s.picked.includes(e.dataset.value!);
    const full = q?.kind === "choices" && s.picked.length >= most(q) && !chosen;
    e.classList.toggle("chosen", chosen);
    e.setAttribute("aria-disabled", String(s.locked || full));
    if (e.classList.contains("option")) e.setAttribute("aria-pressed", String(chosen));
  }

  private patchSend(s: State): void {
    const q = asked(s);
    this.each("[data-act=send]", (e) => {
      e.setAttribute("aria-disabled", String(s.picked.length === 0));
      const t = textsOf(s.language);
      e.querySelector("small")!.textContent = s.picked.length > 0 && q ? fill(t.chosen, s.picked.length, most(q)) : "";
    });
  }

  private each(selector: string, change: (e: HTMLElement) => void): void {
    for (const e of this.root.querySelectorAll<HTMLElement>(selector)) change(e);
  }

  /** warn lays "still here?" over everything, counting down. */
  private warn(s: State): void {
    const there = this.root.querySelector(".warning");
    if (!s.warning) {
      there?.remove();
      clearInterval(this.countdown);
      return;
    }
    if (there && there.getAttribute("lang") === s.language) return;
    there?.remove();
    const left = h("b", { class: "seconds" });
    this.root.append(warning(textsOf(s.language), s.language, left));
    this.root.querySelector<HTMLElement>(".warning button")?.focus();
    this.count(left);
  }

  private count(left: HTMLElement): void {
    const end = performance.now() + this.served.leaveMS;
    const write = () => (left.textContent = String(Math.max(0, Math.ceil((end - performance.now()) / 1000))));
    write();
    clearInterval(this.countdown);
    this.countdown = window.setInterval(write, 200);
  }
}

function warning(t: Texts, language: string, left: HTMLElement): HTMLElement {
  return h("div", { class: "warning", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "still", lang: language, "data-act": "stay" },
    h("div", { class: "card" },
      h("h2", { id: "still" }, compound(t, t.stillTitle)),
      h("p", {}, compound(t, t.stillText), " "),
      h("p", { class: "count", "aria-hidden": "true" }, left, h("span", {}, t.seconds)),
      h("button", { type: "button", class: "primary", "data-act": "stay" }, t.stay),
    ),
  );
}

function actions(t: Texts): HTMLElement {
  return h("div", { class: "actions" },
    button("skip", "", "second", t.skip),
    h("button", { type: "button", class: "primary", "data-act": "send" }, h("span", {}, t.send), h("small", {})),
  );
}

export function button(act: string, value: string, kind: string, label: string, sign?: Element): HTMLElement {
  return h("button", { type: "button", class: kind, "data-act": act, "data-value": value || null }, sign ?? null, h("span", {}, label));
}

/** trust says nothing that is not true at this moment. */
function trust(s: State): string {
  const t = textsOf(s.language);
  return hasContact(s.draft) || s.screen === "receipt" ? t.off : t.trust;
}

export function inLanguage(text: Text | undefined, language: string): string {
  return text?.[language] || text?.en || text?.vi || "";
}

/** clock is the time of the wall, wherever the machine believes to be. */
function clock(now: Date): string {
  return now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" });
}

