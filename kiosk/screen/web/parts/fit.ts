// Fit makes a screen as plain as its panel, its language and the size of its
// type ask for: nothing that must be read or touched is cut off or gets smaller,
// what is there for the looks goes first. What goes at which step is written in
// fit.css, as [data-tight~="1"] and so on.

const steps = ["", "1", "1 2", "1 2 3", "1 2 3 4"];

/** holders must hold what is in them. */
const holders = ".hero, .asks, .tile, .option, .tiles, .options, .give, .gives, .sheet, .actions, .actions > *, .begin, .begin > *, .tool, .card, .middle, .row > *, .key";

/** keepFitting keeps root fitting, whenever it is built anew or the page changes. What
 *  comes and goes on a screen that stands only makes it plainer: else two that
 *  make room for each other would flicker. */
export function keepFitting(root: HTMLElement): void {
  const again = () => tighten(root, 0);
  const further = () => tighten(root, steps.indexOf(root.dataset.tight ?? ""));
  new MutationObserver(further).observe(root, { subtree: true, attributes: true, attributeFilter: ["hidden"] });
  new MutationObserver(again).observe(root, { childList: true });
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-shape", "style"] });
  void document.fonts.ready.then(again);
  document.fonts.addEventListener("loadingdone", again);
}

function tighten(root: HTMLElement, from: number): void {
  for (const step of steps.slice(from)) {
    if (root.dataset.tight !== step) root.dataset.tight = step;
    if (fits(root)) return;
  }
}

function fits(root: HTMLElement): boolean {
  if (root.scrollHeight > root.clientHeight + 1) return false;
  for (const e of root.querySelectorAll<HTMLElement>(holders)) {
    const wide = !e.matches(".sheet") && e.scrollWidth > e.clientWidth + 1; // keys reach beyond a sheet's sides
    if (wide || e.scrollHeight > e.clientHeight + 1) return false;
  }
  return true;
}
