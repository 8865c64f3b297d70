/**
 * Time and chance of the client, which runs in other people's programs, where nobody hands it any: rests between two tries,
 * limits of calls, and keys.
 */
export type Pause = (delayMs: number, signal?: AbortSignal) => Promise<void>;

/** Timers of Node and browsers count to 24 days; a longer one would end at once. */
const TIMER_MS_MAX = 2_147_483_647;
/** A rest is longer than asked for by up to this part of it, so that many clients of a server that was down do not come at once. */
const JITTER = 0.5;

/** Rests, at least as long as asked for. Ends early, without an error, when `signal` does. */
export const pause: Pause = (delayMs, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = after(delayMs * (1 + JITTER * Math.random()), done);
    signal?.addEventListener("abort", done);
  });

/** Calls back once, unless it is cancelled before. What is further away than timers can count never comes. */
export function after(delayMs: number, callback: () => void): () => void {
  if (delayMs > TIMER_MS_MAX) return () => {};
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

/** Random numbers for the next keys: a draw costs as much for one as for all of them. */
const drawn = new Uint32Array(128);
let used = drawn.length;
let program: string | undefined;
let made = 0;

/** A key that nobody else has or can foresee. Those of one program are in order, so that a store puts each beside the one before. */
export function newKey(): string {
  program ??= draw();
  made = (made + 1) >>> 0;
  return `${program}-${eightDigits(made)}-${draw()}${draw()}`;
}

function draw(): string {
  if (used === drawn.length) {
    crypto.getRandomValues(drawn);
    used = 0;
  }
  return eightDigits(drawn[used++] ?? 0);
}

const eightDigits = (number: number): string => number.toString(16).padStart(8, "0");
