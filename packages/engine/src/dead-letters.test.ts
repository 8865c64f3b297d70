import { failForGood } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeadLetterFilter } from "@windlass/ports";
import type { JobRedrive, Redriven } from "./dead-letters.ts";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";

let fixture: EngineFixture;
/** The process ends after a redrive has made its job, and before it is marked. */
let dying = false;
const all: DeadLetterFilter = { workspace: "default", limit: 100 };
const asked = { by: "ann", again: false, perSecond: null, gate: () => {} } as const;

beforeEach(async () => {
  dying = false;
  fixture = await engineFixture({
    wrap: (store) => ({
      ...store,
      deadLetters: {
        ...store.deadLetters,
        redriven: (marks, mark) => (dying ? Promise.reject(new Error("the process died here")) : store.deadLetters.redriven(marks, mark)),
      },
    }),
  });
  await fixture.engine.start();
});
afterEach(() => fixture.close());

/** Chosen and run at once; nothing of it is left. */
async function redrive(filter: DeadLetterFilter, request: JobRedrive): Promise<readonly Redriven[]> {
  const chosen = await fixture.engine.deadLetters.chooseRedrive(filter, request);
  const { items, left } = await chosen.run();
  expect(left).toEqual([]);
  return items;
}

/** Jobs that a worker fails for good; returns their ids. */
async function die(count: number): Promise<string[]> {
  const worker = fixture.engine.worker({ handlers: { greet: () => failForGood("no such address") } });
  await worker.start();
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await fixture.submit({ input: i }));
  for (const id of ids) await fixture.reach(id, "failed");
  await fixture.outcome(worker.stop());
  return ids;
}

test("a letter is redriven once as a new job with the same work, however many ask at once, and again only when that is said (R1)", async () => {
  const { deadLetters, jobs } = fixture.engine;
  const [id = ""] = await die(1);
  const [[first], [second]] = await Promise.all([redrive(all, asked), redrive(all, { ...asked, by: "bob" })]);
  const made = [first, second].filter((one) => one !== undefined);
  expect(new Set(made.map(({ job }) => job)).size).toBe(1);
  const job = made[0]?.job ?? "";
  expect((await jobs.get(job)).record).toMatchObject({ input: 0, cause: { type: "retry", of: id }, deadLetter: null });
  expect(await deadLetters.get("default", id)).toMatchObject({ redrives: 1, redrivenAs: job });
  expect(await redrive(all, asked)).toEqual([]);
  expect(await redrive({ ...all, ids: [id] }, asked)).toMatchObject([{ job, created: false }]);
  const [again] = await redrive({ ...all, ids: [id] }, { ...asked, again: true });
  expect(again).toMatchObject({ created: true });
  expect(again?.job).not.toBe(job);
  expect(await deadLetters.get("default", id)).toMatchObject({ redrives: 2, redrivenAs: again?.job });
});

test("a redrive whose mark was lost finds the job that it made (R2)", async () => {
  const [id = ""] = await die(1);
  dying = true;
  await expect(redrive(all, asked)).rejects.toThrow("died");
  dying = false;
  expect(await redrive(all, asked)).toMatchObject([{ letter: { jobId: id }, created: false }]);
  expect(await redrive(all, asked)).toEqual([]);
});

test("many are redriven oldest first at a rate, and struck off after a preview", async () => {
  const { deadLetters, jobs } = fixture.engine;
  const ids = await die(3);
  const redriven = await redrive(all, { ...asked, perSecond: 2 });
  const at = new Map(redriven.map(({ letter, job }) => [letter.jobId, job]));
  const times: (number | null)[] = [];
  for (const id of ids) times.push((await jobs.get(at.get(id) ?? "")).record.notBefore);
  const now = times[0] ?? 0;
  expect(times).toEqual([now, now + 500, now + 1_000]);
  expect(await deadLetters.purge(all, true)).toEqual({ matched: 3, removed: 0, more: false });
  expect(await deadLetters.purge({ ...all, limit: 2 }, true)).toEqual({ matched: 2, removed: 0, more: true });
  expect(await deadLetters.purge({ ...all, ids: ids.slice(0, 2) }, false)).toEqual({ matched: 2, removed: 2, more: false });
  expect((await deadLetters.list(all)).map(({ jobId }) => jobId)).toEqual(ids.slice(2));
});

test("all are looked at before the first is run again, and what is left over by the limit is told (R3)", async () => {
  const { deadLetters, jobs } = fixture.engine;
  await die(3);
  let times = 0;
  const gate = (): void => {
    if (++times === 3) throw new Error("not that one");
  };
  await expect(deadLetters.chooseRedrive(all, { ...asked, gate })).rejects.toThrow("not that one");
  const chosen = await deadLetters.chooseRedrive({ ...all, limit: 2 }, { ...asked, delayMs: 5_000 });
  expect([chosen.count, chosen.more, (await deadLetters.list({ ...all, redriven: true })).length]).toEqual([2, true, 0]);
  const { items, left } = await chosen.run();
  expect([items.length, left]).toEqual([2, []]);
  const { createdAt, notBefore } = (await jobs.get(items[0]?.job ?? "")).record;
  expect((notBefore ?? 0) - createdAt).toBe(5_000);
  expect(await deadLetters.chooseRedrive(all, asked)).toMatchObject({ count: 1, more: false });
});

test("a letter whose new job is refused is left, and told with why", async () => {
  const { deadLetters } = fixture.engine;
  const [other = "", refused = ""] = await die(2);
  const chosen = await deadLetters.chooseRedrive(all, asked);
  const { deadLetters: letters, jobs } = fixture.store;
  const before = (await letters.list({ ...all, ids: [refused] }))[0]?.redrives ?? 0;
  // Somebody took its key for something else.
  const { record } = await fixture.engine.jobs.get(refused);
  const taken = { ...record, id: "job_taken", rootId: "job_taken", requestHash: "another" };
  await jobs.commit(
    [{ type: "submit", job: { ...taken, idempotencyKey: `windlass.dev/redrive/${refused}/${before + 1}` } }],
    fixture.clock.now(),
  );
  const { items, left } = await chosen.run();
  expect(items.map(({ letter }) => letter.jobId)).toEqual([other]);
  expect(left).toMatchObject([{ count: 1, ids: [refused], why: expect.stringContaining("the key was used for another request") }]);
});
