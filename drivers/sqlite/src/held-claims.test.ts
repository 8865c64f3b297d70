import { describe, expect, test } from "vitest";
import { DEFAULT_BACKOFF, RUNNERS_QUEUE, type JobRecord, type LiveJob } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import { stateOfQueue } from "./claim-jobs.ts";
import type { Database } from "./database.ts";
import { listEvents } from "./job-reads.ts";
import { asked, claim, commit, idsOf, jobs, lies, put, rowsOf, settle, stored, straight, submit, testFiles } from "./held-fixture.ts";
import { lookAt, runInTurn } from "./shared-commit.ts";

const { database } = testFiles();

describe("jobs of a claim that is held", () => {
  test("have the answers and the rows that they would have had at once, however they go on", () => {
    const made = [...jobs(3), ...jobs(3, { retry: { limit: 2, on: ["failed"], backoff: DEFAULT_BACKOFF } }), ...jobs(2)];
    const story = (db: Database): unknown[] => {
      const said: unknown[] = [submit(db, ...made)];
      const claimed = claim(db);
      const [a, b, c, d, e, f, g] = claimed as [LiveJob, LiveJob, LiveJob, LiveJob, LiveJob, LiveJob, LiveJob];
      said.push(claimed, commit(db, [settle(a), settle(d, "failed")], T0 + 1));
      said.push(
        commit(db, [settle(b, "failed"), { type: "progress", id: e.id, token: e.token, progress: { fraction: 0.5, text: null } }], T0 + 2),
      );
      const stop = { type: "stop", stopFor: "cancelled", reason: "cancel_requested", message: null, by: "me", graceMs: 5 } as const;
      said.push(commit(db, [settle(a), { ...stop, id: c.id }, settle(f)], T0 + 3), commit(db, [{ ...stop, id: g.id }, settle(g)], T0 + 4));
      return said;
    };
    const [at, later, reread] = [straight(database("a.db")), database("b.db"), database("c.db")];
    const said = story(at);
    expect([story(later), story(reread)]).toEqual([said, said]);
    expect([lies(at), lies(later)]).toEqual([0, 1]);
    reread.held.forget();
    for (const db of [later, reread]) {
      put(db);
      expect(stored(db)).toEqual(stored(at));
    }
  });

  test("are seen as they are by whoever looks", () => {
    const db = database();
    submit(db, ...jobs(2));
    const [first] = claim(db);
    expect([lies(db), rowsOf(db, "jobs_live", "state")]).toEqual([1, [["queued"], ["queued"]]]);
    const events = lookAt(db, "listEvents", () => listEvents(db, first?.id ?? "", { after: 0, limit: 9 }));
    expect(events.map(({ type }) => type)).toEqual(["job.submitted", "job.started"]);
    expect([lies(db), rowsOf(db, "jobs_live", "state")]).toEqual([0, [["running"], ["running"]]]);
  });

  test("have left nothing in the way of those that end: neither a row of their claim nor one of theirs", () => {
    const db = database();
    submit(db, ...jobs(4));
    const [a, b, ...rest] = [...claim(db, { limit: 3 }), ...claim(db)] as [LiveJob, LiveJob, ...LiveJob[]];
    commit(db, [settle(a), settle(b)]);
    expect([lies(db), db.held.span]).toEqual([2, { oldest: 1, newest: 2 }]);
    commit(
      db,
      rest.map((live) => settle(live)),
    );
    expect([lies(db), db.held.mayHold, rowsOf(db, "jobs_live"), rowsOf(db, "job_ends", "state").length]).toEqual([0, false, [], 4]);
  });

  test("are lost with the transaction that failed, and known again after one that failed later", () => {
    const db = database();
    submit(db, ...jobs(2));
    const failing = (work: () => void): void =>
      expect(() =>
        db.transaction(() => {
          work();
          throw new Error("disk full");
        }),
      ).toThrow("disk full");
    const request = { executor: "handler", session: "ses_1", place: null, limit: 10, now: T0 };
    failing(() => runInTurn(db, [{ id: 1, name: "claim", values: [request] }], "where it pays"));
    const claimed = claim(db);
    expect(claimed.map(({ attempt }) => attempt)).toEqual([1, 1]);
    failing(() => runInTurn(db, [{ id: 1, name: "commit", values: [claimed.map((live) => settle(live)), T0] }], "where it pays"));
    expect(claim(db)).toEqual([]);
    commit(
      db,
      claimed.map((live) => settle(live)),
    );
    expect(rowsOf(db, "job_ends", "state")).toEqual([["succeeded"], ["succeeded"]]);
  });
});

describe("a claim behind those that are held", () => {
  test("finds what waits behind them, once", () => {
    const db = database();
    const made = jobs(6);
    submit(db, ...made);
    const claimed = [claim(db, { limit: 2 }), claim(db, { limit: 3 }), claim(db), claim(db)].map(idsOf);
    expect(claimed.map(({ length }) => length)).toEqual([2, 3, 1, 0]);
    expect([claimed.flat(), lies(db)]).toEqual([idsOf(made), 3]);
  });

  test("finds what has got in before them: what is more urgent, what has come back, what is older", () => {
    const [older, ...made] = jobs(3) as [JobRecord, ...JobRecord[]];
    const urgent = jobRecord({ priority: 5 });
    const again = jobRecord({ retry: { limit: 1, on: ["failed"], backoff: DEFAULT_BACKOFF } });
    for (const comes of [urgent, older]) {
      const db = database(`${comes.id}.db`);
      submit(db, ...made);
      claim(db, { limit: 1 });
      submit(db, comes);
      expect([claim(db, { limit: 1 }), claim(db)].map(idsOf)).toEqual([[comes.id], [made[1]?.id]]);
    }
    const db = database();
    submit(db, again, ...made);
    const [first] = claim(db, { limit: 2 });
    commit(db, [settle(first as LiveJob, "failed")]);
    commit(db, [{ type: "due", id: again.id }], T0 + 10_000);
    expect(idsOf(claim(db, { limit: 1, now: T0 + 10_000 }))).toEqual([again.id]);
  });

  test("goes on with lower priorities, other keys and other queues in the order of a claim that sees them all", () => {
    const made = [
      ...jobs(3, { priority: 2 }),
      ...jobs(2, { priority: 2, fairnessKey: "b" }),
      ...jobs(2, { priority: 2, fairnessKey: "a" }),
      ...jobs(3),
      ...jobs(2, { queue: "mail" }),
    ];
    const order = (db: Database, some: readonly JobRecord[]): string[][] => {
      submit(db, ...some);
      return Array.from({ length: 8 }, () => idsOf(claim(db, { limit: 2 })));
    };
    const plain = made.filter(({ fairnessKey, queue }) => fairnessKey === "" && queue === "default");
    expect(order(database("a.db"), made)).toEqual(order(straight(database("b.db")), made));
    expect(order(database("c.db"), plain)).toEqual(order(straight(database("d.db")), plain));
  });

  test("counts them where a limit comes later, and holds nothing there", () => {
    const db = database();
    submit(db, ...jobs(5), ...jobs(2, { queue: RUNNERS_QUEUE }));
    claim(db, { queues: [RUNNERS_QUEUE] });
    const spawner = { runningMax: null, perWorkspaceMax: 3, perWorkflowMax: null };
    db.transaction(() => expect(stateOfQueue(db, RUNNERS_QUEUE, { fairnessKey: "", spawner }).running).toBe(2));
    asked(db, "putQueue", { name: "default", concurrencyLimit: 3, by: "me", now: T0, expected: null });
    const limits = [1, 1, 5, 5].map((limit) => [claim(db, { queues: ["default"], limit }).length, lies(db)]);
    expect(limits).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 0],
    ]);
  });

  test("goes by what is held, not by what is remembered of the tables", () => {
    const db = database();
    submit(db, ...jobs(2));
    const claimed = claim(db);
    db.hot.forget();
    commit(
      db,
      claimed.map((live) => settle(live)),
    );
    expect(rowsOf(db, "job_ends", "state")).toEqual([["succeeded"], ["succeeded"]]);
  });
});

test("the services' own looks and what has nothing to do with jobs leave them held", () => {
  const db = database();
  submit(db, ...jobs(2));
  claim(db);
  asked(db, "beat", ["ses_1"], T0 + 99);
  asked(db, "unblock", T0);
  lookAt(db, "due", () => {});
  expect(lies(db)).toBe(1);
  lookAt(db, "stateOfQueue", () => {});
  expect(lies(db)).toBe(0);
});

test("what hangs on something else goes straight", () => {
  const others: readonly Partial<JobRecord>[] = [
    { concurrency: { key: "k", limit: 1 } },
    { fairnessKey: "a" },
    { startDeadline: T0 + 99 },
    { timeoutMs: 99 },
    { executor: "process", spec: { command: ["true"] } },
  ];
  for (const [i, given] of others.entries()) {
    const db = database(`${i}.db`);
    submit(db, jobRecord(given));
    expect(claim(db, { executor: given.executor ?? "handler", place: "p" }).length).toBe(1);
    expect([lies(db), rowsOf(db, "jobs_live", "state")]).toEqual([0, [["running"]]]);
  }
});

test("where most were held in vain, claims go straight for a while", () => {
  const db = database();
  submit(db, ...jobs(12));
  claim(db, { limit: 1 });
  put(db);
  const held = Array.from({ length: 9 }, () => {
    claim(db, { limit: 1 });
    return db.held.mayHold;
  });
  expect(held).toEqual([...Array.from({ length: 8 }, () => false), true]);
});

test("a row that no Windlass has written stops everything, and says which one it is", () => {
  const db = database();
  const events = { count: 0, columns: [] };
  for (const claimed of ["{}", JSON.stringify({ changes: [{ columns: "state = 1; x = ?", values: [1], ids: ["a"] }], events })]) {
    db.run("DELETE FROM held_claims");
    db.run("INSERT INTO held_claims (number, claimed) VALUES (7, ?)", [claimed]);
    db.held.forget();
    expect(() => put(db)).toThrow(/^row 7 of the table held_claims cannot be put into the tables: /u);
  }
});
