// Touches as acts: an element with data-act shows the press at pointerdown and
// acts at pointerup inside it, so that a slip or an overshoot does nothing.
// One finger at a time: what else touches the glass is counted and does nothing.
// An element with data-hold acts as soon as it is held, and again when let go.

/** Act is what is asked for. touches are the most contacts on the glass while
 *  it was pressed, a contact as large as a palm counting as several. */
export type Act = (act: string, value: string, touches: number) => void;

const heldAfter = 350; // ms: longer than a tap
const palm = 28; // mm across: no finger is
const palmTouches = 3;

export function listen(root: HTMLElement, act: Act, touched: () => void): void {
  let held: { element: HTMLElement; pointer: number; touches: number; timer: number } | null = null;
  let speaking: number | null = null; // the pointer that holds
  const down = new Set<number>();

  const release = () => {
    held?.element.classList.remove("pressed");
    clearTimeout(held?.timer);
    held = null;
  };
  const hold = (element: HTMLElement) => {
    if (!held || held.element !== element) return;
    const { pointer } = held;
    release();
    act(element.dataset.act!, element.dataset.value ?? "", 1);
    speaking = pointer;
  };
  const letGo = (e: PointerEvent) => {
    down.delete(e.pointerId);
    if (e.pointerId !== speaking) return;
    speaking = null;
    act("release", "", 1);
  };
  window.addEventListener("pointerdown", (e) => {
    down.add(e.pointerId);
    if (held) held.touches = Math.max(held.touches, contacts(e, down.size));
  }, true);
  root.addEventListener("pointerdown", (e) => {
    const element = acting(e.target);
    if (element && !held && e.button === 0) {
      const timer = "hold" in element.dataset ? window.setTimeout(hold, heldAfter, element) : 0;
      held = { element, pointer: e.pointerId, touches: contacts(e, down.size), timer };
      element.classList.add("pressed");
    }
    touched();
  });
  window.addEventListener("pointerup", (e) => {
    letGo(e);
    if (!held || e.pointerId !== held.pointer) return;
    const { element, touches } = held;
    release();
    if (element.isConnected && inside(element, e)) perform(element, act, touches);
  });
  window.addEventListener("pointercancel", (e) => {
    letGo(e);
    if (e.pointerId === held?.pointer) release();
  });
  // Enter, Space and assistive programs arrive as clicks without a pointer.
  root.addEventListener("click", (e) => {
    const element = acting(e.target);
    if (element && e.detail === 0) perform(element, act, 0);
  });
}

function acting(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-act]") : null;
}

function inside(element: HTMLElement, e: PointerEvent): boolean {
  const box = element.getBoundingClientRect();
  return e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
}

/** perform acts, or says what was barred. */
function perform(element: HTMLElement, act: Act, touches: number): void {
  const barred = element.getAttribute("aria-disabled") === "true";
  if (barred) act("barred", element.dataset.act!, touches);
  else act(element.dataset.act!, element.dataset.value ?? "", touches);
}

function contacts(e: PointerEvent, down: number): number {
  const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--mm")) || 4;
  return Math.max(e.width, e.height) / mm > palm ? Math.max(down, palmTouches) : down;
}

/** calm takes from the browser what a public screen must not do: menus,
 *  selection, dragging, zooming, leaving the page, scrolling but of what is too
 *  long, having a key press again what a finger touched. */
export function calm(): void {
  const stop = (e: globalThis.Event) => e.preventDefault();
  for (const type of ["contextmenu", "selectstart", "dragstart", "gesturestart", "mousedown"]) document.addEventListener(type, stop);
  document.addEventListener("touchmove", (e) => (e.target as Element).closest(".scrolled") || stop(e), { passive: false });
  document.addEventListener("wheel", stop, { passive: false });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^F\d+$/.test(e.key)) e.preventDefault();
  });
}
