/** The one timer of the client: the rest between two tries to connect again. Ends early, without an error, when `signal` does. */
export type Pause = (delayMs: number, signal?: AbortSignal) => Promise<void>;

export const pause: Pause = (delayMs, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener("abort", done);
  });
