// What the machine tells: its menu, the board, numbers to call, the guide for
// complaints, itself. Pure, as all of flow/.

import { Effect, Event, State, Step, resting } from "./flow";
import type { Found, Right, Word } from "./case";
import { draft } from "./message";

const deskScreens = ["menu", "surveys", "board", "notice", "numbers", "filing", "about", "machine"] as const;
export type DeskScreen = (typeof deskScreens)[number];

/** Card is how the machine is, for whoever looks after it. */
export interface Card {
  device: string;
  hub: string;
  connected: boolean;
  contact: string;
  started: string;
  now: string;
  conditions: { name: string; value: number; since: string }[];
  waiting: { records: number; files: number };
  room: { ratings: number; days: number; free: number };
}

/** Desk is what a resident looks at here, and what came of a look-up. */
export interface Desk {
  notice: string; // id of the one being read
  large: boolean; // the guide fills the panel, to be copied or photographed
  printed: "" | "asking" | "done" | "failed";
  card: Card | null;
  found: Found | null;
  score: number; // how satisfied with the reply; 0 not said
  reopen: boolean; // the reply was not enough
  right: Right | "";
  request: string; // the last that was sent, to be printed or kept
  word: Word;
}

export type DeskEvent =
  | { type: "go"; to: string }
  | { type: "notice"; id: string }
  | { type: "enlarge" }
  | { type: "convert"; kind: string } // a complaint or denunciation, sent as feedback to named officers
  | { type: "print"; what: "guide" | "receipt"; request: string }
  | { type: "printed"; request: string; ok: boolean }
  | { type: "inspected"; card: Card };

export type DeskEffect = { type: "print"; request: string; what: "guide" | "receipt"; code: string } | { type: "inspect" };

export function tidy(): Desk {
  return { notice: "", large: false, printed: "", card: null, found: null, score: 0, reopen: false, right: "", request: "", word: "" };
}

export function isDesk(screen: string): screen is DeskScreen {
  return (deskScreens as readonly string[]).includes(screen);
}

export function deskStep(s: State, e: Event): Step {
  switch (e.type) {
    case "go":
      return go(s, e.to);
    case "notice":
      return s.screen === "board" ? [{ ...s, screen: "notice", desk: { ...s.desk, notice: e.id } }, []] : [s, []];
    case "enlarge":
      return s.screen === "filing" ? [{ ...s, desk: { ...s.desk, large: !s.desk.large } }, []] : [s, []];
    case "convert":
      return s.screen === "filing" && s.offers.named ? [{ ...draft(s, { kind: e.kind, reader: "named", place: "" }, "subject"), desk: tidy() }, []] : [s, []];
  }
  return [s, []];
}

/** go walks between these screens; the way in is from where nothing is asked or
 *  begun. It ends the questions, as far as they were answered. */
function go(s: State, to: string): Step {
  const from = resting(s) || s.screen === "ask" || s.screen === "thanks" || s.screen === "kind" || isDesk(s.screen);
  if (!isDesk(to) || !from || s.locked) return [s, []];
  const left = { given: {}, picked: [], locked: false, fresh: false, redoing: false, choosing: false };
  const look: Effect[] = to === "machine" ? [{ type: "inspect" }] : [];
  return [{ ...s, ...left, screen: to, desk: tidy() }, [{ type: "stop", timer: "thanks" }, ...look]];
}

/** print asks for paper: the guide, or the receipt of what was just sent. */
export function print(s: State, e: { what: "guide" | "receipt"; request: string }): Step {
  if (s.screen !== (e.what === "guide" ? "filing" : "receipt") || s.desk.printed === "asking") return [s, []];
  const code = e.what === "receipt" ? s.draft.receipt : "";
  return [{ ...s, desk: { ...s.desk, printed: "asking", request: e.request } }, [{ type: "print", request: e.request, what: e.what, code }]];
}

/** deskNews says what came of printing, and of looking at the machine. */
export function deskNews(s: State, e: Event): Step {
  if (e.type === "inspected") return s.screen === "machine" ? [{ ...s, desk: { ...s.desk, card: e.card } }, []] : [s, []];
  if (e.type !== "printed" || e.request !== s.desk.request) return [s, []];
  return [{ ...s, desk: { ...s.desk, printed: e.ok ? "done" : "failed" } }, []];
}
