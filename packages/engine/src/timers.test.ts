import { applyChanges, WorkingSet, type LiveJob } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { engineFixture } from "./engine-fixture.ts";
import { dueChange } from "./timers.ts";

function live(given: Partial<LiveJob>): LiveJob {
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [] }, T0);
  const job = jobRecord({ id: "job_1", ...(given.timeoutMs === undefined ? {} : { timeoutMs: given.timeoutMs }) });
  applyChanges(set, [{ type: "submit", job }], T0);
  return { ...(set.get("job_1") as LiveJob), ...given };
}

describe("what a time that came means", () => {
  test.each<[string, Partial<LiveJob>, object | null]>([
    ["a delay that is over makes the job ready", { state: "scheduled", dueAt: T0 }, { type: "due", id: "job_1" }],
    ["a delay that is not over means nothing", { state: "scheduled", dueAt: T0 + 1 }, null],
    ["a start deadline expires what was never started", { state: "queued", startDeadline: T0 }, { type: "expire" }],
    ["a start deadline comes before a delay", { state: "scheduled", dueAt: T0, startDeadline: T0 }, { type: "expire" }],
    ["a start deadline means nothing once an attempt began", { state: "queued", startDeadline: T0, attempt: 1 }, null],
    [
      "a handler that takes too long is stopped",
      { state: "running", deadlineAt: T0, attempt: 2, timeoutMs: 1_500 },
      { type: "stop", stopFor: "failed_timeout", reason: "handler_timeout", attempt: 2, message: expect.stringContaining("1.5 s") },
    ],
    ["what runs outside is stopped, too", { state: "running", executor: "process", deadlineAt: T0 }, { reason: "step_timeout" }],
    [
      "an execution that takes too long is stopped, also while it waits",
      { state: "waiting", executor: "none", deadlineAt: T0 },
      { reason: "execution_timeout" },
    ],
    ["a wait that is over is due", { state: "waiting", dueAt: T0 }, { type: "due" }],
    ["what stops already has no time limit", { state: "stopping", deadlineAt: T0 }, null],
    ["without a time, nothing", { state: "running" }, null],
  ])("%s", (_name, given, change) => {
    const found = dueChange(live(given), T0);
    if (change === null) expect(found).toBeNull();
    else expect(found).toMatchObject(change);
  });
});

test("delays, back-offs and start deadlines are kept to the moment", async () => {
  const { engine, submit, clock, reach, close } = await engineFixture();
  await engine.start();
  const begin = clock.now();
  const [delayed, expired] = [await submit({ notBefore: begin + 7_300 }), await submit({ startDeadline: begin + 4_100 })];
  await reach(expired, "expired");
  expect(clock.now() - begin).toBe(4_100);
  await reach(delayed, "queued");
  expect(clock.now() - begin).toBe(7_300);
  await close();
});
