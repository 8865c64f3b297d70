import { jobRecord, T0 } from "@windlass/testkit";
import type { ClaimedJob } from "@windlass/ports";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAhead, type ReadAhead, type Slots } from "./read-ahead.ts";

let now = 0;
function fresh(): ReadAhead {
  now = T0;
  return readAhead(() => now);
}
function endsAt(ahead: ReadAhead, perMs: number, forMs: number): void {
  for (let i = 0; i < forMs; i++) {
    now++;
    for (let n = 0; n < perMs; n++) ahead.ended();
    ahead.room(slots(0), 0);
  }
}
const slots = (free: number): Slots => ({ free, busy: 0 });
const jobs = (count: number, fairnessKey = ""): ClaimedJob[] =>
  Array.from({ length: count }, () => {
    const record = jobRecord();
    return { record, live: { id: record.id, fairnessKey } as ClaimedJob["live"] };
  });

test("nothing is read ahead before anything is known, and for handlers that are slow", () => {
  const ahead = fresh();
  expect(ahead.room(slots(10), 1_000)).toEqual({ limit: 10, ahead: 0 });
  for (let i = 0; i < 100; i++) {
    now += 50;
    ahead.ended();
    expect(ahead.room(slots(10), 1_000).ahead).toBe(0);
  }
});

test("as many are read ahead as end while a claim is under way, up to 2,000", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  expect(ahead.room(slots(10), 10_000).ahead).toBeGreaterThan(80);
  expect(ahead.room(slots(10), 10_000).ahead).toBeLessThanOrEqual(100);
  expect(ahead.room(slots(10), 50)).toEqual({ limit: 10, ahead: 40 });
  endsAt(ahead, 1_000, 100);
  expect(ahead.room(slots(10), 10_000)).toEqual({ limit: 10, ahead: 2_000 });
});

test("of jobs with fairness keys no more than 500 wait for a slot, however quick handlers are, and until none has come for a second", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { maxLength: 40 }), (begun) => {
      const ahead = fresh();
      ahead.add(jobs(1, "tenant"));
      for (const count of begun) {
        endsAt(ahead, 1_000, 20);
        const room = ahead.room(slots(0), 10_000);
        // One claim in parts, of which the last has no key.
        ahead.add(jobs(room.ahead > 1 ? 1 : 0, "tenant"));
        ahead.add(jobs(Math.max(0, room.ahead - 1)));
        expect(ahead.jobs.size).toBeLessThanOrEqual(500);
        for (let n = 0; n < count; n++) ahead.next();
      }
      ahead.clear();
      now += 1_000;
      endsAt(ahead, 1_000, 100);
      expect(ahead.room(slots(0), 10_000).ahead).toBe(2_000);
    }),
  );
});

interface Claims {
  readonly claimMs: number;
  /** How many it gives; all that it is asked for where this is left out. */
  readonly gives?: number;
  /** When the last of them begin. */
  readonly begunMs: number;
  readonly busy?: number;
}

/** What some claims one after the other read ahead, each asked for when all jobs of the one before have begun, and all but `busy` have ended. */
function asked(ahead: ReadAhead, { claimMs, gives, begunMs, busy = 0 }: Claims): number[] {
  return Array.from({ length: 5 }, () => {
    const room = ahead.room({ free: 10 - busy, busy }, 10_000);
    now += claimMs;
    ahead.add(jobs(gives ?? room.limit + room.ahead));
    now += begunMs;
    while (ahead.next() !== undefined) ahead.ended();
    return room.ahead;
  });
}

test("while handlers wait for jobs, each claim asks for four times what has ended of the one before", () => {
  expect(asked(fresh(), { claimMs: 5, begunMs: 1 })).toEqual([0, 40, 200, 840, 2_000]);
});

test("that is no reason to read ahead: a claim that gave less than was asked for, one that took long, jobs that begin later, and still run", () => {
  // Hardly more than by the rate of their ends.
  expect(Math.max(...asked(fresh(), { claimMs: 5, gives: 9, begunMs: 1 }))).toBeLessThanOrEqual(37);
  expect(Math.max(...asked(fresh(), { claimMs: 200, begunMs: 1 }))).toBeLessThanOrEqual(20);
  expect(Math.max(...asked(fresh(), { claimMs: 5, begunMs: 10 }))).toBeLessThanOrEqual(60);
  const ahead = fresh();
  ahead.room(slots(10), 10_000);
  now += 5;
  ahead.add(jobs(10));
  while (ahead.next() !== undefined);
  expect(ahead.room({ free: 0, busy: 10 }, 10_000)).toEqual({ limit: 0, ahead: 0 });
});

test("jobs that lie here are counted, and more are claimed when half of them have begun", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  const size = ahead.room(slots(0), 1_000).ahead;
  ahead.add(jobs(size));
  expect(ahead.room(slots(0), 1_000)).toEqual({ limit: 0, ahead: 0 });
  for (let i = 0; i < Math.ceil(size / 2); i++) ahead.next();
  expect(ahead.room(slots(0), 1_000)).toEqual({ limit: 0, ahead: Math.ceil(size / 2) });
});

test("they begin in order, and are given back together when the next one has lain there for half a second", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  const [first, second, third, fourth] = jobs(4) as [ClaimedJob, ClaimedJob, ClaimedJob, ClaimedJob];
  ahead.add([first, second]);
  now += 400;
  ahead.add([third, fourth]);
  expect(ahead.stale()).toEqual([]);
  expect(ahead.next()).toBe(first);
  now += 99;
  expect(ahead.stale()).toEqual([]);
  expect(ahead.remove(second.live.id)).toBe(true);
  now += 400;
  expect(ahead.stale()).toEqual([]);
  now += 1;
  expect(ahead.stale()).toEqual([third, fourth]);
  expect(ahead.stale()).toEqual([]);
  expect(ahead.next()).toBeUndefined();
  expect(ahead.room(slots(1), 100)).toEqual({ limit: 1, ahead: 0 });
});

test("a worker that has become slow keeps nothing from others for long, though a job begins every 40 ms", () => {
  const ahead = fresh();
  endsAt(ahead, 25, 200);
  const size = ahead.room(slots(0), 10_000).ahead;
  expect(size).toBeGreaterThan(500);
  const some = jobs(size);
  ahead.add(some);
  for (let begun = 1; begun <= 12; begun++) {
    expect(ahead.next()).toBe(some[begun - 1]);
    now += 40;
    ahead.ended();
    expect(ahead.stale()).toEqual([]);
  }
  expect(ahead.next()).toBe(some[12]);
  now += 40;
  expect(ahead.stale()).toEqual(some.slice(13));
  expect(ahead.room(slots(10), 10_000)).toEqual({ limit: 10, ahead: 0 });
});

test("one that was let go of is passed over, and what comes later begins behind the others", () => {
  const ahead = fresh();
  const [first, second, third, fourth] = jobs(4) as [ClaimedJob, ClaimedJob, ClaimedJob, ClaimedJob];
  ahead.add([first, second, third]);
  expect(ahead.next()).toBe(first);
  expect(ahead.remove(second.live.id)).toBe(true);
  ahead.add([fourth]);
  expect([ahead.next(), ahead.next(), ahead.next()]).toEqual([third, fourth, undefined]);
  ahead.add([first]);
  expect(ahead.clear()).toEqual([first]);
  ahead.add([second]);
  expect(ahead.next()).toBe(second);
});

test("where claims are slow more is read ahead, up to what ends in a tenth of a second", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  ahead.room(slots(0), 1_000);
  now += 20;
  for (let n = 0; n < 80; n++) ahead.ended();
  ahead.add([]);
  const size = ahead.room(slots(0), 1_000).ahead;
  expect(size).toBeGreaterThan(130);
  expect(size).toBeLessThanOrEqual(170);
  for (let i = 0; i < 5; i++) {
    now += 200;
    for (let n = 0; n < 800; n++) ahead.ended();
    ahead.add([]);
    expect(ahead.room(slots(0), 1_000).ahead).toBeLessThanOrEqual(400);
  }
});

test("after a second without an end the rate is not believed any more", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  now += 1_000;
  expect(ahead.room(slots(1), 1_000)).toEqual({ limit: 1, ahead: 0 });
});
