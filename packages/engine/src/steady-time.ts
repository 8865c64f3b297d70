/**
 * A time that a jump of the clock does not hurry, for what cannot be taken back: giving sessions up, removing what is old.
 *
 * T1. A jump forwards counts only after it has lasted for `trustMs` of monotonic time; one that is undone before never does.
 * T2. A jump backwards counts at once.
 * T3. It is a whole number of milliseconds, as stored times are; the monotonic clock is not.
 */
import { days } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";

/** How long a jump forwards must last until things are removed by it; somebody has seen it by then. */
export const JUMP_TRUST_MS: number = days(1);

interface Sample {
  /** Monotonic. */
  readonly at: number;
  /** How far the clock is ahead of the monotonic one. */
  readonly ahead: number;
}

/** To be asked often: what happens between two looks is seen at the second. Never later than `now`. */
export function steadyTime(clock: Pick<Clock, "monotonic">, now: () => number, trustMs: number): () => number {
  // Rising in both, each as it was seen last: the first is the least of the time that counts.
  const samples: Sample[] = [];
  return () => {
    const at = clock.monotonic();
    const ahead = now() - at;
    while ((samples.at(-1)?.ahead ?? Number.NEGATIVE_INFINITY) >= ahead) samples.pop();
    samples.push({ at, ahead });
    while ((samples[0]?.at ?? at) < at - trustMs) samples.shift();
    return Math.floor(at + (samples[0]?.ahead ?? ahead));
  };
}
