/** Schedules of what is disabled, and runs that somebody asks of them. */
import { afterEach, expect, test } from "vitest";
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
