// The sea below a hero: three layers, each as wide as two screens, so that
// moving by one half loops without a seam.

import { h } from "./dom";

const layers = [
  "M0 34C80 14 160 14 240 30S400 52 480 34 640 14 720 30 880 52 960 34V90H0z",
  "M0 46C80 30 160 32 240 46S400 62 480 46 640 32 720 46 880 62 960 46V90H0z",
  "M0 62C80 50 160 50 240 62S400 72 480 62 640 50 720 62 880 72 960 62V90H0z",
];

export function waves(): HTMLElement {
  const sea = h("div", { class: "waves", "aria-hidden": "true" });
  for (const d of layers) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 960 90");
    svg.setAttribute("preserveAspectRatio", "none");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
    sea.append(svg);
  }
  return sea;
}
