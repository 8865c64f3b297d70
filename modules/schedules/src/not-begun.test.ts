/** What has not begun when a schedule is paused, changed or removed: it waits for its jitter, or was made ahead of its time. */
import { afterEach, expect, test } from "vitest";
import type { Timing } from "@windlass/kernel";
import { schedules } from "./schedules.ts";
import { dispatchFixture, nominalOf, timeOf, type DispatchFixture } from "./dispatch-fixture.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

const named = { workspace: "default", name: "s" };
const MINUTE = 60_000;

/** Half of the jitter is its delay. */
async function jittered(): Promise<DispatchFixture> {
  fixture = await dispatchFixture("2026-03-02T08:59:30Z");
  const { parts } = fixture;
  Object.assign(parts, { fire: { ...parts.fire, delayOf: ({ jitterMs }: Timing) => jitterMs / 2 } });
  const { timing } = await fixture.put("0 9 * * *");
  await fixture.put("0 9 * * *", { timing: { ...timing, jitterMs: 30 * MINUTE } });
  return fixture;
}

/** Each twenty seconds, looked at at nine for a minute ahead. */
async function ahead(): Promise<DispatchFixture> {
  fixture = await dispatchFixture("2026-03-02T08:59:50Z");
  await fixture.put("*/20 * * * * *");
  await fixture.tick("2026-03-02T09:00:00Z", MINUTE);
  expect(await fixture.told()).toEqual(["09:00:00 fired", "09:00:20 fired", "09:00:40 fired", "09:01:00 fired"]);
  return fixture;
}

/** Nominal times of the jobs that were not cancelled. */
async function left({ store, jobs }: DispatchFixture): Promise<string[]> {
  const all = await jobs();
  const views = await Promise.all(all.map(({ id }) => store.reads.get(id)));
  return all.filter((_, i) => views[i]?.state !== "cancelled").map((job) => timeOf(nominalOf(job)));
}

test("a pause within the jitter lets nothing start, and the time is skipped", async () => {
  const f = await jittered();
  f.set("2026-03-02T09:00:05Z");
  await f.schedules.pause(named, "bob", null);
  expect(await f.jobs()).toEqual([]);
  f.set("2026-03-02T10:00:00Z");
  await f.schedules.resume(named, "bob");
  await f.tick("2026-03-02T10:00:00Z");
  expect(await f.told()).toEqual(["09:00:00 skipped"]);
});

test("changes within the jitter neither lose the time nor start it twice", async () => {
  const f = await jittered();
  const { nextAt } = (await f.schedules.get(named)).cursor;
  const { timing } = (await f.schedules.get(named)).schedule;
  for (const second of ["05", "06", "07"]) {
    f.set(`2026-03-02T09:00:${second}Z`);
    await f.put("0 9 * * *", { timing, labels: { second } });
  }
  expect(await f.jobs()).toEqual([]);
  expect((await f.schedules.get(named)).cursor.nextAt).toBe(nextAt);
  await f.tick(new Date(nextAt ?? 0).toISOString());
  await f.put("0 9 * * *", { timing: { ...timing, jitterMs: 20 * MINUTE } });
  await f.tick("2026-03-02T10:00:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired"]);
});

test("a pause cancels what was made ahead, and its times are skipped", async () => {
  const f = await ahead();
  f.set("2026-03-02T09:00:25Z");
  await f.schedules.pause(named, "bob", null);
  expect(await left(f), "the first two have begun").toEqual(["09:00:00", "09:00:20"]);
  f.set("2026-03-02T09:00:50Z");
  await f.schedules.resume(named, "bob");
  await f.tick("2026-03-02T09:01:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "09:00:20 fired", "09:00:40 skipped", "09:01:00 fired"]);
  expect(await left(f)).toEqual(["09:00:00", "09:00:20", "09:01:00"]);
});

test("a change makes anew what was made ahead, each time once", async () => {
  const f = await ahead();
  f.set("2026-03-02T09:00:25Z");
  await f.put("*/20 * * * * *", { labels: { new: "yes" } });
  await f.tick("2026-03-02T09:01:00Z");
  expect(await f.told()).toEqual(["09:00:00 fired", "09:00:20 fired", "09:00:40 fired", "09:01:00 fired"]);
  expect(await left(f)).toEqual(["09:00:00", "09:00:20", "09:00:40", "09:01:00"]);
  expect((await f.jobs()).filter(({ labels }) => labels["new"] === "yes")).toHaveLength(2);
});

test("a change makes anew what was made ahead at once, for nobody may look before it is due", async () => {
  const f = await ahead();
  f.set("2026-03-02T09:00:25Z");
  await f.put("*/20 * * * * *", { labels: { new: "yes" } });
  expect(await left(f)).toEqual(["09:00:00", "09:00:20", "09:00:40", "09:01:00"]);
  await f.tick("2026-03-02T09:10:00Z");
  expect((await f.told()).slice(0, 4)).toEqual(["09:00:00 fired", "09:00:20 fired", "09:00:40 fired", "09:01:00 fired"]);
});

test("a change that is refused takes nothing back", async () => {
  const f = await ahead();
  const { schedule } = await f.schedules.get(named);
  f.set("2026-03-02T09:00:25Z");
  await expect(f.schedules.put({ ...schedule, labels: { new: "yes" } }, "bob", schedule.revision + 1)).rejects.toMatchObject({
    code: "revision_mismatch",
  });
  expect(await left(f)).toEqual(["09:00:00", "09:00:20", "09:00:40", "09:01:00"]);
});

test("another timing holds from now on, also within what was looked at ahead", async () => {
  const f = await ahead();
  f.set("2026-03-02T09:00:25Z");
  await f.put("30,50 * * * * *");
  await f.tick("2026-03-02T09:00:30Z", MINUTE / 2);
  expect(await left(f)).toEqual(["09:00:00", "09:00:20", "09:00:30", "09:00:50"]);
});

test("a schedule that is removed takes with it what was made ahead", async () => {
  const f = await ahead();
  const { id } = (await f.schedules.get(named)).schedule;
  f.set("2026-03-02T09:00:25Z");
  await f.schedules.remove(named);
  expect(await left(f)).toEqual(["09:00:00", "09:00:20"]);
  expect(await f.store.schedules.history({ scheduleId: id, limit: 9 })).toHaveLength(2);
});

test("a schedule that is removed while a pass looks ahead leaves no job behind, whoever comes first", async () => {
  const f = await ahead();
  const { id } = (await f.schedules.get(named)).schedule;
  f.set("2026-03-02T09:00:25Z");
  const { store } = f.context;
  let passes = 0;
  // The pass commits between the last look at the schedule and its removal.
  const remove: typeof store.schedules.remove = async (...step) => {
    if (passes++ === 0) await f.tick("2026-03-02T09:00:41Z", MINUTE);
    return store.schedules.remove(...step);
  };
  const context = { ...f.context, store: { ...store, schedules: { ...store.schedules, remove } } };
  await schedules({ ...f.parts, context }).remove(named);
  expect(passes).toBe(2);
  expect(await left(f), "what that pass has begun goes on").toEqual(["09:00:00", "09:00:20", "09:00:40"]);
  expect(await f.store.schedules.history({ scheduleId: id, limit: 9 })).toHaveLength(3);
});

test("times that were left out or refused ahead are decided by the new rules", async () => {
  fixture = await dispatchFixture("2026-03-02T08:59:50Z");
  const f = fixture;
  const { timing } = await f.put("*/20 * * * * *");
  await f.put("*/20 * * * * *", { timing: { ...timing, exclude: ["20,40 * * * * *"] } });
  await f.tick("2026-03-02T09:00:00Z", MINUTE);
  expect(await f.told()).toEqual(["09:00:00 fired", "09:00:20 skipped ×2", "09:01:00 fired"]);
  f.set("2026-03-02T09:00:25Z");
  await f.put("*/20 * * * * *", { timing });
  expect(await f.told()).toEqual(["09:00:00 fired", "09:00:20 skipped", "09:00:40 fired", "09:01:00 fired"]);
});
