// The screens of a case: the code typed, what became of it, what its sender says
// to that, and what the law lets a sender ask for.

import { Found, Right, rights } from "../flow/case";
import { State } from "../flow/flow";
import { h } from "./dom";
import { faceOf, icon } from "./icons";
import { codeKeys } from "./keys";
import { scroller } from "./scroller";
import { Sheet, choice, hearing, note, personal, signed } from "./sheets";
import { Texts, compound, inLanguage } from "./texts";
import { Served, button } from "./view";

const outcomes: Record<Found["outcome"], string> = { known: "letter", asking: "search", waiting: "hourglass", deleted: "cross", unknown: "unclear", often: "hourglass", failed: "again" };
const signs: Record<Right, string> = { see: "eye", correct: "write", withdraw: "again", delete: "cross" };

export function caseSheet(s: State, t: Texts, served: Served): Sheet {
  switch (s.screen) {
    case "lookup":
      return { title: t.lookupTitle, back: "home", content: [h("p", { class: "code typed", "aria-live": "polite" }), codeKeys(t)], acts: [button("key", "back", "second", t.keyBack, icon("cross")), button("find", "", "primary", t.find, icon("search"))] };
    case "reply":
      return reply(s, t, served);
    case "rights":
      return { title: t.rightsTitle, back: "found", about: t.rightsHelp, content: [h("div", { class: "gives" }, ...rights.map((r) => choice("right", r, signs[r], t.rights[r], t.rightsWithin[r], t)))] };
    case "demand":
      return demand(s, t);
    case "replied":
      return replied(s, t);
    default:
      return found(s, t);
  }
}

function found(s: State, t: Texts): Sheet {
  const f = s.desk.found!;
  const said = f.outcome === "known" ? inLanguage(f.state, s.language) : { asking: t.asking, waiting: t.waiting, deleted: t.deleted, unknown: t.unknown, often: t.often, failed: t.findFailed }[f.outcome];
  const own = [
    f.text ? h("p", { class: "told" }, f.text) : null,
    f.replied ? note(t, t[f.replied]) : null,
    f.rights.length > 0 ? note(t, `${t.askedFor}: ${f.rights.map((r) => t.rights[r]).join(", ")}`) : null,
  ].filter((e) => e !== null).map(personal);
  const mine = f.outcome === "known" || f.outcome === "waiting" || f.outcome === "unknown";
  return {
    title: t.lookup, back: "lookup",
    content: [scroller(t, signed(outcomes[f.outcome],
      h("p", { class: "state", "aria-live": "polite" }, compound(t, said)),
      ...(s.aloud && own.length > 0 ? hearing(t) : []),
      ...own,
      f.updated ? h("p", { class: "note" }, `${t.updated}: ${day(f.updated)}`) : null,
    ))],
    acts: [
      mine ? button("go", "rights", "second", t.mine, icon("person")) : null,
      f.outcome === "failed" || f.outcome === "often" ? button("find", "", "primary", t.tryAgain, icon("again"))
        : f.mayReply ? button("go", "reply", "primary", t.reply, icon("guide")) : button("go", "home", "primary", t.done, icon("check")),
    ],
  };
}

/** reply asks how satisfied the sender is, which may be left out, and whether
 *  the matter is settled. */
function reply(s: State, t: Texts, served: Served): Sheet {
  const faces = served.scale.map(({ score, text }) => h("button", { type: "button", class: "mood", "data-act": "score", "data-value": String(score), "aria-pressed": "false" },
    h("span", { class: "face" }, faceOf(String(score))), h("span", { class: "word" }, compound(t, inLanguage(text, s.language)))));
  return {
    title: t.replyTitle, back: "found", about: t.replyHelp,
    content: [h("div", { class: "moods" }, ...faces)],
    acts: [button("reply", "reopen", "second", t.reopen, icon("again")), button("reply", "confirm", "second", t.confirm, icon("check"))],
  };
}

function demand(s: State, t: Texts): Sheet {
  const right = s.desk.right as Right;
  return {
    title: t.rights[right], back: "rights",
    content: [signed(signs[right], note(t, t.rightsMeans[right]), note(t, t.rightsWithin[right]))],
    acts: [button("demand", "", "primary", t.demand, icon("send"))],
  };
}

/** replied says what came of it, and never thanks for what is not kept. */
function replied(s: State, t: Texts): Sheet {
  const { word, right, reopen } = s.desk;
  const waits = word === "asking" || word === "trouble";
  if (waits) return { title: t.savingTitle, back: "", content: [signed("hourglass", note(t, t.words[word]))] };
  const kept = word === "kept";
  const said = kept ? (right ? t.demanded : reopen ? t.reopened : t.confirmed) : t.words[word as "refused"];
  return {
    title: kept ? t.keptTitle : t.notKeptTitle, back: "",
    content: [signed(kept ? "check" : "unclear", note(t, said))],
    acts: [button("go", "home", "primary", t.done, icon("check"))],
  };
}

/** patchCase writes what changes while a sheet stands. */
export function patchCase(root: HTMLElement, s: State): void {
  for (const e of root.querySelectorAll<HTMLElement>(".mood")) {
    const chosen = e.dataset.value === String(s.desk.score);
    e.classList.toggle("chosen", chosen);
    e.setAttribute("aria-pressed", String(chosen));
  }
}

/** day as it is written in Vietnam, or, on a page in their language, in Korea
 *  and China; what is no date is shown as it came. */
export function day(text: string): string {
  const [whole, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})/.exec(text) ?? [];
  if (!whole) return text;
  return /^(ko|zh)/.test(document.documentElement.lang) ? whole : `${date}/${month}/${year}`;
}
