/**
 * Concurrent commits of one process in as few transactions as possible: while one is under way, those that come wait and
 * share the next. A shared transaction that fails is run again one commit at a time, so that none fails by another's fault.
 */
import { noTally, type Change } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";

export type CommitTogether = (changes: readonly Change[], now: number) => Promise<Committed>;

interface Waiting {
  readonly changes: readonly Change[];
  readonly now: number;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

/** So that a transaction, and the locks that it holds, stay a matter of milliseconds. */
const CHANGES_MAX = 500;

/** `commit`, grouped. Commits that share a transaction share the latest of their times and their signals. */
export function groupCommits(commit: CommitTogether): CommitTogether {
  const waiting: Waiting[] = [];
  let busy = false;
  const flush = async (): Promise<void> => {
    busy = true;
    // Those that are asked for in the same turn of the event loop go together.
    await Promise.resolve();
    while (waiting.length > 0) await runGroup(commit, takeGroup(waiting));
    busy = false;
  };
  return (changes, now) =>
    new Promise((resolve, reject) => {
      waiting.push({ changes, now, resolve, reject });
      if (!busy) void flush();
    });
}

function takeGroup(waiting: Waiting[]): Waiting[] {
  let size = 0;
  const end = waiting.findIndex((one, index) => (size += one.changes.length) > CHANGES_MAX && index > 0);
  return waiting.splice(0, end === -1 ? waiting.length : end);
}

async function runGroup(commit: CommitTogether, group: readonly Waiting[]): Promise<void> {
  const now = Math.max(...group.map((one) => one.now));
  try {
    const { results, signals, tally } = await commit(
      group.flatMap((one) => one.changes),
      now,
    );
    let from = 0;
    // Counted once: the first one has the numbers of all.
    group.forEach((one, i) =>
      one.resolve({ results: results.slice(from, (from += one.changes.length)), signals, tally: i === 0 ? tally : noTally }),
    );
  } catch (error) {
    if (group.length === 1) group[0]?.reject(error);
    else for (const one of group) await runGroup(commit, [one]);
  }
}
