/**
 * Logs where several servers share a store: each attempt's lie on the host that ran it, or that was told of it. Who does not
 * have one asks the server that has (log-owner.ts), and says which host it lies on when that one does not answer.
 */
import type { Clock, LogStore, Store } from "@windlass/ports";
import { logOwners } from "./log-owner.ts";

export interface PeerLogsOptions {
  /** Of this host. */
  readonly logs: LogStore;
  /** Of this server. */
  readonly place: string;
  readonly store: Pick<Store, "places" | "reads">;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

/** Of what lies elsewhere nobody here is told that it grew: whoever follows looks this often. */
const POLL_MS = 200;

export function peerLogs(options: PeerLogsOptions): LogStore {
  const { logs, clock } = options;
  const owners = logOwners(options);
  return {
    ...logs,
    async read(key, range) {
      const owner = await owners.of(key);
      if (owner === "here") return logs.read(key, range);
      const slice = owner === null ? await owners.readAnywhere(key, range) : await owners.read(owner, key, range);
      return slice ?? logs.read(key, range);
    },
    watch(key, changed) {
      const unwatch = logs.watch(key, changed);
      const unpoll = repeat(clock, () => owners.known(key) !== "here" && changed());
      return () => {
        unpoll();
        unwatch();
      };
    },
  };
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
