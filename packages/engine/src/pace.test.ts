import { fakeClock } from "@windlass/testkit";
import { expect, test } from "vitest";
import { engineFixture } from "./engine-fixture.ts";
import { localBus } from "./local-bus.ts";
import { pace } from "./pace.ts";

/** What services ask the store although nobody told them to. */
const LOOKS = ["jobs.due", "jobs.woken", "jobs.unblock", "sessions.list"];

function watched() {
  const clock = fakeClock();
  const bus = localBus();
  const own = pace({ clock, bus });
  const woken: number[] = [];
  const end = own.follow(() => woken.push(clock.monotonic()));
  return { clock, bus, own, woken, end };
}

test("rests are as long as asked for while something happens, and longer once nothing has for a while", async () => {
  const { clock, bus, own } = watched();
  await clock.advance(4_999);
  expect(own.rest(1_000)).toBe(1_000);
  bus.publish("events", "");
  await clock.advance(4_999);
  expect(own.rest(1_000)).toBe(1_000);
  await clock.advance(1);
  expect(own.rest(1_000)).toBe(5_000);
  bus.publish("events", "");
  expect(own.rest(1_000)).toBe(1_000);
});

test("what happens after a quiet time has everybody look within a second, once", async () => {
  const { clock, bus, woken, end } = watched();
  bus.publish("events", "");
  await clock.advance(6_000);
  expect(woken).toEqual([]);
  const at = clock.monotonic();
  bus.publish("events", "");
  bus.publish("events", "");
  await clock.advance(10_000);
  expect(woken).toEqual([at + 1_000]);
  bus.publish("events", "");
  end();
  await clock.advance(10_000);
  expect(woken).toHaveLength(1);
});

test("a server with nothing to do asks its store five times less often than one with a job now and then", async () => {
  const fixture = await engineFixture();
  const { calls } = fixture.engine.context.figures;
  const sums = (): ReadonlyMap<string, number> =>
    new Map([...calls].map(([call, { counts }]) => [call, counts.reduce((sum, count) => sum + count, 0)]));
  const askedDuring = async (work: () => Promise<void>): Promise<Readonly<Record<string, number>>> => {
    const before = sums();
    await work();
    return Object.fromEntries([...sums()].map(([call, count]) => [call, count - (before.get(call) ?? 0)]));
  };
  await fixture.engine.start();
  await fixture.clock.advance(10_000);
  const quiet = await askedDuring(() => fixture.clock.advance(60_000));
  const active = await askedDuring(async () => {
    for (let jobs = 0; jobs < 15; jobs++) {
      await fixture.submit();
      await fixture.clock.advance(4_000);
    }
  });
  for (const call of LOOKS) expect([call, quiet[call]]).toEqual([call, 12]);
  for (const call of LOOKS) expect(active[call], call).toBeGreaterThanOrEqual(55);
  await fixture.close();
});
