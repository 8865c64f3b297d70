/**
 * Calls in one transaction. Commits of several callers are carried out as one: what they load and write goes together, which is
 * most of what a small commit costs. They share the latest of their times and their signals, as on PostgreSQL. A single submit
 * is taken in, and so are ends of what was; before anything else that has to do with jobs what was taken in is put into its tables (I3 of intake.ts).
 */
import { noTally, type Change, type Settle } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { commit } from "./commit-jobs.ts";
import type { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { leavesHeld, leavesTaken, run, type OperationName } from "./operations.ts";
import { endsTaken, singleSubmit, takeEnds, takeIn } from "./take-in.ts";
import type { Reply } from "./thread-message.ts";

/** `always`: whatever may be; `where it pays`: not when somebody waits for the job who cannot claim it where it lies, or it did not pay lately. */
export type TakesIn = "always" | "where it pays";

/** Carries the calls out in order; the caller holds the transaction. */
export function runInTurn(db: Database, calls: readonly Call[], takesIn: TakesIn): Reply[] {
  const replies: Reply[] = [];
  for (let from = 0; from < calls.length;) {
    let to = from;
    while (calls[to]?.name === "commit") to++;
    const call = calls[from] as Call;
    if (to > from) replies.push(...commitAll(db, calls.slice(from, to), takesIn));
    else replies.push({ id: call.id, value: straight(db, call) });
    from = Math.max(to, from + 1);
  }
  return replies;
}

/** Where there are only ends, and one submit, those that lie in the intake end there, and the submit is taken in, behind the others. */
function commitAll(db: Database, commits: readonly Call[], takesIn: TakesIn): readonly Reply[] {
  const others = commits.filter((call) => !onlyEnds(call));
  const [submit, more] = others;
  if (more !== undefined || (submit !== undefined && singleSubmit(submit) === null)) return commitShared(db, commits);
  const taken = commits.filter((call) => call !== submit && endsTaken(db, call));
  if (submit === undefined && taken.length === 0) return commitShared(db, commits);
  const first = commits.filter((call) => call !== submit && !taken.includes(call));
  // Nothing hangs on the order of ends of different jobs, and of a job that is new.
  const early = new Set(first.flatMap(idsEnded));
  if (taken.flatMap(idsEnded).some((id) => early.has(id))) return commitShared(db, commits);
  const replies = commitShared(db, first);
  const done = new Map(replies.map((reply) => [reply.id, reply]));
  for (const call of [...taken, ...others]) done.set(call.id, { id: call.id, value: takenIn(db, call, takesIn) ?? straight(db, call) });
  return commits.flatMap(({ id }) => done.get(id) ?? []);
}

function onlyEnds({ values }: Call): boolean {
  return (values[0] as readonly Change[]).every(({ type }) => type === "settle");
}

function idsEnded({ values }: Call): readonly string[] {
  return (values[0] as readonly Settle[]).map(({ id }) => id);
}

function takenIn(db: Database, call: Call, takesIn: TakesIn): Committed | null {
  return takeEnds(db, call) ?? (takesIn === "always" || pays(db, call) ? takeIn(db, call) : null);
}

/** A claim looks into the intake itself (claim-jobs.ts). */
function straight(db: Database, { name, values }: Call): unknown {
  if (leavesTaken(name)) return run(db, name, values);
  if (name !== "claim") putTaken(db);
  if (!leavesHeld(name)) db.held.apply(db);
  return run(db, name, values);
}

function putTaken(db: Database): void {
  db.intake.apply(db, "asked");
  if (!db.held.isKnown) db.held.apply(db);
}

function pays(db: Database, call: Call): boolean {
  const job = singleSubmit(call)?.job;
  if (job === undefined) return false;
  return (job.executor === "handler" || !db.waiting.isAwaited(job)) && db.intake.pays();
}

/**
 * A look at what is stored, with what was taken in (I3 of intake.ts). Where that cannot be written now, it is seen and undone:
 * with a full disk one can still look.
 */
export function lookAt<T>(db: Database, name: OperationName, look: () => T): T {
  if (leavesTaken(name)) return look();
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
  if (calls.length === 0) return [];
  putTaken(db);
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
