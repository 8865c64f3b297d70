/** Times as people write and read them: with an offset, or as the wall of a zone shows them. */
import { dayNumberOf, lastDayOf, SECONDS_OF_DAY } from "./calendar.ts";
import type { Zone } from "./zone.ts";

/** `2026-12-25` as the number of its day; undefined: there is no such day. */
export function readDay(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/u.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDayOf(year, month) ? dayNumberOf(year, month, day) : undefined;
}

/**
 * `2026-12-25T08:00Z`, `2026-12-25T08:00+01:00`; without an offset, and without a time (which is midnight), in the zone.
 * `dayEnd`: a day alone means the end of it. Undefined: it is none of these, or there is no such time.
 */
export function readInstant(text: string, zone: Zone, options: { readonly dayEnd?: boolean } = {}): number | undefined {
  const day = readDay(text);
  if (day !== undefined) return zone.instantOf((day + (options.dayEnd === true ? 1 : 0)) * DAY_MS);
  const [, date = "", hour = "", minute = "", second = "0", offset] =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/iu.exec(text.trim()) ?? [];
  const dayOf = readDay(date);
  if (dayOf === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const wall = dayOf * DAY_MS + Number(hour) * HOUR_MS + Number(minute) * MINUTE_MS + Number(second) * 1000;
  if (offset === undefined) return zone.instantOf(wall);
  if (offset.toUpperCase() === "Z") return wall;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):(\d{2})$/u.exec(offset) ?? [];
  return wall - (sign === "-" ? -1 : 1) * (Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS);
}

/** `2026-12-25T08:00:00+01:00`: what the wall of the zone shows, and how far that is from UTC. */
export function wallText(instant: number, zone: Zone): string {
  const offset = zone.offsetAt(instant);
  const wall = new Date(instant + offset).toISOString().slice(0, 19);
  const minutes = Math.abs(Math.trunc(offset / MINUTE_MS));
  const two = (value: number) => String(value).padStart(2, "0");
  return `${wall}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

const DAY_MS = SECONDS_OF_DAY * 1000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
