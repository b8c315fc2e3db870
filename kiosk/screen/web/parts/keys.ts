// The keyboards: Vietnamese letters and tones as keys of their own, and the
// letters of a receipt code.

import { tones } from "../flow/typing";
import { h } from "./dom";
import { icon } from "./icons";
import { Texts } from "./texts";

const letters = ["ăâđêôơư", "qwertyuiop", "asdfghjkl", "zxcvbnm,.?"];
const digits = ["1234567890", "+-()/:;,."];
const crockford = ["01234567", "89ABCDEF", "GHJKMNPQ", "RSTVWXYZ"];

export function keyboard(t: Texts, showDigits: boolean, done: string): HTMLElement {
  const rows = (showDigits ? digits : letters).map((row, i) => {
    const keys = Array.from(row, (c) => key(c, c, { "data-letter": "" }));
    if (!showDigits && i === 0) return h("div", { class: "halves" }, h("div", {}, ...keys), h("div", {}, ...toneKeys(t)));
    if (i === (showDigits ? 1 : 2)) keys.push(key("back", t.keyBack, { class: "key wide" }, icon("back")));
    return h("div", {}, ...keys);
  });
  const last = h("div", {},
    key("shift", t.keyShift, { class: "key wide", "aria-pressed": "false" }, icon("shift")),
    key("digits", showDigits ? t.keyLetters : "123", { class: "key wide" }),
    key("space", t.keySpace, { class: "key widest" }),
    h("button", { type: "button", class: "key wide enter", "data-act": "go", "data-value": done }, icon("check"), h("span", {}, t.keyDone)),
  );
  return h("div", { class: "keys", role: "group", "aria-label": t.keyboard }, ...rows, last);
}

function toneKeys(t: Texts): HTMLElement[] {
  return Object.entries(tones).map(([name, mark]) => key(name, "\u00a0" + mark, { class: "key tone", "aria-label": t[name as "sac"] }));
}

export function codeKeys(t: Texts): HTMLElement {
  const rows = crockford.map((row) => h("div", {}, ...Array.from(row, (c) => key(c, c, {}))));
  return h("div", { class: "keys", role: "group", "aria-label": t.keyboard }, ...rows);
}

function key(value: string, label: string, more: Record<string, string>, sign?: SVGElement): HTMLElement {
  return h("button", { type: "button", class: "key", "data-act": "key", "data-value": value, ...more }, sign ?? null, h("span", {}, label));
}
