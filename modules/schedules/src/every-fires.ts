/** The fires of an interval: the k-th at `anchor + k × every`, whatever the clocks on the wall do. */
import { cronFires, type Exclusions } from "./cron-fires.ts";
import { parseCron, type Cron } from "./cron.ts";
import type { Fires } from "./fires.ts";
import type { Zone } from "./zone.ts";

export function everyFires(timing: { readonly everyMs: number; readonly anchor: number }, exclude: Exclusions, zone: Zone): Fires {
  const { everyMs, anchor } = timing;
  const firstFrom = (instant: number) => anchor + Math.ceil((instant - anchor) / everyMs) * everyMs;
  const plainCount = (after: number, until: number) =>
    Math.max(0, Math.floor((until - anchor) / everyMs) - Math.floor((after - anchor) / everyMs));
  if (exclude.days.size + exclude.crons.length === 0)
    return {
      next: (after, until) => {
        const first = firstFrom(after + 1);
        return first <= until ? first : null;
      },
      count: plainCount,
    };
  // The seconds that are not left out.
  const allowed = cronFires([EACH_SECOND], exclude, zone);
  const next = (after: number, until: number): number | null => {
    let at = firstFrom(after + 1);
    for (let tries = 0; at <= until && tries < TRIES_MAX; tries++) {
      const second = Math.floor(at / SECOND_MS) * SECOND_MS;
      const free = allowed.next(second - 1, until);
      if (free === null) return null;
      if (free === second) return at;
      at = firstFrom(free);
    }
    return null;
  };
  const countOneByOne = (after: number, until: number): number => {
    let total = 0;
    for (let at = next(after, until); at !== null; at = next(at, until)) total++;
    return total;
  };
  return {
    next,
    count(after, until) {
      let total = 0;
      for (let from = after; from < until;) {
        const to = Math.min(until, (Math.floor(from / HOUR_MS) + 1) * HOUR_MS);
        // The seconds in which an instant of this part may lie.
        const seconds = Math.floor(to / SECOND_MS) - Math.floor((from + 1) / SECOND_MS) + 1;
        const free = allowed.count(Math.floor((from + 1) / SECOND_MS) * SECOND_MS - 1, to);
        if (free === seconds) total += plainCount(from, to);
        else if (free > 0) total += countOneByOne(from, to);
        from = to;
      }
      return total;
    },
  };
}

const SECOND_MS = 1000;
/** What is left out is whole hours for the most part, so each is counted at once. */
const HOUR_MS = 3_600_000;
/** What is left out is passed over at once; an interval that meets it again so often in a row always does. */
const TRIES_MAX = 20_000;
const EACH_SECOND: Cron = eachSecond();

function eachSecond(): Cron {
  const read = parseCron("* * * * * *");
  if ("faults" in read) throw new RangeError("unreachable: it is right");
  return read.cron;
}
