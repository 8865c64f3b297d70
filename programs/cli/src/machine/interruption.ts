/** The first signal that asks for an end, as something to wait for. */
import type { World } from "../tree/call.ts";

/** The exit code of a program that was asked to end by a signal (128 and the number of SIGINT), as shells have it. */
export const INTERRUPTED = 130;

export interface Interruption {
  readonly asked: Promise<"SIGINT" | "SIGTERM">;
  /** The same, for a program that is to stay until then: it does not end when its last connection does. */
  stay(): Promise<"SIGINT" | "SIGTERM">;
  readonly signal: AbortSignal;
  takeBack(): void;
}

/** Any length will do: Node ends a program that waits for a signal and nothing else. */
const STAY_MS = 60_000;

export function interruption(world: Pick<World, "onInterrupt">): Interruption {
  const aborted = new AbortController();
  const { promise, resolve } = Promise.withResolvers<"SIGINT" | "SIGTERM">();
  const takeBack = world.onInterrupt((signal) => {
    aborted.abort();
    resolve(signal);
  });
  const stay = (): Promise<"SIGINT" | "SIGTERM"> => {
    const timer = setInterval(() => {}, STAY_MS);
    return promise.finally(() => clearInterval(timer));
  };
  return { asked: promise, stay, signal: aborted.signal, takeBack };
}
