import { beforeEach, expect, test } from "vitest";
import { fakeClock, type FakeClock } from "@windlass/testkit/fakes";
import { clockedHeartbeats, type BeatOne } from "./heartbeats.ts";

let clock: FakeClock;
let beats: [string, number][];
let lost: number;
const options = { intervalMs: 10, ttlMs: 35, onLost: () => void lost++ };

beforeEach(() => {
  clock = fakeClock(1_000);
  beats = [];
  lost = 0;
});

function heartbeats(answer: () => ReturnType<BeatOne>): ReturnType<typeof clockedHeartbeats> {
  return clockedHeartbeats(clock, (id, expiresAt) => {
    beats.push([id, expiresAt]);
    return answer();
  });
}

test("extends the session at each interval until it is told to stop", async () => {
  const kept = await heartbeats(() => Promise.resolve(["ses_1"])).keep("ses_1", options);
  await clock.advance(25);
  expect(beats).toEqual([
    ["ses_1", 1_045],
    ["ses_1", 1_055],
  ]);
  await kept.stop();
  await clock.advance(100);
  expect([beats.length, lost, clock.pending]).toEqual([2, 0, 0]);
});

test("says once that a session was given up, and beats no more", async () => {
  await heartbeats(() => Promise.resolve([])).keep("ses_1", options);
  await clock.advance(100);
  expect([beats.length, lost, clock.pending]).toEqual([1, 1, 0]);
});

test("a store that does not answer counts as lost once the session must have run out", async () => {
  await heartbeats(() => Promise.reject(new Error("disk full"))).keep("ses_1", options);
  await clock.advance(30);
  expect([beats.length, lost]).toEqual([3, 0]);
  await clock.advance(100);
  expect([beats.length, lost]).toEqual([4, 1]);
});

test("the end of the store ends them all", async () => {
  const all = heartbeats(() => Promise.resolve(["ses"]));
  for (const id of ["ses_1", "ses_2"]) await all.keep(id, options);
  all.stop();
  await clock.advance(100);
  expect([beats.length, lost, clock.pending]).toEqual([0, 0, 0]);
});
