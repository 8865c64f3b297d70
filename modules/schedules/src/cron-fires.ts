/**
 * The fires of one or more expressions in a zone. Within a stretch of one offset the calendar alone decides, day by
 * day; the short stretches after a change of the clocks are listed one by one, by Z1 to Z3.
 */
import { civilOf, dayNumberOf, hasDay, hasMonth, hasSecond, secondFrom, SECONDS_OF_DAY } from "./calendar.ts";
import type { Cron } from "./cron.ts";
import { dayClassOf, type DayClass } from "./day-class.ts";
import type { Fires } from "./fires.ts";
import type { Stretch, Zone } from "./zone.ts";

/** What is left out: whole days of the zone, and what expressions match. */
export interface Exclusions {
  readonly days: ReadonlySet<number>;
  readonly crons: readonly Cron[];
}

export function cronFires(crons: readonly Cron[], exclude: Exclusions, zone: Zone): Fires {
  const calendar = new FiringDays(crons, exclude);
  let listedStart: number | undefined;
  let listed: readonly number[] = [];
  const list = (stretch: Stretch): readonly number[] => {
    if (listedStart !== stretch.start) [listedStart, listed] = [stretch.start, listOf(stretch, crons, exclude)];
    return listed;
  };
  return {
    next(after, until) {
      for (let at = after + 1; at <= until;) {
        const stretch = zone.stretchAt(at);
        const found = isPlain(stretch) ? calendar.next(stretch, at, until) : list(stretch).find((instant) => instant >= at);
        if (found !== undefined) return found <= until ? found : null;
        at = stretch.end;
      }
      return null;
    },
    count(after, until) {
      let total = 0;
      for (let at = after + 1; at <= until;) {
        const stretch = zone.stretchAt(at);
        const from = at;
        const end = Math.min(stretch.end, until + 1);
        total += isPlain(stretch)
          ? calendar.count(stretch, from, end)
          : list(stretch).filter((instant) => instant >= from && instant < end).length;
        at = stretch.end;
      }
      return total;
    },
  };
}

function isPlain(stretch: Stretch): boolean {
  return stretch.missingOffset === null && !stretch.isRepeat;
}

/** The days of the calendar on which something fires, and when on them. */
class FiringDays {
  readonly #crons: readonly Cron[];
  readonly #exclude: Exclusions;
  /** By which expressions fire and which leave out: a bit for each. */
  #classes: Map<number, DayClass> | undefined;

  constructor(crons: readonly Cron[], exclude: Exclusions) {
    this.#crons = crons;
    this.#exclude = exclude;
  }

  /** The first instant of the stretch from `from` on; undefined: there is none, or only after `until`. */
  next({ offset, end }: Stretch, from: number, until: number): number | undefined {
    let { day, second } = this.#place(from + offset);
    const last = Math.ceil((Math.min(end, until + 1) + offset) / 1000);
    while (day * SECONDS_OF_DAY < last) {
      const found = this.#classOf(day);
      if (typeof found === "number") day = found;
      else {
        const at = second < SECONDS_OF_DAY ? found.from(second) : -1;
        if (at >= 0) return day * SECONDS_OF_DAY + at < last ? (day * SECONDS_OF_DAY + at) * 1000 - offset : undefined;
        day++;
      }
      second = 0;
    }
    return undefined;
  }

  /** How many there are from `from` to before `end`, both within the stretch. */
  count({ offset }: Stretch, from: number, end: number): number {
    let { day, second } = this.#place(from + offset);
    const last = Math.ceil((end + offset) / 1000);
    let total = 0;
    while (day * SECONDS_OF_DAY < last) {
      const found = this.#classOf(day);
      if (typeof found === "number") day = found;
      else {
        total += found.below(Math.min(SECONDS_OF_DAY, last - day * SECONDS_OF_DAY)) - found.below(second);
        day++;
      }
      second = 0;
    }
    return total;
  }

  #place(wall: number): { day: number; second: number } {
    const seconds = Math.ceil(wall / 1000);
    const day = Math.floor(seconds / SECONDS_OF_DAY);
    return { day, second: seconds - day * SECONDS_OF_DAY };
  }

  /** The class of a day, or the next day on which there may be something. */
  #classOf(day: number): DayClass | number {
    const civil = civilOf(day);
    let key = 0;
    let bit = 1;
    for (const cron of this.#crons) {
      if (hasDay(cron, day, civil)) key |= bit;
      bit <<= 1;
    }
    if (key === 0)
      return this.#crons.some((cron) => hasMonth(cron, civil)) ? day + 1 : dayNumberOf(civil.year, civil.month, civil.last) + 1;
    if (this.#exclude.days.has(day)) return day + 1;
    for (const cron of this.#exclude.crons) {
      if (hasDay(cron, day, civil)) key |= bit;
      bit <<= 1;
    }
    let found = this.#classes?.get(key);
    if (found === undefined) (this.#classes ??= new Map()).set(key, (found = this.#makeClass(key)));
    return found;
  }

  #makeClass(key: number): DayClass {
    const isIn = (index: number) => ((key >> index) & 1) === 1;
    const crons = this.#crons.filter((_, index) => isIn(index));
    return dayClassOf(
      crons,
      this.#exclude.crons.filter((_, index) => isIn(this.#crons.length + index)),
    );
  }
}

/** Z1 to Z3, in a stretch that is as long as the clocks were changed by. */
function listOf(stretch: Stretch, crons: readonly Cron[], exclude: Exclusions): readonly number[] {
  const instants = new Set<number>();
  for (const cron of crons) {
    if (stretch.isRepeat && cron.isDaily) continue;
    addMatches(instants, cron, stretch);
    if (stretch.missingOffset !== null && cron.isDaily) addMatches(instants, cron, { ...stretch, offset: stretch.missingOffset });
  }
  return [...instants].filter((instant) => !isExcluded(exclude, instant + stretch.offset)).toSorted((a, b) => a - b);
}

function addMatches(instants: Set<number>, cron: Cron, { start, end, offset }: Pick<Stretch, "start" | "end" | "offset">): void {
  const [from, last] = [Math.ceil((start + offset) / 1000), Math.ceil((end + offset) / 1000)];
  for (let day = Math.floor(from / SECONDS_OF_DAY); day * SECONDS_OF_DAY < last; day++) {
    if (!hasDay(cron, day, civilOf(day))) continue;
    let second = secondFrom(cron, Math.max(0, from - day * SECONDS_OF_DAY));
    while (second >= 0 && day * SECONDS_OF_DAY + second < last) {
      instants.add((day * SECONDS_OF_DAY + second) * 1000 - offset);
      second = second + 1 < SECONDS_OF_DAY ? secondFrom(cron, second + 1) : -1;
    }
  }
}

/** Whether what the wall shows then is left out. */
function isExcluded(exclude: Exclusions, wall: number): boolean {
  const seconds = Math.floor(wall / 1000);
  const day = Math.floor(seconds / SECONDS_OF_DAY);
  if (exclude.days.has(day)) return true;
  if (exclude.crons.length === 0) return false;
  const civil = civilOf(day);
  return exclude.crons.some((cron) => hasDay(cron, day, civil) && hasSecond(cron, seconds - day * SECONDS_OF_DAY));
}
