// The screens of a message: what to give, giving it, agreeing, the receipt,
// and the look-up.

import { State } from "../flow/flow";
import { Draft, Field, codeLength, hasContact, mayPost, purposes, something } from "../flow/message";
import { MessageForm } from "../flow/questions";
import { h } from "./dom";
import { icon } from "./icons";
import { codeKeys, keyboard } from "./keys";
import { consentText, grouped } from "./letters";
import { Texts, compound, fill } from "./texts";
import { button, inLanguage } from "./view";

/** sheetKey changes when a sheet must be built anew. */
export function sheetKey(s: State): string {
  const d = s.draft;
  return JSON.stringify([d.field, d.digits, d.live, d.open, d.blocked, d.voice, d.photo, d.trouble, d.found, s.screen === "compose" && s.offers]);
}

/** liveBar says across the whole screen that something listens or looks. */
export function liveBar(s: State, t: Texts): HTMLElement {
  const mic = s.draft.live === "voice";
  return h("div", { class: "live", role: "status", hidden: s.draft.live === "" }, icon(mic ? "mic" : "camera"), h("strong", {}, s.draft.live === "" ? "" : mic ? t.micOn : t.cameraOn));
}

export function sheet(s: State, t: Texts, form: MessageForm): HTMLElement[] {
  switch (s.screen) {
    case "compose":
      return [page(t, "home", t.composeTitle, ...compose(s, t, form))];
    case "write":
      return [page(t, s.draft.field === "words" ? "compose" : "contact", t[s.draft.field === "words" ? "write" : (s.draft.field as "name")], ...write(s, t))];
    case "voice":
      return [page(t, "compose", t.speak, ...voice(s.draft, t))];
    case "photo":
      return [page(t, "compose", t.shoot, ...photo(s.draft, t))];
    case "contact":
      return [page(t, "compose", t.contactTitle, ...contact(s.draft, t))];
    case "agree":
      return [page(t, "compose", t.agreeTitle, ...agree(s, t, form))];
    case "sending":
      return [page(t, "", s.draft.trouble ? t.troubleTitle : t.sendingTitle, h("p", { class: "note" }, compound(t, s.draft.trouble ? t.troubleText : t.savingText)))];
    case "receipt":
      return [page(t, "", t.receiptTitle, ...receipt(s.draft, t))];
    case "lookup":
      return [page(t, "home", t.lookupTitle, h("p", { class: "code typed", "aria-live": "polite" }), codeKeys(t), button("find", "", "primary", t.find, icon("search")))];
    default:
      return [page(t, "lookup", t.lookup, ...found(s, t))];
  }
}

/** patchSheet writes what changes while a sheet stands. */
export function patchSheet(root: HTMLElement, s: State): void {
  const d = s.draft;
  const each = (selector: string, change: (e: HTMLElement) => void) => root.querySelectorAll<HTMLElement>(selector).forEach(change);
  each(".paper", (e) => {
    e.querySelector("span")!.textContent = d[d.field];
    e.scrollTop = e.scrollHeight;
  });
  each(".code.typed", (e) => (e.textContent = grouped(d.code.padEnd(codeLength, "·"))));
  each(".key[data-letter]", (e) => (e.firstElementChild!.textContent = d.capital ? e.dataset.value!.toUpperCase() : e.dataset.value!));
  each("[data-value=shift]", (e) => e.setAttribute("aria-pressed", String(d.capital)));
  each(".kind", (e) => e.setAttribute("aria-pressed", String(e.dataset.value === d.kind)));
  each(".consent button", (e) => e.setAttribute("aria-pressed", String(d.agreed.includes(e.dataset.value!))));
  each("[data-act=post]", (e) => e.setAttribute("aria-disabled", String(s.screen === "agree" ? !mayPost(d) : !something(d))));
  each("[data-act=find]", (e) => e.setAttribute("aria-disabled", String(d.code.length < codeLength)));
}

function page(t: Texts, back: string, title: string, ...content: (HTMLElement | null)[]): HTMLElement {
  return h("main", { class: "sheet" },
    h("header", {}, back ? button("go", back, "second", t.back, icon("left")) : null, h("h1", { tabindex: "-1" }, compound(t, title))),
    h("div", { class: "content" }, ...content),
  );
}

function compose(s: State, t: Texts, form: MessageForm): HTMLElement[] {
  const d = s.draft;
  const kinds = form.kinds.map(({ id, text }) => h("button", { type: "button", class: "kind", "data-act": "kind", "data-value": id }, inLanguage(text, s.language)));
  return [
    h("div", { class: "kinds", role: "group", "aria-label": t.kinds }, ...kinds),
    h("div", { class: "gives" },
      give("edit", "words", "write", t.write, d.words.trim(), s.offers.words, t),
      give("go", "voice", "mic", t.speak, d.voice > 0 ? fill(t.recordedFor, d.voice, 0) : "", s.offers.voice, t),
      give("go", "photo", "camera", t.shoot, d.photo ? t.ready : "", s.offers.photo, t),
      give("go", "contact", "phone", t.contact, hasContact(d) ? t.ready : "", true, t),
    ),
    h("p", { class: "note" }, compound(t, d.trouble ? t.refused : t.anonymous)),
    button("post", "", "primary", t.post),
  ];
}

/** give is one thing to give: what it is, and what of it is there. */
function give(act: string, value: string, sign: string, label: string, there: string, offered: boolean, t: Texts): HTMLElement {
  return h("button", { type: "button", class: there ? "give there" : "give", "data-act": act, "data-value": value, "aria-disabled": offered ? null : "true" },
    h("span", { class: "drawing" }, icon(there ? "check" : sign)),
    h("span", { class: "word" }, h("b", {}, compound(t, label)), h("small", {}, there || (offered ? t.optional : t.noRoom))),
  );
}

function write(s: State, t: Texts): HTMLElement[] {
  return [
    h("div", { class: "paper", role: "textbox", inputmode: "none", "aria-multiline": "true", "aria-readonly": "true", "aria-label": t[s.draft.field as "name"] ?? t.write }, h("span", {}), h("i", {})),
    keyboard(t, s.draft.digits, s.draft.field === "words" ? "compose" : "contact"),
  ];
}

function voice(d: Draft, t: Texts): HTMLElement[] {
  if (d.live && !d.open) return [note(t, t.opening)];
  if (d.live) {
    return [
      h("div", { class: "meter", "aria-hidden": "true" }, h("i", {})),
      h("p", { class: "remaining" }, ...around(t.remaining)),
      button("stop", "", "primary", t.stop, icon("stop")),
    ];
  }
  if (d.voice > 0) {
    return [
      note(t, fill(t.recordedFor, d.voice, 0)),
      h("div", { class: "row" }, button("replay", "", "second", t.replay, icon("play")), button("open", "voice", "second", t.recordAgain, icon("again")), button("drop", "voice", "second", t.remove, icon("cross"))),
      button("go", "compose", "primary", t.useThis, icon("check")),
    ];
  }
  return [note(t, d.blocked ? t.blocked : t.voiceHelp), button("open", "voice", "primary", t.record, icon("mic"))];
}

function photo(d: Draft, t: Texts): HTMLElement[] {
  if (d.live) {
    return [
      d.open ? h("video", { class: "frame", muted: true, playsinline: true, "aria-label": t.camera }) : note(t, t.opening),
      d.open ? button("stop", "", "primary", t.take, icon("camera")) : h("p", {}),
    ];
  }
  if (d.photo) {
    return [
      h("img", { class: "frame taken", alt: t.picture }),
      h("div", { class: "row" }, button("open", "photo", "second", t.takeAgain, icon("again")), button("drop", "photo", "second", t.remove, icon("cross"))),
      button("go", "compose", "primary", t.usePhoto, icon("check")),
    ];
  }
  return [note(t, d.blocked ? t.blocked : t.photoHelp), button("open", "photo", "primary", t.openCamera, icon("camera"))];
}

function contact(d: Draft, t: Texts): HTMLElement[] {
  const field = (f: Field & ("name" | "phone")) =>
    h("button", { type: "button", class: "give", "data-act": "edit", "data-value": f }, h("span", { class: "word" }, h("small", {}, t[f]), h("b", {}, d[f] || "…")));
  return [note(t, t.contactHelp), h("div", { class: "gives" }, field("name"), field("phone")), note(t, t.anonymous), button("go", "compose", "primary", t.keyDone, icon("check"))];
}

/** agree shows the text itself, letter by letter what is hashed and sent. */
function agree(s: State, t: Texts, form: MessageForm): HTMLElement[] {
  const consents = purposes(s.draft).map((purpose) =>
    h("section", { class: "consent" },
      h("p", {}, consentText(form, purpose, s.language)),
      h("button", { type: "button", class: "second", "data-act": "consent", "data-value": purpose, "aria-pressed": "false" }, h("span", { class: "tick" }, icon("check")), h("span", {}, t.agree)),
    ));
  return [h("div", { class: `consents n${consents.length}` }, ...consents), button("post", "", "primary", t.post)];
}

function receipt(d: Draft, t: Texts): HTMLElement[] {
  return [note(t, t.receiptCode), h("p", { class: "code" }, grouped(d.receipt)), note(t, t.keepPrivate), button("go", "home", "primary", t.done, icon("check"))];
}

function found(s: State, t: Texts): HTMLElement[] {
  const f = s.draft.found!;
  const states: Record<string, string> = t.states;
  const said = f.outcome === "known" ? states[f.state] ?? f.state : { asking: t.asking, unknown: t.unknown, failed: t.findFailed }[f.outcome];
  return [
    h("p", { class: "state", "aria-live": "polite" }, compound(t, said)),
    f.text ? h("p", { class: "note" }, f.text) : null,
    f.updated ? h("p", { class: "note" }, `${t.updated}: ${day(f.updated)}`) : null,
    button("go", "home", "primary", t.done, icon("check")),
  ].filter((e) => e !== null);
}

/** day as it is written in Vietnam; what is no date is shown as it came. */
function day(text: string): string {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})/.exec(text) ?? [];
  return year ? `${date}/${month}/${year}` : text;
}

function note(t: Texts, text: string): HTMLElement {
  return h("p", { class: "note", "aria-live": "polite" }, compound(t, text));
}

/** around is a text with its number as an element. */
function around(text: string): (HTMLElement | string)[] {
  const [before, after] = text.split("{n}");
  return [before!, h("b", {}, "60"), after!];
}
