/** The first signal that asks for an end, as something to wait for. */
import type { World } from "../tree/call.ts";

export interface Interruption {
  readonly asked: Promise<"SIGINT" | "SIGTERM">;
  readonly signal: AbortSignal;
  takeBack(): void;
}

export function interruption(world: Pick<World, "onInterrupt">): Interruption {
  const aborted = new AbortController();
  const { promise, resolve } = Promise.withResolvers<"SIGINT" | "SIGTERM">();
  const takeBack = world.onInterrupt((signal) => {
    aborted.abort();
    resolve(signal);
  });
  return { asked: promise, signal: aborted.signal, takeBack };
}
