import { fakeClock, settled } from "@windlass/testkit/fakes";
import { expect, test } from "vitest";
import { readingOf } from "./worker-reading.ts";

function line() {
  const clock = fakeClock();
  const told: string[] = [];
  const reading = readingOf({ pause: () => told.push("pause"), resume: () => told.push("resume") }, clock);
  return { clock, told, reading };
}

test("it is read again when it has rested, and is not held back any more, whichever comes last", async () => {
  for (const restsLonger of [true, false]) {
    const { clock, told, reading } = line();
    const room = Promise.withResolvers<void>();
    reading.rest(100);
    reading.holdBack(room.promise, 1_000, () => told.push("room"));
    const rested = (): Promise<unknown> => clock.advance(100);
    const free = (): Promise<unknown> => (room.resolve(), settled());
    await (restsLonger ? free() : rested());
    expect(told).not.toContain("resume");
    await (restsLonger ? rested() : free());
    expect(told).toEqual(["pause", "pause", "room", "resume"]);
  }
});

test("a rest that is begun anew is not ended by the one before; who is held back is so once", async () => {
  const { clock, told, reading } = line();
  reading.rest(100);
  await clock.advance(60);
  reading.rest(100);
  await clock.advance(60);
  expect(told).toEqual(["pause", "pause"]);
  await clock.advance(40);
  expect(told).toEqual(["pause", "pause", "resume"]);
  const room = Promise.withResolvers<void>();
  for (let n = 0; n < 3; n++) reading.holdBack(room.promise, 1_000, () => told.push("room"));
  expect([told.slice(3), reading.isHeldBack]).toEqual([["pause"], true]);
  room.resolve();
  await settled();
  expect([told.slice(4), reading.isHeldBack]).toEqual([["room", "resume"], false]);
});

test("who was held back for long is read, and not held back again before there is room", async () => {
  const { clock, told, reading } = line();
  const [full, again] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hold = (until: Promise<void>): void => reading.holdBack(until, 100, () => told.push("heard"));
  hold(full.promise);
  await clock.advance(100);
  hold(full.promise);
  expect([told, reading.isHeldBack]).toEqual([["pause", "heard", "resume"], false]);
  full.resolve();
  await settled();
  hold(again.promise);
  expect([told.slice(3), reading.isHeldBack]).toEqual([["pause"], true]);
});

test("at the end everything is read, and nothing stops it again", async () => {
  const { clock, told, reading } = line();
  const room = Promise.withResolvers<void>();
  reading.holdBack(room.promise, 1_000, () => told.push("room"));
  reading.rest(100);
  reading.end();
  reading.rest(100);
  reading.holdBack(Promise.resolve(), 1_000, () => told.push("room"));
  room.resolve();
  await clock.advance(200);
  expect(told).toEqual(["pause", "pause", "resume"]);
});
