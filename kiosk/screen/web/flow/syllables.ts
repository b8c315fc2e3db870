// What can be a Vietnamese syllable, or become one by more keys: onsets, and
// rimes with any of their marks still missing. Lower case, without tones.

const onsets = new Set(["ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", ..."bcdđghklmnprstvx", ""]);

/** finals by the vowels before them; "-" is none. */
const finals: Record<string, string> = {
  a: "- c ch i m n ng nh o p t u y", ă: "c m n ng p t", â: "c m n ng p t u y",
  e: "- c m n ng o p t", ê: "- ch m n nh p t u", i: "- a ch m n nh p t u", iê: "c m n ng p t u",
  o: "- c i m n ng p t", ô: "- c i m n ng p t", ơ: "- i m n p t",
  oa: "- c ch i m n ng nh o p t y", oă: "c m n ng p t", oe: "- m n o t", oo: "c ng",
  u: "- a c i m n ng p t", uâ: "n ng t y", uê: "- ch n nh", uô: "c i m n ng t", uơ: "-",
  uy: "- a ch n nh p t u", uyê: "n t", ư: "- a c i m n ng t u", ươ: "c i m n ng p t u",
  y: "- ch n nh p t u", yê: "m n ng t u",
};

const bare: Record<string, string> = { ă: "a", â: "a", đ: "d", ê: "e", ô: "o", ơ: "o", ư: "u" };
const rimes = new Set(Object.entries(finals).flatMap(([vowels, ends]) => ends.split(" ").map((end) => vowels + end.replace("-", ""))));
const begun = new Set(["", "ăk", ...Array.from(rimes).flatMap(beginnings)]); // Đắk Lắk; "ak" would be an English word
const byLetters = Map.groupBy(begun, plain);

/** plain is a word without the marks of its letters. */
export function plain(word: string): string {
  return Array.from(word, (c) => bare[c] ?? c).join("");
}

/** forms are the ways to mark the letters of a rime. */
export function forms(rime: string): readonly string[] {
  return byLetters.get(plain(rime)) ?? [];
}

/** splits are where the rime of a word may begin; none where it is no
 *  Vietnamese. Where it has no rime yet comes last. */
export function splits(word: string): number[] {
  if (word === "q") return [1];
  if (/^(c[eêiy]|n?g[eê]|n?gh[^eêi])/.test(word)) return [];
  const at = [3, 2, 1, 0].filter((n) => n <= word.length && onsets.has(word.slice(0, n)) && begun.has(word.slice(n)));
  return at[0] === word.length ? [...at.slice(1), ...at.slice(0, 1)] : at;
}

/** legal says whether letters are a syllable, or the beginning of one; or
 *  consonants only, which may stand for words: HĐND. */
export function legal(letters: string[]): boolean {
  const word = letters.join("").toLowerCase();
  return splits(word).length > 0 || /^[bcdđghklmnpqrstvx]*$/.test(word);
}

/** complete says whether a word has every mark that its letters ask for. */
export function complete(word: string): boolean {
  return splits(word).some((at) => rimes.has(word.slice(at)));
}

/** beginnings of a rime, with any of its marks missing. */
function beginnings(rime: string): string[] {
  const all = [""];
  let some = [""];
  for (const c of rime) {
    some = some.flatMap((r) => (bare[c] ? [r + c, r + bare[c]] : [r + c]));
    all.push(...some);
  }
  return all;
}
