// What a key does to words: pure, for Vietnamese typed with letters and tones
// as keys. Everything that comes out is composed (NFC).

/** tones by the combining mark they are in Unicode. */
export const tones: Record<string, string> = { sac: "\u0301", huyen: "\u0300", hoi: "\u0309", nga: "\u0303", nang: "\u0323" };

const marks = Object.values(tones);
const vowels = "aăâeêioôơuưy";
const marked = "ăâêôơư";
const lastWord = /\p{L}*$/u;

/** letter puts one character behind text, and moves the tone of the word to
 *  where it now belongs: hòa + n is hoàn. */
export function letter(text: string, character: string): string {
  return (text + character).replace(lastWord, (word) => seat(...bare(word)));
}

/** tone puts a tone on the last word, or takes the same one off again. A word
 *  without a vowel, and no word, stay as they are. */
export function tone(text: string, mark: string): string {
  return text.replace(lastWord, (word) => {
    const [letters, before] = bare(word);
    return seat(letters, before === mark ? "" : mark);
  });
}

/** erase takes the last character off. */
export function erase(text: string): string {
  return Array.from(text).slice(0, -1).join("");
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

function seat(letters: string[], mark: string): string {
  const at = mark ? nucleus(letters.map((c) => c.toLowerCase())) : -1;
  return letters.map((c, i) => (i === at ? c + mark : c)).join("").normalize("NFC");
}

/** nucleus is the letter that takes the tone: the marked one (of ươ the
 *  second); else the second of three or before a final consonant; else the
 *  first, as in hòa, khỏe, thúy. -1 where there is no vowel. */
function nucleus(letters: string[]): number {
  const from = onset(letters);
  let to = from;
  while (to < letters.length && vowels.includes(letters[to]!)) to++;
  if (to === from) return -1;
  for (let i = to - 1; i >= from; i--) if (marked.includes(letters[i]!)) return i;
  return to - from > 2 || (to - from === 2 && to < letters.length) ? from + 1 : from;
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
