/** Logs that are removed before their job: the mark that is left, and what logs take. See L5 of file-log-store.ts. */
import { opendir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WindlassError } from "@windlass/kernel";
import { logFolderOf } from "@windlass/ports";
import type { LogUsage } from "@windlass/ports";

const MARK = "removed";

export function markOf(root: string, jobId: string): string {
  return join(root, logFolderOf(jobId), MARK);
}

/** Does nothing for a job of which there is nothing. */
export async function expireLog(root: string, jobId: string, at: number): Promise<void> {
  const names = await namesIn(root, jobId);
  if (names.length === 0) return;
  if (!names.includes(MARK)) await writeFile(markOf(root, jobId), `${new Date(at).toISOString()}\n`, { mode: 0o600, flush: true });
  // Indexes first: what no index names is not read.
  const others = names.filter((name) => name !== MARK).toSorted((a, b) => Number(b.endsWith(".index")) - Number(a.endsWith(".index")));
  for (const name of others) await rm(join(root, logFolderOf(jobId), name), { force: true });
}

/** Throws `log_removed` when it was removed early. */
export async function refuseRemoved(root: string, jobId: string): Promise<void> {
  const at = await readFile(markOf(root, jobId), "utf8").catch(absentIs(null));
  if (at !== null)
    throw new WindlassError(
      "log_removed",
      `the log of ${jobId} was removed by retention at ${at.trim()}, before its job: see log.retentionDays and log.totalBytesMax; the last lines of each attempt are kept with it`,
    );
}

export async function* jobsWithLogs(root: string): AsyncGenerator<string> {
  for await (const entry of await opendir(root)) if (entry.isDirectory()) yield entry.name;
}

export async function usageOf(root: string, jobId: string): Promise<LogUsage> {
  let usage: LogUsage = { bytes: 0, changedAt: 0, removed: false };
  for (const name of await namesIn(root, jobId)) {
    if (name === MARK) {
      usage = { ...usage, removed: true };
      continue;
    }
    const found = await stat(join(root, logFolderOf(jobId), name)).catch(absentIs(null));
    if (found !== null) usage = { ...usage, bytes: usage.bytes + found.size, changedAt: Math.max(usage.changedAt, found.mtimeMs) };
  }
  return usage;
}

export async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(absentIs(null))) !== null;
}

async function namesIn(root: string, jobId: string): Promise<string[]> {
  return readdir(join(root, logFolderOf(jobId))).catch(absentIs([]));
}

function absentIs<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return value;
    throw error;
  };
}
