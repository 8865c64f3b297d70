import { afterEach, beforeEach, expect, test } from "vitest";
import type { Concurrency } from "@windlass/kernel";
import { engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";

let fixture: EngineFixture;

beforeEach(async () => {
  fixture = await engineFixture();
  await fixture.engine.start();
});
afterEach(() => fixture.close());

/** An execution that does not end by itself: nobody carries its step out. */
const run = (onConflict: Concurrency["onConflict"], limit = 1): Promise<string> =>
  fixture.submit(group([handled("a")], { concurrency: { key: "day", limit, onConflict } }));
const finalOf = async (id: string): Promise<unknown> => (await fixture.engine.jobs.get(id)).final;

test("one that is to be skipped is skipped while its key is held, with by whom, and runs when it is free", async () => {
  const first = await run("skip");
  await fixture.reach(first, "running");
  const second = await run("skip");
  await fixture.reach(second, "skipped");
  expect(await finalOf(second)).toMatchObject({
    outcome: "skipped",
    reason: "key_held",
    message: `its concurrency key "day" is held by ${first}`,
  });
  await fixture.engine.jobs.cancel(first, { by: "test" });
  await fixture.reach(first, "cancelled");
  await fixture.reach(await run("skip"), "running");
});

test("the newest takes the place of what holds the key, and of those before it that wanted the same", async () => {
  const first = await run("queue");
  await fixture.reach(first, "running");
  const [second, third] = [await run("replace"), await run("replace")];
  await fixture.reach(third, "running");
  expect(await finalOf(first)).toMatchObject({ state: "cancelled", reason: "replaced", message: `replaced by ${third}` });
  expect(await finalOf(second)).toMatchObject({ state: "cancelled", reason: "replaced" });
});

test("no more is replaced than makes room for one", async () => {
  const [first, second] = [await run("queue", 2), await run("queue", 2)];
  await fixture.reach(second, "running");
  const third = await run("replace", 2);
  await fixture.reach(third, "running");
  expect(await Promise.all([first, second].map((id) => fixture.stateOf(id)))).toEqual(["cancelled", "running"]);
});

test("nothing more is told to end while what was told to has not ended", async () => {
  const gate = Promise.withResolvers<null>();
  const worker = fixture.engine.worker({ handlers: { a: () => gate.promise } });
  await worker.start();
  const ids = [await run("queue", 2), await run("queue", 2)];
  await fixture.clock.until(async () => worker.running === 2, 20_000);
  const third = await run("replace", 2);
  await fixture.reach(ids[0] ?? "", "stopping");
  await fixture.clock.advance(4_000);
  expect(await Promise.all(ids.map((id) => fixture.stateOf(id)))).toEqual(["stopping", "running"]);
  gate.resolve(null);
  await fixture.reach(third, "succeeded");
  await fixture.outcome(worker.stop());
});

test("one that waits for its key is left alone", async () => {
  const first = await run("queue");
  await fixture.reach(first, "running");
  const second = await run("queue");
  await fixture.clock.advance(5_000);
  expect(await fixture.stateOf(second)).toBe("queued");
});
