/** Contract: schedules, their cursors, and the ledger of their occurrences. */
import { expect, test } from "vitest";
import type { CursorState, Dispatch, JobRecord, Occurrence, Schedule } from "@windlass/kernel";
import type { DueSchedule, OccurrenceFilter } from "@windlass/ports";
import { jobRecord, occurrenceRow, scheduleOf, settleOf, T0 } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

const MINUTE = 60_000;
const at = (minute: number): number => T0 + minute * MINUTE;
const schedule = scheduleOf();

function dispatchOf(given: Partial<Omit<Dispatch, "cursor">> & { readonly cursor?: Partial<CursorState> } = {}): Dispatch {
  const { cursor, ...rest } = given;
  return {
    scheduleId: "sch_1",
    revision: 0,
    wakes: 0,
    cursor: { at: T0, nextAt: at(1), running: [], waiting: [], failing: null, ...cursor },
    added: [],
    settled: [],
    changes: [],
    ...rest,
  };
}

/** The job of an occurrence, and the two things that a decision says of it. */
function fired(minute: number): { readonly job: JobRecord; readonly row: Occurrence; readonly run: CursorState["running"][number] } {
  const job = jobRecord({ cause: { type: "schedule", id: "sch_1", nominalAt: at(minute) } });
  const row = occurrenceRow({ nominalAt: at(minute), jobId: job.id });
  return { job, row, run: { jobId: job.id, nominalAt: at(minute) } };
}

const stopOf = ({ id }: JobRecord) =>
  ({ type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "t", graceMs: 1 }) as const;

export function describeSchedules(subject: Subject): void {
  const made = async (more: Partial<Schedule> = {}): Promise<Schedule> => {
    const given = { ...schedule, ...more };
    const stored = await subject.store.schedules.put(given, { expected: 0, dispatch: dispatchOf({ scheduleId: given.id }), now: T0 });
    return stored as Schedule;
  };
  const view = async (name = "nightly"): Promise<DueSchedule> => (await subject.store.schedules.get("default", name)) as DueSchedule;
  const history = (more: Partial<OccurrenceFilter> = {}): Promise<readonly Occurrence[]> =>
    subject.store.schedules.history({ scheduleId: "sch_1", limit: 99, ...more });
  const dispatch = async (one: Dispatch, now: number): Promise<boolean | undefined> =>
    (await subject.store.schedules.dispatch([one], now)).counted[0];

  test("what schedules have in common nobody changes for others", async () => {
    const input = { list: [3, 1, 2] };
    for (const name of ["a", "b"]) await made({ id: `sch_${name}`, name, input });
    const { schedules } = subject.store;
    for (const found of [await schedules.list({ workspace: null, limit: 9 }), await schedules.due(at(5), 9)]) {
      const [one, other] = found.map((each) => each.schedule.input as { readonly list: number[] });
      if (!Object.isFrozen(one?.list)) one?.list.sort();
      expect(other).toEqual(input);
    }
    expect((await view("a")).schedule.input).toEqual(input);
  });

  test("a schedule is made by one alone, and changed only as it is expected to be", async () => {
    const { schedules } = subject.store;
    const step = { expected: 0, dispatch: dispatchOf(), now: T0 } as const;
    const put = (id: string) => schedules.put({ ...schedule, id }, { ...step, dispatch: dispatchOf({ scheduleId: id }) });
    expect(new Set((await Promise.allSettled([put("sch_1"), put("sch_2")])).map(({ status }) => status)).size).toBe(2);
    const { schedule: stored, cursor } = await view();
    expect(cursor).toMatchObject({ at: T0, nextAt: at(1), wakes: 0, revision: 1, scheduleId: stored.id });
    const changed = { ...stored, labels: { a: "b" }, paused: true, pausedBy: "bob", createdBy: "bob", id: "sch_9" };
    const edit = { ...dispatchOf({ revision: 1, cursor: { at: at(2), nextAt: null } }), scheduleId: stored.id };
    await expect(schedules.put(changed, { expected: 2, dispatch: edit, now: at(2) })).rejects.toMatchObject({ code: "revision_mismatch" });
    expect(await schedules.put(changed, { expected: 1, dispatch: edit, now: at(2) })).toEqual({
      ...stored,
      labels: { a: "b" },
      paused: true,
      pausedBy: "bob",
      revision: 2,
    });
    expect((await view()).cursor).toMatchObject({ at: at(2), nextAt: null, revision: 2 });
    expect(await schedules.put(changed, { expected: null, dispatch: edit, now: at(2) }), "decided on a cursor that has moved").toBeNull();
    await expect(schedules.put({ ...schedule, name: "other" }, { ...step, expected: "any" })).rejects.toMatchObject({
      code: "revision_mismatch",
    });
    await expect(schedules.put({ ...schedule, workspace: "nowhere" }, step)).rejects.toMatchObject({ code: "not_found" });
  });

  test("schedules are listed by name, of a workspace or of all, and by what they were written in", async () => {
    const { schedules, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    await made({ id: "sch_b", name: "b", source: "workflow/b" });
    await made({ id: "sch_a", name: "a" });
    await made({ id: "sch_c", name: "b", workspace: "acme" });
    const names = async (more: Partial<Parameters<typeof schedules.list>[0]> = {}): Promise<string[]> =>
      (await schedules.list({ workspace: null, limit: 9, ...more })).map((one) => one.schedule.id);
    expect(await names()).toEqual(["sch_c", "sch_a", "sch_b"]);
    expect(await names({ workspace: "default" })).toEqual(["sch_a", "sch_b"]);
    expect(await names({ limit: 1, after: { workspace: "default", name: "a" } })).toEqual(["sch_b"]);
    expect(await names({ source: "workflow/b" })).toEqual(["sch_b"]);
    expect(await workspaces.remove("acme", T0)).toBe("schedules");
    const removing = { expected: null, cursorRevision: 1, now: T0 } as const;
    await expect(schedules.remove("acme", "b", { ...removing, expected: 2 })).rejects.toMatchObject({ code: "revision_mismatch" });
    expect(await schedules.remove("acme", "b", { ...removing, expected: 1, cursorRevision: 9 }), "its cursor has moved").toBeNull();
    expect(await schedules.remove("acme", "b", { ...removing, expected: 1 })).toMatchObject({ id: "sch_c" });
    expect(await schedules.remove("acme", "b", removing)).toBeNull();
    expect(await workspaces.remove("acme", T0)).toBe("removed");
  });

  test("those that are due come in the order of their times", async () => {
    const { schedules } = subject.store;
    expect(await schedules.nextDue()).toBeNull();
    for (const [i, name] of ["a", "b", "c"].entries())
      await schedules.put(
        { ...schedule, id: `sch_${name}`, name },
        { expected: 0, dispatch: dispatchOf({ scheduleId: `sch_${name}`, cursor: { nextAt: name === "c" ? null : at(9 - i) } }), now: T0 },
      );
    expect(await schedules.nextDue()).toBe(at(8));
    expect((await schedules.due(at(9), 9)).map((one) => one.schedule.name)).toEqual(["b", "a"]);
    expect((await schedules.due(at(9), 1)).map((one) => one.schedule.name)).toEqual(["b"]);
    expect(await schedules.due(at(8) - 1, 9)).toEqual([]);
    const behind = async (nextAt: number, scheduleId: string): Promise<string[]> =>
      (await schedules.due(at(9), 9, { nextAt, scheduleId })).map((one) => one.schedule.name);
    expect([await behind(at(8), "sch_b"), await behind(at(8), "sch_a"), await behind(at(9), "sch_a")]).toEqual([["a"], ["b", "a"], []]);
  });

  test("a decision, its rows and its jobs are stored as one, and only if no other came first", async () => {
    const { schedules, reads } = subject.store;
    await made();
    const decisions = [fired(1), fired(1)].map(({ job, row, run }) =>
      dispatchOf({ revision: 1, cursor: { at: at(1), nextAt: at(2), running: [run] }, added: [row], changes: [{ type: "submit", job }] }),
    ) as [Dispatch, Dispatch];
    const results = await Promise.all(decisions.map((one) => schedules.dispatch([one], at(1))));
    expect(results.filter(({ counted }) => counted[0] === true)).toHaveLength(1);
    const [kept, lost] = results[0]?.counted[0] === true ? decisions : (decisions.toReversed() as [Dispatch, Dispatch]);
    expect(await history()).toEqual(kept.added);
    const jobIdOf = (one: Dispatch): string => one.added[0]?.jobId ?? "";
    expect([await reads.get(jobIdOf(kept)), await reads.get(jobIdOf(lost))]).toMatchObject([{ state: "queued" }, null]);
    const now = await view();
    expect(now.cursor).toMatchObject({ at: at(1), nextAt: at(2), revision: 2, wakes: 0 });
    expect(now.alive).toEqual([jobIdOf(kept)]);
    expect(results.map(({ signals }) => signals.ready.size)).toContain(1);
    expect((await schedules.dispatch([kept], at(1))).counted, "told again").toEqual([false]);
  });

  test("many decisions are stored together, each on its own merits", async () => {
    const { schedules } = subject.store;
    await made();
    await made({ id: "sch_2", name: "other" });
    const other = dispatchOf({ scheduleId: "sch_2", revision: 1, cursor: { at: at(5), nextAt: at(6) } });
    const { counted } = await schedules.dispatch(
      [dispatchOf({ revision: 7 }), other, other, dispatchOf({ scheduleId: "sch_none", revision: 1 })],
      at(5),
    );
    expect(counted).toEqual([false, true, false, false]);
    expect([(await view()).cursor.revision, (await view("other")).cursor]).toMatchObject([1, { at: at(5), revision: 2 }]);
  });

  test("the end of a job that something waits for makes its schedule due, in the same transaction", async () => {
    const { schedules, jobs } = subject.store;
    await made();
    const first = fired(1);
    const waits = { nominalAt: at(2), dueAt: at(2), isLate: false };
    await dispatch(
      dispatchOf({
        revision: 1,
        cursor: { at: at(1), nextAt: at(9), running: [first.run] },
        changes: [{ type: "submit", job: first.job }],
      }),
      at(1),
    );
    const postponed = occurrenceRow({ nominalAt: at(2), decision: "postponed", reason: "predecessor_running", behind: first.job.id });
    await dispatch(
      dispatchOf({ revision: 2, cursor: { at: at(2), nextAt: at(9), running: [first.run], waiting: [waits] }, added: [postponed] }),
      at(2),
    );
    const {
      jobs: [claimed],
    } = await jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: at(2) });
    if (claimed === undefined) throw new Error("nothing was claimed");
    const { signals } = await jobs.commit([settleOf(claimed.live)], at(4));
    expect(signals.dispatchAt).toBe(at(4));
    expect(await schedules.nextDue()).toBe(at(4));
    const [due] = await schedules.due(at(4), 9);
    expect(due).toMatchObject({ cursor: { wakes: 1, revision: 3 }, alive: [] });
    const second = fired(2);
    const settled = {
      nominalAt: at(2),
      decision: "fired",
      reason: "predecessor_ended",
      message: null,
      jobId: second.job.id,
      intoAt: null,
      settledAt: at(4),
    } as const;
    const next = { at: at(2), nextAt: at(9), running: [second.run] };
    expect(
      await dispatch(
        dispatchOf({ revision: 3, wakes: 1, cursor: next, settled: [settled], changes: [{ type: "submit", job: second.job }] }),
        at(4),
      ),
    ).toBe(true);
    expect(await history()).toEqual([{ ...postponed, ...settled }]);
    expect((await view()).cursor).toMatchObject({ nextAt: at(9), running: [second.run], waiting: [] });
  });

  test("a decision that leaves something waiting and has not seen an end is followed by another look", async () => {
    const { jobs } = subject.store;
    await made();
    const first = fired(1);
    await dispatch(
      dispatchOf({
        revision: 1,
        cursor: { at: at(1), nextAt: at(9), running: [first.run] },
        changes: [{ type: "submit", job: first.job }],
      }),
      at(1),
    );
    await jobs.commit([stopOf(first.job)], at(2));
    // Decided when the job was still alive.
    const waiting = [{ nominalAt: at(2), dueAt: at(2), isLate: false }];
    await dispatch(dispatchOf({ revision: 2, wakes: 0, cursor: { at: at(2), nextAt: at(9), running: [first.run], waiting } }), at(3));
    expect((await view()).cursor).toMatchObject({ wakes: 1, nextAt: at(3) });
  });

  test("a job that makes room is stopped with the decision; one that ends by it counts as an end", async () => {
    const { reads } = subject.store;
    await made();
    const first = fired(1);
    await dispatch(
      dispatchOf({
        revision: 1,
        cursor: { at: at(1), nextAt: at(9), running: [first.run] },
        changes: [{ type: "submit", job: first.job }],
      }),
      at(1),
    );
    const stop = {
      type: "stop",
      id: first.job.id,
      stopFor: "replaced",
      reason: "replaced",
      message: null,
      by: "sch_1",
      graceMs: 1,
    } as const;
    const waiting = [{ nominalAt: at(2), dueAt: at(2), isLate: false }];
    await dispatch(
      dispatchOf({ revision: 2, cursor: { at: at(2), nextAt: at(9), running: [first.run], waiting }, changes: [stop] }),
      at(2),
    );
    expect(await reads.get(first.job.id)).toMatchObject({ state: "cancelled", final: { reason: "replaced" } });
    expect((await view()).cursor).toMatchObject({ wakes: 1, nextAt: at(2) });
  });

  test("a job that is refused is named by no row", async () => {
    const { jobs } = subject.store;
    await made();
    await jobs.commit([{ type: "submit", job: jobRecord({ idempotencyKey: "k", requestHash: "a" }) }], T0);
    const { job, row, run } = fired(1);
    const other = { ...job, idempotencyKey: "k", requestHash: "b" };
    await dispatch(
      dispatchOf({ revision: 1, cursor: { at: at(1), running: [run] }, added: [row], changes: [{ type: "submit", job: other }] }),
      at(1),
    );
    expect(await history()).toMatchObject([{ decision: "refused", reason: "job_refused", jobId: null }]);
    expect((await view()).alive).toEqual([]);
  });

  test("history is newest first, and filtered", async () => {
    await made();
    const rows = [
      occurrenceRow({ nominalAt: at(1), lastAt: at(3), count: 3, decision: "missed", reason: "outside_window" }),
      occurrenceRow({ nominalAt: at(4) }),
      occurrenceRow({ nominalAt: at(4), origin: "manual", run: "run_1", reason: "asked" }),
      occurrenceRow({ nominalAt: at(5), decision: "skipped", reason: "predecessor_running", behind: "job_1" }),
    ];
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(5) }, added: rows }), at(5));
    const times = async (more: Partial<OccurrenceFilter> = {}): Promise<string[]> =>
      (await history(more)).map((row) => `${(row.nominalAt - T0) / MINUTE}${row.run}`);
    expect(await history()).toEqual(rows.toReversed());
    expect(await times({ limit: 2 })).toEqual(["5", "4run_1"]);
    expect(await times({ after: { nominalAt: at(4), run: "run_1" } })).toEqual(["4", "1"]);
    expect(await times({ decisions: ["missed", "skipped"] })).toEqual(["5", "1"]);
    expect(await times({ decisions: [] })).toEqual([]);
    expect(await times({ origin: "manual" })).toEqual(["4run_1"]);
    expect(await times({ run: "" })).toEqual(["5", "4", "1"]);
    expect(await times({ since: at(4), until: at(5) })).toEqual(["4run_1", "4"]);
    expect(await times({ scheduleId: "sch_none" })).toEqual([]);
    expect([await times({ workspace: "default", limit: 1 }), await times({ workspace: "acme" })]).toEqual([["5"], []]);
  });

  test("a schedule that is removed leaves its history; what waited is skipped", async () => {
    const { schedules } = subject.store;
    await made();
    const row = occurrenceRow({ nominalAt: at(1), decision: "queued", reason: "predecessor_running" });
    const waiting = [{ nominalAt: at(1), dueAt: at(1), isLate: false }];
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(1), waiting }, added: [row] }), at(1));
    await schedules.remove("default", "nightly", { expected: null, cursorRevision: 2, now: at(2) });
    expect(await schedules.get("default", "nightly")).toBeNull();
    expect(await schedules.nextDue()).toBeNull();
    expect(await history()).toMatchObject([{ decision: "skipped", reason: "removed", settledAt: at(2) }]);
    await made({ id: "sch_2" });
    expect((await view()).schedule).toMatchObject({ id: "sch_2", revision: 1 });
  });

  test("what was decided of times to come is taken back, with its jobs, and decided again", async () => {
    const { reads } = subject.store;
    await made();
    const [first, second] = [fired(1), fired(2)];
    const manual = occurrenceRow({ nominalAt: at(3), origin: "manual", run: "run_1", reason: "asked" });
    const changes = [first, second].map(({ job }) => ({ type: "submit", job }) as const);
    const running = [first.run, { ...second.run, notBefore: at(2) }];
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(2), running }, added: [first.row, second.row, manual], changes }), at(1));
    expect((await view()).cursor.running).toEqual(running);
    await dispatch(
      dispatchOf({ revision: 2, cursor: { at: at(1), running: [first.run] }, takenBack: at(2), changes: [stopOf(second.job)] }),
      at(1),
    );
    expect(await history()).toEqual([manual, first.row]);
    expect(await reads.get(second.job.id)).toMatchObject({ state: "cancelled" });
    const late = dispatchOf({ revision: 3, wakes: 0, cursor: { at: at(1) }, takenBack: at(2) });
    expect(await dispatch(late, at(1)), "a job of it has ended since").toBe(false);
    const again = fired(2);
    await dispatch(
      dispatchOf({ revision: 3, wakes: 0, cursor: { at: at(2) }, added: [again.row], changes: [{ type: "submit", job: again.job }] }),
      at(2),
    );
    expect(await history()).toEqual([manual, again.row, first.row]);
  });

  test("why a schedule could not be decided about is kept with its cursor until it can", async () => {
    await made();
    const failing = { message: "the registry does not answer", since: at(1), times: 2 };
    await dispatch(dispatchOf({ revision: 1, cursor: { failing } }), at(1));
    expect((await view()).cursor.failing).toEqual(failing);
    expect((await subject.store.schedules.due(at(1), 9))[0]?.cursor.failing).toEqual(failing);
    await dispatch(dispatchOf({ revision: 2 }), at(2));
    expect((await view()).cursor.failing).toBeNull();
  });

  test("a decision that holds what no store keeps is refused as invalid, and nothing of it is stored", async () => {
    await made();
    const { job, row, run } = fired(1);
    const bad = { ...job, concurrency: { key: "k", limit: 1e300 } };
    const decided = dispatchOf({
      revision: 1,
      cursor: { at: at(1), running: [run] },
      added: [row],
      changes: [{ type: "submit", job: bad }],
    });
    await expect(subject.store.schedules.dispatch([decided], at(1))).rejects.toMatchObject({ code: "invalid" });
    expect(await history()).toEqual([]);
    expect((await view()).cursor.revision).toBe(1);
  });

  test("a decision about a time that has its row is refused as a conflict: trying again would not help, and nothing of it is stored", async () => {
    const { reads } = subject.store;
    await made();
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(1) }, added: [occurrenceRow({ nominalAt: at(1) })] }), at(1));
    const { job, row, run } = fired(1);
    const again = dispatchOf({ revision: 2, cursor: { at: at(1), running: [run] }, added: [row], changes: [{ type: "submit", job }] });
    await expect(subject.store.schedules.dispatch([again], at(1))).rejects.toMatchObject({ code: "conflict" });
    expect([(await history()).length, await reads.get(job.id), (await view()).cursor.revision]).toEqual([1, null, 2]);
  });

  test("the end of a job that nothing waits for wakes nobody, but who looks sees it", async () => {
    const { jobs, schedules } = subject.store;
    await made();
    const { job, run } = fired(1);
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(1), running: [run] }, changes: [{ type: "submit", job }] }), at(1));
    const alive = async () => [(await view()).alive, ...(await schedules.list({ workspace: null, limit: 9 })).map((one) => one.alive)];
    expect(await alive()).toEqual([[job.id], [job.id]]);
    const { signals } = await jobs.commit([stopOf(job)], at(2));
    expect(signals.dispatchAt).toBeNull();
    expect((await view()).cursor).toMatchObject({ wakes: 1, nextAt: at(1), running: [run] });
    expect(await alive()).toEqual([[], []]);
  });

  test("old rows are removed a few at a time, but none that waits", async () => {
    const { schedules } = subject.store;
    await made();
    await made({ id: "sch_2", name: "other" });
    const rows = [1, 2, 3].map((minute) => occurrenceRow({ nominalAt: at(minute) }));
    const waits = occurrenceRow({ nominalAt: at(1), scheduleId: "sch_2", decision: "queued", reason: "predecessor_running" });
    await dispatch(dispatchOf({ revision: 1, cursor: { at: at(3) }, added: rows }), at(3));
    await dispatch(dispatchOf({ scheduleId: "sch_2", revision: 1, cursor: { at: at(1) }, added: [waits] }), at(3));
    expect([await schedules.prune(at(3), 1), await schedules.prune(at(3), 9), await schedules.prune(at(3), 9)]).toEqual([1, 1, 0]);
    expect((await history()).map((row) => row.nominalAt)).toEqual([at(3)]);
    expect(await history({ scheduleId: "sch_2" })).toHaveLength(1);
  });
}
