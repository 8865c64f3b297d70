/**
 * Starts and stops a service at random, in any order and also while it is starting or stopping, and asks that nothing of
 * it is left: every promise resolves, a start that is not taken back holds, and a stopped service has no timer.
 */
import type { Service } from "@windlass/engine";
import { expect } from "vitest";
import type { FakeClock } from "./fake-clock.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface StressOptions {
  /** The clock that the service was given; nothing else may use it meanwhile. */
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly steps?: number;
}

/** The longest that a start or stop may take, in steps of the fake clock. */
const PATIENCE_MS = 60_000;
const STEP_MS = 50;

export async function serviceStress(service: Service, { clock, random, steps = 40 }: StressOptions): Promise<void> {
  const idle = clock.pending;
  const asked: Promise<void>[] = [];
  for (let i = 0; i < steps; i++) {
    const last = random.chance(0.5) ? service.start() : service.stop();
    asked.push(last);
    if (random.chance(0.3)) await done(clock, last);
    if (random.chance(0.3)) await clock.advance(random.int(3_000));
    if (random.chance(0.2)) {
      await done(clock, service.stop());
      expect(clock.pending, `${service.name} left timers behind`).toBe(idle);
    }
  }
  await done(clock, Promise.all(asked));
  // Both in one turn: the last call wins.
  asked.push(service.start());
  asked.push(service.start());
  await done(clock, service.stop());
  expect(clock.pending, `${service.name} left timers behind`).toBe(idle);
  await done(clock, service.start());
  void service.start();
  await done(clock, service.stop());
  expect(clock.pending, `${service.name} left timers behind`).toBe(idle);
  await done(clock, Promise.all(asked));
}

/** Lets time pass until the promise has resolved; throws what it throws. */
async function done(clock: FakeClock, promise: Promise<unknown>): Promise<void> {
  let over = false;
  const ended = promise.finally(() => {
    over = true;
  });
  ended.catch(() => {});
  for (let waited = 0; !over && waited < PATIENCE_MS; waited += STEP_MS) await clock.advance(STEP_MS);
  expect(over, "a start or stop never ended").toBe(true);
  await ended;
}
