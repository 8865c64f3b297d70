/**
 * Times that are easy to see, for tests of what is decided about them: each multiple of `everyMs`, and of `exclude` each multiple of
 * the number that it holds. Slow and plain: it lists them all.
 */
import type { FireTimes, Timing } from "./schedule.ts";

const isExcluded = (timing: Timing, instant: number): boolean => timing.exclude.some((text) => instant % Number(text) === 0);

function listed(timing: Timing, after: number, until: number): number[] {
  const step = timing.everyMs ?? Infinity;
  const times: number[] = [];
  for (let instant = (Math.floor(after / step) + 1) * step; instant <= until; instant += step)
    if (!isExcluded(timing, instant)) times.push(instant);
  return times;
}

export const plainTimes: FireTimes = {
  nextFire: (timing, after) => listed(timing, after, after + 100 * (timing.everyMs ?? 0))[0] ?? null,
  firesBetween(timing, { after, until, limit }) {
    const times = listed(timing, after, until);
    return { times: times.slice(0, limit), isCut: times.length > limit };
  },
  countFires: (timing, { after, until }) => listed(timing, after, until).length,
  delayOf: ({ jitterMs }, key, nominal) => (jitterMs === 0 ? 0 : (nominal * 7 + key.length * 13) % (jitterMs + 1)),
};

export const plainTiming: Timing = {
  cron: [],
  everyMs: 60_000,
  anchor: 0,
  timezone: "UTC",
  jitterMs: 0,
  startsAt: null,
  endsAt: null,
  exclude: [],
};
