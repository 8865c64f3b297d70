/**
 * Tells when a log has grown. The system's notices are quick but not to be relied on (no folder yet, no watches left,
 * network file systems), so a slow look at the size stands behind them.
 */
import { stat } from "node:fs/promises";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "@windlass/ports";
import type { LogPlace } from "./log-file-writer.ts";

const POLL_WITH_NOTICES_MS = 2_000;
/** Without notices this is the latency of whoever follows. */
const POLL_WITHOUT_NOTICES_MS = 100;

/** The returned function ends it; nothing is called after that. */
export function watchLog(place: LogPlace, clock: Clock, changed: () => void): () => void {
  const folder = join(place.root, place.files.folder);
  const index = join(place.root, place.files.index);
  let watcher: FSWatcher | null = null;
  let size = -1;
  let ended = false;
  let cancelPoll = (): void => {};

  const drop = (): void => {
    watcher?.close();
    watcher = null;
  };
  const subscribe = (): void => {
    try {
      watcher = watch(folder, { persistent: false }, (_event, file) => {
        if (!ended && (file === null || file === basename(index))) changed();
      });
      watcher.on("error", drop);
    } catch {
      // No folder yet, or no watches left: the poll below does the work until the next try.
      watcher = null;
    }
  };
  const poll = async (): Promise<void> => {
    if (watcher === null) subscribe();
    const found = await stat(index).then(
      (file) => file.size,
      () => -1,
    );
    if (ended) return;
    if (found !== size) {
      if (found === -1) drop();
      size = found;
      changed();
    }
    cancelPoll = clock.after(watcher === null ? POLL_WITHOUT_NOTICES_MS : POLL_WITH_NOTICES_MS, () => void poll());
  };

  void poll();
  return () => {
    ended = true;
    cancelPoll();
    drop();
  };
}
