import { expect, test } from "vitest";
import { applyChanges } from "./apply.ts";
import type { LiveJob } from "./job.ts";
import { stuckOf, type StuckFacts } from "./stuck.ts";
import { WorkingSet } from "./working-set.ts";
import { compositeRecord, jobRecord, T0 } from "@windlass/testkit";
import { claimed } from "./transition.ts";

const HOUR = 3_600_000;
const facts: StuckFacts = { isHeld: false, outside: "gone", now: T0 + 2 * HOUR, olderThanMs: HOUR, random: 0 };

/** A job that is carried out since T0. */
function running(given: Parameters<typeof jobRecord>[0], more: Partial<LiveJob> = {}): LiveJob {
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [] }, T0);
  const job = given?.executor === "none" ? compositeRecord(given) : jobRecord(given);
  applyChanges(set, [{ type: "submit", job }], T0);
  const live = set.get(job.id) as LiveJob;
  return { ...(claimed(live, { session: "ses_1", place: "host-1" }, T0).next as LiveJob), ...more };
}

/** What a job comes to by its end. */
function after(live: LiveJob, facts_: StuckFacts): string | undefined {
  const stuck = stuckOf(live, facts_);
  if (stuck === null) return undefined;
  const set = new WorkingSet({ live: [live], ended: [], children: [], idempotent: [] }, facts_.now);
  const [result] = applyChanges(set, [stuck.end], facts_.now);
  expect(result).toMatchObject({ ok: true });
  return set.writes.ended.get(live.id)?.final.reason ?? set.get(live.id)?.state;
}

test("what is gone from its place is ended as not seen, also while it is being stopped", () => {
  const job = running({ executor: "process" }, { holder: "external", phase: "running", externalRef: "1" });
  expect(after(job, facts)).toBe("vanished_unobserved");
  for (const outside of ["there", "unknown"] as const) expect(stuckOf(job, { ...facts, outside })).toBeNull();
  expect(stuckOf(job, { ...facts, now: T0 + HOUR - 1 })).toBeNull();
});

test("a launch is stuck when its launcher is gone, and nothing was made", () => {
  const job = running({ executor: "process" });
  expect(after(job, facts)).toBe("vanished_unobserved");
  expect(stuckOf(job, { ...facts, isHeld: true })).toBeNull();
});

test("a handler is stuck when its worker does not report, however long it may run", () => {
  const job = running({ retry: { limit: 0, on: [], backoff: { initial: 1, factor: 1, max: 1, jitter: 0 } } as never, timeoutMs: 60_000 });
  expect(after(job, facts)).toBe("worker_lost");
  expect(stuckOf(job, { ...facts, isHeld: true })).toBeNull();
});

test("an execution is stuck when its time limit has passed for so long", () => {
  const job = running({ executor: "none", timeoutMs: 60_000 }, { openChildren: 1 });
  expect(after(job, facts)).toBe("stopping");
  expect(stuckOf(job, { ...facts, now: T0 + HOUR })).toBeNull();
  expect(stuckOf(running({ executor: "none" }), facts)).toBeNull();
});

test("what waits, or has not begun, is not stuck", () => {
  const job = running({});
  for (const state of ["queued", "scheduled", "waiting"] as const) expect(stuckOf({ ...job, state }, facts)).toBeNull();
});
