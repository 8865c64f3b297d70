import { advanceOf, childRecord, compositeRecord, failed, jobRecord, settleOf, succeeded, T0 } from "@windlass/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyChanges, childKeyOf, idempotencyKeyOf, workspacesNeeded } from "./apply.ts";
import type { Change, ChangeResult } from "./change.ts";
import { definitionsNeeded } from "./disabled-definition.ts";
import { CLOSING_KEY, DEPTH_MAX, type JobRecord, type LiveJob } from "./job.ts";
import { claimed } from "./transition.ts";
import { WorkingSet, type Writes } from "./working-set.ts";

/** What a store holds between two commits; keeps the numbers that must have no gaps. */
class Rows {
  readonly live = new Map<string, LiveJob>();
  readonly records = new Map<string, JobRecord>();
  readonly ended = new Set<string>();
  readonly children = new Map<string, string>();
  readonly idempotent = new Map<string, { id: string; requestHash: string | null }>();
  readonly facts = new Map<string, number[]>();
  readonly events = new Map<string, number[]>();
  now = T0;

  set(): WorkingSet {
    return new WorkingSet({ live: this.live.values(), ended: this.ended, children: this.children, idempotent: this.idempotent }, this.now);
  }

  commit(...changes: Change[]): ChangeResult[] {
    const set = this.set();
    const results = changes.map((change) => {
      const before = structuredClone(set.writes);
      const [result] = applyChanges(set, [change], this.now);
      if (result === undefined) throw new Error("a change had no answer");
      if (!result.ok) checkUntouched(set.writes, before);
      return result;
    });
    this.#write(set.writes);
    return results;
  }

  start(id: string): LiveJob {
    const set = this.set();
    const live = this.of(id);
    set.take(live, claimed(live, { session: "ses_1", place: null }, this.now));
    this.#write(set.writes);
    return this.of(id);
  }

  of(id: string): LiveJob {
    const live = this.live.get(id);
    if (live === undefined) throw new Error(`${id} does not live`);
    return live;
  }

  #write(writes: Writes): void {
    for (const record of writes.inserted) {
      this.records.set(record.id, record);
      if (record.parentId !== null) this.children.set(childKeyOf(record.parentId, record.childKey ?? record.id), record.id);
    }
    for (const [id, live] of writes.live) this.live.set(id, live);
    for (const id of writes.ended.keys()) {
      this.live.delete(id);
      this.ended.add(id);
    }
    for (const { workspace, key, jobId, requestHash } of writes.idempotency)
      this.idempotent.set(idempotencyKeyOf(workspace, key), { id: jobId, requestHash });
    for (const { jobId, number } of writes.facts) this.facts.set(jobId, [...(this.facts.get(jobId) ?? []), number]);
    for (const { jobId, seq } of writes.events) this.events.set(jobId, [...(this.events.get(jobId) ?? []), seq]);
  }
}

function checkUntouched(writes: Writes, before: Writes): void {
  expect(writes, "a refused change left a trace").toEqual(before);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** What must be true between any two commits. */
function checkRows(rows: Rows): void {
  for (const [id, live] of rows.live) {
    const open = [...rows.live.values()].filter((other) => other.parentId === id).length;
    expect(live.openChildren, `open children of ${id}`).toBe(open);
    expect(rows.facts.get(id) ?? []).toEqual(upTo(live.wakes));
    expect(rows.events.get(id)).toEqual(upTo(live.eventSeq));
    expect(live.decided).toBeLessThanOrEqual(live.wakes);
    const orphaned = live.parentId !== null && !rows.live.has(live.parentId);
    if (orphaned)
      expect(rows.records.get(live.parentId ?? "")?.executor, "a child outlives the parent that decides about it").not.toBe("none");
  }
  for (const seqs of rows.events.values()) expect(seqs).toEqual(upTo(seqs.length));
}

const choices = fc.record({
  what: fc.constantFrom(
    "root",
    "child",
    "child",
    "claim",
    "claim",
    "settle",
    "settle",
    "decide",
    "decide",
    "finish",
    "finish",
    "stop",
    "expire",
  ),
  job: fc.nat(),
  other: fc.nat(),
  key: fc.constantFrom("a", "b", "c"),
  hash: fc.constantFrom("1", "2"),
  composite: fc.boolean(),
  stale: fc.constantFrom(0, 0, 0, 1),
});
type Choice = typeof choices extends fc.Arbitrary<infer T> ? T : never;

function changeFor(rows: Rows, choice: Choice): Change | null {
  const jobs = [...rows.live.values()];
  const live = jobs[choice.job % Math.max(1, jobs.length)];
  const made = choice.composite ? compositeRecord : jobRecord;
  if (choice.what === "root" || live === undefined)
    return { type: "submit", job: made({ idempotencyKey: choice.key, requestHash: choice.hash, startDeadline: T0 + 1 }) };
  const child = childRecord(live, choice.key, { executor: choice.composite ? "none" : "handler" });
  switch (choice.what) {
    case "child":
      return { type: "submit", job: child };
    case "settle":
      return settleOf({ ...live, token: live.token + choice.stale }, choice.composite ? succeeded : failed);
    case "decide": {
      const other = jobs.find((one) => one.parentId === live.id);
      const stops = other === undefined ? [] : [{ id: other.id, reason: "parent_ended" as const, message: null }];
      return {
        ...advanceOf(live, { children: [child], stops, waitUntil: choice.composite ? T0 + 5 : null }),
        decided: live.decided - choice.stale,
      };
    }
    case "finish":
      return advanceOf(live, {
        finish: live.state === "stopping" ? { outcome: "cancelled", reason: "cancel_requested", message: null } : succeeded,
        seen: live.wakes - choice.stale,
      });
    case "expire":
      return { type: "expire", id: live.id };
    default:
      return { type: "stop", id: live.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "ada", graceMs: 1 };
  }
}

describe("whatever is changed in trees of jobs", () => {
  test("open children are counted, facts and events have no gaps, no child outlives its parent, and what is refused leaves no trace", () => {
    fc.assert(
      fc.property(fc.array(choices, { maxLength: 60 }), (path) => {
        const rows = new Rows();
        for (const choice of path) {
          rows.now += 1;
          const ready = [...rows.live.values()].filter((live) => live.state === "queued");
          const next = ready[choice.job % Math.max(1, ready.length)];
          if (choice.what === "claim" && next !== undefined) rows.start(next.id);
          const change = choice.what === "claim" ? null : changeFor(rows, choice);
          if (change !== null) rows.commit(change);
          checkRows(rows);
        }
      }),
      { numRuns: 400 },
    );
  });
});

function startedComposite(rows: Rows): LiveJob {
  const record = compositeRecord();
  rows.commit({ type: "submit", job: record });
  return rows.start(record.id);
}

describe("children", () => {
  test("are made only under a parent that is alive and not stopping", () => {
    const rows = new Rows();
    const parent = startedComposite(rows);
    rows.commit(
      { type: "submit", job: childRecord(parent, "a") },
      { type: "stop", id: parent.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "ada", graceMs: 1 },
    );
    expect(
      rows.commit(
        { type: "submit", job: childRecord(parent, "b") },
        advanceOf(rows.of(parent.id), { children: [childRecord(parent, "c")] }),
      ),
    ).toMatchObject([
      { ok: false, refusal: { code: "parent_closed" } },
      { ok: false, refusal: { code: "parent_closed" } },
    ]);
    expect(rows.commit({ type: "submit", job: childRecord({ id: "job_none", rootId: "job_none", path: "" }, "a") })).toMatchObject([
      { refusal: { code: "not_found" } },
    ]);
  });

  test("are made once for each key, whoever asks again", () => {
    const rows = new Rows();
    const parent = startedComposite(rows);
    const [child, twin] = [childRecord(parent, "a"), childRecord(parent, "a")];
    expect(rows.commit({ type: "submit", job: child }, { type: "submit", job: twin })).toMatchObject([
      { ok: true, created: true },
      { ok: true, id: child.id, created: false },
    ]);
    rows.commit(advanceOf(rows.of(parent.id), { children: [twin, childRecord(parent, "b")] }));
    expect(rows.of(parent.id)).toMatchObject({ openChildren: 2, childrenMade: 2 });
  });

  test("tell their parent how they ended, with what they made", () => {
    const rows = new Rows();
    const parent = startedComposite(rows);
    const child = childRecord(parent, "a");
    rows.commit({ type: "submit", job: child });
    const set = rows.set();
    set.take(rows.of(child.id), claimed(rows.of(child.id), { session: "ses_1", place: null }, T0));
    applyChanges(set, [settleOf(set.get(child.id) as LiveJob, { ...succeeded, output: { rows: 3 } })], T0);
    expect(set.writes.facts).toMatchObject([
      { jobId: parent.id, number: 2, fact: { type: "child", key: "a", outcome: "succeeded", output: { rows: 3 } } },
    ]);
    expect(set.get(parent.id)).toMatchObject({ openChildren: 0, wakes: 2 });
    expect(set.signals).toMatchObject({ woken: true });
  });

  test("of a job that an executor carries out do not hold up its end, and are told apart as left behind", () => {
    const rows = new Rows();
    const record = jobRecord();
    rows.commit({ type: "submit", job: record });
    const live = rows.start(record.id);
    const child = childRecord(live, "a");
    expect(rows.commit({ type: "submit", job: child }, settleOf(live))).toMatchObject([{ ok: true }, { ok: true }]);
    expect(rows.of(child.id)).toMatchObject({ state: "queued", parentId: record.id });
    expect(
      rows.commit({ type: "stop", id: child.id, stopFor: "cancelled", reason: "parent_ended", message: null, by: "windlass", graceMs: 0 }),
    ).toMatchObject([{ ok: true }]);
    expect(rows.live.size).toBe(0);
  });

  test("that have all ended do not let a stop go past what their parent has not decided yet, such as what cleans up", () => {
    const rows = new Rows();
    const stopOf = (id: string): Change => ({
      ...{ type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "ada", graceMs: 1 },
    });
    const [begun, waits, queued] = [startedComposite(rows), startedComposite(rows), compositeRecord()];
    rows.commit({ type: "submit", job: queued }, { type: "signal", id: queued.id, name: "go", data: null, by: "ada" });
    rows.commit(advanceOf(rows.of(waits.id), { waitUntil: T0 + 5 }));
    rows.commit(stopOf(begun.id), stopOf(waits.id), stopOf(queued.id));
    expect(rows.of(begun.id)).toMatchObject({ state: "stopping", openChildren: 0 });
    expect([...rows.live.keys()]).toEqual([begun.id]);
    expect(rows.commit(advanceOf(rows.of(begun.id), { children: [childRecord(begun, CLOSING_KEY)] }))).toMatchObject([{ ok: true }]);
  });

  test("may not lie deeper than a tree may be", () => {
    const rows = new Rows();
    const parent = startedComposite(rows);
    const deep = childRecord({ ...parent, path: Array.from({ length: DEPTH_MAX }, (_, i) => `job_${i}`).join("/") }, "a", {
      parentId: parent.id,
    });
    expect(rows.commit({ type: "submit", job: deep })).toMatchObject([{ ok: false, refusal: { code: "too_many_jobs" } }]);
  });

  test("of a job whose start deadline passes end before it does", () => {
    const rows = new Rows();
    const record = compositeRecord({ startDeadline: T0 });
    rows.commit({ type: "submit", job: record }, { type: "submit", job: childRecord(record, "a") }, { type: "expire", id: record.id });
    expect(rows.of(record.id)).toMatchObject({ state: "stopping", openChildren: 1, stop: { reason: "start_deadline" } });
  });
});

describe("decisions", () => {
  test("count only if no other came first", () => {
    const rows = new Rows();
    const live = startedComposite(rows);
    const results = rows.commit(advanceOf(live, { cursor: { a: 1 } }), advanceOf(live, { cursor: { a: 2 } }));
    expect(results).toMatchObject([{ ok: true }, { ok: false, refusal: { code: "token_stale" } }]);
  });

  test("end a job only when they have seen every fact, and no child is open", () => {
    const rows = new Rows();
    const live = startedComposite(rows);
    expect(rows.commit(advanceOf(live, { finish: succeeded, seen: live.wakes - 1 }))).toMatchObject([{ refusal: { code: "token_stale" } }]);
    rows.commit(advanceOf(live, { children: [childRecord(live, "a")] }));
    expect(rows.commit(advanceOf(rows.of(live.id), { finish: succeeded }))).toMatchObject([{ refusal: { code: "conflict" } }]);
  });

  test("that have not seen the newest fact are stored, and the job stays woken", () => {
    const rows = new Rows();
    const live = startedComposite(rows);
    const stale = { ...advanceOf(live), seen: 0 };
    expect(rows.commit(stale)).toMatchObject([{ ok: true }]);
    expect(rows.of(live.id)).toMatchObject({ decided: 0, wakes: 1 });
  });

  test("are refused for a job that an executor carries out, and for one that has not begun", () => {
    const rows = new Rows();
    const [task, composite] = [jobRecord(), compositeRecord()];
    rows.commit({ type: "submit", job: task }, { type: "submit", job: composite });
    rows.start(task.id);
    expect(rows.commit(advanceOf(rows.of(task.id)), advanceOf(rows.of(composite.id)))).toMatchObject([
      { refusal: { code: "conflict" } },
      { refusal: { code: "conflict" } },
    ]);
  });
});

describe("idempotency keys", () => {
  test("give the first job again for the same request, and refuse another one", () => {
    const rows = new Rows();
    const given = { idempotencyKey: "order-1", requestHash: "h" };
    const first = jobRecord(given);
    expect(
      rows.commit(
        { type: "submit", job: first },
        { type: "submit", job: jobRecord(given) },
        { type: "submit", job: jobRecord({ ...given, requestHash: "other" }) },
      ),
    ).toMatchObject([
      { ok: true, created: true },
      { ok: true, id: first.id, created: false },
      { ok: false, refusal: { code: "idempotency_mismatch", why: expect.stringContaining(first.id) as string } },
    ]);
    expect(rows.commit({ type: "submit", job: jobRecord({ ...given, workspace: "other" }) })).toMatchObject([{ ok: true, created: true }]);
  });
});

test("no root is made in a workspace that a store did not find; of others, and of default, nothing is asked", () => {
  const made = (workspace: string) => ({ type: "submit", job: jobRecord({ workspace }) }) as const;
  const changes = [made("gone"), made("there"), made("default"), made("gone")];
  expect(workspacesNeeded(changes)).toEqual(["gone", "there"]);
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [], absentWorkspaces: ["gone"] }, T0);
  const refusal = { code: "not_found", why: 'there is no workspace "gone"' };
  expect(applyChanges(set, changes, T0)).toMatchObject([{ ok: false, refusal }, { ok: true }, { ok: true }, { ok: false, refusal }]);
  expect(set.writes.inserted).toHaveLength(2);
});

test("no job is made of what is disabled, but one that was made under its key before is the answer", () => {
  const key = { workspace: "default", type: "task", name: "report" };
  const mark = { ...key, disabledBy: "ann", disabledAt: T0, reason: "too loud" };
  const before = jobRecord({ kind: "task", name: "report", idempotencyKey: "k", requestHash: "h" });
  const submit = (given: Partial<JobRecord>, ...definitions: readonly string[]) =>
    ({ type: "submit", job: jobRecord({ kind: "task", name: "report", ...given }), definitions }) as const;
  const changes = [
    submit({ idempotencyKey: "k", requestHash: "h" }, "report"),
    submit({ idempotencyKey: "k", requestHash: "other" }, "report"),
    submit({ idempotencyKey: "new", requestHash: "h" }, "report"),
    submit({ name: "day" }, "day", "report"),
    submit({ name: "day" }, "day"),
    submit({ workspace: "acme" }, "report"),
  ];
  expect(definitionsNeeded(changes)).toEqual([key, { ...key, name: "day" }, { ...key, workspace: "acme" }]);
  const idempotent = [[idempotencyKeyOf("default", "k"), { id: before.id, requestHash: "h" }]] as const;
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent, disabled: [mark] }, T0);
  const said = "was disabled by ann at 2026-01-01T00:00:00.000Z: too loud. Nothing new of it";
  expect(applyChanges(set, changes, T0)).toMatchObject([
    { ok: true, id: before.id, created: false },
    { ok: false, refusal: { code: "idempotency_mismatch" } },
    {
      ok: false,
      refusal: { code: "workflow_disabled", why: expect.stringContaining(`the workflow report ${said}`), details: { workflow: "report" } },
    },
    { ok: false, refusal: { code: "workflow_disabled", why: expect.stringContaining(`the workflow report, which day runs, ${said}`) } },
    { ok: true, created: true },
    { ok: true, created: true },
  ]);
  expect(set.writes.inserted.map(({ name, workspace }) => [name, workspace])).toEqual([
    ["day", "default"],
    ["report", "acme"],
  ]);
});

test("a child of what is disabled leaves no trace with its parent, unless it is there already", () => {
  const parent = compositeRecord();
  const child = childRecord(parent, "a", { kind: "workflow", name: "report" });
  const mark = { workspace: "default", type: "workflow", name: "report", disabledBy: "ann", disabledAt: T0, reason: null };
  const rows = new Rows();
  rows.commit({ type: "submit", job: parent });
  const live = [{ ...rows.of(parent.id), state: "running" } as LiveJob];
  const made = { live, ended: [], idempotent: [], disabled: [mark] };
  const submit = { type: "submit", job: child, definitions: ["report"] } as const;
  const refused = new WorkingSet({ ...made, children: [] }, T0);
  expect(applyChanges(refused, [submit], T0)).toMatchObject([{ ok: false, refusal: { code: "workflow_disabled" } }]);
  expect(refused.writes.live.size).toBe(0);
  const there = new WorkingSet({ ...made, children: [[childKeyOf(parent.id, "a"), "job_there"]] }, T0);
  expect(applyChanges(there, [submit], T0)).toEqual([{ ok: true, id: "job_there", created: false }]);
});

test("a job that has ended is never touched again, and one that never was is not found", () => {
  const rows = new Rows();
  const record = jobRecord();
  rows.commit(
    { type: "submit", job: record },
    { type: "stop", id: record.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "ada", graceMs: 1 },
  );
  expect(rows.commit({ type: "due", id: record.id }, { type: "due", id: "job_none" })).toMatchObject([
    { refusal: { code: "job_finished" } },
    { refusal: { code: "not_found" } },
  ]);
});
