/** What the event loop and the store's threads say to each other, and how an error gets across. */
import { isWindlassError, messageOf, WindlassError, type ErrorCode, type JsonObject } from "@windlass/kernel";
import { alreadyThere, storeFull, unstorable } from "@windlass/sql";
import type { OperationName } from "./operations.ts";

/** JSON: see packed.ts. */
export type Packed = string & { readonly isPacked: true };

export interface SentCall {
  readonly id: number;
  readonly name: OperationName;
  readonly values: readonly unknown[] | Packed;
}

export type ToThread =
  | { readonly type: "calls"; readonly calls: readonly SentCall[] }
  | { readonly type: "keep"; readonly session: string; readonly intervalMs: number; readonly ttlMs: number }
  | { readonly type: "unkeep"; readonly session: string }
  | { readonly type: "close" };

export type FromThread =
  | { readonly type: "ready" }
  | { readonly type: "refused"; readonly error: ErrorText }
  /** `upTo`: see D4 of flushing.ts. */
  | { readonly type: "replies"; readonly replies: readonly Reply[]; readonly upTo?: number | undefined }
  | { readonly type: "lost"; readonly session: string };

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  /** The name of a list of the value that comes as `packed`. */
  readonly list?: string;
  readonly packed?: Packed;
  readonly error?: ErrorText;
}

export interface ErrorText {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack: string | null;
  readonly details: JsonObject;
}

export interface ThreadData {
  readonly path: string;
  /** The event loop adds to it each second: heartbeats stop when it stands still. */
  readonly moved: SharedArrayBuffer;
  /** How often something was sent to the thread (writer-thread.ts, W4). */
  readonly sent: SharedArrayBuffer;
  /** What was committed, and what of it the disk has (flushing.ts). */
  readonly commits: SharedArrayBuffer;
}

/** Codes of SQLite for a disk that is full: SQLITE_FULL, and SQLITE_IOERR_SHMSIZE for the index of its log. */
const FULL: ReadonlySet<unknown> = new Set([13, 4874]);
/** SQLITE_TOOBIG, SQLITE_MISMATCH, and SQLITE_CONSTRAINT_DATATYPE for a number that is none of the column's. */
const UNSTORABLE: ReadonlySet<unknown> = new Set([18, 20, 3091]);
/** SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE. */
const TAKEN: ReadonlySet<unknown> = new Set([1555, 2067]);

/** What SQLite threw, as one of ours where its code says whose fault it is. */
export function storeErrorOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error && "errcode" in thrown)) return thrown;
  if (FULL.has(thrown.errcode)) return storeFull(thrown);
  if (TAKEN.has(thrown.errcode)) return alreadyThere(thrown);
  return UNSTORABLE.has(thrown.errcode) ? unstorable(thrown) : thrown;
}

export function toErrorText(thrown: unknown): ErrorText {
  const error = storeErrorOf(thrown);
  return {
    code: isWindlassError(error) ? error.code : null,
    message: messageOf(error),
    stack: error instanceof Error ? (error.stack ?? null) : null,
    details: isWindlassError(error) ? error.details : {},
  };
}

/** An error of SQLite itself (I/O, a damaged file) means that the store cannot answer; its text is kept as the cause. */
export function fromErrorText(text: ErrorText): Error {
  const cause = new Error(text.message);
  if (text.stack !== null) cause.stack = text.stack;
  return text.code === null
    ? new WindlassError("unavailable", `the store failed: ${text.message}`, { cause })
    : new WindlassError(text.code, text.message, { cause, details: text.details });
}
