/** What `npm run bench` measures, in the order in which it prints. */
import { flushes } from "./ceilings/flushes.ts";
import type { Contender } from "./contenders/contender.ts";
import { windlassEmbedded, windlassPostgres } from "./contenders/windlass-embedded.ts";
import { onQueues, type Row } from "./row.ts";
import { drain } from "./workloads/drain.ts";
import { enqueue, enqueueMany } from "./workloads/enqueue.ts";
import { idleLatency } from "./workloads/idle-latency.ts";
import { processes } from "./workloads/processes.ts";

const queues: readonly Contender[] = [windlassEmbedded, windlassPostgres];
const perSecond = { "": "jobs/s" } as const;

/** Long enough that the start of a worker does not count, short enough for a table in a quarter of an hour. */
const DRAINED = { full: 20_000, quick: 300 } as const;
const ENQUEUE_MS = { full: 1_500, quick: 100 } as const;

export const ROWS: readonly Row[] = [
  {
    id: "enqueue-1",
    title: "enqueue, one after the other",
    units: perSecond,
    ceilings: { "windlass embedded": flushes.name },
    entrants: [
      flushes,
      ...onQueues(queues, async (queue, scale) => ({ "": await enqueue(queue, { inFlight: 1, forMs: ENQUEUE_MS[scale] }) })),
    ],
  },
  {
    id: "enqueue-50",
    title: "enqueue, 50 in flight",
    units: perSecond,
    entrants: onQueues(queues, async (queue, scale) => ({ "": await enqueue(queue, { inFlight: 50, forMs: ENQUEUE_MS[scale] }) })),
  },
  {
    id: "enqueue-batch",
    title: "enqueue in batches of 1,000",
    units: perSecond,
    entrants: onQueues(queues, async (queue, scale) => ({ "": await enqueueMany(queue, { count: DRAINED[scale] }) })),
  },
  ...[10, 100].map((concurrency) => ({
    id: `drain-${concurrency}`,
    title: `drain of no-op handlers, concurrency ${concurrency}`,
    units: perSecond,
    entrants: onQueues(queues, async (queue, scale) => {
      const count = DRAINED[scale];
      await queue.enqueueMany(count);
      return { "": await drain(queue, { count, concurrency }) };
    }),
  })),
  {
    id: "latency",
    title: "enqueue to start when idle",
    units: { p50: "ms", p99: "ms" },
    entrants: onQueues(queues, (queue, scale) =>
      idleLatency(queue, scale === "full" ? { count: 300, limitMs: 5_000 } : { count: 10, limitMs: 1_500 }),
    ),
  },
  { id: "processes", title: "processes, /bin/true, 16 at once", units: perSecond, entrants: [processes] },
];
