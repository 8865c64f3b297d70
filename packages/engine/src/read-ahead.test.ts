import { jobRecord, T0 } from "@windlass/testkit";
import type { ClaimedJob } from "@windlass/ports";
import { expect, test } from "vitest";
import { readAhead, type ReadAhead } from "./read-ahead.ts";

let now = 0;
function fresh(): ReadAhead {
  now = T0;
  return readAhead(() => now);
}
function endsAt(ahead: ReadAhead, perMs: number, forMs: number): void {
  for (let i = 0; i < forMs; i++) {
    now++;
    for (let n = 0; n < perMs; n++) ahead.ended();
    ahead.room(0, 0);
  }
}
const jobs = (count: number): ClaimedJob[] =>
  Array.from({ length: count }, () => {
    const record = jobRecord();
    return { record, live: { id: record.id } as ClaimedJob["live"] };
  });

test("nothing is read ahead before anything is known, and for handlers that are slow", () => {
  const ahead = fresh();
  expect(ahead.room(10, 1_000)).toEqual({ limit: 10, ahead: 0 });
  for (let i = 0; i < 100; i++) {
    now += 50;
    ahead.ended();
    expect(ahead.room(10, 1_000).ahead).toBe(0);
  }
});

test("as many are read ahead as end while a claim is under way, up to 2,000", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  expect(ahead.room(10, 10_000).ahead).toBeGreaterThan(80);
  expect(ahead.room(10, 10_000).ahead).toBeLessThanOrEqual(100);
  expect(ahead.room(10, 50)).toEqual({ limit: 10, ahead: 40 });
  endsAt(ahead, 1_000, 100);
  expect(ahead.room(10, 10_000)).toEqual({ limit: 10, ahead: 2_000 });
});

test("jobs that lie here are counted, and more are claimed when half of them have begun", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  const size = ahead.room(0, 1_000).ahead;
  ahead.add(jobs(size));
  expect(ahead.room(0, 1_000)).toEqual({ limit: 0, ahead: 0 });
  for (let i = 0; i < Math.ceil(size / 2); i++) ahead.next();
  expect(ahead.room(0, 1_000)).toEqual({ limit: 0, ahead: Math.ceil(size / 2) });
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
  expect(ahead.room(1, 100)).toEqual({ limit: 1, ahead: 0 });
});

test("a worker that has become slow keeps nothing from others for long, though a job begins every 40 ms", () => {
  const ahead = fresh();
  endsAt(ahead, 25, 200);
  const size = ahead.room(0, 10_000).ahead;
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
  expect(ahead.room(10, 10_000)).toEqual({ limit: 10, ahead: 0 });
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
  ahead.room(0, 1_000);
  now += 20;
  for (let n = 0; n < 80; n++) ahead.ended();
  ahead.add([]);
  const size = ahead.room(0, 1_000).ahead;
  expect(size).toBeGreaterThan(130);
  expect(size).toBeLessThanOrEqual(170);
  for (let i = 0; i < 5; i++) {
    now += 200;
    for (let n = 0; n < 800; n++) ahead.ended();
    ahead.add([]);
    expect(ahead.room(0, 1_000).ahead).toBeLessThanOrEqual(400);
  }
});

test("after a second without an end the rate is not believed any more", () => {
  const ahead = fresh();
  endsAt(ahead, 4, 100);
  now += 1_000;
  expect(ahead.room(1, 1_000)).toEqual({ limit: 1, ahead: 0 });
});
