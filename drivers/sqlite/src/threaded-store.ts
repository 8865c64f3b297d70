/** The store on a file: one thread writes, one reads, and the event loop only sends and receives. */
import { WindlassError } from "@windlass/kernel";
import type { Clock, Heartbeats, Store } from "@windlass/ports";
import { Commits } from "./flushing.ts";
import { LogFile } from "./log-file.ts";
import { far, readsJobs, type Caller, type OperationName } from "./operations.ts";
import { storeOn } from "./store-front.ts";
import { ThreadClient } from "./thread-client.ts";

/** How often the event loop shows the writer thread that it moves. */
const MOVE_MS = 1_000;

export async function openThreadedStore(path: string, clock: Clock): Promise<Store> {
  const data = { path, moved: new SharedArrayBuffer(4), commits: Commits.shared() };
  const lost = new Map<string, () => void>();
  const writer = new ThreadClient(new URL("./writer-thread.ts", import.meta.url), data, (session) => {
    const onLost = lost.get(session);
    lost.delete(session);
    onLost?.();
  });
  await writer.started();
  const commits = new Commits(data.commits);
  const startedReader = async (): Promise<ThreadClient> => {
    writer.flushEarly(new LogFile(path), commits);
    const client = new ThreadClient(new URL("./reader-thread.ts", import.meta.url), data);
    await client.started();
    return client;
  };
  const reader = await startedReader().catch(async (error: unknown) => {
    await writer.close();
    throw error;
  });

  let open = true;
  const stopMoving = showMoves(clock, new Int32Array(data.moved));
  const call = ((name: OperationName, ...values: readonly unknown[]) => {
    if (!open) return Promise.reject(new WindlassError("shutting_down", "the store is closed"));
    if (!(name in far)) return writer.call(name, values);
    if (!commits.withheld || !readsJobs(name)) return reader.call(name, values);
    // What was taken in and cannot be put into its tables now, only the writer sees.
    return writer.call("putTaken", []).then(
      () => reader.call(name, values),
      () => writer.call(name, values),
    );
  }) as Caller;
  const close = async (): Promise<void> => {
    open = false;
    stopMoving();
    // Those who look wait for the writer first: then they have asked the reader before it is told to close.
    await writer.call("putTaken", []).catch(() => undefined);
    // The last one moves what is in the log into the file and removes the log, which a connection that only reads cannot.
    await reader.close();
    await writer.close();
  };
  return storeOn({ call, heartbeats: threadHeartbeats(writer, lost), close });
}

function threadHeartbeats(writer: ThreadClient, lost: Map<string, () => void>): Heartbeats {
  return {
    async keep(session, { intervalMs, ttlMs, onLost }) {
      lost.set(session, onLost);
      writer.send({ type: "keep", session, intervalMs, ttlMs });
      return {
        async stop() {
          lost.delete(session);
          writer.send({ type: "unkeep", session });
        },
      };
    },
  };
}

function showMoves(clock: Clock, moved: Int32Array): () => void {
  let cancel = (): void => {};
  const move = (): void => {
    Atomics.add(moved, 0, 1);
    cancel = clock.after(MOVE_MS, move);
  };
  move();
  return () => cancel();
}
