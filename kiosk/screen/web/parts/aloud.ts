// What of a screen is read out, in the order in which it stands: its own words
// and the ward's, never a resident's, nor a receipt's code.

/** unread is what a resident wrote, what changes all the time, and what is the
 *  same on every screen. */
const unread = ".bar, .tools, .paper, .code, .own, .keys, .progress, .count, .meter, .remaining, .trust, .live";

/** reading lists the texts of root. What lies over a screen is all that counts. */
export function reading(root: HTMLElement): string[] {
  const over = root.querySelector<HTMLElement>(".over");
  const texts: string[] = [];
  for (const e of (over ?? root).querySelectorAll<HTMLElement>("*")) {
    const text = e.dataset.say ?? own(e);
    if (text && !e.closest(unread) && e.checkVisibility()) texts.push(plain(text));
  }
  return texts.filter((text) => text !== "");
}

/** own is the text that stands in e itself. */
function own(e: HTMLElement): string {
  if (e.closest("[data-say]")) return "";
  return Array.from(e.childNodes, (n) => (n.nodeType === Node.TEXT_NODE ? n.textContent : "")).join("");
}

/** plain is a text without the marks that say where a line may break. */
function plain(text: string): string {
  return text.replace(/[\u00ad\u200b]/g, "").replace(/\u00a0/g, " ").trim();
}
