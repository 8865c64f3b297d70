/**
 * Calls in one transaction. Commits of several callers are carried out as one: what they load and write goes together, which is
 * most of what a small commit costs. They share the latest of their times and their signals, as on PostgreSQL. A single submit
 * is taken in; before anything else what was taken in is put into its tables (I3 of intake.ts).
 */
import { noTally, type Change } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { commit } from "./commit-jobs.ts";
import type { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { leavesHeld, run, type OperationName } from "./operations.ts";
import { singleSubmit, takeIn } from "./take-in.ts";
import type { Reply } from "./thread-message.ts";

/** `always`: whatever may be; `where it pays`: not when somebody is likely to ask for the job at once. */
export type TakesIn = "always" | "where it pays";

/** Carries the calls out in order; the caller holds the transaction. */
export function runInTurn(db: Database, calls: readonly Call[], takesIn: TakesIn): Reply[] {
  const [only, more] = calls;
  if (only !== undefined && more === undefined && (takesIn === "always" || pays(db, only))) {
    const committed = takeIn(db, only);
    if (committed !== null) return [{ id: only.id, value: committed }];
  }
  db.intake.apply(db, "asked");
  if (!db.held.isKnown) db.held.apply(db);
  const replies: Reply[] = [];
  for (let from = 0; from < calls.length;) {
    let to = from;
    while (calls[to]?.name === "commit") to++;
    if (to - from > 1) {
      replies.push(...commitShared(db, calls.slice(from, to)));
      from = to;
    } else {
      const call = calls[from] as Call;
      if (!leavesHeld(call.name)) db.held.apply(db);
      replies.push({ id: call.id, value: run(db, call.name, call.values) });
      from++;
    }
  }
  return replies;
}

function pays(db: Database, call: Call): boolean {
  const submit = singleSubmit(call);
  return submit !== null && !db.waiting.isAwaited(submit.job) && db.intake.pays();
}

/**
 * A look at what is stored, with what was taken in (I3 of intake.ts). Where that cannot be written now, it is seen and undone:
 * with a full disk one can still look.
 */
export function lookAt<T>(db: Database, name: OperationName, look: () => T): T {
  const leaves = db.held.isKnown && leavesHeld(name);
  const apply = (): void => (leaves ? db.intake.apply(db, "asked") : db.payOff("asked"));
  if (!(leaves ? db.intake.mayHold : db.owes)) return look();
  try {
    db.transaction(apply);
  } catch {
    return db.undone(() => {
      apply();
      return look();
    });
  }
  return look();
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
