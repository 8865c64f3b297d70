/**
 * Keeps results until the store has taken them. Whoever ends attempts hands them in here; they are committed in groups,
 * and again with growing rests while the store cannot be reached.
 *
 * E1. `settle` resolves once the store has answered, accepted or refused; it never rejects while the service runs.
 * E2. A result that the store cannot take at all keeps no other from being stored: what fails is tried in ever smaller
 *     groups, and last what fails alone.
 */
import { messageOf, type Change, type ChangeResult } from "@windlass/kernel";
import { backoffDelay, ms, seconds, type Backoff } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

export interface Settling {
  /** Resolves with the store's answer; undefined when given up by `close`. */
  settle(change: Change): Promise<ChangeResult | undefined>;
  /** Gives up what the store has not taken. */
  close(): void;
}

const BACKOFF: Backoff = { initial: ms(50), factor: 2, max: seconds(5), jitter: 0.3 };
/** A commit's size; the store groups commits further. */
const BATCH = 500;

interface Pending {
  readonly change: Change;
  readonly resolve: (result: ChangeResult | undefined) => void;
}

export function settling(context: EngineContext): Settling {
  let pending: Pending[] = [];
  let flushing = false;
  let failures = 0;
  let closed = false;
  let endRest: (() => void) | null = null;

  const flush = async (): Promise<void> => {
    flushing = true;
    // Results that come in the same turn are committed together.
    await Promise.resolve();
    let size = BATCH;
    while (pending.length > 0 && !closed) {
      const batch = pending.slice(0, size);
      try {
        const results = await context.commit(batch.map(({ change }) => change));
        failures = 0;
        size = Math.min(BATCH, size * 2);
        pending = pending.slice(batch.length);
        batch.forEach(({ resolve }, i) => resolve(results[i]));
      } catch (error) {
        failures++;
        context.logger.warn("results could not be stored and are kept", { results: pending.length, error: messageOf(error), failures });
        size = Math.ceil(batch.length / 2);
        if (batch.length === 1) pending = [...pending.slice(1), ...batch];
        await rest(backoffDelay(BACKOFF, failures, context.random.next()));
      }
    }
    flushing = false;
  };
  const rest = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = context.clock.after(delayMs, resolve);
      endRest = () => {
        cancel();
        resolve();
      };
    });

  return {
    settle: (change) =>
      new Promise((resolve) => {
        if (closed) return resolve(undefined);
        pending.push({ change, resolve });
        if (!flushing) void flush();
      }),
    close() {
      closed = true;
      endRest?.();
      for (const { resolve } of pending) resolve(undefined);
      pending = [];
    },
  };
}
