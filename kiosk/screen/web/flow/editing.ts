// What a key of the keyboard does to a field: pure. Keys are one character, or
// a name: a tone, "back", "space", or what they do to the keyboard itself.

import { compose, shifted } from "./hangul";
import type { Draft, Field } from "./message";
import { Method, Style, chop, spell, tones } from "./typing";

export type Layout = "vi" | "latin" | "hangul"; // only vi guesses
export type Page = "letters" | "signs" | "ways";

/** Typing is the field on the screen. The keys of its last word are known until
 *  a letter of it is taken off again, or another word begins. */
export interface Typing {
  before: string; // all but the last word
  base: string; // that word, as far as its keys are not known
  keys: string[]; // typed behind it
  after: string; // spaces and signs behind the word
  literal: boolean; // "Hoàn tác dấu": what the keys of this word are, not what they mean
  layout: Layout;
  method: Method;
  style: Style;
  page: Page;
  capital: "" | "once" | "always";
}

/** most characters of a field, as the hub takes them. */
export const most: Record<Field, number> = { words: 2000, name: 100, phone: 20, address: 150, code: 10 };

const layouts: Record<string, Layout> = { vi: "vi", ko: "hangul" };
const unaided: Partial<Record<Field, RegExp>> = { phone: /^[0-9+() .-]$/, code: /^[0-9A-HJKMNP-TV-Z]$/ };

export function idle(): Typing {
  return { ...parted(""), layout: "vi", method: "telex", style: "old", page: "letters", capital: "once" };
}

/** opened is a field that begins to be typed, on the keyboard of a language. */
export function opened(d: Draft, field: Field, language: string): Partial<Draft> {
  const { method, style } = d.typing;
  const layout = layouts[language] ?? "latin";
  return { field, typing: { ...idle(), ...parted(d[field]), method, style, layout, capital: begins(d[field], field, layout) } };
}

/** ended forgets how a field was typed, and keeps how somebody likes to. */
export function ended({ method, style }: Typing): Typing {
  return { ...idle(), method, style };
}

/** typed is what a key does to the field being typed. */
export function typed(d: Draft, key: string): Partial<Draft> {
  if (unaided[d.field]) return { [d.field]: signs(d, key, unaided[d.field]!) };
  const f = turned(d.typing, key);
  if (f !== d.typing) return { typing: f };
  const next = pressed(f, key);
  const text = written(next);
  if (count(text) > most[d.field] && count(text) > count(d[d.field])) return {};
  const capital = f.capital === "always" ? f.capital : begins(text, d.field, f.layout);
  return { [d.field]: text, typing: { ...next, capital } };
}

/** undoable says whether marks of the last word were guessed, or undone. */
export function undoable(f: Typing): boolean {
  return f.layout === "vi" && word({ ...f, literal: true }) !== word({ ...f, literal: false });
}

/** signs is a number or code: what is no sign of it is not taken. */
function signs(d: Draft, key: string, taken: RegExp): string {
  const text = d[d.field];
  if (key === "back") return chopped(text);
  const sign = key === "space" ? " " : key.toUpperCase();
  return taken.test(sign) && count(text) < most[d.field] ? text + sign : text;
}

/** turned is a key for the keyboard itself. What was typed before it stays. */
function turned(f: Typing, key: string): Typing {
  switch (key) {
    case "shift":
      return { ...f, capital: f.capital === "" ? "once" : f.capital === "once" ? "always" : "" };
    case "letters":
    case "signs":
    case "ways":
      return { ...f, page: key };
    case "telex":
    case "vni":
    case "direct":
      return { ...f, ...parted(written(f)), layout: "vi", method: key, page: "letters" };
    case "latin":
    case "hangul":
      return { ...f, ...parted(written(f)), layout: key, page: "letters" };
    case "old":
    case "new":
      return { ...f, ...parted(written(f)), style: key };
  }
  return f;
}

function pressed(f: Typing, key: string): Typing {
  if (key === "back") return backed(f);
  if (key === "undo") return undoable(f) ? { ...f, literal: !f.literal } : f;
  if (tones[key]) return f.layout === "vi" && f.after === "" ? { ...f, keys: [...f.keys, key] } : f;
  const character = key === "space" ? " " : faced(f, key);
  if (!spells(f, character)) return f.layout === "vi" ? { ...f, after: f.after + character } : { ...f, ...whole(written(f) + character) };
  if (f.after !== "") return { ...f, ...whole(written(f)), keys: [character] };
  return { ...f, keys: [...f.keys, character] };
}

/** faced is what a key types, and shows, as the shift key stands. */
export function faced(f: Typing, key: string): string {
  if (!f.capital) return key;
  return f.layout === "hangul" ? (shifted[key] ?? key) : key.toUpperCase();
}

/** spells says whether a character belongs to the word: a digit only where it
 *  may be a mark. */
function spells(f: Typing, character: string): boolean {
  if (f.layout === "latin") return false;
  if (f.layout === "hangul") return /[ㄱ-ㅣ]/.test(character);
  return /\p{L}/u.test(character) || (f.method === "vni" && /\d/.test(character) && f.after === "" && word(f) !== "");
}

/** backed takes off the last letter that is seen, not the last key: who wants
 *  ế gone should not get e. In Korean the last part of a syllable goes. */
function backed(f: Typing): Typing {
  if (f.after !== "") return { ...f, after: chopped(f.after) };
  if (f.layout === "hangul" && f.keys.length > 0) return { ...f, keys: f.keys.slice(0, -1) };
  const last = word(f);
  return { ...f, ...parted(last && f.layout === "vi" ? f.before + chop(last, f.style) : chopped(f.before + last)) };
}

/** written is the whole text of the field. */
function written(f: Typing): string {
  return f.before + word(f) + f.after;
}

function word(f: Typing): string {
  if (f.layout === "hangul") return f.base + compose(f.keys);
  return spell(f.base, f.keys, { method: f.literal ? "direct" : f.method, style: f.style });
}

type Parts = Pick<Typing, "before" | "base" | "keys" | "after" | "literal">;

/** parted is a text whose keys nobody knows any more. */
function parted(text: string): Parts {
  const [, before, base, after] = /^(.*?)(\p{L}*)(\P{L}*)$/su.exec(text) as unknown as [string, string, string, string];
  return { before, base, keys: [], after, literal: false };
}

/** whole is a text that no key changes any more. */
function whole(text: string): Parts {
  return { before: text, base: "", keys: [], after: "", literal: false };
}

/** begins says whether a capital letter comes next. */
function begins(text: string, field: Field, layout: Layout): "once" | "" {
  const does = text === "" || /[.?!…]\s+$/.test(text) || (field !== "words" && /\s$/.test(text));
  return does && layout !== "hangul" ? "once" : ""; // Korean has none
}

function chopped(text: string): string {
  return Array.from(text).slice(0, -1).join("");
}

function count(text: string): number {
  return Array.from(text).length;
}
