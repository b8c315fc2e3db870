// Letters brings a message to the kiosk's store, asks how far one is, brings what
// its sender says to that, and has paper printed.
// What is sent lives in memory until the store has said yes, or the visit ends.

import { Found, Word } from "../flow/case";
import { Draft, Outcome, Receipt, hasContact, purposes } from "../flow/message";
import { MessageForm } from "../flow/questions";
import { final, sleep } from "./again";
import { Media } from "./media";

export type LetterNews =
  | { type: "posted"; request: string; outcome: Outcome }
  | { type: "answer"; code: string; found: Found }
  | { type: "replied"; request: string; word: Word }
  | { type: "printed"; request: string; ok: boolean };

const patience = 60_000; // ms for one attempt: a small board takes long to read and seal a photo, and a printer to print
const pause = 2_000; // ms between attempts
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** mintCode is a receipt code: fifty random bits in Crockford's letters. */
export function mintCode(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (b) => alphabet[b & 31]).join("");
}

/** grouped is a code as it is read out: two groups of five. */
export function grouped(code: string): string {
  return [code.slice(0, 5), code.slice(5)].filter((g) => g !== "").join(" ");
}

export class Letters {
  private going = new AbortController();

  constructor(
    private form: MessageForm,
    private media: Media,
    private tell: (n: LetterNews) => void,
  ) {}

  /** forget ends what is under way. */
  forget(): void {
    this.going.abort();
    this.going = new AbortController();
  }

  /** post repeats the same request until the store has said yes or no. */
  async post(d: Draft, language: string): Promise<void> {
    const { signal } = this.going;
    const body = await this.body(d, language);
    while (!signal.aborted) {
      const outcome = await attempt(body, signal);
      if (signal.aborted) return;
      this.tell({ type: "posted", request: d.request, outcome });
      if (outcome !== "failed") return;
      await sleep(pause, signal);
    }
  }

  async find(code: string): Promise<void> {
    const { signal } = this.going;
    const found = await this.ask(code, signal);
    if (!signal.aborted) this.tell({ type: "answer", code, found });
  }

  /** say repeats a sender's word until the store has said yes or no. */
  async say(path: "/api/replies" | "/api/rights", body: { request: string } & Record<string, unknown>): Promise<void> {
    const { signal } = this.going;
    for (let again = false; !signal.aborted; again = true) {
      let word = await wordOf(path, body, signal);
      if (again && word === "too-many") word = "trouble"; // it was not refused, only tried too often
      if (signal.aborted) return;
      this.tell({ type: "replied", request: body.request, word });
      if (word !== "trouble") return;
      await sleep(pause, signal);
    }
  }

  /** print says whether the printer took the sheet, to whoever still waits. */
  async print(request: string, order: { what: string; language: string; code?: string }): Promise<void> {
    const { signal } = this.going;
    const ok = await send("/api/print", order, signal).then((reply) => reply.ok, () => false);
    if (!signal.aborted) this.tell({ type: "printed", request, ok });
  }

  private async body(d: Draft, language: string): Promise<FormData> {
    const body = new FormData();
    const consents = await Promise.all(purposes(d).map(async (purpose) => ({ purpose, text: await hash(consentText(this.form, purpose, d.agreed[purpose]!)) })));
    body.append("message", json({
      request: d.request, code: d.receipt, kind: d.kind, reader: d.reader, language,
      questionnaire: this.form.questionnaire, version: this.form.version, subject: d.subject, ...(d.place ? { place: d.place } : {}), consents,
    }));
    if (d.words.trim()) body.append("words", new Blob([d.words.trim()], { type: "text/plain" }));
    if (hasContact(d)) body.append("contact", json(contact(d)));
    if (this.media.voice) body.append("voice", this.media.voice);
    if (this.media.photo) body.append("photo", this.media.photo);
    return body;
  }

  private async ask(code: string, signal: AbortSignal): Promise<Found> {
    const found: Found = { outcome: "failed", state: {}, text: "", updated: "", version: 0, mayReply: false, rights: [], replied: "" };
    try {
      const reply = await send("/api/receipts", { code }, signal);
      if (reply.status === 404 || reply.status === 410 || reply.status === 422) {
        const code = await why(reply);
        return { ...found, outcome: code === "waiting" || code === "deleted" ? code : "unknown" };
      }
      if (reply.status === 429) return { ...found, outcome: "often" };
      if (!reply.ok) return found;
      const said = (await reply.json()) as { state_text: Record<string, string>; note: string; updated: string; version: number; may_reply?: boolean; said?: { reply: Found["replied"]; rights: Found["rights"] } };
      return { outcome: "known", state: said.state_text, text: said.note, updated: said.updated, version: said.version, mayReply: said.may_reply ?? false, replied: said.said?.reply ?? "", rights: said.said?.rights ?? [] };
    } catch {
      return found;
    }
  }
}

function send(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
  });
}

/** wordOf sends once, and says what came of it. */
async function wordOf(path: string, body: unknown, signal: AbortSignal): Promise<Word> {
  try {
    const { status } = await send(path, body, signal);
    if (status === 201) return "kept";
    const known: Record<number, Word> = { 404: "no-result", 409: "conflict", 429: "too-many" };
    return known[status] ?? (final(status) ? "refused" : "trouble");
  } catch {
    return "trouble";
  }
}

/** attempt sends once. Only 201 is a yes; a reply that never came is no no, for
 *  the store may have kept the message. */
async function attempt(body: FormData, signal: AbortSignal): Promise<Outcome> {
  try {
    const reply = await fetch("/api/messages", { method: "POST", body, signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
    if (reply.status === 201) return { kept: ((await reply.json()) as { qr: Receipt | null }).qr ?? { size: 0, path: "", page: "" } };
    const code = await why(reply);
    return final(reply.status, code) ? { refused: code } : "failed";
  } catch {
    return "failed";
  }
}

/** why is the code of a refusal. */
async function why(reply: Response): Promise<string> {
  return ((await reply.json()) as { error?: { code?: string } }).error?.code ?? "";
}

/** consentText is exactly what a resident reads and agrees to. */
export function consentText(form: MessageForm, purpose: string, language: string): string {
  const text = form.consents.find((c) => c.purpose === purpose)?.text;
  return text?.[language] || text?.en || text?.vi || "";
}

function contact(d: Draft): Record<string, string> {
  const given = { name: d.name.trim(), phone: d.phone.trim(), address: d.address.trim() };
  return Object.fromEntries(Object.entries(given).filter(([, v]) => v !== ""));
}

function json(v: unknown): Blob {
  return new Blob([JSON.stringify(v)], { type: "application/json" });
}

async function hash(text: string): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
}
