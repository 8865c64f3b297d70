/**
 * The second implementation of "when": it walks over each minute or second that there is, asks Intl what the wall
 * shows, and looks whether that matches. Slow, and right by looking at it. It shares nothing with the first but the record.
 */
import fc from "fast-check";
import type { Timing } from "@windlass/kernel";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** What the wall shows, field by field, and all of it as if it were UTC. */
export interface Wall {
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
  readonly last: number;
  readonly asUtc: number;
}

/** An expression, and what it means. */
export interface Meant {
  readonly text: string;
  readonly isDaily: boolean;
  readonly matches: (wall: Wall) => boolean;
}

export interface Walk {
  readonly zone: string;
  readonly start: number;
  readonly stepMs: number;
  readonly walls: readonly Wall[];
}

/** What the wall of a zone shows from `start` on, each `stepMs`. */
export function walk(
  zone: string,
  { start, end, stepMs }: { readonly start: number; readonly end: number; readonly stepMs: number },
): Walk {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });
  const walls: Wall[] = [];
  for (let at = start; at < end; at += stepMs) {
    const [day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = format.format(at).split(/\D+/u).map(Number);
    walls.push(wallOf(Date.UTC(year, month - 1, day, hour, minute, second)));
  }
  return { zone, start, stepMs, walls };
}

function wallOf(asUtc: number): Wall {
  const date = new Date(asUtc);
  return {
    second: date.getUTCSeconds(),
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
    last: new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
    asUtc,
  };
}

/** Every fire in a walk, by the rules as the guide tells them. What leaves out has 5 fields and means whole minutes. */
export function slowFires({ start, stepMs, walls }: Walk, crons: readonly Meant[], excludes: readonly Meant[] = []): readonly number[] {
  const fires = new Set<number>();
  const shown = new Set<number>();
  let before: Wall | undefined;
  for (const [index, wall] of walls.entries()) {
    const at = start + index * stepMs;
    for (const cron of crons) if (cron.matches(wall) && !(cron.isDaily && shown.has(wall.asUtc))) fires.add(at);
    shown.add(wall.asUtc);
    // The clock was put forward: what it did not show comes when it would have, had nobody touched it.
    for (const missing of before === undefined ? [] : missingWalls(before, wall, stepMs))
      for (const cron of crons) if (cron.isDaily && cron.matches(missing)) fires.add(at - stepMs + missing.asUtc - (before?.asUtc ?? 0));
    before = wall;
  }
  const end = start + walls.length * stepMs;
  const isLeftOut = (at: number) => excludes.some((cron) => cron.matches({ ...(walls[(at - start) / stepMs] as Wall), second: 0 }));
  return [...fires].filter((at) => at < end && !isLeftOut(at)).toSorted((a, b) => a - b);
}

function missingWalls(before: Wall, after: Wall, stepMs: number): readonly Wall[] {
  const walls: Wall[] = [];
  for (let missing = before.asUtc + stepMs; missing < after.asUtc; missing += stepMs) walls.push(wallOf(missing));
  return walls;
}

export function timingOf(changes: Partial<Timing>): Timing {
  return { cron: [], everyMs: null, anchor: 0, timezone: "UTC", jitterMs: 0, startsAt: null, endsAt: null, exclude: [], ...changes };
}

interface Item {
  readonly text: string;
  readonly values: readonly number[];
}

/** A field: some values, ranges and steps. */
function field(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<Item> {
  const value = fc.integer({ min, max });
  const written = (n: number) => (names[n - min] === undefined || n % 2 === 0 ? String(n) : (names[n - min] as string));
  const span = (from: number, to: number, by: number) => Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, k) => from + k * by);
  const one = value.map((n) => ({ text: written(n), values: [n] }));
  const range = fc.tuple(value, value).map(([a, b]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    return { text: `${written(from)}-${written(to)}`, values: span(from, to, 1) };
  });
  const step = fc.integer({ min: 1, max: max - min }).map((by) => ({ text: `*/${by}`, values: span(min, max, by) }));
  const stepInRange = fc.tuple(value, value, fc.nat()).map(([a, b, n]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    const by = 1 + (n % Math.max(1, to - from));
    return { text: `${written(from)}-${written(to)}/${by}`, values: span(from, to, by) };
  });
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: one }, range, step, stepInRange), { minLength: 1, maxLength: 3 })
    .map((items) => ({ text: items.map((item) => item.text).join(","), values: items.flatMap((item) => item.values) }));
}

interface DayItem {
  readonly text: string;
  readonly matches: ((wall: Wall) => boolean) | null;
}

const anyDay: fc.Arbitrary<DayItem> = fc.constantFrom("*", "?", "*/1").map((text) => ({ text, matches: null }));
const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const WEEKDAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");

/** A field with a star that takes each day chooses nothing, whatever else it lists. */
const choosesAll = (text: string): boolean => text.split(",").includes("*/1");

const dayOfMonth: fc.Arbitrary<DayItem> = fc.oneof(
  { weight: 3, arbitrary: anyDay },
  field(1, 31).map(({ text, values }) => ({ text, matches: choosesAll(text) ? null : (wall: Wall) => values.includes(wall.day) })),
  fc.nat(20).map((before) => ({
    text: before === 0 ? "L" : `L-${before},3`,
    matches: (wall: Wall) => wall.day === wall.last - before || (before > 0 && wall.day === 3),
  })),
);

const dayOfWeek: fc.Arbitrary<DayItem> = fc.oneof(
  { weight: 3, arbitrary: anyDay },
  field(0, 6, WEEKDAYS).map(({ text, values }) => ({
    text,
    matches: choosesAll(text) ? null : (wall: Wall) => values.includes(wall.weekday),
  })),
  fc.constantFrom("5-7", "fri-SUN", "0,5,6").map((text) => ({ text, matches: (wall: Wall) => [5, 6, 0].includes(wall.weekday) })),
  fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 5 })).map(([weekday, nth]) => ({
    text: nth === 0 ? `${WEEKDAYS[weekday]}L` : `${weekday}#${nth}`,
    matches: (wall: Wall) =>
      wall.weekday === weekday && (nth === 0 ? wall.day > wall.last - 7 : Math.floor((wall.day - 1) / 7) + 1 === nth),
  })),
);

const star = (max: number): fc.Arbitrary<Item> => fc.constant({ text: "*", values: Array.from({ length: max + 1 }, (_, n) => n) });

/** Expressions that are written as people do and fire in what is walked, most of them. */
export function meantCron(options: { readonly seconds: boolean; readonly hours?: readonly number[] }): fc.Arbitrary<Meant> {
  const hour = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...(options.hours ?? [0, 1, 2, 3, 23])).map((n) => ({ text: String(n), values: [n] })) },
    star(23),
    field(0, 23),
  );
  const minute = fc.oneof(
    star(59),
    fc.constantFrom<number>(0, 15, 30).map((n) => ({ text: String(n), values: [n] })),
    field(0, 59),
  );
  const second = options.seconds ? fc.oneof(star(59), field(0, 59)) : fc.constant({ text: "", values: [0] });
  const month = fc.oneof({ weight: 4, arbitrary: star(12) }, field(1, 12, MONTHS));
  return fc.tuple(second, minute, hour, dayOfMonth, month, dayOfWeek).map(([s, m, h, dom, mon, dow]) => ({
    text: `${s.text} ${m.text} ${h.text} ${dom.text} ${mon.text} ${dow.text}`.trim(),
    isDaily: new Set(h.values).size === 1,
    matches: (wall) =>
      s.values.includes(wall.second) &&
      m.values.includes(wall.minute) &&
      h.values.includes(wall.hour) &&
      mon.values.includes(wall.month) &&
      isDay(wall, dom.matches, dow.matches),
  }));
}

function isDay(wall: Wall, dom: DayItem["matches"], dow: DayItem["matches"]): boolean {
  if (dom === null) return dow === null || dow(wall);
  return dom(wall) || (dow !== null && dow(wall));
}
