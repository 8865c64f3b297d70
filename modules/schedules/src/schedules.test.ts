/** What callers do with schedules, and what that does to the cursor: from now on, never back. */
import { afterEach, expect, test } from "vitest";
import type { SubmitRequest } from "@windlass/engine";
import { spanOf, type Schedule } from "@windlass/kernel";
import { dispatchFixture, nominalOf, timeOf, type DispatchFixture } from "./dispatch-fixture.ts";
import type { TemplateRun } from "./job-template.ts";
import { fireTimes } from "./timing.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

async function at(start: string): Promise<DispatchFixture> {
  fixture = await dispatchFixture(start);
  return fixture;
}

const named = { workspace: "default", name: "s" };

test("a new schedule begins now: what would have been before never was", async () => {
  const f = await at("2026-03-02T09:00:30Z");
  expect(await f.put("* * * * *")).toMatchObject({ revision: 1, createdBy: "ann" });
  await f.tick("2026-03-02T09:01:00Z");
  expect(await f.told()).toEqual(["09:01:00 fired"]);
});

test("a change holds from now on; what was due before is decided by what was stored then", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { input: "old" });
  f.set("2026-03-02T09:02:30Z");
  expect(await f.put("*/10 * * * *", { input: "new" })).toMatchObject({ revision: 2 });
  expect(await f.told()).toEqual(["09:00:00 missed ×2", "09:02:00 fired"]);
  await f.tick("2026-03-02T09:09:59Z");
  await f.tick("2026-03-02T09:10:00Z");
  expect((await f.told()).slice(2)).toEqual(["09:10:00 fired"]);
  expect((await f.jobs()).map(({ input }) => input)).toEqual(["old", "new"]);
});

test("another zone never brings a time back", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { timing } = await f.put("0 9 * * *");
  await f.tick("2026-03-02T09:00:00Z");
  f.set("2026-03-02T09:30:00Z");
  // Nine o'clock there is still to come; then half past eight here is over.
  await f.put("0 9 * * *", { timing: { ...timing, timezone: "America/New_York" } });
  await f.tick("2026-03-02T14:00:00Z");
  await f.put("0 9 * * *", { timing });
  await f.tick("2026-03-02T20:00:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "14:00:00 fired"]);
});

test("what passes while it is paused is one skipped row; what waited is skipped as well", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("* * * * *", { overlap: { policy: "postpone", limit: 1 } });
  await f.tick("2026-03-02T09:00:00Z");
  await f.tick("2026-03-02T09:01:00Z");
  f.set("2026-03-02T09:01:30Z");
  expect(await f.schedules.pause(named, "bob", "too loud")).toMatchObject({
    paused: true,
    pausedBy: "bob",
    pausedReason: "too loud",
    revision: 2,
  });
  expect(await f.schedules.pause(named, "eve", null), "it is paused already").toMatchObject({ pausedBy: "bob", revision: 2 });
  expect(await f.tick("2026-03-02T09:05:00Z")).toMatchObject({ evaluated: 0 });
  f.set("2026-03-02T09:05:30Z");
  expect(await f.schedules.resume(named, "bob")).toMatchObject({ paused: false, pausedBy: null, revision: 3 });
  await f.tick("2026-03-02T09:06:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 skipped", "09:02:00 skipped ×4", "09:06:00 postponed"]);
  expect((await f.rows()).map(({ reason }) => reason)).toEqual(["due", "paused", "paused", "predecessor_running"]);
});

test("a time that waits for its jitter is not lost when the schedule is changed", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { timing } = await f.put("0 9 * * *");
  await f.put("0 9 * * *", { timing: { ...timing, jitterMs: 600_000 } });
  f.set("2026-03-02T09:00:00Z");
  await f.put("0 9 * * *", { timing: { ...timing, jitterMs: 600_000 }, labels: { a: "b" } });
  await f.put("0 12 * * *");
  await f.tick("2026-03-02T09:20:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired"]);
});

test("a run by hand stands beside those of the clock, also while it is paused", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  await f.put("0 9 * * *", { overlap: { policy: "forbid", limit: 1 }, paused: true });
  const [one, other] = await Promise.all([f.schedules.run(named), f.schedules.run(named)]);
  expect(one).not.toBe(other);
  await f.schedules.resume(named, "ann");
  await f.tick("2026-03-02T09:00:00Z");
  expect((await f.rows()).map(({ origin, decision, reason }) => [origin, decision, reason])).toEqual([
    ["manual", "fired", "asked"],
    ["manual", "fired", "asked"],
    ["schedule", "fired", "due"],
  ]);
});

test("a backfill runs the times of a span, a few at once, and says when there are more", async () => {
  const f = await at("2026-03-02T12:00:00Z");
  await f.put("0 * * * *");
  const from = Date.parse("2026-03-02T03:00:00Z");
  const filled = await f.schedules.backfill(named, { from, to: from + 9 * 3_600_000, limit: 4, concurrency: 2 });
  expect(filled).toMatchObject({ isCut: true, refused: [] });
  expect((await f.jobs()).map((job) => timeOf(nominalOf(job)))).toEqual(["03:00:00", "04:00:00", "05:00:00", "06:00:00"]);
  expect((await f.jobs())[0]).toMatchObject({ concurrency: { key: expect.stringContaining(`backfill/${filled.run}`), limit: 2 } });
  expect((await f.rows()).every(({ origin, run }) => origin === "backfill" && run === filled.run)).toBe(true);
  await f.schedules.backfill(named, { from, to: from, limit: 4, concurrency: 2 });
  expect(await f.rows(), "again, and under a name of its own").toHaveLength(5);
});

test("of a backfill no more run at once than is asked for, and than the keys let that its jobs have of their own", async () => {
  const f = await at("2026-03-02T12:00:00Z");
  const from = Date.parse("2026-03-02T03:00:00Z");
  const backfill = (name: string, hours: number, concurrency: number): Promise<unknown> =>
    f.schedules.backfill({ ...named, name }, { from, to: from + (hours - 1) * 3_600_000, limit: 9, concurrency });
  for (const [name, own] of Object.entries({ strict: 1, lax: 5 })) await f.put("0 * * * *", { name, template: { kind: "task", own } });
  await backfill("strict", 3, 2);
  await backfill("lax", 2, 2);
  const keys = (await f.jobs()).map(({ concurrency }) => concurrency);
  const all = [...Array.from({ length: 3 }, () => 1), ...Array.from({ length: 2 }, () => 5)];
  expect(keys.toSorted((a, b) => (a?.limit ?? 0) - (b?.limit ?? 0))).toEqual(
    all.map((limit) => ({ key: "default/own", limit, onConflict: "queue" })),
  );
  const refused = backfill("lax", 8, 2);
  await expect(refused).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("up to 5 of these 8 jobs run at once"),
  });
  await expect(refused).rejects.toThrow("Ask for a concurrency of 5");
  await backfill("lax", 8, 5);
  expect(await f.jobs(), "nothing was made of what was refused").toHaveLength(13);
});

test("a backfill that cannot be made now is refused as a whole, and tried again by whoever asks", async () => {
  const f = await at("2026-03-02T12:00:00Z");
  await f.put("0 * * * *", { template: { kind: "task", away: true } });
  const from = Date.parse("2026-03-02T03:00:00Z");
  await expect(f.schedules.backfill(named, { from, to: from, limit: 1, concurrency: 1 })).rejects.toMatchObject({ code: "unavailable" });
  expect(await f.rows()).toEqual([]);
});

test("what cannot be run is refused when it is saved, and the one that is stored stays", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const before = await f.put("0 9 * * *");
  await expect(f.put("0 9 * * *", { template: { kind: "task", broken: true } })).rejects.toMatchObject({ code: "invalid" });
  await expect(f.put("0 9 * * *", { template: { kind: "watcher" } })).rejects.toMatchObject({ code: "invalid" });
  expect((await f.schedules.get(named)).schedule).toEqual(before);
  await expect(f.schedules.get({ ...named, name: "t" })).rejects.toMatchObject({ code: "not_found" });
});

test("a schedule that is removed fires no more; its history stays", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { id } = await f.put("* * * * *");
  await f.tick("2026-03-02T09:00:00Z");
  await f.schedules.remove(named);
  expect(await f.tick("2026-03-02T09:01:00Z")).toMatchObject({ evaluated: 0 });
  expect(await f.store.schedules.history({ scheduleId: id, limit: 9 })).toHaveLength(1);
  await expect(f.schedules.remove(named)).rejects.toMatchObject({ code: "not_found" });
});

test("changes, ticks and pauses that meet leave one account of each minute", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { timing } = await f.put("* * * * *");
  const start = f.context.now();
  for (let minute = 0; minute < 20; minute++) {
    const now = new Date(start + minute * 60_000 + 30_500).toISOString();
    f.set(now);
    const work: Promise<unknown>[] = [f.tick(now), f.put("* * * * *", { labels: { minute: String(minute) } }), f.tick(now)];
    if (minute % 5 === 2) work.push(f.schedules.pause(named, "ann", null));
    if (minute % 5 === 4) work.push(f.schedules.resume(named, "ann"));
    await Promise.all(work);
  }
  await f.schedules.resume(named, "ann");
  const rows = await f.rows();
  const all = spanOf(timing, { after: start, until: f.context.now(), fire: fireTimes });
  expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(all?.count);
  for (const [i, row] of rows.entries()) expect(row.nominalAt > (rows[i - 1]?.lastAt ?? start)).toBe(true);
  expect((await f.jobs()).map(nominalOf)).toEqual(rows.filter(({ jobId }) => jobId !== null).map(({ nominalAt }) => nominalAt));
  const { schedule }: { readonly schedule: Schedule } = await f.schedules.get(named);
  expect(schedule.paused).toBe(false);
});

test("one that was saved without the permission to start commands starts none, whatever it runs has become since", async () => {
  const f = await at("2026-03-02T08:59:30Z");
  const { task } = f.parts.templates;
  const commands = { begin: () => async (run: TemplateRun) => ({ ...(await task?.begin()(run)), executor: "process" }) as SubmitRequest };
  await f.put("* * * * *", { mayCommand: false });
  await f.tick("2026-03-02T09:00:00Z");
  Object.assign(f.parts.templates, { task: commands });
  await f.tick("2026-03-02T09:01:00Z");
  const [, refused] = await f.rows();
  expect(refused).toMatchObject({ decision: "refused", jobId: null, message: expect.stringContaining("the permission jobs:command") });
  await expect(f.put("* * * * *", { mayCommand: false })).rejects.toThrow("the permission jobs:command");
  // Whoever asks for a run is asked for it, not whoever saved the schedule.
  await f.schedules.run(named);
  await f.put("* * * * *", { mayCommand: true });
  await f.tick("2026-03-02T09:02:00Z");
  expect((await f.jobs()).map(({ executor }) => executor).toSorted()).toEqual(["handler", "process", "process"]);
});
