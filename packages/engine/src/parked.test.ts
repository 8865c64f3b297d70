import { expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { parked } from "@windlass/kernel";

const MINUTES_10 = 600_000;

/** The store, with every call of its jobs and reads counted, and how many changes were asked for. */
function counting(store: Store, counts: Map<string, number>): Store {
  const counted = <T extends object>(part: T, name: string): T =>
    new Proxy(part, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return (...given: unknown[]): unknown => {
          const size = key === "commit" && Array.isArray(given[0]) ? given[0].length : 0;
          counts.set(`${name}.${String(key)}`, (counts.get(`${name}.${String(key)}`) ?? 0) + 1);
          counts.set("changes", (counts.get("changes") ?? 0) + size);
          return (method as (...given: unknown[]) => unknown).apply(target, given);
        };
      },
    });
  return {
    ...store,
    jobs: counted(store.jobs, "jobs"),
    reads: counted(store.reads, "reads"),
    queues: counted(store.queues, "queues"),
    retention: counted(store.retention, "retention"),
  };
}

/** Parks so many jobs on one slot; what the store was asked in ten minutes in which nothing happens to them. */
async function askedWhileParked(
  count: number,
): Promise<{ readonly asked: Record<string, number>; readonly fixture: EngineFixture; readonly finish: () => Promise<void> }> {
  const counts = new Map<string, number>();
  const tokens: string[] = [];
  const fixture = await engineFixture({ wrap: (store) => counting(store, counts) });
  const worker = fixture.engine.worker({
    concurrency: 1,
    handlers: {
      greet: async (context) => {
        tokens.push(await context.completionToken());
        return parked();
      },
    },
  });
  await fixture.engine.start();
  await worker.start();
  for (let i = 0; i < count; i += 100) {
    await fixture.engine.jobs.submitMany(
      Array.from(
        { length: Math.min(100, count - i) },
        () => ({ kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler" }) as const,
      ),
    );
  }
  const waiting = async (): Promise<number> => (await fixture.store.queues.list()).find(({ name }) => name === "default")?.waiting ?? 0;
  await fixture.clock.until(async () => tokens.length === count && (await waiting()) === count, MINUTES_10);
  // Whatever rests until a second is over has begun its rest.
  await fixture.clock.advance(5_000);
  counts.clear();
  await fixture.clock.advance(MINUTES_10);
  const asked = Object.fromEntries(counts);
  expect([await waiting(), worker.running]).toEqual([count, 0]);
  const finish = async (): Promise<void> => {
    for (const token of tokens) await fixture.engine.jobs.complete(token, { output: null });
    expect(await waiting()).toBe(0);
    await fixture.outcome(worker.stop());
    await fixture.close();
  };
  return { asked, fixture, finish };
}

test("1,000 jobs park on one slot, and cost nothing while they are parked", async () => {
  const one = await askedWhileParked(1);
  const many = await askedWhileParked(1_000);
  // The same calls, but for where in its rest each loop stood when the counting began.
  expect(Object.keys(many.asked).toSorted()).toEqual(Object.keys(one.asked).toSorted());
  for (const [call, times] of Object.entries(many.asked)) expect(Math.abs(times - (one.asked[call] ?? 0)), call).toBeLessThanOrEqual(1);
  expect(many.asked["changes"] ?? 0).toBe(0);
  expect(many.asked["jobs.claim"]).toBeGreaterThan(0);
  await one.finish();
  await many.finish();
}, 60_000);
