// What does not fit the panel, or is not for everybody: text cut off, covered,
// outside its button or too small to read, targets too small for a finger or on
// each other, buttons that only words tell apart. All in millimetres of the
// panel: legible is the least height of type, key the least side of a key.
(legible, key) => {
  const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--mm"));
  const found = new Set();
  const scope = document.querySelector(".over") ?? document.querySelector("#app");
  const page = { left: -2, top: -2, right: innerWidth + 2, bottom: innerHeight + 2 };
  const undo = scope.querySelector(".undo:not([hidden])");

  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 1;
  const words = (e) => [...e.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
  const name = (e) => `${e.tagName.toLowerCase()}.${[...e.classList].join(".")} "${e.textContent.trim().slice(0, 30)}"`;
  const say = (e, what) => found.add(`${name(e)} ${what}`);
  const within = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
  const meet = (a, b, by) => a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;
  const related = (a, b) => a === b || a.contains(b) || b.contains(a);
  const size = (b) => `${(b.width / mm).toFixed(1)} x ${(b.height / mm).toFixed(1)} mm`;
  // What lies under the way back from a tap comes again when that has gone.
  const under = (e, box) => undo && !related(undo, e) && within(box, undo.getBoundingClientRect(), 1);

  /** ink is where the words of e are, less what letters do not fill of a line. */
  const ink = (e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const b = (e.matches(".own") ? e : range).getBoundingClientRect(); // what is too long there is shortened
    const clip = e.closest(".scrolled")?.getBoundingClientRect() ?? page;
    const slack = 0.15 * parseFloat(getComputedStyle(e).fontSize);
    return { left: Math.max(b.left, clip.left), right: Math.min(b.right, clip.right), top: Math.max(b.top + slack, clip.top), bottom: Math.min(b.bottom - slack, clip.bottom), whole: b };
  };
  const all = [...scope.querySelectorAll("*")].filter((e) => !e.closest("svg, .waves") && shown(e));
  const texts = all.filter((e) => words(e).length > 0).map((e) => ({ e, box: ink(e) })).filter(({ e, box }) => box.bottom > box.top && !under(e, box));
  const buttons = all.filter((e) => e.matches("button")).map((e) => ({ e, box: e.getBoundingClientRect() })).filter(({ e, box }) => !under(e, box));

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth || root.scrollHeight > root.clientHeight) found.add("the page scrolls");

  for (const { e, box } of texts) {
    const holder = e.closest("button, .hero, .card");
    if (!within(box.whole, page, 0) && !e.closest(".scrolled")) say(e, "leaves the page");
    if (holder && !within(box.whole, holder.getBoundingClientRect(), 1)) say(e, `leaves its ${name(holder)}`);
    const high = parseFloat(getComputedStyle(e).fontSize) / mm;
    if (high < legible - 0.02 && !e.closest("[aria-hidden=true]")) say(e, `is ${high.toFixed(2)} mm, below ${legible.toFixed(2)}`);
    const there = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    if (there && !related(there, e) && !e.closest(".scrolled") && scope.contains(there)) say(e, `lies under ${name(there)}`);
    for (const o of texts) if (!related(o.e, e) && meet(box, o.box, 1)) say(e, `lies over ${name(o.e)}`);
  }

  for (const { e, box } of buttons) {
    const tall = Math.max(box.width, box.height) / mm;
    const least = e.matches(".key:not(.choice)") ? key : 20;
    if (Math.min(box.width, box.height) / mm < least - 0.05 || (e.matches(".tile, .mood") && tall < 39.95)) say(e, `is ${size(box)}`);
    const clip = e.closest(".scrolled")?.getBoundingClientRect();
    if (!clip && !within(box, page, 0)) say(e, "leaves the page");
    for (const o of buttons) if (!related(o.e, e) && e.closest(".scrolled") === o.e.closest(".scrolled") && meet(box, o.box, 1)) say(e, `overlaps ${name(o.e)}`);
    const sign = (s) => shown(s) && (s.matches("svg") || /^(\p{N}+|\P{Z}|abc)$/u.test(s.textContent.trim()));
    // Who chooses how to type can read.
    if (!e.matches(".choice") && ![...e.querySelectorAll("*")].some(sign)) say(e, "is told by words alone");
  }

  const cuts = (e) => e.matches(".sheet, .tiles, .options") || ["hidden", "clip", "auto"].includes(getComputedStyle(e).overflowX);
  for (const e of all.filter((e) => !e.matches(".scrolled, .own, .face, .drawing, .meter, .frame") && e.clientWidth > 1 && cuts(e))) {
    if (e.scrollHeight > e.clientHeight + 1 || (!e.matches(".sheet") && e.scrollWidth > e.clientWidth + 1)) say(e, "cuts off what it holds");
  }
  for (const e of all.filter((e) => e.matches(".scrolled"))) {
    if (e.scrollWidth > e.clientWidth + 1) say(e, "is too wide");
    if (e.scrollHeight <= e.clientHeight + 1) continue;
    if (!shown(e.parentElement.querySelector(".updown"))) say(e, "is scrolled out of reach");
    if (e.clientHeight / mm < 13) say(e, `is only ${(e.clientHeight / mm).toFixed(1)} mm high`);
  }

  // On a panel that lies, the line of trust stands in the hero, beside its words.
  const blocks = [...scope.children].filter((e) => shown(e) && !e.matches(".over"));
  for (const a of blocks) for (const b of blocks) {
    const stands = a.matches(".hero") && b.matches(".trust") || a.matches(".trust") && b.matches(".hero");
    if (a !== b && !stands && meet(a.getBoundingClientRect(), b.getBoundingClientRect(), 1)) say(a, `overlaps ${name(b)}`);
  }
  const waves = scope.querySelector(".hero .waves")?.getBoundingClientRect();
  for (const e of waves?.height > 1 ? scope.querySelectorAll(".hero :is(h1, .help, .before, button)") : []) {
    if (shown(e) && e.textContent && e.getBoundingClientRect().bottom > waves.top + waves.height * 0.5) say(e, "lies in the waves");
  }
  return [...found];
}
