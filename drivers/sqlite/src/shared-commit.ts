/**
 * Commits of several callers in one transaction, carried out as one: what they load and write goes together, which is
 * most of what a small commit costs. They share the latest of their times and their signals, as on PostgreSQL.
 */
import { noTally, type Change } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { commit } from "./commit-jobs.ts";
import type { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { run } from "./operations.ts";
import type { Reply } from "./thread-message.ts";

/** Carries the calls out in order; the caller holds the transaction. */
export function runInTurn(db: Database, calls: readonly Call[]): Reply[] {
  const replies: Reply[] = [];
  for (let from = 0; from < calls.length;) {
    let to = from;
    while (calls[to]?.name === "commit") to++;
    if (to - from > 1) {
      replies.push(...commitShared(db, calls.slice(from, to)));
      from = to;
    } else {
      const call = calls[from] as Call;
      replies.push({ id: call.id, value: run(db, call.name, call.values) });
      from++;
    }
  }
  return replies;
}

function commitShared(db: Database, calls: readonly Call[]): Reply[] {
  const asked = calls.map(({ id, values }) => ({ id, changes: values[0] as readonly Change[], now: values[1] as number }));
  const { results, signals, tally } = commit(
    db,
    asked.flatMap(({ changes }) => changes),
    Math.max(...asked.map(({ now }) => now)),
  );
  let from = 0;
  return asked.map(({ id, changes }, i) => {
    // Counted once: the first one has the numbers of all.
    const value: Committed = { results: results.slice(from, (from += changes.length)), signals, tally: i === 0 ? tally : noTally };
    return { id, value };
  });
}
