// Pulse proves to the kiosk's agent that this page paints. A page that hangs
// cannot, and the agent has the browser brought back.

interface Challenge {
  nonce: string;
  every_ms: number;
}

const patience = 5_000; // ms for a request, and for two frames
const pause = 2_000; // ms until the next try

/** beat goes on for as long as the page lives; call it once. It ends at a
 *  server that asks for no proof. */
export async function beat(): Promise<void> {
  for (;;) {
    let next = await ask();
    if (next === undefined) return;
    while (next && (await painted())) {
      next = await prove(next.nonce);
      if (next) await sleep(next.every_ms);
    }
    await sleep(pause);
  }
}

/** ask is null where no agent answers: it may be starting. */
async function ask(): Promise<Challenge | null | undefined> {
  const status = await reply<{ pulse?: Challenge }>("/api/status", {});
  return status && status.pulse;
}

function prove(nonce: string): Promise<Challenge | null> {
  return reply("/api/pulse", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ nonce, frames: 2 }) });
}

async function reply<T>(path: string, how: RequestInit): Promise<T | null> {
  try {
    const r = await fetch(path, { ...how, signal: AbortSignal.timeout(patience) });
    return r.ok ? ((await r.json()) as T) : null;
  } catch {
    return null;
  }
}

/** painted waits for two frames: when the second begins, the first was drawn. A
 *  page that nobody can see gets none. */
function painted(): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), patience);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        clearTimeout(late);
        resolve(document.visibilityState === "visible");
      }),
    );
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
