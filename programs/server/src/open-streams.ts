/**
 * The streams that are open, so that a stopping server can end them and nobody opens too many.
 *
 * O1. Each stream's signal ends once: when its caller has gone, when the stream is over, or when all are ended.
 */
import { WindlassError } from "@windlass/kernel";

const STREAMS_MAX = 1_000;

export interface OpenStreams {
  /** Throws `unavailable` when there are too many. */
  open(caller: AbortSignal): { readonly signal: AbortSignal; readonly close: () => void };
  endAll(): void;
  readonly count: number;
}

export function openStreams(): OpenStreams {
  const controllers = new Set<AbortController>();
  return {
    open(caller) {
      if (controllers.size >= STREAMS_MAX) throw new WindlassError("unavailable", `${STREAMS_MAX} streams are open already; close some`);
      const controller = new AbortController();
      controllers.add(controller);
      const close = (): void => {
        controllers.delete(controller);
        caller.removeEventListener("abort", close);
        controller.abort();
      };
      if (caller.aborted) close();
      else caller.addEventListener("abort", close);
      return { signal: controller.signal, close };
    },
    endAll() {
      for (const controller of controllers) controller.abort();
      controllers.clear();
    },
    get count() {
      return controllers.size;
    },
  };
}
