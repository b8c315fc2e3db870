// What of a screen is read out, in the order in which it stands: its own words
// and the ward's, never a resident's. Others stand in the hall: a receipt's code,
// and what is personal, are read to whoever asks for it.

import { Speech } from "./speech";

/** unread is what a resident wrote or chose, what changes all the time, and what
 *  is the same on every screen. */
const unread = ".bar, .tools, .paper, .code, .own, .before p span, [data-screen=compose] .more, [data-value=reader] small, .keys, .progress, .count, .meter, .remaining, .trust, .live, .actions small";

/** Aloud reads all of a new screen, and of one that stands what is new in it. */
export class Aloud {
  private speech = new Speech();
  private heard: string[] = [];
  private asked = false; // for what was read last

  constructor(private root: HTMLElement) {}

  follow(wanted: boolean, language: string, built: boolean): void {
    const fresh = built || !this.speech.on;
    if (wanted !== this.speech.on) this.speech.turn(wanted);
    if (!wanted) return;
    const now = reading(this.root);
    const texts = fresh ? now : now.filter((text) => !this.heard.includes(text));
    this.heard = now;
    if (texts.length === 0) return;
    if (!fresh) return this.speech.more(language, texts);
    this.asked = false;
    this.speech.say(language, texts);
  }

  /** spell reads a receipt's code sign by sign, to whoever asks for it. */
  spell(language: string, code: string): void {
    this.answer(language, Array.from(code));
  }

  /** hear reads what is personal, to whoever asks for it. */
  hear(language: string): void {
    this.answer(language, texts(this.root, (e) => e.matches(".personal")));
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

  /** answer reads what is asked for; a touch that cut that off asks for nothing. */
  private answer(language: string, texts: string[]): void {
    this.asked = !(this.asked && this.speech.cut);
    if (this.asked) this.speech.say(language, texts);
  }
}

/** reading lists the texts of root. What lies over a screen is all that counts. */
function reading(root: HTMLElement): string[] {
  return texts(root.querySelector<HTMLElement>(".over") ?? root, (e) => !e.closest(`${unread}, .personal`));
}

function texts(root: HTMLElement, wanted: (e: HTMLElement) => boolean): string[] {
  const shown = [...root.querySelectorAll<HTMLElement>("*")].filter((e) => wanted(e) && e.checkVisibility());
  return shown.map((e) => plain(e.dataset.say ?? own(e))).filter((text) => text !== "");
}

/** own is the text that stands in e itself. */
function own(e: HTMLElement): string {
  if (e.closest("[data-say]")) return "";
  return Array.from(e.childNodes, (n) => (n.nodeType === Node.TEXT_NODE ? n.textContent : "")).join("");
}

/** plain is a text without the marks that say where a line may break. */
function plain(text: string): string {
  return text.replace(/[\u00ad\u200b\u2060]/g, "").replace(/\u00a0/g, " ").trim();
}
