/** Calls that are made again while the cluster says that they are to wait: a quota that is used up, an API server under load. */
import { backoffDelay, hasCode, messageOf, minutes, ms, seconds, type Backoff, type Reason } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import type { ClusterAnswer } from "./cluster-client.ts";
import { refusalOf } from "./refusal.ts";

export interface Patience {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly chance: () => number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  readonly onWait: (why: WhyWait) => void;
}

export interface WhyWait {
  readonly reason: Reason | null;
  readonly message: string;
}

const BACKOFF: Backoff = { initial: ms(500), factor: 2, max: seconds(30), jitter: 0.3 };
/** A server that asks for more is asked again all the same. */
const RETRY_AFTER_MS_MAX = 60_000;

export async function patiently(call: () => Promise<ClusterAnswer>, { clock, chance, signal, onWait }: Patience): Promise<ClusterAnswer> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const answer = await call();
    const why = whyWait(answer);
    if (why === null) return answer;
    onWait(why);
    const { retryAfterMs } = refusalOf(answer);
    const waitMs = retryAfterMs === null ? backoffDelay(BACKOFF, tries, chance()) : Math.min(retryAfterMs, RETRY_AFTER_MS_MAX);
    await rest(waitMs, clock, signal);
  }
}

/** Null: it is no matter of waiting. */
function whyWait(answer: ClusterAnswer): WhyWait | null {
  const { status, message } = refusalOf(answer);
  if (status === 403 && /exceeded quota/iu.test(message)) return { reason: "quota_exceeded", message };
  if (status === 429) return { reason: null, message: `the API server asks to wait: ${message}` };
  return null;
}

/** How long a cluster that is out of reach, or refuses for now, is waited for: an API server that is restarted or upgraded. */
const OUTAGE_MS_MAX: number = minutes(10);

/** Does it again while it fails with `unavailable`, and says so; throws what is left after that. */
export async function throughOutages<T>(work: () => Promise<T>, { clock, chance, signal, onWait }: Patience): Promise<T> {
  const begun = clock.monotonic();
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!hasCode(error, "unavailable") || clock.monotonic() - begun > OUTAGE_MS_MAX) throw error;
      onWait({ reason: "pending_outside", message: messageOf(error) });
    }
    await restAfter(BACKOFF, tries, { clock, chance, signal });
  }
}

/** Before the next try. Rejects when the waiting is ended. */
export function restAfter(backoff: Backoff, tries: number, { clock, chance, signal }: Omit<Patience, "onWait">): Promise<void> {
  return rest(backoffDelay(backoff, tries, chance()), clock, signal);
}

function rest(waitMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(waitMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      cancel();
      reject(signal.reason instanceof Error ? signal.reason : new Error("the waiting was ended"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
