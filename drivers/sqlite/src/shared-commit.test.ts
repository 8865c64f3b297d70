import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Change } from "@windlass/kernel";
import type { ClaimRequest, Committed } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { claimedOf, type ClaimedRows } from "./claimed-rows.ts";
import { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { due } from "./job-queries.ts";
import { feed, getJob, listEvents } from "./job-reads.ts";
import { lookAt, runInTurn } from "./shared-commit.ts";

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
const claimedIds = (value: unknown): string[] => claimedOf(value as ClaimedRows).jobs.map(({ live }) => live.id);
const inTurn = (...calls: Call[]): Committed[] =>
  db.transaction(() => runInTurn(db, calls, "where it pays")).map((reply) => reply.value as Committed);

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
  const replies = db.transaction(() => runInTurn(db, [session, commitOf(2, [a]), claim, commitOf(4, [b])], "where it pays"));
  expect(replies.map((reply) => reply.id)).toEqual([1, 2, 3, 4]);
  expect(claimedIds(replies[2]?.value)).toEqual([a.job.id]);
  lookAt(db, "getJob", () => {
    expect([getJob(db, a.job.id)?.state, getJob(db, b.job.id)?.state]).toEqual(["running", "queued"]);
    expect(listEvents(db, a.job.id, { after: 0, limit: 9 }).map((event) => event.type)).toEqual(["job.submitted", "job.started"]);
  });
});

describe("a single submit", () => {
  const lies = (): number => db.get("SELECT count(*) FROM intake")?.[0] as number;
  const session = { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 } as const;
  const claim = (id: number): Call => ({
    id,
    name: "claim",
    values: [{ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 }],
  });
  beforeEach(() => void inTurn({ id: 0, name: "openSession", values: [session] }));

  test("is taken in, and is there for whatever is asked next", () => {
    const [a, b] = [submit(), submit({ notBefore: T0 + 5 })];
    expect(inTurn(commitOf(1, [a]))[0]?.results).toEqual([{ ok: true, id: a.job.id, created: true }]);
    inTurn(commitOf(2, [b]));
    expect([lies(), getJob(db, a.job.id)]).toEqual([2, null]);
    expect(lookAt(db, "due", () => due(db, T0 + 5, 9))).toMatchObject([{ id: b.job.id }]);
    expect([lies(), getJob(db, a.job.id)?.record]).toEqual([0, a.job]);
  });

  test("is claimed by the claim that follows it, and nobody's place in the order is taken", () => {
    const [a, b] = [submit(), submit()];
    inTurn(commitOf(1, [a]));
    const [, claimed] = db.transaction(() => [...runInTurn(db, [commitOf(2, [b])], "always"), ...runInTurn(db, [claim(3)], "always")]);
    expect(claimedIds(claimed?.value)).toEqual([a.job.id]);
    expect(lookAt(db, "feed", () => feed(db, "", 9)).map(({ event }) => [event.jobId, event.type])).toEqual([
      [a.job.id, "job.submitted"],
      [b.job.id, "job.submitted"],
      [a.job.id, "job.started"],
    ]);
  });

  test("goes straight where somebody waits for it who cannot claim it where it lies", () => {
    const outside = (id: number): Call => ({ ...claim(id), values: [{ ...(claim(id).values[0] as ClaimRequest), executor: "process" }] });
    const job = { executor: "process", kind: "task" } as const;
    inTurn(outside(1));
    inTurn(commitOf(2, [submit(job)]));
    expect(lies()).toBe(0);
    inTurn(outside(3));
    inTurn(commitOf(4, [submit(job)]));
    expect(lies()).toBe(1);
  });

  test("stays where it lies while something is written that has nothing of jobs, and the next one comes there, too", () => {
    const entry = { id: "aud_1", at: T0, workspace: "default", actorId: "tok_1", actorName: "ci", operation: "jobs.submit" };
    const audit: Call = { id: 2, name: "addAudit", values: [[{ ...entry, object: null, outcome: "ok", requestId: "req_1" }]] };
    inTurn(commitOf(1, [submit()]));
    inTurn(audit);
    lookAt(db, "nextDueSchedule", () => null);
    expect([lies(), db.get("SELECT count(*) FROM audit")?.[0]]).toEqual([1, 1]);
    inTurn(commitOf(3, [submit()]));
    expect(lies()).toBe(2);
  });

  test("under a key that was used meanwhile makes no second job", () => {
    const key = { idempotencyKey: "k", requestHash: "h" };
    const [first] = inTurn(commitOf(1, [submit(key)]));
    expect(lies()).toBe(1);
    const [second] = inTurn(commitOf(2, [submit(key)]));
    expect(second?.results).toEqual([{ ok: true, id: first?.results[0]?.id, created: false }]);
    const [other] = inTurn(commitOf(3, [submit({ ...key, requestHash: "other" })]));
    expect(other?.results).toMatchObject([{ ok: false, refusal: { code: "idempotency_mismatch" } }]);
  });

  test("is seen also while it cannot be put into its tables, and is there once it can", () => {
    const { job } = submit();
    inTurn(commitOf(1, [{ type: "submit", job }]));
    // A COMMIT with such a job fails, as on a full disk.
    db.run("CREATE TABLE none (id INTEGER PRIMARY KEY)");
    db.run("CREATE TABLE broken (id INTEGER REFERENCES none (id) DEFERRABLE INITIALLY DEFERRED)");
    db.run("CREATE TRIGGER full AFTER INSERT ON jobs BEGIN INSERT INTO broken VALUES (1); END");
    expect(() => inTurn(claim(2))).toThrow(/FOREIGN KEY/u);
    for (let i = 0; i < 2; i++) expect(lookAt(db, "getJob", () => getJob(db, job.id)?.record)).toEqual(job);
    expect([lies(), getJob(db, job.id)]).toEqual([1, null]);
    db.run("DROP TRIGGER full");
    expect(claimedIds(inTurn(claim(3))[0])).toEqual([job.id]);
  });
});
