/**
 * Logs where several servers share a store: each attempt's lie on the host that ran it. Who does not have one asks the
 * server of its place, and says which host it lies on when that one does not answer.
 *
 * N1. What lies here is read here, whatever the store says of its place: a restored folder has the logs of another one.
 * N2. An attempt of a handler has no place: all are asked, until one has something.
 */
import { WindlassError } from "@windlass/kernel";
import type { Clock, LogKey, LogRange, LogSlice, LogStore, ServedPlace, Store } from "@windlass/ports";
import { askPeer, whoseLog } from "./ask-peer.ts";

export interface PeerLogsOptions {
  /** Of this host. */
  readonly logs: LogStore;
  /** Of this server. */
  readonly place: string;
  readonly store: Pick<Store, "places" | "reads">;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

type Owner = "here" | ServedPlace;

/** Of what lies elsewhere nobody here is told that it grew: whoever follows looks this often. */
const POLL_MS = 200;
/** Logs whose place is remembered. */
const KNOWN_MAX = 10_000;
/** Places that are asked for a log without one. */
const PLACES_ASKED_MAX = 32;

export function peerLogs({ logs, place: own, store, clock, fetch: ask }: PeerLogsOptions): LogStore {
  const known = new Map<string, Owner>();
  const nameOf = (key: LogKey): string => `${key.jobId}/${key.attempt}`;
  const remember = (key: LogKey, owner: Owner): Owner => {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(nameOf(key), owner);
    return owner;
  };

  /** Null when it may lie anywhere. Throws when its place is not known. */
  const ownerOf = async (key: LogKey): Promise<Owner | null> => {
    const before = known.get(nameOf(key));
    if (before !== undefined) return before;
    if (await logs.has(key)) return remember(key, "here");
    const attempt = (await store.reads.attempts(key.jobId)).find((one) => one.number === key.attempt);
    if (attempt === undefined || attempt.place === null) return null;
    if (attempt.place === own) return remember(key, "here");
    const found = (await store.places.list()).find((one) => one.place === attempt.place);
    if (found === undefined)
      throw new WindlassError("unavailable", `${whoseLog(key)} lies on another host (${attempt.place}), whose server was never seen`);
    return remember(key, found);
  };

  const readFrom = async (peer: ServedPlace, key: LogKey, range: LogRange): Promise<LogSlice | null> => {
    try {
      return await askPeer({ peer, clock, fetch: ask }, key, range);
    } catch (error) {
      // Its server may have begun anew, at another address.
      known.delete(nameOf(key));
      throw error;
    }
  };

  const readAnywhere = async (key: LogKey, range: LogRange): Promise<LogSlice> => {
    const peers = (await store.places.list()).filter((one) => one.place !== own).slice(0, PLACES_ASKED_MAX);
    const answers = await Promise.all(
      peers.map(async (peer) => ({ peer, slice: await readFrom(peer, key, range).catch((error: unknown) => notThere(error)) })),
    );
    for (const { peer, slice } of answers) {
      if (slice === null) continue;
      remember(key, peer);
      return slice;
    }
    return logs.read(key, range);
  };

  return {
    ...logs,
    async read(key, range) {
      const owner = await ownerOf(key);
      if (owner === "here") return logs.read(key, range);
      if (owner === null) return readAnywhere(key, range);
      return (await readFrom(owner, key, range)) ?? logs.read(key, range);
    },
    watch(key, changed) {
      const unwatch = logs.watch(key, changed);
      const unpoll = repeat(clock, () => known.get(nameOf(key)) !== "here" && changed());
      return () => {
        unpoll();
        unwatch();
      };
    },
  };
}

/** One of several that are asked does not answer: another may have it. */
function notThere(error: unknown): null {
  if (error instanceof WindlassError && error.code === "unavailable") return null;
  throw error;
}

function repeat(clock: Clock, work: () => void): () => void {
  let cancel = (): void => {};
  const again = (): void => {
    work();
    cancel = clock.after(POLL_MS, again);
  };
  again();
  return () => cancel();
}
