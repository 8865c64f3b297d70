import fc from "fast-check";
import { expect, test } from "vitest";
import type { Change, Dispatch, Occurrence } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import { packValues, unpackValues } from "./packed.ts";

function occurrence(scheduleId: string, nominalAt: number, jobId: string | null): Occurrence {
  return {
    ...{ scheduleId, workspace: "default", nominalAt, lastAt: nominalAt, count: 1, origin: "schedule", run: "", dueAt: nominalAt },
    ...{ decision: jobId === null ? "skipped" : "fired", reason: jobId === null ? "predecessor_running" : "due", message: null, jobId },
    ...{ behind: null, intoAt: null, decidedAt: T0, settledAt: null },
  };
}

/** Of a schedule that fires, and of which nothing else is to be said. */
function fired(i: number): Dispatch {
  const scheduleId = `sch_${i}`;
  const job = jobRecord({ id: `job_${i}`, cause: { type: "schedule", id: scheduleId, nominalAt: T0 } });
  return {
    ...{ scheduleId, revision: 1, wakes: 0, settled: [] },
    cursor: { at: T0, nextAt: T0 + 60_000, running: [{ jobId: job.id, nominalAt: T0 }], waiting: [], failing: null },
    added: [occurrence(scheduleId, T0, job.id)],
    changes: [{ type: "submit", job }],
  };
}

const stop: Change = { type: "stop", id: "job_x", stopFor: "replaced", reason: "replaced", message: "", by: "sch_0", graceMs: 1 };
const settlement = {
  nominalAt: T0,
  decision: "fired",
  reason: "predecessor_ended",
  message: null,
  jobId: "job_0",
  intoAt: null,
  settledAt: T0,
} as const;

/** Each says something else. */
const others: readonly ((usual: Dispatch) => Dispatch)[] = [
  (usual) => ({ ...usual, takenBack: T0 }),
  (usual) => ({ ...usual, settled: [settlement] }),
  (usual) => ({ ...usual, replacedBy: [{ workspace: "default", type: "workflow", name: "nightly" }] }),
  (usual) => ({ ...usual, changes: [stop, ...usual.changes] }),
  (usual) => ({ ...usual, changes: [], added: [occurrence(usual.scheduleId, T0, null)] }),
  (usual) => ({ ...usual, changes: [], added: [], cursor: { ...usual.cursor, nextAt: null, running: [] } }),
  (usual) => ({ ...usual, added: [...usual.added, occurrence(usual.scheduleId, T0 + 1, null)] }),
  (usual) => ({ ...usual, changes: usual.changes.map((change) => ({ ...change, definitions: ["nightly"] }) as Change) }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, running: [] } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, running: [{ jobId: "job_before", nominalAt: T0 }] } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, running: usual.cursor.running.map((run) => ({ ...run, nominalAt: T0 - 1 })) } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, running: usual.cursor.running.map((run) => ({ ...run, notBefore: T0 + 1 })) } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, running: [{ jobId: "job_before", nominalAt: 0 }, ...usual.cursor.running] } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, waiting: [{ nominalAt: T0, dueAt: T0, isLate: true }] } }),
  (usual) => ({ ...usual, cursor: { ...usual.cursor, failing: { message: "none", since: T0, times: 1 } } }),
];

const back = (dispatches: readonly Dispatch[]): unknown =>
  unpackValues("dispatchSchedules", packValues("dispatchSchedules", [dispatches, T0]));

test("decisions arrive as they were sent", () => {
  const which = fc.array(fc.option(fc.integer({ min: 0, max: others.length - 1 })), { maxLength: 20 });
  fc.assert(
    fc.property(which, (kinds) => {
      const dispatches = kinds.map((kind, i) => (kind === null ? fired(i) : (others[kind] as (usual: Dispatch) => Dispatch)(fired(i))));
      expect(back(dispatches)).toStrictEqual([dispatches, T0]);
    }),
    { examples: [[[]], [[null]], ...others.map((_, kind) => [[kind]] as [number[]]), [others.map((_, kind) => kind)]] },
  );
});

test("what many that fire have in common stands there once", () => {
  const text = packValues("dispatchSchedules", [Array.from({ length: 100 }, (_, i) => fired(i)), T0]) as string;
  expect(text.length).toBeLessThan(100 * 200);
});
