/**
 * The streams that are open, so that a stopping server can end them and nobody opens too many.
 *
 * O1. Each stream's signal ends once: when its caller has gone, when the stream is over, when its token is found to open nothing any more, or
 *     when all are ended.
 */
import { WindlassError } from "@windlass/kernel";
import type { Principal } from "./authenticate.ts";

/** Of all callers together: each costs a subscription and buffers. */
const STREAMS_MAX = 1_000;
/** A caller who is refused comes back after this: streams end by themselves all the time. */
const RETRY_AFTER_SECONDS = 5;

export interface OpenStreams {
  /** Throws `unavailable` when there are too many, `rate_limited` when there are too many of this principal. */
  open(caller: AbortSignal, principal: Listener): { readonly signal: AbortSignal; readonly close: () => void };
  /** Looks at all tokens, and ends the streams of those that open nothing any more. While it looks, it is asked once more at most. */
  endRevoked(): Promise<void>;
  endAll(): void;
  readonly count: number;
}

type Listener = Pick<Principal, "name" | "isGood">;

interface Opened extends Pick<Listener, "isGood"> {
  readonly close: () => void;
}

export function openStreams(perPrincipalMax: number): OpenStreams {
  const streams = new Map<AbortController, Opened>();
  const counts = new Map<string, number>();
  const count = (principal: string, by: 1 | -1): void => {
    const now = (counts.get(principal) ?? 0) + by;
    if (now > 0) counts.set(principal, now);
    else counts.delete(principal);
  };
  const look = async (): Promise<void> => {
    // One after the other: many are of one token, and only the first has to look it up. What cannot be looked up stays for now.
    for (const { isGood, close } of [...streams.values()]) if (!(await isGood().catch(() => true))) close();
  };
  let looking: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  return {
    open(caller, { name: principal, isGood }) {
      if (streams.size >= STREAMS_MAX) throw new WindlassError("unavailable", `${STREAMS_MAX} streams are open already; close some`);
      if ((counts.get(principal) ?? 0) >= perPrincipalMax) {
        throw new WindlassError(
          "rate_limited",
          `${principal} has ${perPrincipalMax} streams open already (server.streamsPerPrincipalMax); close some`,
          { details: { retryAfterSeconds: RETRY_AFTER_SECONDS, limit: perPrincipalMax } },
        );
      }
      const controller = new AbortController();
      count(principal, 1);
      let isOpen = true;
      const close = (): void => {
        if (isOpen) count(principal, -1);
        isOpen = false;
        streams.delete(controller);
        caller.removeEventListener("abort", close);
        controller.abort();
      };
      streams.set(controller, { isGood, close });
      if (caller.aborted) close();
      else caller.addEventListener("abort", close);
      return { signal: controller.signal, close };
    },
    // Each change of a token is told, also that one was made, and many may come at once: what comes while it looks goes with the next look.
    endRevoked() {
      next ??= looking.then(() => {
        next = null;
        return (looking = look());
      });
      return next;
    },
    endAll() {
      for (const controller of streams.keys()) controller.abort();
      streams.clear();
    },
    get count() {
      return streams.size;
    },
  };
}
