import { afterEach, beforeEach, expect, test } from "vitest";
import type { Change } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { getJob, listEvents } from "./job-reads.ts";
import { runInTurn } from "./shared-commit.ts";

let db: Database;
beforeEach(() => {
  db = new Database(":memory:");
  db.migrate();
});
afterEach(() => db.close());

const commitOf = (id: number, changes: readonly Change[], now = T0): Call => ({ id, name: "commit", values: [changes, now] });
const submit = (given: Parameters<typeof jobRecord>[0] = {}): Extract<Change, { type: "submit" }> => ({
  type: "submit",
  job: jobRecord(given),
});
const inTurn = (...calls: Call[]): Committed[] => db.transaction(() => runInTurn(db, calls)).map((reply) => reply.value as Committed);

test("each caller gets the answers to its own changes, and the numbers are counted once", () => {
  const [a, b, c] = [submit(), submit({ queue: "mail" }), submit()];
  const missing = { type: "expire", id: "job_none" } as const;
  const [first, second, third] = inTurn(commitOf(1, [a]), commitOf(2, [missing, b]), commitOf(3, [c]));
  expect(first?.results).toMatchObject([{ ok: true, id: a.job.id }]);
  expect(second?.results).toMatchObject([
    { ok: false, refusal: { code: "not_found" } },
    { ok: true, id: b.job.id },
  ]);
  expect(third?.results).toMatchObject([{ ok: true, id: c.job.id }]);
  expect([...(third?.signals.ready ?? [])].toSorted()).toEqual(["handler/default", "handler/mail"]);
  const submitted = [first, second, third].flatMap((one) => [...(one?.tally.values() ?? [])].map((tally) => tally.submitted));
  expect(submitted.reduce((sum, n) => sum + n, 0)).toBe(3);
  for (const { job } of [a, b, c]) expect(getJob(db, job.id)?.record).toEqual(job);
});

test("one key makes one job, also when its two requests share a commit", () => {
  const key = { idempotencyKey: "k", requestHash: "h" };
  const [first, second] = inTurn(commitOf(1, [submit(key)]), commitOf(2, [submit(key)]));
  const [made] = first?.results ?? [];
  expect(second?.results).toMatchObject([{ ok: true, id: made?.id, created: false }]);
});

test("what stands between commits is carried out in its place", () => {
  const [a, b] = [submit(), submit()];
  const claim: Call = {
    id: 3,
    name: "claim",
    values: [{ executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 10, now: T0 }],
  };
  const session: Call = {
    id: 1,
    name: "openSession",
    values: [{ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 }],
  };
  const replies = db.transaction(() => runInTurn(db, [session, commitOf(2, [a]), claim, commitOf(4, [b])]));
  expect(replies.map((reply) => reply.id)).toEqual([1, 2, 3, 4]);
  expect(replies[2]?.value).toMatchObject({ jobs: [{ live: { id: a.job.id } }] });
  expect([getJob(db, a.job.id)?.state, getJob(db, b.job.id)?.state]).toEqual(["running", "queued"]);
  expect(listEvents(db, a.job.id, { after: 0, limit: 9 }).map((event) => event.type)).toEqual(["job.submitted", "job.started"]);
});
