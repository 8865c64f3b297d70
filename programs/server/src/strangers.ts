/**
 * How often one remote address may come with a token that opens nothing. Such a token cannot be guessed (192 bits); this keeps
 * who tries from making the store look up one after the other.
 *
 * S1. Beyond the limit a token that is not known is refused without a look-up; one that opened something before is looked up.
 * S2. The admin's token is compared before this is asked, and this machine's own addresses have no limit: a proxy here stands
 *     for everybody, and it alone knows who calls.
 */
import { hash } from "node:crypto";
import { hasCode, WindlassError } from "@windlass/kernel";
import { buckets } from "./rate-limit.ts";

export interface Strangers {
  /** Does the look-up for a secret that came from this address; null where there is none (no socket, or a call of our own). */
  lookUp<T>(secret: string, address: string | null, look: () => Promise<T>): Promise<T>;
}

/** Bad tokens at once after a rest: a fleet of programs that starts with a token that was revoked. */
const BURST = 30;
/** Tokens that have opened something; the oldest is forgotten first, and only counts again. */
const KNOWN_MAX = 10_000;
/** Who has an IPv6 address has a whole network of them (/64): its first four groups. */
const GROUPS_OF_NETWORK = 4;

/** `perMinute` 0: no limit. */
export function strangers(perMinute: number, monotonic: () => number): Strangers {
  const left = buckets({ perSecond: perMinute / 60, burst: BURST, monotonic });
  const known = new Set<string>();
  return {
    async lookUp(secret, address, look) {
      const from = perMinute > 0 && address !== null ? networkOf(address) : null;
      if (from === null) return look();
      // Not the secret itself: what opens something does not lie about in the memory.
      const name = hash("sha256", secret);
      if (left.of(from) < 1 && !known.has(name)) throw tooMany(perMinute);
      try {
        const found = await look();
        remember(known, name);
        return found;
      } catch (error) {
        if (hasCode(error, "unauthorized") || hasCode(error, "forbidden")) {
          known.delete(name);
          left.take(from);
        }
        throw error;
      }
    },
  };
}

function tooMany(perMinute: number): WindlassError {
  const retryAfterSeconds = Math.ceil(60 / perMinute);
  return new WindlassError(
    "rate_limited",
    `too many tokens that open nothing came from this address: more than ${perMinute} a minute (server.badTokensPerMinute); correct the token, and try again in ${retryAfterSeconds} s`,
    { details: { retryAfterSeconds } },
  );
}

function remember(known: Set<string>, name: string): void {
  known.delete(name);
  known.add(name);
  const [oldest] = known;
  if (known.size > KNOWN_MAX && oldest !== undefined) known.delete(oldest);
}

/** What is counted together; null for this machine's own. Node writes IPv4 within IPv6 as `::ffff:192.0.2.1`. */
function networkOf(address: string): string | null {
  const plain = address.replace(/^::ffff:(?=\d+\.)/u, "").replace(/%.*$/u, "");
  if (plain === "::1" || plain.startsWith("127.")) return null;
  if (!plain.includes(":")) return plain;
  const [before = "", after] = plain.split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? [] : Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, GROUPS_OF_NETWORK).join(":");
}
