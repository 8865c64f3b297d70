/**
 * Random walks on two files: on one, claims are held; on the other they are put into the tables after each transaction. Nobody
 * can tell the difference (H1 of held-claims.ts): the answers are the same, and once what is held was put into the tables the rows
 * are. Whoever reads the table of events as it grows misses none, and sees those of a job in their order (H4).
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_BACKOFF, joinTallies, noTally, type Change, type JobRecord, type LiveJob } from "@windlass/kernel";
import type { Claimed, Committed } from "@windlass/ports";
import { joinSignals, noSignals } from "@windlass/sql";
import { childRecord, failed, jobRecord, nextJobId, settleOf, succeeded, T0 } from "@windlass/testkit";
import { claimedOf, type ClaimedRows } from "./claimed-rows.ts";
import { Database } from "./database.ts";
import { getJob } from "./job-reads.ts";
import type { OperationName } from "./operations.ts";
import { lookAt, runInTurn, type TakesIn } from "./shared-commit.ts";
import { openSession } from "./small-stores.ts";

const RUNS = 100;
const SEED = 33;
/** Ids are made in order; they are given to jobs in another one, so that an older one comes after a younger. */
const IDS = 60;
/** So many jobs are there before, if any. */
const FIRST = 12;

const CHANGES = [
  "submit",
  "submit",
  "submit",
  "submit child",
  "settle",
  "settle",
  "settle",
  "fail",
  "release",
  "defer",
  "wait",
  "resume",
  "due",
  "due",
  "stop",
  "lose",
  "progress",
  "move",
  "expire",
  "stale",
] as const;
const change = fc.record({ act: fc.constantFrom(...CHANGES), pick: fc.nat(30), more: fc.nat(5) });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("commit" as const), changes: fc.array(change, { minLength: 1, maxLength: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("claim" as const), limit: fc.integer({ min: 1, max: 3 }), ahead: fc.nat(2), of: fc.nat(3) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("quick" as const), of: fc.nat(1), urgent: fc.boolean(), ends: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "look" as const,
        "failing" as const,
        "open" as const,
        "written beside" as const,
        "limit" as const,
        "unblock" as const,
      ),
      pick: fc.nat(30),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Doing = Extract<Step, { readonly type: "commit" }>["changes"][number];
const walks: fc.Arbitrary<Walk> = fc.record({
  together: fc.constantFrom(1, 1, 2, 3),
  first: fc.constantFrom(0, FIRST),
  takesIn: fc.constantFrom("always" as const, "where it pays" as const),
  ids: fc.shuffledSubarray([...Array(IDS).keys()], { minLength: IDS }),
  steps: fc.array(step, { minLength: 8, maxLength: 60 }),
});

const RETRY = { limit: 3, on: ["failed", "failed_node_lost"], backoff: DEFAULT_BACKOFF } as const satisfies JobRecord["retry"];

type Asked = readonly [OperationName, ...(readonly unknown[])];

/** One file, with whoever works on it and whoever follows its events. */
class Side {
  readonly #path: string;
  readonly #straight: boolean;
  readonly #takesIn: TakesIn;
  db: Database;
  readonly followed: string[] = [];
  #position = 0;

  /** `empty`: a file that has its tables, with the session that claims. */
  constructor(
    path: string,
    { empty, straight, takesIn }: { readonly empty: string; readonly straight: boolean; readonly takesIn: TakesIn },
  ) {
    copyFileSync(empty, path);
    [this.#path, this.#straight, this.#takesIn] = [path, straight, takesIn];
    this.db = this.#opened();
  }

  #opened(): Database {
    const db = new Database(this.#path);
    db.migrate();
    db.leaveFlushing();
    return db;
  }

  /** All in one transaction. */
  ask(calls: readonly Asked[]): unknown[] {
    const answers = this.db.transaction(() => {
      const group = calls.map(([name, ...values], id) => ({ id, name, values }));
      const replies = runInTurn(this.db, group, this.#takesIn);
      if (this.#straight) this.db.payOff("asked");
      return replies.map(({ value }) => value);
    });
    this.follow();
    return answers.map((value, i) => (calls[i]?.[0] === "claim" ? claimedOf(value as ClaimedRows) : value));
  }

  /** Commits that are carried out together share their signals, and the first one counts for all. */
  static shared(answers: readonly unknown[]): unknown[] {
    const isCommitted = (one: unknown): one is Committed => one !== null && typeof one === "object" && "results" in one;
    const commits = answers.filter(isCommitted);
    return [
      ...answers.map((one) => (isCommitted(one) ? one.results : one)),
      commits.map(({ signals }) => signals).reduce(joinSignals, noSignals),
      commits.map(({ tally }) => tally).reduce(joinTallies, noTally),
    ];
  }

  /** As the reading thread would see the file now. */
  follow(): void {
    for (const [position, job, seq] of this.db.all("SELECT position, job_id, seq FROM events WHERE position > ? ORDER BY position", [
      this.#position,
    ])) {
      this.#position = position as number;
      this.followed.push(`${job} ${seq}`);
    }
  }

  fails(): void {
    try {
      this.db.transaction(() => {
        this.db.payOff("asked");
        throw new Error("disk full");
      });
    } catch {
      // Meant to.
    }
  }

  openAgain(): void {
    this.db.close();
    this.db = this.#opened();
    this.follow();
  }

  writtenBeside(): void {
    const other = new Database(this.#path);
    other.run("UPDATE sessions SET expires_at = expires_at + 1");
    other.close();
  }

  stored(): unknown[] {
    this.db.transaction(() => this.db.payOff("time"));
    this.follow();
    const rows = (table: string, columns = "*"): unknown => this.db.all(`SELECT ${columns} FROM ${table} ORDER BY 1, 2`);
    return [
      ...["jobs", "jobs_live", "job_ends", "attempts", "held_claims", "key_holders", "dead_letters", "rate_buckets", "facts"].map((table) =>
        rows(table),
      ),
      rows("events", "job_id, seq, at, type, attempt, data"),
    ];
  }
}

/** What one change is, of a job as whoever holds it knows it. */
function changeOf(
  { act, pick, more }: Doing,
  { live, now, record }: { live: LiveJob | undefined; now: number; record: (given: Partial<JobRecord>) => JobRecord | null },
): Change[] {
  if (act === "submit") {
    const job = record({
      queue: `q${more % 2}`,
      priority: pick % 5 === 0 ? 1 : 0,
      retry: more < 4 ? RETRY : null,
      ...(pick % 11 === 0 ? { fairnessKey: pick % 2 === 0 ? "a" : "b" } : {}),
      ...(pick % 13 === 0 ? { concurrency: { key: "k", limit: 1 } } : {}),
      ...(pick % 7 === 0 ? { startDeadline: now + 2_000 } : {}),
      ...(pick % 9 === 0 ? { notBefore: now + 500 } : {}),
    });
    return job === null ? [] : [{ type: "submit", job }];
  }
  if (live === undefined) return [];
  const held = { id: live.id, token: live.token };
  switch (act) {
    case "submit child": {
      const job = record({});
      return job === null
        ? []
        : [{ type: "submit", job: childRecord(live, `c${more}`, { id: job.id, queue: `q${more % 2}`, retry: RETRY }) }];
    }
    case "settle":
      return [settleOf(live, succeeded)];
    case "fail":
      return [{ ...settleOf(live, failed), stopped: live.state === "stopping" }];
    case "release":
      return [{ type: "release", ...held }];
    case "defer":
      return [{ type: "defer", ...held, until: now + 200 * more, reason: "deferred" }];
    case "wait":
      return [{ type: "wait", ...held, wait: { for: "completion", tokenHash: "h" }, until: now + 700 }];
    case "resume":
      return [{ type: "resume", id: live.id }];
    case "due":
      return [{ type: "due", id: live.id }];
    case "stop":
      return [{ type: "stop", id: live.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "me", graceMs: 10 }];
    case "lose":
      return [{ type: "lose", ...held, reason: "worker_lost", message: "gone", random: 0.5 }];
    case "progress":
      return [{ type: "progress", ...held, progress: { fraction: more / 5, text: null } }];
    case "move":
      return [{ type: "move", id: live.id, from: `q${pick % 2}`, to: `q${more % 2}`, by: "me" }];
    case "expire":
      return [{ type: "expire", id: live.id }];
    default:
      return [{ ...settleOf(live), by: { type: "holder", token: live.token - 1 } }];
  }
}

const REQUESTS = [
  {},
  { queues: ["q0"] },
  { queues: ["q1", "q0"] },
  { spawner: { runningMax: 50, perWorkspaceMax: null, perWorkflowMax: null } },
];

interface Walk {
  readonly ids: readonly number[];
  readonly steps: readonly Step[];
  /** So many calls share a transaction. */
  readonly together: number;
  /** So many jobs are there before. */
  readonly first: number;
  readonly takesIn: TakesIn;
}

/** How often something lay there when the walk looked, so that the test knows that it tests something. */
interface Seen {
  held: number;
  /** Claims of jobs in the intake, and ends of such. */
  claimed: number;
  ended: number;
}

function walk(sides: readonly [Side, Side], { ids, steps, together, first: jobsBefore }: Walk, seen: Seen): void {
  const [held, straight] = sides;
  const names = Array.from({ length: IDS }, () => nextJobId());
  const record = (given: Partial<JobRecord>): JobRecord | null => {
    const next = names[ids[made] ?? -1];
    made++;
    return next === undefined ? null : jobRecord({ id: next, rootId: next, ...given });
  };
  let [made, now] = [0, T0];
  let recent: readonly string[] = [];
  let waiting: Asked[] = [];
  /** What is asked for together goes with what waits, in one transaction. */
  const both = (...asked: Asked): void => {
    waiting.push(asked);
    if (waiting.length < together) return;
    const calls = waiting;
    waiting = [];
    const [a, b] = sides.map((side) => side.ask(calls));
    expect(Side.shared(a ?? [])).toEqual(Side.shared(b ?? []));
    const claims = (b ?? []).filter((_, i) => calls[i]?.[0] === "claim") as Claimed[];
    recent = [...claims.flatMap(({ jobs }) => jobs.map(({ record: { id } }) => id)), ...recent].slice(0, 5);
  };
  /** Jobs as the tables of the second side have them, which holds nothing. */
  const alive = (): string[] => straight.db.all("SELECT id FROM jobs_live ORDER BY id").map(([id]) => id as string);
  const first = Array.from({ length: jobsBefore }, (_, i) => record({ queue: `q${i % 2}`, retry: i % 3 === 0 ? RETRY : null }));
  if (first.length > 0)
    both(
      "commit",
      first.map((job) => ({ type: "submit", job })),
      now,
    );
  for (const one of steps) {
    // Commits that are carried out together share their time, and those that are taken in do not.
    if (waiting.length === 0) now += 400;
    if (one.type === "commit") {
      const all = alive();
      const changes = one.changes.flatMap((doing) => {
        // Mostly of what was claimed last: of what is held.
        const from = doing.pick % 4 > 0 && doing.act !== "due" && doing.act !== "move" ? recent.filter((id) => all.includes(id)) : all;
        const id = from[doing.pick % Math.max(1, from.length)];
        const live = id === undefined ? undefined : (getJob(straight.db, id)?.live ?? undefined);
        return changeOf(doing, { live, now, record });
      });
      if (changes.length > 0) both("commit", changes, now);
    } else if (one.type === "claim") {
      const request = { executor: "handler", session: "ses_1", place: null, limit: one.limit, ahead: one.ahead, now, ...REQUESTS[one.of] };
      both("claim", request);
    } else if (one.type === "quick") {
      const job = record({ queue: `q${one.of}`, priority: one.urgent ? 1 : 0, retry: RETRY });
      if (job !== null) both("commit", [{ type: "submit", job }], now);
      both("claim", { executor: "handler", session: "ses_1", place: null, limit: 2, now, queues: [`q${one.of}`] });
      const ending = recent.slice(0, one.ends).flatMap((id) => getJob(straight.db, id)?.live ?? []);
      if (ending.length > 0)
        both(
          "commit",
          ending.map((live) => settleOf(live, succeeded)),
          now,
        );
    } else if (one.type === "look") {
      const all = alive();
      const id = all[one.pick % Math.max(1, all.length)] ?? "";
      const [a, b] = sides.map(({ db }) => lookAt(db, "feed", () => getJob(db, id)));
      expect(a).toEqual(b);
    } else if (one.type === "failing") for (const side of sides) side.fails();
    else if (one.type === "open") for (const side of sides) side.openAgain();
    else if (one.type === "written beside") for (const side of sides) side.writtenBeside();
    else if (one.type === "limit")
      both("putQueue", { name: "q1", concurrencyLimit: one.pick % 2 === 0 ? null : 1 + (one.pick % 4), by: "me", now, expected: null });
    else both("unblock", now);
    seen.held += held.db.held.span === null ? 0 : 1;
    seen.claimed += recent.some((id) => held.db.intake.isRunning(held.db, id)) ? 1 : 0;
    seen.ended += held.db.get("SELECT 1 FROM intake WHERE made LIKE '%job_ends%' LIMIT 1") === undefined ? 0 : 1;
  }
  const [a, b] = sides.map((side) => side.stored());
  expect(a).toEqual(b);
  for (const { db, followed } of sides) {
    expect(followed.length).toBe(db.get("SELECT count(*) FROM events")?.[0]);
    const last = new Map<string, number>();
    for (const text of followed) {
      const [job = "", seq = ""] = text.split(" ");
      expect(Number(seq)).toBe((last.get(job) ?? 0) + 1);
      last.set(job, Number(seq));
    }
  }
}

test("random walks come to the same, whether claims are held or not", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-held-walk-"));
  const empty = join(folder, "empty.db");
  const seen: Seen = { held: 0, claimed: 0, ended: 0 };
  let runs = 0;
  try {
    const db = new Database(empty);
    db.migrate();
    openSession(db, { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 + 9 });
    db.close();
    fc.assert(
      fc.property(walks, (given) => {
        const name = `${++runs}`;
        const side = (straight: boolean): Side =>
          new Side(join(folder, `${name}-${straight}.db`), { empty, straight, takesIn: given.takesIn });
        const sides = [side(false), side(true)] as const;
        try {
          walk(sides, given, seen);
        } finally {
          for (const { db } of sides) db.close();
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(seen.held).toBeGreaterThan(RUNS);
  expect(Math.min(seen.claimed, seen.ended)).toBeGreaterThan(RUNS / 4);
});
