// Keeper brings answers to the kiosk's store one after another, and repeats
// each with its own request id until the store has said yes or no.

import { Answer } from "../flow/questions";
import { final, sleep } from "./again";

interface Item {
  request: string;
  answer: Answer;
  replaces: string; // request id of the answer taken back, or ""
  visit: string; // tells one resident from the next, for as long as the page needs
  touches: number; // contacts on the glass; 0 for an answer that was no tap
  extra: number; // taps on it while it was locked
}

/** Waiting is an item with the moment of its tap, by a clock that never steps. */
type Waiting = Item & { tapped: number; told: boolean };

export type News = { type: "saved" | "failed" | "refused"; request: string };

const patience = 5_000; // ms for one attempt
const firstPause = 400; // ms, doubling
const longestPause = 15_000;
const longestWait = 600_000; // the most the store believes
const mostExtra = 1000; // likewise

export class Keeper {
  private queue: Waiting[] = [];
  private ids = new Map<string, string>(); // request → id in the store
  private busy = false;
  private last: Item | null = null;

  constructor(private tell: (n: News) => void) {}

  keep(item: Item): void {
    this.last = item;
    this.add(item, true);
  }

  /** hammered tells of taps on a locked tile: the same answer once more, of
   *  which nobody waits for news. */
  hammered(extra: number): void {
    if (this.last && extra > 0) this.add({ ...this.last, extra: Math.min(extra, mostExtra) }, false);
  }

  private add(item: Item, told: boolean): void {
    this.queue.push({ ...item, tapped: performance.now(), told });
    if (!this.busy) void this.run();
  }

  /** forget drops what a finished visit no longer needs. */
  forget(): void {
    this.last = null;
    const needed = new Set(this.queue.map((i) => i.replaces));
    for (const request of this.ids.keys()) if (!needed.has(request)) this.ids.delete(request);
  }

  private async run(): Promise<void> {
    this.busy = true;
    let pause = firstPause;
    for (let item = this.queue[0]; item; item = this.queue[0]) {
      const outcome = await this.post(item);
      if (outcome === "failed") {
        if (item.told) this.tell({ type: "failed", request: item.request });
        await sleep(pause * (0.75 + Math.random() / 2));
        pause = Math.min(pause * 2, longestPause);
        continue;
      }
      pause = firstPause;
      this.queue.shift();
      if (item.told) this.tell({ type: outcome, request: item.request });
    }
    this.busy = false;
  }

  private async post(item: Waiting): Promise<News["type"]> {
    const replaces = this.ids.get(item.replaces) ?? "";
    const tapped_ms_ago = Math.min(Math.max(0, Math.round(performance.now() - item.tapped)), longestWait);
    try {
      const reply = await fetch("/api/answers", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ request: item.request, answer: item.answer, replaces, tapped_ms_ago, visit: item.visit, touches: item.touches, extra_taps: item.extra }),
        signal: AbortSignal.timeout(patience),
      });
      if (reply.status !== 201) return final(reply.status) ? "refused" : "failed";
      this.ids.set(item.request, ((await reply.json()) as { id: string }).id);
      return "saved";
    } catch {
      return "failed"; // not there, too slow, or cut off: the store may have it, so ask again
    }
  }
}
