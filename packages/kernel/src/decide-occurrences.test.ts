import fc from "fast-check";
import { expect, test } from "vitest";
import { plainTiming } from "./fire-times-fixture.ts";
import { MINUTE, plainDecisions, scheduleOf, World } from "./ledger-fixture.ts";
import { isWaiting } from "./occurrence.ts";
import type { CatchUp, Overlap } from "./schedule-record.ts";

const all = (limit: number): CatchUp => ({ policy: "all", windowMs: 60 * MINUTE, limit });
const latest: CatchUp = { policy: "latest", windowMs: 60 * MINUTE, limit: 10 };
const none: CatchUp = { policy: "none", windowMs: 60 * MINUTE, limit: 10 };
const counted = (said: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(said)].map((one) => [one, said.filter((other) => other === one).length]));

/** A schedule of each minute whose jobs take three, looked at each second as a dispatcher does. */
function threeMinuteRuns(overlap: Overlap): World {
  const world = new World(scheduleOf(overlap, latest));
  for (let now = MINUTE; now <= 9 * MINUTE; now += 1000) {
    for (const [id, began] of [...world.alive]) if (now - began >= 3 * MINUTE) world.end(id, now);
    world.endStopped(now);
    if ((world.cursor.nextAt ?? Infinity) <= now) world.look(now);
  }
  return world;
}

test("a run of three minutes on a schedule of one: forbid skips what it meets", () => {
  const world = threeMinuteRuns({ policy: "forbid", limit: 1 });
  expect(world.said(9 * MINUTE)).toEqual(["fired", "skipped", "skipped", "fired", "skipped", "skipped", "fired", "skipped", "skipped"]);
  expect(world.aliveMax).toBe(1);
});

test("postpone keeps the newest, and starts it when the one before has ended", () => {
  const world = threeMinuteRuns({ policy: "postpone", limit: 1 });
  const said = world.said(9 * MINUTE);
  expect(said.slice(0, 4)).toEqual(["fired", "coalesced", "fired", "coalesced"]);
  expect(world.rows.get(2 * MINUTE)).toMatchObject({ decision: "coalesced", reason: "newer", intoAt: 3 * MINUTE });
  expect(world.rows.get(3 * MINUTE)).toMatchObject({ decision: "fired", reason: "predecessor_ended", settledAt: 4 * MINUTE });
  expect([world.aliveMax, said.filter((one) => one === "skipped")]).toEqual([1, []]);
});

test("queue runs them in their order, up to as many as may wait", () => {
  const world = threeMinuteRuns({ policy: "queue", limit: 2 });
  expect(world.began).toEqual([...world.began].toSorted((a, b) => a - b));
  expect([world.aliveMax, world.said(9 * MINUTE).includes("skipped")]).toEqual([1, true]);
});

test("replace ends the one before, and every time has its run", () => {
  const world = threeMinuteRuns({ policy: "replace", limit: 1 });
  expect(counted(world.said(8 * MINUTE))).toEqual({ fired: 8 });
  expect(world.aliveMax).toBe(1);
});

test("allow runs as many at once as may be", () => {
  expect(counted(threeMinuteRuns({ policy: "allow", limit: 10 }).said(9 * MINUTE))).toEqual({ fired: 9 });
  const two = threeMinuteRuns({ policy: "allow", limit: 2 });
  expect([two.aliveMax, counted(two.said(9 * MINUTE))]).toEqual([2, { fired: 6, skipped: 3 }]);
});

test.each([
  ["none", none, { fired: 1, missed: 29 }],
  ["latest", latest, { fired: 1, missed: 29 }],
  ["all, up to ten", all(10), { fired: 1, caught_up: 9, missed: 20 }],
])("thirty minutes in which nobody looked, with catch-up %s", (_, catchUp, expected) => {
  const world = new World(scheduleOf({ policy: "allow", limit: 50 }, catchUp));
  world.look(30 * MINUTE);
  expect(counted(world.said(30 * MINUTE))).toEqual(expected);
  expect(
    [...world.rows.values()].filter((row) => row.decision === "missed"),
    "one row for all of them",
  ).toHaveLength(1);
});

test("the newest is made up for when none is due now, and nothing outside the window is", () => {
  const hourly = scheduleOf({ policy: "forbid", limit: 1 }, latest);
  const world = new World({ ...hourly, timing: { ...plainTiming, everyMs: 20 * MINUTE } });
  world.look(75 * MINUTE);
  expect([...world.rows.values()].map(({ nominalAt, count, decision, reason }) => [nominalAt / MINUTE, count, decision, reason])).toEqual([
    [20, 2, "missed", "newer_due"],
    [60, 1, "caught_up", "late"],
  ]);
  world.look(500 * MINUTE - 1);
  expect([...world.rows.values()].slice(2).map(({ decision, reason, count }) => [decision, reason, count])).toContainEqual([
    "missed",
    "outside_window",
    18,
  ]);
});

test("what `exclude` leaves out has a row that says so", () => {
  const world = new World(scheduleOf({ policy: "allow", limit: 50 }, all(50), [String(3 * MINUTE)]));
  world.look(7 * MINUTE);
  expect(world.said(7 * MINUTE)).toEqual(["caught_up", "caught_up", "skipped", "caught_up", "caught_up", "skipped", "fired"]);
  expect(world.rows.get(3 * MINUTE)?.reason).toBe("excluded");
});

test("a job that cannot be made is refused, and what waits behind it is not left waiting", () => {
  const world = new World(scheduleOf({ policy: "queue", limit: 5 }, all(5)));
  world.look(3 * MINUTE, (nominalAt) => nominalAt === MINUTE);
  expect(world.rows.get(MINUTE)).toMatchObject({ decision: "refused", reason: "job_refused", message: "no", jobId: null });
  expect(world.cursor.nextAt).toBe(3 * MINUTE);
  world.look(3 * MINUTE);
  expect([world.began, world.said(3 * MINUTE)]).toEqual([[2 * MINUTE], ["refused", "caught_up", "queued"]]);
});

test("over any course of looks, outages and ends: as the plain model says, one row for each time, and nothing waits for ever", () => {
  const overlaps = fc.oneof(
    fc.constantFrom<Overlap>({ policy: "forbid", limit: 1 }, { policy: "postpone", limit: 1 }, { policy: "replace", limit: 1 }),
    fc.record({ policy: fc.constantFrom("queue" as const, "allow" as const), limit: fc.integer({ min: 1, max: 4 }) }),
  );
  const catchUps = fc.record({
    policy: fc.constantFrom("none" as const, "latest" as const, "all" as const),
    windowMs: fc.integer({ min: 0, max: 30 }).map((n) => n * MINUTE),
    limit: fc.integer({ min: 1, max: 12 }),
  });
  const steps = fc.array(
    fc.record({ passed: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 1500 })), ends: fc.boolean() }),
    {
      maxLength: 25,
    },
  );
  const schedules = fc.tuple(overlaps, catchUps, fc.constantFrom([], [String(5 * MINUTE)])).map((parts) => scheduleOf(...parts));
  /** Which minutes no job can be made of, over and over. */
  const refusals = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(schedules, steps, fc.oneof(fc.constant([false]), refusals), (schedule, course, refused) => {
      const world = new World(schedule);
      const refuse = (minute: number): boolean => refused[(minute / MINUTE) % refused.length] === true;
      const { overlap } = schedule;
      let now = 0;
      for (const { passed, ends } of course) {
        now += passed * 1000;
        if (ends) for (const id of [...world.alive.keys()].slice(0, 1)) world.end(id, now);
        const plain = plainDecisions(world, now, refuse);
        const { stops, waiting } = world.look(now, refuse, true);
        expect(stops.length === 0 || waiting.some(({ nominalAt }) => !refuse(nominalAt)), "something comes in the place").toBe(true);
        const said = world.said(Math.floor(now / MINUTE) * MINUTE);
        for (const [minute, decision] of plain) expect(said[minute / MINUTE - 1], `minute ${minute / MINUTE}`).toBe(decision);
        world.endStopped(now);
      }
      // Everything ends, one after the other; each end is followed by the look that it asks for.
      for (let left = 60; left > 0 && (world.alive.size > 0 || world.cursor.waiting.length > 0); left--) {
        for (const id of [...world.alive.keys()].slice(0, 1)) world.end(id, now);
        if ((world.cursor.nextAt ?? Infinity) <= now) world.look(now, refuse, true);
      }
      expect(world.cursor.waiting).toEqual([]);
      expect([...world.rows.values()].filter(isWaiting)).toEqual([]);
      expect(world.began).toEqual([...world.began].toSorted((a, b) => a - b));
      const withJob = [...world.rows.values()].filter(({ jobId }) => jobId !== null).map(({ nominalAt }) => nominalAt);
      expect(
        withJob.toSorted((a, b) => a - b),
        "jobs = fired",
      ).toEqual(world.began);
      expect(world.aliveMax <= (overlap.policy === "allow" ? overlap.limit : 1)).toBe(true);
    }),
    { numRuns: 300 },
  );
}, 60_000);
