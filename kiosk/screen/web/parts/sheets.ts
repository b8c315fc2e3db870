// The screens of a message: what it is about, what to give, giving it,
// agreeing, the receipt, and the look-up. A sheet is a title, a content, and
// the acts that end it, which stand at the same place on every sheet.

import { isCase } from "../flow/case";
import { isDesk } from "../flow/desk";
import { State } from "../flow/flow";
import { Device, Draft, Field, Reader, askWhere, codeLength, hasContact, purposes, something, toAgree } from "../flow/message";
import { MessageForm, Option } from "../flow/questions";
import { caseSheet, patchCase } from "./cases";
import { deskSheet, printer } from "./desk";
import { h } from "./dom";
import { icon, optionIcon, qrOf } from "./icons";
import { drawn, keyboard, keyboardKey, patchKeys } from "./keys";
import { consentText, grouped } from "./letters";
import { offerButtons, scroller } from "./scroller";
import { Texts, address, compound, fill, inLanguage } from "./texts";
import { Served, bar, button } from "./view";
import { waves } from "./waves";

export type Content = (HTMLElement | null)[];

export interface Sheet {
  title: string;
  back: string; // "" for none
  about?: string; // under the title
  content: Content;
  acts?: Content;
}

/** sheetKey changes when a sheet must be built anew. */
export function sheetKey(s: State): unknown[] {
  const d = s.draft;
  return [d.field, keyboardKey(d.typing), d.live, d.open, d.blocked, d.voice, d.photo, d.trouble, d.refused, s.screen === "agree" && toAgree(d), s.offers, (s.screen === "receipt" || s.screen === "found") && s.aloud, { ...s.desk, score: 0 }];
}

/** liveBar says across the whole screen that something listens or looks. */
export function liveBar(s: State, t: Texts): HTMLElement {
  const mic = s.draft.live === "voice";
  return h("div", { class: "live", role: "status", hidden: !s.draft.open }, icon(mic ? "mic" : "camera"), h("strong", {}, s.draft.open ? (mic ? t.micOn : t.cameraOn) : ""));
}

export function sheet(s: State, t: Texts, served: Served): HTMLElement[] {
  const { title, back, about, content, acts } = parts(s, t, served);
  const home = back === "home";
  const way = back && s.screen !== "write" ? [button("go", back, "second", home ? t.home : t.back, icon(home ? "house" : "left"))] : [];
  const all = [...way, ...(acts ?? []).filter((e) => e !== null)];
  return [
    h("header", { class: "hero" }, bar(t, served), h("div", { class: "asks" }, h("h1", { tabindex: "-1" }, compound(t, title)), about ? h("p", { class: "help more" }, compound(t, about)) : null), waves()),
    h("main", { class: `sheet ${s.screen}` }, ...content.filter((e) => e !== null)),
    ...(all.length > 0 ? [h("div", { class: `actions n${all.length}` }, ...all)] : []),
  ];
}

function parts(s: State, t: Texts, served: Served): Sheet {
  const { form } = served;
  const d = s.draft;
  if (isDesk(s.screen)) return deskSheet(s, t, served);
  if (isCase(s.screen)) return caseSheet(s, t, served);
  switch (s.screen) {
    case "kind":
      return { title: t.kindTitle, back: "home", content: kind(s, t, form) };
    case "subject":
      return { title: t.subjectTitle, back: "kind", content: subject(s, t, form) };
    case "where":
      return { title: t.whereTitle, back: "subject", content: where(s, t, form) };
    case "compose":
      return compose(s, t, form);
    case "write":
      return write(s, t);
    case "voice":
      return voice(s, t);
    case "photo":
      return photo(s, t);
    case "contact":
      return contact(d, t);
    case "reader":
      return { title: t.readerTitle, back: "compose", content: [h("div", { class: "gives" }, ...(["cases", "named"] as Reader[]).map((r) => choice("reader", r, r === "named" ? "lock" : "house", t.readers[r], t.readerHelp[r], t)))] };
    case "agree":
      return agree(s, t, form);
    case "sending":
      return { title: d.trouble ? t.sendingTrouble : t.sendingTitle, back: "", content: [signed(d.trouble ? "again" : "hourglass", note(t, d.trouble ? t.troubleText : t.savingText))] };
    default:
      return receipt(s, t, served);
  }
}

/** patchSheet writes what changes while a sheet stands. */
export function patchSheet(root: HTMLElement, s: State): void {
  const d = s.draft;
  const each = (selector: string, change: (e: HTMLElement) => void) => root.querySelectorAll<HTMLElement>(selector).forEach(change);
  each(".paper", (e) => {
    const text = e.querySelector("span")!;
    if (text.textContent === d[d.field]) return;
    text.textContent = d[d.field];
    offerButtons(e.parentElement!);
    e.scrollTop = e.scrollHeight;
  });
  each(".code.typed", (e) => (e.textContent = grouped(d.code.padEnd(codeLength, "·"))));
  patchKeys(root, d.typing);
  each("[data-act=post]", (e) => e.setAttribute("aria-disabled", String(!something(d))));
  each("[data-act=find]", (e) => e.setAttribute("aria-disabled", String(d.code.length < codeLength)));
  patchCase(root, s);
}

/** give is one thing to give or to choose: what it is, and more about it. */
export function give(act: string, value: string, sign: SVGElement, label: string, more: string, kind = ""): HTMLElement {
  return h("button", { type: "button", class: `give ${kind}`, "data-act": act, "data-value": value },
    h("span", { class: "drawing" }, sign),
    h("span", { class: "word" }, h("b", {}, label), more ? h("small", {}, more) : null),
  );
}

export function choice(act: string, value: string, sign: string, label: string, more: string, t: Texts): HTMLElement {
  return give(act, value, icon(sign), compound(t, label), compound(t, more));
}

function kind(s: State, t: Texts, form: MessageForm): Content {
  const help: Record<string, string | undefined> = t.kindHelp;
  const kinds = form.kinds.map(({ id, text }) => chosen(give("kind", id, optionIcon(id), compound(t, inLanguage(text, s.language)), compound(t, help[id] ?? "")), id === s.draft.kind));
  return [h("div", { class: "gives" }, ...kinds, choice("go", "filing", "letter", t.filing, t.filingHint, t))];
}

function subject(s: State, t: Texts, form: MessageForm): Content {
  const all = [...form.subjects.map(({ id, text }: Option) => ({ id, label: inLanguage(text, s.language) })), { id: "", label: t.subjectNone }];
  return [h("div", { class: "gives many" }, ...all.map(({ id, label }) => chosen(give("subject", id, optionIcon(id || "other"), compound(t, label), ""), id !== "" && id === s.draft.subject)))];
}

export function chosen(e: HTMLElement, yes: boolean): HTMLElement {
  e.classList.toggle("there", yes);
  return e;
}

/** where the matter is: one of the ward's places, or none. */
function where(s: State, t: Texts, form: MessageForm): Content {
  const all = [...form.places.map(({ id, text }) => ({ id, label: inLanguage(text, s.language), sign: "pin" })), { id: "", label: t.whereNone, sign: "other" }];
  return [scroller(t, h("div", { class: "gives many" }, ...all.map(({ id, label, sign }) => chosen(give("where", id, icon(sign), compound(t, label), ""), id !== "" && id === s.draft.place))))];
}

function compose(s: State, t: Texts, form: MessageForm): Sheet {
  const d = s.draft;
  const named = (options: Option[], id: string) => inLanguage(options.find((o) => o.id === id)?.text, s.language);
  const offer = (act: string, value: string, sign: string, label: string, there: string, offered: boolean) => {
    const e = give(act, value, icon(there ? "check" : sign), compound(t, label), compound(t, there || (offered ? t.giveHelp[value as "words"] : t.noRoom)), there ? "there" : "");
    if (!offered && !there) e.setAttribute("aria-disabled", "true");
    return e;
  };
  const words = offer("edit", "words", "write", t.write, d.words.trim(), s.offers.words);
  words.querySelector("small")!.classList.toggle("own", d.words.trim() !== "");
  const voice = offer("go", "voice", "mic", t.speak, d.voice > 0 ? fill(t.recordedFor, d.voice, 0) : "", s.offers.voice);
  const reader = s.offers.named || d.reader === "named" ? choice("go", "reader", d.reader === "named" ? "lock" : "house", t.reader, t.readers[d.reader], t) : null;
  const refusals: Record<string, string | undefined> = t.refusedFor;
  return {
    title: t.composeTitle, back: askWhere(s) ? "where" : "subject",
    about: [named(form.kinds, d.kind), named(form.subjects, d.subject), named(form.places, d.place)].filter((e) => e !== "").join("\u00a0· "),
    content: [
      h("div", { class: `gives ${reader ? "odd" : ""}` },
        ...(s.language === "zh-Hans" ? [voice, words] : [words, voice]), // no keyboard here has Chinese
        offer("go", "photo", "camera", t.shoot, d.photo ? t.ready : "", s.offers.photo),
        offer("go", "contact", "phone", t.contact, hasContact(d) ? t.ready : "", true),
        reader,
      ),
      d.refused ? h("p", { class: "note bad", role: "alert" }, compound(t, refusals[d.refused] ?? t.refused)) : note(t, t.anonymous),
    ],
    acts: [button("post", "", "primary", t.post, icon("send"))],
  };
}

function write(s: State, t: Texts): Sheet {
  const { field, typing } = s.draft;
  const back = field === "words" ? "compose" : "contact";
  const label = field === "words" ? t.write : t[field as "name" | "phone" | "address"];
  const paper = h("div", { class: "paper scrolled", tabindex: "0", role: "textbox", inputmode: "none", "aria-multiline": "true", "aria-readonly": "true", "aria-label": label, lang: drawn(typing) }, h("span", {}), h("i", {}));
  return { title: label, back, content: [scroller(t, paper), keyboard(t, s.draft, back)] };
}

function voice(s: State, t: Texts): Sheet {
  const d = s.draft;
  const sheet = { title: t.speak, back: "compose" };
  if (d.live && !d.open) return { ...sheet, content: [note(t, t.opening)] };
  if (d.live) {
    return {
      ...sheet,
      content: [h("div", { class: "meter", "aria-hidden": "true" }, h("i", {})), h("p", { class: "remaining" }, ...around(t.remaining))],
      acts: [button("stop", "", "primary", t.stop, icon("stop"))],
    };
  }
  if (d.voice > 0) {
    return {
      ...sheet,
      content: [
        signed("check", note(t, fill(t.recordedFor, d.voice, 0))),
        h("div", { class: "row" }, button("replay", "", "second", t.replay, icon("play")), button("open", "voice", "second", t.recordAgain, icon("again")), button("drop", "voice", "second", t.remove, icon("cross"))),
      ],
      acts: [button("go", "compose", "primary", t.useThis, icon("check"))],
    };
  }
  return d.blocked ? blocked(s, "voice", sheet, t) : { ...sheet, content: [signed("mic", note(t, t.voiceHelp))], acts: [held(button("open", "voice", "primary", t.record, icon("mic")))] };
}

/** held lets a button be held to speak and let go to end, besides being tapped. */
function held(e: HTMLElement): HTMLElement {
  e.dataset.hold = "";
  return e;
}

function photo(s: State, t: Texts): Sheet {
  const d = s.draft;
  const sheet = { title: t.shoot, back: "compose" };
  if (d.live && !d.open) return { ...sheet, content: [note(t, t.opening)] };
  if (d.live) {
    return { ...sheet, content: [h("video", { class: "frame", muted: true, playsinline: true, "aria-label": t.camera })], acts: [button("stop", "", "primary", t.take, icon("camera"))] };
  }
  if (d.photo) {
    return {
      ...sheet,
      content: [h("img", { class: "frame taken", alt: t.picture }), h("div", { class: "row" }, button("open", "photo", "second", t.takeAgain, icon("again")), button("drop", "photo", "second", t.remove, icon("cross")))],
      acts: [button("go", "compose", "primary", t.usePhoto, icon("check"))],
    };
  }
  return d.blocked ? blocked(s, "photo", sheet, t) : { ...sheet, content: [signed("camera", note(t, t.photoHelp))], acts: [button("open", "photo", "primary", t.openCamera, icon("camera"))] };
}

/** blocked says that a device does not open, and what can be done instead. */
function blocked(s: State, device: Device, sheet: { title: string; back: string }, t: Texts): Sheet {
  const other = device === "voice" ? "photo" : "voice";
  return {
    ...sheet,
    content: [
      signed("unclear", h("p", { class: "note", role: "alert" }, compound(t, `${t.blocked[device][s.draft.blocked || "missing"]} ${t.otherWays}`))),
      h("div", { class: "row" },
        s.offers.words ? button("edit", "words", "second", t.write, icon("write")) : null,
        s.offers[other] ? button("go", other, "second", other === "voice" ? t.speak : t.shoot, icon(other === "voice" ? "mic" : "camera")) : null,
      ),
    ],
    acts: [button("open", device, "primary", t.tryAgain, icon("again"))],
  };
}

function contact(d: Draft, t: Texts): Sheet {
  const field = (f: Field & ("name" | "phone" | "address"), sign: string) => {
    const e = give("edit", f, icon(sign), compound(t, t[f]), d[f].trim() || "…", d[f].trim() ? "there" : "");
    e.querySelector("small")!.classList.add("own");
    return e;
  };
  return {
    title: t.contactTitle, back: "compose",
    content: [note(t, t.contactHelp), h("div", { class: "gives few" }, field("name", "person"), field("phone", "phone"), field("address", "house")), note(t, t.anonymous)],
    acts: [button("go", "compose", "primary", t.keyDone, icon("check"))],
  };
}

/** agree shows one text itself, letter by letter what is hashed and sent. Below
 *  the first stands what becomes of the words, which need no consent. */
function agree(s: State, t: Texts, form: MessageForm): Sheet {
  const all = purposes(s.draft);
  const purpose = toAgree(s.draft);
  return {
    title: t.agreeTitle, back: "compose",
    about: all.length > 1 ? `${all.indexOf(purpose) + 1}/${all.length}` : "",
    content: [scroller(t,
      h("p", { class: "text consent", "data-purpose": purpose }, consentText(form, purpose, s.language)),
      s.draft.words.trim() && purpose === all[0] ? h("p", { class: "text", "data-told": "words" }, consentText(form, "words", s.language)) : null,
    )],
    acts: [button("dissent", purpose, "second", t.disagree, icon("cross")), button("consent", purpose, "second", t.agree, icon("check"))],
  };
}

function receipt(s: State, t: Texts, served: Served): Sheet {
  const d = s.draft;
  const drawn = d.drawn?.path ? d.drawn : null;
  const way = !drawn ? t.copyCode : drawn.page ? t.scanPage.replace("{page}", address(drawn.page)) : t.scanCode;
  return {
    title: t.receiptTitle, back: "",
    content: [
      h("div", { class: "codes" }, note(t, t.receiptCode), h("p", { class: "code" }, grouped(d.receipt))),
      drawn ? h("div", { class: "qr", role: "img", "aria-label": t.qr }, qrOf(drawn)) : null,
      h("div", { class: "ways" }, scroller(t, d.reader === "named" ? personal(note(t, t.namedLate)) : null, note(t, way), note(t, t.keepPrivate))),
    ],
    acts: [printer(s, t, served, "receipt"), s.aloud ? button("spell", "", "second", t.spell, icon("speaker")) : null, button("go", "home", "primary", t.done, icon("check"))],
  };
}

/** personal is read aloud only to whoever asks for it. */
export function personal(e: HTMLElement): HTMLElement {
  e.classList.add("personal");
  return e;
}

/** hearing asks for what is personal, and warns of others. */
export function hearing(t: Texts): HTMLElement[] {
  return [h("div", { class: "row" }, button("hear", "", "second", t.hear, icon("speaker"))), note(t, t.hearHint)];
}

export function note(t: Texts, text: string): HTMLElement {
  return h("p", { class: "note", "aria-live": "polite" }, compound(t, text));
}

/** line tells one thing behind a sign; lines are not touched. */
export function line(sign: SVGElement, kind: string, ...words: HTMLElement[]): HTMLElement {
  return h("p", { class: `line ${kind}` }, h("span", { class: "drawing" }, sign), ...words);
}

/** signed is what a large sign stands for, in words. */
export function signed(sign: string, ...words: Content): HTMLElement {
  return h("div", { class: "signed" }, h("span", { class: "sign" }, icon(sign)), h("div", { class: "says" }, ...words));
}

/** around is a text with its number as an element. */
function around(text: string): (HTMLElement | string)[] {
  const [before, after] = text.split("{n}");
  return [before!, h("b", {}, "60"), after!];
}
