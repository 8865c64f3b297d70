/**
 * What was decided ahead of its time is decided anew when a schedule changes, with a job or without one, and each time has one
 * account: as a slow and plain model says, second by second, over any course of passes, changes, pauses and jobs that are cancelled.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { WindlassError, type Occurrence, type Timing } from "@windlass/kernel";
import { dispatchFixture, nominalOf, type DispatchFixture } from "./dispatch-fixture.ts";

const START = Date.parse("2026-03-02T09:00:00Z");
const named = { workspace: "default", name: "s" };
const AHEAD_MS = 60_000;
/** Whether jobs cannot be made just now. */
let refusing = false;
/** What may have begun by a clock that is a little ahead. */
const SOON_MS = 1_000;

interface Rules {
  readonly everySeconds: 10 | 20 | 30;
  /** Whether each half minute is left out. */
  readonly excludes: boolean;
}

type Step = { readonly passedMs: number } & (
  | { readonly does: "tick"; readonly refuses: boolean; readonly ahead: boolean }
  | { readonly does: "change"; readonly rules: Rules }
  | { readonly does: "pause" | "resume" }
  | { readonly does: "cancel"; readonly nth: number }
);

/** Slow and plain: what is to be said of each time. */
class Model {
  readonly said = new Map<number, string>();
  readonly cancelled = new Set<number>();
  rules: Rules;
  paused = false;
  /** The last time that was decided. */
  at = START;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  decide(until: number, becomes: (time: number) => string): void {
    for (let time = this.at + 1; time <= until; time++)
      if (time % (this.rules.everySeconds * 1000) === 0) {
        if (!this.said.has(time)) this.said.set(time, becomes(time));
        this.at = time;
      }
  }

  tick(now: number, { refuses, ahead }: { readonly refuses: boolean; readonly ahead: boolean }): void {
    if (!this.paused)
      this.decide(now + (ahead ? AHEAD_MS : 0), (time) => (this.leavesOut(time) ? "skipped" : refuses ? "refused" : "fired"));
  }

  /** `change` has an effect from now on. */
  change(now: number, change: () => void): void {
    const lookedTo = this.at;
    for (const [time, said] of this.said)
      if (time > now && !(said === "fired" && (this.cancelled.has(time) || time <= now + SOON_MS))) this.said.delete(time);
    this.at = Math.min(this.at, now);
    if (this.paused) this.decide(now, () => "skipped");
    else this.tick(now, { refuses: false, ahead: false });
    this.at = now;
    change();
    if (!this.paused) this.decide(lookedTo, (time) => (this.leavesOut(time) ? "skipped" : "fired"));
  }

  leavesOut(time: number): boolean {
    return this.rules.excludes && time % 30_000 === 0;
  }
}

const EVERY = { 10: "*/10 * * * * *", 20: "*/20 * * * * *", 30: "*/30 * * * * *" } as const;

async function put(f: DispatchFixture, { everySeconds, excludes }: Rules): Promise<void> {
  const timing: Timing = {
    ...{ cron: [EVERY[everySeconds]], everyMs: null, anchor: 0, timezone: "UTC", jitterMs: 0, startsAt: null, endsAt: null },
    exclude: excludes ? ["*/30 * * * * *"] : [],
  };
  await f.put("* * * * *", { timing });
}

async function act(f: DispatchFixture, model: Model, step: Step): Promise<void> {
  const now = f.context.now();
  if (step.does === "tick") {
    refusing = step.refuses;
    await f.tick(new Date(now).toISOString(), step.ahead ? AHEAD_MS : 0);
    refusing = false;
    model.tick(now, step);
  } else if (step.does === "change") {
    await put(f, step.rules);
    model.change(now, () => (model.rules = step.rules));
  } else if (step.does === "pause" && !model.paused) {
    await f.schedules.pause(named, "bob", null);
    model.change(now, () => (model.paused = true));
  } else if (step.does === "resume" && model.paused) {
    await f.schedules.resume(named, "bob");
    model.change(now, () => (model.paused = false));
  } else if (step.does === "cancel") {
    const ahead = (await f.rows()).filter(({ jobId, nominalAt }) => jobId !== null && nominalAt > now && !model.cancelled.has(nominalAt));
    const one = ahead[step.nth % Math.max(1, ahead.length)];
    if (one === undefined || one.jobId === null) return;
    const stop = { type: "stop", id: one.jobId, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "bob" } as const;
    await f.context.commit([{ ...stop, graceMs: 1 }]);
    model.cancelled.add(one.nominalAt);
  }
}

/** Says of each time of the model what the ledger does; rows for several say the same of each that has no row of its own. */
function accountOf(rows: readonly Occurrence[], times: Iterable<number>): Map<number, string> {
  const single = new Map(rows.filter(({ count }) => count === 1).map((row) => [row.nominalAt, row.decision]));
  const spans = rows.filter(({ count }) => count > 1);
  return new Map(
    [...times].map((time) => {
      const within = spans.filter((row) => row.nominalAt <= time && time <= row.lastAt).map(({ decision }) => decision);
      return [time, single.get(time) ?? within.join(" and ")];
    }),
  );
}

async function holds(f: DispatchFixture, model: Model): Promise<void> {
  const rows = await f.rows();
  const inOrder = [...model.said].toSorted(([a], [b]) => a - b);
  expect([
    ...accountOf(
      rows,
      inOrder.map(([time]) => time),
    ),
  ]).toEqual(inOrder);
  expect(
    rows.reduce((sum, { count }) => sum + count, 0),
    "nothing else is in the ledger",
  ).toBe(model.said.size);
  const alive = new Set((await f.store.jobs.live({}, 500)).map(({ id }) => id));
  const named = new Set(rows.map(({ jobId }) => jobId));
  const ofTime = new Map<number, number>();
  for (const job of await f.jobs()) {
    if (alive.has(job.id)) expect(named.has(job.id), "no job is left of what was taken back").toBe(true);
    if (named.has(job.id)) ofTime.set(nominalOf(job), (ofTime.get(nominalOf(job)) ?? 0) + 1);
  }
  expect([...ofTime.values()].every((count) => count === 1)).toBe(true);
  for (const time of model.cancelled) expect((await f.jobs()).filter((job) => alive.has(job.id) && nominalOf(job) === time)).toEqual([]);
}

const rules: fc.Arbitrary<Rules> = fc.record({ everySeconds: fc.constantFrom(10, 20, 30), excludes: fc.boolean() });
const passedMs = fc.integer({ min: 0, max: 14_000 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ passedMs, does: fc.constant("tick" as const), refuses: fc.boolean(), ahead: fc.boolean() }),
  fc.record({ passedMs, does: fc.constant("change" as const), rules }),
  fc.record({ passedMs, does: fc.constantFrom("pause" as const, "resume" as const) }),
  fc.record({ passedMs, does: fc.constant("cancel" as const), nth: fc.nat(9) }),
);

test("as the plain model says, over any course: each time once, what was cancelled stays cancelled", async () => {
  await fc.assert(
    fc.asyncProperty(rules, fc.array(steps, { maxLength: 24 }), async (first, course) => {
      const f = await dispatchFixture(new Date(START).toISOString());
      const { task } = f.parts.templates;
      const begin = (): ReturnType<NonNullable<typeof task>["begin"]> => async (run) => {
        if (refusing) throw new WindlassError("invalid", "not now");
        return (await task?.begin()(run)) as Awaited<ReturnType<ReturnType<NonNullable<typeof task>["begin"]>>>;
      };
      Object.assign(f.parts.templates, { task: { begin } });
      try {
        await put(f, first);
        const model = new Model(first);
        for (const [i, step] of course.entries()) {
          f.clock.jump(step.passedMs);
          await act(f, model, step);
          // Nothing comes so late that it is missed.
          if (i % 3 === 2) await act(f, model, { passedMs: 0, does: "tick", refuses: false, ahead: i % 2 === 0 });
          await holds(f, model);
        }
      } finally {
        await f.close();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

test("a job that was made ahead and cancelled by hand is not made again by a change, nor after a pause that covers its time", async () => {
  for (const change of ["change", "pause"] as const) {
    const f = await dispatchFixture(new Date(START).toISOString());
    try {
      const model = new Model({ everySeconds: 20, excludes: false });
      await put(f, model.rules);
      f.clock.jump(5_000);
      await act(f, model, { passedMs: 0, does: "tick", refuses: false, ahead: true });
      await act(f, model, { passedMs: 0, does: "cancel", nth: 1 });
      expect([...model.cancelled]).toEqual([START + 40_000]);
      await act(f, model, change === "change" ? { passedMs: 0, does: change, rules: model.rules } : { passedMs: 0, does: change });
      f.clock.jump(50_000);
      await act(f, model, { passedMs: 0, does: "resume" });
      await act(f, model, { passedMs: 0, does: "tick", refuses: false, ahead: false });
      await holds(f, model);
    } finally {
      await f.close();
    }
  }
});

test("nor is it by decisions about the times before it", async () => {
  const f = await dispatchFixture(new Date(START).toISOString());
  try {
    const model = new Model({ everySeconds: 20, excludes: false });
    const tick = { passedMs: 0, does: "tick", refuses: false, ahead: false } as const;
    await put(f, model.rules);
    f.clock.jump(5_000);
    await act(f, model, { ...tick, ahead: true });
    for (const does of ["cancel", "pause", "resume"] as const) await act(f, model, { passedMs: 0, does, nth: 1 });
    for (let i = 0; i < 3; i++) {
      f.clock.jump(20_000);
      await act(f, model, tick);
      await holds(f, model);
    }
    expect([...model.cancelled]).toEqual([START + 40_000]);
  } finally {
    await f.close();
  }
});

test("what a clock that was a day ahead has run is not run again when that time comes", async () => {
  const f = await dispatchFixture(new Date(START).toISOString());
  try {
    await f.put("0 9 * * *");
    await f.tick("2026-03-03T09:00:01Z");
    const [ran] = await f.jobs();
    await f.end(ran?.id ?? "");
    // The clock is set right, and somebody changes the schedule: it fires again, but not that time.
    f.set("2026-03-02T09:00:10Z");
    await f.put("0 9 * * *", { labels: { new: "yes" } });
    await f.put("0 9,10 * * *");
    for (const time of ["2026-03-02T10:00:00Z", "2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z"]) await f.tick(time);
    expect((await f.jobs()).map((job) => new Date(nominalOf(job)).toISOString().slice(8, 16))).toEqual([
      "02T10:00",
      "03T09:00",
      "03T10:00",
    ]);
    expect((await f.rows()).map(({ decision }) => decision)).toEqual(["fired", "fired", "fired"]);
  } finally {
    await f.close();
  }
});
