// Korean from the keys of a two-set keyboard, as a pure function of the keys of
// one word: letters (jamo) become syllables.

const leads = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const vowels = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ";
const tails = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"; // the first is none
const first = 0xac00; // 가

/** pairs are two keys of one part. */
const pairs: Record<string, string> = {
  ㅗㅏ: "ㅘ", ㅗㅐ: "ㅙ", ㅗㅣ: "ㅚ", ㅜㅓ: "ㅝ", ㅜㅔ: "ㅞ", ㅜㅣ: "ㅟ", ㅡㅣ: "ㅢ",
  ㄱㅅ: "ㄳ", ㄴㅈ: "ㄵ", ㄴㅎ: "ㄶ", ㄹㄱ: "ㄺ", ㄹㅁ: "ㄻ", ㄹㅂ: "ㄼ", ㄹㅅ: "ㄽ", ㄹㅌ: "ㄾ", ㄹㅍ: "ㄿ", ㄹㅎ: "ㅀ", ㅂㅅ: "ㅄ",
};
const apart = Object.fromEntries(Object.entries(pairs).map(([two, one]) => [one, two]));

/** shifted are the letters that share a key with another. */
export const shifted: Record<string, string> = { ㅂ: "ㅃ", ㅈ: "ㅉ", ㄷ: "ㄸ", ㄱ: "ㄲ", ㅅ: "ㅆ", ㅐ: "ㅒ", ㅔ: "ㅖ" };

interface Syllable {
  lead: string;
  vowel: string;
  tail: string;
}

/** compose is what the keys show; what makes no syllable stands as it is. */
export function compose(keys: string[]): string {
  const all: Syllable[] = [];
  for (const key of keys) {
    const last = all.pop() ?? { lead: "", vowel: "", tail: "" };
    all.push(...(vowels.includes(key) ? voiced(last, key) : closed(last, key)));
  }
  return all.map(shown).join("");
}

/** voiced takes the consonant before a vowel along into the next syllable. */
function voiced(s: Syllable, key: string): Syllable[] {
  if (s.tail) {
    const [stays, goes] = apart[s.tail] ?? ["", s.tail];
    return [{ ...s, tail: stays! }, { lead: goes!, vowel: key, tail: "" }];
  }
  if (!s.vowel) return [{ ...s, vowel: key }];
  const pair = pairs[s.vowel + key];
  return pair ? [{ ...s, vowel: pair }] : [s, { lead: "", vowel: key, tail: "" }];
}

function closed(s: Syllable, key: string): Syllable[] {
  if (!s.lead && !s.vowel) return [{ ...s, lead: key }];
  const tail = s.tail ? pairs[s.tail + key] : key;
  const fits = s.lead && s.vowel && tail && tails.includes(tail);
  return fits ? [{ ...s, tail }] : [s, { lead: key, vowel: "", tail: "" }];
}

function shown({ lead, vowel, tail }: Syllable): string {
  if (!lead || !vowel) return lead + vowel;
  return String.fromCodePoint(first + (leads.indexOf(lead) * vowels.length + vowels.indexOf(vowel)) * tails.length + tails.indexOf(tail || " "));
}
