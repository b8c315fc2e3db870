// Islands of the console. Every page works without them; they keep what is on
// screen fresh and stop a slip of the hand.

interface Patch {
  set?: Record<string, string>;                            // element id → its new markup, from the same templates as the page
  add?: { id: string; before: string; in: string; html: string }[];
  gone?: string[];
}

function live(url: string): void {
  const lamp = document.getElementById("live");
  const say = (state: "running" | "ended" | "again") => {
    if (!lamp) return;
    lamp.className = state;
    const words = lamp.querySelector("span");
    const text = lamp.dataset[state] ?? "";
    if (words && words.textContent !== text) words.textContent = text;
  };
  const source = new EventSource(url);
  source.addEventListener("patch", (e) => {
    say("running");
    const patch = JSON.parse((e as MessageEvent<string>).data) as Patch;
    requestAnimationFrame(() => apply(patch));
  });
  source.addEventListener("open", () => say("running"));
  source.addEventListener("bye", () => { source.close(); location.reload(); }); // the session ended: the server shows the door
  source.addEventListener("error", () => {
    say(source.readyState === EventSource.CLOSED ? "ended" : "again");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 30_000);
  });
}

function apply(patch: Patch): void {
  for (const id of patch.gone ?? []) document.getElementById(id)?.remove();
  for (const piece of patch.add ?? []) {
    const list = document.getElementById(piece.in);
    const node = element(piece.html);
    if (!list || !node || document.getElementById(piece.id)) continue;
    list.insertBefore(node, piece.before ? document.getElementById(piece.before) : null);
    flash(node);
  }
  for (const [id, html] of Object.entries(patch.set ?? {})) {
    const old = document.getElementById(id);
    if (!old) continue;
    if (id.startsWith("row-")) replace(old, html);
    else keepOpen(old, () => { old.innerHTML = html; });
  }
  const none = document.getElementById("none");
  const rows = document.getElementById("rows");
  if (none && rows) none.hidden = rows.children.length > 0;
}

// replace swaps a row but leaves alone one whose details or link is in use
// until the reader is done with it.
function replace(old: HTMLElement, html: string): void {
  const node = element(html);
  if (!node) return;
  const focus = old.contains(document.activeElement) ? path(old, document.activeElement as Element) : null;
  const open = old.querySelector("details[open]") !== null;
  old.replaceWith(node);
  if (open) node.querySelector("details")?.setAttribute("open", "");
  if (focus) (follow(node, focus) as HTMLElement | null)?.focus({ preventScroll: true });
  flash(node);
}

function keepOpen(old: HTMLElement, change: () => void): void {
  const open = old.querySelector("details[open]") !== null;
  change();
  if (open) old.querySelector("details")?.setAttribute("open", "");
}

function path(root: Element, at: Element): number[] {
  const steps: number[] = [];
  for (let n: Element | null = at; n && n !== root; n = n.parentElement) {
    steps.unshift(Array.prototype.indexOf.call(n.parentElement?.children ?? [], n));
  }
  return steps;
}

function follow(root: Element, steps: number[]): Element | null {
  return steps.reduce<Element | null>((n, i) => n?.children[i] ?? null, root);
}

function element(html: string): HTMLElement | null {
  const t = document.createElement("template");
  t.innerHTML = html;
  return t.content.firstElementChild as HTMLElement | null;
}

function flash(node: Element): void {
  node.classList.add("fresh");
  node.addEventListener("animationend", () => node.classList.remove("fresh"), { once: true });
}

// A button that destroys stays off until the exact word is typed. The server
// checks again.
function guard(input: HTMLInputElement): void {
  const button = input.form?.querySelector<HTMLButtonElement>("button.danger");
  if (!button) return;
  const check = () => { button.disabled = input.value.trim() !== input.dataset.must; };
  input.addEventListener("input", check);
  check();
}

const stream = document.body.dataset.live;
if (stream) live(stream);
document.querySelectorAll<HTMLInputElement>("input[data-must]").forEach(guard);

// What was opened leaves the screen with the page, so that going back shows
// nothing, and after a while by itself.
const opened = document.getElementById("opened");
if (opened) {
  const shut = opened.querySelector<HTMLAnchorElement>("a.button")!.href;
  addEventListener("pagehide", () => opened.remove());
  setTimeout(() => location.replace(shut), Number(opened.dataset.close) * 1000);
}

// A receipt's code stays in no history.
if (/^\/r\/./i.test(location.pathname)) history.replaceState(null, "", "/r");
