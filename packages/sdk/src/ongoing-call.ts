/**
 * A call of the client, from its first try to its end.
 *
 * C1. A request is sent again only when that is safe: a read; a POST with an idempotency key (made here when the caller gave
 *     none), so that it happens once; anything that certainly nobody has done, because there was no connection.
 * C2. It is sent again `retries` times at most, after rests that grow, and not before a Retry-After is over. One that is too
 *     long to wait for ends the call.
 * C3. The caller's signal and the time limit end it at any moment, also while it rests or while a `fetch` ignores its signal.
 */
import { ERRORS, isWindlassError, seconds, WindlassError } from "@windlass/kernel";
import { Ending } from "./ending.ts";
import { after, newKey, type Pause } from "./pause.ts";
import type { Request, Target } from "./send-request.ts";

/** How one call is made; each but `idempotencyKey` and `signal` can be set for all calls with the client. */
export interface CallOptions {
  /** Ends the call, which rejects with the signal's reason; a stream that is being read ends without an error. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the call may take with all its tries, in milliseconds, until it rejects with `timed_out`; a minute when left out,
   * `Infinity` for no limit. A stream is limited until it is open, not in its length.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How often a request that got no answer, or 429 or 503, is sent again, if that is safe; 4 when left out, 0 for never. Safe
   * are reads, and what has an idempotency key.
   */
  readonly retries?: number | undefined;
  /** With the same key what changes something happens once, however often it is sent. Made by the client for submits and runs when left out. */
  readonly idempotencyKey?: string | undefined;
  /** Changes the object only if it is at this revision: a number (0: it is not there yet), an ETag, or `*` for any. */
  readonly ifMatch?: number | string | undefined;
}

/** What all calls of one client share. */
export interface Caller {
  readonly target: Target;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly pause: Pause;
  readonly onLost?: ((error: unknown) => void) | undefined;
}

export interface OngoingCall {
  /** Its own, however it came. */
  readonly ending: Ending;
  /** Does the work, again and again if it may be repeated. Throws what the last try threw. */
  carryOut<T>(request: Request, work: (request: Request) => Promise<T>): Promise<T>;
  /** What was asked for has begun to come: from now on there is no time limit. */
  opened(): void;
  /** It is over: no timer, no listener and no connection is left. */
  end(): void;
}

/** A server that starts again is back within these: 4 tries rest for 4 to 6 seconds together. */
export const RETRIES = 4;
export const TIMEOUT_MS: number = seconds(60);
const REST_FIRST_MS = 250;
const REST_MS_MAX = 5_000;
/** A longer Retry-After is told to the caller instead of waiting. */
const RETRY_AFTER_MS_MAX: number = seconds(60);
/** What `fetch` says when it had no connection yet. */
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
const TOO_MANY_REQUESTS = 429;

/** One for all calls: making an exception for each, with its stack, would take longer than the rest of it. */
const OVER = new Error("the call is over");

export function ongoingCall(caller: Caller, options: CallOptions): OngoingCall {
  const ending = new Ending();
  const { signal } = options;
  const retries = options.retries ?? caller.retries;
  const timeoutMs = options.timeoutMs ?? caller.timeoutMs;
  const abort = (): void => ending.end(signal?.reason);
  if (signal?.aborted === true) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  const stopClock = after(timeoutMs, () => ending.end(timedOut(caller.target, timeoutMs)));
  return {
    ending,
    async carryOut(request, work) {
      const { route, input, body } = request;
      const headers = conditional(keyed(request, { retries, key: options.idempotencyKey }), options.ifMatch);
      const sent: Request = { route, input, headers, body, ending };
      for (let failures = 0; ; failures++) {
        try {
          return await untilEnded(ending, () => work(sent));
        } catch (error) {
          const rest = failures < retries && !ending.ended ? restAfter(error, { failures, safe: isRepeatable(sent) }) : null;
          if (rest === null) throw error;
          await caller.pause(rest, ending.signal);
        }
      }
    },
    opened: stopClock,
    end() {
      stopClock();
      signal?.removeEventListener("abort", abort);
      ending.end(OVER);
    },
  };
}

/** C3: what the work makes of the end of the call is not waited for. */
function untilEnded<T>(ending: Ending, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = ending.onEnd(reject);
    if (ending.ended) return;
    work().then(
      (answer) => {
        forget();
        resolve(answer);
      },
      (error: unknown) => {
        forget();
        reject(error);
      },
    );
  });
}

function timedOut({ url }: Target, timeoutMs: number): WindlassError {
  return new WindlassError("timed_out", `${url} has not answered within ${timeoutMs} ms; timeoutMs gives it longer`);
}

/** C1: what would be sent again gets a key, if the server keeps it. */
function keyed(request: Request, { retries, key }: { readonly retries: number; readonly key: string | undefined }): Request["headers"] {
  const { route, input, headers } = request;
  const wanted = key ?? (route.idempotent === true && retries > 0 && input["idempotencyKey"] === undefined ? newKey() : undefined);
  return wanted === undefined ? headers : { ...headers, "idempotency-key": wanted };
}

function conditional(headers: Request["headers"], ifMatch: CallOptions["ifMatch"]): Request["headers"] {
  if (ifMatch === undefined) return headers;
  const condition = ifMatch === 0 ? { "if-none-match": "*" } : { "if-match": typeof ifMatch === "number" ? `"${ifMatch}"` : ifMatch };
  return { ...headers, ...condition };
}

function isRepeatable({ route, input, headers = {} }: Request): boolean {
  if (route.method === "GET") return true;
  return headers["idempotency-key"] !== undefined || (route.idempotent === true && input["idempotencyKey"] !== undefined);
}

/** How long to rest before the next try, in milliseconds; null when there is none (C1, C2). */
function restAfter(error: unknown, { failures, safe }: { readonly failures: number; readonly safe: boolean }): number | null {
  if (!isWindlassError(error) || !mayPass(error) || !(safe || wasNotDone(error))) return null;
  const asked = Number(error.details["retryAfterSeconds"] ?? 0) * 1000;
  return asked > RETRY_AFTER_MS_MAX ? null : Math.max(asked, Math.min(REST_MS_MAX, REST_FIRST_MS * 2 ** failures));
}

/** The server did not answer, or not now. What answers but is no server of ours stays so. */
function mayPass({ code, cause }: WindlassError): boolean {
  return code === "unreachable"
    ? cause !== undefined
    : statusOf(code) === TOO_MANY_REQUESTS || code === "unavailable" || code === "shutting_down" || code === "idempotency_underway";
}

function wasNotDone({ code, cause }: WindlassError): boolean {
  if (statusOf(code) === TOO_MANY_REQUESTS) return true;
  const inner = cause instanceof Error ? cause.cause : undefined;
  return typeof inner === "object" && inner !== null && "code" in inner && NOT_SENT.has(String(inner.code));
}

const statusOf = (code: WindlassError["code"]): number => ERRORS[code].status;
