/**
 * When a schedule fires: the functions that the dispatcher, the preview and the tests ask, over what is stored.
 *
 * T1. The answers follow from the timing alone: no clock, no chance. A preview is what then fires.
 * T2. `nextFire`, `firesBetween` and `countFires` agree: they are one search.
 */
import { WindlassError, type FireSpan, type FireTimes, type Timing } from "@windlass/kernel";
import { cronFires, type Exclusions } from "./cron-fires.ts";
import { faultText, parseCron, type Cron } from "./cron.ts";
import { everyFires } from "./every-fires.ts";
import type { Fires } from "./fires.ts";
import { readDay } from "./local-time.ts";
import { zoneOf } from "./zone.ts";

/** The first nominal instant strictly after this one; null: it never fires again. */
export function nextFire(timing: Timing, after: number): number | null {
  const first = Math.max(after, (timing.startsAt ?? after + 1) - 1);
  return firesOf(timing).next(first, clip(timing, { after: first, until: first + HORIZON_MS }).until);
}

export function firesBetween(
  timing: Timing,
  asked: FireSpan & { readonly limit: number },
): { readonly times: readonly number[]; readonly isCut: boolean } {
  const { after, until } = clip(timing, asked);
  const fires = firesOf(timing);
  const times: number[] = [];
  let at = fires.next(after, until);
  for (; at !== null && times.length < asked.limit; at = fires.next(at, until)) times.push(at);
  return { times, isCut: at !== null };
}

export function countFires(timing: Timing, span: FireSpan): number {
  const { after, until } = clip(timing, span);
  return after < until ? firesOf(timing).count(after, until) : 0;
}

/** Evenly over 0 to `jitterMs`, and always the same for a schedule and a time: dispatchers need not agree on it. */
export function delayOf(timing: Timing, key: string, nominal: number): number {
  if (timing.jitterMs <= 0) return 0;
  // FNV-1a, then the finish of MurmurHash3: neighbours in time must not be neighbours in delay.
  let hash = 0x811c9dc5;
  const text = `${key} ${nominal}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * (timing.jitterMs + 1));
}

export const fireTimes: FireTimes = { nextFire, firesBetween, countFires, delayOf };

/** Every expression fires within this, also 29 February on one day of the week, over a turn of century without it. */
const HORIZON_MS = 41 * 366 * 86_400_000;

/** Expressions of one timing: each is a bit of a number (cron-fires.ts). */
export const CRONS_MAX = 10;
export const EXCLUDED_CRONS_MAX = 10;

function clip(timing: Timing, { after, until }: FireSpan): FireSpan {
  return {
    after: timing.startsAt === null ? after : Math.max(after, timing.startsAt - 1),
    until: timing.endsAt === null ? until : Math.min(until, timing.endsAt - 1),
  };
}

const compiled = new WeakMap<Timing, Fires>();

function firesOf(timing: Timing): Fires {
  let fires = compiled.get(timing);
  if (fires === undefined) compiled.set(timing, (fires = compile(timing)));
  return fires;
}

/** What is stored was checked when it was saved; what is wrong all the same is told, and is one schedule's fault alone. */
function compile(timing: Timing): Fires {
  const zone = zoneOf(timing.timezone);
  if (zone === undefined) throw new WindlassError("invalid", `timezone: "${timing.timezone}" is no zone that this server knows`);
  const exclude = exclusionsOf(timing.exclude);
  if (timing.everyMs !== null) {
    if (!(timing.everyMs > 0)) throw new WindlassError("invalid", `every: ${timing.everyMs} ms is no interval`);
    return everyFires({ everyMs: timing.everyMs, anchor: timing.anchor }, exclude, zone);
  }
  if (timing.cron.length === 0 || timing.cron.length > CRONS_MAX || exclude.crons.length > EXCLUDED_CRONS_MAX)
    throw new WindlassError("invalid", `cron: 1 to ${CRONS_MAX} expressions are allowed, and ${EXCLUDED_CRONS_MAX} in exclude`);
  return cronFires(timing.cron.map(cronOf), exclude, zone);
}

function exclusionsOf(texts: readonly string[]): Exclusions {
  if (texts.length === 0) return NOTHING;
  const days = new Set<number>();
  const crons: Cron[] = [];
  for (const text of texts) {
    const day = readDay(text);
    if (day === undefined) crons.push(cronOf(text));
    else days.add(day);
  }
  return { days, crons };
}

const NOTHING: Exclusions = { days: new Set(), crons: [] };

function cronOf(text: string): Cron {
  const known = cronsRead.get(text);
  if (known !== undefined) return known;
  const read = parseCron(text);
  if ("faults" in read) throw new WindlassError("invalid", `cron "${text}": ${read.faults.map(faultText).join("; ")}`);
  if (cronsRead.size >= CRONS_KEPT_MAX) cronsRead.clear();
  cronsRead.set(text, read.cron);
  return read.cron;
}

/** Schedules share their expressions: most of them are daily at a whole hour, or each few minutes. */
const cronsRead = new Map<string, Cron>();
const CRONS_KEPT_MAX = 10_000;
