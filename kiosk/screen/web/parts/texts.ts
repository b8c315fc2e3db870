// The screen's own words. Questions and options come from the server.

import en from "../texts/en.json";
import vi from "../texts/vi.json";

export type Texts = Omit<typeof vi, "breakable"> & { breakable: string[][] };

export const languages = ["vi", "en"];

export function textsOf(language: string): Texts {
  return language === "en" ? en : vi;
}

/** fill puts n and of into a text. */
export function fill(text: string, n: number, of: number): string {
  return text.replace("{n}", String(n)).replace("{of}", String(of));
}

/** compound keeps the parts of a Vietnamese word on one line, and says where a
 *  long one may break. */
export function compound(t: Texts, text: string): string {
  for (const word of t.compounds) {
    const [first, ...rest] = word;
    for (const form of [word, first!.toUpperCase() + rest.join("")]) text = text.replaceAll(form, form.replaceAll(" ", "\u00a0"));
  }
  for (const parts of t.breakable) text = text.replaceAll(parts.join(""), parts.join("\u00ad"));
  return text.replace(/\/(?!Bà)/g, "/\u200b");
}
