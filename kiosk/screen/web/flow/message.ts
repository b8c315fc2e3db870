// A message as a pure function: words, a recording and a photo are gathered,
// agreed to and sent. What was said or seen itself stays outside, in
// parts/media.ts; the state only knows that it is there.

import type { Effect, Event, State, Step } from "./flow";
import { erase, letter, tone, tones } from "./typing";

export const messageScreens = ["compose", "write", "voice", "photo", "contact", "agree", "sending", "receipt", "lookup", "found"] as const;
export type MessageScreen = (typeof messageScreens)[number];

/** Offers is what the kiosk takes now. */
export interface Offers {
  words: boolean;
  photo: boolean;
  voice: boolean;
  cases: boolean;
}

export type Field = "words" | "name" | "phone" | "code";
export type Device = "voice" | "photo";

export interface Found {
  outcome: "asking" | "known" | "unknown" | "failed";
  state: string;
  text: string;
  updated: string;
}

export interface Draft {
  kind: string;
  words: string;
  name: string;
  phone: string;
  code: string; // typed in the look-up
  field: Field; // the one being typed
  capital: boolean; // the next letter is one
  digits: boolean; // the keyboard shows them
  live: Device | ""; // microphone or camera, open or opening
  open: boolean; // it is
  blocked: boolean; // it could not be opened
  voice: number; // seconds recorded; 0 nothing
  photo: boolean;
  agreed: string[]; // purposes
  request: string;
  receipt: string;
  trouble: boolean;
  found: Found | null;
}

export type MessageEvent =
  | { type: "compose" }
  | { type: "lookup" }
  | { type: "offers"; offers: Offers }
  | { type: "go"; to: MessageScreen | "home" }
  | { type: "edit"; field: Field }
  | { type: "kind"; kind: string }
  | { type: "key"; key: string }
  | { type: "open"; device: Device }
  | { type: "opened" }
  | { type: "blocked" }
  | { type: "stop" }
  | { type: "recorded"; seconds: number }
  | { type: "photographed" }
  | { type: "drop"; what: Device }
  | { type: "replay" }
  | { type: "consent"; purpose: string }
  | { type: "post"; request: string; receipt: string }
  | { type: "posted"; request: string; outcome: "saved" | "failed" | "refused" }
  | { type: "find" }
  | { type: "answer"; found: Found };

export type MessageEffect =
  | { type: "open"; device: Device }
  | { type: "finish" } // the recording, or take the photo
  | { type: "close" } // every track, and what it was recording
  | { type: "drop"; what: Device }
  | { type: "replay" }
  | { type: "post" }
  | { type: "find"; code: string };

export const mostWords = 2000;
export const codeLength = 10;
const crockford = /^[0-9A-HJKMNP-TV-Z]$/;
const mostContact: Record<string, number> = { name: 100, phone: 20, code: codeLength };

export function blank(): Draft {
  return {
    kind: "phan-anh", words: "", name: "", phone: "", code: "", field: "words", capital: true, digits: false,
    live: "", open: false, blocked: false, voice: 0, photo: false, agreed: [], request: "", receipt: "", trouble: false, found: null,
  };
}

export function isMessage(screen: string): screen is MessageScreen {
  return (messageScreens as readonly string[]).includes(screen);
}

/** offered says whether a message could be sent and read. */
export function offered(o: Offers): boolean {
  return o.cases && (o.words || o.voice || o.photo);
}

/** something says whether there is anything to send; contact alone is not. */
export function something(d: Draft): boolean {
  return d.words.trim() !== "" || d.voice > 0 || d.photo;
}

export function hasContact(d: Draft): boolean {
  return d.name.trim() !== "" || d.phone.trim() !== "";
}

/** purposes that need a consent before sending. */
export function purposes(d: Draft): string[] {
  return [hasContact(d) ? "contact" : "", d.voice > 0 ? "voice" : "", d.photo ? "photo" : ""].filter((p) => p !== "");
}

export function mayPost(d: Draft): boolean {
  return something(d) && purposes(d).every((p) => d.agreed.includes(p));
}

/** enter begins a message or a look-up. */
export function enter(s: State, e: { type: "compose" | "lookup" }): Step {
  const from = s.screen === "attract" || s.screen === "thanks" || s.screen === "receipt" || s.screen === "found";
  if (!from || !offered(s.offers)) return [s, []];
  const fresh: State = { ...s, given: {}, picked: [], draft: blank(), screen: e.type === "compose" ? "compose" : "lookup" };
  return [{ ...fresh, draft: { ...fresh.draft, field: e.type === "compose" ? "words" : "code" } }, [{ type: "stop", timer: "thanks" }]];
}

/** messageStep handles what is said and shown on these screens. Who calls it
 *  starts the idle clock again. */
export function messageStep(s: State, e: Event): Step {
  const d = s.draft;
  switch (e.type) {
    case "go":
      return go(s, e.to as MessageScreen);
    case "edit":
      return [draft(s, { field: e.field, capital: e.field !== "phone" && d[e.field] === "", digits: e.field === "phone" }, "write"), []];
    case "kind":
      return [draft(s, { kind: e.kind }), []];
    case "key":
      return [draft(s, typed(d, e.key)), []];
    case "consent":
      return [draft(s, { agreed: d.agreed.includes(e.purpose) ? d.agreed.filter((p) => p !== e.purpose) : [...d.agreed, e.purpose] }), []];
    case "post":
      return post(s, e);
    case "find":
      if (d.code.length !== codeLength) return [s, []];
      return [draft(s, { found: { outcome: "asking", state: "", text: "", updated: "" } }, "found"), [{ type: "find", code: d.code }]];
  }
  return devices(s, e);
}

function devices(s: State, e: Event): Step {
  const d = s.draft;
  switch (e.type) {
    case "open":
      if (d.live || s.screen !== e.device || !s.offers[e.device]) return [s, []];
      return [draft(s, { ...gone(d, e.device), live: e.device, open: false, blocked: false }), [{ type: "drop", what: e.device }, { type: "open", device: e.device }]];
    case "stop":
      return d.live && d.open ? [s, [{ type: "finish" }]] : [s, []];
    case "drop":
      return [draft(s, gone(d, e.what)), [{ type: "drop", what: e.what }]];
    case "replay":
      return d.voice > 0 ? [s, [{ type: "replay" }]] : [s, []];
  }
  return [s, []];
}

/** gone is a draft without a recording or photo, and without the consent. */
function gone(d: Draft, what: Device): Partial<Draft> {
  const agreed = d.agreed.filter((p) => p !== what);
  return what === "voice" ? { voice: 0, agreed } : { photo: false, agreed };
}

/** newsStep is news from devices and store, which may come at any moment. */
export function newsStep(s: State, e: Event): Step {
  const d = s.draft;
  const ofDevice = e.type !== "answer" && e.type !== "posted";
  if (ofDevice && !d.live) return [s, []]; // closed meanwhile
  switch (e.type) {
    case "opened":
      return [draft(s, { open: true }), []];
    case "blocked":
      return [draft(s, { live: "", open: false, blocked: true }), []];
    case "recorded":
      return [draft(s, { live: "", open: false, voice: e.seconds }), []];
    case "photographed":
      return [draft(s, { live: "", open: false, photo: true }), []];
    case "answer":
      return s.screen === "found" ? [draft(s, { found: e.found }), []] : [s, []];
    case "posted":
      return posted(s, e.request, e.outcome);
  }
  return [s, []];
}

function posted(s: State, request: string, outcome: "saved" | "failed" | "refused"): Step {
  if (s.screen !== "sending" || request !== s.draft.request) return [s, []];
  if (outcome === "failed") return [draft(s, { trouble: true }), []];
  const stop: Effect[] = [{ type: "stop", timer: "leave" }];
  // A refused message stands as it is, to be changed and sent again.
  if (outcome === "refused") return [{ ...draft(s, { trouble: true, request: "", receipt: "" }, "compose"), warning: false }, stop];
  // What was sent is not needed any more, only the way back to it.
  const kept = { ...blank(), request: s.draft.request, receipt: s.draft.receipt };
  return [{ ...s, warning: false, draft: kept, screen: "receipt" }, [...stop, { type: "drop", what: "voice" }, { type: "drop", what: "photo" }]];
}

function post(s: State, e: { request: string; receipt: string }): Step {
  const d = s.draft;
  if ((s.screen !== "compose" && s.screen !== "agree") || !something(d)) return [s, []];
  if (!mayPost(d)) return [{ ...s, screen: "agree" }, []];
  return [draft(s, { request: e.request, receipt: e.receipt, trouble: false }, "sending"), [{ type: "post" }]];
}

/** go moves between the screens of a draft; an open device is closed. */
function go(s: State, to: MessageScreen): Step {
  const within = ["compose", "write", "voice", "photo", "contact", "agree", "lookup"];
  if (!within.includes(to) || s.screen === "sending" || s.screen === "receipt") return [s, []];
  const closed: Effect[] = s.draft.live ? [{ type: "close" }] : [];
  const after = { live: "", open: false, blocked: false, trouble: false } as const;
  return [draft(s, to === "lookup" ? { ...after, code: "", field: "code", found: null } : after, to), closed];
}

function draft(s: State, change: Partial<Draft>, screen = s.screen): State {
  return { ...s, screen, draft: { ...s.draft, ...change } };
}

/** typed is what a key does to the field being typed. */
function typed(d: Draft, key: string): Partial<Draft> {
  switch (key) {
    case "shift":
      return { capital: !d.capital };
    case "digits":
      return { digits: !d.digits };
    case "back":
      return { [d.field]: erase(d[d.field]) };
  }
  if (tones[key]) return { [d.field]: tone(d[d.field], tones[key]!) };
  const most = mostContact[d.field] ?? mostWords;
  const character = key === "space" ? " " : d.capital || d.field === "code" ? key.toUpperCase() : key;
  if (d.field === "code" && !crockford.test(character)) return {};
  if (Array.from(d[d.field]).length >= most) return {};
  const text = letter(d[d.field], character);
  return { [d.field]: text, capital: d.field !== "code" && (/[.?!\n]\s*$/.test(text) || (d.field === "name" && character === " ")) };
}
