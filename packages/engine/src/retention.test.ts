import { days, idBody } from "@windlass/kernel";
import { occurrenceRow, scheduleOf } from "@windlass/testkit";
import { expect, test } from "vitest";
import { engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";
import { retention } from "./retention.ts";

/** A finished tree with a log, and a job that lives on. */
async function withHistory(): Promise<EngineFixture & { readonly ended: string; readonly child: string; readonly alive: string }> {
  const fixture = await engineFixture();
  await fixture.engine.start();
  const ended = await fixture.submit(group([handled("later", { queue: "nobody" })]));
  await fixture.clock.advance(1_000);
  const [found] = await fixture.store.reads.list({ workspace: "default", parentId: ended, limit: 1 });
  const child = found?.record.id ?? "";
  await fixture.engine.jobs.cancel(ended, { by: "ada" });
  await fixture.reach(ended, "cancelled");
  await fixture.logs.append({ jobId: child, attempt: 1 }, [{ stream: "stdout", at: 0, data: new TextEncoder().encode("hello") }]);
  const alive = await fixture.submit();
  await fixture.outcome(fixture.engine.stop());
  return Object.assign(fixture, { ended, child, alive });
}

test("trees whose root ended long enough ago go, with their logs; what lives stays", async () => {
  const fixture = await withHistory();
  const service = retention(fixture.engine.context, { session: () => "ses_leader", days: 2 });
  await service.start();
  await fixture.clock.advance(days(2) - 60_000);
  expect(await fixture.stateOf(fixture.ended)).toBe("cancelled");
  await fixture.clock.advance(180_000);
  expect(await fixture.store.reads.get(fixture.ended)).toBeNull();
  expect(await fixture.store.reads.get(fixture.child)).toBeNull();
  expect(fixture.logs.text({ jobId: fixture.child, attempt: 1 })).toBe("");
  expect(await fixture.stateOf(fixture.alive)).toBe("queued");
  await service.stop();
  await fixture.close();
});

test("trees that cannot go yet hold no others back, and are looked at once a minute, however many there are", async () => {
  const fixture = await withHistory();
  const { context } = fixture.engine;
  const roots = Array.from({ length: 175 }, (_, i) => ({ id: `job_${String(i).padStart(3, "0")}`, endedAt: 1 }));
  const offered: string[] = [];
  const kept = {
    ended: async (...[, limit, after]: Parameters<typeof context.store.retention.ended>) =>
      roots.filter(({ id }) => id > (after?.id ?? "")).slice(0, limit),
    remove: async (ids: readonly string[]) => {
      offered.push(...ids);
      return [];
    },
  };
  const service = retention({ ...context, store: { ...context.store, retention: kept } }, { session: () => "ses_leader", days: 2 });
  await service.start();
  await fixture.clock.advance(59_000);
  expect(offered).toEqual(roots.map(({ id }) => id));
  await fixture.clock.advance(2_000);
  expect(offered).toHaveLength(2 * roots.length);
  await service.stop();
  await fixture.close();
});

test("what went is told once for a walk, however many batches it took", async () => {
  const fixture = await withHistory();
  const { context } = fixture.engine;
  const there = new Set(Array.from({ length: 120 }, (_, i) => `job_${String(i).padStart(3, "0")}`));
  const removing = {
    ended: async (...[, limit, after]: Parameters<typeof context.store.retention.ended>) =>
      [...there]
        .filter((id) => id > (after?.id ?? ""))
        .slice(0, limit)
        .map((id) => ({ id, endedAt: 1 })),
    // Each has a child, and the first one cannot go yet.
    remove: async (ids: readonly string[]) => ids.filter((id) => id !== "job_000" && there.delete(id)).flatMap((id) => [id, `${id}_child`]),
  };
  const told: unknown[] = [];
  const logger = { ...context.logger, info: (...line: unknown[]) => void told.push(line) };
  const service = retention(
    { ...context, logger, store: { ...context.store, retention: removing } },
    { session: () => "ses_leader", days: 2 },
  );
  await service.start();
  await fixture.clock.advance(130_000);
  expect(told).toEqual([["finished jobs were removed", { roots: 119, jobs: 238 }]]);
  await service.stop();
  await fixture.close();
});

test("0 days keep everything", async () => {
  const fixture = await withHistory();
  const service = retention(fixture.engine.context, { session: () => "ses_leader", days: 0 });
  await service.start();
  await fixture.clock.advance(3_600_000);
  expect(await fixture.stateOf(fixture.ended)).toBe("cancelled");
  await service.stop();
  await fixture.close();
});

test("old rows of the ledger of schedules go, whichever schedule they are of", async () => {
  const fixture = await withHistory();
  const { store } = fixture;
  const now = fixture.engine.context.now();
  for (const id of ["sch_a", "sch_b"]) {
    const state = { at: now, nextAt: null, running: [], waiting: [], failing: null };
    const none = { scheduleId: id, wakes: 0, cursor: state, settled: [], changes: [] };
    await store.schedules.put(scheduleOf({ id, name: idBody(id) }), { expected: 0, dispatch: { ...none, revision: 0, added: [] }, now });
    const added = [0, 1].map((n) => occurrenceRow({ scheduleId: id, nominalAt: now + n, decidedAt: now + n * days(3) }));
    await store.schedules.dispatch([{ ...none, revision: 1, added }], now);
  }
  const service = retention(fixture.engine.context, { session: () => "ses_leader", days: 0, historyDays: 0.01 });
  await service.start();
  await fixture.clock.advance(days(0.01) + 180_000);
  for (const id of ["sch_a", "sch_b"])
    expect((await store.schedules.history({ scheduleId: id, limit: 9 })).map(({ nominalAt }) => nominalAt - now)).toEqual([1]);
  await service.stop();
  await fixture.close();
});
