// The screen's own words, as the server tells them; a ward may have worded some
// itself. Questions and options come from the server too.

import type vi from "../texts/vi.json";

export type Texts = Omit<typeof vi, "compounds" | "breakable"> & { compounds: string[]; breakable: string[][] };

/** Catalogues are the words of every language. */
export type Catalogues = Record<string, Texts>;

export const languages = ["vi", "en", "ko", "zh-Hans"];

let catalogues: Catalogues = {};

/** setTexts comes before anything is shown. */
export function setTexts(served: Catalogues): void {
  catalogues = served;
}

export function textsOf(language: string): Texts {
  return (catalogues[language] ?? catalogues.vi)!;
}

/** fill puts n and of into a text. */
export function fill(text: string, n: number, of: number): string {
  return text.replace("{n}", String(n)).replace("{of}", String(of));
}

/** address may break before a dot, never at a stroke: a line that holds its last
 *  letter alone reads like a word. */
export function address(page: string): string {
  return page.replace(/\./g, "\u200b.").replace(/\//g, "\u2060/\u2060");
}

/** compound keeps the parts of a Vietnamese word on one line, and says where a
 *  long one may break. */
export function compound(t: Texts, text: string): string {
  for (const word of t.compounds) {
    const [first, ...rest] = word;
    for (const form of [word, first!.toUpperCase() + rest.join("")]) text = text.replaceAll(form, form.replaceAll(" ", "\u00a0"));
  }
  for (const parts of t.breakable) text = text.replaceAll(parts.join(""), parts.join("\u00ad"));
  return text.replace(/\/(?!Bà|\u2060)/g, "/\u200b");
}

/** inLanguage is a text that came with the questions; a visitor who reads no
 *  Vietnamese is served better by English. */
export function inLanguage(text: Record<string, string> | undefined, language: string): string {
  return text?.[language] || text?.en || text?.vi || "";
}
