/**
 * One key, one effect: a call that changes something and carries an `Idempotency-Key` is carried out once. Whoever repeats
 * it gets the first answer again, marked with `Idempotency-Replayed`; who asks for something else under the key is refused.
 * For jobs the key is part of the job itself, and lives as long as it does (`idempotencyKey`); this is for all else.
 *
 * K1. Of calls under one key that meet, one works; the others are told that it does, and when to ask again.
 * K2. What may end otherwise the next time is not kept: only what was done, and refusals that cannot change.
 * K3. A key whose work may have been done, though nobody knows, is not free: the store failed in its middle (a commit whose reply
 *     was lost), or its holder died. Who repeats the call is told that, and never does a second time what was done.
 */
import type { Operation } from "@windlass/contract";
import {
  canonicalJson,
  ERRORS,
  isWindlassError,
  messageOf,
  WindlassError,
  type ErrorCode,
  type Fault,
  type Json,
  type JsonObject,
} from "@windlass/kernel";
import type { EngineContext } from "@windlass/engine";
import type { Answer } from "@windlass/ports";

/** Long enough for every client that tries again, also one that was asleep over night. */
const KEPT_MS = 24 * 3_600_000;
/** Longer than any call takes: who has not answered by then has died. */
const UNDERWAY_MS = 5 * 60_000;
/** Most answers have a few hundred bytes; the largest are those of batches. */
const BODY_BYTES_MAX = 1_048_576;
const RETRY_AFTER_SECONDS = 1;
const KEY = /^[\x21-\x7e]{1,255}$/u;
/** Refusals that stay so whatever happens meanwhile. */
const FINAL: readonly ErrorCode[] = ["job_finished", "token_stale"];

export interface KeyedCall {
  readonly context: EngineContext;
  readonly operation: Operation;
  /** As it was sent. */
  readonly key: string;
  readonly workspace: string;
  /** Id of the principal. */
  readonly principal: string;
  readonly requestId: string;
  /** What was asked: path, query, body. */
  readonly asked: unknown;
}

/** Does the work, or gives what it gave before. `replayed` is called before an earlier answer is given again. */
export async function answerOnce(call: KeyedCall, work: () => Promise<Json>, replayed: () => void): Promise<Json> {
  const { context } = call;
  const { answers } = context.store;
  const mine = newAnswer(call);
  const found = await answers.take(mine, context.now());
  if (found.holder !== mine.holder) {
    const earlier = earlierAnswer(found, mine, context.now());
    replayed();
    return earlier();
  }
  /** What the work came to is worth more than the promise to repeat it. */
  const noted = async (noting: Promise<unknown>): Promise<void> => {
    await noting.catch((error: unknown) => {
      context.logger.warn("an answer could not be kept under its key", { requestId: call.requestId, error: messageOf(error) });
    });
  };
  const keep = (status: number, body: string): Promise<boolean> => {
    const fits = Buffer.byteLength(body) <= BODY_BYTES_MAX;
    return answers.keep({ ...mine, status, body: fits ? body : null, expiresAt: context.now() + KEPT_MS });
  };
  try {
    const result = await work();
    await noted(keep(call.operation.status, JSON.stringify(result)));
    return result;
  } catch (error) {
    const kept = !isRefusal(error) ? unknownOutcome(mine) : FINAL.includes(error.code) ? error : null;
    await noted(kept === null ? answers.release(mine, mine.holder) : keep(ERRORS[kept.code].status, refusalText(kept)));
    throw error;
  }
}

/** Whoever is refused has changed nothing; after any other failure nobody knows (K3). */
function isRefusal(error: unknown): error is WindlassError {
  return isWindlassError(error) && ERRORS[error.code].status < 500;
}

function unknownOutcome({ operation, key }: Answer): WindlassError {
  return new WindlassError(
    "idempotency_unknown",
    `the first ${operation} under the key ${key} was not heard of to its end: it may have been carried out or not. Look whether it was, and if not, ask again under a new key`,
  );
}

function newAnswer({ context, operation, key, workspace, principal, asked }: KeyedCall): Answer {
  if (!KEY.test(key)) {
    const message = "an Idempotency-Key has 1 to 255 characters of ASCII, without spaces";
    throw new WindlassError("invalid", message, { faults: [{ path: "Idempotency-Key", message }] });
  }
  const requestHash = context.sha256(canonicalJson(JSON.parse(JSON.stringify(asked)) as Json));
  // Not the request's id, which its caller chooses.
  const holder = context.newId("req");
  const expiresAt = context.now() + KEPT_MS;
  return { workspace, principal, operation: operation.id, key, requestHash, holder, status: null, body: null, expiresAt };
}

/** What stands under the key, as a function that gives or throws it. Throws when it is for something else, not there yet, or never will be. */
function earlierAnswer(found: Answer, mine: Answer, now: number): () => Json {
  const { key, operation, status, body } = found;
  if (found.requestHash !== mine.requestHash)
    throw new WindlassError(
      "idempotency_mismatch",
      `the key ${key} was used for ${operation} with another content; take a new key for a new request`,
    );
  if (status === null) {
    const takenAt = found.expiresAt - KEPT_MS;
    if (now - takenAt > UNDERWAY_MS) throw unknownOutcome(found);
    throw new WindlassError(
      "idempotency_underway",
      `the first ${operation} under the key ${key} is still under way; ask again in a moment`,
      {
        details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
      },
    );
  }
  if (body === null)
    throw new WindlassError("conflict", `${operation} under the key ${key} was carried out, but its answer was too large to keep`);
  if (status < 400) return () => JSON.parse(body) as Json;
  const { code, message, faults, details } = JSON.parse(body) as Refusal;
  return () => {
    throw new WindlassError(code, message, { faults, details });
  };
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly faults: readonly Fault[];
  readonly details: JsonObject;
}

function refusalText({ code, message, faults, details }: WindlassError): string {
  return JSON.stringify({ code, message, faults, details } satisfies Refusal);
}
