/** Schedules of what is disabled, and runs that somebody asks of them. */
import { afterEach, expect, test } from "vitest";
import { dispatchOnce } from "./dispatch-once.ts";
import { dispatchFixture, type DispatchFixture } from "./dispatch-fixture.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

async function at(start: string): Promise<DispatchFixture> {
  fixture = await dispatchFixture(start);
  return fixture;
}

const named = { workspace: "default", name: "s" };

test("what runs of it is not ended for a time that is skipped, and makes room again once it is enabled", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("*/5 * * * *", { overlap: { policy: "replace", limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  const [first] = await f.jobs();
  await f.disable();
  await f.tick("2026-03-02T09:05:00Z");
  expect((await f.store.reads.get(first?.id ?? ""))?.state).toBe("queued");
  const { cursor } = await f.schedules.get(named);
  expect(cursor).toMatchObject({ waiting: [], running: [{ jobId: first?.id }], nextAt: Date.parse("2026-03-02T09:10:00Z") });
  expect((await f.rows())[1]).toMatchObject({
    decision: "skipped",
    reason: "disabled",
    message: expect.stringContaining("windlass workflows enable greet"),
    behind: null,
  });
  await f.enable();
  await f.tick("2026-03-02T09:10:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "09:05:00 skipped", "09:10:00 fired"]);
  expect(await f.store.reads.get(first?.id ?? "")).toMatchObject({ state: "cancelled", final: { reason: "replaced" } });
});

const catchUp = { policy: "all", limit: 10, windowMs: 3_600_000 } as const;
const POLICIES = [
  { policy: "forbid", limit: 1 },
  { policy: "postpone", limit: 1 },
  { policy: "queue", limit: 2 },
  { policy: "replace", limit: 1 },
  { policy: "allow", limit: 2 },
] as const;

test.each(POLICIES)(
  "of several times in one pass each says that it was disabled, and none that it was for another: $policy",
  async (overlap) => {
    const f = await at("2026-03-02T08:59:30Z");
    await f.put("* * * * *", { overlap, catchUp });
    await f.disable();
    await f.tick("2026-03-02T09:04:00Z");
    const rows = await f.rows();
    expect(rows.map(({ nominalAt }) => new Date(nominalAt).getUTCMinutes())).toEqual([0, 1, 2, 3, 4]);
    for (const row of rows) expect(row).toMatchObject({ decision: "skipped", reason: "disabled", behind: null, intoAt: null, jobId: null });
    expect(rows.map(({ message }) => message)).toEqual(Array(5).fill(expect.stringContaining("windlass workflows enable greet")));
    expect((await f.schedules.get(named)).cursor).toMatchObject({ waiting: [], running: [], nextAt: Date.parse("2026-03-02T09:05:00Z") });
    await f.enable();
    await f.tick("2026-03-02T09:05:00Z");
    expect((await f.rows()).at(-1)).toMatchObject({ decision: "fired" });
  },
);

test("what waits when it is disabled is skipped as soon as there is room, with all that is due then", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { overlap: { policy: "queue", limit: 3 }, catchUp });
  await f.tick("2026-03-02T09:00:00Z");
  await f.tick("2026-03-02T09:02:00Z");
  await f.disable();
  const [first] = await f.jobs();
  // Behind what began before it waits its turn.
  await f.tick("2026-03-02T09:03:00Z");
  expect((await f.rows()).at(-1)).toMatchObject({ decision: "queued", behind: first?.id });
  await f.end(first?.id ?? "");
  await f.tick("2026-03-02T09:04:00Z");
  const rows = await f.rows();
  expect(rows.map(({ decision }) => decision)).toEqual(["fired", ...Array<string>(4).fill("skipped")]);
  for (const row of rows.slice(1)) expect(row).toMatchObject({ reason: "disabled", jobId: null });
  expect((await f.schedules.get(named)).cursor).toMatchObject({ waiting: [], running: [] });
});

test("times that were to take the place of what runs are skipped one by one, and it goes on", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { overlap: { policy: "replace", limit: 1 }, catchUp });
  await f.tick("2026-03-02T09:00:00Z");
  const [first] = await f.jobs();
  await f.disable();
  await f.tick("2026-03-02T09:03:00Z");
  expect((await f.rows()).map(({ decision, reason, intoAt }) => [decision, reason, intoAt])).toEqual([
    ["fired", "due", null],
    ...Array.from({ length: 3 }, () => ["skipped", "disabled", null]),
  ]);
  expect((await f.store.reads.get(first?.id ?? ""))?.state).toBe("queued");
});

test("what is disabled between the decision and its storing is skipped all the same, and makes no job", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("*/5 * * * *");
  const { schedules } = f.store;
  const store = {
    ...f.store,
    schedules: {
      ...schedules,
      dispatch: async (...call: Parameters<typeof schedules.dispatch>) => {
        await f.disable();
        return schedules.dispatch(...call);
      },
    },
  };
  f.set("2026-03-02T09:00:00Z");
  await dispatchOnce({ ...f.parts, context: { ...f.context, store } }, { aheadMs: 0 });
  expect(await f.rows()).toMatchObject([
    { decision: "skipped", reason: "disabled", jobId: null, message: expect.stringContaining("windlass workflows enable greet") },
  ]);
  expect(await f.jobs()).toEqual([]);
});

test("what is disabled between the decision to replace and its storing ends nothing: that is decided anew", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("*/5 * * * *", { overlap: { policy: "replace", limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  const [first] = await f.jobs();
  const { schedules } = f.store;
  let stored = 0;
  const store = {
    ...f.store,
    schedules: {
      ...schedules,
      dispatch: async (...call: Parameters<typeof schedules.dispatch>) => {
        if (++stored === 1) await f.disable();
        return schedules.dispatch(...call);
      },
    },
  };
  f.set("2026-03-02T09:05:00Z");
  await dispatchOnce({ ...f.parts, context: { ...f.context, store } }, { aheadMs: 0 });
  expect((await f.rows())[1]).toMatchObject({ decision: "skipped", reason: "disabled", jobId: null });
  expect((await f.store.reads.get(first?.id ?? ""))?.state).toBe("queued");
  expect((await f.schedules.get(named)).cursor).toMatchObject({ waiting: [], running: [{ jobId: first?.id }] });
});

test("a run and a backfill of it are refused as what they are, and leave no row", async () => {
  const f = await at("2026-03-02T12:00:00Z");
  await f.put("0 * * * *");
  await f.disable();
  const from = Date.parse("2026-03-02T03:00:00Z");
  const refused = { code: "workflow_disabled" };
  await expect(f.schedules.run(named)).rejects.toMatchObject(refused);
  await expect(f.schedules.backfill(named, { from, to: from, limit: 1, concurrency: 1 })).rejects.toMatchObject(refused);
  expect(await f.rows()).toEqual([]);
});

test("nobody is told to ask for a concurrency that is refused", async () => {
  const f = await at("2026-03-02T12:00:00Z");
  await f.put("* * * * *", { template: { kind: "task", own: 200 } });
  const from = Date.parse("2026-03-02T03:00:00Z");
  const backfill = f.schedules.backfill(named, { from, to: from + 8_000_000, limit: 120, concurrency: 2 });
  await expect(backfill).rejects.toThrow("besides. Backfill at most 2 times at once");
});
