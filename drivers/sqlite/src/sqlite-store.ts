/**
 * Opens a store on SQLite. A file is served by two threads of its own, one that writes and one that reads; a store in
 * memory, and one that is opened with `thread: false`, works within the call and is deterministic: for simulation.
 */
import { WindlassError } from "@windlass/kernel";
import type { Clock, Store } from "@windlass/ports";
import { Database } from "./database.ts";
import { clockedHeartbeats } from "./heartbeats.ts";
import { isWrite, run, type Caller } from "./operations.ts";
import { lookAt, runInTurn } from "./shared-commit.ts";
import { storeOn } from "./store-front.ts";
import { storeErrorOf } from "./thread-message.ts";
import { openThreadedStore } from "./threaded-store.ts";

export interface SqliteOptions {
  /** A file, made when it is not there, or `:memory:`. */
  readonly path: string;
  /** For the heartbeats, and to show the threads that the event loop moves. */
  readonly clock: Clock;
  /** False: no thread. The default is true for files; a store in memory never has one. */
  readonly thread?: boolean;
}

/** @throws WindlassError `schema_newer` when the file was written by a newer Windlass. */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  if (options.path !== ":memory:" && options.thread !== false) return openThreadedStore(options.path, options.clock);
  const db = new Database(options.path);
  try {
    db.migrate();
  } catch (error) {
    db.close();
    throw error;
  }
  return inProcessStore(db, options.clock);
}

function inProcessStore(db: Database, clock: Clock): Store {
  let open = true;
  const call = (async (name: Parameters<Caller>[0], ...values: readonly unknown[]) => {
    if (!open) throw new WindlassError("shutting_down", "the store is closed");
    try {
      if (!isWrite(name)) return lookAt(db, name, () => run(db, name, values));
      return db.transaction(() => runInTurn(db, [{ id: 0, name, values }], "always")[0]?.value);
    } catch (error) {
      throw storeErrorOf(error);
    }
  }) as Caller;
  const heartbeats = clockedHeartbeats(clock, (id, expiresAt) => call("beat", [id], expiresAt));
  const close = async (): Promise<void> => {
    open = false;
    heartbeats.stop();
    db.close();
  };
  return storeOn({ call, heartbeats, close });
}
