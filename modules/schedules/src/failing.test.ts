/** One that fails holds no other up, says why, and can be paused and mended. */
import { afterEach, expect, test } from "vitest";
import { WindlassError } from "@windlass/kernel";
import { dispatchFixture, type DispatchFixture } from "./dispatch-fixture.ts";
import { dispatchOnce } from "./dispatch-once.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

async function at(start: string): Promise<DispatchFixture> {
  fixture = await dispatchFixture(start);
  return fixture;
}

const named = { workspace: "default", name: "s" };
const AWAY = { kind: "task", away: true } as const;

test("of a batch all are fired but the one that the store cannot keep, which says so and is tried again later", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  for (const name of ["a", "b", "c", "d", "e"])
    await f.put("* * * * *", { name, template: name === "c" ? { kind: "task", unstorable: true } : { kind: "task" } });
  const once = await f.tick("2026-03-02T09:00:00Z");
  const message = expect.stringContaining("a value that the store cannot keep");
  expect(once).toMatchObject({ evaluated: 5, triggered: 4, errors: [{ schedule: { name: "c" }, message }] });
  expect((await f.schedules.get({ ...named, name: "c" })).cursor.failing).toMatchObject({ times: 1, message });
  expect(await f.rows("c")).toEqual([]);
  expect(await f.tick("2026-03-02T09:00:09Z"), "not at once").toMatchObject({ evaluated: 0 });
  await f.put("* * * * *", { name: "c" });
  await f.tick("2026-03-02T09:00:09Z");
  expect(await f.told("c")).toEqual(["09:00:00 fired"]);
});

test("a store that is away is nobody's fault: all of them are as they were", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  for (const name of ["a", "b"]) await f.put("* * * * *", { name });
  f.set("2026-03-02T09:00:00Z");
  const { store } = f.context;
  let asked = 0;
  const dispatch = async (): Promise<never> => {
    asked++;
    throw new WindlassError("unavailable", "the store failed: no connection");
  };
  const context = { ...f.context, store: { ...store, schedules: { ...store.schedules, dispatch } } };
  await expect(dispatchOnce({ ...f.parts, context }, { aheadMs: 0 })).rejects.toThrow("no connection");
  expect(asked).toBe(1);
  expect((await f.schedules.get({ ...named, name: "a" })).cursor).toMatchObject({ failing: null, revision: 1 });
});

test("one that always fails is looked at at growing intervals, and says since when and why", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { template: AWAY });
  await f.tick("2026-03-02T09:00:00Z");
  const rests: number[] = [];
  for (let i = 0; i < 9; i++) {
    const { nextAt } = (await f.schedules.get(named)).cursor;
    rests.push(((nextAt ?? 0) - f.context.now()) / 1_000);
    await f.tick(new Date(nextAt ?? 0).toISOString());
  }
  expect(rests).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600]);
  expect((await f.schedules.get(named)).cursor.failing).toEqual({
    message: "the registry does not answer",
    since: Date.parse("2026-03-02T09:00:00Z"),
    times: 10,
  });
});

test("one that always fails can be paused: what it could not decide is skipped", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { template: AWAY });
  await f.tick("2026-03-02T09:00:00Z");
  f.set("2026-03-02T09:01:30Z");
  expect(await f.schedules.pause(named, "bob", null)).toMatchObject({ paused: true });
  expect(await f.told()).toEqual(["09:00:00 skipped ×2"]);
  expect((await f.schedules.get(named)).cursor, "why is still told").toMatchObject({ nextAt: null, failing: { times: 1 } });
});

test("one that always fails is mended by a change, which decides what was open", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { template: AWAY });
  await f.tick("2026-03-02T09:00:00Z");
  f.set("2026-03-02T09:00:30Z");
  await f.put("* * * * *");
  expect((await f.schedules.get(named)).cursor.failing).toBeNull();
  await f.tick("2026-03-02T09:00:30Z");
  await f.tick("2026-03-02T09:01:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 fired"]);
});

test("what could not be decided by a timing that is changed is refused, with why", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { template: AWAY });
  f.set("2026-03-02T09:01:30Z");
  await f.put("*/5 * * * *");
  await f.tick("2026-03-02T09:05:00Z");
  expect(await f.told()).toEqual(["09:00:00 refused ×2", "09:05:00 fired"]);
  expect((await f.rows())[0]).toMatchObject({ reason: "job_refused", message: "the registry does not answer" });
});

test("a timing that nobody can read any more is mended by another one", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { schedule, cursor } = await f.put("* * * * *").then(() => f.schedules.get(named));
  const { revision, wakes, scheduleId, ...state } = cursor;
  await f.store.schedules.put(
    { ...schedule, timing: { ...schedule.timing, timezone: "Mars/Olympus" } },
    { expected: null, dispatch: { scheduleId, revision, wakes, cursor: state, added: [], settled: [], changes: [] }, now: 0 },
  );
  expect(await f.tick("2026-03-02T09:00:00Z")).toMatchObject({ errors: [{ message: expect.stringContaining("Mars/Olympus") }] });
  await f.put("* * * * *");
  await f.tick("2026-03-02T09:01:00Z");
  expect(await f.told()).toEqual(["09:01:00 fired"]);
});

/** What it runs when nothing can be made of the times in which one of `words` stands. */
function withoutTimes(f: DispatchFixture, ...words: readonly string[]): DispatchFixture["parts"] {
  const task = f.parts.templates.task?.begin();
  if (task === undefined) throw new Error("the fixture makes tasks");
  const make: typeof task = async (run) => {
    if (words.some((word) => JSON.stringify(run.input).includes(word))) throw new WindlassError("invalid", "nothing is made now");
    return task(run);
  };
  return { ...f.parts, templates: { task: { begin: () => make } } };
}

const late = { catchUp: { policy: "all", limit: 10, windowMs: 3_600_000 }, input: { at: "{{ schedule.nominal_time }}" } } as const;

test.each([
  ["forbid", 1, ["refused", "caught_up", "skipped", "skipped"]],
  ["allow", 1, ["refused", "caught_up", "skipped", "skipped"]],
  ["queue", 2, ["refused", "caught_up", "queued", "queued"]],
  ["postpone", 1, ["refused", "caught_up", "coalesced", "postponed"]],
] as const)("a time of which no job can be made stands in the way of no later one of the same pass: %s", async (policy, limit, told) => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy, limit } });
  f.set("2026-03-02T09:03:00Z");
  await dispatchOnce(withoutTimes(f, "T09:00"), { aheadMs: 0 });
  const rows = await f.rows();
  expect(rows.map(({ decision }) => decision)).toEqual(told);
  const [job, ...more] = await f.jobs();
  expect([rows[0]?.message, rows[1]?.jobId, rows[2]?.behind, more]).toEqual(["nothing is made now", job?.id, null, []]);
  expect((await f.schedules.get(named)).cursor.running).toEqual([{ jobId: job?.id, nominalAt: Date.parse("2026-03-02T09:01:00Z") }]);
});

test("a time of which no job can be made takes no place in a queue, once that is known; nothing is asked of one that waits", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy: "queue", limit: 1 } });
  f.set("2026-03-02T09:03:00Z");
  await dispatchOnce(withoutTimes(f, "T09:00", "T09:02"), { aheadMs: 0 });
  expect((await f.rows()).map(({ decision }) => decision)).toEqual(["refused", "caught_up", "refused", "queued"]);
  const [job] = await f.jobs();
  await f.end(job?.id ?? "");
  f.set("2026-03-02T09:05:00Z");
  await dispatchOnce(withoutTimes(f, "T09:04"), { aheadMs: 0 });
  expect((await f.rows()).slice(3).map(({ decision, reason }) => [decision, reason])).toEqual([
    ["fired", "predecessor_ended"],
    ["queued", "predecessor_running"],
    ["skipped", "queue_full"],
  ]);
});

test("what waits in a queue leaves it when it is known that no job can be made of it", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy: "queue", limit: 3 } });
  for (const minute of [0, 1, 2, 3]) await f.tick(`2026-03-02T09:0${minute}:00Z`);
  const [first] = await f.jobs();
  await f.end(first?.id ?? "");
  f.set("2026-03-02T09:07:00Z");
  await dispatchOnce(withoutTimes(f, "T09:01", "T09:03"), { aheadMs: 0 });
  const decisions = (await f.rows()).map(({ decision }) => decision);
  expect(decisions).toEqual(["fired", "refused", "fired", "refused", "queued", "queued", "queued", "skipped"]);
});

test("each time of which no job can be made says so, and none that something ran", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy: "forbid", limit: 1 } });
  f.set("2026-03-02T09:03:00Z");
  await dispatchOnce(withoutTimes(f, "T09:0"), { aheadMs: 0 });
  expect(await f.told()).toEqual(["09:00:00 refused", "09:01:00 refused", "09:02:00 refused", "09:03:00 refused"]);
  expect(await f.jobs()).toEqual([]);
});

test("what waits and cannot be made any more makes room for what waits behind it", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy: "queue", limit: 3 } });
  await f.tick("2026-03-02T09:00:00Z");
  await f.tick("2026-03-02T09:02:00Z");
  const [first] = await f.jobs();
  await f.end(first?.id ?? "");
  f.set("2026-03-02T09:02:10Z");
  await dispatchOnce(withoutTimes(f, "T09:01"), { aheadMs: 0 });
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 refused", "09:02:00 fired"]);
});

test.each([
  ["replace", "caught_up"],
  ["postpone", "postponed"],
] as const)("the newest time takes the place of none where no job can be made of it: %s", async (policy, told) => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy, limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  f.set("2026-03-02T09:03:00Z");
  await dispatchOnce(withoutTimes(f, "T09:03"), { aheadMs: 0 });
  const rows = await f.rows();
  // What is replaced had not begun, so that it ends at once.
  expect(rows.map(({ decision }) => decision)).toEqual(["fired", "coalesced", told, "refused"]);
  expect([rows[1]?.intoAt, rows[3]?.message]).toEqual([rows[2]?.nominalAt, "nothing is made now"]);
});

test("one that waits is not left out for a newer one of which no job can be made", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { ...late, overlap: { policy: "postpone", limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  await f.tick("2026-03-02T09:01:00Z");
  f.set("2026-03-02T09:02:00Z");
  await dispatchOnce(withoutTimes(f, "T09:02"), { aheadMs: 0 });
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 postponed", "09:02:00 refused"]);
});

test.each([
  ["no job can be made of", new WindlassError("not_found", "there is no workflow"), "09:05:00 refused"],
  ["nobody can say now whether a job can be made of", new WindlassError("unavailable", "the registry does not answer"), null],
])("nothing is ended for a time that %s", async (_, fault, told) => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("*/5 * * * *", { overlap: { policy: "replace", limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  const [first] = await f.jobs();
  f.set("2026-03-02T09:05:00Z");
  const away: typeof f.parts.templates = { task: { begin: () => () => Promise.reject(fault) } };
  await dispatchOnce({ ...f.parts, templates: away }, { aheadMs: 0 });
  expect(await f.told()).toEqual(["09:00:00 fired", ...(told === null ? [] : [told])]);
  expect((await f.store.reads.get(first?.id ?? ""))?.state).toBe("queued");
  const { cursor } = await f.schedules.get(named);
  expect([cursor.waiting, cursor.running.length, cursor.failing?.times ?? 0]).toEqual([[], 1, told === null ? 1 : 0]);
});

test("of many that have one such time each, what is missing is made at once, and each job once", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  for (const name of ["a", "b", "c"]) await f.put("* * * * *", { ...late, name, overlap: { policy: "forbid", limit: 1 } });
  f.set("2026-03-02T09:03:00Z");
  const parts = withoutTimes(f, "T09:00");
  const { store } = f.context;
  let made = 0;
  let looks = 0;
  const task = parts.templates.task?.begin();
  const templates: typeof parts.templates = {
    task: {
      begin: () => (run) => {
        made++;
        return task?.(run) ?? Promise.reject(new Error("the fixture makes tasks"));
      },
    },
  };
  const definitions: typeof store.definitions = {
    ...store.definitions,
    disabled: (...call) => {
      looks++;
      return store.definitions.disabled(...call);
    },
  };
  const context = { ...f.context, store: { ...store, definitions } };
  await dispatchOnce({ ...parts, context, templates }, { aheadMs: 0 });
  for (const name of ["a", "b", "c"])
    expect((await f.rows(name)).map(({ decision }) => decision)).toEqual(["refused", "caught_up", "skipped", "skipped"]);
  expect([made, looks]).toEqual([12, 1]);
});
