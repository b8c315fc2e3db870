// When the same request is sent to the store again, and the pause before.

const passing = ["", "storage", "paused", "unread"]; // codes of refusals that are over soon; "": none was given

/** final says whether asking again could not change a reply that is no yes. code
 *  is given for what may be refused for good by 503, too: the refusal's own. */
export function final(status: number, code?: string): boolean {
  if (code !== undefined && passing.includes(code)) return false;
  if (status === 503) return code !== undefined;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** sleep ends early when signal does, so that nothing of a visit is held. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
