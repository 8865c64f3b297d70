/**
 * The LogStore on plain files, in the format of log-format.ts.
 *
 * L1. Within this process the appends of one log follow each other. Different logs do not wait for each other.
 * L2. Before its first append here a log is mended, for its last writer may have been killed.
 * L3. Readers take no lock: they see whole lines of the index, however far the writer is (F1, F2).
 * L4. What could not be written (the disk was full) is told where it would stand, once something can be written again. But
 *     not what came with `told`: whoever told it tells it again.
 * L5. A log that is removed early leaves a mark, written before anything goes: it is never taken for one that is empty.
 */
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { assert, messageOf, WindlassError } from "@windlass/kernel";
import { LOG_FOLDER, logFilesOf, logFolderOf, logLostMark } from "@windlass/ports";
import type { Clock, LogChunk, LogKey, LogStore } from "@windlass/ports";
import { expireLog, isThere, jobsWithLogs, markOf, refuseRemoved, usageOf } from "./log-expiry.ts";
import { readLog } from "./log-file-reader.ts";
import { appendToLog, mendLog, toldOf } from "./log-file-writer.ts";
import type { LogPlace } from "./log-file-writer.ts";
import { watchLog } from "./log-file-watch.ts";
import { encodeLogPosition, LOG_START } from "./log-position.ts";

export interface FileLogStoreOptions {
  /** The data folder; logs lie below it in `logs/`. */
  readonly folder: string;
  /** The most bytes of one stream of one attempt. */
  readonly bytesMax: number;
  readonly clock: Clock;
}

/** How many folders are removed at once. */
const REMOVALS_MAX = 8;
/** How many logs this process remembers as mended. */
const MENDED_MAX = 10_000;

/** Throws `data_folder_unusable` when the folder cannot be made. */
export function fileLogStore(options: FileLogStoreOptions): LogStore {
  assert(options.bytesMax > 0, "a log must have room");
  const root = join(options.folder, LOG_FOLDER);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new WindlassError("data_folder_unusable", `the folder for logs, ${root}, cannot be made`, { cause: error });
  }
  const placeOf = (key: LogKey): LogPlace => ({ root, files: logFilesOf(key) });
  const queue = appendQueue();
  const mended = new Set<string>();
  const lost = new Map<string, LostBytes>();
  const write = async (place: LogPlace, chunks: readonly LogChunk[]): Promise<void> => {
    const { index } = place.files;
    if (!mended.has(index)) {
      await mendLog(place, options.clock.now());
      if (mended.size >= MENDED_MAX) mended.clear();
      mended.add(index);
    }
    const before = lost.get(index);
    await appendToLog(place, before === undefined ? chunks : [before.mark(), ...chunks], options.bytesMax);
    lost.delete(index);
  };

  return {
    append: async (key, chunks) => {
      const place = placeOf(key);
      const { index } = place.files;
      await queue(index, async () => {
        try {
          await write(place, chunks);
        } catch (error) {
          // Some of it may be there: the next one mends first. See L4.
          mended.delete(index);
          if (lost.size >= MENDED_MAX) lost.clear();
          const own = chunks.filter(({ told }) => told === undefined);
          if (own.length > 0) lost.set(index, lostBytes(own, error, lost.get(index)));
          throw error;
        }
      });
    },
    told: (key) => toldOf(placeOf(key), options.bytesMax),
    read: async (key, range) => {
      assert(range.bytesMax > 0, "a reader must have room");
      const slice = await readLog(root, placeOf(key).files, range);
      if (slice !== null) return slice;
      await refuseRemoved(root, key.jobId);
      return { chunks: [], position: range.after ?? encodeLogPosition(LOG_START), more: false };
    },
    has: async (key) => (await isThere(join(root, placeOf(key).files.index))) || (await isThere(markOf(root, key.jobId))),
    watch: (key, changed) => watchLog(placeOf(key), options.clock, changed),
    remove: async (jobIds) => {
      const folders = jobIds.map((jobId) => join(root, logFolderOf(jobId)));
      for (let first = 0; first < folders.length; first += REMOVALS_MAX) {
        await Promise.all(folders.slice(first, first + REMOVALS_MAX).map((folder) => rm(folder, { recursive: true, force: true })));
      }
    },
    expire: (jobId, at) => expireLog(root, jobId, at),
    jobIds: () => jobsWithLogs(root),
    usage: (jobId) => usageOf(root, jobId),
  };
}

interface LostBytes {
  readonly count: number;
  mark(): LogChunk;
}

/** Beside those that were lost before. The mark stands where the first of them would. */
function lostBytes(chunks: readonly LogChunk[], error: unknown, before: LostBytes | undefined): LostBytes {
  const count = chunks.reduce((sum, { data }) => sum + data.length, before?.count ?? 0);
  const { stream, at } = before?.mark() ?? chunks[0] ?? { stream: "stdout", at: 0 };
  return { count, mark: () => ({ stream, at, data: Buffer.from(logLostMark(count, messageOf(error))) }) };
}

/** Runs what belongs to one key one after the other. See L1. */
function appendQueue(): (key: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>();
  return async (key, work) => {
    const before = last.get(key);
    const own = before === undefined ? work() : before.then(work, work);
    last.set(key, own);
    try {
      await own;
    } finally {
      if (last.get(key) === own) last.delete(key);
    }
  };
}
