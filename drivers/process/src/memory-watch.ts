/**
 * Holds attempts to their memory limits by looking at the processes of their sessions and all descendants, ten times
 * a second. Resident memory counts shared pages once for each process, so what seems too much is counted again with
 * shared pages divided among their users before anybody is accused.
 */
import type { Clock } from "@windlass/ports";
import { proportionalBytes, readProcesses, residentBytes } from "./process-table.ts";
import type { ProcessEntry } from "./process-table.ts";

export interface WatchedMemory {
  readonly pid: number;
  readonly limitBytes: number;
  readonly onExceeded: (usedBytes: number) => void;
}

export interface MemoryWatch {
  add(watched: WatchedMemory): void;
  /** Returns the most that was seen; null when nothing was. */
  remove(pid: number): number | null;
}

const SAMPLE_MS = 100;

export function memoryWatch(clock: Clock): MemoryWatch {
  const all = new Map<number, WatchedMemory>();
  const peaks = new Map<number, number>();
  let cancel: (() => void) | null = null;

  const sample = (): void => {
    cancel = clock.after(SAMPLE_MS, sample);
    const members = membersOf(new Set(all.keys()), readProcesses());
    for (const [pid, watched] of all) {
      const own = members.get(pid) ?? [];
      const resident = sum(own.map(residentBytes));
      const used =
        resident <= watched.limitBytes ? resident : Math.min(resident, sum(own.map((it) => proportionalBytes(it) ?? residentBytes(it))));
      if (used > (peaks.get(pid) ?? 0)) peaks.set(pid, used);
      if (used > watched.limitBytes) watched.onExceeded(used);
    }
  };

  return {
    add: (watched) => {
      all.set(watched.pid, watched);
      cancel ??= clock.after(SAMPLE_MS, sample);
    },
    remove: (pid) => {
      const peak = peaks.get(pid) ?? null;
      all.delete(pid);
      peaks.delete(pid);
      if (all.size === 0 && cancel !== null) {
        cancel();
        cancel = null;
      }
      return peak;
    },
  };
}

/** Pids by the leader that they belong to: through their session, or through a parent that belongs to it. */
export function membersOf(leaders: ReadonlySet<number>, table: readonly ProcessEntry[]): Map<number, number[]> {
  const byPid = new Map(table.map((entry) => [entry.pid, entry]));
  const leaderOf = new Map<number, number | null>();
  const find = (entry: ProcessEntry | undefined): number | null => {
    if (entry === undefined) return null;
    const known = leaderOf.get(entry.pid);
    if (known !== undefined) return known;
    leaderOf.set(entry.pid, null);
    const leader = leaders.has(entry.session) ? entry.session : find(byPid.get(entry.parent));
    leaderOf.set(entry.pid, leader);
    return leader;
  };
  const members = new Map<number, number[]>();
  for (const entry of table) {
    const leader = find(entry);
    if (leader === null) continue;
    const own = members.get(leader);
    if (own === undefined) members.set(leader, [entry.pid]);
    else own.push(entry.pid);
  }
  return members;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
