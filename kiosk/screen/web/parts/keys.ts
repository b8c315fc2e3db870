// The keyboards: Vietnamese letters and tones as keys of their own, Latin and
// Korean letters, signs, how somebody likes to type, and the pads of numbers and
// of receipt codes. No key needs to be held.

import { Typing, faced, undoable } from "../flow/editing";
import type { Draft } from "../flow/message";
import { tones } from "../flow/typing";
import { h } from "./dom";
import { icon } from "./icons";
import { Texts } from "./texts";

const marked = "ăâđêôơư";
const digits = "1234567890";
const latin = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
const hangul = ["ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"];
const signs = [digits, "-/:;()+%&@", "?!'\"°#*="];
const pad = ["123", "456", "789"];
const crockford = ["01234567", "89ABCDEF", "GHJKMNPQ", "RSTVWXYZ"];

/** meant is what a digit does in VNI. */
const meant: Record<string, string> = { 1: "á", 2: "à", 3: "ả", 4: "ã", 5: "ạ", 6: "â", 7: "ơ", 8: "ă", 9: "đ", 0: "×" };

/** keyboardKey changes when the keyboard must be built anew. */
export function keyboardKey({ layout, method, style, page }: Typing): string {
  return [layout, method, style, page].join();
}

/** keyboard is that of the field being typed; done is the screen after it. */
export function keyboard(t: Texts, { field, typing }: Draft, done: string): HTMLElement {
  const rows = field === "phone" ? phone(t, done) : pages[typing.page](t, typing, done);
  return h("div", { class: `keys ${field === "phone" ? "phone" : typing.page}`, role: "group", "aria-label": t.keyboard, lang: drawn(typing) }, ...rows);
}

/** drawn is the language whose fonts have what is typed; null for the page's. */
export function drawn({ layout }: Typing): string | null {
  return layout === "hangul" ? "ko" : null;
}

export function codeKeys(t: Texts): HTMLElement {
  return h("div", { class: "keys", role: "group", "aria-label": t.keyboard }, ...crockford.map((keys) => row(plain(keys))));
}

/** patchKeys writes what changes while a keyboard stands. */
export function patchKeys(root: HTMLElement, f: Typing): void {
  for (const e of root.querySelectorAll<HTMLElement>(".key[data-letter]")) e.lastElementChild!.textContent = faced(f, e.dataset.value!);
  for (const e of root.querySelectorAll<HTMLElement>("[data-value=shift]")) {
    e.setAttribute("aria-pressed", String(f.capital !== ""));
    e.classList.toggle("always", f.capital === "always");
  }
  for (const e of root.querySelectorAll<HTMLElement>("[data-value=undo]")) {
    e.setAttribute("aria-disabled", String(!undoable(f)));
    e.setAttribute("aria-pressed", String(f.literal));
  }
}

const pages = {
  letters(t: Texts, typing: Typing, done: string): HTMLElement[] {
    const [upper, middle, lower] = (typing.layout === "hangul" ? hangul : latin).map((keys) => plain(keys, { "data-letter": "" }));
    return [
      top(t, typing), row(upper!), row(middle!, "nine"),
      row([key("shift", t.keyShift, { class: "key wide" }, icon("shift")), ...lower!, back(t)]),
      row([
        key("signs", "123", { class: "key wide" }), way(t, typing), key(",", ",", {}), space(t), key(".", ".", {}),
        ...(typing.layout === "vi" ? [key("undo", t.keyUndo, { class: "key wide" }, icon("again"))] : []), enter(t, done),
      ]),
    ];
  },
  signs(t: Texts, typing: Typing, done: string): HTMLElement[] {
    const [first, second, third] = signs.map((keys) => plain(keys));
    return [row(first!), row(second!), row([...third!, back(t)]), row([letters(t), way(t, typing), key(",", ",", {}), space(t), key(".", ".", {}), enter(t, done)])];
  },
  ways(t: Texts, typing: Typing, done: string): HTMLElement[] {
    const is = typing.layout === "vi" ? typing.method : typing.layout;
    const choices = [
      choice("telex", "Telex", "as → á, aa → â", is), choice("vni", "VNI", "a1 → á, a6 → â", is), choice("direct", t.ways.direct, "ă â đ ê ô ơ ư", is),
      choice("latin", t.ways.latin, "a b c", is), choice("hangul", "한국어", "ㄱ ㄴ ㄷ", is, "ko"),
      choice("old", "hòa, thúy", t.ways.tones, typing.style), choice("new", "hoà, thuý", t.ways.tones, typing.style),
    ];
    return [h("div", { class: "choices" }, ...choices), row([letters(t), enter(t, done)])];
  },
};

function phone(t: Texts, done: string): HTMLElement[] {
  return [...pad.map((keys) => row(plain(keys))), row([key("+", "+", {}), key("0", "0", {}), back(t)]), row([enter(t, done)])];
}

/** top is where other letters are than on the keys below: marks and tones, or
 *  digits, which are the marks of VNI. */
function top(t: Texts, { layout, method }: Typing): HTMLElement {
  if (layout !== "vi") return row(plain(digits));
  if (method === "vni") return row(Array.from(digits, (c) => key(c, c, { class: "key meant" }, h("small", { "aria-hidden": "true" }, meant[c]!))));
  const names = Object.keys(tones).map((name) => key(name, "", { class: "key tone", "aria-label": t[name as "sac"] }, icon(name)));
  return h("div", { class: "halves" }, h("div", {}, ...plain(marked, { "data-letter": "" })), h("div", {}, ...names));
}

function row(keys: HTMLElement[], kind = ""): HTMLElement {
  return h("div", { class: kind || null }, ...keys);
}

function plain(keys: string, more: Record<string, string> = {}): HTMLElement[] {
  return Array.from(keys, (c) => key(c, c, more));
}

function back(t: Texts): HTMLElement {
  return key("back", t.keyBack, { class: "key wide" }, icon("back"));
}

function space(t: Texts): HTMLElement {
  return key("space", t.keySpace, { class: "key widest" }, icon("space"));
}

function letters(t: Texts): HTMLElement {
  return key("letters", "abc", { class: "key wide", "aria-label": t.keyLetters });
}

/** way names how one types, and leads to the other ways. */
function way(t: Texts, { layout, method }: Typing): HTMLElement {
  const name = { latin: "abc", hangul: "한글", vi: { telex: "Telex", vni: "VNI", direct: t.ways.direct }[method] }[layout];
  return key("ways", name, { class: "key wide", "aria-label": `${t.ways.title}: ${name}` }, icon("globe"));
}

function choice(value: string, name: string, sample: string, is: string, lang: string | null = null): HTMLElement {
  return h("button", { type: "button", class: "key choice", "data-act": "key", "data-value": value, "aria-pressed": String(value === is), lang }, h("b", {}, name), h("small", {}, sample));
}

function enter(t: Texts, done: string): HTMLElement {
  return h("button", { type: "button", class: "key wide enter", "data-act": "go", "data-value": done }, icon("check"), h("span", {}, t.keyDone));
}

function key(value: string, label: string, more: Record<string, string>, sign?: Element): HTMLElement {
  return h("button", { type: "button", class: "key", "data-act": "key", "data-value": value, ...more }, sign ?? null, h("span", {}, label));
}
