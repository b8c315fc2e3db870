// Touches as acts: an element with data-act shows the press at pointerdown and
// acts at pointerup inside it, so that a slip or an overshoot does nothing.
// One finger at a time: a palm or a second hand is ignored.

export type Act = (act: string, value: string) => void;

export function listen(root: HTMLElement, act: Act, touched: () => void): void {
  let held: { element: HTMLElement; pointer: number } | null = null;

  const release = () => {
    held?.element.classList.remove("pressed");
    held = null;
  };
  root.addEventListener("pointerdown", (e) => {
    const element = acting(e.target);
    if (element && !held && e.button === 0) {
      held = { element, pointer: e.pointerId };
      element.classList.add("pressed");
    }
    touched();
  });
  window.addEventListener("pointerup", (e) => {
    if (!held || e.pointerId !== held.pointer) return;
    const { element } = held;
    release();
    if (element.isConnected && inside(element, e)) perform(element, act);
  });
  window.addEventListener("pointercancel", (e) => {
    if (e.pointerId === held?.pointer) release();
  });
  // Enter, Space and assistive programs arrive as clicks without a pointer.
  root.addEventListener("click", (e) => {
    const element = acting(e.target);
    if (element && e.detail === 0) perform(element, act);
  });
}

function acting(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-act]") : null;
}

function inside(element: HTMLElement, e: PointerEvent): boolean {
  const box = element.getBoundingClientRect();
  return e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
}

function perform(element: HTMLElement, act: Act): void {
  if (element.getAttribute("aria-disabled") !== "true") act(element.dataset.act!, element.dataset.value ?? "");
}

/** calm takes from the browser what a public screen must not do: menus,
 *  selection, dragging, zooming, leaving the page, scrolling but of what is too
 *  long. */
export function calm(): void {
  const stop = (e: globalThis.Event) => e.preventDefault();
  for (const type of ["contextmenu", "selectstart", "dragstart", "gesturestart"]) document.addEventListener(type, stop);
  document.addEventListener("touchmove", (e) => (e.target as Element).closest(".scrolled") || stop(e), { passive: false });
  document.addEventListener("wheel", stop, { passive: false });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^F\d+$/.test(e.key)) e.preventDefault();
  });
}
