// Line icons, own drawings on a 24-unit grid; the faces and the mark come from
// shared/look.

import face1 from "../../../../shared/look/faces/1.svg" with { type: "text" };
import face2 from "../../../../shared/look/faces/2.svg" with { type: "text" };
import face3 from "../../../../shared/look/faces/3.svg" with { type: "text" };
import face4 from "../../../../shared/look/faces/4.svg" with { type: "text" };
import face5 from "../../../../shared/look/faces/5.svg" with { type: "text" };
import mark from "../../../../shared/look/mark.svg" with { type: "text" };

const faces: Record<string, string> = { "1": face1, "2": face2, "3": face3, "4": face4, "5": face5 };

const eyes = '<path d="M9 9.5v1M15 9.5v1"/>';
const ring = '<circle cx="12" cy="12" r="9"/>';
const bubble = '<path d="M4 5.5h16v11H11l-4 3.5v-3.5H4z"/>';
const eye = '<path d="M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.8"/>';
const tag = '<path d="M12.5 3.5H20.5V11.5L11.5 20.5 3.5 12.5z"/>';

const under = '<circle cx="12" cy="14.5" r="4.5" opacity=".3"/>'; // any vowel

const lines: Record<string, string> = {
  sac: under + '<path d="m10.5 6.5 4-4.5"/>',
  huyen: under + '<path d="m13.5 6.5-4-4.5"/>',
  hoi: under + '<path d="M10 2.3c2.5-1.3 4.5 0 4 1.5-.3 1-1.5 1.2-1.5 2.9"/>',
  nga: under + '<path d="M7.5 5.5c.7-2.5 2.5-3 4.5-1.5s3.8 1 4.5-1.5"/>',
  nang: under + '<circle cx="12" cy="22" r=".7" fill="currentColor"/>',
  again: '<path d="M4 12a8 8 0 1 1 2.5 5.8M4 12l-1.5-3.5M4 12l3.5-1.5"/>',
  check: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  cross: '<path d="M6 6l12 12M18 6 6 18"/>',
  shield: '<path d="M12 3l7 2.5v6c0 4.5-3 7.7-7 9.5-4-1.8-7-5-7-9.5v-6z"/><path d="m9 12 2.2 2.2L15.2 10"/>',
  globe: ring + '<path d="M3 12h18M12 3c3 2.7 3.8 5.7 3.8 9s-.8 6.3-3.8 9c-3-2.7-3.8-5.7-3.8-9S9 5.7 12 3z"/>',
  contrast: ring + '<path fill="currentColor" d="M12 3a9 9 0 0 1 0 18z"/>',
  finger: '<path d="M9 12.5V5.2a1.6 1.6 0 0 1 3.2 0v5.6M12.2 10.6a1.5 1.5 0 0 1 3 0v.9M15.2 11.2a1.5 1.5 0 0 1 2.9.3v.8M18.1 12a1.3 1.3 0 0 1 2.6.2v3.3c0 3.6-2.6 6-6 6-2.8 0-4.3-1-5.5-2.9l-3-4.7c-.9-1.5 1-2.8 2.1-1.7l1.1 1.3"/>',
  pause: ring + '<path d="M10 9v6M14 9v6"/>',
  clock: ring + '<path d="M12 7v5l3.5 2"/>',
  repeat: '<path d="M5 10a7.5 7.5 0 0 1 13-2l1.5 2M19 14a7.5 7.5 0 0 1-13 2L4.5 14M19.5 5.5V10H15M4.5 18.5V14H9"/>',
  unclear: bubble + '<path d="M10.3 9.3c0-2.2 3.5-2.2 3.5 0 0 1.3-1.7 1.4-1.7 2.7M12.1 14v.1"/>',
  guide: bubble + '<path d="m9 11 2 2 4-4"/>',
  frown: ring + eyes + '<path d="M8.5 16.5c1.8-2.2 5.2-2.2 7 0"/>',
  calm: ring + eyes + '<path d="M8.5 15.5h7"/>',
  smile: ring + eyes + '<path d="M8.5 14.5c1.8 2.2 5.2 2.2 7 0"/>',
  eye,
  hidden: eye + '<path d="M4 20 20 4"/>',
  barrier: '<path d="M3 8h18v5H3zM6 13v7M18 13v7M7 13l4-5M13 13l4-5"/>',
  open: '<path d="M4 20V4h9v16M13 12h8M18 9l3 3-3 3"/>',
  hourglass: '<path d="M6 3.5h12M6 20.5h12M7.5 3.5v3.5L12 12l4.5-5V3.5M7.5 20.5V17L12 12l4.5 5v3.5"/>',
  fast: '<path d="M13 3 5 13.5h6L10 21l8.5-11h-6z"/>',
  house: '<path d="M4 11.5 12 4l8 7.5M6 10v10h12V10M10 20v-6h4v6"/>',
  other: ring + '<path d="M8 12v.1M12 12v.1M16 12v.1"/>',
  ear: '<path d="M7 10a5 5 0 1 1 10 0c0 3.5-3.2 4.2-3.2 7.2A2.8 2.8 0 0 1 9 19M9.8 10a2.2 2.2 0 1 1 4.4 0c0 1.5-1.7 1.8-1.7 3.3"/>',
  heart: '<path d="M12 20S3.5 14.8 3.5 9A4.5 4.5 0 0 1 12 7a4.5 4.5 0 0 1 8.5 2c0 5.8-8.5 11-8.5 11z"/>',
  calendar: '<path d="M4 6h16v14H4zM4 10h16M8.5 3.5V7M15.5 3.5V7M9 15l2 2 4-4"/>',
  price: tag + '<path d="M16.5 7.5v.1"/>',
  list: '<path d="M5 3.5h14v17H5zM8.5 8h7M8.5 12h7M8.5 16h4"/>',
  car: '<path d="M4 16v-4l2-5.5h12L20 12v4zM4 12h16M7 16v2.5M17 16v2.5"/>',
  waves: '<path d="M3 9c3 0 3-2 6-2s3 2 6 2 3-2 6-2M3 14c3 0 3-2 6-2s3 2 6 2 3-2 6-2M3 19c3 0 3-2 6-2s3 2 6 2 3-2 6-2"/>',
  write: '<path d="M4 20l1-4.5L16 4.5l3.5 3.5-11 11zM14 6.5l3.5 3.5"/>',
  mic: '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>',
  camera: '<path d="M3.5 7.5h4l1.5-3h6l1.5 3h4v12h-17z"/><circle cx="12" cy="13" r="3.6"/>',
  phone: '<path d="M5 4h4l1.5 5-2 1.5a11 11 0 0 0 5 5l1.5-2 5 1.5v4c-9 1-16-6-15-15z"/>',
  search: '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
  menu: '<path d="M4 6.5h16M4 12h16M4 17.5h16"/>',
  speaker: '<path d="M4 9.5v5h3.5L12.5 19V5L7.5 9.5zM16 9a4.2 4.2 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11"/>',
  lower: '<path d="M5 19.5h14M12 4v11M6.5 10l5.5 5.5 5.5-5.5"/>',
  board: '<path d="M3.5 4.5h17v12h-17zM7.5 8.5h9M7.5 12h6M12 16.5v4M8.5 20.5h7"/>',
  flame: '<path d="M12 21c-4 0-6.5-2.7-6.5-6 0-4 3.5-5.5 3-10 3 1 4.5 3.5 4.5 6 1-.6 1.5-1.6 1.5-3 2.5 2 4 4.2 4 7 0 3.3-2.5 6-6.5 6z"/>',
  ring: ring + '<circle cx="12" cy="12" r="4"/><path d="m5.7 5.7 3.4 3.4M14.9 14.9l3.4 3.4M18.3 5.7l-3.4 3.4M9.1 14.9l-3.4 3.4"/>',
  offline: '<path d="M7 18.5h10a4 4 0 0 0 .6-7.9A6 6 0 0 0 8.5 7.2M6 9.6a4.5 4.5 0 0 0 1 8.9M4 4l16 16"/>',
  info: ring + '<path d="M12 11v6M12 7.5v.1"/>',
  pin: '<path d="M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11z"/><circle cx="12" cy="10" r="2.4"/>',
  print: '<path d="M7 9V3.5h10V9M7 17.5H3.5V9h17v8.5H17M7 14h10v6.5H7z"/>',
  left: '<path d="M15 5l-7 7 7 7"/>',
  stop: '<rect x="6" y="6" width="12" height="12" rx="2"/>',
  play: '<path d="M8 5l11 7-11 7z"/>',
  back: '<path d="M8 5.5h13v13H8L2.5 12zM11.5 9.5l5 5M16.5 9.5l-5 5"/>',
  shift: '<path d="M12 3.5 20 12h-4.5v8h-7v-8H4z"/>',
  up: '<path d="m5 15 7-7 7 7"/>',
  down: '<path d="m5 9 7 7 7-7"/>',
  space: '<path d="M4 10v5h16v-5"/>',
  skip: '<path d="M5.5 5.5 12 12l-6.5 6.5M12.5 5.5 19 12l-6.5 6.5"/>',
  send: '<path d="M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4"/>',
  lock: '<rect x="5" y="10.5" width="14" height="10" rx="2"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5M12 14.5v2"/>',
  letter: '<path d="M3.5 6h17v12.5h-17zM3.5 7l8.5 6 8.5-6"/>',
  person: '<circle cx="12" cy="8" r="3.8"/><path d="M4.5 20.5c.6-4.6 3.6-6.5 7.5-6.5s6.9 1.9 7.5 6.5"/>',
  people: '<circle cx="8.5" cy="8.5" r="3.2"/><path d="M2.5 19.5c.4-4 2.8-5.7 6-5.7s5.6 1.7 6 5.7M15 5.6a3.2 3.2 0 0 1 0 5.8M17 14.2c2.4.5 4 2.2 4.5 5.3"/>',
  horn: '<path d="M4 10v4h3.5L17 18.5v-13L7.5 10zM8 14.5l1.5 5M20 9.5c1 1.5 1 3.5 0 5"/>',
  bulb: '<path d="M9 17.5c0-2.5-3-3.8-3-7.5a6 6 0 0 1 12 0c0 3.7-3 5-3 7.5zM9.5 20.5h5"/>',
  plus: ring + '<path d="M12 7.5v9M7.5 12h9"/>',
  leaf: '<path d="M5 19c0-9 5-14 15-14 0 9-5 13.5-11 13.5-1.5 0-3-.5-4-1.5M5 21c1-5 4-8.5 8.5-10.5"/>',
  desk: '<path d="M3 12h18M5 12v8M19 12v8M8 20v-4h8v4"/><circle cx="12" cy="6" r="2.6"/>',
  disk: '<ellipse cx="12" cy="6" rx="8" ry="3"/><path d="M4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"/>',
  screen: '<rect x="3" y="4" width="18" height="12.5" rx="2"/><path d="M8 20.5h8M12 16.5v4"/>',
  walk: '<circle cx="13" cy="4.5" r="1.8"/><path d="M10 21l2-6-2.5-2.5L11 8l3.5 3L17 12M13.5 21 14 16l-2-2.5M11 8l-3 2-.5 3"/>',
};

/** drawn says which icon stands for an option; what is not listed gets dots. */
const drawn: Record<string, string> = {
  "long-wait": "clock", waiting: "clock", "many-visits": "repeat", visits: "repeat",
  "unclear-guidance": "unclear", guidance: "guide", helpful: "guide",
  "poor-attitude": "frown", attitude: "calm", friendly: "smile",
  "not-transparent": "hidden", transparency: "eye", transparent: "eye",
  "made-difficult": "barrier", ease: "open", slow: "hourglass", speed: "fast", fast: "fast",
  place: "house", listens: "ear", "thanks-apologises": "heart", "on-time": "calendar",
  touting: "price", prices: "price", "fair-prices": "price",
  "no-prices": "list", "price-lists": "list", "listed-prices": "list", transport: "car",
  "dirty-beach": "waves", beach: "waves", "clean-beach": "waves",
  "blocked-pavement": "walk", pavement: "walk", "clear-pavement": "walk",
  unsafe: "shield", safety: "shield", safe: "shield",
  "phan-anh": "horn", "kien-nghi": "bulb", "gop-y": "guide", khen: "heart",
  "one-stop": "desk", police: "shield", health: "plus", neighbourhood: "people", sanitation: "leaf", order: "eye", tourism: "waves",
};

/** icon is a decorative drawing by name; words always stand beside it. */
export function icon(name: string): SVGElement {
  return parse(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${lines[name] ?? lines.other}</svg>`,
  );
}

export function optionIcon(id: string): SVGElement {
  return icon(drawn[id] ?? "other");
}

const called: Record<string, string> = { police: "shield", fire: "flame", ambulance: "plus", rescue: "ring", children: "people", ward: "house", health: "heart", electricity: "fast", water: "waves" };

/** callIcon stands for whom a number calls. */
export function callIcon(kind: string): SVGElement {
  return icon(called[kind] ?? "phone");
}

const told: Record<string, string> = {
  paused: "pause", "out-of-service": "barrier", "disk-fails": "disk", offline: "offline", "on-reserve": "disk", "no-words": "smile", "no-photo": "camera", "no-voice": "mic", "nearly-full": "disk",
  "clock-wrong": "clock", hot: "flame", power: "fast", "disk-worn": "disk", "screen-frozen": "screen", outdated: "repeat", "no-paper": "print", "no-printer": "print",
};

/** stateIcon stands for a state of the machine. */
export function stateIcon(state: string): SVGElement {
  return icon(told[state] ?? "info");
}

const agreed: Record<string, string> = { yes: "check", partly: "contrast", no: "cross", none: "other" };

export function agreementIcon(id: string): SVGElement {
  return icon(agreed[id] ?? "other");
}

export function faceOf(score: string): SVGElement {
  return parse(faces[score] ?? face3);
}

export function wardMark(): SVGElement {
  return parse(mark);
}

/** qrOf draws a receipt, with its quiet zone, black on white in every mode. */
export function qrOf({ size, path }: { size: number; path: string }): SVGElement {
  return parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 ${size + 8} ${size + 8}" shape-rendering="crispEdges"><path d="${path}"/></svg>`);
}

function parse(text: string): SVGElement {
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement as unknown as SVGElement;
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  return document.importNode(svg, true);
}
