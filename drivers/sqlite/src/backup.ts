/**
 * Copies a SQLite file while others write to it, looks through a copy, and makes a copy ready to be served elsewhere. Each
 * runs in a thread of its own: the event loop goes on.
 */
import { Worker } from "node:worker_threads";
import { WindlassError } from "@windlass/kernel";
import { migrations } from "@windlass/sql";
import type { FromCopyThread, StoredFigures, ToCopyThread } from "./copy-thread.ts";
import { fromErrorText } from "./thread-message.ts";

/** The schema of this Windlass, on either store. */
export const SCHEMA_NUMBER: number = migrations.length;

export interface CopyOptions {
  readonly from: string;
  /** Must not be there yet. */
  readonly to: string;
  readonly onProgress?: (doneShare: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The state of one moment, whatever is written meanwhile. The copy was looked through and is on the disk. */
export function copySqlite({ from, to, onProgress, signal }: CopyOptions): Promise<StoredFigures> {
  return inThread({ type: "copy", from, to }, { onProgress, signal });
}

/** Throws `invalid` when the file is damaged or no store. */
export function inspectSqlite(path: string): Promise<StoredFigures> {
  return inThread({ type: "inspect", path }, {});
}

/** For a file that was copied from another moment or machine; see `copy-thread.ts`. */
export function settleRestoredSqlite(path: string): Promise<StoredFigures> {
  return inThread({ type: "settle", path }, {});
}

interface Reporting {
  readonly onProgress?: ((doneShare: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

async function inThread(task: ToCopyThread, { onProgress, signal }: Reporting): Promise<StoredFigures> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./copy-thread.ts", import.meta.url), { workerData: task });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<StoredFigures>((resolve, reject) => {
      worker.on("message", (message: FromCopyThread) => {
        if (message.type === "progress") onProgress?.(message.doneShare);
        else if (message.type === "done") resolve(message.figures);
        else reject(fromErrorText(message.error));
      });
      worker.once("error", reject);
      worker.once("exit", () =>
        reject(signal?.aborted === true ? signal.reason : new WindlassError("internal", "the copying thread died")),
      );
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    await worker.terminate();
  }
}
