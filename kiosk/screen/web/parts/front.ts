// The questions: the one on the start screen with all that begins beside it,
// and those that follow.

import { State, asked, front, progress, scores, unkept } from "../flow/flow";
import { offered } from "../flow/message";
import { Question, most } from "../flow/questions";
import { h } from "./dom";
import { agreementIcon, faceOf, icon, optionIcon } from "./icons";
import { Texts, compound, fill, inLanguage } from "./texts";
import { Served, bar, button } from "./view";
import { waves } from "./waves";

export function asks(s: State, t: Texts, served: Served): HTMLElement[] {
  const q = asked(s)!;
  const tiles = q.kind === "choices" ? options(q, s, t) : choices(q, s, t, served);
  return [question(q, s, t, served), tiles, ...(q.kind === "choices" ? [ends(t)] : front(s) ? [ways(s, t)] : [])];
}

/** ways are all that can be begun here but answering. */
function ways(s: State, t: Texts): HTMLElement {
  const open = offered(s.offers);
  return h("div", { class: `begin n${open ? 3 : 1}` },
    open ? button("compose", "", "second", t.compose, icon("write")) : null,
    open ? button("lookup", "", "second", t.lookup, icon("search")) : null,
    button("go", "menu", "second", t.menu, icon("menu")),
  );
}

function question(q: Question, s: State, t: Texts, served: Served): HTMLElement {
  const [n, of] = progress(s);
  const steps = Array.from({ length: of }, (_, i) => h("i", { class: i < n ? "on" : null }));
  const help = inLanguage(q.help, s.language) || (q.kind === "choices" ? "" : q.kind === "satisfaction" ? t.rateHelp : t.tapHelp);
  return h("header", { class: "hero" },
    bar(t, served),
    h("div", { class: "asks" },
      of > 1 && !(front(s) && q.kind === "satisfaction") ? h("p", { class: "progress" }, ...steps, h("span", {}, fill(t.progress, n, of))) : null,
      h("h1", { tabindex: "-1" }, compound(t, inLanguage(q.text, s.language))),
      h("p", { class: "help" }, compound(t, help)),
      q.kind === "choices" ? before(s, t, served) : null,
    ),
    waves(),
  );
}

/** before thanks for the rating this question follows, as soon as it is kept,
 *  and lets it be changed. */
function before(s: State, t: Texts, served: Served): HTMLElement | null {
  const score = scores(s)[s.redo];
  if (!score) return null;
  const word = inLanguage(served.scale.find((e) => e.score === score)?.text, s.language);
  return h("div", { class: "before" },
    h("span", { class: "face" }, faceOf(String(score))),
    h("p", {}, h("strong", { class: "kept" }, ""), h("span", {}, compound(t, word))),
    h("button", { type: "button", class: "change", "data-act": "again" }, icon("again"), h("span", {}, t.again)),
  );
}

function choices(q: Question, s: State, t: Texts, served: Served): HTMLElement {
  const rows = q.kind === "satisfaction"
    ? served.scale.map(({ score, text }) => ({ value: String(score), text, digit: String(score), face: true, sign: faceOf(String(score)) }))
    : served.agreements.map(({ id, text }, i) => ({ value: id, text, digit: String(i + 1), face: false, sign: agreementIcon(id) }));
  return h("main", { class: `tiles ${q.kind} n${rows.length}` },
    ...rows.map(({ value, text, digit, face, sign }) =>
      h("button", { type: "button", class: `tile ${face ? "r" + value : "plain"}`, "data-act": "tap", "data-value": value },
        face ? h("span", { class: "panel" }, h("span", { class: "face" }, sign)) : h("span", { class: "drawing" }, sign),
        h("span", { class: "word" }, compound(t, inLanguage(text, s.language))),
        h("span", { class: "digit", "aria-hidden": "true" }, h("b", { "data-say": t.press[digit as "1"] ?? null }, digit), icon("check")),
      )),
  );
}

function options(q: Question, s: State, t: Texts): HTMLElement {
  return h("main", { class: `options n${q.options!.length}` },
    ...q.options!.map(({ id, text }) =>
      h("button", { type: "button", class: "option", "data-act": "pick", "data-value": id, "aria-pressed": "false" },
        h("span", { class: "drawing" }, optionIcon(id)),
        h("span", { class: "word" }, compound(t, inLanguage(text, s.language))),
        h("span", { class: "tick" }, icon("check")),
      )),
  );
}

function ends(t: Texts): HTMLElement {
  return h("div", { class: "actions" },
    button("skip", "", "second", t.skip, icon("skip")),
    h("button", { type: "button", class: "primary", "data-act": "send" }, icon("send"), h("span", {}, t.send), h("small", {})),
  );
}

/** patchAsks writes what changes while a question stands. */
export function patchAsks(root: HTMLElement, s: State, t: Texts): void {
  const q = asked(s);
  const each = (selector: string, change: (e: HTMLElement) => void) => root.querySelectorAll<HTMLElement>(selector).forEach(change);
  root.classList.toggle("locked", s.locked);
  each(".tile, .option", (e) => patchChoice(e, s, q));
  each(".begin button", (e) => e.setAttribute("aria-disabled", String(s.locked)));
  each(".before .change", (e) => (e.hidden = !s.fresh));
  each(".before .kept, .undo .kept", (e) => write(e, compound(t, unkept(s) ? t.keeping : t.keptShort)));
  each("[data-act=send]", (e) => {
    e.setAttribute("aria-disabled", String(s.picked.length === 0));
    write(e.querySelector("small")!, s.picked.length > 0 && q ? fill(t.chosen, s.picked.length, most(q)) : "");
  });
}

function patchChoice(e: HTMLElement, s: State, q: Question | undefined): void {
  const chosen = s.picked.includes(e.dataset.value!);
  const full = q?.kind === "choices" && s.picked.length >= most(q) && !chosen;
  e.classList.toggle("chosen", chosen);
  e.setAttribute("aria-disabled", String(s.locked || full));
  if (e.classList.contains("option")) e.setAttribute("aria-pressed", String(chosen));
}

/** write leaves alone what is there already, so that nothing is read out twice. */
function write(e: Element, text: string): void {
  if (e.textContent !== text) e.textContent = text;
}
