// A tactile keypad beside the panel, or a keyboard that somebody plugged in.

import { Event, State, asked, isSheet, resting } from "../flow/flow";
import { languages } from "./texts";

/** Keyed is what keys move. */
export interface Keyed {
  state(): State;
  send(e: Event): void;
  act(act: string, value: string): void;
  louder(by: number): void;
}

/** Keypad: 1…9 choose, Enter goes on, 0 skips or goes back, * reads aloud, + and
 *  - make that louder and softer. On the start screen 1…5 rate, 6…8 begin
 *  something else, and 9 offers languages. */
export class Keypad {
  constructor(private kiosk: Keyed) {
    document.addEventListener("keydown", (e) => {
      if (!e.repeat && !e.ctrlKey && !e.altKey && !e.metaKey) this.pressed(e.key);
    });
  }

  private pressed(key: string): void {
    const { kiosk } = this;
    const digit = /^[0-9]$/.test(key) ? Number(key) : -1;
    kiosk.send({ type: "touch" });
    const s = kiosk.state();
    if (s.warning) return digit >= 0 || key === "Enter" ? kiosk.send({ type: "stay" }) : undefined;
    if (s.screen === "write" && !s.choosing) return this.typed(key);
    if (key === "*") return kiosk.send({ type: "aloud" });
    if (key === "+" || key === "-") return kiosk.louder(key === "+" ? 0.1 : -0.1);
    if (s.choosing) return this.speakNth(digit);
    if (s.screen === "lookup") return this.typed(key);
    const on = key === "Enter" && !onButton();
    if (isSheet(s.screen)) return walk(digit, on);
    if (on) return kiosk.act(s.screen === "ask" ? "send" : "done", "");
    if (resting(s) && digit > 5) return digit === 9 ? kiosk.send({ type: "languages" }) : nth(".begin button, .middle button", digit - 6);
    if (digit === 0) return kiosk.act("skip", "");
    if (digit > 0) this.choose(s, digit);
  }

  /** speakNth chooses a language; any other key closes the list. */
  private speakNth(digit: number): void {
    const language = languages[digit - 1];
    this.kiosk.send(language ? { type: "language", language } : { type: "languages" });
  }

  /** typed: a keyboard somebody plugged in types as the one on the screen does.
   *  A space presses a button it has gone to. */
  private typed(key: string): void {
    if (key === " " && onButton()) return;
    const known: Record<string, string> = { Backspace: "back", " ": "space" };
    const character = known[key] ?? (Array.from(key).length === 1 && /[\p{L}\p{N}\p{P}\p{S}]/u.test(key) ? key.normalize("NFC") : "");
    if (character) this.kiosk.send({ type: "key", key: character });
  }

  private choose(s: State, digit: number): void {
    const q = asked(s);
    if (s.locked) return this.kiosk.act("barred", "tap");
    if (q?.kind === "satisfaction" && digit <= 5) this.kiosk.act("tap", String(digit));
    if (q?.kind === "yes-partly-no") this.tapNth(digit);
    if (q?.kind === "choices" && q.options?.[digit - 1]) this.kiosk.act("pick", q.options[digit - 1]!.id);
  }

  private tapNth(digit: number): void {
    const tile = document.querySelectorAll<HTMLElement>("[data-act=tap]")[digit - 1];
    if (tile) this.kiosk.act("tap", tile.dataset.value!);
  }
}

/** walk goes through the sheets by digits: the nth of what is offered, then of
 *  other ways to end the sheet; Enter for the usual one, 0 back. */
function walk(digit: number, on: boolean): void {
  if (on) nth(".sheet ~ .actions .primary", 0);
  else if (digit === 0) nth(".sheet ~ .actions [data-act=go]", 0);
  else if (digit > 0) nth(":is(.sheet button, .sheet ~ .actions .second:not([data-act=go]))", digit - 1);
}

/** nth presses the nth button that can be seen and pressed, from 0. */
function nth(selector: string, n: number): void {
  [...document.querySelectorAll<HTMLElement>(selector)].filter((e) => e.checkVisibility() && e.getAttribute("aria-disabled") !== "true")[n]?.click();
}

function onButton(): boolean {
  return document.activeElement instanceof HTMLButtonElement;
}
