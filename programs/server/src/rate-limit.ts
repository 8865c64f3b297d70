/**
 * How many requests a principal may make: a bucket that holds `burst` tokens and is filled with `perSecond`.
 *
 * L1. No principal gets more than `burst + perSecond × t` requests through in any time t.
 * L2. A principal is never refused by what another one does.
 *
 * The admin of the server's own token is not limited: whoever holds it has the data folder, and so the setting and the
 * machine; and a limit would be in the way of its workers and of measuring.
 */
import { ADMIN } from "@windlass/engine";
import { WindlassError } from "@windlass/kernel";
import type { Principal } from "./authenticate.ts";

/** Seconds' worth of requests that may come at once after a rest: a page that loads, a worker that starts. */
const BURST_SECONDS = 2;
/** Buckets are looked through for full ones, which mean nothing, each time there are so many more. */
const SWEEP_EACH = 1_000;

export interface RateLimit {
  /** Takes one request; throws `rate_limited` when there is none left. Returns the headers that tell how many are. */
  take(principal: string): Readonly<Record<string, string>>;
}

interface Bucket {
  tokens: number;
  /** Milliseconds of the monotonic clock. */
  at: number;
}

export function isLimited({ id }: Pick<Principal, "id">): boolean {
  return id !== ADMIN;
}

export interface Buckets {
  /** What is left for this name. */
  of(name: string): number;
  /** Takes so much (1 when left out), also what is not there: that has to be filled in first. Returns what is left. */
  take(name: string, much?: number): number;
}

/** `monotonic` gives milliseconds. */
export function buckets({ perSecond, burst, monotonic }: { perSecond: number; burst: number; monotonic: () => number }): Buckets {
  const used = new Map<string, Bucket>();
  let sweepAt = SWEEP_EACH;
  const filled = ({ tokens, at }: Bucket, now: number): number => Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
  const sweep = (now: number): void => {
    for (const [name, bucket] of used) if (filled(bucket, now) >= burst) used.delete(name);
    sweepAt = used.size + SWEEP_EACH;
  };
  const at = (name: string, now: number): number => filled(used.get(name) ?? { tokens: burst, at: now }, now);
  return {
    of: (name) => at(name, monotonic()),
    take(name, much = 1) {
      const now = monotonic();
      if (used.size >= sweepAt) sweep(now);
      const tokens = at(name, now) - much;
      used.set(name, { tokens, at: now });
      return tokens;
    },
  };
}

/** `perSecond` 0: no limit. */
export function rateLimit(perSecond: number, monotonic: () => number): RateLimit {
  const burst = Math.max(1, Math.ceil(perSecond * BURST_SECONDS));
  const each = buckets({ perSecond, burst, monotonic });
  return {
    take(principal) {
      if (perSecond <= 0) return {};
      const left = each.of(principal) - 1;
      if (left < 0) {
        const retryAfterSeconds = Math.max(1, Math.ceil(-left / perSecond));
        throw new WindlassError(
          "rate_limited",
          `${principal} makes more than ${perSecond} requests a second (server.requestsPerSecond); try again in ${retryAfterSeconds} s, or ask less often: watch instead of asking again, submit many jobs at once`,
          { details: { retryAfterSeconds, limit: burst } },
        );
      }
      each.take(principal);
      return rateHeaders({ limit: burst, remaining: Math.floor(left), resetSeconds: Math.ceil((burst - left) / perSecond) });
    },
  };
}

/** In the words of the IETF draft "RateLimit header fields for HTTP", as most clients read them. */
function rateHeaders({
  limit,
  remaining,
  resetSeconds,
}: {
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}): Record<string, string> {
  return { "ratelimit-limit": String(limit), "ratelimit-remaining": String(remaining), "ratelimit-reset": String(resetSeconds) };
}
