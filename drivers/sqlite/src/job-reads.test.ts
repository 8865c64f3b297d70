/** Reads of several statements, between which the writer commits. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seconds, type JobRecord, type LiveJob, type RetryPolicy } from "@windlass/kernel";
import { failed, jobRecord, settleOf, T0 } from "@windlass/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claim } from "./claim-jobs.ts";
import { claimedOf } from "./claimed-rows.ts";
import { commit } from "./commit-jobs.ts";
import { Database } from "./database.ts";
import { listAttempts } from "./job-reads.ts";
import { openSession } from "./small-stores.ts";

let folder: string;
let writer: Database;
let reader: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-sqlite-"));
  const path = join(folder, "windlass.db");
  writer = new Database(path);
  writer.migrate();
  reader = new Database(path, { readOnly: true });
});
afterEach(() => {
  reader.close();
  writer.close();
  rmSync(folder, { recursive: true });
});

/** The reader, with what the writer does right before its statement with this number. */
function interrupted(statement: number, work: () => void): Pick<Database, "get" | "all"> {
  let done = 0;
  const next = (): void => {
    if (++done === statement) work();
  };
  return {
    get: (sql, values) => {
      next();
      return reader.get(sql, values);
    },
    all: (sql, values) => {
      next();
      return reader.all(sql, values);
    },
  };
}

const AGAIN: RetryPolicy = { limit: 1, on: ["failed"], backoff: { initial: seconds(1), factor: 1, max: seconds(1), jitter: 0 } };

function claimed(now: number): LiveJob {
  const [job] = claimedOf(claim(writer, { executor: "handler", session: "ses_1", place: null, limit: 1, now })).jobs;
  if (job === undefined) throw new Error("nothing was claimed");
  return job.live;
}

function begun(job: JobRecord): LiveJob {
  return writer.transaction(() => {
    openSession(writer, { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 + 60_000 });
    commit(writer, [{ type: "submit", job }], T0);
    const live = claimed(T0);
    // What is held stands in no table yet.
    writer.payOff("asked");
    return live;
  });
}

test.each([1, 2, 3])("an attempt that ends before statement %i of a read of all attempts is in the answer, once", (statement) => {
  const job = jobRecord();
  const live = begun(job);
  const end = (): void => void writer.transaction(() => commit(writer, [settleOf(live)], T0 + 1));
  expect(listAttempts(interrupted(statement, end) as Database, job.id).map(({ number }) => number)).toEqual([1]);
});

test("of one that ends while the next begins and ends the order is kept", () => {
  const job = jobRecord({ retry: AGAIN });
  const live = begun(job);
  const endBoth = (): void =>
    writer.transaction(() => {
      commit(writer, [settleOf(live, failed)], T0 + 1);
      commit(writer, [{ type: "due", id: job.id }], T0 + 10_000);
      commit(writer, [settleOf(claimed(T0 + 10_000))], T0 + 10_001);
    });
  expect(listAttempts(interrupted(3, endBoth) as Database, job.id).map(({ number }) => number)).toEqual([1, 2]);
});
