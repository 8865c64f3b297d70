/**
 * On which of several servers a log lies.
 *
 * N1. What lies here is read here, whatever the store says of its place: a restored folder has the logs of another one.
 * N2. An attempt of a handler has no place: all are asked, until one has something.
 * N3. A place that is no host's is a cluster's, whose watcher tells whichever server it reaches: all are asked, and the log
 *     that was told last is the one. Another may have the beginning of it, from before its server was away.
 */
import { WindlassError } from "@windlass/kernel";
import type { LogKey, LogRange, LogSlice, ServedPlace } from "@windlass/ports";
import { askPeer, whoseLog } from "./ask-peer.ts";
import type { PeerLogsOptions } from "./peer-logs.ts";

export type Owner = "here" | ServedPlace;

export interface LogOwners {
  /** Null when it may lie anywhere. Throws when its place is not known. */
  of(key: LogKey): Promise<Owner | null>;
  /** What was found out before, without asking anybody. */
  known(key: LogKey): Owner | null;
  /** Null when it has nothing. */
  read(peer: ServedPlace, key: LogKey, range: LogRange): Promise<LogSlice | null>;
  /** Of the first of all others that has something. */
  readAnywhere(key: LogKey, range: LogRange): Promise<LogSlice | null>;
}

interface Known {
  readonly owner: Owner;
  /** Monotonic: looked for anew from then on. */
  readonly until: number;
}

/** Logs whose place is remembered. */
const KNOWN_MAX = 10_000;
/** Of a log that is told: by then its watcher may have gone on at another server. */
const TOLD_KNOWN_MS = 30_000;
/** Places that are asked for a log without one. */
const PLACES_ASKED_MAX = 32;
/** Enough to see when a log ends. */
const LAST_BYTE: LogRange = { tailBytes: 1, bytesMax: 1 };

export function logOwners({ logs, place: own, store, clock, fetch: ask }: PeerLogsOptions): LogOwners {
  const known = new Map<string, Known>();
  const remember = (key: LogKey, owner: Owner, forMs = Number.POSITIVE_INFINITY): Owner => {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(nameOf(key), { owner, until: clock.monotonic() + forMs });
    return owner;
  };

  const read = async (peer: ServedPlace, key: LogKey, range: LogRange): Promise<LogSlice | null> => {
    try {
      return await askPeer({ peer, clock, fetch: ask }, key, range);
    } catch (error) {
      // Its server may have begun anew, at another address.
      known.delete(nameOf(key));
      throw error;
    }
  };

  const askAll = (places: readonly ServedPlace[], key: LogKey, range: LogRange) =>
    Promise.all(
      places
        .filter((one) => one.place !== own)
        .slice(0, PLACES_ASKED_MAX)
        .map(async (owner) => ({ owner, slice: await read(owner, key, range).catch((error: unknown) => notThere(error)) })),
    );

  return {
    read,
    known: (key) => known.get(nameOf(key))?.owner ?? null,
    async of(key) {
      const before = known.get(nameOf(key));
      if (before !== undefined && before.until > clock.monotonic()) return before.owner;
      const isHere = await logs.has(key);
      const place = (await store.reads.attempts(key.jobId)).find((one) => one.number === key.attempt)?.place ?? null;
      if (place === null) return isHere ? remember(key, "here") : null;
      if (place === own) return remember(key, "here");
      const places = await store.places.list();
      const found = places.find((one) => one.place === place);
      if (found !== undefined) return remember(key, isHere ? "here" : found);
      const mine = isHere ? await logs.read(key, LAST_BYTE) : null;
      const told = toldLast([{ owner: "here", slice: mine }, ...(await askAll(places, key, LAST_BYTE))]);
      if (told !== null) return remember(key, told, TOLD_KNOWN_MS);
      throw new WindlassError("unavailable", `${whoseLog(key)} lies on another host (${place}), whose server was never seen`);
    },
    async readAnywhere(key, range) {
      const answers = await askAll(await store.places.list(), key, range);
      const found = answers.find(({ slice }) => slice !== null);
      if (found !== undefined) remember(key, found.owner);
      return found?.slice ?? null;
    },
  };
}

/** See N3. Null when nobody has it. */
function toldLast(answers: readonly { readonly owner: Owner; readonly slice: LogSlice | null }[]): Owner | null {
  let last: { readonly owner: Owner; readonly at: number } | null = null;
  for (const { owner, slice } of answers) {
    if (slice === null) continue;
    const at = slice.chunks.at(-1)?.at ?? 0;
    if (last === null || at > last.at) last = { owner, at };
  }
  return last?.owner ?? null;
}

/** One of several that are asked does not answer: another may have it. */
function notThere(error: unknown): null {
  if (error instanceof WindlassError && error.code === "unavailable") return null;
  throw error;
}

function nameOf({ jobId, attempt }: LogKey): string {
  return `${jobId}/${attempt}`;
}
