/** For what a loop does now and then, not in every pass. */
import type { EngineContext } from "./context.ts";

/** True at most once per `ms`. */
export function every(context: EngineContext, ms: number): () => boolean {
  let lastAt = context.clock.monotonic();
  return () => {
    const now = context.clock.monotonic();
    if (now - lastAt < ms) return false;
    lastAt = now;
    return true;
  };
}
