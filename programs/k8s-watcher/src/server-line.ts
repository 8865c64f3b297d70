/**
 * What is asked of the server, and what its answers mean for whoever asks: taken, refused for good, or to be told again.
 *
 * W1. Only an answer that says that the content is wrong is for good. All else may pass: a server that is down or too busy,
 *     a token that is wrong until somebody mends it, a proxy in between.
 */
import { hasCode, messageOf, WindlassError, type Json, type JsonObject } from "@windlass/kernel";
import type { EndState } from "@windlass/kubernetes";
import type { Clock } from "@windlass/ports";
import { client, type Client } from "@windlass/sdk";
import type { EntryMark } from "./log-place.ts";

export type Told<T> =
  | { readonly is: "answered"; readonly answer: T }
  /** It will never be taken. */
  | { readonly is: "refused"; readonly why: string }
  /** `isDenied`: for the token, which somebody has to mend. */
  | { readonly is: "failed"; readonly why: string; readonly afterMs: number; readonly isDenied?: boolean };

export interface Account {
  readonly state: EndState | "pending" | "running";
  readonly jobName: string;
  readonly jobUid: string;
  readonly completedAt?: string;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly output?: Json;
  readonly evidence?: JsonObject;
  readonly podUid?: string;
  readonly podName?: string;
  readonly node?: string;
}

/** Whom an account is about: an attempt, or a step of an execution where a Job names no more. */
export type Addressee =
  | { readonly id: string; readonly attempt: number }
  | { readonly executionId: string; readonly step: string; readonly attempt?: number; readonly iteration?: number };

export interface CallbackAnswer {
  readonly status: "accepted_in_flight" | "accepted_duplicate" | "accepted_stale";
  readonly reason?: string | undefined;
}

export interface LogPiece {
  readonly id: string;
  readonly attempt: number;
  readonly jobName: string;
  readonly jobUid: string;
  /** Undefined: the main one. */
  readonly container: string | undefined;
  readonly offset: number;
  readonly at: number;
  readonly isLast: boolean;
  readonly isRestLost: boolean;
  /** Before it something may be missing, nobody knows how much; in its place, where it is empty. */
  readonly isBehindGap: boolean;
  /** The last entry of which there is something in it. */
  readonly last: EntryMark | null;
  readonly bytes: Uint8Array;
}

export interface LogAnswer {
  readonly status: "stored" | "gap" | "moved" | "accepted_stale";
  readonly next?: number | undefined;
  readonly last?: EntryMark | undefined;
  readonly reason?: string | undefined;
}

/** How much of each source of an attempt's log the server has that was asked. */
export interface ToldSources {
  readonly status: "known" | "accepted_stale";
  readonly sources: readonly { readonly container: string; readonly stream: string; readonly next: number; readonly cut: boolean }[];
}

export interface ServerLine {
  tell(to: Addressee, account: Account): Promise<Told<CallbackAnswer>>;
  tellLog(piece: LogPiece): Promise<Told<LogAnswer>>;
  toldLogs(of: Pick<LogPiece, "id" | "attempt" | "jobName" | "jobUid">): Promise<Told<ToldSources>>;
  /** What could not be delivered, for somebody to look at. */
  tellUndelivered(letter: Undelivered): Promise<Told<unknown>>;
  /** Whether it is this one's turn. */
  takeTurn(turn: { readonly name: string; readonly holder: string; readonly ttlSeconds: number }): Promise<Told<boolean>>;
}

export interface Undelivered {
  readonly jobName: string;
  readonly jobUid: string;
  readonly namespace: string;
  readonly id?: string;
  readonly attempt?: number;
  readonly state: string;
  readonly why: string;
}

export interface ServerLineOptions {
  readonly url: string;
  /** Asked before each call: a file may have been changed. */
  readonly token: () => string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What an answer to bytes means that is no success. */
const CODE_OF: ReadonlyMap<number, "invalid" | "unauthorized" | "forbidden"> = new Map([
  [400, "invalid"],
  [413, "invalid"],
  [422, "invalid"],
  [401, "unauthorized"],
  [403, "forbidden"],
]);
const FOR_GOOD = ["invalid", "bad_request", "too_large"] as const;

export function serverLine({ url, token, timeoutMs, clock }: ServerLineOptions): ServerLine {
  const clients = new Map<string, Client>();
  /** A token that changes makes a new client; the old one has nothing to close. */
  const calls = (): Client["callbacks"] => {
    const current = token();
    let one = clients.get(current);
    if (one === undefined) {
      clients.clear();
      one = client({ url, token: current, retries: 0, timeoutMs });
      clients.set(current, one);
    }
    return one.callbacks;
  };
  return {
    tell: (to, account) =>
      told(async () => {
        if ("id" in to) return calls().facts({ ...to, ...account });
        const { podUid: _, podName: __, node: ___, state, ...rest } = account;
        if (state === "pending" || state === "running") return { status: "accepted_stale", reason: "unknown_step" };
        return calls().step({ ...to, ...rest, state });
      }),
    tellLog: (piece) => told(() => sendPiece({ url, token: token(), timeoutMs, clock }, piece)),
    toldLogs: (of) => told(() => calls().toldLogs(of)),
    tellUndelivered: (letter) => told(() => calls().undelivered(letter)),
    takeTurn: (turn) => told(async () => (await calls().turn(turn)).holds),
  };
}

async function told<T>(ask: () => Promise<T>): Promise<Told<T>> {
  try {
    return { is: "answered", answer: await ask() };
  } catch (error) {
    const why = messageOf(error);
    if (FOR_GOOD.some((code) => hasCode(error, code))) return { is: "refused", why: `${why}${faultsOf(error)}` };
    const seconds = error instanceof WindlassError ? Number(error.details?.["retryAfterSeconds"] ?? 0) : 0;
    const isDenied = hasCode(error, "unauthorized") || hasCode(error, "forbidden");
    return { is: "failed", why, afterMs: Number.isFinite(seconds) ? seconds * 1000 : 0, ...(isDenied ? { isDenied } : {}) };
  }
}

function faultsOf(error: unknown): string {
  const faults = error instanceof WindlassError ? error.faults : [];
  return faults.length === 0 ? "" : ` (${faults.map(({ path, message }) => `${path}: ${message}`).join("; ")})`;
}

/** Bytes as they are, which the client of the SDK does not send. */
async function sendPiece(
  { url, token, timeoutMs, clock }: Omit<ServerLineOptions, "token"> & { readonly token: string },
  piece: LogPiece,
): Promise<LogAnswer> {
  const { id, attempt, jobName, jobUid, container, offset, at, isLast, isRestLost, isBehindGap, last, bytes } = piece;
  const query = new URLSearchParams({ jobName, jobUid, stream: "stdout", offset: String(offset), at: new Date(at).toISOString() });
  if (container !== undefined) query.set("container", container);
  if (isLast) query.set("last", "true");
  if (isRestLost) query.set("lost", "true");
  if (isBehindGap) query.set("gap", "true");
  // A log that is told from its beginning says so: one that began at another time has lost it.
  if (offset === 0 && bytes.length > 0) query.set("first", "true");
  if (last !== null) {
    query.set("lastTime", last.time);
    query.set("lastOffset", String(last.offset));
  }
  const address = `${url}/api/internal/jobs/${encodeURIComponent(id)}/attempts/${attempt}/logs?${query.toString()}`;
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs / 1000} s`)));
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
      body: bytes as Uint8Array<ArrayBuffer>,
      signal: late.signal,
    });
    text = await answer.text();
  } catch (error) {
    throw new WindlassError("unreachable", `no server answers at ${url}: ${messageOf(error)}`, { cause: error });
  } finally {
    cancel();
  }
  if (answer.ok) return JSON.parse(text) as LogAnswer;
  throw new WindlassError(CODE_OF.get(answer.status) ?? "unavailable", `HTTP ${answer.status}: ${text.slice(0, 300)}`, {
    details: { retryAfterSeconds: Number(answer.headers.get("retry-after") ?? 0) },
  });
}
