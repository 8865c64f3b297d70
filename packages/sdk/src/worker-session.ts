/**
 * A worker's session, as the worker knows it: it lives on as long as reports are answered in time, over as many connections
 * as it takes.
 *
 * T1. It counts as lost as soon as the server may have given it up: the time to live since the last report that was answered,
 *     counted from when that was sent. One that is kept (`isKept`) is lost when the server says so, and not before.
 * T2. A connection over which reports are not answered is cut while there is still time to go on over another one.
 */
import type { Link } from "./worker-link.ts";
import type { Machine } from "./worker-machine.ts";

export interface WorkerSession {
  /** Null before the first welcome and after a loss. */
  readonly id: string | null;
  /** A hello is sent. */
  greeting(): void;
  /** The server welcomed us under this session. */
  welcome(id: string, ttlMs: number): void;
  /** A report was answered. */
  alive(n: number): void;
  /** True when it has just been found that the time is over. */
  check(): boolean;
  /** Forgets the session, without telling of a loss. */
  drop(): void;
  stop(): void;
}

/** Reports per time to live. */
const BEATS_PER_TTL = 4;
/** Reports in a row that are not answered before the connection is cut: then one interval is left to go on over another. */
const UNANSWERED_MAX = 2;

export interface SessionOptions {
  readonly machine: Machine;
  readonly link: () => Link;
  readonly isKept: boolean;
  readonly onLost: () => void;
}

export function workerSession({ machine, link, isKept, onLost }: SessionOptions): WorkerSession {
  let [id, ttlMs, validUntil]: [string | null, number, number] = [null, 0, Infinity];
  let [beats, greetedAt] = [0, 0];
  /** When the reports were sent that were not answered yet, by number. */
  const open = new Map<number, number>();
  let cancel = (): void => {};

  const drop = (): void => {
    [id, validUntil] = [null, Infinity];
    open.clear();
    cancel();
  };
  const check = (): boolean => {
    if (id === null || machine.monotonic() < validUntil) return false;
    drop();
    onLost();
    return true;
  };
  const plan = (): void => {
    cancel();
    cancel = machine.after(Math.max(0, Math.min(ttlMs / BEATS_PER_TTL, validUntil - machine.monotonic())), turn);
  };
  const turn = (): void => {
    if (check()) return;
    if (!link().up) open.clear();
    else if (open.size >= UNANSWERED_MAX) {
      open.clear();
      link().cut("the server has not answered the worker's reports");
    } else {
      open.set(++beats, machine.monotonic());
      link().say([`{"type":"beat","n":${beats}}`]);
    }
    plan();
  };
  return {
    get id() {
      return id;
    },
    greeting() {
      greetedAt = machine.monotonic();
      open.clear();
    },
    welcome(session, ttl) {
      [id, ttlMs, validUntil] = [session, ttl, isKept ? Infinity : greetedAt + ttl];
      plan();
    },
    alive(n) {
      const sentAt = open.get(n);
      open.delete(n);
      if (sentAt !== undefined && id !== null) validUntil = Math.max(validUntil, sentAt + ttlMs);
    },
    check,
    drop,
    stop: () => cancel(),
  };
}
