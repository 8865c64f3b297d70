/** The loop: it looks when something is due, one leads, and what a leader that died leaves undone another does. */
import { afterEach, expect, test } from "vitest";
import type { EngineContext } from "@windlass/engine";
import type { ScheduleStore } from "@windlass/ports";
import { settled } from "@windlass/testkit";
import { countedBy, dispatchFixture, type DispatchFixture } from "./dispatch-fixture.ts";
import { dispatcher } from "./dispatcher.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

async function withSchedule(): Promise<DispatchFixture> {
  fixture = await dispatchFixture("2026-03-02T08:59:30Z");
  await fixture.put("* * * * *");
  return fixture;
}

/** The same store for a process that can be cut off: its calls are not answered any more. */
function ownContext({ context }: DispatchFixture): { readonly context: EngineContext; readonly calls: string[]; cutOff: boolean } {
  const own = { calls: [] as string[], cutOff: false };
  const schedules = new Proxy(context.store.schedules, {
    get(target, name: keyof ScheduleStore) {
      return (...values: never[]) => {
        own.calls.push(name);
        return own.cutOff ? new Promise(() => {}) : (target[name] as (...given: never[]) => unknown)(...values);
      };
    },
  });
  return Object.assign(own, { context: { ...context, store: { ...context.store, schedules } } });
}

test("each minute is fired when it comes, and the loop ends when it is told to", async () => {
  const f = await withSchedule();
  const loop = dispatcher({ ...f.parts, session: () => "ses_a" });
  await loop.start();
  await f.clock.advance(5 * 60_000);
  expect(countedBy(await f.rows())).toEqual({ fired: 5 });
  expect((await f.rows()).every(({ dueAt, decidedAt }) => decidedAt === dueAt)).toBe(true);
  await loop.stop();
  await f.clock.advance(5 * 60_000);
  expect(await f.rows()).toHaveLength(5);
});

test("a schedule that is made while it rests is looked at in time", async () => {
  const f = await withSchedule();
  const loop = dispatcher({ ...f.parts, session: () => "ses_a" });
  await loop.start();
  await f.clock.advance(100);
  await f.put("*/2 * * * * *", { name: "quick" });
  await f.clock.advance(400);
  await f.clock.advance(1_500);
  expect(await f.rows("quick")).toMatchObject([
    { decision: "fired", dueAt: Date.parse("2026-03-02T08:59:32Z"), decidedAt: Date.parse("2026-03-02T08:59:32Z") },
  ]);
  await loop.stop();
});

test("a clock that jumps ahead for a moment moves no cursor, and every minute is fired", async () => {
  const f = await withSchedule();
  const loop = dispatcher({ ...f.parts, session: () => "ses_a" });
  await loop.start();
  await f.clock.advance(60_000);
  f.clock.jump(3 * 3_600_000);
  await f.clock.advance(5_000);
  f.clock.jump(-3 * 3_600_000);
  await f.clock.advance(2 * 60_000);
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 fired", "09:02:00 fired"]);
  await loop.stop();
});

test("a clock that was set forwards for good counts soon, as a machine that slept has it", async () => {
  const f = await withSchedule();
  const loop = dispatcher({ ...f.parts, session: () => "ses_a" });
  await loop.start();
  await f.clock.advance(40_000);
  f.clock.jump(3 * 3_600_000);
  await f.clock.advance(20_000);
  expect(await f.told()).toEqual(["09:00:00 fired", "09:01:00 missed ×120", "11:01:00 missed ×59", "12:00:00 fired"]);
  await loop.stop();
});

test("a cursor that a clock moved days ahead comes back when its schedule is saved again, and it fires", async () => {
  const f = await withSchedule();
  const loop = dispatcher({ ...f.parts, session: () => "ses_a" });
  await loop.start();
  f.clock.jump(3 * 86_400_000);
  await f.clock.advance(20_000);
  f.clock.jump(-3 * 86_400_000);
  await f.clock.advance(60_000);
  await f.put("* * * * *", { labels: { saved: "again" } });
  await f.clock.advance(2 * 60_000);
  const rows = (await f.rows()).filter(({ nominalAt }) => nominalAt <= f.context.now());
  expect(rows.at(-1)).toMatchObject({ decision: "fired", nominalAt: Date.parse("2026-03-02T09:02:00Z") });
  for (const [i, row] of rows.entries()) expect(row.nominalAt > (rows[i - 1]?.lastAt ?? 0)).toBe(true);
  await loop.stop();
});

test("one that does not lead lets itself be woken by nothing", async () => {
  const f = await withSchedule();
  const first = dispatcher({ ...f.parts, session: () => "ses_a" });
  await first.start();
  await settled();
  let asked = 0;
  const { sessions } = f.context.store;
  const counted: typeof sessions = { ...sessions, lead: (...values) => (asked++, sessions.lead(...values)) };
  const second = dispatcher({
    ...f.parts,
    context: { ...f.context, store: { ...f.context.store, sessions: counted } },
    session: () => "ses_b",
  });
  await second.start();
  await settled();
  for (let i = 0; i < 9; i++) {
    f.context.bus.publish("schedules", String(f.context.now()));
    await settled();
  }
  expect(asked).toBe(1);
  await second.stop();
  await first.stop();
});

test("of two one leads; when that one is cut off the other has taken over within 20 seconds, and nothing is lost", async () => {
  const f = await withSchedule();
  const [first, second] = [ownContext(f), ownContext(f)];
  const loops = [first, second].map((own, i) => dispatcher({ ...f.parts, context: own.context, session: () => `ses_${i}` }));
  await loops[0]?.start();
  await settled();
  await loops[1]?.start();
  await f.clock.advance(60_000);
  expect([first.calls.includes("due"), second.calls.includes("due")]).toEqual([true, false]);
  first.cutOff = true;
  const before = f.clock.now();
  await f.clock.until(() => second.calls.includes("due"), 20_000);
  expect(f.clock.now() - before <= 20_000).toBe(true);
  await f.clock.advance(3 * 60_000);
  const rows = await f.rows();
  expect(countedBy(rows)).toEqual({ fired: rows.length });
  expect(rows.map(({ nominalAt }) => nominalAt)).toEqual(rows.map((_, i) => Date.parse("2026-03-02T09:00:00Z") + i * 60_000));
  expect(rows.length >= 4).toBe(true);
  await loops[1]?.stop();
});
