/**
 * All days on which the same expressions fire and the same ones are left out have the same seconds: a class of days.
 * A table of them is made only where nothing cheaper answers, and once for its class.
 */
import { hasSecond, secondFrom, secondsBelow, SECONDS_OF_DAY } from "./calendar.ts";
import type { Cron } from "./cron.ts";

export interface DayClass {
  /** The first second of the day from this one on; -1: none. */
  from(second: number): number;
  /** How many seconds of the day lie before this one. */
  below(second: number): number;
}

/** So many times that are left out are tried one by one before the table is made: it takes as long as thousands. */
const TRIES_MAX = 100;

export function dayClassOf(crons: readonly Cron[], excludes: readonly Cron[]): DayClass {
  const [only, second] = crons;
  if (only !== undefined && second === undefined && excludes.length === 0)
    return { from: (at) => secondFrom(only, at), below: (at) => secondsBelow(only, at) };
  let table: Int32Array | undefined;
  const made = (): Int32Array => (table ??= tableOf(crons, excludes));
  return {
    from(at) {
      for (let tries = 0; tries < TRIES_MAX && table === undefined; tries++) {
        at = earliest(crons, at);
        if (at < 0 || !excludes.some((cron) => hasSecond(cron, at))) return at;
        if (++at >= SECONDS_OF_DAY) return -1;
      }
      return made()[indexIn(made(), at)] ?? -1;
    },
    below: (at) => indexIn(made(), at),
  };
}

function earliest(crons: readonly Cron[], at: number): number {
  let best = -1;
  for (const cron of crons) {
    const found = secondFrom(cron, at);
    if (found >= 0 && (best < 0 || found < best)) best = found;
  }
  return best;
}

function tableOf(crons: readonly Cron[], excludes: readonly Cron[]): Int32Array {
  const isMeant = new Uint8Array(SECONDS_OF_DAY);
  for (const cron of crons)
    for (let at = secondFrom(cron, 0); at >= 0; at = at + 1 < SECONDS_OF_DAY ? secondFrom(cron, at + 1) : -1) isMeant[at] = 1;
  const seconds: number[] = [];
  for (let at = 0; at < SECONDS_OF_DAY; at++) if (isMeant[at] === 1 && !excludes.some((cron) => hasSecond(cron, at))) seconds.push(at);
  return Int32Array.from(seconds);
}

/** Where the first that is not below `value` is. */
function indexIn(sorted: Int32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
