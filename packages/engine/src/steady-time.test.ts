import { fakeClock } from "@windlass/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { steadyTime } from "./steady-time.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

test("it goes with a clock that does not jump", async () => {
  const clock = fakeClock();
  const time = steadyTime(clock, () => clock.now(), MINUTE);
  for (let i = 0; i < 200; i++) {
    expect(time()).toBe(clock.now());
    await clock.advance(1_000);
  }
});

test("a jump forwards counts after a while, and one that is undone before never", async () => {
  const clock = fakeClock();
  const time = steadyTime(clock, () => clock.now(), MINUTE);
  time();
  clock.jump(2 * HOUR);
  for (let i = 0; i < 59; i++) {
    expect(time()).toBe(clock.now() - 2 * HOUR);
    await clock.advance(1_000);
  }
  clock.jump(-2 * HOUR);
  expect(time()).toBe(clock.now());
  clock.jump(2 * HOUR);
  expect(time()).toBe(clock.now() - 2 * HOUR);
  await clock.advance(MINUTE);
  expect(time()).toBe(clock.now() - 2 * HOUR);
  await clock.advance(1);
  expect(time()).toBe(clock.now());
});

test("a jump backwards counts at once", () => {
  const clock = fakeClock();
  const time = steadyTime(clock, () => clock.now(), MINUTE);
  time();
  clock.jump(-HOUR);
  expect(time()).toBe(clock.now());
});

test("whatever the clock does, it is as far ahead as it was at least of late", () => {
  const step = fc.record({ passMs: fc.integer({ min: 0, max: 30_000 }), jumpMs: fc.integer({ min: -HOUR, max: HOUR }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      let [monotonic, ahead] = [0, 0];
      const seen: { at: number; ahead: number }[] = [];
      const time = steadyTime({ monotonic: () => monotonic }, () => monotonic + ahead, MINUTE);
      for (const { passMs, jumpMs } of steps) {
        monotonic += passMs + 0.25;
        ahead += jumpMs;
        seen.push({ at: monotonic, ahead });
        const late = seen.filter(({ at }) => at >= monotonic - MINUTE);
        expect(time()).toBe(Math.floor(monotonic + Math.min(...late.map((sample) => sample.ahead))));
      }
    }),
  );
});
