/** The retry policy of a job, as options say it. Pure. */
import { failureOutcomes, WindlassError, type JsonObject, type Outcome } from "@windlass/kernel";
import { demandKnown } from "../tree/known-word.ts";

export interface RetryOptions {
  readonly retries?: number;
  readonly retryOn?: readonly string[];
  /** Milliseconds. */
  readonly backoff?: number;
  readonly backoffFactor?: number;
  /** Milliseconds. */
  readonly backoffMax?: number;
  readonly backoffJitter?: number;
}

/** After what somebody at a terminal, who asks for retries, means to have another attempt. */
const USUAL: readonly Outcome[] = ["failed", "failed_oom", "failed_timeout", "failed_node_lost"];

/** Undefined: nothing was said. Throws `usage`. */
export function writtenRetry({ retries, retryOn, ...more }: RetryOptions): JsonObject | undefined {
  const backoff = Object.fromEntries(
    Object.entries({
      initialSeconds: inSeconds(more.backoff),
      factor: more.backoffFactor,
      maxSeconds: inSeconds(more.backoffMax),
      jitter: more.backoffJitter,
    }).filter(([, value]) => value !== undefined),
  ) as JsonObject;
  const hasBackoff = Object.keys(backoff).length > 0;
  if (retries === undefined && (retryOn !== undefined || hasBackoff))
    throw new WindlassError(
      "usage",
      `${retryOn === undefined ? "--backoff" : "--retry-on"} says how a job is tried again; say how often: --retries COUNT`,
    );
  for (const value of retryOn ?? []) demandKnown("--retry-on", { what: "failure", value, known: failureOutcomes });
  return retries === undefined ? undefined : { limit: retries, on: [...(retryOn ?? USUAL)], ...(hasBackoff ? { backoff } : {}) };
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
