// What stands at the same place on every screen: the line of trust, the ways to
// see and hear it, and what lies over it all: the languages, "still here?".

import { Mode, State } from "../flow/flow";
import { hasContact } from "../flow/message";
import { h } from "./dom";
import { icon } from "./icons";
import { Texts, compound, languages, textsOf } from "./texts";
import { button } from "./view";

const modes: { mode: Mode; sign: () => Element }[] = [
  { mode: "aloud", sign: () => icon("speaker") },
  { mode: "large", sign: () => h("span", { class: "aa", "aria-hidden": "true" }, h("b", {}, "A"), h("b", {}, "A")) },
  { mode: "contrast", sign: () => icon("contrast") },
  { mode: "low", sign: () => icon("lower") },
];

export function foot(t: Texts, speaks: boolean): HTMLElement[] {
  const shown = modes.filter(({ mode }) => mode !== "aloud" || speaks);
  return [
    h("footer", { class: "trust" }, icon("shield"), h("p", {})),
    h("nav", { class: "tools", "aria-label": t.tools },
      button("languages", "", "tool", t.languages, icon("globe")),
      ...shown.map(({ mode, sign }) => button(mode, "", "tool", t.modes[mode], sign())),
      h("button", { type: "button", class: "undo", "data-act": "again", hidden: true }, h("strong", { class: "kept" }, ""), h("span", { class: "way" }, icon("again"), t.again), h("i", { class: "left" })),
    ),
  ];
}

export function patchFoot(root: HTMLElement, s: State, t: Texts): void {
  const each = (selector: string, change: (e: HTMLElement) => void) => root.querySelectorAll<HTMLElement>(selector).forEach(change);
  for (const { mode } of modes) each(`[data-act=${mode}]`, (e) => e.setAttribute("aria-pressed", String(s[mode])));
  each("[data-act=languages]", (e) => e.setAttribute("aria-expanded", String(s.choosing)));
  each(".tools .undo", (e) => (e.hidden = !(s.locked && s.fresh)));
  each(".trust p", (e) => (e.textContent = compound(t, trust(s, t))));
  each(".trust", (e) => (e.hidden = s.draft.live !== ""));
}

/** trust says nothing that is not true at this moment. */
function trust(s: State, t: Texts): string {
  return hasContact(s.draft) || s.draft.voice > 0 || s.draft.photo || s.screen === "receipt" ? t.off : t.trust;
}

/** glyphs stand for a language to who reads none of the words. */
const glyphs: Record<string, string> = { vi: "ệ", en: "A", ko: "가", "zh-Hans": "文" };

/** chooser offers every language in its own words. */
export function chooser(s: State): HTMLElement {
  const t = textsOf(s.language);
  const all = languages.map((l) => {
    const e = button("language", l, `second ${l === s.language ? "there" : ""}`, textsOf(l).language, h("b", { class: "glyph", "aria-hidden": "true" }, glyphs[l]!));
    e.lang = l;
    e.setAttribute("aria-pressed", String(l === s.language));
    return e;
  });
  return h("div", { class: "over chooser", role: "dialog", "aria-modal": "true", "aria-labelledby": "choose", lang: s.language, "data-act": "languages" },
    h("div", { class: "card" },
      h("h2", { id: "choose" }, icon("globe"), h("span", {}, t.languages)),
      ...all,
      button("languages", "", "second shut", t.close, icon("cross")),
    ),
  );
}

/** warning asks "still here?"; left counts down. */
export function warning(s: State, left: HTMLElement, seconds: number): HTMLElement {
  const t = textsOf(s.language);
  return h("div", { class: "over warning", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "still", lang: s.language, "data-act": "stay" },
    h("div", { class: "card" },
      h("h2", { id: "still" }, compound(t, t.stillTitle)),
      h("p", { "data-say": `${t.stillText} ${seconds} ${t.seconds}` }, compound(t, t.stillText), " "),
      h("p", { class: "count", "aria-hidden": "true" }, left, h("span", {}, t.seconds)),
      h("button", { type: "button", class: "primary", "data-act": "stay" }, icon("person"), h("span", {}, t.stay)),
    ),
  );
}
