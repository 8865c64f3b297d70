/**
 * The calendar without zones: days are numbered from 1 January 1970, and times of a day are seconds from its midnight.
 * Which days and which seconds of them an expression means.
 */
import type { Cron } from "./cron.ts";

export const SECONDS_OF_DAY = 86_400;

export interface CivilDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** The last day of this month. */
  readonly last: number;
}

/** Howard Hinnant, "chrono-compatible low-level date algorithms": exact for every day of the Gregorian calendar. */
export function civilOf(dayNumber: number): CivilDay {
  const z = dayNumber + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: doy - Math.floor((153 * mp + 2) / 5) + 1, last: lastDayOf(year, month) };
}

export function dayNumberOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719_468;
}

export function lastDayOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** 0 is Sunday. 1 January 1970 was a Thursday. */
function weekdayOf(dayNumber: number): number {
  return (((dayNumber + 4) % 7) + 7) % 7;
}

export function hasMonth(cron: Cron, civil: CivilDay): boolean {
  return holds(cron.months.rank, civil.month);
}

/** C1. */
export function hasDay(cron: Cron, dayNumber: number, civil: CivilDay): boolean {
  if (!hasMonth(cron, civil)) return false;
  const { days, weekdays } = cron;
  if (days.isAny) return weekdays.isAny || hasWeekday(cron, dayNumber, civil);
  if (holds(days.rank, civil.day) || days.beforeLast.includes(civil.last - civil.day)) return true;
  return !weekdays.isAny && hasWeekday(cron, dayNumber, civil);
}

function hasWeekday({ weekdays }: Cron, dayNumber: number, civil: CivilDay): boolean {
  const weekday = weekdayOf(dayNumber);
  if (holds(weekdays.rank, weekday)) return true;
  return weekdays.nth.some(([day, nth]) => day === weekday && (nth === 0 ? civil.day + 7 > civil.last : Math.ceil(civil.day / 7) === nth));
}

/** Whether it means this second of its days; one of 5 fields in `exclude` means the whole minute. */
export function hasSecond(cron: Cron, second: number): boolean {
  return (
    holds(cron.hours.rank, Math.floor(second / 3600)) &&
    holds(cron.minutes.rank, Math.floor(second / 60) % 60) &&
    (!cron.hasSeconds || holds(cron.seconds.rank, second % 60))
  );
}

/** The first second of a day from this one on; -1: none. */
export function secondFrom({ hours, minutes, seconds }: Cron, from: number): number {
  const [h, m, s] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60];
  const hour = hours.values[hours.rank[h] ?? 0];
  if (hour === undefined) return -1;
  const [firstMinute = 0] = minutes.values;
  const [firstSecond = 0] = seconds.values;
  if (hour > h) return hour * 3600 + firstMinute * 60 + firstSecond;
  const minute = minutes.values[minutes.rank[m] ?? 0];
  if (minute !== undefined) {
    if (minute > m) return hour * 3600 + minute * 60 + firstSecond;
    const second = seconds.values[seconds.rank[s] ?? 0];
    if (second !== undefined) return hour * 3600 + minute * 60 + second;
    const nextMinute = minutes.values[minutes.rank[m + 1] ?? 0];
    if (nextMinute !== undefined) return hour * 3600 + nextMinute * 60 + firstSecond;
  }
  const nextHour = hours.values[hours.rank[h + 1] ?? 0];
  return nextHour === undefined ? -1 : nextHour * 3600 + firstMinute * 60 + firstSecond;
}

/** How many seconds of a day before this one it means. */
export function secondsBelow({ hours, minutes, seconds }: Cron, below: number): number {
  const [h, m, s] = [Math.floor(below / 3600), Math.floor(below / 60) % 60, below % 60];
  if (h > 23) return hours.values.length * minutes.values.length * seconds.values.length;
  const whole = (hours.rank[h] ?? 0) * minutes.values.length * seconds.values.length;
  if (!holds(hours.rank, h)) return whole;
  const ofHour = (minutes.rank[m] ?? 0) * seconds.values.length;
  return whole + ofHour + (holds(minutes.rank, m) ? (seconds.rank[s] ?? 0) : 0);
}

function holds(rank: Uint8Array, value: number): boolean {
  return (rank[value + 1] ?? 0) > (rank[value] ?? 0);
}
