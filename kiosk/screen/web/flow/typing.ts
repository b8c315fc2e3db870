// Vietnamese from keys, as a pure function of the keys of one word: letters,
// Telex or VNI, and keys that are a marked letter or a tone by themselves, in
// any mixture and order. Everything that comes out is composed (NFC), and has
// no more characters than keys were pressed.

import { complete, forms, legal, plain, splits } from "./syllables";

/** tones by the combining mark they are in Unicode. */
export const tones: Record<string, string> = { sac: "\u0301", huyen: "\u0300", hoi: "\u0309", nga: "\u0303", nang: "\u0323" };

/** Method is what letters and digits do besides standing for themselves. */
export type Method = "telex" | "vni" | "direct"; // direct: nothing
/** Style is where an open oa, oe, uy has its tone: hòa, or hoà. */
export type Style = "old" | "new";

export interface Rules {
  method: Method;
  style: Style;
}

/** Scheme is what a method guesses: the tone a key means, the letters it makes
 *  of plain ones, and the key that clears the tone. */
interface Scheme {
  tones: Record<string, string>;
  marks: Record<string, string>;
  clear: string;
}

const { sac, huyen, hoi, nga, nang } = tones as Record<"sac" | "huyen" | "hoi" | "nga" | "nang", string>;
const methods: Record<Method, Scheme> = {
  telex: { tones: { s: sac, f: huyen, r: hoi, x: nga, j: nang }, marks: { a: "â", e: "ê", o: "ô", d: "đ", w: "ăơư" }, clear: "z" },
  vni: { tones: { 1: sac, 2: huyen, 3: hoi, 4: nga, 5: nang }, marks: { 6: "âêô", 7: "ơư", 8: "ă", 9: "đ" }, clear: "0" },
  direct: { tones: {}, marks: {}, clear: "" },
};

/** Word is what became of the keys so far. A letter carries its mark, but no
 *  tone. */
interface Word {
  letters: string[];
  tone: string;
  strict: boolean; // the tone was guessed from a letter or digit
  raw: string[]; // the same without any guess
  rawTone: string;
  frozen: boolean; // no Vietnamese syllable: what follows is no guess either
  last: string; // the key that marked a letter just now; "lone" for a w that became ư
}

const marks = Object.values(tones);
const vowels = "aăâeêioôơuưy";
const marked = "ăâêôơư";

/** spell is what the keys of one word show, behind the letters base, which
 *  stood there before. A key is a character, or the name of a tone. */
export function spell(base: string, keys: string[], { method, style }: Rules): string {
  if (keys.length === 0) return base;
  const w = keys.reduce((word, key) => press(word, key, methods[method]), begin(base));
  return w.frozen ? compose(w.raw, w.rawTone, style) : compose(w.letters, w.tone, style);
}

/** chop takes the last letter off a word, with the tone if that stood on it;
 *  else the tone moves to where it now belongs. */
export function chop(word: string, style: Style): string {
  const { raw, rawTone } = begin(word);
  const last = raw.length - 1;
  return compose(raw.slice(0, -1), seat(raw, style) === last ? "" : rawTone, style);
}

function begin(base: string): Word {
  const [letters, tone] = bare(base);
  // Several tones, or one where none belongs, are another language's.
  const ours = (["old", "new"] as Style[]).some((style) => compose(letters, tone, style) === base);
  const [raw, rawTone] = ours ? [letters, tone] : [Array.from(base), ""];
  return { letters, tone, strict: false, raw, rawTone, frozen: !ours || !legal(letters), last: "" };
}

function press(w: Word, key: string, method: Scheme): Word {
  const low = key.toLowerCase();
  if (tones[key]) return toned(w, tones[key]!);
  if (w.frozen) return literal(w, key);
  if (method.tones[low]) return guessTone(w, key, method.tones[low]!);
  if (low === method.clear && w.tone) return { ...w, tone: "", strict: false, raw: [...w.raw, key], last: "" };
  if (method.marks[low]) return guessMark(w, key, low, method.marks[low]!);
  return marked.includes(low) || low === "đ" ? direct(w, key, low) : literal(w, key);
}

/** toned is a tone by its own key; the same one again takes it off. */
function toned(w: Word, mark: string): Word {
  if (seat(w.frozen ? w.raw : w.letters, "old") < 0) return w;
  const tone = (w.frozen ? w.rawTone : w.tone) === mark ? "" : mark;
  return { ...w, tone, rawTone: tone, strict: false, last: "" };
}

function guessTone(w: Word, key: string, mark: string): Word {
  if (w.tone === mark) return undone({ ...w, tone: "" }, w.letters, key);
  const next = { ...w, tone: mark, strict: true, raw: [...w.raw, key], last: "" };
  return seat(w.letters, "old") >= 0 && sound(next) ? next : literal(w, key);
}

function guessMark(w: Word, key: string, low: string, targets: string): Word {
  const again = low === w.last;
  const changed = again ? null : mark(w.letters, targets);
  if (changed) return settled({ ...w, letters: changed, raw: [...w.raw, key], last: low });
  if (w.last === "lone" && low === "w") return undone(w, w.letters.slice(0, -1), w.raw.at(-1)!);
  const without = w.letters.map((c) => (targets.includes(c.toLowerCase()) ? sameCase(c, plain(c.toLowerCase())) : c));
  if (without.some((c, i) => c !== w.letters[i]) && (again || seat(w.letters, "old") >= 0)) return undone(w, without, key);
  const lone = [...w.letters, sameCase(key, "ư")];
  if (low === "w" && seat(w.letters, "old") < 0 && legal(lone)) return { ...w, letters: lone, raw: [...w.raw, key], last: "lone" };
  return literal(w, key);
}

/** direct is a key that is a marked letter: itself if that can follow, or else
 *  the mark of a letter that stands there. */
function direct(w: Word, key: string, low: string): Word {
  const followed = literal(w, key);
  const changed = followed.frozen ? mark(w.letters, low) : null;
  return changed ? settled({ ...w, letters: changed, raw: [...w.raw, key], last: low }) : followed;
}

/** literal is a character that stands for itself. A digit that does nothing
 *  undoes no guess before it: tổ8. */
function literal(w: Word, key: string): Word {
  if (!w.frozen && /\d/.test(key)) return { ...w, raw: [...w.letters, key], rawTone: w.tone, frozen: true };
  return settled({ ...w, letters: [...w.letters, key], raw: [...w.raw, key], last: "" });
}

/** undone is a word after a guess was taken back by the same key again. What
 *  was guessed besides it stays. */
function undone(w: Word, letters: string[], key: string): Word {
  const next = settled({ ...w, letters: [...letters, key], raw: [...letters, key], rawTone: w.tone, last: "" });
  return { ...next, frozen: next.frozen || seat(next.letters, "old") < 0 };
}

/** settled completes ươ before another letter, and freezes what is no
 *  Vietnamese. */
function settled(w: Word): Word {
  if (w.frozen) return w;
  const low = lower(w.letters);
  const at = low.search(/(ưo|uơ)./u);
  const pair = at < 0 ? w.letters : spelt(w.letters, low.slice(0, at) + "ươ" + low.slice(at + 2));
  const next = { ...w, letters: legal(pair) ? pair : w.letters };
  return { ...next, frozen: !sound(next) };
}

/** sound says whether letters and tone can be, or become, a syllable. What ends
 *  in a stop has only two tones: a key for another one was a letter. */
function sound(w: Word): boolean {
  const stopped = /[aăâeêioôơuưy](ch?|k|p|t)$/u.test(lower(w.letters));
  return legal(w.letters) && !(stopped && w.strict && w.tone !== sac && w.tone !== nang);
}

/** mark gives one letter more, or a pair, a mark of those in targets; a letter
 *  that has one keeps it. Null where no syllable could come of it. */
function mark(letters: string[], targets: string): string[] | null {
  const low = lower(letters);
  const all = splits(low).flatMap((at) => [...forms(low.slice(at))].map((rime) => low.slice(0, at) + rime));
  if (seat(letters, "old") < 0) all.push(low.replace(/d$/, "đ")); // NĐ, HĐND
  else if (low.startsWith("d")) all.push("đ" + low.slice(1));
  const changes = (s: string) => Array.from(s).filter((c, i) => c !== low[i]).length;
  const adds = (s: string) => Array.from(s).some((c, i) => c !== low[i] && targets.includes(c)) && Array.from(low).every((c, i) => !targets.includes(c) || s[i] === c);
  const [best] = all.filter(adds).sort((a, b) => Number(complete(b)) - Number(complete(a)) || changes(a) - changes(b));
  return best ? spelt(letters, best) : null;
}

function lower(letters: string[]): string {
  return letters.join("").toLowerCase();
}

/** spelt has letters spell a word of as many, in their own case. */
function spelt(letters: string[], word: string): string[] {
  return Array.from(word).map((c, i) => sameCase(letters[i]!, c));
}

function sameCase(as: string, c: string): string {
  return as !== as.toLowerCase() ? c.toUpperCase() : c;
}

/** bare is a word without its tone, and the tone. */
function bare(word: string): [string[], string] {
  let found = "";
  const letters = Array.from(word.normalize("NFC"), (c) => {
    const parts = Array.from(c.normalize("NFD"));
    found = parts.find((p) => marks.includes(p)) ?? found;
    return parts.filter((p) => !marks.includes(p)).join("").normalize("NFC");
  });
  return [letters, found];
}

function compose(letters: string[], tone: string, style: Style): string {
  const at = tone ? seat(letters, style) : -1;
  return letters.map((c, i) => (i === at ? c + tone : c)).join("").normalize("NFC");
}

/** seat is the letter that takes the tone: the marked one (of ươ the second);
 *  else the second of three or before a final consonant; else, by style, the
 *  first of two. -1 where there is no vowel. */
function seat(word: string[], style: Style): number {
  const letters = word.map((c) => c.toLowerCase());
  const from = onset(letters);
  let to = from;
  while (to < letters.length && vowels.includes(letters[to]!)) to++;
  if (to === from) return -1;
  for (let i = to - 1; i >= from; i--) if (marked.includes(letters[i]!)) return i;
  const gliding = style === "new" && ["oa", "oe", "uy"].includes(letters.slice(from, to).join(""));
  return to - from > 2 || (to - from === 2 && (to < letters.length || gliding)) ? from + 1 : from;
}

/** onset is where the vowels begin; qu and gi before a vowel are consonants. */
function onset(letters: string[]): number {
  let at = letters.findIndex((c) => vowels.includes(c));
  if (at < 0) return letters.length;
  const glide = letters.slice(at - 1, at + 1).join("");
  if ((glide === "qu" || glide === "gi") && at === 1 && vowels.includes(letters[2] ?? "-")) at++;
  return at;
}

/** forget has the engine match something else: RegExp.input keeps the text of
 *  the last match, which was typed. */
export function forget(): void {
  /^$/.test("");
}
