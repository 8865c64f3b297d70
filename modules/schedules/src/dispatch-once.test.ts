/** The acceptance of ticks: early, late, doubled and lost ones, daylight saving, catch-up, overlap; one pass at a time. */
import { afterEach, expect, test } from "vitest";
import { dispatchOnce } from "./dispatch-once.ts";
import { previewFires } from "./preview.ts";
import { countedBy, dispatchFixture, nominalOf, timeOf, type DispatchFixture } from "./dispatch-fixture.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

async function at(start: string): Promise<DispatchFixture> {
  fixture = await dispatchFixture(start);
  return fixture;
}

const nominals = async ({ jobs }: DispatchFixture): Promise<string[]> =>
  (await jobs()).map((job) => new Date(nominalOf(job)).toISOString().slice(0, 19));

test("a time is fired once, whenever the ticks come", async () => {
  const f = await at("2026-03-02T08:30:00Z");
  await f.put("0 9 * * *");
  expect(await f.tick("2026-03-02T09:00:02Z")).toEqual({ evaluated: 1, triggered: 1, errors: [] });
  expect(await f.tick("2026-03-02T09:00:40Z")).toEqual({ evaluated: 0, triggered: 0, errors: [] });
  await f.tick("2026-03-03T09:00:00.000Z");
  await f.tick("2026-03-03T09:01:00.000Z");
  await f.tick("2026-03-04T08:59:58Z");
  await f.tick("2026-03-04T09:01:01Z");
  expect(await nominals(f)).toEqual(["2026-03-02T09:00:00", "2026-03-03T09:00:00", "2026-03-04T09:00:00"]);
  expect(await f.told()).toEqual(["09:00:00 fired", "09:00:00 fired", "09:00:00 caught_up"]);
});

test.each([
  ["0 9 * * *", "2026-01-15T00:00:00Z", ["2026-01-15T14:00:00"]],
  ["30 2 * * *", "2024-03-10T06:00:00Z", ["2024-03-10T07:30:00"]],
  ["30 1 * * *", "2024-11-03T04:00:00Z", ["2024-11-03T05:30:00"]],
  ["0 * * * *", "2024-11-03T03:30:00Z", ["04", "05", "06", "07", "08", "09", "10"].map((hour) => `2024-11-03T${hour}:00:00`)],
])(
  "in New York, %s from %s on",
  async (cron, start, expected) => {
    const f = await at(start);
    const { timing } = await f.put(cron);
    await f.put(cron, { timing: { ...timing, timezone: "America/New_York" } });
    const from = Date.parse(start);
    for (let minute = 1; minute <= 18 * 60; minute++) {
      await f.tick(new Date(from + minute * 60_000).toISOString());
      if ((await f.jobs()).length >= expected.length) break;
    }
    expect(await nominals(f)).toEqual(expected);
  },
  60_000,
);

test("what a preview shows is what then fires, also over a change of the clocks", async () => {
  const f = await at("2024-03-09T00:00:00Z");
  const { timing } = await f.put("30 2 * * *");
  const given = { ...timing, cron: ["30 2 * * *", "0 */6 * * *"], timezone: "America/New_York", exclude: ["2024-03-11"] };
  const stored = await f.put("30 2 * * *", { timing: given });
  const shown = previewFires(stored.timing, { after: f.context.now(), count: 12, viewerZone: "UTC" }).map((fire) => fire.at);
  for (const instant of shown) await f.tick(new Date(instant).toISOString());
  expect((await f.jobs()).map(nominalOf)).toEqual(shown);
});

test.each([
  ["none", 1, { fired: 1, missed: 29 }],
  ["latest", 1, { fired: 1, missed: 29 }],
  ["all", 10, { fired: 1, caught_up: 9, missed: 20 }],
] as const)("after half an hour without a dispatcher, catch-up %s makes %i jobs of each minute", async (policy, made, counts) => {
  const f = await at("2026-03-02T09:00:00Z");
  await f.put("* * * * *", { catchUp: { policy, windowMs: 3_600_000, limit: 10 } });
  expect(await f.tick("2026-03-02T09:30:10Z")).toMatchObject({ triggered: made });
  expect(countedBy(await f.rows())).toEqual(counts);
  expect(await f.jobs()).toHaveLength(made);
});

test.each([
  ["forbid", 1, ["fired", "skipped", "skipped", "fired", "skipped", "skipped"]],
  ["postpone", 1, ["fired", "coalesced", "fired", "coalesced", "coalesced", "postponed"]],
  ["queue", 2, ["fired", "fired", "queued", "queued", "skipped", "skipped"]],
  ["replace", 1, ["fired", "fired", "fired", "fired", "fired", "fired"]],
  ["allow", 2, ["fired", "fired", "skipped", "fired", "fired", "skipped"]],
] as const)("runs of three minutes each minute, under %s", async (policy, limit, expected) => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { overlap: { policy, limit } });
  const began = new Map<string, number>();
  let most = 0;
  for (let minute = 0; minute < 6; minute++) {
    const now = `2026-03-02T09:0${minute}:01Z`;
    f.set(now);
    for (const [id, since] of began) if (minute - since >= 3 && (await f.store.reads.get(id))?.final === null) await f.end(id);
    await f.tick(now);
    const alive = (await f.jobs()).filter(({ id }) => !began.has(id));
    for (const { id } of alive) began.set(id, minute);
    most = Math.max(most, (await f.store.jobs.live({}, 99)).length);
  }
  expect((await f.rows()).map(({ decision }) => decision)).toEqual(expected);
  expect(most).toBe(policy === "allow" ? 2 : 1);
});

test("one that waits starts when the one before has ended, with the time that it was to run", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { overlap: { policy: "postpone", limit: 1 } });
  await f.tick("2026-03-02T09:00:01Z");
  await f.tick("2026-03-02T09:01:01Z");
  const [first] = await f.jobs();
  f.set("2026-03-02T09:01:30Z");
  await f.end(first?.id ?? "");
  expect(await f.store.schedules.nextDue()).toBe(f.context.now());
  expect(await f.tick("2026-03-02T09:01:30Z")).toMatchObject({ triggered: 1 });
  expect((await f.jobs()).map((job) => timeOf(nominalOf(job)))).toEqual(["09:00:00", "09:01:00"]);
  expect((await f.rows())[1]).toMatchObject({
    decision: "fired",
    reason: "predecessor_ended",
    behind: first?.id,
    settledAt: f.context.now(),
  });
});

test("of one that cannot be made the others are made all the same, and it is told", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  for (const name of ["a", "b", "c"]) await f.put("* * * * *", { name });
  const { schedule } = await f.schedules.get({ workspace: "default", name: "b" });
  const { revision, wakes, ...state } = (await f.schedules.get({ workspace: "default", name: "b" })).cursor;
  const broken = { ...schedule, template: { kind: "task", broken: true } } as const;
  await f.store.schedules.put(broken, {
    expected: null,
    dispatch: { scheduleId: schedule.id, revision, wakes, cursor: state, added: [], settled: [], changes: [] },
    now: 0,
  });
  const once = await f.tick("2026-03-02T09:00:01Z");
  expect(once).toMatchObject({
    evaluated: 3,
    triggered: 2,
    errors: [{ schedule: { name: "b" }, message: expect.stringContaining("it is broken") }],
  });
  expect(await f.rows("b")).toMatchObject([
    { decision: "refused", reason: "job_refused", message: expect.stringContaining("it is broken") },
  ]);
  expect(await f.tick("2026-03-02T09:00:02Z"), "its cursor went on").toMatchObject({ evaluated: 0 });
});

test("what does not answer now moves no cursor, and is tried again", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *");
  await f.put("* * * * *", { name: "away", template: { kind: "task", away: true } });
  expect(await f.tick("2026-03-02T09:00:01Z")).toMatchObject({
    triggered: 1,
    errors: [{ schedule: { name: "away" }, message: "the registry does not answer" }],
  });
  expect(await f.rows("away")).toEqual([]);
  expect((await f.tick("2026-03-02T09:00:02Z")).evaluated, "not at once").toBe(0);
  const back = {
    ...f.parts,
    templates: { task: { begin: () => async () => ({ kind: "task", name: "n", spec: {}, executor: "handler" }) as const } },
  };
  f.set("2026-03-02T09:00:12Z");
  expect(await dispatchOnce(back, { aheadMs: 0 })).toMatchObject({ evaluated: 1, triggered: 1, errors: [] });
  expect(await f.told("away")).toEqual(["09:00:00 fired"]);
});

test("what falls due before the next pass is made with its exact time", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("*/20 * * * * *");
  expect(await f.tick("2026-03-02T09:00:00Z", 60_000)).toMatchObject({ evaluated: 1, triggered: 5 });
  expect((await f.jobs()).map(({ notBefore }) => (notBefore === null ? null : timeOf(notBefore)))).toEqual([
    null,
    null,
    "09:00:20",
    "09:00:40",
    "09:01:00",
  ]);
  expect(await f.tick("2026-03-02T09:00:30Z", 30_000)).toMatchObject({ triggered: 0 });
  expect(await f.tick("2026-03-02T09:01:00Z", 60_000)).toMatchObject({ triggered: 3 });
  expect((await f.jobs()).map((job) => timeOf(nominalOf(job)))).toHaveLength(8);
});

test("the input of a job has its nominal time, not that of the tick", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("0 9 * * *", { input: { day: "{{ schedule.nominal_date }}", text: "for {{ schedule.nominal_time }} of {{schedule.name}}" } });
  await f.tick("2026-03-02T09:00:17Z");
  expect((await f.jobs())[0]).toMatchObject({
    input: { day: "2026-03-02", text: "for 2026-03-02T09:00:00.000Z of s" },
    cause: { type: "schedule", nominalAt: Date.parse("2026-03-02T09:00:00Z") },
  });
  await expect(f.put("0 9 * * *", { input: { day: "{{ schedule.nominal_tme }}" } })).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringContaining("schedule.nominal_time"),
  });
});

test("thousands that are due at once are all made, each once", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  for (let i = 0; i < 1_200; i++) await f.put("0 9 * * *", { name: `s${i}` });
  const [one, other] = await Promise.all([f.tick("2026-03-02T09:00:00Z"), f.tick("2026-03-02T09:00:00Z")]);
  expect(one.triggered + other.triggered).toBe(1_200);
  expect(await f.store.jobs.live({}, 5_000)).toHaveLength(1_200);
}, 120_000);
