// The panel in millimetres: how large things are for a hand and an eye, not in
// pixels. Writes --mm (pixels per millimetre) and --legible (millimetres of
// type that can be read from where one stands).

/** assumed where provisioning measured nothing: 21.5 inches across. */
const assumedDiagonal = 546.1;

/** distance of a standing person's eyes, by the short side of the panel. */
function distance(shortSide: number): number {
  if (shortSide < 160) return 400;
  if (shortSide < 220) return 500;
  return 600;
}

/** legible type: capitals of 4.8 mm at 600 mm; in large text 0.7 degrees, as
 *  EN 301 549 5.1.4 asks (7.3 mm at 600 mm). Capitals are 0.7 of the type. */
const usual = 6.95 / 600;
const large = 10.45 / 600;

/** tall in mm is a panel that reaches higher than a seated person's hand when it
 *  stands as low as it may (EN 301 549 8.3.2: 380 to 1220 mm; ours from 700). */
const tall = 400;

export function measurePanel(pixelsPerMM: number): void {
  const root = document.documentElement;
  const [width, height] = [window.innerWidth, window.innerHeight];
  const mm = pixelsPerMM > 0 ? pixelsPerMM : Math.hypot(width, height) / assumedDiagonal;
  const away = distance(Math.min(width, height) / mm);
  root.style.setProperty("--mm", `${mm}px`);
  root.style.setProperty("--legible-usual", `calc(${usual * away} * var(--mm))`);
  root.style.setProperty("--legible-large", `calc(${large * away} * var(--mm))`);
  root.dataset.shape = shape(width, height, width / mm);
  root.toggleAttribute("data-narrow", width / mm < 160);
  root.toggleAttribute("data-tall", height >= width && height / mm >= tall);
}

/** shape of the page: tiles below each other, beside the question, or under it
 *  where a landscape panel is too small for two columns. */
function shape(width: number, height: number, widthMM: number): string {
  if (height >= width) return "portrait";
  return widthMM >= 300 ? "beside" : "under";
}

/** shiftAgainstBurnIn moves everything by a pixel, around a square, a minute a
 *  step. */
export function shiftAgainstBurnIn(minute: number): void {
  const [x, y] = [[0, 0], [1, 0], [1, 1], [0, 1]][minute % 4]!;
  document.documentElement.style.setProperty("--shift", `${x}px ${y}px`);
}
