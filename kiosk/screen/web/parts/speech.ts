// Speech reads texts aloud, one after the other, once a resident has turned it
// on. Sound and texts are in this page's memory only, and gone when it stops.

const patience = 12_000; // ms for one text: a voice at run time takes up to ten seconds
const longest = 200_000; // ms of one sound: the voice makes no longer one
const usual = 0.7; // loud enough, and no shock in a headphone

export class Speech {
  on = false;
  cut = false; // the last touch, or other stop, ended what was being read
  private volume = usual;
  private player: HTMLAudioElement | null = null;
  private halt: AbortController | null = null;
  private queue: string[] = [];

  /** Whoever touches anything has heard enough, unless it is too loud or soft. */
  constructor() {
    addEventListener("pointerdown", () => this.stop(), true);
    addEventListener("keydown", (e) => "+-".includes(e.key) || this.stop(), true);
  }

  /** turn is the resident's own wish, from a touch: a browser makes no sound
   *  before. */
  turn(on: boolean): void {
    this.on = on;
    if (!on) this.stop();
  }

  /** say reads what is shown, in the language it is shown in, in place of what
   *  was being read. */
  say(language: string, texts: string[]): void {
    this.stop();
    if (!this.on) return;
    const halt = (this.halt = new AbortController());
    this.queue = [...texts];
    void this.read(language, this.queue, halt.signal).then(() => {
      if (this.halt === halt) this.halt = null;
    });
  }

  /** more reads what is new on a screen behind what is being read of it. */
  more(language: string, texts: string[]): void {
    if (this.reading) this.queue.push(...texts);
    else this.say(language, texts);
  }

  /** reading: whoever listens is still here, though nothing is touched. */
  get reading(): boolean {
    return this.halt !== null;
  }

  stop(): void {
    this.cut = this.reading;
    this.halt?.abort();
    this.halt = null;
    this.queue = [];
  }

  /** louder takes a step, or with less than 0 one down. */
  louder(step: number): void {
    this.volume = Math.min(1, Math.max(0.1, this.volume + step));
    if (this.player) this.player.volume = this.volume;
  }

  /** wipe ends a visit: the next resident begins in silence. */
  wipe(): void {
    this.turn(false);
    this.volume = usual;
  }

  /** read asks for the next sound while one is heard. */
  private async read(language: string, texts: string[], signal: AbortSignal): Promise<void> {
    for (let next = sound(language, texts, signal); !signal.aborted; ) {
      const now = await next;
      if (!now) return;
      next = sound(language, texts, signal);
      await this.play(now, signal);
    }
  }

  /** play ends with the sound, with what broke it, or when nobody listens. */
  private async play(of: Blob, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const url = URL.createObjectURL(of);
    const player = (this.player = new Audio(url));
    player.volume = this.volume;
    await new Promise<void>((done) => {
      for (const type of ["ended", "error"]) player.addEventListener(type, () => done());
      signal.addEventListener("abort", () => done());
      setTimeout(done, longest); // a loudspeaker that takes nothing
      player.play().catch(() => done());
    });
    player.pause();
    player.removeAttribute("src");
    player.load(); // lets go of the sound
    URL.revokeObjectURL(url);
    if (this.player === player) this.player = null;
  }
}

/** sound is that of the next text there is a sound for; null when none is left. */
async function sound(language: string, texts: string[], signal: AbortSignal): Promise<Blob | null> {
  for (let text; (text = texts.shift()) !== undefined && !signal.aborted; ) {
    try {
      const reply = await fetch("/api/speech", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ language, text }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
      });
      if (!reply.ok) continue;
      const heard = await reply.blob();
      if (heard.type.startsWith("audio/")) return heard;
      texts.unshift(...(JSON.parse(await heard.text()) as { parts: string[] }).parts);
    } catch {
      if (signal.aborted) return null; // else the agent is starting again: the rest may be heard
    }
  }
  return null;
}
