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
