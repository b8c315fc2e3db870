// A message as a pure function: words, a recording and a photo are gathered,
// agreed to and sent. What was said or seen itself stays outside, in
// parts/media.ts; the state only knows that it is there.

import { Typing, ended, idle, most, opened, typed } from "./editing";
import { Effect, Event, State, Step, front } from "./flow";
import { isDesk, tidy } from "./desk";

const messageScreens = ["kind", "subject", "where", "compose", "write", "voice", "photo", "contact", "reader", "agree", "sending", "receipt"] as const;
export type MessageScreen = (typeof messageScreens)[number];

/** Offers is what the kiosk takes now. */
export interface Offers {
  words: boolean;
  photo: boolean;
  voice: boolean;
  cases: boolean; // the ward reads it
  named: boolean; // or only officers named for it
  places: boolean; // it may be about one of several
}

export type Field = "words" | "name" | "phone" | "address" | "code";
export type Device = "voice" | "photo";
export type Reader = "cases" | "named";

/** Outcome of one attempt: kept, to be repeated as it was, or the code of why
 *  it will never be taken as it is. */
export type Outcome = { kept: Receipt } | "failed" | { refused: string };

/** Receipt is what the store drew of a code: an SVG path in a square of so
 *  many units; page is where the code can be looked up from home, or empty. */
export interface Receipt {
  size: number;
  path: string;
  page: string;
}

export interface Draft {
  kind: string; // "" until chosen
  subject: string; // "" for none of those offered
  reader: Reader;
  words: string;
  name: string;
  phone: string;
  address: string;
  code: string; // typed in the look-up
  place: string; // where it is about; "" for none
  field: Field; // the one being typed
  typing: Typing;
  live: Device | ""; // microphone or camera, open or opening
  open: boolean; // it is
  blocked: "" | "missing" | "refused"; // why it could not be opened
  voice: number; // seconds recorded; 0 nothing
  photo: boolean;
  agreed: Record<string, string>; // purpose → language of the text that was read
  request: string;
  receipt: string;
  drawn: Receipt | null;
  trouble: boolean; // the last attempt failed
  refused: string; // why the store will not take it as it is
}

export type MessageEvent =
  | { type: "compose" }
  | { type: "lookup" }
  | { type: "offers"; offers: Offers }
  | { type: "edit"; field: Field }
  | { type: "kind"; kind: string }
  | { type: "subject"; subject: string }
  | { type: "where"; place: string }
  | { type: "reader"; reader: Reader }
  | { type: "key"; key: string }
  | { type: "open"; device: Device }
  | { type: "opened" }
  | { type: "blocked"; why: "missing" | "refused" }
  | { type: "stop" }
  | { type: "release" } // a button that was held to speak
  | { type: "recorded"; seconds: number }
  | { type: "photographed" }
  | { type: "drop"; what: Device }
  | { type: "replay" }
  | { type: "consent"; purpose: string; request: string; receipt: string }
  | { type: "dissent"; purpose: string }
  | { type: "post"; request: string; receipt: string }
  | { type: "posted"; request: string; outcome: Outcome };

export type MessageEffect =
  | { type: "open"; device: Device }
  | { type: "finish" } // the recording, or take the photo
  | { type: "close" } // every track, and what it was recording
  | { type: "drop"; what: Device }
  | { type: "replay" }
  | { type: "post" };

export const codeLength = most.code;

export function blank(): Draft {
  return {
    kind: "", subject: "", reader: "cases", words: "", name: "", phone: "", address: "", code: "", field: "words", typing: idle(),
    live: "", open: false, blocked: "", voice: 0, photo: false, agreed: {}, request: "", receipt: "", drawn: null, trouble: false, refused: "", place: "",
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
  return d.name.trim() !== "" || d.phone.trim() !== "" || d.address.trim() !== "";
}

/** purposes that need a consent before sending. */
export function purposes(d: Draft): string[] {
  return [hasContact(d) ? "contact" : "", d.voice > 0 ? "voice" : "", d.photo ? "photo" : ""].filter((p) => p !== "");
}

/** toAgree is the purpose whose consent is asked next, or empty. */
export function toAgree(d: Draft): string {
  return purposes(d).find((p) => !d.agreed[p]) ?? "";
}

/** enter begins a message or a look-up, beside a question or after a visit. */
export function enter(s: State, e: { type: "compose" | "lookup" }): Step {
  const after = s.screen === "thanks" || s.screen === "receipt" || s.screen === "found" || s.screen === "filing" || s.screen === "rights";
  if ((!after && !front(s) && !isDesk(s.screen)) || s.locked || !offered(s.offers)) return [s, []];
  if (e.type === "compose" && s.outOfService) return [s, []];
  const fresh: State = { ...s, given: {}, picked: [], fresh: false, redoing: false, choosing: false, draft: blank(), desk: tidy() };
  const stop: Effect[] = (["thanks", "undo", "redo", "stale"] as const).map((timer) => ({ type: "stop", timer }));
  const begun: State = e.type === "compose" ? { ...fresh, screen: "kind" } : { ...fresh, screen: "lookup", draft: { ...fresh.draft, field: "code" } };
  return [begun, [...stop, { type: "drop", what: "voice" }, { type: "drop", what: "photo" }]];
}

/** messageStep handles what is said and shown on these screens. Who calls it
 *  starts the idle clock again. */
export function messageStep(s: State, e: Event): Step {
  const d = s.draft;
  switch (e.type) {
    case "go":
      return go(s, e.to as MessageScreen);
    case "edit":
      return writable(s) ? [draft(s, opened(d, e.field, s.language), "write"), []] : [s, []];
    case "kind":
    case "subject":
    case "where":
    case "reader":
      return chosen(s, e);
    case "key":
      return s.screen === "write" ? [draft(s, typed(d, e.key)), []] : [s, []];
    case "consent":
    case "dissent":
      return agree(s, e);
    case "post":
      return post(s, e);
  }
  return devices(s, e);
}

/** writable: a field is chosen beside what else can be given, or in place of a
 *  device that did not open. */
function writable(s: State): boolean {
  return s.screen === "compose" || s.screen === "contact" || ((s.screen === "voice" || s.screen === "photo") && s.draft.live === "");
}

/** askWhere says whether a place may be told. Not to named officers: it would
 *  stand open in the record, and could tell who spoke. */
export function askWhere(s: State): boolean {
  return s.offers.places && s.draft.reader === "cases";
}

/** chosen goes on with what a message is about and who reads it. */
function chosen(s: State, e: Event): Step {
  if (e.type !== s.screen) return [s, []];
  switch (e.type) {
    case "kind":
      return [draft(s, { kind: e.kind }, "subject"), []];
    case "where":
      return [draft(s, { place: e.place }, "compose"), []];
    case "subject":
      return [draft(s, { subject: e.subject }, askWhere(s) ? "where" : "compose"), []];
    case "reader":
      return [draft(s, { reader: e.reader, refused: "", place: e.reader === "named" ? "" : s.draft.place }, "compose"), []];
  }
  return [s, []];
}

/** agree keeps a consent and goes on to the next, or sends; what is not agreed
 *  to is taken out, and nothing is sent. */
function agree(s: State, e: Event): Step {
  const d = s.draft;
  if (s.screen !== "agree" || (e.type !== "consent" && e.type !== "dissent") || e.purpose !== toAgree(d)) return [s, []];
  if (e.type === "consent") return post(draft(s, { agreed: { ...d.agreed, [e.purpose]: s.language } }), e);
  if (e.purpose === "contact") return [draft(s, { name: "", phone: "", address: "" }, "compose"), []];
  const what = e.purpose as Device;
  return [draft(s, gone(d, what), "compose"), [{ type: "drop", what }]];
}

function devices(s: State, e: Event): Step {
  const d = s.draft;
  switch (e.type) {
    case "open":
      if (d.live || s.screen !== e.device || !s.offers[e.device]) return [s, []];
      return [draft(s, { ...gone(d, e.device), live: e.device, open: false, blocked: "" }), [{ type: "drop", what: e.device }, { type: "open", device: e.device }]];
    case "stop":
      return d.live && d.open ? [s, [{ type: "finish" }]] : [s, []];
    case "release":
      if (d.live !== "voice") return [s, []];
      return d.open ? [s, [{ type: "finish" }]] : [draft(s, { live: "" }), [{ type: "close" }]]; // let go before it listened
    case "drop":
      return s.screen === e.what ? [draft(s, gone(d, e.what)), [{ type: "drop", what: e.what }]] : [s, []];
    case "replay":
      return d.voice > 0 ? [s, [{ type: "replay" }]] : [s, []];
  }
  return [s, []];
}

/** gone is a draft without a recording or photo, and without the consent. */
function gone(d: Draft, what: Device): Partial<Draft> {
  const { [what]: _, ...agreed } = d.agreed;
  return what === "voice" ? { voice: 0, agreed } : { photo: false, agreed };
}

/** newsStep is news from devices and store, which may come at any moment. */
export function newsStep(s: State, e: Event): Step {
  const d = s.draft;
  if (e.type !== "posted" && !d.live) return [s, []]; // closed meanwhile
  switch (e.type) {
    case "opened":
      return [draft(s, { open: true }), []];
    case "blocked":
      return [draft(s, { live: "", open: false, blocked: e.why }), []];
    case "recorded":
      return [draft(s, { live: "", open: false, voice: e.seconds }), []];
    case "photographed":
      return [draft(s, { live: "", open: false, photo: true }), []];
    case "posted":
      return posted(s, e.request, e.outcome);
  }
  return [s, []];
}

function posted(s: State, request: string, outcome: Outcome): Step {
  if (s.screen !== "sending" || request !== s.draft.request) return [s, []];
  if (outcome === "failed") return [draft(s, { trouble: true }), []];
  const stop: Effect[] = [{ type: "stop", timer: "leave" }];
  // A refused message stands as it is, to be changed and sent again.
  if ("refused" in outcome) {
    const again = { trouble: false, refused: outcome.refused, request: "", receipt: "" };
    return [{ ...draft(s, again, "compose"), warning: false }, stop];
  }
  // What was sent is not needed any more, only the way back to it.
  const { receipt, reader } = s.draft;
  const kept: Draft = { ...blank(), request, receipt, reader, drawn: outcome.kept };
  return [{ ...s, warning: false, draft: kept, screen: "receipt" }, [...stop, { type: "drop", what: "voice" }, { type: "drop", what: "photo" }]];
}

function post(s: State, e: { request: string; receipt: string }): Step {
  const d = s.draft;
  if ((s.screen !== "compose" && s.screen !== "agree") || !something(d)) return [s, []];
  if (toAgree(d)) return [draft(s, { refused: "" }, "agree"), []];
  return [draft(s, { request: e.request, receipt: e.receipt, trouble: false, refused: "" }, "sending"), [{ type: "post" }]];
}

/** go moves between the screens of a draft; an open device is closed. */
function go(s: State, to: MessageScreen): Step {
  const within = ["kind", "subject", "where", "compose", "voice", "photo", "contact", "reader"];
  if (!within.includes(to) || s.screen === "sending" || s.screen === "receipt") return [s, []];
  const closed: Effect[] = s.screen === "voice" || s.screen === "photo" ? [{ type: "close" }] : [];
  const after = { live: "", open: false, blocked: "", refused: "", typing: ended(s.draft.typing) } as const;
  return [draft(s, after, to), closed];
}

export function draft(s: State, change: Partial<Draft>, screen = s.screen): State {
  return { ...s, screen, draft: { ...s.draft, ...change } };
}
