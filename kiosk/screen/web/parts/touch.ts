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
  const glass = new Glass(act);
  window.addEventListener("pointerdown", (e) => glass.count(e), true);
  root.addEventListener("pointerdown", (e) => {
    glass.press(e);
    touched();
  });
  window.addEventListener("pointerup", (e) => glass.lift(e));
  window.addEventListener("pointercancel", (e) => glass.leave(e));
  // Enter, Space and assistive programs arrive as clicks without a pointer.
  root.addEventListener("click", (e) => {
    const element = acting(e.target);
    if (element && e.detail === 0) perform(element, act, 0);
  });
}

/** Pressed is the element under the one finger that counts. */
interface Pressed {
  element: HTMLElement;
  pointer: number;
  touches: number;
  timer: number; // until it is held
}

/** Glass is what fingers do on the panel. */
class Glass {
  private pressed: Pressed | null = null;
  private speaking: number | null = null; // the pointer that holds
  private down = new Set<number>();

  constructor(private act: Act) {}

  /** count takes in a contact, wherever it is. */
  count(e: PointerEvent): void {
    this.down.add(e.pointerId);
    if (this.pressed) this.pressed.touches = Math.max(this.pressed.touches, contacts(e, this.down.size));
  }

  press(e: PointerEvent): void {
    const element = acting(e.target);
    if (!element || this.pressed || e.button !== 0) return;
    const timer = "hold" in element.dataset ? window.setTimeout(() => this.hold(element), heldAfter) : 0;
    this.pressed = { element, pointer: e.pointerId, touches: contacts(e, this.down.size), timer };
    element.classList.add("pressed");
  }

  /** lift acts, where the finger is still on what it pressed. */
  lift(e: PointerEvent): void {
    const was = this.leave(e);
    if (was?.element.isConnected && inside(was.element, e)) perform(was.element, this.act, was.touches);
  }

  /** leave ends a contact, and gives what it pressed. */
  leave(e: PointerEvent): Pressed | null {
    this.down.delete(e.pointerId);
    if (e.pointerId === this.speaking) {
      this.speaking = null;
      this.act("release", "", 1);
    }
    return e.pointerId === this.pressed?.pointer ? this.release() : null;
  }

  private hold(element: HTMLElement): void {
    if (this.pressed?.element !== element) return;
    const { pointer } = this.pressed;
    this.release();
    this.act(element.dataset.act!, element.dataset.value ?? "", 1);
    this.speaking = pointer;
  }

  private release(): Pressed | null {
    const was = this.pressed;
    was?.element.classList.remove("pressed");
    clearTimeout(was?.timer);
    this.pressed = null;
    return was;
  }
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
