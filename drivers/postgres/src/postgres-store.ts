/** Opens a store on PostgreSQL. Several processes may share it: every write is guarded by what is stored. */
import { WindlassError } from "@windlass/kernel";
import type { Clock, Store } from "@windlass/ports";
import { KnownRecords, Turns } from "@windlass/sql";
import { auditStore, roleStore, tokenStore, workspaceStore } from "./access.ts";
import { answerStore } from "./answers.ts";
import { claim } from "./claim-jobs.ts";
import { ClaimedRows } from "./claimed-rows.ts";
import { clockOffset } from "./clock-offset.ts";
import { commitAlone, unblock } from "./commit-jobs.ts";
import { tidy } from "./concurrency-keys.ts";
import { openPool, querierOf, type Querier } from "./connection.ts";
import { deadLetterStore } from "./dead-letters.ts";
import { feedPlaceStore } from "./feed-places.ts";
import { groupCommits } from "./group-commit.ts";
import { threadHeartbeats } from "./heartbeats.ts";
import { inTurn } from "./in-turn.ts";
import { jobQueries } from "./job-queries.ts";
import { jobReads } from "./job-reads.ts";
import { migrate } from "./migrate.ts";
import { MANY_MIN } from "./event-groups.ts";
import { retentionStore } from "./retention.ts";
import { forgetRestore } from "./restore.ts";
import { scheduleStore } from "./schedules.ts";
import { secretStore } from "./secrets.ts";
import { definitionStore, placeStore, queueStore, sessionStore } from "./small-stores.ts";
import { SubmittedRows } from "./submitted-rows.ts";
import { webhookStore } from "./webhooks.ts";
import { DrainedQueues } from "./shared-claims.ts";
import { inTransaction, untilWon } from "./transaction.ts";
import { UsedQueues } from "./used-queues.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; `?options=-csearch_path%3Dname` chooses a schema. */
  readonly url: string;
  readonly clock: Clock;
  /** From so many on, events that are alike are one row (event-groups.ts), and jobs that are submitted together are remembered (submitted-rows.ts). */
  readonly manyMin?: number;
}

/** @throws WindlassError `schema_newer` when the schema was written by a newer Windlass, `unavailable` when it cannot be reached. */
export async function openPostgresStore({ url, clock, manyMin = MANY_MIN }: PostgresOptions): Promise<Store> {
  const pool = openPool(url);
  try {
    await migrate(pool);
    // Whoever works with it has its data folder: what is stored from now on is not what a back-up says (B5 of restore.ts).
    await forgetRestore(url);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const inFlight = new InFlight();
  const db = translated(querierOf(pool), inFlight);
  const nextTurn = inTurn();
  const after: Clock["after"] = (delayMs, callback) => clock.after(delayMs, callback);
  const known = {
    records: new KnownRecords(),
    claimed: new ClaimedRows(),
    submitted: new SubmittedRows(),
    turns: new Turns(),
    drained: new DrainedQueues(),
    used: new UsedQueues(after),
    manyMin,
  };
  const beats = threadHeartbeats(url, clock);
  const { commit, share } = groupCommits((take) => commitAlone(pool, known, take), after);
  let closed: Promise<void> | null = null;
  return {
    jobs: {
      ...jobQueries(db),
      commit: (changes, now) =>
        inFlight.add(() => {
          const committed = commit(changes, now);
          known.used.committing(changes, known.claimed, committed);
          return committed;
        }),
      claim: (request) => inFlight.add(() => claim({ pool, known, nextTurn, share }, request)),
      unblock: (now) => inFlight.add(() => inTransaction(pool, (tx) => unblock(tx, now))),
      tidy: (after, now) => inFlight.add(() => inTransaction(pool, (tx) => tidy(tx, after, now))),
    },
    reads: jobReads(db),
    queues: queueStore(db, pool),
    deadLetters: deadLetterStore(db, pool),
    sessions: sessionStore(db),
    definitions: definitionStore(db, pool),
    retention: retentionStore(db, pool),
    places: placeStore(db),
    workspaces: workspaceStore(db, pool),
    roles: roleStore(db, pool),
    tokens: tokenStore(db, pool),
    audit: auditStore(db),
    secrets: secretStore(db, pool),
    webhooks: webhookStore(db, pool),
    schedules: scheduleStore({ db, pool, known, during: (work) => inFlight.add(work) }),
    answers: answerStore(db),
    feedPlaces: feedPlaceStore(db),
    heartbeats: beats.heartbeats,
    inOrder: false,
    timeOffset: () => clockOffset(() => databaseTime(db), clock),
    ping: async () => void (await db.rows("DELETE FROM leads WHERE chore = ''")),
    close: () => {
      closed ??= inFlight
        .close()
        .then(() => Promise.all([beats.close(), pool.end()]))
        .then(() => {});
      return closed;
    },
  };
}

/** What was asked for and has not been answered: `close` waits for it and lets nothing in behind it. */
class InFlight {
  readonly #open = new Set<Promise<unknown>>();
  #closing = false;

  add<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(new WindlassError("shutting_down", "the store is closed"));
    const running = work();
    const forget = (): void => void this.#open.delete(running);
    this.#open.add(running);
    running.then(forget, forget);
    return running;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.#open);
  }
}

/** What is asked for outside of a transaction. */
function translated(db: Querier, inFlight: InFlight): Querier {
  const guard = <T>(work: () => Promise<T>): Promise<T> => inFlight.add(() => untilWon(work));
  return {
    rows: (sql, values) => guard(() => db.rows(sql, values)),
    once: (sql, values) => guard(() => db.once(sql, values)),
    count: (sql, values) => guard(() => db.count(sql, values)),
    write: (sql, values) => guard(() => db.write(sql, values)),
    demand: (sql, values, count) => guard(() => db.demand(sql, values, count)),
  };
}

async function databaseTime(db: Querier): Promise<number> {
  const [row] = await db.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
  return row?.[0] as number;
}
