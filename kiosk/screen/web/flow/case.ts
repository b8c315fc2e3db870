// What became of a message, by its receipt code: looked up, answered by its
// sender, and what the law lets a sender ask for. Pure, as all of flow/.

import { typed } from "./editing";
import type { Event, State, Step } from "./flow";
import { codeLength, draft } from "./message";

const caseScreens = ["lookup", "found", "reply", "rights", "demand", "replied"] as const;
export type CaseScreen = (typeof caseScreens)[number];

/** Right is what Law 91/2025/QH15 lets a sender ask for. */
export type Right = "see" | "correct" | "withdraw" | "delete";
export const rights: Right[] = ["see", "correct", "withdraw", "delete"];

export interface Found {
  outcome: "asking" | "known" | "waiting" | "deleted" | "unknown" | "often" | "failed";
  state: Record<string, string>; // in every language
  text: string;
  updated: string;
  version: number;
  mayReply: boolean; // it was answered
  rights: Right[]; // used here already
  replied: "" | "confirmed" | "reopened"; // here, to this answer
}

/** Word is what came of a sender's word: on its way, kept, or the code of why
 *  it is not. */
export type Word = "" | "asking" | "kept" | "trouble" | "no-result" | "too-many" | "conflict" | "refused";

export type CaseEvent =
  | { type: "find" }
  | { type: "answer"; code: string; found: Found }
  | { type: "score"; score: number }
  | { type: "reply"; reopen: boolean; request: string }
  | { type: "right"; right: Right }
  | { type: "demand"; request: string }
  | { type: "replied"; request: string; word: Word };

export type CaseEffect =
  | { type: "find"; code: string }
  | { type: "reply"; request: string; code: string; version: number; reopen: boolean; score: number }
  | { type: "demand"; request: string; code: string; right: Right };

export function isCase(screen: string): screen is CaseScreen {
  return (caseScreens as readonly string[]).includes(screen);
}

export function caseStep(s: State, e: Event): Step {
  const d = s.draft;
  switch (e.type) {
    case "go":
      return go(s, e.to);
    case "key":
      return [s.screen === "lookup" ? draft(s, typed(d, e.key)) : s, []];
    case "find":
      if ((s.screen !== "lookup" && s.screen !== "found") || d.code.length !== codeLength) return [s, []];
      return [{ ...s, screen: "found", desk: { ...s.desk, found: asking() } }, [{ type: "find", code: d.code }]];
    case "score":
      return s.screen === "reply" ? [{ ...s, desk: { ...s.desk, score: s.desk.score === e.score ? 0 : e.score } }, []] : [s, []];
    case "reply":
      return reply(s, e);
    case "right":
      return s.screen === "rights" ? [{ ...s, screen: "demand", desk: { ...s.desk, right: e.right } }, []] : [s, []];
    case "demand":
      if (s.screen !== "demand" || !s.desk.right) return [s, []];
      return [sent(s, e.request), [{ type: "demand", request: e.request, code: d.code, right: s.desk.right }]];
  }
  return [s, []];
}

function reply(s: State, e: { reopen: boolean; request: string }): Step {
  const { found, score } = s.desk;
  if (s.screen !== "reply" || !found?.mayReply) return [s, []];
  return [sent({ ...s, desk: { ...s.desk, reopen: e.reopen } }, e.request), [{ type: "reply", request: e.request, code: s.draft.code, version: found.version, reopen: e.reopen, score }]];
}

function sent(s: State, request: string): State {
  return { ...s, screen: "replied", desk: { ...s.desk, word: "asking", request } };
}

function go(s: State, to: string): Step {
  switch (to) {
    case "lookup":
      return [{ ...draft(s, { code: "", field: "code" }, "lookup"), desk: { ...s.desk, found: null, word: "" } }, []];
    case "found":
      return s.desk.found ? [{ ...s, screen: "found" }, []] : [s, []];
    case "reply":
      return s.desk.found?.mayReply ? [{ ...s, screen: "reply", desk: { ...s.desk, right: "" } }, []] : [s, []];
    case "rights":
      return s.draft.code.length === codeLength ? [{ ...s, screen: "rights" }, []] : [s, []];
  }
  return [s, []];
}

/** caseNews is news from the store, which may come at any moment. */
export function caseNews(s: State, e: Event): Step {
  if (e.type === "answer") return s.screen === "found" && e.code === s.draft.code ? [{ ...s, desk: { ...s.desk, found: e.found } }, []] : [s, []];
  if (e.type !== "replied" || s.screen !== "replied" || e.request !== s.desk.request) return [s, []];
  const found = e.word === "kept" && s.desk.found ? { ...s.desk.found, mayReply: s.desk.right !== "" && s.desk.found.mayReply } : s.desk.found;
  return [{ ...s, desk: { ...s.desk, word: e.word, found } }, []];
}

function asking(): Found {
  return { outcome: "asking", state: {}, text: "", updated: "", version: 0, mayReply: false, rights: [], replied: "" };
}
