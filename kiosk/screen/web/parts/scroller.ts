// What may be longer than the panel: it is drawn up and down with a finger, or
// by two buttons that stand beside it only when they are needed.

import { h } from "./dom";
import { icon } from "./icons";
import { Texts } from "./texts";

/** scroller holds content; a single child of class scrolled scrolls itself. */
export function scroller(t: Texts, ...content: (HTMLElement | null)[]): HTMLElement {
  const own = content[0]?.classList.contains("scrolled");
  const scrolled = own ? content[0]! : h("div", { class: "scrolled", tabindex: "0", role: "region", "aria-live": "polite" }, ...content);
  const e = h("div", { class: "scroller" }, scrolled, h("div", { class: "updown", hidden: true }, step("-1", t.up, "up"), step("1", t.down, "down")));
  const watch = new ResizeObserver(() => offerButtons(e));
  for (const part of [scrolled, ...scrolled.querySelectorAll("*")]) watch.observe(part); // one may grow in a parent that does not
  return e;
}

function step(value: string, label: string, sign: string): HTMLElement {
  return h("button", { type: "button", class: "second", "data-act": "scroll", "data-value": value, "aria-label": label }, icon(sign));
}

/** offerButtons shows the buttons where something does not fit. */
export function offerButtons(scroller: HTMLElement): void {
  const [scrolled, buttons] = scroller.children as unknown as [HTMLElement, HTMLElement];
  buttons.hidden = true;
  buttons.hidden = scrolled.scrollHeight <= scrolled.clientHeight + 1;
}

/** scroll goes most of a page up or down. */
export function scroll(root: HTMLElement, way: number): void {
  for (const e of root.querySelectorAll<HTMLElement>(".scrolled")) e.scrollBy({ top: way * 0.8 * e.clientHeight });
}
