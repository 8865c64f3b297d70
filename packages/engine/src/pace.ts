/**
 * How often services look at the store although nobody told them to: for wake-ups that were lost, and for what those who died left
 * behind. Where nothing happens they look less often.
 *
 * Q1. While something happens here or is heard of from other processes, and for QUIET_AFTER_MS after that, they rest as long as they ask for.
 * Q2. Then they rest QUIET_TIMES as long. What they know to be due is not put off by that: they take the lesser of both.
 * Q3. Once something happens again, whoever rests for long looks within LOOK_MS, as if it had never been quiet: of several wake-ups
 *     the others may have been lost.
 */
import { seconds } from "@windlass/kernel";
import type { Bus, Clock } from "@windlass/ports";

/** How long nothing must have happened: a caller that only thinks in between is not kept waiting by what was lost. */
const QUIET_AFTER_MS: number = seconds(5);
const QUIET_TIMES = 5;
/** The rest that most services ask for. */
const LOOK_MS: number = seconds(1);

export interface Pace {
  /** The rest of a service that looks every `restMs`. */
  rest(restMs: number): number;
  /** `wake` is called when rests that were given are too long. Returns how to end that. */
  follow(wake: () => void): () => void;
}

export function pace({ clock, bus }: { readonly clock: Clock; readonly bus: Bus }): Pace {
  const wakes = new Set<() => void>();
  let happenedAt = clock.monotonic();
  let cancelLook: (() => void) | null = null;
  const isQuiet = (): boolean => clock.monotonic() - happenedAt >= QUIET_AFTER_MS;
  const look = (): void => {
    cancelLook = null;
    for (const wake of wakes) wake();
  };
  // Every commit of every process is told as `events`.
  bus.subscribe("events", () => {
    if (isQuiet() && wakes.size > 0) cancelLook ??= clock.after(LOOK_MS, look);
    happenedAt = clock.monotonic();
  });
  return {
    rest: (restMs) => (isQuiet() ? QUIET_TIMES * restMs : restMs),
    follow(wake) {
      wakes.add(wake);
      return () => {
        wakes.delete(wake);
        if (wakes.size > 0) return;
        cancelLook?.();
        cancelLook = null;
      };
    },
  };
}
