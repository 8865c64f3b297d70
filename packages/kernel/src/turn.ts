/**
 * Whose turn it is: jobs of one queue and priority are taken one of each fairness key in turn, oldest first within a key,
 * beginning behind the key that was served last. So a tenant with a hundred thousand jobs delays another's single one by
 * one round at most. Pure.
 */
import type { LiveJob } from "./job.ts";

type Waiting = Pick<LiveJob, "id" | "priority" | "fairnessKey">;

/** Jobs of one queue in the order of their turns. `rows`: highest priority first, within a key oldest first. */
export function inTurns<T extends Waiting>(rows: readonly T[], after: string | undefined): readonly T[] {
  const [first] = rows;
  if (first === undefined || rows.every(({ fairnessKey }) => fairnessKey === first.fairnessKey)) return rows;
  const levels = grouped(rows, ({ priority }) => priority);
  return [...levels.values()].flatMap((level) => {
    const keys = grouped(level, ({ fairnessKey }) => fairnessKey);
    return rounds(keysInTurn([...keys.keys()], after).map((key) => keys.get(key) ?? []));
  });
}

/** `Map.groupBy`, which Node 20 does not have: the package is published for it. */
function grouped<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Keys in order, those behind `after` first. */
export function keysInTurn(keys: readonly string[], after: string | undefined): readonly string[] {
  const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
  return after === undefined ? sorted : [...sorted.filter((key) => key > after), ...sorted.filter((key) => key <= after)];
}

/** The first of each list, then the second of each, and so on. */
export function rounds<T>(lists: readonly (readonly T[])[]): T[] {
  const taken: T[] = [];
  let open = lists;
  for (let round = 0; open.length > 0; round++) {
    open = open.filter((list) => list.length > round);
    for (const list of open) taken.push(list[round] as T);
  }
  return taken;
}

/** Several queues as one: highest priority first, then oldest, and the jobs of each queue in the order given. */
export function mergeQueues<T extends Waiting>(queues: readonly (readonly T[])[]): readonly T[] {
  if (queues.length === 1) return queues[0] ?? [];
  const ranked = queues.flatMap((jobs) => {
    // Who stands behind a younger one of its own queue counts as being as young: its turn comes after that one's.
    let rank = "";
    let priority: number | null = null;
    return jobs.map((job) => {
      rank = job.priority === priority && rank > job.id ? rank : job.id;
      priority = job.priority;
      return { job, rank };
    });
  });
  return ranked
    .toSorted((a, b) => b.job.priority - a.job.priority || (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
    .map(({ job }) => job);
}

/** Jobs that wait in one queue, of one fairness key: those above a job's priority, or those of its own. */
export interface WaitingCount {
  readonly fairnessKey: string;
  /** Of a higher priority. */
  readonly higher: number;
  /** Of the same priority. */
  readonly same: number;
  /** Of those the older ones. */
  readonly older: number;
}

/**
 * How many jobs may be started before this one: those of a higher priority, the older ones of its own key, and of each other
 * key as many as have their turn until then.
 */
export function placesAhead(counts: readonly WaitingCount[], fairnessKey: string): number {
  const older = counts.find((one) => one.fairnessKey === fairnessKey)?.older ?? 0;
  const others = counts.filter((one) => one.fairnessKey !== fairnessKey);
  const turns = others.reduce((sum, { same }) => sum + Math.min(same, older + 1), 0);
  return counts.reduce((sum, { higher }) => sum + higher, 0) + older + turns;
}
