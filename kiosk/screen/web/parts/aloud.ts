// What of a screen is read out, in the order in which it stands: its own words
// and the ward's, never a resident's, nor a receipt's code.

import { Speech } from "./speech";

/** unread is what a resident wrote, what changes all the time, and what is the
 *  same on every screen. */
const unread = ".bar, .tools, .paper, .code, .own, .keys, .progress, .count, .meter, .remaining, .trust, .live, .actions small";

/** Aloud reads all of a new screen, and of one that stands what is new in it. */
export class Aloud {
  private speech = new Speech();
  private heard: string[] = [];

  constructor(private root: HTMLElement) {}

  follow(wanted: boolean, language: string, built: boolean): void {
    const fresh = built || !this.speech.on;
    if (wanted !== this.speech.on) this.speech.turn(wanted);
    if (!wanted) return;
    const now = reading(this.root);
    const texts = fresh ? now : now.filter((text) => !this.heard.includes(text));
    this.heard = now;
    if (texts.length === 0) return;
    if (fresh) this.speech.say(language, texts);
    else this.speech.more(language, texts);
  }

  /** spell reads a receipt's code sign by sign, to whoever asked for it. */
  spell(language: string, code: string): void {
    this.speech.say(language, Array.from(code));
  }

  /** reading says whether something is being heard: nobody is asked to hurry. */
  get reading(): boolean {
    return this.speech.reading;
  }

  /** stop falls silent until the next screen, as when a microphone listens. */
  stop(): void {
    this.speech.stop();
  }

  louder(step: number): void {
    this.speech.louder(step);
  }

  wipe(): void {
    this.speech.wipe();
    this.heard = [];
  }
}

/** reading lists the texts of root. What lies over a screen is all that counts. */
function reading(root: HTMLElement): string[] {
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
