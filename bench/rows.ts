/** What `npm run bench` measures, in the order in which it prints. What each row means: docs/performance.md. */
import { flushes } from "./ceilings/flushes.ts";
import { groupInserts } from "./ceilings/group-inserts.ts";
import { httpFlushes, httpGroups, httpRow, httpRows } from "./ceilings/http-flushes.ts";
import { keptDrain } from "./ceilings/kept-drains.ts";
import { leanPostgres, leanSqlite } from "./ceilings/lean-drains.ts";
import { postgresCommits } from "./ceilings/postgres-commits.ts";
import { postgresRows } from "./ceilings/postgres-rows.ts";
import { spawns } from "./ceilings/spawns.ts";
import { bullmq } from "./contenders/bullmq.ts";
import { BATCH, type Contender } from "./contenders/contender.ts";
import { graphileWorker } from "./contenders/graphile-worker.ts";
import { pgBoss } from "./contenders/pg-boss.ts";
import { windlassEmbedded, windlassPostgres } from "./contenders/windlass-embedded.ts";
import { windlassHttp } from "./contenders/windlass-http.ts";
import { onQueues, type Entrant, type Row } from "./row.ts";
import { drain } from "./workloads/drain.ts";
import { enqueue, enqueueMany } from "./workloads/enqueue.ts";
import { fanOut } from "./workloads/fan-out.ts";
import { idleServer } from "./workloads/idle-cpu.ts";
import { idleLatency } from "./workloads/idle-latency.ts";
import { processes } from "./workloads/processes.ts";
import { restart } from "./workloads/restart.ts";

const queues: readonly Contender[] = [windlassEmbedded, windlassPostgres, windlassHttp, bullmq, graphileWorker, pgBoss];
/** Those that serve tenants in turn. */
const ours: readonly Contender[] = [windlassEmbedded, windlassPostgres, windlassHttp];
const perSecond = { "": "jobs/s" } as const;

/** Long enough that the start of a worker does not count, short enough for a table in a quarter of an hour. */
const DRAINED = { full: 20_000, quick: 300 } as const;
const TENANTS = 100;
/** So many jobs a worker claims at once when its handlers do nothing (decision 0012, 3). */
const READ_AHEAD = 500;
/** Servers run for days: nobody is to be measured while his program is being compiled, which takes some thousand calls. */
const ENQUEUE = { full: { warmUpMs: 6_000, forMs: 1_500 }, quick: { warmUpMs: 100, forMs: 100 } } as const;
const LATENCY = { full: { count: 1_000, limitMs: 10_000 }, quick: { count: 10, limitMs: 1_500 } } as const;

export const ROWS: readonly Row[] = [
  enqueueRow(
    { id: "enqueue-1", title: "enqueue, one after the other", inFlight: 1 },
    {
      sqlite: flushes,
      postgres: postgresCommits(1),
      http: httpFlushes(ENQUEUE),
      more: [httpRow(ENQUEUE), httpRows(ENQUEUE), groupInserts(1)],
    },
  ),
  enqueueRow(
    { id: "enqueue-50", title: "enqueue, 50 in flight", inFlight: 50 },
    { sqlite: groupInserts(50), postgres: postgresCommits(50), http: httpGroups(ENQUEUE, 50) },
  ),
  {
    id: "enqueue-batch",
    title: "enqueue in batches of 1,000",
    units: perSecond,
    entrants: [
      groupInserts(BATCH),
      postgresRows,
      ...onQueues(queues, async (queue, scale) => {
        const count = DRAINED[scale];
        // As before the other rows of enqueues, so that nobody's first calls are what is measured.
        await queue.enqueueMany(count);
        return { "": await enqueueMany(queue, { count }) };
      }),
    ],
    ceilings: ceilingsOf({ sqlite: groupInserts(BATCH), postgres: postgresRows }),
  },
  drainRow({ id: "drain-10", concurrency: 10, contenders: queues }),
  drainRow({ id: "drain-100", concurrency: 100, contenders: queues }),
  drainRow({ id: "drain-tenants", concurrency: 10, contenders: ours, tenants: TENANTS }),
  {
    id: "latency",
    title: "enqueue to start when idle",
    units: { p50: "ms", p99: "ms" },
    entrants: onQueues(queues, (queue, scale) => idleLatency(queue, LATENCY[scale])),
  },
  { id: "processes", title: "processes, /bin/true, 16 at once", units: perSecond, entrants: [processes, spawns] },
  {
    id: "fan-out",
    title: "events to 200 listeners",
    units: { delivered: "events/s", p99: "ms", memory: "MB more", "told to read again": "listeners" },
    entrants: [fanOut],
  },
  { id: "restart", title: "start with 10,000 jobs queued", units: { "first start": "ms", "last start": "ms" }, entrants: [restart] },
  { id: "idle", title: "a server with nothing to do", units: { "of a core": "%", memory: "MB" }, entrants: [idleServer(0), idleServer(5)] },
];

/** What Windlass is compared with on SQLite, on PostgreSQL, and over HTTP (as on SQLite when left out); the rest is for looking at. */
interface Ceilings {
  readonly sqlite: Entrant;
  readonly postgres: Entrant;
  readonly http?: Entrant;
  readonly more?: readonly Entrant[];
}

function entrantsOf({ sqlite, postgres, http, more = [] }: Ceilings): readonly Entrant[] {
  return [sqlite, postgres, ...(http === undefined ? [] : [http]), ...more];
}

function ceilingsOf({ sqlite, postgres, http = sqlite }: Ceilings): Readonly<Record<string, string>> {
  return { [windlassEmbedded.name]: sqlite.name, [windlassHttp.name]: http.name, [windlassPostgres.name]: postgres.name };
}

function enqueueRow(
  { id, title, inFlight }: { readonly id: string; readonly title: string; readonly inFlight: number },
  ceilings: Ceilings,
): Row {
  const contenders = onQueues(queues, async (queue, scale) => ({
    "": (await enqueue(queue, { inFlight, ...ENQUEUE[scale] })).perSecond,
  }));
  return { id, title, units: perSecond, entrants: [...entrantsOf(ceilings), ...contenders], ceilings: ceilingsOf(ceilings) };
}

interface Draining {
  readonly id: string;
  readonly concurrency: number;
  readonly contenders: readonly Contender[];
  /** Left out: the jobs are nobody's. */
  readonly tenants?: number;
}

function drainRow({ id, concurrency, contenders, tenants }: Draining): Row {
  const ceilings = { sqlite: keptDrain(READ_AHEAD), postgres: leanPostgres(concurrency), more: [leanSqlite(concurrency)] };
  const drained = onQueues(contenders, async (queue, scale) => {
    const count = DRAINED[scale];
    // As with enqueues: a worker has compiled its way long ago.
    await queue.enqueueMany(count, tenants);
    await drain(queue, { count, concurrency });
    await queue.enqueueMany(count, tenants);
    return { "": await drain(queue, { count, concurrency }) };
  });
  return {
    id,
    title: `drain of no-op handlers, concurrency ${concurrency}${tenants === undefined ? "" : `, ${tenants} tenants in turn`}`,
    units: perSecond,
    entrants: [...entrantsOf(ceilings), ...drained],
    ceilings: ceilingsOf(ceilings),
  };
}
