// The screens that tell: the menu, the board, numbers to call, the guide for
// complaints and denunciations, and what this machine is and keeps.

import { Card } from "../flow/desk";
import { State } from "../flow/flow";
import { offered } from "../flow/message";
import { Text } from "../flow/questions";
import { day } from "./cases";
import { h } from "./dom";
import { callIcon, icon, stateIcon } from "./icons";
import { consentText } from "./letters";
import { scroller } from "./scroller";
import { Sheet, choice, give, line, note, signed } from "./sheets";
import { Texts, compound, inLanguage } from "./texts";
import { Served, button } from "./view";

/** Notice is one sheet of the board: what was said, and what was done. */
export interface Notice {
  id: string;
  title: Text;
  body: Text;
  said?: Text;
  from?: string;
  sample?: boolean; // invented, to show what the board is for
}

/** Contact is somebody to call. */
export interface Contact {
  kind: string;
  name: Text;
  number: string;
  emergency?: boolean;
}

/** Times are hours, "07:30-11:30", on days of the week; none means all. */
export interface Times {
  weekdays?: string[];
  hours?: string[];
}

/** Board is what the ward tells here; texts are those it words itself, by id. */
export interface Board {
  notices: Notice[];
  texts: Record<string, Text>;
  contacts: Contact[];
  hours: Times[]; // when the house is open
  caretaker?: { name?: string; phone?: string };
}

export function deskSheet(s: State, t: Texts, served: Served): Sheet {
  switch (s.screen) {
    case "surveys":
      return { title: t.surveys, back: "menu", content: [h("div", { class: "gives" }, ...s.surveys.map((q) => give("survey", q.id, icon("list"), compound(t, inLanguage(q.title, s.language)), "")))] };
    case "board":
      return board(s, t, served);
    case "notice":
      return notice(s, t, served);
    case "numbers":
      return numbers(s, t, served);
    case "filing":
      return filing(s, t, served);
    case "about":
      return about(s, t, served);
    case "machine":
      return machine(s, t, served);
    default:
      return menu(s, t);
  }
}

function menu(s: State, t: Texts): Sheet {
  const open = offered(s.offers);
  const entry = (act: string, value: string, sign: string, label: string) => choice(act, value, sign, label, "", t);
  return {
    title: t.menuTitle, back: "home",
    content: [h("div", { class: "gives many" },
      open && !s.outOfService ? entry("compose", "", "write", t.compose) : null,
      open ? entry("lookup", "", "search", t.lookup) : null,
      entry("go", "board", "board", t.board),
      entry("go", "filing", "letter", t.filing),
      entry("go", "numbers", "phone", t.numbers),
      s.surveys.length > 1 && !s.outOfService ? entry("go", "surveys", "list", t.surveys) : null,
      entry("go", "about", "shield", t.about),
    )],
  };
}

function board(s: State, t: Texts, { board: { notices } }: Served): Sheet {
  const all = notices.map((n) => give("notice", n.id, icon(n.said ? "guide" : "board"), inLanguage(n.title, s.language), since(n, t)));
  return { title: t.board, back: "menu", content: [all.length > 0 ? scroller(t, h("div", { class: "gives few" }, ...all)) : signed("board", note(t, t.boardEmpty))] };
}

function notice(s: State, t: Texts, { board: { notices } }: Served): Sheet {
  const n = notices.find((e) => e.id === s.desk.notice);
  const told = (label: string, text: Text | undefined) => (text ? h("p", { class: "told" }, h("b", {}, compound(t, label)), h("span", {}, inLanguage(text, s.language))) : null);
  return {
    title: inLanguage(n?.title, s.language), back: "board", about: n ? since(n, t) : "",
    content: [scroller(t, told(t.said, n?.said), n?.said ? told(t.doneBy, n.body) : h("p", { class: "text" }, inLanguage(n?.body, s.language)))],
  };
}

function since(n: Notice, t: Texts): string {
  return [n.sample ? t.sample : "", n.from ? day(n.from) : ""].filter(Boolean).join(" · ");
}

function numbers(s: State, t: Texts, { board: { contacts } }: Served): Sheet {
  const call = ({ kind, name, number, emergency }: Contact) => line(callIcon(kind), emergency ? "number urgent" : "number", h("span", { class: "call" }, h("span", {}, compound(t, inLanguage(name, s.language))), h("b", {}, number)));
  return { title: t.numbers, back: "menu", about: t.numbersHelp, content: [scroller(t, h("div", { class: "lines calls" }, ...contacts.map(call)))] };
}

/** filing is for who came with a complaint or denunciation in the sense of the
 *  law: this machine takes none, and says who does. */
function filing(s: State, t: Texts, served: Served): Sheet {
  const { texts } = served.board;
  const told = (id: string, label: string) => (texts[id] ? h("p", { class: "told" }, h("b", {}, label), h("span", {}, compound(t, inLanguage(texts[id], s.language)))) : null);
  const place = [told("reception.place", t.filingPlace), told("reception.days", t.filingDays)].filter((e) => e !== null);
  const where = place.length > 0 ? place : [h("p", { class: "told" }, h("span", {}, compound(t, t.filingAsk)))];
  if (s.desk.large) return { title: t.filingPlace, back: "", content: [scroller(t, h("div", { class: "copy" }, ...where))], acts: [button("enlarge", "", "primary", t.close, icon("cross"))] };
  return {
    title: t.filing, back: "menu",
    content: [
      scroller(t, h("p", { class: "text" }, compound(t, t.filingText)), ...where, s.offers.named ? h("p", { class: "text" }, compound(t, t.convertHint)) : null),
      h("div", { class: "row" }, button("enlarge", "", "second", t.enlarge, icon("search")), printer(s, t, served, "guide")),
    ],
    acts: s.offers.named && served.form.kinds[0] ? [button("convert", served.form.kinds[0].id, "second", t.convert, icon("lock"))] : undefined,
  };
}

/** printer offers paper where there is any, and says what came of it. */
export function printer(s: State, t: Texts, served: Served, what: "guide" | "receipt"): HTMLElement | null {
  if (!served.printer) return null;
  const e = button("print", what, "second", s.desk.printed ? t.printed[s.desk.printed] : t.print, icon("print"));
  e.setAttribute("aria-disabled", String(s.desk.printed === "asking"));
  return e;
}

function about(s: State, t: Texts, served: Served): Sheet {
  const text = (sign: string, words: string) => line(icon(sign), "text", h("span", {}, words));
  return {
    title: t.about, back: "menu",
    content: [scroller(t,
      ...openHours(s, t, served), text("ear", compound(t, t.aboutText)), text("lock", compound(t, t.aboutNobody)),
      text("letter", consentText(served.form, "words", s.language)), text("person", compound(t, t.aboutRights)),
    )],
    acts: [button("go", "machine", "second", t.machine, icon("info")), offered(s.offers) ? button("lookup", "", "primary", t.mine, icon("person")) : null],
  };
}

/** openHours of the house, a line for each time it is open. */
function openHours(s: State, t: Texts, { board: { hours } }: Served): HTMLElement[] {
  if (hours.length === 0) return [];
  const day = (id: string) => new Intl.DateTimeFormat(s.language, { weekday: "long" }).format(new Date(Date.UTC(2024, 0, 1 + week.indexOf(id), 12)));
  const line = ({ weekdays, hours: times }: Times) => h("span", {}, [(weekdays ?? []).map(day).join(", "), (times ?? []).join(", ")].filter(Boolean).join(": "));
  return [h("p", { class: "told" }, h("b", {}, t.openHours), ...hours.map(line))];
}

const week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** machine is what a caretaker reads out on the telephone. */
function machine(s: State, t: Texts, served: Served): Sheet {
  const { caretaker } = served.board;
  const who = [caretaker?.name, caretaker?.phone].filter(Boolean).join(" · ");
  const words: Record<string, string | undefined> = t.states;
  const states = s.states.map((state) => line(stateIcon(state), grave.includes(state) ? "grave" : "", h("span", {}, compound(t, words[state] ?? state))));
  const facts: Fact[] = [["phone", t.factCaretaker, who], ["pin", t.factPlace, served.place], ...(s.desk.card ? cardFacts(s.desk.card, t) : []), ["info", t.factProgram, served.program]];
  return {
    title: t.machine, back: "about",
    content: [scroller(t,
      states.length > 0 ? h("div", { class: "lines" }, ...states) : null,
      h("div", { class: "lines facts" }, ...facts.filter(([, , value]) => value !== "").map(fact)),
    )],
  };
}

/** grave states are those in which the machine does not serve as it should. */
const grave = ["paused", "out-of-service", "disk-fails"];

type Fact = [sign: string, name: string, value: string];

function fact([sign, name, value]: Fact): HTMLElement {
  return line(icon(sign), value.length > 22 ? "long" : "", h("span", { class: "word" }, h("small", {}, name), h("b", {}, value)));
}

/** cardFacts are those of the caretaker's card; what is not known is empty. */
function cardFacts({ device, hub, connected, contact, started, now, conditions, waiting, room }: Card, t: Texts): Fact[] {
  return [
    ["screen", t.facts.device, device], ["clock", t.facts.now, now.slice(11, 16) + " " + day(now)], ["globe", t.facts.hub, hub],
    ["send", t.facts.contact, connected ? t.connected : day(contact)], ["fast", t.facts.started, day(started)],
    ["hourglass", t.facts.waiting, `≤ ${waiting.records} + ≤ ${waiting.files}`], ["disk", t.facts.free, room.free < 0 ? "" : `${(room.free / 2 ** 30).toFixed(1)} GiB`],
    ["guide", t.facts.room, [room.ratings < 0 ? "" : t.ratings.replace("{n}", grand(room.ratings)), room.days < 0 ? "" : t.days.replace("{n}", grand(room.days))].filter(Boolean).join(" · ")],
    ["list", t.facts.conditions, conditions.map((c) => c.name).join(", ")],
  ];
}

/** grand is a number as it is written in Vietnam: 2.000.000. */
function grand(n: number): string {
  return n.toLocaleString("vi-VN");
}
