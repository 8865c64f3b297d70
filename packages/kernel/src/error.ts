/**
 * Refusals and failures of operation: one class, one table. They are told apart by `code`, never by message.
 * A user's failing job is not an error but an outcome (outcome.ts); a bug is a BugError (assert.ts).
 */
import { isJson, type JsonObject } from "./json.ts";

/** `exit` is the CLI's exit code: 1 job failed, 2 usage, 3 not found, 4 refused, 5 unreachable. */
export const ERRORS = {
  bad_request: { status: 400, exit: 2, retry: false, meaning: "the request could not be read" },
  unauthorized: { status: 401, exit: 4, retry: false, meaning: "no token, or one that is not known here" },
  forbidden: { status: 403, exit: 4, retry: false, meaning: "the token does not allow this operation" },
  host_unknown: {
    status: 403,
    exit: 4,
    retry: false,
    meaning: "the request names, in its Host header, a host that this server is not known as",
  },
  not_found: { status: 404, exit: 3, retry: false, meaning: "there is no such object" },
  route_not_found: { status: 404, exit: 3, retry: false, meaning: "there is no such address" },
  method_not_allowed: { status: 405, exit: 2, retry: false, meaning: "the address is asked with other methods" },
  log_removed: { status: 410, exit: 3, retry: false, meaning: "the log was removed before its job, to keep to the limits of logs" },
  conflict: { status: 409, exit: 4, retry: false, meaning: "the object is not in a state in which this is possible" },
  workflow_disabled: {
    status: 409,
    exit: 4,
    retry: false,
    meaning: "the workflow is disabled: nothing new of it is taken until it is enabled",
  },
  job_finished: { status: 409, exit: 4, retry: false, meaning: "the job has ended; a job that has ended never changes again" },
  job_not_finished: { status: 409, exit: 4, retry: false, meaning: "the job has not ended yet" },
  idempotency_mismatch: { status: 409, exit: 4, retry: false, meaning: "the idempotency key was used before for another request" },
  idempotency_underway: {
    status: 409,
    exit: 4,
    retry: true,
    meaning: "the first request under this idempotency key has not been answered yet",
  },
  idempotency_unknown: {
    status: 409,
    exit: 4,
    retry: false,
    meaning: "the first request under this idempotency key may have been carried out or not: nobody heard how it ended",
  },
  parent_closed: { status: 409, exit: 4, retry: false, meaning: "the parent is stopping or has ended, so it takes no more children" },
  token_stale: { status: 409, exit: 4, retry: false, meaning: "the attempt that this token belongs to has ended or was handed on" },
  revision_mismatch: { status: 412, exit: 4, retry: false, meaning: "the object was changed since it was read; read it again" },
  too_large: { status: 413, exit: 2, retry: false, meaning: "the request or a part of it is larger than allowed" },
  invalid: { status: 422, exit: 2, retry: false, meaning: "the request was read but its content is not valid; every fault is listed" },
  too_many_jobs: { status: 422, exit: 4, retry: false, meaning: "the tree of jobs would be larger or deeper than allowed" },
  rate_limited: {
    status: 429,
    exit: 5,
    retry: true,
    meaning: "more requests or streams at once than allowed; the answer tells when to come back",
  },
  internal: { status: 500, exit: 5, retry: true, meaning: "the server failed; its log has the details under the request's id" },
  unavailable: { status: 503, exit: 5, retry: true, meaning: "the server or its store cannot answer now" },
  shutting_down: { status: 503, exit: 5, retry: true, meaning: "the server is about to stop" },
  unreachable: { status: 503, exit: 5, retry: true, meaning: "the server did not answer at the address used" },
  usage: { status: 400, exit: 2, retry: false, meaning: "the command line is not understood" },
  data_folder_in_use: { status: 409, exit: 4, retry: false, meaning: "another Windlass process owns the data folder" },
  data_folder_unusable: { status: 500, exit: 4, retry: false, meaning: "the data folder cannot be read or written" },
  port_in_use: { status: 500, exit: 4, retry: false, meaning: "another program listens on the port" },
  schema_newer: { status: 500, exit: 4, retry: false, meaning: "the store was written by a newer Windlass; run that one" },
  store_unsupported: { status: 500, exit: 2, retry: false, meaning: "no driver for this kind of store" },
  secret_key_missing: {
    status: 500,
    exit: 4,
    retry: false,
    meaning: "this server lacks a key that secrets of the store are sealed with, or has none and may not make one",
  },
  executor_failed: { status: 500, exit: 5, retry: true, meaning: "an executor did not do what it was asked" },
  tool_missing: { status: 500, exit: 4, retry: false, meaning: "a program that is needed is not installed, or is too old" },
  timed_out: { status: 504, exit: 5, retry: true, meaning: "what was waited for did not happen in time" },
} as const satisfies Record<string, { status: number; exit: number; retry: boolean; meaning: string }>;

export type ErrorCode = keyof typeof ERRORS;
export const errorCodes = Object.keys(ERRORS) as ErrorCode[];

/** One thing that is wrong with an input. `path` is like `steps[2].tool.kind`; line and column count from 1. */
export interface Fault {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

export class WindlassError extends Error {
  override name = "WindlassError";
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly details: JsonObject;

  constructor(code: ErrorCode, message: string, more: { faults?: readonly Fault[]; details?: JsonObject; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.faults = more.faults ?? [];
    this.details = more.details ?? {};
  }
}

/** True for an error of ours, also one of another copy of this package. */
export function isWindlassError(error: unknown): error is WindlassError {
  return (
    error instanceof Error &&
    error.name === "WindlassError" &&
    "code" in error &&
    typeof error.code === "string" &&
    Object.hasOwn(ERRORS, error.code)
  );
}

export function hasCode(error: unknown, code: ErrorCode): boolean {
  return isWindlassError(error) && error.code === code;
}

/** Whether the same may go well later, with nothing changed but the time. What failed within a server (`internal`) may not. */
export function mayPass(error: unknown): boolean {
  return isWindlassError(error) && ERRORS[error.code].retry && error.code !== "internal";
}

/** The text of anything that was thrown, for messages and logs. */
export function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  // Some libraries put an object there.
  if (error instanceof Error && typeof error.message === "string") return error.message;
  return (jsonOf(error) ?? ownTextOf(error)).slice(0, THROWN_LENGTH_MAX);
}

/** What somebody throws that is no error may be anything, of any size. */
const THROWN_LENGTH_MAX = 2_000;

/** Null for what is no JSON, and for what cannot be read. */
function jsonOf(value: unknown): string | null {
  try {
    return isJson(value) ? JSON.stringify(value) : null;
  } catch {
    return null;
  }
}

function ownTextOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "something that has no text";
  }
}
