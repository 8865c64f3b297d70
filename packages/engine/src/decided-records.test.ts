import { expect, test } from "vitest";
import type { JobRecord, LiveJob } from "@windlass/kernel";
import type { WokenJob } from "@windlass/ports";
import { jobRecord } from "@windlass/testkit";
import { DecidedRecords } from "./decided-records.ts";

/** A store that says what it was asked for. */
function stored(...records: readonly JobRecord[]) {
  const asked: (readonly string[])[] = [];
  return {
    asked,
    records: async (ids: readonly string[]) => {
      asked.push(ids);
      return records.filter(({ id }) => ids.includes(id));
    },
  };
}

const woken = (...records: readonly JobRecord[]): WokenJob[] =>
  records.map(({ id, queue }) => ({ live: { id, queue } as LiveJob, facts: [], seen: 1 }));
const [a, b] = [jobRecord({ id: "job_a", spec: { steps: "x".repeat(500) } }), jobRecord({ id: "job_b" })];

test("a record is read once for all decisions of its job, and those that are unknown together", async () => {
  const store = stored(a, b);
  const records = new DecidedRecords(store);
  expect((await records.join(woken(a, b))).map(({ record }) => record)).toEqual([a, b]);
  expect((await records.join(woken(b, a))).map(({ record }) => record)).toEqual([b, a]);
  expect(store.asked).toEqual([["job_a", "job_b"]]);
});

test("what was not asked for longest is read again when there is no room for all, and what is asked for now is there", async () => {
  const store = stored(a, b);
  const records = new DecidedRecords(store, 2_000);
  expect(await records.join(woken(a, b))).toHaveLength(2);
  await records.join(woken(b));
  expect(store.asked).toHaveLength(1);
  expect((await records.join(woken(a)))[0]?.record).toEqual(a);
  expect(store.asked).toEqual([["job_a", "job_b"], ["job_a"]]);
});

test("one that has ended is forgotten, one that is not there any more is left out, and a queue is that of now", async () => {
  const store = stored(a);
  const records = new DecidedRecords(store);
  const [moved] = await records.join(woken({ ...a, queue: "elsewhere" }, b));
  expect(moved?.record).toEqual({ ...a, queue: "elsewhere" });
  records.forget("job_a");
  await records.join(woken(a));
  expect(store.asked).toEqual([["job_a", "job_b"], ["job_a"]]);
});
