// Letters brings a message to the kiosk's store, and asks how far one is.
// What is sent lives in memory until the store has said yes, or the visit ends.

import { Draft, Found, hasContact, purposes } from "../flow/message";
import { MessageForm } from "../flow/questions";
import { Media } from "./media";

export type LetterNews =
  | { type: "posted"; request: string; outcome: "saved" | "failed" | "refused" }
  | { type: "answer"; found: Found };

const patience = 20_000; // ms for one attempt: sealing a photo takes a while
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
    for (;;) {
      const outcome = await this.attempt(body, signal);
      if (signal.aborted) return;
      this.tell({ type: "posted", request: d.request, outcome });
      if (outcome !== "failed") return;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async find(code: string): Promise<void> {
    const { signal } = this.going;
    const found = await this.ask(code, signal);
    if (!signal.aborted) this.tell({ type: "answer", found });
  }

  private async attempt(body: FormData, signal: AbortSignal): Promise<"saved" | "failed" | "refused"> {
    try {
      const reply = await fetch("/api/messages", { method: "POST", body, signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
      if (reply.status === 201) return "saved";
      if (reply.status === 503) return (await refusal(reply)) === "storage" ? "failed" : "refused";
      return reply.status >= 400 && reply.status < 500 && reply.status !== 408 && reply.status !== 429 ? "refused" : "failed";
    } catch {
      return "failed"; // the store may have it, so the same request again
    }
  }

  private async body(d: Draft, language: string): Promise<FormData> {
    const body = new FormData();
    const consents = await Promise.all(purposes(d).map(async (purpose) => ({ purpose, text: await hash(consentText(this.form, purpose, language)) })));
    body.append("message", json({
      request: d.request, code: d.receipt, kind: d.kind, reader: "cases", language,
      questionnaire: this.form.questionnaire, version: this.form.version, subject: "", consents,
    }));
    if (d.words.trim()) body.append("words", new Blob([d.words.trim()], { type: "text/plain" }));
    if (hasContact(d)) body.append("contact", json(contact(d)));
    if (this.media.voice) body.append("voice", this.media.voice);
    if (this.media.photo) body.append("photo", this.media.photo);
    return body;
  }

  private async ask(code: string, signal: AbortSignal): Promise<Found> {
    const found: Found = { outcome: "failed", state: "", text: "", updated: "" };
    try {
      const reply = await fetch("/api/receipts", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
      });
      if (reply.status === 404 || reply.status === 422) return { ...found, outcome: "unknown" };
      if (!reply.ok) return found;
      const said = (await reply.json()) as Partial<Record<"state" | "note" | "updated", unknown>>;
      const word = (v: unknown) => (typeof v === "string" ? v : "");
      return { outcome: word(said.state) ? "known" : "unknown", state: word(said.state), text: word(said.note), updated: word(said.updated) };
    } catch {
      return found;
    }
  }
}

/** consentText is exactly what a resident reads and agrees to. */
export function consentText(form: MessageForm, purpose: string, language: string): string {
  const text = form.consents.find((c) => c.purpose === purpose)?.text;
  return text?.[language] || text?.vi || "";
}

function contact(d: Draft): Record<string, string> {
  const given = { name: d.name.trim(), phone: d.phone.trim() };
  return Object.fromEntries(Object.entries(given).filter(([, v]) => v !== ""));
}

async function refusal(reply: Response): Promise<string> {
  const said = (await reply.json()) as { error?: { code?: string } };
  return said.error?.code ?? "storage";
}

function json(v: unknown): Blob {
  return new Blob([JSON.stringify(v)], { type: "application/json" });
}

async function hash(text: string): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
}
