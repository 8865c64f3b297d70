/**
 * The program of the heartbeat thread: extends sessions by the database's clock, on a connection that it makes anew
 * whenever it is gone.
 *
 * H1. No beat is sent while the event loop has stood still for 30 s: its sessions run out and what they hold may be taken.
 * H2. A session that could not be extended for as long as it lasts is lost, also when nobody could be asked.
 */
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { assert } from "@windlass/kernel";
import { connectionConfig } from "./connection.ts";

export type ToBeatThread =
  | { readonly type: "keep"; readonly session: string; readonly intervalMs: number; readonly ttlMs: number }
  | { readonly type: "unkeep"; readonly session: string };

export interface FromBeatThread {
  readonly type: "lost";
  readonly session: string;
}

const STILL_MS = 30_000;
const BEAT = "UPDATE sessions SET expires_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $2 WHERE id = $1";

const port = parentPort;
assert(port !== null, "the heartbeat is a thread");
const { url, moved } = workerData as { readonly url: string; readonly moved: SharedArrayBuffer };
const counter = new Int32Array(moved);
const timers = new Map<string, NodeJS.Timeout>();
let seen = { count: -1, at: 0 };
let connection: Promise<pg.Client> | null = null;
let asked: Promise<unknown> = Promise.resolve();

function keep({ session, intervalMs, ttlMs }: Extract<ToBeatThread, { readonly type: "keep" }>): void {
  unkeep(session);
  let lastBeat = performance.now();
  let asking = false;
  const lose = (): void => {
    unkeep(session);
    port?.postMessage({ type: "lost", session } satisfies FromBeatThread);
  };
  const timer = setInterval(() => {
    if (asking) {
      // Others may take what it holds by now, whenever the answer comes (H2).
      if (performance.now() - lastBeat >= ttlMs) lose();
      return;
    }
    if (!loopMoves()) return;
    asking = true;
    void beat(session, ttlMs).then((alive) => {
      asking = false;
      if (timers.get(session) !== timer) return;
      if (alive === true) lastBeat = performance.now();
      if (alive === false || (alive === null && performance.now() - lastBeat >= ttlMs)) lose();
    });
  }, intervalMs);
  timers.set(session, timer);
}

function unkeep(session: string): void {
  clearInterval(timers.get(session));
  timers.delete(session);
}

/** One question at a time: all sessions share a connection. */
function beat(session: string, ttlMs: number): Promise<boolean | null> {
  const answer = asked.then(() => ask(session, ttlMs));
  asked = answer;
  return answer;
}

/** False when the session was given up, null when the database could not tell; the next interval tries again. */
async function ask(session: string, ttlMs: number): Promise<boolean | null> {
  const used = (connection ??= connect());
  try {
    const { rowCount } = await (await used).query(BEAT, [session, ttlMs]);
    return rowCount === 1;
  } catch {
    if (connection === used) connection = null;
    // One that answers no more (its query took too long) would stay open beside the new one.
    used.then((client) => client.end()).catch(() => {});
    return null;
  }
}

function connect(): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionConfig(url), query_timeout: STILL_MS });
  const connected = client.connect().then(() => client);
  client.on("error", () => {
    if (connection === connected) connection = null;
  });
  return connected;
}

function loopMoves(): boolean {
  const count = Atomics.load(counter, 0);
  const at = performance.now();
  if (count !== seen.count) seen = { count, at };
  return at - seen.at < STILL_MS;
}

port.on("message", (message: ToBeatThread) => {
  if (message.type === "keep") keep(message);
  else unkeep(message.session);
});
